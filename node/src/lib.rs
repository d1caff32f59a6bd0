//! One agency's machine: network, store, journal, sessions, command line.

pub mod control;
pub mod journal;
