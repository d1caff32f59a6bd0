//! What the rules said, and by which clause.

use std::fmt;

use serde::Serialize;

use crate::{class::RecordClass, words::Provenance};

use super::attribute::Attribute;

/// Whose rules a clause belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Signed by both agencies; may permit and forbid.
    Shared,
    /// One agency's own; may only forbid.
    National,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shared => "shared",
            Self::National => "national",
        })
    }
}

/// Names a clause of the rules.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ClauseRef {
    /// Whose rules it belongs to.
    pub kind: Kind,
    /// Its `@id`, unique within its rule set.
    pub id: String,
    /// Its `@title`: the clause in one plain sentence.
    pub title: String,
    /// Its `@article`, if it has one: where the treaty or the law says so.
    pub article: Option<String>,
}

impl fmt::Display for ClauseRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} rules", self.id, self.kind)?;
        if let Some(article) = &self.article {
            write!(f, ", {article}")?;
        }
        write!(f, "): {}", self.title)
    }
}

/// A limit in the program itself, which no rule can lift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Floor {
    /// A blocked record answers as if it were absent (Regulation (EU) 603/2013, Article 18(2)).
    Blocked,
    /// Data of European Union origin is not transferred (Regulation (EU) 2024/1358, Articles 49-50).
    EuData,
}

impl Floor {
    /// Every floor.
    pub const ALL: &'static [Self] = &[Self::Blocked, Self::EuData];

    /// The floor that keeps records of this class out of every slice, if one does.
    pub fn of(class: &RecordClass) -> Option<Self> {
        Self::ALL.iter().copied().find(|floor| floor.keeps_out(class))
    }

    /// Whether this floor keeps records of this class out.
    pub fn keeps_out(self, class: &RecordClass) -> bool {
        match self {
            Self::Blocked => class.blocked,
            Self::EuData => class.provenance == Provenance::Eu,
        }
    }

    /// What this floor looks at.
    pub(super) fn attribute(self) -> Attribute {
        match self {
            Self::Blocked => Attribute::Blocked,
            Self::EuData => Attribute::Provenance,
        }
    }
}

impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocked => "a blocked record never takes part, whatever the rules say",
            Self::EuData => "data of European Union origin never takes part, whatever the rules say",
        })
    }
}

/// Why a decision is as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A clause permits it and none forbids it.
    Permitted,
    /// A clause forbids it.
    ForbiddenBy,
    /// No clause permits it.
    NothingPermits,
    /// A clause could not be evaluated; whatever the others say, that refuses.
    EvaluationError(String),
    /// A limit in the program keeps the record out.
    Floor(Floor),
}

/// The answer of the rules to one request. A refusal is the default.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[must_use]
pub struct Decision {
    /// Whether it may be done.
    pub permitted: bool,
    /// The clauses that decided it, in order of their ids: those that permit, or those that forbid,
    /// or those that could not be evaluated. Empty when nothing permits, or at a floor.
    pub clauses: Vec<ClauseRef>,
    /// Why.
    pub reason: Reason,
}

impl Decision {
    pub(super) fn refused(reason: Reason, clauses: Vec<ClauseRef>) -> Self {
        Self { permitted: false, clauses, reason }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Reason::Permitted => f.write_str("permitted by")?,
            Reason::ForbiddenBy => f.write_str("refused: forbidden by")?,
            Reason::NothingPermits => f.write_str("refused: no clause permits it")?,
            Reason::EvaluationError(fault) => write!(f, "refused: a clause cannot be evaluated: {fault}")?,
            Reason::Floor(floor) => write!(f, "refused: {floor}")?,
        }
        self.clauses.iter().try_for_each(|clause| write!(f, "\n  {clause}"))
    }
}
