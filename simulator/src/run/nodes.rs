//! What the nodes worked in a day, and how long answers were waited for.

use super::state::{State, Today};
use crate::{contract::Line, cost::waiting};

const DAY: i64 = 86_400;

/// How busy a node was.
#[derive(Clone, Copy, Default)]
pub(super) struct Load {
    pub(super) load: f64,
    /// Mean service and its squared coefficient of variation.
    service: f64,
    variation: f64,
    behind: f64,
}

impl State<'_> {
    /// How busy each node was today as a holder.
    pub(super) fn work(&mut self, touched: &[usize]) -> Vec<Load> {
        let mut sums = vec![(0.0, 0.0, 0.0); self.n];
        for place in touched {
            let (Some(line), Some(today), Some(past)) =
                (self.contract.lines.get(*place), self.today.get(*place), self.past.get(*place))
            else {
                continue;
            };
            let queries = self.region.weight * today.answered();
            let service = line.cost.holder.of(past.size(today.items(line)));
            if let Some(sum) = sums.get_mut(line.holder) {
                *sum = (sum.0 + queries, sum.1 + queries * service, sum.2 + queries * service * service);
            }
        }
        let each = sums.into_iter().enumerate().map(|(place, (queries, work, squares))| {
            let cores = self.region.parties.get(place).map_or(1.0, |party| party.cores);
            let capacity = cores * DAY as f64;
            let behind = self.behind.get_mut(place);
            let load = work / capacity;
            let waits = behind.map_or(0.0, |behind| {
                let before = *behind;
                *behind = (before + work - capacity).max(0.0);
                (before + *behind) / 2.0 / cores
            });
            if let Some(party) = self.parties.get_mut(place) {
                party.peak_load = party.peak_load.max(load);
            }
            let service = if queries > 0.0 { work / queries } else { 0.0 };
            let variation = if work > 0.0 { squares * queries / (work * work) - 1.0 } else { 0.0 };
            Load { load, service, variation: variation.max(0.0), behind: waits }
        });
        each.collect()
    }

    /// Notes which lines could be asked today, where that matters.
    pub(super) fn was_open(&mut self) {
        if self.region.weight <= 1.0 || self.day < self.region.warm_up {
            return;
        }
        let contract = self.contract;
        for (place, line) in contract.lines.iter().enumerate() {
            let open = self.closed(line, self.day * DAY).is_none();
            if let Some(past) = self.past.get_mut(place).filter(|_| open) {
                past.open += DAY;
            }
        }
    }

    /// Adds the cost of a line's day; seconds from a query to its answer.
    pub(super) fn cost(&mut self, place: usize, line: &Line, today: &Today, loads: &[Load]) -> f64 {
        let (Some(past), Some(load)) = (self.past.get_mut(place), loads.get(line.holder)) else { return 0.0 };
        let queries = self.region.weight * today.answered();
        if queries == 0.0 {
            return 0.0;
        }
        let (size, cost) = (past.size(today.items(line)), &line.cost);
        let (up, down) = (cost.up.of(size), cost.down.of(size));
        let now = self.day * DAY;
        let mut renewals = 0.0;
        if now >= past.ready_until {
            // Since it was made ready last, or since the beginning, as far as it could be asked.
            let since = past.open - std::mem::replace(&mut past.open_before, past.open);
            let epochs = (since as f64 / (line.epoch_seconds.max(1) as f64)).max(1.0);
            renewals = distinct(epochs, self.region.weight);
            past.ready_until = now + line.epoch_seconds;
        }
        let (Some(holder), Some(asker)) =
            (self.region.parties.get(line.holder), self.region.parties.get(line.asker))
        else {
            return 0.0;
        };
        let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) else { return 0.0 };
        pair.asker_cpu += queries * cost.asker.of(size);
        pair.holder_cpu += queries * cost.holder.of(size);
        pair.bytes_up += queries * up;
        pair.bytes_down += queries * down;
        pair.asker_cpu += renewals * cost.setup.asker.of(size);
        pair.holder_cpu += renewals * cost.setup.holder.of(size);
        pair.bytes_up += renewals * cost.setup.up.of(size);
        pair.bytes_down += renewals * cost.setup.down.of(size);
        // Beyond what a day can carry, the work that is left over is what is waited for.
        let queue =
            waiting(load.service, load.load.min(0.98), holder.cores, 1.0, load.variation) + load.behind;
        let line_speed = holder.bytes_a_second.min(asker.bytes_a_second);
        let travel = asker.round_trip.max(holder.round_trip) * 2.0 + (up + down) / line_speed;
        queue + cost.holder.of(size) + cost.asker.of(size) + travel
    }
}

/// How many of so many epochs are met by days that fall anywhere in them: a simulated day with queries stands for `days` of
/// the truth, which lie in as many epochs as chance has it, and for one at least.
fn distinct(epochs: f64, days: f64) -> f64 {
    -epochs * libm::expm1(days.max(1.0) * libm::log1p(-1.0 / epochs.max(1.0)).max(-700.0))
}
