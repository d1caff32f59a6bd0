//! The asker's side of a claim.

use std::sync::Arc;

use symbolon_policy::{
    case::{End, Ended},
    claim::{Claim, Outcome, Release, SignedRelease, opening_digest},
    officer::is_reason,
    permit::{Refusal, admit_claim},
    receipt::Receipt,
    signing::{self, Document as _, Signature},
    words::{ClaimId, Field, Reference, Timestamp},
};
use symbolon_protocol::{claim, exact, matching::opening, seed::Seed, transcript::Role};
use zeroize::Zeroizing;

use super::{
    LONGEST_RELEASE,
    releases::{MOST_BYTES, MOST_RELEASES, bytes, sealed_digest},
    words,
};
use crate::{
    control::api::Failure,
    files,
    journal::{Event, Side},
    node::{Core, Partner, Report, blocking},
    session::{
        CLAIM, Channel, SessionError,
        asker::{Asked, Subject},
        channel::unexpected,
        drive::drive,
        words::Word,
    },
};

/// What a claim opens of a query.
///
/// # Errors
/// [`SessionError`] if the query has no such items.
pub(crate) fn opening(asked: &Asked, items: &[u32]) -> Result<Zeroizing<Vec<u8>>, SessionError> {
    match &asked.subject {
        Subject::Identifiers(identifiers) => {
            let query = exact::Query::blind(identifiers.clone(), &asked.seed)?;
            Ok(query.open(items)?.to_bytes())
        }
        Subject::Probe(probe, _) => {
            let seed = Seed::new(*asked.seed.expose());
            Ok(opening::Opened { probe: probe.clone(), seed }.to_bytes())
        }
    }
}

/// A claim that is signed and journalled on this side.
pub(crate) struct Claiming {
    pub(crate) claim: Claim,
    pub(crate) signature: Signature,
    pub(crate) opening: Zeroizing<Vec<u8>>,
    pub(crate) ask: symbolon_policy::ask::Ask,
    pub(crate) receipt: Receipt,
    /// When it was made first.
    pub(crate) at: Timestamp,
}

/// Makes a claim. It may be made again, with the same words.
///
/// # Errors
/// [`SessionError`] with whose fault it was; it is journalled.
pub(crate) async fn claim(
    core: &Arc<Core>,
    partner: &Partner,
    claiming: Claiming,
    report: &Report,
) -> Result<Outcome, SessionError> {
    let (claim, signature) = (claiming.claim.clone(), claiming.signature);
    let told = tell(core, partner, claiming, report).await;
    let event = match &told {
        Ok((outcome, signature)) => {
            let (claim, outcome, signature) = (claim.claim, outcome.clone(), *signature);
            Event::ClaimAnswered { claim, outcome, signature }
        }
        Err(SessionError::Refused { refusal, .. }) => {
            Event::ClaimRefused { side: Side::Asker, claim, signature, code: refusal.code }
        }
        Err(error) => Event::ClaimFailed {
            side: Side::Asker,
            claim,
            signature,
            partner_at_fault: error.partner_at_fault(),
            reason: error.to_string(),
            opened: None,
        },
    };
    let core = core.clone();
    blocking(move || core.book.record(&event)).await?;
    told.map(|(outcome, _)| outcome)
}

async fn tell(
    core: &Arc<Core>,
    partner: &Partner,
    claiming: Claiming,
    report: &Report,
) -> Result<(Outcome, Signature), SessionError> {
    let Claiming { claim, signature, opening, ask, receipt, at } = claiming;
    let bytes = opening.len() as u64;
    debug_assert_eq!(claim.opening, opening_digest(&opening));
    let (paid, _) = admit_claim(&partner.agreement, &claim, (&ask, &receipt), bytes, at)
        .map_err(SessionError::refused_here)?;
    let mut channel = core.dial(partner, CLAIM).await?;
    channel.say(&Word::Claim { claim: Box::new(claim.clone()), signature }).await?;
    match channel.hear().await? {
        Word::Admitted => {}
        Word::Refused { code, text } => {
            return Err(SessionError::Refused { refusal: Refusal::new(code, text), here: false });
        }
        other => return Err(unexpected("an admission", &other)),
    }
    report.say("opening the query", 0, 0);
    let words = words(&claim, &signature)?;
    let machine = claim::Asker::new(opening)?;
    let guarded = paid.open(Role::Asker, &[&words], || Ok(Box::new(machine)))?;
    drive(guarded, &mut channel, |_| ()).await?;
    report.say("the partner replays it", 0, 0);
    let (outcome, signature) = match channel.hear().await? {
        Word::Outcome { outcome, signature } => (*outcome, signature),
        Word::Refused { code, text } => {
            return Err(SessionError::Refused { refusal: Refusal::new(code, text), here: false });
        }
        other => return Err(unexpected("an outcome", &other)),
    };
    report.bytes(&channel);
    let digest = claim.digest().map_err(|e| Failure::local(e.to_string()))?;
    let named = |told: &symbolon_policy::claim::Told| {
        told.fields.iter().map(|(field, _)| *field).eq(claim.fields.iter().copied())
    };
    let stands = signing::verify(&outcome, &partner.party.key, &signature).is_ok()
        && outcome.claim == digest
        && outcome.found.iter().all(named);
    if !stands {
        return Err(SessionError::Misbehaved("its outcome is not its signed word about this claim".into()));
    }
    if let Err(error) = channel.close().await {
        tracing::debug!(%error, "the stream broke after the outcome");
    }
    Ok((outcome, signature))
}

/// How a claim stands at the holder.
#[derive(Clone, Debug)]
pub(crate) struct Stands {
    pub(crate) approvals: u8,
    pub(crate) decide_by: Timestamp,
    pub(crate) stopped: bool,
    pub(crate) end: Option<End>,
}

/// Asks how a claim stands, and takes what is released. Releases that are here already are taken again.
///
/// # Errors
/// [`SessionError`] with whose fault it was.
pub(crate) async fn collect(
    core: &Arc<Core>,
    partner: &Partner,
    id: ClaimId,
    report: &Report,
) -> Result<Stands, SessionError> {
    let mut channel = core.dial(partner, CLAIM).await?;
    channel.say(&Word::Collect(id)).await?;
    let (stands, releases) = match channel.hear().await? {
        Word::Standing { approvals, decide_by, stopped, ended, releases } => {
            let end = match ended {
                Some(ended) => Some(keep_end(core, partner, id, *ended).await?),
                None => None,
            };
            (Stands { approvals, decide_by, stopped, end }, releases)
        }
        Word::Refused { code, text } => {
            return Err(SessionError::Refused { refusal: Refusal::new(code, text), here: false });
        }
        other => return Err(unexpected("how the claim stands", &other)),
    };
    if releases > MOST_RELEASES {
        return Err(SessionError::Misbehaved(format!("it says that it made {releases} releases")));
    }
    let mut next = 0;
    for taken in 0..releases {
        report.say("taking what is released", taken.into(), releases.into());
        next = take(core, partner, (id, next), &mut channel).await?;
    }
    report.bytes(&channel);
    channel.close().await?;
    Ok(stands)
}

/// Checks how the holder says that a claim ended, and journals it when it is said first.
async fn keep_end(
    core: &Arc<Core>,
    partner: &Partner,
    id: ClaimId,
    (ended, signature): (Ended, Signature),
) -> Result<End, SessionError> {
    let known = move |core: &Core| -> Result<_, Failure> {
        let claimed = core.book.state().claim(Side::Asker, &id)?;
        claimed.ok_or_else(|| Failure::local("the claim is not there"))
    };
    let claimed = known(core)?;
    let digest = claimed.case.claim.digest().map_err(|e| Failure::local(e.to_string()))?;
    // A holder takes no other reasons from its officers; this one stands in the journal for good.
    let odd = matches!(&ended.end, End::Refused { reason, .. } if !is_reason(reason));
    let stands =
        !odd && ended.claim == digest && signing::verify(&ended, &partner.party.key, &signature).is_ok();
    if !stands {
        let what = "what it says of the claim's end is not its signed word about this claim";
        return Err(SessionError::Misbehaved(what.into()));
    }
    let end = ended.end.clone();
    let work = core.clone();
    let kept = blocking(move || -> Result<End, Failure> {
        // Two may collect at once.
        let _writing = work.claims.writing();
        if let Some(before) = known(&work)?.ended {
            return Ok(before);
        }
        let end = ended.end.clone();
        work.book.record(&Event::ClaimEnded { claim: id, ended, signature })?;
        Ok(end)
    });
    if kept.await? != end {
        let what = "it said before that the claim ended in another way";
        return Err(SessionError::Misbehaved(what.into()));
    }
    Ok(end)
}

/// Takes a release with the number `next` or a higher one: what did not stand any more was left out. Gives the number
/// after it.
async fn take(
    core: &Arc<Core>,
    partner: &Partner,
    (id, next): (ClaimId, u32),
    channel: &mut Channel,
) -> Result<u32, SessionError> {
    let signed = match channel.hear().await? {
        Word::Release(signed) => *signed,
        // It may not leave any more, since the holder said how many there are.
        Word::Refused { code, text } => {
            return Err(SessionError::Refused { refusal: Refusal::new(code, text), here: false });
        }
        other => return Err(unexpected("a release", &other)),
    };
    let wrong = |what: &str| SessionError::Misbehaved(format!("its release {what}"));
    let release = &signed.release;
    if signing::verify(release, &partner.party.key, &signed.holder).is_err() {
        return Err(wrong("is not signed by its agreement key"));
    }
    let due = release.claim == id && (next..MOST_RELEASES).contains(&release.number);
    if !due || release.bytes > LONGEST_RELEASE {
        return Err(wrong("is another one than was due, or too long"));
    }
    if !claimed(core, release)? {
        return Err(wrong(
            "has fields or records that were not claimed, or too many bytes with those before it",
        ));
    }
    let mut sealed = Vec::new();
    while (sealed.len() as u64) < release.bytes {
        match channel.hear().await? {
            Word::Piece(piece) if !piece.is_empty() => sealed.extend_from_slice(&piece),
            other => return Err(unexpected("a piece of sealed fields", &other)),
        }
    }
    if sealed.len() as u64 != release.bytes || sealed_digest(&sealed) != release.sealed {
        return Err(wrong("came with other fields than it names"));
    }
    let own = signing::sign(release, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    let kept = {
        let (core, signed) = (core.clone(), SignedRelease { asker: Some(own), ..signed.clone() });
        blocking(move || keep(&core, signed, &sealed)).await
    };
    kept?;
    channel.say(&Word::Countersigned(own)).await?;
    Ok(signed.release.number.saturating_add(1))
}

/// Whether a release is of records that the holder said it found, and of fields that were claimed of them; and whether all
/// that was released is not too long with it.
fn claimed(core: &Core, release: &Release) -> Result<bool, Failure> {
    let Some(claimed) = core.book.state().claim(Side::Asker, &release.claim)? else { return Ok(false) };
    let before = claimed.releases.iter().filter(|made| made.release.number != release.number);
    let (outcome, wanted) = (&claimed.outcome, &claimed.case.claim.fields);
    let known = |(reference, fields): &(Reference, Vec<Field>)| {
        // An outcome that was lost on its way says nothing of what was found.
        let found = |outcome: &Outcome| outcome.found.iter().any(|told| told.reference == *reference);
        outcome.as_ref().is_none_or(found) && fields.iter().all(|field| wanted.contains(field))
    };
    Ok(release.fields.iter().all(known) && bytes(before).saturating_add(release.bytes) <= MOST_BYTES)
}

/// Keeps sealed fields, then journals them, once. What is here already stays as it is.
fn keep(core: &Core, signed: SignedRelease, sealed: &[u8]) -> Result<(), SessionError> {
    let (id, number) = (signed.release.claim, signed.release.number);
    let _settling = core.book.settling();
    let claimed = core.book.state().claim(Side::Asker, &id)?;
    let mut known = claimed.iter().flat_map(|claimed| &claimed.releases);
    let known = known.find(|made| made.release.number == number);
    if known.is_some_and(|known| known.release != signed.release) {
        return Err(SessionError::Misbehaved("its release is another one than it was before".into()));
    }
    let path = core.claims.release_path(Side::Asker, &id, number);
    files::write_whole(&path, sealed)
        .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))?;
    if known.is_some() {
        return Ok(());
    }
    let event = Event::Released { side: Side::Asker, release: signed, marks: Vec::new() };
    Ok(core.book.record(&event)?)
}

#[cfg(test)]
mod tests;
