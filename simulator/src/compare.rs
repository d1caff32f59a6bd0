//! What each change of a proposal does, and what each assumption does to the answer.
//!
//! A proposal differs from a baseline by [`Change`]s: clauses, terms, national rules, canaries. [`effects`] takes
//! each out by itself (leave-one-out) and shares the whole difference among them [Shapley 1953]; where clauses work
//! together the two disagree, and the pair that does so most is named, with both orders. [`tornado`] sets each
//! number that is a range or assumed to two ends, one at a time.
//!
//! Every run sees the same seeds, so that what all share cancels out. Nothing depends on the number of threads.

mod change;
mod shapley;
mod tornado;

use serde::{Deserialize, Serialize};

use crate::{
    cost::Calibration,
    outcome::{Measure, Scope},
    proposal::{Proposal, ProposalError},
    run::{Plan, RunError, Watch, run},
    scenario::Scenario,
};

pub use change::{Change, changes, with_changes};
pub use shapley::{Budget, Effect, Effects, Interaction, effects};
pub use tornado::{Ends, FROM_NOTHING, Swing, Tornado, VARIED, tornado};

/// Two proposals over the same people.
#[derive(Clone, Copy, Debug)]
pub struct Comparison<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// From where one looks.
    pub baseline: &'a Proposal,
    /// At what.
    pub proposal: &'a Proposal,
    /// Seeds, each once.
    pub seeds: &'a [u64],
    /// What exchanges cost.
    pub calibration: &'a Calibration,
    /// The figure that is looked at, over all parties.
    pub measure: Measure,
}

/// A comparison that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// A proposal cannot be changed so.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// A run cannot be made.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The figure is a share or a mean, and of nothing there is none.
    #[error(
        "with some of the changes there is nothing of which to take `{0}`, so it cannot be compared change by change; \
         choose an amount, such as `true_hits`"
    )]
    Nothing(&'static str),
    /// It was cancelled.
    #[error("the comparison was cancelled")]
    Cancelled,
}

impl Comparison<'_> {
    /// The figure of each proposal, seed by seed.
    fn values(
        &self,
        scenario: &Scenario,
        proposals: &[Proposal],
        watch: &dyn Watch,
    ) -> Result<Vec<Vec<f64>>, CompareError> {
        let outcome = match run(&Plan::new(scenario, proposals, self.seeds, self.calibration), watch) {
            Err(RunError::Cancelled) => return Err(CompareError::Cancelled),
            outcome => outcome?,
        };
        if outcome.cancelled {
            return Err(CompareError::Cancelled);
        }
        let each = (0..proposals.len()).map(|place| {
            let values = outcome.values(place, self.measure, Scope::All).into_iter();
            values.collect::<Option<Vec<f64>>>().ok_or(CompareError::Nothing(self.measure.as_str()))
        });
        each.collect()
    }
}

/// One figure less another, seed by seed.
fn less(new: &[f64], old: &[f64]) -> Vec<f64> {
    new.iter().zip(old).map(|(new, old)| new - old).collect()
}

/// Everything that is shown of one comparison.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// The baseline's name.
    pub baseline: String,
    /// The proposal's name.
    pub proposal: String,
    /// The figure.
    pub measure: Measure,
    /// Persons simulated, which may be fewer than in the run itself.
    pub persons: u32,
    /// Seeds, which may be fewer too.
    #[serde(default)]
    pub seeds: usize,
    /// Change by change.
    pub effects: Effects,
    /// Assumption by assumption, the largest first.
    pub tornado: Tornado,
}

/// Both at once.
///
/// # Errors
/// [`CompareError`] if a run cannot be made, or was cancelled.
pub fn compare(of: &Comparison<'_>, budget: Budget, watch: &dyn Watch) -> Result<Compared, CompareError> {
    Ok(Compared {
        baseline: of.baseline.id.clone(),
        proposal: of.proposal.id.clone(),
        measure: of.measure,
        persons: of.scenario.run.persons,
        seeds: of.seeds.len(),
        effects: effects(of, budget, watch)?,
        tornado: tornado(of, watch)?,
    })
}

#[cfg(test)]
mod tests;
