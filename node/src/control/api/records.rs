//! What a node answers about the life of records: notices, and everything that was ever released of one.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    case::End,
    claim::Standing,
    notice::{Cause, Notice},
    words::{
        AgencyCode, AgreementId, ClaimId, Digest, Field, LegalBasis, NoticeId, OfficerId, Purpose, QueryId,
        RegisterName, Timestamp,
    },
};

use crate::register::Flags;

/// One correction notice.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NoticeLine {
    /// What is told.
    pub notice: Notice,
    /// Whether both signed it.
    pub confirmed: bool,
    /// The officer who claimed, of whichever agency asked.
    pub officer: Option<OfficerId>,
    /// The item of the claim by which the record was found, at the asker; none of a match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<u32>,
    /// The same as `hit verify` takes it, while the sealed copy of the query is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hit: Option<String>,
    /// The id of the record in its register, at the holder, while that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// The file with what corrected fields say now, if it was received; `claim open` opens it.
    pub file: Option<PathBuf>,
}

/// Everything that was ever released of one record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Disclosures {
    /// Whose register it is.
    pub agency: AgencyCode,
    /// The register.
    pub register: RegisterName,
    /// The id of the record.
    pub id: String,
    /// When this was written.
    pub at: Timestamp,
    /// The record as it is now; absent if it is not there any more.
    pub record: Option<serde_json::Value>,
    /// Claims that found it, the oldest first.
    pub claims: Vec<Disclosure>,
    /// Flags that were set without an import.
    pub flags: Vec<Flagging>,
}

/// One claim that found a record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Disclosure {
    /// The claim.
    pub claim: ClaimId,
    /// The query that it followed.
    pub query: QueryId,
    /// To whom.
    pub partner: AgencyCode,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// What people call it.
    pub title: String,
    /// For which purpose.
    pub purpose: Purpose,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// Digest of the partner's case reference, as its query carried it.
    pub case: Option<Digest>,
    /// The partner's officer who claimed.
    pub officer: OfficerId,
    /// When the query was answered.
    pub answered_at: Timestamp,
    /// When the claim came: the partner learnt then that there is such a record.
    pub claimed_at: Timestamp,
    /// Which fields were asked for, and what the rules said of each.
    pub asked: Vec<(Field, Standing)>,
    /// What was released.
    pub releases: Vec<Given>,
    /// How the case ended, if it did.
    pub end: Option<End>,
    /// What the partner was told since.
    pub notices: Vec<ToldSince>,
}

/// Fields that were released.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Given {
    /// When.
    pub at: Timestamp,
    /// Which.
    pub fields: Vec<Field>,
    /// The persons of this agency who approved.
    pub approved_by: Vec<OfficerId>,
    /// Whether the partner has taken them.
    pub taken: bool,
}

/// A correction notice about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ToldSince {
    /// The notice.
    pub notice: NoticeId,
    /// When it was made.
    pub at: Timestamp,
    /// What became of the fields.
    pub cause: Cause,
    /// Which.
    pub fields: Vec<Field>,
    /// Whether what they say now went with it.
    pub with_fields: bool,
    /// Whether the partner confirmed it.
    pub confirmed: bool,
}

/// Flags that were set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flagging {
    /// When.
    pub at: Timestamp,
    /// Which, and to what.
    pub flags: Flags,
    /// Why.
    pub reason: String,
}
