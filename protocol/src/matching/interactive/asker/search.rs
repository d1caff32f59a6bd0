//! What the asker does from the transfers on, part by part.

use std::collections::VecDeque;

use zeroize::{Zeroize, Zeroizing};

use super::super::{
    check,
    circuit::{Outcome, reached},
    context::Context,
    messages::{CORRECTIONS, Out, SUM_TURNS, SUMS, TABLES, TAGS, words},
    parameters::{AHEAD, Encoding, Layout, Part},
    replay::{Random, Replay},
    score::{self, TRANSFERS, Taken},
};
use super::transfers::Transfers;
use crate::{block::Cipher, exchange::Fault, garble::Tally, wire::Inbox};

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
    pub(super) transfers: Transfers,
    pub(super) taken: Vec<Taken>,
    /// The preparation, if there is one, and the choices that were made in it.
    pub(super) replay: Option<(Replay, Random)>,
    pub(super) scored: usize,
    pub(super) transfer: usize,
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
        for taken in &mut self.taken {
            taken.key.zeroize();
            taken.mask.zeroize();
        }
        self.sum.zeroize();
        for pending in &mut self.pending {
            pending.sums.zeroize();
            pending.strings.zeroize();
        }
    }
}

pub(super) fn corrections(encoding: &Encoding, part: &Part) -> Inbox<8> {
    Inbox::new(CORRECTIONS, (encoding.transfers() * score::words(encoding, part)) as u64)
}

impl Search {
    /// Which transfers of a part's alternative are turned.
    pub(super) fn turned(&self, encoding: &Encoding, part: &Part) -> Vec<bool> {
        let taken = self.taken.chunks(encoding.transfers()).nth(part.alternative).unwrap_or_default();
        taken.iter().map(|taken| taken.turned).collect()
    }

    /// Whether there is work.
    pub(super) fn works(&self, encoding: &Encoding) -> bool {
        // What a preparation kept is always there, and is read no faster than the holder follows.
        let more = self.replay.is_some() && self.scored < self.layout.parts() && self.pending.len() <= AHEAD;
        self.tags_in.as_ref().is_some_and(Inbox::complete) || self.ready(encoding) > 0 || more
    }

    /// Transfers of the part whose corrections have come, if they are enough for a slice of work.
    pub(super) fn ready(&self, encoding: &Encoding) -> usize {
        if self.scored == self.layout.parts() {
            return 0;
        }
        let part = self.layout.part(self.scored);
        let come = self.corrections.len() / score::words(encoding, &part).max(1);
        let due = rayon::current_num_threads().max(1) * TRANSFERS;
        if come >= due.min(encoding.transfers() - self.transfer) { come.min(due) } else { 0 }
    }

    /// Adds shares; when a part is whole, commits to its sums.
    pub(super) fn add(&mut self, encoding: &Encoding, out: &mut Out) -> Result<(), Fault> {
        while self.ready(encoding) == 0
            && let Some((replay, _)) = &mut self.replay
        {
            words(&mut self.corrections, &replay.items(&mut self.corrections_in)?);
        }
        let part = self.layout.part(self.scored);
        let count = self.ready(encoding);
        let first = part.alternative * encoding.transfers() + self.transfer;
        let taken = self.taken.get(first..first + count).ok_or(Fault::Misuse("nothing to compute"))?;
        let used = count * score::words(encoding, &part);
        let corrections = self.corrections.get(..used).unwrap_or_default();
        score::take((encoding, &self.layout, &part), taken, corrections, &mut self.sum);
        self.corrections.drain(..used);
        self.transfer += count;
        if self.transfer < encoding.transfers() {
            return Ok(());
        }
        let sums = std::mem::take(&mut self.sum);
        let mut choices = Zeroizing::new(score::blocks(&sums));
        let Transfers { chooser, masks, .. } = &mut self.transfers;
        let strings = if let Some((_, random)) = &mut self.replay {
            let chosen = random.sums(choices.len());
            choices.iter_mut().zip(chosen.iter()).for_each(|(sum, chosen)| *sum ^= chosen);
            out.send_blocks(SUM_TURNS, &choices)?;
            chooser.extend(part.batch(), &chosen, masks).1
        } else {
            let (message, strings) = chooser.extend(part.batch(), &choices, masks);
            out.send_blocks(SUMS, &message)?;
            strings
        };
        if self.tags_in.is_none() {
            self.tags_in = Some(tags(encoding, &part));
        }
        self.pending.push_back(Pending { part, strings, sums });
        self.scored += 1;
        if self.scored < self.layout.parts() {
            let next = self.layout.part(self.scored);
            let turned = self.turned(encoding, &next);
            (self.transfer, self.sum) = (0, score::nothing(encoding, &next, &turned));
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
