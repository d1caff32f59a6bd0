//! `symbolon hit`, `symbolon claim` and `symbolon case`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use symbolon_policy::words::{ClaimId, Field, QueryId};
use symbolon_protocol::identifier::Kind;

use super::{Key, values};

/// An officer who signs: always needed here.
#[derive(Debug, Args)]
pub(in crate::cli) struct Signing {
    #[command(flatten)]
    pub(in crate::cli) key: Key,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum HitCommand {
    /// Say whether a candidate is the person; takes the role VERIFIES
    #[command(group(ArgGroup::new("judgement").args(["same", "different"]).required(true)))]
    #[command(
        after_help = "Compare what you have of the person by your own means before you say so: a hit is a \
            candidate, not an identity.\n\n\
            Examples:\n  \
            symbolon hit verify 5d1f0c7be2a94e3f8a6b1c2d3e4f5061 \\\n    \
            --hit p-17:travel-document --same --officer-key bojan.key\n  \
            symbolon hit verify 5d1f0c7be2a94e3f8a6b1c2d3e4f5061 --match --different \\\n    \
            --reason \"other ear\" --officer-key bojan.key"
    )]
    Verify {
        /// The query
        query: QueryId,
        #[command(flatten)]
        which: Which,
        /// It is the same person
        #[arg(long)]
        same: bool,
        /// It is another person
        #[arg(long)]
        different: bool,
        /// Why, for the journal; no personal data
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        signing: Signing,
    },
    /// List hits that are neither claimed nor explained, the most urgent first
    #[command(
        after_help = "Hits whose time for a claim is over count against this agency: rules see how many there are.\n\n\
        Examples:\n  symbolon hit list\n  symbolon hit list --overdue --json"
    )]
    List {
        /// Only those whose time for a claim is over
        #[arg(long)]
        overdue: bool,
    },
    /// Say why a hit is not claimed; takes the role ASKS
    #[command(after_help = "Examples:\n  \
            symbolon hit explain 5d1f0c7be2a94e3f8a6b1c2d3e4f5061 \\\n    \
            --reason \"the person was identified otherwise\" --officer-key ana.key")]
    Explain {
        /// The query
        query: QueryId,
        /// Why, for the journal; no personal data
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        signing: Signing,
    },
}

/// Which hits of a query.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").args(["hits", "matched"]).required(true)))]
pub(in crate::cli) struct Which {
    /// A hit of an exact query, by the person's reference and the kind of identifier; may be repeated
    #[arg(long = "hit", value_name = "PERSON:KIND", value_parser = values::hit)]
    pub(in crate::cli) hits: Vec<(String, Kind)>,
    /// The hit of a match
    #[arg(long = "match")]
    pub(in crate::cli) matched: bool,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ClaimCommand {
    /// Claim a hit: open it to the holder and request fields; takes the role ASKS and a verification by another
    #[command(
        after_help = "Only what is claimed is opened; the other people of the query stay hidden. The claim is of \
            the case of its query.\n\n\
            Examples:\n  \
            symbolon claim make 5d1f0c7be2a94e3f8a6b1c2d3e4f5061 \\\n    \
            --hit p-17:travel-document --field CATEGORY --field PLACE \\\n    \
            --officer-key ana.key\n  \
            symbolon claim make 5d1f0c7be2a94e3f8a6b1c2d3e4f5061 --match --field NAME \\\n    \
            --officer-key ana.key"
    )]
    Make {
        /// The query
        query: QueryId,
        #[command(flatten)]
        which: Which,
        /// A field that is requested; may be repeated
        #[arg(long = "field", required = true, value_name = "FIELD", value_parser = values::field())]
        fields: Vec<Field>,
        #[command(flatten)]
        signing: Signing,
    },
    /// Ask how a claim stands, and take what is released
    #[command(after_help = "Examples:\n  symbolon claim collect 91b06f2a7c4d4e1fb3a2980716253443")]
    Collect {
        /// The claim
        claim: ClaimId,
    },
    /// List the claims of this node
    #[command(after_help = "Examples:\n  symbolon claim list\n  symbolon claim list --json")]
    List,
    /// Open released fields; needs no home
    #[command(after_help = "Only the officer who claimed can.\n\n\
        Examples:\n  \
        symbolon claim open \\\n    \
        ~/.symbolon/claims/91b06f2a7c4d4e1fb3a2980716253443-0.age \\\n    \
        --officer-key ana.key")]
    Open {
        /// The file that `claim collect` named
        file: PathBuf,
        #[command(flatten)]
        signing: Signing,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum CaseCommand {
    /// List the claims that wait for a decision, the most urgent first
    #[command(after_help = "Examples:\n  symbolon case list\n  symbolon case list --all --json")]
    List {
        /// Also those that are over
        #[arg(long)]
        all: bool,
    },
    /// Show a claim: who, why, which records and how its fields stand
    #[command(after_help = "Examples:\n  symbolon case show 91b06f2a7c4d4e1fb3a2980716253443")]
    Show {
        /// The claim
        claim: ClaimId,
    },
    /// Approve; takes the role APPROVES
    #[command(
        after_help = "Fields that need one person are released at once, others when a second person approves.\n\n\
            Examples:\n  \
            symbolon case approve 91b06f2a7c4d4e1fb3a2980716253443 \\\n    \
            --officer-key dana.key"
    )]
    Approve {
        /// The claim
        claim: ClaimId,
        #[command(flatten)]
        signing: Signing,
    },
    /// Refuse what is not released yet; takes the role APPROVES
    #[command(after_help = "Examples:\n  \
            symbolon case refuse 91b06f2a7c4d4e1fb3a2980716253443 \\\n    \
            --reason \"the facts do not carry it\" --officer-key dana.key")]
    Refuse {
        /// The claim
        claim: ClaimId,
        /// Why; the partner is told
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        signing: Signing,
    },
    /// Stop the clock while a judicial authorisation is awaited; takes the role APPROVES
    #[command(after_help = "Examples:\n  \
            symbolon case stop 91b06f2a7c4d4e1fb3a2980716253443 \\\n    \
            --reason \"application to the court\" --officer-key dana.key")]
    Stop {
        /// The claim
        claim: ClaimId,
        /// Why, for the journal
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        signing: Signing,
    },
    /// Let the clock go on; takes the role APPROVES
    #[command(
        after_help = "Examples:\n  symbolon case resume 91b06f2a7c4d4e1fb3a2980716253443 --officer-key dana.key"
    )]
    Resume {
        /// The claim
        claim: ClaimId,
        #[command(flatten)]
        signing: Signing,
    },
}
