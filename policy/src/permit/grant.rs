//! What a paid permit allows to be disclosed.

use symbolon_protocol::{
    exchange::Disclosure,
    matching::engine::{Answer, Asked},
};

use super::{Refusal, RefusalCode};
use crate::{agreement::Terms, ask::Ask, rules::ExchangeKind};

/// One disclosure, or none.
#[derive(Debug)]
pub(super) enum Grant {
    /// The answer to an exact query about so many identifiers.
    Evaluations(u64),
    /// The answer to a count of so many identifiers.
    Count(u64),
    /// The answer to one match.
    Match(Asked),
    /// The preparation of one match.
    Preparation(Asked),
    /// The snapshot of one slice.
    Snapshot,
    /// The setting up of keys, which discloses nothing.
    Keys,
    /// What a claim opens, in so many bytes.
    Opening(u64),
}

impl Grant {
    /// What the answer to an admitted query discloses.
    ///
    /// # Errors
    /// [`RefusalCode::ExchangeNotAgreed`] for a match that is not agreed; it was not admitted either.
    pub(super) fn of(terms: &Terms, ask: &Ask) -> Result<Self, Refusal> {
        let items = u64::from(ask.items);
        match ask.exchange {
            ExchangeKind::Exact => Ok(Self::Evaluations(items)),
            ExchangeKind::Count => Ok(Self::Count(items)),
            ExchangeKind::Match => {
                let asked = terms.asked(ask);
                let text = "the agreement does not cover this match";
                asked.map(Self::Match).ok_or_else(|| Refusal::new(RefusalCode::ExchangeNotAgreed, text))
            }
        }
    }

    /// Whether a disclosure is the one that is allowed.
    pub(super) fn covers(&self, disclosure: &Disclosure) -> bool {
        match (self, disclosure) {
            (Self::Evaluations(paid), Disclosure::Evaluations { items })
            | (Self::Count(paid), Disclosure::Count { items }) => items == paid,
            (Self::Match(asked), Disclosure::Match { groups, cap, alternatives }) => {
                let agreed = match asked.answer {
                    Answer::Any => None,
                    Answer::Candidates { cap } => Some(cap),
                };
                *groups <= asked.largest_slice && *cap == agreed && *alternatives == asked.alternatives
            }
            (Self::Preparation(asked), Disclosure::Preparation { groups, alternatives }) => {
                *groups <= asked.largest_slice && *alternatives == asked.alternatives
            }
            (Self::Snapshot, Disclosure::Snapshot { .. }) => true,
            (Self::Opening(paid), Disclosure::Opening { bytes }) => bytes == paid,
            _ => false,
        }
    }
}
