//! Ways, comparisons, and what officers do.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    rules::ExchangeKind,
    words::{AgencyCode, Field, FormName, LegalBasis, Purpose},
};

use super::{Quantity, people::none};

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

impl RouteKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Onward, Self::Pushback];

    /// As it stands in a scenario.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Onward => "onward",
            Self::Pushback => "pushback",
        }
    }
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
    /// The line of the scenario in which it, or its form, stands.
    #[serde(skip)]
    pub(crate) line: usize,
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

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Registration, Self::Asylum, Self::Encounter, Self::Return, Self::Report];

    /// As it stands in a scenario.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Asylum => "asylum",
            Self::Encounter => "encounter",
            Self::Return => "return",
            Self::Report => "report",
        }
    }
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
