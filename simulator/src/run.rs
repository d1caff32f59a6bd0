//! A run: every proposal under every seed, the same people each time.
//!
//! Each pair of a proposal and a seed is one task with randomness of its own ([`crate::random`]), so tasks run on
//! as many threads as there are and the outcome is the same to the last bit. Inside a task, days follow each other;
//! within a day, people come and queries of every kind are put in order of time, then claims are decided, then the
//! day's work of the nodes is added up. What a task yields is kept when a run is cancelled, and taken up again by
//! [`Plan::done`].

mod abuse;
mod admit;
mod crew;
mod day;
mod meters;
mod nodes;
mod others;
mod person;
mod query;
mod report;
pub mod rows;
mod series;
mod slices;
mod state;

use std::io;

use rayon::prelude::*;
use symbolon_policy::words::Digest;

use crate::{
    contract::{Contract, ContractError},
    cost::Calibration,
    fit::{self, FitError},
    outcome::{Number, Outcome, PartyLabel, ProposalOutcome, SeedOutcome},
    proposal::{Proposal, ProposalError},
    region::{self, Region},
    scenario::Scenario,
};

pub use abuse::found_by;
pub use day::false_alarms;

use rows::Sink;
use state::State;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The scenario.
    pub scenario: &'a Scenario,
    /// What is compared; the first is the baseline where none is named.
    pub proposals: &'a [Proposal],
    /// Seeds, each once.
    pub seeds: &'a [u64],
    /// What exchanges cost.
    pub calibration: &'a Calibration,
    /// So many of the first seeds also run what goes wrong, each by itself. That multiplies their time.
    pub abuse_seeds: usize,
    /// Results of earlier tasks of the very same plan, which are not run again.
    pub done: Vec<Done>,
}

/// The result of one task: a proposal under a seed.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Done {
    /// Digest of the scenario, the proposal and the calibration.
    pub of: Digest,
    /// The proposal's name.
    pub proposal: String,
    /// What it yields.
    pub outcome: SeedOutcome,
}

/// Watches a run. Every method may be called from several threads at once.
pub trait Watch: Sync {
    /// So many simulated days of so many are over, all tasks together.
    fn progress(&self, _done: u64, _total: u64) {}

    /// Whether to stop: the run ends within a simulated day of each task.
    fn cancelled(&self) -> bool {
        false
    }

    /// A task is finished; what is kept here can be given to [`Plan::done`] later.
    fn finished(&self, _done: &Done) {}

    /// Where the rows of a task go, if anywhere. A task that is cancelled or fails drops it without [`Sink::end`].
    ///
    /// # Errors
    /// Of the file, which end the run.
    fn rows(&self, _proposal: &str, _seed: u64) -> io::Result<Option<Box<dyn Sink>>> {
        Ok(None)
    }
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {}

/// Hands on the wish to end, but not the days of a run that is one of many.
pub(crate) struct Quiet<'a>(pub(crate) &'a dyn Watch);

impl Watch for Quiet<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// A run that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum RunError {
    /// A proposal has no canonical form.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// Rules do not stand.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// The published totals fit nothing.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// It was cancelled before any task began.
    #[error("cancelled")]
    Cancelled,
    /// Rows cannot be written.
    #[error("the rows of {proposal}, seed {seed}, cannot be written: {why}")]
    Rows {
        /// Of which proposal.
        proposal: String,
        /// Of which seed.
        seed: u64,
        /// Why.
        why: String,
    },
}

impl<'a> Plan<'a> {
    /// A plan without what goes wrong.
    pub fn new(
        scenario: &'a Scenario,
        proposals: &'a [Proposal],
        seeds: &'a [u64],
        calibration: &'a Calibration,
    ) -> Self {
        Self { scenario, proposals, seeds, calibration, abuse_seeds: 0, done: Vec::new() }
    }

    /// The digest that a [`Done`] of a proposal carries.
    ///
    /// # Errors
    /// [`ProposalError::Canonical`] never for a proposal that was read.
    pub fn digest(&self, proposal: &Proposal) -> Result<Digest, ProposalError> {
        let mut bytes = self.scenario.digest().0.to_vec();
        bytes.extend_from_slice(&proposal.digest()?.0);
        let calibration = serde_json::to_string(self.calibration).unwrap_or_default();
        bytes.extend_from_slice(calibration.as_bytes());
        bytes.extend_from_slice(env!("CARGO_PKG_VERSION").as_bytes());
        Ok(Digest::of("symbolon/simulated-task/1", &bytes))
    }
}

/// Runs a plan. The outcome does not depend on the number of threads.
///
/// # Errors
/// [`RunError`] if a proposal cannot be made ready or rows cannot be written.
pub fn run(plan: &Plan<'_>, watch: &dyn Watch) -> Result<Outcome, RunError> {
    if plan.scenario.run.fit_totals {
        let unfit = |seed: &&u64| fit::setting(plan.scenario, region::numbers(**seed)).is_none();
        if plan.seeds.iter().any(|seed| unfit(&seed)) {
            return Err(FitError::Unfit.into());
        }
    }
    let contracts = contracts(plan, watch)?;
    let digests =
        plan.proposals.iter().map(|proposal| plan.digest(proposal)).collect::<Result<Vec<_>, _>>()?;
    // Seed by seed, so that a cancelled run has whole seeds.
    let tasks: Vec<(usize, usize)> =
        (0..plan.seeds.len()).flat_map(|seed| (0..plan.proposals.len()).map(move |of| (seed, of))).collect();
    let span = u64::from(plan.scenario.run.days) + u64::from(plan.scenario.run.warm_up);
    let tried = plan.abuse_seeds.min(plan.seeds.len()) * plan.scenario.abuse.len() * plan.proposals.len();
    let progress = Progress::new(watch, span.saturating_mul((tasks.len() + tried) as u64));
    let results = tasks.par_iter().map(|(seed, of)| {
        let (Some(seed), Some(proposal), Some(contract), Some(digest)) =
            (plan.seeds.get(*seed), plan.proposals.get(*of), contracts.get(*of), digests.get(*of))
        else {
            return Ok(None);
        };
        task(plan, proposal, (contract, *digest), *seed, &progress)
    });
    let results = results.collect::<Result<Vec<Option<SeedOutcome>>, RunError>>()?;
    Ok(gather(plan, &contracts, &digests, results))
}

/// Makes every proposal ready.
fn contracts(plan: &Plan<'_>, watch: &dyn Watch) -> Result<Vec<Contract>, RunError> {
    plan.proposals.iter().for_each(|proposal| proposal.shelf.tidy());
    let made = plan.proposals.par_iter().map(|proposal| {
        if watch.cancelled() {
            return Err(RunError::Cancelled);
        }
        Ok(Contract::new(plan.scenario, proposal, plan.calibration)?)
    });
    // The first fault, whichever thread met one first.
    made.collect::<Vec<_>>().into_iter().collect()
}

/// Counts simulated days of all tasks.
pub(crate) struct Progress<'a> {
    watch: &'a dyn Watch,
    total: u64,
    done: std::sync::atomic::AtomicU64,
}

impl<'a> Progress<'a> {
    fn new(watch: &'a dyn Watch, total: u64) -> Self {
        Self { watch, total, done: std::sync::atomic::AtomicU64::new(0) }
    }

    /// So many days more; whether to go on.
    pub(crate) fn days(&self, more: u64) -> bool {
        let done = self.done.fetch_add(more, std::sync::atomic::Ordering::Relaxed).saturating_add(more);
        self.watch.progress(done.min(self.total), self.total);
        !self.watch.cancelled()
    }
}

/// One proposal under one seed; nothing if it was cancelled.
fn task(
    plan: &Plan<'_>,
    proposal: &Proposal,
    (contract, digest): (&Contract, Digest),
    seed: u64,
    progress: &Progress<'_>,
) -> Result<Option<SeedOutcome>, RunError> {
    let known = |done: &&Done| done.of == digest && done.outcome.seed == seed && done.proposal == proposal.id;
    if let Some(done) = plan.done.iter().find(known) {
        let ran = 1 + done.outcome.abuse.len() as u64;
        progress.days(ran * (u64::from(plan.scenario.run.days) + u64::from(plan.scenario.run.warm_up)));
        return Ok(Some(done.outcome.clone()));
    }
    let region = Region::new(plan.scenario, seed);
    let fault = |why: String| RunError::Rows { proposal: proposal.id.clone(), seed, why };
    let mut state = State::new(&region, contract, seed, None);
    let mut sink = progress.watch.rows(&proposal.id, seed).map_err(|error| fault(error.to_string()))?;
    let Some(mut outcome) = state.run(Some(progress), sink.as_deref_mut()).map_err(fault)? else {
        return Ok(None);
    };
    if let Some(sink) = sink {
        sink.end().map_err(|error| fault(error.to_string()))?;
    }
    let tried = plan.seeds.iter().take(plan.abuse_seeds).any(|tried| *tried == seed);
    for wrong in plan.scenario.abuse.iter().filter(|_| tried) {
        let Some(found) = abuse::try_one(plan.scenario, &region, contract, seed, wrong, &outcome, progress)
        else {
            return Ok(None);
        };
        outcome.abuse.push(found);
    }
    let done = Done { of: digest, proposal: proposal.id.clone(), outcome };
    progress.watch.finished(&done);
    Ok(Some(done.outcome))
}

/// One person's records at the end of a run.
pub(crate) struct Row {
    pub(crate) document: bool,
    /// The class of its record at each party, if there is one.
    pub(crate) classes: Vec<Option<usize>>,
    same: Vec<bool>,
    /// By practice and party, whether there is a template; by practice, whether a probe agrees with one.
    templates: Vec<bool>,
    captured: Vec<bool>,
}

impl Row {
    /// Whether registrations at two parties carry an equal identifier.
    pub(crate) fn same(&self, a: usize, b: usize) -> bool {
        self.same.get(a * self.classes.len() + b).copied().unwrap_or(false)
    }

    /// Whether a party has a template of this person for a practice.
    pub(crate) fn template(&self, practice: usize, party: usize) -> bool {
        self.templates.get(practice * self.classes.len() + party).copied().unwrap_or(false)
    }

    /// Whether a probe of this person agrees with its template.
    pub(crate) fn captured(&self, practice: usize) -> bool {
        self.captured.get(practice).copied().unwrap_or(false)
    }
}

/// The registers at the end of a run.
pub(crate) fn registers(region: &Region, contract: &Contract, seed: u64) -> Vec<Row> {
    let mut state = State::new(region, contract, seed, None);
    // Without a sink nothing can fail.
    let _ = state.run(None, None);
    state.rows()
}

/// Puts results in their places; seeds that some proposal lacks are left out.
fn gather(
    plan: &Plan<'_>,
    contracts: &[Contract],
    digests: &[Digest],
    results: Vec<Option<SeedOutcome>>,
) -> Outcome {
    let width = plan.proposals.len().max(1);
    let whole = |seed: &usize| results.iter().skip(seed * width).take(width).all(Option::is_some);
    let kept: Vec<usize> = (0..plan.seeds.len()).filter(whole).collect();
    let scenario = plan.scenario;
    let parties = scenario.party.iter().map(|(code, party)| PartyLabel {
        code: code.clone(),
        name: party.name.clone(),
        note: party.note.clone(),
        utility: party.utility.clone(),
    });
    let numbers = scenario.quantities().into_iter().map(|(path, quantity)| {
        let (lo, hi) = quantity.range();
        let label = scenario.label(&path);
        Number { path, label, lo, hi, assumed: quantity.is_assumed(), src: quantity.src }
    });
    let published = scenario.published().into_iter().map(|(path, observed)| {
        let (lo, label) = (observed.registrations as f64, format!("{path} ({})", observed.year));
        Number { path, label, lo, hi: lo, assumed: false, src: observed.src.clone() }
    });
    let proposals = plan.proposals.iter().zip(contracts).zip(digests).enumerate().map(
        |(of, ((proposal, contract), digest))| ProposalOutcome {
            id: proposal.id.clone(),
            title: proposal.title.clone(),
            about: proposal.about.clone(),
            digest: *digest,
            agreements: contract.pacts.iter().map(|pact| pact.parties).collect(),
            by_seed: kept
                .iter()
                .filter_map(|seed| results.get(seed * width + of).cloned().flatten())
                .collect(),
        },
    );
    Outcome {
        version: Outcome::VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: scenario.name.clone(),
        title: scenario.title.clone(),
        about: scenario.about.clone(),
        digest: scenario.digest(),
        calibration: plan.calibration.machine.clone(),
        start: scenario.run.start.clone(),
        days: scenario.run.days,
        persons: scenario.run.persons,
        parties: parties.collect(),
        seeds: kept.iter().filter_map(|seed| plan.seeds.get(*seed).copied()).collect(),
        numbers: published.chain(numbers).collect(),
        proposals: proposals.collect(),
        warnings: plan.proposals.iter().flat_map(|proposal| proposal.warnings(scenario)).collect(),
        cancelled: kept.len() < plan.seeds.len(),
    }
}

#[cfg(test)]
mod tests;
