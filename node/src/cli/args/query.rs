//! `symbolon query`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use symbolon_policy::{
    agreement::MatchAnswer,
    words::{
        AgencyCode, EngineName, FormName, LegalBasis, OfficerId, Position, Purpose, QueryId, RegisterName,
    },
};
use symbolon_protocol::identifier::Kind;

use super::{FormatName, Key, values};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum QueryCommand {
    /// Ask which people of a file are in partners' registers
    #[command(after_help = "The file has one person a line, as NDJSON or as CSV such as\n  \
        ref,identifiers[0].kind,identifiers[0].number,identifiers[0].state\n  \
        case-17/1,registration-number,...,SRB\n`symbolon codes` lists the columns and kinds. \
        A hit is a candidate, not an identity. The exit code is 0 if every partner answered.\n\n\
        Examples:\n  \
        symbolon query exact --register border --purpose RETURN_ID \\\n    \
        --basis READMISSION --officer n.ilic --officer-key n.ilic.key \\\n    \
        --case K-17/2026 people.ndjson\n  \
        symbolon query exact --register border --purpose SERIOUS_CRIME \\\n    \
        --basis PCC_PRUM --officer n.ilic --peer MK --peer AL people.csv")]
    Exact {
        #[command(flatten)]
        terms: Terms,
        /// The case reference; the partner sees only a digest, until a claim opens the reference
        #[arg(long, value_name = "REF")]
        case: Option<String>,
        #[command(flatten)]
        people: People,
    },
    /// Ask how many people of a file are in partners' registers; the number is noisy
    #[command(after_help = "Examples:\n  \
            symbolon query count --register border --purpose STATISTICS --basis BILAT \\\n    \
            --officer n.ilic --kind travel-document people.csv")]
    Count {
        #[command(flatten)]
        terms: Terms,
        /// The kind of identifier that is counted
        #[arg(long, value_parser = values::kind())]
        kind: Kind,
        #[command(flatten)]
        people: People,
    },
    /// Ask who in partners' registers is close to a probe: an iris, a face, fingers
    #[command(after_help = "The file holds one probe as JSON such as\n  \
            {\"alternatives\":[{\"position\":\"FACE\",\"bits\":\"...\"}]}\nA hit is a candidate, not an \
            identity. The first query under a form sets up keys, which takes about a minute. The exit \
            code is 0 if every partner answered.\n\n\
            Examples:\n  \
            symbolon query match --peer MK --register border --purpose SERIOUS_CRIME \\\n    \
            --basis PCC_PRUM --officer n.ilic --case K-17/2026 --form face-512 \\\n    \
            --answer any --probe face.json\n  \
            symbolon query match --register border --purpose CHILD_PROTECTION \\\n    \
            --basis VITAL_INTEREST --officer n.ilic --case K-18/2026 \\\n    \
            --form iris-2048 --answer candidates --probe eye.json --json\n  \
            symbolon query match --peer MK --register border --purpose SERIOUS_CRIME \\\n    \
            --basis PCC_PRUM --officer n.ilic --case K-17/2026 --form face-512 \\\n    \
            --answer any --probe first.json --probe second.json")]
    Match {
        #[command(flatten)]
        terms: Terms,
        /// The case reference; the partner sees only a digest, until a claim opens the reference
        #[arg(long, value_name = "REF")]
        case: Option<String>,
        /// The form of the templates, by its name in the agreement
        #[arg(long)]
        form: FormName,
        /// What is to be told: whether there is a hit, or how many candidates there are
        #[arg(long)]
        answer: AnswerName,
        /// The file with the probe; once for each probe. Several are asked about one after another, each by a query of its
        /// own, and the partner reads its register once for all of them
        #[arg(long = "probe", value_name = "FILE", required = true)]
        probes: Vec<PathBuf>,
        /// The engine [default: of those of the agreement, the one expected to be quickest]
        #[arg(long)]
        engine: Option<EngineName>,
        /// Write the query to a new file for a courier in place of sending it; needs one --peer. Where no keys are current,
        /// the file begins to set them up
        #[arg(long, value_name = "FILE", requires = "peers")]
        courier: Option<PathBuf>,
    },
    /// Do work ahead of a match, so that the match itself moves fewer bytes; the preparation serves one match
    #[command(
        after_help = "It is kept on both nodes until it is used or its keys end, and used by the next match of the \
            same partner, register, purpose, form and positions. It is not charged. Settings: \
            `[prepared]`.\n\n\
            Examples:\n  \
            symbolon query prepare --peer MK --register border --purpose SERIOUS_CRIME \\\n    \
            --basis PCC_PRUM --officer n.ilic --case --form face-512\n  \
            symbolon query prepare --peer MK --register border --purpose SERIOUS_CRIME \\\n    \
            --basis PCC_PRUM --officer n.ilic --form iris-2048 --position LEFT_IRIS \\\n    \
            --position RIGHT_IRIS"
    )]
    Prepare {
        /// The partner
        #[arg(long = "peer", value_name = "CODE")]
        partner: AgencyCode,
        /// The partner's register
        #[arg(long)]
        register: RegisterName,
        /// Why the match will be asked
        #[arg(long, value_parser = values::purpose())]
        purpose: Purpose,
        /// On which legal basis
        #[arg(long, value_parser = values::legal_basis())]
        basis: LegalBasis,
        /// The pseudonym of the officer who will ask
        #[arg(long)]
        officer: OfficerId,
        /// The match will carry a case reference
        #[arg(long)]
        case: bool,
        /// The form of the templates, by its name in the agreement
        #[arg(long)]
        form: FormName,
        /// Where an alternative will have been taken; once for each [default: one, at the first place of the form]
        #[arg(long = "position", value_name = "POSITION", value_parser = values::position())]
        positions: Vec<Position>,
    },
    /// List queries that have no answer and can be resumed, the newest first
    #[command(
        after_help = "They are charged already: `symbolon query resume` asks one again for nothing more. One that is \
            under way is among them.\n\n\
            Examples:\n  symbolon query list\n  symbolon query list --json"
    )]
    List,
    /// Ask a query again that was interrupted; it costs nothing more
    #[command(after_help = "Examples:\n  \
            symbolon query resume 4b1d0c7a9f2e4d5c8a6b3e1f0d9c8b7a\n  \
            symbolon query resume 4b1d0c7a9f2e4d5c8a6b3e1f0d9c8b7a --officer n.ilic \\\n    \
            --officer-key n.ilic.key")]
    Resume {
        /// The query's id, from the failed answer or `symbolon query list`
        query: QueryId,
        /// The pseudonym of the officer who asked [default: the one in the key file]
        #[arg(long, requires = "key")]
        officer: Option<OfficerId>,
        #[command(flatten)]
        key: Key,
    },
}

/// The answer of a match, as a flag.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(in crate::cli) enum AnswerName {
    /// Whether anybody is a hit
    Any,
    /// How many are, up to the cap of the agreement
    Candidates,
}

impl From<AnswerName> for MatchAnswer {
    fn from(name: AnswerName) -> Self {
        match name {
            AnswerName::Any => Self::Any,
            AnswerName::Candidates => Self::Candidates,
        }
    }
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
    #[command(flatten)]
    pub(in crate::cli) key: Key,
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
