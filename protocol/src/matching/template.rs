//! Templates: fixed-length binary codes with a mask.
#![deny(clippy::arithmetic_side_effects)]

use zeroize::{Zeroize, ZeroizeOnDrop};

/// The fewest bits of a template.
pub const SHORTEST: usize = 128;
/// The most bits of a template.
pub const LONGEST: usize = 12_800;

/// A binary biometric code. A masked position counts for nothing, and its bit is stored as 0.
///
/// As bytes, position 0 is the most significant bit of the first byte; bits after the last position
/// are 0.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Template {
    length: usize,
    bits: Vec<u64>,
    mask: Vec<u64>,
}

impl std::fmt::Debug for Template {
    /// Shows the length only: the rest is biometric data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template {{ length: {} }}", self.length)
    }
}

/// Bytes that are no template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A length that is out of range.
    #[error("a template must have 128 to 12,800 bits, not {0}")]
    Length(usize),
    /// Bytes that do not hold as many bits.
    #[error("{found} bytes came where {expected} were due")]
    Bytes {
        /// Bytes that hold the length.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// Bits after the last position.
    #[error("bits after the last position must be 0")]
    Rest,
}

impl Template {
    /// A template of `length` bits from bytes, with a mask of the same size or none masked.
    ///
    /// # Errors
    /// [`TemplateError`] if length and bytes do not fit.
    pub fn from_bytes(length: usize, bits: &[u8], mask: Option<&[u8]>) -> Result<Self, TemplateError> {
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Err(TemplateError::Length(length));
        }
        let mut words = pack(length, bits)?;
        let mask = match mask {
            Some(mask) => pack(length, mask)?,
            None => full(length),
        };
        words.iter_mut().zip(&mask).for_each(|(bits, mask)| *bits &= mask);
        Ok(Self { length, bits: words, mask })
    }

    /// A template from one flag a position: `Some(bit)`, or `None` where it is masked.
    ///
    /// # Errors
    /// [`TemplateError::Length`].
    pub fn from_positions(positions: &[Option<bool>]) -> Result<Self, TemplateError> {
        let length = positions.len();
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Err(TemplateError::Length(length));
        }
        let gather = |flag: fn(&Option<bool>) -> bool| {
            let word = |chunk: &[Option<bool>]| {
                (0_u32..).zip(chunk).fold(0, |word, (at, position)| word | u64::from(flag(position)) << at)
            };
            positions.chunks(64).map(word).collect()
        };
        let (bits, mask) = (gather(|position| *position == Some(true)), gather(Option::is_some));
        Ok(Self { length, bits, mask })
    }

    /// Number of positions.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Number of unmasked positions.
    pub fn usable(&self) -> usize {
        self.mask.iter().map(|word| usize::try_from(word.count_ones()).unwrap_or(0)).sum()
    }

    /// Bits and mask, 64 positions at a time; position j is bit j mod 64 of word j / 64.
    pub fn words(&self) -> impl ExactSizeIterator<Item = (u64, u64)> + '_ {
        self.bits.iter().copied().zip(self.mask.iter().copied())
    }

    /// `Some(bit)` or, where masked, `None`, for each position.
    pub fn positions(&self) -> impl Iterator<Item = Option<bool>> + '_ {
        let spread =
            |(bits, mask)| (0_u32..64).map(move |at| (mask >> at & 1 == 1).then_some(bits >> at & 1 == 1));
        self.words().flat_map(spread).take(self.length)
    }

    /// Bits and mask as bytes.
    pub fn to_bytes(&self) -> (Vec<u8>, Vec<u8>) {
        (unpack(self.length, &self.bits), unpack(self.length, &self.mask))
    }
}

fn full(length: usize) -> Vec<u64> {
    let word = |at: usize| match length.saturating_sub(at) {
        left @ 0..64 => !(u64::MAX << left),
        _ => u64::MAX,
    };
    (0..length).step_by(64).map(word).collect()
}

fn pack(length: usize, bytes: &[u8]) -> Result<Vec<u64>, TemplateError> {
    let expected = length.div_ceil(8);
    if bytes.len() != expected {
        return Err(TemplateError::Bytes { expected, found: bytes.len() });
    }
    let words: Vec<u64> = bytes
        .chunks(8)
        .map(|chunk| {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = from.reverse_bits());
            u64::from_le_bytes(word)
        })
        .collect();
    let rest = words.iter().zip(full(length)).any(|(word, full)| word & !full != 0);
    if rest { Err(TemplateError::Rest) } else { Ok(words) }
}

fn unpack(length: usize, words: &[u64]) -> Vec<u8> {
    let bytes = words.iter().flat_map(|word| word.to_le_bytes().map(u8::reverse_bits));
    bytes.take(length.div_ceil(8)).collect()
}

#[cfg(test)]
mod tests;
