//! The lines of the log.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    case::{End, Step},
    permit::RefusalCode,
    receipt::AnswerClass,
    rules::ExchangeKind,
    words::{
        AgencyCode, AgreementId, ClaimId, Digest, Field, LegalBasis, OfficerId, Purpose, QueryId,
        RegisterName, Role, Timestamp,
    },
};

use crate::journal::Side;

/// How a query ended. The answer itself is in no journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Result {
    /// It has no end yet.
    Open,
    /// It was answered.
    Answered {
        /// The kind of answer.
        class: AnswerClass,
        /// Whether both signed the receipt.
        countersigned: bool,
    },
    /// It was refused.
    Refused {
        /// Why.
        code: RefusalCode,
    },
    /// It was broken off.
    Failed,
}

/// One query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryLine {
    /// The entry.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The side of this agency.
    pub side: Side,
    /// Names the query.
    pub query: QueryId,
    /// Who asked.
    pub asker: AgencyCode,
    /// Who was asked.
    pub holder: AgencyCode,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which exchange.
    pub exchange: ExchangeKind,
    /// Which register was searched.
    pub register: RegisterName,
    /// Why.
    pub purpose: Purpose,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// The pseudonym of the officer.
    pub officer: OfficerId,
    /// The digest of the case reference, if there was one.
    pub case: Option<Digest>,
    /// Identifiers or alternatives asked about.
    pub items: u32,
    /// When it was asked, by the asker's clock.
    pub asked_at: Timestamp,
    /// When it was answered, by the holder's clock.
    pub answered_at: Option<Timestamp>,
    /// How it ended.
    pub result: Result,
    /// The most that the answer can have told, in bits.
    pub leakage_bits: u64,
    /// Items that were hits, where this agency asked and there were any.
    pub hits: u64,
}

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// A query.
    Query,
    /// A snapshot, and with it the query that it was for.
    Snapshot,
    /// Setting up keys.
    Keys,
    /// A claim.
    Claim,
    /// The fields of a claim, by an officer who decides.
    Fields,
    /// A request in an officer's name.
    Request,
}

/// One refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalLine {
    /// The entry.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What was refused.
    pub refused: Refused,
    /// The side of this agency; none for a request of its own officer.
    pub side: Option<Side>,
    /// The partner.
    pub partner: Option<AgencyCode>,
    /// The register.
    pub register: Option<RegisterName>,
    /// The purpose.
    pub purpose: Option<Purpose>,
    /// The officer: who asked, or who refused the fields.
    pub officer: OfficerId,
    /// The query, if it has a name.
    pub query: Option<QueryId>,
    /// The claim.
    pub claim: Option<ClaimId>,
    /// Why, as a code; none where an officer gave words.
    pub code: Option<RefusalCode>,
    /// Why, in words.
    pub reason: Option<String>,
    /// The clauses that decided, by id.
    pub clauses: Vec<String>,
}

/// One step of a person, or of the clock, in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionLine {
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Which step.
    pub step: Step,
    /// Why the clock was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseLine {
    /// The entry.
    pub seq: u64,
    /// When, by the holder's clock.
    pub at: Timestamp,
    /// From 0, in the order of the releases of a claim.
    pub number: u32,
    /// Of how many records.
    pub records: u64,
    /// Which fields, of any of them.
    pub fields: Vec<Field>,
    /// Who approved.
    pub approved_by: Vec<OfficerId>,
    /// Whether both signed it.
    pub countersigned: bool,
}

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimLine {
    /// The entry.
    pub seq: u64,
    /// When it was made or came.
    pub at: Timestamp,
    /// The side of this agency.
    pub side: Side,
    /// Names the claim.
    pub claim: ClaimId,
    /// The query whose hit is claimed.
    pub query: QueryId,
    /// Who claims.
    pub asker: AgencyCode,
    /// Of whom.
    pub holder: AgencyCode,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// The officer who claims.
    pub officer: OfficerId,
    /// The officer who verified the hit.
    pub verified_by: OfficerId,
    /// When that was, by the asker's clock.
    pub verified_at: Timestamp,
    /// Identifiers that were opened; none for a match, which is opened whole.
    pub items: u64,
    /// Fields that were requested.
    pub fields: Vec<Field>,
    /// How many records it found, as far as this agency knows.
    pub found: Option<u64>,
    /// What people of the holder decided; at the holder.
    pub decisions: Vec<DecisionLine>,
    /// What was released.
    pub releases: Vec<ReleaseLine>,
    /// How it ended; at the holder.
    pub end: Option<End>,
}

/// What an officer said of a hit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JudgementLine {
    /// The entry.
    pub seq: u64,
    /// When, by the officer's clock.
    pub at: Timestamp,
    /// Who.
    pub officer: OfficerId,
    /// Of which query.
    pub query: QueryId,
    /// Of which item; none for an explanation of the query.
    pub item: Option<u32>,
    /// Whether it is the same person; none for an explanation.
    pub same: Option<bool>,
    /// Why.
    pub reason: Option<String>,
}

/// One agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementLine {
    /// The entry that accepted it.
    pub seq: u64,
    /// Its id.
    pub agreement: AgreementId,
    /// The partner.
    pub partner: AgencyCode,
    /// Its title.
    pub title: String,
    /// The digest of its rules; none if they cannot be read by this program.
    pub rules: Option<Digest>,
    /// From when on it holds.
    pub valid_from: Timestamp,
    /// To when.
    pub valid_until: Timestamp,
    /// When it was revoked, if it was before the end of the period; or what it would have amended.
    pub revoked: Option<Timestamp>,
    /// When an amendment took its place, if it was before the end of the period.
    #[serde(default)]
    pub amended: Option<Timestamp>,
    /// Whether it held at any moment of the period.
    pub in_force: bool,
}

/// A change of rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RulesLine {
    /// An agreement was accepted.
    Accepted {
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
        /// Which.
        agreement: AgreementId,
        /// The partner.
        partner: AgencyCode,
    },
    /// An agreement was revoked.
    Revoked {
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
        /// Which.
        agreement: AgreementId,
        /// By whom.
        by: AgencyCode,
        /// Why.
        reason: String,
    },
    /// An amendment took the place of an agreement.
    Amended {
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
        /// The amendment.
        agreement: AgreementId,
        /// Whose place it took.
        amended: AgreementId,
    },
    /// National rules were set or removed.
    National {
        /// The entry.
        seq: u64,
        /// When.
        at: Timestamp,
        /// Whether there are any from now on.
        set: bool,
        /// Their digest; none if this program cannot read them. The text is the agency's own.
        rules: Option<Digest>,
    },
}

/// An enrolment or its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerLine {
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub officer: OfficerId,
    /// With which roles; none when the enrolment ended.
    pub roles: Vec<Role>,
    /// Why it ended.
    pub removed: Option<String>,
}

/// What happened to a register, a snapshot or keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Records were imported.
    Imported,
    /// Records were erased, or expired.
    Erased,
    /// Flags of a record were set.
    FlagsSet,
    /// A correction notice about so many fields was made, came or was confirmed.
    Notice,
    /// A change was broken off.
    Failed,
    /// Sealed copies of own queries were destroyed.
    QueriesErased,
    /// The key of a snapshot was destroyed.
    SnapshotEnded,
    /// Evaluation keys were destroyed.
    KeysEnded,
    /// Matches may be prepared with a partner again.
    PreparationsAllowed,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeLine {
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: ChangeKind,
    /// Of which register, where it is of one.
    pub register: Option<RegisterName>,
    /// Of how many records, queries or keys.
    pub count: u64,
    /// Why, where it was said.
    pub reason: Option<String>,
}

/// A query of this agency that was opened to an auditor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpeningLine {
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Which query.
    pub query: QueryId,
    /// By whom.
    pub officer: OfficerId,
    /// The age recipient that it is sealed to.
    pub recipient: String,
    /// Why, and to whom.
    pub reason: String,
    /// The digest of the sealed file.
    pub file: Digest,
}

/// Canaries in one query of this agency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryLine {
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Which query.
    pub query: QueryId,
    /// Who was asked.
    pub partner: AgencyCode,
    /// In which register.
    pub register: RegisterName,
    /// How many canaries.
    pub asked: u32,
    /// How many of them were found.
    pub found: u32,
}

/// Something that a partner did against the protocol, or that looks like it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultLine {
    /// The entry.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The partner.
    pub partner: Option<AgencyCode>,
    /// The query, if it was in one.
    pub query: Option<QueryId>,
    /// The claim, if it was in one.
    pub claim: Option<ClaimId>,
    /// What was noted.
    pub what: String,
}
