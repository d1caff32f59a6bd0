//! How far each assumption moves the answer.

use serde::{Deserialize, Serialize};

use crate::{
    outcome::{Interval, interval},
    run::{RunError, Watch},
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
    /// Numbers that are ranges, but at one end of which nothing fits the published totals.
    #[serde(default)]
    pub unfit: Vec<String>,
    /// Numbers that are no ranges, and so were not varied.
    #[serde(default)]
    pub fixed: usize,
}

impl Swing {
    /// How far apart its two ends are.
    pub fn width(&self) -> f64 {
        (self.at_hi.mean - self.at_lo.mean).abs()
    }
}

/// Sets each range to its ends, one at a time. Where a run must fit published totals and an end fits none, the number is
/// left out and named.
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
    let (mut swings, mut unfit, mut fixed) = (Vec::new(), Vec::new(), 0);
    for (path, quantity) in of.scenario.quantities() {
        let (lo, hi) = quantity.range();
        if lo >= hi {
            fixed += 1;
            continue;
        }
        let ends = difference(&of.scenario.with(&path, lo))
            .and_then(|at_lo| Ok((at_lo, difference(&of.scenario.with(&path, hi))?)));
        match ends {
            Ok((at_lo, at_hi)) => swings.push(Swing { path, lo, hi, at_lo, at_hi }),
            Err(CompareError::Run(RunError::Fit(_))) => unfit.push(path),
            Err(error) => return Err(error),
        }
    }
    swings.sort_by(|a, b| b.width().total_cmp(&a.width()).then(a.path.cmp(&b.path)));
    Ok(Tornado { centre, swings, unfit, fixed })
}
