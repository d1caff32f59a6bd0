//! `symbolon simulate`.

mod report;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

pub(in crate::cli) use report::Reporting;

/// Show what agreements and rules would yield and give away before anyone signs; needs no home
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "A scenario is a name from --list or a TOML file (docs/scenarios.md). The same people make the \
        same journeys under every proposal; every figure is a mean over seeds with their 5 to 95 % range. \
        Ctrl-C ends a run after the day it is at; with --out, --resume takes it up again.\n\n\
        Examples:\n  \
        symbolon simulate --list\n  \
        symbolon simulate western-balkans-2022\n  \
        symbolon simulate western-balkans-2022 --proposal pcc-see \\\n    \
        --proposal counter --seeds 32 --out runs/wb\n  \
        symbolon simulate bilateral --out runs/b --rows csv,parquet\n  \
        symbolon simulate my-region.toml --persons 100000 --csv figures.csv --json\n  \
        symbolon simulate bilateral --report report.html --lang sr-latn\n  \
        symbolon simulate bilateral --search --red-line minors:NAME \\\n    \
        --counter counters --report report.html\n  \
        symbolon simulate bilateral --serve\n  \
        symbolon simulate bilateral --persons 200 --exact-below 200\n  \
        symbolon simulate fit western-balkans-2022\n  \
        symbolon simulate calibrate --out here.toml"
)]
pub(in crate::cli) struct Region {
    #[command(subcommand)]
    pub(in crate::cli) command: Option<RegionCommand>,
    #[command(flatten)]
    pub(in crate::cli) run: RegionRun,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RegionCommand {
    /// Narrow what is assumed to what fits the published totals, and say how many people they can be
    #[command(after_help = "Examples:\n  symbolon simulate fit western-balkans-2022\n  \
        symbolon simulate fit my-region.toml --draws 50000 --json")]
    Fit {
        /// A name from --list or a TOML file
        scenario: String,
        /// Random settings of the assumed numbers that are tried
        #[arg(long, value_name = "N", default_value_t = 200_000,
            value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
        draws: u32,
        /// How far a total may be from the published one, in per cent
        #[arg(long, value_name = "PERCENT", default_value_t = 10,
            value_parser = clap::value_parser!(u32).range(1..=100))]
        tolerance: u32,
    },
    /// Measure what the exchanges cost on this machine, for --calibration
    #[command(
        after_help = "Run it while nothing else does. The one-round match takes many minutes, all others together \
            about one; an engine that is left out is taken from its own estimate.\n\n\
            Examples:\n  \
            symbolon simulate calibrate --out here.toml\n  \
            symbolon simulate calibrate --only exact --only count --only ot-garbled/1 \\\n    \
            --out here.toml"
    )]
    Calibrate {
        /// Measure only this: exact, count or an engine of the match; may be repeated
        #[arg(long, value_name = "NAME")]
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(symbolon_simulator::calibrate::names()))]
        only: Vec<String>,
        /// The new file
        #[arg(long, value_name = "FILE.toml")]
        out: Option<PathBuf>,
    },
}

/// A form of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(in crate::cli) enum RowForm {
    /// Comma-separated, with a header
    Csv,
    /// One JSON object a line
    Ndjson,
    /// Apache Parquet, with times as timestamps
    Parquet,
}

/// A run.
#[derive(Debug, Args)]
pub(in crate::cli) struct RegionRun {
    /// A name from --list or a TOML file
    #[arg(required_unless_present = "list")]
    pub(in crate::cli) scenario: Option<String>,
    /// List the scenarios that come along
    #[arg(long, conflicts_with = "scenario")]
    pub(in crate::cli) list: bool,
    /// Show what the scenario assumes and compares, and run nothing
    #[arg(long)]
    pub(in crate::cli) explain: bool,
    /// Only these proposals, the first as the baseline; may be repeated
    #[arg(long = "proposal", value_name = "ID")]
    pub(in crate::cli) proposals: Vec<String>,
    /// Simulated persons; each stands for as many as there are in truth
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    pub(in crate::cli) persons: Option<u32>,
    /// How many seeds, or the seeds themselves, separated by commas and with one at the end for a single one
    #[arg(long, value_name = "N|S,S,...")]
    pub(in crate::cli) seeds: Option<String>,
    /// Up to so many persons, ask all over again through the real exchanges, and say whether the model said the
    /// same [default: as the scenario says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(in crate::cli) exact_below: Option<u32>,
    /// So many seeds also run what goes wrong
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(in crate::cli) abuse_seeds: usize,
    /// Costs of exchanges, from `symbolon simulate calibrate`
    #[arg(long, value_name = "FILE.toml")]
    pub(in crate::cli) calibration: Option<PathBuf>,
    /// A new directory for the outcome as JSON and rows day by day, and what --resume needs
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// The form of the rows; several, separated by commas, are written side by side
    #[arg(long, value_name = "FORM,...", value_delimiter = ',', default_value = "csv", requires = "out")]
    pub(in crate::cli) rows: Vec<RowForm>,
    /// Take up a cancelled run in the directory of --out
    #[arg(long, requires = "out")]
    pub(in crate::cli) resume: bool,
    /// Write every figure to a new file, comma-separated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) csv: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) reporting: Reporting,
}
