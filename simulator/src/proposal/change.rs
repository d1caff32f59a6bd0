//! Changes of a proposal: a clause less or more, a term changed. The original stays as it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use symbolon_policy::{
    agreement::Terms,
    rules::{Kind, RuleSet, ready_clause},
    words::AgencyCode,
};
use toml::{Table, Value};

use super::{Proposal, ProposalError, put_in};

impl Proposal {
    /// The same under another name.
    #[must_use]
    pub fn named(self, id: impl Into<String>, title: impl Into<String>) -> Self {
        Self { id: id.into(), title: title.into(), ..self }
    }

    /// The same without one clause, in every agreement that has it.
    ///
    /// # Errors
    /// [`ProposalError::Missing`] if none has it; [`ProposalError::Rules`] if rules do not stand.
    pub fn without_clause(&self, id: &str) -> Result<Self, ProposalError> {
        let mut found = false;
        let mut changed = self.clone();
        let mut cut: BTreeMap<String, String> = BTreeMap::new();
        for terms in changed.deals.values_mut() {
            if !cut.contains_key(&terms.rules) {
                let set = self.shared(&terms.rules, &self.id)?;
                let clause = set.clause_text(id);
                found |= clause.is_some();
                let less =
                    clause.map_or_else(|| terms.rules.clone(), |clause| terms.rules.replacen(clause, "", 1));
                cut.insert(terms.rules.clone(), less);
            }
            if let Some(less) = cut.get(&terms.rules) {
                terms.rules.clone_from(less);
            }
        }
        if found { Ok(changed) } else { Err(self.missing(&format!("clause `{id}`"))) }
    }

    /// The same with a ready clause in every agreement that does not have it.
    ///
    /// # Errors
    /// [`ProposalError::Missing`] if there is no such clause; [`ProposalError::Rules`] if rules do not stand.
    pub fn with_ready_clause(&self, id: &str) -> Result<Self, ProposalError> {
        let ready = ready_clause(id);
        let ready =
            ready.map_err(|errors| ProposalError::Rules { file: "the library".to_owned(), errors })?;
        let (_, text) =
            ready.ok_or_else(|| self.missing(&format!("clause `{id}`, and the library has none")))?;
        let mut changed = self.clone();
        let mut lacks: BTreeMap<String, bool> = BTreeMap::new();
        for ([a, b], terms) in &mut changed.deals {
            if !lacks.contains_key(&terms.rules) {
                let has = self.shared(&terms.rules, &self.id)?.clause_text(id).is_some();
                lacks.insert(terms.rules.clone(), !has);
            }
            if lacks.get(&terms.rules) == Some(&true) {
                append(terms, &put_in(text, a, b));
            }
        }
        Ok(changed)
    }

    /// The same with more shared rules in every agreement. `file` names them in errors.
    ///
    /// # Errors
    /// [`ProposalError::Rules`] if the rules do not stand with those that are there.
    pub fn with_rules(&self, text: &str, file: &str) -> Result<Self, ProposalError> {
        let mut changed = self.clone();
        let mut read = BTreeSet::new();
        for ([a, b], terms) in &mut changed.deals {
            let (text, before) = (put_in(text, a, b), terms.rules.clone());
            append(terms, &text);
            if read.insert(terms.rules.clone()) && self.shared(&terms.rules, file).is_err() {
                // Lines are told as they are counted in the file.
                self.shared(&text, file)?;
                self.shared(&terms.rules, file).map_err(|error| counted_in(&text, &before, error))?;
            }
        }
        Ok(changed)
    }

    /// The same with other national rules of one party. `file` names them in errors.
    ///
    /// # Errors
    /// [`ProposalError::Rules`] if they do not stand.
    pub fn with_national(&self, code: &AgencyCode, text: &str, file: &str) -> Result<Self, ProposalError> {
        self.shelf
            .set(text, Kind::National)
            .map_err(|errors| ProposalError::Rules { file: file.to_owned(), errors })?;
        let mut changed = self.clone();
        changed.national.insert(code.clone(), text.to_owned());
        Ok(changed)
    }

    /// The same with one term changed in every agreement. A path names entries of tables, places of lists from 0,
    /// or every place by `*`: `claims.decide_hours`, `quotas.*.limit`, `matching.budget`. Where an agreement lacks
    /// the table, it is left as it is.
    ///
    /// # Errors
    /// [`ProposalError::Missing`] if no agreement has it; [`ProposalError::Value`] if the terms cannot take the
    /// value; [`ProposalError::Terms`] if they do not stand with it.
    pub fn set(&self, path: &str, value: &Value) -> Result<Self, ProposalError> {
        let fault = |why: String| ProposalError::Value { path: path.to_owned(), why };
        let steps: Vec<&str> = path.split('.').collect();
        let (mut changed, mut found) = (self.clone(), false);
        for (pair, terms) in &mut changed.deals {
            let tree = written_out(terms).map_err(|error| fault(error.to_string()))?;
            let mut tree = Value::Table(tree);
            if !put(&mut tree, &steps, value) {
                continue;
            }
            found = true;
            let new: Terms = tree.try_into().map_err(|error: toml::de::Error| fault(error.to_string()))?;
            self.check(pair, &new)?;
            *terms = new;
        }
        if found || self.deals.is_empty() {
            Ok(changed)
        } else {
            Err(self.missing(&format!("term `{path}`")))
        }
    }

    /// What the first agreement that has it says at a path (see [`set`](Self::set)).
    pub fn term(&self, path: &str) -> Option<Value> {
        let steps: Vec<&str> = path.split('.').collect();
        self.deals.values().find_map(|terms| {
            let tree = Value::Table(written_out(terms).ok()?);
            steps.iter().try_fold(tree, |tree, step| match tree {
                Value::Table(mut table) => table.remove(*step),
                Value::Array(mut items) => {
                    let place = if *step == "*" { 0 } else { step.parse().ok()? };
                    (place < items.len()).then(|| items.swap_remove(place))
                }
                _ => None,
            })
        })
    }

    fn shared(&self, text: &str, file: &str) -> Result<Arc<RuleSet>, ProposalError> {
        self.shelf
            .set(text, Kind::Shared)
            .map_err(|errors| ProposalError::Rules { file: file.to_owned(), errors })
    }

    fn missing(&self, what: &str) -> ProposalError {
        ProposalError::Missing { proposal: self.id.clone(), what: what.to_owned() }
    }
}

/// The same error with the lines of an added text, which stands behind what was there `before`.
fn counted_in(text: &str, before: &str, error: ProposalError) -> ProposalError {
    let ProposalError::Rules { file, mut errors } = error else { return error };
    let lines = |text: &str| text.matches('\n').count();
    let above = lines(before).saturating_add(1);
    let blank = lines(text).saturating_sub(lines(text.trim_start()));
    for fault in errors.0.iter_mut().filter(|fault| fault.line > above) {
        fault.line = fault.line.saturating_sub(above).saturating_add(blank);
    }
    ProposalError::Rules { file, errors }
}

/// Terms as a table, with what they leave unsaid where it has a meaning.
///
/// # Errors
/// If TOML has no such number.
pub(crate) fn written_out(terms: &Terms) -> Result<Table, toml::ser::Error> {
    let mut table = Table::try_from(terms)?;
    table.insert("buckets".to_owned(), i64::from(terms.buckets.each_doubling()).into());
    Ok(table)
}

fn append(terms: &mut Terms, text: &str) {
    terms.rules.push('\n');
    terms.rules.push_str(text.trim());
    terms.rules.push('\n');
}

/// Puts `value` wherever `steps` lead; whether they lead anywhere.
fn put(tree: &mut Value, steps: &[&str], value: &Value) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        *tree = value.clone();
        return true;
    };
    match tree {
        Value::Table(table) if rest.is_empty() => {
            table.insert((*step).to_owned(), value.clone());
            true
        }
        Value::Table(table) => table.get_mut(*step).is_some_and(|inner| put(inner, rest, value)),
        Value::Array(items) if *step == "*" => {
            items.iter_mut().fold(false, |found, item| put(item, rest, value) | found)
        }
        Value::Array(items) => step
            .parse::<usize>()
            .ok()
            .and_then(|place| items.get_mut(place))
            .is_some_and(|item| put(item, rest, value)),
        _ => false,
    }
}
