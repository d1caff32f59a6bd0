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
        for asker in 0..self.n {
            for place in contract.at(EventKind::Report, asker) {
                let Some(line) = contract.lines.get(*place) else { continue };
                // At the end of each period, so that the first has something to tell.
                if line.every_days > 0 && (since + 1) % line.every_days == 0 {
                    self.count(*place, line);
                }
            }
        }
    }

    fn count(&mut self, place: usize, line: &Line) {
        let weight = self.region.weight;
        let when = self.day * 86_400 + 12 * 3_600;
        if let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) {
            pair.wished += 1.0;
        }
        let Some((epsilon_milli, dummies, smallest, largest)) = line.count else {
            self.uncounted(line, |pair| pair.without_agreement += 1.0);
            return;
        };
        // The batch is everybody the asker has with an identifier, up to what the terms allow.
        let (mut batch, mut both) = (0.0, 0.0);
        let retention = |party: usize| self.region.parties.get(party).map_or(0, |party| party.retention);
        let (at_asker, at_holder) = (retention(line.asker), retention(line.holder));
        for (person, rows) in self.people.iter().zip(self.records.chunks(self.n)).enumerate() {
            let (person_flags, rows) = rows;
            let record = |party: usize| rows.get(party).copied().unwrap_or_default();
            if !person_flags.is(DOCUMENT) || !record(line.asker).lives(self.day, at_asker) {
                continue;
            }
            batch += weight;
            let theirs = record(line.holder);
            let within =
                theirs.lives(self.day, at_holder) && line.slice.get(theirs.class()).copied().unwrap_or(false);
            let number = u32::try_from(person).unwrap_or(u32::MAX);
            if within && self.same_identity(number, line.asker, line.holder) {
                both += weight;
            }
        }
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
        let padded = self.past.get(place).map_or(0.0, |past| past.padded);
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
        pair.asker_cpu += line.cost.asker.of(batch, padded);
        pair.holder_cpu += line.cost.holder.of(batch, padded);
        pair.bytes_up += line.cost.up.of(batch, padded);
        pair.bytes_down += line.cost.down.of(batch, padded);
        pair.wait_answer += line.cost.asker.of(batch, padded) + line.cost.holder.of(batch, padded);
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
