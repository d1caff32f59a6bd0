//! `symbolon audit`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use symbolon_policy::{
    signing::PublicKey,
    words::{AgencyCode, QueryId, Timestamp},
};

use super::{Signing, values};
use crate::journal::log::SMALLEST;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AuditCommand {
    /// Check the whole journal; findings end with exit code 5
    #[command(after_help = "Examples:\n  symbolon audit verify")]
    Verify,
    /// Who asked whom, when, why and with which result; statistics; what was answered each way
    #[command(
        after_help = "Reads the journal and nothing else. The log is for the agency and its supervisor; \
        --public gives the statistics alone, in which small counts are left out.\n\nExamples:\n  \
        symbolon audit report --from 2026-11-01 --to 2026-11-30\n  \
        symbolon audit report --csv queries > queries.csv\n  \
        symbolon audit report --public --from 2026-01-01 --to 2026-12-31 --json\n  \
        symbolon audit report --journal mk-2026.ndjson"
    )]
    Report(ReportOptions),
    /// What stands out: officers and partners that ask or claim otherwise than before, or than others
    #[command(
        after_help = "An alert is a reason to ask, not a finding: each says how likely it is by chance, and the \
            sum how many honest people would set off. See docs/audit.md.\n\n\
            Examples:\n  \
            symbolon audit alerts\n  \
            symbolon audit alerts --from 2026-11-01 --all --json\n  \
            symbolon audit alerts acknowledge 5d41402abc4b \\\n    \
            --note \"a large group came that day\" --officer-key ivo.key",
        args_conflicts_with_subcommands = true
    )]
    Alerts {
        #[command(subcommand)]
        command: Option<AlertsCommand>,
        /// From this day on (UTC) [default: thirty days ago]
        #[arg(long, value_name = "WHEN", value_parser = values::begin)]
        from: Option<Timestamp>,
        /// Also those that an officer acknowledged
        #[arg(long)]
        all: bool,
    },
    /// Write what a supervisor of data protection gets of a period to a new signed file, or check such a file
    #[command(
        after_help = "The file holds the log, the statistics, the agreements in full, and the checkpoint with \
            partners' signatures. Checking needs no home; what does not stand ends with exit code 5.\n\n\
            Examples:\n  \
            symbolon audit transparency --from 2026-01-01 --to 2026-12-31 \\\n    \
            --out rs-2026.json\n  \
            symbolon audit transparency --check rs-2026.json \\\n    \
            --key RS=8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"
    )]
    Transparency(TransparencyOptions),
    /// Write evidence about a query, a claim or a fork to a new file, or check such a file
    #[command(
        after_help = "Evidence holds the entries of the journal with their paths to a checkpoint. Checking needs \
            no home and only the two agencies' public keys; what does not stand ends with exit code 5.\n\n\
            Examples:\n  \
            symbolon audit evidence 5d41402abc4b2a76b9719d911017c592 --out query.json\n  \
            symbolon audit evidence MK --out fork.json\n  \
            symbolon audit evidence --check query.json \\\n    \
            --key RS=8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"
    )]
    Evidence(EvidenceOptions),
    /// Open a query of this agency to an auditor: everything that was asked, in a new sealed file; takes the role AUDITS
    #[command(
        after_help = "The file holds all people of the query, or the probe, and the seed: whoever has it and what \
        crossed the wire knows everybody in the query. So it is sealed, to the officer who signs or to the age recipient \
        that is named, and is never for the partner. The journal tells who opened it, to whom and why.\n\nExamples:\n  \
        symbolon audit open 5d41402abc4b2a76b9719d911017c592 --out query.opened \\\n    \
        --reason \"yearly audit\" --officer-key ivo.key\n  \
        symbolon audit open 5d41402abc4b2a76b9719d911017c592 --out query.opened \\\n    \
        --reason \"request 12 of the supervisor\" --officer-key ivo.key \\\n    \
        --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    )]
    Open(OpenOptions),
    /// Check an opened query against exported journals, and say what was asked; departures end with exit code 5
    #[command(
        after_help = "Makes the asker's message again and compares it with what was signed. Needs no home. Give the \
        asker's export, the holder's, or both: what each shows, and what none does, is in the output and in \
        docs/audit.md.\n\nExamples:\n  \
        symbolon audit check-opening query.opened --identity auditor.txt \\\n    \
        --journal mk.ndjson --journal rs.ndjson\n  \
        symbolon audit check-opening query.opened --officer-key ivo.key \\\n    \
        --journal mk.ndjson --json"
    )]
    CheckOpening(CheckOpeningOptions),
    /// Write the journal to a new file
    #[command(after_help = "Examples:\n  symbolon audit export rs-2026.ndjson")]
    Export {
        /// The new file
        file: PathBuf,
    },
    /// Compare the exported journals of two agencies; discrepancies end with exit code 5
    #[command(after_help = "Examples:\n  symbolon audit reconcile rs-2026.ndjson mk-2026.ndjson")]
    Reconcile {
        /// One agency's export
        one: PathBuf,
        /// The other's
        other: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AlertsCommand {
    /// Say what came of an alert of the last thirty days; takes the role AUDITS
    #[command(
        after_help = "The alert is left out from then on, but not of the journal. It is told again when more is \
            counted.\n\n\
            Examples:\n  \
            symbolon audit alerts acknowledge 5d41402abc4b \\\n    \
            --note \"a large group came that day\" --officer-key ivo.key"
    )]
    Acknowledge {
        /// The alert's id, or its first digits, at least 4
        #[arg(value_name = "ALERT", value_parser = values::first_digits)]
        alert: String,
        /// What came of it, for the journal; no personal data
        #[arg(long, value_name = "TEXT")]
        note: String,
        #[command(flatten)]
        signing: Signing,
    },
}

/// What is reported, and how.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReportOptions {
    /// From this day or moment on (UTC) [default: the beginning]
    #[arg(long, value_name = "WHEN", value_parser = values::begin)]
    pub(in crate::cli) from: Option<Timestamp>,
    /// To the end of this day, or to before this moment (UTC) [default: now]
    #[arg(long, value_name = "WHEN", value_parser = values::end)]
    pub(in crate::cli) to: Option<Timestamp>,
    /// An exported journal in place of the home's; needs no home
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) journal: Option<PathBuf>,
    /// The statistics alone
    #[arg(long, conflicts_with = "csv")]
    pub(in crate::cli) public: bool,
    /// One table as comma-separated values in place of text
    #[arg(long, value_name = "TABLE", conflicts_with = "json")]
    pub(in crate::cli) csv: Option<Section>,
    /// Below how many a count of the statistics is left out
    #[arg(long, value_name = "N", default_value_t = SMALLEST)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(in crate::cli) smallest: u64,
}

/// What a supervisor gets.
#[derive(Debug, Args)]
pub(in crate::cli) struct TransparencyOptions {
    /// From this day or moment on (UTC) [default: the beginning]
    #[arg(long, value_name = "WHEN", value_parser = values::begin)]
    pub(in crate::cli) from: Option<Timestamp>,
    /// To the end of this day, or to before this moment (UTC) [default: now]
    #[arg(long, value_name = "WHEN", value_parser = values::end)]
    pub(in crate::cli) to: Option<Timestamp>,
    /// Below how many a count of the statistics is left out
    #[arg(long, value_name = "N", default_value_t = SMALLEST)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(in crate::cli) smallest: u64,
    /// The new file
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// A file to check in place of writing one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["out", "from", "to"])]
    pub(in crate::cli) check: Option<PathBuf>,
    /// An agency's agreement key, known from elsewhere; may be repeated
    #[arg(long = "key", value_name = "CODE=KEY", value_parser = values::agency_key, requires = "check")]
    pub(in crate::cli) keys: Vec<(AgencyCode, PublicKey)>,
}

/// Evidence, and what it is about.
#[derive(Debug, Args)]
pub(in crate::cli) struct EvidenceOptions {
    /// The id of a query or claim, or the code of a partner that forked
    #[arg(required_unless_present = "check")]
    pub(in crate::cli) about: Option<String>,
    /// The new file
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// A file to check in place of writing one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["about", "out"])]
    pub(in crate::cli) check: Option<PathBuf>,
    /// An agency's agreement key, known from elsewhere; may be repeated
    #[arg(long = "key", value_name = "CODE=KEY", value_parser = values::agency_key, requires = "check")]
    pub(in crate::cli) keys: Vec<(AgencyCode, PublicKey)>,
}

/// What is opened, and to whom.
#[derive(Debug, Args)]
pub(in crate::cli) struct OpenOptions {
    /// The query
    pub(in crate::cli) query: QueryId,
    /// The new file
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
    /// The auditor's age recipient [default: that of the officer who signs]
    #[arg(long, value_name = "age1...", value_parser = values::recipient)]
    pub(in crate::cli) recipient: Option<String>,
    /// Why, and to whom; for the journal, no personal data
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: String,
    #[command(flatten)]
    pub(in crate::cli) signing: Signing,
}

/// An opened query, and what it is checked against.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("opens").args(["identity", "key"]).required(true)))]
pub(in crate::cli) struct CheckOpeningOptions {
    /// The file that `audit open` wrote
    pub(in crate::cli) opening: PathBuf,
    /// An exported journal of asker or holder; may be given twice
    #[arg(long = "journal", value_name = "FILE", required = true)]
    pub(in crate::cli) journals: Vec<PathBuf>,
    /// The auditor's age key file, as age-keygen writes it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) identity: Option<PathBuf>,
    /// An agency's agreement key, known from elsewhere; may be repeated
    #[arg(long = "key", value_name = "CODE=KEY", value_parser = values::agency_key)]
    pub(in crate::cli) keys: Vec<(AgencyCode, PublicKey)>,
    #[command(flatten)]
    pub(in crate::cli) signing: Signing,
}

/// A table of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Section {
    /// One line a query
    Queries,
    /// One line a refusal
    Refusals,
    /// One line a claim
    Claims,
    /// One line a count of the statistics
    Statistics,
    /// One line a partner and month
    Balance,
}
