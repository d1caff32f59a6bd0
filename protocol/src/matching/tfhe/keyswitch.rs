//! The sum that every key switch is: digits of a mask times rows of a key.
//!
//! The functions of tfhe read the whole key, 42 or 67 MB, for every ciphertext. Here a batch shares one
//! pass, and the loop is compiled for the processor's widest multiplication: a sixth of the time. Tests
//! hold it to tfhe's.

use tfhe::core_crypto::prelude::{DecompositionBaseLog, DecompositionLevelCount, SignedDecomposer};

use super::circuit::Big;

/// Words of each sum that are worked on at once, so that those of a batch stay in the fastest cache.
const TILE: usize = 128;

/// Subtracts from each sum the digits of its input's mask times the key's rows.
///
/// `key` has one row for each level of each word of a mask; sums have the length of a row each, and stand
/// one after the other.
pub(super) fn accumulate(
    key: &[u64],
    (base, levels): (DecompositionBaseLog, DecompositionLevelCount),
    inputs: &[Big],
    sums: &mut [u64],
) {
    let (decomposer, count) = (SignedDecomposer::new(base, levels), inputs.len());
    let row = sums.len().checked_div(count).unwrap_or(0).max(1);
    // For each row the digits of all inputs, one beside the other.
    let mut digits = vec![0_u64; key.len() / row * count];
    for (at, input) in inputs.iter().enumerate() {
        let words = input.get_mask();
        let rounded = words.as_ref().iter().map(|word| decomposer.closest_representable(*word));
        let terms = rounded.flat_map(|word| decomposer.decompose(word)).map(|digit| digit.value());
        digits.iter_mut().skip(at).step_by(count.max(1)).zip(terms).for_each(|(to, term)| *to = term);
    }
    let mut tile = vec![0_u64; TILE * count];
    for start in (0..row).step_by(TILE) {
        let width = TILE.min(row - start);
        tile.fill(0);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for (from, digits) in key.chunks_exact(row).zip(digits.chunks_exact(count.max(1))) {
                    let from = from.get(start..start + width).unwrap_or_default();
                    for (to, digit) in tile.chunks_exact_mut(TILE).zip(digits) {
                        for (to, from) in to.iter_mut().zip(from) {
                            *to = to.wrapping_sub(from.wrapping_mul(*digit));
                        }
                    }
                }
            },
        );
        for (sum, tile) in sums.chunks_exact_mut(row).zip(tile.chunks_exact(TILE)) {
            let part = sum.get_mut(start..start + width).unwrap_or_default();
            part.iter_mut().zip(tile).for_each(|(to, from)| *to = to.wrapping_add(*from));
        }
    }
}
