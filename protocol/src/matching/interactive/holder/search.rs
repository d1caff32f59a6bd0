//! What the holder does from the transfers on, part by part.

use zeroize::Zeroize;

use super::{
    super::{
        check::{self, Wrap},
        circuit::{Outcome, reached},
        context::Context,
        field,
        messages::{Out, SUM_TURNS, SUMS, TABLES, TAGS, blocks},
        parameters::{AHEAD, Encoding, Part},
        planes,
        replay::{Replay, unreadable},
    },
    opening::Transfers,
    scorer::Scorer,
};
use crate::{
    block::Cipher,
    exchange::{Fault, Misbehaviour},
    garble::Garbler,
    ot,
    wire::Inbox,
};

/// What is kept of a part until it is garbled.
pub(super) struct Kept {
    /// Labels of 0 of the share's bits.
    labels: Vec<u128>,
    /// κ of each lane's sum.
    keys: Vec<u64>,
    /// The holder's sum of each lane, which is the asker's if every choice is the first.
    own: Vec<i64>,
    wraps: Vec<Wrap>,
}

/// Everything from the transfers on.
pub(super) struct Search {
    pub(super) scorer: Scorer,
    pub(super) transfers: Transfers,
    pub(super) context: Context,
    pub(super) cipher: Cipher,
    /// The preparation, if there is one.
    pub(super) replay: Option<Replay>,
    pub(super) factor: u64,
    pub(super) sums_in: Inbox<16>,
    pub(super) sums: Vec<u128>,
    pub(super) kept: Vec<Kept>,
    pub(super) checked: usize,
    pub(super) differences: Vec<u64>,
    pub(super) weights: u128,
    /// Σ ρ·κ + α·Σ ρ·U⁰.
    pub(super) field: u64,
    pub(super) garbled: usize,
    pub(super) gates: u64,
    pub(super) outcome: Option<Outcome<u128>>,
}

impl Drop for Search {
    fn drop(&mut self) {
        self.factor.zeroize();
        self.kept.iter_mut().for_each(|kept| kept.labels.zeroize());
    }
}

impl Search {
    /// Scores more transfers of a part.
    pub(super) fn advance(&mut self, encoding: &Encoding, out: &mut Out) -> Result<(), Fault> {
        let out = self.replay.is_none().then_some(out);
        if let Some((own, wraps)) = self.scorer.advance(encoding, out)? {
            self.kept.push(Kept { labels: Vec::new(), keys: Vec::new(), own, wraps });
        }
        Ok(())
    }

    /// Awaits the choices of the next part's sums; of a preparation, which of its choices are turned.
    pub(super) fn expect(&mut self, encoding: &Encoding) {
        let layout = &self.scorer.layout;
        let part = layout.part(self.checked.min(layout.parts().saturating_sub(1)));
        let words = part.lanes / 128 * encoding.wide;
        self.sums.clear();
        self.sums_in = match self.replay {
            Some(_) => Inbox::new(SUM_TURNS, words as u64),
            None => Inbox::new(SUMS, ot::items(words) as u64),
        };
    }

    /// Checks the asker's choices of a part's sums and sends the corrections of their tags.
    pub(super) fn tag(&mut self, encoding: &Encoding, out: &mut Out) -> Result<(), Fault> {
        let part = self.scorer.layout.part(self.checked);
        let words = part.lanes / 128 * encoding.wide;
        let correlator = &self.transfers.correlator;
        let mut strings = if let Some(replay) = &mut self.replay {
            let mut message = Vec::with_capacity(ot::items(words));
            blocks(&mut message, &replay.message(SUMS, ot::items(words))?);
            let mut strings = correlator.extend(part.batch(), words, &message).map_err(unreadable)?;
            for (strings, turns) in strings.chunks_mut(128).zip(&self.sums) {
                for (at, string) in strings.iter_mut().enumerate() {
                    *string ^= correlator.delta() & (turns >> at & 1).wrapping_neg();
                }
            }
            strings
        } else {
            correlator.extend(part.batch(), words, &self.sums)?
        };
        let secrets = (correlator.delta(), self.factor);
        let (sent, keys) = check::tag(&self.cipher, (&part, encoding), secrets, &strings);
        out.send_words(TAGS, &sent)?;
        strings.truncate(encoding.bits * part.lanes);
        strings.shrink_to_fit();
        let kept = self.kept.get_mut(self.checked).ok_or(Misbehaviour::Order)?;
        (kept.labels, kept.keys) = (strings, keys);
        self.checked += 1;
        self.expect(encoding);
        Ok(())
    }

    /// Whether a part's choices have come, of which the shares are there.
    pub(super) fn taggable(&self) -> bool {
        self.sums_in.complete() && self.checked < self.scorer.scored
    }

    /// Whether more can be scored.
    pub(super) fn scorable(&self) -> bool {
        let scored = self.scorer.scored;
        scored < self.scorer.layout.parts() && scored < self.checked + AHEAD
    }

    /// Adds a part to the check.
    pub(super) fn weigh(&mut self, encoding: &Encoding) -> Result<(), Fault> {
        let part = self.scorer.layout.part(self.checked);
        let kept = self.kept.get_mut(self.checked).ok_or(Fault::Misuse("nothing to compute"))?;
        let weights = check::weights(self.weights, &part);
        let keys = check::weigh(&weights, kept.keys.iter().copied());
        let own = check::weigh(&weights, kept.own.iter().map(|sum| field::signed(*sum)));
        self.field = field::add(self.field, field::add(keys, field::multiply(self.factor, own)));
        let to = self.differences.chunks_mut(encoding.transfers()).nth(part.alternative).unwrap_or_default();
        check::differences(&self.scorer.slice, (&part, encoding), &kept.wraps, &weights, to);
        (kept.keys, kept.wraps) = (Vec::new(), Vec::new());
        self.checked += 1;
        Ok(())
    }

    /// What is added to the asker's share so that the sum is not negative for a hit.
    fn offsets(&self, part: &Part, own: &[i64], encoding: &Encoding) -> Vec<u64> {
        let left_out = self.scorer.slice.left_out(part, &self.scorer.turned(encoding, part));
        let lanes = own.iter().zip(left_out).zip(self.scorer.slice.filled(part));
        // A lane without a template is one short of the threshold.
        let offsets = lanes.map(
            |((own, left_out), filled)| {
                if filled { left_out - encoding.due - own } else { -1 - own }
            },
        );
        planes::planes(&offsets.collect::<Vec<_>>(), encoding.bits)
    }

    pub(super) fn garble(&mut self, encoding: &Encoding, out: &mut Out) -> Result<(), Fault> {
        let mut outcome = self.outcome.take().ok_or(Fault::Misuse("nothing to compute"))?;
        let mut gates = self.gates;
        let mut garbler = Garbler::new(&self.cipher, self.transfers.correlator.delta(), &mut gates);
        let mut slots = Vec::with_capacity(self.scorer.layout.slots);
        for slot in 0..self.scorer.layout.slots {
            let part = self.scorer.layout.part(self.garbled * self.scorer.layout.slots + slot);
            let kept = self.kept.get(part.number).ok_or(Fault::Misuse("nothing to compute"))?;
            let offsets = self.offsets(&part, &kept.own, encoding);
            let shares: Vec<&[u128]> = kept.labels.chunks(part.lanes).collect();
            let offsets: Vec<&[u64]> = offsets.chunks(part.words()).collect();
            slots.push(reached(&mut garbler, &shares, &offsets)?);
        }
        outcome.add(&mut garbler, slots)?;
        out.send_blocks(TABLES, &garbler.tables())?;
        self.gates = gates;
        for slot in 0..self.scorer.layout.slots {
            if let Some(kept) = self.kept.get_mut(self.garbled * self.scorer.layout.slots + slot) {
                kept.labels = Vec::new();
            }
        }
        self.outcome = Some(outcome);
        self.garbled += 1;
        Ok(())
    }
}
