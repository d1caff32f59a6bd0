//! What a run yields, and how to read it.
//!
//! An [`Outcome`] keeps raw tallies: for each proposal and each seed one [`SeedOutcome`], with a [`PairTally`] for
//! every directed pair of parties, a [`PartyTally`] for every party, a [`SeriesRow`] for every month and an
//! [`AbuseOutcome`] for everything that went wrong. All amounts stand for the people there are in truth, not for
//! the simulated ones. Everything else follows from the tallies:
//!
//! * [`Outcome::figure`]: a [`Measure`] over a [`Scope`] under one proposal, with its range over seeds:
//!   `outcome.figure(0, Measure::TrueHits, Scope::All)`, `Scope::Pair(asker, holder)`, `Scope::Asker(i)`.
//! * [`Outcome::difference`]: the same against a baseline, paired seed by seed, so that what all proposals
//!   share cancels out.
//! * [`Outcome::gain`]: what a party gains under weights of its own, with the walk-away line in the weights.
//! * [`Outcome::abuse`]: days to detection and what was exposed, with ranges.
//!
//! Places of parties, proposals and seeds are places in [`Outcome::parties`], [`Outcome::proposals`] and
//! [`Outcome::seeds`].

mod interval;
mod measure;
mod tally;

use serde::{Deserialize, Serialize};
use symbolon_policy::words::{AgencyCode, Digest};

use crate::scenario::{AbuseKind, Utility};

use interval::point;
pub use interval::{Interval, interval};
pub use measure::{Measure, Scope};
pub use tally::{PairTally, PartyTally, PersonTally};

/// What a run yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Version of this form: 1.
    pub version: u32,
    /// The program that made it.
    pub program: String,
    /// The scenario's name.
    pub scenario: String,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub about: String,
    /// Its digest.
    pub digest: Digest,
    /// The calibration by which costs were modelled: its name and the machine it was measured on.
    pub calibration: String,
    /// The first day.
    pub start: String,
    /// Days.
    pub days: u32,
    /// Persons simulated.
    pub persons: u32,
    /// The parties, in the order in which everything else counts them.
    pub parties: Vec<PartyLabel>,
    /// The seeds that were run, in order.
    pub seeds: Vec<u64>,
    /// Every number of the scenario, with its source.
    pub numbers: Vec<Number>,
    /// One for each proposal; the first is the baseline where none is named.
    pub proposals: Vec<ProposalOutcome>,
    /// What may not be meant: agreements that are not in force for the whole run.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Whether the run was cancelled; then seeds that were not finished under every proposal are left out.
    pub cancelled: bool,
}

/// A party, as people call it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartyLabel {
    /// Its code.
    pub code: AgencyCode,
    /// Its display name.
    pub name: String,
    /// The footnote to its name, if it has one.
    #[serde(default)]
    pub note: String,
    /// Its weights, as the scenario has them.
    pub utility: Utility,
}

/// A number of the scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// Its path.
    pub path: String,
    /// The path, with words that tell it from others (see [`crate::scenario::Scenario::label`]).
    #[serde(default)]
    pub label: String,
    /// The least that it may be.
    pub lo: f64,
    /// The greatest.
    pub hi: f64,
    /// Where it is from.
    pub src: String,
    /// Whether it is assumed.
    pub assumed: bool,
}

/// What one proposal yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProposalOutcome {
    /// Its name.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it is.
    pub about: String,
    /// The digest of its agreements and rules.
    pub digest: Digest,
    /// Pairs of parties (places, the smaller first) that have an agreement.
    pub agreements: Vec<[usize; 2]>,
    /// One for each seed, in the order of [`Outcome::seeds`].
    pub by_seed: Vec<SeedOutcome>,
}

/// What one proposal yields under one seed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeedOutcome {
    /// The seed.
    pub seed: u64,
    /// Persons in truth for whom one simulated person stands.
    pub weight: f64,
    /// Directed pairs, asker by asker: `pairs[asker * parties + holder]`; see [`SeedOutcome::pair`].
    pub pairs: Vec<PairTally>,
    /// Parties.
    pub parties: Vec<PartyTally>,
    /// The people.
    pub people: PersonTally,
    /// Month by month, all pairs together.
    pub series: Vec<SeriesRow>,
    /// What went wrong, one for each entry of the scenario that this seed ran.
    pub abuse: Vec<AbuseOutcome>,
}

/// One month of all pairs together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SeriesRow {
    /// The first day of the period, such as `2022-03-01`.
    pub from: String,
    /// What happened in it.
    pub all: PairTally,
    /// Registrations in it.
    pub registrations: f64,
}

/// What came of one abuse under one proposal and seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbuseOutcome {
    /// Its name in the scenario.
    pub id: String,
    /// What it is.
    pub kind: AbuseKind,
    /// Days from its beginning to its detection; none if it was not detected before the end.
    pub days_to_detection: Option<f64>,
    /// Days for which it could have been detected.
    pub days_observed: f64,
    /// Wrongful queries that were answered before detection.
    pub queries: f64,
    /// Wrongful queries that agreements, quotas or rules refused.
    pub refused: f64,
    /// Bits that were told wrongly before detection.
    pub bits: f64,
    /// Persons whose presence in a register was told wrongly.
    pub persons: f64,
    /// Minors among them.
    pub minors: f64,
    /// True hits that were lost, against the run in which nothing goes wrong.
    pub hits_lost: f64,
    /// For probing: whether the template was recovered. For guessing: the number of identifiers guessed.
    pub recovered: f64,
}

/// Abuse with ranges over seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbuseFigures {
    /// Its name.
    pub id: String,
    /// What it is.
    pub kind: AbuseKind,
    /// Seeds in which it was detected, of how many.
    pub detected: (u32, u32),
    /// Days to detection: the 5 % point, the median and the 95 % point of all seeds. None stands for later than
    /// [`watched`](Self::watched): a seed without detection counts, as one in which it comes after that.
    pub days: [Option<f64>; 3],
    /// Days for which it could have been detected, in the seed that had fewest.
    pub watched: f64,
    /// Wrongful queries answered.
    pub queries: Interval,
    /// Bits told.
    pub bits: Interval,
    /// Persons told of.
    pub persons: Interval,
    /// Minors among them.
    pub minors: Interval,
    /// True hits lost.
    pub hits_lost: Interval,
    /// Templates recovered or identifiers guessed.
    pub recovered: Interval,
}

impl SeedOutcome {
    /// What `asker` asked of `holder`; nothing for places that are none.
    pub fn pair(&self, asker: usize, holder: usize) -> Option<&PairTally> {
        let parties = self.parties.len();
        if asker >= parties || holder >= parties { None } else { self.pairs.get(asker * parties + holder) }
    }
}

impl Outcome {
    /// The version that this program reads and writes.
    pub const VERSION: u32 = 1;

    /// A measure under one proposal, seed by seed; none where there is nothing to take a share of.
    pub fn values(&self, proposal: usize, measure: Measure, scope: Scope) -> Vec<Option<f64>> {
        let by_seed = self.proposals.get(proposal).map(|proposal| proposal.by_seed.as_slice());
        by_seed.unwrap_or_default().iter().map(|seed| measure.of(seed, scope)).collect()
    }

    /// A measure under one proposal with its range over the seeds that have a value.
    pub fn figure(&self, proposal: usize, measure: Measure, scope: Scope) -> Interval {
        let values = self.values(proposal, measure, scope).into_iter().flatten();
        interval(&values.collect::<Vec<_>>())
    }

    /// By how much a measure differs from that under a baseline, paired seed by seed, where both have a value.
    pub fn difference(&self, proposal: usize, baseline: usize, measure: Measure, scope: Scope) -> Interval {
        let (new, old) = (self.values(proposal, measure, scope), self.values(baseline, measure, scope));
        let pairs = new.into_iter().zip(old).filter_map(|(new, old)| Some(new? - old?));
        interval(&pairs.collect::<Vec<_>>())
    }

    /// How even a proposal is: of what each party gains above its line, by its own weights, the lowest and the Nash
    /// product, which is 0 where a party is below.
    pub fn fairness(&self, proposal: usize) -> [Interval; 2] {
        let each = self.parties.iter().enumerate().map(|(party, label)| {
            let gains = self.gains(proposal, party, &label.utility);
            gains.into_iter().map(|gain| gain - label.utility.walk_away).collect()
        });
        let above: Vec<Vec<f64>> = each.collect();
        let seeds = |of: fn(&mut dyn Iterator<Item = f64>) -> f64| {
            let each = (0..self.seeds.len())
                .map(|seed| of(&mut above.iter().filter_map(|gains| gains.get(seed).copied())));
            interval(&each.collect::<Vec<_>>())
        };
        [
            seeds(|above| above.fold(f64::INFINITY, f64::min)),
            seeds(|above| above.map(|above| above.max(0.0)).product()),
        ]
    }

    /// What a party gains under a proposal, by weights.
    pub fn gain(&self, proposal: usize, party: usize, weights: &Utility) -> Interval {
        interval(&self.gains(proposal, party, weights))
    }

    /// The same, seed by seed.
    pub fn gains(&self, proposal: usize, party: usize, weights: &Utility) -> Vec<f64> {
        let got = |measure| self.values(proposal, measure, Scope::Asker(party));
        let gave = |measure| self.values(proposal, measure, Scope::Holder(party));
        let own = |measure| self.values(proposal, measure, Scope::Party(party));
        let parts = [
            (weights.true_hits, got(Measure::TrueHits)),
            (weights.false_hits, got(Measure::FalseHits)),
            (weights.released, got(Measure::CasesReleased)),
            (weights.bits_told, gave(Measure::DisclosureBits)),
            (weights.minors_exposed, gave(Measure::MinorsExposed)),
            (weights.cpu_hours / 3_600.0, own(Measure::CpuSeconds)),
            (weights.person_hours, own(Measure::PersonHours)),
        ];
        (0..self.seeds.len())
            .map(|seed| {
                parts
                    .iter()
                    .map(|(weight, values)| weight * values.get(seed).copied().flatten().unwrap_or(0.0))
                    .sum()
            })
            .collect()
    }

    /// What went wrong under a proposal, in the order of the scenario.
    pub fn abuse(&self, proposal: usize) -> Vec<AbuseFigures> {
        let Some(proposal) = self.proposals.get(proposal) else { return Vec::new() };
        let first = proposal.by_seed.first().map(|seed| seed.abuse.as_slice()).unwrap_or_default();
        first.iter().map(|of| abuse_figures(of, &proposal.by_seed)).collect()
    }
}

#[cfg(test)]
impl Outcome {
    /// One with these seeds under two proposals, and nothing else in it.
    pub(crate) fn of(seeds: [Vec<SeedOutcome>; 2]) -> Self {
        let proposals = seeds.into_iter().map(|by_seed| ProposalOutcome {
            id: String::new(),
            title: String::new(),
            about: String::new(),
            digest: Digest([0; 32]),
            agreements: Vec::new(),
            by_seed,
        });
        Self {
            version: Self::VERSION,
            program: String::new(),
            scenario: String::new(),
            title: String::new(),
            about: String::new(),
            digest: Digest([0; 32]),
            calibration: String::new(),
            start: String::new(),
            days: 1,
            persons: 1,
            parties: Vec::new(),
            seeds: vec![1, 2],
            numbers: Vec::new(),
            proposals: proposals.collect(),
            warnings: Vec::new(),
            cancelled: false,
        }
    }
}

fn abuse_figures(of: &AbuseOutcome, seeds: &[SeedOutcome]) -> AbuseFigures {
    let ran: Vec<&AbuseOutcome> =
        seeds.iter().filter_map(|seed| seed.abuse.iter().find(|other| other.id == of.id)).collect();
    let over =
        |value: fn(&AbuseOutcome) -> f64| interval(&ran.iter().map(|ran| value(ran)).collect::<Vec<_>>());
    let mut days: Vec<f64> = ran.iter().map(|ran| ran.days_to_detection.unwrap_or(f64::INFINITY)).collect();
    days.sort_by(f64::total_cmp);
    let found = days.iter().filter(|days| days.is_finite()).count();
    let at = |share| Some(point(&days, share)).filter(|days| days.is_finite());
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    AbuseFigures {
        id: of.id.clone(),
        kind: of.kind,
        detected: (count(found), count(ran.len())),
        days: [0.05, 0.5, 0.95].map(at),
        watched: ran.iter().map(|ran| ran.days_observed).fold(f64::INFINITY, f64::min),
        queries: over(|ran| ran.queries),
        bits: over(|ran| ran.bits),
        persons: over(|ran| ran.persons),
        minors: over(|ran| ran.minors),
        hits_lost: over(|ran| ran.hits_lost),
        recovered: over(|ran| ran.recovered),
    }
}
