//! What can be typed.

mod agreement;
mod audit;
mod canary;
mod claim;
mod engines;
mod notice;
mod officer;
mod query;
mod register;
mod rules;
mod simulate;
mod thresholds;
mod values;

use std::{net::SocketAddr, path::PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand};
use symbolon_policy::words::{AgencyCode, Purpose, RegisterName};

use crate::{control::api::Format, demo::matching};

pub(super) use agreement::{AgreementCommand, Amend};
pub(super) use audit::{
    AlertsCommand, AuditCommand, CheckOpeningOptions, EvidenceOptions, OpenOptions, ReportOptions, Section,
    TransparencyOptions,
};
pub(super) use canary::CanaryCommand;
pub(super) use claim::{CaseCommand, ClaimCommand, HitCommand, Signing, Which};
pub(super) use engines::Engines;
pub(super) use notice::NoticeCommand;
pub(super) use officer::{Key, OfficerCommand};
pub(super) use query::{QueryCommand, Terms};
pub(super) use register::RegisterCommand;
pub(super) use rules::{
    ClaimKind, Explain, Library, NationalCommand, Prove, ReadyKind, RulesCommand, Show, Simulate,
};
pub(super) use simulate::{Region, RegionCommand, RegionRun, Reporting, RowForm};
pub(super) use thresholds::Thresholds;

/// National agencies confirm identity hits without handing over raw data.
#[derive(Debug, Parser)]
#[command(name = "symbolon", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done, 1 local fault, 2 wrong input, 3 refused by rules, agreement or quota, \
    4 partner unreachable or broke off, 5 something stored or journalled does not verify.\n\n\
    Examples:\n  symbolon demo\n  symbolon init --code RS --name \"Ministry of the Interior\"\n  \
    symbolon status --json"
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Global {
    /// The node's home [default: ~/.symbolon]
    #[arg(long, global = true, value_name = "DIR", env = "SYMBOLON_HOME")]
    pub(super) home: Option<PathBuf>,
    /// Settings in place of those in the home
    #[arg(long, global = true, value_name = "FILE", env = "SYMBOLON_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// The file that holds the passphrase [env: SYMBOLON_PASSPHRASE_FILE; default: ask]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// One JSON document on standard output in place of text
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// No progress bars, and only warnings in the log of `serve`
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    /// More log lines on standard error; twice for still more
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a home: keys, journal and identity card of a new node
    Init(Init),
    /// Show the identity card, which a partner needs to draft an agreement
    #[command(
        after_help = "Examples:\n  symbolon identity --out rs-card.json\n  symbolon identity --json > rs-card.json"
    )]
    Identity {
        /// Write the card as JSON to a new file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Registers of this agency and the records in them
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon register import border arrivals.csv --create\n  \
            symbolon register list\n  \
            symbolon register flag border 2026-000017 --block \\\n    \
            --reason \"Decision 12/2026\""
    )]
    Register(RegisterCommand),
    /// Agreements with partners
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon agreement draft --with mk-card.json --out rs-mk.toml\n  \
            symbolon agreement sign rs-mk.toml --out rs-mk.json\n  \
            symbolon agreement accept rs-mk.signed.json\n  \
            symbolon agreement list"
    )]
    Agreement(AgreementCommand),
    /// Shared and national rules
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon rules library --agreement pcc-see --out shared.cedar\n  \
            symbolon rules check shared.cedar\n  \
            symbolon rules show shared.cedar"
    )]
    Rules(RulesCommand),
    /// Run the node until it is stopped
    Serve(Serve),
    /// Stop the running node
    #[command(after_help = "Examples:\n  symbolon stop")]
    Stop,
    /// Partners and whether they can be reached
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon peer list\n  \
            symbolon peer ping MK"
    )]
    Peer(PeerCommand),
    /// Ask partners about people
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon query exact --register border --purpose RETURN_ID \\\n    \
            --basis READMISSION --officer n.ilic --case K-17/2026 people.ndjson\n  \
            symbolon query resume 4b1d0c7a9f2e4d5c8a6b3e1f0d9c8b7a"
    )]
    Query(QueryCommand),
    /// Answer a query, or a part of setting up keys, that a courier brought as a file
    #[command(
        after_help = "A file that was altered, cut or is for somebody else is refused before anything is charged; \
        the same file again is not charged again.\n\nExamples:\n  symbolon answer question.mk\n  symbolon answer \
        question.mk --out answer.rs"
    )]
    Answer {
        /// The file with the query
        file: PathBuf,
        /// The new file with the answer [default: the same name with .answer; for keys, with the number of the part]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Open the answer, the countersigned receipt, or a part of setting up keys, that a courier brought as a file
    #[command(
        after_help = "Examples:\n  symbolon open question.mk.answer\n  symbolon open question.mk.answer.receipt"
    )]
    Open {
        /// The file
        file: PathBuf,
        /// The new file for the way back [default: the same name with .receipt; for keys, with the number of the part]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Hits: candidates that an officer judges
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon hit list\n  \
            symbolon hit verify 5d1f0c7be2a94e3f8a6b1c2d3e4f5061 \\\n    \
            --hit p-17:travel-document --same --officer-key bojan.key"
    )]
    Hit(HitCommand),
    /// Claims: from a verified hit to released fields
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon claim make 5d1f0c7be2a94e3f8a6b1c2d3e4f5061 \\\n    \
            --hit p-17:travel-document --field NAME --officer-key ana.key\n  \
            symbolon claim list\n  \
            symbolon claim collect 91b06f2a7c4d4e1fb3a2980716253443"
    )]
    Claim(ClaimCommand),
    /// Cases: partners' claims, which officers of this agency decide
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon case list\n  \
            symbolon case show 91b06f2a7c4d4e1fb3a2980716253443\n  \
            symbolon case approve 91b06f2a7c4d4e1fb3a2980716253443 \\\n    \
            --officer-key dana.key"
    )]
    Case(CaseCommand),
    /// Correction notices: what became of fields that were released
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon notice list\n  \
            symbolon notice list --sent"
    )]
    Notice(NoticeCommand),
    /// Officers: people with roles and keys of their own
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon officer new --id ana.petrovic --out ana.key\n  \
            symbolon officer card --key ana.key --json > ana.json\n  \
            symbolon officer enrol ana.json --roles asks,verifies\n  \
            symbolon officer list"
    )]
    Officer(OfficerCommand),
    /// Snapshots, against which partners ask
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon snapshot list\n  \
            symbolon snapshot build --for MK --register border --purpose RETURN_ID"
    )]
    Snapshot(SnapshotCommand),
    /// Canaries: records that a partner must hold, asked among others
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon canary list\n  \
            symbolon canary report"
    )]
    Canary(CanaryCommand),
    /// The journal: what was asked, answered, released and refused
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon audit verify\n  \
            symbolon audit report --from 2026-01-01\n  \
            symbolon audit alerts"
    )]
    Audit(AuditCommand),
    /// What this node is and does
    #[command(after_help = "Examples:\n  symbolon status\n  symbolon status --json | jq .serving")]
    Status,
    /// Show what thresholds on templates yield and give away, and propose one; needs no home
    Thresholds(Thresholds),
    /// Show what agreements and rules would yield and give away before anyone signs; needs no home
    Simulate(Box<Region>),
    /// Show the engines of the encrypted match, and what a register of some size would cost; needs no home
    Engines(Engines),
    /// Two nodes with invented people on this machine, from agreement to audit
    Demo(Demo),
    /// A completion script for a shell
    #[command(after_help = "Examples:\n  \
            symbolon completions bash \\\n    \
            > ~/.local/share/bash-completion/completions/symbolon")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// The code lists: purposes, legal bases, categories, roles, kinds of identifier; columns of files
    #[command(after_help = "Examples:\n  symbolon codes\n  symbolon codes --json | jq -r '.purposes[]'")]
    Codes,
}

/// Make a home: keys, journal and identity card of a new node
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    symbolon init --code RS --name \"Ministry of the Interior\" \\\n    \
    --announce /dns4/node.example/tcp/4711\n  \
    symbolon init --code MK --name \"МВР\" --generate-passphrase \\\n    \
    --passphrase-file /etc/symbolon/passphrase")]
pub(super) struct Init {
    /// The agency's code, such as RS
    #[arg(long)]
    pub(super) code: AgencyCode,
    /// The agency's display name
    #[arg(long)]
    pub(super) name: String,
    /// A multiaddress on which the node listens; may be repeated
    #[arg(long, value_name = "MULTIADDR", value_parser = values::multiaddress)]
    pub(super) listen: Vec<String>,
    /// A multiaddress for the identity card, which partners call; may be repeated
    #[arg(long, value_name = "MULTIADDR", value_parser = values::multiaddress)]
    pub(super) announce: Vec<String>,
    /// Draw a passphrase at random and write it to the new file --passphrase-file, mode 0600
    #[arg(long)]
    pub(super) generate_passphrase: bool,
}

/// Run the node until it is stopped
#[derive(Debug, Args)]
#[command(
    after_help = "Prints one line for each address it listens on. Ends on SIGINT, SIGTERM or `symbolon stop`.\n\n\
    Examples:\n  symbolon serve\n  symbolon serve --listen /ip4/192.0.2.1/tcp/4711 --metrics 127.0.0.1:9100"
)]
pub(super) struct Serve {
    /// A multiaddress to listen on in place of those in the settings; may be repeated
    #[arg(long, value_name = "MULTIADDR", value_parser = values::multiaddress)]
    pub(super) listen: Vec<String>,
    /// Where to serve metrics; a loopback address
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics: Option<SocketAddr>,
    /// A file for every frame that crosses the wire, in clear; for reviewers, never in service
    #[arg(long, value_name = "FILE")]
    pub(super) capture: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PeerCommand {
    /// List partners
    #[command(after_help = "Examples:\n  symbolon peer list")]
    List,
    /// Measure a round trip to a partner
    #[command(after_help = "Examples:\n  symbolon peer ping MK")]
    Ping {
        /// The partner's code
        partner: AgencyCode,
    },
    /// Let keys be set up and matches be prepared again with a partner that broke the protocol in that
    #[command(
        after_help = "Speak with the partner first: each try that was broken may have been one at this node's secrets, for nothing. \
        `status` lists such partners.\n\nExamples:\n  symbolon peer allow-preparations MK --reason \"their node had a bad disk\""
    )]
    AllowPreparations {
        /// The partner's code
        partner: AgencyCode,
        /// Why; it is journalled
        #[arg(long)]
        reason: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum SnapshotCommand {
    /// Build the snapshot for a partner anew
    #[command(
        after_help = "Examples:\n  symbolon snapshot build --for MK --register border --purpose RETURN_ID"
    )]
    Build {
        /// The partner's code
        #[arg(long = "for", value_name = "CODE")]
        partner: AgencyCode,
        /// The register
        #[arg(long)]
        register: RegisterName,
        /// The purpose of the slice
        #[arg(long, value_parser = values::purpose())]
        purpose: Purpose,
    },
    /// List snapshots made and received
    #[command(after_help = "Examples:\n  symbolon snapshot list")]
    List,
}

/// Two nodes with invented people on this machine, from agreement to audit
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        symbolon demo\n  \
        symbolon demo --json > report.json\n  \
        symbolon demo --match\n  \
        symbolon demo --match --match-records 100 --match-register 20000\n  \
        symbolon demo --match --match-records 100 --capture wire.ndjson \\\n    \
        --keep demo-homes")]
pub(super) struct Demo {
    /// How many people are asked about, 100 to 3,000
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(100..=3_000))]
    pub(super) people: u32,
    /// How many records the register holds, 1,000 to 1,000,000
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1_000..=1_000_000))]
    pub(super) records: u32,
    /// Also match encrypted faces and fingers; setting up keys takes minutes
    #[arg(long = "match")]
    pub(super) matching: bool,
    /// How many people the register of the match holds, 10 to 5,000 [default: 1000]
    #[arg(long, value_name = "N", requires = "matching")]
    #[arg(value_parser = clap::value_parser!(u32).range(i64::from(matching::FEWEST)..=i64::from(matching::MOST)))]
    pub(super) match_records: Option<u32>,
    /// How many faces the large register holds of which one probe is asked, 10 to 1,000,000, with --capture to 5,000
    /// [default: 100000, with --capture 1000]
    #[arg(long, value_name = "N", requires = "matching")]
    #[arg(value_parser = clap::value_parser!(u32).range(
        i64::from(matching::large::FEWEST)..=i64::from(matching::large::MOST)
    ))]
    pub(super) match_register: Option<u32>,
    /// A new file for every frame that crosses the wire, in clear
    #[arg(long, value_name = "FILE")]
    pub(super) capture: Option<PathBuf>,
    /// A new or empty directory in which to keep the homes of the nodes
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
    /// The new file of the report for negotiators that stands at the end [default: symbolon-report.html, or with a
    /// number behind if that is there]
    #[arg(long, value_name = "FILE.html")]
    pub(super) report: Option<PathBuf>,
}

/// The form of a file, as a flag.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum FormatName {
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Ndjson => Self::Ndjson,
            FormatName::Csv => Self::Csv,
        }
    }
}
