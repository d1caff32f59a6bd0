//! What errors of the asker's choosing do, which the proof of the query bounds only by their norm.

use proptest::prelude::*;
use tfhe::core_crypto::{
    algorithms::slice_algorithms::slice_semi_reverse_negacyclic_convolution,
    commons::math::random::Seed as TfheSeed,
};

use super::*;
use crate::matching::tfhe::{
    keys::Secret,
    parameters::{BIG_LWE, BIT, MODULUS, big_noise, bits, common, result_deviation},
    query::Encrypted,
    score::Scorer,
};

/// Errors of a mask that raise every bit of a list of `count` alike, as far as their norm allows: one step of
/// the power method on the matrix of the key, from a vector of equal numbers.
fn in_step(secret: &Secret, count: usize, norm: f64) -> Vec<i64> {
    let key = secret.big().clone().into_lwe_secret_key();
    let bit = |at: usize| if key.as_ref()[at] == 1 { 1.0 } else { 0.0 };
    let pull = |at: usize| -> f64 {
        (0..count)
            .map(|turn| if at + turn < BIG_LWE.0 { bit(at + turn) } else { -bit(at + turn - BIG_LWE.0) })
            .sum()
    };
    let pulls: Vec<f64> = (0..BIG_LWE.0).map(pull).collect();
    let length = pulls.iter().map(|pull| pull * pull).sum::<f64>().sqrt();
    // A body's phase loses what the key makes of the mask's errors, and weights are negative in the mean.
    pulls.into_iter().map(|pull| (pull / length * norm) as i64).collect()
}

/// A wholly masked probe with these errors in its mask: the list and, if it can be made, its proof.
fn list(errors: &[i64], proved: bool) -> (Vec<u64>, Vec<u8>) {
    let Ready { form, encoding, reference, seed, .. } = ready();
    let (key, count) = (Public::encryption_of(seed), bits(form));
    let mut stream = Seed::new([6; 32]).stream("random bits");
    let random: Vec<u64> = (0..BIG_LWE.0).map(|_| stream.below(2)).collect();
    let product = |polynomial: &[u64]| {
        let mut product = vec![0; BIG_LWE.0];
        slice_semi_reverse_negacyclic_convolution(&mut product, polynomial, &random);
        product
    };
    let (mask, body) = key.get_mask_and_body();
    let errors: Vec<u64> = errors.iter().map(|error| error.cast_unsigned()).collect();
    let mut words: Vec<u64> =
        product(mask.as_ref()).iter().zip(&errors).map(|(word, error)| word.wrapping_add(*error)).collect();
    words.extend(product(body.as_ref()).iter().rev().take(count));
    if !proved {
        return (words, Vec::new());
    }
    let crs = crs::restore(reference).unwrap();
    let size = BIG_LWE.to_lwe_size();
    let whole =
        LweCompactCiphertextList::from_container(words.as_slice(), size, LweCiphertextCount(count), MODULUS);
    let (bits, none) = (vec![0_u64; count], vec![0_u64; count]);
    let context = query::context(form, encoding, key.as_ref(), 0, 0);
    let load = tfhe::zk::ZkComputeLoad::Proof;
    let proof = crs.prove(&key, &bits, &whole, &random, &errors, &none, &context, load, [7; 16]);
    let mut bytes = Vec::new();
    tfhe::safe_serialization::safe_serialize(&proof, &mut bytes, 1 << 13).unwrap();
    (words, bytes)
}

/// How many of 200 strangers are hits.
fn hits(query: &Encrypted) -> usize {
    let Ready { form, encoding, .. } = ready();
    let scorer = Scorer::new(*form, *encoding);
    let scores: Vec<_> = (0..200).map(|at| scorer.score(query, &random(form, 40, at))).collect();
    parts::decided(ready(), &scores).into_iter().filter(|hit| *hit).count()
}

/// Under the small key, with noise of ±2^43, this probe was a hit for three strangers of four.
#[test]
fn errors_in_step_with_the_key_gain_nothing() {
    let Ready { form, encoding, reference, seed, .. } = ready();
    let (key, secret) = (Public::encryption_of(seed), Secret::of(seed));
    let bound = 2_f64.powi(17) * ((BIG_LWE.0 + bits(form)) as f64).sqrt();
    let (words, proof) = list(&in_step(&secret, bits(form), 0.99 * bound), true);
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(u32::try_from(proof.len()).unwrap().to_le_bytes());
    bytes.extend(proof);
    let crs = crs::restore(reference).unwrap();
    let query = query::verify(form, encoding, &key, &crs, 1, &bytes).unwrap();
    assert_eq!(hits(&query[0]), 0);
    // The same errors, but as large beside a bit as the noise of the small key let them be, and no proof.
    let (words, _) = list(&in_step(&secret, bits(form), bound * 2_f64.powi(18)), false);
    let (mask, bodies) = words.split_at(BIG_LWE.0);
    let chunk = query::Chunk { mask: turning::Turning::new(mask), bodies: bodies.to_vec() };
    let found = hits(&Encrypted { chunks: vec![chunk] });
    assert!(found > 100, "the attack works where errors are not bounded: {found}");
}

#[test]
fn a_key_of_bits_is_no_longer_than_the_bound() {
    // The values at all roots, of the worst polynomial of bits and of a key.
    let n = BIG_LWE.0;
    let secret = Secret::of(&ready().seed).big().clone().into_lwe_secret_key();
    let worst = (0..n).map(|root| {
        let value = |at: usize| std::f64::consts::PI * ((2 * root + 1) * at % (2 * n)) as f64 / n as f64;
        let (re, im) = secret
            .as_ref()
            .iter()
            .enumerate()
            .filter(|(_, bit)| **bit == 1)
            .fold((0.0, 0.0), |(re, im), (at, _)| (re + value(at).cos(), im + value(at).sin()));
        f64::hypot(re, im)
    });
    let (worst, most) = (worst.fold(0.0, f64::max), 2.0 * n as f64 / std::f64::consts::PI);
    assert!((most / 3.0..most).contains(&worst), "{worst} of {most}");
    let ones = (0..n).map(|at| (std::f64::consts::PI * at as f64 / n as f64).sin()).sum::<f64>();
    assert!((most - ones).abs() < 1.0, "all ones reach it: {ones}");
}

proptest! {
    /// For every form that is taken: errors move a sum by no more than a quarter of the blur, and a probe with
    /// everything masked stays six deviations and these errors below a hit; the blur is below 1/150 of the length.
    #[test]
    fn no_form_is_taken_for_which_errors_or_blur_count(
        length in 128_u32..12_801, masked: bool, s in 0_u32..1_000, p in 1_u32..1_001, share in 1_u32..32,
    ) {
        prop_assume!(s < p);
        let kappa = ((p - s) * length).div_ceil(share).min((p - s) * length - 1);
        let form = Form { length, masked, rule: Rule { s, p, kappa } };
        prop_assume!(form.check().is_ok());
        let Ok(encoding) = Encoding::of(&form) else { return Ok(()) };
        // In one list by 2^34.5: the bound of the proof times the longest key, and the public key's own.
        let (n, lists) = (BIG_LWE.0 as f64, bits(&form).div_ceil(BIG_LWE.0) as f64);
        let b = 2_f64.powi(i32::try_from(big_noise().bound_log2()).unwrap());
        let list = b * (2.0 * n).sqrt() * (1.0 + 2.0 * n / std::f64::consts::PI) + b * n * n.sqrt();
        prop_assert!(list < 2_f64.powf(34.5));
        let (weights, _) = Scorer::new(form, encoding).weights(&random(&form, 1, 0));
        let norm = weights.iter().map(|weight| (*weight as f64).powi(2)).sum::<f64>().sqrt();
        let moved = lists.sqrt() * norm * list / encoding.bit() as f64;
        prop_assert!(moved <= encoding.gain * 1.000_1 && encoding.gain <= encoding.blur / 4.0);
        if masked {
            let floor = f64::from(kappa) / f64::from(common(&form));
            prop_assert!(floor >= 6.0 * encoding.blur + encoding.gain);
        }
        prop_assert!(OneRound.blur(&form).unwrap() < f64::from(length) / 150.0);
    }
}

/// The forms that agreements are made of, and what is refused.
#[test]
fn forms_of_the_thresholds_page_are_taken() {
    for (length, masked, s, p, kappa) in [
        (512, false, 0, 1, 384),
        (2_048, true, 1, 6, 2_584),
        (5_120, true, 1, 6, 7_000),
        (12_800, true, 1, 3, 9_000),
    ] {
        let form = Form { length, masked, rule: Rule { s, p, kappa } };
        let Encoding { gain, blur, .. } = Encoding::of(&form).unwrap();
        assert!(gain < 0.05 * blur, "{form:?}: {gain} beside {blur}");
    }
    for (s, p, kappa) in [(333, 1_000, 43_688), (2, 5, 192)] {
        let form = Form { length: 2_048, masked: true, rule: Rule { s, p, kappa } };
        assert!(form.check().is_ok() && OneRound.takes(&form, 1, Answer::Any).is_err(), "{form:?}");
    }
}

/// Places of no record have the noise of those of a record: else how much of an answer lies beyond the flood's
/// edges would tell how many there are.
#[test]
fn a_no_that_was_not_computed_looks_like_one_that_was() {
    let evaluation = Public::of(&ready().seed).expand();
    let key = Secret::of(&ready().seed).big().clone().into_lwe_secret_key();
    let squares = (0..300).map(|seed| {
        let error = decrypt_lwe_ciphertext(&key, &evaluation.fresh.no(TfheSeed(seed))).0.wrapping_add(BIT);
        (error.cast_signed() as f64 / 2_f64.powi(64)).powi(2)
    });
    // 300 squares: their mean is within a quarter of the variance but for three standard deviations.
    let ratio = squares.sum::<f64>() / 300.0 / result_deviation().powi(2);
    assert!((0.75..1.25).contains(&ratio), "{ratio}");
}

#[test]
fn a_fresh_encryption_has_small_errors() {
    let evaluation = Public::of(&ready().seed).expand();
    let key = Secret::of(&ready().seed).big().clone().into_lwe_secret_key();
    for seed in 0..20 {
        let fresh = evaluation.fresh.encrypt(1 << 60, TfheSeed(seed));
        let error = decrypt_lwe_ciphertext(&key, &fresh).0.wrapping_sub(1 << 60).cast_signed();
        assert!(error.unsigned_abs() < 1 << 25, "{error}");
    }
}
