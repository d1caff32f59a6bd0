//! Three messages: blinded elements to the holder; evaluated elements and one proof back.

use sha2::{Digest, Sha256};

use crate::{group::PointBytes, wire::Message};

/// Blinded elements, asker to holder [RFC 9497 section 3.3.2, `Blind`].
pub(super) const BLINDED: Message<32> = Message { tag: 1, name: "blinded elements" };
/// Evaluated elements in the same order, holder to asker [section 3.3.2, `BlindEvaluate`].
pub(super) const EVALUATED: Message<32> = Message { tag: 2, name: "evaluated elements" };
/// One proof for the batch, holder to asker.
pub(super) const PROOF: Message<64> = Message { tag: 3, name: "proof" };

/// The most identifiers in one query: the RFC's two-byte index.
pub const BATCH_LIMIT: u32 = 65_535;

/// Elements that one step of work takes at most: a frame of them.
pub(super) const STEP: usize = Message::<32>::PER_FRAME;

/// What the asker commits to before it sends a query: every blinded element in order.
pub(super) fn query_digest<'a>(elements: impl Iterator<Item = &'a PointBytes>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/exact-query/1\0");
    elements.for_each(|element| hash.update(element));
    hash.finalize().into()
}
