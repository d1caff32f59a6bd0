//! Cases at the holder: steps of people and of the clock.

use std::str::FromStr;

use symbolon_policy::{
    case::{Case, Ended, Found, Step, StepError},
    claim::Claim,
    officer::SignedAct,
    signing::{self, Document as _, Signature},
    words::{ClaimId, Reference, Timestamp},
};

use super::{leaving::Leaving, releases::release_due};
use crate::{
    clock,
    control::api::{Failure, FailureKind},
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
/// A [`Failure`] if there is no such case, or of refusal if the step cannot be taken; then nothing changed.
pub(crate) fn take(core: &Core, id: &ClaimId, step: Step, act: Option<SignedAct>) -> Result<Case, Failure> {
    let _writing = core.claims.writing();
    let now = clock::now();
    end_late(core, id, now)?;
    let missing = || Failure::input(format!("there is no case {id}")).with_help("see `symbolon case list`");
    let claimed = core.book.state().claim(Side::Holder, id)?.ok_or_else(missing)?;
    let mut case = claimed.case;
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
    Ok(case)
}

/// What became of the records of a case that waits, where it bears on what is released.
///
/// # Errors
/// A [`Failure`] if a record cannot be read.
pub(crate) fn changes(core: &Core, case: &Case) -> Result<Vec<(Reference, String)>, Failure> {
    if case.end.is_some() {
        return Ok(Vec::new());
    }
    let leaving = Leaving::now(core, case)?;
    let change = |found: &Found| {
        Ok(leaving.change(&found.reference)?.map(|change| (found.reference, change.to_owned())))
    };
    case.found.iter().filter_map(|found| change(found).transpose()).collect()
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
