//! Where the files of a scenario are read from.

use std::path::PathBuf;

/// Reads files by the names that a scenario gives them.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn read(&self, name: &str) -> Result<String, String>;
}

/// Files of a directory.
#[derive(Clone, Debug)]
pub struct Directory(pub PathBuf);

impl Files for Directory {
    fn read(&self, name: &str) -> Result<String, String> {
        std::fs::read_to_string(self.0.join(name)).map_err(|error| error.to_string())
    }
}
