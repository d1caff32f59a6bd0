//! Size buckets: what a padded size shows of the true one.

use serde::{Deserialize, Serialize};

/// The smallest padded size.
pub const SMALLEST: u64 = 1_024;

/// How finely padded sizes are told: so many buckets from a power of two to the next, as both sides agreed.
///
/// With `k` of them a peer learns a size to within `1/k` of it, at a cost of at most `1/k` more entries, half of that
/// on average.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Buckets(u32);

/// A number of buckets that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("buckets are 1, 2, 4, 8, 16, 32 or 64 to each doubling of a size, not {0}")]
pub struct NoBuckets(u32);

impl Buckets {
    /// What a new agreement has, unless its parties want others.
    pub const USUAL: Self = Self(16);
    /// The most of them: with more, a size is told to a part in a hundred.
    pub const MOST: u32 = 64;

    /// So many to each doubling.
    ///
    /// # Errors
    /// [`NoBuckets`] unless it is a power of two of at most [`MOST`](Self::MOST).
    pub fn new(each_doubling: u32) -> Result<Self, NoBuckets> {
        let good = each_doubling.is_power_of_two() && each_doubling <= Self::MOST;
        good.then_some(Self(each_doubling)).ok_or(NoBuckets(each_doubling))
    }

    /// How many there are to each doubling.
    pub fn each_doubling(self) -> u32 {
        self.0
    }

    /// The size to which a set of `n` is padded: the end of its bucket, at least [`SMALLEST`].
    pub fn pad(self, n: u64) -> u64 {
        let n = n.max(SMALLEST);
        // All below a step, which is a power of two.
        let below = (1_u64 << n.ilog2().saturating_sub(self.0.ilog2())).wrapping_sub(1);
        n.checked_add(below).map_or(n, |n| n & !below)
    }

    /// Places over which a match of so many records is answered: with room for one that says whether there are more hits
    /// than may be shown.
    pub fn places(self, records: u64) -> u64 {
        self.pad(records.saturating_add(1))
    }

    /// Whether a size is one to which sets are padded.
    pub fn ends_at(self, size: u64) -> bool {
        self.pad(size) == size
    }
}

/// What an agreement has that says nothing of them.
impl Default for Buckets {
    fn default() -> Self {
        Self(8)
    }
}

impl TryFrom<u32> for Buckets {
    type Error = NoBuckets;

    fn try_from(each_doubling: u32) -> Result<Self, NoBuckets> {
        Self::new(each_doubling)
    }
}

impl From<Buckets> for u32 {
    fn from(buckets: Buckets) -> Self {
        buckets.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: [u64; 6] = [0, 1, 1_024, 1_025, 100_000, 1_000_000];

    #[test]
    fn buckets_are_as_coarse_as_agreed() {
        assert_eq!(
            SIZES.map(|n| Buckets::default().pad(n)),
            [1_024, 1_024, 1_024, 1_152, 106_496, 1_048_576]
        );
        assert_eq!(SIZES.map(|n| Buckets::USUAL.pad(n)), [1_024, 1_024, 1_024, 1_088, 102_400, 1_015_808]);
        assert_eq!(SIZES.map(|n| Buckets(1).pad(n)), [1_024, 1_024, 1_024, 2_048, 131_072, 1_048_576]);
        for many in [1, 2, 4, 8, 16, 32, 64] {
            let buckets = Buckets::new(many).unwrap();
            let mut sizes = std::collections::BTreeSet::new();
            for n in 0..200_000 {
                let padded = buckets.pad(n);
                let most = n.max(SMALLEST) * u64::from(many + 1);
                assert!(padded >= n && padded * u64::from(many) <= most, "{n}");
                assert!(buckets.ends_at(padded));
                sizes.insert(padded);
            }
            // From 2^10 to 2^17 there are seven doublings, and 200,000 is in the eighth.
            let (least, most) = (7 * many as usize, 8 * many as usize + 1);
            assert!((least..=most).contains(&sizes.len()), "{many}: {}", sizes.len());
        }
    }

    #[test]
    fn what_is_no_number_of_buckets_is_refused() {
        for many in [0, 3, 12, 128, u32::MAX] {
            assert_eq!(Buckets::new(many), Err(NoBuckets(many)));
            assert!(serde_json::from_value::<Buckets>(many.into()).is_err());
        }
        for many in [1, 64] {
            let read: Buckets = serde_json::from_value(many.into()).unwrap();
            assert_eq!((read.each_doubling(), serde_json::to_value(read).unwrap()), (many, many.into()));
        }
        assert_eq!(Buckets(64).pad(u64::MAX), u64::MAX);
    }
}
