//! The only place that writes to standard output and standard error.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;
use serde_json::json;

use crate::control::api::Failure;

use super::report::Report;

/// Writes an answer.
///
/// # Errors
/// [`Failure`] if standard output cannot be written; a closed pipe is no failure.
pub(super) fn answer(report: &Report, as_json: bool) -> Result<(), Failure> {
    match &report.json {
        Some(value) if as_json => document(value),
        None if as_json => Ok(()),
        _ if report.text.is_empty() => Ok(()),
        _ => write(&(clean(&report.text) + "\n")),
    }
}

/// Writes one line, or one line of JSON, at once; for what comes before the end.
///
/// # Errors
/// As [`answer`].
pub(super) fn line(text: &str, value: &impl Serialize, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return write(&(serde_json::to_string(value).unwrap_or_default() + "\n"));
    }
    write(&(clean(text) + "\n"))
}

/// Writes a script as it is.
///
/// # Errors
/// As [`answer`].
pub(super) fn raw(text: &str) -> Result<(), Failure> {
    write(text)
}

/// Writes why there is no answer: as JSON to standard output, or as text to standard error. If that
/// cannot be written either, the exit code must do.
pub(super) fn failure(failure: &Failure, as_json: bool) {
    if as_json {
        let _ = document(&json!({ "failed": failure }));
        return;
    }
    let help = failure.help.as_ref().map(|help| format!("  help: {help}\n")).unwrap_or_default();
    let _ = io::stderr().write_all(clean(&format!("symbolon: {}\n{help}", failure.what)).as_bytes());
}

/// Writes one line to standard error, at once; if that cannot be written, nothing is lost.
pub(super) fn notice(text: &str) {
    let _ = writeln!(io::stderr(), "{}", clean(text));
}

fn document(value: &serde_json::Value) -> Result<(), Failure> {
    write(&format!("{value:#}\n"))
}

fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::local(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Text that does nothing to a terminal: names and reasons come from partners, and a partner must
/// not move our cursor, colour our screen or turn our lines around.
pub(super) fn clean(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c != '\n' && (c.is_control() || turns(c)) { '\u{fffd}' } else { c }).collect()
}
