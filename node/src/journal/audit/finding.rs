//! What the audit of one journal can find.

use std::fmt;

use serde::Serialize;
use symbolon_policy::words::{AgencyCode, AgreementId, ClaimId, OfficerId, QueryId};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// It may be in order, and has to be closed one day.
    Open,
    /// Something is not as it must be.
    Violation,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// At which entry.
    pub seq: Option<u64>,
    /// How much it weighs.
    pub weight: Weight,
    /// What it is, for machines.
    #[serde(flatten)]
    pub fault: Fault,
    /// What it is, for people.
    pub text: String,
}

impl Finding {
    pub(super) fn new(seq: Option<u64>, weight: Weight, fault: Fault) -> Self {
        let text = fault.to_string();
        Self { seq, weight, fault, text }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.weight {
            Weight::Open => "open",
            Weight::Violation => "VIOLATION",
        })?;
        self.seq.iter().try_for_each(|seq| write!(f, " at entry {seq}"))?;
        write!(f, ": {}", self.text)
    }
}

/// What is wrong or open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// The chain ends here.
    #[error("altered or damaged at byte {offset}: {problem}; nothing after it was audited")]
    Broken {
        /// Where, in bytes.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// The file ends in an entry that was never acknowledged.
    #[error("the file ends in {bytes} bytes of an unfinished entry; the node cuts them off when it starts")]
    Unfinished {
        /// How many.
        bytes: u64,
    },
    /// An agreement does not stand.
    #[error("the agreement does not stand: {problem}")]
    Agreement {
        /// Why.
        problem: String,
    },
    /// Something refers to an agreement that was not accepted before.
    #[error("the agreement {agreement} was not accepted before")]
    UnknownAgreement {
        /// Which.
        agreement: AgreementId,
    },
    /// A query was paid for while its agreement did not hold.
    #[error("query {query} was admitted while its agreement did not hold")]
    NotInForce {
        /// Which query.
        query: QueryId,
    },
    /// A signature does not stand.
    #[error("the signature of the {document} does not stand: {problem}")]
    Signature {
        /// Over what.
        document: String,
        /// Why.
        problem: String,
    },
    /// The charges are not those of the agreement.
    #[error("query {query} was not charged as its agreement says")]
    Charges {
        /// Which query.
        query: QueryId,
    },
    /// A meter went over its limit.
    #[error("query {query} took a meter of its agreement to {spent} of {limit}")]
    Overspent {
        /// Which query.
        query: QueryId,
        /// The reading.
        spent: u64,
        /// How far it may go.
        limit: u64,
    },
    /// A query was paid for twice.
    #[error("query {query} was asked twice")]
    AskedTwice {
        /// Which query.
        query: QueryId,
    },
    /// This agency is not on the side that the entry says.
    #[error("query {query} does not have this agency on the side that the entry names")]
    WrongSide {
        /// Which query.
        query: QueryId,
    },
    /// An answer or receipt without what must come before it.
    #[error("query {query} has a receipt, but its {missing} was not journalled before")]
    Unfounded {
        /// Which query.
        query: QueryId,
        /// What is missing: `query` or `answer`.
        missing: String,
    },
    /// Two entries about one query differ in its words.
    #[error("query {query} stands here in other words than before")]
    OtherAsk {
        /// Which query.
        query: QueryId,
    },
    /// Two receipts for one query differ.
    #[error("query {query} has another receipt than the one journalled before")]
    OtherReceipt {
        /// Which query.
        query: QueryId,
    },
    /// What an officer is said to have signed does not stand.
    #[error("what {officer} is said to have signed does not stand: {problem}")]
    Officer {
        /// Which officer.
        officer: OfficerId,
        /// Why.
        problem: String,
    },
    /// A query of this agency that no enrolled officer signed for, though officers are enrolled.
    #[error("query {query} was asked in the name of {officer}, who did not sign for it")]
    Unsigned {
        /// Which query.
        query: QueryId,
        /// The officer that it names.
        officer: OfficerId,
    },
    /// Hits of a query of this agency are not as they must be.
    #[error("query {query}: {problem}")]
    Hits {
        /// Which query.
        query: QueryId,
        /// What.
        problem: String,
    },
    /// Something about a claim is not as it must be.
    #[error("claim {claim}: {problem}")]
    Claim {
        /// Which claim.
        claim: ClaimId,
        /// What.
        problem: String,
    },
    /// A query has no end yet.
    #[error("query {query} has neither answer, refusal nor failure yet")]
    OpenQuery {
        /// Which query.
        query: QueryId,
    },
    /// The asker has not countersigned yet.
    #[error("query {query} was answered, but the asker has not signed the receipt yet")]
    OpenReceipt {
        /// Which query.
        query: QueryId,
    },
    /// Which hits the answer had is not noted yet; the node notes it before it shows them to anybody.
    #[error("query {query} was answered, and which hits the answer has is not noted yet")]
    UnseenHits {
        /// Which query.
        query: QueryId,
    },
    /// A checkpoint that a partner countersigned is of another history.
    #[error(
        "{partner} countersigned a checkpoint of {size} entries that is not of this history: the journal was \
         rewritten"
    )]
    Rewritten {
        /// Which partner.
        partner: AgencyCode,
        /// Of how many entries.
        size: u64,
    },
    /// A note does not stand.
    #[error("the checkpoint exchanged with {partner} does not stand: {problem}")]
    Note {
        /// Which partner.
        partner: AgencyCode,
        /// Why.
        problem: String,
    },
    /// A partner's checkpoint was journalled as seen though it contradicts an earlier one.
    #[error("a checkpoint of {partner} was countersigned although it contradicts the one seen before")]
    Countersigned {
        /// Which partner.
        partner: AgencyCode,
    },
    /// A partner showed two histories.
    #[error("{partner} showed a history that contradicts the one it showed before")]
    PartnerFork {
        /// Which partner.
        partner: AgencyCode,
    },
}
