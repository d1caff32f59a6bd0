//! A set of outputs as a sorted, Golomb-Rice coded list of positions.
//!
//! Who holds a filter learns its padded size. Without the key its positions are uniform numbers; a
//! lookup of a value outside the set hits with probability at most 2^-35.9 (see [`position`]).
//!
//! `n` uniform positions below `n·2^36` have gaps of about 2^36. A gap is written as its quotient by
//! 2^36 in unary and its remainder in 36 bits: 37.6 bits an entry [Golomb 1966; Rice 1979; Putze,
//! Sanders and Singler 2007]. The reasons for this form over a binary fuse filter stand in
//! `docs/adr/0002-golomb-coded-snapshots.md`.
#![deny(clippy::arithmetic_side_effects)]

use sha2::{Digest, Sha256};

use crate::exchange::{Fault, Misbehaviour};

/// Bits of a remainder; two to this power is the inverse of the false-hit probability.
pub const REMAINDER_BITS: u32 = 36;

/// The largest filter, so that positions keep at least four bits of slack in a 64-bit output.
pub const ENTRIES_LIMIT: u64 = 1 << 24;

/// What a filter is, in the manifest that the holder signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Entries, padding included.
    pub entries: u64,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes.
    pub digest: [u8; 32],
}

impl Summary {
    /// Checks sizes before anything is allocated for them.
    ///
    /// # Errors
    /// [`Misbehaviour::Filter`] for sizes that no filter has.
    pub fn check(&self) -> Result<(), Fault> {
        if self.entries == 0 || self.entries > ENTRIES_LIMIT {
            return Err(Misbehaviour::Filter("number of entries out of range").into());
        }
        if self.bytes > longest(self.entries) {
            return Err(Misbehaviour::Filter("longer than its entries allow").into());
        }
        Ok(())
    }
}

/// The most bytes `entries` positions can take: each its remainder and one stop bit, and all their
/// quotients together at most one bit an entry.
pub fn longest(entries: u64) -> u64 {
    let bits = entries.saturating_mul(u64::from(REMAINDER_BITS).saturating_add(2));
    bits.div_ceil(8)
}

/// Where a 64-bit output stands among positions below `entries · 2^36`.
///
/// The map is monotone. With at most 2^24 entries a position has at least 2^4 outputs, so a uniform
/// output hits one of the entries with probability at most 2^-36 · (1 + 2^-4).
pub fn position(output: u64, entries: u64) -> u64 {
    let product = u128::from(output).saturating_mul(u128::from(range(entries)));
    u64::try_from(product >> 64).unwrap_or(u64::MAX)
}

fn range(entries: u64) -> u64 {
    entries.min(ENTRIES_LIMIT) << REMAINDER_BITS
}

/// Codes outputs in ascending order.
///
/// # Errors
/// [`Fault::Misuse`] if they are not ascending or their number is out of range.
pub fn encode(outputs: &[u64]) -> Result<(Summary, Vec<u8>), Fault> {
    let entries = outputs.len() as u64;
    if entries == 0 || entries > ENTRIES_LIMIT || !outputs.is_sorted() {
        return Err(Fault::Misuse("a filter of unsorted, no or too many outputs"));
    }
    let mut bits = BitWriter::with_capacity(usize::try_from(longest(entries)).unwrap_or(0));
    let mut last = 0;
    for output in outputs {
        let position = position(*output, entries);
        let gap = position.saturating_sub(last);
        last = position;
        for _ in 0..gap >> REMAINDER_BITS {
            bits.push(1, 1);
        }
        bits.push(0, 1);
        bits.push(gap & REMAINDER_MASK, REMAINDER_BITS);
    }
    let bytes = bits.finish();
    let summary = Summary { entries, bytes: bytes.len() as u64, digest: Sha256::digest(&bytes).into() };
    Ok((summary, bytes))
}

const REMAINDER_MASK: u64 = (1 << REMAINDER_BITS) - 1;

struct BitWriter {
    bytes: Vec<u8>,
    word: u64,
    free: u32,
}

impl BitWriter {
    fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), word: 0, free: 64 }
    }

    /// Appends the low `count` bits of `value`, at most 56, high bit first.
    fn push(&mut self, value: u64, count: u32) {
        self.free = self.free.saturating_sub(count);
        self.word |= value << self.free;
        while self.free <= 56 {
            self.bytes.push(self.word.to_be_bytes()[0]);
            self.word <<= 8;
            self.free = self.free.saturating_add(8);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.free < 64 {
            self.bytes.push(self.word.to_be_bytes()[0]);
        }
        self.bytes
    }
}

/// Reads a filter in pieces, in constant memory, and refuses every other encoding than the one that
/// [`encode`] gives.
#[derive(Clone, Debug)]
pub struct Decoder {
    entries: u64,
    taken: u64,
    last: u64,
    quotient: u64,
    in_remainder: bool,
    window: u128,
    filled: u32,
}

impl Decoder {
    /// How many entries the filter has.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// A decoder for a filter of `entries` entries.
    pub fn new(entries: u64) -> Self {
        Self { entries, taken: 0, last: 0, quotient: 0, in_remainder: false, window: 0, filled: 0 }
    }

    /// Reads the next bytes and gives every whole position to `each`, in ascending order.
    ///
    /// # Errors
    /// [`Misbehaviour::Filter`] if the bytes are not canonical.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(u64)) -> Result<(), Fault> {
        // Eight bytes at a time; what is left after `drain` is shorter than a remainder, so they fit.
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.fill(u128::from(u64::from_be_bytes(*word)) << 64, 64, &mut each)?;
        }
        for byte in rest {
            self.fill(u128::from(*byte) << 120, 8, &mut each)?;
        }
        Ok(())
    }

    /// Adds bits, which stand at the top of `next`, to the window and reads what is whole.
    fn fill(&mut self, next: u128, bits: u32, each: &mut impl FnMut(u64)) -> Result<(), Fault> {
        if self.taken == self.entries {
            return Err(Misbehaviour::Filter("bytes after the last entry").into());
        }
        self.window |= next.checked_shr(self.filled).unwrap_or(0);
        self.filled = self.filled.saturating_add(bits);
        self.drain(each)
    }

    fn drain(&mut self, each: &mut impl FnMut(u64)) -> Result<(), Fault> {
        while self.taken < self.entries {
            if !self.in_remainder {
                let ones = self.window.leading_ones().min(self.filled);
                self.skip(ones);
                self.quotient = self.quotient.saturating_add(u64::from(ones));
                if self.quotient > self.entries {
                    return Err(Misbehaviour::Filter("position out of range").into());
                }
                if self.filled == 0 {
                    return Ok(());
                }
                self.skip(1);
                self.in_remainder = true;
            }
            if self.filled < REMAINDER_BITS {
                return Ok(());
            }
            let remainder = u64::try_from(self.window >> (u128::BITS - REMAINDER_BITS)).unwrap_or(0);
            self.skip(REMAINDER_BITS);
            let gap = (self.quotient << REMAINDER_BITS) | remainder;
            let position = self.last.saturating_add(gap);
            if position >= range(self.entries) {
                return Err(Misbehaviour::Filter("position out of range").into());
            }
            self.last = position;
            self.quotient = 0;
            self.in_remainder = false;
            self.taken = self.taken.saturating_add(1);
            each(position);
        }
        Ok(())
    }

    fn skip(&mut self, bits: u32) {
        self.window = self.window.checked_shl(bits).unwrap_or(0);
        self.filled = self.filled.saturating_sub(bits);
    }

    /// Checks that the filter ended where it should.
    ///
    /// # Errors
    /// [`Misbehaviour::Filter`] if entries are missing or the last byte is not filled up with zeros.
    pub fn finish(self) -> Result<(), Fault> {
        if self.taken != self.entries {
            return Err(Misbehaviour::Filter("fewer entries than announced").into());
        }
        if self.filled >= 8 || self.window != 0 {
            return Err(Misbehaviour::Filter("bits after the last entry").into());
        }
        Ok(())
    }
}

/// Positions that are looked for, so that a filter can be read past them once.
#[derive(Clone, Debug)]
pub struct Wanted {
    sorted: Vec<(u64, usize)>,
    next: usize,
    found: Vec<bool>,
}

impl Wanted {
    /// Looks for `outputs` in a filter of `entries` entries.
    pub fn new(outputs: &[u64], entries: u64) -> Self {
        let mut sorted: Vec<_> =
            outputs.iter().enumerate().map(|(i, output)| (position(*output, entries), i)).collect();
        sorted.sort_unstable();
        Self { sorted, next: 0, found: vec![false; outputs.len()] }
    }

    /// Takes the filter's next position; positions come in ascending order.
    pub fn pass(&mut self, position: u64) {
        while let Some((wanted, index)) = self.sorted.get(self.next) {
            if *wanted > position {
                return;
            }
            if *wanted == position
                && let Some(found) = self.found.get_mut(*index)
            {
                *found = true;
            }
            self.next = self.next.saturating_add(1);
        }
    }

    /// For each output, in the order given, whether it was found.
    pub fn found(self) -> Vec<bool> {
        self.found
    }
}

/// Looks outputs up in a filter: for each, whether it is in.
///
/// # Errors
/// [`Misbehaviour::Filter`] if the filter is malformed.
pub fn lookup(bytes: &[u8], entries: u64, outputs: &[u64]) -> Result<Vec<bool>, Fault> {
    let mut wanted = Wanted::new(outputs, entries);
    let mut decoder = Decoder::new(entries);
    decoder.push(bytes, |position| wanted.pass(position))?;
    decoder.finish()?;
    Ok(wanted.found())
}

#[cfg(test)]
mod tests;
