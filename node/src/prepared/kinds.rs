//! Matches that were asked, so that the next ones of their kind can be prepared, also after a restart.

use std::{fs, sync::PoisonError};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    ask::Fetch,
    canonical,
    words::{Position, Timestamp},
};

use super::PreparedStore;
use crate::{control::api::Failure, files};

pub(super) const FILE: &str = "kinds";
/// Kinds that are kept in mind; the one that was asked longest ago gives way.
const MOST: usize = 32;
/// How long a kind is prepared for that is not asked any more.
const FORGOTTEN: i64 = 30 * Timestamp::DAY;
/// What the file is sealed for.
const PLACE: &[u8] = b"symbolon/prepared-kinds/1";

/// A kind of match that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wanted {
    /// Between whom, for what, and under whose name.
    pub(crate) fetch: Fetch,
    /// Where the alternatives were taken.
    pub(crate) positions: Vec<Position>,
    /// When it was asked last.
    pub(crate) asked_at: Timestamp,
}

impl Wanted {
    /// Whether it is the same kind, whoever asked.
    fn like(&self, other: &Self) -> bool {
        let (a, b) = (&self.fetch, &other.fetch);
        (a.agreement, &a.holder, &a.register, a.purpose, &a.matching)
            == (b.agreement, &b.holder, &b.register, b.purpose, &b.matching)
            && self.positions == other.positions
    }
}

impl PreparedStore {
    /// Kinds of matches that were asked of late, the last asked first.
    pub(crate) fn wanted(&self, now: Timestamp) -> Vec<Wanted> {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let all = wanted.get_or_insert_with(|| self.read_wanted());
        all.iter().filter(|one| one.asked_at.plus(FORGOTTEN) > now).cloned().collect()
    }

    /// Keeps a kind of match in mind.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be written.
    pub(crate) fn remember(&self, asked: Wanted) -> Result<(), Failure> {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let all = wanted.get_or_insert_with(|| self.read_wanted());
        all.retain(|other| !other.like(&asked) && other.asked_at.plus(FORGOTTEN) > asked.asked_at);
        all.insert(0, asked);
        all.truncate(MOST);
        let plain = canonical::encode(all).map_err(|e| Failure::local(e.to_string()))?;
        let path = self.shelf.dir.join(FILE);
        files::write_whole(&path, &self.key.seal(PLACE, &plain))
            .map_err(|error| Failure::local(format!("cannot write {}: {error}", path.display())))
    }

    /// What the file says; nothing if it cannot be read, for it is only a convenience.
    fn read_wanted(&self) -> Vec<Wanted> {
        let Ok(sealed) = fs::read(self.shelf.dir.join(FILE)) else { return Vec::new() };
        let plain = self.key.open(PLACE, &sealed).ok();
        plain.and_then(|plain| canonical::decode(&plain).ok()).unwrap_or_default()
    }
}
