//! Settings that do not stand.

use std::fmt;

use super::MOST;

/// Settings that are no settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// There is no agreement to try.
    #[error("no proposal of the scenario has an agreement")]
    Nothing,
    /// The query is too long.
    #[error("the query is longer than {MOST} bytes")]
    Long,
    /// There is no such setting, or it stands there twice.
    #[error("`{0}` is no setting, or stands there twice")]
    Unknown(String),
    /// The value is out of range.
    #[error("`{name}` takes {takes}")]
    Value {
        /// Of which setting.
        name: String,
        /// What it takes.
        takes: Takes,
    },
}

/// What a setting takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Takes {
    /// A number within these.
    Number(f64, f64),
    /// One of these codes.
    Code(Vec<&'static str>),
    /// One of these names.
    Name(Vec<String>),
}

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(least, most) => write!(f, "a number from {least} to {most}"),
            Self::Code(codes) => write!(f, "one of {}", codes.join(", ")),
            Self::Name(names) => write!(f, "one of {}", names.join(", ")),
        }
    }
}
