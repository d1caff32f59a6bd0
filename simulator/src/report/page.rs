//! What stands on the page, before it is HTML.

use askama::Template;
use symbolon_policy::words::Timestamp;

use super::{Report, words::Words};

/// The whole page.
#[derive(Debug, Template)]
#[template(path = "report.html")]
pub struct Page {
    lang: &'static str,
    title: String,
    scenario: String,
    about: String,
    subtitle: String,
    notes: Vec<String>,
    sections: Vec<Section>,
    glossary: String,
    words: Vec<(String, String)>,
    style: &'static str,
}

/// The sections alone.
#[derive(Debug, Template)]
#[template(path = "fragment.html")]
pub(super) struct Fragment<'a> {
    pub(super) sections: &'a [Section],
}

/// One part.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Where links lead.
    pub id: &'static str,
    /// Its title.
    pub title: String,
    /// What it shows, in a sentence or two.
    pub lead: String,
    /// Sentences under headings.
    pub lists: Vec<(String, Vec<String>)>,
    /// Pictures.
    pub figures: Vec<Figure>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// A picture.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its name, unlike any other of the page.
    pub id: String,
    /// What stands above it.
    pub caption: String,
    /// SVG with title and description.
    pub svg: String,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// What stands above it.
    pub caption: String,
    /// Its columns.
    pub head: Vec<String>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is about.
    pub head: String,
    /// A figure and what stands under it, if anything.
    pub cells: Vec<(String, String)>,
}

/// Words that the page explains.
const EXPLAINED: [&str; 11] = [
    "g-hit",
    "g-minors",
    "g-disclosure",
    "g-interval",
    "g-error",
    "g-paired",
    "g-shapley",
    "g-walk-away",
    "g-canary",
    "g-seed",
    "g-assumed",
];

impl Page {
    pub(super) fn new(words: &Words, report: &Report<'_>, sections: Vec<Section>) -> Self {
        let outcome = report.outcome;
        let whole = |n: usize| words.number(n as f64);
        let put = [
            ("persons", words.number(f64::from(outcome.persons))),
            ("days", words.number(f64::from(outcome.days))),
            ("start", outcome.start.clone()),
            ("seeds", whole(outcome.seeds.len())),
        ];
        let put: Vec<(&'static str, &str)> =
            put.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut notes = vec![words.get("read-first"), words.get("translation-note")];
        notes.extend(warnings(report, words));
        let named = outcome.parties.iter().filter(|party| !party.note.is_empty());
        notes.extend(named.map(|party| format!("{}: {}", party.name, party.note)));
        if outcome.cancelled {
            notes.insert(0, words.get("note-cancelled"));
        }
        let explained = EXPLAINED.iter().map(|key| {
            let text = words.get(key);
            let (word, meaning) = text.split_once(": ").unwrap_or((&text, ""));
            (word.to_owned(), meaning.to_owned())
        });
        Self {
            lang: words.tag(),
            title: words.get("report"),
            scenario: outcome.title.clone(),
            about: outcome.about.clone(),
            subtitle: words.with("subtitle", &put),
            notes,
            sections,
            glossary: words.get("glossary"),
            words: explained.collect(),
            style: include_str!("../../templates/report.css"),
        }
    }
}

/// Agreements that are not in force for the whole run.
fn warnings(report: &Report<'_>, words: &Words) -> Vec<String> {
    let outcome = report.outcome;
    let mut told = Vec::new();
    for (place, shown) in outcome.proposals.iter().enumerate() {
        let short = report.proposal(&shown.id).map(|of| of.short(&outcome.start, outcome.days));
        for of in short.unwrap_or_default() {
            let day = |at: Timestamp| at.to_string().chars().take(10).collect::<String>();
            let put = [
                ("proposal", report.title(words, place)),
                ("pair", of.pair.each_ref().map(|code| code.to_string()).join("–")),
                ("from", day(of.from)),
                ("until", day(of.until)),
                ("days", words.number(of.days as f64)),
                ("all", words.number(f64::from(outcome.days))),
            ];
            let put: Vec<(&'static str, &str)> = put.iter().map(|(name, of)| (*name, of.as_str())).collect();
            told.push(words.with("warning-short", &put));
        }
    }
    told
}

/// Text of a page: escaped, and what stands between two backticks as code.
pub(crate) fn marked(text: &str) -> String {
    let mut out = String::new();
    let last = text.matches('`').count();
    for (place, part) in text.split('`').enumerate() {
        let code = place % 2 == 1;
        // Without another one behind it a backtick is none.
        let (open, close) = match (code, place == last) {
            (true, true) => ("`", ""),
            (true, false) => ("<code>", "</code>"),
            (false, _) => ("", ""),
        };
        out.push_str(open);
        super::draw::escape(&mut out, part);
        out.push_str(close);
    }
    out
}

impl Table {
    pub(super) fn new(caption: String, head: Vec<String>) -> Self {
        Self { caption, head, rows: Vec::new() }
    }

    /// The name of the heads of the rows.
    fn first(&self) -> &str {
        self.column(&0)
    }

    /// The name of a column, the first of which is that of the heads.
    fn column(&self, place: &usize) -> &str {
        self.head.get(*place).map_or("", String::as_str)
    }

    pub(super) fn row(&mut self, head: impl Into<String>, cells: Vec<String>) {
        let cells = cells.into_iter().map(|cell| (cell, String::new())).collect();
        self.rows.push(Row { head: head.into(), cells });
    }
}
