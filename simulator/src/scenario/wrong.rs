//! What goes wrong, and what is looked for.

use serde::{Deserialize, Serialize};
use symbolon_policy::words::AgencyCode;

use super::{Law, Quantity, people::none};

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
    /// Different canaries that each asker has in the register of a lying holder.
    #[serde(default = "canaries")]
    pub canaries: Quantity,
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

fn canaries() -> Quantity {
    Quantity::assumed(20.0)
}

fn bits_needed() -> Quantity {
    Quantity { law: Law::Fixed(2_606.0), src: "measured: `docs/rules.md`".to_owned() }
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

impl AbuseKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::CorruptOfficer,
        Self::LyingResponder,
        Self::TemplateProbe,
        Self::GuessIdentifiers,
        Self::PartyLeaves,
        Self::Outage,
    ];

    /// The numbers of [`Abuse`] that it looks at.
    pub(super) fn numbers(self) -> &'static [&'static str] {
        match self {
            Self::CorruptOfficer => &["per_day", "audited"],
            Self::LyingResponder => &["suppressed", "canaries"],
            Self::TemplateProbe => &["per_day", "audited", "bits_needed"],
            Self::GuessIdentifiers => &["per_day", "audited", "space"],
            Self::PartyLeaves | Self::Outage => &[],
        }
    }

    /// As it stands in a scenario.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CorruptOfficer => "corrupt_officer",
            Self::LyingResponder => "lying_responder",
            Self::TemplateProbe => "template_probe",
            Self::GuessIdentifiers => "guess_identifiers",
            Self::PartyLeaves => "party_leaves",
            Self::Outage => "outage",
        }
    }
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
