//! What a node answers about alerts.

use serde::{Deserialize, Serialize};
use symbolon_policy::words::{Digest, OfficerId, Timestamp};

use crate::alerts::Alert;

/// What stands out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts {
    /// In the order of time.
    pub alerts: Vec<AlertLine>,
    /// How many are left out, because an officer acknowledged them.
    pub left_out: u64,
    /// Tests that were made.
    pub tests: u64,
    /// How many of them honest people would set off at most, in millionths of an alert.
    pub expected: u64,
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertLine {
    /// Names it: the same whatever is counted later in the same span.
    pub id: Digest,
    /// What stands out.
    pub alert: Alert,
    /// Who looked into it, if as much was counted then as now.
    pub acknowledged: Option<Acknowledged>,
}

/// An officer's word about an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// Who.
    pub officer: OfficerId,
    /// When.
    pub at: Timestamp,
    /// What came of it.
    pub note: String,
}
