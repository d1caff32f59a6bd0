//! The words that agreements, rules, receipts and journals are written in.
//!
//! Every type here is validated when it is made and again when it is read from a file or a peer,
//! so code that holds one never checks it again. In JSON and TOML digests are lower-case hex and
//! times are RFC 3339; in canonical CBOR they are byte strings and integer seconds.

mod codes;
mod names;
mod time;

pub use codes::{AgeBand, Category, Field, LegalBasis, Modality, Position, Provenance, Purpose, Role};
pub use names::{
    AgencyCode, AgreementId, ClaimId, Digest, EngineName, FormName, NoticeId, OfficerId, ProjectionSeed,
    QueryId, Reference, RegisterName, Salt, SnapshotId,
};
pub use time::Timestamp;

/// A word that is not in the form its type demands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {form}, and `{found}` is not")]
pub struct WordError {
    /// What was being read.
    pub what: &'static str,
    /// The form it must have.
    pub form: &'static str,
    /// What was found, cut to 80 characters.
    pub found: String,
}

impl WordError {
    pub(crate) fn new(what: &'static str, form: &'static str, found: &str) -> Self {
        Self { what, form, found: found.chars().take(80).collect() }
    }
}

#[cfg(test)]
mod tests;
