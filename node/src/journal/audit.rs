//! The audit: is a journal what it says, and do two agencies' journals tell the same?
//!
//! Three commands: [`verify`] reads a journal's file, [`export()`] writes it as text that ends with a
//! signed checkpoint, [`reconcile()`] compares two exports. All of them stream: memory is one entry,
//! 64 bytes an entry for the tree, and a few hundred bytes a query.
//!
//! An auditor learns what the journal holds: who asked whom, when, why, how much; no identifier, no
//! field, no answer. Partners' keys are taken from the agreements in the journal, so the auditor
//! compares the keys in the [`Report`] with those it knows.

mod claims;
pub mod evidence;
mod export;
mod finding;
mod history;
mod hits;
mod import;
mod notes;
mod notices;
mod officers;
pub(crate) mod opened;
mod reconcile;
pub mod transparency;

use std::{collections::BTreeMap, fmt, path::Path};

use serde::Serialize;
use symbolon_policy::{
    signing::PublicKey,
    words::{AgencyCode, Digest},
};

use super::{
    Entry, FILE, JournalError,
    frame::{Frames, Step},
};

use history::History;

pub use export::{ExportError, export};
pub use finding::{Fault, Finding, Weight};
pub use import::{Import, ImportError, LineProblem, import_export, read_export};
pub use reconcile::{Difference, Discrepancy, Reconciliation, Row, Sums, reconcile};

/// What the audit of one journal found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whose journal it is; `None` if not even its first entry can be read.
    pub agency: Option<AgencyCode>,
    /// Entries whose chain holds.
    pub entries: u64,
    /// The root of the tree over them.
    pub root: Digest,
    /// Queries asked or admitted.
    pub queries: u64,
    /// The keys that signatures were checked against. People compare them.
    pub keys: BTreeMap<AgencyCode, Vec<PublicKey>>,
    /// How many entries each partner has countersigned. What comes after the largest of these can
    /// still be cut off unnoticed.
    pub countersigned: BTreeMap<AgencyCode, u64>,
    /// What was found, in the order of the journal.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing was violated. Open matters do not count.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.weight == Weight::Open)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agency = self.agency.as_ref().map_or("an unknown agency", AgencyCode::as_str);
        writeln!(
            f,
            "journal of {agency}: {} entries, {} queries, root {}",
            self.entries, self.queries, self.root
        )?;
        for (partner, size) in &self.countersigned {
            writeln!(f, "{partner} countersigned the first {size} entries")?;
        }
        for (code, keys) in &self.keys {
            for key in keys {
                writeln!(f, "key of {code}: {key}")?;
            }
        }
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        f.write_str(if self.is_clean() { "nothing is violated" } else { "THE JOURNAL IS NOT CLEAN" })
    }
}

/// Audits the journal in an agency's directory; the node may be running. `key` is the agency's own
/// agreement key.
///
/// # Errors
/// [`JournalError::Absent`] or [`JournalError::Io`]. A broken journal is a finding.
pub fn verify(dir: &Path, key: &PublicKey) -> Result<Report, JournalError> {
    read(dir, key, |_, _| ())
}

/// The same, and shows every entry whose chain holds.
///
/// # Errors
/// As [`verify`].
pub fn read(
    dir: &Path,
    key: &PublicKey,
    mut visit: impl FnMut(&Entry, &Digest),
) -> Result<Report, JournalError> {
    let mut history = History::new(Some(*key));
    let broken = |history: &mut History, error| match error {
        JournalError::Broken { offset, seq, problem, .. } => {
            let fault = Fault::Broken { offset, problem: problem.to_string() };
            history.find(Some(seq), Weight::Violation, fault);
            Ok(())
        }
        other => Err(other),
    };
    match Frames::of(&dir.join(FILE)) {
        Ok(mut frames) => loop {
            match frames.step() {
                Ok(Step::Entry { entry, digest }) => {
                    history.take(&entry, &digest);
                    visit(&entry, &digest);
                }
                Ok(Step::Unfinished { bytes }) => {
                    history.find(None, Weight::Open, Fault::Unfinished { bytes });
                    break;
                }
                Ok(Step::End) => break,
                Err(error) => {
                    broken(&mut history, error)?;
                    break;
                }
            }
        },
        Err(error) => broken(&mut history, error)?,
    }
    Ok(history.report())
}

#[cfg(test)]
mod tests;
