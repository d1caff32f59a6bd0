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
mod axis;
mod condition;
mod cuts;
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
mod request;
mod ruling;
mod scan;
mod schema;
mod set;
mod simulate;
mod slice;
mod space;
mod table;
mod treaty;

use std::sync::{Arc, OnceLock};

use cedar_policy::{Decision as Verdict, PolicySet};

use crate::class::RecordClass;

pub use attribute::Attribute;
pub use cuts::Cuts;
pub use decision::{ClauseRef, Decision, Floor, Kind, Reason};
pub use diff::{ChangedRegion, Changes, Diff, diff};
pub use error::{RuleErrors, RuleFault};
pub use explain::{ClauseReport, ConditionReport, Explanation};
pub use explain_slice::{Classes, Keeper, KeptOut, SliceReport};
pub use facts::{AskContext, ExchangeKind, ReleaseContext, SearchContext};
pub use language::{Language, UnknownLanguage};
pub use library::{NATIONAL_EXAMPLE, PCC_BILATERAL, Ready, library, ready_clause};
pub use request::Request;
pub use ruling::Ruling;
pub use scan::{MAX_CLAUSE, MAX_CLAUSES, MAX_DEPTH, MAX_OPERATORS, MAX_TEXT};
pub use schema::SCHEMA;
pub use set::RuleSet;
pub use simulate::{Change, Past, Sample, Simulation, Tally, simulate};
pub use slice::Slice;
pub use space::{Constraint, SpaceError};
pub use treaty::{Article, Treaty};

use facts::Facts;
use ruling::Said;
use set::Clause;
use table::{Action, Table, ones};

/// The rules one node goes by with one partner.
#[derive(Clone, Debug)]
pub struct Rulebook {
    shared: RuleSet,
    national: Option<RuleSet>,
    policies: PolicySet,
    tables: Arc<Tables>,
}

/// Made when the first request of their kind is decided.
#[derive(Debug, Default)]
struct Tables {
    queries: [OnceLock<Option<Table>>; ExchangeKind::ALL.len()],
    searches: OnceLock<Option<Table>>,
    releases: OnceLock<Option<Table>>,
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
        let parts = shared.parts().chain(national.iter().flat_map(RuleSet::parts));
        let policies = PolicySet::from_policies(parts.map(|clause| clause.policy.clone()))
            .map_err(|e| RulebookError::Join(e.to_string()))?;
        Ok(Self { shared, national, policies, tables: Arc::default() })
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
        self.rule(Request::Query(context)).decision()
    }

    /// Do records of this class take part?
    pub fn search(&self, context: &SearchContext, class: &RecordClass) -> Decision {
        self.rule(Request::Search(context, class)).decision()
    }

    /// Which classes of records take part: decided for every class once.
    #[must_use]
    pub fn slice(&self, context: &SearchContext) -> Slice {
        // Makes the table before many threads want it at once.
        let first = slice::class(0);
        self.table(&Request::Search(context, &first));
        Slice::new(|class| self.rule(Request::Search(context, class)).permitted())
    }

    /// May this field of records of this class be released?
    pub fn release(&self, context: &ReleaseContext, class: &RecordClass) -> Decision {
        self.rule(Request::Release(context, class)).decision()
    }

    /// Decides a request by its class. The answer is that of [`Rulebook::consult`], found in a table that is
    /// made at the first request of its kind (see `rules/table.rs`); what no table holds is put to Cedar.
    pub fn rule(&self, request: Request<'_>) -> Ruling<'_> {
        if let Some(floor) = request.floor() {
            return Ruling(Said::Floor(floor));
        }
        let found = self.table(&request).filter(|_| request.is_usual());
        let found = found.and_then(|table| Some((table, table.find(&request)?)));
        let said = match found {
            None => Said::Decided(Box::new(self.decide(&request.facts()))),
            Some((table, found)) if found.open => {
                let named =
                    |bits| ones(bits).filter_map(|place| table.names.get(place)).cloned().collect::<Vec<_>>();
                let (permits, forbids) = (named(found.permits), named(found.forbids));
                Said::Decided(Box::new(self.put(&request.facts(), &table.rest, permits, forbids)))
            }
            Some((table, found)) if table::any(&found.forbids) => Said::Forbidden(table, found.forbids),
            Some((table, found)) if table::any(&found.permits) => Said::Permitted(table, found.permits),
            Some(_) => Said::NothingPermits,
        };
        Ruling(said)
    }

    /// Puts a request to Cedar itself, with all clauses. Slower than [`Rulebook::rule`], and what that is
    /// held to.
    pub fn consult(&self, request: Request<'_>) -> Decision {
        match request.floor() {
            Some(floor) => Decision::refused(Reason::Floor(floor), Vec::new()),
            None => self.decide(&request.facts()),
        }
    }

    fn table(&self, request: &Request<'_>) -> Option<&Table> {
        let (table, action) = match request {
            Request::Query(ask) => {
                (self.tables.queries.get(ask.exchange as usize)?, Action::Query(ask.exchange))
            }
            Request::Search(..) => (&self.tables.searches, Action::Search),
            Request::Release(..) => (&self.tables.releases, Action::Release),
        };
        if table.get().is_none() {
            // Not within the lock: a table is made on a pool of threads, and one that waits there for the others may
            // meanwhile begin another decision by these rules, which would then wait for itself.
            let made = Table::new(&self.parts().collect::<Vec<_>>(), action);
            table.get_or_init(|| made);
        }
        table.get()?.as_ref()
    }

    /// Decides a request whose numbers need not follow from one another.
    fn judge(&self, facts: &Facts) -> Decision {
        let floor = match facts {
            Facts::Search { class, .. } | Facts::Release { class, .. } => Floor::of(class),
            Facts::Query { .. } => None,
        };
        match floor {
            Some(floor) => Decision::refused(Reason::Floor(floor), Vec::new()),
            None => self.decide(facts),
        }
    }

    fn decide(&self, facts: &Facts) -> Decision {
        self.put(facts, &self.policies, Vec::new(), Vec::new())
    }

    /// Puts a request to Cedar with some clauses, when of the others these apply.
    fn put(
        &self,
        facts: &Facts,
        policies: &PolicySet,
        mut permits: Vec<ClauseRef>,
        mut forbids: Vec<ClauseRef>,
    ) -> Decision {
        let response = match facts.put(policies) {
            Ok(response) => response,
            Err(fault) => return Decision::refused(Reason::EvaluationError(fault), Vec::new()),
        };
        let named = |id: &str| {
            self.parts()
                .find(|clause| clause.policy.id().as_ref() as &str == id)
                .map(|clause| clause.name.clone())
        };
        let errors = response.diagnostics().errors();
        let mut errors: Vec<_> = errors.map(|error| (named(error_id(error)), error)).collect();
        errors.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some((_, first)) = errors.first() {
            let reason = Reason::EvaluationError(first.to_string());
            return Decision::refused(reason, errors.into_iter().filter_map(|(name, _)| name).collect());
        }
        let reasons = response.diagnostics().reason().filter_map(|id| named(id.as_ref()));
        match response.decision() {
            Verdict::Allow => permits.extend(reasons),
            Verdict::Deny => forbids.extend(reasons),
        }
        permits.sort();
        forbids.sort();
        match (forbids.is_empty(), permits.is_empty()) {
            (false, _) => Decision::refused(Reason::ForbiddenBy, forbids),
            (true, false) => Decision { permitted: true, clauses: permits, reason: Reason::Permitted },
            (true, true) => Decision::refused(Reason::NothingPermits, Vec::new()),
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Clause> {
        self.shared.parts().chain(self.national.iter().flat_map(RuleSet::parts))
    }
}

fn error_id(error: &cedar_policy::AuthorizationError) -> &str {
    match error {
        cedar_policy::AuthorizationError::PolicyEvaluationError(error) => error.policy_id().as_ref(),
    }
}

#[cfg(test)]
mod tests;
