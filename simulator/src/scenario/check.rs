//! What is wrong with a scenario, in which line, and why.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::rules::ExchangeKind;

use crate::search::{Objective, RedLine};

use super::{
    AbuseKind, ENTRY, EXIT, EventKind, Quantity, Scenario, Seeds,
    fault::{Faults, ScenarioError},
};

/// Parties at most: a person's answers are kept in one word for each asker.
pub(super) const MOST_PARTIES: usize = 32;
/// Simulated persons at most.
pub(super) const MOST_PERSONS: u32 = 20_000_000;
const MOST_DAYS: u32 = 36_500;
const MOST_SEEDS: usize = 10_000;
/// Wrongful queries of one day at most, so that a slip in a scenario does not run for hours.
const MOST_A_DAY: f64 = 20_000.0;
/// The largest weight of a utility.
const MOST_WEIGHT: f64 = 1e12;

impl Scenario {
    /// Checks everything that one scenario must be.
    pub(super) fn check(&self, text: &str) -> Result<(), ScenarioError> {
        let mut faults = Faults::of(text);
        self.check_run(&mut faults);
        self.check_numbers(&mut faults);
        self.check_routes(&mut faults);
        self.check_practices(&mut faults);
        self.check_abuses(&mut faults);
        self.check_proposals(&mut faults);
        self.check_search(&mut faults);
        faults.told()
    }

    /// Whether the numbers are what they may be and do not contradict each other.
    pub(crate) fn numbers_stand(&self) -> bool {
        let mut faults = Faults::of("");
        self.check_numbers(&mut faults);
        faults.told().is_ok()
    }

    /// Between what the number at a path must lie.
    pub(crate) fn limits(path: &str) -> (f64, f64) {
        limits(path)
    }

    fn check_run(&self, faults: &mut Faults<'_>) {
        faults.unless(is_name(&self.name), "name", NAMED);
        let start = crate::calendar::first_second(&self.run.start);
        faults.unless(start.is_some(), "run.start", "must be a day such as 2022-01-01");
        faults.unless((1..=MOST_DAYS).contains(&self.run.days), "run.days", "must be from 1 to 36,500");
        faults.unless(self.run.warm_up <= MOST_DAYS, "run.warm_up", "must be at most 36,500");
        let persons = (1..=MOST_PERSONS).contains(&self.run.persons);
        faults.unless(persons, "run.persons", "must be from 1 to 20,000,000");
        let (count, listed) = match &self.run.seeds {
            Seeds::Count(count) => (usize::try_from(*count).unwrap_or(usize::MAX), None),
            Seeds::Listed(seeds) => (seeds.len(), Some(seeds)),
        };
        faults.unless((1..=MOST_SEEDS).contains(&count), "run.seeds", "must be from 1 to 10,000 seeds");
        let differ = listed.is_none_or(|seeds| seeds.iter().collect::<BTreeSet<_>>().len() == seeds.len());
        faults.unless(differ, "run.seeds", "names a seed twice, which would count one run as two");
        let parties = (2..=MOST_PARTIES).contains(&self.party.len());
        faults.unless(parties, "party", format!("must be 2 to {MOST_PARTIES} parties"));
    }

    fn check_numbers(&self, faults: &mut Faults<'_>) {
        for (path, quantity) in self.quantities() {
            if quantity.src.trim().is_empty() {
                faults.add(&path, "has no source; add `src`, which may be \"assumed\"");
            }
            let (least, most) = limits(&path);
            if let Some(fault) = quantity.fault(least, most) {
                faults.add(&path, fault);
            }
        }
        for (code, party) in &self.party {
            let (from, until) = (&party.work_from, &party.work_until);
            if from.range().1 >= until.range().0 {
                let what = format!(
                    "is {until}, not later than `work_from`, which is {from}: nobody would ever work"
                );
                faults.add(&format!("party.{code}.work_until"), what);
            }
            let of = &party.utility;
            for (name, weight) in [
                ("true_hits", of.true_hits),
                ("false_hits", of.false_hits),
                ("released", of.released),
                ("bits_told", of.bits_told),
                ("minors_exposed", of.minors_exposed),
                ("cpu_hours", of.cpu_hours),
                ("person_hours", of.person_hours),
                ("walk_away", of.walk_away),
            ] {
                let path = format!("party.{code}.utility.{name}");
                faults.unless(weight.abs() <= MOST_WEIGHT, &path, "must be a number from -1e12 to 1e12");
            }
            for (place, observed) in party.observed.iter().enumerate() {
                let path = format!("party.{code}.observed[{place}]");
                faults.unless(!observed.src.trim().is_empty(), &path, "has no source");
                let never = party.register_p.range().1 <= 0.0 && observed.registrations > 0;
                if never {
                    let what = format!(
                        "says {} registrations, and `party.{code}.register_p` says that nobody is registered",
                        observed.registrations
                    );
                    faults.add(&path, what);
                }
            }
        }
        let people = &self.people;
        let shares = people.minors.range().0 + people.age_in_doubt.range().0;
        if shares > 1.0 {
            let what = format!("and `people.age_in_doubt` add to {shares:.3}, more than everybody");
            faults.add("people.minors", what);
        }
        if let Some(readmission) = &self.readmission {
            let (with, without) = (readmission.with_case.range().1, readmission.without.range().0);
            if with < without {
                let what = format!(
                    "is at most {with} and `readmission.without` at least {without}: a case that is shown would \
                     make a return less likely than none"
                );
                faults.add("readmission.with_case", what);
            }
        }
    }

    fn check_routes(&self, faults: &mut Faults<'_>) {
        let known = |place: &str| self.party.keys().any(|code| code.as_str() == place);
        let mut sums: BTreeMap<&str, (f64, Vec<usize>)> = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for (place, route) in self.route.iter().enumerate() {
            let path = |name: &str| format!("route[{place}].{name}");
            if !known(&route.from) && route.from != ENTRY {
                faults.add(&path("from"), format!("is {}, which is no party and not `entry`", route.from));
            }
            if !known(&route.to) && route.to != EXIT {
                faults.add(&path("to"), format!("is {}, which is no party and not `exit`", route.to));
            }
            faults.unless(route.from != route.to, &path("to"), "is where the route begins");
            let first = taken.insert((&route.from, &route.to, route.kind == super::RouteKind::Pushback));
            faults.unless(first, &path("to"), "repeats a route of the same kind between the same places");
            let sum = sums.entry(route.from.as_str()).or_default();
            sum.0 += route.weight.range().0;
            sum.1.push(place);
        }
        for (from, (sum, places)) in &sums {
            if *from != ENTRY && *sum > 1.0 + 1e-9 {
                let all: Vec<String> = places.iter().map(|place| format!("`route[{place}]`")).collect();
                let what = format!(
                    "and the others from {from} ({}) add to at least {sum:.3}, more than everybody who leaves",
                    all.join(", ")
                );
                if let Some(first) = places.first() {
                    faults.add(&format!("route[{first}].weight"), what);
                }
            }
        }
        let enters = sums.get(ENTRY).is_some_and(|(_, places)| {
            places
                .iter()
                .any(|place| self.route.get(*place).is_some_and(|route| route.weight.range().1 > 0.0))
        });
        faults.unless(enters, "route", "has no way from `entry`, so nobody would ever come");
        let reached = self.reached();
        for (code, party) in &self.party {
            let some = party.observed.iter().any(|observed| observed.registrations > 0);
            if some && !reached.contains(code.as_str()) {
                let what = "are registrations, and no route leads there from `entry`";
                faults.add(&format!("party.{code}.observed"), what);
            }
        }
    }

    /// Places to which routes lead from the entry.
    fn reached(&self) -> BTreeSet<&str> {
        let mut reached = BTreeSet::from([ENTRY]);
        loop {
            let before = reached.len();
            for route in &self.route {
                if route.weight.range().1 > 0.0 && reached.contains(route.from.as_str()) {
                    reached.insert(route.to.as_str());
                }
            }
            if reached.len() == before {
                return reached;
            }
        }
    }

    fn check_practices(&self, faults: &mut Faults<'_>) {
        faults.unless(!self.practice.is_empty(), "practice", "is empty: nobody would ask anything");
        for (place, practice) in self.practice.iter().enumerate() {
            let path = |name: &str| format!("practice[{place}].{name}");
            for code in practice.askers.iter().chain(&practice.holders) {
                faults.unless(
                    self.party.contains_key(code),
                    &path("askers"),
                    format!("names {code}, no party"),
                );
            }
            let is_match = practice.exchange == ExchangeKind::Match;
            match &practice.biometric {
                Some(name) if !self.biometric.contains_key(name) => {
                    faults.add(
                        &path("biometric"),
                        format!("is {name}, which the `biometric` table does not have"),
                    );
                }
                None if is_match => faults.add(&path("exchange"), "is a match, and no `biometric` is named"),
                Some(_) if !is_match => {
                    faults.add(&path("biometric"), "is named, and the exchange is no match")
                }
                _ => {}
            }
            for (at, field) in practice.fields.iter().enumerate() {
                let first = !practice.fields.iter().take(at).any(|other| other == field);
                faults.unless(first, &path("fields"), format!("names {} twice", field.as_str()));
            }
            faults.unless((1..=1_000).contains(&practice.items), &path("items"), "must be from 1 to 1,000");
            let is_count = practice.exchange == ExchangeKind::Count;
            let is_report = practice.at == EventKind::Report;
            if is_count != is_report {
                faults.add(
                    &path("at"),
                    "and `exchange` contradict: counts are asked at `report`, and nothing else is",
                );
            }
            let every = practice.every_days.is_some_and(|days| (1..=3_660).contains(&days));
            faults.unless(
                every == is_report,
                &path("every_days"),
                "must be from 1 to 3,660 at `report`, and absent else",
            );
            let needs = practice.at == EventKind::Return && self.readmission.is_none();
            faults.unless(!needs, &path("at"), "is `return`, and there is no `readmission` table");
        }
    }

    fn check_abuses(&self, faults: &mut Faults<'_>) {
        let mut names = BTreeSet::new();
        for (place, abuse) in self.abuse.iter().enumerate() {
            let path = |name: &str| format!("abuse[{place}].{name}");
            faults.unless(names.insert(&abuse.id), &path("id"), "is used twice");
            for code in std::iter::once(&abuse.party).chain(&abuse.partner) {
                faults.unless(
                    self.party.contains_key(code),
                    &path("party"),
                    format!("names {code}, no party"),
                );
            }
            faults.unless(
                abuse.partner.as_ref() != Some(&abuse.party),
                &path("partner"),
                "is the party itself",
            );
            faults.unless(abuse.from_day < self.run.days, &path("from_day"), "is not before `run.days` ends");
            let outage = abuse.kind == AbuseKind::Outage;
            faults.unless(
                outage == abuse.days.is_some(),
                &path("days"),
                "must be there for an outage, and absent else",
            );
            let asks = matches!(
                abuse.kind,
                AbuseKind::CorruptOfficer | AbuseKind::TemplateProbe | AbuseKind::GuessIdentifiers
            );
            let (least, most) = abuse.per_day.range();
            faults.unless(!asks || most > 0.0, &path("per_day"), "must be above 0");
            let bounded = !asks || (least >= 0.0 && most <= MOST_A_DAY);
            faults.unless(bounded, &path("per_day"), "must be from 0 to 20,000");
            let guesses = abuse.kind == AbuseKind::GuessIdentifiers;
            faults.unless(!guesses || abuse.space.range().0 >= 1.0, &path("space"), "must be at least 1");
            let lies = abuse.kind == AbuseKind::LyingResponder;
            faults.unless(!lies || abuse.suppressed.range().1 > 0.0, &path("suppressed"), "must be above 0");
        }
    }

    fn check_proposals(&self, faults: &mut Faults<'_>) {
        faults.unless(!self.proposal.is_empty(), "proposal", "is empty: there is nothing to compare");
        for (place, entry) in self.proposal.iter().enumerate() {
            let path = |name: &str| format!("proposal[{place}].{name}");
            let earlier: Vec<&str> =
                self.proposal.iter().take(place).map(|other| other.id.as_str()).collect();
            // It stands in names of files and in rows.
            faults.unless(is_name(&entry.id), &path("id"), NAMED);
            faults.unless(!earlier.contains(&entry.id.as_str()), &path("id"), "is used twice");
            if let Some(base) = entry.extends.as_deref().filter(|base| !earlier.contains(base)) {
                faults.add(&path("extends"), format!("is {base}, which no proposal above it is called"));
            }
            for (at, entry) in entry.agreement.iter().enumerate() {
                if let [alone] = entry.among.as_slice() {
                    let path = path(&format!("agreement[{at}].among"));
                    faults.add(&path, format!("is {alone} alone, and an agreement is between two"));
                }
            }
            let share = crate::proposal::CANARY_SHARES.contains(&entry.canary_share.unwrap_or(0.0));
            faults.unless(share, &path("canary_share"), "must be from 0 to 0.5, as a node has it");
        }
    }
}

impl Scenario {
    /// What it wants of a search; what that may turn is looked at with the proposals.
    fn check_search(&self, faults: &mut Faults<'_>) {
        let Some(search) = &self.search else { return };
        for (place, text) in search.objectives.iter().enumerate() {
            if let Err(error) = Objective::parse(text) {
                faults.add(&format!("search.objectives[{place}]"), format!("does not stand: {error}"));
            }
        }
        for (place, text) in search.red_lines.iter().enumerate() {
            let path = format!("search.red_lines[{place}]");
            match text.parse::<RedLine>() {
                Err(error) => faults.add(&path, format!("does not stand: {error}")),
                Ok(line) => {
                    if let Some(code) = line.unknown_party(self) {
                        faults.add(&path, format!("names {code}, no party"));
                    }
                }
            }
        }
        for (place, knob) in search.knobs.iter().enumerate() {
            let path = format!("search.knobs[{place}].values");
            faults.unless(!knob.values.is_empty(), &path, "is empty: there is nothing to turn it to");
        }
    }
}

const NAMED: &str = "must be 1 to 64 small letters, digits or hyphens";

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&text.len()) && text.chars().all(plain)
}

/// Between what numbers at a path must lie.
fn limits(path: &str) -> (f64, f64) {
    let name = path.rsplit('.').next().unwrap_or(path);
    match name {
        "count" | "cores" | "officers" | "verifiers" | "approvers" => (1.0, 1e9),
        "mbit" => (1e-3, 1e6),
        "sojourn_days" => (0.01, 36_500.0),
        "retention_days" | "days" => (1.0, 36_500.0),
        "work_from" | "work_until" => (0.0, 24.0),
        "work_days" => (1.0, 7.0),
        "canaries" => (1.0, 1e4),
        "round_trip_ms" | "verify_minutes" | "approve_minutes" | "per_day" | "space" | "bits_needed"
        | "over_dispersion" => (0.0, f64::INFINITY),
        _ if path.starts_with("field_bits.") => (0.0, 1_000.0),
        _ => (0.0, 1.0),
    }
}

impl Quantity {
    /// Whether there is any choice in it.
    pub fn is_range(&self) -> bool {
        let (lo, hi) = self.range();
        hi > lo
    }
}
