//! Quotas and budgets, where a simulated query stands for several.
//!
//! With one simulated person for each in truth a meter is the node's: so much in each period, then it is renewed. Where
//! one stands for `w`, its `w` queries would come at once and find what a period leaves for a few of them only, while in
//! truth they come on different days. So a meter is renewed after `w` periods, with `w` times the limit: as many
//! simulated queries meet what is left as queries do in truth. A window is at most a twelfth of the run, so that what
//! is spent early in it is not far from when it would be spent. What still does not fit whole is admitted in part.

use crate::{contract::MeterKind, region::Region};

/// Windows of a run at least, if it has so many periods.
const WINDOWS: i64 = 12;
/// Sums of fractions are off by less.
const SLACK: f64 = 1e-6;

/// The meters of every asker.
pub(super) struct Meters {
    kinds: Vec<Kind>,
    meters: Vec<Meter>,
}

/// Meters with one limit.
struct Kind {
    /// The first, and how many officers have one; one who does wrong has that behind theirs. Without officers: 0, and
    /// the first is everybody's.
    first: usize,
    pool: usize,
    days: i64,
    /// First period of the run, periods, and windows into which they are put.
    begins: i64,
    periods: i64,
    windows: i64,
}

/// One meter.
#[derive(Clone, Copy)]
pub(super) struct Meter {
    /// The most in a period.
    pub(super) limit: f64,
    /// Periods of the window, and which window it is.
    pub(super) periods: f64,
    window: i64,
    pub(super) spent: f64,
    single: bool,
}

/// Whose meter, where officers have their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Officer {
    /// One of all, by a number below 1.
    Any(f64),
    /// The one who does wrong, who has the meter of one officer.
    Wrongdoer,
}

impl Meters {
    pub(super) fn new(kinds: &[MeterKind], region: &Region) -> Self {
        let mut all = Self { kinds: Vec::new(), meters: Vec::new() };
        for kind in kinds {
            let meter = |limit, single| Meter { limit, periods: 1.0, window: i64::MIN, spent: 0.0, single };
            let (first, mut pool, mut alike) = (all.meters.len(), 0, region.weight);
            if let Some(of) = kind.officers_of {
                // Fewer officers stand for all, and share what all may ask.
                let officers = region.parties.get(of).map_or(1.0, |party| party.officers);
                let shown = (officers / region.weight).round().clamp(1.0, officers.max(1.0));
                pool = shown as usize;
                alike *= shown / officers;
                all.meters.extend(vec![meter(kind.limit * officers / shown, false); pool]);
            }
            all.meters.push(meter(kind.limit, pool > 0));
            let days = kind.days.max(1);
            let period = |day: i64| (region.start.div_euclid(86_400) + day).div_euclid(days);
            let begins = period(region.warm_up);
            let periods = (period(region.span - 1) - begins + 1).max(1);
            let together = (alike.round() as i64).min(periods / WINDOWS).max(1);
            all.kinds.push(Kind { first, pool, days, begins, periods, windows: periods / together });
        }
        all
    }

    /// Renews what a day renews, a day being counted from 1970.
    pub(super) fn renew(&mut self, today: i64) {
        for kind in &self.kinds {
            let period = today.div_euclid(kind.days) - kind.begins;
            // The window of a period, and the first period of a window.
            let window = |period: i64| (period * kind.windows).div_euclid(kind.periods);
            let begin = |window: i64| -(-window * kind.periods).div_euclid(kind.windows);
            let place = window(period);
            let wide = (begin(place + 1) - begin(place)) as f64;
            let behind = if kind.pool > 0 { kind.pool + 1 } else { 1 };
            for meter in self.meters.iter_mut().skip(kind.first).take(behind) {
                let (place, wide) = if meter.single { (period, 1.0) } else { (place, wide) };
                if meter.window != place {
                    (meter.window, meter.periods, meter.spent) = (place, wide, 0.0);
                }
            }
        }
    }

    fn place(&self, kind: usize, officer: Officer) -> Option<usize> {
        let Kind { first, pool, .. } = self.kinds.get(kind)?;
        Some(match officer {
            Officer::Any(number) => first + (number * *pool as f64) as usize,
            Officer::Wrongdoer => first + pool,
        })
    }

    pub(super) fn of(&self, kind: usize, officer: Officer) -> Option<Meter> {
        self.meters.get(self.place(kind, officer)?).copied()
    }

    pub(super) fn charge(&mut self, kind: usize, officer: Officer, amount: f64) {
        if let Some(meter) = self.place(kind, officer).and_then(|place| self.meters.get_mut(place)) {
            meter.spent += amount;
        }
    }
}

impl Meter {
    /// How many of so many queries still fit, each of an amount: whole ones, or all, or none.
    pub(super) fn room(&self, amount: f64, queries: f64) -> f64 {
        // The node never admits it, in whatever period. Canaries are a part of the last item.
        if amount.floor() > self.limit {
            return 0.0;
        }
        let left = self.limit * self.periods - self.spent + SLACK;
        if amount * queries <= left {
            return queries;
        }
        (left / amount).floor().max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_period_takes_is_never_admitted() {
        let meter = |limit, periods| Meter { limit, periods, window: 0, spent: 0.0, single: false };
        for periods in [1.0, 22.0] {
            assert_eq!(meter(10.0, periods).room(11.0, 1.0), 0.0);
            assert_eq!(meter(10.0, periods).room(10.0, 1.0), 1.0);
            assert_eq!(meter(2.0, periods).room(2.02, 22.0) > 0.0, periods > 1.0);
        }
    }

    fn kind(limit: f64, officers_of: Option<usize>) -> MeterKind {
        MeterKind { limit, days: 1, officers_of }
    }

    /// The neighbours, with one simulated person for so many.
    fn region(weight: f64) -> Region {
        let text = crate::library::ready("bilateral").unwrap().text;
        let scenario = crate::scenario::Scenario::parse(text).unwrap();
        let persons = f64::from(scenario.run.persons);
        Region::new(&scenario.with("people.count", weight * persons), 1)
    }

    /// However periods are put together, all of them together have their limits.
    #[test]
    fn windows_have_the_limits_of_their_periods() {
        for weight in [1.0, 2.5, 7.0, 29.0, 300.0] {
            let region = region(weight);
            let mut meters = Meters::new(&[kind(10.0, None)], &region);
            let (mut sum, mut windows) = (0.0, 0);
            for day in 0..region.span {
                meters.renew(region.start / 86_400 + day);
                let meter = meters.of(0, Officer::Any(0.5)).unwrap();
                if meter.spent == 0.0 {
                    let room = meter.room(1.0, f64::INFINITY);
                    meters.charge(0, Officer::Any(0.5), room);
                    (sum, windows) = (sum + room, windows + 1);
                }
            }
            assert_eq!(sum, 3_650.0, "{weight}");
            assert_eq!(windows == 365, weight == 1.0, "{weight}: {windows}");
            assert!(windows >= 12, "{weight}: {windows}");
        }
    }

    #[test]
    fn whole_queries_fit_or_do_not() {
        let mut meters = Meters::new(&[kind(5.0, None), kind(5.0, Some(0))], &region(3.0));
        meters.renew(0);
        // One query of two for one person: two fit, and nothing is left for a third.
        let meter = Meter { periods: 1.0, ..meters.of(0, Officer::Any(0.0)).unwrap() };
        assert_eq!((meter.room(2.0, 1.0), meter.room(2.0, 7.0)), (1.0, 2.0));
        let spent = Meter { spent: 4.0, ..meter };
        assert_eq!((spent.room(2.0, 1.0), spent.room(2.0, 0.5), spent.room(0.0, 9.0)), (0.0, 0.5, 9.0));
        // Twenty officers are shown by seven; one who does wrong has the limit of one.
        let (any, wrong) =
            (meters.of(1, Officer::Any(0.9)).unwrap(), meters.of(1, Officer::Wrongdoer).unwrap());
        assert_eq!((any.limit, wrong.limit), (5.0 * 20.0 / 7.0, 5.0));
        assert_eq!((wrong.periods, meters.of(0, Officer::Wrongdoer).unwrap().limit), (1.0, 5.0));
    }
}
