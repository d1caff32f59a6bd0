//! Faults of a scenario, as they are told.

use std::fmt;

use super::locate::{line_at, line_of};

/// One fault of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The path of what is wrong; empty for a fault of syntax, and where the reason says it.
    pub path: String,
    /// What is wrong, and what it contradicts.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return write!(f, "line {}: {}", self.line, self.what);
        }
        write!(f, "line {}: `{}` {}", self.line, self.path, self.what)
    }
}

/// A text that is no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError(pub Vec<Fault>);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            write!(f, "{}{fault}", if place == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl ScenarioError {
    pub(super) fn syntax(text: &str, error: &toml::de::Error) -> Self {
        let line = line_at(text, error.span().map_or(0, |span| span.start));
        Self(vec![Fault { line, path: String::new(), what: plain(error.message()) }])
    }
}

/// What a parser says, without its own names of numbers.
fn plain(message: &str) -> String {
    let names =
        [("u32", "a whole number from 0 on"), ("u64", "a whole number from 0 on"), ("f64", "a number")];
    names.into_iter().fold(message.to_owned(), |text, (name, words)| {
        text.replace(&format!("expected {name}"), &format!("expected {words}"))
    })
}

/// Gathers faults.
pub(super) struct Faults<'a> {
    text: &'a str,
    found: Vec<Fault>,
}

impl<'a> Faults<'a> {
    /// None so far of this text.
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// All that were found, by line.
    pub(super) fn told(mut self) -> Result<(), ScenarioError> {
        self.found.sort_by_key(|fault| fault.line);
        if self.found.is_empty() { Ok(()) } else { Err(ScenarioError(self.found)) }
    }

    pub(super) fn add(&mut self, path: &str, what: impl Into<String>) {
        let line = line_of(self.text, path);
        self.found.push(Fault { line, path: path.to_owned(), what: what.into() });
    }

    pub(super) fn unless(&mut self, stands: bool, path: &str, what: impl Into<String>) {
        if !stands {
            self.add(path, what);
        }
    }
}
