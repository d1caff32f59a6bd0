//! National rules, and what other rules would have said.

mod explain;

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use symbolon_policy::{
    ask::Ask,
    permit::RefusalCode,
    rules::{Kind, RuleSet, Rulebook, Simulation},
};

pub(in crate::node) use explain::{explain, why};

use super::{Core, blocking};
use crate::{
    control::api::{Failure, NationalChange, Reply},
    journal::{self, Event},
    state::State,
};

pub(super) async fn national(core: &Arc<Core>, change: NationalChange) -> Result<Reply, Failure> {
    let set = match change {
        NationalChange::Show => {
            let text = core.book.state().national()?;
            return Ok(Reply::Text { text: text.unwrap_or_default() });
        }
        NationalChange::Set(text) => {
            let rules = RuleSet::parse(&text, Kind::National).map_err(|e| {
                Failure::input(format!("the national rules do not stand:\n{e}"))
                    .with_help("national rules can only forbid; see `symbolon rules library`")
            })?;
            if rules.is_empty() {
                return Err(Failure::input("there are no clauses in it, so nothing was changed")
                    .with_help("`symbolon rules national clear` removes the national rules"));
            }
            Some(rules)
        }
        NationalChange::Clear => None,
    };
    let (clauses, digest) = match &set {
        Some(rules) => (rules.clauses().count() as u64, Some(rules.digest())),
        None => (0, None),
    };
    let text = set.map(|rules| rules.text().to_owned());
    let core = core.clone();
    blocking(move || {
        core.book.record(&Event::NationalRules { text })?;
        // Slices were decided by the rules as they were.
        core.end_stale("the national rules were changed")?;
        Ok(Reply::National { clauses, digest })
    })
    .await
}

/// What other rules would have said of the queries in the journal. Quotas and balances are those of the
/// time: the journal is applied again, entry by entry, to a state of its own.
pub(super) async fn simulate(core: &Arc<Core>, text: String, national: bool) -> Result<Reply, Failure> {
    let kind = if national { Kind::National } else { Kind::Shared };
    let rules = RuleSet::parse(&text, kind)
        .map_err(|e| Failure::input(format!("the {kind} rules do not stand:\n{e}")))?;
    let core = core.clone();
    blocking(move || {
        let fault = |e: std::io::Error| Failure::local(format!("cannot make a scratch directory: {e}"));
        let scratch = tempfile::tempdir_in(core.home.journal()).map_err(fault)?;
        let state = State::open(&scratch.path().join("state"))?;
        let (mut simulation, mut seen, mut books) = (Simulation::default(), HashSet::new(), HashMap::new());
        for entry in core.book.journal().entries()? {
            let (entry, _) = entry?;
            if let Some((id, ask)) = asked(&core, &entry)
                && let Some(agreement) = core.book.agreement(&ask.agreement)
                && seen.insert(id.clone())
            {
                let partner = agreement.terms().partner_of(core.book.own());
                let partner = &partner.map_err(|e| Failure::local(e.to_string()))?.code;
                let (context, _) = agreement.decide(&ask, &state, partner, entry.time);
                let present = agreement.rulebook();
                let other = match books.entry(ask.agreement) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(place) => {
                        let (shared, national) = match kind {
                            Kind::Shared => (rules.clone(), present.national().cloned()),
                            Kind::National => (present.shared().clone(), Some(rules.clone())),
                        };
                        let book = Rulebook::new(shared, national);
                        place.insert(book.map_err(|e| Failure::input(e.to_string()))?)
                    }
                };
                simulation.query(&id, present, other, &context);
            }
            state.apply(entry.seq, &entry.event)?;
        }
        Ok(Reply::Simulated(Box::new(simulation)))
    })
    .await
}

/// The query that an entry is about, with its id. One that was refused before it was made, as its snapshot
/// was, goes by the number of the entry and stands for the smallest there can be.
fn asked(core: &Core, entry: &journal::Entry) -> Option<(String, Ask)> {
    match &entry.event {
        Event::Query { ask, .. } | Event::Refused { ask, .. } => Some((ask.query.to_string(), ask.clone())),
        Event::SnapshotRefused { fetch, .. } | Event::KeysRefused { fetch, .. } => {
            let agreement = core.book.agreement(&fetch.agreement)?;
            Some((format!("entry {}", entry.seq), fetch.smallest_ask(agreement.terms())))
        }
        _ => None,
    }
}

/// A code as it stands in JSON.
fn word(code: RefusalCode) -> Result<String, Failure> {
    let word = serde_json::to_value(code).map_err(|e| Failure::local(e.to_string()))?;
    Ok(word.as_str().unwrap_or_default().to_owned())
}
