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
    for accepted in &accepted {
        terms.insert(accepted.agreement.id().map_err(|e| broken(&e))?, accepted.agreement.terms.clone());
    }
    let over = revoked(&accepted)?;
    // The latest first: what amends an agreement begins later than it.
    accepted.sort_by_key(|accepted| std::cmp::Reverse(accepted.agreement.terms.valid_from));
    let mut joined: BTreeMap<AgreementId, Arc<InForce>> = BTreeMap::new();
    let mut instead: BTreeMap<AgreementId, Arc<InForce>> = BTreeMap::new();
    for Accepted { agreement, revoked, effective } in accepted {
        let in_force = InForce::new(&agreement, national.cloned()).map_err(|e| broken(&e))?;
        let in_force = in_force.after(before(&agreement.terms, &terms));
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

/// Agreements that were revoked. What would have amended one of them, and had not yet, does not bring it back.
fn revoked(accepted: &[Accepted]) -> Result<BTreeSet<AgreementId>, Failure> {
    let revoked = accepted.iter().filter(|accepted| accepted.revoked.is_some());
    let ids = revoked.map(|accepted| accepted.agreement.id()).collect::<Result<_, _>>();
    ids.map_err(|e| Failure::integrity(e.to_string()))
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
        let over = self::revoked(&all)?;
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
