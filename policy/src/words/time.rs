//! Points in time, in whole seconds.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::WordError;

/// Seconds since 1970-01-01T00:00:00Z. The policy never reads a clock: it is told the time.
///
/// Whatever is read from a file or a peer lies between [`Timestamp::FIRST`] and [`Timestamp::LAST`],
/// so it can always be written as text and read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The earliest moment that RFC 3339 can express: 0000-01-01T00:00:00Z.
    pub const FIRST: Self = Self(-62_167_219_200);
    /// The latest moment that is read or written: 9999-12-30T22:00:00Z, where jiff's calendar ends.
    pub const LAST: Self = Self(253_402_207_200);
    /// One hour, in seconds.
    pub const HOUR: i64 = 3_600;
    /// One day, in seconds.
    pub const DAY: i64 = 86_400;

    /// This moment moved by `seconds`, clamped to [`Timestamp::FIRST`] and [`Timestamp::LAST`].
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds)).clamp(Self::FIRST, Self::LAST)
    }

    /// Whether RFC 3339 can express the moment.
    fn expressible(self) -> bool {
        (Self::FIRST..=Self::LAST).contains(&self)
    }

    /// Which period of `seconds` since 1970 this moment lies in. Periods of no length are one second.
    pub fn period(self, seconds: i64) -> i64 {
        self.0.div_euclid(seconds.max(1))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{} s", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let time = text.parse::<jiff::Timestamp>().ok().map(|time| Self(time.as_second()));
        time.filter(|time| time.expressible())
            .ok_or_else(|| WordError::new("a time", "RFC 3339, such as 2026-11-23T00:00:00Z", text))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            return String::deserialize(d)?.parse().map_err(D::Error::custom);
        }
        let time = Self(i64::deserialize(d)?);
        if time.expressible() {
            return Ok(time);
        }
        let form = "seconds from the year 0 to the year 9999";
        Err(D::Error::custom(WordError::new("a time", form, &time.0.to_string())))
    }
}
