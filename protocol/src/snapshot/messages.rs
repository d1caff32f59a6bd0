//! Two messages: from where the asker wants the filter, and the bytes from there.

use crate::wire::Message;

/// Offset in bytes, asker to holder (u64, big endian).
pub(super) const OFFSET: Message<8> = Message { tag: 1, name: "offset" };
/// The filter's bytes from the offset on, holder to asker.
pub(super) const BYTES: Message<1> = Message { tag: 2, name: "filter bytes" };
