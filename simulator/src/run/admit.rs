//! Whether a query may be put: an agreement in force, quotas, the rules of both sides, in the node's order.

use super::{meters::Officer, state::State};
use crate::{
    contract::{Line, Numbers, Use},
    random::Draws,
};

/// What becomes of a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Admitted {
    /// It is answered, with so many canaries in it.
    Yes(u32),
    /// No agreement is in force.
    Without,
    /// Terms or rules refuse it.
    Rules,
    /// A quota is spent.
    Quota,
    /// A node does not answer.
    Down,
}

/// Sums of fractions are off by less.
pub(super) const SLACK: f64 = 1e-6;

impl State<'_> {
    /// Why nothing at all can be asked at a second since the start, if so.
    pub(super) fn closed(&self, line: &Line, when: i64) -> Option<Admitted> {
        let now = self.region.start + when;
        let pact = line.pact.and_then(|pact| self.contract.pacts.get(pact));
        if !pact.is_some_and(|pact| (pact.valid_from..pact.valid_until).contains(&now)) || self.left(line) {
            return Some(Admitted::Without);
        }
        if self.down(line.holder) || self.down(line.asker) {
            return Some(Admitted::Down);
        }
        (!line.covered).then_some(Admitted::Rules)
    }

    /// Whether a query about people may be put at a second since the start, with as many of the canaries drawn for it as
    /// still fit; if so, charges it `alike` times.
    pub(super) fn admit(
        &mut self,
        line: &Line,
        officer: Officer,
        alike: f64,
        draws: Draws,
        when: i64,
    ) -> Admitted {
        if let Some(why) = self.closed(line, when) {
            return why;
        }
        let mut refused = Admitted::Quota;
        for canaries in (0..=line.canaries(draws)).rev() {
            let items = f64::from(line.items.saturating_add(canaries));
            match self.put(line, officer, items, alike, when) {
                Ok(()) => return Admitted::Yes(canaries),
                Err(why) => refused = why,
            }
        }
        refused
    }

    /// Whether quotas and rules take a query of so many items; if so, charges it `alike` times.
    pub(super) fn put(
        &mut self,
        line: &Line,
        officer: Officer,
        items: f64,
        alike: f64,
        when: i64,
    ) -> Result<(), Admitted> {
        for using in &line.uses {
            let amount = using.of(items);
            let meter = self.meters.of(using.meter, officer).ok_or(Admitted::Quota)?;
            // What is larger than the limit fits in no period.
            if amount > meter.limit || meter.spent + amount * alike > meter.limit + SLACK {
                return Err(Admitted::Quota);
            }
        }
        let numbers = self.numbers(line, officer, items, alike, when);
        let mut tables = line.tables.iter().filter_map(|table| self.contract.tables.get(*table));
        if !tables.all(|table| table.permits(&numbers)) {
            return Err(Admitted::Rules);
        }
        self.charge(line, officer, items, alike);
        Ok(())
    }

    /// What rules see of a query of so many items, charged `alike` times.
    pub(super) fn numbers(
        &self,
        line: &Line,
        officer: Officer,
        items: f64,
        alike: f64,
        when: i64,
    ) -> Numbers {
        let now = self.region.start + when;
        let mut numbers = Numbers { now, items: items as u32, ..Numbers::default() };
        let mut tightest = f64::INFINITY;
        for using in &line.uses {
            let Some(meter) = self.meters.of(using.meter, officer) else { continue };
            let used = meter.spent + using.of(items) * alike;
            if using.is_quota && meter.limit - used < tightest {
                tightest = meter.limit - used;
                (numbers.quota_used, numbers.quota_limit) = (used, meter.limit);
            }
            if using.by_officer {
                numbers.officer = Some((used, meter.limit));
            }
        }
        numbers.given = self.answered.get(line.asker * self.n + line.holder).copied().unwrap_or(0.0);
        numbers.received = self.answered.get(line.holder * self.n + line.asker).copied().unwrap_or(0.0);
        numbers
    }

    /// Adds up what is answered.
    pub(super) fn answer(&mut self, line: &Line, items: f64, queries: f64) {
        for using in &line.uses {
            self.meters.answer(using.meter, using.of(items) * queries);
        }
    }

    /// Charges a query of so many items, `alike` times.
    pub(super) fn charge(&mut self, line: &Line, officer: Officer, items: f64, alike: f64) {
        for using in &line.uses {
            self.meters.charge(using.meter, officer, using.of(items) * alike);
        }
        if let Some(answered) = self.answered.get_mut(line.asker * self.n + line.holder) {
            *answered += items * alike;
        }
    }
}

impl Line {
    /// Canaries that the node draws for a query: for each item one more with the odds of the share, as far as the terms
    /// take so many items.
    fn canaries(&self, draws: Draws) -> u32 {
        if self.canary_odds <= 0.0 {
            return 0;
        }
        let drawn = (0..u64::from(self.items)).filter(|item| draws.chance(*item, self.canary_odds)).count();
        u32::try_from(drawn).unwrap_or(u32::MAX).min(self.largest.saturating_sub(self.items))
    }
}

impl Use {
    /// What a query of so many items puts on the meter.
    pub(crate) fn of(&self, items: f64) -> f64 {
        if self.by_items { self.amount * items } else { self.amount }
    }
}
