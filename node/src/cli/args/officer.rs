//! `symbolon officer`, and the flags with which an officer signs.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use symbolon_policy::words::{OfficerId, Role, Timestamp};

use super::values;

/// With which key an officer signs. The node gets the signature, never the key.
#[derive(Debug, Args)]
pub(in crate::cli) struct Key {
    /// The officer's key file; needed once an officer was enrolled
    #[arg(id = "key", long = "officer-key", value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// The file that holds the passphrase of the key file [default: ask]
    #[arg(long = "officer-passphrase-file", value_name = "FILE", env = "SYMBOLON_OFFICER_PASSPHRASE_FILE")]
    pub(in crate::cli) passphrase: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OfficerCommand {
    /// Make an officer's key file; needs no home
    #[command(
        after_help = "The card is printed: give it to whoever runs the node. The passphrase opens the key file and \
            cannot be recovered.\n\n\
            Examples:\n  \
            symbolon officer new --id ana.petrovic --out ana.key\n  \
            symbolon officer new --id ana.petrovic --out ana.key \\\n    \
            --officer-passphrase-file ana.pass --generate-passphrase --json \\\n    \
            > ana.json"
    )]
    New {
        /// The officer's pseudonym, unique within the agency
        #[arg(long)]
        id: OfficerId,
        /// The new key file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The file that holds the passphrase of the key file [default: ask]
        #[arg(long, value_name = "FILE", env = "SYMBOLON_OFFICER_PASSPHRASE_FILE")]
        officer_passphrase_file: Option<PathBuf>,
        /// Draw a passphrase at random and write it to the new file --officer-passphrase-file, mode 0600
        #[arg(long, requires = "officer_passphrase_file")]
        generate_passphrase: bool,
    },
    /// Show the card of a key file; needs no home
    #[command(after_help = "Examples:\n  symbolon officer card --key ana.key\n  \
        symbolon officer card --key ana.key --json > ana.json")]
    Card {
        /// The key file
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// The file that holds its passphrase [default: ask]
        #[arg(long, value_name = "FILE", env = "SYMBOLON_OFFICER_PASSPHRASE_FILE")]
        officer_passphrase_file: Option<PathBuf>,
    },
    /// Enrol an officer; from the first one on, nobody asks without a key
    #[command(
        after_help = "Compare the key with the officer in person: a card proves only that whoever made it \
        has the key.\n\nExamples:\n  symbolon officer enrol ana.json --roles asks,verifies\n  \
        symbolon officer enrol ivo.json --roles approves --until 2027-12-31"
    )]
    Enrol {
        /// The officer's card, as JSON
        card: PathBuf,
        /// What the officer may do, separated by commas
        #[arg(long, required = true, value_delimiter = ',', value_parser = values::role)]
        roles: Vec<Role>,
        /// The last day, or a moment as in 2027-12-31T12:00:00Z [default: until removed]
        #[arg(long, value_name = "DATE", value_parser = values::end)]
        until: Option<Timestamp>,
    },
    /// List the officers that are enrolled
    #[command(after_help = "Examples:\n  symbolon officer list")]
    List,
    /// End an officer's enrolment
    #[command(
        after_help = "Examples:\n  symbolon officer remove ana.petrovic --reason \"moved to another unit\""
    )]
    Remove {
        /// The pseudonym
        id: OfficerId,
        /// Why, for the journal; no personal data
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}
