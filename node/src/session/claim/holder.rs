//! The holder's side of a claim.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use symbolon_policy::{
    case::Case,
    claim::{Claim, Outcome, SignedRelease, opening_digest, unknown},
    permit::{InForce, Paid, Refusal, RefusalCode, admit_claim},
    receipt::Receipt,
    signing::{self, Document as _, Signature},
    words::{AgencyCode, ClaimId, Timestamp},
};
use symbolon_protocol::{
    claim,
    exchange::{Fault, Misbehaviour},
    transcript::Role,
};

use super::{LONGEST_OPENING, Opened, PIECE, cases, find::find, releases, replay, words};
use crate::{
    claims::Records,
    clock,
    control::api::Failure,
    journal::{Event, Side},
    node::{Core, blocking},
    session::{Channel, SessionError, channel::unexpected, drive::drive, words::Word},
    state::{self, Stage},
};

/// Serves one claim, or hands over what is released.
///
/// # Errors
/// [`SessionError`] with whose fault it was; it is journalled.
pub(crate) async fn serve(
    core: &Arc<Core>,
    asker: &AgencyCode,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    match channel.hear().await? {
        Word::Claim { claim, signature } => hear(core, asker, *claim, signature, channel).await,
        Word::Collect(claim) => hand_over(core, asker, claim, channel).await,
        other => Err(unexpected("a claim", &other)),
    }
}

/// Cases that one query may make, beside one for each of its items.
const MOST_CLAIMS: u64 = 32;

/// False openings of one query that are kept as evidence. Then no more claims of it are heard: each may be large.
const MOST_FALSE: u64 = 8;

/// Bytes that are kept of what was opened in the claims of one query. Each repeats what stays closed of the batch.
const MOST_BYTES: u64 = 64 << 20;

/// Whether what was opened is kept and is not what was asked. A partner may break the protocol otherwise, which says
/// nothing of what it opened under that name before or after.
type Falsely = Arc<AtomicBool>;

/// A claim that is the partner's own word, and the query that it is about.
struct Known {
    agreement: Arc<InForce>,
    query: state::Query,
    receipt: Receipt,
}

async fn hear(
    core: &Arc<Core>,
    asker: &AgencyCode,
    claim: Claim,
    signature: Signature,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    // Words that are not the partner's own are no evidence, so they are refused without an entry.
    let known = match known(core, asker, &claim, &signature)? {
        Ok(known) => known,
        Err(refusal) => return refuse(channel, refusal).await,
    };
    let admitted = {
        let (core, claim) = (core.clone(), claim.clone());
        let (agreement, query, receipt) =
            (known.agreement.clone(), known.query.clone(), known.receipt.clone());
        let admitted = blocking(move || admit(&core, &agreement, &claim, signature, (&query, &receipt)));
        channel.during(admitted).await?
    };
    let paid = match admitted {
        Ok(paid) => paid,
        Err(refusal) => return refuse(channel, refusal).await,
    };
    let falsely = Falsely::default();
    let answered = answer(core, &known, (&claim, signature), paid, &falsely, channel).await;
    if let Err(error) = &answered {
        let event = match error {
            SessionError::Refused { refusal, .. } => {
                Event::ClaimRefused { side: Side::Holder, claim, signature, code: refusal.code }
            }
            other => Event::ClaimFailed {
                side: Side::Holder,
                opened: falsely.load(Ordering::Relaxed).then_some(claim.opening),
                claim,
                signature,
                partner_at_fault: other.partner_at_fault(),
                reason: other.to_string(),
            },
        };
        let core = core.clone();
        blocking(move || core.book.record(&event)).await?;
    }
    match answered {
        Err(SessionError::Refused { refusal, here: true }) => refuse(channel, refusal).await,
        answered => answered,
    }
}

async fn refuse(channel: &mut Channel, refusal: Refusal) -> Result<(), SessionError> {
    channel.say(&Word::refused(&refusal)).await?;
    Err(SessionError::refused_here(refusal))
}

fn known(
    core: &Core,
    asker: &AgencyCode,
    claim: &Claim,
    signature: &Signature,
) -> Result<Result<Known, Refusal>, SessionError> {
    let agreement = core.book.agreement(&claim.agreement);
    let party = agreement.as_ref().and_then(|agreement| agreement.terms().party(asker).ok());
    let Some((agreement, party)) = agreement.as_ref().zip(party) else { return Ok(Err(unknown())) };
    if claim.asker != *asker || claim.holder != *core.book.own() {
        return Ok(Err(unknown()));
    }
    if signing::verify(claim, &party.key, signature).is_err() {
        let text = "the claim is not signed by the asker's agreement key";
        return Ok(Err(Refusal::new(RefusalCode::Malformed, text)));
    }
    let query = core.book.state().query(Side::Holder, &claim.query)?;
    Ok(match query {
        // Under another agreement it is none of this query, and its entry would stand beside it in evidence.
        Some(query) if query.ask.asker == *asker && query.ask.agreement == claim.agreement => {
            match &query.stage {
                Stage::Answered(receipt) | Stage::Done(receipt) => {
                    let receipt = receipt.receipt.clone();
                    Ok(Known { agreement: agreement.clone(), query, receipt })
                }
                _ => Err(unknown()),
            }
        }
        _ => Err(unknown()),
    })
}

/// Admits a claim, or journals why it is not.
fn admit(
    core: &Core,
    agreement: &InForce,
    claim: &Claim,
    signature: Signature,
    (query, receipt): (&state::Query, &Receipt),
) -> Result<Result<Paid, Refusal>, Failure> {
    let state = core.book.state();
    let before = state.claim(Side::Holder, &claim.claim)?;
    let admitted = match &before {
        Some(before) if before.case.claim != *claim => Err(altered()),
        // A repeated claim is of the time when it came first.
        Some(before) => admit_claim(agreement, claim, (&query.ask, receipt), 0, before.case.begun),
        None => sealable(claim).and_then(|()| {
            let now = clock::now();
            // Only ahead: what kept it from arriving when it was made is no fault, and it is taken for as long after the
            // answer as is agreed.
            let ahead = u64::try_from(claim.claimed_at.0.saturating_sub(now.0)).unwrap_or(0);
            if ahead > core.config.clock_skew_secs {
                let text = format!("the clock of the asker's node is {ahead} s ahead");
                return Err(Refusal::new(RefusalCode::ClockSkew, text));
            }
            room(core, claim, query)?;
            admit_claim(agreement, claim, (&query.ask, receipt), 0, now)
        }),
    };
    match admitted {
        Ok((paid, _)) => Ok(Ok(paid)),
        Err(refusal) => {
            let (claim, code) = (claim.clone(), refusal.code);
            core.book.record(&Event::ClaimRefused { side: Side::Holder, claim, signature, code })?;
            Ok(Err(refusal))
        }
    }
}

/// Whether one more claim of a query is heard. Everything that opened something counts, whatever came of it: it is written
/// down, and the register is searched for it, and no quota pays for either.
fn room(core: &Core, claim: &Claim, query: &state::Query) -> Result<(), Refusal> {
    let state = core.book.state();
    let failed = |failure: Failure| Refusal::new(RefusalCode::Failed, failure.what);
    let exceeded = |text| Err(Refusal::new(RefusalCode::QuotaExceeded, text));
    let falsely = state.false_openings(&claim.query).map_err(failed)?;
    if falsely >= MOST_FALSE {
        return exceeded(format!("the query was opened falsely {falsely} times"));
    }
    let opened = state.opened(&claim.query).map_err(failed)?;
    let made = opened.iter().fold(0_u64, |made, (_, times)| made.saturating_add(*times));
    if made >= MOST_CLAIMS.saturating_add(query.ask.items.into()) {
        return exceeded(format!("the query was claimed {made} times"));
    }
    let kept = opened.iter().map(|(claim, _)| core.claims.opening_bytes(claim));
    let kept = kept.fold(0_u64, u64::saturating_add);
    if kept >= MOST_BYTES {
        return exceeded(format!("{kept} bytes are kept of what claims opened of the query"));
    }
    Ok(())
}

fn altered() -> Refusal {
    Refusal::new(RefusalCode::AlteredClaim, "a claim with this id was made before in other words")
}

fn sealable(claim: &Claim) -> Result<(), Refusal> {
    let text = "the officer's recipient is no age X25519 recipient";
    cases::recipient(claim).map(drop).map_err(|_| Refusal::new(RefusalCode::Malformed, text))
}

async fn answer(
    core: &Arc<Core>,
    known: &Known,
    (claim, signature): (&Claim, Signature),
    paid: Paid,
    falsely: &Falsely,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    channel.say(&Word::Admitted).await?;
    let machine = {
        let (core, agreement) = (core.clone(), known.agreement.clone());
        let (ask, claim, falsely) = (known.query.ask.clone(), claim.clone(), falsely.clone());
        let loaded = blocking(move || -> Result<_, SessionError> {
            let replay = replay(&core, &agreement, &ask, &claim)?;
            let keep: claim::Replay<Opened> = Box::new(move |bytes| {
                keep_opening(&core, &claim, bytes)?;
                replayed(replay, bytes, &falsely)
            });
            Ok(claim::Holder::new(LONGEST_OPENING, keep))
        });
        channel.during(loaded).await?
    };
    let opening = words(claim, &signature)?;
    let guarded = paid.open(Role::Holder, &[&opening], || Ok(Box::new(machine)))?;
    let ((bytes, opened), _) = drive(guarded, channel, |_| ()).await?;
    let case = {
        let (core, ask, claim) = (core.clone(), known.query.ask.clone(), claim.clone());
        let begun = move || begin(&core, (&claim, &ask), signature, (&bytes, &opened));
        channel.during(blocking(begun)).await?
    };
    let outcome = outcome(&case)?;
    let signature = signing::sign(&outcome, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    channel.say(&Word::Outcome { outcome: Box::new(outcome), signature }).await
}

/// Replays what was opened, and notes if it is false.
fn replayed(replay: claim::Replay<Opened>, bytes: &[u8], falsely: &AtomicBool) -> Result<Opened, Fault> {
    replay(bytes).inspect_err(|fault| {
        falsely.store(matches!(fault, Fault::PeerMisbehaved(_)), Ordering::Relaxed);
    })
}

/// Keeps what was opened, before it is replayed: if it is false it is the evidence. It stays, whatever is claimed under
/// the same id in other words.
fn keep_opening(core: &Core, claim: &Claim, bytes: &[u8]) -> Result<(), Fault> {
    if opening_digest(bytes) != claim.opening {
        return Err(Misbehaviour::Opening("it is not what the claim was signed for").into());
    }
    let words = claim.digest().map_err(|e| Fault::Local(e.to_string()))?;
    // The words name what is opened, so what is there is the same.
    if core.claims.opening(&words).is_ok() {
        return Ok(());
    }
    core.claims.keep_opening(&words, bytes).map_err(|failure| Fault::Local(failure.what))
}

/// Finds the records and begins the case, once.
///
/// The opening may have been long on its way: the agreement is the one of now, which may have ended meanwhile.
///
/// The register is searched before the cases' lock is taken, so that nobody's decision waits for it. The lock orders looking
/// at a case and the entry that changes it, which a search is no part of: what changes in the register between the search
/// and the entry might as well have changed after both, and whatever is released is looked at again then.
fn begin(
    core: &Core,
    (claim, ask): (&Claim, &symbolon_policy::ask::Ask),
    signature: Signature,
    (bytes, opened): (&[u8], &Opened),
) -> Result<Case, SessionError> {
    let state = core.book.state();
    // Of two sessions at once the other one may just have begun a case of this id, in other words.
    let known = || -> Result<_, SessionError> {
        match state.claim(Side::Holder, &claim.claim)? {
            Some(before) if before.case.claim != *claim => Err(SessionError::refused_here(altered())),
            before => Ok(before),
        }
    };
    let in_force = || -> Result<_, SessionError> {
        let agreement = core.book.agreement(&claim.agreement);
        let agreement =
            agreement.ok_or_else(|| Failure::integrity("the agreement of the claim is not there"))?;
        agreement.releases(clock::now()).map_err(SessionError::refused_here)?;
        Ok(agreement)
    };
    if let Some(before) = known()? {
        return Ok(before.case);
    }
    let agreement = in_force()?;
    let terms = agreement.terms().claims.as_ref();
    let terms = terms.ok_or_else(|| Failure::local("the agreement has no terms for claims"))?;
    let hits = find(core, &agreement, terms, (claim, ask), opened);
    let _writing = core.claims.writing();
    if let Some(before) = known()? {
        return Ok(before.case);
    }
    in_force()?;
    if let Err(SessionError::Refused { refusal, .. }) = &hits
        && refusal.code == RefusalCode::TooManyRecords
    {
        // It was no false one, so it is no evidence, and there is no case that it is of.
        core.claims.remove_opening(&claim.digest().map_err(|e| Failure::local(e.to_string()))?)?;
    }
    let hits = hits?;
    // The same claim, made twice at once, may have found too many a moment ago.
    keep_opening(core, claim, bytes)
        .map_err(|fault| Failure::local(format!("what was opened is not kept: {fault}")))?;
    let (found, behind): (Vec<_>, Vec<_>) = hits.into_iter().unzip();
    core.claims.keep_records(&claim.claim, &Records(behind))?;
    let at = clock::now();
    let event = Event::Claimed { side: Side::Holder, claim: claim.clone(), signature, act: None, found, at };
    core.book.record(&event)?;
    releases::release_due(core, &claim.claim)?;
    let claimed = state.claim(Side::Holder, &claim.claim)?;
    Ok(claimed.ok_or_else(|| Failure::local("the case is not there"))?.case)
}

/// What the asker is told of a case when it begins; the same whenever it asks again.
fn outcome(case: &Case) -> Result<Outcome, SessionError> {
    let claim = case.claim.digest().map_err(|e| Failure::local(e.to_string()))?;
    let found = case.found.iter().map(symbolon_policy::case::Found::told).collect();
    Ok(Outcome { claim, found, decide_by: case.decide_by, at: case.begun })
}

async fn hand_over(
    core: &Arc<Core>,
    asker: &AgencyCode,
    id: ClaimId,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let settled = {
        let (core, asker) = (core.clone(), asker.clone());
        let settled = blocking(move || -> Result<_, Failure> {
            let _writing = core.claims.writing();
            cases::end_late(&core, &id, clock::now())?;
            // What a crash kept from being made is made now.
            releases::release_due(&core, &id)?;
            let claimed = core.book.state().claim(Side::Holder, &id)?;
            let claimed = claimed.filter(|claimed| claimed.case.claim.asker == asker);
            claimed.map(|claimed| Ok((releases::collectable(&core, &id)?, claimed))).transpose()
        });
        channel.during(settled).await?
    };
    let Some((releases, claimed)) = settled else {
        let refusal = Refusal::new(RefusalCode::UnknownQuery, "there is no such claim of this asker");
        return refuse(channel, refusal).await;
    };
    let Some(agreement) = core.book.agreement(&claimed.case.claim.agreement) else {
        return Err(Failure::integrity("the agreement of the claim is not there").into());
    };
    let key = agreement.terms().party(asker).map_err(|e| Failure::local(e.to_string()))?.key;
    let case = &claimed.case;
    let decide_by: Timestamp = case.decide_by;
    channel
        .say(&Word::Standing {
            approvals: case.approvals(),
            decide_by,
            stopped: case.stopped.is_some(),
            ended: cases::ended(core, case)?.map(Box::new),
            releases: u32::try_from(releases.len()).unwrap_or(u32::MAX),
        })
        .await?;
    for signed in releases {
        let leaves = {
            let (core, number) = (core.clone(), signed.release.number);
            let leaves = blocking(move || {
                let _writing = core.claims.writing();
                releases::leaves(&core, &id, number)
            });
            channel.during(leaves).await?
        };
        if !leaves {
            // The asker may have taken its time over the one before.
            let text = "what is released changed meanwhile; collect it again";
            return refuse(channel, Refusal::new(RefusalCode::Busy, text)).await;
        }
        let path = core.claims.release_path(Side::Holder, &id, signed.release.number);
        let sealed = std::fs::read(&path)
            .map_err(|e| Failure::local(format!("cannot read {}: {e}", path.display())))?;
        channel.say(&Word::Release(Box::new(signed.clone()))).await?;
        for piece in sealed.chunks(PIECE) {
            channel.say(&Word::Piece(piece.to_vec())).await?;
        }
        let signature = match channel.hear().await? {
            Word::Countersigned(signature) => signature,
            other => return Err(unexpected("a countersignature", &other)),
        };
        signing::verify(&signed.release, &key, &signature).map_err(|e| {
            SessionError::Misbehaved(format!("its signature under a release does not stand: {e}"))
        })?;
        if signed.asker.is_none() {
            let release = SignedRelease { asker: Some(signature), ..signed };
            let core = core.clone();
            blocking(move || countersigned(&core, release)).await?;
        }
    }
    Ok(())
}

/// Records that the asker has a release, once: two sessions that collect the same may overlap.
fn countersigned(core: &Core, release: SignedRelease) -> Result<(), Failure> {
    let _writing = core.claims.writing();
    let claimed = core.book.state().claim(Side::Holder, &release.release.claim)?;
    let known = claimed.iter().flat_map(|claimed| &claimed.releases);
    let mut known = known.filter(|known| known.release.number == release.release.number);
    if known.any(|known| known.asker.is_some()) {
        return Ok(());
    }
    core.book.record(&Event::Released { side: Side::Holder, release, marks: Vec::new() })
}

#[cfg(test)]
mod tests;
