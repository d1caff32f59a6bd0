//! How far each assumption moves the answer.
//!
//! A number with a range is set to its ends. An assumed number without one is lowered and raised by a share of itself
//! ([`VARIED`]), within what it may be; an assumed share that is 0 is raised to [`FROM_NOTHING`]. So every assumption that
//! is a number takes part, but for those of what goes wrong, which a comparison does not run.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    fit::settles,
    outcome::{Interval, interval},
    run::{Quiet, RunError, Watch},
    scenario::{Quantity, Scenario},
};

use super::{CompareError, Comparison, less};

/// By how much of itself an assumed number without a range is lowered and raised. It is a convention, not knowledge: who
/// knows better states a range.
pub const VARIED: f64 = 0.5;
/// How high an assumed share of 0 without a range is raised.
pub const FROM_NOTHING: f64 = 0.05;

/// Where the ends of a swing are from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The scenario says them.
    #[default]
    Stated,
    /// The scenario assumes a number without a range: [`VARIED`] and [`FROM_NOTHING`].
    Usual,
}

/// One number, at both ends of its range.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swing {
    /// Its path, such as `party.RS.register_p`.
    pub path: String,
    /// The lower end.
    pub lo: f64,
    /// The upper end.
    pub hi: f64,
    /// Where the ends are from.
    #[serde(default)]
    pub ends: Ends,
    /// The difference between proposal and baseline at the lower end, paired seed by seed.
    pub at_lo: Interval,
    /// At the upper end.
    pub at_hi: Interval,
}

/// Every number that is a range or assumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tornado {
    /// The difference with every number drawn anew for each seed.
    pub centre: Interval,
    /// The widest first; those that do nothing are last, with both ends alike.
    pub swings: Vec<Swing>,
    /// Numbers at one end of which nothing fits the published totals, or which contradict another number there.
    #[serde(default)]
    pub unfit: Vec<String>,
    /// Assumed numbers that are 0 and no shares, so that nothing says how far they could go.
    #[serde(default)]
    pub nothing: Vec<String>,
    /// Numbers that the fit to the totals settles, so that the scenario's own do nothing.
    #[serde(default)]
    pub settled: Vec<String>,
    /// Numbers with a source and no range, which were not varied.
    #[serde(default)]
    pub fixed: usize,
    /// Numbers of what goes wrong, which were not varied.
    #[serde(default)]
    pub abuse: usize,
}

impl Swing {
    /// How far apart its two ends are.
    pub fn width(&self) -> f64 {
        (self.at_hi.mean - self.at_lo.mean).abs()
    }
}

/// What is done with a number.
enum Part {
    /// It is set to two ends.
    Varied(f64, f64, Ends),
    /// It is of what goes wrong.
    Abuse,
    /// It has a source and no range.
    Fixed,
    /// It has nowhere to go.
    Nothing,
}

fn part(path: &str, quantity: &Quantity) -> Part {
    if path.starts_with("abuse[") {
        return Part::Abuse;
    }
    let (lo, hi) = quantity.range();
    if lo < hi {
        return Part::Varied(lo, hi, Ends::Stated);
    }
    if !quantity.is_assumed() {
        return Part::Fixed;
    }
    let (least, most) = Scenario::limits(path);
    let ends = if lo == 0.0 && most == 1.0 {
        (0.0, FROM_NOTHING)
    } else {
        ((lo * (1.0 - VARIED)).max(least), (lo * (1.0 + VARIED)).min(most))
    };
    if ends.0 < ends.1 { Part::Varied(ends.0, ends.1, Ends::Usual) } else { Part::Nothing }
}

/// Sets each number to its ends, one at a time. Where a run must fit published totals and an end fits none, or a number at
/// an end contradicts another, it is left out and named.
///
/// # Errors
/// [`CompareError`] if a run cannot be made, or was cancelled.
pub fn tornado(of: &Comparison<'_>, watch: &dyn Watch) -> Result<Tornado, CompareError> {
    let both = [of.baseline.clone(), of.proposal.clone()];
    let difference = |scenario: &Scenario| -> Result<Interval, CompareError> {
        let values = of.values(scenario, &both, &Quiet(watch))?;
        let [old, new] = values.as_slice() else { return Err(CompareError::Cancelled) };
        Ok(interval(&less(new, old)))
    };
    let centre = difference(of.scenario)?;
    let mut found = Tornado {
        centre,
        swings: Vec::new(),
        unfit: Vec::new(),
        nothing: Vec::new(),
        settled: Vec::new(),
        fixed: 0,
        abuse: 0,
    };
    let mut varied = Vec::new();
    for (path, quantity) in of.scenario.quantities() {
        if settles(of.scenario, &path) {
            found.settled.push(path);
            continue;
        }
        match part(&path, &quantity) {
            Part::Varied(lo, hi, ends) => varied.push((path, lo, hi, ends)),
            Part::Abuse => found.abuse += 1,
            Part::Fixed => found.fixed += 1,
            Part::Nothing => found.nothing.push(path),
        }
    }
    let (done, total) = (AtomicU64::new(0), varied.len() as u64);
    let at = |path: &str, end: f64| -> Result<Option<Interval>, CompareError> {
        let changed = of.scenario.with(path, end);
        if !changed.numbers_stand() {
            return Ok(None);
        }
        match difference(&changed) {
            Ok(found) => Ok(Some(found)),
            Err(CompareError::Run(RunError::Fit(_))) => Ok(None),
            Err(error) => Err(error),
        }
    };
    let ends = varied.par_iter().map(|(path, lo, hi, _)| {
        let ends = at(path, *lo)?.zip(at(path, *hi)?);
        watch.progress(done.fetch_add(1, Ordering::Relaxed).saturating_add(1), total);
        Ok(ends)
    });
    // In the order of the scenario, whichever was done first.
    let ends = ends.collect::<Vec<Result<_, CompareError>>>();
    for ((path, lo, hi, ends), found_at) in varied.into_iter().zip(ends) {
        match found_at? {
            Some((at_lo, at_hi)) => found.swings.push(Swing { path, lo, hi, ends, at_lo, at_hi }),
            None => found.unfit.push(path),
        }
    }
    found.swings.sort_by(|a, b| b.width().total_cmp(&a.width()).then(a.path.cmp(&b.path)));
    Ok(found)
}
