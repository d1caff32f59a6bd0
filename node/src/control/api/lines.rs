//! What replies are made of, where it has no file of its own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    case::{Case, End},
    claim::{Claim, Outcome as ClaimOutcome, Release},
    permit::RefusalCode,
    words::{AgencyCode, Digest, Field, OfficerId, Purpose, Reference, RegisterName, Timestamp},
};

use crate::journal::log::{Log, Statistics};

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
    /// How the holder said that it ended, when it was asked last.
    pub ended: Option<End>,
    /// Why the holder did not take the claim, if it refused it.
    pub refused: Option<RefusalCode>,
    /// What was released.
    pub releases: Vec<ReleaseLine>,
    /// The hits that are claimed, by their places in the query and as `hit verify` takes them, while the sealed copy of
    /// an exact query is kept; only where one claim is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hits: Vec<(u32, String)>,
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
    /// The register in which the query asked.
    pub register: RegisterName,
    /// The purpose of the query.
    pub purpose: Purpose,
    /// When the query was asked, by the asker's clock.
    pub asked_at: Timestamp,
    /// The ids of the records that were found; only where one case is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<(Reference, String)>,
    /// What became of records since the claim, in words, where it bears on what the asker has not taken yet; only where
    /// one case is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<(Reference, String)>,
    /// What was released and not taken, and as it stands now is not handed over; only where one case is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_back: Vec<(Reference, Field)>,
    /// Records that are not in their register any more; only where one case is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Reference>,
    /// Whether the agreement has ended, by itself or by revocation: then nothing more leaves.
    #[serde(default)]
    pub agreement_ended: bool,
    /// Who stopped the clock, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<(OfficerId, String)>,
    /// The case.
    pub case: Case,
    /// What was released.
    pub releases: Vec<Release>,
    /// The numbers of those that the asker has and signed for.
    #[serde(default)]
    pub taken: Vec<u32>,
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
