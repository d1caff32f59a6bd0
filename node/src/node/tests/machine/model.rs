//! What the model knows.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::words::{ClaimId, Digest, Field, QueryId};

use super::record;

/// SplitMix64 [Steele, Lea, Flood, OOPSLA 2014].
pub(super) struct Draw(pub(super) u64);

impl Draw {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    pub(super) fn one<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { Some(of[self.below(of.len())].clone()) }
    }
}

/// A person, as the model knows it.
#[derive(Clone, Copy)]
pub(super) struct Person {
    pub(super) present: bool,
    pub(super) minor: bool,
    pub(super) contested: bool,
}

impl Person {
    /// Whether it takes part for the purpose of these queries.
    pub(super) fn takes_part(self) -> bool {
        self.present && !self.minor
    }

    /// Whether its fields may be released at all.
    pub(super) fn may_be_told(self) -> bool {
        self.takes_part() && !self.contested
    }

    pub(super) fn line(self, i: u32) -> String {
        let mut record: serde_json::Value = serde_json::from_str(&record(i, false)).unwrap();
        record["fields"] =
            serde_json::json!({ "name": format!("Name {i}"), "place": "Place", "note": "Note" });
        record["subject"]["age"] = if self.minor { "minor" } else { "adult" }.into();
        record["subject"]["contested"] = self.contested.into();
        record.to_string() + "\n"
    }
}

pub(super) struct Asked {
    pub(super) people: Vec<u32>,
    pub(super) took_part: BTreeSet<u32>,
    /// The last word about each item.
    pub(super) judged: BTreeMap<u32, bool>,
}

pub(super) struct Claimed {
    pub(super) digest: Digest,
    /// Of which query which item.
    pub(super) hit: (QueryId, u32),
    pub(super) person: u32,
    /// Fields with what they need; nothing if the claim found nobody.
    pub(super) fields: Vec<(Field, u8)>,
    pub(super) approved: Vec<&'static str>,
    pub(super) stopped: bool,
    pub(super) end: Option<&'static str>,
    pub(super) releases: Vec<BTreeSet<Field>>,
    /// Which of them the asker has.
    pub(super) collected: BTreeSet<usize>,
}

impl Claimed {
    pub(super) fn needs(&self) -> Option<u8> {
        self.fields.iter().map(|(_, needs)| *needs).max()
    }

    /// What was approved when it could not leave, and may now: a release for each number of persons.
    pub(super) fn release_rest(&mut self) {
        for persons in 0..=self.approved.len() as u8 {
            let due = self.fields.iter().filter(|(_, needs)| *needs == persons).map(|(field, _)| *field);
            let missing: BTreeSet<Field> =
                due.filter(|field| !self.releases.iter().any(|made| made.contains(field))).collect();
            if !missing.is_empty() {
                self.releases.push(missing);
            }
        }
    }
}

pub(super) struct Model {
    pub(super) people: BTreeMap<u32, Person>,
    /// Who is in the snapshot that is there, if one is.
    pub(super) snapshot: Option<BTreeSet<u32>>,
    pub(super) spent: u64,
    pub(super) revoked: bool,
    pub(super) asked: BTreeMap<QueryId, Asked>,
    pub(super) claims: BTreeMap<ClaimId, Claimed>,
    /// In the order they came: ids are drawn at random, and a sequence must not depend on them.
    pub(super) queries: Vec<QueryId>,
    pub(super) cases: Vec<ClaimId>,
    /// What came of steps, so that it can be seen that all of it comes up.
    pub(super) seen: BTreeSet<&'static str>,
}
