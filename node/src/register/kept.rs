//! The slice of the last match, kept in memory for the next one.

use std::{
    sync::{Arc, Mutex, MutexGuard, TryLockError},
    time::{Duration, Instant},
};

use sled::IVec;
use symbolon_policy::words::{Digest, RegisterName};
use symbolon_protocol::matching::engine::Group;

use super::slice::{Member, Wanted};

/// Most bytes of groups that are kept: those of about a million templates of 512 bits.
const MOST: usize = 256 << 20;

/// How long a slice is kept for which nobody asks.
pub(super) const IDLE: Duration = Duration::from_secs(60);

/// Bytes of a template in memory beside its bits and mask, about.
const AROUND: usize = 96;

/// A slice as it was read.
#[derive(Clone)]
pub(super) struct Kept {
    /// A group for each record that takes part. Templates are wiped when the last reader is gone.
    pub(super) groups: Arc<[Group]>,
    /// What each is noted under.
    pub(super) members: Arc<[Member]>,
}

/// Room for one slice.
pub(super) struct Room {
    most: usize,
    held: Mutex<Option<Held>>,
}

struct Held {
    /// The state of the register.
    version: IVec,
    name: RegisterName,
    whose: Digest,
    wanted: Arc<Wanted>,
    kept: Kept,
    used: Instant,
}

/// The room, as long as nobody else is in it.
pub(super) struct Slot<'a> {
    most: usize,
    held: MutexGuard<'a, Option<Held>>,
}

impl Room {
    pub(super) const fn new() -> Self {
        Self::of(MOST)
    }

    /// Room for so many bytes of groups.
    pub(super) const fn of(most: usize) -> Self {
        Self { most, held: Mutex::new(None) }
    }

    /// The room, or nothing while a slice is read into it: whoever comes meanwhile reads by itself, for another one's slice
    /// may take long.
    pub(super) fn slot(&self) -> Option<Slot<'_>> {
        let held = match self.held.try_lock() {
            Ok(held) => held,
            // What is held is whole at any time.
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Slot { most: self.most, held })
    }

    /// Drops what nobody asked for in so long.
    pub(super) fn forget(&self, idle: Duration) {
        // Who reads a slice now has forgotten the old one.
        let Ok(mut held) = self.held.try_lock() else { return };
        if held.as_ref().is_some_and(|held| held.used.elapsed() >= idle) {
            *held = None;
        }
    }
}

impl Slot<'_> {
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// The slice, if it is there. Else the room is empty from here on, so that there is never more than one in memory
    /// that nobody reads.
    pub(super) fn find(
        &mut self,
        version: &IVec,
        name: &RegisterName,
        whose: Digest,
        wanted: &Wanted,
    ) -> Option<Kept> {
        let held = self.held.take().filter(|held| {
            (&held.version, &held.name, held.whose) == (version, name, whose) && *held.wanted == *wanted
        })?;
        let kept = held.kept.clone();
        *self.held = Some(Held { used: Instant::now(), ..held });
        Some(kept)
    }

    pub(super) fn keep(
        &mut self,
        version: IVec,
        name: RegisterName,
        whose: Digest,
        wanted: Arc<Wanted>,
        kept: Kept,
    ) {
        *self.held = Some(Held { version, name, whose, wanted, kept, used: Instant::now() });
    }
}

/// Bytes of a group in memory, about.
pub(super) fn size(group: &Group) -> usize {
    let each = group.rows.iter().map(|(_, template)| (template.length() / 4).saturating_add(AROUND));
    each.fold(size_of::<Group>(), usize::saturating_add)
}
