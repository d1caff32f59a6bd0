//! What the holder does from the transfers on, part by part.

use zeroize::{Zeroize, Zeroizing};

use super::super::{
    check::{self, Wrap},
    circuit::{Outcome, reached},
    context::Context,
    field,
    messages::{CORRECTIONS, Out, SUMS, TABLES, TAGS},
    parameters::{AHEAD, Encoding, Layout, Part},
    planes,
    probe::Key,
    score::{self, POSITIONS},
    slice::{Columns, Slice},
};
use crate::{
    block::Cipher,
    exchange::{Fault, Misbehaviour},
    garble::Garbler,
    ot::{self, Correlator},
    wire::{Inbox, Outbox},
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

/// A part of which some positions are scored.
pub(super) struct Scoring {
    part: Part,
    columns: Columns,
    position: usize,
    sum: Vec<u64>,
    wraps: Vec<Wrap>,
    outbox: Outbox<8>,
}

/// Everything from the transfers on.
pub(super) struct Search {
    pub(super) layout: Layout,
    pub(super) slice: Slice,
    pub(super) correlator: Correlator,
    pub(super) context: Context,
    pub(super) cipher: Cipher,
    /// The strings of the probe's bits, and the keys of each position's choices.
    pub(super) strings: Zeroizing<Vec<u128>>,
    pub(super) keys: Vec<[Key; 3]>,
    pub(super) factor: u64,
    pub(super) scoring: Option<Scoring>,
    pub(super) scored: usize,
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
        self.keys.iter_mut().flatten().for_each(|key| {
            key.stream.zeroize();
            key.mask.zeroize();
        });
        self.kept.iter_mut().for_each(|kept| kept.labels.zeroize());
    }
}

impl Search {
    /// Scores more positions of a part.
    pub(super) fn advance(&mut self, encoding: &Encoding, out: &mut Out) -> Result<(), Fault> {
        let scoring = match &mut self.scoring {
            Some(scoring) => scoring,
            None => {
                let part = self.layout.part(self.scored);
                let words = encoding.length * score::words(encoding, &part);
                self.scoring.insert(Scoring {
                    columns: self.slice.columns(&part),
                    position: 0,
                    sum: score::nothing(encoding, &part),
                    wraps: Vec::new(),
                    outbox: Outbox::new(CORRECTIONS, words as u64),
                    part,
                })
            }
        };
        let first = scoring.part.alternative * encoding.length;
        let most = rayon::current_num_threads().max(1) * POSITIONS;
        let keys = self.keys.get(first + scoring.position..first + encoding.length).unwrap_or_default();
        let keys = keys.get(..most).unwrap_or(keys);
        let of = (encoding, &self.layout, &scoring.part);
        for scored in score::give(of, &scoring.columns, scoring.position, keys, &mut scoring.sum) {
            out.add(&mut scoring.outbox, bytemuck::cast_slice(&scored.corrections))?;
            scoring.wraps.extend(scored.wraps);
        }
        scoring.position += keys.len();
        if scoring.position == encoding.length {
            let own = planes::numbers(&scoring.sum, scoring.part.words());
            let wraps = std::mem::take(&mut scoring.wraps);
            self.kept.push(Kept { labels: Vec::new(), keys: Vec::new(), own, wraps });
            self.scored += 1;
            self.scoring = None;
        }
        Ok(())
    }

    /// Checks the asker's choices of a part's sums and sends the corrections of their tags.
    pub(super) fn tag(&mut self, encoding: &Encoding, out: &mut Out) -> Result<(), Fault> {
        let part = self.layout.part(self.checked);
        let words = part.lanes / 128 * encoding.wide;
        let mut strings = self.correlator.extend(part.batch(), words, &self.sums)?;
        let secrets = (self.correlator.delta(), self.factor);
        let (sent, keys) = check::tag(&self.cipher, (&part, encoding), secrets, &strings);
        out.send_words(TAGS, &sent)?;
        strings.truncate(encoding.bits * part.lanes);
        strings.shrink_to_fit();
        let kept = self.kept.get_mut(self.checked).ok_or(Misbehaviour::Order)?;
        (kept.labels, kept.keys) = (strings, keys);
        self.checked += 1;
        self.sums.clear();
        let next = self.layout.part(self.checked.min(self.layout.parts().saturating_sub(1)));
        self.sums_in = Inbox::new(SUMS, ot::items(next.lanes / 128 * encoding.wide) as u64);
        Ok(())
    }

    /// Adds a part to the check.
    pub(super) fn weigh(&mut self, encoding: &Encoding) -> Result<(), Fault> {
        let part = self.layout.part(self.checked);
        let kept = self.kept.get_mut(self.checked).ok_or(Fault::Misuse("nothing to compute"))?;
        let weights = check::weights(self.weights, &part);
        let keys = check::weigh(&weights, kept.keys.iter().copied());
        let own = check::weigh(&weights, kept.own.iter().map(|sum| field::signed(*sum)));
        self.field = field::add(self.field, field::add(keys, field::multiply(self.factor, own)));
        let each = encoding.length * encoding.choices();
        let to = self.differences.chunks_mut(each).nth(part.alternative).unwrap_or_default();
        check::differences(&self.slice, (&part, encoding), &kept.wraps, &weights, to);
        (kept.keys, kept.wraps) = (Vec::new(), Vec::new());
        self.checked += 1;
        Ok(())
    }

    /// What is added to the asker's share so that the sum is not negative for a hit.
    fn offsets(&self, part: &Part, own: &[i64], encoding: &Encoding) -> Vec<u64> {
        let left_out = self.slice.left_out(part);
        let lanes = own.iter().zip(left_out).zip(self.slice.filled(part));
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
        let mut garbler = Garbler::new(&self.cipher, self.correlator.delta(), &mut gates);
        let mut slots = Vec::with_capacity(self.layout.slots);
        for slot in 0..self.layout.slots {
            let part = self.layout.part(self.garbled * self.layout.slots + slot);
            let kept = self.kept.get(part.number).ok_or(Fault::Misuse("nothing to compute"))?;
            let offsets = self.offsets(&part, &kept.own, encoding);
            let shares: Vec<&[u128]> = kept.labels.chunks(part.lanes).collect();
            let offsets: Vec<&[u64]> = offsets.chunks(part.words()).collect();
            slots.push(reached(&mut garbler, &shares, &offsets)?);
        }
        outcome.add(&mut garbler, slots)?;
        out.send_blocks(TABLES, &garbler.tables())?;
        self.gates = gates;
        for slot in 0..self.layout.slots {
            if let Some(kept) = self.kept.get_mut(self.garbled * self.layout.slots + slot) {
                kept.labels = Vec::new();
            }
        }
        self.outcome = Some(outcome);
        self.garbled += 1;
        Ok(())
    }

    /// Whether there is work while sums are awaited.
    pub(super) fn ready(&self) -> bool {
        self.sums_in.complete() || (self.scored < self.layout.parts() && self.scored < self.checked + AHEAD)
    }
}
