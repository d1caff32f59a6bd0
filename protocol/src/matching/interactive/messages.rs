//! Messages of setup and query, in their order.

use std::collections::VecDeque;

use crate::{
    exchange::{Fault, Frame},
    ot::SEAL,
    wire::{Message, Outbox},
};

/// Half of the name of the keys, asker to holder; then holder to asker.
pub(super) const OURS: Message<32> = Message { tag: 1, name: "asker's half of the name" };
pub(super) const THEIRS: Message<32> = Message { tag: 2, name: "holder's half of the name" };

/// The commitment to the probe, asker to holder.
pub(super) const COMMITMENT: Message<32> = Message { tag: 1, name: "commitment to the probe" };
/// Places, and the most templates of a record for one alternative (u64, big-endian), holder to asker.
pub(super) const PLACES: Message<16> = Message { tag: 2, name: "size of the slice" };
/// Base transfers, holder to asker.
pub(super) const PAIRS: Message<64> = Message { tag: 3, name: "pairs of elements" };
/// Base transfers, asker to holder.
pub(super) const ELEMENTS: Message<32> = Message { tag: 4, name: "elements" };
/// The trees, asker to holder.
pub(super) const SEALS: Message<SEAL> = Message { tag: 5, name: "trees of keys" };
/// Choices of the probe, asker to holder.
pub(super) const CHOICES: Message<16> = Message { tag: 6, name: "choices of the probe" };
/// Corrections of one part, holder to asker: for each position and choice, the planes of a score.
pub(super) const CORRECTIONS: Message<8> = Message { tag: 7, name: "corrections" };
/// Choices of the sums of one part, asker to holder.
pub(super) const SUMS: Message<16> = Message { tag: 8, name: "choices of the sums" };
/// What authenticates the sums of one part, holder to asker.
pub(super) const TAGS: Message<8> = Message { tag: 9, name: "corrections of the tags" };
/// The seed of the weights, holder to asker.
pub(super) const WEIGHTS: Message<16> = Message { tag: 10, name: "seed of the weights" };
/// What each choice adds to the weighted sums, hidden, holder to asker.
pub(super) const DIFFERENCES: Message<8> = Message { tag: 11, name: "differences" };
/// What ties the choices to the commitment, hidden, holder to asker.
pub(super) const NUMBERS: Message<32> = Message { tag: 12, name: "numbers of the choices" };
/// The blind's generator under the holder's factor, holder to asker.
pub(super) const FACTOR: Message<32> = Message { tag: 13, name: "the blind's factor" };
/// The commitment to the asker's value, asker to holder.
pub(super) const CLOSED: Message<32> = Message { tag: 14, name: "closed value" };
/// The holder's value.
pub(super) const VALUE: Message<40> = Message { tag: 15, name: "value" };
/// What opens the asker's value, asker to holder.
pub(super) const NONCE: Message<32> = Message { tag: 16, name: "nonce of the value" };
/// Garbled tables of one block, holder to asker.
pub(super) const TABLES: Message<16> = Message { tag: 17, name: "garbled tables" };
/// What a 0 of the first output looks like, holder to asker.
pub(super) const OUTCOME: Message<1> = Message { tag: 18, name: "outcome" };
/// What a 0 of each hit looks like, hidden if there are too many, holder to asker.
pub(super) const HITS: Message<8> = Message { tag: 19, name: "hits" };

/// Whether the slice is still that of the preparation (1) or the run is made in full (0), holder to asker.
pub(super) const READY: Message<1> = Message { tag: 20, name: "whether the preparation serves" };
/// Which choices of the preparation are turned for the probe, asker to holder.
pub(super) const TURNS: Message<16> = Message { tag: 21, name: "turned choices of the probe" };
/// Which choices of the preparation are turned for the sums of one part, asker to holder.
pub(super) const SUM_TURNS: Message<16> = Message { tag: 22, name: "turned choices of the sums" };

/// Frames that wait to be taken.
#[derive(Default)]
pub(super) struct Out(VecDeque<Frame>);

impl Out {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn frame(&mut self) -> Result<Frame, Fault> {
        self.0.pop_front().ok_or(Fault::Misuse("no frame is ready"))
    }

    /// Adds to a message that is still open.
    pub(super) fn add<const N: usize>(
        &mut self,
        outbox: &mut Outbox<N>,
        mut items: &[[u8; N]],
    ) -> Result<(), Fault> {
        loop {
            let (now, later) = items.split_at(outbox.room().min(items.len()));
            outbox.push(now)?;
            items = later;
            if outbox.ready() {
                self.0.push_back(outbox.frame()?);
            } else if items.is_empty() {
                return Ok(());
            }
            if outbox.complete() {
                return if items.is_empty() { Ok(()) } else { Err(Fault::Misuse("outbox overflow")) };
            }
        }
    }

    /// Adds a whole message.
    pub(super) fn send<const N: usize>(
        &mut self,
        message: Message<N>,
        items: &[[u8; N]],
    ) -> Result<(), Fault> {
        self.add(&mut Outbox::new(message, items.len() as u64), items)
    }

    pub(super) fn send_blocks(&mut self, message: Message<16>, blocks: &[u128]) -> Result<(), Fault> {
        self.send(message, bytemuck::cast_slice(blocks))
    }

    pub(super) fn send_words(&mut self, message: Message<8>, words: &[u64]) -> Result<(), Fault> {
        self.send(message, bytemuck::cast_slice(words))
    }
}

/// Appends received blocks.
pub(super) fn blocks(to: &mut Vec<u128>, items: &[[u8; 16]]) {
    to.extend(items.iter().map(|item| u128::from_le_bytes(*item)));
}

/// Appends received words.
pub(super) fn words(to: &mut Vec<u64>, items: &[[u8; 8]]) {
    to.extend(items.iter().map(|item| u64::from_le_bytes(*item)));
}
