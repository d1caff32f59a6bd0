//! One agency's machine: network, store, journal, sessions, command line.

pub mod alerts;
mod book;
mod claims;
pub mod cli;
mod clock;
pub mod config;
pub mod control;
pub mod demo;
mod engines;
mod files;
mod hashed;
mod hits;
pub mod home;
pub mod journal;
mod keys;
mod keystore;
mod locked;
pub mod network;
pub mod node;
mod officers;
mod outlook;
pub mod register;
pub mod sealing;
mod session;
mod snapshots;
mod state;
mod thresholds;
