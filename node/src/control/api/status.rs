//! What the node is and what it holds, and what became of an import.

use serde::{Deserialize, Serialize};
use symbolon_policy::words::{AgencyCode, AgreementId, Digest, RegisterName, Timestamp};

use super::{
    ahead::PreparedLines,
    procedure::{CaseCounts, OpenHits},
};

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
    /// Partners' histories that contradict what they had shown before.
    #[serde(default)]
    pub forks: Vec<ForkLine>,
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

/// A partner's history that contradicts what it had shown before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForkLine {
    /// Whose.
    pub partner: AgencyCode,
    /// When one was seen first.
    pub at: Timestamp,
    /// What it contradicts, in words.
    pub text: String,
    /// How many were seen.
    pub seen: u64,
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
    /// Since when its history contradicts what it had shown before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked: Option<Timestamp>,
    /// Identifiers answered to it.
    pub given: u64,
    /// Identifiers answered by it.
    pub received: u64,
    /// Receipts it has not countersigned.
    pub open_receipts: u64,
}
