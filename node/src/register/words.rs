//! The words of a record: its id, days and vulnerability codes.

use std::{fmt, str::FromStr};

use jiff::{ToSpan, civil::Date};
use serde::{Deserialize, Serialize};

/// Text that is not in the form its type demands; never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct FormError(pub(super) &'static str);

/// The agency's own name for a record: 1 to 64 ASCII letters, digits, `.`, `_`, `:` or `-`, a letter or
/// digit first. Unique within a register.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId(String);

impl RecordId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecordId {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let fits = text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(rest);
        if fits { Ok(Self(text.to_owned())) } else { Err(FormError(RECORD_ID)) }
    }
}

const RECORD_ID: &str = "1 to 64 letters A to Z, digits, `.`, `_`, `:` or `-`, a letter or digit first";

impl TryFrom<String> for RecordId {
    type Error = FormError;
    fn try_from(text: String) -> Result<Self, FormError> {
        text.parse()
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> String {
        id.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A day of the calendar from 1900-01-01 to 2199-12-31, written `2024-05-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(Date);

const DAY: &str = "a day from 1900 to 2199, written as 2024-05-01";

impl Day {
    /// The same day of the month, or the month's last, `months` later; clamped at 2199-12-31.
    #[must_use]
    pub fn plus_months(self, months: u16) -> Self {
        let later =
            self.0.checked_add(i32::from(months).months()).ok().and_then(|date| Self::try_from(date).ok());
        later.unwrap_or(Self(jiff::civil::date(2199, 12, 31)))
    }
}

impl TryFrom<Date> for Day {
    type Error = FormError;
    fn try_from(date: Date) -> Result<Self, FormError> {
        if (1900..=2199).contains(&date.year()) { Ok(Self(date)) } else { Err(FormError(DAY)) }
    }
}

impl From<Day> for Date {
    fn from(day: Day) -> Self {
        day.0
    }
}

impl FromStr for Day {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let wrong = FormError(DAY);
        let shape =
            |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
        if text.len() != 10 || !text.bytes().enumerate().all(shape) {
            return Err(wrong);
        }
        text.parse::<Date>().map_err(|_| wrong)?.try_into()
    }
}

impl TryFrom<String> for Day {
    type Error = FormError;
    fn try_from(text: String) -> Result<Self, FormError> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> String {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a subject needs special care, after Article 21 of Directive 2013/33/EU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Vulnerability {
    /// A minor without a responsible adult.
    UnaccompaniedMinor,
    /// Disabled.
    Disability,
    /// Elderly.
    Elderly,
    /// Pregnant.
    Pregnant,
    /// A single parent with minor children.
    SingleParent,
    /// A victim of trafficking.
    Trafficking,
    /// Seriously ill.
    SeriousIllness,
    /// With a mental disorder.
    MentalDisorder,
    /// A victim of torture, rape or other serious violence.
    TortureOrViolence,
}

impl Vulnerability {
    /// Every code, in the order of the published list.
    pub const ALL: [Self; 9] = [
        Self::UnaccompaniedMinor,
        Self::Disability,
        Self::Elderly,
        Self::Pregnant,
        Self::SingleParent,
        Self::Trafficking,
        Self::SeriousIllness,
        Self::MentalDisorder,
        Self::TortureOrViolence,
    ];

    /// The code as it stands in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnaccompaniedMinor => "UNACCOMPANIED_MINOR",
            Self::Disability => "DISABILITY",
            Self::Elderly => "ELDERLY",
            Self::Pregnant => "PREGNANT",
            Self::SingleParent => "SINGLE_PARENT",
            Self::Trafficking => "TRAFFICKING",
            Self::SeriousIllness => "SERIOUS_ILLNESS",
            Self::MentalDisorder => "MENTAL_DISORDER",
            Self::TortureOrViolence => "TORTURE_OR_VIOLENCE",
        }
    }
}

impl FromStr for Vulnerability {
    type Err = FormError;

    fn from_str(text: &str) -> Result<Self, FormError> {
        let found = Self::ALL.into_iter().find(|code| code.as_str() == text);
        found.ok_or(FormError("one of the vulnerability codes that `symbolon codes` lists"))
    }
}
