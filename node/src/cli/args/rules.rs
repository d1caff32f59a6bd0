//! `symbolon rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use symbolon_policy::words::{AgencyCode, LegalBasis, OfficerId, Purpose, RegisterName};

use super::values;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum RulesCommand {
    /// Check a rules file; needs no home
    #[command(
        after_help = "Examples:\n  symbolon rules check shared.cedar\n  symbolon rules check night.cedar --national"
    )]
    Check {
        /// The rules, in the Cedar language
        file: PathBuf,
        /// They are national rules, which can only forbid
        #[arg(long)]
        national: bool,
    },
    /// Explain why a query would be permitted or refused; nothing is asked
    Explain(Explain),
    /// Show which queries and records two versions of shared rules treat differently; needs no home
    #[command(after_help = "Examples:\n  symbolon rules diff shared-2026.cedar shared-2027.cedar")]
    Diff {
        /// The rules before
        before: PathBuf,
        /// The rules after
        after: PathBuf,
    },
    /// This agency's own rules, which restrict every agreement
    #[command(subcommand)]
    National(NationalCommand),
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum NationalCommand {
    /// Show them
    #[command(after_help = "Examples:\n  symbolon rules national show > national.cedar")]
    Show,
    /// Put the rules of a file in their place
    #[command(after_help = "Examples:\n  symbolon rules national set national.cedar")]
    Set {
        /// The rules, in the Cedar language
        file: PathBuf,
    },
    /// Remove them
    #[command(after_help = "Examples:\n  symbolon rules national clear")]
    Clear,
}

/// Explain why a query would be permitted or refused; nothing is asked
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  symbolon rules explain --partner MK --register border --purpose RETURN_ID \
    --basis READMISSION --officer n.ilic --case --items 3\n  symbolon rules explain --partner MK --asked \
    --register border --purpose STATISTICS --basis BILAT --officer d.kostov --count --items 500"
)]
pub(in crate::cli) struct Explain {
    /// The partner's code
    #[arg(long, value_name = "CODE")]
    pub(in crate::cli) partner: AgencyCode,
    /// The partner asks and this node is asked [default: this node asks]
    #[arg(long)]
    pub(in crate::cli) asked: bool,
    /// The register of whoever is asked
    #[arg(long)]
    pub(in crate::cli) register: RegisterName,
    /// Why
    #[arg(long, value_parser = values::purpose())]
    pub(in crate::cli) purpose: Purpose,
    /// On which legal basis
    #[arg(long, value_parser = values::legal_basis())]
    pub(in crate::cli) basis: LegalBasis,
    /// The pseudonym of the officer
    #[arg(long)]
    pub(in crate::cli) officer: OfficerId,
    /// A case reference would be given
    #[arg(long)]
    pub(in crate::cli) case: bool,
    /// How many identifiers
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) items: u32,
    /// A count, not exact hits
    #[arg(long)]
    pub(in crate::cli) count: bool,
}
