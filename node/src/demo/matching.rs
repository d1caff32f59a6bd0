//! The encrypted match of the demonstration: who in a register of invented faces and fingers is close to a probe.
//!
//! The same two nodes and the same agreement, with terms for two forms of templates. RS imports a second register; MK
//! asks by probes, one query each, as an officer would. The demonstration knows all templates, so it also knows what
//! the plain rule says, and holds every encrypted answer to it.

pub mod large;
mod people;
mod play;
mod report;
mod text;

#[cfg(test)]
mod tests;

use std::fmt::Write;

use symbolon_protocol::{
    matching::{interactive, rule::Rule, tfhe},
    padding::Buckets,
};

pub use large::Large;
pub(super) use large::Many;
pub(super) use people::Crowd;
pub use people::{Planted, Sort};
pub use play::{Plain, Verdict};
pub use report::{Form, Keys, Matching, Probed};
pub(super) use text::write;

use crate::control::api::Failure;

/// People in the register unless another number is given.
pub const RECORDS: u32 = 1_000;
/// The fewest and the most. The search of a capture holds every template some ten times.
pub const FEWEST: u32 = 10;
/// See [`FEWEST`].
pub const MOST: u32 = 5_000;

/// The register of templates, beside the one of identifiers.
const REGISTER: &str = "biometrics";
/// The engine of the small match.
pub(super) const ENGINE: &str = tfhe::ID;
/// Probes that the agreement allows.
const BUDGET: u32 = 10;
/// Share of queries whose person is expected to be there, in thousandths.
const PRIOR_PERMILLE: u32 = 100;
/// Candidates that are shown at most.
const CAP: u32 = 3;

/// Seconds of one core to set up the keys of one form, both sides; measured once (docs/benchmarks.md).
const KEYS_SECONDS: f64 = 75.0;
/// Seconds of one core to compare one record, as measured there.
const ROW_SECONDS: f64 = 0.02;
/// Seconds of a query beside that, nearly all of them the asker's, before it sends anything.
const QUERY_SECONDS: f64 = 11.0;

/// About how many seconds the match takes, with a register of so many people, on all cores of this machine.
pub fn estimate(records: u32) -> f64 {
    let keys = Sort::ALL.len() as f64 * keys_seconds();
    people::PROBES.iter().fold(keys, |sum, _| sum + query_seconds(records))
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

fn keys_seconds() -> f64 {
    KEYS_SECONDS / cores()
}

fn query_seconds(records: u32) -> f64 {
    QUERY_SECONDS + f64::from(records) * ROW_SECONDS / cores()
}

impl Crowd {
    /// The terms of the match, as two administrators would add them to the draft.
    ///
    /// # Errors
    /// A local [`Failure`] for a form that cannot stand.
    pub(super) fn terms(&self, many: &Many) -> Result<String, Failure> {
        let largest = Buckets::USUAL.places(self.records.max(many.records).into());
        let other = interactive::ID;
        let mut terms = format!(
            "\n[matching]\nengines = [\"{ENGINE}\", \"{other}\"]\nagainst_asker = \"covert\"\nkey_hours = 24\nlargest_slice = {largest}\nbudget = {BUDGET}\n\
             budget_days = 365\nprior_permille = {PRIOR_PERMILLE}\n"
        );
        for shelf in self.shelves.iter().chain([&many.shelf]) {
            let cap = if shelf.sort == Sort::Crowd { large::CAP } else { CAP };
            let Rule { s, p, kappa } = shelf.form.rule;
            // Writing to a string cannot fail.
            let _ = write!(
                terms,
                "\n[[matching.forms]]\nname = \"{name}\"\nmodality = \"{modality}\"\nlength = {length}\n\
                 masked = {masked}\ns = {s}\np = {p}\nkappa = {kappa}\ndegrees_of_freedom = {freedom}\n\
                 alternatives = 2\nanswers = [\"any\", \"candidates\"]\ncap = {cap}\n",
                name = shelf.sort.name(),
                modality = shelf.sort.position(),
                length = shelf.form.length,
                masked = shelf.form.masked,
                freedom = shelf.sort.freedom(),
            );
        }
        terms += "\n[[quotas]]\nasker = \"MK\"\nunit = \"probes\"\nlimit = 100\nperiod_days = 1\n";
        Ok(terms)
    }
}
