//! Histories that partners showed and that contradict what they had shown before.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use symbolon_policy::words::AgencyCode;

use super::{Key, State};
use crate::{
    control::api::Failure,
    journal::{Checkpoint, fork_kind},
};

/// A history of a partner that contradicts what it had shown before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fork {
    pub(crate) partner: AgencyCode,
    /// The entry that tells of it.
    pub(crate) entry: u64,
    /// The note that it showed before.
    pub(crate) before: String,
    /// The note that it showed then.
    pub(crate) now: String,
}

impl Fork {
    /// Whether other notes show the same: a partner whose journal grows shows another note at each meeting.
    pub(crate) fn is_shown_by(&self, partner: &AgencyCode, before: &str, now: &str) -> bool {
        self.partner == *partner
            && self.before == before
            && fork_kind(before, &self.now) == fork_kind(before, now)
    }

    /// What it contradicts, in words.
    pub(crate) fn told(&self) -> String {
        let size = |note: &str| Checkpoint::read(note).map_or(0, |checkpoint| checkpoint.size);
        let (before, now) = (size(&self.before), size(&self.now));
        let shown = format!("{} showed a history of {now} entries", self.partner);
        match fork_kind(&self.before, &self.now) {
            Ordering::Less => format!("{shown} after one of {before}"),
            Ordering::Equal => format!("{shown} that differs from the one it had shown"),
            Ordering::Greater => format!("{shown} that does not continue the {before} it had shown"),
        }
    }
}

impl State {
    /// Histories that contradict what was shown before, of each partner in the order of entries.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn forks(&self) -> Result<Vec<Fork>, Failure> {
        self.scan(&Key::forks())
    }
}
