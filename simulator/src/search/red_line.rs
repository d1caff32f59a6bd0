//! What must never be possible, as questions for a solver.

use std::{fmt, str::FromStr};

use symbolon_policy::{
    rules::{Kind, RuleErrors, RuleSet, Rulebook, RulebookError, proof::Question},
    words::{AgencyCode, Field, Purpose},
};

use crate::scenario::Scenario;

/// What must never be possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedLine {
    /// `minors`: no record of a minor takes part in any exchange but for these purposes.
    Minors(Vec<Purpose>),
    /// `minors:NAME`: this field of a minor is never released.
    MinorField(Field),
    /// `field:NAME`: this field is never released.
    Field(Field),
    /// `party:XK`: this party asks nothing and is released nothing.
    Party(AgencyCode),
    /// `purpose:SERIOUS_CRIME`: nothing is asked for this purpose.
    Purpose(Purpose),
}

/// A text that is no red line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no red line; these are: minors, minors:FIELD, field:FIELD, party:CODE, purpose:CODE")]
pub struct UnknownRedLine(String);

/// What came of the proof of a red line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It holds, as this solver proved.
    Proved(String),
    /// The rules of this pair permit what it rules out.
    Crossed(String),
    /// For the rules of this pair the solver found no end.
    Undecided(String),
    /// There is no solver, for this reason.
    WithoutSolver(String),
    /// No agreement concerns it.
    Nobody,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proved(solver) => write!(f, "proved by {solver}"),
            Self::Crossed(pair) => write!(f, "crossed by the rules of {pair}"),
            Self::Undecided(pair) => write!(f, "undecided for the rules of {pair}"),
            Self::WithoutSolver(why) => write!(f, "not proved: {why}"),
            Self::Nobody => f.write_str("no agreement concerns it"),
        }
    }
}

/// Rules that cannot be put to a solver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// They do not stand.
    #[error("the rules do not stand:\n{0}")]
    Rules(#[from] RuleErrors),
    /// They do not stand together.
    #[error(transparent)]
    Book(#[from] RulebookError),
}

impl FromStr for RedLine {
    type Err = UnknownRedLine;

    fn from_str(text: &str) -> Result<Self, UnknownRedLine> {
        let unknown = || UnknownRedLine(text.to_owned());
        let Some((kind, of)) = text.split_once(':') else {
            return if text == "minors" { Ok(Self::Minors(Vec::new())) } else { Err(unknown()) };
        };
        match kind {
            "minors" => of.parse().map(Self::MinorField).map_err(|_| unknown()),
            "field" => of.parse().map(Self::Field).map_err(|_| unknown()),
            "party" => of.parse().map(Self::Party).map_err(|_| unknown()),
            "purpose" => of.parse().map(Self::Purpose).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for RedLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Minors(_) => f.write_str("minors"),
            Self::MinorField(field) => write!(f, "minors:{field}"),
            Self::Field(field) => write!(f, "field:{field}"),
            Self::Party(code) => write!(f, "party:{code}"),
            Self::Purpose(purpose) => write!(f, "purpose:{purpose}"),
        }
    }
}

/// What is put to the solver: a question, the rules it is about, and a proposal where it compares.
#[derive(Debug)]
pub struct Put {
    /// The question.
    pub question: Question,
    /// The rules.
    pub rules: Rulebook,
    /// What they are compared with.
    pub proposal: Option<Rulebook>,
}

impl RedLine {
    /// The party that it names, if the scenario has none of that code.
    pub fn unknown_party(&self, scenario: &Scenario) -> Option<&AgencyCode> {
        match self {
            Self::Party(code) => (!scenario.party.contains_key(code)).then_some(code),
            _ => None,
        }
    }

    /// The question whose proof keeps this line for shared rules.
    ///
    /// Where `rules prove` has no claim of its own, the line is written as a prohibition, and the question is
    /// whether the rules permit anything that the rules with it refuse.
    ///
    /// # Errors
    /// [`PutError`] if the rules do not stand.
    pub fn put(&self, shared: &str) -> Result<Put, PutError> {
        let book = |text: &str| -> Result<Rulebook, PutError> {
            Ok(Rulebook::new(RuleSet::parse(text, Kind::Shared)?, None)?)
        };
        let rules = book(shared)?;
        let question = match self {
            Self::Minors(except) => Question::NeverMinors { except: except.clone() },
            Self::Purpose(purpose) => Question::NeverPurpose { purpose: *purpose, asker: None },
            Self::MinorField(_) | Self::Field(_) | Self::Party(_) => {
                let bounded = book(&format!("{shared}\n{}\n", self.forbid()))?;
                return Ok(Put { question: Question::NoMore, rules: bounded, proposal: Some(rules) });
            }
        };
        Ok(Put { question, rules, proposal: None })
    }

    fn forbid(&self) -> String {
        let head = "@id(\"red-line\")\n@title(\"Red line\")\n@article(\"red line\")\nforbid (principal";
        match self {
            Self::MinorField(field) => format!(
                "{head}, action == Action::\"Release\", resource) when {{ resource.minor && context.field == \
                 Field::\"{field}\" }};"
            ),
            Self::Field(field) => format!(
                "{head}, action == Action::\"Release\", resource) when {{ context.field == Field::\"{field}\" }};"
            ),
            Self::Party(code) => format!("{head} in Agency::\"{code}\", action, resource);"),
            Self::Minors(_) | Self::Purpose(_) => String::new(),
        }
    }
}
