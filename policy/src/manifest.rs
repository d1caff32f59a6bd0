//! The manifest of a snapshot, signed by the holder.

use serde::{Deserialize, Serialize};
use symbolon_protocol::filter::Summary;

use crate::{
    signing::Document,
    words::{AgencyCode, AgreementId, Digest, Purpose, RegisterName, SnapshotId, Timestamp},
};

/// What a snapshot is. Everything an asker needs to check an answer against stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Names the snapshot.
    pub snapshot: SnapshotId,
    /// For which agreement.
    pub agreement: AgreementId,
    /// Whose register.
    pub holder: AgencyCode,
    /// Who may ask it.
    pub asker: AgencyCode,
    /// Which register.
    pub register: RegisterName,
    /// For which purpose.
    pub purpose: Purpose,
    /// The version of canonical identifiers.
    pub canonicalisation: String,
    /// The epoch key's public half.
    pub public_key: Digest,
    /// Entries of the filter, padding included.
    pub entries: u64,
    /// Length of the filter in bytes.
    pub bytes: u64,
    /// SHA-256 of the filter.
    pub digest: Digest,
    /// When it was made.
    pub made: Timestamp,
    /// When its key is destroyed.
    pub expires: Timestamp,
}

impl Document for Manifest {
    const LABEL: &'static str = "symbolon/manifest/1";
}

impl Manifest {
    /// The filter's sizes and digest, as protocols take them.
    pub fn summary(&self) -> Summary {
        Summary { entries: self.entries, bytes: self.bytes, digest: self.digest.0 }
    }
}
