//! Values at rest: what is on the disk of an agency can be read only with its storage key.
//!
//! A sealed value is a random nonce of 24 bytes, the ciphertext and a tag of 16 bytes
//! (XChaCha20-Poly1305, RFC 8439 with the nonce of draft-irtf-cfrg-xchacha-03). The associated data
//! names the place where the value lives, so a value that is moved to another place does not open.
//! An old value put back in its own place does open: sealing does not prove freshness.
//!
//! Who holds the disk learns how many values there are, how long they are and when they change.

use std::fmt;

use chacha20poly1305::{Key, KeyInit, Tag, XChaCha20Poly1305, XNonce, aead::AeadInOut};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of the nonce before a ciphertext.
const NONCE: usize = 24;
/// Bytes of the tag after a ciphertext.
const TAG: usize = 16;

/// How many bytes a sealed value is longer than the value.
pub const OVERHEAD: usize = NONCE + TAG;

/// A key of 32 bytes for values at rest. Wiped on drop, never shown by `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct StorageKey([u8; 32]);

/// Bytes in the plaintext of a sealed value, as CBOR has them. Wiped on drop.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(transparent)]
pub(crate) struct Bytes(#[serde(with = "serde_bytes")] pub(crate) Vec<u8>);

/// A sealed value that does not open: it was altered, moved, cut, or sealed under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was altered, moved or cut, or the storage key is another one")]
pub struct SealError;

impl StorageKey {
    /// A fresh key from the operating system's random source.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// The key with these bytes, which must have been made by [`StorageKey::generate`] or be as random.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for the keystore alone.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key for the use named by `label`: HKDF-SHA256 (RFC 5869) with the label as info.
    ///
    /// Keys of different labels tell nothing about each other or about this key.
    #[must_use]
    pub fn derive(&self, label: &str) -> Self {
        Self(self.expand(&[b"symbolon key 1\0", label.as_bytes()]))
    }

    /// A name of 16 bytes for `text` that only a holder of this key can make or recognise.
    ///
    /// One text has one name under one key; two texts share a name with probability 2^-128.
    pub fn pseudonym(&self, text: &[u8]) -> [u8; 16] {
        self.expand(&[b"symbolon name 1\0", text])
    }

    /// `value` sealed for the place that `aad` names; [`OVERHEAD`] bytes longer than `value`.
    ///
    /// A value past the cipher's limit of 256 GiB yields an empty vector, which never opens.
    pub fn seal(&self, aad: &[u8], value: &[u8]) -> Vec<u8> {
        let nonce: [u8; NONCE] = rand::random();
        let mut sealed = Vec::with_capacity(value.len().saturating_add(OVERHEAD));
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let (_, body) = sealed.split_at_mut(NONCE);
        let Ok(tag) = self.cipher().encrypt_inout_detached(&XNonce::from(nonce), aad, body.into()) else {
            sealed.zeroize();
            return Vec::new();
        };
        sealed.extend_from_slice(&tag);
        sealed
    }

    /// The value that was sealed for the place that `aad` names. Wiped on drop.
    ///
    /// # Errors
    /// [`SealError`] if one bit of `sealed`, the place or the key is another.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE>().ok_or(SealError)?;
        let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(SealError)?;
        let mut value = Zeroizing::new(body.to_vec());
        self.cipher()
            .decrypt_inout_detached(&XNonce::from(*nonce), aad, value.as_mut_slice().into(), &Tag::from(*tag))
            .map_err(|_| SealError)?;
        Ok(value)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(<&Key>::from(&self.0))
    }

    /// HKDF-Expand with this key as the pseudorandom key, which its randomness allows (RFC 5869, 3.3).
    fn expand<const N: usize>(&self, info: &[&[u8]]) -> [u8; N] {
        let mut out = [0; N];
        let done = Hkdf::<Sha256>::from_prk(&self.0).map(|hkdf| hkdf.expand_multi_info(info, &mut out));
        // Cannot fail: the key is as long as the hash and N within 255 hashes. A key of zeroes would be worse.
        assert!(matches!(done, Ok(Ok(()))), "HKDF-Expand takes a key of 32 bytes and up to 8,160 bytes out");
        out
    }
}

impl fmt::Debug for StorageKey {
    /// Shows nothing: who reads a log must not read the store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StorageKey(..)")
    }
}

#[cfg(test)]
mod tests;
