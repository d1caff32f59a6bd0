//! What a node answers: progress, then a reply or a failure.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::{Agreement, MatchAnswer},
    case::{Case, End},
    claim::{Claim, Outcome as ClaimOutcome, Release},
    identity::IdentityCard,
    manifest::Manifest,
    notice::ErasureReceipt,
    officer::Officer,
    permit::RefusalCode,
    receipt::SignedReceipt,
    rules::Simulation,
    words::{
        AgencyCode, AgreementId, Digest, EngineName, FormName, OfficerId, Purpose, QueryId, RegisterName,
        Timestamp,
    },
};
use symbolon_protocol::identifier::Kind;

#[cfg(doc)]
use super::Request;
use super::{
    ahead::{Ahead, Prepared, PreparedLines},
    alerts::Alerts,
    procedure::{CaseCounts, HitLine, OpenHits},
    records::{Disclosures, NoticeLine},
};
use crate::{
    control::failure::Failure,
    engines::Choice,
    journal::log::{Log, Statistics},
    register::Flags,
};

/// One line from the node.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// How far long work is.
    Progress(Update),
    /// The answer; the last line.
    Done(Box<Reply>),
    /// Why there is no answer; the last line.
    Failed(Failure),
}

/// How far a piece of long work is. Several pieces may run at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// Which piece: a partner's code, a file's name.
    pub task: String,
    /// What is being done.
    pub phase: String,
    /// Items done.
    pub done: u64,
    /// Items in all; 0 when not known.
    pub total: u64,
    /// Whether it is to be shown as a line that stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lasting: bool,
}

/// Answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reply")]
pub enum Reply {
    /// To [`Request::Status`].
    Status(Box<Status>),
    /// To [`Request::Identity`].
    Identity(IdentityCard),
    /// To [`Request::RegisterImport`].
    Imported(Imported),
    /// To [`Request::RegisterList`].
    Registers {
        /// All registers.
        registers: Vec<RegisterLine>,
    },
    /// To [`Request::RegisterShow`].
    Record {
        /// The record as it was imported.
        record: serde_json::Value,
    },
    /// To [`Request::RegisterRecords`].
    Records {
        /// Ids in the order of the store.
        ids: Vec<String>,
    },
    /// To [`Request::RegisterErase`].
    Erased {
        /// How many.
        records: u64,
        /// Digest over their keyed ids, as journalled.
        digest: Digest,
        /// Snapshots whose keys were destroyed because the records were in their slice.
        snapshots_ended: u64,
        /// Correction notices that wait because of it.
        #[serde(default)]
        notices: u64,
        /// The agency's signed word for it.
        receipt: Box<ErasureReceipt>,
    },
    /// To [`Request::RegisterFlag`].
    Flagged {
        /// The flags as they are now.
        flags: Flags,
        /// Those that changed.
        changed: Flags,
        /// Snapshots whose keys were destroyed because of it.
        snapshots_ended: u64,
        /// Correction notices that wait because of it.
        notices: u64,
    },
    /// To [`Request::RegisterDisclosures`].
    Disclosures(Box<Disclosures>),
    /// To [`Request::NoticeList`].
    Notices {
        /// The oldest first.
        notices: Vec<NoticeLine>,
    },
    /// A document as text: a draft in TOML, or rules.
    Text {
        /// The text.
        text: String,
    },
    /// To [`Request::AgreementSign`] and [`Request::AgreementAccept`] and [`Request::AgreementShow`].
    Agreement {
        /// Its id.
        id: AgreementId,
        /// Where it stands.
        state: AgreementState,
        /// The agreement.
        agreement: Box<Agreement>,
    },
    /// To [`Request::AgreementList`].
    Agreements {
        /// All of them.
        agreements: Vec<AgreementLine>,
    },
    /// To [`Request::RulesExplain`].
    Explained {
        /// Whether the query would be permitted.
        permitted: bool,
        /// The explanation for people.
        text: String,
        /// The explanation for machines.
        detail: serde_json::Value,
    },
    /// To [`Request::RulesSimulate`].
    Simulated(Box<Simulation>),
    /// To [`Request::PeerList`].
    Peers {
        /// Partners.
        peers: Vec<PeerLine>,
    },
    /// To [`Request::PeerPing`].
    Pong {
        /// The partner.
        partner: AgencyCode,
        /// The round trip in microseconds.
        micros: u64,
    },
    /// To [`Request::QueryExact`], [`Request::QueryCount`] and [`Request::QueryMatch`].
    Answers {
        /// One for each partner asked.
        answers: Vec<Answer>,
    },
    /// To [`Request::QueryPrepare`].
    Prepared(Box<Prepared>),
    /// To [`Request::QueryWrite`] and [`Request::CourierAnswer`].
    Written {
        /// What the file is.
        kind: CourierKind,
        /// For whom.
        partner: AgencyCode,
        /// Of which query, or which setup of keys.
        query: QueryId,
        /// Which file of a setup of keys, from 1 to the last; 0 for other files.
        #[serde(default)]
        part: u8,
        /// Where it is.
        file: PathBuf,
        /// Its length.
        bytes: u64,
        /// Why the query is refused, if the file says so.
        refused: Option<String>,
    },
    /// To [`Request::CourierOpen`] of an answer.
    Opened {
        /// The one answer.
        answers: Vec<Answer>,
        /// The file with the countersignature, for the way back.
        receipt: Option<PathBuf>,
    },
    /// To [`Request::CourierOpen`] of the last file of a setup of keys.
    KeysReady {
        /// Whose keys these are to ask.
        partner: AgencyCode,
        /// The setup.
        query: QueryId,
    },
    /// To [`Request::CourierOpen`] of a receipt.
    Settled {
        /// Who countersigned.
        partner: AgencyCode,
        /// Which query.
        query: QueryId,
    },
    /// To [`Request::OfficerEnrol`].
    Officer {
        /// As enrolled.
        officer: Officer,
    },
    /// To [`Request::OfficerList`].
    Officers {
        /// Whether queries need an officer's key: one was enrolled at some time.
        required: bool,
        /// Those enrolled now.
        officers: Vec<Officer>,
    },
    /// To [`Request::HitItems`].
    Items {
        /// Places in the query, ascending.
        items: Vec<u32>,
    },
    /// To [`Request::HitList`].
    Hits {
        /// The most urgent first.
        hits: Vec<HitLine>,
    },
    /// To [`Request::ClaimDraft`].
    ClaimDraft {
        /// The claim.
        claim: Box<Claim>,
    },
    /// To [`Request::ClaimMake`] and [`Request::ClaimCollect`].
    Claim(Box<ClaimLine>),
    /// To [`Request::ClaimList`].
    Claims {
        /// All of them, the newest first.
        claims: Vec<ClaimLine>,
    },
    /// To [`Request::CaseList`].
    Cases {
        /// The most urgent first.
        cases: Vec<CaseLine>,
    },
    /// To [`Request::CaseShow`] and [`Request::CaseStep`].
    Case(Box<CaseLine>),
    /// To [`Request::SnapshotBuild`].
    Snapshot {
        /// The manifest.
        manifest: Manifest,
        /// Seconds it took.
        seconds: f64,
    },
    /// To [`Request::SnapshotList`].
    Snapshots {
        /// Made by this node.
        made: Vec<Manifest>,
        /// Received from partners.
        received: Vec<Manifest>,
    },
    /// To [`Request::AuditVerify`].
    Audit {
        /// Whether nothing was found.
        clean: bool,
        /// The report for people.
        text: String,
        /// The report for machines.
        report: serde_json::Value,
    },
    /// To [`Request::AuditReport`].
    AuditReport(Box<AuditReport>),
    /// To [`Request::CanaryAdd`] and [`Request::CanaryList`].
    Canaries {
        /// All of them.
        canaries: Vec<CanaryLine>,
    },
    /// To [`Request::CanaryReport`].
    CanaryReport {
        /// One for each register of a partner that has canaries.
        reach: Vec<CanaryReach>,
    },
    /// To [`Request::AuditAlerts`].
    AuditAlerts(Alerts),
    /// To [`Request::AuditEvidence`] and [`Request::AuditTransparency`].
    Gathered {
        /// Where to.
        file: PathBuf,
        /// Entries of the journal that are in it, or that it tells of.
        entries: u64,
        /// Partners whose countersignature is in it.
        countersigned: Vec<AgencyCode>,
    },
    /// To [`Request::AuditExport`].
    Exported {
        /// Where to.
        file: PathBuf,
        /// Entries written.
        entries: u64,
    },
    /// To [`Request::Stop`] and whatever else has nothing to say.
    Ok,
}

/// A canary, without its identifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryLine {
    /// What it is called here.
    pub name: String,
    /// Who must hold it.
    pub partner: AgencyCode,
    /// In which register.
    pub register: RegisterName,
    /// For which purposes.
    pub purposes: Vec<Purpose>,
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// How often it was asked.
    pub asked: u64,
    /// How often it was found.
    pub found: u64,
    /// What binds to it in the journal.
    pub commitment: Digest,
}

/// What canaries of one register of a partner have shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryReach {
    /// The partner.
    pub partner: AgencyCode,
    /// The register.
    pub register: RegisterName,
    /// Items of answered exact queries since the first canary, canaries among them.
    pub items: u64,
    /// Canaries among them.
    pub asked: u64,
    /// Of these, found.
    pub found: u64,
    /// Different canaries among them.
    pub different: u64,
    /// Names of those that were not found.
    pub missed: Vec<String>,
    /// For a share of records suppressed, in per cent: the probability that it has shown, with canaries
    /// drawn anew for each item, and counting each canary once.
    pub rates: Vec<(u32, f64, f64)>,
}

/// What the journal says of a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditReport {
    /// Line by line, for the agency and its supervisor.
    pub log: Log,
    /// Counts with small cells left out, for everybody.
    pub statistics: Statistics,
}

/// A claim that this node made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClaimLine {
    /// The claim.
    pub claim: Claim,
    /// What the holder said that it found.
    pub outcome: Option<ClaimOutcome>,
    /// How it stands, if the holder was asked now.
    pub standing: Option<Standing>,
    /// What was released.
    pub releases: Vec<ReleaseLine>,
}

/// A release that was taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseLine {
    /// The file with the sealed fields.
    pub file: PathBuf,
    /// What it names.
    pub release: Release,
}

/// How a claim stands at its holder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Standing {
    /// Persons who approved.
    pub approvals: u8,
    /// Until when it is decided.
    pub decide_by: Timestamp,
    /// Whether the clock is stopped.
    pub stopped: bool,
    /// How it ended, if it did.
    pub end: Option<End>,
}

/// A claim that came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseLine {
    /// The digest of the claim, which officers sign.
    pub digest: Digest,
    /// The case.
    pub case: Case,
    /// What was released.
    pub releases: Vec<Release>,
    /// Who has the role to decide it and has not approved, if it is escalated: it waits, and at most a quarter of
    /// its time is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalated_to: Option<Vec<OfficerId>>,
}

/// What a courier's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CourierKind {
    /// A query.
    Question,
    /// Its answer, or why there is none.
    Answer,
    /// The asker's signature under the receipt.
    Receipt,
    /// A part of setting up evaluation keys.
    Keys,
}

/// What the node is and does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// The agency.
    pub agency: AgencyCode,
    /// Its display name.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// The node's peer id.
    pub peer: String,
    /// Whether it is serving.
    pub serving: bool,
    /// Where it listens.
    pub listening: Vec<String>,
    /// Registers.
    pub registers: Vec<RegisterLine>,
    /// Agreements.
    pub agreements: Vec<AgreementLine>,
    /// Entries of the journal.
    pub journal_entries: u64,
    /// Root of the journal's tree.
    pub journal_root: Digest,
    /// Exchanges under way.
    pub exchanges: u64,
    /// Meters of the current periods.
    pub meters: Vec<MeterLine>,
    /// What answers told, each way, under agreements that hold.
    #[serde(default)]
    pub told: Vec<ToldLine>,
    /// Officers.
    pub officers: OfficersLine,
    /// Alerts about the last thirty days that nobody acknowledged.
    #[serde(default)]
    pub alerts: u64,
    /// Hits of own queries of which nothing became yet.
    #[serde(default)]
    pub hits: OpenHits,
    /// Cases.
    #[serde(default)]
    pub cases: CaseCounts,
    /// Preparations of matches.
    #[serde(default)]
    pub prepared: PreparedLines,
}

/// What answers told one asker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldLine {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Who asked.
    pub asker: AgencyCode,
    /// The most that all answers together can have told, in bits, as their receipts say.
    pub leakage_bits: u64,
}

/// Whether officers are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfficersLine {
    /// Queries need an officer's key. If not, any pseudonym is taken.
    pub required: bool,
    /// Officers enrolled now.
    pub enrolled: u64,
}

/// One meter.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MeterLine {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Who asks.
    pub asker: AgencyCode,
    /// What is metered, in words.
    pub meter: String,
    /// Spent in this period.
    pub spent: u64,
    /// The limit.
    pub limit: u64,
}

/// One register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterLine {
    /// Its name.
    pub name: RegisterName,
    /// Records in it.
    pub records: u64,
}

/// What an import did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Imported {
    /// Into which register.
    pub register: RegisterName,
    /// Lines read.
    pub lines: u64,
    /// Lines that became records.
    pub good: u64,
    /// Of these, records that were there before.
    pub replaced: u64,
    /// Lines refused.
    pub rejected: u64,
    /// The first refused lines.
    pub first_rejects: Vec<Reject>,
    /// Correction notices that wait because of it.
    #[serde(default)]
    pub notices: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// One refused line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Its number, from 1.
    pub line: u64,
    /// Which field.
    pub field: String,
    /// Why.
    pub reason: String,
}

/// Where an agreement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgreementState {
    /// One or both signatures are missing.
    Unsigned,
    /// Both signed; not accepted on this node.
    Signed,
    /// In force.
    InForce,
    /// Not yet valid.
    Pending,
    /// Expired.
    Expired,
    /// Revoked.
    Revoked,
    /// Amended: another agreement holds in its place.
    Amended,
}

/// One agreement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AgreementLine {
    /// Its id.
    pub id: AgreementId,
    /// What people call it.
    pub title: String,
    /// The partner.
    pub partner: AgencyCode,
    /// The partner's display name.
    pub partner_name: String,
    /// Where it stands.
    pub state: AgreementState,
    /// Until when it holds.
    pub valid_until: Timestamp,
    /// Digest of the shared rules.
    pub rules: Digest,
}

/// One partner.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PeerLine {
    /// The partner.
    pub partner: AgencyCode,
    /// Its display name.
    pub name: String,
    /// Its peer id.
    pub peer: String,
    /// Whether it is connected.
    pub connected: bool,
    /// Where it can be reached.
    pub addresses: Vec<String>,
    /// Identifiers answered to it.
    pub given: u64,
    /// Identifiers answered by it.
    pub received: u64,
    /// Receipts it has not countersigned.
    pub open_receipts: u64,
}

/// What one partner said, or why it said nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The partner.
    pub partner: AgencyCode,
    /// The query's id, once one was made.
    pub query: Option<QueryId>,
    /// How it ended.
    pub outcome: Outcome,
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
