//! Figures that follow from tallies.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{PairTally, SeedOutcome};

/// Over which parties a measure is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All pairs together.
    All,
    /// What one party asked.
    Asker(usize),
    /// What one party was asked.
    Holder(usize),
    /// One party in both roles: for costs its own part of each.
    Party(usize),
    /// What one party asked of another.
    Pair(usize, usize),
}

macro_rules! measures {
    ($($(#[$doc:meta])* $name:ident = $code:literal),+ $(,)?) => {
        /// A figure.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Measure { $($(#[$doc])* $name),+ }

        impl Measure {
            /// Every measure.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// As it is written in files.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }
        }
    };
}

measures! {
    /// Queries answered.
    Queries = "queries",
    /// Queries that quotas, terms or rules refused.
    Refused = "refused",
    /// Hits.
    Hits = "hits",
    /// Hits on the person that was asked about.
    TrueHits = "true_hits",
    /// Hits on somebody else.
    FalseHits = "false_hits",
    /// Share of hits that are false.
    FalseShare = "false_share",
    /// Share of persons in the register, of those about whom an officer would ask, who were found.
    Found = "found",
    /// Persons in the register who were not found.
    Missed = "missed",
    /// Claims of which a field was released.
    CasesReleased = "cases_released",
    /// Claims refused.
    CasesRefused = "cases_refused",
    /// Claims and hits whose time ran out.
    CasesExpired = "cases_expired",
    /// Fields released.
    FieldsReleased = "fields_released",
    /// Bits told by holders: answers and fields.
    DisclosureBits = "disclosure_bits",
    /// Bits told by answers alone.
    HitBits = "hit_bits",
    /// The largest [`DisclosureBits`](Self::DisclosureBits) of any one holder; the same in every scope.
    LargestDisclosure = "largest_disclosure",
    /// Hits on records of minors.
    MinorsHit = "minors_hit",
    /// Different minors of whose records a field was released; for a party, one counts once for each partner.
    MinorsExposed = "minors_exposed",
    /// Seconds of processors.
    CpuSeconds = "cpu_seconds",
    /// Bytes both ways.
    Bytes = "bytes",
    /// Hours of officers.
    PersonHours = "person_hours",
    /// Seconds from a query to its answer, on average.
    AnswerSeconds = "answer_seconds",
    /// Hours from a hit to the decision of its claim, on average over those decided.
    CaseHours = "case_hours",
    /// Queries answered by a party less those it was answered, over both: of the party, or of the asker of a pair;
    /// none for all parties together.
    Reciprocity = "reciprocity",
    /// Returns that were taken.
    Returns = "returns",
    /// Registrations.
    Registrations = "registrations",
    /// Different persons who were registered anywhere; the same in every scope.
    Persons = "persons",
    /// Registrations for each different person; the same in every scope.
    PerPerson = "per_person",
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().copied().find(|measure| measure.as_str() == text);
        found.ok_or_else(|| {
            let all: Vec<&str> = Self::ALL.iter().map(|measure| measure.as_str()).collect();
            format!("`{text}` is no measure; these are: {}", all.join(", "))
        })
    }
}

impl Measure {
    /// Its value under one seed; a share or a mean of nothing has none.
    pub fn of(self, seed: &SeedOutcome, scope: Scope) -> Option<f64> {
        let all = || gather(seed, scope);
        let amount = match self {
            Self::Queries => all().queries,
            Self::Refused => {
                let all = all();
                all.refused_quota + all.refused_rules
            }
            Self::Hits => all().hits,
            Self::TrueHits => all().true_hits,
            Self::FalseHits => all().false_hits,
            Self::FalseShare => {
                let all = all();
                return share(all.false_hits, all.hits);
            }
            Self::Found => {
                let all = all();
                return share(all.true_hits, all.true_hits + missed(&all));
            }
            Self::Missed => missed(&all()),
            Self::CasesReleased => all().cases_released,
            Self::CasesRefused => all().cases_refused,
            Self::CasesExpired => all().cases_expired,
            Self::FieldsReleased => all().fields_released,
            Self::DisclosureBits => told(&all()),
            Self::HitBits => all().hit_bits,
            // These are of everybody together.
            Self::LargestDisclosure | Self::Persons | Self::PerPerson if scope != Scope::All => return None,
            Self::LargestDisclosure => {
                let each = (0..seed.parties.len()).map(|holder| told(&gather(seed, Scope::Holder(holder))));
                each.fold(0.0, f64::max)
            }
            Self::MinorsHit => all().minors_hit,
            Self::MinorsExposed => match scope {
                Scope::All => seed.people.minors_exposed,
                _ => all().minors_exposed,
            },
            Self::CpuSeconds => own(seed, scope, |pair| (pair.asker_cpu, pair.holder_cpu)),
            Self::PersonHours => own(seed, scope, |pair| (pair.asker_hours, pair.holder_hours)),
            Self::Bytes => {
                let all = all();
                all.bytes_up + all.bytes_down
            }
            Self::AnswerSeconds => {
                let all = all();
                return share(all.wait_answer, all.queries);
            }
            Self::CaseHours => {
                let all = all();
                return share(all.wait_case, all.cases_released + all.cases_refused);
            }
            Self::Reciprocity => return reciprocity(seed, scope),
            Self::Returns => all().returns_taken,
            Self::Registrations => match scope {
                Scope::All => seed.people.registrations,
                Scope::Asker(i) | Scope::Holder(i) | Scope::Party(i) => {
                    seed.parties.get(i).map_or(0.0, |party| party.registrations)
                }
                Scope::Pair(..) => return None,
            },
            Self::Persons => seed.people.registered,
            Self::PerPerson => return share(seed.people.registrations, seed.people.registered),
        };
        Some(amount)
    }
}

/// Adds up the pairs of a scope.
fn gather(seed: &SeedOutcome, scope: Scope) -> PairTally {
    let mut sum = PairTally::default();
    each(seed, scope, |_, _, pair| sum.add(pair));
    sum
}

fn each<'a>(seed: &'a SeedOutcome, scope: Scope, mut visit: impl FnMut(usize, usize, &'a PairTally)) {
    let parties = seed.parties.len().max(1);
    for (place, pair) in seed.pairs.iter().enumerate() {
        let (asker, holder) = (place / parties, place % parties);
        let within = match scope {
            Scope::All => true,
            Scope::Asker(i) => asker == i,
            Scope::Holder(i) => holder == i,
            Scope::Party(i) => asker == i || holder == i,
            Scope::Pair(a, h) => (asker, holder) == (a, h),
        };
        if within {
            visit(asker, holder, pair);
        }
    }
}

/// Costs of a scope; of a party only its own part.
fn own(seed: &SeedOutcome, scope: Scope, parts: fn(&PairTally) -> (f64, f64)) -> f64 {
    let mut sum = 0.0;
    each(seed, scope, |asker, holder, pair| {
        let (at_asker, at_holder) = parts(pair);
        sum += match scope {
            Scope::Party(i) | Scope::Asker(i) if asker == i => at_asker,
            Scope::Party(i) | Scope::Holder(i) if holder == i => at_holder,
            _ => at_asker + at_holder,
        };
    });
    sum
}

fn reciprocity(seed: &SeedOutcome, scope: Scope) -> Option<f64> {
    let (given, received) = match scope {
        Scope::All => return None,
        Scope::Asker(i) | Scope::Holder(i) | Scope::Party(i) => {
            (gather(seed, Scope::Holder(i)).items, gather(seed, Scope::Asker(i)).items)
        }
        Scope::Pair(a, h) => (gather(seed, Scope::Pair(h, a)).items, gather(seed, Scope::Pair(a, h)).items),
    };
    share(given - received, given + received)
}

fn missed(pair: &PairTally) -> f64 {
    pair.missed_by_rules + pair.missed_by_error + pair.missed_unasked
}

fn told(pair: &PairTally) -> f64 {
    pair.hit_bits + pair.field_bits
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole != 0.0).then(|| part / whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Outcome, PartyTally};

    /// Where there was nothing to take a share of there is no value, and nothing is subtracted from it.
    #[test]
    fn a_share_of_nothing_is_none() {
        let seed = |hours: f64, cases: f64| SeedOutcome {
            pairs: vec![PairTally { wait_case: hours, cases_released: cases, ..PairTally::default() }],
            parties: vec![PartyTally::default()],
            ..SeedOutcome::default()
        };
        assert_eq!(Measure::CaseHours.of(&seed(0.0, 0.0), Scope::All), None);
        assert_eq!(Measure::CaseHours.of(&seed(122.0, 2.0), Scope::All), Some(61.0));
        assert_eq!(Measure::CasesReleased.of(&seed(0.0, 0.0), Scope::All), Some(0.0));
        for measure in Measure::ALL {
            assert!(
                measure.of(&seed(1.0, 0.0), Scope::All).is_none_or(f64::is_finite),
                "{}",
                measure.as_str()
            );
        }
        let outcome = Outcome::of([vec![seed(0.0, 0.0); 2], vec![seed(122.0, 2.0), seed(0.0, 0.0)]]);
        let (figure, by) = (
            outcome.figure(1, Measure::CaseHours, Scope::All),
            outcome.difference(1, 0, Measure::CaseHours, Scope::All),
        );
        assert_eq!((figure.mean, figure.n, by.n), (61.0, 1, 0));
    }

    /// Seeds in which it was not detected count as later than they were watched, and are not left out.
    #[test]
    fn what_is_not_detected_is_later() {
        use crate::{outcome::AbuseOutcome, scenario::AbuseKind};
        let seed = |days: Option<f64>| SeedOutcome {
            abuse: vec![AbuseOutcome {
                id: "one".to_owned(),
                kind: AbuseKind::LyingResponder,
                days_to_detection: days,
                days_observed: 100.0,
                queries: 1.0,
                refused: 0.0,
                bits: 0.0,
                persons: 0.0,
                minors: 0.0,
                hits_lost: 0.0,
                recovered: 0.0,
            }],
            ..SeedOutcome::default()
        };
        let found = |days: &[Option<f64>]| {
            let outcome = Outcome::of([days.iter().map(|days| seed(*days)).collect(), Vec::new()]);
            outcome.abuse(0).remove(0)
        };
        let half = found(&[Some(3.0), Some(5.0), Some(9.0), None, None]);
        assert_eq!((half.days, half.detected, half.watched), ([Some(3.0), Some(9.0), None], (3, 5), 100.0));
        assert_eq!(found(&[Some(3.0), None, None]).days, [Some(3.0), None, None]);
        assert_eq!(found(&[None, None]).days, [None; 3]);
    }
}
