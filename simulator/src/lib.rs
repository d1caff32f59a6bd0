//! Whole regions in one process, under the node's own rules.
//!
//! Nothing is modelled that can be run: a query goes through the same agreement, the same quotas, the
//! same permits and the same state machines as between two nodes. Only the network is a pipe in
//! memory, the clock is an argument, and all randomness follows from one seed, so that every run
//! replays bit for bit. What an outcome says of bytes and leakage is therefore measured, not assumed.

pub mod books;
pub mod pair;
mod pipe;
