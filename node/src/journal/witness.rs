//! Witnessing: two partners show each other their checkpoints at every session.
//!
//! ```text
//! A → B   Seen { size }         the last checkpoint of yours that I saw; 0 if none
//! B → A   Offer { note, from_size, proof }
//! A → B   Countersigned { note }
//! ```
//!
//! and the same the other way. A node that rewrites or shortens its journal cannot make the proof;
//! a node that shows two histories is caught when the two meet. A partner learns sizes and hashes.
//!
//! [`review`] decides; it touches neither disk nor clock. Its caller journals what it says:
//! [`super::Event::CheckpointSeen`] or [`super::Event::ForkSeen`].

#![deny(clippy::arithmetic_side_effects)]

use std::cmp::Ordering;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use symbolon_policy::{
    canonical::{self, CanonicalError},
    signing::PublicKey,
    words::{AgencyCode, Digest},
};

use super::{
    checkpoint::{Checkpoint, NoteFault},
    tree,
};

/// The largest message of this kind in canonical bytes.
pub const MAX_MESSAGE: usize = 8_192;

/// The size of the partner's last checkpoint that this node saw; 0 if it saw none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointLast {
    /// In entries.
    pub size: u64,
}

/// A checkpoint, and the proof that it continues an earlier one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointOffer {
    /// The signed note.
    pub note: String,
    /// The size that the proof begins at: the one the partner named.
    pub from_size: u64,
    /// The consistency proof of RFC 6962; empty if `from_size` is 0 or the size of the note.
    pub proof: Vec<Digest>,
}

/// The note that was offered, with one signature more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointCountersignature {
    /// The signed note.
    pub note: String,
}

/// Reads one of the messages above. Nothing larger than [`MAX_MESSAGE`] is looked at.
///
/// # Errors
/// [`CanonicalError`] if the bytes are too many or no such message.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    if bytes.len() > MAX_MESSAGE {
        return Err(CanonicalError::Read(format!("{} bytes are more than {MAX_MESSAGE}", bytes.len())));
    }
    canonical::decode(bytes)
}

/// What a partner's checkpoint is, next to the last one seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// It continues what was seen. Countersign it and keep it.
    Consistent(Checkpoint),
    /// Two histories: same size, another root. The two notes prove it to anybody.
    Fork {
        /// The note seen before.
        before: String,
        /// The note shown now.
        now: String,
    },
    /// The partner has fewer entries than it once showed. The two notes prove it together with the
    /// order in which they were seen: a checkpoint carries no time.
    Rollback {
        /// The note seen before.
        before: String,
        /// The note shown now.
        now: String,
    },
    /// The proof does not show that it continues what was seen, though it begins at the right size.
    /// An honest node does not do this; the proof itself is no evidence to others.
    Unproved {
        /// The note seen before.
        before: String,
        /// The note shown now.
        now: String,
    },
    /// The proof begins at another size than the last one seen. Name it again.
    WrongStart {
        /// The size of the last checkpoint seen.
        expected: u64,
        /// Where the proof begins.
        found: u64,
    },
    /// The note is malformed, of another journal, or not signed by the partner.
    BadNote(NoteFault),
}

/// Whether a history that contradicts an earlier one is shorter, as long, or longer, by the two notes.
pub fn fork_kind(before: &str, now: &str) -> Ordering {
    let size = |note: &str| Checkpoint::read(note).map_or(0, |checkpoint| checkpoint.size);
    size(now).cmp(&size(before))
}

/// Compares a partner's offer with the last note of it that was seen and kept.
pub fn review(partner: &AgencyCode, key: &PublicKey, last: Option<&str>, offer: &CheckpointOffer) -> Review {
    let now = match Checkpoint::verify(&offer.note, partner, key) {
        Ok(now) => now,
        Err(fault) => return Review::BadNote(fault),
    };
    let before = match last.map(Checkpoint::read).transpose() {
        Ok(before) => before,
        Err(fault) => return Review::BadNote(fault),
    };
    let (size, root) = before.map_or((0, tree::empty_root()), |before| (before.size, before.root));
    let notes = || (last.unwrap_or_default().to_owned(), offer.note.clone());
    if now.size < size {
        let (before, now) = notes();
        return Review::Rollback { before, now };
    }
    if now.size == size && now.root != root {
        let (before, now) = notes();
        return Review::Fork { before, now };
    }
    if offer.from_size != size {
        return Review::WrongStart { expected: size, found: offer.from_size };
    }
    if !tree::continues((size, &root), (now.size, &now.root), &offer.proof) {
        let (before, now) = notes();
        return Review::Unproved { before, now };
    }
    Review::Consistent(now)
}

#[cfg(test)]
mod tests;
