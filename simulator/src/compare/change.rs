//! In what a proposal differs from a baseline, as changes that can be made one by one.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::Terms,
    rules::{Kind, RuleSet},
    words::AgencyCode,
};
use toml::{Table, Value};

use crate::{
    proposal::{Proposal, ProposalError, written_out},
    shelf::Shelf,
};

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
        let read = |text: &str| clauses(&baseline.shelf, text);
        let (before, after) = (read(old.map_or("", |old| &old.rules)), read(&terms.rules));
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
        shelf: baseline.shelf.clone(),
    };
    // Agreements mostly have the same two texts, which are mixed once.
    let mut mixes: BTreeMap<(&str, &str), String> = BTreeMap::new();
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
        let texts = (old.map_or("", |old| old.rules.as_str()), terms.rules.as_str());
        new.rules =
            mixes.entry(texts).or_insert_with(|| rules(&baseline.shelf, texts.0, texts.1, &made)).clone();
        mixed.check(pair, &new)?;
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

/// Clauses of both texts, each where the changes leave it. The mixture is put on the shelf, since its clauses were
/// checked already.
fn rules(shelf: &Shelf, before: &str, after: &str, made: &impl Fn(&Change) -> bool) -> String {
    let (old, new) = (read(shelf, before), read(shelf, after));
    let (Some(old), Some(new)) = (old.as_deref(), new.as_deref()) else { return String::new() };
    let mut picked: Vec<(&RuleSet, &str)> = Vec::new();
    for clause in old.clauses() {
        let id = clause.id.as_str();
        let own = old.clause_text(id);
        match new.clause_text(id) {
            None if made(&Change::DropClause(id.to_owned())) => {}
            Some(text) if Some(text) != own && made(&Change::OtherClause(id.to_owned())) => {
                picked.push((new, id));
            }
            _ => picked.push((old, id)),
        }
    }
    for clause in new.clauses() {
        let id = clause.id.as_str();
        if old.clause_text(id).is_none() && made(&Change::AddClause(id.to_owned())) {
            picked.push((new, id));
        }
    }
    let Some(mixed) = RuleSet::pick(Kind::Shared, picked) else { return String::new() };
    let text = mixed.text().to_owned();
    shelf.put(mixed);
    text
}

/// Shared rules; none where they do not stand, which no proposal that was read has.
fn read(shelf: &Shelf, text: &str) -> Option<Arc<RuleSet>> {
    shelf.set(text, Kind::Shared).ok()
}

/// Clauses by id with their text.
fn clauses(shelf: &Shelf, text: &str) -> Vec<(String, String)> {
    let set = read(shelf, text);
    let each = set.iter().flat_map(|set| {
        set.clauses()
            .map(|clause| (clause.id.clone(), set.clause_text(&clause.id).unwrap_or_default().to_owned()))
    });
    each.collect()
}

fn table(terms: &Terms) -> Table {
    written_out(terms).unwrap_or_default()
}
