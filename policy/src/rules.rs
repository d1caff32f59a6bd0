//! Rules: what may be asked and which records take part, in the Cedar language.
//!
//! A rulebook joins the shared rules, which both agencies signed, with the node's own national
//! rules, which can only forbid. Nothing is permitted unless a shared clause permits it; any clause
//! that forbids, or that cannot be evaluated, refuses. (Cedar itself skips a clause that fails; a
//! `forbid` that fails would then forbid nothing.) Rules see queries and classes of records, never
//! an identifier, a template or a field, and the slice is fixed before any cryptography starts, so
//! a suppressed record is the same as an absent one.
//!
//! Source: Cedar language, docs.cedarpolicy.com; the schema is `rules/symbolon.cedarschema`.

mod attribute;
mod condition;
mod decision;
mod diagram;
mod diff;
mod error;
mod explain;
mod explain_slice;
mod facts;
mod language;
mod library;
mod plain;
pub mod proof;
mod scan;
mod schema;
mod set;
mod simulate;
mod slice;
mod space;
mod treaty;

use cedar_policy::{Decision as Verdict, PolicySet};

use crate::class::RecordClass;

pub use attribute::Attribute;
pub use decision::{ClauseRef, Decision, Floor, Kind, Reason};
pub use diff::{ChangedRegion, Changes, Diff, diff};
pub use error::{RuleErrors, RuleFault};
pub use explain::{ClauseReport, ConditionReport, Explanation};
pub use explain_slice::{Classes, Keeper, KeptOut, SliceReport};
pub use facts::{AskContext, ExchangeKind, ReleaseContext, SearchContext};
pub use language::{Language, UnknownLanguage};
pub use library::{NATIONAL_EXAMPLE, PCC_BILATERAL, Ready, library, ready_clause};
pub use scan::{MAX_CLAUSE, MAX_CLAUSES, MAX_DEPTH, MAX_OPERATORS, MAX_TEXT};
pub use schema::SCHEMA;
pub use set::RuleSet;
pub use simulate::{Change, Sample, Simulation, Tally, simulate};
pub use slice::Slice;
pub use space::{Constraint, SpaceError};
pub use treaty::{Article, Treaty};

use facts::Facts;
use set::Clause;

/// The rules one node goes by with one partner.
#[derive(Clone, Debug)]
pub struct Rulebook {
    shared: RuleSet,
    national: Option<RuleSet>,
    policies: PolicySet,
}

/// Rule sets that cannot stand together in one rulebook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulebookError {
    /// A set was read as the other kind.
    #[error("{found} rules were given in the place of {wanted} rules; read them as {wanted} rules")]
    Kind {
        /// The kind the place asks for.
        wanted: Kind,
        /// The kind that was given.
        found: Kind,
    },
    /// Cedar refused to join the sets.
    #[error("the rules cannot be joined: {0}")]
    Join(String),
}

impl Rulebook {
    /// Joins shared and national rules.
    ///
    /// # Errors
    ///
    /// [`RulebookError::Kind`] if a set was read as the other kind.
    pub fn new(shared: RuleSet, national: Option<RuleSet>) -> Result<Self, RulebookError> {
        let places = [(Kind::Shared, Some(&shared)), (Kind::National, national.as_ref())];
        for (wanted, set) in places {
            if let Some(found) = set.map(RuleSet::kind).filter(|found| *found != wanted) {
                return Err(RulebookError::Kind { wanted, found });
            }
        }
        let parts = shared.parts().iter().chain(national.iter().flat_map(RuleSet::parts));
        let policies = PolicySet::from_policies(parts.map(|clause| clause.policy.clone()))
            .map_err(|e| RulebookError::Join(e.to_string()))?;
        Ok(Self { shared, national, policies })
    }

    /// The rules both agencies signed.
    pub fn shared(&self) -> &RuleSet {
        &self.shared
    }

    /// This node's own rules, if it has any.
    pub fn national(&self) -> Option<&RuleSet> {
        self.national.as_ref()
    }

    /// May this query be put to this register?
    pub fn ask(&self, context: &AskContext) -> Decision {
        self.decide(&Facts::query(context))
    }

    /// Do records of this class take part?
    pub fn search(&self, context: &SearchContext, class: &RecordClass) -> Decision {
        match Floor::of(class) {
            Some(floor) => Decision::refused(Reason::Floor(floor), Vec::new()),
            None => self.decide(&Facts::search(context, class)),
        }
    }

    /// Which classes of records take part: decided for every class once.
    #[must_use]
    pub fn slice(&self, context: &SearchContext) -> Slice {
        Slice::new(|class| self.search(context, class).permitted)
    }

    /// May this field of records of this class be released?
    pub fn release(&self, context: &ReleaseContext, class: &RecordClass) -> Decision {
        match Floor::of(class) {
            Some(floor) => Decision::refused(Reason::Floor(floor), Vec::new()),
            None => self.decide(&Facts::release(context, class)),
        }
    }

    /// Decides one request of either kind, floors included.
    fn judge(&self, facts: &Facts) -> Decision {
        match facts {
            Facts::Search { search, class } => self.search(search, class),
            Facts::Release { release, class } => self.release(release, class),
            Facts::Query { .. } => self.decide(facts),
        }
    }

    fn decide(&self, facts: &Facts) -> Decision {
        let response = match facts.put(&self.policies) {
            Ok(response) => response,
            Err(fault) => return Decision::refused(Reason::EvaluationError(fault), Vec::new()),
        };
        let named = |ids: &[&str]| {
            let mut clauses: Vec<_> = self
                .parts()
                .filter(|clause| ids.contains(&clause.policy.id().as_ref()))
                .map(|clause| clause.name.clone())
                .collect();
            clauses.sort();
            clauses
        };
        let errors: Vec<_> = response.diagnostics().errors().collect();
        if let Some(first) = errors.first() {
            let ids: Vec<&str> = errors.iter().map(|error| error_id(error)).collect();
            return Decision::refused(Reason::EvaluationError(first.to_string()), named(&ids));
        }
        let ids: Vec<&str> = response.diagnostics().reason().map(AsRef::as_ref).collect();
        match response.decision() {
            Verdict::Allow => Decision { permitted: true, clauses: named(&ids), reason: Reason::Permitted },
            Verdict::Deny if ids.is_empty() => Decision::refused(Reason::NothingPermits, Vec::new()),
            Verdict::Deny => Decision::refused(Reason::ForbiddenBy, named(&ids)),
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Clause> {
        self.shared.parts().iter().chain(self.national.iter().flat_map(RuleSet::parts))
    }
}

fn error_id(error: &cedar_policy::AuthorizationError) -> &str {
    match error {
        cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id().as_ref(),
    }
}

#[cfg(test)]
mod tests;
