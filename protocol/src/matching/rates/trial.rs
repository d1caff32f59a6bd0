//! Rates counted in a trial, and how sure they are.

use super::{Beta, RatesError};

/// A proportion with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportion {
    /// Cases by trials.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The proportion of `cases` in `trials` independent trials, with the exact interval of confidence
/// `level` [Clopper and Pearson 1934].
///
/// Where no case or nothing but cases came, the interval has one open end only and all of 1 - `level`
/// stands there: 0 of n gives at most 1 - (1 - `level`)^(1/n), at 95 % about 3/n, the "rule of three" of
/// [ISO/IEC 19795-1].
///
/// # Errors
/// [`RatesError::Trials`], and [`RatesError::Share`] for a level that is not between 0 and 1.
pub fn proportion(cases: u64, trials: u64, level: f64) -> Result<Proportion, RatesError> {
    if trials == 0 || cases > trials {
        return Err(RatesError::Trials);
    }
    if level <= 0.0 || level >= 1.0 || level.is_nan() {
        return Err(RatesError::Share);
    }
    let (k, n) = (cases as f64, trials as f64);
    let beyond = 1.0 - level;
    let one_sided = || libm::exp(libm::log(beyond) / n);
    let (low, high) = if cases == 0 {
        (0.0, 1.0 - one_sided())
    } else if cases == trials {
        (one_sided(), 1.0)
    } else {
        let (below, above) = (Beta::new(k, n - k + 1.0), Beta::new(k + 1.0, n - k));
        (below.quantile(beyond / 2.0), above.quantile(1.0 - beyond / 2.0))
    };
    Ok(Proportion { estimate: k / n, low, high })
}

/// Fractional Hamming distances that were observed, at least one.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Ascending.
    distances: Vec<f64>,
}

impl Sample {
    /// Of distances in any order.
    ///
    /// # Errors
    /// [`RatesError::Trials`] for none, [`RatesError::Distance`] for one that is not from 0 to 1.
    pub fn new(mut distances: Vec<f64>) -> Result<Self, RatesError> {
        if distances.is_empty() {
            return Err(RatesError::Trials);
        }
        if !distances.iter().all(|distance| (0.0..=1.0).contains(distance)) {
            return Err(RatesError::Distance);
        }
        distances.sort_by(f64::total_cmp);
        Ok(Self { distances })
    }

    fn hits(&self, threshold: f64) -> u64 {
        self.distances.partition_point(|distance| *distance <= threshold) as u64
    }

    /// The proportion that a threshold calls a hit, with its interval of confidence `level`.
    ///
    /// # Errors
    /// [`RatesError::Share`] for a level that is not between 0 and 1.
    pub fn hit(&self, threshold: f64, level: f64) -> Result<Proportion, RatesError> {
        proportion(self.hits(threshold), self.distances.len() as u64, level)
    }

    /// The proportion that a threshold does not call a hit, with its interval of confidence `level`.
    ///
    /// # Errors
    /// As [`hit`](Self::hit).
    pub fn missed(&self, threshold: f64, level: f64) -> Result<Proportion, RatesError> {
        let all = self.distances.len() as u64;
        proportion(all.saturating_sub(self.hits(threshold)), all, level)
    }
}

/// What was observed in a trial [ISO/IEC 19795-1].
///
/// The intervals take observations as independent. Comparisons that share a person, and searches of one
/// register, are not quite: then the true interval is wider.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Distances of comparisons between different persons.
    pub impostors: Sample,
    /// Distances of comparisons of a person with itself.
    pub genuine: Sample,
    /// The least distance of each search for someone who is not in the register.
    pub absent: Sample,
    /// The distance to the person's own record in each search for someone who is.
    pub present: Sample,
}

/// The four rates at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observed {
    /// False match rate.
    pub fmr: Proportion,
    /// False non-match rate.
    pub fnmr: Proportion,
    /// False positive identification rate: searches for someone absent with a hit.
    pub fpir: Proportion,
    /// False negative identification rate: searches for someone present without that person as a hit.
    pub fnir: Proportion,
}

impl Trial {
    /// The rates at a threshold, with intervals of confidence `level`.
    ///
    /// # Errors
    /// [`RatesError::Share`] for a level that is not between 0 and 1.
    pub fn rates(&self, threshold: f64, level: f64) -> Result<Observed, RatesError> {
        Ok(Observed {
            fmr: self.impostors.hit(threshold, level)?,
            fnmr: self.genuine.missed(threshold, level)?,
            fpir: self.absent.hit(threshold, level)?,
            fnir: self.present.missed(threshold, level)?,
        })
    }
}
