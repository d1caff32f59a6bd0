//! The search for counter-proposals.
//!
//! A candidate is a proposal of the scenario with each [`Knob`](crate::scenario::Knob) at one of its values. By
//! NSGA-II [Deb et al. 2002] candidates are bred, ranked by which others they are behind in every objective, and
//! spread along the front. They are screened with few people and seeds; what is on the front is for the caller to
//! run in full. The search draws from a seed of its own, so it finds the same on any number of threads.
//!
//! What must never be possible is said by [`RedLine`]s, as questions that a solver can prove.

mod knob;
mod nsga;
mod red_line;

use std::collections::BTreeMap;

use crate::{
    cost::Calibration,
    outcome::{Measure, Scope},
    proposal::Proposal,
    random::{Draws, named},
    run::{Plan, Quiet, RunError, Watch, run},
    scenario::Scenario,
};

pub(crate) use knob::faults;
pub use knob::{KnobError, turn};
pub use nsga::{crowding, fronts};
pub use red_line::{Finding, Put, PutError, RedLine, UnknownRedLine};

/// What is wanted more or less of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    /// The figure, over all parties.
    pub measure: Measure,
    /// Whether less of it is wanted.
    pub less: bool,
}

/// How much to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Different candidates.
    pub candidates: usize,
    /// Persons for screening, at most.
    pub persons: u32,
    /// Seeds for screening, at most.
    pub seeds: usize,
    /// Candidates that breed.
    pub population: usize,
    /// Of the front, so many are handed on.
    pub keep: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { candidates: 500, persons: 20_000, seeds: 2, population: 40, keep: 8 }
    }
}

/// A candidate that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// What it is.
    pub proposal: Proposal,
    /// Its objectives when screened, each so that more is wanted.
    pub values: Vec<f64>,
    /// True hits when screened.
    pub hits: f64,
    /// Bits of the party that tells most.
    pub disclosure: f64,
    /// Whether no other is ahead of it in one objective and behind in none.
    pub front: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The objectives.
    pub objectives: Vec<Objective>,
    /// Every candidate, in the order in which it was tried.
    pub tried: Vec<Tried>,
    /// Candidates whose terms do not stand.
    pub impossible: usize,
    /// Candidates whose rules permit what a red line rules out. They were not run.
    pub crossing: usize,
    /// Persons and seeds of the runs in which they were tried.
    pub screened: (u32, usize),
    /// Some of the front, spread along it, as counter-proposals to run in full.
    pub counters: Vec<Proposal>,
}

/// A search that cannot be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// There is nothing to turn.
    #[error("the scenario has no [search] with knobs, or no proposal with an agreement")]
    Nothing,
    /// No candidate stands.
    #[error("none of {0} candidates stands: terms or rules do not take the values of the knobs")]
    Impossible(usize),
    /// All that stand cross a red line.
    #[error("each of the {0} candidates that stand crosses a red line: no knob moves the rules away from it")]
    Crossing(usize),
    /// An objective is none.
    #[error("objective {0}")]
    Objective(String),
    /// A run cannot be made.
    #[error(transparent)]
    Run(#[from] RunError),
    /// It was cancelled.
    #[error("the search was cancelled")]
    Cancelled,
}

/// So many times as many candidates are looked at as are to be tried, at most.
const MOST_CROSSING: usize = 20;

/// A choice: the proposal to begin with, then a value for each knob.
type Genes = Vec<usize>;

impl Objective {
    /// Reads `true_hits` or `-minors_exposed`.
    ///
    /// # Errors
    /// [`SearchError::Objective`] if it is no measure.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        let (less, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
        Ok(Self { measure: name.parse().map_err(SearchError::Objective)?, less })
    }
}

/// Searches by the `[search]` of the scenario, among changes of `bases`. A candidate that `crosses` a red line takes no part.
///
/// # Errors
/// [`SearchError`] if there is nothing to search or a run cannot be made.
pub fn search(
    scenario: &Scenario,
    bases: &[Proposal],
    calibration: &Calibration,
    settings: Settings,
    crosses: &dyn Fn(&Proposal) -> bool,
    watch: &dyn Watch,
) -> Result<Found, SearchError> {
    let wanted = scenario.search.clone().unwrap_or_default();
    let bases: Vec<&Proposal> = bases.iter().filter(|base| !base.deals.is_empty()).collect();
    if wanted.knobs.is_empty() || bases.is_empty() || wanted.knobs.iter().any(|knob| knob.values.is_empty()) {
        return Err(SearchError::Nothing);
    }
    let objectives = if wanted.objectives.is_empty() {
        ["true_hits", "-largest_disclosure", "-minors_exposed"].map(str::to_owned).to_vec()
    } else {
        wanted.objectives
    };
    let objectives = objectives.iter().map(|text| Objective::parse(text)).collect::<Result<Vec<_>, _>>()?;
    let mut small = scenario.clone();
    small.run.persons = small.run.persons.min(settings.persons);
    let seeds: Vec<u64> = scenario.seeds().into_iter().take(settings.seeds.max(1)).collect();
    let sizes: Vec<usize> =
        std::iter::once(bases.len()).chain(wanted.knobs.iter().map(|knob| knob.values.len())).collect();
    let space = sizes.iter().fold(1_usize, |space, size| space.saturating_mul(*size));
    let goal = settings.candidates.min(space);
    let mut hunt = Hunt { sizes, draws: Draws::new(named("search")), next: 0 };
    let mut known: BTreeMap<Genes, Option<usize>> = BTreeMap::new();
    let mut tried: Vec<Tried> = Vec::new();
    let mut genes_of: Vec<Genes> = Vec::new();
    let mut crossing = 0_usize;
    // What crosses a red line is not run, so others are tried in its place; not for ever.
    while known.len() - crossing < goal && known.len() < goal.saturating_mul(MOST_CROSSING) {
        let ranked = nsga::ranked(&tried.iter().map(|tried| tried.values.clone()).collect::<Vec<_>>());
        let parents: Vec<&Genes> =
            ranked.iter().take(settings.population).filter_map(|place| genes_of.get(*place)).collect();
        let many = settings.population.max(2).min(goal - (known.len() - crossing));
        let batch = hunt.breed(&parents, &known, many);
        if batch.is_empty() {
            break;
        }
        let mut made: Vec<(Genes, Proposal)> = Vec::new();
        for genes in batch {
            match make(&genes, &bases, &wanted.knobs, known.len()) {
                Some(proposal) if crosses(&proposal) => {
                    crossing += 1;
                    known.insert(genes, None);
                }
                Some(proposal) => {
                    known.insert(genes.clone(), None);
                    made.push((genes, proposal));
                }
                None => {
                    known.insert(genes, None);
                }
            }
            if watch.cancelled() {
                return Err(SearchError::Cancelled);
            }
        }
        let proposals: Vec<Proposal> = made.iter().map(|(_, proposal)| proposal.clone()).collect();
        let outcome = run(&Plan::new(&small, &proposals, &seeds, calibration), &Quiet(watch));
        if watch.cancelled() {
            return Err(SearchError::Cancelled);
        }
        let outcome = outcome?;
        for (place, (genes, proposal)) in made.into_iter().enumerate() {
            let figure = |measure| outcome.figure(place, measure, Scope::All).mean;
            let value = |of: &Objective| if of.less { -figure(of.measure) } else { figure(of.measure) };
            known.insert(genes.clone(), Some(tried.len()));
            genes_of.push(genes);
            tried.push(Tried {
                proposal,
                values: objectives.iter().map(value).collect(),
                hits: figure(Measure::TrueHits),
                disclosure: figure(Measure::LargestDisclosure),
                front: false,
            });
        }
        watch.progress((known.len() - crossing) as u64, goal as u64);
    }
    if tried.is_empty() && crossing > 0 {
        return Err(SearchError::Crossing(crossing));
    }
    if tried.is_empty() {
        return Err(SearchError::Impossible(known.len()));
    }
    let impossible = known.values().filter(|place| place.is_none()).count() - crossing;
    let screened = (small.run.persons, seeds.len());
    Ok(Found { impossible, crossing, screened, ..finish(objectives, tried, settings.keep) })
}

fn finish(objectives: Vec<Objective>, mut tried: Vec<Tried>, keep: usize) -> Found {
    let values: Vec<Vec<f64>> = tried.iter().map(|tried| tried.values.clone()).collect();
    let front = fronts(&values).into_iter().next().unwrap_or_default();
    for place in &front {
        if let Some(tried) = tried.get_mut(*place) {
            tried.front = true;
        }
    }
    // Knobs that do nothing make twins; the first of each is kept.
    let mut once: Vec<usize> = Vec::new();
    for place in front {
        let same = |other: &usize| values.get(*other) == values.get(place);
        if !once.iter().any(same) {
            once.push(place);
        }
    }
    let spread = crowding(&values, &once);
    let mut by_spread: Vec<(f64, usize)> = spread.into_iter().zip(once).collect();
    by_spread.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let chosen = by_spread.into_iter().take(keep).filter_map(|(_, place)| tried.get(place));
    let counters = chosen.enumerate().map(|(place, tried)| {
        let id = format!("counter-{}", place + 1);
        let title = format!("{} {}", tried.proposal.title, place + 1);
        tried.proposal.clone().named(id, title)
    });
    let counters = counters.collect();
    Found { objectives, counters, tried, impossible: 0, crossing: 0, screened: (0, 0) }
}

/// The proposal of a choice, if its terms stand.
fn make(
    genes: &[usize],
    bases: &[&Proposal],
    knobs: &[crate::scenario::Knob],
    number: usize,
) -> Option<Proposal> {
    let (base, values) = genes.split_first()?;
    let base = bases.get(*base)?;
    let mut proposal = (*base).clone();
    let mut told = vec![format!("from {}", base.id)];
    for (knob, value) in knobs.iter().zip(values) {
        let value = knob.values.get(*value)?;
        proposal = turn(&proposal, &knob.path, value).ok()?;
        told.push(format!("{} = {value}", knob.path));
    }
    proposal.id =
        format!("candidate-{number}-{}", genes.iter().map(ToString::to_string).collect::<Vec<_>>().join("-"));
    proposal.title = "Counter-proposal".to_owned();
    proposal.about = told.join("; ");
    Some(proposal)
}

/// Draws of the search.
struct Hunt {
    sizes: Vec<usize>,
    draws: Draws,
    next: u64,
}

impl Hunt {
    fn below(&mut self, size: usize) -> usize {
        self.next += 1;
        usize::try_from(self.draws.bits(self.next) % size.max(1) as u64).unwrap_or(0)
    }

    /// New choices: at first at random, then from two parents each, mostly with one gene changed.
    fn breed(
        &mut self,
        parents: &[&Genes],
        known: &BTreeMap<Genes, Option<usize>>,
        wanted: usize,
    ) -> Vec<Genes> {
        let mut batch: Vec<Genes> = Vec::new();
        let mut attempts = 0;
        while batch.len() < wanted && attempts < wanted * 200 {
            attempts += 1;
            // Where breeding finds nothing new any more, chance does.
            let random = parents.len() < 2 || attempts > wanted * 50;
            let genes: Genes = if random {
                let sizes = self.sizes.clone();
                sizes.into_iter().map(|size| self.below(size)).collect()
            } else {
                self.child(parents)
            };
            if !known.contains_key(&genes) && !batch.contains(&genes) {
                batch.push(genes);
            }
        }
        batch
    }

    /// Parents are in order of rank, so of two drawn the earlier one wins the tournament.
    fn child(&mut self, parents: &[&Genes]) -> Genes {
        let mut pick = || {
            let (a, b) = (self.below(parents.len()), self.below(parents.len()));
            parents.get(a.min(b)).map(|genes| (*genes).clone()).unwrap_or_default()
        };
        let (one, other) = (pick(), pick());
        let mut genes: Genes =
            one.iter().zip(&other).map(|(a, b)| if self.below(2) == 0 { *a } else { *b }).collect();
        if self.below(10) < 9 {
            let place = self.below(genes.len());
            let size = self.sizes.get(place).copied().unwrap_or(1);
            let value = self.below(size);
            if let Some(gene) = genes.get_mut(place) {
                *gene = value;
            }
        }
        genes
    }
}

#[cfg(test)]
mod tests;
