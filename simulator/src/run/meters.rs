//! Quotas and budgets, as the nodes keep them: so much in each period, then it is renewed.
//!
//! Where a simulated person stands for several, what the others ask comes on days of its own ([`super::others`]), so
//! that a meter is as full at any moment as it is in truth. What is told of all of them may lead that a little: so all that
//! is answered is added up beside it, and is never more than the periods so far allow.

use crate::{contract::MeterKind, region::Region};

/// Officers with meters of their own at most; of more, nobody is at its limit before all are.
const MOST: f64 = 20_000.0;

/// The meters of every asker.
pub(super) struct Meters {
    kinds: Vec<Kind>,
    meters: Vec<Meter>,
}

/// Meters with one limit.
struct Kind {
    limit: f64,
    days: i64,
    /// Which period it is.
    period: i64,
    /// The first, and how many officers have one; one who does wrong has that behind theirs. Without officers: 0, and
    /// the first is everybody's.
    first: usize,
    officers: usize,
    /// The first period that counts, and all that was answered since then.
    begins: i64,
    answered: f64,
}

/// One meter.
#[derive(Clone, Copy)]
struct Meter {
    /// When it was last charged.
    period: i64,
    spent: f64,
}

/// What a meter shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reading {
    pub(super) spent: f64,
    pub(super) limit: f64,
}

/// Whose meter, where officers have their own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Officer {
    /// One of all, by a number below 1.
    Any(f64),
    /// The one who does wrong.
    Wrongdoer,
}

impl Meters {
    pub(super) fn new(kinds: &[MeterKind], region: &Region) -> Self {
        let mut all = Self { kinds: Vec::new(), meters: Vec::new() };
        for kind in kinds {
            let first = all.meters.len();
            let officers = kind.officers_of.map_or(0, |of| {
                let officers = region.parties.get(of).map_or(1.0, |party| party.officers);
                officers.round().clamp(1.0, MOST) as usize
            });
            all.meters.extend(vec![Meter { period: i64::MIN, spent: 0.0 }; officers + 1]);
            let (limit, days) = (kind.limit, kind.days.max(1));
            let begins = (region.start + region.warm_up * 86_400).max(kind.from);
            let begins = begins.div_euclid(86_400).div_euclid(days);
            all.kinds.push(Kind { limit, days, period: begins, first, officers, begins, answered: 0.0 });
        }
        all
    }

    /// Renews what a day renews, a day being counted from 1970.
    pub(super) fn renew(&mut self, today: i64) {
        self.kinds.iter_mut().for_each(|kind| kind.period = today.div_euclid(kind.days));
    }

    fn place(kind: &Kind, officer: Officer) -> usize {
        kind.first
            + match officer {
                Officer::Any(number) => (number * kind.officers as f64) as usize,
                Officer::Wrongdoer => kind.officers,
            }
    }

    pub(super) fn of(&self, kind: usize, officer: Officer) -> Option<Reading> {
        let kind = self.kinds.get(kind)?;
        let meter = self.meters.get(Self::place(kind, officer))?;
        let spent = if meter.period == kind.period { meter.spent } else { 0.0 };
        Some(Reading { spent, limit: kind.limit })
    }

    /// What all periods so far, this one included, still allow to be answered.
    pub(super) fn left(&self, kind: usize) -> f64 {
        self.kinds.get(kind).map_or(0.0, |kind| {
            let periods = kind.period.saturating_sub(kind.begins).saturating_add(1) as f64;
            (kind.limit * kind.officers.max(1) as f64 * periods - kind.answered).max(0.0)
        })
    }

    /// So much was answered.
    pub(super) fn answer(&mut self, kind: usize, amount: f64) {
        if let Some(kind) = self.kinds.get_mut(kind) {
            kind.answered += amount;
        }
    }

    pub(super) fn charge(&mut self, kind: usize, officer: Officer, amount: f64) {
        let Some(kind) = self.kinds.get(kind) else { return };
        if let Some(meter) = self.meters.get_mut(Self::place(kind, officer)) {
            if meter.period != kind.period {
                *meter = Meter { period: kind.period, spent: 0.0 };
            }
            meter.spent += amount;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_is_renewed_after_its_period_and_an_officer_has_his_own() {
        let text = crate::library::ready("bilateral").unwrap().text;
        let region = Region::new(&crate::scenario::Scenario::parse(text).unwrap(), 1);
        let kind = |officers_of| MeterKind { limit: 5.0, days: 30, officers_of, from: 0 };
        let mut meters = Meters::new(&[kind(None), kind(Some(0))], &region);
        let spent = |meters: &Meters, kind, officer| meters.of(kind, officer).unwrap().spent;
        let (first, last) = (Officer::Any(0.0), Officer::Any(0.999));
        meters.renew(30);
        meters.charge(0, first, 2.0);
        meters.charge(1, first, 3.0);
        meters.renew(59);
        assert_eq!((spent(&meters, 0, last), spent(&meters, 0, Officer::Wrongdoer)), (2.0, 2.0));
        assert_eq!((spent(&meters, 1, first), spent(&meters, 1, last)), (3.0, 0.0));
        assert_eq!(spent(&meters, 1, Officer::Wrongdoer), 0.0);
        meters.renew(60);
        meters.charge(0, first, 1.0);
        assert_eq!((spent(&meters, 0, last), spent(&meters, 1, first)), (1.0, 0.0));
    }
}
