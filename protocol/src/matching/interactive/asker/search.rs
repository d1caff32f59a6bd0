//! What the asker does from the transfers on, part by part.

use std::collections::VecDeque;

use zeroize::{Zeroize, Zeroizing};

use super::super::{
    check,
    circuit::{Outcome, reached},
    context::Context,
    messages::{CORRECTIONS, Out, SUMS, TABLES, TAGS},
    parameters::{Encoding, Layout, Part},
    probe::Key,
    score::{self, POSITIONS},
};
use crate::{block::Cipher, exchange::Fault, garble::Tally, ot::Chooser, seed::Stream, wire::Inbox};

/// A part whose sums were chosen and whose tags are awaited.
pub(super) struct Pending {
    pub(super) part: Part,
    pub(super) strings: Vec<u128>,
    pub(super) sums: Vec<u64>,
}

/// Everything from the transfers on.
pub(super) struct Search {
    pub(super) layout: Layout,
    pub(super) context: Context,
    pub(super) cipher: Cipher,
    pub(super) chooser: Chooser,
    pub(super) masks: Stream,
    pub(super) strings: Zeroizing<Vec<u128>>,
    /// The key and the masks of each position's choice.
    pub(super) keys: Vec<(Key, [u64; 2])>,
    pub(super) scored: usize,
    pub(super) position: usize,
    pub(super) sum: Vec<u64>,
    pub(super) corrections_in: Inbox<8>,
    pub(super) corrections: Vec<u64>,
    pub(super) pending: VecDeque<Pending>,
    pub(super) tags_in: Option<Inbox<8>>,
    pub(super) tags: Vec<u64>,
    pub(super) tagged: usize,
    /// Of each part: labels of the share's bits, tags of its sums.
    pub(super) kept: Vec<(Vec<u128>, Vec<u64>)>,
    pub(super) gates: u64,
    pub(super) evaluated: usize,
    pub(super) expected: Option<Outcome<()>>,
    pub(super) outcome: Option<Outcome<u128>>,
    pub(super) tables_in: Inbox<16>,
    pub(super) tables: Vec<u128>,
}

impl Drop for Search {
    fn drop(&mut self) {
        for (key, masks) in &mut self.keys {
            key.stream.zeroize();
            key.mask.zeroize();
            masks.zeroize();
        }
        self.sum.zeroize();
        for pending in &mut self.pending {
            pending.sums.zeroize();
            pending.strings.zeroize();
        }
    }
}

pub(super) fn corrections(encoding: &Encoding, part: &Part) -> Inbox<8> {
    Inbox::new(CORRECTIONS, (encoding.length * score::words(encoding, part)) as u64)
}

impl Search {
    /// Positions of the part whose corrections have come, if they are enough for a slice of work.
    pub(super) fn ready(&self, encoding: &Encoding) -> usize {
        if self.scored == self.layout.parts() {
            return 0;
        }
        let part = self.layout.part(self.scored);
        let come = self.corrections.len() / score::words(encoding, &part).max(1);
        let due = rayon::current_num_threads().max(1) * POSITIONS;
        if come >= due.min(encoding.length - self.position) { come.min(due) } else { 0 }
    }

    /// Adds shares; when a part is whole, commits to its sums.
    pub(super) fn add(&mut self, encoding: &Encoding, out: &mut Out) -> Result<(), Fault> {
        let part = self.layout.part(self.scored);
        let count = self.ready(encoding);
        let first = part.alternative * encoding.length + self.position;
        let keys = self.keys.get(first..first + count).ok_or(Fault::Misuse("nothing to compute"))?;
        let used = count * score::words(encoding, &part);
        let corrections = self.corrections.get(..used).unwrap_or_default();
        score::take((encoding, &self.layout, &part), keys, corrections, &mut self.sum);
        self.corrections.drain(..used);
        self.position += count;
        if self.position < encoding.length {
            return Ok(());
        }
        let sums = std::mem::take(&mut self.sum);
        let (message, strings) = self.chooser.extend(part.batch(), &score::blocks(&sums), &mut self.masks);
        out.send_blocks(SUMS, &message)?;
        if self.tags_in.is_none() {
            self.tags_in = Some(tags(encoding, &part));
        }
        self.pending.push_back(Pending { part, strings, sums });
        self.scored += 1;
        if self.scored < self.layout.parts() {
            let next = self.layout.part(self.scored);
            (self.position, self.sum) = (0, score::nothing(encoding, &next));
            self.corrections_in = self::corrections(encoding, &next);
        }
        Ok(())
    }

    /// Makes the tags of a part.
    pub(super) fn tag(&mut self, encoding: &Encoding) -> Result<(), Fault> {
        let pending = self.pending.pop_front().ok_or(Fault::Misuse("nothing to compute"))?;
        let Pending { part, mut strings, mut sums } = pending;
        let made = check::tagged(&self.cipher, (&part, encoding), (&strings, &sums), &self.tags);
        strings.truncate(encoding.bits * part.lanes);
        strings.shrink_to_fit();
        sums.zeroize();
        self.kept.push((strings, made));
        self.tags.clear();
        self.tagged += 1;
        self.tags_in = self.pending.front().map(|next| tags(encoding, &next.part));
        Ok(())
    }

    /// Prepares for the tables of the next block, or of the end.
    pub(super) fn expect(&mut self, encoding: &Encoding) -> Result<(), Fault> {
        let mut tally = Tally::default();
        let mut expected = self.expected.take().ok_or(Fault::Misuse("nothing to compute"))?;
        if self.evaluated == self.layout.blocks() {
            expected.finish(&mut tally)?;
        } else {
            let mut slots = Vec::with_capacity(self.layout.slots);
            for slot in 0..self.layout.slots {
                let part = self.layout.part(self.evaluated * self.layout.slots + slot);
                let lane = vec![(); part.lanes];
                let shares: Vec<&[()]> = (0..encoding.bits).map(|_| lane.as_slice()).collect();
                slots.push(reached(&mut tally, &shares, &[])?);
            }
            expected.add(&mut tally, slots)?;
            self.expected = Some(expected);
        }
        self.tables_in = Inbox::new(TABLES, tally.0);
        Ok(())
    }
}

fn tags(encoding: &Encoding, part: &Part) -> Inbox<8> {
    Inbox::new(TAGS, (encoding.wide * part.lanes) as u64)
}
