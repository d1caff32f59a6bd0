//! What a node can be asked to do.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    claim::Claim,
    identity::IdentityCard,
    officer::{OfficerCard, SignedAct},
    rules::proof::Certificate,
    words::{
        AgencyCode, ClaimId, Field, FormName, LegalBasis, OfficerId, Position, Purpose, QueryId,
        RegisterName, Role, Timestamp,
    },
};
use symbolon_protocol::identifier::Kind;

use super::{
    Authority,
    words::{Explain, Format, NationalChange, QueryTerms, Wish},
};
use crate::register::Flags;

/// What a node can be asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "request", deny_unknown_fields)]
pub enum Request {
    /// What the node is and does.
    Status,
    /// The node's identity card.
    Identity,
    /// Takes records from a file.
    RegisterImport {
        /// Into which register.
        register: RegisterName,
        /// Absolute path of the file.
        file: PathBuf,
        /// Its form; told by its name when absent.
        format: Option<Format>,
        /// Makes the register if it is not there.
        create: bool,
        /// Where refused lines are listed, as NDJSON.
        rejects: Option<PathBuf>,
    },
    /// All registers.
    RegisterList,
    /// One record.
    RegisterShow {
        /// Of which register.
        register: RegisterName,
        /// Which record.
        id: String,
    },
    /// Ids of records, a page at a time.
    RegisterRecords {
        /// Of which register.
        register: RegisterName,
        /// After this record.
        after: Option<String>,
        /// At most so many.
        limit: usize,
    },
    /// Erases records.
    RegisterErase {
        /// Of which register.
        register: RegisterName,
        /// Which records; those whose retention ended when empty.
        ids: Vec<String>,
        /// Why.
        reason: String,
    },
    /// Sets flags of a record.
    RegisterFlag {
        /// Of which register.
        register: RegisterName,
        /// Which record.
        id: String,
        /// Which flags, and to what.
        flags: Flags,
        /// Why.
        reason: String,
    },
    /// Everything that was ever released of a record.
    RegisterDisclosures {
        /// Of which register.
        register: RegisterName,
        /// Which record.
        id: String,
    },
    /// Correction notices.
    NoticeList {
        /// Those of this node, in place of those it received.
        sent: bool,
    },
    /// A draft of an agreement with a partner, as TOML.
    AgreementDraft {
        /// The partner's card.
        partner: Box<IdentityCard>,
        /// What people call the agreement.
        title: Option<String>,
        /// From when on; from now on when absent.
        valid_from: Option<Timestamp>,
        /// For how many days.
        days: u32,
        /// The shared rules; a ready set when absent.
        rules: Option<String>,
    },
    /// Signs a draft or an agreement the partner signed.
    AgreementSign {
        /// TOML of a draft, or JSON of an agreement.
        document: String,
        /// The certificates of proofs that it lists.
        #[serde(default)]
        proofs: Vec<Certificate>,
    },
    /// Accepts an agreement that both signed.
    AgreementAccept {
        /// Its JSON.
        document: String,
        /// The certificates of proofs that it lists.
        #[serde(default)]
        proofs: Vec<Certificate>,
    },
    /// Agreements in force and past.
    AgreementList,
    /// One agreement.
    AgreementShow {
        /// Beginning of its id.
        id: String,
    },
    /// Revokes an agreement.
    AgreementRevoke {
        /// Beginning of its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// Sets, shows or removes the national rules.
    RulesNational {
        /// What to do.
        change: NationalChange,
    },
    /// Why a query would be allowed or refused.
    RulesExplain {
        /// The query.
        query: Explain,
    },
    /// What other rules would have said of the queries in the journal, and of the fields that were claimed.
    RulesSimulate {
        /// The rules to try.
        text: String,
        /// They are national rules, in the place of those in force; shared rules otherwise.
        national: bool,
    },
    /// Partners and whether they are connected.
    PeerList,
    /// A round trip to a partner.
    PeerPing {
        /// Which partner.
        partner: AgencyCode,
    },
    /// Lets matches be prepared again with a partner that broke the protocol in a preparation.
    PeerAllowPreparations {
        /// Which partner.
        partner: AgencyCode,
        /// Why.
        reason: String,
    },
    /// Which people are in partners' registers.
    QueryExact {
        /// Words of the query.
        terms: QueryTerms,
        /// Absolute path of the file with the people, NDJSON or CSV.
        subjects: PathBuf,
        /// Its form; told by its name when absent.
        format: Option<Format>,
    },
    /// How many people are in partners' registers.
    QueryCount {
        /// Words of the query.
        terms: QueryTerms,
        /// Absolute path of the file with the people.
        subjects: PathBuf,
        /// Its form; told by its name when absent.
        format: Option<Format>,
        /// The one kind of identifier that is counted.
        kind: Kind,
    },
    /// Who in partners' registers is close to a probe.
    QueryMatch {
        /// Words of the query.
        terms: QueryTerms,
        /// What is asked.
        wish: Wish,
    },
    /// Does work ahead of a match.
    QueryPrepare {
        /// With which partner.
        partner: AgencyCode,
        /// Of which register.
        register: RegisterName,
        /// Why.
        purpose: Purpose,
        /// On which legal basis.
        basis: LegalBasis,
        /// The officer under whose pseudonym it is asked for.
        officer: OfficerId,
        /// Whether the match will carry a case reference.
        case: bool,
        /// The form of the templates.
        form: FormName,
        /// Where each alternative will have been taken; one, at the first place of the form, when empty.
        positions: Vec<Position>,
    },
    /// Writes a match to a file for a courier in place of sending it.
    QueryWrite {
        /// Words of the query; one partner.
        terms: QueryTerms,
        /// What is asked.
        wish: Wish,
        /// Absolute path of the new file.
        file: PathBuf,
    },
    /// Answers a courier's file.
    CourierAnswer {
        /// Absolute path of the question.
        file: PathBuf,
        /// Absolute path of the new file with the answer; beside the question when absent.
        out: Option<PathBuf>,
    },
    /// Opens the answer, or the receipt, that a courier brought.
    CourierOpen {
        /// Absolute path.
        file: PathBuf,
        /// Absolute path of the new file for the way back; beside the one that came when absent.
        out: Option<PathBuf>,
    },
    /// Own queries that can be resumed.
    QueryList,
    /// Asks a query again that was interrupted. It costs nothing more.
    QueryResume {
        /// Which query.
        query: QueryId,
        /// The officer's word for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        authority: Option<Box<Authority>>,
    },
    /// Enrols an officer.
    OfficerEnrol {
        /// What the officer showed.
        card: Box<OfficerCard>,
        /// What the officer may do.
        roles: Vec<Role>,
        /// Until when; without end when absent.
        until: Option<Timestamp>,
    },
    /// Officers that are enrolled.
    OfficerList,
    /// Ends an enrolment.
    OfficerRemove {
        /// Whose.
        id: OfficerId,
        /// Why.
        reason: String,
    },
    /// The places in a query of hits, by the person's reference and the kind of identifier. What was no hit is refused.
    HitItems {
        /// Which query.
        query: QueryId,
        /// Which hits; none for the hit of a match.
        hits: Vec<(String, Kind)>,
    },
    /// Records what an officer says of hits.
    HitJudge {
        /// What the officer signed.
        acts: Vec<SignedAct>,
    },
    /// Hits of own queries of which nothing became yet.
    HitList {
        /// Only those whose time for a claim is over.
        overdue: bool,
    },
    /// Writes a claim, for the officer to sign.
    ClaimDraft {
        /// The query.
        query: QueryId,
        /// Places of its hits; none for a match.
        items: Vec<u32>,
        /// The fields that are requested.
        fields: Vec<Field>,
        /// The officer who claims.
        officer: OfficerId,
    },
    /// Makes a claim.
    ClaimMake {
        /// The claim.
        claim: Box<Claim>,
        /// The officer's signature under its digest.
        act: Box<SignedAct>,
    },
    /// Asks how a claim stands, and takes what is released.
    ClaimCollect {
        /// Which claim.
        claim: ClaimId,
    },
    /// Claims that this node made.
    ClaimList,
    /// Cases: claims that came.
    CaseList {
        /// Also those that are over.
        all: bool,
    },
    /// One case.
    CaseShow {
        /// Which.
        claim: ClaimId,
    },
    /// Decides a case, or stops or resumes its clock.
    CaseStep {
        /// Which.
        claim: ClaimId,
        /// What the officer signed.
        act: Box<SignedAct>,
    },
    /// Builds the snapshot for a partner anew.
    SnapshotBuild {
        /// For which partner.
        partner: AgencyCode,
        /// Of which register.
        register: RegisterName,
        /// For which purpose.
        purpose: Purpose,
    },
    /// Snapshots made and received.
    SnapshotList,
    /// Checks the journal.
    AuditVerify,
    /// Tells what the journal says of a period.
    AuditReport {
        /// From when on; from the beginning when absent.
        from: Option<Timestamp>,
        /// To before when; to now when absent.
        to: Option<Timestamp>,
        /// Below how many a cell of the statistics is left out.
        smallest: u64,
    },
    /// Adds canaries: records that a partner must hold.
    CanaryAdd {
        /// Which partner.
        partner: AgencyCode,
        /// In which register.
        register: RegisterName,
        /// For which purposes they are in the slice.
        purposes: Vec<Purpose>,
        /// From when on they are there.
        from: Option<Timestamp>,
        /// From when on no more.
        until: Timestamp,
        /// Absolute path of a file of people.
        subjects: PathBuf,
        /// Its form; by the name when absent.
        format: Option<Format>,
    },
    /// Lists canaries, without their identifiers.
    CanaryList,
    /// Writes canaries with their identifiers to a file, for an auditor.
    CanaryOpen {
        /// Absolute path.
        file: PathBuf,
    },
    /// Tells how likely suppression would have shown by now.
    CanaryReport,
    /// Tells what stands out in the journal.
    AuditAlerts {
        /// From which day on; thirty days before now when absent.
        from: Option<Timestamp>,
        /// Whether those that were acknowledged are told too.
        #[serde(default)]
        all: bool,
    },
    /// Records that an officer looked into an alert.
    AlertAcknowledge {
        /// Signed by the officer.
        act: SignedAct,
    },
    /// Writes what a supervisor gets of a period to a file.
    AuditTransparency {
        /// From when on; from the beginning when absent.
        from: Option<Timestamp>,
        /// To before when; to now when absent.
        to: Option<Timestamp>,
        /// Below how many a cell of the statistics is left out.
        smallest: u64,
        /// Absolute path.
        file: PathBuf,
    },
    /// Writes evidence about a query, a claim or a partner's fork to a file.
    AuditEvidence {
        /// The id of the query or claim, or the code of the partner.
        about: String,
        /// Absolute path.
        file: PathBuf,
    },
    /// Opens a query of this node to an auditor, in a sealed file.
    AuditOpen {
        /// Signed by an officer who audits.
        act: Box<SignedAct>,
        /// Absolute path.
        file: PathBuf,
    },
    /// Writes the journal to a file.
    AuditExport {
        /// Absolute path.
        file: PathBuf,
    },
    /// Stops the node.
    Stop,
}
