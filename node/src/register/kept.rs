//! The slice of the last match, kept in memory for the next one.

use std::{
    sync::{Arc, Mutex, MutexGuard, TryLockError, Weak},
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
    inside: Mutex<Inside>,
}

struct Inside {
    held: Option<Held>,
    /// What was read here and may be read still, though another slice is held by now; and its bytes.
    out: Vec<(Weak<[Group]>, usize)>,
}

/// A slice, and what it is the slice of.
pub(super) struct Held {
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
    inside: MutexGuard<'a, Inside>,
}

impl Room {
    pub(super) const fn new() -> Self {
        Self::of(MOST)
    }

    /// Room for so many bytes of groups, those among them that are read still.
    pub(super) const fn of(most: usize) -> Self {
        Self { most, inside: Mutex::new(Inside { held: None, out: Vec::new() }) }
    }

    /// The room, or nothing while a slice is read into it: whoever comes meanwhile reads by itself, for another one's slice
    /// may take long.
    pub(super) fn slot(&self) -> Option<Slot<'_>> {
        let inside = match self.inside.try_lock() {
            Ok(inside) => inside,
            // What is held is whole at any time.
            Err(TryLockError::Poisoned(inside)) => inside.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Slot { most: self.most, inside })
    }

    /// Drops what nobody asked for in so long.
    pub(super) fn forget(&self, idle: Duration) {
        // Who reads a slice now has forgotten the old one.
        let Some(mut slot) = self.slot() else { return };
        if slot.inside.held.as_ref().is_some_and(|held| held.used.elapsed() >= idle) {
            slot.inside.held = None;
        }
    }
}

impl Held {
    pub(super) fn new(
        version: IVec,
        name: RegisterName,
        whose: Digest,
        wanted: Arc<Wanted>,
        kept: Kept,
    ) -> Self {
        Self { version, name, whose, wanted, kept, used: Instant::now() }
    }
}

impl Slot<'_> {
    /// Bytes of groups for which there is room. Whoever was given a slice may keep it long, so those count.
    pub(super) fn most(&self) -> usize {
        let read = self.inside.out.iter().filter(|(groups, _)| groups.strong_count() > 0);
        read.fold(self.most, |left, (_, bytes)| left.saturating_sub(*bytes))
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
        let held = self.inside.held.take().filter(|held| {
            (&held.version, &held.name, held.whose) == (version, name, whose) && *held.wanted == *wanted
        })?;
        let kept = held.kept.clone();
        self.inside.held = Some(Held { used: Instant::now(), ..held });
        Some(kept)
    }

    /// Keeps a slice of so many bytes.
    pub(super) fn keep(&mut self, held: Held, bytes: usize) {
        self.inside.out.retain(|(groups, _)| groups.strong_count() > 0);
        self.inside.out.push((Arc::downgrade(&held.kept.groups), bytes));
        self.inside.held = Some(held);
    }
}

/// Bytes of a group in memory, about.
pub(super) fn size(group: &Group) -> usize {
    let each = group.rows.iter().map(|(_, template)| (template.length() / 4).saturating_add(AROUND));
    each.fold(size_of::<Group>(), usize::saturating_add)
}
