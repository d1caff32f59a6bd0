//! Reconciliation: do two agencies' journals tell the same?
//!
//! Queries, claims, releases and correction notices are matched by id. What one has and the other lacks, what they tell
//! differently, and checkpoints that one has seen and that are not of the other's history are listed. A query that
//! was still under way when the younger of two exports ended is open, not wrong. Nobody is accused on the word of the
//! other alone: what one lacks must bear its signature in the other's journal.

mod claims;
mod difference;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use symbolon_policy::{
    permit::RefusalCode,
    words::{AgencyCode, AgreementId, Purpose, QueryId, Timestamp},
};

use super::{Import, Weight, claims::Place, history::Case, notices};
use crate::journal::Side;

pub use difference::Difference;

/// What the comparison of two exports found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// The two agencies, in the order of the exports.
    pub agencies: [AgencyCode; 2],
    /// Queries that both have and tell alike.
    pub matched: u64,
    /// Claims that both have and tell alike.
    pub claims: u64,
    /// Correction notices that both have and tell alike.
    pub notices: u64,
    /// Sums per direction and purpose.
    pub sums: Vec<Row>,
    /// What differs.
    pub discrepancies: Vec<Discrepancy>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Discrepancy {
    /// How much it weighs.
    pub weight: Weight,
    /// What it is, for machines.
    #[serde(flatten)]
    pub difference: Difference,
    /// What it is, for people.
    pub text: String,
}

/// What one asker asked for one purpose, by both journals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Who asked.
    pub asker: AgencyCode,
    /// Why.
    pub purpose: Purpose,
    /// By the asker's journal.
    pub by_asker: Sums,
    /// By the holder's journal.
    pub by_holder: Sums,
}

/// Sums over queries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Queries asked or admitted.
    pub queries: u64,
    /// Identifiers in them.
    pub items: u64,
    /// Queries with a receipt that both signed.
    pub receipts: u64,
}

impl Reconciliation {
    /// Whether the two tell the same. Open matters do not count.
    pub fn is_clean(&self) -> bool {
        self.discrepancies.iter().all(|found| found.weight == Weight::Open)
    }

    pub(super) fn find(&mut self, weight: Weight, difference: Difference) {
        let text = difference.to_string();
        self.discrepancies.push(Discrepancy { weight, difference, text });
    }
}

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [one, other] = &self.agencies;
        writeln!(
            f,
            "journals of {one} and {other}: {} queries, {} claims and {} correction notices told alike",
            self.matched, self.claims, self.notices
        )?;
        for Row { asker, purpose, by_asker, by_holder } in &self.sums {
            writeln!(
                f,
                "{asker} asked for {purpose}: {} queries, {} identifiers, {} receipts; by its partner {}, {}, {}",
                by_asker.queries,
                by_asker.items,
                by_asker.receipts,
                by_holder.queries,
                by_holder.items,
                by_holder.receipts
            )?;
        }
        for Discrepancy { weight, text, .. } in &self.discrepancies {
            let weight = if *weight == Weight::Open { "open" } else { "VIOLATION" };
            writeln!(f, "{weight}: {text}")?;
        }
        f.write_str(if self.is_clean() { "the journals agree" } else { "THE JOURNALS DISAGREE" })
    }
}

/// How long before the end of an export an exchange may have begun and still be under way.
const GRACE: i64 = Timestamp::HOUR;

/// Compares the exports of two agencies. That each is sound in itself stands in its own report.
pub fn reconcile(one: &Import, other: &Import) -> Reconciliation {
    let agencies = [one.agency.clone(), other.agency.clone()];
    let mut found = Reconciliation {
        agencies: agencies.clone(),
        matched: 0,
        claims: 0,
        notices: 0,
        sums: Vec::new(),
        discrepancies: Vec::new(),
    };
    let both = |terms: &symbolon_policy::agreement::Terms| {
        agencies.iter().all(|code| terms.party(code).is_ok()) && one.agency != other.agency
    };
    let shared = |import: &Import| -> BTreeSet<AgreementId> {
        let held = import.history.agreements.iter().filter(|(_, held)| both(&held.terms));
        held.map(|(id, _)| *id).collect()
    };
    let (of_one, of_other) = (shared(one), shared(other));
    if of_one.is_empty() && of_other.is_empty() {
        found.find(Weight::Violation, Difference::Strangers { agencies });
        return found;
    }
    for agreement in of_one.symmetric_difference(&of_other) {
        let lacks = if of_one.contains(agreement) { &other.agency } else { &one.agency };
        found.find(Weight::Violation, Difference::Agreement { agreement: *agreement, lacks: lacks.clone() });
    }
    for (of, by) in [(one, other), (other, one)] {
        if by.history.signed(&of.note, &of.agency).is_err() {
            found.find(Weight::Violation, Difference::UnknownKey { of: of.agency.clone() });
        }
        checkpoints(&mut found, of, by);
        queries(&mut found, of, by);
        claims::compare(&mut found, of, by);
        notices::compare(&mut found, of, by);
    }
    found
}

/// Every checkpoint of `of` that `by` has seen must be of `of`'s history.
fn checkpoints(found: &mut Reconciliation, of: &Import, by: &Import) {
    for seen in by.history.seen.iter().filter(|seen| seen.partner == of.agency) {
        let (of_code, seen_by) = (of.agency.clone(), by.agency.clone());
        let (seq, size, held) = (seen.seq, seen.size, of.history.tree.size());
        match of.history.tree.root_at(size) {
            Some(root) if root == seen.root => {}
            Some(_) => {
                found.find(Weight::Violation, Difference::Fork { of: of_code, seen_by, seq, size });
            }
            None => {
                found.find(Weight::Violation, Difference::Short { of: of_code, seen_by, seq, size, held });
            }
        }
    }
}

/// The queries that `asker` put to `holder`.
fn queries(found: &mut Reconciliation, asker: &Import, holder: &Import) {
    let between = |import: &Import, on: Side| -> BTreeSet<QueryId> {
        let cases = import.history.cases.iter().filter(|((side, _), _)| *side == on);
        let cases = cases.filter(|(_, case)| case.asker == asker.agency && case.holder == holder.agency);
        cases.map(|((_, query), _)| *query).collect()
    };

    let mut sums: BTreeMap<Purpose, [Sums; 2]> = BTreeMap::new();
    for query in between(asker, Side::Asker).union(&between(holder, Side::Holder)) {
        let cases = [(asker, Side::Asker), (holder, Side::Holder)];
        let cases = cases.map(|(import, side)| import.history.cases.get(&(side, *query)));
        for (case, place) in cases.iter().zip([0, 1]) {
            let Some(case) = case.filter(|case| case.begun.is_some()) else { continue };
            let rows = sums.entry(case.purpose).or_default();
            let Some(sums) = rows.get_mut(place) else { continue };
            sums.queries = sums.queries.saturating_add(1);
            sums.items = sums.items.saturating_add(case.items.into());
            sums.receipts = sums.receipts.saturating_add(case.receipt.is_some().into());
        }
        match cases {
            [Some(asked), None] => only_asker(found, *query, asked, asker, holder),
            [None, Some(held)] => {
                // The holder has the asker's signature, and the asker journals what it signs before it sends it.
                let open = may_be_under_way(held.place(), holder, asker);
                found.find(weight(open), missing(*query, holder, asker));
            }
            [Some(asked), Some(held)] => compare(found, *query, (asked, asker), (held, holder)),
            [None, None] => {}
        }
    }
    for (purpose, [by_asker, by_holder]) in sums {
        found.sums.push(Row { asker: asker.agency.clone(), purpose, by_asker, by_holder });
    }
}

fn only_asker(found: &mut Reconciliation, query: QueryId, asked: &Case, asker: &Import, holder: &Import) {
    // Its own rules refused it, so it was never sent.
    if asked.begun.is_none() {
        return;
    }
    // Only a receipt bears the holder's signature; that it refused is the asker's word.
    let open = asked.receipt.is_none() || may_be_under_way(asked.place(), asker, holder);
    found.find(weight(open), missing(query, asker, holder));
}

/// A holder that is busy, fails, or cannot tell who asks, keeps no refusal.
fn untold(code: RefusalCode) -> bool {
    use RefusalCode::{Busy, Failed, Malformed, NoAgreement};
    matches!(code, NoAgreement | Malformed | Busy | Failed)
}

fn compare(
    found: &mut Reconciliation,
    query: QueryId,
    (asked, asker): (&Case, &Import),
    (held, holder): (&Case, &Import),
) {
    if asked.ask != held.ask {
        return found.find(Weight::Violation, Difference::OtherAsk { query });
    }
    let answered = |digest| held.answered.contains(digest);
    match (&asked.receipt, &held.receipt) {
        (Some(one), Some(other)) if one == other => found.matched = found.matched.saturating_add(1),
        (Some(_), Some(_)) => found.find(Weight::Violation, Difference::OtherReceipt { query }),
        (None, Some(_)) => {
            let difference = Difference::NoReceipt { query, lacks: asker.agency.clone() };
            found.find(weight(may_be_under_way(held.place(), holder, asker)), difference);
        }
        // The asker's signature may have been lost on the way.
        (Some(one), None) if answered(one) => {
            found.find(Weight::Open, Difference::NoReceipt { query, lacks: holder.agency.clone() });
        }
        (Some(_), None) if held.answered.is_empty() => {
            let open = may_be_under_way(asked.place(), asker, holder);
            found.find(weight(open), outcome(query, asked, held));
        }
        (Some(_), None) => found.find(Weight::Violation, Difference::OtherReceipt { query }),
        (None, None) => match (asked.refused, held.refused) {
            (Some(one), Some(other)) if one == other => found.matched = found.matched.saturating_add(1),
            (Some(code), None) if untold(code) && held.answered.is_empty() => {
                found.matched = found.matched.saturating_add(1);
            }
            (Some(_), _) => found.find(Weight::Violation, outcome(query, asked, held)),
            // The answer or the refusal may have been lost on the way.
            (None, _) if asked.failed && held.failed && held.answered.is_empty() => {
                found.matched = found.matched.saturating_add(1);
            }
            (None, _) => found.find(Weight::Open, outcome(query, asked, held)),
        },
    }
}

fn outcome(query: QueryId, asked: &Case, held: &Case) -> Difference {
    Difference::Outcome { query, asker: ending(asked), holder: ending(held) }
}

fn ending(case: &Case) -> String {
    match case.refused {
        _ if case.receipt.is_some() => "has a receipt".to_owned(),
        _ if !case.answered.is_empty() => "answered".to_owned(),
        Some(code) => format!("was refused ({code:?})"),
        None if case.given_back => "was refused".to_owned(),
        None if case.failed => "failed".to_owned(),
        None => "has no end yet".to_owned(),
    }
}

fn missing(query: QueryId, has: &Import, lacks: &Import) -> Difference {
    Difference::Missing { query, has: has.agency.clone(), lacks: lacks.agency.clone() }
}

/// Whether what `has` has in words that `lacks` signed may be too young for the export of `lacks`.
///
/// Times are each journal's own word, and one that stamps its entries early would never be late. So they do not count
/// where the export of `lacks` holds a checkpoint of `has` over the very entry: what it signed came before that.
pub(super) fn may_be_under_way(last: Place, has: &Import, lacks: &Import) -> bool {
    let known = lacks.history.seen.iter().any(|seen| {
        seen.partner == has.agency
            && seen.size > last.seq
            && has.history.tree.root_at(seen.size) == Some(seen.root)
    });
    !known && last.time.plus(GRACE) >= lacks.history.last
}

pub(super) fn weight(open: bool) -> Weight {
    if open { Weight::Open } else { Weight::Violation }
}
