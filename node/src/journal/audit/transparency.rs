//! The transparency export: what a supervisor of data protection gets of a period, in one signed file.
//!
//! It holds the log, the statistics made from it, the agreements in full, and the checkpoint of the whole journal
//! with what partners countersigned and the proofs that it continues that [RFC 6962, section 2.1.2]. The agency
//! signs all of it. Whoever has the agency's key checks it without the node; that each line is in the journal
//! shows the journal's export, whose root is the same.
//!
//! It tells what the journal tells: no identifier, no field, no answer.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::Agreement,
    signing::{self, Document, PublicKey, Signature, Signer},
    words::{AgencyCode, Digest},
};

use super::evidence::Problem;
use crate::journal::{
    Checkpoint, Event, Tree, checkpoint,
    log::{Collector, Log, Period, Statistics},
    tree,
};

/// A partner's word for a part of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Countersigned {
    /// Which partner.
    pub partner: AgencyCode,
    /// The newest note that it countersigned.
    pub note: String,
    /// That the journal of the checkpoint continues the one of the note.
    pub proof: Vec<Digest>,
}

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The version of this form.
    pub version: u32,
    /// The log of the period.
    pub log: Log,
    /// Its statistics, with small counts left out: this part may be published.
    pub statistics: Statistics,
    /// The agreements of the log, with both signatures.
    pub agreements: Vec<Agreement>,
    /// The signed note over the whole journal as it was read.
    pub checkpoint: String,
    /// What partners countersigned.
    pub countersigned: Vec<Countersigned>,
}

impl Document for Account {
    const LABEL: &'static str = "symbolon/transparency/1";
}

/// The file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transparency {
    /// What is signed.
    pub account: Account,
    /// The agency's agreement key.
    pub key: PublicKey,
    /// By that key.
    pub signature: Signature,
}

const VERSION: u32 = 1;

/// Reads what an account needs beside the log.
pub struct Gathering {
    collector: Collector,
    tree: Tree,
    agreements: Vec<Agreement>,
    notes: BTreeMap<AgencyCode, (u64, String)>,
}

impl Gathering {
    /// For one period.
    pub fn new(period: Period) -> Self {
        Self {
            collector: Collector::new(period),
            tree: Tree::default(),
            agreements: Vec::new(),
            notes: BTreeMap::new(),
        }
    }

    /// Takes the next entry.
    pub fn take(&mut self, entry: &crate::journal::Entry, digest: &Digest) {
        self.collector.take(entry);
        self.tree.push(digest);
        match &entry.event {
            Event::AgreementAccepted { agreement } => self.agreements.push((**agreement).clone()),
            Event::CheckpointCountersigned { partner, note } => {
                if let Ok(checkpoint) = Checkpoint::read(note) {
                    self.notes.insert(partner.clone(), (checkpoint.size, note.clone()));
                }
            }
            _ => {}
        }
    }

    /// Signs the account. `None` if the entries had no beginning, or something has no canonical form.
    pub fn sign(self, audited: &super::Report, smallest: u64, signer: &dyn Signer) -> Option<Transparency> {
        let Self { collector, tree, agreements, notes } = self;
        let log = collector.finish(audited)?;
        let statistics = Statistics::of(&log, smallest);
        let mut wanted: BTreeSet<_> = log.agreements.iter().map(|line| line.agreement).collect();
        let agreements = agreements.into_iter().filter(|a| a.id().is_ok_and(|id| wanted.remove(&id)));
        let checkpoint = Checkpoint::sign(&log.agency, tree.size(), tree.root(), signer);
        let countersigned = notes.into_iter().filter_map(|(partner, (size, note))| {
            let proof = tree.proof(size, tree.size())?;
            Some(Countersigned { partner, note, proof })
        });
        let account = Account {
            version: VERSION,
            statistics,
            agreements: agreements.collect(),
            checkpoint,
            countersigned: countersigned.collect(),
            log,
        };
        let signature = signing::sign(&account, signer).ok()?;
        Some(Transparency { account, key: signer.public(), signature })
    }
}

/// What does not stand in a transparency export; nothing if all does. `known` are keys that whoever checks has
/// from elsewhere.
pub fn check(file: &Transparency, known: &BTreeMap<AgencyCode, PublicKey>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |at: &str, what: &dyn std::fmt::Display| {
        problems.push(Problem { at: at.to_owned(), what: what.to_string() });
    };
    let Transparency { account, key, signature } = file;
    let log = &account.log;
    if account.version != VERSION {
        problem("account.version", &"it is of another version than this program reads");
    }
    if let Err(error) = signing::verify(account, key, signature) {
        problem("signature", &error);
    }
    let mut keys: BTreeMap<AgencyCode, BTreeSet<PublicKey>> = BTreeMap::new();
    for (place, agreement) in account.agreements.iter().enumerate() {
        if let Err(error) = agreement.verify() {
            problem(&format!("account.agreements[{place}]"), &error);
        }
        for party in &agreement.terms.parties {
            keys.entry(party.code.clone()).or_default().insert(party.key);
        }
    }
    let listed = log.agreements.iter().map(|line| line.agreement);
    let there = account.agreements.iter().filter_map(|agreement| agreement.id().ok());
    if !listed.eq(there) {
        problem("account.agreements", &"they are not those of the log");
    }
    for (code, known) in known {
        if keys.get(code).is_some_and(|keys| !keys.contains(known)) {
            problem("account.agreements", &format!("no agreement names the key of {code} that is known"));
        }
    }
    let own = known.get(&log.agency).is_some_and(|known| known != key)
        || keys.get(&log.agency).is_some_and(|keys| !keys.contains(key));
    if own {
        problem("key", &format!("it is not the key of {}", log.agency));
    }
    match Checkpoint::verify(&account.checkpoint, &log.agency, key) {
        Err(fault) => problem("account.checkpoint", &fault),
        Ok(checkpoint) => {
            if (checkpoint.size, checkpoint.root) != (log.entries, log.root) {
                problem("account.checkpoint", &"it is of another journal than the log");
            }
            let now = (checkpoint.size, &checkpoint.root);
            for (place, signed) in account.countersigned.iter().enumerate() {
                let at = format!("account.countersigned[{place}]");
                let by = keys.get(&signed.partner).into_iter().flatten();
                let mut by = by.map(|key| checkpoint::verify_signature(&signed.note, &signed.partner, key));
                if !by.any(|verified| verified.is_ok()) {
                    problem(&at, &format!("{} has not signed it", signed.partner));
                }
                match Checkpoint::verify(&signed.note, &log.agency, key) {
                    Ok(before) if tree::continues((before.size, &before.root), now, &signed.proof) => {}
                    Ok(_) => problem(&at, &"the journal does not continue it"),
                    Err(fault) => problem(&at, &fault),
                }
            }
        }
    }
    if Statistics::of(log, account.statistics.smallest) != account.statistics {
        problem("account.statistics", &"they are not those of the log");
    }
    problems
}
