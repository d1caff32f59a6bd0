//! Files that commands read and write.

use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use symbolon_policy::agreement::{Agreement, Terms};

use crate::control::api::{AgreementState, Failure, Reply};

/// The longest document (card, draft, agreement, rules) that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// A document as text.
///
/// # Errors
/// [`Failure`] if it cannot be read, is too long, or is no UTF-8.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST.saturating_add(1)).read_to_end(&mut bytes));
    read.map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LONGEST) {
        return Err(Failure::input(format!("{} is longer than {LONGEST} bytes", path.display())));
    }
    String::from_utf8(bytes).map_err(|_| Failure::input(format!("{} is not UTF-8 text", path.display())))
}

/// A document in JSON; `what` says in words what it should be.
///
/// # Errors
/// As [`read`], and if it is something else.
pub(super) fn json<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T, Failure> {
    serde_json::from_str(&read(path)?)
        .map_err(|error| Failure::input(format!("{} is not {what}: {error}", path.display())))
}

/// A draft (TOML) or an agreement (JSON), with its state as far as the file tells it.
///
/// # Errors
/// As [`read`]; and if the terms or a signature do not stand.
pub(super) fn agreement(path: &Path) -> Result<Reply, Failure> {
    let text = read(path)?;
    let wrong = |error: &dyn std::fmt::Display| Failure::input(format!("{}: {error}", path.display()));
    let agreement = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Agreement>(&text).map_err(|error| wrong(&error))?
    } else {
        let terms = toml::from_str::<Terms>(&text).map_err(|error| wrong(&error))?;
        Agreement { terms, signatures: Vec::new() }
    };
    agreement.terms.check().map_err(|error| wrong(&error))?;
    agreement.verify_signatures().map_err(|error| wrong(&error))?;
    let state = if agreement.verify().is_ok() { AgreementState::Signed } else { AgreementState::Unsigned };
    let id = agreement.id().map_err(|error| wrong(&error))?;
    Ok(Reply::Agreement { id, state, agreement: Box::new(agreement) })
}

/// Writes a new file, whole or not at all. Nothing is overwritten.
///
/// # Errors
/// [`Failure`] if there is such a file, or it cannot be written.
pub(super) fn save(path: &Path, text: &str) -> Result<(), Failure> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| crate::files::unwritable(path, &error))
}

/// The path from the root, since the node has a working directory of its own.
///
/// # Errors
/// [`Failure`] if the path is empty or the working directory is gone.
pub(super) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::input(format!("`{}`: {error}", path.display())))
}
