//! What a node answers about queries, hits and cases that wait.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    rules::ExchangeKind,
    words::{AgencyCode, OfficerId, Purpose, QueryId, RegisterName, Timestamp},
};

/// An own query that can be resumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryLine {
    /// The query.
    pub query: QueryId,
    /// Who was asked.
    pub partner: AgencyCode,
    /// How.
    pub exchange: ExchangeKind,
    /// In which register.
    pub register: RegisterName,
    /// Why.
    pub purpose: Purpose,
    /// Who asked.
    pub officer: OfficerId,
    /// When.
    pub asked_at: Timestamp,
    /// Where it stands.
    pub stage: QueryStage,
}

/// Why a query can be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueryStage {
    /// It is under way, or was when this node was stopped.
    Open,
    /// It ended without an answer.
    Failed,
    /// It was answered, and this node was stopped before anybody saw the answer.
    Unseen,
}

/// Hits of one own query of which nothing became yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitLine {
    /// The query.
    pub query: QueryId,
    /// Who was asked.
    pub holder: AgencyCode,
    /// Who asked.
    pub officer: OfficerId,
    /// When it was answered.
    pub answered_at: Timestamp,
    /// Until when a claim is taken; absent where the agreement has no claims.
    pub due: Option<Timestamp>,
    /// Whether that is over.
    pub overdue: bool,
    /// Their places in the query; of a match the one place 0.
    pub items: Vec<u32>,
    /// The same as `hit verify` takes them, while the sealed copy of an exact query is kept.
    pub hits: Vec<String>,
    /// How it was asked.
    pub exchange: ExchangeKind,
    /// The case reference of the query, while its sealed copy is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case: Option<String>,
    /// For each of `items` who said last that it is the person, if the last word on it says so.
    #[serde(default)]
    pub verified_by: Vec<Option<OfficerId>>,
}

/// Hits of own queries of which nothing became yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenHits {
    /// Neither claimed nor explained, overdue ones included.
    pub open: u64,
    /// Of these, those whose time for a claim is over.
    pub overdue: u64,
    /// The same by officer.
    pub officers: Vec<OfficerHits>,
}

/// Hits of one officer's queries of which nothing became yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficerHits {
    /// Who asked.
    pub officer: OfficerId,
    /// Neither claimed nor explained, overdue ones included.
    pub open: u64,
    /// Of these, those whose time for a claim is over.
    pub overdue: u64,
}

/// Cases at this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseCounts {
    /// They wait for a person, escalated ones included.
    pub waiting: u64,
    /// Of these, those with at most a quarter of their time left.
    pub escalated: u64,
    /// Their clock is stopped.
    pub stopped: u64,
    /// Nobody decided in time.
    pub lapsed: u64,
}
