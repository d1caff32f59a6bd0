//! The report: one page of HTML that needs nothing beside it.
//!
//! It has ten parts, from sentences for people to where every number is from. Pictures are SVG, made here; every
//! one has a description and a table. Hatching, marks and labels tell things apart, never colour alone, so it can
//! be printed in black and white. No script is needed to read it.
//!
//! Texts are in six languages ([`Words`]); they are no sworn translations, and the page says so.

mod changes;
mod charts;
mod draw;
mod page;
mod sections;
mod words;

use askama::Template as _;
use symbolon_policy::rules::Language;

use crate::{
    compare::Compared,
    outcome::Outcome,
    proposal::Proposal,
    search::{Finding, RedLine},
};

pub(crate) use page::marked;
pub use page::{Figure, Page, Row, Section, Table};
pub use words::Words;
pub(crate) use words::every;

/// What a report shows.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The run.
    pub outcome: &'a Outcome,
    /// The place of the proposal from which one looks.
    pub baseline: usize,
    /// Change by change, for one proposal, if it was run.
    pub compared: Option<&'a Compared>,
    /// The proposals that were run, found by their ids: from their texts is told what they change.
    pub proposals: &'a [Proposal],
    /// What the search found.
    pub found: &'a [Candidate],
    /// With how many persons and seeds the search tried it.
    pub screened: (u32, usize),
    /// Candidates that were neither run nor shown, since their rules cross a red line.
    pub crossing: usize,
    /// Which of them are counter-proposals, in the order in which they are numbered.
    pub counters: &'a [Counter],
}

/// One proposal that the search tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Bits of the party that tells most.
    pub disclosure: f64,
    /// True hits.
    pub hits: f64,
    /// Whether nothing else that was tried is better in every objective.
    pub front: bool,
}

/// A counter-proposal.
#[derive(Clone, Debug, PartialEq)]
pub struct Counter {
    /// Its name.
    pub id: String,
    /// Its number.
    pub number: usize,
    /// Red lines, with what came of each.
    pub proofs: Vec<(RedLine, Finding)>,
}

/// A page that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// The outcome lacks a proposal or a seed.
    #[error("there is nothing to report: {0}")]
    Empty(&'static str),
    /// The template failed.
    #[error("the page cannot be written: {0}")]
    Page(String),
}

impl Report<'_> {
    /// The whole page.
    ///
    /// # Errors
    /// [`ReportError::Empty`] if no seed was finished or there is no such baseline.
    pub fn html(&self, language: Language) -> Result<String, ReportError> {
        let words = Words::new(language);
        self.check()?;
        let page = Page::new(&words, self, sections::all(self, &words));
        page.render().map_err(|error| ReportError::Page(error.to_string()))
    }

    /// The sections that change with the settings of a page that answers: sentences, table, hits, gains.
    ///
    /// # Errors
    /// As [`html`](Self::html).
    pub fn fragment(&self, words: &Words) -> Result<String, ReportError> {
        self.check()?;
        let fragment = page::Fragment { sections: &sections::some(self, words) };
        fragment.render().map_err(|error| ReportError::Page(error.to_string()))
    }

    /// Pictures by name, as files of their own.
    ///
    /// # Errors
    /// As [`html`](Self::html).
    pub fn pictures(&self, language: Language) -> Result<Vec<(String, String)>, ReportError> {
        let words = Words::new(language);
        self.check()?;
        let sections = sections::all(self, &words);
        let figures = sections.into_iter().flat_map(|section| section.figures);
        Ok(figures.map(|figure| (figure.id, figure.svg)).collect())
    }

    fn check(&self) -> Result<(), ReportError> {
        if self.outcome.seeds.is_empty() {
            return Err(ReportError::Empty("no seed was finished"));
        }
        if self.baseline >= self.outcome.proposals.len() {
            return Err(ReportError::Empty("the baseline is none of the proposals"));
        }
        Ok(())
    }

    /// Places and entries of the proposals other than the baseline.
    fn others(&self) -> impl Iterator<Item = (usize, &crate::outcome::ProposalOutcome)> {
        self.outcome.proposals.iter().enumerate().filter(|(place, _)| *place != self.baseline)
    }

    /// The number of a path, as people read it.
    fn label(&self, words: &Words, path: &str) -> String {
        let number = self.outcome.numbers.iter().find(|number| number.path == path);
        let label = number.map(|number| number.label.as_str()).filter(|label| !label.is_empty());
        words.quantity(path, label.unwrap_or(path))
    }

    /// The title of a proposal; that of a counter-proposal is in the language.
    fn title(&self, words: &Words, proposal: usize) -> String {
        let Some(shown) = self.outcome.proposals.get(proposal) else { return String::new() };
        match self.counter(&shown.id) {
            Some(of) => words.with("counter-title", &[("number", &of.number.to_string())]),
            None => shown.title.clone(),
        }
    }

    fn counter(&self, id: &str) -> Option<&Counter> {
        self.counters.iter().find(|counter| counter.id == id)
    }

    /// What was run under an id.
    fn proposal(&self, id: &str) -> Option<&Proposal> {
        self.proposals.iter().find(|proposal| proposal.id == id)
    }
}

#[cfg(test)]
mod tests;
