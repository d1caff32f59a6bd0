//! Keys: what the asker keeps, what it gives away, and what the holder computes with.

use sha2::{Digest, Sha256};
use tfhe::core_crypto::{
    commons::{
        generators::DeterministicSeeder,
        math::random::{CompressionSeed, Seed},
    },
    prelude::*,
};
use zeroize::Zeroize;

use super::{
    fresh::Fresh,
    parameters::{
        ANSWER, ANSWER_MASK, BIG, BIG_DEGREE, BIG_LWE, BOOTSTRAP, MODULUS, PACK, SLOTS, SMALL, SWITCH,
        big_noise, small_noise,
    },
    rotate::{EXTENDED, Rotation, extended},
};
use crate::{
    exchange::{Fault, Misbehaviour},
    seed::{Seed as OurSeed, Stream},
};

/// A generator seeder of tfhe that draws from a [`Stream`].
pub(super) fn seeder(stream: &mut Stream) -> DeterministicSeeder<DefaultRandomGenerator> {
    DeterministicSeeder::new(seed(stream))
}

/// 128 random bits, as tfhe takes them.
pub(super) fn seed(stream: &mut Stream) -> Seed {
    Seed(u128::from(stream.bits()) << 64 | u128::from(stream.bits()))
}

/// What only the asker knows. tfhe wipes no memory; the keys live as long as one step.
pub(super) struct Secret {
    small: LweSecretKeyOwned<u64>,
    big: GlweSecretKeyOwned<u64>,
    answer: GlweSecretKeyOwned<u64>,
}

impl Secret {
    /// The keys of a seed.
    pub(super) fn of(seed: &OurSeed) -> Self {
        let mut seeder = seeder(&mut seed.stream("tfhe/secret"));
        let mut generator = SecretRandomGenerator::<DefaultRandomGenerator>::new(seeder.seed());
        Self {
            small: allocate_and_generate_new_binary_lwe_secret_key(SMALL, &mut generator),
            big: allocate_and_generate_new_binary_glwe_secret_key(BIG, BIG_DEGREE, &mut generator),
            answer: allocate_and_generate_new_binary_glwe_secret_key(
                ANSWER,
                PolynomialSize(SLOTS),
                &mut generator,
            ),
        }
    }

    /// The key of the answer.
    pub(super) fn answer(&self) -> &GlweSecretKeyOwned<u64> {
        &self.answer
    }

    #[cfg(test)]
    pub(super) fn small(&self) -> &LweSecretKeyOwned<u64> {
        &self.small
    }

    #[cfg(test)]
    pub(super) fn big(&self) -> &GlweSecretKeyOwned<u64> {
        &self.big
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.small.as_mut().zeroize();
        self.big.as_mut().zeroize();
        self.answer.as_mut().zeroize();
    }
}

/// What the asker gives to the holder, in the form in which it travels: bodies, and the seeds from which
/// masks are made.
pub(super) struct Public {
    encryption: LweCompactPublicKeyOwned<u64>,
    seeds: [u128; 3],
    bootstrap: SeededLweBootstrapKeyOwned<u64>,
    switch: SeededLweKeyswitchKeyOwned<u64>,
    pack: SeededLwePackingKeyswitchKeyOwned<u64>,
}

const ENCRYPTION_WORDS: usize = 2 * BIG_LWE.0;
const BOOTSTRAP_WORDS: usize = EXTENDED.0 * BOOTSTRAP.1.0 * (BIG.0 + 1) * BIG_DEGREE.0;
const SWITCH_WORDS: usize = BIG_LWE.0 * SWITCH.1.0;
const PACK_WORDS: usize = BIG_LWE.0 * PACK.1.0 * SLOTS;
/// Bytes of [`Public`].
pub(super) const PUBLIC_BYTES: usize =
    8 * (ENCRYPTION_WORDS + BOOTSTRAP_WORDS + SWITCH_WORDS + PACK_WORDS) + 3 * 16;

impl Public {
    /// The keys of a seed. Whoever has the seed makes the same.
    pub(super) fn of(seed: &OurSeed) -> Self {
        let Secret { small, big, answer } = &Secret::of(seed);
        let mut masks = seed.stream("tfhe/masks");
        let seeds = std::array::from_fn(|_| self::seed(&mut masks).0);
        let encryption = encryption(big, seed);
        let mut seeder = seeder(&mut seed.stream("tfhe/noise"));
        let [bootstrap_seed, switch_seed, pack_seed] = seeds.map(compression);
        let mut bootstrap = SeededLweBootstrapKeyOwned::new(
            0,
            BIG.to_glwe_size(),
            BIG_DEGREE,
            BOOTSTRAP.0,
            BOOTSTRAP.1,
            EXTENDED,
            bootstrap_seed,
            MODULUS,
        );
        let mut pairs = extended(small);
        generate_seeded_lwe_bootstrap_key(&pairs, big, &mut bootstrap, big_noise(), &mut seeder);
        pairs.as_mut().zeroize();
        let big = &big.as_lwe_secret_key();
        let mut switch =
            SeededLweKeyswitchKeyOwned::new(0, SWITCH.0, SWITCH.1, BIG_LWE, SMALL, switch_seed, MODULUS);
        generate_seeded_lwe_keyswitch_key(big, small, &mut switch, small_noise(), &mut seeder);
        let mut pack = SeededLwePackingKeyswitchKeyOwned::new(
            0,
            PACK.0,
            PACK.1,
            BIG_LWE,
            ANSWER,
            PolynomialSize(SLOTS),
            pack_seed,
            MODULUS,
        );
        generate_seeded_lwe_packing_keyswitch_key(big, answer, &mut pack, small_noise(), &mut seeder);
        Self { encryption, seeds, bootstrap, switch, pack }
    }

    /// The query's encryption key alone.
    pub(super) fn encryption_of(seed: &OurSeed) -> LweCompactPublicKeyOwned<u64> {
        encryption(&Secret::of(seed).big, seed)
    }

    /// The query's encryption key.
    pub(super) fn encryption(self) -> LweCompactPublicKeyOwned<u64> {
        self.encryption
    }

    /// As it travels: three seeds, then words, all little-endian.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let words =
            [self.encryption.as_ref(), self.bootstrap.as_ref(), self.switch.as_ref(), self.pack.as_ref()];
        let mut bytes = Vec::with_capacity(PUBLIC_BYTES);
        self.seeds.iter().for_each(|seed| bytes.extend_from_slice(&seed.to_le_bytes()));
        words.into_iter().flatten().for_each(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes
    }

    /// Reads what travelled. Any words of the right number are keys of some kind; that they are good ones
    /// is what the setup shows.
    ///
    /// # Errors
    /// [`Misbehaviour::Length`].
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        if bytes.len() != PUBLIC_BYTES {
            return Err(Misbehaviour::Length.into());
        }
        let (head, rest) = bytes.split_at_checked(48).ok_or(Misbehaviour::Length)?;
        let (heads, _) = head.as_chunks::<16>();
        let mut seeds = [0; 3];
        seeds.iter_mut().zip(heads).for_each(|(seed, bytes)| *seed = u128::from_le_bytes(*bytes));
        let mut words = rest.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut take = |count: usize| words.by_ref().take(count).collect::<Vec<_>>();
        let [bootstrap_seed, switch_seed, pack_seed] = seeds.map(compression);
        let glwe = BIG.to_glwe_size();
        Ok(Self {
            encryption: LweCompactPublicKey::from_container(take(ENCRYPTION_WORDS), MODULUS),
            seeds,
            bootstrap: SeededLweBootstrapKey::from_container(
                take(BOOTSTRAP_WORDS),
                glwe,
                BIG_DEGREE,
                BOOTSTRAP.0,
                BOOTSTRAP.1,
                bootstrap_seed,
                MODULUS,
            ),
            switch: SeededLweKeyswitchKey::from_container(
                take(SWITCH_WORDS),
                SWITCH.0,
                SWITCH.1,
                SMALL.to_lwe_size(),
                switch_seed,
                MODULUS,
            ),
            pack: SeededLwePackingKeyswitchKey::from_container(
                take(PACK_WORDS),
                PACK.0,
                PACK.1,
                ANSWER.to_glwe_size(),
                PolynomialSize(SLOTS),
                pack_seed,
                MODULUS,
            ),
        })
    }

    #[cfg(test)]
    pub(super) fn bootstrap(&self) -> &SeededLweBootstrapKeyOwned<u64> {
        &self.bootstrap
    }

    /// What the asker commits to.
    pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"symbolon/tfhe-keys/1\0");
        hash.update(bytes);
        hash.finalize().into()
    }

    /// Keys to compute with: 113 MB for the bootstrapping, 67 MB for key switches, 21 MB to pack.
    pub(super) fn expand(self) -> Evaluation {
        let bootstrap = Rotation::new(&self.bootstrap.decompress_into_lwe_bootstrap_key());
        let pack = self.pack.decompress_into_lwe_packing_keyswitch_key();
        debug_assert_eq!(pack.output_key_glwe_dimension().0 * SLOTS, ANSWER_MASK);
        Evaluation {
            fresh: Fresh::new(&self.encryption),
            encryption: self.encryption,
            bootstrap,
            switch: self.switch.decompress_into_lwe_keyswitch_key(),
            pack,
        }
    }
}

fn encryption(big: &GlweSecretKeyOwned<u64>, seed: &OurSeed) -> LweCompactPublicKeyOwned<u64> {
    let mut seeder = seeder(&mut seed.stream("tfhe/encryption"));
    let first = seeder.seed();
    let mut generator = EncryptionRandomGenerator::<DefaultRandomGenerator>::new(first, &mut seeder);
    let big = big.as_lwe_secret_key();
    allocate_and_generate_new_lwe_compact_public_key(&big, big_noise(), MODULUS, &mut generator)
}

fn compression(seed: u128) -> CompressionSeed {
    CompressionSeed::from(Seed(seed))
}

/// What the holder computes with.
pub(super) struct Evaluation {
    pub(super) encryption: LweCompactPublicKeyOwned<u64>,
    pub(super) fresh: Fresh,
    pub(super) bootstrap: Rotation,
    pub(super) switch: LweKeyswitchKeyOwned<u64>,
    pub(super) pack: LwePackingKeyswitchKeyOwned<u64>,
}
