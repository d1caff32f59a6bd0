//! What requests are made of.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    agreement::MatchAnswer,
    words::{AgencyCode, EngineName, Field, FormName, LegalBasis, OfficerId, Purpose, RegisterName},
};

use super::Authority;

/// The form of a file of records or people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
}

/// What to do with the national rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NationalChange {
    /// Show them.
    Show,
    /// Put this text in their place.
    Set(String),
    /// Remove them.
    Clear,
}

/// Words of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueryTerms {
    /// Partners to ask; all with an agreement in force when empty.
    pub partners: Vec<AgencyCode>,
    /// Which register.
    pub register: RegisterName,
    /// Why.
    pub purpose: Purpose,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// The officer who asks.
    pub officer: OfficerId,
    /// The case reference.
    pub case: Option<String>,
    /// The officer's word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<Box<Authority>>,
}

/// What is asked of a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The form of the templates, by its name in the agreement.
    pub form: FormName,
    /// What is to be told.
    pub answer: MatchAnswer,
    /// The engine; the first that can be used when absent.
    pub engine: Option<EngineName>,
    /// Absolute paths of files with one probe each, which are asked about one after another, each by a query of its own.
    pub probes: Vec<PathBuf>,
}

/// A query to be explained, not asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// With which partner.
    pub partner: AgencyCode,
    /// Whether this node would ask (true) or be asked.
    pub asking: bool,
    /// What would be asked.
    pub of: Explained,
    /// Which register.
    pub register: RegisterName,
    /// Why.
    pub purpose: Purpose,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// The officer.
    pub officer: OfficerId,
    /// Whether a case reference would be given.
    pub case: bool,
    /// Identifiers, or alternatives of the probe of a match.
    pub items: u32,
    /// How many hits the asker would say that it leaves unexplained; if absent, what this node knows. Of an own query
    /// no fewer than this node counts.
    #[serde(default)]
    pub unexplained: Option<u32>,
    /// Fields of which it is told what a claim would release.
    #[serde(default)]
    pub fields: Vec<Field>,
}

/// The kind of a query to be explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Explained {
    /// Which identifiers are hits.
    Exact,
    /// How many are.
    Count,
    /// Whose templates of this form are close.
    Match(FormName),
}
