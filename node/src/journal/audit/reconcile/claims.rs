//! Whether two journals tell the same of claims and of what was released.
//!
//! Each side journals its own word before the other has it: the asker its claim and that it has a release, the holder
//! what it found and what it releases. Approvals and other steps of people stand in the holder's journal alone.

use std::collections::BTreeSet;

use symbolon_policy::{
    case::Found,
    words::{AgencyCode, ClaimId},
};

use super::{Difference, Reconciliation, may_be_under_way, weight};
use crate::journal::{
    Side,
    audit::{Import, Weight, claims::Known},
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
        claim(found, *id, (made, asker), (heard, holder));
        releases(found, *id, (made, asker), (heard, holder));
    }
}

fn claim(
    found: &mut Reconciliation,
    id: ClaimId,
    (made, asker): (Option<&Known>, &Import),
    (heard, holder): (Option<&Known>, &Import),
) {
    let lacks = |lacks: &AgencyCode| Difference::NoClaim { claim: id, lacks: lacks.clone() };
    let answered = made.and_then(|made| made.outcome.as_ref());
    match (made, heard) {
        (Some(made), Some(heard)) if made.case.claim == heard.case.claim => {
            let same = |told: &_| heard.case.found.iter().map(Found::told).collect::<Vec<_>>() == *told;
            if answered.is_none_or(|(told, _)| same(told)) {
                found.claims = found.claims.saturating_add(1);
            } else {
                found.find(Weight::Violation, Difference::OtherClaim { claim: id });
            }
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
        for (digest, (both, place)) in has.iter().flat_map(|known| &known.releases) {
            // Every one is the holder's word; the asker's only if it signed too.
            let signed = *both || to.agency == holder.agency;
            if signed && !lacks.is_some_and(|known| known.releases.contains_key(digest)) {
                let difference = Difference::NoRelease { claim: id, lacks: to.agency.clone() };
                found.find(weight(may_be_under_way(*place, from, to)), difference);
            }
        }
    }
}
