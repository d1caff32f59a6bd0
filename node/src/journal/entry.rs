//! One entry of the journal.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    canonical::{self, CanonicalError},
    words::{Digest, Timestamp},
};

use super::Event;

/// The largest entry in bytes. An agreement with 256 KiB of rules fits well.
pub const MAX_ENTRY: usize = 1 << 20;

/// One event, its place and its time. The digest of an entry covers the digest before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its place, from 0.
    pub seq: u64,
    /// When it was written, by this node's clock.
    pub time: Timestamp,
    /// The digest of the entry before it; [`Entry::FIRST`] for the first.
    pub prev: Digest,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// What stands for the digest before the first entry.
    pub const FIRST: Digest = Digest([0; 32]);

    /// The canonical bytes (DAG-CBOR).
    ///
    /// # Errors
    /// [`CanonicalError`] if the event has no canonical form.
    pub fn bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical::encode(self)
    }

    /// The digest of an entry with these canonical bytes: SHA-256 under a label.
    pub fn digest(bytes: &[u8]) -> Digest {
        Digest::of("symbolon/journal-entry/1", bytes)
    }
}
