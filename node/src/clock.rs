//! The one place where the node reads the clock.

use symbolon_policy::words::Timestamp;

use crate::{control::api::Failure, register::Day};

/// Now, in whole seconds.
pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_second())
}

/// Today, in UTC.
///
/// # Errors
/// A local [`Failure`] if the clock is outside the calendar.
pub(crate) fn today() -> Result<Day, Failure> {
    day(now())
}

/// The day of a moment, in UTC.
///
/// # Errors
/// A local [`Failure`] if it is outside the calendar.
pub(crate) fn day(moment: Timestamp) -> Result<Day, Failure> {
    let outside = || Failure::local("the clock is outside the years 1900 to 2199");
    let moment = jiff::Timestamp::from_second(moment.0).map_err(|_| outside())?;
    let date = jiff::tz::TimeZone::UTC.to_datetime(moment).date();
    Day::try_from(date).map_err(|_| outside())
}

/// When a day begins, in UTC.
pub(crate) fn begins(day: Day) -> Timestamp {
    // Every day of the calendar of records is within that of the library.
    let begins = jiff::tz::TimeZone::UTC.to_timestamp(jiff::civil::Date::from(day).into());
    Timestamp(begins.map_or(i64::MAX, |begins| begins.as_second()))
}
