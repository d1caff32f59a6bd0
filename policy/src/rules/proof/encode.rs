//! Rules and claims as policy sets of Cedar, which is what the solver's side understands.

use cedar_policy::{Effect, Policy, PolicySet};

use crate::rules::{Rulebook, set::Clause, space::Names};

use super::{
    ProofError,
    assume::{ACTIONS, assumptions},
};

/// The floors, which stand in the program, said as clauses.
const FLOORS: &str = "
forbid (principal, action in [Action::\"Search\", Action::\"Release\"], resource) when { resource.blocked };
forbid (principal, action in [Action::\"Search\", Action::\"Release\"], resource)
when { resource.provenance == Provenance::\"eu\" };
";

/// Clauses from which policy sets are put together.
pub(super) struct Parts {
    floors: Vec<Policy>,
    /// Forbids whatever does not meet the assumptions.
    assumed: Vec<Policy>,
    /// The assumptions themselves, for the report.
    pub(super) texts: Vec<String>,
}

impl Parts {
    pub(super) fn new(names: &Names) -> Result<Self, ProofError> {
        let mut assumed = String::new();
        let mut listed: Vec<(String, Vec<&str>)> = Vec::new();
        for action in ACTIONS {
            let all = assumptions(action, names);
            for text in &all {
                match listed.iter_mut().find(|(known, _)| known == text) {
                    Some((_, actions)) => actions.push(action),
                    None => listed.push((text.clone(), vec![action])),
                }
            }
            let joined: Vec<_> = all.iter().map(|text| format!("({text})")).collect();
            let joined = joined.join(" && ");
            assumed += &format!(
                "forbid (principal, action == Action::\"{action}\", resource) unless {{ {joined} }};\n"
            );
        }
        let texts =
            listed.into_iter().map(|(text, actions)| format!("{}: {text}", actions.join(", "))).collect();
        Ok(Self { floors: policies(FLOORS)?, assumed: policies(&assumed)?, texts })
    }

    /// What a rulebook permits of requests that meet the assumptions.
    pub(super) fn permitted(&self, book: &Rulebook) -> Result<PolicySet, ProofError> {
        let clauses = book.parts().map(|clause| clause.policy.clone());
        together(clauses.chain(self.floors.iter().cloned()).chain(self.assumed.iter().cloned()))
    }

    /// What some clauses permit, with nothing assumed and no floor: the right side of an implication.
    pub(super) fn plain<'a>(&self, book: &'a Rulebook) -> Result<PolicySet, ProofError> {
        let clauses = book.parts().map(|clause: &'a Clause| clause.policy.clone());
        together(clauses.chain(self.floors.iter().cloned()))
    }

    /// Permits where a clause applies and the assumptions are met; the floors are left out.
    pub(super) fn applies(&self, clause: &Clause) -> Result<PolicySet, ProofError> {
        together(std::iter::once(permitting(&clause.policy)?).chain(self.assumed.iter().cloned()))
    }

    /// Permits where `clause` applies, and no clause of the book that forbids does.
    pub(super) fn unhindered(&self, clause: &Clause, book: &Rulebook) -> Result<PolicySet, ProofError> {
        let forbids = book.parts().filter(|other| !other.permits()).map(|other| other.policy.clone());
        let all = forbids.chain(self.floors.iter().cloned()).chain(self.assumed.iter().cloned());
        together(std::iter::once(clause.policy.clone()).chain(all))
    }

    /// Permits where some clause of the book that permits applies.
    pub(super) fn permits(&self, book: &Rulebook) -> Result<PolicySet, ProofError> {
        together(book.parts().filter(|clause| clause.permits()).map(|clause| clause.policy.clone()))
    }

    /// A clause behind the assumptions, so that it is evaluated only where they are met.
    pub(super) fn guarded(&self, clause: &Clause) -> Result<Vec<Policy>, ProofError> {
        let mut guarded = Vec::new();
        for assumed in &self.assumed {
            let (mut json, assumed) = (json(&clause.policy)?, json(assumed)?);
            let Some(serde_json::Value::Array(conditions)) = json.get_mut("conditions") else {
                return Err(ProofError::Encode("a clause has no list of conditions".to_owned()));
            };
            let body = assumed.pointer("/conditions/0/body").cloned().unwrap_or_default();
            conditions.insert(0, serde_json::json!({ "kind": "when", "body": body }));
            guarded.push(policy(&clause.policy, json)?);
        }
        Ok(guarded)
    }
}

/// A claim as clauses of Cedar.
pub(super) fn claim(text: &str) -> Result<PolicySet, ProofError> {
    together(policies(text)?)
}

fn permitting(clause: &Policy) -> Result<Policy, ProofError> {
    if clause.effect() == Effect::Permit {
        return Ok(clause.clone());
    }
    let mut json = json(clause)?;
    if let Some(effect) = json.get_mut("effect") {
        *effect = serde_json::Value::from("permit");
    }
    policy(clause, json)
}

fn json(policy: &Policy) -> Result<serde_json::Value, ProofError> {
    policy.to_json().map_err(|e| ProofError::Encode(e.to_string()))
}

fn policy(of: &Policy, json: serde_json::Value) -> Result<Policy, ProofError> {
    Policy::from_json(Some(of.id().clone()), json).map_err(|e| ProofError::Encode(e.to_string()))
}

fn policies(text: &str) -> Result<Vec<Policy>, ProofError> {
    let set: PolicySet = text.parse().map_err(|e| ProofError::Encode(format!("{e}: {text}")))?;
    Ok(set.policies().cloned().collect())
}

/// A set of these clauses, under names of their own.
fn together(clauses: impl IntoIterator<Item = Policy>) -> Result<PolicySet, ProofError> {
    let named = clauses.into_iter().enumerate();
    let named = named.map(|(i, clause)| clause.new_id(cedar_policy::PolicyId::new(format!("clause{i}"))));
    PolicySet::from_policies(named).map_err(|e| ProofError::Encode(e.to_string()))
}
