//! The holder's transfers: what the asker sent of them, and what it opens.

use zeroize::{Zeroize, Zeroizing};

use super::super::{
    context::Context,
    messages::{CHOICES, ELEMENTS, Out, PAIRS, PLACES, SEALS, blocks},
    parameters::{Encoding, Layout},
    probe::{self, Key},
    replay::Replay,
    score::Given,
};
use crate::{
    exchange::{Fault, Frame},
    group::PointBytes,
    ot::{self, Correlator, Seal, TREES, base},
    seed::Seed,
    wire::Inbox,
};

/// Δ of a run or of a preparation.
fn delta(seed: &Seed) -> u128 {
    seed.stream("interactive/delta").block() | 1
}

/// What is said of a slice's size.
pub(super) fn place(layout: &Layout) -> [u8; 16] {
    let mut place = [0; 16];
    let header = [layout.places.to_be_bytes(), (layout.depth as u64).to_be_bytes()];
    place.copy_from_slice(header.as_flattened());
    place
}

/// What the asker sent of its transfers.
pub(super) struct Opening {
    context: Context,
    receiver: base::Receiver,
    delta: u128,
    words: usize,
    elements_in: Inbox<32>,
    elements: Vec<PointBytes>,
    seals_in: Inbox<{ ot::SEAL }>,
    seals: Vec<Seal>,
    choices_in: Inbox<16>,
    choices: Vec<u128>,
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.delta.zeroize();
    }
}

/// What the holder has of the transfers.
pub(super) struct Transfers {
    /// Names them, to the last word said.
    pub(super) context: Context,
    pub(super) correlator: Correlator,
    /// The string of each bit that is not set.
    pub(super) strings: Zeroizing<Vec<u128>>,
    /// The keys of both choices of each transfer.
    pub(super) keys: Vec<[Key; 2]>,
}

impl Drop for Transfers {
    fn drop(&mut self) {
        self.keys.iter_mut().for_each(Zeroize::zeroize);
    }
}

impl Opening {
    /// Begins the transfers of a slice. `context` names what was said before its size; `words` are blocks of choices.
    pub(super) fn new(context: &Context, layout: &Layout, words: usize, seed: &Seed) -> Self {
        let (context, delta) = (context.and(&[&place(layout)]), delta(seed));
        let receiver = base::Receiver::new(&context.0, Correlator::choices(delta), seed);
        Self {
            context,
            receiver,
            delta,
            words,
            elements_in: Inbox::new(ELEMENTS, ot::WIDTH as u64),
            elements: Vec::new(),
            seals_in: Inbox::new(SEALS, TREES as u64),
            seals: Vec::new(),
            choices_in: Inbox::new(CHOICES, ot::items(words) as u64),
            choices: Vec::new(),
        }
    }

    /// Says the size and begins the base transfers.
    pub(super) fn send(&self, layout: &Layout, out: &mut Out) -> Result<(), Fault> {
        out.send(PLACES, &[place(layout)])?;
        out.send(PAIRS, self.receiver.pairs())
    }

    /// Whether everything has come.
    pub(super) fn complete(&self) -> bool {
        self.choices_in.complete()
    }

    /// Takes the next frame.
    pub(super) fn consume(&mut self, frame: &Frame) -> Result<(), Fault> {
        if !self.elements_in.complete() {
            self.elements.extend_from_slice(self.elements_in.open(frame)?);
        } else if !self.seals_in.complete() {
            self.seals.extend_from_slice(self.seals_in.open(frame)?);
        } else {
            blocks(&mut self.choices, self.choices_in.open(frame)?);
        }
        Ok(())
    }

    /// Takes what came in the preparation.
    pub(super) fn replay(&mut self, replay: &mut Replay) -> Result<(), Fault> {
        self.elements = replay.message(ELEMENTS, ot::WIDTH)?;
        self.seals = replay.message(SEALS, TREES)?;
        blocks(&mut self.choices, &replay.message(CHOICES, ot::items(self.words))?);
        Ok(())
    }

    /// Opens the asker's trees and gets the keys of `count` transfers.
    pub(super) fn open(&self, count: usize) -> Result<Transfers, Fault> {
        let (receiver, delta) = (&self.receiver, self.delta);
        let keys = receiver.keys(&self.elements)?;
        let trees = self.context.and(&[receiver.pairs().as_flattened()]);
        let context = trees.and(&[self.elements.as_flattened(), self.seals.as_flattened()]);
        let correlator = Correlator::open((&trees.0, &context.0), delta, &keys, &self.seals)?;
        let mut strings = Zeroizing::new(correlator.extend(0, self.words, &self.choices)?);
        strings.truncate(count);
        let key = |(at, string): (usize, &u128)| {
            [probe::key(&context.0, at, *string), probe::key(&context.0, at, string ^ delta)]
        };
        let keys = strings.iter().enumerate().map(key).collect();
        Ok(Transfers { context, correlator, strings, keys })
    }
}

impl Transfers {
    /// Turns the strings of transfers as the asker says: what was that of a bit that is not set is that of one that is.
    pub(super) fn turn(&mut self, turned: &[bool]) {
        let delta = self.correlator.delta();
        for (string, turned) in self.strings.iter_mut().zip(turned) {
            *string ^= delta & u128::from(*turned).wrapping_neg();
        }
    }
}

impl Transfers {
    /// For the scores.
    pub(super) fn given(&self, turned: &[bool]) -> Vec<Given> {
        self.keys.iter().copied().zip(turned.iter().copied()).collect()
    }
}

/// The words of choices for alternatives.
pub(super) fn words(encoding: &Encoding, alternatives: u16) -> usize {
    probe::words(encoding, usize::from(alternatives))
}
