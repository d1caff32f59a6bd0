//! A proposal made ready to decide millions of queries, each as the node would decide it.
//!
//! Nothing is decided here in other words than the policy's: what terms cover is asked of `permit::covers`, what a
//! query costs of `quota::charges`, and every decision of the rules comes from a `Rulebook` that both sides of a
//! pair have, with their own national rules ([`making`]). What is decided alike is asked once ([`table`]): queries by
//! the cell of their numbers, records and fields by their class; what rules decide alike in several proposals or
//! between several pairs is shared by all of them ([`crate::shelf`]). `contract/tests.rs` holds all of it to
//! `permit::admit`, the node's own way in.

mod asking;
mod making;
mod table;

use std::{collections::BTreeMap, sync::Arc};

use symbolon_policy::{
    receipt::{AnswerClass, leakage_bits},
    rules::{ExchangeKind, RuleErrors, RulebookError},
    words::WordError,
};
use symbolon_protocol::padding::Buckets;

use crate::{
    cost::{Calibration, EngineCost},
    proposal::Proposal,
    scenario::{EventKind, Scenario},
    shelf::Needs,
};

pub(crate) use asking::ask;
use making::Making;

pub(crate) use table::{Numbers, Table};

/// What cannot be made ready.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ContractError {
    /// Rules do not stand.
    #[error("rules of the proposal {0} do not stand:\n{1}")]
    Rules(String, RuleErrors),
    /// Rules do not stand together.
    #[error(transparent)]
    Rulebook(#[from] RulebookError),
    /// A word that is none.
    #[error(transparent)]
    Word(#[from] WordError),
}

/// A proposal made ready.
pub(crate) struct Contract {
    /// The proposal's name.
    pub(crate) id: String,
    /// Every practice between every directed pair.
    pub(crate) lines: Vec<Line>,
    /// Places of lines by event and asker.
    by: BTreeMap<(EventKind, usize), Vec<usize>>,
    pub(crate) pacts: Vec<Pact>,
    pub(crate) meters: Vec<MeterKind>,
    pub(crate) tables: Vec<Arc<Table>>,
}

/// An agreement between two parties.
pub(crate) struct Pact {
    pub(crate) parties: [usize; 2],
    pub(crate) valid_from: i64,
    pub(crate) valid_until: i64,
}

/// A meter of one asker under one agreement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeterKind {
    pub(crate) limit: f64,
    pub(crate) days: i64,
    /// The asker, where every officer has one.
    pub(crate) officers_of: Option<usize>,
    /// From when on it is agreed, in seconds since 1970.
    pub(crate) from: i64,
}

/// What a query puts on a meter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    pub(crate) meter: usize,
    /// For one item, if it grows with the items, or for the query.
    pub(crate) amount: f64,
    pub(crate) by_items: bool,
    pub(crate) is_quota: bool,
    /// Whether every officer has a meter of its own.
    pub(crate) by_officer: bool,
}

/// Claims after hits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claims {
    pub(crate) claim_seconds: i64,
    pub(crate) decide_seconds: i64,
}

/// One practice of one asker towards one holder.
pub(crate) struct Line {
    pub(crate) asker: usize,
    pub(crate) holder: usize,
    pub(crate) practice: usize,
    pub(crate) exchange: ExchangeKind,
    pub(crate) items: u32,
    /// Canaries that the node would have for each item, on average, and the most items of a query with them.
    pub(crate) canary_odds: f64,
    pub(crate) largest: u32,
    /// Under which agreement; without one nothing can be asked.
    pub(crate) pact: Option<usize>,
    /// Whether the terms cover it.
    pub(crate) covered: bool,
    pub(crate) uses: Vec<Use>,
    /// Whether it matters which officer asks.
    pub(crate) by_officer: bool,
    /// The tables of the asker and the holder; one if both decide by the same rules.
    pub(crate) tables: Vec<usize>,
    /// Classes of records that take part.
    pub(crate) slice: Arc<Vec<bool>>,
    /// For each class and each field claimed, the approvals that it needs; none if it is never released.
    pub(crate) needs: Arc<Needs>,
    /// Bits that each field claimed tells at most.
    pub(crate) field_bits: Vec<f64>,
    pub(crate) claims: Option<Claims>,
    pub(crate) cost: EngineCost,
    /// Seconds for which a snapshot or keys serve.
    pub(crate) epoch_seconds: i64,
    pub(crate) answer: Option<AnswerClass>,
    /// For a count: ε in thousandths, dummies, and the smallest and largest batch.
    pub(crate) count: Option<(u32, u32, u32, u32)>,
    /// To which sizes a slice is padded.
    pub(crate) buckets: Buckets,
    pub(crate) every_days: i64,
}

impl Line {
    /// The most bits that an answer tells.
    pub(crate) fn bound(&self, entries: f64) -> f64 {
        // Fewer than 2^53 entries.
        self.answer.map_or(0.0, |answer| leakage_bits(answer, self.items, entries as u64) as f64)
    }
}

/// The register that every simulated party has.
pub(crate) const REGISTER: &str = "border";
/// The officer in whose name queries are put; each simulated officer is decided like him.
const OFFICER: &str = "officer";

impl Contract {
    /// Makes a proposal ready.
    ///
    /// # Errors
    /// [`ContractError`] if rules do not stand.
    pub(crate) fn new(
        scenario: &Scenario,
        proposal: &Proposal,
        calibration: &Calibration,
    ) -> Result<Self, ContractError> {
        let mut making = Making::new(scenario, proposal, calibration);
        making.every_line()?;
        Ok(making.done())
    }

    /// Lines that come up at an event of an asker.
    pub(crate) fn at(&self, event: EventKind, asker: usize) -> &[usize] {
        self.by.get(&(event, asker)).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests;
