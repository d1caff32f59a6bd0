//! What other rules would have said of what the journal tells of.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use symbolon_policy::{
    ask::Ask,
    claim::{MOST_APPROVALS, Standing},
    class::RecordClass,
    permit::InForce,
    rules::{Kind, Past, RuleSet, Rulebook, Simulation},
    words::{AgreementId, ClaimId, Reference, RegisterName},
};

use super::{Core, blocking};
use crate::{
    control::api::{Failure, Reply},
    journal::{self, Event, Side},
    state::{Claimed, State},
};

/// What other rules would have said of the queries in the journal, and of the fields that were claimed of this node.
///
/// # Errors
/// An input [`Failure`] if the rules do not stand; others if the journal or a register cannot be read.
pub(in crate::node) async fn simulate(
    core: &Arc<Core>,
    text: String,
    national: bool,
) -> Result<Reply, Failure> {
    let kind = if national { Kind::National } else { Kind::Shared };
    let rules = RuleSet::parse(&text, kind)
        .map_err(|e| Failure::input(format!("the {kind} rules do not stand:\n{e}")))?;
    let core = core.clone();
    blocking(move || {
        let fault = |e: std::io::Error| Failure::local(format!("cannot make a scratch directory: {e}"));
        let scratch = tempfile::tempdir_in(core.home.journal()).map_err(fault)?;
        let state = State::open(&scratch.path().join("state"))?;
        let mut trial = Trial { core: &core, rules, books: HashMap::new() };
        let queries = trial.queries(&state)?;
        Ok(Reply::Simulated(Box::new(trial.claims(&state, queries)?)))
    })
    .await
}

/// Rules that are tried in the place of those in force.
struct Trial<'c> {
    core: &'c Core,
    rules: RuleSet,
    /// Those of each agreement with the rules that are tried among them.
    books: HashMap<AgreementId, Rulebook>,
}

impl Trial<'_> {
    /// The rules of an agreement as they would be.
    fn book(&mut self, agreement: &InForce) -> Result<&Rulebook, Failure> {
        Ok(match self.books.entry(agreement.id()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let (present, rules) = (agreement.rulebook(), self.rules.clone());
                let (shared, national) = match rules.kind() {
                    Kind::Shared => (rules, present.national().cloned()),
                    Kind::National => (present.shared().clone(), Some(rules)),
                };
                let book = Rulebook::new(shared, national);
                place.insert(book.map_err(|e| Failure::input(e.to_string()))?)
            }
        })
    }

    /// Every query. Quotas and balances are those of the time: the journal is applied again, entry by entry, to a
    /// `state` of its own, which is then that of the last entry.
    fn queries(&mut self, state: &State) -> Result<Simulation, Failure> {
        let core = self.core;
        let (mut simulation, mut seen) = (Simulation::default(), HashSet::new());
        for entry in core.book.journal().entries()? {
            let (entry, _) = entry?;
            if let Some((id, ask)) = asked(core, &entry)
                && let Some(agreement) = core.book.agreement(&ask.agreement)
                && seen.insert(id.clone())
            {
                let partner = agreement.terms().partner_of(core.book.own());
                let partner = &partner.map_err(|e| Failure::local(e.to_string()))?.code;
                let (context, _) = agreement.decide(&ask, state, partner, entry.time);
                simulation.query(&id, agreement.rulebook(), self.book(&agreement)?, &context);
            }
            state.apply(entry.seq, &entry.event)?;
        }
        Ok(simulation)
    }

    /// Every field that was claimed of this node, with each number of approvals that its case went through. The asker
    /// does not know what rules look at.
    fn claims(&mut self, state: &State, queries: Simulation) -> Result<Past, Failure> {
        let core = self.core;
        let mut past = Past { queries, ..Past::default() };
        let mut claims = state.claims(Side::Holder)?;
        claims.sort_by_key(|claimed| (claimed.case.begun, claimed.case.claim.claim));
        for claimed in claims {
            let claim = &claimed.case.claim;
            let query = state.query(Side::Holder, &claim.query)?;
            if let Some(query) = query
                && let Some(agreement) = core.book.agreement(&claim.agreement)
            {
                let books = (agreement.rulebook(), self.book(&agreement)?);
                claimed_fields(core, &claimed, &query.ask, books, &mut past)?;
            }
        }
        Ok(past)
    }
}

fn claimed_fields(
    core: &Core,
    claimed: &Claimed,
    ask: &Ask,
    books: (&Rulebook, &Rulebook),
    past: &mut Past,
) -> Result<(), Failure> {
    let (case, claim) = (&claimed.case, &claimed.case.claim);
    for found in &case.found {
        // Of a field that the record lacks there was nothing to release.
        let has = found.fields.iter().filter(|decision| decision.standing != Standing::Absent);
        let fields: Vec<_> = has.map(|decision| decision.field).collect();
        let Some(class) = class(core, &ask.register, &claim.claim, &found.reference)? else {
            past.gone = past.gone.saturating_add(fields.len() as u64);
            continue;
        };
        let id = format!("{} record {}", claim.claim, found.reference);
        for field in fields {
            // Also with those before: a case that was approved in the end says nothing of rules that want fewer.
            for approvals in 0..=case.approvals().min(MOST_APPROVALS) {
                past.releases.release(&id, books, &claim.release(ask, field, approvals), &class);
            }
        }
    }
    Ok(())
}

/// The class of a record that a claim found, as the record is now: the journal does not say what it was. Nothing if the
/// record, or which it was, is not there any more.
fn class(
    core: &Core,
    register: &RegisterName,
    claim: &ClaimId,
    reference: &Reference,
) -> Result<Option<RecordClass>, Failure> {
    // Lost files are for whoever needs them; here it only means that less can be tried.
    let Ok(records) = core.claims.records(claim) else { return Ok(None) };
    let Some(behind) = records.0.into_iter().find(|behind| behind.reference == *reference) else {
        return Ok(None);
    };
    Ok(core.registers.show(register, &behind.record)?.map(|record| record.class()))
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
