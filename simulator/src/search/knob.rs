//! What a counter-proposal may change.

use symbolon_policy::{
    rules::ready_clause,
    words::{Field, Purpose},
};
use toml::Value;

use crate::{
    proposal::{CANARY_SHARES, Proposal, ProposalError},
    report::{Words, every},
    scenario::{Fault, Scenario},
};

/// A knob that cannot be turned so.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum KnobError {
    /// The terms do not take it.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// A value of another kind is expected.
    #[error("`{path}` takes {takes}, and {value} is not")]
    Value {
        /// The knob.
        path: String,
        /// What it takes.
        takes: &'static str,
        /// What it was given.
        value: String,
    },
}

/// The same proposal with a knob at a value. Paths:
///
/// * `clause:ID`: `true` if the clause is to be there, from the library where the proposal lacks it; `false` if not;
/// * `field:NAME`: `false` if the field is never to be released;
/// * `purpose:CODE`: `false` if nothing is to be asked for it;
/// * `canary_share`: a share from 0 to 0.5;
/// * anything else: a path of the terms, as [`Proposal::set`] takes it.
///
/// # Errors
/// [`KnobError`] if terms or rules do not stand with it.
pub fn turn(proposal: &Proposal, path: &str, value: &Value) -> Result<Proposal, KnobError> {
    let wrong = |takes| KnobError::Value { path: path.to_owned(), takes, value: value.to_string() };
    let yes = || value.as_bool().ok_or_else(|| wrong("true or false"));
    if let Some(id) = path.strip_prefix("clause:") {
        let there = proposal.clauses().iter().any(|clause| clause.id == id);
        return Ok(match (yes()?, there) {
            (true, _) => proposal.with_ready_clause(id)?,
            (false, true) => proposal.without_clause(id)?,
            (false, false) => proposal.clone(),
        });
    }
    if let Some(field) = path.strip_prefix("field:") {
        let field: Field = field.parse().map_err(ProposalError::Word)?;
        return without(proposal, yes()?, &format!("field-{field}"), || field_rule(field), path);
    }
    if let Some(purpose) = path.strip_prefix("purpose:") {
        let purpose: Purpose = purpose.parse().map_err(ProposalError::Word)?;
        return without(proposal, yes()?, &format!("purpose-{purpose}"), || purpose_rule(purpose), path);
    }
    if path == "canary_share" {
        let share = value.as_float().or_else(|| value.as_integer().map(|share| share as f64));
        let share = share
            .filter(|share| CANARY_SHARES.contains(share))
            .ok_or_else(|| wrong("a share from 0 to 0.5"))?;
        return Ok(Proposal { canary_share: share, ..proposal.clone() });
    }
    Ok(proposal.set(path, value)?)
}

/// What of the knobs of a scenario can be turned in none of its proposals.
pub(crate) fn faults(scenario: &Scenario, proposals: &[Proposal]) -> Vec<Fault> {
    let bases: Vec<&Proposal> = proposals.iter().filter(|base| !base.deals.is_empty()).collect();
    let mut found = Vec::new();
    for (place, knob) in scenario.search.iter().flat_map(|search| &search.knobs).enumerate() {
        for (at, value) in knob.values.iter().enumerate() {
            let Some(error) = fault(&bases, &knob.path, value) else { continue };
            let key = match &error {
                KnobError::Proposal(ProposalError::Missing { .. } | ProposalError::Word(_)) => {
                    "path".to_owned()
                }
                _ => format!("values[{at}]"),
            };
            let path = format!("search.knobs[{place}].{key}");
            let what = format!("cannot be turned so: {error}");
            found.push(Fault { line: scenario.line(&path), path, what });
        }
    }
    found.dedup();
    found
}

fn fault(bases: &[&Proposal], path: &str, value: &Value) -> Option<KnobError> {
    let mut last = None;
    for base in bases {
        match turn(base, path, value) {
            Ok(_) => {
                // That a clause is not there is no fault, unless nobody knows it.
                let id = path.strip_prefix("clause:")?;
                let known = bases.iter().any(|base| base.clauses().iter().any(|clause| clause.id == id))
                    || matches!(ready_clause(id), Ok(Some(_)));
                let (proposal, what) = (base.id.clone(), format!("clause `{id}`, and the library has none"));
                return (!known).then_some(ProposalError::Missing { proposal, what }.into());
            }
            // With another knob turned too it may stand.
            Err(KnobError::Proposal(ProposalError::Terms { .. })) => return None,
            Err(error) => last = Some(error),
        }
    }
    last
}

/// With a prohibition, unless it is allowed or prohibited already.
fn without(
    proposal: &Proposal,
    allowed: bool,
    id: &str,
    rule: impl FnOnce() -> String,
    path: &str,
) -> Result<Proposal, KnobError> {
    let id = id.to_lowercase().replace('_', "-");
    let there = proposal.clauses().iter().any(|clause| clause.id == id);
    if allowed || there {
        return Ok(proposal.clone());
    }
    Ok(proposal.with_rules(&format!("@id(\"{id}\")\n@article(\"counter-proposal\")\n{}", rule()), path)?)
}

/// A title in every language.
fn titles(title: impl Fn(&Words) -> String) -> String {
    let line = |words: &Words| {
        let language = words.language().as_str().replace('-', "_");
        format!("@title_{language}(\"{}\")\n", title(words))
    };
    every().iter().map(line).collect()
}

fn field_rule(field: Field) -> String {
    let titles = titles(|words| words.with("l-field", &[("field", &words.field(field))]));
    format!(
        "{titles}forbid (principal, action == Action::\"Release\", resource)\nwhen {{ context.field == \
         Field::\"{field}\" }};"
    )
}

fn purpose_rule(purpose: Purpose) -> String {
    let titles = titles(|words| words.with("l-purpose", &[("purpose", &words.purpose(purpose))]));
    format!(
        "{titles}forbid (principal, action in [Action::\"QueryExact\", Action::\"QueryCount\", \
         Action::\"QueryMatch\"], resource)\nwhen {{ context.purpose == Purpose::\"{purpose}\" }};"
    )
}
