//! Garbled circuits: the holder garbles, the asker evaluates, many lanes at a time.
//!
//! * The **asker** learns the label of each wire, never what it stands for, until the holder says it of an output.
//! * A malicious asker gains nothing: it has one label of each input. A malicious holder can garble another circuit
//!   than was agreed; the asker sends nothing that depends on what comes out.
//! * Source: half gates [Zahur, Rosulek, Evans 2015], with free exclusive-or and the hash of
//!   [`Cipher::hash`](crate::block::Cipher::hash). The labels of a wire differ by Δ, whose lowest bit is 1, so
//!   the lowest bit of a label says which row of a table is its own.
//!
//! A circuit is written once over [`Gates`] and run with four of them: [`Garbler`], [`Evaluator`], [`Tally`], which
//! counts what crosses, and in tests with plain bits.

use rayon::prelude::*;

use crate::{
    block::Cipher,
    exchange::{Fault, Misbehaviour},
};

/// Lanes that one task takes.
const LANES: usize = 256;
/// Keeps tweaks of gates apart from others under the same permutation.
const DOMAIN: u128 = 1 << 120;

/// How a circuit is run. A wire is a row of lanes.
pub(crate) trait Gates {
    /// What a wire carries in one lane.
    type Wire: Copy + Send + Sync;

    /// Both, in each lane.
    fn and(&mut self, a: &[Self::Wire], b: &[Self::Wire]) -> Result<Vec<Self::Wire>, Fault>;

    /// The wire where the holder's bit is 1, else 0. Lane i has bit i mod 64 of word i / 64.
    fn only(&mut self, a: &[Self::Wire], own: &[u64]) -> Result<Vec<Self::Wire>, Fault>;

    /// One of the two, not both.
    fn xor(&self, a: Self::Wire, b: Self::Wire) -> Self::Wire;

    /// Turns the wire where the holder's bit is 1.
    fn turn(&self, wire: &mut [Self::Wire], own: &[u64]);

    /// The opposite.
    fn not(&self, wire: Self::Wire) -> Self::Wire;

    /// Exclusive or of whole wires.
    fn sum(&self, a: &[Self::Wire], b: &[Self::Wire]) -> Vec<Self::Wire> {
        a.iter().zip(b).map(|(a, b)| self.xor(*a, *b)).collect()
    }

    /// At least one, in each lane.
    fn or(&mut self, a: &[Self::Wire], b: &[Self::Wire]) -> Result<Vec<Self::Wire>, Fault> {
        let opposite = |wire: &[Self::Wire]| wire.iter().map(|w| self.not(*w)).collect::<Vec<_>>();
        let (a, b) = (opposite(a), opposite(b));
        let neither = self.and(&a, &b)?;
        Ok(neither.iter().map(|w| self.not(*w)).collect())
    }
}

/// The bit of a lane.
fn bit(words: &[u64], lane: usize) -> bool {
    words.get(lane / 64).is_some_and(|word| word >> (lane % 64) & 1 == 1)
}

/// All ones if the lowest bit is set.
fn spread(label: u128) -> u128 {
    (label & 1).wrapping_neg()
}

fn tweak(gate: u64, half: u128) -> u128 {
    DOMAIN | u128::from(gate) << 1 | half
}

/// The holder: wires are the labels of 0.
pub(crate) struct Garbler<'a> {
    cipher: &'a Cipher,
    delta: u128,
    gates: &'a mut u64,
    tables: Vec<u128>,
}

impl<'a> Garbler<'a> {
    /// Garbles gates from number `gates` on. No number may be used twice under a Δ.
    pub(crate) fn new(cipher: &'a Cipher, delta: u128, gates: &'a mut u64) -> Self {
        Self { cipher, delta, gates, tables: Vec::new() }
    }

    /// What the asker needs.
    pub(crate) fn tables(self) -> Vec<u128> {
        self.tables
    }

    /// Numbers for the gates of so many lanes.
    fn number(&mut self, lanes: usize) -> u64 {
        let first = *self.gates;
        *self.gates = first.wrapping_add(lanes as u64);
        first
    }

    /// Appends room for `each` blocks a lane.
    fn room(&mut self, blocks: usize) -> &mut [u128] {
        let from = self.tables.len();
        self.tables.resize(from + blocks, 0);
        self.tables.get_mut(from..).unwrap_or_default()
    }
}

impl Gates for Garbler<'_> {
    type Wire = u128;

    fn and(&mut self, a: &[u128], b: &[u128]) -> Result<Vec<u128>, Fault> {
        let (first, cipher, delta) = (self.number(a.len()), self.cipher, self.delta);
        let mut out = vec![0; a.len()];
        let tables = self.room(2 * a.len());
        let parts = a.par_chunks(LANES).zip(b.par_chunks(LANES));
        let parts = parts.zip(out.par_chunks_mut(LANES)).zip(tables.par_chunks_mut(2 * LANES)).enumerate();
        parts.for_each(|(part, (((a, b), out), tables))| {
            let first = first.wrapping_add((part * LANES) as u64);
            let mut hashed = [0; 4 * LANES];
            let hashed = hashed.get_mut(..4 * a.len()).unwrap_or_default();
            let (quads, _) = hashed.as_chunks_mut::<4>();
            quads
                .iter_mut()
                .zip(a.iter().zip(b))
                .for_each(|(to, (a, b))| *to = [*a, a ^ delta, *b, b ^ delta]);
            cipher.hash(hashed, |at| tweak(first.wrapping_add(at as u64 / 4), at as u128 / 2 % 2));
            let (quads, _) = hashed.as_chunks::<4>();
            let (rows, _) = tables.as_chunks_mut::<2>();
            let lanes = quads.iter().zip(a.iter().zip(b)).zip(out.iter_mut().zip(rows));
            for (([a0, a1, b0, b1], (a, b)), (out, [generator, evaluator])) in lanes {
                // ZRE15, figure 2.
                *generator = a0 ^ a1 ^ (spread(*b) & delta);
                *evaluator = b0 ^ b1 ^ a;
                *out = a0 ^ (spread(*a) & *generator) ^ b0 ^ (spread(*b) & (*evaluator ^ a));
            }
        });
        Ok(out)
    }

    fn only(&mut self, a: &[u128], own: &[u64]) -> Result<Vec<u128>, Fault> {
        let (first, cipher, delta) = (self.number(a.len()), self.cipher, self.delta);
        let mut out = vec![0; a.len()];
        let tables = self.room(a.len());
        let parts =
            a.par_chunks(LANES).zip(out.par_chunks_mut(LANES)).zip(tables.par_chunks_mut(LANES)).enumerate();
        parts.for_each(|(part, ((a, out), tables))| {
            let first = first.wrapping_add((part * LANES) as u64);
            let mut hashed = [0; 2 * LANES];
            let hashed = hashed.get_mut(..2 * a.len()).unwrap_or_default();
            let (pairs, _) = hashed.as_chunks_mut::<2>();
            pairs.iter_mut().zip(a).for_each(|(to, a)| *to = [*a, a ^ delta]);
            cipher.hash(hashed, |at| tweak(first.wrapping_add(at as u64 / 2), 0));
            let (pairs, _) = hashed.as_chunks::<2>();
            let lanes = pairs.iter().zip(a).zip(out.iter_mut().zip(tables)).enumerate();
            for (lane, (([a0, a1], a), (out, table))) in lanes {
                let own = u128::from(bit(own, part * LANES + lane)).wrapping_neg();
                *table = a0 ^ a1 ^ (own & delta);
                *out = a0 ^ (spread(*a) & *table);
            }
        });
        Ok(out)
    }

    fn xor(&self, a: u128, b: u128) -> u128 {
        a ^ b
    }

    fn turn(&self, wire: &mut [u128], own: &[u64]) {
        for (lane, label) in wire.iter_mut().enumerate() {
            *label ^= u128::from(bit(own, lane)).wrapping_neg() & self.delta;
        }
    }

    fn not(&self, wire: u128) -> u128 {
        wire ^ self.delta
    }
}

/// The asker: wires are the labels that it has.
pub(crate) struct Evaluator<'a> {
    cipher: &'a Cipher,
    gates: &'a mut u64,
    tables: &'a [u128],
}

impl<'a> Evaluator<'a> {
    /// Evaluates gates from number `gates` on, with their tables.
    pub(crate) fn new(cipher: &'a Cipher, gates: &'a mut u64, tables: &'a [u128]) -> Self {
        Self { cipher, gates, tables }
    }

    fn take(&mut self, lanes: usize, each: usize) -> Result<(u64, &'a [u128]), Fault> {
        let first = *self.gates;
        *self.gates = first.wrapping_add(lanes as u64);
        let (tables, rest) = self.tables.split_at_checked(lanes * each).ok_or(Misbehaviour::Count)?;
        self.tables = rest;
        Ok((first, tables))
    }
}

impl Gates for Evaluator<'_> {
    type Wire = u128;

    fn and(&mut self, a: &[u128], b: &[u128]) -> Result<Vec<u128>, Fault> {
        let (first, tables) = self.take(a.len(), 2)?;
        let cipher = self.cipher;
        let mut out = vec![0; a.len()];
        let parts = a.par_chunks(LANES).zip(b.par_chunks(LANES));
        let parts = parts.zip(out.par_chunks_mut(LANES)).zip(tables.par_chunks(2 * LANES)).enumerate();
        parts.for_each(|(part, (((a, b), out), tables))| {
            let first = first.wrapping_add((part * LANES) as u64);
            let mut hashed = [0; 2 * LANES];
            let hashed = hashed.get_mut(..2 * a.len()).unwrap_or_default();
            let (pairs, _) = hashed.as_chunks_mut::<2>();
            pairs.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = [*a, *b]);
            cipher.hash(hashed, |at| tweak(first.wrapping_add(at as u64 / 2), at as u128 % 2));
            let (pairs, _) = hashed.as_chunks::<2>();
            let (rows, _) = tables.as_chunks::<2>();
            let lanes = pairs.iter().zip(a.iter().zip(b)).zip(out.iter_mut().zip(rows));
            for (([ha, hb], (a, b)), (out, [generator, evaluator])) in lanes {
                *out = ha ^ (spread(*a) & generator) ^ hb ^ (spread(*b) & (evaluator ^ a));
            }
        });
        Ok(out)
    }

    fn only(&mut self, a: &[u128], _: &[u64]) -> Result<Vec<u128>, Fault> {
        let (first, tables) = self.take(a.len(), 1)?;
        let mut out = a.to_vec();
        self.cipher.hash(&mut out, |at| tweak(first.wrapping_add(at as u64), 0));
        for ((out, a), table) in out.iter_mut().zip(a).zip(tables) {
            *out ^= spread(*a) & table;
        }
        Ok(out)
    }

    fn xor(&self, a: u128, b: u128) -> u128 {
        a ^ b
    }

    fn turn(&self, _: &mut [u128], _: &[u64]) {}

    fn not(&self, wire: u128) -> u128 {
        wire
    }
}

/// Counts the blocks that cross.
#[derive(Default)]
pub(crate) struct Tally(pub(crate) u64);

impl Gates for Tally {
    type Wire = ();

    fn and(&mut self, a: &[()], _: &[()]) -> Result<Vec<()>, Fault> {
        self.0 = self.0.saturating_add(2 * a.len() as u64);
        Ok(a.to_vec())
    }

    fn only(&mut self, a: &[()], _: &[u64]) -> Result<Vec<()>, Fault> {
        self.0 = self.0.saturating_add(a.len() as u64);
        Ok(a.to_vec())
    }

    fn xor(&self, (): (), (): ()) {}

    fn turn(&self, _: &mut [()], _: &[u64]) {}

    fn not(&self, (): ()) {}
}

#[cfg(test)]
pub(crate) mod tests;
