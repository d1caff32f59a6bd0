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
    let date = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date();
    Day::try_from(date).map_err(|_| Failure::local("the clock is outside the years 1900 to 2199"))
}
