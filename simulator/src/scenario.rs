//! A scenario: a region, its people and parties, and what is to be compared; every number with its source.
//!
//! A scenario is one TOML file beside the agreement and rules files that it names. Numbers of the world are
//! [`Quantity`]s: they carry a source or say `assumed`, and may be ranges, from which every seed draws anew. What
//! a proposal settles stands in agreements and rules, in the very files that a node takes ([`crate::proposal`]).
//! `docs/scenarios.md` explains every entry; [`Scenario::parse`] says what is wrong, in which line, and why.

mod check;
mod each;
mod locate;
mod quantity;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    rules::ExchangeKind,
    words::{AgencyCode, Digest, Field, FormName, LegalBasis, Provenance, Purpose},
};

pub use check::{Fault, ScenarioError};
pub use quantity::{ASSUMED, Law, Quantity};

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
}

/// How long, how many, from which seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The first day, such as 2022-01-01 (UTC).
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

/// Seeds, all of them listed in what a run yields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Seeds {
    /// So many, derived from the master seed.
    Count(u32),
    /// These.
    Listed(Vec<u64>),
}

/// Who moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct People {
    /// Source of the numbers of this table that have none of their own.
    #[serde(default)]
    pub src: String,
    /// Different persons who enter in the simulated days.
    pub count: Quantity,
    /// Share of minors.
    pub minors: Quantity,
    /// Share of persons whose age is in doubt.
    #[serde(default = "none")]
    pub age_in_doubt: Quantity,
    /// Share with a vulnerability.
    #[serde(default = "none")]
    pub vulnerable: Quantity,
    /// Share of records whose accuracy is contested.
    #[serde(default = "none")]
    pub contested: Quantity,
    /// Share of records that are blocked.
    #[serde(default = "none")]
    pub blocked: Quantity,
    /// Share of registrations that become asylum applications.
    #[serde(default = "none")]
    pub asylum: Quantity,
    /// Share that carries a document from which an identifier is made.
    pub documents: Quantity,
    /// Chance that two registrations of a person with a document carry an equal identifier; the rest uses an
    /// alias, or a spelling that does not come to the same canonical form.
    pub same_identity: Quantity,
}

fn none() -> Quantity {
    Quantity::assumed(0.0)
}

/// One party.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its display name; a footnote may be part of it.
    pub name: String,
    /// Source of the numbers of this table that have none of their own.
    #[serde(default)]
    pub src: String,
    /// Published numbers of registrations, by year.
    #[serde(default)]
    pub observed: Vec<Observed>,
    /// Where its records count as coming from: `eu` for a party that holds them in a system of the European Union,
    /// whose data never takes part in another party's search.
    #[serde(default = "own")]
    pub provenance: Provenance,
    /// Chance that a person who comes is registered.
    pub register_p: Quantity,
    /// Mean stay in days.
    pub sojourn_days: Quantity,
    /// How long a record is kept, in days.
    #[serde(default = "retention")]
    pub retention_days: Quantity,
    /// Share of records of the party's own citizens.
    #[serde(default = "none")]
    pub own_citizens: Quantity,
    /// Cores of its node.
    #[serde(default = "two")]
    pub cores: Quantity,
    /// Bandwidth of its line, in Mbit/s.
    #[serde(default = "mbit")]
    pub mbit: Quantity,
    /// Round trip to a partner, in milliseconds.
    #[serde(default = "round_trip")]
    pub round_trip_ms: Quantity,
    /// Officers who ask; a quota per officer holds for each.
    #[serde(default = "officers")]
    pub officers: Quantity,
    /// Officers who verify hits.
    #[serde(default = "two")]
    pub verifiers: Quantity,
    /// Minutes of work to verify a hit.
    #[serde(default = "verify_minutes")]
    pub verify_minutes: Quantity,
    /// Officers who approve partners' claims.
    #[serde(default = "two")]
    pub approvers: Quantity,
    /// Minutes of work to decide a claim, for each approval.
    #[serde(default = "approve_minutes")]
    pub approve_minutes: Quantity,
    /// Share of claims that a person refuses though the rules permit.
    #[serde(default = "refuse_share")]
    pub refuse_share: Quantity,
    /// First hour of the working day (UTC).
    #[serde(default = "work_from")]
    pub work_from: Quantity,
    /// Hour at which the working day ends (UTC).
    #[serde(default = "work_until")]
    pub work_until: Quantity,
    /// Working days of a week, from Monday on.
    #[serde(default = "work_days")]
    pub work_days: Quantity,
    /// Weights of what the party gains and gives. They are the negotiator's, never facts.
    #[serde(default)]
    pub utility: Utility,
}

fn own() -> Provenance {
    Provenance::Own
}
fn retention() -> Quantity {
    Quantity::assumed(3_650.0)
}
fn two() -> Quantity {
    Quantity::assumed(2.0)
}
fn mbit() -> Quantity {
    Quantity::assumed(20.0)
}
fn round_trip() -> Quantity {
    Quantity::assumed(40.0)
}
fn officers() -> Quantity {
    Quantity::assumed(20.0)
}
fn verify_minutes() -> Quantity {
    Quantity::assumed(10.0)
}
fn approve_minutes() -> Quantity {
    Quantity::assumed(15.0)
}
fn refuse_share() -> Quantity {
    Quantity::assumed(0.02)
}
fn work_from() -> Quantity {
    Quantity::assumed(7.0)
}
fn work_until() -> Quantity {
    Quantity::assumed(15.0)
}
fn work_days() -> Quantity {
    Quantity::assumed(5.0)
}

/// A published number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Of which year.
    pub year: u16,
    /// Registrations.
    pub registrations: u64,
    /// Whether it is kept from the fit, to be compared with it afterwards.
    #[serde(default)]
    pub held_out: bool,
    /// Where it is published.
    pub src: String,
}

/// What a party gains from one of a thing; negative for what it would rather not have. The gain of a party is the
/// sum over what it received and gave (see [`crate::outcome::Outcome::gain`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Utility {
    /// A true hit that it received.
    pub true_hits: f64,
    /// A false hit that it received.
    pub false_hits: f64,
    /// A case that was released to it.
    pub released: f64,
    /// A bit that it told others.
    pub bits_told: f64,
    /// A minor whose record it released.
    pub minors_exposed: f64,
    /// An hour of its processors.
    pub cpu_hours: f64,
    /// An hour of its people.
    pub person_hours: f64,
    /// The gain below which it would rather have no agreement.
    pub walk_away: f64,
}

impl Default for Utility {
    fn default() -> Self {
        Self {
            true_hits: 1.0,
            false_hits: -1.0,
            released: 1.0,
            bits_told: -0.05,
            minors_exposed: -2.0,
            cpu_hours: -0.01,
            person_hours: -0.1,
            walk_away: 0.0,
        }
    }
}

/// Where people come in, in place of a party's code.
pub const ENTRY: &str = "entry";
/// Where they go when they leave for good, in place of a party's code.
pub const EXIT: &str = "exit";

/// A way from one place to another. Weights from one place are relative; what they lack to 1 leaves for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// A party's code, or `entry`.
    pub from: String,
    /// A party's code, or `exit`.
    pub to: String,
    /// Chance to be taken by somebody who leaves `from`.
    pub weight: Quantity,
    /// What kind of way it is.
    #[serde(default)]
    pub kind: RouteKind,
    /// Source of the weight, if it has none of its own.
    #[serde(default)]
    pub src: String,
}

/// What kind of way it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// Of the person's own accord.
    #[default]
    Onward,
    /// Sent back at a border without a procedure.
    Pushback,
}

/// A kind of biometric comparison [ISO/IEC 19795-1].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Biometric {
    /// Source of the numbers of this table that have none of their own.
    #[serde(default)]
    pub src: String,
    /// False match rate of one comparison.
    pub fmr: Quantity,
    /// False non-match rate of one comparison.
    pub fnmr: Quantity,
    /// Share of persons of whom no template can be enrolled.
    pub failure_to_enrol: Quantity,
    /// Share of captures that yield no probe.
    #[serde(default = "none")]
    pub failure_to_acquire: Quantity,
    /// Share of the registering posts that have a device.
    #[serde(default = "whole")]
    pub availability: Quantity,
    /// How unevenly false matches fall on searches: the variance of the false match rate between probes over its
    /// square. 0: all alike.
    #[serde(default = "none")]
    pub over_dispersion: Quantity,
}

fn whole() -> Quantity {
    Quantity::assumed(1.0)
}

/// What officers ask, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    /// At which event.
    pub at: EventKind,
    /// Who; every party where it is empty.
    #[serde(default)]
    pub askers: Vec<AgencyCode>,
    /// Whom; every partner where it is empty.
    #[serde(default)]
    pub holders: Vec<AgencyCode>,
    /// By which exchange.
    pub exchange: ExchangeKind,
    /// For a match: the kind of comparison, a name of the `biometric` table.
    #[serde(default)]
    pub biometric: Option<String>,
    /// For a match: the form of the agreement; its first where none is named.
    #[serde(default)]
    pub form: Option<FormName>,
    /// Why.
    pub purpose: Purpose,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// In what share of the events.
    #[serde(default = "whole")]
    pub share: Quantity,
    /// Identifiers of a person in a query, or alternatives of a match.
    #[serde(default = "single")]
    pub items: u32,
    /// Fields that are claimed after a hit.
    #[serde(default)]
    pub fields: Vec<Field>,
    /// For a count: every how many days.
    #[serde(default)]
    pub every_days: Option<u32>,
    /// Source of the numbers of this table that have none of their own.
    #[serde(default)]
    pub src: String,
}

fn single() -> u32 {
    1
}

/// What happens to a person, or to the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A person is registered who does not ask for asylum.
    Registration,
    /// A person asks for asylum.
    Asylum,
    /// A person is met and not registered.
    Encounter,
    /// A person is to be returned.
    Return,
    /// A report is due: a count.
    Report,
}

/// What follows from a hit on a person who is to be returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readmission {
    /// Source of the numbers of this table that have none of their own.
    #[serde(default)]
    pub src: String,
    /// Share of registered persons who are to be returned.
    pub wanted: Quantity,
    /// Chance that the party where a person was before takes it back if a case was released that shows it.
    pub with_case: Quantity,
    /// The same with a hit alone.
    pub with_hit: Quantity,
    /// The same with neither.
    pub without: Quantity,
    /// Days from the request to the return.
    pub days: Quantity,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abuse {
    /// Its name.
    pub id: String,
    /// What.
    pub kind: AbuseKind,
    /// Who does it, or to whom it happens.
    pub party: AgencyCode,
    /// With whom; every partner where it is left out.
    #[serde(default)]
    pub partner: Option<AgencyCode>,
    /// From which day of the run on.
    #[serde(default)]
    pub from_day: u32,
    /// For how many days, for an outage.
    #[serde(default)]
    pub days: Option<u32>,
    /// Source of the numbers of this table that have none of their own.
    #[serde(default)]
    pub src: String,
    /// Wrongful queries a day.
    #[serde(default = "none")]
    pub per_day: Quantity,
    /// Share of hits that a lying holder suppresses.
    #[serde(default = "none")]
    pub suppressed: Quantity,
    /// Chance that a wrongful query is looked at by an auditor who recognises it.
    #[serde(default = "none")]
    pub audited: Quantity,
    /// Identifiers that there can be, for guessing.
    #[serde(default = "none")]
    pub space: Quantity,
    /// Hit bits that recover a template, for probing.
    #[serde(default = "bits_needed")]
    pub bits_needed: Quantity,
}

fn bits_needed() -> Quantity {
    Quantity { law: Law::Fixed(2_606.0), src: "measured: docs/rules.md".to_owned() }
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbuseKind {
    /// An officer asks about persons for his own ends.
    CorruptOfficer,
    /// A holder answers no-hit where there is a hit.
    LyingResponder,
    /// An asker approaches a template query by query.
    TemplateProbe,
    /// An asker guesses identifiers.
    GuessIdentifiers,
    /// A party revokes its agreements.
    PartyLeaves,
    /// A party's node does not answer.
    Outage,
}

/// What is looked for among counter-proposals; read by the search.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Search {
    /// Measures that count, by name (see [`crate::outcome::Measure`]); a leading `-` wants less of it.
    pub objectives: Vec<String>,
    /// What may be changed.
    pub knobs: Vec<Knob>,
    /// What must never be possible, in the words of `rules prove`.
    pub red_lines: Vec<String>,
}

/// Something that a counter-proposal may change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knob {
    /// A path of the terms, such as `quotas.*.limit` (see [`crate::proposal::Proposal::set`]), or
    /// `clause:ID` for a clause that may be there or not.
    pub path: String,
    /// The values that it may take; for a clause `true` and `false`.
    pub values: Vec<toml::Value>,
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
        Ok(scenario)
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

    /// The same scenario with one number fixed; nothing changes if there is no such number.
    #[must_use]
    pub fn with(&self, path: &str, value: f64) -> Self {
        let mut changed = self.clone();
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
