//! The holder's side of a set: every identifier of a slice evaluated under one fresh key.

use curve25519_dalek::Scalar;
use rayon::prelude::*;
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    exchange::Fault,
    filter::{self, Summary},
    group::PointBytes,
    oprf::{self, COMPRESS, KeyPair, Mode, compress_doubles, element, finalize, half},
    seed::Stream,
};

/// Canonical bytes of an identifier.
pub type IdentifierBytes = Zeroizing<Vec<u8>>;

/// Identifiers of a slice, in pieces, in any order; repeats are allowed.
pub trait IdentifierSource: Send {
    /// At most `limit` further identifiers; none at the end.
    ///
    /// # Errors
    /// [`Fault::Local`] if they cannot be read.
    fn next(&mut self, limit: usize) -> Result<Vec<IdentifierBytes>, Fault>;

    /// How many there are, for progress.
    fn total(&self) -> u64;
}

/// How an evaluated element becomes an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// With the input hashed in [RFC 9497 `Finalize`]; the asker must know which element is whose.
    Bound,
    /// From the element alone, for elements in another order than the inputs.
    Unbound,
}

/// A set under construction. Eight bytes an identifier are kept.
#[derive(Debug)]
pub struct SetBuilder {
    key: KeyPair,
    output: Output,
    outputs: Vec<u64>,
}

impl SetBuilder {
    /// An empty set under `key`.
    pub fn new(key: KeyPair, output: Output) -> Self {
        Self { key, output, outputs: Vec::new() }
    }

    /// Evaluates identifiers, on all cores.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for an identifier over [`oprf::INPUT_LIMIT`] or a set over
    /// [`filter::ENTRIES_LIMIT`].
    pub fn absorb(&mut self, identifiers: &[IdentifierBytes]) -> Result<(), Fault> {
        if self.outputs.len().saturating_add(identifiers.len()) as u64 > filter::ENTRIES_LIMIT {
            return Err(Fault::Misuse("a slice over 16,777,216 identifiers"));
        }
        let (half, output) = (Zeroizing::new(half(self.key.secret())), self.output);
        let chunks = identifiers
            .par_chunks(COMPRESS)
            .map(|chunk| evaluate(chunk, &half, output))
            .collect::<Result<Vec<_>, Fault>>()?;
        chunks.into_iter().for_each(|chunk| self.outputs.extend(chunk));
        Ok(())
    }

    /// Identifiers absorbed, repeats included.
    pub fn len(&self) -> usize {
        self.outputs.len()
    }

    /// Whether nothing was absorbed.
    pub fn is_empty(&self) -> bool {
        self.outputs.is_empty()
    }

    /// Removes repeats and fills the set with random outputs up to `padded` of the number of
    /// distinct ones.
    ///
    /// # Errors
    /// [`Fault::Misuse`] if the padded size is below the true one or over the limit.
    pub fn finish(
        mut self,
        padded: impl FnOnce(u64) -> u64,
        mut padding: Stream,
    ) -> Result<(KeyPair, Summary, Vec<u8>), Fault> {
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.par_sort_unstable();
        outputs.dedup();
        let distinct = outputs.len() as u64;
        let entries = padded(distinct);
        if entries < distinct || entries > filter::ENTRIES_LIMIT {
            return Err(Fault::Misuse("a padded size below the true one or over the limit"));
        }
        outputs.extend((distinct..entries).map(|_| padding.bits()));
        outputs.par_sort_unstable();
        let (summary, bytes) = filter::encode(&outputs)?;
        outputs.zeroize();
        Ok((self.key, summary, bytes))
    }
}

fn evaluate(identifiers: &[IdentifierBytes], half: &Scalar, output: Output) -> Result<Vec<u64>, Fault> {
    let halves = identifiers
        .iter()
        .map(|identifier| Ok(element(identifier, Mode::Verifiable)? * half))
        .collect::<Result<Vec<_>, Fault>>()?;
    compress_doubles(&halves)
        .iter()
        .zip(identifiers)
        .map(|(point, identifier)| match output {
            Output::Bound => bound(identifier, point),
            Output::Unbound => Ok(unbound(point)),
        })
        .collect()
}

/// The output of an unblinded element and its input: the first eight bytes of `Finalize`.
pub(crate) fn bound(input: &[u8], point: &PointBytes) -> Result<u64, Fault> {
    Ok(first_eight(finalize(input, None, point)?))
}

/// The output of an unblinded element alone.
pub(crate) fn unbound(point: &PointBytes) -> u64 {
    let mut hash = Sha512::new();
    hash.update(b"symbolon/count-output/1\0");
    hash.update(point);
    first_eight(hash.finalize().into())
}

fn first_eight(bytes: [u8; 64]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |first| u64::from_be_bytes(*first))
}

/// Draws a fresh key.
///
/// # Errors
/// None in practice: a stream's scalar is never zero.
pub fn fresh_key(stream: &Stream) -> Result<KeyPair, Fault> {
    oprf::KeyPair::new(stream.scalar(0))
}
