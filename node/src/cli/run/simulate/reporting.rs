//! The report, the comparison change by change, and the search before it.

use std::{fs, path::Path, sync::Mutex, sync::PoisonError};

use symbolon_simulator::{
    Watch,
    compare::{Budget, Compared, Comparison, compare},
    cost::Calibration,
    outcome::Outcome,
    proposal::Proposal,
    report,
    scenario::Scenario,
    search::{self, Found, RedLine, Settings},
};

use crate::{
    cli::{
        args::{Global, Reporting},
        files,
        progress::Progress,
    },
    control::api::{Failure, Update},
};

use super::{
    counter::{self, Checked, Prover},
    interrupt::Interrupt,
    told::{Counters, Told},
};

/// What is made of a run.
pub(super) struct Making<'a> {
    global: &'a Global,
    options: &'a Reporting,
    scenario: &'a Scenario,
    calibration: &'a Calibration,
    interrupt: &'a Interrupt,
    proposals: Vec<Proposal>,
    baseline: String,
    found: Option<Found>,
    lines: Vec<RedLine>,
}

/// A bar for work that has no files.
pub(super) struct Bar<'a> {
    what: &'static str,
    shown: Mutex<Progress>,
    interrupt: &'a Interrupt,
}

impl Watch for Bar<'_> {
    fn progress(&self, done: u64, total: u64) {
        let update = Update { task: self.what.to_owned(), phase: String::new(), done, total, lasting: false };
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).show(&update);
    }

    fn cancelled(&self) -> bool {
        self.interrupt.asked()
    }
}

impl<'a> Bar<'a> {
    pub(super) fn new(what: &'static str, global: &Global, interrupt: &'a Interrupt) -> Self {
        Self { what, shown: Mutex::new(Progress::new(global.quiet, global.verbose)), interrupt }
    }

    pub(super) fn end(self) {
        self.shown.into_inner().unwrap_or_else(PoisonError::into_inner).end();
    }
}

impl<'a> Making<'a> {
    /// Looks at the options before anything long begins, and searches.
    ///
    /// # Errors
    /// [`Failure`] of a proposal that is not there, a file that is, and a search that cannot be made.
    pub(super) fn new(
        global: &'a Global,
        options: &'a Reporting,
        scenario: &'a Scenario,
        proposals: Vec<Proposal>,
        calibration: &'a Calibration,
        interrupt: &'a Interrupt,
    ) -> Result<Self, Failure> {
        super::super::free(options.report.as_deref())?;
        let dirs = [&options.counter, &options.pictures];
        if let Some(dir) = dirs.into_iter().flatten().find(|dir| dir.exists()) {
            return Err(Failure::input(format!("{} exists already", dir.display()))
                .with_help("name a directory that does not exist yet"));
        }
        let known = |id: &String| {
            let ids: Vec<&str> = proposals.iter().map(|proposal| proposal.id.as_str()).collect();
            let missing = || {
                Failure::input(format!("there is no proposal {id}"))
                    .with_help(format!("there are {}", ids.join(", ")))
            };
            ids.contains(&id.as_str()).then(|| id.clone()).ok_or_else(missing)
        };
        let baseline = options.baseline.as_ref().map(known).transpose()?;
        options.compare.as_ref().map(known).transpose()?;
        let first = proposals.first().map(|proposal| proposal.id.clone());
        let baseline = baseline.or(first).ok_or_else(|| Failure::input("there is no proposal to run"))?;
        let lines = counter::red_lines(scenario, &options.red_lines)?;
        let mut making = Self {
            lines,
            global,
            options,
            scenario,
            calibration,
            interrupt,
            proposals,
            baseline,
            found: None,
        };
        if let Some(candidates) = options.search {
            making.search(candidates)?;
        }
        Ok(making)
    }

    /// What is to be run: proposals and counter-proposals.
    pub(super) fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    fn bar(&self, what: &'static str) -> Bar<'a> {
        Bar::new(what, self.global, self.interrupt)
    }

    fn search(&mut self, candidates: u32) -> Result<(), Failure> {
        let settings =
            Settings { candidates: usize::try_from(candidates).unwrap_or(usize::MAX), ..Settings::default() };
        let bar = self.bar("search");
        let prover = Prover::new(&self.lines, self.interrupt);
        let crosses = |proposal: &Proposal| prover.crosses(proposal);
        let found =
            search::search(self.scenario, &self.proposals, self.calibration, settings, &crosses, &bar);
        bar.end();
        self.interrupt.check("the search")?;
        prover.end()?;
        let found = found.map_err(|error| Failure::input(error.to_string()))?;
        self.proposals.extend(found.counters.iter().cloned());
        self.found = Some(found);
        Ok(())
    }

    /// Compares, proves, and writes what was asked for. Counter-proposals that did not hold up in full are taken
    /// out of the outcome.
    ///
    /// # Errors
    /// [`Failure`] if a comparison cannot be made or a file cannot be written.
    pub(super) fn end(self, mut outcome: Outcome) -> Result<(Told, String), Failure> {
        let mut text = String::new();
        let mut checked: Vec<Checked> = Vec::new();
        if let Some(found) = &self.found {
            let kept = counter::kept(&outcome, found);
            let gone = |id: &String| found.counters.iter().any(|of| of.id == *id) && !kept.contains(id);
            outcome.proposals.retain(|proposal| !gone(&proposal.id));
            let counters = found.counters.iter().filter(|of| kept.contains(&of.id));
            let prover = Prover::new(&self.lines, self.interrupt);
            checked = counters.map(|of| prover.check(of)).collect::<Result<_, _>>()?;
            text += &counter::summary(found, &checked);
            if let Some(dir) = &self.options.counter {
                counter::write(dir, found, &checked)?;
                text += &format!("\nWrote the counter-proposals to {}.", dir.display());
            }
        }
        let compared = self.compared()?;
        if let Some(compared) = &compared {
            text += &comparison(compared, self.scenario);
        }
        if let Some(file) = &self.options.report {
            self.write(file, &outcome, compared.as_ref(), &checked)?;
            text += &format!("\nWrote the report to {}.", file.display());
        }
        let counters = self.found.as_ref().map(|found| Counters::new(found, checked));
        Ok((Told { outcome, comparison: compared, search: counters, self_check: Vec::new() }, text))
    }

    fn compared(&self) -> Result<Option<Compared>, Failure> {
        let last = self.options.report.as_ref().and_then(|_| {
            let own = self.proposals.iter().rev().filter(|proposal| {
                self.found.as_ref().is_none_or(|found| found.counters.iter().all(|of| of.id != proposal.id))
            });
            own.map(|proposal| &proposal.id).find(|id| **id != self.baseline)
        });
        let Some(id) = self.options.compare.as_ref().or(last) else { return Ok(None) };
        let named = |id: &str| self.proposals.iter().find(|proposal| proposal.id == id);
        let (Some(baseline), Some(proposal)) = (named(&self.baseline), named(id)) else { return Ok(None) };
        let mut scenario = self.scenario.clone();
        scenario.run.persons = scenario.run.persons.min(self.options.compare_persons);
        let seeds: Vec<u64> = scenario.seeds().into_iter().take(SEEDS).collect();
        let of = Comparison {
            scenario: &scenario,
            baseline,
            proposal,
            seeds: &seeds,
            calibration: self.calibration,
            measure: self.options.measure,
        };
        let bar = self.bar("compare");
        let compared = compare(&of, Budget::default(), &bar);
        bar.end();
        self.interrupt.check("the comparison")?;
        compared.map(Some).map_err(|error| Failure::input(error.to_string()))
    }

    /// A counter-proposal with the number that it has among all that the search handed on.
    fn counter(&self, of: &Checked) -> report::Counter {
        let mut all = self.found.iter().flat_map(|found| &found.counters);
        let place = all.position(|counter| counter.id == of.proposal.id);
        let number = place.map_or(0, |place| place.saturating_add(1));
        report::Counter { id: of.proposal.id.clone(), number, proofs: of.proofs.clone() }
    }

    fn write(
        &self,
        file: &Path,
        outcome: &Outcome,
        compared: Option<&Compared>,
        checked: &[Checked],
    ) -> Result<(), Failure> {
        let place = |id: &str| outcome.proposals.iter().position(|proposal| proposal.id == id);
        let baseline = place(&self.baseline).unwrap_or(0);
        let tried = self.found.iter().flat_map(|found| &found.tried).map(|tried| report::Candidate {
            disclosure: tried.disclosure,
            hits: tried.hits,
            front: tried.front,
        });
        let tried: Vec<report::Candidate> = tried.collect();
        let screened = self.found.as_ref().map_or((0, 0), |found| found.screened);
        let counters: Vec<report::Counter> = checked.iter().map(|of| self.counter(of)).collect();
        let made = report::Report {
            outcome,
            baseline,
            compared,
            proposals: &self.proposals,
            found: &tried,
            screened,
            crossing: self.found.as_ref().map_or(0, |found| found.crossing),
            counters: &counters,
        };
        let fault = |error: report::ReportError| Failure::input(error.to_string());
        files::save(file, &made.html(self.options.lang).map_err(fault)?)?;
        let Some(dir) = &self.options.pictures else { return Ok(()) };
        fs::create_dir_all(dir)
            .map_err(|error| Failure::input(format!("cannot make {}: {error}", dir.display())))?;
        for (name, svg) in made.pictures(self.options.lang).map_err(fault)? {
            files::save(&dir.join(format!("{name}.svg")), &svg)?;
        }
        Ok(())
    }
}

/// Seeds of a comparison, which makes a hundred runs and more.
const SEEDS: usize = 4;

/// The largest effects, for a screen.
fn comparison(compared: &Compared, scenario: &Scenario) -> String {
    let effects = &compared.effects;
    let how = if effects.exact { "every set of changes" } else { "drawn orders" };
    let mut text = format!(
        "\n\n{} of {} against {}, change by change ({how}, {} runs of {} persons):\n",
        compared.measure.as_str(),
        compared.proposal,
        compared.baseline,
        effects.sets,
        compared.persons
    );
    for effect in effects.effects.iter().take(8) {
        text += &format!(
            "  {:<34} share {:>12.1} ± {:<10.1} left out alone {:>12.1}\n",
            effect.change.to_string(),
            effect.shapley.mean,
            effect.sampling_error,
            effect.leave_one_out.mean
        );
    }
    text += &format!(
        "  {:<34}       {:>12.1} [{:.1}, {:.1}]",
        "the whole", effects.total.mean, effects.total.lo, effects.total.hi
    );
    if let Some(pair) = &effects.interaction {
        text += &format!(
            "\n  {} and {} work together: {:.1} then {:.1}; the other way round {:.1} then {:.1}",
            pair.first,
            pair.second,
            pair.first_before.mean,
            pair.second_after.mean,
            pair.second_before.mean,
            pair.first_after.mean
        );
    }
    for swing in compared.tornado.swings.iter().take(3) {
        text += &format!(
            "\n  {} from {} to {}: the difference goes from {:.1} to {:.1}",
            scenario.label(&swing.path),
            swing.lo,
            swing.hi,
            swing.at_lo.mean,
            swing.at_hi.mean
        );
    }
    text
}
