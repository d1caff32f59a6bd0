//! A register as it is read: in pieces, on all cores.

use std::ops::Bound;

use rayon::prelude::*;
use sled::IVec;

use super::{
    COUNT_KEY, Register, RegisterError,
    stored::{Key, RECORD_PREFIX, Spoilt, Vault},
};

/// Records that one core reads at a time, about.
pub(super) const PIECE: u64 = 256;

/// A range of keys.
pub(super) type Piece = (Bound<Vec<u8>>, Bound<Vec<u8>>);

impl Register {
    /// What `open` makes of every record, or of those after a key, in the order of the keys. Pieces of the register are read
    /// and opened on all cores at once.
    pub(super) fn read<T: Send + 'static>(
        self,
        after: Option<Key>,
        open: impl Fn(&Vault, &[u8], &[u8]) -> Result<T, Spoilt> + Send + Sync + 'static,
    ) -> impl Iterator<Item = Result<T, RegisterError>> + Send + 'static {
        let mut pieces = self.pieces(after).into_iter();
        let mut ready = Vec::new().into_iter();
        std::iter::from_fn(move || {
            loop {
                if let Some(next) = ready.next() {
                    return Some(next);
                }
                let next: Vec<_> = pieces.by_ref().take(rayon::current_num_threads()).collect();
                if next.is_empty() {
                    return None;
                }
                let opened = |entry: sled::Result<(IVec, IVec)>| {
                    let (key, value) = entry?;
                    open(&self.vault, &key, &value).map_err(|_| self.corrupt(&key))
                };
                let read = next.into_par_iter().map(|piece| self.tree.range(piece).map(opened).collect());
                ready = read.collect::<Vec<Vec<_>>>().into_iter().flatten().collect::<Vec<_>>().into_iter();
            }
        })
    }

    /// Ranges of keys that hold about [`PIECE`] records each, for pseudonyms are spread evenly; those after a key.
    pub(super) fn pieces(&self, after: Option<Key>) -> Vec<Piece> {
        let noted = self.tree.get(COUNT_KEY).ok().flatten();
        // While a write is under way nobody knows.
        let noted =
            noted.and_then(|sealed| self.vault.open_count(COUNT_KEY, &sealed).ok()).unwrap_or(u64::MAX);
        let pieces = noted.div_ceil(PIECE).clamp(1, 1 << 16);
        let first = |piece: u64| {
            let place = (piece << 16).div_ceil(pieces);
            u16::try_from(place).map_or(Bound::Unbounded, |place| {
                Bound::Included([RECORD_PREFIX, &place.to_be_bytes()].concat())
            })
        };
        let all = (0..pieces).map(|piece| {
            let end = match first(piece.saturating_add(1)) {
                Bound::Included(next) => Bound::Excluded(next),
                // No key follows those of the records.
                other => other,
            };
            (first(piece), end)
        });
        let Some(after) = after else { return all.collect() };
        let rest =
            all.filter(|(_, end)| !matches!(end, Bound::Excluded(end) if end.as_slice() <= after.as_slice()));
        let mut rest: Vec<_> = rest.collect();
        if let Some((start, _)) = rest.first_mut() {
            *start = Bound::Excluded(after.to_vec());
        }
        rest
    }
}
