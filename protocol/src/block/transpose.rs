//! Bit matrices turned over their diagonal [Warren, Hacker's Delight, section 7-3].

/// Exchanges, in every pair of rows `WIDTH` apart, the bits under `mask` with those `WIDTH` further.
#[inline(always)]
fn stage<const WIDTH: usize>(rows: &mut [u64; 64], mask: u64) {
    for pair in rows.chunks_exact_mut(2 * WIDTH) {
        let (upper, lower) = pair.split_at_mut(WIDTH);
        for (upper, lower) in upper.iter_mut().zip(lower) {
            let turned = ((*upper >> WIDTH) ^ *lower) & mask;
            *lower ^= turned;
            *upper ^= turned << WIDTH;
        }
    }
}

/// Bit j of row i becomes bit i of row j.
#[inline(always)]
pub(crate) fn transpose64(rows: &mut [u64; 64]) {
    stage::<32>(rows, 0x0000_0000_ffff_ffff);
    stage::<16>(rows, 0x0000_ffff_0000_ffff);
    stage::<8>(rows, 0x00ff_00ff_00ff_00ff);
    stage::<4>(rows, 0x0f0f_0f0f_0f0f_0f0f);
    stage::<2>(rows, 0x3333_3333_3333_3333);
    stage::<1>(rows, 0x5555_5555_5555_5555);
}

/// The same of 128 rows of 128 bits.
#[inline(always)]
pub(crate) fn transpose(rows: &mut [u128; 128]) {
    let mut parts = [[0_u64; 64]; 4];
    let [upper_low, upper_high, lower_low, lower_high] = &mut parts;
    let (upper, lower) = rows.split_at_mut(64);
    let split = |rows: &[u128], low: &mut [u64; 64], high: &mut [u64; 64]| {
        for ((row, low), high) in rows.iter().zip(low).zip(high) {
            (*low, *high) = (*row as u64, (*row >> 64) as u64);
        }
    };
    split(upper, upper_low, upper_high);
    split(lower, lower_low, lower_high);
    parts.iter_mut().for_each(transpose64);
    let [upper_low, upper_high, lower_low, lower_high] = &parts;
    let join = |rows: &mut [u128], low: &[u64; 64], high: &[u64; 64]| {
        for ((row, low), high) in rows.iter_mut().zip(low).zip(high) {
            *row = u128::from(*low) | u128::from(*high) << 64;
        }
    };
    join(upper, upper_low, lower_low);
    join(lower, upper_high, lower_high);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn bits_change_place() {
        let mut stream = Seed::new([1; 32]).stream("transpose");
        let mut block = || u128::from(stream.bits()) | u128::from(stream.bits()) << 64;
        let before: [u128; 128] = std::array::from_fn(|_| block());
        let mut after = before;
        transpose(&mut after);
        for (i, j) in (0..128).flat_map(|i| (0..128).map(move |j| (i, j))) {
            assert_eq!(before[i] >> j & 1, after[j] >> i & 1, "{i} {j}");
        }
    }
}
