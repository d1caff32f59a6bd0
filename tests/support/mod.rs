//! What the tests of whole processes share: agencies whose nodes are real `symbolon` processes on real sockets, and
//! invented records and people.
//!
//! The tests see only what an administrator sees: the command line, its JSON and its exit codes.

// Every test file is a program of its own and uses a part of this.
#![allow(dead_code, unused_imports, clippy::print_stderr)]

mod agency;
mod cable;
mod faces;
mod officer;
mod people;
mod program;
mod scene;

use std::{path::Path, time::Duration};

pub(crate) use agency::Agency;
pub(crate) use cable::Cable;
pub(crate) use faces::Faces;
pub(crate) use officer::{Officer, officer};
pub(crate) use people::{Kept, people, person, record, records};
pub(crate) use program::{Done, Running};
pub(crate) use scene::{Scene, filed, scene};

/// The register that all tests use.
pub(crate) const REGISTER: &str = "border";
/// A purpose with its basis that the ready rules permit.
pub(crate) const PERMITTED: [&str; 2] = ["IRREG_ENTRY", "READMISSION"];
/// A purpose with its basis that they do not.
pub(crate) const FORBIDDEN: [&str; 2] = ["SIMULATION", "VITAL_INTEREST"];

/// How long a command or the start of a node may take before a test fails.
const PATIENCE: Duration = Duration::from_secs(600);

/// A path as a command takes it.
pub(crate) fn text_of(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
