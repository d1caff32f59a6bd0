//! What may be asked, answered and released, and under which signed words.
//!
//! The policy is told the time, the usage so far and what a protocol proposes to do; it decides.
//! It never touches a disk, a socket or a clock.

pub mod class;
pub mod rules;
pub mod words;
