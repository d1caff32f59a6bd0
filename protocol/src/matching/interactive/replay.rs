//! What a preparation left: the seed of this side, and the frames of the other, which are read again in their order.
//!
//! With both, a machine is in the state in which the preparation ended, by the code that made it.

use zeroize::Zeroizing;

use super::{parameters::Encoding, probe};
use crate::{
    exchange::{Fault, Frame},
    matching::{
        ahead::{Kept, Plan, Preparation},
        engine::Asked,
    },
    seed::{Seed, Stream},
    wire::{Inbox, Message},
};

/// A preparation that is spent.
pub(super) struct Replay {
    pub(super) plan: Plan,
    pub(super) seed: Seed,
    pub(super) note: Vec<u8>,
    frames: Box<dyn Kept>,
}

/// Everything was checked when it was made, so what does not fit now was spoilt here.
pub(super) fn unreadable(_: Fault) -> Fault {
    Fault::Local(
        "what was prepared for this match cannot be read; ask again, which works without it".to_owned(),
    )
}

impl Replay {
    /// Spends a preparation.
    pub(super) fn new(preparation: Preparation, asked: &Asked) -> Result<Self, Fault> {
        let Preparation { plan, seed, note, mut frames } = preparation;
        if plan.alternatives != asked.alternatives {
            return Err(Fault::Misuse("a preparation for another number of alternatives"));
        }
        frames.spend()?;
        Ok(Self { plan, seed, note, frames })
    }

    /// The items of the next frame.
    pub(super) fn items<const N: usize>(&mut self, inbox: &mut Inbox<N>) -> Result<Vec<[u8; N]>, Fault> {
        let frame: Frame = self.frames.next()?;
        inbox.open(&frame).map(<[_]>::to_vec).map_err(unreadable)
    }

    /// The next message, as a whole.
    pub(super) fn message<const N: usize>(
        &mut self,
        message: Message<N>,
        count: usize,
    ) -> Result<Vec<[u8; N]>, Fault> {
        let mut inbox = Inbox::new(message, count as u64);
        let mut items = Vec::new();
        while !inbox.complete() {
            items.extend(self.items(&mut inbox)?);
        }
        Ok(items)
    }
}

/// The asker's choices of a preparation: all are random.
pub(super) struct Random(Stream, Stream);

impl Random {
    pub(super) fn new(seed: &Seed) -> Self {
        Self(seed.stream("interactive/ahead/choices"), seed.stream("interactive/ahead/sums"))
    }

    /// In place of the probe's bits.
    pub(super) fn probe(&mut self, encoding: &Encoding, alternatives: u16) -> Zeroizing<Vec<bool>> {
        let alternatives = usize::from(alternatives);
        let blocks = (0..probe::words(encoding, alternatives)).map(|_| self.0.block());
        let blocks = Zeroizing::new(blocks.collect::<Vec<u128>>());
        Zeroizing::new(probe::bits(&blocks, encoding.transfers() * alternatives))
    }

    /// In place of the bits of the next part's sums.
    pub(super) fn sums(&mut self, words: usize) -> Zeroizing<Vec<u128>> {
        Zeroizing::new((0..words).map(|_| self.1.block()).collect())
    }
}
