//! Checkpoints, revocations, correction notices and open receipts, after every session and whenever two nodes meet.
//!
//! Each side names what it last saw of the other, shows its checkpoint with a proof from there,
//! countersigns the other's if it continues what was seen, says which agreements it revoked and what became of
//! fields it released, and signs
//! receipts that it had not. A journal that was rewritten or forked cannot make the proof.

mod notices;
mod revocations;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use symbolon_policy::{
    receipt::SignedReceipt,
    signing::{self, PublicKey, Signature},
    words::AgencyCode,
};

use super::{Channel, JOURNAL, SessionError, channel::unexpected, holder::settle_receipt, words::Word};
use crate::{
    clock,
    control::api::Failure,
    journal::{
        Checkpoint, Event, Review, Side,
        checkpoint::{countersign, verify_countersigned},
        witness::review,
    },
    node::{Core, Partner, blocking},
    state::Stage,
};

pub(super) use notices::Carried;
use notices::notices;
use revocations::revocations;

/// What a line with a signature begins with [C2SP signed-note].
const SIGNED: &str = "\u{2014} ";

/// Receipts that one meeting settles.
const RECEIPTS: usize = 8;

/// Pauses before a meeting that was broken off is opened again.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Opens a meeting with a partner.
///
/// # Errors
/// [`SessionError`] with whose fault it was.
pub(crate) async fn meet(core: &Arc<Core>, partner: &Partner) -> Result<(), SessionError> {
    let mut pauses = PAUSES.into_iter();
    loop {
        let mut channel = core.dial(partner, JOURNAL).await?;
        let talked = talk(core, &partner.party.code, partner.party.key, &mut channel).await;
        let Err(error) = talked else { return channel.close().await };
        match pauses.next() {
            // Both may open one at once, as after a start; then one of the two comes between.
            Some(pause) if error.may_pass() => tokio::time::sleep(pause).await,
            _ => return Err(error),
        }
    }
}

/// Partners that have to be told of a revocation, or for whom a correction notice waits.
///
/// # Errors
/// A local [`Failure`] if what is to be told cannot be read.
pub(crate) fn to_meet(core: &Core) -> Result<Vec<Partner>, Failure> {
    let mut partners = core.to_be_told()?;
    for untold in core.untold(clock::now())? {
        if partners.iter().all(|other| other.party.code != untold.partner.party.code) {
            partners.push(untold.partner);
        }
    }
    Ok(partners)
}

/// Meets a partner that has to be told. If it cannot be reached, it is told at the next meeting.
pub(crate) async fn tell_one(core: &Arc<Core>, partner: &Partner) {
    if let Err(error) = meet(core, partner).await {
        tracing::warn!(partner = %partner.party.code, %error, "the partner was not told of a revocation or a correction");
    }
}

/// Meets every partner that has to be told.
///
/// # Errors
/// A local [`Failure`] if what is to be told cannot be read.
pub(crate) async fn tell(core: &Arc<Core>) -> Result<(), Failure> {
    let partners = to_meet(core)?;
    join_all(partners.iter().map(|partner| tell_one(core, partner))).await;
    Ok(())
}

/// Both sides do the same; every word is small enough to be on its way before the other is read. None takes long to be
/// made, so there is no sign of life between them that a partner could draw a meeting out with.
///
/// # Errors
/// [`SessionError`] with whose fault it was.
pub(crate) async fn talk(
    core: &Arc<Core>,
    partner: &AgencyCode,
    key: PublicKey,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let last = core.book.journal().last_seen(partner).map_err(Failure::from)?;
    let seen = last.as_deref().map(Checkpoint::read).transpose();
    let seen = seen.map_err(|e| Failure::integrity(e.to_string()))?.map_or(0, |checkpoint| checkpoint.size);
    channel.say(&Word::Seen(seen)).await?;
    let from = match channel.hear_next().await? {
        Word::Seen(size) => size,
        other => return Err(unexpected("a size", &other)),
    };
    let ours = core.book.journal().offer(from, core.book.signer()).map_err(Failure::from)?;
    let sent = ours.note.clone();
    channel.say(&Word::Checkpoint(Box::new(ours))).await?;
    let theirs = match channel.hear_next().await? {
        Word::Checkpoint(offer) => *offer,
        other => return Err(unexpected("a checkpoint", &other)),
    };
    let cosigned = {
        let (core, partner) = (core.clone(), partner.clone());
        blocking(move || judge(&core, &partner, &key, last.as_deref(), &theirs)).await
    };
    let (answer, fork) = match cosigned {
        Ok(note) => (Some(note), None),
        Err(error @ SessionError::Misbehaved(_)) => (None, Some(error)),
        Err(error) => return Err(error),
    };
    channel.say(&Word::Cosigned(answer)).await?;
    match channel.hear_next().await? {
        Word::Cosigned(Some(note)) => {
            verify_countersigned(&sent, &note, partner, &key)
                .map_err(|e| SessionError::Misbehaved(format!("its countersignature does not stand: {e}")))?;
            let (core, partner) = (core.clone(), partner.clone());
            blocking(move || core.book.record(&Event::CheckpointCountersigned { partner, note })).await?;
        }
        Word::Cosigned(None) => tracing::error!(%partner, "the partner does not accept our checkpoint"),
        other => return Err(unexpected("a countersignature", &other)),
    }
    // Before a fork ends the meeting: one may well be the reason to revoke.
    revocations(core, partner, channel).await?;
    // Whom the data is about is not to suffer for a fork either.
    notices(core, partner, channel).await?;
    if let Some(error) = fork {
        return Err(error);
    }
    receipts(core, partner, key, channel).await
}

/// Countersigns a checkpoint that continues what was seen; journals one that does not.
fn judge(
    core: &Core,
    partner: &AgencyCode,
    key: &PublicKey,
    last: Option<&str>,
    offer: &crate::journal::CheckpointOffer,
) -> Result<String, SessionError> {
    // Whoever reads the note later finds one signature of each of the two, and no other lines that look like one.
    if offer.note.lines().filter(|line| line.starts_with(SIGNED)).count() != 1 {
        return Err(SessionError::Misbehaved("its checkpoint has another signature than its own one".into()));
    }
    // Two meetings at once are judged one after the other, each by what was seen last.
    let _settling = core.book.settling();
    if core.book.journal().last_seen(partner).map_err(Failure::from)?.as_deref() != last {
        let what = "another meeting with the partner came between; nothing is lost";
        return Err(SessionError::Connection(what.into()));
    }
    let (before, now, what) = match review(partner, key, last, offer) {
        Review::Consistent(_) => {
            let signed = countersign(&offer.note, core.book.own(), core.book.signer());
            let note = signed.map_err(|e| SessionError::Misbehaved(e.to_string()))?;
            core.book.record(&Event::CheckpointSeen { partner: partner.clone(), note: note.clone() })?;
            return Ok(note);
        }
        Review::Fork { before, now } => (before, now, "shows another history than before"),
        Review::Rollback { before, now } => (before, now, "has fewer entries than before"),
        Review::Unproved { before, now } => (before, now, "does not continue the one seen before"),
        Review::WrongStart { .. } => {
            return Err(SessionError::Misbehaved("its proof begins at another size".into()));
        }
        Review::BadNote(fault) => return Err(SessionError::Misbehaved(format!("its checkpoint: {fault}"))),
    };
    metrics::counter!("symbolon_forks_seen_total").increment(1);
    tracing::error!(%partner, "the partner's journal {what}");
    // Once: it shows another note at each meeting, when its journal grows.
    let known = core.book.state().forks()?;
    if !known.iter().any(|fork| fork.is_shown_by(partner, &before, &now)) {
        core.book.record(&Event::ForkSeen { partner: partner.clone(), before, now })?;
    }
    Err(SessionError::Misbehaved(format!("its journal {what}")))
}

/// Each side shows the receipts that wait for the other's signature, and signs those it knows.
async fn receipts(
    core: &Arc<Core>,
    partner: &AgencyCode,
    key: PublicKey,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let open = core.book.state().open_receipts(partner, RECEIPTS)?;
    channel.say(&Word::OpenReceipts(open.clone())).await?;
    let theirs = match channel.hear_next().await? {
        Word::OpenReceipts(receipts) if receipts.len() <= RECEIPTS => receipts,
        other => return Err(unexpected("open receipts", &other)),
    };
    let signatures = theirs.iter().map(|receipt| known(core, receipt)).collect::<Result<Vec<_>, _>>()?;
    channel.say(&Word::Signatures(signatures)).await?;
    let signed = match channel.hear_next().await? {
        Word::Signatures(signatures) if signatures.len() == open.len() => signatures,
        other => return Err(unexpected("signatures", &other)),
    };
    for (receipt, signature) in open.into_iter().zip(signed) {
        let Some(signature) = signature else { continue };
        signing::verify(&receipt.receipt, &key, &signature).map_err(|e| {
            SessionError::Misbehaved(format!("its signature under a receipt does not stand: {e}"))
        })?;
        let core = core.clone();
        blocking(move || settle_receipt(&core, receipt, signature)).await?;
    }
    Ok(())
}

/// Our signature under a receipt, if we signed the very same one before.
fn known(core: &Core, receipt: &SignedReceipt) -> Result<Option<Signature>, SessionError> {
    let query = core.book.state().query(Side::Asker, &receipt.receipt.ask.query)?;
    Ok(match query.map(|query| query.stage) {
        Some(Stage::Done(own)) if own.receipt == receipt.receipt => own.asker,
        _ => None,
    })
}

#[cfg(test)]
mod tests;
