//! The export: a journal as lines of JSON, for auditors without the node.
//!
//! Every line but the last is `{"digest": …, "entry": …}`; the last is `{"checkpoint": …}`, the
//! signed note over all of them. The digest is that of the entry's canonical CBOR, so a reader
//! encodes what it read and hashes it; nothing else ties the text to the chain.

use std::{
    io::{self, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    signing::Signer,
    words::{AgencyCode, Digest},
};

use crate::journal::{
    Checkpoint, Entry, Event, FILE, JournalError, Tree,
    frame::{Frames, Step},
};

/// One line of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine<E> {
    /// The digest of the entry.
    pub(super) digest: Digest,
    /// The entry.
    pub(super) entry: E,
}

/// The last line of an export.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LastLine {
    /// The signed note.
    pub(super) checkpoint: String,
}

/// Why a journal cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The export cannot be written.
    #[error("cannot write the export: {0}")]
    Write(#[from] io::Error),
    /// An entry has no form in JSON that reads back as the same entry.
    #[error("entry {0} does not survive JSON; give the auditor the journal's file instead")]
    Json(u64),
}

/// Writes the journal in an agency's directory as it is now, and returns how many entries that was.
/// The node may be running. Memory: one entry, and the tree.
///
/// # Errors
/// [`ExportError`]; what was written so far has no checkpoint and is refused by every reader.
pub fn export(dir: &Path, signer: &dyn Signer, out: &mut impl Write) -> Result<u64, ExportError> {
    let mut frames = Frames::of(&dir.join(FILE))?;
    let mut tree = Tree::default();
    let mut agency: Option<AgencyCode> = None;
    while let Step::Entry { entry, digest } = frames.step()? {
        if let Event::Begun { agency: code, .. } = &entry.event {
            agency = Some(code.clone());
        }
        let json = serde_json::to_string(&*entry).ok();
        let json = json.filter(|json| serde_json::from_str::<Entry>(json).is_ok_and(|back| back == *entry));
        let json = json.ok_or(ExportError::Json(entry.seq))?;
        writeln!(out, "{{\"digest\":\"{digest}\",\"entry\":{json}}}")?;
        tree.push(&digest);
    }
    let agency = agency.ok_or_else(|| frames.broken(crate::journal::Problem::Beginning))?;
    let checkpoint = Checkpoint::sign(&agency, tree.size(), tree.root(), signer);
    serde_json::to_writer(&mut *out, &LastLine { checkpoint }).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(tree.size())
}
