//! Cases at the holder: steps of people and of the clock, and the releases that follow.

use std::{collections::BTreeMap, str::FromStr};

use serde::Serialize;
use symbolon_policy::{
    case::{Case, End, Step, StepError},
    claim::{Claim, Release, SignedRelease},
    officer::SignedAct,
    signing,
    words::{ClaimId, Digest, Field, OfficerId, Reference, Role, Timestamp},
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{find::values, leaving::Leaving, notices::mark};
use crate::{
    clock,
    control::api::Failure,
    files,
    journal::{Event, Side},
    node::Core,
};

/// The recipient to which a claim's releases are sealed.
///
/// # Errors
/// Why it is none.
pub(super) fn recipient(claim: &Claim) -> Result<age::x25519::Recipient, &'static str> {
    age::x25519::Recipient::from_str(&claim.seal)
}

/// Takes a step in a case, and makes what it releases. The act was checked.
///
/// # Errors
/// An input [`Failure`] if there is no such case or the step cannot be taken; then nothing changed.
pub(crate) fn take(core: &Core, id: &ClaimId, step: Step, act: Option<SignedAct>) -> Result<Case, Failure> {
    let _writing = core.claims.writing();
    let now = clock::now();
    end_late(core, id, now)?;
    let missing = || Failure::input(format!("there is no case {id}")).with_help("see `symbolon case list`");
    let claimed = core.book.state().claim(Side::Holder, id)?.ok_or_else(missing)?;
    let mut case = claimed.case;
    case.step(&step, now).map_err(|error| refused(id, error))?;
    core.book.record(&Event::CaseStep { claim: *id, step, act, at: now })?;
    release_due(core, id)?;
    Ok(case)
}

fn refused(id: &ClaimId, error: StepError) -> Failure {
    Failure::input(format!("the case {id}: {error}")).with_help("see `symbolon case show`")
}

/// Ends a case whose time is over.
///
/// # Errors
/// A [`Failure`] if it cannot be recorded.
pub(super) fn end_late(core: &Core, id: &ClaimId, now: Timestamp) -> Result<(), Failure> {
    match core.book.state().claim(Side::Holder, id)? {
        Some(claimed) if claimed.case.is_late(now) => {
            core.book.record(&Event::CaseStep { claim: *id, step: Step::Expire, act: None, at: now })
        }
        _ => Ok(()),
    }
}

/// Ends every case whose time is over, and makes the releases that are due and not made.
///
/// # Errors
/// A [`Failure`] if it cannot be recorded.
pub(crate) fn expire(core: &Core, now: Timestamp) -> Result<(), Failure> {
    let _writing = core.claims.writing();
    for claimed in core.book.state().claims(Side::Holder)? {
        let id = claimed.case.claim.claim;
        end_late(core, &id, now)?;
        // What a crash kept from being made is made now. One that cannot be made keeps no other case waiting.
        if let Err(failure) = release_due(core, &id) {
            tracing::error!(claim = %id, %failure, "what is due could not be released");
        }
    }
    Ok(())
}

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
    // What a fault kept from being made before a person refused, or before the time was over, is not made after.
    if matches!(claimed.case.end, Some(End::Refused { .. } | End::Expired)) {
        return Ok(());
    }
    let mut number = 0_u32;
    for approvals in 0..=claimed.case.approvals() {
        let due = claimed.case.released_at(approvals);
        if due.is_empty() {
            continue;
        }
        if !claimed.releases.iter().any(|made| made.release.number == number) {
            release(core, &claimed.case, (number, approvals), &due)?;
        }
        number = number.saturating_add(1);
    }
    Ok(())
}

fn release(
    core: &Core,
    case: &Case,
    (number, approvals): (u32, u8),
    due: &[(Reference, Vec<Field>)],
) -> Result<(), Failure> {
    let claim = &case.claim;
    let leaving = Leaving::now(core, case)?;
    let approved_by: Vec<_> = case.approved_by.iter().take(approvals.into()).cloned().collect();
    let stand = standing(core, &approved_by)?;
    let (mut records, mut fields, mut marks) = (Vec::new(), Vec::new(), Vec::new());
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
    let json = Zeroizing::new(serde_json::to_vec(&plain).map_err(|e| local(&e))?);
    let sealed = age::encrypt(&recipient(claim).map_err(|e| local(&e))?, &json).map_err(|e| local(&e))?;
    let path = core.claims.release_path(Side::Holder, &claim.claim, number);
    files::write_whole(&path, &sealed)
        .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))?;
    let release = Release {
        claim: claim.claim,
        number,
        fields,
        approved_by,
        sealed: sealed_digest(&sealed),
        bytes: sealed.len() as u64,
        at: clock::now(),
    };
    let holder = signing::sign(&release, &*core.signer).map_err(|e| local(&e))?;
    let release = SignedRelease { release, holder, asker: None };
    core.book.record(&Event::Released { side: Side::Holder, release, marks })
}

/// How many of those who approved may approve now: whoever was removed meanwhile, or whose enrolment has ended, does not
/// count.
fn standing(core: &Core, approved_by: &[OfficerId]) -> Result<u8, Failure> {
    let now = clock::now();
    let mut stand = 0_u8;
    for id in approved_by {
        let officer = core.book.state().officer(id)?;
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
