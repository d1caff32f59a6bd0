//! What partners answered to a query, or why there is no answer.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::MatchAnswer,
    permit::RefusalCode,
    receipt::SignedReceipt,
    words::{AgencyCode, EngineName, FormName, QueryId, Timestamp},
};
use symbolon_protocol::identifier::Kind;

use super::ahead::Ahead;
use crate::{control::failure::Failure, engines::Choice};

/// What one partner said, or why it said nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The partner.
    pub partner: AgencyCode,
    /// The file with the probe that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<PathBuf>,
    /// The query's id, once one was made.
    pub query: Option<QueryId>,
    /// How it ended.
    pub outcome: Outcome,
    /// Of which moment the register was that an exact query asked: when its snapshot was made, by the partner's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Seconds it took, by phase.
    pub timing: Vec<(String, f64)>,
    /// Bytes sent to the partner.
    pub bytes_out: u64,
    /// Bytes received from it.
    pub bytes_in: u64,
    /// What a match was expected to cost before it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// Which engine a match takes, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Box<Choice>>,
    /// Of these bytes, those that set up keys of a match; absent where keys were there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<Moved>,
    /// How much of a match was done ahead; absent where the engine does nothing ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Ahead>,
    /// The receipt, where the exchange ended well.
    pub receipt: Option<Box<SignedReceipt>>,
}

/// What a match is expected to cost, by the engine's own model.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Seconds at the holder, if it has as many cores as this machine.
    pub seconds: f64,
    /// Bytes to the holder.
    pub bytes_up: u64,
    /// Bytes from it.
    pub bytes_down: u64,
    /// Records, padding included.
    pub entries: u64,
    /// Whether these were the records of the last match of this slice; else they are the most that the agreement
    /// allows, and so are the figures.
    pub known: bool,
}

/// Bytes that went over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Sent.
    pub bytes_out: u64,
    /// Received.
    pub bytes_in: u64,
}

/// How a query to one partner ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// For each person, in the order of the file, the kinds of identifier that hit; a hit is a
    /// candidate, not an identity.
    Hits {
        /// One for each person.
        people: Vec<Person>,
        /// People with at least one hit.
        hits: u64,
    },
    /// A noisy number.
    Count {
        /// The estimate.
        estimate: i64,
        /// The true number is within this with probability 0.95.
        half_width: u32,
        /// ε spent.
        epsilon: f64,
        /// δ.
        delta: f64,
        /// Distinct identifiers asked.
        items: u32,
    },
    /// Whether somebody is close to the probe.
    Matched(Matched),
    /// Refused, here or there.
    Refused {
        /// Whether this node's own rules refused.
        here: bool,
        /// The reason code.
        code: RefusalCode,
        /// In words.
        text: String,
        /// Clauses that decided, where they may be shown.
        clauses: Vec<String>,
        /// How to learn more, if this node's rules refused.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    },
    /// No answer.
    Failed {
        /// Why, and what to do.
        failure: Failure,
    },
}

/// The answer to a match. A hit is a candidate, not an identity.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Matched {
    /// The form of the templates.
    pub form: FormName,
    /// What was asked.
    pub answer: MatchAnswer,
    /// Whether there is a hit.
    pub hit: bool,
    /// How many records are hits; absent if only a yes or no was asked, or if there are more than `cap`.
    pub candidates: Option<u64>,
    /// The most candidates that are shown.
    pub cap: u32,
    /// The engine.
    pub engine: EngineName,
    /// Records searched, padding included.
    pub entries: u64,
    /// Comparisons of one template with another, at most.
    pub comparisons: u64,
    /// Of answers with a hit, the share in which the person is not in the slice, at most, by the agreement's
    /// degrees of freedom and expectation.
    pub false_hits: Option<f64>,
    /// The most that the answer can have told, in bits.
    pub leakage_bits: u64,
    /// Probes of this register in this period.
    pub budget: Budget,
}

/// What was spent, and of how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Spent.
    pub spent: u64,
    /// The limit.
    pub limit: u64,
}

/// One person of a query.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Person {
    /// The asker's own reference for the person, or the line number.
    pub reference: String,
    /// Kinds of identifier that hit.
    pub hits: Vec<Kind>,
}
