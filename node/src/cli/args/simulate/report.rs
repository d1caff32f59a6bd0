//! Report, comparison, search and the page that answers.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use symbolon_policy::rules::Language;
use symbolon_simulator::{outcome::Measure, search::RedLine};

/// What is made of a run besides a summary.
#[derive(Debug, Args)]
#[command(next_help_heading = "Report, comparison and search")]
pub(in crate::cli) struct Reporting {
    /// The proposal from which one looks [default: the first]
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) baseline: Option<String>,
    /// Write the report to a new file: one page that needs nothing beside it and can be printed
    #[arg(long, value_name = "FILE.html")]
    pub(in crate::cli) report: Option<PathBuf>,
    /// A new directory for the pictures of the report, as SVG
    #[arg(long, value_name = "DIR", requires = "report")]
    pub(in crate::cli) pictures: Option<PathBuf>,
    /// Language of the report: en, sr-latn, sr-cyrl, sq, mk or bs. They are no sworn translations
    #[arg(long, value_name = "LANG", default_value = "en")]
    pub(in crate::cli) lang: Language,
    /// Run this proposal change by change and assumption by assumption [with --report: the last one]
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) compare: Option<String>,
    /// The figure of the comparison, such as true_hits or disclosure_bits
    #[arg(long, value_name = "FIGURE", default_value = "true_hits")]
    pub(in crate::cli) measure: Measure,
    /// Persons of the comparison, at most; it makes many runs
    #[arg(long, value_name = "N", default_value_t = 1_000,
        value_parser = clap::value_parser!(u32).range(50..=20_000_000))]
    pub(in crate::cli) compare_persons: u32,
    /// Look for counter-proposals among so many [500], by the [search] of the scenario
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "500",
        value_parser = clap::value_parser!(u32).range(2..=100_000))]
    pub(in crate::cli) search: Option<u32>,
    /// A new directory for counter-proposals: drafts and rules that a node takes
    #[arg(long, value_name = "DIR", requires = "search")]
    pub(in crate::cli) counter: Option<PathBuf>,
    /// What must never be possible: minors, minors:NAME, field:NAME, party:CODE, purpose:CODE. Proved of each
    /// counter-proposal with cvc5; may be repeated, beside those of the scenario
    #[arg(long = "red-line", value_name = "LINE", requires = "search")]
    pub(in crate::cli) red_lines: Vec<RedLine>,
    /// Answer with a page of sliders on this machine only, until Ctrl-C
    #[arg(long, value_name = "ADDR", num_args = 0..=1, default_missing_value = "127.0.0.1:0",
        conflicts_with_all = ["report", "search", "compare", "csv", "out"])]
    pub(in crate::cli) serve: Option<SocketAddr>,
}
