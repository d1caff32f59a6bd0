//! The slice in memory: packed bits in the query's own random order.
//!
//! It takes d/8 bytes for each template that differs from the one before it in its group, twice that with masks:
//! 64 MB for a million records of 512 bits.

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::parameters::{BLOCK, DEEPEST, Encoding, Layout, Part};
use crate::{
    block::transpose64,
    exchange::Fault,
    matching::{
        engine::{Group, Rows},
        template::Template,
    },
    seed::Stream,
};

/// No template.
const NONE: u32 = u32::MAX;

/// A slice as it is read.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Loading {
    #[zeroize(skip)]
    encoding: Encoding,
    alternatives: u16,
    order: Vec<u32>,
    /// Place, alternative, how many before it of the same alternative, template.
    rows: Vec<(u32, u16, u16, u32)>,
    bits: Vec<u64>,
    masks: Vec<u64>,
    groups: u64,
    deepest: u16,
}

/// A slice that is in memory as a whole.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Slice {
    #[zeroize(skip)]
    encoding: Encoding,
    #[zeroize(skip)]
    slots: usize,
    /// For each place and slot, the template.
    index: Vec<u32>,
    bits: Vec<u64>,
    masks: Vec<u64>,
}

/// The bits of a part, by position: for each, a word of 64 lanes after the other.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Columns {
    #[zeroize(skip)]
    words: usize,
    /// Lanes that have a 1 bit.
    ones: Vec<u64>,
    /// Lanes that have a 0 bit: neither masked nor without a template.
    zeros: Vec<u64>,
}

impl Loading {
    /// `places` is the padded number of groups.
    pub(super) fn new(
        encoding: Encoding,
        alternatives: u16,
        places: u64,
        random: &mut Stream,
    ) -> Result<Self, Fault> {
        let last = u32::try_from(places).map_err(|_| Fault::Misuse("the slice is too large"))?;
        let mut order: Vec<u32> = (0..last).collect();
        random.shuffle(&mut order);
        let (rows, bits, masks) = Default::default();
        Ok(Self { encoding, alternatives, order, rows, bits, masks, groups: 0, deepest: 1 })
    }

    /// The most templates of one record for one alternative.
    pub(super) fn depth(&self) -> usize {
        usize::from(self.deepest)
    }

    /// Reads more groups; whether that was all.
    ///
    /// # Errors
    /// [`Fault::Misuse`] if there are not as many as announced, or as [`push`](Self::push).
    pub(super) fn load(&mut self, rows: &mut dyn Rows) -> Result<bool, Fault> {
        let groups = rows.next(BLOCK)?;
        for group in &groups {
            self.push(group)?;
        }
        if groups.is_empty() && self.groups != rows.groups() {
            return Err(Fault::Misuse("the slice has another number of groups than announced"));
        }
        Ok(groups.is_empty())
    }

    /// Takes the next group.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for more groups than places, or rows that do not fit the form or the query.
    pub(super) fn push(&mut self, group: &Group) -> Result<(), Fault> {
        let many = || Fault::Misuse("the slice has more groups than announced");
        let place = usize::try_from(self.groups).ok().and_then(|at| self.order.get(at)).copied();
        let place = place.ok_or_else(many)?;
        self.groups = self.groups.saturating_add(1);
        let mut taken = vec![0_u16; usize::from(self.alternatives)];
        let mut before: Option<&Template> = None;
        for (alternative, template) in &group.rows {
            let count = taken.get_mut(usize::from(*alternative));
            let count = count.ok_or(Fault::Misuse("a row for an alternative that was not asked"))?;
            if template.length() != self.encoding.length
                || (!self.encoding.masked && template.usable() != template.length())
            {
                return Err(Fault::Misuse("a template of another form"));
            }
            if before != Some(template) {
                self.bits.extend(template.words().map(|(bits, _)| bits));
                if self.encoding.masked {
                    self.masks.extend(template.words().map(|(_, mask)| mask));
                }
                before = Some(template);
            }
            let at = self.bits.len().checked_div(self.encoding.length.div_ceil(64)).unwrap_or(0);
            let at = u32::try_from(at).ok().and_then(|at| at.checked_sub(1)).ok_or_else(many)?;
            self.rows.push((place, *alternative, *count, at));
            *count = count.saturating_add(1);
            self.deepest = self.deepest.max(*count);
        }
        if u64::from(self.deepest) > DEEPEST {
            return Err(Fault::Misuse("a record has more than 64 templates for one alternative"));
        }
        Ok(())
    }

    /// A digest of everything that was taken, and of where it was put: two slices with the same digest are the same.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"symbolon/interactive/slice/1\0");
        let sizes = [self.order.len(), self.rows.len(), self.bits.len(), self.masks.len()];
        sizes.iter().for_each(|size| hash.update((*size as u64).to_be_bytes()));
        hash.update(self.groups.to_be_bytes());
        for (place, alternative, deep, at) in &self.rows {
            hash.update(place.to_be_bytes());
            hash.update(alternative.to_be_bytes());
            hash.update(deep.to_be_bytes());
            hash.update(at.to_be_bytes());
        }
        for words in [&self.bits, &self.masks] {
            words.iter().for_each(|word| hash.update(word.to_be_bytes()));
        }
        hash.finalize().into()
    }

    /// The whole slice.
    pub(super) fn finish(mut self, layout: &Layout) -> Slice {
        let mut index = vec![NONE; layout.lanes * layout.slots];
        for (place, alternative, deep, at) in &self.rows {
            let slot = usize::from(*alternative) * layout.depth + usize::from(*deep);
            if let Some(to) = index.get_mut(*place as usize * layout.slots + slot) {
                *to = *at;
            }
        }
        let (bits, masks) = (std::mem::take(&mut self.bits), std::mem::take(&mut self.masks));
        Slice { encoding: self.encoding, slots: layout.slots, index, bits, masks }
    }
}

impl Slice {
    /// The template of a lane in a part.
    fn template(&self, part: &Part, lane: usize) -> Option<usize> {
        let at = self.index.get((part.first + lane) * self.slots + part.slot)?;
        (*at != NONE).then_some(*at as usize)
    }

    /// Lanes that have a template.
    pub(super) fn filled(&self, part: &Part) -> Vec<bool> {
        (0..part.lanes).map(|lane| self.template(part, lane).is_some()).collect()
    }

    /// Number of comparisons in a part.
    pub(super) fn comparisons(&self, part: &Part) -> u64 {
        self.filled(part).iter().filter(|filled| **filled).count() as u64
    }

    /// What the sum of shares leaves out of each lane's score: without masks its 1 bits; and what each transfer that
    /// is `turned` adds if it is set, because of it the share for "not set" is taken off.
    pub(super) fn left_out(&self, part: &Part, turned: &[bool]) -> Vec<i64> {
        let Encoding { masked, gain, loss, .. } = self.encoding;
        let each = self.encoding.each();
        // The turned transfers of "it is 1" and of "it is 0", as the words of templates.
        let pack = |which: usize| -> Vec<u64> {
            let turned: Vec<bool> = turned.iter().copied().skip(which).step_by(each).collect();
            let word =
                |bits: &[bool]| (0..).zip(bits).fold(0, |word, (at, bit)| word | u64::from(*bit) << at);
            turned.chunks(64).map(word).collect()
        };
        let (is, is_not) = (pack(0), if masked { pack(1) } else { Vec::new() });
        let lane = |lane: usize| -> i64 {
            let Some(at) = self.template(part, lane) else { return 0 };
            let masks = self.row(&self.masks, at);
            let (mut left_out, mut agree, mut differ) = (0, 0, 0);
            for (word, ones) in self.row(&self.bits, at).iter().enumerate() {
                let zeros = masks.get(word).copied().unwrap_or(u64::MAX) & !ones;
                let set = |of: &[u64], bits: u64| {
                    i64::from((of.get(word).copied().unwrap_or(0) & bits).count_ones())
                };
                agree += set(&is, *ones) + set(&is_not, zeros);
                differ += set(&is, zeros) + set(&is_not, *ones);
                left_out += if masked { 0 } else { i64::from(ones.count_ones()) };
            }
            i64::from(gain) * agree - i64::from(loss) * differ - left_out
        };
        (0..part.lanes).map(lane).collect()
    }

    fn row<'a>(&self, of: &'a [u64], at: usize) -> &'a [u64] {
        let words = self.encoding.length.div_ceil(64);
        of.get(at * words..(at + 1) * words).unwrap_or_default()
    }

    /// Bits of 64 lanes, from word `word` of the part, by position: 1 bits, and 0 bits that are not masked.
    pub(super) fn turned(&self, part: &Part, word: usize) -> (Vec<u64>, Vec<u64>) {
        let lanes: Vec<Option<usize>> = (0..64).map(|lane| self.template(part, word * 64 + lane)).collect();
        let filled = (0..).zip(&lanes).fold(0, |set, (lane, at)| set | u64::from(at.is_some()) << lane);
        let turn = |of: &[u64]| -> Vec<u64> {
            let mut columns = Vec::with_capacity(self.encoding.length.next_multiple_of(64));
            for at in 0..self.encoding.length.div_ceil(64) {
                let mut rows = [0; 64];
                for (row, template) in rows.iter_mut().zip(&lanes) {
                    let words = template.map(|template| self.row(of, template)).unwrap_or_default();
                    *row = words.get(at).copied().unwrap_or(0);
                }
                transpose64(&mut rows);
                columns.extend_from_slice(&rows);
            }
            columns.truncate(self.encoding.length);
            columns
        };
        let ones = turn(&self.bits);
        let zeros = if self.encoding.masked {
            turn(&self.masks).iter().zip(&ones).map(|(seen, ones)| seen & !ones).collect()
        } else {
            ones.iter().map(|ones| filled & !ones).collect()
        };
        (ones, zeros)
    }

    /// All bits of a part.
    pub(super) fn columns(&self, part: &Part) -> Columns {
        let (words, length) = (part.words(), self.encoding.length);
        let mut columns = Columns { words, ones: vec![0; words * length], zeros: vec![0; words * length] };
        for word in 0..words {
            let (ones, zeros) = self.turned(part, word);
            let put = |to: &mut Vec<u64>, from: Vec<u64>| {
                to.iter_mut().skip(word).step_by(words.max(1)).zip(from).for_each(|(to, from)| *to = from);
            };
            put(&mut columns.ones, ones);
            put(&mut columns.zeros, zeros);
        }
        columns
    }
}

impl Columns {
    /// Lanes with a 1 bit at a position, and lanes with a 0 bit.
    pub(super) fn position(&self, at: usize) -> (&[u64], &[u64]) {
        let range = at * self.words..(at + 1) * self.words;
        (self.ones.get(range.clone()).unwrap_or_default(), self.zeros.get(range).unwrap_or_default())
    }
}
