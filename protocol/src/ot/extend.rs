//! The extension: any number of correlated strings from the trees [Roy 2022, figures 8 and 10].
//!
//! Each leaf gives a stream. For tree τ with leaves G_x, the asker has u_τ = Σ G_x and, for bit b of the leaves'
//! numbers, columns v_b = Σ_x x_b·G_x; the holder, without the leaf δ that four bits of Δ name, has
//! w_b = Σ_x (x ⊕ δ)_b·G_x = v_b ⊕ δ_b·u_τ. The asker sends u ⊕ u_τ, after which all trees have the same u. Rows
//! of the columns of all trees are T and K.
//!
//! The check: a linear hash of every column must fit that of u. Columns that stand for another u than the rest
//! are noticed but if the bits of Δ that they belong to are guessed. The hash is POLYVAL, under a key drawn from
//! the asker's own message and from all that was said before, the trees included [Fiat and Shamir]: two different
//! columns of M blocks collide with probability M/2^128 for each try. Without the trees in it an asker could fix its
//! message, and with it the key, and then look for a tree that fits: two lists of 2^64 nodes are enough. A last random
//! block of u hides what the hash of it would tell.

use polyval::{Polyval, universal_hash::UniversalHash};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{
    Context, DEPTH, Forest, LEAVES, TREES, WIDTH,
    base::first,
    tree::{self, Leaves, Seal},
};
use crate::{
    block::{Cipher, transpose},
    exchange::{Fault, Misbehaviour},
    seed::Stream,
};

/// Blocks of the message for `words` blocks of choices: a correction for each tree, the hash of the choices and
/// of every column.
pub const fn items(words: usize) -> usize {
    TREES * (words + 1) + 1 + WIDTH
}

/// The asker's side.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Chooser {
    #[zeroize(skip)]
    context: Context,
    leaves: Leaves,
}

/// The holder's side.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Correlator {
    #[zeroize(skip)]
    context: Context,
    delta: u128,
    leaves: Leaves,
}

impl std::fmt::Debug for Chooser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chooser(..)")
    }
}

impl std::fmt::Debug for Correlator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Correlator(..)")
    }
}

/// The stream of one leaf for one batch.
fn stream(context: &Context, batch: u64, tree: u8, leaf: u8, value: u128) -> Cipher {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/ot/stream/1\0");
    hash.update(context);
    hash.update(batch.to_be_bytes());
    hash.update([tree, leaf]);
    hash.update(value.to_le_bytes());
    Cipher::new(first(&hash.finalize().into()))
}

/// The key of the linear hash, from everything that it is to check.
fn challenge<'a>(context: &Context, batch: u64, corrections: impl Iterator<Item = &'a [u128]>) -> Polyval {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/ot/check/1\0");
    hash.update(context);
    hash.update(batch.to_be_bytes());
    corrections.for_each(|correction| hash.update(bytemuck::cast_slice::<u128, u8>(correction)));
    let digest: [u8; 32] = hash.finalize().into();
    Polyval::new(&first(&digest).to_le_bytes().into())
}

fn linear(hash: &Polyval, column: &[u128]) -> u128 {
    let mut hash = hash.clone();
    for block in column {
        hash.update(&[block.to_le_bytes().into()]);
    }
    u128::from_le_bytes(hash.finalize().into())
}

/// Rows of 128 columns, of which the last block is left out.
fn rows(columns: &[Vec<u128>], words: usize) -> Vec<u128> {
    let mut rows = vec![0_u128; words * WIDTH];
    let (parts, _) = rows.as_chunks_mut::<WIDTH>();
    parts.par_iter_mut().enumerate().for_each(|(word, part)| {
        for (to, column) in part.iter_mut().zip(columns) {
            *to = column.get(word).copied().unwrap_or(0);
        }
        crate::block::registers().dispatch(
            #[inline(always)]
            || transpose(part),
        );
    });
    rows
}

fn add(to: &mut [u128], from: &[u128]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to ^= from);
}

/// One tree of one batch: the sum of its leaves' streams, and its columns.
type Grown = (Vec<u128>, Vec<Vec<u128>>);

/// Grows every tree. `hole` gives the number that the leaves of a tree are counted from: leaf x is at place x ⊕ hole, and
/// column b is the sum of the places whose bit b is set.
fn grow(
    (context, batch): (&Context, u64),
    leaves: &Leaves,
    blocks: usize,
    hole: impl Fn(usize) -> usize + Sync,
) -> Vec<Grown> {
    let one = |(tree, leaves): (usize, &[u128; LEAVES])| {
        let mut columns = vec![vec![0; blocks]; DEPTH];
        // The sum of the last 2^level places that wait for as many to their right, for each level; the whole at last.
        let mut waiting = vec![vec![0; blocks]; DEPTH + 1];
        let mut sum = vec![0; blocks];
        for place in 0..LEAVES {
            let leaf = place ^ hole(tree);
            let byte = |number: usize| u8::try_from(number).unwrap_or(u8::MAX);
            let value = leaves.get(leaf).copied().unwrap_or(0);
            stream(context, batch, byte(tree), byte(leaf), value).stream(0, &mut sum);
            let merged = place.trailing_ones() as usize;
            crate::block::registers().dispatch(
                #[inline(always)]
                || {
                    for (column, left) in columns.iter_mut().zip(&waiting).take(merged) {
                        add(column, &sum);
                        add(&mut sum, left);
                    }
                },
            );
            if let Some(to) = waiting.get_mut(merged) {
                std::mem::swap(to, &mut sum);
            }
        }
        let whole = waiting.pop().unwrap_or_default();
        sum.zeroize();
        waiting.iter_mut().for_each(Zeroize::zeroize);
        (whole, columns)
    };
    leaves.par_iter().enumerate().map(one).collect()
}

impl Chooser {
    /// The asker's side of the trees that it sent. `context` names everything that was said, the seals and the elements
    /// of the base transfers included: the key of the check must depend on the trees, or a tree could be sought
    /// for a key that is known.
    pub fn new(context: &Context, forest: &Forest) -> Self {
        Self { context: *context, leaves: forest.leaves.clone() }
    }

    /// Chooses: the message of [`items`] blocks for the holder, and the strings T. No batch may be used twice.
    pub fn extend(&self, batch: u64, choices: &[u128], random: &mut Stream) -> (Vec<u128>, Vec<u128>) {
        let (context, blocks) = (&self.context, choices.len() + 1);
        let mut chosen = choices.to_vec();
        chosen.push(random.block());
        let mut columns = Vec::with_capacity(WIDTH);
        let mut message = Vec::with_capacity(items(choices.len()));
        for (mut sum, grown) in grow((context, batch), &self.leaves, blocks, |_| 0) {
            message.extend(sum.iter().zip(&chosen).map(|(sum, choice)| sum ^ choice));
            // With the message it gives the choices.
            sum.zeroize();
            columns.extend(grown);
        }
        let hash = challenge(context, batch, message.chunks(blocks));
        message.push(linear(&hash, &chosen));
        message.par_extend(columns.par_iter().map(|column| linear(&hash, column)));
        chosen.zeroize();
        let rows = rows(&columns, choices.len());
        columns.iter_mut().for_each(Zeroize::zeroize);
        (message, rows)
    }
}

impl Correlator {
    /// The bits that the base transfers must have chosen for Δ.
    pub fn choices(delta: u128) -> u128 {
        tree::choices(delta)
    }

    /// Opens the asker's trees with the keys that the base transfers gave. `trees` is the context of the trees;
    /// `context` that of [`Chooser::new`].
    ///
    /// # Errors
    /// [`Misbehaviour::Correlation`] if the trees are not what they should be.
    pub fn open(
        (trees, context): (&Context, &Context),
        delta: u128,
        keys: &[u128],
        seals: &[Seal],
    ) -> Result<Self, Fault> {
        Ok(Self { context: *context, delta, leaves: tree::open(trees, delta, keys, seals)? })
    }

    /// Δ.
    pub fn delta(&self) -> u128 {
        self.delta
    }

    /// Checks the asker's message for `words` blocks of choices; then gives the strings K.
    ///
    /// # Errors
    /// [`Misbehaviour::Correlation`] if the choices are not the same everywhere.
    pub fn extend(&self, batch: u64, words: usize, message: &[u128]) -> Result<Vec<u128>, Fault> {
        let (context, blocks) = (&self.context, words + 1);
        let (corrections, hashes) = message
            .split_at_checked(TREES * blocks)
            .filter(|_| message.len() == items(words))
            .ok_or(Misbehaviour::Count)?;
        let (chosen, hashes) = hashes.split_first().ok_or(Misbehaviour::Count)?;
        let grown = grow((context, batch), &self.leaves, blocks, |tree| tree::hole(self.delta, tree));
        let mut columns = Vec::with_capacity(WIDTH);
        for ((_, grown), correction) in grown.into_iter().zip(corrections.chunks(blocks)) {
            for mut column in grown {
                let mask = self.mask(columns.len());
                column.iter_mut().zip(correction).for_each(|(to, from)| *to ^= from & mask);
                columns.push(column);
            }
        }
        let hash = challenge(context, batch, corrections.chunks(blocks));
        let checked = columns.par_iter().enumerate().zip(hashes);
        let wrong =
            checked.map(|((at, column), told)| linear(&hash, column) ^ (chosen & self.mask(at)) ^ told);
        if wrong.reduce(|| 0, |a, b| a | b) != 0 {
            columns.iter_mut().for_each(Zeroize::zeroize);
            return Err(Misbehaviour::Correlation("the choices are not the same everywhere").into());
        }
        let rows = rows(&columns, words);
        columns.iter_mut().for_each(Zeroize::zeroize);
        Ok(rows)
    }

    /// All ones if a bit of Δ is set.
    fn mask(&self, bit: usize) -> u128 {
        (self.delta >> bit & 1).wrapping_neg()
    }
}

#[cfg(test)]
impl Chooser {
    /// The message of an asker that chooses otherwise in one tree, and makes the hashes fit a guess of the tree's bits of Δ.
    pub(super) fn inconsistent(&self, choices: &[u128], other: usize, guess: u128) -> Vec<u128> {
        let (context, blocks) = (&self.context, choices.len() + 1);
        let chosen = [choices, &[7]].concat();
        let otherwise: Vec<u128> = chosen.iter().map(|block| block ^ 1 << 40).collect();
        let (mut columns, mut message) = (Vec::new(), Vec::new());
        for (tree, (sum, grown)) in grow((context, 0), &self.leaves, blocks, |_| 0).into_iter().enumerate() {
            let choice = if tree == other { &otherwise } else { &chosen };
            message.extend(sum.iter().zip(choice).map(|(sum, choice)| sum ^ choice));
            columns.extend(grown);
        }
        let hash = challenge(context, 0, message.chunks(blocks));
        let differ = linear(&hash, &chosen) ^ linear(&hash, &otherwise);
        message.push(linear(&hash, &chosen));
        message.extend(columns.iter().enumerate().map(|(at, column)| {
            let bit = guess.checked_shr(at.wrapping_sub(other * DEPTH) as u32).unwrap_or(0) & 1;
            linear(&hash, column) ^ if at / DEPTH == other && bit == 1 { differ } else { 0 }
        }));
        message
    }
}
