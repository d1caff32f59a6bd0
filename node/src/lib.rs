//! One agency's machine: network, store, journal, sessions, command line.

pub mod cli;
pub mod config;
pub mod control;
pub mod journal;
