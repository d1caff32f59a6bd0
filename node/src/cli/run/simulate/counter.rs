//! Counter-proposals: which hold up in full, what is proved of them, and their files.

use std::{cell::RefCell, collections::BTreeMap, fs, path::Path, time::Duration};

use symbolon_policy::{
    rules::proof::{Verdict, prove},
    words::AgencyCode,
};
use symbolon_simulator::{
    outcome::{Outcome, Scope},
    proposal::Proposal,
    scenario::Scenario,
    search::{Finding, Found, RedLine, fronts},
};

use crate::{cli::files, control::api::Failure};

use super::{
    super::prove::{Cvc5, failure, within},
    interrupt::Interrupt,
};

/// Counter-proposals that are shown.
const SHOWN: usize = 3;
/// For one proof.
const LIMIT: Duration = Duration::from_secs(120);

/// A counter-proposal and what is known of it.
pub(super) struct Checked {
    pub(super) proposal: Proposal,
    /// Red lines with what came of each.
    pub(super) proofs: Vec<(RedLine, Finding)>,
}

impl Checked {
    /// Name and lines, for a screen.
    fn lines(&self) -> (String, Vec<String>) {
        let mut lines = vec![self.proposal.about.clone()];
        lines.extend(self.proofs.iter().map(|(line, found)| format!("{line}: {found}")));
        (format!("{} ({})", self.proposal.title, self.proposal.id), lines)
    }
}

/// Those that nothing else is ahead of when run in full, neither another nor a proposal on the table; of these the ones
/// under which the party that gains least, over its walk-away line, gains most.
pub(super) fn kept(outcome: &Outcome, found: &Found) -> Vec<String> {
    let value = |place: usize| {
        let each = found.objectives.iter().map(|of| {
            let mean = outcome.figure(place, of.measure, Scope::All).mean;
            if of.less { -mean } else { mean }
        });
        each.collect::<Vec<f64>>()
    };
    let values: Vec<Vec<f64>> = (0..outcome.proposals.len()).map(value).collect();
    let front = fronts(&values).into_iter().next().unwrap_or_default();
    let lowest = |place: usize| {
        let gains =
            outcome.parties.iter().enumerate().map(|(party, label)| {
                outcome.gain(place, party, &label.utility).mean - label.utility.walk_away
            });
        gains.fold(f64::INFINITY, f64::min)
    };
    let mut kept: Vec<(f64, &str)> = front
        .into_iter()
        .filter_map(|place| Some((place, outcome.proposals.get(place)?.id.as_str())))
        .filter(|(_, id)| found.counters.iter().any(|of| of.id == *id))
        .map(|(place, id)| (lowest(place), id))
        .collect();
    kept.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    kept.into_iter().take(SHOWN).map(|(_, id)| id.to_owned()).collect()
}

/// The red lines of the scenario and of the command.
///
/// # Errors
/// [`Failure`] of one that is none, or names nobody.
pub(super) fn red_lines(scenario: &Scenario, more: &[RedLine]) -> Result<Vec<RedLine>, Failure> {
    let own = scenario.search.iter().flat_map(|search| &search.red_lines);
    let own = own.map(|text| text.parse::<RedLine>().map_err(|error| Failure::input(error.to_string())));
    let mut lines = own.collect::<Result<Vec<_>, _>>()?;
    lines.extend(more.iter().cloned());
    lines.dedup();
    for line in &lines {
        if let Some(code) = line.unknown_party(scenario) {
            let codes: Vec<String> = scenario.codes().iter().map(ToString::to_string).collect();
            return Err(Failure::input(format!(
                "the red line {line} names {code}, no party of the scenario"
            ))
            .with_help(format!("its parties are {}", codes.join(", "))));
        }
    }
    Ok(lines)
}

/// Puts red lines to a solver, each for each text of rules once.
pub(super) struct Prover<'a> {
    lines: &'a [RedLine],
    interrupt: &'a Interrupt,
    solver: Result<Cvc5, Failure>,
    /// By the place of the line, and the rules.
    known: RefCell<BTreeMap<(usize, String), Verdict>>,
    /// Why a proof could not be made.
    fault: RefCell<Option<Failure>>,
}

impl<'a> Prover<'a> {
    pub(super) fn new(lines: &'a [RedLine], interrupt: &'a Interrupt) -> Self {
        let (known, fault) = Default::default();
        Self { lines, interrupt, solver: Cvc5::find(), known, fault }
    }

    /// Whether the rules of a proposal permit what a line rules out, as far as a solver can tell.
    pub(super) fn crosses(&self, proposal: &Proposal) -> bool {
        if self.solver.is_err() || self.fault.borrow().is_some() {
            return false;
        }
        match self.check(proposal) {
            Ok(checked) => checked.proofs.iter().any(|(_, found)| matches!(found, Finding::Crossed(_))),
            Err(failure) => {
                *self.fault.borrow_mut() = Some(failure);
                false
            }
        }
    }

    /// Why a proof could not be made, if one could not.
    ///
    /// # Errors
    /// That [`Failure`].
    pub(super) fn end(self) -> Result<(), Failure> {
        self.fault.into_inner().map_or(Ok(()), Err)
    }

    /// Puts every red line to the solver, for every text of rules that the counter-proposal has.
    ///
    /// # Errors
    /// [`Failure`] if rules do not stand, or it was cancelled. A solver that is not there is no failure; then nothing is proved.
    pub(super) fn check(&self, proposal: &Proposal) -> Result<Checked, Failure> {
        let mut proofs = Vec::new();
        for (place, line) in self.lines.iter().enumerate() {
            proofs.push((line.clone(), self.one(proposal, (place, line))?));
        }
        Ok(Checked { proposal: proposal.clone(), proofs })
    }

    fn one(&self, proposal: &Proposal, (place, line): (usize, &RedLine)) -> Result<Finding, Failure> {
        let solver = match &self.solver {
            Ok(solver) => solver,
            Err(missing) => return Ok(Finding::WithoutSolver(missing.what.clone())),
        };
        let texts = texts(proposal, line);
        if texts.is_empty() {
            return Ok(Finding::Nobody);
        }
        for (rules, pair) in texts {
            let key = (place, rules.to_owned());
            let known = self.known.borrow().get(&key).copied();
            let verdict = match known {
                Some(verdict) => verdict,
                None => {
                    let verdict = self.put(solver, line, rules)?;
                    self.known.borrow_mut().insert(key, verdict);
                    verdict
                }
            };
            match verdict {
                Verdict::Proved => {}
                Verdict::Refuted => return Ok(Finding::Crossed(pair)),
                Verdict::Undecided => return Ok(Finding::Undecided(pair)),
            }
        }
        Ok(Finding::Proved(solver.version.clone()))
    }

    fn put(&self, solver: &Cvc5, line: &RedLine, rules: &str) -> Result<Verdict, Failure> {
        self.interrupt.check("the proof of red lines")?;
        let put = line.put(rules).map_err(|error| Failure::input(error.to_string()))?;
        let proof = within(LIMIT, async {
            prove(&put.question, &put.rules, put.proposal.as_ref(), solver.start(LIMIT)?)
                .await
                .map_err(failure)
        })?;
        Ok(proof.verdict)
    }
}

/// The rules that a line concerns, each with the first pair that has them.
fn texts<'p>(proposal: &'p Proposal, line: &RedLine) -> BTreeMap<&'p str, String> {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let concerns = |pair: &[AgencyCode; 2]| match line {
        // The parties of an agreement are all who can ask under it.
        RedLine::Party(code) => pair.contains(code),
        _ => true,
    };
    for (pair, terms) in proposal.deals.iter().filter(|(pair, _)| concerns(pair)) {
        let [a, b] = pair;
        texts.entry(&terms.rules).or_insert_with(|| format!("{a}-{b}"));
    }
    texts
}

/// What was found, for a screen.
pub(super) fn summary(found: &Found, checked: &[Checked]) -> String {
    let front = found.tried.iter().filter(|tried| tried.front).count();
    let crossing = match found.crossing {
        0 => String::new(),
        many => format!(", {many} cross a red line"),
    };
    let mut text = format!(
        "\n\nTried {} counter-proposals ({} more do not stand{crossing}); nothing is ahead of {front} of them. Shown: {}.",
        found.tried.len(),
        found.impossible,
        checked.len()
    );
    for of in checked {
        let (name, lines) = of.lines();
        text += &format!("\n  {name}\n    {}", lines.join("\n    "));
    }
    text
}

/// Writes drafts and rules, a directory for each counter-proposal.
///
/// # Errors
/// [`Failure`] if a file cannot be written.
pub(super) fn write(dir: &Path, found: &Found, checked: &[Checked]) -> Result<(), Failure> {
    for of in checked.iter().filter(|of| found.counters.iter().any(|other| other.id == of.proposal.id)) {
        let own = dir.join(&of.proposal.id);
        fs::create_dir_all(&own)
            .map_err(|error| Failure::input(format!("cannot make {}: {error}", own.display())))?;
        let drafts = of.proposal.drafts().map_err(|error| Failure::input(error.to_string()))?;
        for (name, draft) in drafts {
            files::save(&own.join(name), &(comment(&of.proposal) + &draft))?;
        }
        for ([a, b], terms) in &of.proposal.deals {
            files::save(&own.join(format!("{}-{a}-{b}.cedar", of.proposal.id)), &terms.rules)?;
        }
        for (code, rules) in &of.proposal.national {
            files::save(&own.join(format!("national-{code}.cedar")), rules)?;
        }
    }
    Ok(())
}

/// What stands at the head of a written draft.
fn comment(proposal: &Proposal) -> String {
    let mut text =
        "# Put in the key and peer id of each party: its node prints them with `symbolon identity`.\n"
            .to_owned();
    if proposal.canary_share > 0.0 {
        text += &format!(
            "# What was simulated counts on canaries among all items. That is no term: each node has\n\
             # `canary_share = {}` in its configuration.\n",
            (proposal.canary_share * 1_000.0).round()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use symbolon_simulator::{
        Plan, Silent, cost::Calibration, library, outcome::Measure, run, search::Objective,
    };

    use super::*;

    /// A counter-proposal that yields less of all that is wanted than one on the table is none.
    #[test]
    fn what_is_on_the_table_may_be_ahead() {
        let ready = library::ready("bilateral").unwrap();
        let mut scenario = Scenario::parse(ready.text).unwrap();
        (scenario.run.persons, scenario.run.days) = (200, 60);
        let mut proposals = Proposal::all(&scenario, &ready).unwrap();
        let less = proposals[1].without_clause("ask-identity-migration").unwrap();
        let counters = [("less", less), ("alike", proposals[1].clone())].map(|(id, of)| of.named(id, id));
        proposals.extend(counters.iter().cloned());
        let calibration = Calibration::embedded().unwrap();
        let outcome = run(&Plan::new(&scenario, &proposals, &[1, 2], &calibration), &Silent).unwrap();
        let objectives = vec![Objective { measure: Measure::TrueHits, less: false }];
        let screened = (200, 2);
        let found = Found {
            objectives,
            counters: counters.to_vec(),
            tried: Vec::new(),
            impossible: 0,
            crossing: 0,
            screened,
        };
        assert_eq!(kept(&outcome, &found), ["alike"]);
    }
}
