//! Four messages: blinded elements to the holder; evaluated elements in random order, the sizes of
//! the filter and the filter itself back.

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{group::PointBytes, set::IdentifierBytes, wire::Message};

/// Blinded elements under one common blind, in ascending order, asker to holder.
pub(super) const BLINDED: Message<32> = Message { tag: 1, name: "blinded elements" };
/// Evaluated elements in random order, holder to asker.
pub(super) const EVALUATED: Message<32> = Message { tag: 2, name: "evaluated elements" };
/// Entries and bytes of the filter (two u64, big endian), holder to asker.
pub(super) const SIZES: Message<16> = Message { tag: 3, name: "filter sizes" };
/// The filter, holder to asker.
pub(super) const FILTER: Message<1> = Message { tag: 4, name: "filter bytes" };

/// The most identifiers in one batch.
pub(super) const BATCH_LIMIT: u32 = 1_000_000;

/// What the asker commits to before it sends a batch.
pub(super) fn query_digest<'a>(elements: impl Iterator<Item = &'a PointBytes>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/count-query/1\0");
    elements.for_each(|element| hash.update(element));
    hash.finalize().into()
}

/// The `index`-th dummy. No identifier begins like this, so none can equal a dummy.
pub(super) fn dummy(index: u32) -> IdentifierBytes {
    Zeroizing::new([b"symbolon/count-dummy/1\0".as_slice(), &index.to_be_bytes()].concat())
}
