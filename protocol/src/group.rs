//! ristretto255 as RFC 9497 uses it: hashing to the group and to scalars, and strict decoding.
#![deny(clippy::arithmetic_side_effects)]

use std::sync::LazyLock;

use curve25519_dalek::{RistrettoPoint, Scalar, ristretto::CompressedRistretto, traits::Identity};
use sha2::{Digest, Sha512};

use crate::exchange::{Fault, Misbehaviour};

/// A group element in its canonical encoding [RFC 9496 section 4.3.2].
pub type PointBytes = [u8; 32];

/// Decodes an element that a peer sent.
///
/// # Errors
/// [`Misbehaviour::Point`] for a non-canonical encoding and for the identity [RFC 9497 section 2.1].
pub fn decode_point(bytes: &PointBytes) -> Result<RistrettoPoint, Fault> {
    match CompressedRistretto(*bytes).decompress() {
        Some(point) if point != RistrettoPoint::identity() => Ok(point),
        _ => Err(Misbehaviour::Point.into()),
    }
}

/// Decodes a scalar that a peer sent.
///
/// # Errors
/// [`Misbehaviour::Scalar`] if it is not below the group's order.
pub fn decode_scalar(bytes: &[u8; 32]) -> Result<Scalar, Fault> {
    Option::from(Scalar::from_canonical_bytes(*bytes)).ok_or_else(|| Misbehaviour::Scalar.into())
}

/// `hash_to_ristretto255` with `expand_message_xmd` and SHA-512 [RFC 9380 appendix B].
pub fn hash_to_group(message: &[&[u8]], dst: &[&[u8]]) -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&expand_message(message, dst))
}

/// `HashToScalar` of ristretto255-SHA512 [RFC 9497 section 4.1].
pub fn hash_to_scalar(message: &[&[u8]], dst: &[&[u8]]) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&expand_message(message, dst))
}

/// `expand_message_xmd` to 64 bytes, which is one block of SHA-512 [RFC 9380 section 5.3.1].
///
/// Message and tag come in pieces that are read one after the other. Tags of this crate are far
/// below 256 bytes.
fn expand_message(message: &[&[u8]], dst: &[&[u8]]) -> [u8; 64] {
    let tag = |hash: &mut Sha512| {
        let mut length = 0_u8;
        for piece in dst {
            hash.update(piece);
            length = length.wrapping_add(piece.len().to_le_bytes()[0]);
        }
        hash.update([length]);
    };
    // `Z_pad`: one block of zeros, the same for every message.
    static PADDED: LazyLock<Sha512> = LazyLock::new(|| Sha512::new_with_prefix([0; 128]));
    let mut first = PADDED.clone();
    for piece in message {
        first.update(piece);
    }
    first.update([0, 64, 0]);
    tag(&mut first);
    let mut second = Sha512::new();
    second.update(first.finalize());
    second.update([1]);
    tag(&mut second);
    second.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_elements_pass() {
        let good = RistrettoPoint::mul_base(&Scalar::from(7_u64)).compress().to_bytes();
        assert!(decode_point(&good).is_ok());
        assert_eq!(decode_point(&[0; 32]), Err(Misbehaviour::Point.into()), "identity");
        // RFC 9496 appendix A.3: a non-canonical field encoding, a negative one, a non-square one.
        for bad in [
            "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
        ] {
            let bytes = data_encoding::HEXLOWER.decode(bad.as_bytes()).unwrap().try_into().unwrap();
            assert_eq!(decode_point(&bytes), Err(Misbehaviour::Point.into()), "{bad}");
        }
        assert_eq!(decode_scalar(&[255; 32]), Err(Misbehaviour::Scalar.into()));
    }
}
