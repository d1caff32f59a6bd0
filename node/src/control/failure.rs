//! Failures: what they are, and making them.

use serde::{Deserialize, Serialize};

use crate::{files, journal::JournalError, register::RegisterError};

/// What the node says when it cannot do as asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// The kind, which fixes the exit code.
    pub kind: FailureKind,
    /// What was wrong, and where.
    pub what: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The request or a file it names is wrong (exit code 2).
    Input,
    /// The rules, an agreement or a quota refuse (exit code 3).
    Refused,
    /// A partner cannot be reached or broke off (exit code 4).
    Partner,
    /// Something stored or journalled does not verify (exit code 5).
    Integrity,
    /// Anything else: disk, permissions, a fault of the program (exit code 1).
    Local,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), help: None }
    }

    /// The request or a file it names is wrong.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Input, what)
    }

    /// Disk, permissions, or a fault of the program.
    pub fn local(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Local, what)
    }

    /// A partner cannot be reached or broke off.
    pub fn partner(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Partner, what)
    }

    /// Something stored does not verify.
    pub fn integrity(what: impl Into<String>) -> Self {
        Self::new(FailureKind::Integrity, what)
    }

    /// With advice.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl FailureKind {
    /// The exit code of the command line.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Local => 1,
            Self::Input => 2,
            Self::Refused => 3,
            Self::Partner => 4,
            Self::Integrity => 5,
        }
    }
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        let kind = match error {
            JournalError::Broken { .. } | JournalError::Behind { .. } | JournalError::Absent(_) => {
                FailureKind::Integrity
            }
            _ => FailureKind::Local,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Self {
        if matches!(&error, RegisterError::Store(store) if files::is_full(store)) {
            return Self::local(files::FULL).with_help(files::MAKE_ROOM);
        }
        let kind = match error {
            RegisterError::NoSuchRegister { .. }
            | RegisterError::Exists { .. }
            | RegisterError::Header(_) => FailureKind::Input,
            RegisterError::Corrupt { .. } | RegisterError::WrongKey { .. } => FailureKind::Integrity,
            _ => FailureKind::Local,
        };
        let help = matches!(error, RegisterError::NoSuchRegister { .. }).then(|| {
            "see `symbolon register list`; `symbolon register import NAME FILE --create` makes one".to_owned()
        });
        Self { help, ..Self::new(kind, error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};

    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_damaged_one() {
        let failed = |kind: ErrorKind| {
            Failure::from(RegisterError::Store(sled::Error::Io(io::Error::new(kind, "write"))))
        };
        let full = failed(ErrorKind::StorageFull);
        assert!(full.what.contains("no space is left"), "{full}");
        assert!(full.help.is_some_and(|help| help.starts_with("make room")));
        assert!(failed(ErrorKind::Other).what.contains("restore a backup"));
    }
}
