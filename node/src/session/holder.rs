//! The holder's side of a query.

use std::sync::Arc;

use symbolon_policy::{
    ask::Ask,
    canonical,
    permit::{InForce, Paid, Refusal, RefusalCode},
    receipt::{AnswerClass, Receipt, SignedReceipt, engine_of, leakage_bits},
    rules::ExchangeKind,
    signing::{self, Signature},
    words::{AgencyCode, Digest},
};
use symbolon_protocol::{
    count, exact,
    exchange::{Boxed, Fault},
    seed::Seed,
    transcript::Role,
};

use super::{
    Channel, SessionError,
    channel::unexpected,
    drive::drive_while,
    matching::{self, Search},
    prepare,
    words::Word,
};
use crate::{
    book::Admission,
    clock,
    control::api::Failure,
    journal::{Event, Side},
    node::{Core, blocking},
    sealing::StorageKey,
    snapshots::{SliceOf, Snapshots},
    state::Stage,
};

/// Serves one query.
///
/// # Errors
/// [`SessionError`] with whose fault it was; it is journalled.
pub(crate) async fn serve(
    core: &Arc<Core>,
    asker: &AgencyCode,
    exchange: ExchangeKind,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let (ask, signature, named) = match channel.hear().await? {
        Word::Ask { ask, signature, prepared } => (*ask, signature, prepared),
        other => return Err(unexpected("a query", &other)),
    };
    // Words that are not the partner's own are no evidence, so they are refused without an entry.
    let agreement = match authentic(core, asker, exchange, &ask, &signature) {
        Ok(agreement) => agreement,
        Err(refusal) => return refuse(channel, refusal).await,
    };
    let admission = {
        let (core, agreement, ask) = (core.clone(), agreement.clone(), ask.clone());
        let under_way = channel.under_way();
        channel.during(blocking(move || admit(&core, &agreement, &ask, signature, under_way))).await?
    };
    let paid = match admission {
        Admission::Paid(paid) => paid,
        Admission::Refused(refusal) => return refuse(channel, refusal).await,
    };
    let answered = answer(core, &agreement, (&ask, signature, named), paid, channel).await;
    if let Err(error) = &answered {
        let (core, ask) = (core.clone(), ask.clone());
        let failed = error.failed();
        blocking(move || core.book.fail(Side::Holder, &ask, failed)).await?;
    }
    answered
}

async fn refuse(channel: &mut Channel, refusal: Refusal) -> Result<(), SessionError> {
    metrics::counter!("symbolon_queries_refused_total", "side" => "holder").increment(1);
    channel.say(&Word::refused(&refusal)).await?;
    Err(SessionError::refused_here(refusal))
}

/// Whether the query is the partner's own word under an agreement of the two.
fn authentic(
    core: &Core,
    asker: &AgencyCode,
    exchange: ExchangeKind,
    ask: &Ask,
    signature: &Signature,
) -> Result<Arc<InForce>, Refusal> {
    let none =
        || Refusal::new(RefusalCode::NoAgreement, "no agreement between the two nodes covers this query");
    let agreement = core.book.agreement(&ask.agreement).ok_or_else(none)?;
    let party = agreement.terms().party(asker).map_err(|_| none())?;
    if ask.asker != *asker || ask.holder != *core.book.own() {
        return Err(none());
    }
    if ask.exchange != exchange || signing::verify(ask, &party.key, signature).is_err() {
        return Err(Refusal::new(
            RefusalCode::Malformed,
            "the query is not signed by the asker's agreement key",
        ));
    }
    Ok(agreement)
}

/// Admits a query, or journals why it is not.
fn admit(
    core: &Core,
    agreement: &InForce,
    ask: &Ask,
    signature: Signature,
    under_way: u64,
) -> Result<Admission, Failure> {
    if let Err(refusal) = answerable(core, agreement, ask, under_way) {
        core.book.refuse(Side::Holder, ask, signature, &refusal)?;
        return Ok(Admission::Refused(refusal));
    }
    core.book.admit(Side::Holder, agreement, ask, signature, clock::now())
}

/// Everything that needs neither rules nor meters. The query may be `under_way` seconds old.
fn answerable(core: &Core, agreement: &InForce, ask: &Ask, under_way: u64) -> Result<(), Refusal> {
    let failed = |failure: Failure| Refusal::new(RefusalCode::Failed, failure.what);
    let state = core.book.state();
    let before = state.query(Side::Holder, &ask.query).map_err(failed)?;
    // First, so that no other refusal of altered words is journalled under the id of a query that was paid for.
    if before.as_ref().is_some_and(|before| before.ask != *ask) {
        let text = "a query with this id was asked before in other words";
        return Err(Refusal::new(RefusalCode::AlteredRetry, text));
    }
    core.has_register(&ask.register)?;
    if ask.exchange == ExchangeKind::Exact {
        let known = ask.snapshot.map(|id| state.snapshot(&id)).transpose().map_err(failed)?.flatten();
        let current = known.is_some_and(|snapshot| {
            snapshot.side == Side::Holder
                && SliceOf::of(&snapshot.manifest) == slice(ask)
                && snapshot.manifest.expires > clock::now()
        });
        if !current {
            let text = "the snapshot is no longer there; fetch the current one";
            return Err(Refusal::new(RefusalCode::StaleSnapshot, text));
        }
    }
    if ask.exchange == ExchangeKind::Match {
        // Or who took part in it would stand in the place of who took part in that.
        if before.is_none() && core.claims.noted(&ask.query) {
            return Err(Refusal::new(RefusalCode::AlteredRetry, "the query has the name of something else"));
        }
        matching::answerable(core, agreement, ask)?;
    }
    if before.is_some() {
        // A retry; its time is that of the first attempt.
        return Ok(());
    }
    let (now, asked) = (clock::now().0, ask.asked_at.0);
    let apart = now.abs_diff(asked);
    // A courier makes words older, never newer.
    let apart = if asked < now { apart.saturating_sub(under_way) } else { apart };
    if apart > core.config.clock_skew_secs {
        let text = format!("the clocks of the two nodes are {apart} s apart");
        return Err(Refusal::new(RefusalCode::ClockSkew, text));
    }
    let limit = core.config.open_receipts;
    let open = state.open_receipts(&ask.asker, limit.saturating_add(1)).map_err(failed)?.len();
    if open > limit {
        let text = format!("more than {limit} receipts of earlier queries are not countersigned");
        return Err(Refusal::new(RefusalCode::OpenReceipts, text));
    }
    Ok(())
}

/// The slice that a query searches.
pub(super) fn slice(ask: &Ask) -> SliceOf {
    SliceOf {
        agreement: ask.agreement,
        asker: ask.asker.clone(),
        register: ask.register.clone(),
        purpose: ask.purpose,
    }
}

/// Whether the agreement of a query that was admitted still holds: its partner may have let this node wait.
fn standing(core: &Core, ask: &Ask) -> Result<(), SessionError> {
    let agreement = core.book.agreement(&ask.agreement);
    let holds = agreement.is_some_and(|agreement| agreement.holds(clock::now()).is_ok());
    if holds { Ok(()) } else { Err(Failure::local("the agreement ended while it was asked").into()) }
}

/// Whether the snapshot of an exact query can still be asked.
fn current(core: &Core, ask: &Ask) -> Result<(), SessionError> {
    let known = ask.snapshot.map(|id| core.book.state().snapshot(&id)).transpose()?.flatten();
    let current = known.is_some_and(|snapshot| snapshot.manifest.expires > clock::now());
    if current { Ok(()) } else { Err(Failure::local("the snapshot ended while it was asked").into()) }
}

/// The version of the register when a query was first admitted: what was paid for is an answer over that one.
pub(super) fn paid_version(core: &Core, ask: &Ask) -> Result<u64, SessionError> {
    let known = core.book.state().query(Side::Holder, &ask.query)?;
    Ok(known.ok_or_else(|| Failure::integrity("a query that was admitted is not there"))?.register_version)
}

/// Whether the register is still of the version for which the randomness of an answer was drawn.
pub(super) fn settled(core: &Core, ask: &Ask, version: u64) -> Result<(), SessionError> {
    let state = core.book.state();
    if state.changing(&ask.register)? || state.register_version(&ask.register)? != version {
        return Err(Failure::local("the register changed while it was asked").into());
    }
    Ok(())
}

async fn answer(
    core: &Arc<Core>,
    agreement: &Arc<InForce>,
    (ask, signature, named): (&Ask, Signature, Option<Digest>),
    paid: Paid,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    channel.say(&Word::Admitted).await?;
    let opening = opening(ask, &signature)?;
    let (entries, transcript) = match ask.exchange {
        ExchangeKind::Exact => {
            let (exchange, entries) = exact_machine(core, ask)?;
            let guarded = paid.open(Role::Holder, &[&opening], || Ok(exchange))?;
            let still = || standing(core, ask).and_then(|()| current(core, ask));
            let (_, transcript) = drive_while(guarded, channel, |_| (), still).await?;
            (entries, transcript)
        }
        ExchangeKind::Count => {
            let version = paid_version(core, ask)?;
            let exchange = count_machine(core, agreement, ask)?;
            let guarded = paid.open(Role::Holder, &[&opening], || Ok(exchange))?;
            let still = || standing(core, ask).and_then(|()| settled(core, ask, version));
            let (served, transcript) = drive_while(guarded, channel, |_| (), still).await?;
            (served.entries, transcript)
        }
        ExchangeKind::Match => {
            let search = {
                let (core, agreement, ask) = (core.clone(), agreement.clone(), ask.clone());
                channel.during(blocking(move || matching::search(&core, &agreement, &ask, named))).await?
            };
            let Search { machine, entries, seconds, prepared } = search;
            channel.say(&Word::Searching { entries, seconds, prepared: prepared.is_some() }).await?;
            let guarded = paid.open(Role::Holder, &[&opening], || Ok(machine))?;
            let still = || standing(core, ask).and_then(|()| matching::standing(core, agreement, ask));
            let driven = drive_while(guarded, channel, |_| (), still).await;
            if let (Err(error), Some(id)) = (&driven, prepared) {
                prepare::noted(core, Side::Holder, &ask.asker, id, None, error).await?;
            }
            (entries, driven?.1)
        }
    };
    let receipt = {
        let (core, agreement, ask) = (core.clone(), agreement.clone(), ask.clone());
        channel.during(blocking(move || write_receipt(&core, &agreement, ask, entries, transcript))).await?
    };
    channel.say(&Word::Receipt(Box::new(receipt.clone()))).await?;
    let asker = match channel.hear().await? {
        Word::Countersigned(signature) => signature,
        other => return Err(unexpected("a countersignature", &other)),
    };
    let (core, agreement) = (core.clone(), agreement.clone());
    blocking(move || countersigned(&core, &agreement, receipt, asker)).await
}

/// Checks and keeps the asker's signature under a receipt.
pub(super) fn countersigned(
    core: &Core,
    agreement: &InForce,
    receipt: SignedReceipt,
    asker: Signature,
) -> Result<(), SessionError> {
    let party = agreement.terms().party(&receipt.receipt.ask.asker);
    let key = party.map_err(|e| Failure::local(e.to_string()))?.key;
    signing::verify(&receipt.receipt, &key, &asker).map_err(|e| {
        SessionError::Misbehaved(format!("its signature under the receipt does not stand: {e}"))
    })?;
    settle_receipt(core, receipt, asker)
}

/// The words that open the transcript of a query.
pub(super) fn opening(ask: &Ask, signature: &Signature) -> Result<Vec<u8>, SessionError> {
    canonical::encode(&(ask, signature)).map_err(|e| SessionError::Local(Failure::local(e.to_string())))
}

/// The holder's randomness for a query follows from the query, so that a retry gets the same answer:
/// the same proof, and for a count the same key and noise.
///
/// For an exact query it follows from the epoch key and nothing else that lasts: whoever can make a
/// proof's nonce again can compute the key from the proof, and the key has to end with its epoch.
fn seed(key: &StorageKey, ask: &Ask, version: u64) -> Result<Seed, SessionError> {
    let bytes = canonical::encode(ask).map_err(|e| Failure::local(e.to_string()))?;
    let digest = Digest::of("symbolon/holder-seed/1", &bytes);
    Ok(Seed::new(*key.derive(&format!("holder-seed/{digest}/{version}")).as_bytes()))
}

/// The holder's randomness for an answer from the register: another one whenever the register is.
pub(super) fn holder_seed(core: &Core, ask: &Ask) -> Result<Seed, SessionError> {
    seed(&core.storage, ask, core.book.state().register_version(&ask.register)?)
}

type ExactMachine = (Boxed<exact::Served>, u64);

fn exact_machine(core: &Core, ask: &Ask) -> Result<ExactMachine, SessionError> {
    let stale = || Failure::local("the snapshot ended while it was asked");
    let id = ask.snapshot.ok_or_else(stale)?;
    let snapshot = core.book.state().snapshot(&id)?.ok_or_else(stale)?;
    let key = core.snapshots.epoch_key(&id)?;
    let seed = seed(&StorageKey::from_bytes(*key.expose()), ask, 0)?;
    let machine = exact::Holder::new(key, ask.items, ask.digest.0, seed)?;
    Ok((Box::new(machine), snapshot.manifest.entries))
}

fn count_machine(core: &Core, agreement: &InForce, ask: &Ask) -> Result<Boxed<count::Served>, SessionError> {
    let noise = agreement.terms().noise().map_err(|e| Failure::local(e.to_string()))?;
    let (own, of) = (core.book.own(), slice(ask));
    // The day of the query, not of the retry: the slice of a repeated count must be the same.
    let source = Snapshots::source(
        &core.registers,
        agreement,
        own,
        &of,
        ExchangeKind::Count,
        clock::day(ask.asked_at)?,
    )?;
    let seed = holder_seed(core, ask)?;
    let buckets = agreement.terms().buckets;
    let machine = count::Holder::new(ask.items, noise, ask.digest.0, Box::new(source), buckets, seed);
    Ok(Box::new(machine.map_err(|fault: Fault| Failure::local(fault.to_string()))?))
}

/// The receipt that was written before if this is a retry, or a new one.
fn write_receipt(
    core: &Core,
    agreement: &InForce,
    ask: Ask,
    entries: u64,
    transcript: Digest,
) -> Result<SignedReceipt, SessionError> {
    let _settling = core.book.settling();
    let known = core.book.state().query(Side::Holder, &ask.query)?;
    let broken = known.as_ref().is_some_and(|query| query.broken);
    // The first answer counts, not the last: hits are claimed for so many hours after it.
    let mut answered_at = clock::now();
    match known.map(|query| query.stage) {
        _ if broken && ask.exchange == ExchangeKind::Match => {
            let what = format!("the protocol was broken in another session of the query {}", ask.query);
            return Err(Failure::local(what).into());
        }
        Some(Stage::Answered(receipt) | Stage::Done(receipt)) if receipt.receipt.transcript == transcript => {
            return Ok(*receipt);
        }
        Some(Stage::Done(_)) => {
            let what = format!("the query {} was answered in another session meanwhile", ask.query);
            return Err(Failure::local(what).into());
        }
        Some(Stage::Answered(earlier)) => answered_at = earlier.receipt.answered_at,
        _ => {}
    }
    let answer = AnswerClass::of(agreement.terms(), &ask);
    let answer = answer.ok_or_else(|| Failure::local("the agreement does not cover this query"))?;
    let receipt = Receipt {
        engine: engine_of(&ask).to_owned(),
        entries,
        snapshot: ask.snapshot,
        transcript,
        answer,
        leakage_bits: leakage_bits(answer, ask.items, entries),
        answered_at,
        ask,
    };
    let holder = signing::sign(&receipt, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    let receipt = SignedReceipt { receipt, holder, asker: None };
    core.book.record(&Event::Answered { receipt: Box::new(receipt.clone()) })?;
    metrics::counter!("symbolon_queries_answered_total", "side" => "holder").increment(1);
    Ok(receipt)
}

/// Keeps the asker's signature under a receipt, once.
pub(super) fn settle_receipt(
    core: &Core,
    receipt: SignedReceipt,
    asker: Signature,
) -> Result<(), SessionError> {
    let id = receipt.receipt.ask.query;
    let _settling = core.book.settling();
    match core.book.state().query(Side::Holder, &id)?.map(|query| query.stage) {
        Some(Stage::Done(_)) => Ok(()),
        _ => {
            let receipt = Box::new(SignedReceipt { asker: Some(asker), ..receipt });
            Ok(core.book.record(&Event::Receipt { side: Side::Holder, receipt })?)
        }
    }
}

#[cfg(test)]
mod tests;
