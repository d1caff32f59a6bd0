//! People who do one piece of work after another, in their working hours: a queue with so many servers.
//!
//! Where a simulated person stands for several, their pieces do not come at once, as they do not in truth: one comes when
//! the person does, and is the one that is looked at; the others come at moments of their own in the weeks after. Several
//! simulated persons then add up to the stream of single pieces that there is in truth, and waits are those of single pieces.

use std::{cmp::Reverse, collections::BinaryHeap};

use crate::{calendar::WorkingHours, random::Draws};

/// Some officers of one party with the same work.
pub(super) struct Crew {
    hours: WorkingHours,
    comes: Comes,
    /// Seconds for which a second of work keeps one busy.
    pace: f64,
    /// When each is free, in working seconds.
    free: Vec<i64>,
    /// Pieces of those for whom a person stands: when they come, and seconds of work.
    others: BinaryHeap<Reverse<(i64, i64)>>,
}

/// When pieces come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comes {
    /// Day and night, as people do.
    Always,
    /// From people who work the same hours.
    InHours,
}

/// More servers than this are taken as this many, each so much faster: nobody waits then anyway.
const MOST: f64 = 64.0;
/// Pieces of others come within so many weeks, so that each day of the week has its part: more where each simulated
/// person stands for many, and so fewer overlap; but not so many that work comes a long time after its hit.
const WEEKS: [f64; 2] = [4.0, 13.0];
const WEEK: i64 = 7 * 86_400;
/// Above so many, one piece of another stands for several.
const PIECES: f64 = 1_000.0;

impl Crew {
    pub(super) fn new(officers: f64, hours: WorkingHours, comes: Comes) -> Self {
        let officers = officers.round().max(1.0);
        let shown = officers.min(MOST);
        let free = vec![i64::MIN; shown as usize];
        Self { hours, comes, pace: shown / officers, free, others: BinaryHeap::new() }
    }

    /// How many there are, as far as they are told apart.
    pub(super) fn officers(&self) -> usize {
        self.free.len()
    }

    /// Takes up a piece of work that is ready at a second: when it is done. Pieces come in the order in which they
    /// are ready. It stands for `alike` pieces; the moments of the others are drawn.
    pub(super) fn take(&mut self, ready: i64, seconds: f64, alike: f64, draws: Draws) -> i64 {
        while let Some(Reverse((came, busy))) = self.others.peek().copied().filter(|next| next.0.0 <= ready) {
            self.others.pop();
            self.begin(came, busy);
        }
        let start = self.begin(ready, (seconds * alike.min(1.0) * self.pace).round() as i64);
        self.spread(ready, seconds, alike - 1.0, draws);
        self.hours.second(start.saturating_add((seconds.round() as i64).max(1))).max(ready)
    }

    /// Keeps the first who is free busy: from which working second on.
    fn begin(&mut self, ready: i64, busy: i64) -> i64 {
        let now = self.hours.worked(ready);
        let Some(first) = self.free.iter_mut().min() else { return now };
        let start = now.max(*first);
        *first = start.saturating_add(busy);
        start
    }

    fn spread(&mut self, ready: i64, seconds: f64, others: f64, draws: Draws) {
        let pieces = others.ceil().clamp(0.0, PIECES);
        let busy = (seconds * others * self.pace / pieces.max(1.0)).round() as i64;
        let spread = (others / 2.0).clamp(WEEKS[0], WEEKS[1]).round() as i64 * WEEK;
        let worked = self.hours.worked(ready);
        let within = self.hours.worked(ready + spread) - worked;
        for piece in 0..pieces as u64 {
            let part = draws.unit(piece);
            let came = match self.comes {
                Comes::Always => ready + (part * spread as f64) as i64,
                Comes::InHours => self.hours.second(worked + (part * within as f64) as i64).max(ready),
            };
            self.others.push(Reverse((came, busy)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::first_second;

    #[test]
    fn work_waits_for_the_morning_and_for_its_turn() {
        let monday = first_second("2022-01-03").unwrap();
        let mut crew = Crew::new(2.0, WorkingHours::new(8.0, 16.0, 5.0), Comes::Always);
        let (hour, draws) = (3_600, Draws::new(1));
        // Two begin at eight, the third when the first is done, one hour later.
        assert_eq!(crew.take(monday, 3_600.0, 1.0, draws), monday + 9 * hour);
        assert_eq!(crew.take(monday + 60, 7_200.0, 1.0, draws), monday + 10 * hour);
        assert_eq!(crew.take(monday + 120, 3_600.0, 1.0, draws), monday + 10 * hour);
        // Friday at three there is an hour left; two hours of work end on Monday at nine.
        let friday = monday + 4 * 24 * hour;
        assert_eq!(crew.take(friday + 15 * hour, 7_200.0, 1.0, draws), friday + (3 * 24 + 9) * hour);
    }

    /// Three hundred do in a day what three hundred do, not what sixty-four do.
    #[test]
    fn a_large_crew_does_the_work_of_all() {
        let monday = first_second("2022-01-03").unwrap();
        let late = |officers: f64| {
            let mut crew = Crew::new(officers, WorkingHours::new(8.0, 16.0, 5.0), Comes::Always);
            let done = (0..2_100).map(|_| crew.take(monday, 3_600.0, 1.0, Draws::new(1)));
            done.fold(0, i64::max) - monday - 8 * 3_600
        };
        // Seven hours of work for each of them, the last of which ends within the day.
        assert!((6 * 3_600..=8 * 3_600).contains(&late(300.0)), "{}", late(300.0));
        assert!(late(150.0) > 24 * 3_600);
    }

    #[test]
    fn a_busy_crew_is_a_queue() {
        // M/D/1 at a load of 0.8 around the clock: the mean wait is rho / (2 (1 - rho)) services = 2
        // [Pollaczek and Khinchine].
        let mut crew = Crew::new(1.0, WorkingHours::new(0.0, 24.0, 7.0), Comes::Always);
        let draws = Draws::new(3);
        let (mut now, mut waited) = (0.0, 0.0);
        let n = 200_000_u32;
        for piece in 0..n {
            now += draws.exponential(piece.into()) * 1_250.0;
            let done = crew.take(now as i64, 1_000.0, 1.0, draws);
            waited += done as f64 - now - 1_000.0;
        }
        let mean = waited / f64::from(n) / 1_000.0;
        assert!((mean - 2.0).abs() < 0.1, "{mean}");
    }

    /// Case by case or thirty at a time, as many wait as long, in hours and against a deadline.
    #[test]
    fn thirty_at_a_time_wait_as_one_by_one() {
        // Two officers at a load of 0.7 in the hours of an office, over four years.
        let waits = |alike: f64| {
            let mut crew = Crew::new(2.0, WorkingHours::new(7.0, 15.0, 5.0), Comes::Always);
            let (draws, mut now, mut waited, mut late, mut n) = (Draws::new(8), 0.0, 0.0, 0.0, 0);
            while now < 4.0 * 365.0 * 86_400.0 {
                let draws = draws.of(n);
                now += draws.exponential(0) * alike * 7_200.0;
                let done = crew.take(now as i64, 2_400.0, alike, draws.of(1));
                waited += (done as f64 - now) / 3_600.0;
                // Two hours more than from Friday afternoon to Monday morning.
                late += f64::from(u8::from(done as f64 - now > 66.0 * 3_600.0));
                n += 1;
            }
            (waited / n as f64, late / n as f64)
        };
        let (hours, late) = waits(1.0);
        for alike in [6.0, 30.0] {
            let (many, many_late) = waits(alike);
            assert!((many / hours - 1.0).abs() < 0.15, "{alike}: {many} {hours}");
            assert!((many_late - late).abs() < 0.06, "{alike}: {many_late} {late}");
        }
    }
}
