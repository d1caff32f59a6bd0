//! Randomness of an exchange, all of it from one seed.
//!
//! Every exchange replays bit for bit from its seed. The asker commits to its seed before the first
//! message, so that a query can later be opened to a claim or to an auditor.

use chacha20::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use curve25519_dalek::Scalar;
use hkdf::Hkdf;
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Thirty-two uniform bytes from which one role of one exchange draws all its randomness.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(..)")
    }
}

impl Seed {
    /// A seed of the given bytes, which must be uniformly random and used once.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for storing the seed sealed or opening it to a claim.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// SHA-256 commitment: binding by collision resistance, hiding because the seed is uniform.
    pub fn commitment(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"symbolon/seed-commitment/1\0");
        hash.update(self.0);
        hash.finalize().into()
    }

    /// The stream of random bytes for one use, named by `label` [RFC 5869; RFC 8439 block function].
    pub fn stream(&self, label: &str) -> Stream {
        let mut key = Zeroizing::new([0; 32]);
        // Only an output longer than 255 hashes can fail to expand.
        let expanded =
            Hkdf::<Sha512>::new(Some(b"symbolon/seed/1"), &self.0).expand(label.as_bytes(), &mut *key);
        debug_assert!(expanded.is_ok());
        Stream(ChaCha20Rng::from_seed(*key))
    }
}

/// Random bytes for one use. Wiped on drop, what was drawn ahead as well.
#[derive(ZeroizeOnDrop)]
pub struct Stream(ChaCha20Rng);

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream(..)")
    }
}

impl Stream {
    /// The `index`-th scalar, not zero: each index has a stream of its own, so scalars can be drawn
    /// in any order and on any number of cores.
    pub fn scalar(&self, index: u64) -> Scalar {
        let seed = Zeroizing::new(self.0.get_seed());
        let mut rng = ChaCha20Rng::from_seed(*seed);
        rng.set_stream(index);
        loop {
            let scalar = Scalar::random(&mut rng);
            if scalar != Scalar::ZERO {
                return scalar;
            }
        }
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// The next 128 random bits.
    pub fn block(&mut self) -> u128 {
        u128::from(self.bits()) | u128::from(self.bits()) << 64
    }

    /// The next random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// A uniform number below `bound`; 0 for a bound of 0 [rejection sampling].
    pub fn below(&mut self, bound: u64) -> u64 {
        let Some(zone) = (u64::MAX / bound.max(1)).checked_mul(bound.max(1)) else { return 0 };
        loop {
            let draw = self.bits();
            if draw < zone {
                return draw % bound.max(1);
            }
        }
    }

    /// Puts `items` in uniformly random order [Fisher and Yates].
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            let pick = self.below(end as u64 + 1);
            items.swap(end, usize::try_from(pick).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_indices_are_apart_and_replay() {
        let (seed, other) = (Seed::new([1; 32]), Seed::new([2; 32]));
        assert_eq!(seed.stream("a").scalar(5), seed.stream("a").scalar(5));
        assert_ne!(seed.stream("a").scalar(5), seed.stream("a").scalar(6));
        assert_ne!(seed.stream("a").scalar(5), seed.stream("b").scalar(5));
        assert_ne!(seed.stream("a").scalar(5), other.stream("a").scalar(5));
        assert_ne!(seed.commitment(), other.commitment());
        assert_eq!(format!("{seed:?}"), "Seed(..)");
    }

    #[test]
    fn shuffles_reach_every_order_alike() {
        let mut counts = std::collections::HashMap::new();
        let mut stream = Seed::new([3; 32]).stream("shuffle");
        for _ in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            stream.shuffle(&mut items);
            *counts.entry(items).or_insert(0_i32) += 1;
        }
        // Pearson's statistic on 23 degrees of freedom; 58.6 is its 1 - 6e-5 quantile.
        let chi: f64 = counts.values().map(|n| f64::from((n - 1_000).pow(2)) / 1_000.0).sum();
        assert_eq!(counts.len(), 24);
        assert!(chi < 58.6, "{chi}");
    }

    #[test]
    fn streams_are_wiped() {
        fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<Stream>();
        wiped::<ChaCha20Rng>();
        wiped::<Seed>();
    }

    #[test]
    fn bounds_hold() {
        let mut stream = Seed::new([4; 32]).stream("below");
        assert_eq!((stream.below(0), stream.below(1)), (0, 0));
        assert!((0..1_000).all(|_| stream.below(7) < 7));
        assert!((0..10).all(|_| stream.below(u64::MAX) < u64::MAX));
    }
}
