//! Reports: counts of persons whom two parties both have.

use symbolon_protocol::{count::noise::Noise, seed::Seed};

use super::{
    admit::Admitted,
    meters::Officer,
    state::{COUNT, DOCUMENT, State},
};
use crate::{
    contract::Line,
    random::{Draws, named},
    scenario::EventKind,
};

/// When counts are asked, in seconds of the day.
const NOON: i64 = 12 * 3_600;

impl State<'_> {
    /// Lines of an asker by which counts are due today: at the end of each period, so that the first has something to
    /// tell.
    fn due(&self, asker: usize) -> impl Iterator<Item = (usize, &Line)> {
        let since = self.day - self.region.warm_up;
        let contract = self.contract;
        let places = contract.at(EventKind::Report, asker).iter();
        let lines = places.filter_map(|place| Some((*place, contract.lines.get(*place)?)));
        lines.filter(move |(_, line)| line.every_days > 0 && (since + 1) % line.every_days == 0)
    }

    /// Whether a party asks for counts today.
    pub(super) fn counts_due(&self, asker: usize) -> bool {
        self.due(asker).next().is_some()
    }

    /// Plans the counts of today for noon.
    pub(super) fn plan_counts(&mut self) {
        if (0..self.n).any(|asker| self.counts_due(asker)) {
            self.plan_early(0, COUNT, NOON);
        }
    }

    /// Asks the counts that are due today.
    pub(super) fn counts_of_the_day(&mut self, when: i64) {
        let contract = self.contract;
        let places: Vec<usize> =
            (0..self.n).flat_map(|asker| self.due(asker).map(|(place, _)| place)).collect();
        let lines: Vec<(usize, &Line)> =
            places.into_iter().filter_map(|place| Some((place, contract.lines.get(place)?))).collect();
        let found = self.overlaps(&lines);
        for ((place, line), (batch, both)) in lines.into_iter().zip(found) {
            self.count(place, line, batch, both, when);
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

    fn count(&mut self, place: usize, line: &Line, mut batch: f64, mut both: f64, when: i64) {
        let admitted = match line.count {
            // Without terms of a count nothing is agreed about it.
            None => Admitted::Without,
            Some((_, _, smallest, largest)) => {
                let most = f64::from(largest);
                if batch > most {
                    both *= most / batch;
                    batch = most;
                }
                match self.closed(line, when) {
                    Some(why) => why,
                    None if batch < f64::from(smallest) => Admitted::Rules,
                    None => self
                        .put(line, Officer::Any(0.0), batch.round(), 1.0, when)
                        .map_or_else(|why| why, |()| Admitted::Yes(0)),
                }
            }
        };
        let Some(pair) = self.pairs.get_mut(line.asker * self.n + line.holder) else { return };
        pair.wished += 1.0;
        let refused = match admitted {
            Admitted::Without => Some(&mut pair.without_agreement),
            Admitted::Quota => Some(&mut pair.refused_quota),
            Admitted::Rules => Some(&mut pair.refused_rules),
            Admitted::Down => Some(&mut pair.unanswered),
            Admitted::Yes(_) => None,
        };
        if let Some(refused) = refused {
            *refused += 1.0;
            self.counted.push((place, 0.0, 0.0, 0.0));
            return;
        }
        self.answer(line, batch, 1.0);
        let Some((epsilon_milli, dummies, ..)) = line.count else { return };
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
        let seconds = line.cost.seconds(size);
        pair.wait_answer += seconds;
        self.counted.push((place, 1.0, bits, seconds));
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
