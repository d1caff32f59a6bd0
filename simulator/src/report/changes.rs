//! What the texts of a proposal change, in words.

use toml::Value;

use crate::{
    compare::{Change, changes},
    proposal::{Proposal, written_out},
};

use super::{Report, words::Words};

/// A change in words, and the code under which it stands in the files.
pub(super) struct Told {
    pub(super) words: String,
    code: String,
}

impl Told {
    /// Both, as a cell of the page.
    pub(super) fn cell(&self) -> String {
        if self.code.is_empty() { self.words.clone() } else { format!("{} `{}`", self.words, self.code) }
    }
}

/// What is changed, and from which proposal one looks.
pub(super) struct Differs {
    /// The place of that proposal.
    pub(super) from: usize,
    pub(super) told: Vec<Told>,
}

impl Report<'_> {
    /// A change by itself.
    pub(super) fn change(&self, words: &Words, change: &Change) -> Told {
        let clause = |id: &str| self.clause(words, id);
        let (said, code) = match change {
            Change::AddClause(id) => (format!("+ {}", clause(id)), id.clone()),
            Change::DropClause(id) => (format!("− {}", clause(id)), id.clone()),
            Change::OtherClause(id) => (words.with("c-other", &[("clause", &clause(id))]), id.clone()),
            Change::Term(path) => (words.term(path), path.clone()),
            Change::NoAgreement([a, b]) => {
                (words.with("c-no-agreement", &[("pair", &format!("{a}–{b}"))]), String::new())
            }
            Change::National(code) => (words.with("c-national", &[("party", code.as_str())]), String::new()),
            Change::Canaries => (words.term(CANARIES), CANARIES.to_owned()),
        };
        Told { words: said, code }
    }

    /// The title of a clause, from whichever proposal has it.
    fn clause(&self, words: &Words, id: &str) -> String {
        let found = self.proposals.iter().find_map(|of| of.clause_title(id, words.language()));
        found.unwrap_or_else(|| format!("`{id}`"))
    }

    /// In what a proposal differs from the baseline, or from the one before it that has most in common with it. Nothing
    /// where it does not differ.
    pub(super) fn differs(&self, words: &Words, place: usize) -> Option<Differs> {
        let ids: Vec<&str> = self.outcome.proposals.iter().map(|shown| shown.id.as_str()).collect();
        let proposal = self.proposal(ids.get(place)?)?;
        let before = (0..place).filter(|from| {
            *from != self.baseline && self.counter(ids.get(*from).copied().unwrap_or("")).is_none()
        });
        let near = std::iter::once(self.baseline).chain(before).filter_map(|from| {
            let base = self.proposal(ids.get(from)?)?;
            Some((changes(base, proposal), from, base))
        });
        let (found, from, base) = near.min_by_key(|(found, ..)| found.len())?;
        let told =
            found.iter().flat_map(|change| self.values(words, change, base, proposal)).collect::<Vec<_>>();
        (!told.is_empty()).then_some(Differs { from, told })
    }

    /// A change with the values before and after, if it is one of numbers.
    fn values(&self, words: &Words, change: &Change, base: &Proposal, proposal: &Proposal) -> Vec<Told> {
        let arrow = |path: &str, old: String, new: String| Told {
            words: format!("{}: {old} → {new}", words.term(path)),
            code: path.to_owned(),
        };
        match change {
            Change::Canaries => {
                let [old, new] = [base, proposal].map(|of| words.percent(of.canary_share));
                vec![arrow(CANARIES, old, new)]
            }
            Change::Term(name) => {
                let mut leaves = Vec::new();
                for (pair, terms) in &proposal.deals {
                    let tree = |of: &Proposal| {
                        of.deals.get(pair).and_then(|terms| written_out(terms).ok()).unwrap_or_default()
                    };
                    if base.deals.get(pair).is_some_and(|old| old != terms) {
                        let (old, new) = (tree(base), tree(proposal));
                        leaf(name, old.get(name), new.get(name), &mut leaves);
                    }
                }
                let mut once: Vec<Leaf> = Vec::new();
                leaves.into_iter().for_each(|leaf| {
                    if !once.contains(&leaf) {
                        once.push(leaf)
                    }
                });
                let shown =
                    once.into_iter().map(|(path, old, new)| match (value(words, &old), value(words, &new)) {
                        (Some(old), Some(new)) => arrow(&path, old, new),
                        _ => Told { words: words.term(&path), code: path },
                    });
                shown.collect()
            }
            _ => vec![self.change(words, change)],
        }
    }
}

const CANARIES: &str = "canary_share";

/// A path without places in lists, and the value before and after.
type Leaf = (String, Option<Value>, Option<Value>);

/// What differs, as deep as both have the same form.
fn leaf(path: &str, old: Option<&Value>, new: Option<&Value>, found: &mut Vec<Leaf>) {
    match (old, new) {
        (Some(Value::Table(old)), Some(Value::Table(new))) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                leaf(&format!("{path}.{key}"), old.get(key), new.get(key), found);
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new)))
            if old.len() == new.len() && old.iter().chain(new).all(Value::is_table) =>
        {
            for (old, new) in old.iter().zip(new) {
                // Of several quotas the unit says which.
                let unit = |of: &Value| of.get("unit").and_then(Value::as_str).map(str::to_owned);
                let of = unit(old).filter(|unit_of| unit(new).as_ref() == Some(unit_of));
                let path = of.map_or_else(|| path.to_owned(), |unit| format!("{path}.{unit}"));
                leaf(&path, Some(old), Some(new), found);
            }
        }
        (old, new) if old != new => found.push((path.to_owned(), old.cloned(), new.cloned())),
        _ => {}
    }
}

/// A value in a line, if it has room there.
fn value(words: &Words, value: &Option<Value>) -> Option<String> {
    match value {
        None => Some(super::words::NONE.to_owned()),
        Some(Value::Integer(number)) => Some(words.number(*number as f64)),
        Some(Value::Float(number)) => Some(words.number(*number)),
        Some(Value::String(text)) => Some(format!("`{text}`")),
        Some(Value::Array(items)) => {
            let items: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            items.map(|items| format!("`{}`", items.join(", ")))
        }
        _ => None,
    }
}
