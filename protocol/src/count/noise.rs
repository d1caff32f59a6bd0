//! Truncated discrete Laplace noise.
//!
//! Of `m` dummies (an even number) the holder adds `K` to its slice, with
//! `P(K = j) = exp(-ε·|j - m/2|) / Z` for `j` from 0 to `m`. Two slices that differ in one identifier
//! shift the count by at most one, so the count is (ε, δ)-differentially private with
//! `δ = exp(-ε·m/2) / Z`, the weight of the end that has no counterpart.

use crate::{exchange::Fault, seed::Stream};

/// The law of the noise, fixed in the agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    epsilon_milli: u32,
    dummies: u32,
}

/// The most dummies of a batch.
pub const DUMMIES_LIMIT: u32 = 10_000;

impl Noise {
    /// Noise of ε in thousandths, over a number of dummies.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for an ε of 0, no dummies, an odd number or more than [`DUMMIES_LIMIT`].
    pub fn new(epsilon_milli: u32, dummies: u32) -> Result<Self, Fault> {
        let even = dummies.is_multiple_of(2);
        if epsilon_milli == 0 || dummies == 0 || !even || dummies > DUMMIES_LIMIT {
            return Err(Fault::Misuse(
                "noise needs a positive epsilon and an even number of dummies, at most 10,000",
            ));
        }
        Ok(Self { epsilon_milli, dummies })
    }

    /// Dummies in a batch.
    pub fn dummies(&self) -> u32 {
        self.dummies
    }

    /// The mean of the noise, which the asker subtracts.
    pub fn mean(&self) -> u32 {
        self.dummies / 2
    }

    /// ε.
    pub fn epsilon(&self) -> f64 {
        f64::from(self.epsilon_milli) / 1_000.0
    }

    fn weight(&self, added: u32) -> f64 {
        (-self.epsilon() * f64::from(added.abs_diff(self.mean()))).exp()
    }

    fn total(&self) -> f64 {
        (0..=self.dummies).map(|added| self.weight(added)).sum()
    }

    /// δ.
    pub fn delta(&self) -> f64 {
        self.weight(0) / self.total()
    }

    /// The smallest `h` such that the noise is within `h` of its mean with probability at least
    /// `level`.
    pub fn half_width(&self, level: f64) -> u32 {
        let total = self.total();
        let mut covered = self.weight(self.mean()) / total;
        for width in 0..self.mean() {
            if covered >= level {
                return width;
            }
            covered += 2.0 * self.weight(self.mean().saturating_sub(width + 1)) / total;
        }
        self.mean()
    }

    /// Draws how many dummies to add, by inversion of the distribution function.
    pub fn draw(&self, stream: &mut Stream) -> u32 {
        // Fifty-three uniform bits: the law is met to within 2^-53, far below δ.
        let uniform = (stream.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        let mut left = uniform * self.total();
        for added in 0..self.dummies {
            left -= self.weight(added);
            if left < 0.0 {
                return added;
            }
        }
        self.dummies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn draws_follow_the_law_and_the_stated_epsilon() {
        let noise = Noise::new(500, 40).unwrap();
        let mut stream = Seed::new([8; 32]).stream("noise");
        let draws = 200_000_u32;
        let mut seen = [0_u32; 41];
        for _ in 0..draws {
            seen[noise.draw(&mut stream) as usize] += 1;
        }
        // Pearson against an independent statement of the law: ratio e^-ε between neighbours.
        let ratio = (-0.5_f64).exp();
        let z = (1.0 + ratio) / (1.0 - ratio) - 2.0 * ratio.powi(21) / (1.0 - ratio);
        let (mut chi, mut cells) = (0.0, 0);
        for (j, n) in seen.iter().enumerate() {
            let expected = f64::from(draws) * ratio.powi((j as i32 - 20).abs()) / z;
            if expected >= 5.0 {
                chi += (f64::from(*n) - expected).powi(2) / expected;
                cells += 1;
            }
        }
        // The 1 - 1e-5 quantile is below cells + 4.5·sqrt(2·cells) + 15 for these degrees of freedom.
        let bound = f64::from(cells) + 4.5 * (2.0 * f64::from(cells)).sqrt() + 15.0;
        assert!(chi < bound, "{chi} over {cells} cells");
        assert!((noise.delta() - ratio.powi(20) / z).abs() < 1e-15);
    }

    #[test]
    fn neighbours_are_within_epsilon_but_for_delta() {
        for (epsilon, dummies) in [(100, 200), (500, 60), (1_000, 30), (2_000, 16)] {
            let noise = Noise::new(epsilon, dummies).unwrap();
            let p = |j: i64| {
                u32::try_from(j)
                    .ok()
                    .filter(|j| *j <= dummies)
                    .map_or(0.0, |j| noise.weight(j) / noise.total())
            };
            for shift in [-1, 1] {
                // The mass by which one law exceeds e^ε times the other is at most δ.
                let excess: f64 = (-1..=i64::from(dummies) + 1)
                    .map(|j| (p(j) - noise.epsilon().exp() * p(j + shift)).max(0.0))
                    .sum();
                assert!(excess <= noise.delta() * (1.0 + 1e-9), "{epsilon} {dummies}: {excess}");
            }
        }
    }

    #[test]
    fn widths_cover() {
        let noise = Noise::new(1_000, 30).unwrap();
        assert_eq!(
            (noise.mean(), noise.half_width(0.0), noise.half_width(0.95), noise.half_width(1.1)),
            (15, 0, 3, 15)
        );
        for bad in [(0, 10), (5, 0), (5, 11), (5, 10_002)] {
            assert!(Noise::new(bad.0, bad.1).is_err());
        }
    }
}
