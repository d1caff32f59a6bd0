//! Who moves, and the parties.

use serde::{Deserialize, Serialize};
use symbolon_policy::words::Provenance;

use super::Quantity;

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

/// A number that is 0 where nothing is said.
pub(super) fn none() -> Quantity {
    Quantity::assumed(0.0)
}

/// One party.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its display name; the mark of a footnote may be part of it.
    pub name: String,
    /// The footnote, which is printed at the head of the report.
    #[serde(default)]
    pub note: String,
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
