//! The check that the asker's committed sums are the true ones, and its choices those of its commitment.
//!
//! Each committed bit b gets a tag κ + b·α modulo p: the asker holds the tag, the holder κ and α. With random weights
//! ρ_i that are drawn after the bits were committed, the asker's tags add up to Σ ρ_i κ_i + α Σ ρ_i U_i, where U_i are
//! the sums it committed to. The true sums are U⁰_i + Σ_j c_j·δ_ij - 2^k·(wraps), linear in its choices c_j, so the
//! holder gives it, through the keys of its choices, β_j + α·c_j·D_j with D_j = Σ_i ρ_i·(what choice j adds to U_i).
//! The difference is known to the holder too if and only if the sums are true. Of a transfer that is turned, shares
//! are taken off the sum, and so is D_j.
//!
//! The same factor trick ties choices to the commitment Σ s_i·G_i + r·H: see [`super::probe`].

use curve25519_dalek::{RistrettoPoint, Scalar};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::{
    field::{self, P},
    parameters::{BLOCK, Encoding, Part},
    planes::Wraps,
    probe,
    slice::Slice,
};
use crate::{block::Cipher, group::PointBytes};

/// Keeps the tweaks of tags apart from those of gates.
const DOMAIN: u128 = 2 << 120;

/// The hash of strings `first` and following of a batch, modulo p.
fn hashes(cipher: &Cipher, batch: u64, strings: &mut [u128]) -> Vec<u64> {
    cipher.hash(strings, |at| DOMAIN | u128::from(batch) << 40 | at as u128);
    strings.iter().map(|hash| field::reduce(*hash >> 3)).collect()
}

/// 2^bit, or minus that for the sign of a number of `wide` bits.
fn place(value: u64, bit: usize, wide: usize) -> u64 {
    let shifted = field::shift(value, bit);
    if bit + 1 == wide { field::negate(shifted) } else { shifted }
}

/// The holder's side of the tags of a part: the corrections that are sent, and for each lane the κ of its sum.
pub(super) fn tag(
    cipher: &Cipher,
    (part, encoding): (&Part, &Encoding),
    (delta, factor): (u128, u64),
    strings: &[u128],
) -> (Vec<u64>, Vec<u64>) {
    let planes: Vec<(Vec<u64>, Vec<u64>)> = strings
        .par_chunks(part.lanes)
        .enumerate()
        .map(|(bit, strings)| {
            let batch = part.batch() * 64 + bit as u64;
            let mut zero = strings.to_vec();
            let mut one: Vec<u128> = strings.iter().map(|string| string ^ delta).collect();
            let (zero, one) = (hashes(cipher, batch, &mut zero), hashes(cipher, batch, &mut one));
            let sent =
                zero.iter().zip(one).map(|(zero, one)| field::add(field::subtract(*zero, one), factor));
            (sent.collect(), zero.iter().map(|zero| place(*zero, bit, encoding.wide)).collect())
        })
        .collect();
    let mut keys = vec![0; part.lanes];
    let mut sent = Vec::with_capacity(strings.len());
    for (corrections, zero) in planes {
        sent.extend(corrections);
        keys.iter_mut().zip(zero).for_each(|(to, from)| *to = field::add(*to, from));
    }
    (sent, keys)
}

/// The asker's side: the tag of each lane's sum. `sums` are the planes that it committed to.
pub(super) fn tagged(
    cipher: &Cipher,
    (part, encoding): (&Part, &Encoding),
    (strings, sums): (&[u128], &[u64]),
    corrections: &[u64],
) -> Vec<u64> {
    let parts = strings
        .par_chunks(part.lanes)
        .zip(sums.par_chunks(part.words()))
        .zip(corrections.par_chunks(part.lanes));
    let planes: Vec<Vec<u64>> = parts
        .enumerate()
        .map(|(bit, ((strings, sums), corrections))| {
            let mut own = strings.to_vec();
            let own = hashes(cipher, part.batch() * 64 + bit as u64, &mut own);
            let lanes = own.iter().zip(corrections).enumerate();
            lanes
                .map(|(lane, (own, correction))| {
                    let set = sums.get(lane / 64).map_or(0, |word| (word >> (lane % 64) & 1).wrapping_neg());
                    // What a peer sent may be any 64 bits.
                    let correction = field::reduce(u128::from(*correction)) & set;
                    place(field::add(*own, correction), bit, encoding.wide)
                })
                .collect()
        })
        .collect();
    let mut tags = vec![0; part.lanes];
    for plane in planes {
        tags.iter_mut().zip(plane).for_each(|(to, from)| *to = field::add(*to, from));
    }
    tags
}

/// The weights of a part's lanes: 60 random bits each, so that a sum that is off vanishes with probability 2^-60.
pub(super) fn weights(seed: u128, part: &Part) -> Vec<u64> {
    let mut blocks = vec![0; part.lanes / 2];
    Cipher::new(seed).stream(part.number as u64 * (BLOCK as u64 / 2), &mut blocks);
    blocks.iter().flat_map(|block| [(*block as u64) >> 4, ((block >> 64) as u64) >> 4]).collect()
}

/// Σ weights · values.
pub(super) fn weigh(weights: &[u64], values: impl Iterator<Item = u64>) -> u64 {
    weights
        .iter()
        .zip(values)
        .fold(0, |sum, (weight, value)| field::add(sum, field::multiply(*weight, value)))
}

/// A lane of a part whose share wrapped: the lane, and 2·transfer + (1 if it fell below 0).
pub(super) type Wrap = (u32, u32);

/// Lists what wrapped.
pub(super) fn list(wraps: &Wraps, transfer: usize, to: &mut Vec<Wrap>) {
    for (down, set) in [&wraps.up, &wraps.down].into_iter().enumerate() {
        for (word, bits) in set.iter().enumerate() {
            let mut bits = *bits;
            while bits != 0 {
                let lane = word as u32 * 64 + bits.trailing_zeros();
                to.push((lane, (transfer * 2 + down) as u32));
                bits &= bits - 1;
            }
        }
    }
}

/// Adds a part to D: for each transfer, what the second choice adds to the weighted sum.
pub(super) fn differences(
    slice: &Slice,
    (part, encoding): (&Part, &Encoding),
    wraps: &[Wrap],
    weights: &[u64],
    to: &mut [u64],
) {
    // Sums of weights over 1 bits and over 0 bits, by position. Weights are below 2^60, so a word of 64 fits 2^66.
    let words: Vec<(usize, &[u64])> = weights.chunks(64).enumerate().collect();
    let none = || vec![[0_u128; 2]; encoding.length];
    let sums = words
        .par_iter()
        .fold(none, |mut sums, (word, weights)| {
            let (ones, zeros) = slice.turned(part, *word);
            let tables: Vec<[u64; 256]> = weights.chunks(8).map(subsets).collect();
            for ((ones, zeros), [one, zero]) in ones.iter().zip(&zeros).zip(&mut sums) {
                *one += look_up(&tables, *ones);
                *zero += look_up(&tables, *zeros);
            }
            sums
        })
        .reduce(none, |mut a, b| {
            a.iter_mut().zip(b).for_each(|(a, b)| a.iter_mut().zip(b).for_each(|(a, b)| *a += b));
            a
        });
    let (gain, loss) = (u64::from(encoding.gain), u64::from(encoding.loss));
    for (sums, to) in sums.iter().zip(to.chunks_mut(encoding.each())) {
        let [one, zero] = sums.map(field::reduce);
        for (to, (agree, differ)) in to.iter_mut().zip([(one, zero), (zero, one)]) {
            let step = field::subtract(field::multiply(gain, agree), field::multiply(loss, differ));
            *to = field::add(*to, step);
        }
    }
    for (lane, code) in wraps {
        let weight = weights.get(*lane as usize).copied().unwrap_or(0);
        let by = field::shift(weight, encoding.bits);
        if let Some(to) = to.get_mut((code / 2) as usize) {
            *to = if code & 1 == 0 { field::subtract(*to, by) } else { field::add(*to, by) };
        }
    }
}

/// The sum of each subset of eight weights.
fn subsets(weights: &[u64]) -> [u64; 256] {
    let mut table = [0; 256];
    for (bit, weight) in weights.iter().enumerate() {
        let (done, next) = table.split_at_mut(1 << bit);
        next.iter_mut().zip(done).for_each(|(to, from)| *to = *from + weight);
    }
    table
}

fn look_up(tables: &[[u64; 256]], lanes: u64) -> u128 {
    let bytes = lanes.to_le_bytes();
    tables
        .iter()
        .zip(bytes)
        .map(|(table, byte)| table.get(usize::from(byte)).map_or(0, |sum| u128::from(*sum)))
        .sum()
}

/// A mask modulo p.
pub(super) fn mask(key: &probe::Key) -> u64 {
    field::reduce(key.mask)
}

/// A factor from random bits: not 0.
pub(super) fn factor(block: u128) -> u64 {
    1 + field::reduce(block) % (P - 1)
}

/// What both sides must have.
#[derive(Zeroize)]
pub(super) struct Value {
    pub(super) field: u64,
    pub(super) point: PointBytes,
}

impl Value {
    pub(super) fn new(field: u64, point: &RistrettoPoint) -> Self {
        Self { field, point: point.compress().to_bytes() }
    }

    pub(super) fn to_bytes(&self) -> [u8; 40] {
        let mut bytes = [0; 40];
        let from = self.field.to_le_bytes().into_iter().chain(self.point);
        bytes.iter_mut().zip(from).for_each(|(to, from)| *to = from);
        bytes
    }

    /// The commitment to it.
    pub(super) fn close(&self, context: &[u8; 32], nonce: &[u8; 32]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"symbolon/interactive/value/1\0");
        hash.update(context);
        hash.update(nonce);
        hash.update(self.to_bytes());
        hash.finalize().into()
    }
}

/// The holder's numbers for each bit of the choices: what is sent, and what it keeps.
pub(super) fn bind(
    context: &[u8; 32],
    delta: u128,
    factor: &Scalar,
    strings: &[u128],
) -> (Vec<[u8; 32]>, Zeroizing<Vec<Scalar>>) {
    let both = strings.par_iter().enumerate().map(|(bit, string)| {
        let zero = probe::number(context, bit, *string);
        let one = probe::number(context, bit, string ^ delta);
        ((zero - one + factor).to_bytes(), zero)
    });
    let (sent, kept): (Vec<_>, Vec<_>) = both.unzip();
    (sent, Zeroizing::new(kept))
}
