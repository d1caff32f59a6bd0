//! The journal's file: opened, appended to, read.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
};

use symbolon_policy::{
    signing::Signer,
    words::{AgencyCode, Digest, Timestamp},
};

use crate::files::Held;

use super::{
    Checkpoint, CheckpointOffer, Entry, Event, JournalError, Problem, Tree,
    disk::Disk,
    frame::{self, Frames, MARK, MARK_LEN, Step},
};

/// The name of the file in the agency's directory.
pub const FILE: &str = "journal";

/// One agency's journal. Callers on several threads queue at a mutex; whoever has several events at
/// once saves syncs with [`Journal::append_all`]. All calls that append block until the disk has
/// synced, so an asynchronous caller makes them on a blocking thread.
pub struct Journal {
    path: PathBuf,
    agency: AgencyCode,
    unfinished: u64,
    tail: Mutex<Tail>,
}

/// Where the file ends. Memory: at most 90 bytes an entry.
struct Tail {
    disk: Box<dyn Disk>,
    /// Holds the lock on the file for as long as the journal lives.
    _lock: Held,
    length: u64,
    head: Digest,
    tree: Tree,
    offsets: Vec<u64>,
    seen: BTreeMap<AgencyCode, String>,
    stopped: Option<String>,
}

impl Journal {
    /// Begins a journal in `dir`, which must be there. Its first entry is [`Event::Begun`].
    ///
    /// # Errors
    /// [`JournalError::Present`] if there is one, [`JournalError::Io`].
    pub fn create(
        dir: &Path,
        agency: &AgencyCode,
        software: &str,
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let path = dir.join(FILE);
        let event = Event::Begun { agency: agency.clone(), software: software.to_owned() };
        let (frame, _) = frame::frame(&Entry { seq: 0, time: now, prev: Entry::FIRST, event })?;
        let io = |source| JournalError::Io { doing: "begin", path: path.clone(), source };
        // Under another name first, so that a journal always has its first entry.
        let mut file = tempfile::NamedTempFile::new_in(dir).map_err(io)?;
        file.write_all(MARK).and_then(|()| file.write_all(&frame)).map_err(io)?;
        file.as_file().sync_all().map_err(io)?;
        file.persist_noclobber(&path).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => JournalError::Present(path.clone()),
            _ => io(error.error),
        })?;
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)?;
        Self::open(dir, agency, |_| ())
    }

    /// Opens the journal in `dir`, verifies every frame and link, shows every entry to `replay` in
    /// order, cuts off what was never acknowledged, and locks the file.
    ///
    /// # Errors
    /// [`JournalError::Broken`] if the file is not what was written; then nothing was changed.
    /// [`JournalError::Absent`], [`JournalError::InUse`], [`JournalError::OtherAgency`],
    /// [`JournalError::Io`].
    pub fn open(dir: &Path, agency: &AgencyCode, replay: impl FnMut(&Entry)) -> Result<Self, JournalError> {
        let path = dir.join(FILE);
        let io = |source| JournalError::Io { doing: "open", path: path.clone(), source };
        let file =
            OpenOptions::new().read(true).write(true).open(&path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => JournalError::Absent(path.clone()),
                _ => io(error),
            })?;
        let lock = file.try_clone().map_err(io)?;
        let lock = Held::take(lock).map_err(|error| match error {
            TryLockError::WouldBlock => JournalError::InUse(path.clone()),
            TryLockError::Error(error) => io(error),
        })?;
        Self::with(&path, agency, Box::new(file), lock, replay)
    }

    /// The same over a given disk.
    pub(super) fn with(
        path: &Path,
        agency: &AgencyCode,
        disk: Box<dyn Disk>,
        lock: Held,
        mut replay: impl FnMut(&Entry),
    ) -> Result<Self, JournalError> {
        let mut tail = Tail {
            disk,
            _lock: lock,
            length: MARK_LEN,
            head: Entry::FIRST,
            tree: Tree::default(),
            offsets: Vec::new(),
            seen: BTreeMap::new(),
            stopped: None,
        };
        let mut frames = Frames::of(path)?;
        let unfinished = loop {
            match frames.step()? {
                Step::Entry { entry, digest } => {
                    if let Event::Begun { agency: found, .. } = &entry.event {
                        let path = path.to_owned();
                        if found != agency {
                            let (found, expected) = (found.clone(), agency.clone());
                            return Err(JournalError::OtherAgency { path, found, expected });
                        }
                    }
                    tail.take(&entry.event, digest, frames.offset());
                    replay(&entry);
                }
                Step::Unfinished { bytes } => break bytes,
                Step::End => break 0,
            }
        };
        if tail.offsets.is_empty() {
            let path = path.to_owned();
            return Err(JournalError::Broken { path, offset: MARK_LEN, seq: 0, problem: Problem::Beginning });
        }
        // What was read may be in memory only, if the node was killed before it synced.
        let cut = if unfinished > 0 { tail.disk.cut(tail.length) } else { Ok(()) };
        let io = |source| JournalError::Io { doing: "sync", path: path.to_owned(), source };
        cut.and_then(|()| tail.disk.sync()).map_err(io)?;
        Ok(Self { path: path.to_owned(), agency: agency.clone(), unfinished, tail: Mutex::new(tail) })
    }

    /// How many bytes of an unfinished entry were cut off when the journal was opened. It was never
    /// acknowledged; the node says in its log that power was lost or the process killed.
    pub fn unfinished(&self) -> u64 {
        self.unfinished
    }

    /// Appends one event and returns its place when it would survive a loss of power.
    ///
    /// # Errors
    /// See [`Journal::append_all`].
    pub fn append(&self, event: Event, now: Timestamp) -> Result<u64, JournalError> {
        self.append_all(vec![event], now).map(|places| places.start)
    }

    /// Appends events with one sync and returns their places when all would survive a loss of
    /// power. If power is lost before, any number of the first of them may be there.
    ///
    /// # Errors
    /// [`JournalError::TooLarge`], [`JournalError::Canonical`] or [`JournalError::NotWritten`]:
    /// nothing was written and the journal goes on. [`JournalError::Stopped`]: the disk may or may
    /// not hold the entries, so this journal appends nothing more until it is opened anew. (A sync
    /// that failed once may succeed when repeated although data were lost.)
    pub fn append_all(&self, events: Vec<Event>, now: Timestamp) -> Result<Range<u64>, JournalError> {
        let mut tail = self.tail()?;
        if let Some(reason) = &tail.stopped {
            return Err(JournalError::Stopped(reason.clone()));
        }
        let first = tail.tree.size();
        let (mut bytes, mut prev, mut ends) = (Vec::new(), tail.head, Vec::new());
        for (seq, event) in (first..).zip(&events) {
            let entry = Entry { seq, time: now, prev, event: event.clone() };
            let (frame, digest) = frame::frame(&entry)?;
            bytes.extend(frame);
            prev = digest;
            ends.push((digest, tail.length.saturating_add(bytes.len() as u64)));
        }
        tail.write(&bytes)?;
        for (event, (digest, end)) in events.iter().zip(ends) {
            tail.take(event, digest, end);
        }
        Ok(first..tail.tree.size())
    }

    /// How many entries there are.
    ///
    /// # Errors
    /// [`JournalError::Stopped`] after a panic in another thread.
    pub fn size(&self) -> Result<u64, JournalError> {
        Ok(self.tail()?.tree.size())
    }

    /// All entries with their digests, as of now. Memory: one entry.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn entries(&self) -> Result<Entries, JournalError> {
        self.entries_from(0)
    }

    /// The entries from place `seq` on, as of now; none if there are not so many.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub fn entries_from(&self, seq: u64) -> Result<Entries, JournalError> {
        let (offset, end) = {
            let tail = self.tail()?;
            let place = usize::try_from(seq).unwrap_or(usize::MAX);
            (tail.offsets.get(place).copied().unwrap_or(tail.length), tail.length)
        };
        Frames::between(&self.path, seq, offset, end).map(|frames| Entries { frames: Some(frames) })
    }

    /// Size and root of the journal's tree as it is now.
    ///
    /// # Errors
    /// [`JournalError::Stopped`] after a panic in another thread.
    pub fn root(&self) -> Result<(u64, Digest), JournalError> {
        let tail = self.tail()?;
        Ok((tail.tree.size(), tail.tree.root()))
    }

    /// The signed note of the journal as it is now.
    ///
    /// # Errors
    /// [`JournalError::Stopped`] after a panic in another thread.
    pub fn checkpoint(&self, signer: &dyn Signer) -> Result<String, JournalError> {
        let (size, root) = {
            let tail = self.tail()?;
            (tail.tree.size(), tail.tree.root())
        };
        Ok(Checkpoint::sign(&self.agency, size, root, signer))
    }

    /// The journal's checkpoint, with the proof for a partner that last saw `from_size` entries.
    ///
    /// # Errors
    /// [`JournalError::Behind`] if the partner has seen more than there is.
    pub fn offer(&self, from_size: u64, signer: &dyn Signer) -> Result<CheckpointOffer, JournalError> {
        let (held, root, proof) = {
            let tail = self.tail()?;
            let held = tail.tree.size();
            (held, tail.tree.root(), tail.tree.proof(from_size, held))
        };
        let proof = proof.ok_or(JournalError::Behind { seen: from_size, held })?;
        Ok(CheckpointOffer { note: Checkpoint::sign(&self.agency, held, root, signer), from_size, proof })
    }

    /// The last note of a partner that was journalled as seen.
    ///
    /// # Errors
    /// [`JournalError::Stopped`] after a panic in another thread.
    pub fn last_seen(&self, partner: &AgencyCode) -> Result<Option<String>, JournalError> {
        Ok(self.tail()?.seen.get(partner).cloned())
    }

    fn tail(&self) -> Result<MutexGuard<'_, Tail>, JournalError> {
        self.tail.lock().map_err(|_| JournalError::Stopped("another thread failed while it held it".into()))
    }
}

impl Tail {
    /// Writes and syncs, or leaves the file as it was, or stops.
    fn write(&mut self, bytes: &[u8]) -> Result<(), JournalError> {
        if let Err(error) = self.disk.write(bytes, self.length) {
            let undone = self.disk.cut(self.length).and_then(|()| self.disk.sync());
            return Err(match undone {
                Ok(()) => JournalError::NotWritten(error),
                Err(undo) => self.stop(format!("a write failed ({error}) and could not be undone ({undo})")),
            });
        }
        if let Err(error) = self.disk.sync() {
            // So that a restart does not read from memory what the disk may not have. If even this
            // fails, the entry is read as one that was written and not acknowledged, which it is.
            let undone = self.disk.cut(self.length).and_then(|()| self.disk.sync());
            let undone = undone.err().map(|undo| format!(", nor undone ({undo})")).unwrap_or_default();
            return Err(self.stop(format!("an entry could not be synced ({error}){undone}")));
        }
        Ok(())
    }

    fn stop(&mut self, reason: String) -> JournalError {
        self.stopped = Some(reason.clone());
        JournalError::Stopped(reason)
    }

    /// Takes an entry that is on the disk and ends at byte `end`.
    fn take(&mut self, event: &Event, digest: Digest, end: u64) {
        if self.offsets.len() == self.offsets.capacity() {
            self.offsets.reserve_exact((self.offsets.len() / 4).max(64));
        }
        self.offsets.push(self.length);
        self.length = end;
        self.head = digest;
        self.tree.push(&digest);
        if let Event::CheckpointSeen { partner, note } = event {
            self.seen.insert(partner.clone(), note.clone());
        }
    }
}

/// Entries of a journal with their digests, read one by one. Ends after the first error.
pub struct Entries {
    frames: Option<Frames>,
}

impl Iterator for Entries {
    type Item = Result<(Entry, Digest), JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.frames.as_mut()?.step() {
            Ok(Step::Entry { entry, digest }) => Some(Ok((*entry, digest))),
            Ok(Step::End) => {
                self.frames = None;
                None
            }
            // What is read here was acknowledged, so it cannot be unfinished.
            Ok(Step::Unfinished { .. }) => {
                self.frames.take().map(|frames| Err(frames.broken(Problem::Digest)))
            }
            Err(error) => {
                self.frames = None;
                Some(Err(error))
            }
        }
    }
}

#[cfg(test)]
mod tests;
