//! How much an answer with candidates can tell.

/// log2 of 1 + Σ C(entries, i) for i from 0 to `cap`, rounded up: every set of up to `cap` places, or
/// that there are more.
///
/// Exact while the sum fits 128 bits. Beyond that it is summed in floating point, with a margin above
/// its error, so it is never too low. It takes `cap` steps; an agreement allows at most 16.
pub(super) fn bits(entries: u64, cap: u32) -> u64 {
    if u64::from(cap) >= entries {
        // Every set, and one answer more than there are sets.
        return entries.saturating_add(1);
    }
    exactly(entries, cap).unwrap_or_else(|| nearly(entries, cap))
}

fn exactly(entries: u64, cap: u32) -> Option<u64> {
    // One for "more", and one for the empty set.
    let (mut sum, mut sets) = (2_u128, 1_u128);
    for size in 1..=u64::from(cap) {
        // C(n, i) = C(n, i-1) · (n-i+1) / i, without remainder.
        let places = entries.checked_sub(size)?.checked_add(1)?;
        sets = sets.checked_mul(places.into())?.checked_div(size.into())?;
        sum = sum.checked_add(sets)?;
    }
    Some(sum.checked_next_power_of_two()?.ilog2().into())
}

/// As [`exactly`], in logarithms of base 2, and never below it.
fn nearly(entries: u64, cap: u32) -> u64 {
    let (mut sum, mut sets) = (1.0_f64, 0.0_f64);
    for size in 1..=u64::from(cap) {
        let places = entries.saturating_sub(size).saturating_add(1);
        sets += (places as f64 / size as f64).log2();
        let (least, most) = if sum < sets { (sum, sets) } else { (sets, sum) };
        sum = most + (least - most).exp2().ln_1p() / std::f64::consts::LN_2;
    }
    // Each step errs by a few units in the last place, 2.2e-16 of the value.
    (sum * (1.0 + 2e-15 * f64::from(cap)) + 1e-9).ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the answers one by one: every set of places as the bits of a number.
    fn counted(entries: u32, cap: u32) -> u64 {
        let sets = (0_u64..1 << entries).filter(|set| set.count_ones() <= cap).count() as u64;
        (sets + 1).next_power_of_two().ilog2().into()
    }

    #[test]
    fn small_cases_are_those_of_a_plain_count() {
        for entries in 1..=16 {
            for cap in 0..=entries {
                let found = bits(entries.into(), cap);
                assert_eq!(found, counted(entries, cap), "{entries} {cap}");
            }
        }
        assert_eq!((bits(0, 0), bits(0, 5), bits(3, 9)), (1, 1, 4));
    }

    #[test]
    fn known_sums() {
        // 1 + 1 + 1,024 and 1 + 1 + 1,024 + C(1,024, 2).
        assert_eq!((bits(1_024, 0), bits(1_024, 1), bits(1_024, 2)), (1, 11, 20));
        // 1 + 1 + 2^20 - 2 is a power of two exactly.
        assert_eq!((bits((1 << 20) - 2, 1), bits((1 << 20) - 1, 1)), (20, 21));
        // log2 of the sums is 327.806 and 979.750, by integers of any length elsewhere.
        assert_eq!((bits(10_000_000, 16), bits(u64::MAX, 16)), (328, 980));
    }

    #[test]
    fn the_two_ways_agree_where_both_can_go_and_never_fall_short() {
        for entries in [17_u64, 100, 1_000, 65_536, 1_000_003, 10_000_000] {
            for cap in 0..=16 {
                let near = nearly(entries, cap);
                if let Some(exact) = exactly(entries, cap) {
                    assert!((exact..=exact + 1).contains(&near), "{entries} {cap}: {exact} {near}");
                }
                assert!(cap == 0 || near >= nearly(entries, cap - 1), "{entries} {cap}");
            }
        }
        assert!(exactly(10_000_000, 16).is_none(), "beyond 128 bits");
    }
}
