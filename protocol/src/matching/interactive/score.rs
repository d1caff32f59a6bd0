//! The scores of one part, at both sides.

use rayon::prelude::*;

use super::{
    check::{Wrap, list},
    parameters::{BLOCK, Encoding, Layout, Part},
    planes::{self, Step, Wraps},
    probe::Key,
    slice::Columns,
};
use crate::block::Cipher;

/// Positions that one task takes.
pub(super) const POSITIONS: usize = 16;

/// The planes of one key for one part.
fn stream(key: &Key, encoding: &Encoding, layout: &Layout, part: &Part) -> Vec<u128> {
    let mut blocks = vec![0; encoding.bits * part.lanes / 128];
    let stride = (encoding.bits * BLOCK / 128) as u64;
    Cipher::new(key.stream).stream(layout.turn(part) as u64 * stride, &mut blocks);
    blocks
}

/// Words of the corrections of one position.
pub(super) fn words(encoding: &Encoding, part: &Part) -> usize {
    encoding.choices() * encoding.bits * part.words()
}

/// The sum of shares before the first position.
pub(super) fn nothing(encoding: &Encoding, part: &Part) -> Vec<u64> {
    planes::constant(-encoding.centre(), encoding.wide, part.words())
}

/// What scoring some positions gave the holder.
pub(super) struct Scored {
    /// Corrections in the order in which they are sent.
    pub(super) corrections: Vec<u64>,
    pub(super) wraps: Vec<Wrap>,
}

/// The holder scores positions `first` and following; each has the keys of its choices. Adds to the sum of the shares
/// of the first choices.
pub(super) fn give(
    (encoding, layout, part): (&Encoding, &Layout, &Part),
    columns: &Columns,
    first: usize,
    keys: &[[Key; 3]],
    sum: &mut [u64],
) -> Vec<Scored> {
    let width = part.words();
    let done: Vec<(Scored, Vec<u64>)> = keys
        .par_chunks(POSITIONS)
        .enumerate()
        .map(|(task, keys)| {
            let first = first + task * POSITIONS;
            let mut scored =
                Scored { corrections: vec![0; keys.len() * words(encoding, part)], wraps: Vec::new() };
            let mut sum = vec![0; encoding.wide * width];
            let mut wraps = Wraps::default();
            let positions =
                (first..).zip(keys).zip(scored.corrections.chunks_exact_mut(words(encoding, part)));
            for ((position, keys), to) in positions {
                let [none, others @ ..] = keys;
                let none = stream(none, encoding, layout, part);
                let none: &[u64] = bytemuck::cast_slice(&none);
                let (ones, zeros) = columns.position(position);
                let sides = [(ones, zeros), (zeros, ones)];
                for (choice, ((key, to), (plus, minus))) in
                    others.iter().zip(to.chunks_exact_mut(encoding.bits * width)).zip(sides).enumerate()
                {
                    let own = stream(key, encoding, layout, part);
                    let step = Step { plus, minus, gain: encoding.gain, loss: encoding.loss };
                    planes::correct(none, bytemuck::cast_slice(&own), step, to, &mut wraps);
                    list(&wraps, position, choice, &mut scored.wraps);
                }
                planes::accumulate(&mut sum, none, width);
            }
            (scored, sum)
        })
        .collect();
    let (scored, sums): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    sums.iter().for_each(|more| planes::accumulate(sum, more, width));
    scored
}

/// The asker adds its shares of positions whose corrections came. Each has the key and the masks of its choice.
pub(super) fn take(
    (encoding, layout, part): (&Encoding, &Layout, &Part),
    keys: &[(Key, [u64; 2])],
    corrections: &[u64],
    sum: &mut [u64],
) {
    let width = part.words();
    let parts = keys.par_chunks(POSITIONS).zip(corrections.par_chunks(POSITIONS * words(encoding, part)));
    let sums: Vec<Vec<u64>> = parts
        .map(|(keys, corrections)| {
            let mut sum = vec![0; encoding.wide * width];
            for ((key, masks), corrections) in
                keys.iter().zip(corrections.chunks_exact(words(encoding, part)))
            {
                let mut share = stream(key, encoding, layout, part);
                let share: &mut [u64] = bytemuck::cast_slice_mut(&mut share);
                let masked: Vec<(u64, &[u64])> =
                    masks.iter().copied().zip(corrections.chunks_exact(encoding.bits * width)).collect();
                planes::share(share, width, &masked);
                planes::accumulate(&mut sum, share, width);
            }
            sum
        })
        .collect();
    sums.iter().for_each(|more| planes::accumulate(sum, more, width));
}

/// Planes as blocks.
pub(super) fn blocks(planes: &[u64]) -> Vec<u128> {
    let (pairs, _) = planes.as_chunks::<2>();
    pairs.iter().map(|[low, high]| u128::from(*low) | u128::from(*high) << 64).collect()
}
