//! `symbolon canary`.

use std::path::PathBuf;

use clap::Subcommand;
use symbolon_policy::words::{AgencyCode, Purpose, RegisterName, Timestamp};

use super::{FormatName, values};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CanaryCommand {
    /// Add canaries from a file of people
    #[command(
        after_help = "Both agencies agree that the partner holds these invented people. Who plants them must not \
            tell the partner's node which they are. Their identifiers are kept sealed; commitments to \
            them go to the journal.\n\n\
            Examples:\n  \
            symbolon canary add planted.ndjson --peer MK --register border \\\n    \
            --purpose IRREG_ENTRY --until 2027-12-31"
    )]
    Add {
        /// The file, as for a query
        file: PathBuf,
        /// The partner that must hold them
        #[arg(long, value_name = "CODE")]
        peer: AgencyCode,
        /// The register that they are in
        #[arg(long)]
        register: RegisterName,
        /// A purpose for which they are in the slice; may be repeated
        #[arg(long, required = true, value_parser = values::purpose())]
        purpose: Vec<Purpose>,
        /// From this day or moment on (UTC), when every snapshot has them [default: now]
        #[arg(long, value_name = "WHEN", value_parser = values::begin)]
        from: Option<Timestamp>,
        /// To the end of this day, or to before this moment (UTC): their retention ends
        #[arg(long, value_name = "WHEN", value_parser = values::end)]
        until: Timestamp,
        /// The form of the file [default: by the end of its name]
        #[arg(long)]
        format: Option<FormatName>,
    },
    /// List canaries, without their identifiers
    #[command(after_help = "Examples:\n  symbolon canary list")]
    List,
    /// Write canaries with identifiers and salts to a new file, for an auditor who has the journal
    #[command(after_help = "Examples:\n  symbolon canary open canaries.json")]
    Open {
        /// The new file
        file: PathBuf,
    },
    /// How likely it is that suppressed records would have shown by now
    #[command(after_help = "Examples:\n  symbolon canary report\n  symbolon canary report --json")]
    Report,
}
