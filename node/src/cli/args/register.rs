//! `symbolon register`.

use std::path::PathBuf;

use clap::Subcommand;
use symbolon_policy::words::RegisterName;

use super::FormatName;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RegisterCommand {
    /// Take records from a file
    #[command(
        after_help = "A refused line does not stop the import; each is told with its number, field and reason.\n\n\
        Examples:\n  symbolon register import border arrivals.csv --create\n  \
        symbolon register import border arrivals.ndjson --rejects refused.ndjson"
    )]
    Import {
        /// The register
        register: RegisterName,
        /// The file with the records
        file: PathBuf,
        /// Its form [default: by the end of its name]
        #[arg(long)]
        format: Option<FormatName>,
        /// Make the register if it is not there
        #[arg(long)]
        create: bool,
        /// A new file for the refused lines, as NDJSON
        #[arg(long, value_name = "FILE")]
        rejects: Option<PathBuf>,
    },
    /// List registers
    #[command(after_help = "Examples:\n  symbolon register list")]
    List,
    /// Show one record
    #[command(after_help = "Examples:\n  symbolon register show border 2026-000017")]
    Show {
        /// The register
        register: RegisterName,
        /// The id of the record
        id: String,
    },
    /// List ids of records, a page at a time
    #[command(after_help = "Examples:\n  symbolon register records border --limit 20\n  \
        symbolon register records border --after 2026-000017")]
    Records {
        /// The register
        register: RegisterName,
        /// Begin after this record
        #[arg(long, value_name = "ID")]
        after: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Erase records; snapshots that hold them end
    #[command(
        after_help = "Examples:\n  symbolon register erase border 2026-000017 --reason \"Decision 12/2026\"\n  \
        symbolon register erase border --expired --reason retention"
    )]
    Erase {
        /// The register
        register: RegisterName,
        /// The ids of the records
        #[arg(required_unless_present = "expired", conflicts_with = "expired")]
        ids: Vec<String>,
        /// Erase the records whose retention ended
        #[arg(long)]
        expired: bool,
        /// Why, for the journal; no personal data
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}
