//! Reconciliation: do two agencies' journals tell the same?
//!
//! Queries and correction notices are matched by id. What one has and the other lacks, what they tell differently, and
//! checkpoints that one has seen and that are not of the other's history are listed. A query that
//! was still under way when the younger of two exports ended is open, not wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;
use symbolon_policy::{
    permit::RefusalCode,
    words::{AgencyCode, AgreementId, NoticeId, Purpose, QueryId, Timestamp},
};

use super::{Import, Weight, history::Case, notices};

/// What the comparison of two exports found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// The two agencies, in the order of the exports.
    pub agencies: [AgencyCode; 2],
    /// Queries that both have and tell alike.
    pub matched: u64,
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

/// How two journals can differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "difference")]
pub enum Difference {
    /// The two exports are not of two agencies that deal with each other.
    #[error("the exports are of {0} and {1}, which share no agreement", agencies[0], agencies[1])]
    Strangers {
        /// Whose they are.
        agencies: [AgencyCode; 2],
    },
    /// An agency's export is signed by a key that the other does not know.
    #[error("the export of {of} is signed by a key that no agreement in the other export names")]
    UnknownKey {
        /// Whose export.
        of: AgencyCode,
    },
    /// An agreement is missing.
    #[error("{lacks} does not have the agreement {agreement}, which the other accepted")]
    Agreement {
        /// Which.
        agreement: AgreementId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// A query is missing.
    #[error("{lacks} does not have query {query}, which {has} has")]
    Missing {
        /// Which.
        query: QueryId,
        /// Who has it.
        has: AgencyCode,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// The query was put in different words.
    #[error("query {query} stands in the two journals in different words")]
    OtherAsk {
        /// Which.
        query: QueryId,
    },
    /// The receipts differ.
    #[error("the receipts of query {query} differ, for instance in the transcript")]
    OtherReceipt {
        /// Which.
        query: QueryId,
    },
    /// A receipt is missing.
    #[error("{lacks} does not have the receipt of query {query} that both signed")]
    NoReceipt {
        /// Which.
        query: QueryId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// The outcomes differ.
    #[error("query {query} ended differently: asker {asker}, holder {holder}")]
    Outcome {
        /// Which.
        query: QueryId,
        /// How it ended for the asker.
        asker: String,
        /// How it ended for the holder.
        holder: String,
    },
    /// A correction notice is missing.
    #[error("{lacks} does not have the correction notice {notice}, which the other has")]
    NoNotice {
        /// Which.
        notice: NoticeId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// A correction notice is not confirmed.
    #[error("{lacks} does not have the other's confirmation of the correction notice {notice}")]
    Unconfirmed {
        /// Which.
        notice: NoticeId,
        /// Who lacks it.
        lacks: AgencyCode,
    },
    /// A correction notice says different things.
    #[error("the correction notice {notice} stands in the two journals in different words")]
    OtherNotice {
        /// Which.
        notice: NoticeId,
    },
    /// A checkpoint is not of the other's history.
    #[error(
        "{seen_by} has seen a checkpoint of {of} with {size} entries (entry {seq}) that is not of the history in \
         its export: {of} has rewritten its journal, or keeps two"
    )]
    Fork {
        /// Whose checkpoint.
        of: AgencyCode,
        /// Who saw it.
        seen_by: AgencyCode,
        /// At which entry.
        seq: u64,
        /// Of how many entries.
        size: u64,
    },
    /// A checkpoint is of more entries than the other's export has.
    #[error(
        "{seen_by} has seen {size} entries of {of} (entry {seq}), but its export has {held}: either entries were \
         cut off, or the export is the older one; export it anew"
    )]
    Short {
        /// Whose checkpoint.
        of: AgencyCode,
        /// Who saw it.
        seen_by: AgencyCode,
        /// At which entry.
        seq: u64,
        /// Of how many entries.
        size: u64,
        /// How many the export has.
        held: u64,
    },
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
            "journals of {one} and {other}: {} queries and {} correction notices told alike",
            self.matched, self.notices
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
    let between = |import: &Import| -> BTreeSet<QueryId> {
        let cases = import.history.cases.iter();
        let cases = cases.filter(|(_, case)| case.asker == asker.agency && case.holder == holder.agency);
        cases.map(|(query, _)| *query).collect()
    };
    let mut sums: BTreeMap<Purpose, [Sums; 2]> = BTreeMap::new();
    for query in between(asker).union(&between(holder)) {
        let cases = [asker.history.cases.get(query), holder.history.cases.get(query)];
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
                let difference = missing(*query, holder, asker);
                found.find(weight(fresh(held.last, asker)), difference);
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
    let open = fresh(asked.last, holder) || (asked.receipt.is_none() && asked.refused.is_none_or(untold));
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
            found.find(weight(fresh(held.last, asker)), difference);
        }
        // The asker's signature may have been lost on the way.
        (Some(one), None) if answered(one) => {
            found.find(Weight::Open, Difference::NoReceipt { query, lacks: holder.agency.clone() });
        }
        (Some(_), None) if held.answered.is_empty() => {
            found.find(weight(fresh(asked.last, holder)), outcome(query, asked, held));
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
        None if case.failed => "failed".to_owned(),
        None => "has no end yet".to_owned(),
    }
}

fn missing(query: QueryId, has: &Import, lacks: &Import) -> Difference {
    Difference::Missing { query, has: has.agency.clone(), lacks: lacks.agency.clone() }
}

/// Whether what one journal said last of something may be too young for the other export to have it.
pub(super) fn fresh(last: Timestamp, other: &Import) -> bool {
    last.plus(GRACE) >= other.history.last
}

pub(super) fn weight(open: bool) -> Weight {
    if open { Weight::Open } else { Weight::Violation }
}
