//! What is said of work that is done ahead of matches.

use serde::{Deserialize, Serialize};
use symbolon_policy::words::{AgencyCode, Digest, FormName, Purpose, RegisterName, Timestamp};

use super::Moved;

/// How much of a match was done ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ahead {
    /// A preparation was used.
    Prepared,
    /// A preparation was used up and the match made in full, for the slice had changed.
    Stale,
    /// Nothing: the match was made in full.
    InFull,
}

/// Preparations on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedLines {
    /// Bytes of all of them.
    pub bytes: u64,
    /// The most that they may be.
    pub most_bytes: u64,
    /// By kind.
    pub kinds: Vec<PreparedLine>,
    /// Partners that broke the protocol in one, and how: with them none are made.
    pub stopped: Vec<(AgencyCode, String)>,
}

/// Preparations of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedLine {
    /// Who asks the match.
    pub asker: AgencyCode,
    /// Who answers it.
    pub holder: AgencyCode,
    /// Of which register.
    pub register: RegisterName,
    /// Why.
    pub purpose: Purpose,
    /// The form of the templates.
    pub form: FormName,
    /// Alternatives of the match.
    pub alternatives: u64,
    /// How many lie ready.
    pub count: u64,
    /// Bytes of all of them.
    pub bytes: u64,
    /// When the oldest was made.
    pub oldest: Timestamp,
    /// When the first of them ends.
    pub expires: Timestamp,
}

/// One preparation that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// With whom.
    pub partner: AgencyCode,
    /// Which.
    pub preparation: Digest,
    /// Bytes of its file here.
    pub bytes: u64,
    /// Bytes sent to the partner, and received from it.
    pub moved: Moved,
    /// Seconds it took.
    pub seconds: f64,
    /// When it ends.
    pub expires: Timestamp,
}
