//! Preparations of matches on disk: this node's halves, sealed, each used once.
//!
//! ```text
//! <id>.own, <id>.partner    a half of this node as asker, or as holder
//! <id>.own.part, ...        one that is being made
//! kinds                     matches that are prepared again and again, sealed
//! ```
//!
//! **Nothing is used twice.** A half leaves the list when it is named in a query. It is spent by removing its file and
//! syncing the directory, before the machine that uses it has said anything; what is used is read from the file that is
//! still open. So after a crash a half is there and was not used, or it is gone. A half that was named and not used is
//! destroyed as well. A file that was put back from a copy is another file to the file system than the one that was
//! made ([`half::Born`]), and is destroyed; nothing helps against a whole disk that is put back (SECURITY.md).
//!
//! **Bounds.** All files together take no more than the settings allow, also while they are being written; what a partner may
//! begin in a day and leave here is bounded ([`turns`]).

mod half;
mod kinds;
mod making;
mod turns;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    ask::{Ask, Fetch},
    prepare::Prepare,
    words::{
        AgencyCode, AgreementId, Digest, EngineName, FormName, Position, Purpose, RegisterName, Timestamp,
    },
};
use symbolon_protocol::matching::ahead::Plan;

use crate::{control::api::Failure, journal::Side, sealing::StorageKey};

pub(crate) use self::{
    half::Lent,
    kinds::Wanted,
    making::Making,
    turns::{Turn, Turns},
};

/// Everything that must be the same in a match and in what was prepared for it. What else decides which records take
/// part is found by the engine, which compares the slices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kind {
    pub(crate) agreement: AgreementId,
    pub(crate) asker: AgencyCode,
    pub(crate) holder: AgencyCode,
    pub(crate) register: RegisterName,
    pub(crate) purpose: Purpose,
    pub(crate) form: FormName,
    pub(crate) engine: EngineName,
    pub(crate) keys: Digest,
    pub(crate) positions: Vec<Position>,
}

impl Kind {
    /// What a query would use; nothing if it is no match.
    pub(crate) fn of(ask: &Ask) -> Option<Self> {
        let asked = ask.matching.as_ref()?;
        Some(Self {
            agreement: ask.agreement,
            asker: ask.asker.clone(),
            holder: ask.holder.clone(),
            register: ask.register.clone(),
            purpose: ask.purpose,
            form: asked.form.clone(),
            engine: asked.engine.clone(),
            keys: asked.keys,
            positions: asked.positions.clone(),
        })
    }

    /// What a request prepares; nothing if it names no form.
    pub(crate) fn prepared(prepare: &Prepare) -> Option<Self> {
        Self::wanted(&prepare.fetch, prepare.keys, &prepare.positions)
    }

    /// What a request under such keys would prepare; nothing if it names no form.
    pub(crate) fn wanted(fetch: &Fetch, keys: Digest, positions: &[Position]) -> Option<Self> {
        let setup = fetch.matching.as_ref()?;
        Some(Self {
            agreement: fetch.agreement,
            asker: fetch.asker.clone(),
            holder: fetch.holder.clone(),
            register: fetch.register.clone(),
            purpose: fetch.purpose,
            form: setup.form.clone(),
            engine: setup.engine.clone(),
            keys,
            positions: positions.to_vec(),
        })
    }
}

/// A half that lies ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lying {
    pub(crate) kind: Kind,
    pub(crate) bytes: u64,
    pub(crate) made: Timestamp,
    pub(crate) expires: Timestamp,
}

/// Which half of which preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    id: Digest,
    own: bool,
}

impl Name {
    fn new(side: Side, id: Digest) -> Self {
        Self { id, own: side == Side::Asker }
    }

    fn side(self) -> Side {
        if self.own { Side::Asker } else { Side::Holder }
    }

    fn path(self, dir: &Path) -> PathBuf {
        dir.join(format!("{}.{}", self.id, if self.own { "own" } else { "partner" }))
    }

    fn read(name: &str) -> Option<Self> {
        let (id, half) = name.split_once('.')?;
        let own = match half {
            "own" => true,
            "partner" => false,
            _ => return None,
        };
        Some(Self { id: id.parse().ok()?, own })
    }

    /// What every sealed part of the file is bound to.
    fn place(self, part: &str, number: u64) -> Vec<u8> {
        let side: &[u8] = if self.own { b"own" } else { b"partner" };
        [b"symbolon/prepared/1", part.as_bytes(), side, self.id.as_bytes(), &number.to_be_bytes()].concat()
    }
}

/// What lies there, and what all files take.
#[derive(Debug, Default)]
struct Inner {
    lying: BTreeMap<Name, Lying>,
    /// Bytes of all files: those that lie, are lent, or are being written.
    bytes: u64,
}

/// The list, shared by files that come and go.
#[derive(Debug)]
struct Shelf {
    dir: PathBuf,
    most: u64,
    inner: Mutex<Inner>,
}

impl Shelf {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a file that is of no use. What cannot be removed now is found at the next start; it is in no list.
    fn discard(&self, name: Name) {
        if let Err(error) = half::destroy(&name.path(&self.dir)) {
            tracing::error!(preparation = %name.id, %error, "a preparation could not be removed");
        }
    }
}

/// Bytes of one file, as long as it takes them.
#[derive(Debug)]
struct Weight {
    shelf: Arc<Shelf>,
    bytes: u64,
}

impl Weight {
    /// Takes more, if there is room.
    fn grow(&mut self, more: u64) -> bool {
        let mut inner = self.shelf.inner();
        let sum = inner.bytes.saturating_add(more);
        let fits = sum <= self.shelf.most;
        if fits {
            inner.bytes = sum;
            self.bytes = self.bytes.saturating_add(more);
        }
        fits
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        let mut inner = self.shelf.inner();
        inner.bytes = inner.bytes.saturating_sub(self.bytes);
    }
}

/// The directory.
#[derive(Debug)]
pub(crate) struct PreparedStore {
    shelf: Arc<Shelf>,
    key: StorageKey,
    /// What partners begin.
    pub(crate) turns: Turns,
    /// Wakes whoever makes preparations in the background.
    pub(crate) wake: tokio::sync::Notify,
    wanted: Mutex<Option<Vec<Wanted>>>,
    /// Matches that are being asked here.
    asking: tokio::sync::watch::Sender<u64>,
}

/// A match that is being asked: nothing is prepared meanwhile.
pub(crate) struct Asking<'s>(&'s PreparedStore);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.send_modify(|asking| *asking = asking.saturating_sub(1));
        self.0.wake.notify_one();
    }
}

impl PreparedStore {
    /// Opens a directory that exists: removes what is not whole, what was put back from a copy, and the oldest of what is
    /// more than `most` bytes.
    pub(crate) fn open(dir: PathBuf, key: StorageKey, most: u64) -> Self {
        let shelf = Arc::new(Shelf { dir, most, inner: Mutex::default() });
        let (turns, wake, wanted) = (Turns::default(), tokio::sync::Notify::new(), Mutex::default());
        let asking = tokio::sync::watch::Sender::new(0);
        let store = Self { shelf, key, turns, wake, wanted, asking };
        let names = fs::read_dir(&store.shelf.dir).into_iter().flatten().filter_map(|entry| {
            let name = entry.ok()?.file_name().to_str()?.to_owned();
            (name != kinds::FILE).then_some(name)
        });
        for file in names.collect::<Vec<_>>() {
            let Some(name) = Name::read(&file) else {
                if let Err(error) = half::destroy(&store.shelf.dir.join(&file)) {
                    tracing::error!(%error, "a file that is no preparation could not be removed");
                }
                continue;
            };
            match half::look(&store.shelf.dir, &store.key, name) {
                Ok(lying) => {
                    let mut inner = store.shelf.inner();
                    inner.bytes = inner.bytes.saturating_add(lying.bytes);
                    inner.lying.insert(name, lying);
                }
                Err(failure) => {
                    tracing::warn!(preparation = %name.id, why = %failure.what, "a preparation is removed");
                    store.shelf.discard(name);
                }
            }
        }
        while store.bytes() > most && store.drop_oldest(|_, _| true) {}
        store
    }

    /// Says that a match is being asked until the guard is dropped.
    pub(crate) fn ask(&self) -> Asking<'_> {
        self.asking.send_modify(|asking| *asking = asking.saturating_add(1));
        Asking(self)
    }

    /// Whether a match is being asked.
    pub(crate) fn is_asked(&self) -> bool {
        *self.asking.borrow() > 0
    }

    /// Waits until one is.
    pub(crate) async fn asked(&self) {
        // The other end is here, so it does not go away.
        let _ = self.asking.subscribe().wait_for(|asking| *asking > 0).await;
    }

    /// Bytes that all files take now.
    pub(crate) fn bytes(&self) -> u64 {
        self.shelf.inner().bytes
    }

    /// Bytes that they may take.
    pub(crate) fn most_bytes(&self) -> u64 {
        self.shelf.most
    }

    /// Whether there is room for so many bytes more.
    pub(crate) fn room(&self, bytes: u64) -> bool {
        self.bytes().saturating_add(bytes) <= self.shelf.most
    }

    /// All that lie ready.
    pub(crate) fn lying(&self) -> Vec<(Side, Lying)> {
        self.shelf.inner().lying.iter().map(|(name, lying)| (name.side(), lying.clone())).collect()
    }

    /// Begins one.
    ///
    /// # Errors
    /// A local [`Failure`] if its file cannot be made, or one of that name is there.
    pub(crate) fn begin(&self, side: Side, kind: Kind, plan: Plan) -> Result<Making, Failure> {
        let name = Name::new(side, Digest(plan.id));
        if self.shelf.inner().lying.contains_key(&name) {
            return Err(Failure::local("a preparation of this name is there already"));
        }
        Making::begin(self.shelf.clone(), self.key.clone(), name, kind, plan)
    }

    /// Whether there is a half of this node as asker that a query could use.
    pub(crate) fn has(&self, kind: &Kind, now: Timestamp) -> bool {
        let inner = self.shelf.inner();
        inner.lying.iter().any(|(name, lying)| name.own && lying.kind == *kind && lying.expires > now)
    }

    /// Takes the newest half of this node as asker that a query could use: a holder without room lets its oldest go. It is
    /// used by this query or by none.
    pub(crate) fn offer(&self, kind: &Kind, now: Timestamp) -> Option<Lent> {
        let mut inner = self.shelf.inner();
        let fits = |name: &Name, lying: &Lying| name.own && lying.kind == *kind && lying.expires > now;
        let found = inner.lying.iter().filter(|(name, lying)| fits(name, lying));
        let name = found.max_by_key(|(_, lying)| lying.made).map(|(name, _)| *name)?;
        self.lend(&mut inner, name)
    }

    /// Takes the half of this node as holder that a query names, if it is of the query's kind.
    pub(crate) fn find(&self, id: &Digest, kind: &Kind, now: Timestamp) -> Option<Lent> {
        let mut inner = self.shelf.inner();
        let name = Name::new(Side::Holder, *id);
        // Of another kind it is not the asker's to use up.
        inner.lying.get(&name).filter(|lying| lying.kind == *kind && lying.expires > now)?;
        self.lend(&mut inner, name)
    }

    fn lend(&self, inner: &mut Inner, name: Name) -> Option<Lent> {
        let lying = inner.lying.remove(&name)?;
        let weight = Weight { shelf: self.shelf.clone(), bytes: lying.bytes };
        Some(Lent::new(weight, self.key.clone(), name))
    }

    /// Destroys one.
    pub(crate) fn destroy(&self, side: Side, id: &Digest) {
        let taken = self.lend(&mut self.shelf.inner(), Name::new(side, *id));
        drop(taken);
    }

    /// Destroys those that are not to be kept.
    pub(crate) fn sweep(&self, keep: impl Fn(Side, &Lying) -> bool) {
        let ended: Vec<Lent> = {
            let mut inner = self.shelf.inner();
            let ended = inner.lying.iter().filter(|(name, lying)| !keep(name.side(), lying));
            let names: Vec<Name> = ended.map(|(name, _)| *name).collect();
            names.into_iter().filter_map(|name| self.lend(&mut inner, name)).collect()
        };
        drop(ended);
    }

    /// Destroys the oldest halves made with an asker until at most `most` are left: their other halves may be long gone.
    pub(crate) fn keep_at_most(&self, asker: &AgencyCode, most: usize) {
        let of = |side: Side, lying: &Lying| side == Side::Holder && lying.kind.asker == *asker;
        while self.lying().iter().filter(|(side, lying)| of(*side, lying)).count() > most
            && self.drop_oldest(of)
        {}
    }

    fn drop_oldest(&self, of: impl Fn(Side, &Lying) -> bool) -> bool {
        let taken = {
            let mut inner = self.shelf.inner();
            let found = inner.lying.iter().filter(|(name, lying)| of(name.side(), lying));
            let oldest = found.min_by_key(|(_, lying)| lying.made).map(|(name, _)| *name);
            oldest.and_then(|name| self.lend(&mut inner, name))
        };
        taken.is_some()
    }
}

/// Syncs the directory, so that what was removed or renamed in it stays so.
fn sync(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}

fn unwritable(error: std::io::Error) -> Failure {
    Failure::local(format!("a preparation cannot be written: {error}")).with_help("make room on the disk")
}

#[cfg(test)]
mod tests;
