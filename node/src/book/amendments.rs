//! Agreements and what takes their place.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use symbolon_policy::{
    agreement::Terms,
    permit::InForce,
    rules::RuleSet,
    words::{AgreementId, Timestamp},
};

use super::Book;
use crate::{control::api::Failure, journal::Event, state::Accepted};

/// All agreements, each with what it amends and what amends it.
///
/// # Errors
/// An integrity [`Failure`] if one no longer stands.
pub(super) fn join(
    mut accepted: Vec<Accepted>,
    national: Option<&RuleSet>,
) -> Result<BTreeMap<AgreementId, Arc<InForce>>, Failure> {
    let broken = |e: &dyn std::fmt::Display| {
        Failure::integrity(format!("an accepted agreement no longer stands: {e}"))
    };
    let mut terms: BTreeMap<AgreementId, Terms> = BTreeMap::new();
    let mut over: BTreeSet<AgreementId> = BTreeSet::new();
    for accepted in &accepted {
        let id = accepted.agreement.id().map_err(|e| broken(&e))?;
        terms.insert(id, accepted.agreement.terms.clone());
        over.extend(accepted.revoked.is_some().then_some(id));
    }
    // The latest first: what amends an agreement begins later than it.
    accepted.sort_by_key(|accepted| std::cmp::Reverse(accepted.agreement.terms.valid_from));
    let mut joined: BTreeMap<AgreementId, Arc<InForce>> = BTreeMap::new();
    let mut instead: BTreeMap<AgreementId, Arc<InForce>> = BTreeMap::new();
    for Accepted { agreement, revoked, effective } in accepted {
        let in_force = InForce::new(&agreement, national.cloned()).map_err(|e| broken(&e))?;
        let in_force = in_force.after(before(&agreement.terms, &terms));
        // What would have amended an agreement that was revoked before does not bring it back.
        let void = !effective && agreement.terms.amends.is_some_and(|amended| over.contains(&amended));
        let in_force = if revoked.is_some() || void { in_force.revoke() } else { in_force };
        let id = in_force.id();
        let in_force = match instead.get(&id) {
            Some(next) => in_force.until(next.clone()),
            None => in_force,
        };
        let in_force = Arc::new(in_force);
        // One that was revoked before its time changes nothing; one that took effect is not undone.
        if let Some(amended) = agreement.terms.amends.filter(|_| (revoked.is_none() && !void) || effective) {
            instead.insert(amended, in_force.clone());
        }
        joined.insert(id, in_force);
    }
    Ok(joined)
}

/// The terms whose place these took, the latest first.
fn before(terms: &Terms, all: &BTreeMap<AgreementId, Terms>) -> Vec<(AgreementId, Terms)> {
    let mut before: Vec<(AgreementId, Terms)> = Vec::new();
    let mut next = terms.amends;
    while let Some(id) = next
        && let Some(terms) = all.get(&id)
        && before.iter().all(|(known, _)| *known != id)
    {
        before.push((id, terms.clone()));
        next = terms.amends;
    }
    before
}

impl Book {
    /// Records that amendments took effect, so that nothing that comes later can undo them.
    ///
    /// # Errors
    /// A [`Failure`] if it cannot be recorded.
    pub(crate) fn amendments_take_effect(&self, now: Timestamp) -> Result<(), Failure> {
        let all = self.state.agreements()?;
        let revoked_before: Vec<_> = all.iter().filter(|one| one.revoked.is_some()).collect();
        let over = revoked_before.iter().map(|one| one.agreement.id()).collect::<Result<BTreeSet<_>, _>>();
        let over = over.map_err(|e| Failure::integrity(e.to_string()))?;
        for Accepted { agreement, revoked, effective } in all {
            let Some(amended) = agreement.terms.amends.filter(|amended| !over.contains(amended)) else {
                continue;
            };
            if revoked.is_none() && !effective && now >= agreement.terms.valid_from {
                let id = agreement.id().map_err(|e| Failure::integrity(e.to_string()))?;
                tracing::info!(agreement = %id, %amended, "an amendment took effect");
                self.record(&Event::AgreementAmended { agreement: id, amended })?;
            }
        }
        Ok(())
    }
}
