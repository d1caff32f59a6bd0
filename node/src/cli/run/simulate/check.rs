//! The self check: the real exchanges beside the model.

use symbolon_simulator::{
    Plan, Watch as _,
    exact::{self, Checked, ExactError},
};

use crate::{
    cli::{args::Global, render},
    control::api::Failure,
};

use super::{interrupt::Interrupt, reporting::Bar};

/// Seconds of matches for each pair, as their engine estimates them.
const MATCH_SECONDS: f64 = 10.0;

/// Every proposal under the first seed, if the scenario is small enough.
///
/// # Errors
/// [`Failure`] if an exchange fails, or it was cancelled.
pub(super) fn all(global: &Global, plan: &Plan<'_>, interrupt: &Interrupt) -> Result<Vec<Checked>, Failure> {
    let (run, seed) = (&plan.scenario.run, plan.seeds.first().copied());
    let Some(seed) = seed.filter(|_| run.persons <= run.exact_below) else { return Ok(Vec::new()) };
    let bar = Bar::new("self check", global, interrupt);
    let mut found = Vec::new();
    let total = plan.proposals.len() as u64;
    for (done, proposal) in (0..).zip(plan.proposals) {
        bar.progress(done, total);
        match exact::compare(plan, proposal, seed, MATCH_SECONDS, &bar) {
            Ok(checked) => found.extend(checked),
            Err(ExactError::Cancelled) => interrupt.check("the self check")?,
            Err(error) => return Err(Failure::local(format!("the self check failed: {error}"))),
        }
    }
    bar.end();
    Ok(found)
}

/// Whether every answer was the model's.
pub(super) fn holds(checked: &[Checked]) -> bool {
    checked.iter().all(|one| one.differ == 0)
}

/// What was found, for a screen; nothing if nothing was run.
pub(super) fn text(checked: &[Checked], plan: &Plan<'_>) -> String {
    if checked.is_empty() {
        return String::new();
    }
    let (persons, seed) = (plan.scenario.run.persons, plan.seeds.first().copied().unwrap_or_default());
    let differ: usize = checked.iter().map(|one| one.differ).sum();
    let said = if differ == 0 {
        "Every answer is the one that the model says.".to_owned()
    } else {
        format!("{differ} answers are not those that the model says: do not trust this run, and report it.")
    };
    format!(
        "\n\nSelf check: the real exchanges beside the model, {persons} persons, seed {seed}\n{}\n{said} Seconds are of one \
         thread of processor time, the model's of {}.",
        render::checked(checked),
        plan.calibration.machine
    )
}
