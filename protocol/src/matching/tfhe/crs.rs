//! The common reference string of the query's proof.
//!
//! The holder makes it, because whoever knows how it was made can prove falsehoods; nobody keeps that
//! knowledge. The asker checks its form: sizes, parameters, points on the curve and in the right group; and
//! that a proof made with it holds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tfhe::{
    core_crypto::{commons::math::random::RandomGenerator, prelude::*},
    safe_serialization::{safe_deserialize, safe_deserialize_conformant, safe_serialize},
    zk::{CompactPkeCrs, CompactPkeCrsConformanceParams, CompactPkeZkScheme, ZkMSBZeroPaddingBitCount},
};

use super::{
    keys,
    parameters::{BIG_LWE, CHUNK, Encoding, MODULUS, big_noise, bits},
    query,
};
use crate::{
    exchange::{Fault, Misbehaviour},
    matching::rule::Form,
    seed::Seed,
};

/// The most bytes of a reference string.
pub(super) const LIMIT: u64 = 16 << 20;

/// Bits that one list holds.
fn list(form: &Form) -> LweCiphertextCount {
    LweCiphertextCount(bits(form).min(CHUNK))
}

/// Makes a reference string: about ten seconds on one core.
///
/// # Errors
/// [`Fault::Local`].
pub(super) fn make(form: &Form, encoding: &Encoding, seed: &Seed) -> Result<Vec<u8>, Fault> {
    let failed = |error: &dyn std::fmt::Display| {
        Fault::Local(format!("the reference string could not be made: {error}"))
    };
    let mut stream = seed.stream("tfhe/crs");
    let mut generator = RandomGenerator::<DefaultRandomGenerator>::new(keys::seed(&mut stream));
    let crs = CompactPkeCrs::new(
        BIG_LWE,
        list(form),
        big_noise(),
        MODULUS,
        1 << encoding.log,
        // All but one of the plaintext's bits are proved to be zero: what is left is a bit.
        ZkMSBZeroPaddingBitCount(u64::from(encoding.log) - 1),
        &mut generator,
    )
    .map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    safe_serialize(&crs, &mut bytes, LIMIT).map_err(|error| failed(&error))?;
    Ok(bytes)
}

/// Reads a reference string, checks its form and that proofs can be made with it.
///
/// # Errors
/// [`Misbehaviour::Keys`] if it is of another form, holds points that are none, or allows no proof.
pub(super) fn read(form: &Form, encoding: &Encoding, bytes: &[u8]) -> Result<CompactPkeCrs, Fault> {
    let (dimension, count, bound, modulus, plain) = CompactPkeCrs::prepare_crs_parameters(
        BIG_LWE,
        list(form),
        big_noise(),
        MODULUS,
        1 << encoding.log,
        CompactPkeZkScheme::V2,
    )
    .map_err(|error| Fault::Local(error.to_string()))?;
    let expected = CompactPkeCrsConformanceParams::new(
        dimension.0,
        count.0,
        bound,
        modulus,
        plain,
        u64::from(encoding.log) - 1,
    );
    let crs = safe_deserialize_conformant(bytes, LIMIT, &expected)
        .map_err(|_| Misbehaviour::Keys("the reference string is malformed"))?;
    if !proves(form, encoding, &crs) {
        return Err(Misbehaviour::Keys("no proof can be made with the reference string").into());
    }
    Ok(crs)
}

/// Proves one list under a key of no secret, and checks the proof. The library looks at sizes and points, not at all
/// that its prover relies on: with some strings it would panic, at each query anew.
fn proves(form: &Form, encoding: &Encoding, crs: &CompactPkeCrs) -> bool {
    let (key, bits) = (keys::Public::encryption_of(&Seed::new([0; 32])), vec![1; list(form).0]);
    let tried = catch_unwind(AssertUnwindSafe(|| {
        let seed = keys::seed(&mut Seed::new([1; 32]).stream("tfhe/reference-check"));
        let bytes = query::encrypt_chunk(encoding, &key, crs, &bits, b"symbolon/reference-check", seed)?;
        query::verify_list(&key, crs, bits.len(), &bytes, b"symbolon/reference-check")
    }));
    matches!(tried, Ok(Ok(_)))
}

/// Reads a reference string that this node made, or checked with [`read`] when it came, and kept unaltered.
/// That every point is in its group is not checked again: it takes seconds.
///
/// # Errors
/// [`Fault::Local`] if it cannot be read.
pub(super) fn restore(bytes: &[u8]) -> Result<CompactPkeCrs, Fault> {
    safe_deserialize(bytes, LIMIT).map_err(Fault::Local)
}
