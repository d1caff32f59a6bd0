//! Size buckets: what a padded size shows of the true one.

/// The smallest padded size.
pub const SMALLEST: u64 = 1_024;

/// The size to which a set of `n` is padded: the next multiple of an eighth of the power of two
/// below, at least [`SMALLEST`]. So a peer learns the size to within 12.5 %, at a cost of at most
/// 12.5 % (6 % on average).
pub fn bucket(n: u64) -> u64 {
    let n = n.max(SMALLEST);
    // All below a step, which is a power of two.
    let below = (1_u64 << n.ilog2().saturating_sub(3)).wrapping_sub(1);
    n.checked_add(below).map_or(n, |n| n & !below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_coarse_and_close() {
        assert_eq!(
            [0, 1, 1_024, 1_025, 100_000, 1_000_000].map(bucket),
            [1_024, 1_024, 1_024, 1_152, 106_496, 1_048_576]
        );
        let mut sizes = std::collections::BTreeSet::new();
        for n in 0..200_000 {
            let padded = bucket(n);
            assert!(padded >= n && (n < SMALLEST || padded * 8 <= n * 9), "{n}");
            assert!(bucket(padded) == padded);
            sizes.insert(padded);
        }
        assert!(sizes.len() < 64, "{}", sizes.len());
    }
}
