//! The journal: an append-only record of everything this node asked, answered, released and refused.
//!
//! Entries are chained by digests and are the leaves of a Merkle tree. Checkpoints of the tree are
//! signed, exchanged with partners at every session, and countersigned. So whoever holds the disk
//! can still destroy the journal, but can neither alter it nor show two of it without being caught
//! by the next partner. What is detected by whom, and what is not, stands in `docs/journal.md`.
//!
//! The journal holds no identifier, no field and no answer. What must survive a loss of power is
//! appended here before anything else happens; all other state is rebuilt from here.

pub mod audit;
pub mod checkpoint;
pub mod event;
pub mod log;
pub mod tree;
pub mod witness;

mod disk;
mod entry;
mod error;
mod file;
mod frame;

pub use checkpoint::Checkpoint;
pub use entry::{Entry, MAX_ENTRY};
pub use error::{JournalError, Problem};
pub use event::{Event, Side};
pub use file::{Entries, FILE, Journal};
pub use tree::Tree;
pub use witness::{CheckpointCountersignature, CheckpointLast, CheckpointOffer, Review, fork_kind};

#[cfg(test)]
mod world;
