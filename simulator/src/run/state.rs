//! One region in motion.

use std::{collections::BTreeMap, io};

use symbolon_policy::words::AgeBand;

use super::{
    Progress,
    crew::{Comes, Crew},
    meters::Meters,
    others::Others,
    rows::Sink,
    series::Series,
    slices::Slices,
};
use crate::{
    contract::{Contract, Line},
    cost::Size,
    outcome::{PairTally, PartyTally, PersonTally, SeedOutcome},
    random::Draws,
    region::Region,
    scenario::RouteKind,
};

use super::abuse::Wrong;

/// One simulated person.
#[derive(Clone, Copy, Default)]
pub(super) struct Person {
    /// Where it is.
    pub(super) place: u8,
    /// Where it was before; [`NOWHERE`] at first.
    pub(super) previous: u8,
    /// [`MINOR`] and others.
    pub(super) flags: u8,
    /// Which of its planned moves is the valid one.
    pub(super) plan: u8,
    /// Events so far.
    pub(super) events: u32,
}

/// Out of the region.
pub(super) const NOWHERE: u8 = u8::MAX;
/// The plan of those who are returned.
pub(super) const RETURN: u8 = u8::MAX;
/// A query of another for whom a person stands, by line; a wrongful one, by number; the counts that are due.
pub(super) const OTHERS: u8 = u8::MAX - 1;
pub(super) const WRONG: u8 = u8::MAX - 2;
pub(super) const COUNT: u8 = u8::MAX - 3;
/// Plans of moves are below.
pub(super) const PLANS: u8 = COUNT;
pub(super) const MINOR: u8 = 1;
pub(super) const IN_DOUBT: u8 = 2;
pub(super) const VULNERABLE: u8 = 4;
pub(super) const DOCUMENT: u8 = 8;
/// It is on its way back to a party that took it.
pub(super) const RETURNED: u8 = 16;
/// It came in the days that count.
pub(super) const CAME: u8 = 64;

impl Person {
    pub(super) fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub(super) fn age(&self) -> AgeBand {
        match (self.is(MINOR), self.is(IN_DOUBT)) {
            (_, true) => AgeBand::Doubtful,
            (true, false) => AgeBand::Minor,
            (false, false) => AgeBand::Adult,
        }
    }
}

/// A record of a person in a register, in one word: there is one, the day, the class.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Record(u32);

impl Record {
    const DAY_BITS: u32 = 20;

    pub(super) fn new(day: i64, class: u8) -> Self {
        let day = (day.max(0) as u32) & ((1 << Self::DAY_BITS) - 1);
        Self(1 << 31 | u32::from(class) << Self::DAY_BITS | day)
    }

    /// Whether there is one that is not older than `retention` days.
    pub(super) fn lives(self, day: i64, retention: i64) -> bool {
        self.0 != 0 && day - self.day() < retention
    }

    /// Whether there is one that was written on a day or later.
    fn written_since(self, day: i64) -> bool {
        self.0 != 0 && self.day() >= day
    }

    pub(super) fn day(self) -> i64 {
        i64::from(self.0 & ((1 << Self::DAY_BITS) - 1))
    }

    pub(super) fn class(self) -> usize {
        (self.0 >> Self::DAY_BITS & 0xFF) as usize
    }
}

/// What an asker knows of a person: whom it asked, and who said hit.
#[derive(Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) asked: u32,
    pub(super) hit: u32,
}

/// What earlier answers say of the next: nothing, no hit so far, a hit so far.
pub(super) const EARLIER: usize = 3;

/// One line on one day, in simulated persons; a quota may leave an answer to a part of those for whom one stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Today {
    pub(super) wished: f64,
    pub(super) without: f64,
    pub(super) quota: f64,
    pub(super) rules: f64,
    pub(super) down: f64,
    pub(super) unasked: f64,
    pub(super) true_hits: f64,
    pub(super) false_hits: f64,
    pub(super) minors: f64,
    pub(super) kept_out: f64,
    pub(super) erred: f64,
    /// Canaries in the queries that were answered.
    pub(super) canaries: f64,
    pub(super) asked: [f64; EARLIER],
    pub(super) hit: [f64; EARLIER],
}

impl Today {
    /// Queries that were answered.
    pub(super) fn answered(&self) -> f64 {
        self.asked.iter().sum()
    }

    /// Items of a query, canaries included, on average.
    pub(super) fn items(&self, line: &Line) -> f64 {
        f64::from(line.items) + self.canaries / self.answered().max(f64::MIN_POSITIVE)
    }
}

/// A line over days.
#[derive(Clone, Copy, Default)]
pub(super) struct Past {
    /// Queries and hits in truth by what earlier answers said.
    pub(super) asked: [f64; EARLIER],
    pub(super) hit: [f64; EARLIER],
    /// Chance of a false hit today.
    pub(super) fpir: f64,
    /// Entries searched today, which are records with a template or an identifier; without and with padding.
    pub(super) entries: f64,
    pub(super) padded: f64,
    /// Until when the snapshot or the keys serve.
    pub(super) ready_until: i64,
    /// Seconds of the run for which it could be asked, and how many they were when it was last made ready.
    pub(super) open: i64,
    pub(super) open_before: i64,
}

impl Past {
    /// The size of a query of so many items.
    pub(super) fn size(&self, items: f64) -> Size {
        Size { items, records: self.entries, entries: self.padded }
    }
}

/// A verified hit on its way to be decided.
#[derive(Clone, Copy)]
pub(super) struct Claim {
    pub(super) ready: i64,
    pub(super) hit_at: i64,
    pub(super) person: u32,
    pub(super) events: u32,
    pub(super) line: u32,
    /// Persons in truth for whom it stands.
    pub(super) alike: f64,
    pub(super) class: u8,
    /// Whether the person is to be returned to the holder.
    pub(super) returns: bool,
    pub(super) minor: bool,
}

/// A return that was agreed.
#[derive(Clone, Copy)]
pub(super) struct Returning {
    /// Events of the person, if it is still there.
    pub(super) events: u32,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) when: i64,
}

/// One region in motion.
pub(super) struct State<'a> {
    pub(super) region: &'a Region,
    pub(super) contract: &'a Contract,
    pub(super) draws: Draws,
    pub(super) seed: u64,
    pub(super) n: usize,
    pub(super) wrong: Option<Wrong<'a>>,

    pub(super) people: Vec<Person>,
    /// By person and party.
    pub(super) records: Vec<Record>,
    pub(super) known: Vec<Known>,
    /// Moves planned, by day: second of the day, person, plan.
    pub(super) moves: Vec<Vec<u64>>,
    pub(super) returning: BTreeMap<u32, Returning>,
    /// Minors of whom a holder released something to an asker: person, asker, holder; and by whomever. Which share of
    /// those for whom the person stands.
    pub(super) exposed: BTreeMap<(u32, usize, usize), f64>,
    pub(super) exposed_at_all: BTreeMap<u32, f64>,
    pub(super) claims: Vec<Vec<Claim>>,
    pub(super) slices: Slices,
    /// What retention ends, by day: party and class, and how many.
    pub(super) ends: BTreeMap<i64, BTreeMap<(usize, usize), i64>>,

    pub(super) meters: Meters,
    pub(super) others: Others,
    /// Items answered, by asker and holder.
    pub(super) answered: Vec<f64>,

    pub(super) today: Vec<Today>,
    /// Counts of today, for the rows: line, answered (1 or 0), bits, seconds.
    pub(super) counted: Vec<(usize, f64, f64, f64)>,
    /// Lines in which something happened today.
    pub(super) touched: Vec<usize>,
    pub(super) past: Vec<Past>,
    pub(super) verifiers: Vec<Crew>,
    pub(super) approvers: Vec<Crew>,
    /// Seconds of work that nodes are behind with.
    pub(super) behind: Vec<f64>,

    pub(super) pairs: Vec<PairTally>,
    pub(super) parties: Vec<PartyTally>,
    pub(super) total: PersonTally,
    pub(super) day: i64,
}

impl<'a> State<'a> {
    pub(super) fn new(
        region: &'a Region,
        contract: &'a Contract,
        seed: u64,
        wrong: Option<Wrong<'a>>,
    ) -> Self {
        let n = region.parties.len();
        let persons = region.persons as usize;
        let span = usize::try_from(region.span).unwrap_or_default();
        let places = &region.parties;
        // Hits come when people do, claims from officers at work.
        let verifiers = places.iter().map(|place| Crew::new(place.verifiers, place.hours, Comes::Always));
        let approvers = places.iter().map(|place| Crew::new(place.approvers, place.hours, Comes::InHours));
        Self {
            region,
            contract,
            draws: Draws::new(seed),
            seed,
            n,
            wrong,
            people: vec![Person::default(); persons],
            records: vec![Record::default(); persons * n],
            known: vec![Known::default(); persons * n],
            moves: vec![Vec::new(); span],
            returning: BTreeMap::new(),
            exposed: BTreeMap::new(),
            exposed_at_all: BTreeMap::new(),
            claims: vec![Vec::new(); span],
            slices: Slices::new(contract),
            ends: BTreeMap::new(),
            meters: Meters::new(&contract.meters, region),
            others: Others::new(region, contract),
            answered: vec![0.0; n * n],
            today: vec![Today::default(); contract.lines.len()],
            counted: Vec::new(),
            touched: Vec::new(),
            past: vec![Past::default(); contract.lines.len()],
            verifiers: verifiers.collect(),
            approvers: approvers.collect(),
            behind: vec![0.0; n],
            pairs: vec![PairTally::default(); n * n],
            parties: vec![PartyTally::default(); n],
            total: PersonTally::default(),
            day: 0,
        }
    }

    /// Runs all days; nothing if it was cancelled.
    ///
    /// # Errors
    /// Why rows cannot be written.
    pub(super) fn run(
        &mut self,
        progress: Option<&Progress<'_>>,
        mut sink: Option<&mut (dyn Sink + 'static)>,
    ) -> Result<Option<SeedOutcome>, String> {
        self.enter();
        let mut series = Series::default();
        for day in 0..self.region.span {
            self.day = day;
            self.begin();
            self.others_of_the_day();
            if day >= self.region.warm_up {
                self.plan_counts();
                self.plan_wrongs();
            }
            self.moves_of_the_day();
            self.claims_of_the_day();
            self.lie_of_the_day();
            let written = self.end(sink.as_deref_mut());
            written.map_err(|error: io::Error| error.to_string())?;
            if day >= self.region.warm_up {
                series.day(self);
            }
            if progress.is_some_and(|progress| !progress.days(1)) {
                return Ok(None);
            }
        }
        Ok(Some(self.outcome(series)))
    }

    fn outcome(&mut self, series: Series) -> SeedOutcome {
        let weight = self.region.weight;
        for (place, party) in self.parties.iter_mut().enumerate() {
            let retention = self.region.parties.get(place).map_or(0, |party| party.retention);
            for person in 0..self.people.len() {
                let record = self.records.get(person * self.n + place).copied().unwrap_or_default();
                party.persons += f64::from(u8::from(record.written_since(self.region.warm_up)));
                party.records += f64::from(u8::from(record.lives(self.region.span, retention)));
            }
            party.arrivals *= weight;
            party.registrations *= weight;
            party.persons *= weight;
            party.records *= weight;
        }
        for person in 0..self.people.len() {
            let row = person * self.n..(person + 1) * self.n;
            let records = self.records.get(row.clone()).unwrap_or_default();
            let written = |record: &&Record| record.written_since(self.region.warm_up);
            let in_registers = records.iter().filter(written).count();
            let known = self.known.get(row).unwrap_or_default();
            self.total.registered += f64::from(u8::from(in_registers > 0));
            self.total.by_several += f64::from(u8::from(in_registers > 1));
            self.total.recognised += f64::from(u8::from(known.iter().any(|known| known.hit != 0)));
        }
        self.total.minors_exposed = self.exposed_at_all.values().fold(0.0, |sum, share| sum + share);
        let mut people = self.total.clone();
        people.scale(weight);
        SeedOutcome {
            seed: self.seed,
            weight,
            pairs: self.pairs.clone(),
            parties: self.parties.clone(),
            people,
            series: series.rows,
            abuse: Vec::new(),
        }
    }

    /// Everybody's records on the last day.
    pub(super) fn rows(&self) -> Vec<super::Row> {
        let last = self.region.span - 1;
        let each = self.people.iter().zip(self.records.chunks(self.n)).enumerate();
        each.map(|(number, (person, records))| {
            let alive = |(place, record): (usize, &Record)| {
                let retention = self.region.parties.get(place).map_or(0, |party| party.retention);
                record.lives(last, retention).then(|| record.class())
            };
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let pairs = (0..self.n).flat_map(|a| (0..self.n).map(move |b| (a, b)));
            let practices = || self.region.practices.iter().enumerate();
            let templates = practices().flat_map(|(_, practice)| {
                (0..self.n).map(move |party| self.has_template(number, practice, party))
            });
            let own = self.draws.of(number.into()).of(super::person::uses::PROBE);
            let captured = practices().map(|(place, practice)| {
                !own.chance(2 * place as u64, practice.failure_to_acquire)
                    && !own.chance(2 * place as u64 + 1, practice.fnmr)
            });
            super::Row {
                templates: templates.collect(),
                captured: captured.collect(),
                document: person.is(DOCUMENT),
                classes: records.iter().enumerate().map(alive).collect(),
                same: pairs.map(|(a, b)| self.same_identity(number, a, b)).collect(),
            }
        })
        .collect()
    }

    /// Where somebody goes on from a place.
    pub(super) fn way(&self, place: u8, u: f64) -> Option<(u8, RouteKind)> {
        let place = self.region.parties.get(usize::from(place))?;
        Region::step(&place.steps, u)
    }
}
