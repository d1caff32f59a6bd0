//! Signatures of agencies over canonical documents [RFC 8032, Ed25519].

use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use ed25519_dalek::{SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    canonical::{self, CanonicalError},
    words::{Digest, WordError},
};

macro_rules! hex_bytes {
    ($(#[$doc:meta])* $name:ident, $size:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $size]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = WordError;
            fn from_str(text: &str) -> Result<Self, WordError> {
                let bytes = HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
                bytes.map(Self).ok_or_else(|| WordError::new($what, "small hexadecimal digits of its length", text))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { s.serialize_bytes(&self.0) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if d.is_human_readable() {
                    return String::deserialize(d)?.parse().map_err(D::Error::custom);
                }
                let bytes = serde_bytes::ByteBuf::deserialize(d)?.into_vec().try_into();
                bytes.map(Self).map_err(|_| D::Error::custom(concat!($what, " has another length")))
            }
        }
    };
}

hex_bytes! {
    /// An agency's agreement key.
    PublicKey, 32, "a public key"
}
hex_bytes! {
    /// A signature by an agreement key.
    Signature, 64, "a signature"
}

/// Signs with an agency's agreement key, wherever that key lives.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public(&self) -> PublicKey;
    /// Signs bytes.
    fn sign(&self, message: &[u8]) -> Signature;
}

impl Signer for SigningKey {
    fn public(&self) -> PublicKey {
        PublicKey(self.verifying_key().to_bytes())
    }

    fn sign(&self, message: &[u8]) -> Signature {
        Signature(ed25519_dalek::Signer::sign(self, message).to_bytes())
    }
}

/// A document that agencies sign.
pub trait Document: Serialize {
    /// Keeps signatures of one kind of document from serving for another.
    const LABEL: &'static str;

    /// The bytes that are signed: label, a zero byte, canonical bytes.
    ///
    /// # Errors
    /// [`CanonicalError`] if the document has no canonical form.
    fn signed_bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        let mut bytes = Self::LABEL.as_bytes().to_vec();
        bytes.push(0);
        bytes.extend(canonical::encode(self)?);
        Ok(bytes)
    }

    /// The digest that names the document.
    ///
    /// # Errors
    /// [`CanonicalError`] if the document has no canonical form.
    fn digest(&self) -> Result<Digest, CanonicalError> {
        Ok(Digest::of(Self::LABEL, &canonical::encode(self)?))
    }
}

/// A signature that does not stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The key is not a point of the curve, or a weak one.
    #[error("the public key {0} is not a valid Ed25519 key")]
    Key(PublicKey),
    /// The signature is not by this key over this document.
    #[error("the signature is not by the key {0} over this document")]
    Mismatch(PublicKey),
}

/// Signs a document.
///
/// # Errors
/// [`CanonicalError`] if the document has no canonical form.
pub fn sign<D: Document>(document: &D, signer: &dyn Signer) -> Result<Signature, CanonicalError> {
    Ok(signer.sign(&document.signed_bytes()?))
}

/// Verifies a signature strictly: no weak keys, no second encoding of a signature.
///
/// # Errors
/// [`SignatureError`] with what is wrong.
pub fn verify<D: Document>(
    document: &D,
    key: &PublicKey,
    signature: &Signature,
) -> Result<(), SignatureError> {
    let verifier = VerifyingKey::from_bytes(&key.0).map_err(|_| SignatureError::Key(*key))?;
    if verifier.is_weak() {
        return Err(SignatureError::Key(*key));
    }
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    verifier.verify_strict(&document.signed_bytes()?, &signature).map_err(|_| SignatureError::Mismatch(*key))
}

#[cfg(test)]
mod tests;
