//! Checkpoints: the size and root of a journal, signed, and countersigned by partners.
//!
//! A partner learns how many entries the journal has and a hash; nothing of their content, so whether there is an
//! entry must not depend on what the partner may not know.
//! Sources: C2SP tlog-checkpoint (the text), C2SP signed-note (the signatures, Ed25519).
//!
//! The crate `signed_note` reads and verifies. Its `Signer` trait names an error type of a crate
//! that is otherwise not needed, so a signature is made here and handed to it whole.

#![deny(clippy::arithmetic_side_effects)]

use data_encoding::BASE64;
use signed_note::{Note, NoteError, Signature, VerificationError, Verifier, Verifiers};
use symbolon_policy::{
    signing::{PublicKey, Signer},
    words::{AgencyCode, Digest},
};

use super::tree::MAX_SIZE;

/// The largest signed note in bytes, countersignature included.
pub const MAX_NOTE: usize = 2_048;

/// The signature type of Ed25519 in key ids [C2SP signed-note].
const ED25519: u8 = 1;

/// What a journal was at some size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose journal; see [`origin`].
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Digest,
}

/// Why a note is not the checkpoint it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// It is too large or not a signed note.
    #[error("it is not a signed note of at most {MAX_NOTE} bytes")]
    Form,
    /// Its text is not a checkpoint.
    #[error("its text is not a checkpoint: the {0} is wrong")]
    Text(&'static str),
    /// It is the checkpoint of another journal.
    #[error("it is of the journal `{found}`, not of `{expected}`")]
    Origin {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// The signature is missing.
    #[error("`{0}` has not signed it")]
    Unsigned(String),
    /// The signature does not stand.
    #[error("the signature of `{0}` does not stand")]
    Signature(String),
}

/// The first line of an agency's checkpoints, and the name of its key: `symbolon/`, its code, `/`,
/// the first eight bytes of its agreement key in hex.
pub fn origin(code: &AgencyCode, key: &PublicKey) -> String {
    let key = key.to_string();
    format!("symbolon/{code}/{}", key.get(..16).unwrap_or(&key))
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.as_bytes()))
    }

    /// The signed note of an agency's own checkpoint.
    pub fn sign(code: &AgencyCode, size: u64, root: Digest, signer: &dyn Signer) -> String {
        let text = Self { origin: origin(code, &signer.public()), size, root }.text();
        let line = signature_line(code, signer, &text);
        format!("{text}\n{line}")
    }

    /// Reads a note without checking its signatures, for notes that were checked before.
    ///
    /// # Errors
    /// [`NoteFault`] if it is no checkpoint.
    pub fn read(note: &str) -> Result<Self, NoteFault> {
        Self::of_text(parse(note)?.text())
    }

    /// Reads an agency's checkpoint and checks its signature.
    ///
    /// # Errors
    /// [`NoteFault`] with what is wrong.
    pub fn verify(note: &str, code: &AgencyCode, key: &PublicKey) -> Result<Self, NoteFault> {
        let checkpoint = Self::read(note)?;
        let expected = origin(code, key);
        if checkpoint.origin != expected {
            return Err(NoteFault::Origin { found: checkpoint.origin, expected });
        }
        verify_signature(note, code, key)?;
        Ok(checkpoint)
    }

    fn of_text(text: &[u8]) -> Result<Self, NoteFault> {
        let text = str::from_utf8(text).map_err(|_| NoteFault::Form)?;
        let mut lines = text.lines();
        let origin = lines.next().filter(|line| !line.is_empty()).ok_or(NoteFault::Text("origin"))?;
        let size = lines.next().and_then(size).ok_or(NoteFault::Text("size"))?;
        let root = lines.next().and_then(root).ok_or(NoteFault::Text("root"))?;
        let checkpoint = Self { origin: origin.to_owned(), size, root };
        if checkpoint.text() == text { Ok(checkpoint) } else { Err(NoteFault::Text("end")) }
    }
}

/// Decimal without leading zeros, at most [`MAX_SIZE`].
fn size(line: &str) -> Option<u64> {
    let size = line.parse::<u64>().ok().filter(|size| *size <= MAX_SIZE)?;
    (size.to_string() == line).then_some(size)
}

fn root(line: &str) -> Option<Digest> {
    BASE64.decode(line.as_bytes()).ok()?.try_into().ok().map(Digest)
}

/// Adds an agency's signature to a note.
///
/// # Errors
/// [`NoteFault::Form`] if it is no note, or too large with one signature more.
pub fn countersign(note: &str, code: &AgencyCode, signer: &dyn Signer) -> Result<String, NoteFault> {
    let text = parse(note)?.text().to_vec();
    let text = str::from_utf8(&text).map_err(|_| NoteFault::Form)?;
    let signed = format!("{note}{}", signature_line(code, signer, text));
    parse(&signed).map(|_| signed)
}

/// Checks that `returned` is our note `sent` with one signature more, by a partner.
///
/// # Errors
/// [`NoteFault`] with what is wrong.
pub fn verify_countersigned(
    sent: &str,
    returned: &str,
    partner: &AgencyCode,
    key: &PublicKey,
) -> Result<(), NoteFault> {
    let added = returned.strip_prefix(sent).ok_or(NoteFault::Form)?;
    if added.lines().count() != 1 {
        return Err(NoteFault::Form);
    }
    verify_signature(returned, partner, key)
}

/// Checks that an agency has signed a note, whoever's journal it is. One line of its key that stands is enough: anybody
/// can write lines under its name, and those undo no signature.
///
/// # Errors
/// [`NoteFault`] with what is wrong.
pub fn verify_signature(note: &str, code: &AgencyCode, key: &PublicKey) -> Result<(), NoteFault> {
    let key = NoteKey { name: origin(code, key), key: *key };
    let text = parse(note)?.text().to_vec();
    let (_, lines) = note.rsplit_once("\n\n").ok_or(NoteFault::Form)?;
    let mut fault = NoteFault::Unsigned(key.name.clone());
    for line in lines.lines() {
        // One at a time: all together, `signed_note` gives up at the first that does not stand.
        let signature = Signature::from_bytes(line.as_bytes()).map_err(|_| NoteFault::Form)?;
        let alone = Note::new(&text, &[signature]).map_err(|_| NoteFault::Form)?;
        match alone.verify(&key) {
            Ok(_) => return Ok(()),
            Err(NoteError::UnverifiedNote) => {}
            Err(_) => fault = NoteFault::Signature(key.name.clone()),
        }
    }
    Err(fault)
}

fn parse(note: &str) -> Result<Note, NoteFault> {
    if note.len() > MAX_NOTE {
        return Err(NoteFault::Form);
    }
    Note::from_bytes(note.as_bytes()).map_err(|_| NoteFault::Form)
}

fn signature_line(code: &AgencyCode, signer: &dyn Signer, text: &str) -> String {
    let key = signer.public();
    let name = origin(code, &key);
    let signature = signer.sign(text.as_bytes());
    let id = key_id(&name, &key).to_be_bytes();
    let bytes = [id.as_slice(), &signature.0].concat();
    format!("\u{2014} {name} {}\n", BASE64.encode(&bytes))
}

fn key_id(name: &str, key: &PublicKey) -> u32 {
    signed_note::key_id(name, &[[ED25519].as_slice(), &key.0].concat())
}

/// One agency's key, as `signed_note` wants it.
struct NoteKey {
    name: String,
    key: PublicKey,
}

impl Verifier for NoteKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        key_id(&self.name, &self.key)
    }

    /// As strict as [`symbolon_policy::signing::verify`].
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.key.0).ok().filter(|key| !key.is_weak());
        let signature = ed25519_dalek::Signature::from_slice(signature).ok();
        key.zip(signature).is_some_and(|(key, signature)| key.verify_strict(message, &signature).is_ok())
    }
}

impl Verifiers for NoteKey {
    fn verifier(&self, name: &str, id: u32) -> Result<&dyn Verifier, VerificationError> {
        if name == self.name && id == self.key_id() {
            Ok(self)
        } else {
            Err(VerificationError::UnknownKey { name: name.to_owned(), id })
        }
    }
}

#[cfg(test)]
mod tests;
