//! The log: what a journal tells an authority, and nothing that is not in it.
//!
//! One line a query says who asked whom, when, when it was answered, which register, for which purpose, on which
//! basis, by which officer's pseudonym, with which class of result; claims, refusals, approvals, releases,
//! changes of rules and of registers have lines of their own. A [`Collector`] reads entry after entry, of
//! the journal's file or of an export; a line names the entry it comes from.
//!
//! Source: Regulation (EU) 2024/982, Article 40, for what a log holds; Article 33 for the justification.

mod balance;
mod collect;
mod lines;
mod statistics;
mod suppression;

use serde::{Deserialize, Serialize};
use symbolon_policy::words::{AgencyCode, Digest, Timestamp};

pub use balance::BalanceLine;
pub use collect::Collector;
pub use lines::{
    AgreementLine, CanaryLine, ChangeKind, ChangeLine, ClaimLine, DecisionLine, FaultLine, JudgementLine,
    OfficerLine, OpeningLine, QueryLine, RefusalLine, Refused, ReleaseLine, Result, RulesLine,
};
pub use statistics::{Block, Dimension, Row, Statistics, Table};

/// Below how many a cell of the statistics is left out, if nothing else is asked for.
pub const SMALLEST: u64 = 5;

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// From this moment on.
    pub from: Timestamp,
    /// To before this one.
    pub to: Timestamp,
}

impl Period {
    /// Whether a moment lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }
}

/// What the journal tells of a period. Times are those at which this node wrote its entries, where a line
/// does not say another thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Whose journal.
    pub agency: AgencyCode,
    /// Of which period.
    pub period: Period,
    /// Entries of the whole journal when it was read.
    pub entries: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// Whether the audit of the whole journal found nothing violated.
    pub clean: bool,
    /// Queries that were asked or came in the period, whenever they ended.
    pub queries: Vec<QueryLine>,
    /// Everything that was refused, on either side.
    pub refusals: Vec<RefusalLine>,
    /// Claims that were made or came, with every decision and release.
    pub claims: Vec<ClaimLine>,
    /// What officers said of hits.
    pub judgements: Vec<JudgementLine>,
    /// Agreements accepted before the end of the period.
    pub agreements: Vec<AgreementLine>,
    /// Changes of rules and agreements.
    pub rules: Vec<RulesLine>,
    /// Officers enrolled and removed.
    pub officers: Vec<OfficerLine>,
    /// Imports, erasures, ends of snapshots and keys.
    pub changes: Vec<ChangeLine>,
    /// What partners are recorded to have done against the protocol.
    pub faults: Vec<FaultLine>,
    /// Queries of this agency that were opened to an auditor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub openings: Vec<OpeningLine>,
    /// Canaries that were asked.
    pub canaries: Vec<CanaryLine>,
    /// What was answered each way.
    pub balance: Vec<BalanceLine>,
}

#[cfg(test)]
mod tests;
