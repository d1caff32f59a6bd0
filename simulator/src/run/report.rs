//! Reports: counts of persons whom two parties both have.

use symbolon_protocol::{count::noise::Noise, seed::Seed};

use super::state::{DOCUMENT, State};
use crate::{
    contract::{Line, Numbers},
    random::{Draws, named},
    scenario::EventKind,
};

impl State<'_> {
    /// Asks the counts that are due today.
    pub(super) fn reports_of_the_day(&mut self) {
        let since = self.day - self.region.warm_up;
        let contract = self.contract;
        // At the end of each period, so that the first has something to tell.
        let due = |line: &&Line| line.every_days > 0 && (since + 1) % line.every_days == 0;
        let mut lines: Vec<(usize, &Line)> = Vec::new();
        for asker in 0..self.n {
            let places = contract.at(EventKind::Report, asker).iter();
            lines.extend(places.filter_map(|place| Some((*place, contract.lines.get(*place).filter(due)?))));
        }
        if lines.is_empty() {
            return;
        }
        let found = self.overlaps(&lines);
        for ((place, line), (batch, both)) in lines.into_iter().zip(found) {
            self.count(place, line, batch, both);
        }
    }

    /// For each line, everybody the asker has with an identifier, and of them those in the holder's slice: in one
    /// pass over the people.
    fn overlaps(&self, lines: &[(usize, &Line)]) -> Vec<(f64, f64)> {
        let mut found = vec![(0.0, 0.0); lines.len()];
        let alive = |place: usize, record: super::state::Record| {
            record.lives(self.day, self.region.parties.get(place).map_or(0, |party| party.retention))
        };
        for (number, (person, records)) in self.people.iter().zip(self.records.chunks(self.n)).enumerate() {
            if !person.is(DOCUMENT) {
                continue;
            }
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let parties = records.iter().enumerate().filter(|(place, record)| alive(*place, **record));
            let parties = parties.fold(0_u32, |parties, (place, _)| parties | 1 << place);
            if parties == 0 {
                continue;
            }
            for ((_, line), (batch, both)) in lines.iter().zip(&mut found) {
                if parties >> line.asker & 1 == 0 {
                    continue;
                }
                *batch += self.region.weight;
                let class = records.get(line.holder).map_or(0, |record| record.class());
                if parties >> line.holder & 1 == 1
                    && line.slice.get(class).copied().unwrap_or(false)
                    && self.same_identity(number, line.asker, line.holder)
                {
                    *both += self.region.weight;
                }
            }
        }
        found
    }

    fn count(&mut self, place: usize, line: &Line, mut batch: f64, mut both: f64) {
        let when = self.day * 86_400 + 12 * 3_600;
        if let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) {
            pair.wished += 1.0;
        }
        let Some((epsilon_milli, dummies, smallest, largest)) = line.count else {
            self.uncounted(line, |pair| pair.without_agreement += 1.0);
            return;
        };
        if batch > f64::from(largest) {
            both *= f64::from(largest) / batch;
            batch = f64::from(largest);
        }
        if batch < f64::from(smallest) {
            self.uncounted(line, |pair| pair.refused_rules += 1.0);
            return;
        }
        if !self.admit_count(line, batch.round(), when) {
            self.uncounted(line, |pair| pair.refused_quota += 1.0);
            return;
        }
        let told = self.noisy(place, both, epsilon_milli, dummies);
        let size =
            self.past.get(place).map(|past| past.size(batch)).unwrap_or_default().with_dummies(dummies);
        let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) else { return };
        pair.queries += 1.0;
        pair.items += batch;
        pair.counts += 1.0;
        pair.epsilon += f64::from(epsilon_milli) / 1_000.0;
        pair.count_true += both;
        pair.count_told += told;
        // One number from 0 to the size of the batch.
        let bits = libm::log2(batch + 1.0);
        pair.hit_bits += bits;
        pair.hit_bits_bound += bits;
        pair.asker_cpu += line.cost.asker.of(size);
        pair.holder_cpu += line.cost.holder.of(size);
        pair.bytes_up += line.cost.up.of(size);
        pair.bytes_down += line.cost.down.of(size);
        pair.wait_answer += line.cost.seconds(size);
    }

    fn uncounted(&mut self, line: &Line, note: impl FnOnce(&mut crate::outcome::PairTally)) {
        if let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) {
            note(pair);
        }
    }

    /// Whether a count of so many identifiers may be asked now, and if so, charges it.
    fn admit_count(&mut self, line: &Line, batch: f64, when: i64) -> bool {
        let now = self.region.start + when;
        let in_force = line.pact.and_then(|pact| self.contract.pacts.get(pact));
        let in_force = in_force.is_some_and(|pact| (pact.valid_from..pact.valid_until).contains(&now));
        if !in_force || !line.covered || self.left(line) || self.down(line.holder) || self.down(line.asker) {
            return false;
        }
        let mut numbers = Numbers { now, items: batch as u32, ..Numbers::default() };
        let mut tightest = f64::INFINITY;
        for using in &line.uses {
            let Some(meter) = self.meter(using.meter, 0.0) else { return false };
            let used = meter.spent + using.of(batch);
            if used > meter.limit + 1e-6 {
                return false;
            }
            if using.is_quota && meter.limit - used < tightest {
                tightest = meter.limit - used;
                (numbers.quota_used, numbers.quota_limit) = (used, meter.limit);
            }
        }
        numbers.given = self.answered.get(line.asker * self.n + line.holder).copied().unwrap_or(0.0);
        numbers.received = self.answered.get(line.holder * self.n + line.asker).copied().unwrap_or(0.0);
        let mut tables = line.tables.iter().filter_map(|table| self.contract.tables.get(*table));
        if !tables.all(|table| table.permits(&numbers)) {
            return false;
        }
        for using in &line.uses {
            if let Some(meter) = self.meter_mut(using.meter, 0.0) {
                meter.spent += using.of(batch);
            }
        }
        if let Some(answered) = self.answered.get_mut(line.asker * self.n + line.holder) {
            *answered += batch;
        }
        true
    }

    /// What the asker is told: the protocol's own noise, drawn by its own code, less its mean.
    fn noisy(&self, place: usize, both: f64, epsilon_milli: u32, dummies: u32) -> f64 {
        let Ok(noise) = Noise::new(epsilon_milli, dummies) else { return both };
        let draws = Draws::new(self.seed).of(named("noise")).of(place as u64).of(self.day as u64);
        let mut bytes = [0; 32];
        for (use_, chunk) in (0_u64..).zip(bytes.as_chunks_mut::<8>().0.iter_mut()) {
            *chunk = draws.bits(use_).to_be_bytes();
        }
        let drawn = noise.draw(&mut Seed::new(bytes).stream("simulated count"));
        both + f64::from(drawn) - f64::from(noise.mean())
    }
}
