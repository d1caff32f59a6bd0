//! `symbolon thresholds`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use crate::thresholds::Preset;

use super::values;

/// Show what thresholds on templates yield and give away, and propose one; needs no home
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("source").required(true).args(["modality", "templates"]),
    after_help = "Counted figures come from templates, synthetic ones or those of a file; the model reaches beyond \
        them. A file has one template a line: {\"person\": \"a\", \"position\": \"LEFT_IRIS\", \
        \"length\": 2048, \"bits\": \"...\", \"mask\": \"...\"}; position and mask may be left out. \
        Templates of one person and position show misses, those of different persons false matches.\n\n\
        Examples:\n  \
        symbolon thresholds --modality iris\n  \
        symbolon thresholds --modality face --records 500,120000 --false-hits 10 \\\n    \
        --svg face.svg\n  \
        symbolon thresholds --templates trial.ndjson --records 40000 \\\n    \
        --prior-permille 2 --csv trial.csv --json"
)]
pub(in crate::cli) struct Thresholds {
    /// Invented people with templates of this kind
    #[arg(long, value_enum)]
    pub(in crate::cli) modality: Option<Preset>,
    /// Templates of real people, as NDJSON
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) templates: Option<PathBuf>,
    /// How many people to invent, 100 to 20,000
    #[arg(long, value_name = "N", default_value_t = 2_000, conflicts_with = "templates",
        value_parser = clap::value_parser!(u32).range(100..=20_000))]
    pub(in crate::cli) people: u32,
    /// Seeds people and random choices: up to 64 hexadecimal digits
    #[arg(long, value_name = "HEX", default_value = "00", value_parser = values::seed)]
    pub(in crate::cli) seed: [u8; 32],
    /// The most pairs to compare, drawn at random if there are more; 1,000 to 5,000,000
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
        value_parser = clap::value_parser!(u32).range(1_000..=5_000_000))]
    pub(in crate::cli) pairs: u32,
    /// Sizes of registers, in persons, up to six of them
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "1000,10000,100000",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(in crate::cli) records: Vec<u64>,
    /// Comparisons with each record [default: 7 for an iris, which is turned; else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(in crate::cli) alternatives: Option<u16>,
    /// How many of 1,000 queries are for somebody in the register
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=999))]
    pub(in crate::cli) prior_permille: u32,
    /// How many of 1,000 hits may be false, for the proposal
    #[arg(long, value_name = "PERMILLE", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=999))]
    pub(in crate::cli) false_hits: u32,
    /// Thresholds to show [default: at false match rates of 1e-1 to 1e-12]
    #[arg(long, value_name = "T,...", value_delimiter = ',', value_parser = values::threshold)]
    pub(in crate::cli) thresholds: Vec<f64>,
    /// Write all figures to a new file, comma-separated
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) csv: Option<PathBuf>,
    /// Draw the trade-off between the two errors into a new file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) svg: Option<PathBuf>,
}
