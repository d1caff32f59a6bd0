//! `symbolon agreement`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use symbolon_policy::words::Timestamp;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AgreementCommand {
    /// Draft an agreement with a partner, as TOML to be edited
    #[command(after_help = "Examples:\n  symbolon agreement draft --with mk-card.json --out rs-mk.toml\n  \
        symbolon agreement draft --with mk-card.json --rules shared.cedar --days 180")]
    Draft {
        /// The partner's identity card
        #[arg(long = "with", value_name = "CARD.json")]
        card: PathBuf,
        /// What people call the agreement
        #[arg(long)]
        title: Option<String>,
        /// From when on it holds, such as 2026-12-01T00:00:00Z [default: now]
        #[arg(long = "from", value_name = "TIME")]
        valid_from: Option<Timestamp>,
        /// For how many days
        #[arg(long, value_name = "N", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: u32,
        /// The shared rules [default: a ready set]
        #[arg(long, value_name = "FILE.cedar")]
        rules: Option<PathBuf>,
        /// List this certificate of a proof, by its digest; may be repeated
        #[arg(long = "proof", value_name = "PROOF.json")]
        proofs: Vec<PathBuf>,
        /// Write the draft to a new file
        #[arg(long, value_name = "FILE.toml")]
        out: Option<PathBuf>,
    },
    /// Draft an amendment of an accepted agreement, which takes its place on a day
    #[command(
        after_help = "The earlier agreement holds until then. Sign and accept the amendment as any agreement.\n\n\
            Examples:\n  \
            symbolon agreement amend 3f9a --rules shared-2.cedar \\\n    \
            --from 2027-01-01T00:00:00Z --out rs-mk-2.toml"
    )]
    Amend(Amend),
    /// Say what an amendment changes: terms, quotas, and which requests the rules now permit or refuse
    #[command(after_help = "Examples:\n  symbolon agreement changes rs-mk-2.toml\n  \
        symbolon agreement changes rs-mk-2.toml --prove")]
    Changes {
        /// The draft (TOML) or the amendment (JSON)
        file: PathBuf,
        /// Also prove or refute that the new rules permit nothing that the old refuse; needs cvc5
        #[arg(long)]
        prove: bool,
        /// Seconds that the solver may take
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_600))]
        timeout: u32,
    },
    /// Show a draft, an agreement file (no home needed), or an accepted agreement
    #[command(after_help = "Examples:\n  symbolon agreement show rs-mk.toml\n  symbolon agreement show 3f9a")]
    Show {
        /// A file, or the beginning of the id of an accepted agreement
        #[arg(value_name = "FILE-OR-ID")]
        which: String,
        /// A certificate that the agreement lists, to be checked; may be repeated
        #[arg(long = "proof", value_name = "PROOF.json")]
        proofs: Vec<PathBuf>,
    },
    /// List accepted agreements
    #[command(after_help = "Examples:\n  symbolon agreement list")]
    List,
    /// Sign a draft, or an agreement that the partner signed
    #[command(after_help = "Examples:\n  symbolon agreement sign rs-mk.toml --out rs-mk.json\n  \
        symbolon agreement sign rs-mk.json --out rs-mk.signed.json")]
    Sign {
        /// The draft (TOML) or the half-signed agreement (JSON)
        file: PathBuf,
        /// A certificate that the agreement lists: each must be given
        #[arg(long = "proof", value_name = "PROOF.json")]
        proofs: Vec<PathBuf>,
        /// Write the signed agreement to a new file [default: standard output]
        #[arg(long, value_name = "FILE.json")]
        out: Option<PathBuf>,
    },
    /// Accept an agreement that both parties signed
    #[command(after_help = "Examples:\n  symbolon agreement accept rs-mk.signed.json")]
    Accept {
        /// The agreement (JSON)
        file: PathBuf,
        /// A certificate that the agreement lists: each must be given
        #[arg(long = "proof", value_name = "PROOF.json")]
        proofs: Vec<PathBuf>,
    },
    /// Revoke an agreement, at once and for good
    #[command(
        after_help = "It ends for both: the partner is told at once, or when the two nodes next meet.\n\n\
        Examples:\n  symbolon agreement revoke 3f9a51c07b2d \\\n    --reason \"Succeeded by the agreement of 2027\""
    )]
    Revoke {
        /// The beginning of its id, at least 8 digits
        id: String,
        /// Why, for the partner and the journal, in up to 500 characters; no personal data
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

/// `agreement amend`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Amend {
    /// The beginning of the agreement's id
    pub(in crate::cli) id: String,
    /// The new shared rules [default: those of the agreement]
    #[arg(long, value_name = "FILE.cedar")]
    pub(in crate::cli) rules: Option<PathBuf>,
    /// When it takes effect [default: in seven days]
    #[arg(long = "from", value_name = "TIME")]
    pub(in crate::cli) valid_from: Option<Timestamp>,
    /// What people call it [default: as before]
    #[arg(long)]
    pub(in crate::cli) title: Option<String>,
    /// List this certificate of a proof, by its digest; may be repeated
    #[arg(long = "proof", value_name = "PROOF.json")]
    pub(in crate::cli) proofs: Vec<PathBuf>,
    /// Write the draft to a new file
    #[arg(long, value_name = "FILE.toml")]
    pub(in crate::cli) out: Option<PathBuf>,
}
