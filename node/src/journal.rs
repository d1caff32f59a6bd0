//! The journal.

pub mod event;

pub use event::{Event, Side};
