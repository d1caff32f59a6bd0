//! The query: a probe's bits under the asker's public key, with a proof that each is a bit.

use rayon::prelude::*;
use sha2::{Digest, Sha256};
use tfhe::{
    core_crypto::{
        commons::{generators::NoiseRandomGenerator, math::random::Seed},
        prelude::*,
    },
    safe_serialization::{safe_deserialize_conformant, safe_serialize},
    zk::{
        CompactPkeCrs, CompactPkeProof, CompactPkeProofConformanceParams, CompactPkeZkScheme, ZkComputeLoad,
    },
};

use super::{
    keys,
    parameters::{BIG_LWE, CHUNK, Encoding, MODULUS, big_noise, bits},
    turning::Turning,
};
use crate::{
    exchange::{Fault, Misbehaviour},
    matching::{rule::Form, template::Template},
    seed::Seed as OurSeed,
};

/// The most bytes of a proof; one has about 2,400.
const PROOF_LIMIT: u64 = 8_192;
/// The most alternatives of a query.
pub(super) const ALTERNATIVES: usize = 32;

/// One alternative as the holder computes with it.
pub(super) struct Encrypted {
    pub(super) chunks: Vec<Chunk>,
}

/// A list: one mask for all its bits, and a body for each.
pub(super) struct Chunk {
    pub(super) mask: Turning,
    pub(super) bodies: Vec<u64>,
}

/// The bits of a probe: value, or two bits a position (unmasked and 1, unmasked and 0).
pub(super) fn plain_bits(form: &Form, probe: &Template) -> Vec<u64> {
    if form.masked {
        probe
            .positions()
            .flat_map(|bit| [u64::from(bit == Some(true)), u64::from(bit == Some(false))])
            .collect()
    } else {
        probe.positions().map(|bit| u64::from(bit == Some(true))).collect()
    }
}

/// What a proof is bound to: form, key, and the place in the query.
pub(super) fn context(
    form: &Form,
    encoding: &Encoding,
    key: &[u64],
    alternative: usize,
    chunk: usize,
) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/tfhe-query/2\0");
    key.iter().for_each(|word| hash.update(word.to_le_bytes()));
    let rule = [form.length, u32::from(form.masked), form.rule.s, form.rule.p, form.rule.kappa, encoding.log];
    rule.iter().for_each(|word| hash.update(word.to_le_bytes()));
    [alternative, chunk].iter().for_each(|place| hash.update((*place as u64).to_le_bytes()));
    hash.finalize().to_vec()
}

/// Encrypts a probe: for each alternative and chunk the list's words, then the proof's length (u32) and
/// bytes, all little-endian.
///
/// # Errors
/// [`Fault::Misuse`] for no or too many alternatives or templates of another form, [`Fault::Local`] if
/// the proof cannot be made.
pub(super) fn encrypt(
    form: &Form,
    encoding: &Encoding,
    key: &LweCompactPublicKeyOwned<u64>,
    crs: &CompactPkeCrs,
    probe: &[Template],
    seed: &OurSeed,
) -> Result<Vec<u8>, Fault> {
    let fits = |template: &Template| {
        u32::try_from(template.length()) == Ok(form.length)
            && (form.masked || template.usable() == template.length())
    };
    if probe.is_empty() || probe.len() > ALTERNATIVES || !probe.iter().all(fits) {
        return Err(Fault::Misuse("a probe of no or too many alternatives, or of another form"));
    }
    let mut stream = seed.stream("tfhe/query");
    let parts: Vec<_> = (0..)
        .zip(probe)
        .flat_map(|(alternative, template)| {
            let bits = plain_bits(form, template);
            let chunks: Vec<Vec<u64>> = bits.chunks(CHUNK).map(<[u64]>::to_vec).collect();
            (0..).zip(chunks).map(move |(chunk, bits)| (alternative, chunk, bits)).collect::<Vec<_>>()
        })
        .map(|part| (part, keys::seed(&mut stream)))
        .collect();
    let encrypted = parts.into_par_iter().map(|((alternative, chunk, bits), seed)| {
        let metadata = context(form, encoding, key.as_ref(), alternative, chunk);
        encrypt_chunk(encoding, key, crs, &bits, &metadata, seed)
    });
    Ok(encrypted.collect::<Result<Vec<_>, Fault>>()?.concat())
}

/// One list and its proof.
pub(super) fn encrypt_chunk(
    encoding: &Encoding,
    key: &LweCompactPublicKeyOwned<u64>,
    crs: &CompactPkeCrs,
    bits: &[u64],
    metadata: &[u8],
    seed: Seed,
) -> Result<Vec<u8>, Fault> {
    let mut list =
        LweCompactCiphertextList::new(0, BIG_LWE.to_lwe_size(), LweCiphertextCount(bits.len()), MODULUS);
    let mut noise = NoiseRandomGenerator::<DefaultRandomGenerator>::new_from_seed(seed);
    let proof = encrypt_and_prove_lwe_compact_ciphertext_list_with_compact_public_key(
        key,
        &mut list,
        &bits,
        encoding.bit(),
        big_noise(),
        big_noise(),
        &mut noise,
        crs,
        metadata,
        ZkComputeLoad::Proof,
    )
    .map_err(|error| Fault::Local(format!("the query's proof could not be made: {error}")))?;
    let mut proof_bytes = Vec::new();
    safe_serialize(&proof, &mut proof_bytes, PROOF_LIMIT)
        .map_err(|error| Fault::Local(format!("the query's proof could not be written: {error}")))?;
    let length = u32::try_from(proof_bytes.len()).unwrap_or(u32::MAX);
    let mut bytes: Vec<u8> = list.as_ref().iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&proof_bytes);
    Ok(bytes)
}

/// The most bytes of a query.
pub(super) fn limit(form: &Form, alternatives: usize) -> u64 {
    let bits = bits(form);
    let chunks = bits.div_ceil(CHUNK) as u64;
    let one = chunks * (8 * BIG_LWE.0 as u64 + 4 + PROOF_LIMIT) + 8 * bits as u64;
    one * alternatives as u64
}

/// Reads a query and checks every proof, on all cores.
///
/// # Errors
/// [`Misbehaviour::Query`] with what is wrong.
pub(super) fn verify(
    form: &Form,
    encoding: &Encoding,
    key: &LweCompactPublicKeyOwned<u64>,
    crs: &CompactPkeCrs,
    alternatives: usize,
    bytes: &[u8],
) -> Result<Vec<Encrypted>, Fault> {
    let mut rest = bytes;
    let mut parts = Vec::new();
    for alternative in 0..alternatives {
        let mut left = bits(form);
        for chunk in 0.. {
            let count = left.min(CHUNK);
            parts.push((alternative, chunk, take_list(&mut rest, count)?));
            left -= count;
            if left == 0 {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return Err(Misbehaviour::Query("it has more bytes than its parts").into());
    }
    let chunks = parts.into_par_iter().map(|(alternative, chunk, (words, proof))| {
        let metadata = context(form, encoding, key.as_ref(), alternative, chunk);
        Ok((alternative, verify_chunk(key, crs, words, proof, &metadata)?))
    });
    let chunks: Vec<(usize, Chunk)> = chunks.collect::<Result<_, Fault>>()?;
    let mut queries: Vec<Encrypted> = (0..alternatives).map(|_| Encrypted { chunks: Vec::new() }).collect();
    for (alternative, chunk) in chunks {
        if let Some(query) = queries.get_mut(alternative) {
            query.chunks.push(chunk);
        }
    }
    Ok(queries)
}

/// The words of a list of `count` bits, and its proof.
fn take_list<'b>(rest: &mut &'b [u8], count: usize) -> Result<(&'b [u8], &'b [u8]), Fault> {
    let words = take(rest, 8 * (BIG_LWE.0 + count))?;
    let length = take(rest, 4)?.as_chunks::<4>().0.first().map_or(0, |b| u32::from_le_bytes(*b));
    Ok((words, take(rest, usize::try_from(length).unwrap_or(usize::MAX))?))
}

/// Checks one list of `count` bits that [`encrypt_chunk`] made.
///
/// # Errors
/// As [`verify`].
pub(super) fn verify_list(
    key: &LweCompactPublicKeyOwned<u64>,
    crs: &CompactPkeCrs,
    count: usize,
    mut bytes: &[u8],
    metadata: &[u8],
) -> Result<(), Fault> {
    let (words, proof) = take_list(&mut bytes, count)?;
    verify_chunk(key, crs, words, proof, metadata).map(drop)
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Result<&'b [u8], Fault> {
    let (taken, left) =
        rest.split_at_checked(count).ok_or(Misbehaviour::Query("it has fewer bytes than its parts"))?;
    *rest = left;
    Ok(taken)
}

fn verify_chunk(
    key: &LweCompactPublicKeyOwned<u64>,
    crs: &CompactPkeCrs,
    words: &[u8],
    proof: &[u8],
    metadata: &[u8],
) -> Result<Chunk, Fault> {
    let words: Vec<u64> = words.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let (mask, bodies) =
        words.split_at_checked(BIG_LWE.0).ok_or(Misbehaviour::Query("it has fewer bytes than its parts"))?;
    let (mask, bodies) = (Turning::new(mask), bodies.to_vec());
    let count = LweCiphertextCount(bodies.len());
    let conformance = CompactPkeProofConformanceParams::new(CompactPkeZkScheme::V2)
        .forbid_compute_load(ZkComputeLoad::Verify);
    let proof: CompactPkeProof = safe_deserialize_conformant(proof, PROOF_LIMIT, &conformance)
        .map_err(|_| Misbehaviour::Query("a proof is malformed"))?;
    let list = LweCompactCiphertextList::from_container(words, BIG_LWE.to_lwe_size(), count, MODULUS);
    if verify_lwe_compact_ciphertext_list(&list, key, &proof, crs, metadata).is_invalid() {
        return Err(
            Misbehaviour::Query("a proof does not hold: something else than bits was encrypted").into()
        );
    }
    Ok(Chunk { mask, bodies })
}

/// The digest that the opening words carry.
pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/tfhe-query-digest/1\0");
    hash.update(bytes);
    hash.finalize().into()
}
