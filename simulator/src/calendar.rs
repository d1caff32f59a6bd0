//! Days, weeks and working hours; all times are UTC.

use symbolon_policy::words::Timestamp;

/// Seconds since 1970 of the beginning of a day such as `2022-01-01`.
pub fn first_second(day: &str) -> Option<i64> {
    format!("{day}T00:00:00Z").parse::<Timestamp>().ok().map(|time| time.0)
}

/// When people work: some hours of some days of the week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkingHours {
    /// The first second of the day.
    from: i64,
    /// Working seconds of a day.
    length: i64,
    /// Working days of a week, from Monday on.
    days: i64,
}

/// 1970-01-01 was a Thursday: a week before that began on a Monday.
const FIRST_MONDAY: i64 = -3 * Timestamp::DAY;
const WEEK: i64 = 7 * Timestamp::DAY;

impl WorkingHours {
    /// From an hour to an hour on the first days of the week.
    pub fn new(from: f64, until: f64, days: f64) -> Self {
        let seconds = |hours: f64| (hours * 3_600.0).round().clamp(0.0, 86_400.0) as i64;
        let (from, until) = (seconds(from), seconds(until));
        Self { from, length: (until - from).max(1), days: (days.round() as i64).clamp(1, 7) }
    }

    /// Working seconds from the beginning of time to `second`: it grows while people work and stands else.
    pub fn worked(&self, second: i64) -> i64 {
        let since = second - FIRST_MONDAY;
        let (weeks, rest) = (since.div_euclid(WEEK), since.rem_euclid(WEEK));
        let (day, time) = (rest.div_euclid(Timestamp::DAY), rest.rem_euclid(Timestamp::DAY));
        let whole = weeks * self.days + day.min(self.days);
        let part = if day < self.days { (time - self.from).clamp(0, self.length) } else { 0 };
        whole * self.length + part
    }

    /// The first second at which so many working seconds have passed: the inverse of [`worked`](Self::worked).
    pub fn second(&self, worked: i64) -> i64 {
        // The last second of a working day, not the first of the next, for work that ends with the day.
        let before = (worked - 1).max(0);
        let (whole, part) = (before.div_euclid(self.length), before.rem_euclid(self.length) + 1);
        let (weeks, day) = (whole.div_euclid(self.days), whole.rem_euclid(self.days));
        FIRST_MONDAY + weeks * WEEK + day * Timestamp::DAY + self.from + part
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_weekend_is_no_work() {
        let hours = WorkingHours::new(7.0, 15.0, 5.0);
        let friday = first_second("2022-01-07").unwrap();
        let (noon, monday) = (friday + 12 * 3_600, friday + 3 * Timestamp::DAY);
        assert_eq!(hours.worked(monday + 8 * 3_600) - hours.worked(noon), 3 * 3_600 + 3_600);
        assert_eq!(hours.second(hours.worked(noon) + 4 * 3_600), monday + 8 * 3_600);
    }

    proptest! {
        #[test]
        fn working_time_comes_back(second in 0_i64..5_000_000_000, from in 0_u8..20, length in 1_u8..4, days in 1_u8..=7) {
            let hours = WorkingHours::new(from.into(), (from + length).into(), days.into());
            let worked = hours.worked(second);
            let first = hours.second(worked);
            prop_assert!(first <= second || worked == 0);
            prop_assert_eq!(hours.worked(first), worked);
            // Step by step it never falls and grows by at most the step.
            let later = hours.worked(second + 977);
            prop_assert!((worked..=worked + 977).contains(&later));
        }
    }
}
