//! What can go wrong with the registers as a whole. Faults of single lines are [`super::Reason`]s.

use std::{
    io,
    path::{Path, PathBuf},
};

use symbolon_policy::words::{Digest, RegisterName};
use symbolon_protocol::matching::projection::ProjectionError;

use super::HeaderError;
use crate::files;

/// Why an operation on a register ended.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Another process has the registers open.
    #[error(
        "the registers in {path} are open in another process; stop that process or ask it to do the work"
    )]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The registers were made with another storage key.
    #[error(
        "the registers in {path} were made with another storage key; open them with the keystore they belong to"
    )]
    WrongKey {
        /// The directory.
        path: PathBuf,
    },
    /// The database is behind what was committed, or its anchor is missing.
    #[error(
        "the database of the registers in {path} has lost what was written last, through damage or an old copy; \
         restore the whole directory from a backup, or start with an empty one and import the files again"
    )]
    Damaged {
        /// The directory.
        path: PathBuf,
    },
    /// The database failed.
    #[error(
        "the database of the registers failed; check the disk, then run the command again or restore a backup"
    )]
    Store(#[from] sled::Error),
    /// Whoever had to be told of a change first could not be.
    #[error("the register was not changed, since that could not be written down first: {0}")]
    NotBegun(#[source] io::Error),
    /// There is no register of this name.
    #[error("there is no register `{name}`")]
    NoSuchRegister {
        /// The name that was asked for.
        name: RegisterName,
    },
    /// There is a register of this name.
    #[error("the register `{name}` exists already; choose another name or import into it")]
    Exists {
        /// The name.
        name: RegisterName,
    },
    /// A stored value does not open or does not decode.
    #[error(
        "a value of register `{name}` was altered or damaged (digest of its key: {key}); nothing was answered \
         from it: import the register's file again, which replaces a damaged record, or restore a backup"
    )]
    Corrupt {
        /// The register.
        name: RegisterName,
        /// The digest of the value's key.
        key: Digest,
    },
    /// Records are missing, or there are some that were never written.
    #[error(
        "the register `{name}` should hold {noted} records and holds {found}: its database was damaged; restore a \
         backup, or create another register and import the files into that"
    )]
    Incomplete {
        /// The register.
        name: RegisterName,
        /// How many records were noted at the last write.
        noted: u64,
        /// How many there are.
        found: u64,
    },
    /// A write began while the register was read for a query.
    #[error("the register `{name}` changed while it was read for a query; ask again")]
    Changed {
        /// The register.
        name: RegisterName,
    },
    /// The projection of an agreed form cannot be made.
    #[error("the projection that the agreement fixes cannot be used: {0}")]
    Projection(#[from] ProjectionError),
    /// The header of a CSV file cannot be used; nothing was imported.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The file to be imported could not be read further.
    #[error(
        "the file could not be read after line {line}; run the import again, lines taken twice do no harm"
    )]
    Read {
        /// The last line that was read.
        line: u64,
        /// Why.
        source: io::Error,
    },
    /// The reject report could not be written.
    #[error(
        "the reject report could not be written at line {line}; make room for it and run the import again"
    )]
    Report {
        /// The line that was to be reported.
        line: u64,
        /// Why.
        source: io::Error,
    },
}

impl RegisterError {
    /// Tells a database in use from one that fails.
    pub(super) fn opening(path: &Path, error: sled::Error) -> Self {
        if files::is_locked(&error) { Self::Locked { path: path.to_owned() } } else { Self::Store(error) }
    }
}
