//! `symbolon register`.

use std::path::PathBuf;

use clap::{ArgGroup, Subcommand};
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
    #[command(after_help = "Examples:\n  \
            symbolon register erase border 2026-000017 --reason CITIZENSHIP \\\n    \
            --receipt erased.json\n  \
            symbolon register erase border --expired --reason EXPIRED")]
    Erase {
        /// The register
        register: RegisterName,
        /// The ids of the records
        #[arg(required_unless_present = "expired", conflicts_with = "expired")]
        ids: Vec<String>,
        /// Erase the records whose retention ended
        #[arg(long)]
        expired: bool,
        /// Why, a code: EXPIRED, CITIZENSHIP, INACCURATE, UNLAWFUL, SUBJECT_REQUEST or ORDER
        #[arg(long, value_name = "CODE")]
        reason: String,
        /// A new file for the agency's signed word for it
        #[arg(long, value_name = "FILE")]
        receipt: Option<PathBuf>,
    },
    /// Check the receipt of an erasure; needs no home
    #[command(
        after_help = "Compare the key with the agency's identity card, or give the card. With ids, it is also checked that \
        exactly these records were erased.\n\nExamples:\n  symbolon register receipt erased.json --card rs-card.json --id 2026-000017"
    )]
    Receipt {
        /// The file
        file: PathBuf,
        /// The identity card of the agency
        #[arg(long, value_name = "FILE")]
        card: Option<PathBuf>,
        /// An id that was erased; may be repeated
        #[arg(long = "id", value_name = "ID")]
        ids: Vec<String>,
    },
    /// Set flags of a record without a new import
    #[command(
        group(ArgGroup::new("flags").args(["block", "unblock", "mark", "unmark", "contest", "uncontest"]).required(true).multiple(true)),
        after_help = "Snapshots that the record may have to leave end. Who received fields of it is told that it \
            is contested, or no more; nobody is told that it is blocked.\n\n\
            Examples:\n  \
            symbolon register flag border 2026-000017 --contest \\\n    \
            --reason \"letter of 3 March\"\n  \
            symbolon register flag border 2026-000017 --uncontest --block \\\n    \
            --reason \"Decision 12/2026\""
    )]
    Flag {
        /// The register
        register: RegisterName,
        /// The id of the record
        id: String,
        /// From now on it answers as if it were absent
        #[arg(long, conflicts_with = "unblock")]
        block: bool,
        /// It takes part again
        #[arg(long)]
        unblock: bool,
        /// Protection was granted
        #[arg(long, conflicts_with = "unmark")]
        mark: bool,
        /// Protection ended
        #[arg(long)]
        unmark: bool,
        /// Its accuracy is contested
        #[arg(long, conflicts_with = "uncontest")]
        contest: bool,
        /// It is contested no more
        #[arg(long)]
        uncontest: bool,
        /// Why, for the journal; no personal data
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Show everything that was ever released of a record, and the record: what the person may ask for
    #[command(
        after_help = "To whom, when, which fields, for which purpose and under which agreement, by whose approval, and what \
        partners were told since. The record need not be there any more.\n\nExamples:\n  symbolon register disclosures border \
        2026-000017\n  symbolon register disclosures border 2026-000017 --out disclosures.json"
    )]
    Disclosures {
        /// The register
        register: RegisterName,
        /// The id of the record
        id: String,
        /// Write it as JSON to a new file, for the person
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
}
