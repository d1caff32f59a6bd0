//! Evaluation keys before a match: set up once for a form and an engine, and anew when they end.
//!
//! The two machines of the engine's setup run under a permit that discloses nothing and costs nothing.
//! The holder then signs what it keeps, so that both journal the same words. Keys are named by the
//! transcript of their setup, which both nodes have. A setup that breaks off goes on with the same seeds; a partner that
//! comes with something else is refused until a person lets it ([`Begun`](crate::keys)).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use symbolon_policy::{
    ask::{self, Fetch, MatchSetup},
    canonical,
    keys::KeySet,
    permit::{InForce, Paid, Refusal, RefusalCode},
    signing::{self, Signature},
    words::{AgencyCode, Digest},
};
use symbolon_protocol::{
    exchange::Progress,
    matching::{engine::Engine, rule::Form},
    transcript::Role,
};
use zeroize::Zeroizing;

use super::{
    Channel, KEYS, SessionError, channel::unexpected, drive::drive_bound, fetch::refuse, words::Word,
};
use crate::{
    clock,
    control::api::Failure,
    journal::{Event, Side},
    keys::Begun,
    node::{Core, Partner, Report, blocking},
    state::Keys,
};

/// How long an asker waits before it asks again while other keys are being set up.
const POLL: Duration = Duration::from_secs(1);
/// Sets of one asker, form and engine that a holder keeps: the newest, and the one before it for queries
/// that are under way.
const KEPT: usize = 2;

/// The engine and the form of a setup.
///
/// # Errors
/// The [`Refusal`] if the agreement has no such form or this program no such engine.
pub(super) fn plan(agreement: &InForce, setup: &MatchSetup) -> Result<(&'static dyn Engine, Form), Refusal> {
    let form = agreement.terms().matching.as_ref().and_then(|agreed| agreed.form(&setup.form));
    let form = form.ok_or_else(|| {
        let text = format!("the agreement has no form of template named {}", setup.form);
        Refusal::new(RefusalCode::FormNotAgreed, text)
    })?;
    Ok((ask::engine(&setup.engine)?, form.form()))
}

/// Finds this node's current keys for a form and an engine, or sets them up.
///
/// # Errors
/// [`SessionError`] with whose fault it was; it is journalled.
pub(crate) async fn obtain(
    core: &Arc<Core>,
    partner: &Partner,
    fetch: &Fetch,
    report: &Report,
) -> Result<Keys, SessionError> {
    let began = Instant::now();
    loop {
        // First: whoever had the turn may have set up these keys.
        let turn = core.keys.turn(Side::Asker, &fetch.holder);
        if let Some(keys) = core.own_keys(fetch)? {
            return Ok(keys);
        }
        let Some(turn) = turn else {
            report.say("other keys are being set up", 0, 0);
            wait(core, report, began).await?;
            continue;
        };
        if let Err(refusal) = core.book.admit_fetch(&partner.agreement, fetch, clock::now()) {
            refuse(core, Side::Asker, fetch, &refusal).await?;
            return Err(SessionError::refused_here(refusal));
        }
        let mut channel = core.dial(partner, KEYS).await?;
        channel.say(&Word::Fetch(Box::new(fetch.clone()))).await?;
        match channel.hear().await? {
            Word::Refused { code, text } => {
                let refusal = Refusal::new(code, text);
                refuse(core, Side::Asker, fetch, &refusal).await?;
                return Err(SessionError::Refused { refusal, here: false });
            }
            Word::Preparing => {
                report.say("partner sets up other keys", 0, 0);
                drop((turn, channel));
                wait(core, report, began).await?;
            }
            Word::Admitted => {
                let made = tokio::select! {
                    biased;
                    made = offer(core, partner, fetch, &mut channel, report) => made,
                    () = report.abandoned() => Err(SessionError::Stopped),
                };
                report.bytes(&channel);
                if let Err(error) = &made {
                    failed(core, Side::Asker, fetch, error).await?;
                }
                return made;
            }
            other => return Err(unexpected("an admission", &other)),
        }
    }
}

/// Waits for keys that are being set up, but not for ever, and not when nobody waits for this node.
async fn wait(core: &Core, report: &Report, began: Instant) -> Result<(), SessionError> {
    if began.elapsed() >= Duration::from_secs(core.config.session_limit_secs) {
        return Err(SessionError::Connection("other keys were being set up all the time".to_owned()));
    }
    tokio::select! {
        () = tokio::time::sleep(POLL) => Ok(()),
        () = report.abandoned() => Err(SessionError::Stopped),
    }
}

/// The asker's side of one setup that was admitted, by whoever has the turn.
pub(super) async fn offer(
    core: &Arc<Core>,
    partner: &Partner,
    fetch: &Fetch,
    channel: &mut Channel,
    report: &Report,
) -> Result<Keys, SessionError> {
    let setup = fetch.matching.as_ref().ok_or_else(|| Failure::local("no keys were asked for"))?;
    let (engine, form) = plan(&partner.agreement, setup).map_err(SessionError::refused_here)?;
    let paid =
        core.book.admit_fetch(&partner.agreement, fetch, clock::now()).map_err(SessionError::refused_here)?;
    let begun = core.keys.begun(Side::Asker, fetch)?;
    let exchange = paid.open(Role::Asker, &[&opening(fetch)?], || engine.offer(&form, &begun.seed()))?;
    let show = |p: Progress| report.say("setting up keys", p.done, p.total);
    let driven = drive_bound(exchange, channel, show, |bound| begun.bind(bound)).await;
    let (material, transcript) = match driven {
        Ok(driven) => driven,
        Err(error) => {
            if error.partner_at_fault() {
                begun.end()?;
            }
            return Err(error);
        }
    };
    let material = Zeroizing::new(material);
    report.say("partner checks the keys", 0, 0);
    let (set, signature) = match channel.hear().await? {
        Word::Keys { set, signature } => (*set, signature),
        other => return Err(unexpected("a set of keys", &other)),
    };
    check(core, partner, fetch, (transcript, channel.under_way()), &set, &signature)?;
    let core = core.clone();
    blocking(move || keep(&core, Side::Asker, set, signature, &material, begun)).await
}

/// Checks that the holder signed the keys that were just set up, and for as long as is agreed.
fn check(
    core: &Core,
    partner: &Partner,
    fetch: &Fetch,
    (transcript, under_way): (Digest, u64),
    set: &KeySet,
    signature: &Signature,
) -> Result<(), SessionError> {
    let wrong = |what: &str| Err(SessionError::Misbehaved(format!("its word for the keys {what}")));
    if signing::verify(set, &partner.party.key, signature).is_err() {
        return wrong("is not signed by its agreement key");
    }
    let hours = partner.agreement.terms().matching.as_ref().map_or(0, |agreed| agreed.key_hours);
    if KeySet::of(fetch, transcript, set.made, hours).as_ref() != Some(set) {
        return wrong("is of other keys than were set up");
    }
    let (now, made) = (clock::now().0, set.made.0);
    let apart = now.abs_diff(made);
    // A courier makes words older, never newer.
    let apart = if made < now { apart.saturating_sub(under_way) } else { apart };
    if apart > core.config.clock_skew_secs {
        return wrong("has another time; compare the clocks of the two nodes");
    }
    Ok(())
}

/// Writes keys down and journals them, and ends their setup: its seed must not outlive them.
fn keep(
    core: &Core,
    side: Side,
    set: KeySet,
    signature: Signature,
    material: &[u8],
    begun: Begun,
) -> Result<Keys, SessionError> {
    begun.made(set.keys)?;
    let (file, bytes) = core.keys.save(side, &set.keys, material)?;
    let keys = Keys { set: set.clone(), side, file };
    core.book
        .record(&Event::KeysMade { side, set, signature, file, bytes })
        .inspect_err(|_| core.keys.destroy(side, &keys.set.keys))?;
    begun.end()?;
    Ok(keys)
}

/// Journals that a setup was broken off.
pub(super) async fn failed(
    core: &Arc<Core>,
    side: Side,
    fetch: &Fetch,
    error: &SessionError,
) -> Result<(), SessionError> {
    let (partner_at_fault, reason) = (error.partner_at_fault(), error.to_string());
    let (core, fetch) = (core.clone(), fetch.clone());
    let event = Event::KeysFailed { side, fetch, partner_at_fault, reason };
    blocking(move || Ok(core.book.record(&event)?)).await
}

/// The words that open the transcript of a setup.
fn opening(fetch: &Fetch) -> Result<Vec<u8>, SessionError> {
    canonical::encode(fetch).map_err(|e| SessionError::Local(Failure::local(e.to_string())))
}

/// Serves one setup.
///
/// # Errors
/// [`SessionError`] with whose fault it was; it is journalled.
pub(crate) async fn serve(
    core: &Arc<Core>,
    asker: &AgencyCode,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let fetch = match channel.hear().await? {
        Word::Fetch(fetch) => *fetch,
        other => return Err(unexpected("a request for keys", &other)),
    };
    let turn = core.keys.turn(Side::Holder, asker);
    let admitted = admit(core, asker, &fetch).and_then(|admitted| match &turn {
        Some(_) => core.keys.begin(asker, clock::now()).map(|()| Some(admitted)),
        None => Ok(None),
    });
    let (agreement, paid) = match admitted {
        Ok(Some(admitted)) => admitted,
        Ok(None) => return channel.say(&Word::Preparing).await,
        Err(refusal) => {
            tracing::info!(partner = %asker, code = ?refusal.code, "a setup of keys was refused");
            refuse(core, Side::Holder, &fetch, &refusal).await?;
            return channel.say(&Word::refused(&refusal)).await;
        }
    };
    channel.say(&Word::Admitted).await?;
    let accepted = accept(core, &agreement, &fetch, paid, channel).await;
    if let Err(error) = &accepted {
        failed(core, Side::Holder, &fetch, error).await?;
    }
    accepted
}

pub(super) fn admit(core: &Core, asker: &AgencyCode, fetch: &Fetch) -> Result<(Arc<InForce>, Paid), Refusal> {
    let agreement = core.agreement_of(asker, fetch)?;
    let setup = fetch.matching.as_ref().ok_or_else(|| {
        Refusal::new(RefusalCode::Malformed, "the request does not say what the keys are for")
    })?;
    let paid = core.book.admit_fetch(&agreement, fetch, clock::now())?;
    plan(&agreement, setup)?;
    trusted(core, asker)?;
    core.has_register(&fetch.register)?;
    Ok((agreement, paid))
}

/// Whether a partner may set up keys: not once it was caught at it, for a bad set may pass in the end.
fn trusted(core: &Core, asker: &AgencyCode) -> Result<(), Refusal> {
    let failed = |failure: Failure| Refusal::new(RefusalCode::Failed, failure.what);
    if core.book.state().broken(asker).map_err(failed)? {
        let text = "the protocol was broken when keys were set up or a match was prepared; until a person of this agency \
                    allows it, no more keys are set up (`symbolon peer allow-preparations`)";
        return Err(Refusal::new(RefusalCode::SetupsSpent, text));
    }
    Ok(())
}

/// The holder's side of one setup that was admitted.
pub(super) async fn accept(
    core: &Arc<Core>,
    agreement: &InForce,
    fetch: &Fetch,
    paid: Paid,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let setup = fetch.matching.as_ref().ok_or_else(|| Failure::local("no keys were asked for"))?;
    let (engine, form) = plan(agreement, setup).map_err(SessionError::refused_here)?;
    let begun = core.keys.begun(Side::Holder, fetch)?;
    let exchange = paid
        .open(Role::Holder, &[&opening(fetch)?], || engine.accept(&form, &begun.seed(), &begun.lasting()))?;
    let (material, transcript) = match drive_bound(exchange, channel, |_| (), |bound| begun.bind(bound)).await
    {
        Ok(driven) => driven,
        Err(error) => {
            if error.partner_at_fault() {
                begun.caught()?;
            }
            return Err(error);
        }
    };
    let hours = agreement.terms().matching.as_ref().map_or(0, |agreed| agreed.key_hours);
    let set = KeySet::of(fetch, transcript, clock::now(), hours);
    let set = set.ok_or_else(|| Failure::local("no keys were asked for"))?;
    let signature = signing::sign(&set, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    {
        let (core, set) = (core.clone(), set.clone());
        let kept = blocking(move || {
            keep(&core, Side::Holder, set.clone(), signature, &material, begun)?;
            Ok::<_, SessionError>(core.end_replaced(&set, KEPT)?)
        });
        channel.during(kept).await?;
    }
    metrics::counter!("symbolon_keys_set_up_total").increment(1);
    channel.say(&Word::Keys { set: Box::new(set), signature }).await
}

impl Core {
    /// This node's newest keys for what a request asks for, if they can be used now.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn own_keys(&self, fetch: &Fetch) -> Result<Option<Keys>, Failure> {
        let now = clock::now();
        let fits = |keys: &Keys| keys.side == Side::Asker && keys.set.expires > now && keys.set.serves(fetch);
        let sets = self.book.state().key_sets()?.into_iter().filter(fits);
        Ok(sets.max_by_key(|keys| keys.set.made))
    }
}
