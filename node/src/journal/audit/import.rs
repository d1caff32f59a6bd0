//! Reading an export: chain, root and signature are checked without the node that made it.

use std::io::{self, BufRead, Read};

use symbolon_policy::{
    signing::PublicKey,
    words::{AgencyCode, Digest},
};

use super::{
    History, Report,
    export::{EntryLine, LastLine},
};
use crate::journal::{Checkpoint, Entry, MAX_ENTRY, Problem, checkpoint::NoteFault, frame};

/// The longest line. In JSON a byte of an entry takes at most six.
const MAX_LINE: u64 = 8 * MAX_ENTRY as u64;

/// An export that was read and checked.
pub struct Import {
    /// What the audit found in it.
    pub report: Report,
    /// The checkpoint that it ends with.
    pub checkpoint: Checkpoint,
    pub(crate) agency: AgencyCode,
    pub(super) note: String,
    pub(super) history: History,
}

/// Why a file is not an export, or not as it was made.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Reading failed.
    #[error("cannot read the export: {0}")]
    Io(#[from] io::Error),
    /// A line is not what was written.
    #[error("line {line} of the export: {problem}; ask the agency for a new export")]
    Line {
        /// Which line, from 1.
        line: u64,
        /// What is wrong.
        problem: LineProblem,
    },
    /// The last line is missing.
    #[error("the export does not end with a checkpoint: it was cut off; ask the agency for a new export")]
    Cut,
    /// No key is known to check the checkpoint with.
    #[error("the export holds no agreement that names the key of {0}; give its key")]
    NoKey(AgencyCode),
    /// The checkpoint does not stand.
    #[error("the checkpoint of the export does not stand: {0}")]
    Checkpoint(NoteFault),
    /// The checkpoint is of other entries.
    #[error("the checkpoint of the export is of {signed} entries, or of others than the {found} above it")]
    Root {
        /// Entries that the checkpoint covers.
        signed: u64,
        /// Entries in the export.
        found: u64,
    },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// It is no line of an export.
    #[error("it is not a line of an export ({0})")]
    Form(String),
    /// It is too long.
    #[error("it is longer than {MAX_LINE} bytes")]
    Length,
    /// The entry does not hash to the digest beside it.
    #[error("the entry does not hash to the digest beside it")]
    Digest,
    /// The entry does not continue the one before it.
    #[error("{0}")]
    Chain(Problem),
    /// Something follows the checkpoint.
    #[error("nothing may follow the checkpoint")]
    AfterEnd,
}

/// Reads an export and checks everything that can be checked without the node: chain, root, all
/// signatures, and the audit of [`super::verify`]. `key` is the agency's agreement key; without it
/// the keys that the agreements in the export name are believed, and stand in the report for people
/// to compare.
///
/// # Errors
/// [`ImportError`] if the file is not, byte for byte in meaning, what the agency signed.
pub fn import_export(reader: impl BufRead, key: Option<&PublicKey>) -> Result<Import, ImportError> {
    read_export(reader, key, |_, _| ())
}

/// The same, and shows every entry as it is read. What is shown stands only if all of it is read.
///
/// # Errors
/// As [`import_export`].
pub fn read_export(
    mut reader: impl BufRead,
    key: Option<&PublicKey>,
    mut visit: impl FnMut(&Entry, &Digest),
) -> Result<Import, ImportError> {
    let mut history = History::new(key.copied());
    let mut prev = Entry::FIRST;
    let mut number = 0_u64;
    let mut text = Vec::new();
    let note = loop {
        number = number.saturating_add(1);
        if !read_line(&mut reader, number, &mut text)? {
            return Err(ImportError::Cut);
        }
        let wrong = |problem| ImportError::Line { line: number, problem };
        if text.starts_with(b"{\"checkpoint\"") {
            let last: LastLine = parse(&text).map_err(wrong)?;
            break last.checkpoint;
        }
        let EntryLine::<Entry> { digest, entry } = parse(&text).map_err(wrong)?;
        let bytes = entry.bytes().map_err(|error| wrong(LineProblem::Form(error.to_string())))?;
        if Entry::digest(&bytes) != digest {
            return Err(wrong(LineProblem::Digest));
        }
        frame::follows(&entry, number.saturating_sub(1), &prev).map_err(|p| wrong(LineProblem::Chain(p)))?;
        history.take(&entry, &digest);
        visit(&entry, &digest);
        prev = digest;
    };
    let line = number.saturating_add(1);
    if read_line(&mut reader, line, &mut text)? {
        return Err(ImportError::Line { line, problem: LineProblem::AfterEnd });
    }
    finish(history, note, key)
}

fn finish(mut history: History, note: String, key: Option<&PublicKey>) -> Result<Import, ImportError> {
    let agency = history.agency.clone().ok_or(ImportError::Cut)?;
    let checkpoint = match key {
        Some(key) => Checkpoint::verify(&note, &agency, key),
        None => {
            let keys = history.keys.get(&agency).filter(|keys| !keys.is_empty());
            let keys = keys.ok_or_else(|| ImportError::NoKey(agency.clone()))?;
            let verified = keys.iter().map(|key| Checkpoint::verify(&note, &agency, key));
            verified
                .reduce(|one, other| if one.is_ok() { one } else { other })
                .unwrap_or(Err(NoteFault::Text("origin")))
        }
    };
    let checkpoint = checkpoint.map_err(ImportError::Checkpoint)?;
    let found: (u64, Digest) = (history.tree.size(), history.tree.root());
    if found != (checkpoint.size, checkpoint.root) {
        return Err(ImportError::Root { signed: checkpoint.size, found: found.0 });
    }
    Ok(Import { report: history.report(), checkpoint, agency, note, history })
}

/// Reads one line into `text`; false at the end of the file.
fn read_line(reader: &mut impl BufRead, line: u64, text: &mut Vec<u8>) -> Result<bool, ImportError> {
    text.clear();
    reader.by_ref().take(MAX_LINE).read_until(b'\n', text)?;
    if text.len() as u64 == MAX_LINE {
        return Err(ImportError::Line { line, problem: LineProblem::Length });
    }
    Ok(!text.is_empty())
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a [u8]) -> Result<T, LineProblem> {
    serde_json::from_slice(text).map_err(|error| LineProblem::Form(error.to_string()))
}
