//! Proposals: the agreements and rules that are compared, in the files that a node takes.
//!
//! An agreement file is a draft (TOML) or a signed agreement (JSON), as `symbolon agreement draft` and `sign` write
//! them; rules are Cedar texts. A draft whose parties are `PARTY-A` and `PARTY-B` serves for many pairs: the two
//! codes are put in wherever they stand, in the rules too. Keys and peer ids do not matter in a simulation and are
//! replaced by invented ones; everything else is decided as the file says.

mod change;
mod error;
mod files;
mod fits;
mod read;

use std::{collections::BTreeMap, ops::RangeInclusive};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::{Agreement, Terms},
    rules::{ClauseRef, Kind, Language},
    signing::Document as _,
    words::{AgencyCode, Digest},
};

use crate::{scenario::Scenario, shelf::Shelf};

pub(crate) use change::written_out;
pub use error::ProposalError;
pub use files::{Directory, Files};
pub use fits::Short;

/// What share of an asker's queries may be canaries, as a node has it.
pub const CANARY_SHARES: RangeInclusive<f64> = 0.0..=0.5;

/// The codes that stand for any two parties.
pub const PLACEHOLDERS: [&str; 2] = ["PARTY-A", "PARTY-B"];

/// A proposal as it stands in a scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name.
    pub id: String,
    /// A title for people.
    #[serde(default)]
    pub title: String,
    /// What it is, in a few sentences.
    #[serde(default)]
    pub about: String,
    /// A proposal above it with whose agreements it begins.
    #[serde(default)]
    pub extends: Option<String>,
    /// Its agreements, beside those that it begins with. A pair that has one already gets the new one.
    #[serde(default)]
    pub agreement: Vec<AgreementEntry>,
    /// Pairs that have no agreement, though what it begins with gives them one.
    #[serde(default)]
    pub without: Vec<[AgencyCode; 2]>,
    /// Files of national rules, by party.
    #[serde(default)]
    pub national: BTreeMap<AgencyCode, String>,
    /// Ids of clauses to leave out of every agreement.
    #[serde(default)]
    pub drop_clauses: Vec<String>,
    /// Ids of ready clauses to add to every agreement (`symbolon rules library`).
    #[serde(default)]
    pub add_clauses: Vec<String>,
    /// Files of rules to add to every agreement.
    #[serde(default)]
    pub add_rules: Vec<String>,
    /// Terms to change in every agreement, by path, such as `"quotas.*.limit" = 500`.
    #[serde(default)]
    pub set: BTreeMap<String, toml::Value>,
    /// Share of an asker's queries that are canaries, agreed by both sides.
    #[serde(default)]
    pub canary_share: Option<f64>,
}

/// An agreement of a proposal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementEntry {
    /// The file.
    pub file: String,
    /// A file of shared rules in the place of those in the agreement.
    #[serde(default)]
    pub rules: Option<String>,
    /// Every pair of these has it.
    #[serde(default)]
    pub among: Vec<AgencyCode>,
    /// These pairs have it. Neither `among` nor `pairs`: the pair that the file names, or every pair of the
    /// scenario if it names `PARTY-A` and `PARTY-B`.
    #[serde(default)]
    pub pairs: Vec<[AgencyCode; 2]>,
}

/// A proposal with its files read.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Its name.
    pub id: String,
    /// A title for people.
    pub title: String,
    /// What it is.
    pub about: String,
    /// Its agreements, by their parties in order of code.
    pub deals: BTreeMap<[AgencyCode; 2], Terms>,
    /// National rules by party.
    pub national: BTreeMap<AgencyCode, String>,
    /// Share of an asker's queries that are canaries.
    pub canary_share: f64,
    /// What was made of rules, shared with every proposal of the scenario and every change of one.
    pub(crate) shelf: Shelf,
}

impl Proposal {
    /// The digest of all that it settles.
    ///
    /// # Errors
    /// [`ProposalError::Canonical`] never for a proposal that was read.
    pub fn digest(&self) -> Result<Digest, ProposalError> {
        let mut bytes = Vec::new();
        for terms in self.deals.values() {
            bytes.extend_from_slice(terms.digest()?.as_bytes());
        }
        for (code, rules) in &self.national {
            bytes.extend_from_slice(code.as_str().as_bytes());
            bytes.extend_from_slice(Digest::of("symbolon/rules/1", rules.as_bytes()).as_bytes());
        }
        bytes.extend_from_slice(&self.canary_share.to_be_bytes());
        Ok(Digest::of("symbolon/proposal/1", &bytes))
    }

    /// Every clause of its shared rules, each once, in order of first appearance.
    pub fn clauses(&self) -> Vec<ClauseRef> {
        let mut found: Vec<ClauseRef> = Vec::new();
        let mut texts: Vec<&str> = Vec::new();
        for terms in self.deals.values().filter(|terms| !terms.rules.is_empty()) {
            if texts.contains(&terms.rules.as_str()) {
                continue;
            }
            texts.push(&terms.rules);
            let Ok(set) = self.shelf.set(&terms.rules, Kind::Shared) else { continue };
            for clause in set.clauses() {
                if !found.iter().any(|other| other.id == clause.id) {
                    found.push(clause.clone());
                }
            }
        }
        found
    }

    /// The title of a clause of its rules, shared or national, in a language, or in English where it has none in that.
    pub fn clause_title(&self, id: &str, language: Language) -> Option<String> {
        let shared = self.deals.values().map(|terms| (&terms.rules, Kind::Shared));
        let national = self.national.values().map(|rules| (rules, Kind::National));
        shared.chain(national).find_map(|(text, kind)| {
            let set = self.shelf.set(text, kind).ok()?;
            set.title(id, language).map(str::to_owned)
        })
    }

    /// A draft for each pair, as `symbolon agreement sign` reads it once the parties' own keys are in it.
    ///
    /// # Errors
    /// [`ProposalError::Value`] never for a proposal that was read.
    pub fn drafts(&self) -> Result<Vec<(String, String)>, ProposalError> {
        let each = self.deals.iter().map(|([a, b], terms)| {
            let text = toml::to_string_pretty(terms)
                .map_err(|error| ProposalError::Value { path: String::new(), why: error.to_string() })?;
            Ok((format!("{}-{a}-{b}.toml", self.id), text))
        });
        each.collect()
    }

    fn open(&self, files: &dyn Files, file: &str) -> Result<String, ProposalError> {
        let (proposal, file) = (self.id.clone(), file.to_owned());
        files.read(&file).map_err(|why| ProposalError::File { proposal, file, why })
    }

    /// Reads an agreement and gives it to the pairs that have it.
    fn take(
        &mut self,
        entry: &AgreementEntry,
        scenario: &Scenario,
        files: &dyn Files,
    ) -> Result<(), ProposalError> {
        let text = self.open(files, &entry.file)?;
        let rules = entry.rules.as_ref().map(|file| self.open(files, file)).transpose()?;
        let named = self.parse(&entry.file, &text)?;
        let [first, second] = named.parties.as_slice() else {
            return Err(self.form(&entry.file, "it must have two parties"));
        };
        let generic = [first.code.as_str(), second.code.as_str()] == PLACEHOLDERS;
        let mut pairs: Vec<[AgencyCode; 2]> = entry.pairs.clone();
        let everybody = scenario.codes();
        let among =
            if generic && entry.among.is_empty() && pairs.is_empty() { &everybody } else { &entry.among };
        for (place, a) in among.iter().enumerate() {
            pairs.extend(among.iter().skip(place.saturating_add(1)).map(|b| [a.clone(), b.clone()]));
        }
        if pairs.is_empty() {
            pairs.push([first.code.clone(), second.code.clone()]);
        }
        for [a, b] in pairs {
            let mut terms = if generic {
                let text = put_in(&text, &a, &b);
                self.parse(&entry.file, &text)?
            } else {
                named.clone()
            };
            if let Some(rules) = &rules {
                terms.rules = put_in(rules, &a, &b);
            }
            let [left, right] = terms.parties.as_slice() else {
                return Err(self.form(&entry.file, "it must have two parties"));
            };
            let own = [&left.code, &right.code];
            if ![[&a, &b], [&b, &a]].contains(&own) {
                let why = format!("it is between {} and {}, not {a} and {b}", own[0], own[1]);
                return Err(self.form(&entry.file, &why));
            }
            crate::identity::put_keys(&mut terms);
            self.deals.insert(ordered([a, b]), terms);
        }
        Ok(())
    }

    fn parse(&self, file: &str, text: &str) -> Result<Terms, ProposalError> {
        let terms = if text.trim_start().starts_with('{') {
            serde_json::from_str::<Agreement>(text)
                .map(|agreement| agreement.terms)
                .map_err(|e| e.to_string())
        } else {
            toml::from_str::<Terms>(text).map_err(|e| e.to_string())
        };
        let terms = terms.map_err(|why| self.form(file, &why))?;
        if terms.parties.len() == 2 { Ok(terms) } else { Err(self.form(file, "it must have two parties")) }
    }

    fn form(&self, file: &str, why: &str) -> ProposalError {
        ProposalError::Form { proposal: self.id.clone(), file: file.to_owned(), why: why.to_owned() }
    }

    /// Checks terms; rules that stand in many agreements are read once.
    pub(crate) fn check(&self, [a, b]: &[AgencyCode; 2], terms: &Terms) -> Result<(), ProposalError> {
        let rules = self.shelf.set(&terms.rules, Kind::Shared);
        let checked = match rules {
            Ok(_) => Terms { rules: String::new(), ..terms.clone() }.check(),
            // For what it says of the rest.
            Err(_) => terms.check(),
        };
        let (proposal, pair) = (self.id.clone(), format!("{a} and {b}"));
        checked.map_err(|error| ProposalError::Terms { proposal, pair, error })
    }
}

/// Two codes in order.
pub(crate) fn ordered([a, b]: [AgencyCode; 2]) -> [AgencyCode; 2] {
    if a <= b { [a, b] } else { [b, a] }
}

/// A text with the two parties in the place of their placeholders.
fn put_in(text: &str, a: &AgencyCode, b: &AgencyCode) -> String {
    let [first, second] = PLACEHOLDERS;
    text.replace(first, a.as_str()).replace(second, b.as_str())
}

#[cfg(test)]
mod tests;
