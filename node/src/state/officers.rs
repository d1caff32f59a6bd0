//! Officers that are enrolled, and what they signed lately.

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    ask::Ask,
    officer::{Act, Intent, Officer, SKEW},
    signing::Document as _,
    words::{Digest, OfficerId, Timestamp},
};

use super::{Key, State, apply::put};
use crate::control::api::Failure;

/// For how long after its act a request may be charged, in seconds. Longer than any session, in which keys
/// are set up first, and than any act is fresh.
pub(crate) const ACT_HOLDS: i64 = 7 * Timestamp::DAY;

/// An act that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meant {
    /// When it was signed.
    pub(crate) at: Timestamp,
    /// For what.
    pub(crate) intent: Intent,
}

impl Meant {
    /// Whether a query is one of those that were meant, and not asked too late.
    pub(crate) fn covers(&self, ask: &Ask) -> bool {
        let span = self.at.plus(-SKEW)..=self.at.plus(ACT_HOLDS);
        span.contains(&ask.asked_at) && self.intent.covers(ask)
    }
}

impl State {
    /// Whether an officer was ever enrolled. From then on nobody asks without a key.
    ///
    /// # Errors
    /// A local [`Failure`]; so below.
    pub(crate) fn officers_begun(&self) -> Result<bool, Failure> {
        Ok(self.get::<bool>(&Key::officers_begun())?.unwrap_or(false))
    }

    /// Officers that are enrolled.
    pub(crate) fn officers(&self) -> Result<Vec<Officer>, Failure> {
        self.scan(&Key::officers())
    }

    /// One officer.
    pub(crate) fn officer(&self, id: &OfficerId) -> Result<Option<Officer>, Failure> {
        self.get(&Key::officer(id))
    }

    /// Whether an act was accepted before.
    pub(crate) fn act_seen(&self, id: &OfficerId, act: &Digest) -> Result<bool, Failure> {
        let used = self.get::<Timestamp>(&Key::used(id, act))?.is_some();
        Ok(used || self.get::<Meant>(&Key::act(id, act))?.is_some())
    }

    /// Keeps that an act was used, and drops those of the same officer that are too old to come again.
    pub(super) fn used(&self, batch: &mut sled::Batch, act: &Act) -> Result<(), Failure> {
        let digest = act.digest().map_err(|e| Failure::local(e.to_string()))?;
        for item in self.db.scan_prefix(Key::all_used(&act.officer).bytes()) {
            let (key, value) = item.map_err(super::failure)?;
            if super::decode::<Timestamp>(&value)?.plus(Timestamp::DAY) < act.at {
                batch.remove(key);
            }
        }
        put(batch, Key::used(&act.officer, &digest), &act.at)
    }

    /// Whether the officer of a query signed for it.
    pub(crate) fn asked_for(&self, ask: &Ask) -> Result<bool, Failure> {
        let meant = self.scan::<Meant>(&Key::acts(&ask.officer))?;
        Ok(meant.iter().any(|meant| meant.covers(ask)))
    }

    /// Keeps an act, and drops those of the same officer that hold no more.
    pub(super) fn meant(&self, batch: &mut sled::Batch, act: &Act, intent: &Intent) -> Result<(), Failure> {
        let digest = act.digest().map_err(|e| Failure::local(e.to_string()))?;
        for item in self.db.scan_prefix(Key::acts(&act.officer).bytes()) {
            let (key, value) = item.map_err(super::failure)?;
            if super::decode::<Meant>(&value)?.at.plus(ACT_HOLDS) < act.at {
                batch.remove(key);
            }
        }
        put(batch, Key::act(&act.officer, &digest), &Meant { at: act.at, intent: intent.clone() })
    }
}
