//! National rules, and why a query would be allowed or refused.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use symbolon_policy::{
    ask::Ask,
    permit::{self, RefusalCode},
    rules::{ExchangeKind, Kind, Reason, RuleSet, Rulebook, SearchContext, Simulation},
    words::{Digest, QueryId},
};

use super::{Core, Partner, blocking};
use crate::{
    clock,
    control::api::{Explain, Failure, NationalChange, Reply},
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

pub(super) fn explain(core: &Core, query: &Explain) -> Result<Reply, Failure> {
    let partner = core.partner(&query.partner)?;
    let own = core.book.own();
    let ask = made_up(core, &partner, query);
    let (asker, holder, exchange) = (&ask.asker, &ask.holder, ask.exchange);
    let (state, now) = (core.book.state(), clock::now());
    let verdict = permit::admit(&partner.agreement, &ask, own, state, now);
    let (context, _) = partner.agreement.decide(&ask, state, &query.partner, now);
    let rulebook = partner.agreement.rulebook();
    let explanation = rulebook.explain(&context);
    let search = SearchContext {
        asker: asker.clone(),
        holder: holder.clone(),
        register: query.register.clone(),
        purpose: query.purpose,
        exchange,
    };
    let slice = rulebook.explain_slice(&search).map_err(|e| Failure::local(e.to_string()))?;
    let outcome = match &verdict {
        Ok(_) => "The query would be admitted.".to_owned(),
        Err(refusal) => format!("The query would be refused: {refusal} [{}].", word(refusal.code)?),
    };
    let balance = partner.agreement.balance(state, &query.partner);
    let text = format!("{outcome}\n\n{explanation}\n\nRecords that take part:\n{slice}");
    let detail = serde_json::json!({
        "refusal": verdict.as_ref().err().map(|refusal| serde_json::json!({ "code": refusal.code, "text": refusal.text })),
        "rules": explanation, "slice": slice, "balance": balance,
    });
    Ok(Reply::Explained { permitted: verdict.is_ok(), text, detail })
}

/// A query with these words, for explanations.
fn made_up(core: &Core, partner: &Partner, query: &Explain) -> Ask {
    let own = core.book.own();
    let (asker, holder) = if query.asking { (own, &query.partner) } else { (&query.partner, own) };
    let exchange = if query.count { ExchangeKind::Count } else { ExchangeKind::Exact };
    Ask {
        query: QueryId([0; 16]),
        agreement: partner.agreement.id(),
        rules: partner.agreement.rules_digest(),
        asker: asker.clone(),
        holder: holder.clone(),
        exchange,
        register: query.register.clone(),
        purpose: query.purpose,
        basis: query.basis,
        officer: query.officer.clone(),
        case: query.case.then_some(Digest([0; 32])),
        items: query.items,
        snapshot: None,
        matching: None,
        unexplained: 0,
        commitment: Digest([0; 32]),
        digest: Digest([0; 32]),
        asked_at: clock::now(),
    }
}

/// What an own query that no clause permits lacks, as far as the nearest clause tells, and how to learn more.
pub(super) fn why(core: &Core, partner: &Partner, query: &Explain) -> String {
    let ask = made_up(core, partner, query);
    let (context, _) = partner.agreement.decide(&ask, core.book.state(), &query.partner, clock::now());
    let explanation = partner.agreement.rulebook().explain(&context);
    let nearest =
        explanation.clauses.first().filter(|_| explanation.decision.reason == Reason::NothingPermits);
    let lacks = nearest.map(|nearest| {
        let failing = nearest.conditions.iter().filter(|condition| condition.holds != Ok(true));
        let failing: Vec<_> = failing.map(ToString::to_string).collect();
        format!("the nearest clause, {}: {}; ", nearest.clause.id, failing.join("; "))
    });
    let count = if query.count { " --count" } else { "" };
    let case = if query.case { " --case" } else { "" };
    let Explain { partner, register, purpose, basis, officer, items, .. } = query;
    format!(
        "{}see `symbolon rules explain --partner {partner} --register {register} --purpose {purpose} --basis {basis} \
         --officer {officer}{case}{count} --items {items}`",
        lacks.unwrap_or_default()
    )
}
