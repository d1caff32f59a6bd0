//! Releases at the holder: what is released of a case, and handed over when the asker collects it.
//!
//! A release is made once for each number of approvals that frees fields. One that was not collected before something of
//! it changed is not handed over: what of it may leave still is released again, as it is then.

use std::collections::BTreeMap;

use serde::Serialize;
use symbolon_policy::{
    case::End,
    claim::{Release, SignedRelease},
    signing,
    words::{ClaimId, Digest, Field, Reference, Role},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{cases::recipient, find::values, leaving::Leaving, notices::mark};
use crate::{
    clock,
    control::api::Failure,
    files,
    journal::{Event, Side},
    node::Core,
    state::Claimed,
};

/// Releases of one claim: at most one when it begins and one with each approval, and those made again.
pub(super) const MOST_RELEASES: u32 = 256;

/// Fields of records.
type Parts = Vec<(Reference, Vec<Field>)>;

/// Fields in the clear, on their way to be sealed.
#[derive(Serialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct Plain {
    #[zeroize(skip)]
    pub(super) claim: ClaimId,
    pub(super) records: Vec<PlainRecord>,
}

#[derive(Serialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct PlainRecord {
    #[zeroize(skip)]
    pub(super) reference: Reference,
    /// By field code, then by the record's own name of the field.
    #[zeroize(skip)]
    pub(super) fields: BTreeMap<&'static str, BTreeMap<String, String>>,
}

/// Makes the releases that are due and not made. Called with the cases' lock.
///
/// # Errors
/// A [`Failure`]; it is made at the next occasion.
pub(super) fn release_due(core: &Core, id: &ClaimId) -> Result<(), Failure> {
    let Some(claimed) = core.book.state().claim(Side::Holder, id)? else { return Ok(()) };
    let case = &claimed.case;
    // What a fault kept from being made before a person refused, or before the time was over, is not made after.
    if matches!(case.end, Some(End::Refused { .. } | End::Expired)) {
        return Ok(());
    }
    let mut number = next(&claimed);
    for approvals in 0..=case.approvals() {
        let due = case.released_at(approvals);
        if due.is_empty() || claimed.releases.iter().any(|made| made.release.approvals() == approvals) {
            continue;
        }
        release(&Leaving::now(core, case)?, &claimed, (number, approvals), &due)?;
        number = number.saturating_add(1);
    }
    Ok(())
}

/// The releases that the asker has or may take now, in their order. Called with the cases' lock.
///
/// # Errors
/// A [`Failure`] if the register cannot be read, or something cannot be recorded.
pub(super) fn collectable(core: &Core, id: &ClaimId) -> Result<Vec<SignedRelease>, Failure> {
    loop {
        let Some(claimed) = core.book.state().claim(Side::Holder, id)? else { return Ok(Vec::new()) };
        if claimed.releases.iter().all(|signed| signed.asker.is_some()) {
            return Ok(claimed.releases);
        }
        let leaving = Leaving::now(core, &claimed.case)?;
        let (mut stand, mut stale) = (Vec::new(), Vec::new());
        for signed in &claimed.releases {
            let stands = signed.asker.is_some() || as_it_was(&leaving, &claimed, &signed.release)?;
            if stands { stand.push(signed.clone()) } else { stale.push(&signed.release) }
        }
        if !renew(&leaving, &claimed, &stand, &stale)? {
            return Ok(stand);
        }
    }
}

/// Whether all of a release may leave still, and says what it said when it was made.
fn as_it_was(leaving: &Leaving<'_>, claimed: &Claimed, release: &Release) -> Result<bool, Failure> {
    let approvals = standing(leaving.core, claimed, release.approvals())?;
    let marks = claimed.marks.iter().find(|(number, _)| *number == release.number);
    for (reference, wanted) in &release.fields {
        let Some((record, fields)) = leaving.fields(reference, wanted, approvals)? else { return Ok(false) };
        let said = marks.and_then(|(_, marks)| marks.iter().find(|(of, _)| of == reference));
        let Some((_, said)) = said else { return Ok(false) };
        for (field, before) in said {
            if mark(leaving.core, &release.claim, reference, *field, &record)? != *before {
                return Ok(false);
            }
        }
        if fields != *wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Releases again what may leave of the first of those that do not stand any more. Says whether anything was.
fn renew(
    leaving: &Leaving<'_>,
    claimed: &Claimed,
    stand: &[SignedRelease],
    stale: &[&Release],
) -> Result<bool, Failure> {
    let number = next(claimed);
    if number >= MOST_RELEASES {
        return Ok(false);
    }
    for old in stale {
        let later = |of: &Reference| {
            let of_stage = stale.iter().filter(|other| other.number > old.number).copied();
            let mut of_stage = of_stage.chain(stand.iter().map(|signed| &signed.release));
            of_stage.any(|other| {
                other.approvals() == old.approvals() && other.fields.iter().any(|(known, _)| known == of)
            })
        };
        let approvals = standing(leaving.core, claimed, old.approvals())?;
        let mut parts = Parts::new();
        for (reference, wanted) in old.fields.iter().filter(|(of, _)| !later(of)) {
            if leaving.fields(reference, wanted, approvals)?.is_some() {
                parts.push((*reference, wanted.clone()));
            }
        }
        if !parts.is_empty() {
            release(leaving, claimed, (number, old.approvals()), &parts)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number of the next release of a claim.
fn next(claimed: &Claimed) -> u32 {
    let last = claimed.releases.iter().map(|made| made.release.number).max();
    last.map_or(0, |last| last.saturating_add(1))
}

fn release(
    leaving: &Leaving<'_>,
    claimed: &Claimed,
    (number, approvals): (u32, u8),
    due: &Parts,
) -> Result<(), Failure> {
    let (core, claim) = (leaving.core, &claimed.case.claim);
    let stand = standing(core, claimed, approvals)?;
    let (mut records, mut fields, mut marks, mut contested) = (Vec::new(), Parts::new(), Vec::new(), false);
    for (reference, wanted) in due {
        // The rules of now decide, on the record as it is now.
        let Some((record, released)) = leaving.fields(reference, wanted, stand)? else { continue };
        let marked = |field: &Field| Ok((*field, mark(core, &claim.claim, reference, *field, &record)?));
        marks.push((*reference, released.iter().map(marked).collect::<Result<_, Failure>>()?));
        contested |= record.subject.contested;
        let values = |field: &Field| (field.as_str(), values(&record, *field).into_iter().collect());
        records.push(PlainRecord { reference: *reference, fields: released.iter().map(values).collect() });
        fields.push((*reference, released));
    }
    let plain = Plain { claim: claim.claim, records };
    let local = |error: &dyn std::fmt::Display| Failure::local(format!("the release: {error}"));
    let json = Zeroizing::new(serde_json::to_vec(&plain).map_err(|e| local(&e))?);
    let sealed = age::encrypt(&recipient(claim).map_err(|e| local(&e))?, &json).map_err(|e| local(&e))?;
    let path = core.claims.release_path(Side::Holder, &claim.claim, number);
    files::write_whole(&path, &sealed)
        .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))?;
    let release = Release {
        claim: claim.claim,
        number,
        fields,
        approved_by: claimed.case.approved_by.iter().take(approvals.into()).cloned().collect(),
        sealed: sealed_digest(&sealed),
        bytes: sealed.len() as u64,
        at: clock::now(),
    };
    let holder = signing::sign(&release, &*core.signer).map_err(|e| local(&e))?;
    let release = SignedRelease { release, holder, asker: None };
    core.book.record(&Event::Released { side: Side::Holder, release, marks })?;
    if contested {
        // A notice follows: sealed fields do not say it.
        core.claims.review_again(leaving.register());
    }
    Ok(())
}

/// How many of the first so many who approved may approve now, with the key that they had then: whoever was removed
/// meanwhile, or whose enrolment has ended, does not count, nor does a key that was withdrawn.
pub(super) fn standing(core: &Core, claimed: &Claimed, approvals: u8) -> Result<u8, Failure> {
    let (mut stand, now) = (0_u8, clock::now());
    let approved = claimed.case.approved_by.iter().zip(&claimed.approved_with);
    for (id, key) in approved.take(approvals.into()) {
        let officer = core.book.state().officer(id)?.filter(|officer| Some(officer.key) == *key);
        stand =
            stand.saturating_add(officer.is_some_and(|officer| officer.holds(Role::Approves, now)).into());
    }
    Ok(stand)
}

/// The digest of sealed fields.
pub(crate) fn sealed_digest(sealed: &[u8]) -> Digest {
    Digest::of("symbolon/sealed-fields/1", sealed)
}

#[cfg(test)]
mod tests;
