//! Frames: how entries stand in the file.
//!
//! ```text
//! file  = "symbolon journal 1" LF frame*
//! frame = length (u32, big-endian) | check (4 bytes) | entry (canonical bytes) | digest (32 bytes)
//! ```
//!
//! `check` is the head of a hash of the digest before and the length. So a length that was altered
//! is told from a frame that the power took: only what ends with the file and is not whole is
//! *unfinished*. A whole frame is only ever acknowledged after it was synced, so an unfinished one
//! never was. Blocks that a file system had reserved but not written read as zeros, so a last frame
//! is unfinished too if its digest is zero, or everything behind its damaged header is.

#![deny(clippy::arithmetic_side_effects)]

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use symbolon_policy::{canonical, words::Digest};

use super::{Entry, Event, JournalError, MAX_ENTRY, Problem};

/// The first bytes of the file.
pub(super) const MARK: &[u8] = b"symbolon journal 1\n";
/// [`MARK`]'s length.
pub(super) const MARK_LEN: u64 = MARK.len() as u64;

const HEADER: u64 = 8;
const DIGEST: u64 = 32;

/// The frame of an entry, and the entry's digest.
///
/// # Errors
/// [`JournalError::TooLarge`] or [`JournalError::Canonical`].
pub(super) fn frame(entry: &Entry) -> Result<(Vec<u8>, Digest), JournalError> {
    let bytes = entry.bytes()?;
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= MAX_ENTRY);
    let length = length.ok_or(JournalError::TooLarge(bytes.len()))?;
    let digest = Entry::digest(&bytes);
    let frame =
        [&length.to_be_bytes(), check(length, &entry.prev).as_slice(), &bytes, digest.as_bytes()].concat();
    Ok((frame, digest))
}

fn check(length: u32, prev: &Digest) -> [u8; 4] {
    let bytes = [prev.as_bytes().as_slice(), &length.to_be_bytes()].concat();
    let [a, b, c, d, ..] = Digest::of("symbolon/journal-frame/1", &bytes).0;
    [a, b, c, d]
}

/// What stands next in a file.
pub(super) enum Step {
    /// An entry that continues the one before it.
    Entry {
        /// The entry.
        entry: Box<Entry>,
        /// Its digest.
        digest: Digest,
    },
    /// Bytes that were never acknowledged.
    Unfinished {
        /// How many.
        bytes: u64,
    },
    /// Nothing.
    End,
}

/// Reads a journal frame by frame and checks every link. Memory: one entry.
pub(super) struct Frames {
    source: BufReader<File>,
    path: PathBuf,
    offset: u64,
    end: u64,
    seq: u64,
    prev: Digest,
}

impl Frames {
    /// All frames of a file, up to the length that it has now.
    ///
    /// # Errors
    /// [`JournalError::Absent`], [`JournalError::Io`], or [`JournalError::Broken`] at the mark.
    pub(super) fn of(path: &Path) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => JournalError::Absent(path.to_owned()),
            _ => failed(path, error),
        })?;
        let end = file.metadata().map_err(|error| failed(path, error))?.len();
        let mut frames = Self {
            source: BufReader::new(file),
            path: path.to_owned(),
            offset: 0,
            end,
            seq: 0,
            prev: Entry::FIRST,
        };
        let mut mark = [0; MARK.len()];
        if end < MARK_LEN {
            return Err(frames.broken(Problem::Mark));
        }
        frames.read(&mut mark)?;
        if mark != MARK {
            return Err(frames.broken(Problem::Mark));
        }
        frames.offset = MARK_LEN;
        Ok(frames)
    }

    /// The frames from entry `seq`, which begins at `offset`, up to byte `end`.
    ///
    /// # Errors
    /// [`JournalError::Io`].
    pub(super) fn between(path: &Path, seq: u64, offset: u64, end: u64) -> Result<Self, JournalError> {
        let file = File::open(path).map_err(|error| failed(path, error))?;
        let source = BufReader::new(file);
        let mut frames =
            Self { source, path: path.to_owned(), offset, end: end.max(offset), seq, prev: Entry::FIRST };
        let before = if seq == 0 { offset } else { offset.saturating_sub(DIGEST) };
        frames.source.seek(SeekFrom::Start(before)).map_err(|error| failed(path, error))?;
        if seq > 0 {
            let mut prev = [0; DIGEST as usize];
            frames.read(&mut prev)?;
            frames.prev = Digest(prev);
        }
        Ok(frames)
    }

    /// Where the next frame begins, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads what stands next. After an error or an unfinished frame nothing more is to be read.
    ///
    /// # Errors
    /// [`JournalError::Broken`] if the frame is not what was written, [`JournalError::Io`].
    pub(super) fn step(&mut self) -> Result<Step, JournalError> {
        let left = self.end.saturating_sub(self.offset);
        if left == 0 {
            return Ok(Step::End);
        }
        if left < HEADER {
            return Ok(Step::Unfinished { bytes: left });
        }
        let mut length = [0; 4];
        let mut found = [0; 4];
        self.read(&mut length)?;
        self.read(&mut found)?;
        let length = u32::from_be_bytes(length);
        if found != check(length, &self.prev) {
            return if self.rest_is_zero(left.saturating_sub(HEADER))? {
                Ok(Step::Unfinished { bytes: left })
            } else {
                Err(self.broken(Problem::Header))
            };
        }
        let size = usize::try_from(length).unwrap_or(usize::MAX);
        if size > MAX_ENTRY {
            return Err(self.broken(Problem::Length(length)));
        }
        let whole = HEADER.saturating_add(u64::from(length)).saturating_add(DIGEST);
        if left < whole {
            return Ok(Step::Unfinished { bytes: left });
        }
        let mut bytes = vec![0; size];
        self.read(&mut bytes)?;
        let mut digest = [0; DIGEST as usize];
        self.read(&mut digest)?;
        if left == whole && digest == [0; DIGEST as usize] {
            return Ok(Step::Unfinished { bytes: left });
        }
        let digest = Digest(digest);
        if digest != Entry::digest(&bytes) {
            return Err(self.broken(Problem::Digest));
        }
        let entry = canonical::decode(&bytes).map_err(|error| self.broken(Problem::Canonical(error)))?;
        follows(&entry, self.seq, &self.prev).map_err(|problem| self.broken(problem))?;
        self.offset = self.offset.saturating_add(whole);
        self.seq = self.seq.saturating_add(1);
        self.prev = digest;
        Ok(Step::Entry { entry: Box::new(entry), digest })
    }

    fn rest_is_zero(&mut self, bytes: u64) -> Result<bool, JournalError> {
        let mut left = bytes;
        let mut block = [0; 4_096];
        while left > 0 {
            let size = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            let Some(part) = block.get_mut(..size) else { break };
            self.source.read_exact(part).map_err(|error| failed(&self.path, error))?;
            if part.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            left = left.saturating_sub(size as u64);
        }
        Ok(true)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), JournalError> {
        self.source.read_exact(into).map_err(|error| failed(&self.path, error))
    }

    /// The error that names this place.
    pub(super) fn broken(&self, problem: Problem) -> JournalError {
        JournalError::Broken { path: self.path.clone(), offset: self.offset, seq: self.seq, problem }
    }
}

/// Checks that an entry stands at place `seq` after the entry with digest `prev`.
pub(super) fn follows(entry: &Entry, seq: u64, prev: &Digest) -> Result<(), Problem> {
    if entry.seq != seq {
        return Err(Problem::Place(entry.seq));
    }
    if entry.prev != *prev {
        return Err(Problem::Chain);
    }
    if (seq == 0) != matches!(entry.event, Event::Begun { .. }) {
        return Err(Problem::Beginning);
    }
    Ok(())
}

fn failed(path: &Path, source: io::Error) -> JournalError {
    JournalError::Io { doing: "read", path: path.to_owned(), source }
}
