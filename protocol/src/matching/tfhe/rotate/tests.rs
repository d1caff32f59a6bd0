use super::*;
use crate::{
    matching::tfhe::{
        keys::{Public, Secret},
        parameters::big_noise,
    },
    seed::Seed,
};

/// Variance of what a rotation adds, as in docs/protocols/match-one-round.md, in units of 2^-64.
///
/// A step rounds to digits: ±2^(DIGIT - 1) in the body and under each bit of the key, times the square of
/// |X^e - 1|, which is 2 but for two zeros. It multiplies digits with the noise of three encryptions. And double
/// precision rounds each sum by four units in its last place, in the body and under each bit of the key; four is
/// what was measured.
fn variance(secret: &Secret) -> f64 {
    let ones = |key: &[u64]| key.iter().sum::<u64>() as f64;
    let (pairs, _) = secret.small().as_ref().as_chunks::<2>();
    let turning = pairs.iter().filter(|pair| **pair != [0, 0]).count() as f64;
    let rounding = 2_f64.powi(2 * DIGIT as i32) / 12.0 * (1.0 + ones(secret.big().as_ref()));
    let noise = (2_f64.powi(2 * big_noise().bound_log2() as i32 + 1) + 1.0) / 6.0;
    let digits = 2_f64.powi(2 * BOOTSTRAP.0.0 as i32) / 12.0;
    let terms = (2.0 + 2.0 + 4.0) * (SIZE * BIG_DEGREE.0) as f64;
    let sum = terms * digits / 12.0 * 2_f64.powi(128);
    let precision = sum * (4.0 * 2_f64.powi(-53)).powi(2) * (1.0 + ones(secret.big().as_ref()));
    2.0 * turning * rounding + pairs.len() as f64 * (terms * digits * noise + precision)
}

#[test]
fn a_table_is_turned_by_the_phase_and_the_noise_is_the_stated() {
    let seed = Seed::new([1; 32]);
    let secret = Secret::of(&seed);
    let rotation = Rotation::new(&Public::of(&seed).bootstrap().clone().decompress_into_lwe_bootstrap_key());
    let mut stream = Seed::new([2; 32]).stream("inputs");
    let inputs: Vec<LweCiphertextOwned<u64>> = (0..160)
        .map(|_| LweCiphertext::from_container((0..=SMALL.0).map(|_| stream.bits()).collect(), MODULUS))
        .collect();
    // Every multiple of 1/256 of the torus may stand in a table.
    let mut table = GlweCiphertext::new(0, BIG.to_glwe_size(), BIG_DEGREE, MODULUS);
    table.get_mut_body().as_mut().iter_mut().for_each(|word| *word = stream.below(256) << 56);
    let big = secret.big().as_lwe_secret_key();
    let mut squares = 0.0;
    for (input, output) in inputs.iter().zip(rotation.bootstrap(&table, &inputs)) {
        let view = LweCiphertext::from_container(input.as_ref(), MODULUS);
        let log = BIG_DEGREE.to_blind_rotation_input_modulus_log();
        let switched = lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(view, log);
        let order = 2 * BIG_DEGREE.0;
        let mask: usize = switched
            .mask()
            .zip(secret.small().as_ref())
            .map(|(word, bit)| if *bit == 1 { word } else { 0 })
            .sum();
        let phase = (switched.body() + order - mask % order) % order;
        let value = table.get_body().as_ref()[phase % BIG_DEGREE.0];
        let expected = if phase < BIG_DEGREE.0 { value } else { value.wrapping_neg() };
        let error = decrypt_lwe_ciphertext(&big, &output).0.wrapping_sub(expected).cast_signed() as f64;
        squares += error * error;
    }
    // 160 squares: the mean is within a third of the variance but for 3.0 standard deviations.
    let ratio = squares / inputs.len() as f64 / variance(&secret);
    assert!((0.67..1.33).contains(&ratio), "{ratio}: 2^{:.1}", (squares / 160.0).sqrt().log2());
}

#[test]
fn the_extended_key_is_pairs_and_their_product() {
    let secret = Secret::of(&Seed::new([3; 32]));
    let extended = extended(secret.small());
    assert_eq!(extended.lwe_dimension(), EXTENDED);
    let (pairs, _) = secret.small().as_ref().as_chunks::<2>();
    for (found, [s, t]) in extended.as_ref().chunks(OF_PAIR).zip(pairs) {
        assert_eq!(found, [*s, *t, s * t]);
    }
}
