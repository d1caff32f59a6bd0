//! Error rates from a few measured numbers.

use super::{Beta, RatesError, beta::bisect};
use crate::matching::template::LONGEST;

/// Distances between templates of different persons.
///
/// They spread as if `freedom` independent fair coins were compared: the fractional Hamming distance has
/// mean 1/2 and variance 1/(4·freedom) [Daugman 2003]. Bits of real templates are correlated, so there
/// are fewer coins than bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impostors {
    freedom: f64,
    blur: f64,
}

impl Impostors {
    /// Of a number of degrees of freedom, which need not be whole.
    ///
    /// # Errors
    /// [`RatesError::Freedom`].
    pub fn new(freedom: f64) -> Result<Self, RatesError> {
        let fits = (1.0..=LONGEST as f64).contains(&freedom);
        fits.then_some(Self { freedom, blur: 0.0 }).ok_or(RatesError::Freedom)
    }

    /// Judged by an engine whose decisions are as if normal noise of this standard deviation were added to each distance.
    #[must_use]
    pub fn blurred(self, blur: f64) -> Self {
        Self { blur, ..self }
    }

    /// Of the mean and the standard deviation of observed distances.
    ///
    /// The mean square from 1/2 stands in the place of the variance. So a mean other than 1/2 makes
    /// fewer degrees of freedom and higher rates below 1/2, whichever side it is on: this errs on the side of more
    /// false matches.
    ///
    /// # Errors
    /// [`RatesError::Freedom`] if no template has distances like these.
    pub fn observed(mean: f64, sd: f64) -> Result<Self, RatesError> {
        let off = mean - 0.5;
        Self::new(0.25 / (sd * sd + off * off))
    }

    /// Degrees of freedom.
    pub fn freedom(&self) -> f64 {
        self.freedom
    }

    /// The false match rate: `P(distance <= threshold)` for two different persons.
    ///
    /// With n coins it is the binomial distribution function at k = n·threshold, `I_{1/2}(n - k, k + 1)`,
    /// which is exact for whole k and smooth between [DLMF 8.17.5]. Relative precision is better than
    /// 1e-9 however small the rate. With a blur it is the mean over the noise.
    pub fn fmr(&self, threshold: f64) -> f64 {
        mean(|threshold| self.exact_fmr(threshold), threshold, self.blur)
    }

    fn exact_fmr(&self, threshold: f64) -> f64 {
        if threshold < 0.0 {
            return 0.0;
        }
        if threshold >= 1.0 {
            return 1.0;
        }
        let coins = self.freedom * threshold;
        Beta::new(self.freedom - coins, coins + 1.0).at_or_below(0.5)
    }

    /// The threshold at which the false match rate is `fmr`; 0 if it is higher at every threshold.
    pub fn threshold(&self, fmr: f64) -> f64 {
        bisect(|threshold| self.fmr(threshold) < fmr)
    }
}

/// Distances between templates of one person: a beta distribution of the given mean and standard
/// deviation.
#[derive(Clone, Copy, Debug)]
pub struct Genuine {
    law: Beta,
    blur: f64,
}

impl Genuine {
    /// Of a mean and a standard deviation, as fractional Hamming distances.
    ///
    /// # Errors
    /// [`RatesError::Spread`].
    pub fn new(mean: f64, sd: f64) -> Result<Self, RatesError> {
        Beta::of_moments(mean, sd * sd).map(|law| Self { law, blur: 0.0 }).ok_or(RatesError::Spread)
    }

    /// As [`Impostors::blurred`].
    #[must_use]
    pub fn blurred(self, blur: f64) -> Self {
        Self { blur, ..self }
    }

    /// The false non-match rate: `P(distance > threshold)` for one person.
    pub fn fnmr(&self, threshold: f64) -> f64 {
        mean(|threshold| self.law.above(threshold), threshold, self.blur)
    }
}

/// The mean of `rate(threshold - blur·Z)` for a standard normal Z, by the trapezoidal rule, which is as good as exact for
/// a smooth rate; so far out that a rate which grows as fast as that of strangers is whole.
fn mean(rate: impl Fn(f64) -> f64, threshold: f64, blur: f64) -> f64 {
    const STEPS: i32 = 10;
    const REACH: i32 = 12 * STEPS;
    if blur <= 0.0 {
        return rate(threshold);
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for at in -REACH..=REACH {
        let z = f64::from(at) / f64::from(STEPS);
        let weight = libm::exp(-z * z / 2.0);
        sum += weight * rate(threshold - blur * z);
        weights += weight;
    }
    sum / weights
}

/// The probability that at least one of `comparisons` independent comparisons errs, each with
/// probability `fmr`: `1 - (1 - fmr)^comparisons`, without loss for small rates.
pub fn at_least_one(fmr: f64, comparisons: f64) -> f64 {
    -libm::expm1(comparisons * libm::log1p(-fmr))
}

/// A kind of search, as it is put again and again.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// Strangers' distances.
    pub impostors: Impostors,
    /// Distances of one person, after the best of the comparisons with a group.
    pub genuine: Genuine,
    /// Groups in the slice, one a person.
    pub groups: u64,
    /// Comparisons with each group: rotations, or fingers held against fingers.
    pub comparisons: u32,
    /// The share of queries whose person is in the slice.
    pub prior: f64,
}

/// What a threshold does to a search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// False match rate of a comparison.
    pub fmr: f64,
    /// False non-match rate: the share of queries for someone in the slice that do not find that person.
    pub fnmr: f64,
    /// The share of queries for someone not in the slice that are answered with a hit.
    pub fpir: f64,
    /// Wrong candidates in a query, on average.
    pub wrong_candidates: f64,
    /// Of the candidates that are shown, the share that is another person.
    pub false_candidates: f64,
    /// Of the answers "there is a hit", the share in which the person is not there, or only others were hit.
    pub false_answers: f64,
}

impl Search {
    /// By an engine of this blur, as a share of the length.
    #[must_use]
    pub fn blurred(self, blur: f64) -> Self {
        Self { impostors: self.impostors.blurred(blur), genuine: self.genuine.blurred(blur), ..self }
    }

    /// What a threshold does. Comparisons count as independent of each other.
    ///
    /// # Errors
    /// [`RatesError::Share`] for a prior outside 0 to 1.
    pub fn outlook(&self, threshold: f64) -> Result<Outlook, RatesError> {
        let prior = self.prior;
        if !(0.0..=1.0).contains(&prior) {
            return Err(RatesError::Share);
        }
        let (fmr, fnmr) = (self.impostors.fmr(threshold), self.genuine.fnmr(threshold));
        let groups = self.groups as f64;
        let of_group = at_least_one(fmr, self.comparisons.into());
        let fpir = at_least_one(of_group, groups);
        let others = at_least_one(of_group, (groups - 1.0).max(0.0));

        let right = prior * (1.0 - fnmr);
        let wrong_candidates = of_group * (groups - prior).max(0.0);
        let wrong_answers = (1.0 - prior) * fpir + prior * fnmr * others;
        let share = |wrong: f64| if wrong > 0.0 { wrong / (wrong + right) } else { 0.0 };
        Ok(Outlook {
            fmr,
            fnmr,
            fpir,
            wrong_candidates,
            false_candidates: share(wrong_candidates),
            false_answers: share(wrong_answers),
        })
    }

    /// The largest threshold below 1/2, in steps of 1/`length`, at which at most the share `wanted` of
    /// candidates is false; then at most that share of answers is. `None` if there is none above 0. `blur` is that of the
    /// engine with the form of a threshold, as a share of the length.
    ///
    /// # Errors
    /// [`RatesError::Share`] for a prior or a share outside 0 to 1.
    pub fn propose(
        &self,
        length: u32,
        wanted: f64,
        blur: impl Fn(f64) -> f64,
    ) -> Result<Option<f64>, RatesError> {
        if !(0.0..=1.0).contains(&wanted) {
            return Err(RatesError::Share);
        }
        for apart in (1..length.div_ceil(2)).rev() {
            let threshold = f64::from(apart) / f64::from(length);
            // A blur only adds: what is too much without it is not worth its mean.
            let few = |search: &Self| Ok(search.outlook(threshold)?.false_candidates <= wanted);
            if few(self)? && few(&self.blurred(blur(threshold)))? {
                return Ok(Some(threshold));
            }
        }
        Ok(None)
    }
}
