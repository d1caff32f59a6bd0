//! Ready clauses, and ready rules for three kinds of agreement, to begin a draft with.
//!
//! Every clause names the article it implements, of the agreement's own numbering first, and has its
//! title in six languages. `PARTY-A` and `PARTY-B` stand for the party that asks and the one that
//! answers where a clause treats them differently; as they stand, such clauses let nobody ask.

use std::sync::OnceLock;

use crate::words::AgencyCode;

use super::{
    decision::{ClauseRef, Kind},
    error::RuleErrors,
    set::RuleSet,
};

/// Shared rules for two agencies after the PCC SEE automated exchange agreement of 2018: a sound
/// place to start a draft. They name no agency.
pub const PCC_BILATERAL: &str = include_str!("library/pcc-bilateral.cedar");

/// National rules to start from: closed hours, a smaller batch, caution with an unbalanced partner.
pub const NATIONAL_EXAMPLE: &str = include_str!("library/national-example.cedar");

/// Clauses that a bilateral agreement of the usual kind does without.
const FURTHER: &str = include_str!("library/clauses.cedar");

/// Every ready clause: those of the bilateral agreement, then the others.
///
/// # Errors
/// None in fact: a test reads the library.
pub fn library() -> Result<&'static [RuleSet], RuleErrors> {
    static READ: OnceLock<Result<Vec<RuleSet>, RuleErrors>> = OnceLock::new();
    let read =
        || [PCC_BILATERAL, FURTHER].into_iter().map(|text| RuleSet::parse(text, Kind::Shared)).collect();
    READ.get_or_init(read).as_deref().map_err(Clone::clone)
}

/// A ready clause by its `@id`: what it is called, and its text.
///
/// # Errors
/// As [`library`].
pub fn ready_clause(id: &str) -> Result<Option<(&'static ClauseRef, &'static str)>, RuleErrors> {
    let found = library()?.iter().find_map(|set| {
        let name = set.clauses().find(|clause| clause.id == id)?;
        Some((name, set.clause_text(id)?))
    });
    Ok(found)
}

/// A kind of agreement for which there are ready rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Two agencies that ask and answer alike.
    PccSee,
    /// One agency asks and the other answers.
    AskOnly,
    /// One agency asks and only ever receives numbers.
    Observer,
}

impl Ready {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::PccSee, Self::AskOnly, Self::Observer];

    /// What it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PccSee => "pcc-see",
            Self::AskOnly => "ask-only",
            Self::Observer => "observer",
        }
    }

    /// What it is, in a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::PccSee => "two agencies that ask and answer alike, after the PCC SEE agreement of 2018",
            Self::AskOnly => "one agency asks, on the same terms, and is never asked",
            Self::Observer => "one agency asks for counts and never receives anything else",
        }
    }

    /// Whether it tells the party that asks from the one that answers.
    pub fn names_parties(self) -> bool {
        self != Self::PccSee
    }

    /// The text of the rules, with the party that asks and the one that answers put in.
    ///
    /// # Errors
    /// As [`library`].
    pub fn text(self, parties: Option<(&AgencyCode, &AgencyCode)>) -> Result<String, RuleErrors> {
        if self == Self::PccSee {
            return Ok(PCC_BILATERAL.to_owned());
        }
        let own: &[&str] = match self {
            Self::PccSee => &[],
            Self::AskOnly => &["case-demanded", "one-asks", "one-is-searched"],
            Self::Observer => &[
                "ask-statistics",
                "k-anonymous",
                "no-query-just-in-case",
                "quota",
                "search-statistics",
                "own-citizens",
                "onward",
                "aggregates-only",
                "aggregates-only-records",
                "one-asks",
                "one-is-searched",
            ],
        };
        let mut ids: Vec<&str> = Vec::new();
        if self == Self::AskOnly {
            ids.extend(library()?.iter().take(1).flat_map(RuleSet::clauses).map(|clause| clause.id.as_str()));
        }
        ids.extend(own);
        let mut text = format!("// Shared rules for {}: {}.\n", self.as_str(), self.about());
        for id in ids {
            if let Some((_, clause)) = ready_clause(id)? {
                text.push('\n');
                text.push_str(clause);
                text.push('\n');
            }
        }
        Ok(match parties {
            None => text,
            Some((asker, holder)) => {
                text.replace("PARTY-A", asker.as_str()).replace("PARTY-B", holder.as_str())
            }
        })
    }
}

#[cfg(test)]
mod tests;
