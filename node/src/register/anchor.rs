//! The anchor: a small file that knows how far the database has come.
//!
//! After damage to its file `sled` goes on from the last state that it can read, without a word. That could
//! drop imported records or bring erased ones back. So each commit has a number, which is written last to the
//! database and then, once that is durable, to a file of its own. A database behind its anchor has lost
//! something and is not opened. Who puts back an old copy of both is not found out here.

use std::{fs, fs::File, io, io::Write, path::PathBuf};

use crate::sealing::{SealError, StorageKey};

/// The place of the number in the database and the name of the file.
pub(super) const COMMITS: &str = "commits";

/// The sealed number of the last durable commit, beside the database.
pub(super) struct Anchor {
    directory: PathBuf,
    key: StorageKey,
}

impl Anchor {
    pub(super) fn new(directory: PathBuf, key: StorageKey) -> Self {
        Self { directory, key }
    }

    pub(super) fn seal(&self, commits: u64) -> Vec<u8> {
        self.key.seal(COMMITS.as_bytes(), &commits.to_be_bytes())
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Result<u64, SealError> {
        let commits = self.key.open(COMMITS.as_bytes(), sealed)?;
        Ok(u64::from_be_bytes(commits.as_slice().try_into().map_err(|_| SealError)?))
    }

    /// What the file holds, if it is there.
    pub(super) fn read(&self) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.directory.join(COMMITS)) {
            Ok(sealed) => Ok(Some(sealed)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file, durably and in one step.
    pub(super) fn write(&self, commits: u64) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(&self.seal(commits))?;
        file.as_file().sync_all()?;
        file.persist(self.directory.join(COMMITS))?;
        File::open(&self.directory)?.sync_all()
    }
}
