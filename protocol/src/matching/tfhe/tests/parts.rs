//! Parts of the circuit, each against an oracle of its own.

use proptest::prelude::*;
use rayon::prelude::*;
use tfhe::core_crypto::commons::{generators::NoiseRandomGenerator, math::random::Seed as TfheSeed};

use super::*;
use crate::matching::tfhe::{
    circuit::{self, Table},
    keys::{Evaluation, Secret},
    parameters::{BIG_LWE, CHUNK, MODULUS, PACK, SLOTS, SMALL, SWITCH, big_noise, bits},
    query::{Chunk, Encrypted},
    score::Scorer,
    turning::Turning,
};

fn keys() -> &'static Evaluation {
    static KEYS: OnceLock<Evaluation> = OnceLock::new();
    KEYS.get_or_init(|| Public::of(&ready().seed).expand())
}

/// Encrypts a probe without its proof.
fn encrypt(form: &Form, encoding: &Encoding, probe: &Template, seed: u128) -> Encrypted {
    let plain: Vec<u64> = query::plain_bits(form, probe);
    assert_eq!(plain.len(), bits(form));
    let mut noise = NoiseRandomGenerator::<DefaultRandomGenerator>::new_from_seed(TfheSeed(seed));
    let chunk = |bits: &[u64]| {
        let count = LweCiphertextCount(bits.len());
        let mut list = LweCompactCiphertextList::new(0, BIG_LWE.to_lwe_size(), count, MODULUS);
        let plain: Vec<u64> = bits.iter().map(|bit| bit * encoding.bit()).collect();
        let plain = PlaintextList::from_container(plain);
        let key = &keys().encryption;
        let noise = &mut noise;
        encrypt_lwe_compact_ciphertext_list_with_compact_public_key(
            key,
            &mut list,
            &plain,
            big_noise(),
            big_noise(),
            noise,
        );
        let (mask, bodies) = list.as_ref().split_at(BIG_LWE.0);
        Chunk { mask: Turning::new(mask), bodies: bodies.to_vec() }
    };
    Encrypted { chunks: plain.chunks(CHUNK).map(chunk).collect() }
}

/// Bootstraps scores and opens what is packed of them.
pub(super) fn decided(ready: &Ready, scores: &[circuit::Big]) -> Vec<bool> {
    let bits = circuit::gate(keys(), &Table::sign(), scores);
    let mut packed = answer::Packed::new(bits.len());
    packed.put(keys(), &bits.into_iter().enumerate().collect::<Vec<_>>());
    let bytes = packed.finish(&mut Seed::new([5; 32]).stream("flood"));
    answer::open(Secret::of(&ready.seed).answer(), scores.len(), &bytes).unwrap()
}

/// The circuit's decision on each template, a fresh encryption for each.
pub(super) fn decide(ready: &Ready, probe: &Template, templates: &[Template]) -> Vec<bool> {
    decide_apart(ready, probe, templates, 0)
}

/// The same, with encryptions of their own from `first` on.
pub(super) fn decide_apart(
    ready: &Ready,
    probe: &Template,
    templates: &[Template],
    first: u128,
) -> Vec<bool> {
    let scorer = Scorer::new(ready.form, ready.encoding);
    let decided =
        templates.par_chunks(128).zip((first..).step_by(128).take(templates.len()).collect::<Vec<_>>());
    let decided = decided.flat_map(|(templates, first)| {
        let scores: Vec<_> = (first..)
            .zip(templates)
            .map(|(seed, template)| {
                scorer.score(&encrypt(&ready.form, &ready.encoding, probe, seed), template)
            })
            .collect();
        self::decided(ready, &scores)
    });
    decided.collect()
}

proptest! {
    #[test]
    fn weights_say_what_the_rule_says(
        masked: bool, at in 0_u64..1_000, flips in 0_usize..300, s in 0_u32..9, p in 1_u32..10, share in 32_u32..200,
    ) {
        prop_assume!(s < p);
        let length = 300;
        let kappa = ((p - s) * length).div_ceil(32) + share;
        let form = Form { length, masked, rule: Rule { s, p, kappa } };
        prop_assume!(Encoding::of(&form).is_ok());
        let probe = random(&form, 1, at);
        let mut template = near(&probe, flips, at);
        if masked {
            // Another mask than the probe's.
            let mask = random(&form, 2, at);
            let both = template.positions().zip(mask.positions()).map(|(bit, mask)| mask.and(bit));
            template = Template::from_positions(&both.collect::<Vec<_>>()).unwrap();
        }
        let (weights, threshold) = Scorer::new(form, Encoding::of(&form).unwrap()).weights(&template);
        let sum: i64 = query::plain_bits(&form, &probe)
            .into_iter()
            .zip(&weights)
            .map(|(bit, weight)| i64::try_from(bit).unwrap() * weight)
            .sum();
        prop_assert_eq!(sum >= threshold, form.rule.hit(&probe, &template));
        // No query of bits is further from the threshold than half the torus.
        let most: i64 = weights.iter().filter(|weight| **weight > 0).sum();
        let least: i64 = weights.iter().filter(|weight| **weight < 0).sum();
        let furthest = (most - threshold).abs().max((least - threshold).abs()) as f64 + 0.5;
        let unit = Encoding::of(&form).unwrap().unit() as f64 / 2_f64.powi(64);
        prop_assert!(furthest * unit + 12.0 * super::parameters::decision_deviation() < 0.5, "{}", furthest * unit);
    }
}

#[test]
fn scores_decrypt_to_the_distance_from_the_threshold() {
    let big = Secret::of(&ready().seed).big().clone().into_lwe_secret_key();
    // Of one list, of two, and without masks.
    let forms =
        [form(), Form { length: 1_100, rule: Rule { kappa: 600, ..form().rule }, ..form() }, bare(300)];
    for form in forms {
        let encoding = Encoding::of(&form).unwrap();
        let (scorer, probe) = (Scorer::new(form, encoding), random(&form, 1, 0));
        let query = encrypt(&form, &encoding, &probe, 7);
        for flips in [0, 50, 150, 300, 500] {
            let template = near(&probe, flips, 1);
            let score = scorer.score(&query, &template);
            let phase = decrypt_lwe_ciphertext(&big, &score).0.cast_signed() as f64;
            let units = phase / encoding.unit() as f64;
            let score = form.rule.score(&probe, &template) as f64;
            // Without masks the sum is p times less for each bit that differs, and rounded.
            let expected = if form.masked { score + 0.5 } else { (score / 2.0).floor() + 0.5 };
            assert!(
                (units - expected).abs() < encoding.gain.max(1e-6),
                "{form:?} {flips}: {units} {expected}"
            );
        }
    }
}

/// A form without masks in which half of the bits may differ.
fn bare(length: u32) -> Form {
    Form { length, masked: false, rule: Rule { s: 0, p: 1, kappa: length / 2 } }
}

#[test]
fn fresh_encryptions_are_those_of_the_library() {
    for at in 0..3 {
        let mut theirs = LweCiphertext::new(0, BIG_LWE.to_lwe_size(), MODULUS);
        let mut noise = NoiseRandomGenerator::<DefaultRandomGenerator>::new_from_seed(TfheSeed(at));
        encrypt_lwe_ciphertext_with_compact_public_key(
            &keys().encryption,
            &mut theirs,
            Plaintext(5 << 40),
            big_noise(),
            big_noise(),
            &mut noise,
        );
        assert_eq!(keys().fresh.encrypt(5 << 40, TfheSeed(at)), theirs);
    }
}

#[test]
fn key_switches_are_those_of_the_library() {
    let big: Vec<LweCiphertextOwned<u64>> = (0..3)
        .map(|at| {
            let mut stream = Seed::new([at; 32]).stream("words");
            let words = (0..=BIG_LWE.0).map(|_| stream.bits()).collect();
            LweCiphertext::from_container(words, MODULUS)
        })
        .collect();
    for (at, ours) in circuit::switch(keys(), &big).into_iter().enumerate() {
        let mut theirs = LweCiphertext::new(0, SMALL.to_lwe_size(), MODULUS);
        keyswitch_lwe_ciphertext(&keys().switch, &big[at], &mut theirs);
        assert_eq!(ours, theirs);
    }
    assert_eq!(SWITCH.1.0 * BIG_LWE.0 * SMALL.to_lwe_size().0, keys().switch.as_ref().len());
    let borrowed: Vec<_> = big.iter().collect();
    for (at, ours) in answer::switch(keys(), &borrowed, 1).into_iter().enumerate() {
        let mut theirs = GlweCiphertext::new(0, ours.glwe_size(), PolynomialSize(SLOTS), MODULUS);
        keyswitch_lwe_ciphertext_into_glwe_ciphertext(&keys().pack, &big[at], &mut theirs);
        assert_eq!(ours, theirs);
    }
    assert_eq!(PACK.1.0 * BIG_LWE.0 * 5 * SLOTS, keys().pack.as_ref().len());
}

#[test]
fn the_same_seeds_give_the_same_bytes() {
    let probe = [random(&form(), 1, 0)];
    let digest = |seed| ready().asking.prepare(&probe, &Seed::new([seed; 32])).unwrap().digest();
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
    let public = Public::of(&ready().seed).to_bytes();
    assert_eq!(public.len(), PUBLIC_BYTES);
    assert_eq!(Public::from_bytes(&public).unwrap().to_bytes(), public);
}

#[test]
fn sizes_are_small() {
    // 1,280 bits in a list; 2,048 are the most.
    assert!((4_000_000..4_400_000).contains(&ready().reference.len()), "{}", ready().reference.len());
    let (form, alternatives) = (Form { masked: false, length: 512, ..form() }, 1);
    assert!(query::limit(&form, alternatives) < 29_000);
    assert_eq!(answer::Packed::bytes(1_024), 7_680);
    assert_eq!(answer::Packed::bytes(1), 1_538);
}

/// The table in docs/protocols/match-one-round.md.
#[test]
fn the_blur_is_told_in_positions_that_differ() {
    let face = Form { length: 512, masked: false, rule: Rule { s: 0, p: 1, kappa: 246 } };
    let doubled = Form { rule: Rule { s: 0, p: 2, kappa: 492 }, ..face };
    for (form, blur) in [(face, 1.86), (doubled, 1.86), (form(), 2.38)] {
        let found = OneRound.blur(&form).unwrap();
        assert!((found - blur).abs() < 0.06, "{form:?}: {found}");
    }
}
