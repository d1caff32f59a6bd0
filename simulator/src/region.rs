//! One region under one seed: a scenario with every unknown number drawn, ready to be run.

use symbolon_policy::{
    class::RecordClass,
    words::{AgeBand, AgencyCode, Category, Provenance},
};

use crate::{
    calendar::{WorkingHours, first_second},
    fit,
    random::{Draws, named},
    scenario::{ENTRY, EXIT, EventKind, Quantity, RouteKind, Scenario},
};

/// Classes of records that can come up: category, age and four flags.
pub(crate) const CLASSES: usize = CATEGORIES.len() * AgeBand::ALL.len() * 16;
/// Categories of records that the simulated events make.
const CATEGORIES: [Category; 4] =
    [Category::AsylumApplicant, Category::IrregularCrossing, Category::IllegalStay, Category::Readmitted];

/// A class of records by its place, below [`CLASSES`].
pub(crate) fn class(place: usize) -> RecordClass {
    let (kind, flags) = (place / 16, place % 16);
    let flag = |bit: usize| flags >> bit & 1 == 1;
    RecordClass {
        category: CATEGORIES.get(kind / AgeBand::ALL.len()).copied().unwrap_or(Category::Readmitted),
        age: AgeBand::ALL.get(kind % AgeBand::ALL.len()).copied().unwrap_or(AgeBand::Doubtful),
        provenance: Provenance::Own,
        own_citizen: flag(0),
        vulnerable: flag(1),
        marked: false,
        blocked: flag(2),
        contested: flag(3),
    }
}

/// The place of a class.
pub(crate) fn class_place(category: Category, age: AgeBand, flags: [bool; 4]) -> u8 {
    let kind = CATEGORIES.iter().position(|other| *other == category).unwrap_or(0);
    let flags = flags.iter().rev().fold(0, |bits, flag| bits * 2 + usize::from(*flag));
    // Below 192.
    ((kind * AgeBand::ALL.len() + age as usize) * 16 + flags) as u8
}

/// A place to go: a party, or none for out of the region.
pub(crate) type Step = (f64, Option<u8>, RouteKind);

/// A region with its numbers drawn.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    pub(crate) codes: Vec<AgencyCode>,
    /// Persons in truth for whom one simulated person stands.
    pub(crate) weight: f64,
    pub(crate) persons: u32,
    /// The first second of the warm-up.
    pub(crate) start: i64,
    pub(crate) warm_up: i64,
    /// Warm-up and run together, in days.
    pub(crate) span: i64,
    pub(crate) people: Shares,
    pub(crate) parties: Vec<Place>,
    /// Ways in, with cumulated weights.
    pub(crate) entry: Vec<Step>,
    pub(crate) practices: Vec<Share>,
    pub(crate) readmission: Option<Returns>,
}

/// Shares of the people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    pub(crate) minors: f64,
    pub(crate) age_in_doubt: f64,
    pub(crate) vulnerable: f64,
    pub(crate) contested: f64,
    pub(crate) blocked: f64,
    pub(crate) asylum: f64,
    pub(crate) documents: f64,
    pub(crate) same_identity: f64,
}

/// One party.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) register_p: f64,
    pub(crate) sojourn: f64,
    pub(crate) retention: i64,
    pub(crate) own_citizens: f64,
    pub(crate) cores: f64,
    pub(crate) bytes_a_second: f64,
    pub(crate) round_trip: f64,
    pub(crate) officers: f64,
    pub(crate) verifiers: f64,
    pub(crate) verify_seconds: f64,
    pub(crate) approvers: f64,
    pub(crate) approve_seconds: f64,
    pub(crate) refuse_share: f64,
    pub(crate) hours: WorkingHours,
    /// Ways on, with cumulated weights.
    pub(crate) steps: Vec<Step>,
}

/// One practice: how often, and how well comparisons work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub(crate) share: f64,
    /// Which biometric it goes by, if any.
    pub(crate) biometric: usize,
    pub(crate) fmr: f64,
    pub(crate) fnmr: f64,
    pub(crate) failure_to_enrol: f64,
    pub(crate) failure_to_acquire: f64,
    pub(crate) availability: f64,
    pub(crate) over_dispersion: f64,
}

/// Readmission.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returns {
    pub(crate) wanted: f64,
    pub(crate) with_case: f64,
    pub(crate) with_hit: f64,
    pub(crate) without: f64,
    pub(crate) seconds: i64,
}

/// The draws of a seed for numbers.
pub(crate) fn numbers(seed: u64) -> Draws {
    Draws::new(seed).of(named("numbers"))
}

/// Draws every number of a scenario that is a range, so that they fit the totals if they must.
pub(crate) fn drawn(scenario: &Scenario, seed: u64) -> Scenario {
    let draws = numbers(seed);
    if scenario.run.fit_totals
        && let Some(set) = fit::setting(scenario, draws)
    {
        return set;
    }
    let mut drawn = scenario.clone();
    drawn.each(&mut |path, quantity| {
        *quantity = quantity.fixed(quantity.at(draws.unit(named(path))));
    });
    drawn
}

impl Region {
    /// A scenario under a seed.
    pub(crate) fn new(scenario: &Scenario, seed: u64) -> Self {
        let drawn = drawn(scenario, seed);
        let codes = drawn.codes();
        let place = |code: &str| codes.iter().position(|other| other.as_str() == code);
        let (days, warm_up) = (i64::from(drawn.run.days), i64::from(drawn.run.warm_up));
        let span = days + warm_up;
        let at = |quantity: &Quantity| quantity.mid();
        let people = &drawn.people;
        let steps = |from: &str, whole: bool| {
            let ways = drawn.route.iter().filter(|route| route.from == from);
            let sum: f64 = ways.clone().map(|route| at(&route.weight)).sum();
            // Weights that add to more than everybody, as drawn ones can, are taken in proportion.
            let whole = if whole { sum } else { sum.max(1.0) };
            let mut before = 0.0;
            ways.map(|route| {
                before += at(&route.weight) / whole.max(f64::MIN_POSITIVE);
                let to = if route.to == EXIT {
                    None
                } else {
                    place(&route.to).and_then(|to| u8::try_from(to).ok())
                };
                (before, to, route.kind)
            })
            .collect::<Vec<Step>>()
        };
        let parties = drawn.party.iter().map(|(code, party)| Place {
            register_p: at(&party.register_p),
            sojourn: at(&party.sojourn_days),
            retention: at(&party.retention_days) as i64,
            own_citizens: at(&party.own_citizens),
            cores: at(&party.cores),
            bytes_a_second: at(&party.mbit) * 125_000.0,
            round_trip: at(&party.round_trip_ms) / 1_000.0,
            officers: at(&party.officers),
            verifiers: at(&party.verifiers),
            verify_seconds: at(&party.verify_minutes) * 60.0,
            approvers: at(&party.approvers),
            approve_seconds: at(&party.approve_minutes) * 60.0,
            refuse_share: at(&party.refuse_share),
            hours: WorkingHours::new(at(&party.work_from), at(&party.work_until), at(&party.work_days)),
            steps: steps(code.as_str(), false),
        });
        let parties = parties.collect();
        let practices = drawn.practice.iter().map(|practice| {
            let kind = practice.biometric.as_ref().and_then(|name| drawn.biometric.get(name));
            let place = drawn.biometric.keys().position(|name| practice.biometric.as_ref() == Some(name));
            let of = |number: fn(&crate::scenario::Biometric) -> &Quantity| {
                kind.map_or(0.0, |kind| at(number(kind)))
            };
            Share {
                share: at(&practice.share),
                biometric: place.unwrap_or_default(),
                fmr: of(|kind| &kind.fmr),
                fnmr: of(|kind| &kind.fnmr),
                failure_to_enrol: of(|kind| &kind.failure_to_enrol),
                failure_to_acquire: of(|kind| &kind.failure_to_acquire),
                availability: of(|kind| &kind.availability),
                over_dispersion: of(|kind| &kind.over_dispersion),
            }
        });
        let practices = practices.collect();
        let seconds_a_day = 86_400.0;
        Self {
            weight: at(&people.count) * (span as f64 / days as f64) / f64::from(drawn.run.persons),
            persons: drawn.run.persons,
            start: first_second(&drawn.run.start).unwrap_or_default() - warm_up * 86_400,
            warm_up,
            span,
            people: Shares {
                minors: at(&people.minors),
                age_in_doubt: at(&people.age_in_doubt),
                vulnerable: at(&people.vulnerable),
                contested: at(&people.contested),
                blocked: at(&people.blocked),
                asylum: at(&people.asylum),
                documents: at(&people.documents),
                same_identity: at(&people.same_identity),
            },
            parties,
            entry: steps(ENTRY, true),
            practices,
            readmission: drawn.readmission.as_ref().map(|readmission| Returns {
                wanted: at(&readmission.wanted),
                with_case: at(&readmission.with_case),
                with_hit: at(&readmission.with_hit),
                without: at(&readmission.without),
                seconds: (at(&readmission.days) * seconds_a_day) as i64,
            }),
            codes,
        }
    }

    /// Where somebody goes, by a number from 0 to 1.
    pub(crate) fn step(steps: &[Step], u: f64) -> Option<(u8, RouteKind)> {
        let (_, to, kind) = steps.iter().find(|(until, ..)| u < *until)?;
        to.map(|to| (to, *kind))
    }
}

/// The event at which officers ask about somebody who came.
pub(crate) fn event(registered: bool, asylum: bool) -> EventKind {
    match (registered, asylum) {
        (true, true) => EventKind::Asylum,
        (true, false) => EventKind::Registration,
        (false, _) => EventKind::Encounter,
    }
}
