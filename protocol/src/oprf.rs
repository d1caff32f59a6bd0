//! Oblivious pseudorandom functions [RFC 9497], suite ristretto255-SHA512.
//!
//! The holder has a key `k`, the asker an input `x`. The asker learns `F(k, x)` and nothing else of
//! `k`; the holder learns nothing of `x` [RFC 9497 section 7.2.1: one-more gap computational
//! Diffie-Hellman, random oracles]. In the verifiable mode a proof shows that one published key was used for a whole
//! batch. The product uses [`Mode::Verifiable`]; the other two modes differ by a few lines and are
//! here so that every published vector of the suite is checked.

mod proof;

use std::sync::LazyLock;

use curve25519_dalek::{RistrettoPoint, Scalar, traits::Identity};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    exchange::Fault,
    group::{PointBytes, hash_to_group, hash_to_scalar},
    seed::Stream,
};

pub use proof::{Composite, Proof};

/// Protocol variants [RFC 9497 section 3.1]; the number is their code in the context string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// OPRF, without a proof.
    Base = 0,
    /// VOPRF, with a proof for the batch.
    Verifiable = 1,
    /// POPRF, with a proof and a public input.
    PartiallyOblivious = 2,
}

/// The longest private input in bytes, so that its length fits two bytes [RFC 9497 section 1.2].
pub const INPUT_LIMIT: usize = 0xffff;

const SUITE: &[u8] = b"-ristretto255-SHA512";

/// `label || "OPRFV1-" || mode || "-ristretto255-SHA512"` [RFC 9497 section 3.1], in pieces.
pub(crate) fn tag(label: &'static [u8], mode: Mode) -> [&'static [u8]; 4] {
    let code: &[u8] = match mode {
        Mode::Base => &[0],
        Mode::Verifiable => &[1],
        Mode::PartiallyOblivious => &[2],
    };
    [label, b"OPRFV1-", code, SUITE]
}

/// `I2OSP(length, 2)`.
fn length(bytes: &[u8]) -> Result<[u8; 2], Fault> {
    u16::try_from(bytes.len()).map(u16::to_be_bytes).map_err(|_| Fault::Misuse("an input over 65,535 bytes"))
}

/// A private key and its public key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct KeyPair {
    secret: Scalar,
    #[zeroize(skip)]
    public: RistrettoPoint,
    #[zeroize(skip)]
    public_bytes: PointBytes,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("public", &self.public_bytes).finish_non_exhaustive()
    }
}

impl KeyPair {
    /// The key pair of a private key.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for the key 0.
    pub fn new(secret: Scalar) -> Result<Self, Fault> {
        if secret == Scalar::ZERO {
            return Err(Fault::Misuse("a private key of zero"));
        }
        let public = RistrettoPoint::mul_base(&secret);
        Ok(Self { secret, public, public_bytes: public.compress().to_bytes() })
    }

    /// `DeriveKeyPair` [RFC 9497 section 3.2.1].
    ///
    /// # Errors
    /// [`Fault::Misuse`] for over-long `info`, or when no key is found in 256 attempts.
    pub fn derive(seed: &[u8; 32], info: &[u8], mode: Mode) -> Result<Self, Fault> {
        let length = length(info)?;
        (0..=u8::MAX)
            .map(|counter| hash_to_scalar(&[seed, &length, info, &[counter]], &tag(b"DeriveKeyPair", mode)))
            .find(|secret| *secret != Scalar::ZERO)
            .map_or(Err(Fault::Misuse("no key could be derived")), Self::new)
    }

    /// The private key.
    pub(crate) fn secret(&self) -> &Scalar {
        &self.secret
    }

    /// The private key's canonical bytes, for storing it sealed.
    pub fn expose(&self) -> zeroize::Zeroizing<[u8; 32]> {
        zeroize::Zeroizing::new(self.secret.to_bytes())
    }

    /// The public key.
    pub fn public(&self) -> &RistrettoPoint {
        &self.public
    }

    /// The public key, encoded.
    pub fn public_bytes(&self) -> &PointBytes {
        &self.public_bytes
    }

    /// The tweaked key pair for a public input `info` [RFC 9497 section 3.3.3, `BlindEvaluate`].
    ///
    /// # Errors
    /// [`Fault::Misuse`] for over-long `info` or a tweak that cancels the key.
    pub fn tweak(&self, info: &[u8]) -> Result<Self, Fault> {
        Self::new(self.secret + info_scalar(info)?)
    }
}

/// The scalar of a public input [RFC 9497 section 3.3.3].
fn info_scalar(info: &[u8]) -> Result<Scalar, Fault> {
    Ok(hash_to_scalar(&[b"Info", &length(info)?, info], &tag(b"HashToScalar-", Mode::PartiallyOblivious)))
}

/// The tweaked public key that an asker verifies against [RFC 9497 section 3.3.3, `Blind`].
///
/// # Errors
/// [`Fault::Misuse`] for over-long `info` or a tweak that cancels the key.
pub fn tweak_public(public: &RistrettoPoint, info: &[u8]) -> Result<RistrettoPoint, Fault> {
    let tweaked = RistrettoPoint::mul_base(&info_scalar(info)?) + public;
    if tweaked == RistrettoPoint::identity() {
        return Err(Fault::Misuse("a tweak that cancels the key"));
    }
    Ok(tweaked)
}

/// The group element of an input.
///
/// # Errors
/// [`Fault::Misuse`] for the one input in 2^252 that hashes to the identity.
pub fn element(input: &[u8], mode: Mode) -> Result<RistrettoPoint, Fault> {
    let point = hash_to_group(&[input], &tag(b"HashToGroup-", mode));
    if point == RistrettoPoint::identity() {
        return Err(Fault::Misuse("an input that hashes to the identity"));
    }
    Ok(point)
}

/// `Finalize` [RFC 9497 section 3.3.1] over the unblinded element's encoding; with the public input
/// where there is one [section 3.3.3].
///
/// # Errors
/// [`Fault::Misuse`] for an input or info over [`INPUT_LIMIT`].
pub fn finalize(input: &[u8], info: Option<&[u8]>, unblinded: &PointBytes) -> Result<[u8; 64], Fault> {
    let mut hash = Sha512::new();
    for field in std::iter::once(input).chain(info) {
        hash.update(length(field)?);
        hash.update(field);
    }
    hash.update([0, 32]);
    hash.update(unblinded);
    hash.update(b"Finalize");
    Ok(hash.finalize().into())
}

/// Elements that one task evaluates and one inversion serves: more would save under a hundredth and
/// leave cores idle at the end of a step.
pub(crate) const COMPRESS: usize = 128;

/// Encodes `2·p` for every `p`; one inversion serves the whole batch. Half of each wanted element
/// goes in, which costs nothing: its scalar is halved once.
pub(crate) fn compress_doubles(halves: &[RistrettoPoint]) -> Vec<PointBytes> {
    RistrettoPoint::double_and_compress_batch(halves).iter().map(|point| point.to_bytes()).collect()
}

/// Half of a scalar in the field.
pub(crate) fn half(scalar: &Scalar) -> Scalar {
    static HALF: LazyLock<Scalar> = LazyLock::new(|| Scalar::from(2_u64).invert());
    scalar * *HALF
}

/// A proof's nonce.
pub(crate) fn nonce(stream: &Stream) -> Scalar {
    stream.scalar(0)
}

#[cfg(test)]
mod tests;
