//! Why a query was refused.

use serde::{Deserialize, Serialize};

use crate::rules::{ClauseRef, Decision, Reason};

/// Reason codes. A refused query always gets one; a suppressed record never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// No agreement in force between the two nodes covers the query.
    NoAgreement,
    /// The agreement was revoked.
    Revoked,
    /// The agreement does not hold yet.
    NotYetValid,
    /// The agreement expired.
    Expired,
    /// The agreement was amended: other terms hold in its place.
    Amended,
    /// The two nodes have different shared rules.
    RulesMismatch,
    /// The agreement has no terms for this exchange.
    ExchangeNotAgreed,
    /// The agreement does not have this form of template.
    FormNotAgreed,
    /// The agreement does not allow this engine.
    EngineNotAgreed,
    /// This node does not have the engine.
    EngineMissing,
    /// The agreement does not allow this answer for the form.
    AnswerNotAgreed,
    /// More identifiers, or alternatives, than the agreement allows in one query.
    BatchTooLarge,
    /// Fewer identifiers than a count may have, or none at all.
    BatchTooSmall,
    /// A quota would be exceeded.
    QuotaExceeded,
    /// A count of this register and purpose was answered in this period.
    Differencing,
    /// The privacy budget of this period would be exceeded.
    EpsilonSpent,
    /// The probes of this register in this period would be exceeded.
    ProbesSpent,
    /// The rules do not permit the query.
    RulesForbid,
    /// A clause of the rules could not be evaluated; that refuses.
    RulesFailed,
    /// The holder has no such register.
    UnknownRegister,
    /// The snapshot that was asked is no longer there; fetch the current one.
    StaleSnapshot,
    /// The holder does not have the evaluation keys of the query, or they expired; set up keys first.
    StaleKeys,
    /// Keys were set up as often as one partner may in a day.
    SetupsSpent,
    /// No match is prepared ahead now: there is no room, there were many today, or one was broken by the partner.
    NotPrepared,
    /// The slice has more records than the agreement lets a query search.
    SliceTooLarge,
    /// A query with this id was asked before in other words, over another register, or its protocol was broken: it is
    /// not answered again.
    AlteredRetry,
    /// No signature of an enrolled officer for this query is on record.
    OfficerUnproven,
    /// The asker has not signed receipts of earlier queries.
    OpenReceipts,
    /// The opening words are malformed, unsigned or of another version.
    Malformed,
    /// The agreement has no terms for claims.
    ClaimsNotAgreed,
    /// The query that is claimed was not answered here.
    UnknownQuery,
    /// The query that is claimed was answered too long ago.
    ClaimTooLate,
    /// The claim names another case or legal basis than its query.
    CaseDiffers,
    /// More records are hits than a claim may find.
    TooManyRecords,
    /// A claim with this id was made before in other words.
    AlteredClaim,
    /// The clocks of the two nodes are too far apart.
    ClockSkew,
    /// The holder is at its limit of exchanges; try again later.
    Busy,
    /// The holder could not go on.
    Failed,
}

/// A refusal with its reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// The reason, for machines.
    pub code: RefusalCode,
    /// The reason, for people.
    pub text: String,
    /// The clauses that decided, for the node's own eyes: national clauses may be confidential.
    pub clauses: Vec<ClauseRef>,
}

impl Refusal {
    /// A refusal that no clause decided.
    pub fn new(code: RefusalCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), clauses: Vec::new() }
    }

    /// What a decision of the rules does not permit.
    pub(super) fn by_rules(decision: &Decision) -> Self {
        let (code, text) = match &decision.reason {
            Reason::EvaluationError(_) => {
                (RefusalCode::RulesFailed, "a clause of the rules could not be evaluated")
            }
            Reason::NothingPermits => (RefusalCode::RulesForbid, "no clause of the rules permits the query"),
            _ => (RefusalCode::RulesForbid, "the rules forbid the query"),
        };
        Self { clauses: decision.clauses.clone(), ..Self::new(code, text) }
    }
}
