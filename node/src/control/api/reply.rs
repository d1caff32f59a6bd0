//! What a node answers: progress, then a reply or a failure.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::Agreement,
    claim::Claim,
    identity::IdentityCard,
    manifest::Manifest,
    notice::{Cause, ErasureReceipt},
    officer::Officer,
    rules::Past,
    words::{AgencyCode, AgreementId, ClaimId, Digest, QueryId},
};

#[cfg(doc)]
use super::Request;
use super::{
    ahead::Prepared,
    alerts::Alerts,
    answer::Answer,
    lines::{AuditReport, CanaryLine, CanaryReach, CaseLine, ClaimLine, CourierKind},
    procedure::{HitLine, QueryLine},
    records::{Disclosures, NoticeLine},
    status::{AgreementLine, AgreementState, Imported, PeerLine, RegisterLine, Status},
};
use crate::{control::failure::Failure, register::Flags};

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
        /// Ids that were named and are of no record.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unknown: Vec<String>,
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
        /// Whether these went out, or came.
        #[serde(default)]
        sent: bool,
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
    /// To [`Request::AgreementRevoke`].
    Revoked {
        /// The agreement.
        id: AgreementId,
        /// What people call it.
        title: String,
        /// With whom it was.
        partner: AgencyCode,
        /// Whether the partner has confirmed that it knows; it is told at the next meeting if not.
        told: bool,
    },
    /// To [`Request::AgreementList`].
    Agreements {
        /// All of them.
        agreements: Vec<AgreementLine>,
    },
    /// To [`Request::RulesNational`], if the rules were changed.
    National {
        /// How many clauses are in force now.
        clauses: u64,
        /// The digest of the rules, if there are any.
        digest: Option<Digest>,
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
    Simulated(Box<Past>),
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
    /// To [`Request::QueryList`].
    Queries {
        /// The newest first.
        queries: Vec<QueryLine>,
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
        /// What correction notices said became of records whose fields were released by a claim, each cause once.
        told: Vec<(ClaimId, Vec<Cause>)>,
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
    /// To [`Request::AuditOpen`].
    QueryOpened {
        /// Which query.
        query: QueryId,
        /// Where to.
        file: PathBuf,
        /// The digest of the file, as the journal has it.
        digest: Digest,
        /// Whom it is sealed to.
        recipient: String,
    },
    /// To [`Request::AuditExport`].
    Exported {
        /// Where to.
        file: PathBuf,
        /// Entries written.
        entries: u64,
    },
    /// To whatever writes one thing down: what was noted, in a sentence or two.
    Noted {
        /// The sentences.
        text: String,
    },
    /// To [`Request::Stop`] and whatever else has nothing to say.
    Ok,
}
