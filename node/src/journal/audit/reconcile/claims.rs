//! Whether two journals tell the same of claims and of what was released.
//!
//! Each side journals its own word before the other has it: the asker its claim and that it has a release, the holder
//! what it found and what it releases. Steps of people stand in one journal each, and only what a side has said of them
//! to the other in signed words can be held against it: the asker names who verified a hit in its claim; the holder
//! says until when it decides, which a stopped clock moves, in its outcome, and who approved in its releases.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::{
    case::Found,
    claim::Claim,
    words::{AgencyCode, ClaimId},
};

use super::{Difference, Reconciliation, may_be_under_way, weight};
use crate::journal::{
    Side,
    audit::{
        Import, Weight,
        claims::{Kept, Known},
    },
};

/// The claims of `asker` to `holder`.
pub(super) fn compare(found: &mut Reconciliation, asker: &Import, holder: &Import) {
    let sides = [(asker, Side::Asker), (holder, Side::Holder)];
    let between = sides.map(|(import, side)| -> BTreeSet<ClaimId> {
        let claims = import.history.claims.on(side).filter(|(_, known)| {
            let claim = &known.case.claim;
            claim.asker == asker.agency && claim.holder == holder.agency
        });
        claims.map(|(id, _)| *id).collect()
    });
    let [made, heard] = between;
    for id in made.union(&heard) {
        let [made, heard] = sides.map(|(import, side)| import.history.claims.get(side, id));
        let alike = claim(found, *id, (made, asker), (heard, holder));
        releases(found, *id, (made, asker), (heard, holder));
        if let (true, Some(made), Some(heard)) = (alike, made, heard) {
            steps(found, *id, (made, asker), (heard, holder));
        }
    }
    refusals(found, asker, holder);
    verifications(found, asker, holder);
}

/// What the holder signed of the steps of a case must be what its journal tells of them, but for an export from before.
fn steps(
    found: &mut Reconciliation,
    id: ClaimId,
    (made, asker): (&Known, &Import),
    (heard, holder): (&Known, &Import),
) {
    if let Some((outcome, place)) = &made.outcome {
        let told = outcome.at == heard.case.begun && heard.deadlines.contains(&outcome.decide_by);
        if !told {
            let open = may_be_under_way(*place, asker, holder);
            found.find(weight(open), Difference::OtherTime { claim: id });
        }
    }
    if let Some((end, place)) = &made.ended
        && heard.case.end.as_ref() != Some(end)
    {
        let open = heard.case.end.is_none() && may_be_under_way(*place, asker, holder);
        found.find(weight(open), Difference::OtherEnd { claim: id });
    }
    let mut missed = BTreeMap::new();
    for Kept { approved_by, place, .. } in made.releases.values() {
        let lacking = approved_by.iter().filter(|officer| !heard.case.approved_by.contains(officer));
        missed.extend(lacking.map(|officer| (officer.clone(), *place)));
    }
    for (officer, place) in missed {
        let open = may_be_under_way(place, asker, holder);
        let lacks = holder.agency.clone();
        found.find(weight(open), Difference::NoApproval { claim: id, officer, lacks });
    }
}

/// Claims that the holder refused or broke off: the asker signed each, and was told why.
fn refusals(found: &mut Reconciliation, asker: &Import, holder: &Import) {
    for (id, turned) in holder.history.claims.turned_on(Side::Holder) {
        let claim = &turned.claim;
        let begun = holder.history.claims.get(Side::Holder, id).is_some();
        // One that was begun as well is compared by that.
        if (&claim.asker, &claim.holder) != (&asker.agency, &holder.agency) || begun {
            continue;
        }
        let made = asker.history.claims.get(Side::Asker, id);
        if made.is_none_or(|made| made.case.claim != *claim) {
            let open = may_be_under_way(turned.place, holder, asker);
            found.find(weight(open), Difference::NoClaim { claim: *id, lacks: asker.agency.clone() });
            continue;
        }
        // The word for it may have been lost on the way; then the asker has it as broken off, or not yet.
        let Some(told) = asker.history.claims.turned_down(Side::Asker, id) else { continue };
        let alike = told.codes.iter().any(|code| turned.codes.contains(code));
        if !told.failed && !turned.codes.is_empty() && !alike {
            let open = may_be_under_way(told.place, asker, holder);
            found.find(weight(open), Difference::OtherRefusal { claim: *id });
        }
    }
}

/// A claim names who verified its hit and when: the asker's journal must have that officer's word.
fn verifications(found: &mut Reconciliation, asker: &Import, holder: &Import) {
    let claims = &holder.history.claims;
    let began = claims.on(Side::Holder).map(|(_, known)| &known.case.claim);
    let turned = claims.turned_on(Side::Holder).map(|(_, turned)| &turned.claim);
    let heard: BTreeMap<ClaimId, &Claim> = turned.chain(began).map(|claim| (claim.claim, claim)).collect();
    for claim in heard.into_values() {
        let theirs = (&claim.asker, &claim.holder) == (&asker.agency, &holder.agency);
        // Of a claim that the asker does not have, that is what is told.
        let made = asker.history.claims.get(Side::Asker, &claim.claim);
        let made = made.is_some_and(|made| made.case.claim == *claim);
        if theirs && made && !asker.history.claims.is_verified(claim) {
            let (officer, lacks) = (claim.verified_by.clone(), asker.agency.clone());
            let difference = Difference::NoVerification { claim: claim.claim, officer, lacks };
            found.find(Weight::Violation, difference);
        }
    }
}

/// Whether both have the claim and tell the same of what it found.
fn claim(
    found: &mut Reconciliation,
    id: ClaimId,
    (made, asker): (Option<&Known>, &Import),
    (heard, holder): (Option<&Known>, &Import),
) -> bool {
    let lacks = |lacks: &AgencyCode| Difference::NoClaim { claim: id, lacks: lacks.clone() };
    let answered = made.and_then(|made| made.outcome.as_ref());
    match (made, heard) {
        (Some(made), Some(heard)) if made.case.claim == heard.case.claim => {
            let same = |told: &_| heard.case.found.iter().map(Found::told).collect::<Vec<_>>() == *told;
            if answered.is_none_or(|(told, _)| same(&told.found)) {
                found.claims = found.claims.saturating_add(1);
                return true;
            }
            found.find(Weight::Violation, Difference::OtherClaim { claim: id });
        }
        // Another asker may use the same id: then the two are different claims.
        (Some(_), Some(heard)) if heard.case.claim.asker == asker.agency => {
            found.find(Weight::Violation, Difference::OtherClaim { claim: id });
        }
        (Some(_), _) => {
            // Without an outcome it is the asker's word alone, and may never have come.
            if let Some((_, place)) = answered {
                found.find(weight(may_be_under_way(*place, asker, holder)), lacks(&holder.agency));
            }
        }
        (None, Some(heard)) => {
            found.find(weight(may_be_under_way(heard.place, holder, asker)), lacks(&asker.agency));
        }
        (None, None) => {}
    }
    false
}

/// Each must have the releases that it signed.
fn releases(
    found: &mut Reconciliation,
    id: ClaimId,
    (made, asker): (Option<&Known>, &Import),
    (heard, holder): (Option<&Known>, &Import),
) {
    for (has, lacks, from, to) in [(made, heard, asker, holder), (heard, made, holder, asker)] {
        // Under the same id there may be a claim of another asker.
        let has = has.filter(|known| {
            let claim = &known.case.claim;
            claim.asker == asker.agency && claim.holder == holder.agency
        });
        for (digest, Kept { both, place, .. }) in has.iter().flat_map(|known| &known.releases) {
            // Every one is the holder's word; the asker's only if it signed too.
            let signed = *both || to.agency == holder.agency;
            if signed && !lacks.is_some_and(|known| known.releases.contains_key(digest)) {
                let difference = Difference::NoRelease { claim: id, lacks: to.agency.clone() };
                found.find(weight(may_be_under_way(*place, from, to)), difference);
            }
        }
    }
}
