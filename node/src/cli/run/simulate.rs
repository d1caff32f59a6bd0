//! `simulate`.

mod check;
mod counter;
mod interrupt;
mod reporting;
mod rows;
mod serve;
mod told;
mod watch;

use std::path::Path;

use symbolon_simulator::{
    Plan, RunError,
    cost::Calibration,
    library::{self, Ready},
    outcome::{Measure, Outcome, Scope},
    proposal::{Directory, Files, Proposal},
    scenario::{Scenario, ScenarioError, Seeds},
};

use crate::{
    cli::{
        args::{Global, Region, RegionCommand, RegionRun},
        files, render,
        report::Report,
    },
    control::api::{Failure, FailureKind},
};

use interrupt::Interrupt;
use told::Told;
use watch::Watching;

/// Runs a scenario, or what belongs to it.
///
/// # Errors
/// [`Failure`] of a scenario, a proposal or a file that does not stand.
pub(super) fn run(global: &Global, options: Region) -> Result<Report, Failure> {
    match options.command {
        Some(RegionCommand::Fit { scenario, draws, tolerance }) => fit(&scenario, draws, tolerance),
        Some(RegionCommand::Calibrate { only, out }) => calibrate(global, &only, out.as_deref()),
        None if options.run.list => list(),
        None => simulate(global, &options.run),
    }
}

/// A scenario with what its files are read from.
fn open(name: &str) -> Result<(Scenario, Box<dyn Files>), Failure> {
    let (text, files): (String, Box<dyn Files>) = match library::ready(name) {
        Some(ready) => (ready.text.to_owned(), Box::new(ready)),
        None if Path::new(name).is_file() => {
            let path = Path::new(name);
            let directory = path.parent().map(Path::to_owned).unwrap_or_default();
            (files::read(path)?, Box::new(Directory(directory)))
        }
        None => {
            return Err(Failure::input(format!("there is no scenario and no file named {name}"))
                .with_help("see `symbolon simulate --list`"));
        }
    };
    let scenario = Scenario::parse(&text).map_err(|error| wrong(name, &error))?;
    Ok((scenario, files))
}

fn wrong(name: &str, error: &ScenarioError) -> Failure {
    Failure::input(format!("the scenario {name} does not stand:\n{error}")).with_help("see docs/scenarios.md")
}

fn list() -> Result<Report, Failure> {
    let read = |ready: &Ready| {
        Scenario::parse(ready.text).map_err(|error| Failure::local(format!("{}: {error}", ready.name)))
    };
    let all = library::READY.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let json: Vec<_> = all
        .iter()
        .map(|scenario| {
            serde_json::json!({
                "name": scenario.name,
                "title": scenario.title,
                "parties": scenario.codes(),
                "proposals": scenario.proposal.iter().map(|entry| &entry.id).collect::<Vec<_>>(),
            })
        })
        .collect();
    Report::new(render::scenarios(&all), &json)
}

fn simulate(global: &Global, options: &RegionRun) -> Result<Report, Failure> {
    let Some(name) = &options.scenario else { return list() };
    super::free(options.csv.as_deref())?;
    let (mut scenario, files) = open(name)?;
    if let Some(persons) = options.persons {
        scenario.run.persons = persons;
    }
    if let Some(exact_below) = options.exact_below {
        scenario.run.exact_below = exact_below;
    }
    if let Some(seeds) = &options.seeds {
        scenario.run.seeds = self::seeds(seeds)?;
    }
    let all = Proposal::all(&scenario, &*files).map_err(|error| wrong(name, &error))?;
    let proposals = chosen(all, &options.proposals)?;
    if options.explain {
        return Report::new(render::scenario(&scenario, &proposals), &scenario);
    }
    let calibration = calibration(options.calibration.as_deref())?;
    let seeds = scenario.seeds();
    if let Some(address) = options.reporting.serve {
        return serve::run(address, &scenario, proposals, &calibration, options.reporting.lang);
    }
    let interrupt = Interrupt::listen();
    let making =
        reporting::Making::new(global, &options.reporting, &scenario, proposals, &calibration, &interrupt)?;
    let proposals = making.proposals().to_vec();
    let mut plan =
        Plan { abuse_seeds: options.abuse_seeds, ..Plan::new(&scenario, &proposals, &seeds, &calibration) };
    let ids: Vec<&str> = proposals.iter().map(|proposal| proposal.id.as_str()).collect();
    let wanted = serde_json::json!({
        "scenario_or_numbers": scenario.digest(), "proposals": ids, "seeds": seeds, "abuse_seeds": options.abuse_seeds,
    });
    let wanted = wanted.as_object().cloned().unwrap_or_default();
    let watching = Watching::new(global, options, &interrupt, &wanted)?;
    plan.done = watching.done()?;
    let outcome = symbolon_simulator::run(&plan, &watching);
    if matches!(outcome, Err(RunError::Cancelled)) {
        return Err(cancelled(options, 0, seeds.len()));
    }
    let outcome = outcome.map_err(|error| Failure::input(error.to_string()))?;
    watching.end(&outcome)?;
    if outcome.cancelled {
        return Err(cancelled(options, outcome.seeds.len(), seeds.len()));
    }
    let mut text = render::outcome(&outcome);
    if let Some(file) = &options.csv {
        files::save(file, &figures(&outcome)?)?;
        text += &format!("\nWrote every figure to {}.", file.display());
    }
    if let Some(dir) = &options.out {
        text += &format!("\nWrote the outcome and rows day by day to {}.", dir.display());
    }
    let checked = check::all(global, &plan, &interrupt)?;
    text += &check::text(&checked, &plan);
    let exit = if check::holds(&checked) { 0 } else { FailureKind::Integrity.exit_code() };
    let (told, more) = making.end(outcome)?;
    let told = Told { self_check: checked, ..told };
    Ok(Report::new(text + &more, &told)?.with_exit(exit))
}

fn cancelled(options: &RegionRun, finished: usize, wanted: usize) -> Failure {
    let help = if options.out.is_some() {
        "the same command with --resume goes on"
    } else {
        "with --out DIR a cancelled run can be taken up with --resume"
    };
    let what = format!("the run was cancelled; {finished} of {wanted} seeds are finished");
    Failure::new(FailureKind::Local, what).with_help(help)
}

/// The proposals of these names in the order named, or all.
fn chosen(all: Vec<Proposal>, names: &[String]) -> Result<Vec<Proposal>, Failure> {
    if names.is_empty() {
        return Ok(all);
    }
    let one = |name: &String| {
        all.iter().find(|proposal| proposal.id == *name).cloned().ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|proposal| proposal.id.as_str()).collect();
            Failure::input(format!("the scenario has no proposal {name}"))
                .with_help(format!("it has {}", known.join(", ")))
        })
    };
    names.iter().map(one).collect()
}

/// A number of seeds, or seeds.
fn seeds(text: &str) -> Result<Seeds, Failure> {
    let wrong = || Failure::input(format!("--seeds {text} is neither a number of seeds nor a list of seeds"));
    if !text.contains(',') {
        let count = text.parse().ok().filter(|count| (1..=10_000).contains(count)).ok_or_else(wrong)?;
        return Ok(Seeds::Count(count));
    }
    let each = text.split(',').filter(|part| !part.trim().is_empty());
    let listed =
        each.map(|part| part.trim().parse::<u64>().map_err(|_| wrong())).collect::<Result<Vec<_>, _>>()?;
    let mut once = listed.clone();
    once.sort_unstable();
    once.dedup();
    if listed.is_empty() || once.len() < listed.len() {
        return Err(Failure::input(format!("--seeds {text} names no seed, or one twice")));
    }
    Ok(Seeds::Listed(listed))
}

fn calibration(file: Option<&Path>) -> Result<Calibration, Failure> {
    let read = match file {
        Some(file) => Calibration::parse(&files::read(file)?),
        None => Calibration::embedded(),
    };
    read.map_err(|error| {
        Failure::input(error.to_string()).with_help("`symbolon simulate calibrate --out FILE` writes one")
    })
}

/// Every figure with its range, one a row.
fn figures(outcome: &Outcome) -> Result<String, Failure> {
    let mut table = csv::Writer::from_writer(Vec::new());
    let fault = |error: csv::Error| Failure::local(format!("the figures cannot be written: {error}"));
    table
        .write_record([
            "proposal", "measure", "asker", "holder", "mean", "lo", "hi", "error", "least", "most", "seeds",
        ])
        .map_err(fault)?;
    let places = 0..outcome.parties.len();
    let mut scopes = vec![Scope::All];
    scopes.extend(places.clone().map(Scope::Asker));
    scopes.extend(places.clone().map(Scope::Holder));
    for asker in places.clone() {
        scopes.extend(
            places.clone().filter(|holder| *holder != asker).map(|holder| Scope::Pair(asker, holder)),
        );
    }
    let code = |place: usize| outcome.parties.get(place).map_or("", |party| party.code.as_str()).to_owned();
    for (place, proposal) in outcome.proposals.iter().enumerate() {
        for scope in &scopes {
            let (asker, holder) = match scope {
                Scope::All => (String::new(), String::new()),
                Scope::Asker(a) | Scope::Party(a) => (code(*a), String::new()),
                Scope::Holder(h) => (String::new(), code(*h)),
                Scope::Pair(a, h) => (code(*a), code(*h)),
            };
            for measure in Measure::ALL {
                let found = outcome.figure(place, *measure, *scope);
                // A share of nothing has no value.
                let numbers = [found.mean, found.lo, found.hi, found.error, found.least, found.most]
                    .map(|n| if found.n == 0 { String::new() } else { n.to_string() });
                let [mean, lo, hi, error, least, most] = &numbers;
                let seeds = found.n.to_string();
                table
                    .write_record([
                        proposal.id.as_str(),
                        measure.as_str(),
                        &asker,
                        &holder,
                        mean,
                        lo,
                        hi,
                        error,
                        least,
                        most,
                        &seeds,
                    ])
                    .map_err(fault)?;
            }
        }
    }
    let bytes = table.into_inner().map_err(|error| Failure::local(error.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn fit(name: &str, draws: u32, tolerance: u32) -> Result<Report, Failure> {
    let (scenario, _) = open(name)?;
    let found = symbolon_simulator::fit::fit(&scenario, draws, f64::from(tolerance) / 100.0)
        .map_err(|error| Failure::input(error.to_string()))?;
    Report::new(render::fitted(&found), &found)
}

fn calibrate(global: &Global, only: &[String], out: Option<&Path>) -> Result<Report, Failure> {
    super::free(out)?;
    let mut progress = crate::cli::progress::Progress::new(global.quiet, global.verbose);
    let made = symbolon_simulator::calibrate::calibrate(only, &mut |what, done, total| {
        let (task, phase) = ("calibrate".to_owned(), what.to_owned());
        progress.show(&crate::control::api::Update { task, phase, done, total, lasting: false });
    });
    progress.end();
    let made = made.map_err(|error| Failure::local(error.to_string()))?;
    let text = made.text();
    let Some(out) = out else { return Report::new(text, &made) };
    files::save(out, &text)?;
    Ok(Report::new(text.clone(), &made)?.with_text(format!("{text}\nWrote it to {}.", out.display())))
}
