//! Hits of own queries, and what became of each: claimed, said to be another person, explained, or nothing.
//!
//! Only the asker's node knows its hits. It notes their places in the query, in the journal, before anybody is
//! shown the answer; the state and the audit both follow from there. A match is about one person and has one
//! place, 0.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::ClaimTerms,
    claim::Claim,
    officer::ActKind,
    receipt::Receipt,
    rules::ExchangeKind,
    words::{AgencyCode, AgreementId, OfficerId, QueryId, Timestamp},
};
use symbolon_protocol::matching::engine::Matched;

/// The hits of one query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hits {
    pub(crate) query: QueryId,
    pub(crate) agreement: AgreementId,
    pub(crate) holder: AgencyCode,
    /// Who asked.
    pub(crate) officer: OfficerId,
    pub(crate) answered_at: Timestamp,
    /// Until when a claim is taken; none where the agreement has no claims, so that nothing is ever due.
    pub(crate) due: Option<Timestamp>,
    /// Places of the hits, ascending.
    pub(crate) items: Vec<u32>,
    /// Places of a claim that the holder answered.
    claimed: Vec<u32>,
    /// Places that an officer last said are another person.
    different: Vec<u32>,
    explained: bool,
}

impl Hits {
    pub(crate) fn new(receipt: &Receipt, terms: Option<&ClaimTerms>, items: Vec<u32>) -> Self {
        let ask = &receipt.ask;
        let hours = |terms: &ClaimTerms| i64::from(terms.claim_hours).saturating_mul(Timestamp::HOUR);
        Self {
            query: ask.query,
            agreement: ask.agreement,
            holder: ask.holder.clone(),
            officer: ask.officer.clone(),
            answered_at: receipt.answered_at,
            due: terms.map(|terms| receipt.answered_at.plus(hours(terms))),
            items,
            claimed: Vec::new(),
            different: Vec::new(),
            explained: false,
        }
    }

    /// Takes an officer's word.
    pub(crate) fn judged(&mut self, act: &ActKind) {
        match act {
            ActKind::Verify { item, same, .. } => {
                self.different.retain(|other| other != item);
                if !same {
                    self.different.push(*item);
                }
            }
            ActKind::Explain { .. } => self.explained = true,
            _ => {}
        }
    }

    /// A claim was answered. One of a match has no places and is of the whole.
    pub(crate) fn claimed(&mut self, claim: &Claim) {
        let places = if claim.items.is_empty() { self.items.clone() } else { claim.items.clone() };
        self.claimed.extend(places);
        self.claimed.sort_unstable();
        self.claimed.dedup();
    }

    /// Places of the hits of which nothing became yet.
    pub(crate) fn open(&self) -> Vec<u32> {
        let open = |item: &&u32| !self.claimed.contains(item) && !self.different.contains(item);
        self.items.iter().filter(|_| !self.explained).filter(open).copied().collect()
    }

    /// Whether the time for a claim is over.
    pub(crate) fn is_overdue(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| now > due)
    }
}

/// The query whose hit an act is about.
pub(crate) fn judged(act: &ActKind) -> Option<QueryId> {
    match act {
        ActKind::Verify { query, .. } | ActKind::Explain { query, .. } => Some(*query),
        _ => None,
    }
}

/// Places of the hits of an exact query.
pub(crate) fn exact(flags: &[bool]) -> Vec<u32> {
    (0_u32..).zip(flags).filter(|(_, hit)| **hit).map(|(place, _)| place).collect()
}

/// The place of the hit of a match, if there is one.
pub(crate) fn matched(answer: &Matched) -> Vec<u32> {
    let hit = match answer {
        Matched::Any(hit) => *hit,
        Matched::Candidates { hits, .. } => !hits.is_empty(),
        Matched::TooMany => true,
    };
    if hit { vec![0] } else { Vec::new() }
}

/// Whether places can be those of hits of a query; there may be none.
pub(crate) fn fit(items: &[u32], exchange: ExchangeKind, asked: u32) -> bool {
    let ascending = items.iter().zip(items.iter().skip(1)).all(|(a, b)| a < b);
    let most = match exchange {
        ExchangeKind::Exact => asked,
        ExchangeKind::Match => 1,
        // It has no hits, not even none.
        ExchangeKind::Count => return false,
    };
    ascending && items.iter().all(|item| *item < most)
}
