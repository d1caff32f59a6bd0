//! The circuit: from scores to one bit, or to one bit a record with a cap.
//!
//! Results are ±[`BIT`] under the big key. Gates are sums, a key switch to the small key and another
//! bootstrapping.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::*;

use super::{
    keys::Evaluation,
    keyswitch,
    parameters::{BATCH, BIG, BIG_DEGREE, BIG_LWE, BIT, COUNT_REACH, MODULUS, OR_FAN_IN, SMALL, SWITCH},
};

/// A ciphertext under the small key, ready to be bootstrapped.
pub(super) type Small = LweCiphertextOwned<u64>;
/// A ciphertext under the big key.
pub(super) type Big = LweCiphertextOwned<u64>;

/// The table of a bootstrapping: what phases in [0, 1/2) of the torus become; [1/2, 1) becomes its negative.
pub(super) struct Table(GlweCiphertextOwned<u64>);

impl Table {
    /// A table of coefficients.
    fn of(coefficient: impl Fn(usize) -> u64) -> Self {
        let mut table = GlweCiphertext::new(0, BIG.to_glwe_size(), BIG_DEGREE, MODULUS);
        table.get_mut_body().as_mut().iter_mut().enumerate().for_each(|(at, to)| *to = coefficient(at));
        Self(table)
    }

    /// +[`BIT`] for a positive phase, -[`BIT`] for a negative one.
    pub(super) fn sign() -> Self {
        Self::of(|_| BIT)
    }

    /// For a phase of x/32, x from 0 to [`COUNT_REACH`]: the smaller of x and `most`, in units of 2·[`BIT`].
    pub(super) fn saturate(most: u32) -> Self {
        let step = BIG_DEGREE.0 / 16;
        Self::of(|at| {
            // The last half step belongs to 0, from the other side.
            let x = (at + step / 2) / step % 16;
            u64::from(most).min(x as u64).wrapping_mul(2 * BIT)
        })
    }
}

/// Bootstraps any number of ciphertexts, on all cores.
pub(super) fn bootstrap(keys: &Evaluation, table: &Table, inputs: &[Small]) -> Vec<Big> {
    let cores = rayon::current_num_threads().max(1);
    let share = inputs.len().div_ceil(cores).clamp(1, BATCH);
    inputs.par_chunks(share).flat_map_iter(|inputs| keys.bootstrap.bootstrap(&table.0, inputs)).collect()
}

/// Switches sums to the small key and bootstraps them.
pub(super) fn gate(keys: &Evaluation, table: &Table, sums: &[Big]) -> Vec<Big> {
    let cores = rayon::current_num_threads().max(1);
    let share = sums.len().div_ceil(cores).clamp(1, BATCH);
    let small: Vec<Small> = sums.par_chunks(share).flat_map_iter(|sums| switch(keys, sums)).collect();
    bootstrap(keys, table, &small)
}

/// Switches ciphertexts to the small key.
pub(super) fn switch(keys: &Evaluation, inputs: &[Big]) -> Vec<Small> {
    let size = SMALL.to_lwe_size();
    let mut sums = vec![0; inputs.len() * size.0];
    keyswitch::accumulate(keys.switch.as_ref(), SWITCH, inputs, &mut sums);
    let whole = |(input, sum): (&Big, &[u64])| {
        let mut small = LweCiphertext::from_container(sum.to_vec(), MODULUS);
        let body = small.get_mut_body().data;
        *body = body.wrapping_add(*input.get_body().data);
        small
    };
    inputs.iter().zip(sums.chunks(size.0)).map(whole).collect()
}

fn shift(ciphertext: &mut Big, by: u64) {
    lwe_ciphertext_plaintext_add_assign(ciphertext, Plaintext(by));
}

/// ± 1/64 to ± 1/32, so that an OR is decided with twice the margin of a count.
fn or_sum(inputs: &[Big]) -> Big {
    let mut sum = LweCiphertext::new(0, BIG_LWE.to_lwe_size(), MODULUS);
    inputs.iter().for_each(|input| lwe_ciphertext_add_assign(&mut sum, input));
    lwe_ciphertext_cleartext_mul_assign(&mut sum, Cleartext(2));
    shift(&mut sum, 2 * BIT * (inputs.len() as u64).wrapping_sub(1));
    sum
}

/// ORs groups of results, each of any size, all at once. A group of one is returned as it is.
pub(super) fn or_each(keys: &Evaluation, mut groups: Vec<Vec<Big>>) -> Vec<Big> {
    let table = Table::sign();
    while groups.iter().any(|group| group.len() > 1) {
        let mut sums = Vec::new();
        for group in groups.iter().filter(|group| group.len() > 1) {
            sums.extend(group.chunks(OR_FAN_IN).map(or_sum));
        }
        let mut outputs = gate(keys, &table, &sums).into_iter();
        for group in groups.iter_mut().filter(|group| group.len() > 1) {
            let parts = group.len().div_ceil(OR_FAN_IN);
            *group = outputs.by_ref().take(parts).collect();
        }
    }
    groups.into_iter().filter_map(|group| group.into_iter().next()).collect()
}

/// ORs results as they come, in memory that grows with the logarithm of their number.
#[derive(Default)]
pub(super) struct Or {
    levels: Vec<Vec<Big>>,
}

impl Or {
    /// Adds results.
    pub(super) fn add(&mut self, keys: &Evaluation, mut results: Vec<Big>) {
        for level in 0.. {
            if results.is_empty() {
                return;
            }
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(waiting) = self.levels.get_mut(level) else { return };
            waiting.append(&mut results);
            let full = waiting.len() / OR_FAN_IN * OR_FAN_IN;
            let sums: Vec<Big> = waiting.drain(..full).as_slice().chunks(OR_FAN_IN).map(or_sum).collect();
            results = gate(keys, &Table::sign(), &sums);
        }
    }

    /// The OR of all, or nothing if there was none.
    pub(super) fn finish(self, keys: &Evaluation) -> Option<Big> {
        or_each(keys, vec![self.levels.into_iter().flatten().collect()]).into_iter().next()
    }
}

/// Counts hits as they come, up to one more than the cap.
pub(super) struct Count {
    cap: u32,
    /// Partial sums by level, with the largest value each can have.
    levels: Vec<(Big, u32)>,
    ready: Vec<Vec<Big>>,
}

impl Count {
    pub(super) fn new(cap: u32) -> Self {
        Self { cap, levels: Vec::new(), ready: Vec::new() }
    }

    /// Adds results, ± [`BIT`] each.
    pub(super) fn add(&mut self, keys: &Evaluation, results: &[Big]) {
        for result in results {
            let mut one = result.clone();
            shift(&mut one, BIT);
            self.put(0, one, 1);
        }
        self.reduce(keys, BATCH);
    }

    /// Adds a number of at most `most` to a level's sum; a sum that would grow too large waits for its gate.
    fn put(&mut self, level: usize, value: Big, most: u32) {
        if self.levels.len() == level {
            self.levels.push((LweCiphertext::new(0, BIG_LWE.to_lwe_size(), MODULUS), 0));
            self.ready.push(Vec::new());
        }
        let (Some((sum, reached)), Some(ready)) = (self.levels.get_mut(level), self.ready.get_mut(level))
        else {
            return;
        };
        if *reached + most > COUNT_REACH {
            let empty = LweCiphertext::new(0, BIG_LWE.to_lwe_size(), MODULUS);
            ready.push(std::mem::replace(sum, empty));
            *reached = 0;
        }
        lwe_ciphertext_add_assign(sum, &value);
        *reached += most;
    }

    /// Runs the gates of every level that has `least` sums waiting.
    fn reduce(&mut self, keys: &Evaluation, least: usize) {
        let table = Table::saturate(self.cap + 1);
        let mut level = 0;
        while let Some(ready) = self.ready.get_mut(level) {
            if ready.len() >= least.max(1) {
                let sums = std::mem::take(ready);
                for value in gate(keys, &table, &sums) {
                    self.put(level + 1, value, self.cap + 1);
                }
            }
            level += 1;
        }
    }

    /// + [`BIT`] if there are more hits than the cap, - [`BIT`] if not; nothing if nothing was counted.
    pub(super) fn finish(mut self, keys: &Evaluation) -> Option<Big> {
        let table = Table::saturate(self.cap + 1);
        let mut values: Vec<(Big, u32)> = Vec::new();
        for level in 0.. {
            let Some((sum, reached)) = self.levels.get(level).cloned() else { break };
            let mut sums = self.ready.get_mut(level).map(std::mem::take).unwrap_or_default();
            if reached > 0 {
                sums.push(sum);
            }
            values.extend(gate(keys, &table, &sums).into_iter().map(|value| (value, self.cap + 1)));
        }
        while values.len() > 1 {
            let at_once = usize::try_from(COUNT_REACH / (self.cap + 1)).unwrap_or(2).max(2);
            let sums: Vec<Big> = values
                .chunks(at_once)
                .map(|chunk| {
                    let mut sum = LweCiphertext::new(0, BIG_LWE.to_lwe_size(), MODULUS);
                    chunk.iter().for_each(|(value, _)| lwe_ciphertext_add_assign(&mut sum, value));
                    sum
                })
                .collect();
            values = gate(keys, &table, &sums).into_iter().map(|value| (value, self.cap + 1)).collect();
        }
        let (mut total, _) = values.into_iter().next()?;
        // Half way between cap and cap + 1 becomes 0.
        shift(&mut total, BIT.wrapping_mul(u64::from(2 * self.cap + 1)).wrapping_neg());
        gate(keys, &Table::sign(), &[total]).into_iter().next()
    }
}
