//! What follows from a form: how scores are written in bits.

use crate::{
    exchange::Fault,
    matching::rule::{Form, Rule},
};

/// Lanes of a full block: records that are worked on at once.
pub(super) const BLOCK: usize = 4_096;
/// Lanes of a last block are a multiple of this.
pub(super) const STEP: usize = 512;
/// The most alternatives in a query.
pub(super) const ALTERNATIVES: usize = 32;
/// The most templates of one record that are compared with one alternative.
pub(super) const DEEPEST: u64 = 64;
/// The largest cap.
pub(super) const LARGEST_CAP: u32 = 16;
/// Blocks of which the holder's corrections may be under way before the asker's answer to the first.
pub(super) const AHEAD: usize = 2;

/// How scores are written.
///
/// A probe is bits: without masks one a position; with masks two, one for "it is 1" and one for "it is 0". A bit that
/// is set adds to a score `gain` where the record's bit agrees, minus `loss` where it does not, nothing where the
/// record is masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Positions of a template.
    pub(super) length: usize,
    /// Whether a position has two bits or one.
    pub(super) masked: bool,
    /// Bits of a score; shares are modulo 2^bits.
    pub(super) bits: usize,
    /// Bits of a sum of shares that is not reduced.
    pub(super) wide: usize,
    /// Added where the bits agree.
    pub(super) gain: u32,
    /// Taken off where they do not.
    pub(super) loss: u32,
    /// What the sum must reach for a hit. Without masks the sum is then still to be lessened by the 1 bits of the
    /// record, which a bit that is not set leaves out.
    pub(super) due: i64,
}

fn common(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// The fewest bits of a signed number that hold both.
fn signed_bits(least: i64, most: i64) -> usize {
    (1..63_u32).find(|bits| -(1_i64 << (bits - 1)) <= least && most < 1_i64 << (bits - 1)).unwrap_or(63)
        as usize
}

impl Encoding {
    /// The encoding of a form.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a form that cannot stand.
    pub(super) fn of(form: &Form) -> Result<Self, Fault> {
        form.check().map_err(|_| Fault::Misuse("a form that cannot stand"))?;
        let Rule { s, p, kappa } = form.rule;
        let (length, d) = (form.length as usize, i64::from(form.length));
        let (gain, loss, due, least, most);
        if form.masked {
            let unit = common(p - s, p + s);
            (gain, loss) = ((p - s) / unit, (p + s) / unit);
            due = i64::from(kappa.div_ceil(unit));
            (least, most) = (-(i64::from(loss) * d) - due, i64::from(gain) * d - due);
        } else {
            (gain, loss) = (1, 1);
            // p(d - 2·apart) - s·d - kappa ≥ 0 for at most so many positions that differ.
            let apart = (i64::from(p - s) * d - i64::from(kappa)) / (2 * i64::from(p));
            due = -apart;
            (least, most) = (apart - d, apart);
        }
        let bits = signed_bits(least, most).max(3);
        // The sum of n uniform shares, about its mean, has a standard deviation of 2^bits·√(n/12); nine of them
        // are left to each side, so that a sum does not fit with probability 2^-61.
        let shares = f64::from(form.length) * if form.masked { 2.0 } else { 1.0 };
        let nine = 9.0 * (shares / 12.0).sqrt();
        let margin = (1..16).find(|margin| f64::from(1_u32 << (margin - 1)) >= nine).unwrap_or(16);
        Ok(Self { length, masked: form.masked, bits, wide: bits + margin, gain, loss, due })
    }

    /// Bits of a position.
    pub(super) fn each(&self) -> usize {
        1 + usize::from(self.masked)
    }

    /// Bits of one alternative: its transfers.
    pub(super) fn transfers(&self) -> usize {
        self.length * self.each()
    }

    /// What is taken off a sum of shares, a multiple of 2^bits, so that it is near 0, if the shares of `turned`
    /// transfers are taken off it and the others added.
    pub(super) fn centre(&self, turned: usize) -> i64 {
        ((self.transfers() as i64 - 2 * turned as i64) / 2) << self.bits
    }
}

/// How the records are cut: blocks of lanes, each compared once for every slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Places, padding included.
    pub(super) places: u64,
    /// Lanes: places, filled up.
    pub(super) lanes: usize,
    /// Comparisons for each place: alternatives times the most templates of a record for one alternative.
    pub(super) slots: usize,
    /// The most templates of a record for one alternative.
    pub(super) depth: usize,
}

impl Layout {
    pub(super) fn new(places: u64, alternatives: u16, depth: usize) -> Result<Self, Fault> {
        let large = || Fault::Misuse("the slice is too large");
        let lanes =
            usize::try_from(places).ok().and_then(|n| n.checked_next_multiple_of(STEP)).ok_or_else(large)?;
        u32::try_from(lanes).map_err(|_| large())?;
        Ok(Self { places, lanes, slots: usize::from(alternatives) * depth, depth })
    }

    /// Blocks.
    pub(super) fn blocks(&self) -> usize {
        self.lanes.div_ceil(BLOCK)
    }

    /// Blocks times slots: the parts that are scored one after the other.
    pub(super) fn parts(&self) -> usize {
        self.blocks() * self.slots
    }

    /// The part of a number.
    pub(super) fn part(&self, number: usize) -> Part {
        let (block, slot) = (number / self.slots.max(1), number % self.slots.max(1));
        let first = block * BLOCK;
        let lanes = self.lanes.saturating_sub(first).min(BLOCK);
        Part { number, slot, first, lanes, alternative: slot / self.depth.max(1) }
    }

    /// How often an alternative was scored before a part.
    pub(super) fn turn(&self, part: &Part) -> usize {
        part.first / BLOCK * self.depth + part.slot % self.depth.max(1)
    }
}

/// A block in one slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) number: usize,
    pub(super) slot: usize,
    /// The first lane.
    pub(super) first: usize,
    pub(super) lanes: usize,
    pub(super) alternative: usize,
}

impl Part {
    /// 64-bit words of a bit a lane.
    pub(super) fn words(&self) -> usize {
        self.lanes / 64
    }

    /// The batch of correlated transfers; 0 is that of the probe.
    pub(super) fn batch(&self) -> u64 {
        self.number as u64 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matching::rates;

    #[test]
    fn scores_and_sums_fit_their_bits() {
        let plain = |length| Encoding::of(&rates::form(length, false, 0.32).unwrap()).unwrap();
        let masked = |length| Encoding::of(&rates::form(length, true, 0.32).unwrap()).unwrap();
        assert_eq!(
            [128, 512, 2_048, 12_800].map(|d| (plain(d).bits, plain(d).wide)),
            [(8, 14), (10, 17), (12, 20), (15, 25)]
        );
        for encoding in [128, 512, 2_048, 12_800].map(masked) {
            let d = encoding.length as i64;
            let half = 1_i64 << (encoding.bits - 1);
            assert!(i64::from(encoding.gain) * d - encoding.due < half, "{encoding:?}");
            assert!(i64::from(encoding.loss) * d + encoding.due <= half, "{encoding:?}");
            assert!(encoding.wide < 48, "{encoding:?}");
            assert_eq!(encoding.centre(0) % (1 << encoding.bits), 0);
            assert_eq!(encoding.centre(encoding.transfers()), -encoding.centre(0));
        }
    }

    #[test]
    fn parts_cover_every_lane_in_every_slot_once() {
        for (places, alternatives, depth) in [(1_024, 1, 1), (9_216, 3, 2), (4_352, 2, 1)] {
            let layout = Layout::new(places, alternatives, depth).unwrap();
            let mut seen = std::collections::HashSet::new();
            let mut turns = std::collections::HashSet::new();
            for number in 0..layout.parts() {
                let part = layout.part(number);
                assert!(part.lanes > 0 && part.lanes.is_multiple_of(STEP));
                assert!((part.first..part.first + part.lanes).all(|lane| seen.insert((lane, part.slot))));
                assert!(turns.insert((part.alternative, layout.turn(&part))), "no key stream is used twice");
            }
            assert_eq!(seen.len(), layout.lanes * layout.slots);
            assert!(layout.lanes as u64 >= places);
        }
    }
}
