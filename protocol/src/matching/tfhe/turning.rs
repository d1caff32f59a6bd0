//! Sums of a polynomial turned by different powers of X, modulo X^n + 1.
//!
//! A product with a polynomial of zeros and ones is such a sum. Additions of whole slices, compiled for the
//! processor's widest vectors, take less time than the library's general product.

/// Words of a sum that are worked on at once.
const TILE: usize = 64;

/// A polynomial of a degree that [`TILE`] divides, ready to be turned.
pub(super) struct Turning {
    /// Its negative, then itself: turned by j, it stands j words before the middle.
    both: Vec<u64>,
}

impl Turning {
    /// A polynomial of these coefficients, the constant one first.
    pub(super) fn new(polynomial: &[u64]) -> Self {
        Self {
            both: polynomial
                .iter()
                .map(|word| word.wrapping_neg())
                .chain(polynomial.iter().copied())
                .collect(),
        }
    }

    /// The sum of X^turn times the polynomial, for each turn below its degree.
    pub(super) fn sum(&self, turns: &[usize]) -> Vec<u64> {
        let degree = self.both.len() / 2;
        let mut sum = vec![0_u64; degree];
        for (at, to) in sum.chunks_mut(TILE).enumerate() {
            let (start, mut tile) = (degree + at * TILE, [0_u64; TILE]);
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || {
                    for turn in turns {
                        let from = start.checked_sub(*turn).and_then(|from| self.both.get(from..from + TILE));
                        for (to, from) in tile.iter_mut().zip(from.unwrap_or_default()) {
                            *to = to.wrapping_add(*from);
                        }
                    }
                },
            );
            to.iter_mut().zip(tile).for_each(|(to, from)| *to = from);
        }
        sum
    }
}
