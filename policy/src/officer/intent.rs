//! What an officer means to ask. Its digest is what the officer signs.

use serde::{Deserialize, Serialize};
use symbolon_protocol::identifier::Kind;

use crate::{
    agreement::MatchAnswer,
    ask::Ask,
    rules::ExchangeKind,
    signing::Document,
    words::{AgencyCode, Digest, EngineName, FormName, LegalBasis, Purpose, QueryId, RegisterName, Salt},
};

/// One request, in the words that the journal keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Intent {
    /// A new query, to one partner or several.
    Ask {
        /// Which exchange, and what it needs to be told.
        how: How,
        /// Which partners; all with an agreement in force when empty.
        partners: Vec<AgencyCode>,
        /// Which register.
        register: RegisterName,
        /// Why.
        purpose: Purpose,
        /// On which legal basis.
        basis: LegalBasis,
        /// Whether a case reference is given.
        case: bool,
        /// What [`subject`] makes of the case and the file.
        subject: Digest,
    },
    /// A query that was interrupted, again.
    Resume {
        /// Which.
        query: QueryId,
    },
}

/// The exchange of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum How {
    /// Which people are there.
    Exact,
    /// How many people are there.
    Count {
        /// The kind of identifier that is counted.
        kind: Kind,
    },
    /// Who is close to a probe.
    Match {
        /// The form of the templates.
        form: FormName,
        /// What is to be told.
        answer: MatchAnswer,
        /// The engine, if one is wanted.
        engine: Option<EngineName>,
        /// Whether it goes to a file.
        courier: bool,
    },
}

impl Document for Intent {
    const LABEL: &'static str = "symbolon/officer-intent/1";
}

impl Intent {
    /// Whether a query is one of those that were meant. The subject is not compared: a query shows none.
    pub fn covers(&self, ask: &Ask) -> bool {
        match self {
            Self::Resume { query } => *query == ask.query,
            Self::Ask { how, partners, register, purpose, basis, case, subject: _ } => {
                how.covers(ask)
                    && (partners.is_empty() || partners.contains(&ask.holder))
                    && (register, purpose, basis) == (&ask.register, &ask.purpose, &ask.basis)
                    && *case == ask.case.is_some()
            }
        }
    }
}

impl How {
    fn covers(&self, ask: &Ask) -> bool {
        match (self, &ask.matching) {
            (Self::Exact, None) => ask.exchange == ExchangeKind::Exact,
            (Self::Count { .. }, None) => ask.exchange == ExchangeKind::Count,
            (Self::Match { form, answer, engine, .. }, Some(asked)) => {
                ask.exchange == ExchangeKind::Match
                    && (form, answer) == (&asked.form, &asked.answer)
                    && engine.as_ref().is_none_or(|engine| *engine == asked.engine)
            }
            _ => false,
        }
    }
}

/// The digest of the files of one request: of a single one its own.
pub fn files(each: &[Digest]) -> Digest {
    match each {
        [one] => *one,
        several => Digest::of(
            "symbolon/officer-files/1",
            several.iter().map(Digest::as_bytes).copied().collect::<Vec<_>>().as_flattened(),
        ),
    }
}

/// Binds an intent to a case reference and to the file of people or of the probe. Who does not know the
/// salt cannot try out whom it was about.
pub fn subject(salt: &Salt, case: Option<&str>, file: &Digest) -> Digest {
    let case = case.map_or(Digest([0; 32]), |case| Digest::of("symbolon/officer-case/1", case.as_bytes()));
    let parts = [salt.as_bytes(), case.as_bytes(), file.as_bytes()];
    Digest::of("symbolon/officer-subject/1", &parts.map(<[u8; 32]>::as_slice).concat())
}
