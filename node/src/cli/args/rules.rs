//! `symbolon rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use symbolon_policy::{
    rules::Language,
    words::{AgencyCode, Field, FormName, LegalBasis, OfficerId, Purpose, RegisterName},
};

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
    /// Ready clauses and ready rules to begin a draft with; needs no home
    Library(Library),
    /// Show rules as a treaty text, article by article
    Show(Show),
    /// Try other rules on past queries and releases, or on invented ones; nothing is asked
    Simulate(Simulate),
    /// Prove or refute a claim about rules with a solver; needs no home
    Prove(Prove),
    /// This agency's own rules, which restrict every agreement
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            symbolon rules national set national.cedar\n  \
            symbolon rules national show\n  \
            symbolon rules national clear"
    )]
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

/// Ready clauses and ready rules to begin a draft with; needs no home
#[derive(Debug, Args)]
#[command(after_help = "The rules go into a draft with `symbolon agreement draft --rules FILE`.\n\n\
    Examples:\n  \
    symbolon rules library\n  \
    symbolon rules library reciprocity\n  \
    symbolon rules library --agreement observer --asker XK --holder RS \\\n    \
    --out observer.cedar")]
pub(in crate::cli) struct Library {
    /// The clause to print [default: list all]
    #[arg(value_name = "CLAUSE", conflicts_with = "agreement")]
    pub(in crate::cli) clause: Option<String>,
    /// Print the rules of a whole agreement
    #[arg(long, value_name = "KIND")]
    pub(in crate::cli) agreement: Option<ReadyKind>,
    /// The party that asks, where the parties differ
    #[arg(long, value_name = "CODE", requires = "holder", requires = "agreement")]
    pub(in crate::cli) asker: Option<AgencyCode>,
    /// The party that answers, where the parties differ
    #[arg(long, value_name = "CODE", requires = "asker", requires = "agreement")]
    pub(in crate::cli) holder: Option<AgencyCode>,
    /// The language of the list
    #[arg(long, value_name = "LANG", value_parser = values::language(), default_value = "en")]
    pub(in crate::cli) lang: Language,
    /// Write the rules to a new file
    #[arg(long, value_name = "FILE.cedar")]
    pub(in crate::cli) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum ReadyKind {
    /// Two agencies that ask and answer alike
    PccSee,
    /// One agency asks and is never asked
    AskOnly,
    /// One agency asks and only ever receives counts
    Observer,
}

/// Show rules as a treaty text, article by article
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  symbolon rules show shared.cedar --lang sr-cyrl\n  symbolon rules show rs-mk.toml\n  \
    symbolon rules show --agreement 3f9a --lang sq --cedar"
)]
pub(in crate::cli) struct Show {
    /// Rules in Cedar (.cedar), or a draft or an agreement; needs no home
    #[arg(required_unless_present = "agreement", conflicts_with = "agreement")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// The beginning of the id of an accepted agreement
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) agreement: Option<String>,
    /// The language of the titles; conditions in words are English
    #[arg(long, value_name = "LANG", value_parser = values::language(), default_value = "en")]
    pub(in crate::cli) lang: Language,
    /// Show each clause as it decides, in Cedar
    #[arg(long)]
    pub(in crate::cli) cedar: bool,
    /// The file holds national rules
    #[arg(long, requires = "file")]
    pub(in crate::cli) national: bool,
}

/// Try other rules on past queries and releases, or on invented ones; nothing is asked
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  symbolon rules simulate draft.cedar --present shared.cedar\n  symbolon rules simulate \
    draft.cedar --journal\n  symbolon rules simulate night.cedar --journal --national --json"
)]
pub(in crate::cli) struct Simulate {
    /// The rules to try
    pub(in crate::cli) file: PathBuf,
    /// The rules as they are, for invented requests; needs no home
    #[arg(long, value_name = "FILE", required_unless_present = "journal", conflicts_with = "journal")]
    pub(in crate::cli) present: Option<PathBuf>,
    /// Every query in this node's journal and every field that was claimed of it, under their agreement's rules and
    /// under these
    #[arg(long)]
    pub(in crate::cli) journal: bool,
    /// The rules to try are national rules, in the place of those in force
    #[arg(long, requires = "journal")]
    pub(in crate::cli) national: bool,
    /// How many queries, how many searches and how many releases are invented
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000), conflicts_with = "journal")]
    pub(in crate::cli) samples: u32,
    /// Draws them; the same seed draws the same
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "journal")]
    pub(in crate::cli) seed: u64,
}

/// Prove or refute a claim about rules with a solver; needs no home
#[derive(Debug, Args)]
#[command(
    after_help = "The solver is cvc5 (Debian package cvc5), found on the PATH or named by CVC5. Exit codes: 0 \
        proved or the certificate stands, 3 refuted or undecided, 5 the certificate does not stand, 1 no \
        solver.\n\n\
        Examples:\n  \
        symbolon rules prove shared.cedar --claim never-minors \\\n    \
        --except CHILD_PROTECTION,REMAINS\n  \
        symbolon rules prove shared.cedar --claim never-purpose \\\n    \
        --purpose SERIOUS_CRIME --party XK\n  \
        symbolon rules prove shared.cedar --claim no-more --proposal draft.cedar \\\n    \
        --out proof.json\n  \
        symbolon rules prove --check proof.json"
)]
pub(in crate::cli) struct Prove {
    /// The shared rules
    #[arg(required_unless_present = "check", conflicts_with = "check")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// What is to be shown
    #[arg(long, value_name = "CLAIM", required_unless_present = "check", conflicts_with = "check")]
    pub(in crate::cli) claim: Option<ClaimKind>,
    /// Purposes for which minors may be found
    #[arg(long, value_name = "PURPOSE", value_delimiter = ',', value_parser = values::purpose(), conflicts_with = "check")]
    pub(in crate::cli) except: Vec<Purpose>,
    /// The purpose that is never answered
    #[arg(long, required_if_eq("claim", "never-purpose"), value_parser = values::purpose(), conflicts_with = "check")]
    pub(in crate::cli) purpose: Option<Purpose>,
    /// The party to which it is never answered [default: any]
    #[arg(long, value_name = "CODE", requires = "purpose")]
    pub(in crate::cli) party: Option<AgencyCode>,
    /// The shared rules that are compared with these
    #[arg(long, value_name = "FILE", required_if_eq_any([("claim", "no-more"), ("claim", "equivalent")]), conflicts_with = "check")]
    pub(in crate::cli) proposal: Option<PathBuf>,
    /// National rules that stand beside the shared rules
    #[arg(
        long,
        value_name = "FILE",
        required_if_eq("claim", "national-restricts"),
        conflicts_with = "check"
    )]
    pub(in crate::cli) national: Option<PathBuf>,
    /// Write the certificate to a new file
    #[arg(long, value_name = "FILE.json", conflicts_with = "check")]
    pub(in crate::cli) out: Option<PathBuf>,
    /// Make the proof in a certificate again and compare
    #[arg(long, value_name = "FILE.json")]
    pub(in crate::cli) check: Option<PathBuf>,
    /// Seconds the solver may take in all
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(in crate::cli) timeout: u32,
}

/// What can be proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ClaimKind {
    /// Nobody who is or may be a minor is found, but for the purposes of --except
    NeverMinors,
    /// The purpose is never answered, to anybody or to --party
    NeverPurpose,
    /// The proposal permits nothing that the rules refuse
    NoMore,
    /// The proposal permits exactly what the rules permit
    Equivalent,
    /// With the national rules nothing more is permitted than without
    NationalRestricts,
    /// Every clause decides something, and no permit is undone by one prohibition
    Clauses,
}

/// Explain why a query would be permitted or refused; nothing is asked
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        symbolon rules explain --partner MK --register border --purpose RETURN_ID \\\n    \
        --basis READMISSION --officer n.ilic --case --items 3\n  \
        symbolon rules explain --partner MK --asked --register border \\\n    \
        --purpose STATISTICS --basis BILAT --officer d.kostov --count \\\n    \
        --items 500\n  \
        symbolon rules explain --partner MK --asked --register border \\\n    \
        --purpose RETURN_ID --basis READMISSION --officer d.kostov --case \\\n    \
        --match face --field NAME --field PLACE")]
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
    /// The pseudonym of the officer; without --asked one who may ask, if officers are enrolled here
    #[arg(long)]
    pub(in crate::cli) officer: OfficerId,
    /// A case reference would be given
    #[arg(long)]
    pub(in crate::cli) case: bool,
    /// How many identifiers, or alternatives of one probe
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(in crate::cli) items: u32,
    /// A count, not exact hits
    #[arg(long)]
    pub(in crate::cli) count: bool,
    /// A match by this form of the agreement, not exact hits
    #[arg(long = "match", value_name = "FORM", conflicts_with = "count")]
    pub(in crate::cli) form: Option<FormName>,
    /// Hits that the asker leaves unexplained [default: what this node knows]; without --asked no fewer than this node
    /// counts
    #[arg(long, value_name = "N")]
    pub(in crate::cli) unexplained: Option<u32>,
    /// Tell too what a claim would release of this field; may be given again
    #[arg(long = "field", value_name = "FIELD", value_parser = values::field())]
    pub(in crate::cli) fields: Vec<Field>,
}
