//! How far each assumption moves the answer.

use serde::{Deserialize, Serialize};

use crate::{
    outcome::{Interval, interval},
    run::Watch,
};

use super::{CompareError, Comparison, less};

/// One number, at both ends of its range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swing {
    /// Its path, such as `party.RS.register_p`.
    pub path: String,
    /// The lower end.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
    /// The difference between proposal and baseline at the lower end, paired seed by seed.
    pub at_lo: Interval,
    /// At the upper end.
    pub at_hi: Interval,
}

/// Every number that is a range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tornado {
    /// The difference with every number drawn anew for each seed.
    pub centre: Interval,
    /// The widest first.
    pub swings: Vec<Swing>,
}

impl Swing {
    /// How far apart its two ends are.
    pub fn width(&self) -> f64 {
        (self.at_hi.mean - self.at_lo.mean).abs()
    }
}

/// Sets each range to its ends, one at a time.
///
/// # Errors
/// [`CompareError`] if a run cannot be made, or was cancelled.
pub fn tornado(of: &Comparison<'_>, watch: &dyn Watch) -> Result<Tornado, CompareError> {
    let both = [of.baseline.clone(), of.proposal.clone()];
    let difference = |scenario: &_| -> Result<Interval, CompareError> {
        let values = of.values(scenario, &both, watch)?;
        let [old, new] = values.as_slice() else { return Err(CompareError::Cancelled) };
        Ok(interval(&less(new, old)))
    };
    let centre = difference(of.scenario)?;
    let mut swings = Vec::new();
    for (path, quantity) in of.scenario.quantities() {
        let (lo, hi) = quantity.range();
        if lo < hi {
            let at_lo = difference(&of.scenario.with(&path, lo))?;
            let at_hi = difference(&of.scenario.with(&path, hi))?;
            swings.push(Swing { path, lo, hi, at_lo, at_hi });
        }
    }
    swings.sort_by(|a, b| b.width().total_cmp(&a.width()).then(a.path.cmp(&b.path)));
    Ok(Tornado { centre, swings })
}
