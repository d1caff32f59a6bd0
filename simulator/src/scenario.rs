//! A scenario: a region, its people and parties, and what is to be compared; every number with its source.
//!
//! A scenario is one TOML file beside the agreement and rules files that it names. Numbers of the world are
//! [`Quantity`]s: they carry a source or say `assumed`, and may be ranges, from which every seed draws anew. What
//! a proposal settles stands in agreements and rules, in the very files that a node takes ([`crate::proposal`]).
//! `docs/scenarios.md` explains every entry; [`Scenario::parse`] says what is wrong, in which line, and why.

mod check;
mod each;
mod fault;
mod locate;
mod people;
mod quantity;
mod ways;
mod wrong;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use symbolon_policy::words::{AgencyCode, Digest, Field};

pub use fault::{Fault, ScenarioError};
pub use people::{Observed, Party, People, Utility};
pub use quantity::{ASSUMED, Law, Quantity};
pub use ways::{Biometric, ENTRY, EXIT, EventKind, Practice, Readmission, Route, RouteKind};
pub use wrong::{Abuse, AbuseKind, Knob, Search};

/// A region and what happens in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, in small letters, digits and hyphens.
    pub name: String,
    /// A title for people.
    pub title: String,
    /// What it shows, in a few sentences.
    #[serde(default)]
    pub about: String,
    /// How long, how many, from which seeds.
    pub run: Run,
    /// Who moves.
    pub people: People,
    /// The parties by code; their order means nothing.
    pub party: BTreeMap<AgencyCode, Party>,
    /// From where to where people move.
    pub route: Vec<Route>,
    /// Kinds of biometric comparison by name.
    #[serde(default)]
    pub biometric: BTreeMap<String, Biometric>,
    /// What officers ask, and when.
    pub practice: Vec<Practice>,
    /// What follows from a hit on a person who is to be returned.
    #[serde(default)]
    pub readmission: Option<Readmission>,
    /// Bits that a released field tells.
    #[serde(default)]
    pub field_bits: BTreeMap<Field, Quantity>,
    /// What is compared; the first is the baseline where none is named.
    pub proposal: Vec<crate::proposal::Entry>,
    /// What goes wrong; each is run by itself, beside the run in which nothing does.
    #[serde(default)]
    pub abuse: Vec<Abuse>,
    /// Published totals that were held back from the fit, and what is looked for among counter-proposals.
    #[serde(default)]
    pub search: Option<Search>,
    /// What it was before numbers were moved by [`Scenario::with`], if its runs fit totals: numbers that were not moved
    /// stay as they were drawn there.
    #[serde(skip)]
    pub(crate) moved_from: Option<Arc<Scenario>>,
    /// The file, for the lines of what is found wrong later.
    #[serde(skip)]
    source: Arc<str>,
}

/// How long, how many, from which seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The first day, such as 2022-01-01 (UTC), in quotation marks or not.
    #[serde(deserialize_with = "day")]
    pub start: String,
    /// Days, at most 36,500.
    pub days: u32,
    /// Days before the first day in which registers fill and nothing is asked.
    #[serde(default)]
    pub warm_up: u32,
    /// Simulated persons. Each stands for as many as there are in truth (see [`People::count`]).
    pub persons: u32,
    /// The seeds themselves, or how many to derive from `master_seed`.
    pub seeds: Seeds,
    /// Whether each seed draws only settings that fit the published totals; the number of people and where they
    /// enter then follow from the totals (see [`crate::fit`]), in the place of [`People::count`] and the ways in.
    #[serde(default)]
    pub fit_totals: bool,
    /// Seeds the list of seeds.
    #[serde(default = "one")]
    pub master_seed: u64,
    /// Up to so many persons, queries run through the real exchanges.
    #[serde(default)]
    pub exact_below: u32,
}

fn one() -> u64 {
    1
}

/// A day as text, or as the date that TOML has.
fn day<'de, D: serde::Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be a day such as 2022-01-01")]
    enum Day {
        Text(String),
        Date(toml::value::Datetime),
    }
    Ok(match Day::deserialize(from)? {
        Day::Text(text) => text,
        Day::Date(date) => date.to_string(),
    })
}

/// Seeds, all of them listed in what a run yields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a number of seeds from 1 on, or a list of seeds")]
pub enum Seeds {
    /// So many, derived from the master seed.
    Count(u32),
    /// These.
    Listed(Vec<u64>),
}

impl Scenario {
    /// Reads and checks a scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] with every fault found, each with its line and the reason.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let mut scenario: Self = toml::from_str(text).map_err(|error| ScenarioError::syntax(text, &error))?;
        scenario.fill();
        scenario.check(text)?;
        scenario.source = text.into();
        for (place, practice) in scenario.practice.iter_mut().enumerate() {
            practice.line = locate::line_of(text, &format!("practice[{place}].form"));
        }
        Ok(scenario)
    }

    /// The line of the file in which a path stands, or the longest part of it that is there.
    pub(crate) fn line(&self, path: &str) -> usize {
        locate::line_of(&self.source, path)
    }

    /// The codes of the parties; everywhere else a party is its place in this list.
    pub fn codes(&self) -> Vec<AgencyCode> {
        self.party.keys().cloned().collect()
    }

    /// Every number with its path, such as `party.RS.register_p` or `route[3].weight`, in a fixed order.
    pub fn quantities(&self) -> Vec<(String, Quantity)> {
        let mut all = Vec::new();
        self.clone().each(&mut |path, quantity| all.push((path.to_owned(), quantity.clone())));
        all
    }

    /// Every published total with its path, such as `party.RS.observed[0]`.
    pub fn published(&self) -> Vec<(String, &Observed)> {
        let of = self.party.iter().flat_map(|(code, party)| {
            let each = party.observed.iter().enumerate();
            each.map(move |(place, observed)| (format!("party.{code}.observed[{place}]"), observed))
        });
        of.collect()
    }

    /// A path as people read it: one that counts says of which it is, such as `route[3].weight (MK → RS)`.
    pub fn label(&self, path: &str) -> String {
        let counted = path.split_once('[').and_then(|(table, rest)| {
            let place = rest.split_once(']')?.0.parse::<usize>().ok()?;
            Some((table, place))
        });
        let of = counted.and_then(|(table, place)| match table {
            "route" => {
                let Route { from, to, kind, .. } = self.route.get(place)?;
                let pushback = *kind == RouteKind::Pushback;
                let kind = if pushback { format!(", {}", kind.as_str()) } else { String::new() };
                Some(format!("{from} → {to}{kind}"))
            }
            "practice" => {
                let practice = self.practice.get(place)?;
                let (at, exchange) = (practice.at.as_str(), practice.exchange.as_str());
                Some(format!("{at}, {exchange}, {}", practice.purpose))
            }
            "abuse" => self.abuse.get(place).map(|abuse| format!("{}, {}", abuse.kind.as_str(), abuse.id)),
            _ => None,
        });
        of.map_or_else(|| path.to_owned(), |of| format!("{path} ({of})"))
    }

    /// The same scenario with one number fixed; nothing changes if there is no such number.
    #[must_use]
    pub fn with(&self, path: &str, value: f64) -> Self {
        let mut changed = self.clone();
        if self.run.fit_totals && self.moved_from.is_none() {
            changed.moved_from = Some(Arc::new(self.clone()));
        }
        changed.each(&mut |here, quantity| {
            if here == path {
                *quantity = quantity.fixed(value);
            }
        });
        changed
    }

    /// The digest that names the scenario: of everything in it, whatever its spelling in the file.
    pub fn digest(&self) -> Digest {
        let text = serde_json::to_string(self).unwrap_or_default();
        Digest::of("symbolon/scenario/1", text.as_bytes())
    }

    /// The seeds of the run, in order.
    pub fn seeds(&self) -> Vec<u64> {
        match &self.run.seeds {
            Seeds::Listed(seeds) => seeds.clone(),
            Seeds::Count(count) => crate::random::seeds(self.run.master_seed, *count),
        }
    }
}

#[cfg(test)]
mod tests;
