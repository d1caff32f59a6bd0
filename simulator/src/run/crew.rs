//! People who do one piece of work after another, in their working hours: a queue with so many servers.

use crate::calendar::WorkingHours;

/// Some officers of one party with the same work.
pub(super) struct Crew {
    hours: WorkingHours,
    /// When each is free, in working seconds.
    free: Vec<i64>,
}

/// More servers than this are taken as this many, each so much faster: nobody waits then anyway.
const MOST: f64 = 64.0;

impl Crew {
    pub(super) fn new(officers: f64, hours: WorkingHours) -> Self {
        let officers = officers.round().clamp(1.0, MOST) as usize;
        Self { hours, free: vec![i64::MIN; officers] }
    }

    /// How many there are.
    pub(super) fn officers(&self) -> usize {
        self.free.len()
    }

    /// Takes up a piece of work that is ready at a second: when it is done. Pieces come in the order in which they
    /// are ready. `alike` pieces stand for one: the officer is busy with all, and the one is in their middle.
    pub(super) fn take(&mut self, ready: i64, seconds: f64, alike: f64) -> i64 {
        let now = self.hours.worked(ready);
        let Some(first) = self.free.iter_mut().min() else { return ready };
        let start = now.max(*first);
        *first = start.saturating_add((seconds * alike).round() as i64);
        let own = (seconds * (1.0 + alike.max(1.0)) / 2.0).round() as i64;
        self.hours.second(start.saturating_add(own.max(1))).max(ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::first_second;

    #[test]
    fn work_waits_for_the_morning_and_for_its_turn() {
        let monday = first_second("2022-01-03").unwrap();
        let mut crew = Crew::new(2.0, WorkingHours::new(8.0, 16.0, 5.0));
        let hour = 3_600;
        // Two begin at eight, the third when the first is done, one hour later.
        assert_eq!(crew.take(monday, 3_600.0, 1.0), monday + 9 * hour);
        assert_eq!(crew.take(monday + 60, 7_200.0, 1.0), monday + 10 * hour);
        assert_eq!(crew.take(monday + 120, 3_600.0, 1.0), monday + 10 * hour);
        // Friday at three there is an hour left; two hours of work end on Monday at nine.
        let friday = monday + 4 * 24 * hour;
        assert_eq!(crew.take(friday + 15 * hour, 7_200.0, 1.0), friday + (3 * 24 + 9) * hour);
    }

    #[test]
    fn a_busy_crew_is_a_queue() {
        // M/D/1 at a load of 0.8 around the clock: the mean wait is rho / (2 (1 - rho)) services = 2
        // [Pollaczek and Khinchine].
        let mut crew = Crew::new(1.0, WorkingHours::new(0.0, 24.0, 7.0));
        let draws = crate::random::Draws::new(3);
        let (mut now, mut waited) = (0.0, 0.0);
        let n = 200_000_u32;
        for piece in 0..n {
            now += draws.exponential(piece.into()) * 1_250.0;
            let done = crew.take(now as i64, 1_000.0, 1.0);
            waited += done as f64 - now - 1_000.0;
        }
        let mean = waited / f64::from(n) / 1_000.0;
        assert!((mean - 2.0).abs() < 0.1, "{mean}");
    }
}
