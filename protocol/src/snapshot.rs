//! Snapshot: the holder's filter for an epoch, transferred once and resumable.
//!
//! The **asker** learns a filter: without evaluations only its padded size. The **holder** learns
//! that the asker fetches it. The manifest, which the holder signs, carries the filter's
//! [`Summary`](crate::filter::Summary); bytes that do not match it are thrown away by the asker.

mod asker;
mod holder;
mod messages;

pub use asker::{Asker, BlobSink};
pub use holder::{BlobSource, Holder};

#[cfg(test)]
mod tests;
