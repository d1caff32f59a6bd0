//! The registers of one agency: import, look-up, erasure and the stream that slices are made of.
//!
//! Everything lies in one `sled` database, each register in a tree of its own; what is in it can be read
//! only with the storage key ([`crate::sealing`]). Who holds the disk learns the names of the registers,
//! how many records they have, how long these are and when they change.
//!
//! `sled` is a log: an erased value is gone from every read at once, but its sealed bytes stay in the
//! file until their segment is written again. They remain sealed.
//!
//! Writes are taken one at a time. Each record is written whole or not at all; an operation is durable
//! when its function returns, and one that was cut short is run again.

mod anchor;
mod erasure;
mod error;
mod flags;
mod import;
mod json;
mod kept;
mod lines;
mod people;
mod pieces;
mod probe;
mod reading;
mod record;
mod reject;
mod retention;
mod rows;
mod slice;
mod stored;
mod template;
mod words;

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use sled::Tree;
use symbolon_policy::words::RegisterName;

pub use erasure::{Begins, ErasureReason, ErasureSummary, Selection};
pub use error::RegisterError;
pub use flags::Flags;
pub use import::{Format, ImportSummary};
pub use lines::MAX_LINE;
pub use people::{AskedPerson, FORM_OF_PEOPLE, People, PersonLine};
pub use probe::{MAX_PROBE, probe};
pub use reading::samples::{MAX_SAMPLES, MAX_SAMPLES_EACH, PersonSample, SamplesError, person_samples};
pub use record::{MAX_FIELD_NAME, MAX_FIELD_VALUE, MAX_FIELDS, MAX_IDENTIFIERS, Record, Subject, Version1};
pub use reject::{Fault, ImportObserver, Progress, Reason, Reject, RejectReport};
pub use retention::longest_months;
pub use rows::{HeaderError, columns};
pub use slice::{Member, Searchable, Wanted};
pub use stored::{StoredRecord, Traced};
pub use template::{MAX_TEMPLATES, TemplateNote};
pub use words::{Day, FormError, RecordId, Vulnerability};

use crate::{files, sealing::StorageKey};
use anchor::{Anchor, COMMITS};
use kept::Room;
use stored::{Key, RECORD_PREFIX, Vault};

/// Most records on one page of [`Registers::page`].
pub const MAX_PAGE: usize = 1_000;

/// Bytes of pages that `sled` keeps, as they are on the disk. In memory they take up to three times as much.
const CACHE: u64 = 64 << 20;

/// Before the name of a register, in the name of its tree.
const TREE_PREFIX: &str = "register/";

/// Holds the sealed number of records of a register; absent while a write is under way.
const COUNT_KEY: &[u8] = b"n";

/// The registers in one directory. Only one process can have them open.
pub struct Registers {
    db: sled::Db,
    path: PathBuf,
    root: StorageKey,
    anchor: Anchor,
    /// Taken by whoever writes; holds the number of the last commit.
    commits: Mutex<u64>,
    kept: Room,
}

/// What [`Registers::list`] tells about a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterInfo {
    /// The name.
    pub name: RegisterName,
    /// How many records it holds, the expired ones included.
    pub records: u64,
}

/// One register at work.
struct Register {
    name: RegisterName,
    tree: Tree,
    vault: Vault,
}

impl Registers {
    /// Opens the registers under `path`, which is made if it does not exist.
    ///
    /// # Errors
    /// [`RegisterError::Locked`] if another process has them open, [`RegisterError::WrongKey`] if they
    /// were made with another key, [`RegisterError::Damaged`] if the database has lost something,
    /// [`RegisterError::Store`] if it cannot be used.
    pub fn open(path: &Path, key: &StorageKey) -> Result<Self, RegisterError> {
        // Only commit points need be durable, so nothing is flushed in the background.
        let config = sled::Config::new()
            .path(path)
            .cache_capacity(CACHE)
            .mode(sled::Mode::HighThroughput)
            .use_compression(false)
            .flush_every_ms(None);
        let db = files::database(&config).map_err(|error| RegisterError::opening(path, error))?;
        let root = key.derive("registers");
        let anchor = Anchor::new(path.to_owned(), root.derive("anchor"));
        let mut registers =
            Self { db, path: path.to_owned(), root, anchor, commits: Mutex::new(0), kept: Room::new() };
        registers.commits = Mutex::new(registers.last_commit()?);
        Ok(registers)
    }

    /// The number of the last commit, if the database has come as far as its anchor.
    fn last_commit(&self) -> Result<u64, RegisterError> {
        let wrong_key = |_| RegisterError::WrongKey { path: self.path.clone() };
        let open = |sealed: &[u8]| self.anchor.open(sealed).map_err(wrong_key);
        let stored = self.db.get(COMMITS)?.map(|sealed| open(&sealed)).transpose()?;
        let anchored =
            self.anchor.read().map_err(sled::Error::Io)?.map(|sealed| open(&sealed)).transpose()?;
        // Before the first register was committed there is nothing to lose.
        if stored.unwrap_or(0) < anchored.unwrap_or(0)
            || (anchored.is_none() && self.names().next().is_some())
        {
            return Err(RegisterError::Damaged { path: self.path.clone() });
        }
        let mut last = stored.unwrap_or(0);
        if anchored.is_none() {
            self.commit(&mut last)?;
        }
        Ok(last)
    }

    /// Makes an empty register.
    ///
    /// # Errors
    /// [`RegisterError::Exists`] if there is one of this name, [`RegisterError::Store`].
    pub fn create(&self, name: &RegisterName) -> Result<(), RegisterError> {
        let mut commits = self.lock();
        if self.exists(name) {
            return Err(RegisterError::Exists { name: name.clone() });
        }
        self.db.open_tree(tree_name(name))?;
        let register = self.register(name)?;
        register.set_count(0)?;
        self.commit(&mut commits)
    }

    /// Whether there is a register of this name.
    pub fn exists(&self, name: &RegisterName) -> bool {
        self.names().any(|known| known == *name)
    }

    /// Every register, by name.
    ///
    /// # Errors
    /// [`RegisterError::Store`]; [`RegisterError::Corrupt`] if a count does not open.
    pub fn list(&self) -> Result<Vec<RegisterInfo>, RegisterError> {
        let info = |name: RegisterName| {
            let records = self.register(&name)?.count()?;
            Ok(RegisterInfo { name, records })
        };
        let mut list = self.names().map(info).collect::<Result<Vec<_>, RegisterError>>()?;
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    /// The record of this id, if there is one.
    ///
    /// # Errors
    /// [`RegisterError::NoSuchRegister`], [`RegisterError::Corrupt`], [`RegisterError::Store`].
    pub fn show(&self, name: &RegisterName, id: &RecordId) -> Result<Option<Record>, RegisterError> {
        let register = self.register(name)?;
        let key = register.vault.key(id);
        let Some(value) = register.tree.get(key)? else { return Ok(None) };
        match register.vault.record(&key, &value) {
            Ok(record) if record.id == *id => Ok(Some(record)),
            _ => Err(register.corrupt(&key)),
        }
    }

    /// The same, and all that queries find the record by: its canonical identifiers, and its templates as they are
    /// stored.
    ///
    /// # Errors
    /// As [`Registers::show`].
    pub fn show_traced(&self, name: &RegisterName, id: &RecordId) -> Result<Option<Traced>, RegisterError> {
        let register = self.register(name)?;
        let key = register.vault.key(id);
        let Some(value) = register.tree.get(key)? else { return Ok(None) };
        match register.vault.traced(&key, &value) {
            Ok((record, traces)) if record.id == *id => Ok(Some((record, traces))),
            _ => Err(register.corrupt(&key)),
        }
    }

    /// The pseudonym that a record of this id has in a register, whether it is there or not.
    ///
    /// # Errors
    /// [`RegisterError::NoSuchRegister`], [`RegisterError::Corrupt`].
    pub fn pseudonym(&self, name: &RegisterName, id: &RecordId) -> Result<[u8; 16], RegisterError> {
        let register = self.register(name)?;
        let key = register.vault.key(id);
        stored::pseudonym(&key).map_err(|_| register.corrupt(&key))
    }

    /// Up to `limit` records, at most [`MAX_PAGE`], that follow the record `after`, or the first ones.
    ///
    /// The order is that of the keys: it stays the same but has no meaning. `after` need not exist any more.
    ///
    /// # Errors
    /// As [`Registers::show`].
    pub fn page(
        &self,
        name: &RegisterName,
        after: Option<&RecordId>,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, RegisterError> {
        let register = self.register(name)?;
        let after = after.map(|id| register.vault.key(id));
        register.records(after).take(limit.min(MAX_PAGE)).collect()
    }

    /// Every record, in the order of [`Registers::page`], in bounded memory.
    ///
    /// Expired records that are not erased yet come too: see [`StoredRecord::expires`]. A record that is
    /// written meanwhile may or may not come. The stream should be left at the first error.
    ///
    /// # Errors
    /// [`RegisterError::NoSuchRegister`]; each item as [`Registers::show`], and the last one
    /// [`RegisterError::Incomplete`] if there are not as many records as were written.
    pub fn scan(
        &self,
        name: &RegisterName,
    ) -> Result<impl Iterator<Item = Result<StoredRecord, RegisterError>> + Send + 'static, RegisterError>
    {
        self.register(name)?.all()
    }

    /// Opens every record whole and counts them. Returns how many there are.
    ///
    /// Writes wait meanwhile.
    ///
    /// # Errors
    /// [`RegisterError::Incomplete`] if there are fewer or more than were written; else as [`Registers::show`].
    pub fn check(&self, name: &RegisterName) -> Result<u64, RegisterError> {
        let _commits = self.lock();
        let register = self.register(name)?;
        let mut found = 0_u64;
        for entry in register.tree.scan_prefix(RECORD_PREFIX) {
            let (key, value) = entry?;
            register.vault.check(&key, &value).map_err(|_| register.corrupt(&key))?;
            found = found.saturating_add(1);
        }
        let noted = register.count()?;
        if noted != found {
            return Err(RegisterError::Incomplete { name: name.clone(), noted, found });
        }
        Ok(found)
    }

    fn register(&self, name: &RegisterName) -> Result<Register, RegisterError> {
        // `open_tree` would make it.
        if !self.exists(name) {
            return Err(RegisterError::NoSuchRegister { name: name.clone() });
        }
        let tree = self.db.open_tree(tree_name(name))?;
        Ok(Register { name: name.clone(), tree, vault: Vault::new(&self.root, name) })
    }

    fn names(&self) -> impl Iterator<Item = RegisterName> {
        self.db
            .tree_names()
            .into_iter()
            .filter_map(|tree| str::from_utf8(&tree).ok()?.strip_prefix(TREE_PREFIX)?.parse().ok())
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // A commit that was cut short by a panic leaves its number unused, and nothing else.
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes everything written so far durable.
    fn commit(&self, commits: &mut u64) -> Result<(), RegisterError> {
        *commits = commits.saturating_add(1);
        self.db.insert(COMMITS, self.anchor.seal(*commits))?;
        self.db.flush()?;
        // `sled` syncs a range of the file, which leaves its length and the cache of the disk out.
        let synced = File::open(self.path.join("db")).and_then(|file| file.sync_all());
        synced.and_then(|()| self.anchor.write(*commits)).map_err(sled::Error::Io)?;
        Ok(())
    }
}

impl Register {
    /// Every record; at the end an error if there are not as many as were noted.
    fn all(
        self,
    ) -> Result<impl Iterator<Item = Result<StoredRecord, RegisterError>> + Send + 'static, RegisterError>
    {
        let tree = self.tree.clone();
        let before = tree.get(COUNT_KEY)?;
        let noted = before.as_ref().map(|_| self.count()).transpose()?;
        let name = self.name.clone();
        let (mut records, mut found, mut over) = (self.records(None), 0_u64, false);
        Ok(std::iter::from_fn(move || {
            if over {
                return None;
            }
            if let Some(record) = records.next() {
                found = found.saturating_add(1);
                return Some(record);
            }
            over = true;
            match (noted, tree.get(COUNT_KEY)) {
                // No write seals to the same bytes again, so there was none meanwhile.
                (Some(noted), Ok(after)) if after == before && noted != found => {
                    Some(Err(RegisterError::Incomplete { name: name.clone(), noted, found }))
                }
                (_, Err(error)) => Some(Err(error.into())),
                _ => None,
            }
        }))
    }

    fn records(
        self,
        after: Option<Key>,
    ) -> impl Iterator<Item = Result<StoredRecord, RegisterError>> + Send + 'static {
        self.read(after, Vault::head)
    }

    fn corrupt(&self, key: &[u8]) -> RegisterError {
        RegisterError::Corrupt { name: self.name.clone(), key: Vault::digest(key) }
    }

    /// How many records there are: as noted, or counted if a write was cut short.
    fn count(&self) -> Result<u64, RegisterError> {
        match self.tree.get(COUNT_KEY)? {
            Some(sealed) => self.vault.open_count(COUNT_KEY, &sealed).map_err(|_| self.corrupt(COUNT_KEY)),
            None => self.tree.scan_prefix(RECORD_PREFIX).keys().try_fold(0_u64, |count, key| {
                key?;
                Ok(count.saturating_add(1))
            }),
        }
    }

    fn set_count(&self, count: u64) -> Result<(), RegisterError> {
        self.tree.insert(COUNT_KEY, self.vault.seal_count(COUNT_KEY, count))?;
        Ok(())
    }

    /// Takes the count and marks it as not to be relied on until [`Register::set_count`].
    fn begin(&self) -> Result<u64, RegisterError> {
        let count = self.count()?;
        self.tree.remove(COUNT_KEY)?;
        Ok(count)
    }
}

impl std::fmt::Debug for Registers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registers").field("path", &self.path).finish_non_exhaustive()
    }
}

fn tree_name(name: &RegisterName) -> String {
    format!("{TREE_PREFIX}{name}")
}

#[cfg(test)]
mod tests;
