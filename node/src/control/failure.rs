//! Making failures, and the exit codes they lead to.

use super::api::{Failure, FailureKind};

impl Failure {
    /// A failure that says what was wrong, and where.
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

    /// The same failure with what to do about it.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl FailureKind {
    /// The exit code of the command line. A greater code is a graver failure.
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
