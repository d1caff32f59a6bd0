//! What the journal records.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::{Agreement, Revocation},
    ask::{Ask, Fetch},
    case::{Ended, Found, Step},
    claim::{Claim, Outcome, SignedRelease},
    keys::KeySet,
    manifest::Manifest,
    notice::SignedNotice,
    officer::{Intent, Officer, SignedAct},
    permit::RefusalCode,
    prepare::SignedPrepare,
    quota::Charge,
    receipt::SignedReceipt,
    signing::Signature,
    words::{
        AgencyCode, AgreementId, ClaimId, Digest, Field, NoticeId, OfficerId, QueryId, Reference,
        RegisterName, SnapshotId, Timestamp,
    },
};

use crate::{alerts::Alert, register::Flags};

/// The side of an exchange that this node was on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// It asked.
    Asker,
    /// It was asked.
    Holder,
}

/// One thing that happened. Entries hold no identifier and no field, and of an answer only the places of hits of
/// this node's own queries.
///
/// A map of one key, the event's name. (A tag inside the map would make serde buffer the content
/// and forget that it is not text, so digests could not be read back from CBOR.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The journal was begun.
    Begun {
        /// By which agency.
        agency: AgencyCode,
        /// With which version of this program.
        software: String,
    },
    /// An agreement that both parties signed was accepted.
    AgreementAccepted {
        /// The whole agreement.
        agreement: Box<Agreement>,
    },
    /// An agreement was revoked, by this agency or by its partner.
    AgreementRevoked {
        /// What was said.
        revocation: Revocation,
        /// By the agreement key of the party that said it.
        signature: Signature,
    },
    /// An amendment took the place of the agreement that it names. Revoking it no longer brings that one back.
    AgreementAmended {
        /// The amendment.
        agreement: AgreementId,
        /// Whose place it took.
        amended: AgreementId,
    },
    /// A partner confirmed that it knows of a revocation by this agency.
    RevocationKnown {
        /// Of which agreement.
        agreement: AgreementId,
    },
    /// An officer was enrolled.
    OfficerEnrolled {
        /// With which roles and keys.
        officer: Officer,
    },
    /// An officer's enrolment was ended.
    OfficerRemoved {
        /// Whose.
        officer: OfficerId,
        /// Why.
        reason: String,
    },
    /// An officer signed a request; queries follow.
    OfficerAsked {
        /// What was signed.
        act: SignedAct,
        /// What it is the digest of.
        intent: Intent,
    },
    /// A request was refused because no enrolled officer stands for it.
    OfficerRefused {
        /// Whom the request named.
        officer: OfficerId,
        /// What came with it, if anything did.
        act: Option<SignedAct>,
        /// Why.
        reason: String,
    },
    /// The national rules were set, or removed.
    NationalRules {
        /// Their text.
        text: Option<String>,
    },
    /// An import is about to change a register.
    ImportBegun {
        /// Which register.
        register: RegisterName,
    },
    /// An erasure is about to change a register.
    ErasureBegun {
        /// Which register.
        register: RegisterName,
    },
    /// Flags of a record are about to be set.
    FlagsBegun {
        /// Of which register.
        register: RegisterName,
    },
    /// Flags of a record were set.
    FlagsSet {
        /// Of which register.
        register: RegisterName,
        /// The node's own pseudonym of the record, as in cases.
        record: Digest,
        /// Which, and to what.
        flags: Flags,
        /// Why.
        reason: String,
    },
    /// A change of a register that was begun was broken off; a part of it may be in the register.
    ChangeFailed {
        /// Which register.
        register: RegisterName,
        /// What happened.
        reason: String,
    },
    /// Records were imported.
    Imported {
        /// Into which register.
        register: RegisterName,
        /// Lines that became records.
        good: u64,
        /// Of these, records that were there before.
        replaced: u64,
        /// Lines that were refused.
        rejected: u64,
        /// Digest of what was read.
        digest: Digest,
    },
    /// Records were erased, or expired.
    Erased {
        /// Out of which register.
        register: RegisterName,
        /// How many.
        records: u64,
        /// Digest over their ids; who can guess the ids can confirm them.
        digest: Digest,
        /// Why.
        reason: String,
    },
    /// A snapshot and its epoch key were made.
    SnapshotMade {
        /// What it is.
        manifest: Manifest,
    },
    /// An epoch key was destroyed and its snapshot deleted.
    SnapshotEnded {
        /// Which.
        snapshot: SnapshotId,
        /// Why.
        reason: String,
    },
    /// A snapshot was sent to a partner, or received from one.
    SnapshotMoved {
        /// Which side this node was on.
        side: Side,
        /// What it is.
        manifest: Manifest,
        /// The holder's signature over the manifest.
        signature: Signature,
    },
    /// A snapshot was refused, by the side named or by the partner, and with it the query it was for.
    SnapshotRefused {
        /// Which side this node was on.
        side: Side,
        /// What was wanted.
        fetch: Fetch,
        /// Why it was refused.
        code: RefusalCode,
        /// The clauses that decided, by id.
        clauses: Vec<String>,
    },
    /// Evaluation keys were set up.
    KeysMade {
        /// Which side this node was on.
        side: Side,
        /// What they are.
        set: KeySet,
        /// The holder's signature over it.
        signature: Signature,
        /// Digest of this node's file of them.
        file: Digest,
        /// Bytes of this file.
        bytes: u64,
    },
    /// Setting up evaluation keys was refused, by the side named or by the partner.
    KeysRefused {
        /// Which side this node was on.
        side: Side,
        /// What was wanted.
        fetch: Fetch,
        /// Why it was refused.
        code: RefusalCode,
        /// The clauses that decided, by id.
        clauses: Vec<String>,
    },
    /// Setting up evaluation keys was begun and broken off.
    KeysFailed {
        /// Which side this node was on.
        side: Side,
        /// What was wanted.
        fetch: Fetch,
        /// Whether the partner broke the protocol, as it does with false keys.
        partner_at_fault: bool,
        /// What happened.
        reason: String,
    },
    /// Evaluation keys were destroyed.
    KeysEnded {
        /// Which.
        keys: Digest,
        /// Why.
        reason: String,
    },
    /// A partner broke the protocol in the preparation of a match, or in a match that used one: a try at the secrets of
    /// this side that was not charged. No more are made with it until [`Event::PreparationsAllowed`].
    PreparationFailed {
        /// Which side this node was on.
        side: Side,
        /// Who broke it.
        partner: AgencyCode,
        /// The preparation.
        preparation: Digest,
        /// The asker's words for it; absent for a match, which has its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signed: Option<Box<SignedPrepare>>,
        /// What happened.
        reason: String,
    },
    /// A person lets preparations be made with a partner again.
    PreparationsAllowed {
        /// With whom.
        partner: AgencyCode,
        /// Why.
        reason: String,
    },
    /// A query was asked, or admitted. Its charges are spent from here on.
    Query {
        /// Which side this node was on.
        side: Side,
        /// The opening words.
        ask: Ask,
        /// The asker's signature over them.
        signature: Signature,
        /// What it cost.
        charges: Vec<Charge>,
    },
    /// A query was refused, by the side named or by the partner.
    Refused {
        /// Which side this node was on.
        side: Side,
        /// The opening words.
        ask: Ask,
        /// The asker's signature over them.
        signature: Signature,
        /// Why.
        code: RefusalCode,
        /// The clauses that decided, by id.
        clauses: Vec<String>,
    },
    /// A query ended without an answer on this side.
    Failed {
        /// Which side this node was on.
        side: Side,
        /// Which query.
        query: QueryId,
        /// Whether the partner broke the protocol.
        partner_at_fault: bool,
        /// What happened.
        reason: String,
    },
    /// Sealed copies of own queries were destroyed: they had been kept for as long as the settings say.
    QueriesErased {
        /// Which, at most 1,000.
        queries: Vec<QueryId>,
    },
    /// An answer was given; the asker has not countersigned yet.
    Answered {
        /// The receipt with the holder's signature.
        receipt: Box<SignedReceipt>,
    },
    /// A receipt that both sides signed.
    Receipt {
        /// Which side this node was on.
        side: Side,
        /// The receipt with both signatures.
        receipt: Box<SignedReceipt>,
    },
    /// Which hits the answer to an own query has, none among them. Written before the answer is shown to anybody.
    HitsSeen {
        /// Which query.
        query: QueryId,
        /// Places of the hits in it, ascending; of a match the one place 0. None for no hits.
        items: Vec<u32>,
    },
    /// A claim was made, or came.
    Claimed {
        /// Which side this node was on.
        side: Side,
        /// What is claimed.
        claim: Claim,
        /// By the asker's agreement key.
        signature: Signature,
        /// The officer's word for it, at the asker.
        act: Option<SignedAct>,
        /// What the holder found, and what its rules say of it.
        found: Vec<Found>,
        /// When.
        at: Timestamp,
    },
    /// A claim was refused, by the side named or by the partner.
    ClaimRefused {
        /// Which side this node was on.
        side: Side,
        /// What was claimed.
        claim: Claim,
        /// By the asker's agreement key.
        signature: Signature,
        /// Why.
        code: RefusalCode,
    },
    /// A claim was broken off.
    ClaimFailed {
        /// Which side this node was on.
        side: Side,
        /// What was claimed.
        claim: Claim,
        /// By the asker's agreement key.
        signature: Signature,
        /// Whether the partner broke the protocol.
        partner_at_fault: bool,
        /// What happened.
        reason: String,
        /// The digest of what the asker opened, if it is not what it had asked; the signed claim holds the same. It
        /// alone says that something false was opened. Entries of earlier versions lack it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opened: Option<Digest>,
    },
    /// The holder said what a claim found.
    ClaimAnswered {
        /// Which claim.
        claim: ClaimId,
        /// What it said.
        outcome: Outcome,
        /// By the holder's agreement key.
        signature: Signature,
    },
    /// The holder said how a claim ended.
    ClaimEnded {
        /// Which claim.
        claim: ClaimId,
        /// What it said.
        ended: Ended,
        /// By the holder's agreement key.
        signature: Signature,
    },
    /// A person or the clock took a step in a case.
    CaseStep {
        /// The claim.
        claim: ClaimId,
        /// Which step.
        step: Step,
        /// The officer's word for it; none for the clock's.
        act: Option<SignedAct>,
        /// When.
        at: Timestamp,
    },
    /// An officer verified a hit, or explained why it is not claimed.
    HitJudged {
        /// The officer's word.
        act: SignedAct,
    },
    /// Fields were released: made by the holder, or countersigned by both.
    Released {
        /// Which side this node was on.
        side: Side,
        /// What is released.
        release: SignedRelease,
        /// Of each released field a mark of what it says, when the holder makes it. Only the holder can make or read one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        marks: Vec<(Reference, Vec<(Field, Digest)>)>,
    },
    /// A correction notice: made by the holder, or confirmed by the asker.
    Notice {
        /// Which side this node was on.
        side: Side,
        /// What is told.
        notice: Box<SignedNotice>,
        /// Marks of corrected fields, when the holder makes it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        marks: Vec<(Field, Digest)>,
        /// The notice in whose place the holder tells this one: its values may not leave any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instead_of: Option<NoticeId>,
    },
    /// Something stood out in this journal, and was told for the first time.
    AlertRaised {
        /// What.
        alert: Alert,
    },
    /// An officer looked into an alert.
    AlertAcknowledged {
        /// Which, and what the officer says of it.
        act: SignedAct,
    },
    /// A query of this agency is opened to an auditor.
    QueryOpened {
        /// Which, to whom and why, by an officer who audits.
        act: SignedAct,
        /// The digest of the sealed file.
        file: Digest,
    },
    /// Canaries were added: records that a partner must hold.
    CanariesAdded {
        /// Which partner.
        partner: AgencyCode,
        /// In which register.
        register: RegisterName,
        /// What binds to each of them and says nothing of it.
        commitments: Vec<Digest>,
    },
    /// A query of this agency had canaries among its items.
    CanariesAsked {
        /// Which query.
        query: QueryId,
        /// How many.
        asked: u32,
        /// How many were found.
        found: u32,
    },
    /// A partner's checkpoint was found consistent with the last one seen, and countersigned.
    CheckpointSeen {
        /// Whose.
        partner: AgencyCode,
        /// The signed note, with our countersignature.
        note: String,
    },
    /// A partner countersigned our checkpoint.
    CheckpointCountersigned {
        /// Which partner.
        partner: AgencyCode,
        /// The signed note, with both signatures.
        note: String,
    },
    /// A partner showed a history that contradicts the one it showed before.
    ForkSeen {
        /// Which partner.
        partner: AgencyCode,
        /// The note it showed before.
        before: String,
        /// The note it shows now.
        now: String,
    },
}
