//! What may be asked, answered and released, and under which signed words.
//!
//! The policy is told the time, the usage so far and what a protocol proposes to do; it decides.
//! It never touches a disk, a socket or a clock.

pub mod agreement;
pub mod ask;
pub mod canonical;
pub mod case;
pub mod claim;
pub mod class;
pub mod identity;
pub mod keys;
pub mod manifest;
pub mod notice;
pub mod officer;
pub mod permit;
pub mod prepare;
pub mod quota;
pub mod receipt;
pub mod rules;
pub mod signing;
pub mod words;

#[cfg(test)]
mod world;
