//! How often a match errs: the arithmetic behind the choice of a threshold.
//!
//! * [`model`]: false match and false non-match rates from a few measured numbers, what they make of a
//!   search, and the threshold for a wanted share of false hits.
//! * [`threshold()`]: from a threshold on the fractional Hamming distance to a rule and back.
//! * [`trial`]: rates counted in a trial, with confidence intervals.
//!
//! The words are those of [ISO/IEC 19795-1]: FMR and FNMR are rates of comparisons, FPIR and FNIR of
//! searches. `docs/thresholds.md` shows how to use them.

mod beta;
pub mod model;
pub mod threshold;
pub mod trial;

pub use model::{Genuine, Impostors, Outlook, Search};
pub use threshold::{form, threshold};
pub use trial::{Proportion, Sample, Trial, proportion};

pub(super) use beta::Beta;

/// Numbers that describe no rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RatesError {
    /// Degrees of freedom that no template can have.
    #[error("degrees of freedom must be from 1 to 12,800")]
    Freedom,
    /// Mean and standard deviation of no distribution on 0 to 1.
    #[error(
        "a mean distance must be between 0 and 1, and the standard deviation below sqrt(mean*(1 - mean))"
    )]
    Spread,
    /// A share outside 0 to 1.
    #[error("a share must be from 0 to 1")]
    Share,
    /// More errors than trials, or no trials.
    #[error("a proportion needs at least one trial, and no more cases than trials")]
    Trials,
    /// A distance that is none.
    #[error("every distance must be a number from 0 to 1")]
    Distance,
}

#[cfg(test)]
mod tests;
