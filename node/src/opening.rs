//! Opened queries: what the asker's node shows an auditor of one query, in a file sealed to that auditor.
//!
//! * The **auditor** learns everything that was asked: all identifiers or the probe, the case reference, and the seed from
//!   which the asker's message follows. So it makes that message again and compares it with what was signed. The
//!   **holder** learns nothing, and must not get the file: with the seed, all blinds of a batch are known.
//! * A malicious asker can open nothing but what it asked: seed and message were committed to and signed before the first
//!   byte was sent. It can refuse to open, or no longer have what it takes; both are told apart from an opening.
//! * Sources: `docs/audit.md`; for what binds it, `docs/protocols/claim.md`.
//!
//! [`check`] compares a file with exported journals and needs no node.

mod asked;
pub(crate) mod check;
mod replay;

use age::x25519::{Identity, Recipient};
use serde::{Deserialize, Serialize};
use symbolon_policy::{ask::Ask, canonical, signing::Signature, words::Digest};
use symbolon_protocol::{matching::opening, seed::Seed};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    control::api::Failure,
    files,
    sealing::Bytes,
    session::asker::{Asked, Subject},
};

pub(crate) use replay::Departure;

/// The version of the file that this program reads and writes.
const VERSION: u32 = 1;
/// The longest file that is read, in bytes: a batch of a million of the longest identifiers.
pub(crate) const LONGEST: u64 = 320 << 20;

/// An opened query: the plaintext of the file, canonical CBOR.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening {
    version: u32,
    /// The words of the query.
    #[zeroize(skip)]
    pub(crate) ask: Ask,
    /// By the asker's agreement key.
    #[zeroize(skip)]
    pub(crate) signature: Signature,
    /// The case reference, of which the words have the digest.
    case: Option<String>,
    opened: Opened,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Opened {
    /// Of an exact query or a count.
    Batch {
        seed: [u8; 32],
        /// In the order asked.
        identifiers: Vec<Bytes>,
        /// How many of the last ones are canaries, by the asker's word.
        canaries: u32,
    },
    /// Of a match.
    Probe {
        /// Seed and templates, in the form of a claim's opening.
        opening: Bytes,
        /// What else makes the query (see `Engine::shared`).
        shared: Bytes,
    },
}

impl Opening {
    /// Opens a query; `shared` is what the engine of a match needs beside probe and seed.
    pub(crate) fn of(asked: &Asked, case: Option<String>, shared: Vec<u8>) -> Self {
        let Asked { ask, signature, subject, canaries, seed } = asked;
        let opened = match subject {
            Subject::Identifiers(identifiers) => Opened::Batch {
                seed: *seed.expose(),
                identifiers: identifiers.iter().map(|bytes| Bytes(bytes.to_vec())).collect(),
                canaries: u32::try_from(*canaries).unwrap_or(u32::MAX),
            },
            Subject::Probe(probe, _) => {
                let opening = opening::Opened { probe: probe.clone(), seed: Seed::new(*seed.expose()) };
                Opened::Probe { opening: Bytes(opening.to_bytes().to_vec()), shared: Bytes(shared) }
            }
        };
        Self { version: VERSION, ask: ask.clone(), signature: *signature, case, opened }
    }

    /// Seals it to an auditor [age-encryption.org/v1, X25519].
    ///
    /// # Errors
    /// A local [`Failure`] in practice never.
    pub(crate) fn seal(&self, recipient: &Recipient) -> Result<Vec<u8>, Failure> {
        let odd =
            |error: &dyn std::fmt::Display| Failure::local(format!("the query cannot be sealed: {error}"));
        let plain = Zeroizing::new(canonical::encode(self).map_err(|e| odd(&e))?);
        age::encrypt(recipient, &plain).map_err(|e| odd(&e))
    }

    /// Reads a sealed file with any of these keys.
    ///
    /// # Errors
    /// An input [`Failure`] if none of them opens it; an integrity one if it is damaged or no opened query.
    pub(crate) fn unseal(sealed: &[u8], identities: &[Identity]) -> Result<Self, Failure> {
        if !sealed.starts_with(files::AGE) {
            return Err(Failure::input("this is no opened query")
                .with_help("give the file that `symbolon audit open` wrote"));
        }
        use age::DecryptError::{DecryptionFailed, KeyDecryptionFailed, NoMatchingKeys};
        let mut tried = identities.iter().map(|identity| age::decrypt(identity, sealed));
        let other = |result: &Result<_, _>| !matches!(result, Err(NoMatchingKeys));
        let plain = tried.find(other).unwrap_or(Err(NoMatchingKeys)).map_err(|error| match error {
            NoMatchingKeys | KeyDecryptionFailed | DecryptionFailed => {
                Failure::input("the file does not open with this key")
                    .with_help("it is sealed to the recipient that the asker's journal names")
            }
            error => Failure::integrity(format!("the file is damaged: {error}")),
        })?;
        let plain = Zeroizing::new(plain);
        let opening: Self = canonical::decode(&plain)
            .map_err(|_| Failure::integrity("the file holds something else than an opened query"))?;
        if opening.version != VERSION {
            let what = format!("the file is of version {}, not {VERSION}", opening.version);
            return Err(Failure::input(what).with_help("use the program that wrote it"));
        }
        Ok(opening)
    }
}

/// The digest of a sealed file, as the journal has it.
pub(crate) fn file_digest(sealed: &[u8]) -> Digest {
    Digest::of("symbolon/opened-query/1", sealed)
}
