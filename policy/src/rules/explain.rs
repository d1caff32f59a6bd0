//! Why a request is permitted or refused, clause by clause and in plain words.

use std::fmt;

use serde::Serialize;

use crate::class::RecordClass;

use super::{
    Rulebook,
    attribute::Attribute,
    decision::{ClauseRef, Decision, Reason},
    facts::{AskContext, Facts, SearchContext},
    set::Clause,
    space::Constraint,
};

/// What was asked, what the rules say, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The request: every attribute it is decided on.
    pub request: Vec<Constraint>,
    /// The decision.
    pub decision: Decision,
    /// The clauses that decided it, taken apart. When nothing permits: every clause that permits
    /// this kind of request under other circumstances, the nearest first.
    pub clauses: Vec<ClauseReport>,
}

/// One clause against one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClauseReport {
    /// The clause.
    pub clause: ClauseRef,
    /// Whether it permits or forbids.
    pub permits: bool,
    /// Its conditions, all of which must hold for it to apply.
    pub conditions: Vec<ConditionReport>,
}

/// One condition against one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConditionReport {
    /// The condition in plain words.
    pub words: String,
    /// The condition as it stands in the rules.
    pub cedar: String,
    /// Whether it holds, or why it cannot be evaluated.
    pub holds: Result<bool, String>,
    /// What the request says about the attributes it looks at.
    pub found: Vec<Constraint>,
}

impl Rulebook {
    /// Why this query is permitted or refused.
    #[must_use]
    pub fn explain(&self, context: &AskContext) -> Explanation {
        self.explanation(&Facts::query(context), self.ask(context))
    }

    /// Why records of this class take part or do not.
    #[must_use]
    pub fn explain_search(&self, context: &SearchContext, class: &RecordClass) -> Explanation {
        self.explanation(&Facts::search(context, class), self.search(context, class))
    }

    fn explanation(&self, facts: &Facts, decision: Decision) -> Explanation {
        let mut clauses: Vec<_> = self
            .parts()
            .filter(|clause| match decision.reason {
                Reason::NothingPermits => clause.permits() && clause.concerns(facts),
                _ => decision.clauses.contains(&clause.name),
            })
            .map(|clause| ClauseReport::of(clause, facts))
            .collect();
        // A clause for another purpose is about something else.
        let elsewhere =
            |clause: &ClauseReport| clause.failing().any(|condition| condition.is_about(Attribute::Purpose));
        clauses.sort_by_key(|clause| (elsewhere(clause), clause.failing().count()));
        Explanation { request: said(facts, facts.attributes().iter().copied()), decision, clauses }
    }
}

impl ClauseReport {
    fn of(clause: &Clause, facts: &Facts) -> Self {
        let conditions = clause.conditions.iter().map(|condition| ConditionReport {
            words: condition.words.clone(),
            cedar: condition.cedar.clone(),
            holds: condition.holds(facts),
            found: said(facts, condition.attributes.iter().copied()),
        });
        Self { clause: clause.name.clone(), permits: clause.permits(), conditions: conditions.collect() }
    }

    /// The conditions that do not hold.
    pub fn failing(&self) -> impl Iterator<Item = &ConditionReport> {
        self.conditions.iter().filter(|condition| condition.holds != Ok(true))
    }
}

impl ConditionReport {
    fn is_about(&self, attribute: Attribute) -> bool {
        self.found.iter().any(|constraint| constraint.attribute == attribute)
    }
}

/// What the request says about these attributes, as far as it has them.
fn said(facts: &Facts, attributes: impl Iterator<Item = Attribute>) -> Vec<Constraint> {
    let known = attributes.filter(|attribute| facts.attributes().contains(attribute));
    known.map(|attribute| Constraint { attribute, values: facts.show(attribute) }).collect()
}

/// Constraints on one line.
pub(super) fn line(constraints: &[Constraint]) -> String {
    let parts: Vec<_> = constraints.iter().map(Constraint::to_string).collect();
    parts.join("; ")
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.attribute, self.values)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", line(&self.request))?;
        if self.decision.reason != Reason::NothingPermits {
            writeln!(f, "{}", self.decision)?;
            for clause in &self.clauses {
                writeln!(f, "{} applies because", clause.clause.id)?;
                clause.conditions.iter().try_for_each(|condition| writeln!(f, "  - {condition}"))?;
            }
            return Ok(());
        }
        if self.clauses.is_empty() {
            return writeln!(f, "refused: no clause permits requests of this kind");
        }
        writeln!(f, "refused: no clause permits it. Clauses that would, the nearest first:")?;
        for clause in &self.clauses {
            writeln!(f, "{}", clause.clause)?;
            clause.failing().try_for_each(|condition| writeln!(f, "  - only if {condition}"))?;
        }
        Ok(())
    }
}

impl fmt::Display for ConditionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holds {
            Ok(true) => f.write_str(&self.words),
            Ok(false) => write!(f, "{} (here {})", self.words, line(&self.found)),
            Err(fault) => {
                write!(f, "{} (here {}; cannot be evaluated: {fault})", self.words, line(&self.found))
            }
        }
    }
}

#[cfg(test)]
mod tests;
