//! Cases at the holder: steps of people and of the clock.

use std::str::FromStr;

use symbolon_policy::{
    case::{Case, End, Ended, Step, StepError},
    claim::{Claim, Standing as FieldStanding},
    officer::SignedAct,
    signing::{self, Document as _, Signature},
    words::{ClaimId, Field, Reference, Timestamp},
};

use super::{
    leaving::Leaving,
    releases::{release_due, release_rest, standing},
};
use crate::{
    clock,
    control::api::{Failure, FailureKind},
    journal::{Event, Side},
    node::Core,
    state::Claimed,
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
/// A [`Failure`] if there is no such case, or of refusal if the step cannot be taken; then nothing changed.
pub(crate) fn take(core: &Core, id: &ClaimId, step: Step, act: Option<SignedAct>) -> Result<Case, Failure> {
    let _writing = core.claims.writing();
    let now = clock::now();
    end_late(core, id, now)?;
    let missing = || Failure::input(format!("there is no case {id}")).with_help("see `symbolon case list`");
    let claimed = core.book.state().claim(Side::Holder, id)?.ok_or_else(missing)?;
    let mut case = claimed.case;
    let before = case.approvals();
    let stepped = case.step(&step, now).map_err(|error| refused(id, error));
    match &act {
        Some(act) => core.book.refused_officer(&act.act.officer, stepped)?,
        None => stepped?,
    }
    let event = Event::CaseStep { claim: *id, step, act: act.clone(), at: now };
    match &act {
        Some(act) => core.book.record_acted(act, &event, now, || Ok(()))?,
        None => core.book.record(&event)?,
    }
    release_due(core, id)?;
    if case.approvals() > before {
        // What was kept back of what others approved leaves with it, if it may by now.
        release_rest(core, id)?;
    }
    Ok(case)
}

/// How what was approved, or waits, and was not taken yet would fare now.
#[derive(Default)]
pub(crate) struct Fares {
    /// What became of records, in words, where it bears on what leaves.
    pub(crate) changes: Vec<(Reference, String)>,
    /// What was released and not taken, and does not leave as it stands now.
    pub(crate) kept_back: Vec<(Reference, Field)>,
}

/// For whoever looks at a case.
///
/// # Errors
/// A [`Failure`] if a record cannot be read.
pub(crate) fn fares(core: &Core, claimed: &Claimed) -> Result<Fares, Failure> {
    let case = &claimed.case;
    let mut fares = Fares::default();
    let leaving = Leaving::now(core, case)?;
    for found in &case.found {
        let made = |taken: bool, field| {
            let mut releases = claimed.releases.iter().filter(|signed| !taken || signed.asker.is_some());
            releases.any(|signed| signed.release.has(found.reference, field))
        };
        // What was refused, or not decided in time, does not leave any more.
        let closed = matches!(case.end, Some(End::Refused { .. } | End::Expired));
        let may = found.fields.iter().filter_map(|decision| match decision.standing {
            FieldStanding::Needs(needs) => Some((decision.field, needs)),
            FieldStanding::Refused | FieldStanding::Absent => None,
        });
        let left: Vec<(Field, u8)> =
            may.filter(|(field, _)| !made(true, *field) && (!closed || made(false, *field))).collect();
        if left.is_empty() {
            continue;
        }
        let change = leaving.change(&found.reference, &left)?;
        fares.changes.extend(change.map(|change| (found.reference, change)));
        for (field, needs) in left.iter().filter(|(field, _)| made(false, *field)) {
            let stand = standing(core, claimed, *needs)?;
            if leaving.fields(&found.reference, &[*field], stand)?.is_none() {
                fares.kept_back.push((found.reference, *field));
            }
        }
    }
    Ok(fares)
}

fn refused(id: &ClaimId, error: StepError) -> Failure {
    Failure::new(FailureKind::Refused, format!("the case {id}: {error}"))
        .with_help("see `symbolon case show`")
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

/// How a case ended, if it did, signed for its asker.
///
/// # Errors
/// A [`Failure`] if it cannot be signed.
pub(super) fn ended(core: &Core, case: &Case) -> Result<Option<(Ended, Signature)>, Failure> {
    let Some(end) = case.end.clone() else { return Ok(None) };
    let odd = |error: &dyn std::fmt::Display| Failure::local(error.to_string());
    let claim = case.claim.digest().map_err(|e| odd(&e))?;
    let ended = Ended { claim, end, at: clock::now() };
    let signature = signing::sign(&ended, &*core.signer).map_err(|e| odd(&e))?;
    Ok(Some((ended, signature)))
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
