//! Messages of setup and query.

use crate::wire::Message;

/// Bytes of the common reference string (u64, big-endian), holder to asker.
pub(super) const CRS_SIZE: Message<8> = Message { tag: 1, name: "size of the reference string" };
/// The common reference string, holder to asker.
pub(super) const CRS: Message<1> = Message { tag: 2, name: "reference string" };
/// Digests of the key sets, asker to holder.
pub(super) const COMMITMENTS: Message<32> = Message { tag: 3, name: "commitments to keys" };
/// Which set stays closed, holder to asker.
pub(super) const CHOICE: Message<1> = Message { tag: 4, name: "choice of a key set" };
/// Seeds of the others, asker to holder.
pub(super) const SEEDS: Message<32> = Message { tag: 5, name: "seeds of key sets" };
/// The closed set, asker to holder.
pub(super) const KEYS: Message<1> = Message { tag: 6, name: "evaluation keys" };

/// Bytes of the query (u64, big-endian), asker to holder.
pub(super) const QUERY_SIZE: Message<8> = Message { tag: 1, name: "size of the query" };
/// The query, asker to holder.
pub(super) const QUERY: Message<1> = Message { tag: 2, name: "encrypted probe" };
/// Places of the answer (u64, big-endian), holder to asker.
pub(super) const PLACES: Message<8> = Message { tag: 3, name: "size of the answer" };
/// The answer, holder to asker.
pub(super) const ANSWER: Message<1> = Message { tag: 4, name: "encrypted answer" };
