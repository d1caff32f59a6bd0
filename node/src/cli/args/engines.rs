//! `symbolon engines`.

use clap::{Args, ValueEnum};
use symbolon_policy::agreement::Assurance;

use super::values;

/// Show the engines of the encrypted match, and what a register of some size would cost; needs no home
#[derive(Debug, Args)]
#[command(
    after_help = "Without --form only the cards are shown. Figures are about right and come from the engine's own \
        model; another machine may take half or twice as long. At the end stands which engine a node \
        would take once keys are there.\n\n\
        Examples:\n  \
        symbolon engines\n  \
        symbolon engines --form 2048 --masked --records 40000 --alternatives 7\n  \
        symbolon engines --form 512 --records 1000 --cores 16 --json \\\n    \
        | jq '.engines[].costs'\n  \
        symbolon engines --form 512 --records 100000 --against-asker malicious \\\n    \
        --json | jq '.choices'"
)]
pub(in crate::cli) struct Engines {
    /// Bits of a template, 128 to 12,800
    #[arg(long, value_name = "LENGTH", value_parser = clap::value_parser!(u32).range(128..=12_800))]
    pub(in crate::cli) form: Option<u32>,
    /// Templates have masks
    #[arg(long, requires = "form")]
    pub(in crate::cli) masked: bool,
    /// The threshold on the fractional distance; the rule follows from it
    #[arg(long, value_name = "T", default_value = "0.3", requires = "form", value_parser = values::threshold)]
    pub(in crate::cli) threshold: f64,
    /// Records of the register
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "form",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(in crate::cli) records: u64,
    /// Alternatives in the query; each record has a template for each
    #[arg(long, value_name = "N", default_value_t = 1, requires = "form",
        value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(in crate::cli) alternatives: u16,
    /// The most candidates that an answer shows [default: the most that the engine takes]
    #[arg(long, value_name = "N", requires = "form", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(in crate::cli) cap: Option<u32>,
    /// Cores of each side [default: those of this machine]
    #[arg(long, value_name = "C", requires = "form", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(in crate::cli) cores: Option<u16>,
    /// What an agreement demands of the protection of the slice against the asker
    #[arg(long, value_name = "LEVEL", requires = "form")]
    pub(in crate::cli) against_asker: Option<Level>,
    /// What an agreement demands of the protection of the probe against the holder
    #[arg(long, value_name = "LEVEL", requires = "form")]
    pub(in crate::cli) against_holder: Option<Level>,
}

/// How sure a protection is, as a flag.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(in crate::cli) enum Level {
    /// Only against a side that follows the protocol
    SemiHonest,
    /// A side that deviates is caught with a stated probability
    Covert,
    /// Also against a side that deviates
    Malicious,
}

impl From<Level> for Assurance {
    fn from(level: Level) -> Self {
        match level {
            Level::SemiHonest => Self::SemiHonest,
            Level::Covert => Self::Covert,
            Level::Malicious => Self::Malicious,
        }
    }
}
