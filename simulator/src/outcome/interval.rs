//! Means over seeds, the range of what seeds gave, and the error of the means.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// A mean over seeds, with the range in which nine of ten seeds lie. Each seed draws chance and every unknown number anew,
/// so the range holds both, and more seeds do not narrow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// The 5 % point of the seeds; with fewer than 19 the least.
    pub lo: f64,
    /// The 95 % point; with fewer than 19 the largest.
    pub hi: f64,
    /// Monte-Carlo error of the mean: half the width of its 95 % interval, which narrows with more seeds; 0 for a
    /// single seed, which does not tell it.
    pub error: f64,
    /// The smallest value of any seed.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// Seeds.
    pub n: u32,
}

impl Interval {
    /// Whether nine of ten seeds are on one side of a line, and on which: above it (`Greater`) or below it. One seed
    /// tells nothing.
    pub fn side(&self, line: f64) -> Option<Ordering> {
        match self.n {
            0 | 1 => None,
            _ if self.lo > line => Some(Ordering::Greater),
            _ if self.hi < line => Some(Ordering::Less),
            _ => None,
        }
    }
}

/// Mean, range [5 % and 95 % points], error of the mean [Student, n - 1 degrees of freedom] of the values of seeds.
pub fn interval(values: &[f64]) -> Interval {
    if values.is_empty() {
        return Interval::default();
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error =
        if values.len() < 2 { 0.0 } else { student(values.len() - 1) * libm::sqrt(squares / (n - 1.0) / n) };
    Interval {
        mean,
        lo: point(&sorted, 0.05),
        hi: point(&sorted, 0.95),
        error,
        least: point(&sorted, 0.0),
        most: point(&sorted, 1.0),
        n: u32::try_from(values.len()).unwrap_or(u32::MAX),
    }
}

/// The point below which a share of values lies: between the values whose places are nearest to `share (n + 1)`
/// [Weibull 1939; type 6 of Hyndman and Fan 1996], so that a next seed is below it with that chance.
pub(super) fn point(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let place = (share * (sorted.len() as f64 + 1.0) - 1.0).clamp(0.0, last as f64);
    let (below, part) = (place.floor(), place - place.floor());
    let at = |place: f64| sorted.get((place as usize).min(last)).copied().unwrap_or(0.0);
    let (low, high) = (at(below), at(below + 1.0));
    if part == 0.0 { low } else { low + (high - low) * part }
}

/// The 97.5 % point of Student's distribution: tabled to 30 degrees of freedom, then by the expansion of
/// Cornish and Fisher around the normal point, which is right to four digits there
/// [Abramowitz and Stegun 26.7.5].
fn student(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788,
        2.1604, 2.1448, 2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639,
        2.0595, 2.0555, 2.0518, 2.0484, 2.0452, 2.0423,
    ];
    if let Some(point) = freedom.checked_sub(1).and_then(|place| TABLE.get(place)) {
        return *point;
    }
    let (z, v) = (1.959_964, freedom as f64);
    let cube = z * z * z;
    z + (cube + z) / (4.0 * v) + (5.0 * cube * z * z + 16.0 * cube + 3.0 * z) / (96.0 * v * v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_those_of_the_tables() {
        for (freedom, point) in
            [(1, 12.7062), (7, 2.3646), (30, 2.0423), (40, 2.0211), (63, 1.9983), (120, 1.9799)]
        {
            assert!((student(freedom) - point).abs() < 2e-4, "{freedom}");
        }
    }

    #[test]
    fn ranges_and_errors_are_those_of_the_values() {
        let found = interval(&[1.0, 2.0, 4.0, 3.0]);
        assert_eq!((found.mean, found.least, found.most, found.n), (2.5, 1.0, 4.0, 4));
        // s = 1.29099, s / sqrt(4) = 0.645497, t = 3.1824.
        assert!((found.error - 2.05424).abs() < 1e-4);
        // Few seeds: the range is that of all. Many: places 0.05 (n + 1) and 0.95 (n + 1).
        assert_eq!((found.lo, found.hi), (1.0, 4.0));
        let many: Vec<f64> = (1..=39).map(f64::from).collect();
        assert_eq!((interval(&many).lo, interval(&many).hi), (2.0, 38.0));
        let one = interval(&[3.0]);
        assert_eq!((one.lo, one.hi, one.error, one.side(1.0)), (3.0, 3.0, 0.0, None));
        assert_eq!((found.side(0.5), found.side(2.0)), (Some(Ordering::Greater), None));
        assert_eq!(interval(&[]).n, 0);
    }

    /// More seeds do not make the world better known: the range holds as much of it, while the error of the mean narrows;
    /// and nothing is ever said that no seed gave.
    #[test]
    fn ranges_do_not_narrow_with_more_seeds() {
        let draws = crate::random::Draws::new(4);
        let of = |n: u64| {
            let trials = 0..2_000;
            let each = trials.map(|trial| {
                let values: Vec<f64> = (0..n).map(|seed| draws.of(trial).unit(seed)).collect();
                let found = interval(&values);
                assert!(found.least <= found.lo && found.hi <= found.most && found.lo >= 0.0);
                // The share of all there could be is the width, where all is alike from 0 to 1.
                (found.hi - found.lo, found.error)
            });
            let (width, error) = each.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            (width / 2_000.0, error / 2_000.0)
        };
        let ((few, few_error), (many, many_error)) = (of(16), of(64));
        // (n - 1) / (n + 1) from the least to the most of 16, and nine in ten.
        assert!(
            (few - 15.0 / 17.0).abs() < 0.005 && (many - 0.9).abs() < 0.005 && many > few,
            "{few} {many}"
        );
        assert!(many_error < 0.6 * few_error);
    }
}
