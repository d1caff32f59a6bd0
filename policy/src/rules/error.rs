//! What is wrong with a rules text, where, and what to do about it.

use std::fmt;

use cedar_policy::ffi::DetailedError;
use serde::Serialize;

/// One fault in a rules text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleFault {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub help: String,
}

/// All faults found in a rules text, in the order of the text; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct RuleErrors(pub Vec<RuleFault>);

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "\n" };
            write!(f, "{separator}line {}, column {}: {}", fault.line, fault.column, fault.what)?;
            if !fault.help.is_empty() {
                write!(f, "\n  help: {}", fault.help)?;
            }
        }
        Ok(())
    }
}

/// Collects the faults of one text.
pub(super) struct Faults<'a> {
    text: &'a str,
    found: Vec<RuleFault>,
}

impl<'a> Faults<'a> {
    /// A text shows at most this many faults; the rest follow when these are mended.
    const MOST: usize = 100;

    pub(super) fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes a fault at byte `offset` of the text.
    pub(super) fn add(&mut self, offset: usize, what: impl Into<String>, help: impl Into<String>) {
        if self.found.len() >= Self::MOST {
            return;
        }
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        self.found.push(RuleFault { line, column, what: what.into(), help: help.into() });
    }

    /// Notes a fault that Cedar found, and those it relates to it.
    pub(super) fn add_cedar(&mut self, error: &DetailedError, help: &str) {
        let offset = error.source_locations.first().map_or(0, |label| label.loc.start);
        let label = error.source_locations.first().and_then(|label| label.label.as_deref());
        let message = unnumbered(&error.message);
        let what = match label {
            Some(label) if !message.contains(label) => format!("{message} ({label})"),
            _ => message.to_owned(),
        };
        self.add(offset, what, error.help.as_deref().map_or(help, unnumbered));
        for related in &error.related {
            self.add_cedar(related, help);
        }
    }

    /// The faults so far, if any.
    pub(super) fn check(&mut self) -> Result<(), RuleErrors> {
        if self.found.is_empty() { Ok(()) } else { Err(self.take()) }
    }

    /// The faults so far, in the order of the text.
    pub(super) fn take(&mut self) -> RuleErrors {
        self.found.sort_by_key(|fault| (fault.line, fault.column));
        self.found.dedup();
        RuleErrors(std::mem::take(&mut self.found))
    }
}

/// Without Cedar's name for a clause, `policy3`, which says less than the line does.
fn unnumbered(message: &str) -> &str {
    let rest = message.strip_prefix("for policy `").and_then(|rest| rest.split_once('`'));
    rest.map_or(message, |(_, rest)| rest.trim_start_matches([',', ':', ' ']))
}
