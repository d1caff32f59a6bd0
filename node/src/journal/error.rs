//! What can go wrong with a journal.

use std::{io, path::PathBuf};

use symbolon_policy::{canonical::CanonicalError, words::AgencyCode};

use super::MAX_ENTRY;

/// Why a journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no journal.
    #[error(
        "there is no journal at {}; a new agency begins one with `symbolon init`; if there was one, restore it \
         from its copy, because partners have seen it", .0.display()
    )]
    Absent(PathBuf),
    /// There is a journal already.
    #[error("there is a journal at {} already; it is never begun anew", .0.display())]
    Present(PathBuf),
    /// Another process has it open.
    #[error("another process writes to the journal {}; stop it first", .0.display())]
    InUse(PathBuf),
    /// It belongs to another agency.
    #[error("the journal {} is of {found}, not of {expected}", .path.display())]
    OtherAgency {
        /// Which file.
        path: PathBuf,
        /// Whose it is.
        found: AgencyCode,
        /// Whose it should be.
        expected: AgencyCode,
    },
    /// The file is not what was written.
    #[error(
        "the journal {} was altered or damaged at byte {offset}, entry {seq}: {problem}; keep this file as it \
         is, restore the last good copy beside it, and compare with a partner by `symbolon audit reconcile`",
        .path.display()
    )]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Where the frame of the entry begins, in bytes.
        offset: u64,
        /// The entry that should stand there.
        seq: u64,
        /// What is wrong.
        problem: Problem,
    },
    /// An entry is too large. Nothing was written.
    #[error("an entry of {0} bytes is larger than {MAX_ENTRY}; nothing was written")]
    TooLarge(usize),
    /// An event has no canonical form. Nothing was written.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// The disk refused; the file was cut back to what it was.
    #[error("nothing was written to the journal: {0}; free some space and try again")]
    NotWritten(io::Error),
    /// It is not known what is on the disk, so nothing more is written.
    #[error("the journal is stopped: {0}; check the disk, then restart the node")]
    Stopped(String),
    /// The partner has seen more than the journal holds.
    #[error(
        "a partner has seen {seen} entries of this journal, which holds {held}: entries were lost; restore the \
         journal from its newest copy before going on"
    )]
    Behind {
        /// What the partner has seen.
        seen: u64,
        /// What there is.
        held: u64,
    },
    /// Reading failed.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The first bytes are not those of a journal.
    #[error("the file does not begin as a journal of version 1 does")]
    Mark,
    /// The length of the entry and its check do not fit together.
    #[error("the header of the frame is damaged")]
    Header,
    /// The length is out of bounds.
    #[error("the frame says {0} bytes, more than an entry may have")]
    Length(u32),
    /// The entry does not hash to the digest written after it.
    #[error("the entry does not hash to the digest written after it")]
    Digest,
    /// The entry is no entry.
    #[error("{0}")]
    Canonical(CanonicalError),
    /// The entry names another place.
    #[error("it is entry {0}")]
    Place(u64),
    /// The entry continues another entry.
    #[error("it does not continue the entry before it")]
    Chain,
    /// The first entry begins no journal, or another one does.
    #[error("a journal begins once, with its first entry")]
    Beginning,
}
