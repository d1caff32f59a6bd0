//! Means and their intervals over seeds.

use serde::{Deserialize, Serialize};

/// A mean over seeds with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Lower end of the 95 % interval of the mean; equal to the mean for a single seed.
    pub lo: f64,
    /// Upper end.
    pub hi: f64,
    /// The smallest value of any seed.
    pub least: f64,
    /// The largest.
    pub most: f64,
    /// Seeds.
    pub n: u32,
}

/// Mean, Student's interval [95 %, n - 1 degrees of freedom] and range of the values of seeds.
pub fn interval(values: &[f64]) -> Interval {
    let Some(first) = values.first().copied() else { return Interval::default() };
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let least = values.iter().copied().fold(first, f64::min);
    let most = values.iter().copied().fold(first, f64::max);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let half =
        if values.len() < 2 { 0.0 } else { student(values.len() - 1) * libm::sqrt(squares / (n - 1.0) / n) };
    Interval {
        mean,
        lo: mean - half,
        hi: mean + half,
        least,
        most,
        n: u32::try_from(values.len()).unwrap_or(u32::MAX),
    }
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
    fn intervals_are_around_the_mean() {
        let found = interval(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!((found.mean, found.least, found.most, found.n), (2.5, 1.0, 4.0, 4));
        // s = 1.29099, s / sqrt(4) = 0.645497, t = 3.1824.
        assert!((found.hi - 2.5 - 2.05424).abs() < 1e-4);
        let one = interval(&[3.0]);
        assert_eq!((one.lo, one.hi), (3.0, 3.0));
        assert_eq!(interval(&[]).n, 0);
    }
}
