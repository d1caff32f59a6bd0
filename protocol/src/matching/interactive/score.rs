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

/// Transfers that one task takes.
pub(super) const TRANSFERS: usize = 16;

/// The planes of one key for one part.
fn stream(key: &Key, encoding: &Encoding, layout: &Layout, part: &Part) -> Vec<u128> {
    let mut blocks = vec![0; encoding.bits * part.lanes / 128];
    let stride = (encoding.bits * BLOCK / 128) as u64;
    Cipher::new(key.stream).stream(layout.turn(part) as u64 * stride, &mut blocks);
    blocks
}

/// Words of the corrections of one transfer.
pub(super) fn words(encoding: &Encoding, part: &Part) -> usize {
    encoding.bits * part.words()
}

/// The sum of shares before the first transfer. `turned` are those of the part's alternative.
pub(super) fn nothing(encoding: &Encoding, part: &Part, turned: &[bool]) -> Vec<u64> {
    let turned = turned.iter().filter(|turned| **turned).count();
    planes::constant(-encoding.centre(turned), encoding.wide, part.words())
}

/// What scoring some transfers gave the holder.
pub(super) struct Scored {
    /// Corrections in the order in which they are sent.
    pub(super) corrections: Vec<u64>,
    pub(super) wraps: Vec<Wrap>,
}

/// A transfer as the holder has it: the keys of both choices, and whether it is turned.
pub(super) type Given = ([Key; 2], bool);

/// The holder scores transfers `first` and following. Adds the shares of the first choices to the sum, or takes them
/// off it.
pub(super) fn give(
    (encoding, layout, part): (&Encoding, &Layout, &Part),
    columns: &Columns,
    first: usize,
    transfers: &[Given],
    sum: &mut [u64],
) -> Vec<Scored> {
    let width = part.words();
    let done: Vec<(Scored, Vec<u64>)> = transfers
        .par_chunks(TRANSFERS)
        .enumerate()
        .map(|(task, transfers)| {
            let first = first + task * TRANSFERS;
            let mut scored =
                Scored { corrections: vec![0; transfers.len() * words(encoding, part)], wraps: Vec::new() };
            let mut sum = vec![0; encoding.wide * width];
            let mut wraps = Wraps::default();
            let parts = scored.corrections.chunks_exact_mut(words(encoding, part));
            for ((transfer, ([none, other], turned)), to) in (first..).zip(transfers).zip(parts) {
                let none = stream(none, encoding, layout, part);
                let none: &[u64] = bytemuck::cast_slice(&none);
                let own = stream(other, encoding, layout, part);
                let (ones, zeros) = columns.position(transfer / encoding.each());
                let (plus, minus) =
                    if transfer % encoding.each() == 0 { (ones, zeros) } else { (zeros, ones) };
                let step = Step { plus, minus, gain: encoding.gain, loss: encoding.loss };
                planes::correct(none, bytemuck::cast_slice(&own), step, to, &mut wraps);
                list(&wraps, transfer, &mut scored.wraps);
                planes::accumulate(&mut sum, none, width, *turned);
            }
            (scored, sum)
        })
        .collect();
    let (scored, sums): (Vec<_>, Vec<_>) = done.into_iter().unzip();
    sums.iter().for_each(|more| planes::accumulate(sum, more, width, false));
    scored
}

/// A transfer as the asker has it: the key and the mask of its choice, and whether it is turned.
#[derive(Clone, Copy)]
pub(super) struct Taken {
    pub(super) key: Key,
    pub(super) mask: u64,
    pub(super) turned: bool,
}

/// The asker adds its shares of transfers whose corrections came, or takes them off.
pub(super) fn take(
    (encoding, layout, part): (&Encoding, &Layout, &Part),
    transfers: &[Taken],
    corrections: &[u64],
    sum: &mut [u64],
) {
    let (width, each) = (part.words(), words(encoding, part));
    let parts = transfers.par_chunks(TRANSFERS).zip(corrections.par_chunks(TRANSFERS * each));
    let sums: Vec<Vec<u64>> = parts
        .map(|(transfers, corrections)| {
            let mut sum = vec![0; encoding.wide * width];
            for (Taken { key, mask, turned }, correction) in
                transfers.iter().zip(corrections.chunks_exact(each))
            {
                let mut share = stream(key, encoding, layout, part);
                let share: &mut [u64] = bytemuck::cast_slice_mut(&mut share);
                planes::share(share, width, correction, *mask);
                planes::accumulate(&mut sum, share, width, *turned);
            }
            sum
        })
        .collect();
    sums.iter().for_each(|more| planes::accumulate(sum, more, width, false));
}

/// Planes as blocks.
pub(super) fn blocks(planes: &[u64]) -> Vec<u128> {
    let (pairs, _) = planes.as_chunks::<2>();
    pairs.iter().map(|[low, high]| u128::from(*low) | u128::from(*high) << 64).collect()
}
