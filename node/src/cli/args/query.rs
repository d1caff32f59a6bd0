//! `symbolon query`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use symbolon_policy::words::{AgencyCode, LegalBasis, OfficerId, Purpose, QueryId, RegisterName};
use symbolon_protocol::identifier::Kind;

use super::{FormatName, values};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum QueryCommand {
    /// Ask which people of a file are in partners' registers
    #[command(after_help = "The file has one person a line, as NDJSON such as\n  \
        {\"ref\":\"case-17/1\",\"identifiers\":[{\"kind\":\"travel-document\",\"number\":\"...\",\"state\":\"SRB\",\
        \"birth_date\":\"...\"}]}\nor as CSV. A hit is a candidate, not an identity. The exit code is 0 if every partner \
        answered.\n\nExamples:\n  symbolon query exact --register border --purpose RETURN_ID --basis READMISSION \
        --officer n.ilic --case K-17/2026 people.ndjson\n  symbolon query exact --register border --purpose \
        SERIOUS_CRIME --basis PCC_PRUM --officer n.ilic --peer MK --peer AL people.csv")]
    Exact {
        #[command(flatten)]
        terms: Terms,
        /// The case reference; the partner sees only a digest
        #[arg(long, value_name = "REF")]
        case: Option<String>,
        #[command(flatten)]
        people: People,
    },
    /// Ask how many people of a file are in partners' registers; the number is noisy
    #[command(
        after_help = "Examples:\n  symbolon query count --register border --purpose STATISTICS --basis BILAT \
        --officer n.ilic --kind travel-document people.csv"
    )]
    Count {
        #[command(flatten)]
        terms: Terms,
        /// The kind of identifier that is counted
        #[arg(long, value_parser = values::kind())]
        kind: Kind,
        #[command(flatten)]
        people: People,
    },
    /// Ask a query again that was interrupted; it costs nothing more
    #[command(after_help = "Examples:\n  symbolon query resume 4b1d0c7a9f2e4d5c8a6b3e1f0d9c8b7a")]
    Resume {
        /// The query's id, from the failed answer or the journal
        query: QueryId,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Terms {
    /// The partners' register
    #[arg(long)]
    pub(in crate::cli) register: RegisterName,
    /// Why
    #[arg(long, value_parser = values::purpose())]
    pub(in crate::cli) purpose: Purpose,
    /// On which legal basis
    #[arg(long, value_parser = values::legal_basis())]
    pub(in crate::cli) basis: LegalBasis,
    /// The pseudonym of the officer who asks
    #[arg(long)]
    pub(in crate::cli) officer: OfficerId,
    /// A partner to ask; may be repeated [default: all with an agreement in force]
    #[arg(long = "peer", value_name = "CODE")]
    pub(in crate::cli) peers: Vec<AgencyCode>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct People {
    /// The file with the people
    pub(in crate::cli) file: PathBuf,
    /// Its form [default: by the end of its name]
    #[arg(long)]
    pub(in crate::cli) format: Option<FormatName>,
}
