//! The three things that the journal does to its file, apart so that tests can let each one fail.

use std::{fs::File, io, os::unix::fs::FileExt};

/// A file under the journal.
pub(super) trait Disk: Send {
    /// Writes bytes at an offset, all of them or an error.
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Returns when the content and the length would survive a loss of power.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file.
    fn cut(&self, length: u64) -> io::Result<()>;
}

impl Disk for File {
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}
