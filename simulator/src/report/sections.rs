//! The ten parts, each from the outcome.

mod abuse;
mod clauses;
mod flows;
mod gains;
mod hits;
mod provenance;
mod table;
mod verdict;

use crate::outcome::{Interval, Measure, Scope};

use super::{Report, page::Section, words::Words};

/// Everything, in order.
pub(super) fn all(report: &Report<'_>, words: &Words) -> Vec<Section> {
    let mut sections = vec![
        verdict::section(report, words),
        table::section(report, words),
        flows::section(report, words),
        hits::pareto(report, words),
        hits::forest(report, words),
        clauses::waterfall(report, words),
        gains::section(report, words),
        clauses::tornado(report, words),
        abuse::section(report, words),
    ];
    sections.extend(table::counter(report, words));
    sections.push(provenance::section(report, words));
    for (place, section) in sections.iter_mut().enumerate() {
        section.title = format!("{}. {}", place + 1, section.title);
    }
    sections
}

/// What changes while settings are tried.
pub(super) fn some(report: &Report<'_>, words: &Words) -> Vec<Section> {
    vec![
        verdict::section(report, words),
        table::section(report, words),
        hits::pareto(report, words),
        hits::forest(report, words),
        gains::section(report, words),
    ]
}

/// Figures that stand in sentences, in the forest and at the head of the table.
const CHIEF: [Measure; 5] = [
    Measure::TrueHits,
    Measure::CasesReleased,
    Measure::LargestDisclosure,
    Measure::MinorsExposed,
    Measure::PersonHours,
];

/// A figure as its kind is written.
fn told(words: &Words, measure: Measure, of: &Interval) -> String {
    match measure {
        Measure::FalseShare | Measure::Found if of.n > 0 => {
            let [mean, lo, hi] = [of.mean, of.lo, of.hi].map(|share| words.number(share * 100.0));
            format!("{mean}\u{A0}% [{lo};\u{A0}{hi}]")
        }
        _ => words.interval(of),
    }
}

/// A difference as its kind is written.
fn difference(words: &Words, measure: Measure, of: &Interval) -> String {
    let sign = if of.mean > 0.0 { "+" } else { "" };
    format!("{sign}{}", told(words, measure, of))
}

/// Differences below so much of a figure are those of rounding.
pub(super) const ROUNDING: f64 = 1e-9;

impl Report<'_> {
    fn difference(&self, proposal: usize, measure: Measure) -> Interval {
        let by = self.outcome.difference(proposal, self.baseline, measure, Scope::All);
        let figure = |of| self.outcome.figure(of, measure, Scope::All).mean.abs();
        // What is left of equal sums that were added up in another order is nothing.
        let nothing = figure(proposal).max(figure(self.baseline)) * ROUNDING;
        if by.least.abs().max(by.most.abs()) > nothing {
            return by;
        }
        Interval { n: by.n, ..Interval::default() }
    }

    fn codes(&self) -> Vec<String> {
        self.outcome.parties.iter().map(|party| party.code.to_string()).collect()
    }

    fn baseline_title(&self, words: &Words) -> String {
        self.title(words, self.baseline)
    }

    /// The titles of all proposals.
    fn titles(&self, words: &Words) -> Vec<String> {
        (0..self.outcome.proposals.len()).map(|place| self.title(words, place)).collect()
    }
}
