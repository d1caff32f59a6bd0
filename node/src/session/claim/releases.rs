//! Releases at the holder: what is released of a case, and handed over when the asker collects it.
//!
//! A release is made once for each number of approvals that frees fields. What could not leave then, and what changed before
//! it was collected, is not handed over; what of it may leave by now is released when the asker collects, or when another
//! officer approves, as it is then.

use std::{collections::BTreeMap, io};

use serde::Serialize;
use symbolon_policy::{
    case::End,
    claim::{Release, SignedRelease},
    signing,
    words::{ClaimId, Digest, Field, Reference, Role},
};
use zeroize::{Zeroize as _, Zeroizing};

use super::{LONGEST_RELEASE, cases::recipient, find::values, leaving::Leaving, notices::mark};
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
/// Bytes of the sealed fields of all of them: the longest for each stage and for one made again, and more than 200 of a
/// usual length.
pub(super) const MOST_BYTES: u64 = 8 * LONGEST_RELEASE;

/// Fields of records.
type Parts = Vec<(Reference, Vec<Field>)>;

/// Fields in the clear, on their way to be sealed.
#[derive(Serialize)]
pub(super) struct Plain {
    pub(super) claim: ClaimId,
    pub(super) records: Vec<PlainRecord>,
}

/// The values are wiped; which fields they are is no secret.
#[derive(Serialize)]
pub(super) struct PlainRecord {
    pub(super) reference: Reference,
    /// By field code, then by the record's own name of the field.
    pub(super) fields: BTreeMap<&'static str, BTreeMap<String, String>>,
}

impl Drop for PlainRecord {
    fn drop(&mut self) {
        self.fields.values_mut().flat_map(BTreeMap::values_mut).for_each(|value| value.zeroize());
    }
}

impl Plain {
    /// As they are sealed. Written twice, the first time only to measure: a buffer that grows leaves copies behind.
    ///
    /// # Errors
    /// Never in practice.
    pub(super) fn to_json(&self) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let mut length = Length(0);
        serde_json::to_writer(&mut length, self)?;
        let mut json = Zeroizing::new(Vec::with_capacity(length.0));
        serde_json::to_writer(&mut *json, self)?;
        Ok(json)
    }
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

/// Releases what is due and could not leave when its stage was made, as far as it may leave by now. Called with the cases'
/// lock.
///
/// # Errors
/// A [`Failure`]; it is made at the next occasion.
pub(super) fn release_rest(core: &Core, id: &ClaimId) -> Result<(), Failure> {
    while let Some(claimed) = core.book.state().claim(Side::Holder, id)? {
        let missing = missing(&claimed, &claimed.releases);
        if missing.is_empty() || !release_missing(&Leaving::now(core, &claimed.case)?, &claimed, &missing)? {
            break;
        }
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
        let taken = claimed.releases.iter().all(|signed| signed.asker.is_some());
        if taken && missing(&claimed, &claimed.releases).is_empty() {
            return Ok(claimed.releases);
        }
        let leaving = Leaving::now(core, &claimed.case)?;
        let mut stand = Vec::new();
        for signed in &claimed.releases {
            if signed.asker.is_some() || as_it_was(&leaving, &claimed, &signed.release)? {
                stand.push(signed.clone());
            }
        }
        if !release_missing(&leaving, &claimed, &missing(&claimed, &stand))? {
            return Ok(stand);
        }
    }
}

/// Whether a release may be handed over still, at the moment that it is; then it is noted that the asker may have it.
/// Called with the cases' lock.
///
/// # Errors
/// A [`Failure`] if the register cannot be read, or it cannot be noted.
pub(super) fn leaves(core: &Core, id: &ClaimId, number: u32) -> Result<bool, Failure> {
    let claimed = core.book.state().claim(Side::Holder, id)?;
    let gone = || Failure::integrity("a release that is handed over is not known");
    let claimed = claimed.ok_or_else(gone)?;
    let signed = claimed.releases.iter().find(|signed| signed.release.number == number).ok_or_else(gone)?;
    if signed.asker.is_some() {
        return Ok(true);
    }
    let leaving = Leaving::now(core, &claimed.case)?;
    if !as_it_was(&leaving, &claimed, &signed.release)? {
        return Ok(false);
    }
    core.claims.set_sent(id, number)?;
    // Sealed fields do not say that the record is contested: a notice follows.
    core.claims.review_again(leaving.register());
    Ok(true)
}

/// What was approved and is in none of the releases that `stand`, by the number of approvals that freed it.
fn missing(claimed: &Claimed, stand: &[SignedRelease]) -> Vec<(u8, Parts)> {
    let case = &claimed.case;
    // After a person refused, or the time was over, what was not released before is not released any more.
    let closed = matches!(case.end, Some(End::Refused { .. } | End::Expired));
    let lacks = |reference, field| {
        let within =
            |releases: &[SignedRelease]| releases.iter().any(|made| made.release.has(reference, field));
        !within(stand) && (!closed || within(&claimed.releases))
    };
    let stage = |approvals| {
        let parts = case.released_at(approvals).into_iter().map(|(reference, mut fields)| {
            fields.retain(|field| lacks(reference, *field));
            (reference, fields)
        });
        (approvals, parts.filter(|(_, fields)| !fields.is_empty()).collect::<Parts>())
    };
    (0..=case.approvals()).map(stage).filter(|(_, parts)| !parts.is_empty()).collect()
}

/// Releases what may leave of the first stage that lacks something. Says whether anything was.
fn release_missing(
    leaving: &Leaving<'_>,
    claimed: &Claimed,
    missing: &[(u8, Parts)],
) -> Result<bool, Failure> {
    let number = next(claimed);
    // Below what the asker takes, with the longest one.
    if number >= MOST_RELEASES || bytes(&claimed.releases).saturating_add(LONGEST_RELEASE) > MOST_BYTES {
        return Ok(false);
    }
    for (approvals, parts) in missing {
        let stand = standing(leaving.core, claimed, *approvals)?;
        let mut may = Parts::new();
        for (reference, wanted) in parts {
            if leaving.fields(reference, wanted, stand)?.is_some() {
                may.push((*reference, wanted.clone()));
            }
        }
        if !may.is_empty() {
            release(leaving, claimed, (number, *approvals), &may)?;
            return Ok(true);
        }
    }
    Ok(false)
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

/// Bytes of all sealed fields of some releases.
pub(super) fn bytes<'a>(releases: impl IntoIterator<Item = &'a SignedRelease>) -> u64 {
    releases.into_iter().fold(0, |sum, signed| sum.saturating_add(signed.release.bytes))
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
    let (mut records, mut fields, mut marks) = (Vec::new(), Parts::new(), Vec::new());
    for (reference, wanted) in due {
        // The rules of now decide, on the record as it is now.
        let Some((record, released)) = leaving.fields(reference, wanted, stand)? else { continue };
        let marked = |field: &Field| Ok((*field, mark(core, &claim.claim, reference, *field, &record)?));
        marks.push((*reference, released.iter().map(marked).collect::<Result<_, Failure>>()?));
        let values = |field: &Field| (field.as_str(), values(&record, *field).into_iter().collect());
        records.push(PlainRecord { reference: *reference, fields: released.iter().map(values).collect() });
        fields.push((*reference, released));
    }
    let plain = Plain { claim: claim.claim, records };
    let local = |error: &dyn std::fmt::Display| Failure::local(format!("the release: {error}"));
    let json = plain.to_json().map_err(|e| local(&e))?;
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
    core.book.record(&Event::Released { side: Side::Holder, release, marks })
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
