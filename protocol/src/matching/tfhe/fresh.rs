//! Fresh encryptions under the asker's public key: what blinds the scores, and stands in the places of no record.
//!
//! As the library's `encrypt_lwe_ciphertext_with_compact_public_key`, to which a test holds it bit for bit, but
//! in a third of the time.

use tfhe::core_crypto::{
    commons::math::random::{RandomGenerator, Seed},
    prelude::*,
};

use super::{
    circuit::Big,
    parameters::{BIG_LWE, BIT, MODULUS, big_noise, result_deviation},
    turning::Turning,
};

/// A public key, ready to encrypt.
pub(super) struct Fresh {
    mask: Turning,
    body: Vec<u64>,
}

impl Fresh {
    pub(super) fn new(key: &LweCompactPublicKeyOwned<u64>) -> Self {
        let (mask, body) = key.get_mask_and_body();
        Self { mask: Turning::new(mask.as_ref()), body: body.as_ref().to_vec() }
    }

    /// Encrypts a word of the torus.
    pub(super) fn encrypt(&self, plain: u64, seed: Seed) -> Big {
        self.draw(plain, &mut RandomGenerator::new(seed))
    }

    /// Encrypts a result that says no, with the noise that a bootstrapping would have left in it.
    pub(super) fn no(&self, seed: Seed) -> Big {
        let mut generator = RandomGenerator::new(seed);
        let law = Gaussian::from_standard_dev(StandardDev(result_deviation()), 0.0);
        let error: u64 = generator.random_from_distribution(law);
        self.draw(error.wrapping_sub(BIT), &mut generator)
    }

    fn draw(&self, plain: u64, generator: &mut RandomGenerator<DefaultRandomGenerator>) -> Big {
        let mut random = vec![0_u64; BIG_LWE.0];
        generator.fill_slice_with_random_uniform_binary_bits(&mut random);
        let mut errors = vec![0_u64; BIG_LWE.0];
        generator.fill_slice_with_random_from_distribution(&mut errors, big_noise());
        let error: u64 = generator.random_from_distribution(big_noise());
        // The body is that of the last power of X.
        let turns: Vec<usize> =
            (0..BIG_LWE.0).rev().zip(&random).filter(|(_, bit)| **bit == 1).map(|(turn, _)| turn).collect();
        let mask = self.mask.sum(&turns);
        let body = self.body.iter().zip(&random).filter(|(_, bit)| **bit == 1);
        let body = body.fold(plain.wrapping_add(error), |sum, (word, _)| sum.wrapping_add(*word));
        let words = mask.iter().zip(&errors).map(|(word, error)| word.wrapping_add(*error)).chain([body]);
        LweCiphertext::from_container(words.collect(), MODULUS)
    }
}
