//! In what a proposal differs from a baseline, as changes that can be made one by one.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::Terms,
    rules::{Kind, RuleSet},
    words::AgencyCode,
};
use toml::{Table, Value};

use crate::proposal::{Proposal, ProposalError};

/// One difference between a proposal and a baseline.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change", content = "of")]
pub enum Change {
    /// A clause that the baseline lacks, by its id.
    AddClause(String),
    /// A clause that the proposal lacks.
    DropClause(String),
    /// A clause of the same id with another text.
    OtherClause(String),
    /// A part of the terms, such as `quotas`.
    Term(String),
    /// An agreement that the proposal lacks.
    NoAgreement([AgencyCode; 2]),
    /// National rules of a party.
    National(AgencyCode),
    /// The share of canaries.
    Canaries,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddClause(id) => write!(f, "+ {id}"),
            Self::DropClause(id) => write!(f, "− {id}"),
            Self::OtherClause(id) => write!(f, "≠ {id}"),
            Self::Term(path) => write!(f, "{path}"),
            Self::NoAgreement([a, b]) => write!(f, "− {a}–{b}"),
            Self::National(code) => write!(f, "{code}"),
            Self::Canaries => f.write_str("canary_share"),
        }
    }
}

/// Parts of the terms that make no difference to what is simulated, or are looked at by themselves.
const APART: [&str; 4] = ["version", "title", "parties", "rules"];

/// Every difference, in a fixed order. Where the baseline has no agreement between two parties, the proposal's
/// without any clause stands in its place, which lets nobody ask: then every clause is a change.
pub fn changes(baseline: &Proposal, proposal: &Proposal) -> Vec<Change> {
    let mut found = Vec::new();
    for (pair, terms) in &proposal.deals {
        let old = baseline.deals.get(pair);
        let (before, after) = (old.map_or_else(Vec::new, |old| clauses(&old.rules)), clauses(&terms.rules));
        for (id, text) in &after {
            match before.iter().find(|(other, _)| other == id) {
                None => found.push(Change::AddClause(id.clone())),
                Some((_, other)) if other != text => found.push(Change::OtherClause(id.clone())),
                Some(_) => {}
            }
        }
        let dropped = before.iter().filter(|(id, _)| !after.iter().any(|(other, _)| other == id));
        found.extend(dropped.map(|(id, _)| Change::DropClause(id.clone())));
        if let Some(old) = old {
            let (before, after) = (table(old), table(terms));
            let names = before.keys().chain(after.keys()).filter(|name| !APART.contains(&name.as_str()));
            found.extend(
                names.filter(|name| before.get(*name) != after.get(*name)).cloned().map(Change::Term),
            );
        }
    }
    let gone = baseline.deals.keys().filter(|pair| !proposal.deals.contains_key(*pair));
    found.extend(gone.cloned().map(Change::NoAgreement));
    let codes = baseline.national.keys().chain(proposal.national.keys());
    let changed = codes.filter(|code| baseline.national.get(*code) != proposal.national.get(*code));
    found.extend(changed.cloned().map(Change::National));
    if baseline.canary_share.to_bits() != proposal.canary_share.to_bits() {
        found.push(Change::Canaries);
    }
    found.sort();
    found.dedup();
    found
}

/// The baseline with some of the changes made. With all of them it decides as the proposal does.
///
/// # Errors
/// [`ProposalError`] if terms do not stand with only these changes.
pub fn with_changes(
    baseline: &Proposal,
    proposal: &Proposal,
    made: impl Fn(&Change) -> bool,
    id: &str,
) -> Result<Proposal, ProposalError> {
    let mut mixed = Proposal {
        id: id.to_owned(),
        title: id.to_owned(),
        about: String::new(),
        deals: BTreeMap::new(),
        national: baseline.national.clone(),
        canary_share: baseline.canary_share,
    };
    for (pair, old) in &baseline.deals {
        if !proposal.deals.contains_key(pair) && !made(&Change::NoAgreement(pair.clone())) {
            mixed.deals.insert(pair.clone(), old.clone());
        }
    }
    for (pair, terms) in &proposal.deals {
        let old = baseline.deals.get(pair);
        let mut new = match old {
            Some(old) => mix(old, terms, &made)?,
            None => terms.clone(),
        };
        new.rules = rules(old.map_or("", |old| &old.rules), &terms.rules, &made);
        new.check().map_err(|error| ProposalError::Terms {
            proposal: id.to_owned(),
            pair: format!("{} and {}", pair[0], pair[1]),
            error,
        })?;
        mixed.deals.insert(pair.clone(), new);
    }
    for code in baseline.national.keys().chain(proposal.national.keys()) {
        if made(&Change::National(code.clone())) {
            match proposal.national.get(code) {
                Some(text) => mixed.national.insert(code.clone(), text.clone()),
                None => mixed.national.remove(code),
            };
        }
    }
    if made(&Change::Canaries) {
        mixed.canary_share = proposal.canary_share;
    }
    Ok(mixed)
}

/// The terms of a baseline with some parts of those of a proposal.
fn mix(old: &Terms, new: &Terms, made: &impl Fn(&Change) -> bool) -> Result<Terms, ProposalError> {
    let (mut mixed, after) = (table(old), table(new));
    let names: Vec<String> = mixed.keys().chain(after.keys()).cloned().collect();
    for name in names.into_iter().filter(|name| !APART.contains(&name.as_str())) {
        if made(&Change::Term(name.clone())) {
            match after.get(&name) {
                Some(value) => mixed.insert(name, value.clone()),
                None => mixed.remove(&name),
            };
        }
    }
    let fault = |error: toml::de::Error| ProposalError::Value { path: String::new(), why: error.to_string() };
    Value::Table(mixed).try_into().map_err(fault)
}

/// Clauses of both texts, each where the changes leave it.
fn rules(before: &str, after: &str, made: &impl Fn(&Change) -> bool) -> String {
    let (before, after) = (clauses(before), clauses(after));
    let mut text = String::new();
    let mut put = |clause: &str| {
        text.push_str(clause.trim());
        text.push_str("\n\n");
    };
    for (id, clause) in &before {
        let new = after.iter().find(|(other, _)| other == id);
        match new {
            None if made(&Change::DropClause(id.clone())) => {}
            Some((_, new)) if new != clause && made(&Change::OtherClause(id.clone())) => put(new),
            _ => put(clause),
        }
    }
    for (id, clause) in &after {
        if !before.iter().any(|(other, _)| other == id) && made(&Change::AddClause(id.clone())) {
            put(clause);
        }
    }
    text
}

/// Clauses by id with their text; none where there are no rules.
fn clauses(text: &str) -> Vec<(String, String)> {
    let Ok(set) = RuleSet::parse(text, Kind::Shared) else { return Vec::new() };
    let each = set
        .clauses()
        .map(|clause| (clause.id.clone(), set.clause_text(&clause.id).unwrap_or_default().trim().to_owned()));
    each.collect()
}

fn table(terms: &Terms) -> Table {
    Table::try_from(terms).unwrap_or_default()
}
