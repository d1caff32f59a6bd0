//! Work ahead of a match: what both nodes can do before there is a probe.
//!
//! The two machines run under a permit of their own, which costs nothing. Each node keeps what came, sealed and synced,
//! and says so; whoever does not hear it from the other throws its half away. A half serves one match, or none
//! ([`crate::prepared`]).
//!
//! Nothing of this is charged, so who breaks the protocol here tries for nothing: the holder's checks fail unless some of
//! its secret bits are guessed. Such a try is journalled, what was made with this partner before is destroyed, and no more is
//! made until a person says so.

use std::sync::Arc;

use symbolon_policy::{
    ask::Ask,
    canonical,
    permit::{InForce, Paid, Refusal, RefusalCode},
    prepare::{Prepare, SignedPrepare},
    signing,
    words::{AgencyCode, Digest, Timestamp},
};
use symbolon_protocol::{
    exchange::{Boxed, Progress},
    matching::{
        ahead::Plan,
        engine::{AheadEstimate, Asked},
    },
    seed::Seed,
    transcript::Role,
};

use super::{
    Channel, PREPARE, SessionError,
    channel::unexpected,
    drive::drive,
    matching::{Words, slice},
    words::Word,
};
use crate::{
    clock,
    control::api::Failure,
    journal::{Event, Side},
    node::{Core, Partner, Report, blocking},
    prepared::{Kind, Making, Turn, Wanted},
    state::Keys,
};

/// A preparation that lies ready.
pub(crate) struct Ready {
    pub(crate) id: Digest,
    /// Bytes of its file here.
    pub(crate) bytes: u64,
    pub(crate) expires: Timestamp,
}

/// One that is being made on this side.
struct Half {
    machine: Boxed<Vec<u8>>,
    making: Making,
    seed: Seed,
    /// With its keys.
    expires: Timestamp,
}

/// Whether anything is prepared with a partner.
///
/// # Errors
/// The [`Refusal`] if it broke the protocol in one, or the settings leave no room for any.
pub(crate) fn allowed(core: &Core, partner: &AgencyCode) -> Result<(), Refusal> {
    let failed = |failure: Failure| Refusal::new(RefusalCode::Failed, failure.what);
    if core.prepared.most_bytes() == 0 {
        return Err(Refusal::new(RefusalCode::NotPrepared, "this node prepares no matches"));
    }
    let broken = core.book.state().broken_preparations().map_err(failed)?;
    if broken.iter().any(|(code, _)| code == partner) {
        let text = "the protocol was broken in a preparation of the two nodes; until a person of the agency that noticed \
                    it lets them, none are made (`symbolon peer allow-preparations`)";
        return Err(Refusal::new(RefusalCode::NotPrepared, text));
    }
    Ok(())
}

/// What a request prepares.
struct Work<'a> {
    words: Words<'a>,
    kind: Kind,
    plan: Plan,
    keys: Keys,
}

impl<'a> Work<'a> {
    fn of(
        core: &Core,
        side: Side,
        agreement: &'a InForce,
        prepare: &Prepare,
        ask: &'a Ask,
    ) -> Result<Self, Refusal> {
        let failed = |failure: Failure| Refusal::new(RefusalCode::Failed, failure.what);
        let words = Words::of(agreement, ask)?;
        let kind = Kind::prepared(prepare);
        let kind = kind.ok_or_else(|| Refusal::new(RefusalCode::Malformed, "only a match is prepared"))?;
        let keys = words.keys(core, side, ask).map_err(failed)?.ok_or_else(|| {
            Refusal::new(RefusalCode::StaleKeys, "the keys are not there, or they expired; set up keys first")
        })?;
        let Asked { alternatives, largest_slice, buckets, .. } = words.both;
        let plan = Plan { id: prepare.id.0, alternatives, largest_slice, buckets };
        Ok(Self { words, kind, plan, keys })
    }

    /// What it would cost over so many records, padding included.
    fn estimate(&self, entries: u64) -> Result<AheadEstimate, Refusal> {
        let (form, answer) = (self.words.form.form(), self.words.both.answer);
        let estimate = self.words.engine.ahead_estimate(&form, entries, self.plan.alternatives, answer, 1);
        let text = "this engine does nothing ahead of a match";
        estimate.ok_or_else(|| Refusal::new(RefusalCode::NotPrepared, text))
    }

    fn fits(core: &Core, bytes: u64) -> Result<(), Refusal> {
        let text = "there is no room for a preparation; see `[prepared]` in the settings";
        if core.prepared.room(bytes) { Ok(()) } else { Err(Refusal::new(RefusalCode::NotPrepared, text)) }
    }
}

/// Makes a preparation with a partner. Keys must be there.
///
/// # Errors
/// [`SessionError`] with whose fault it was; if it is the partner's, it is journalled.
pub(crate) async fn make(
    core: &Arc<Core>,
    partner: &Partner,
    wanted: &Wanted,
    report: &Report,
) -> Result<Ready, SessionError> {
    allowed(core, &partner.party.code).map_err(SessionError::refused_here)?;
    let keys = core.own_keys(&wanted.fetch)?;
    let keys =
        keys.ok_or_else(|| Failure::input("there are no keys for this match; a first match sets them up"))?;
    let prepare = Prepare {
        id: Digest(rand::random()),
        fetch: wanted.fetch.clone(),
        keys: keys.set.keys,
        positions: wanted.positions.clone(),
        asked_at: clock::now(),
    };
    let signature = signing::sign(&prepare, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    let signed = SignedPrepare { prepare, signature };
    let (paid, half) = {
        let (core, agreement, prepare) = (core.clone(), partner.agreement.clone(), signed.prepare.clone());
        blocking(move || begin(&core, &agreement, &prepare)).await?
    };
    let mut channel = core.dial(partner, PREPARE).await?;
    channel.say(&Word::Prepare(Box::new(signed.clone()))).await?;
    match channel.hear().await? {
        Word::Admitted => {}
        Word::Refused { code, text } => {
            return Err(SessionError::Refused { refusal: Refusal::new(code, text), here: false });
        }
        other => return Err(unexpected("an admission", &other)),
    }
    let show = |p: Progress| report.say("preparing", p.done, p.total);
    let made = run(core, Side::Asker, &signed, paid, half, &mut channel, show).await;
    report.bytes(&channel);
    if let Err(error) = &made {
        noted(core, Side::Asker, &partner.party.code, signed.prepare.id, Some(signed), error).await?;
    }
    made
}

/// The asker's half, about to be made.
fn begin(core: &Core, agreement: &InForce, prepare: &Prepare) -> Result<(Paid, Half), SessionError> {
    let paid = core.book.admit_prepare(agreement, prepare, clock::now());
    let paid = paid.map_err(SessionError::refused_here)?;
    let ask = prepare.ask(agreement.terms());
    let work = Work::of(core, Side::Asker, agreement, prepare, &ask).map_err(SessionError::refused_here)?;
    // How large the slice was last; its size now is not known here, and the file itself stays within its bounds.
    let entries = core.book.state().searched((&ask).into())?.unwrap_or(1);
    let estimate = work.estimate(entries).map_err(SessionError::refused_here)?;
    Work::fits(core, estimate.ahead_down).map_err(SessionError::refused_here)?;
    let (seed, form) = (Seed::new(rand::random()), work.words.form.form());
    let asking = core.keys.asking(work.words.engine, &form, &work.keys)?;
    let making = core.prepared.begin(Side::Asker, work.kind, work.plan)?;
    let machine = asking.ahead(&work.plan, &seed, making.pen())?;
    Ok((paid, Half { machine, making, seed, expires: work.keys.set.expires }))
}

/// Either side of one that was admitted: runs the machine, keeps the half, and hears that the other side has its own.
async fn run(
    core: &Arc<Core>,
    side: Side,
    signed: &SignedPrepare,
    paid: Paid,
    half: Half,
    channel: &mut Channel,
    show: impl Fn(Progress),
) -> Result<Ready, SessionError> {
    let Half { machine, making, seed, expires } = half;
    let opening = canonical::encode(signed).map_err(|e| Failure::local(e.to_string()))?;
    let role = if side == Side::Asker { Role::Asker } else { Role::Holder };
    let exchange = paid.open(role, &[&opening], || Ok(machine))?;
    let (note, _) = drive(exchange, channel, show).await?;
    let kept = blocking(move || making.finish(&seed, note, (clock::now(), expires)));
    let bytes = channel.during(kept).await?;
    let id = signed.prepare.id;
    let heard = async {
        channel.say(&Word::Kept).await?;
        match channel.hear().await? {
            Word::Kept => Ok(()),
            other => Err(unexpected("that the half is kept", &other)),
        }
    };
    if let Err(error) = heard.await {
        core.prepared.destroy(side, &id);
        return Err(error);
    }
    metrics::counter!("symbolon_preparations_total").increment(1);
    Ok(Ready { id, bytes, expires })
}

/// Serves one.
///
/// # Errors
/// [`SessionError`] with whose fault it was; if it is the partner's, it is journalled.
pub(crate) async fn serve(
    core: &Arc<Core>,
    asker: &AgencyCode,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let signed = match channel.hear().await? {
        Word::Prepare(signed) => *signed,
        other => return Err(unexpected("a request to prepare", &other)),
    };
    let admitted = {
        let (core, asker, signed) = (core.clone(), asker.clone(), signed.clone());
        // A refusal is an answer of this work, not its failure.
        let admitted = blocking(move || Ok::<_, Failure>(admit(&core, &asker, &signed)));
        channel.during(admitted).await?
    };
    // The turn is over when the session is.
    let (paid, half, _turn) = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            tracing::info!(partner = %asker, code = ?refusal.code, "a preparation was refused");
            return channel.say(&Word::refused(&refusal)).await;
        }
    };
    channel.say(&Word::Admitted).await?;
    let made = run(core, Side::Holder, &signed, paid, half, channel, |_| ()).await;
    if let Err(error) = &made {
        noted(core, Side::Holder, asker, signed.prepare.id, Some(signed), error).await?;
    }
    made.map(drop)
}

/// Admits a partner's request and begins the holder's half.
fn admit(core: &Core, asker: &AgencyCode, signed: &SignedPrepare) -> Result<(Paid, Half, Turn), Refusal> {
    let failed = |failure: Failure| Refusal::new(RefusalCode::Failed, failure.what);
    let SignedPrepare { prepare, signature } = signed;
    let agreement = core.agreement_of(asker, &prepare.fetch)?;
    let party = agreement.terms().party(asker);
    if !party.is_ok_and(|party| signing::verify(prepare, &party.key, signature).is_ok()) {
        let text = "the request is not signed by the asker's agreement key";
        return Err(Refusal::new(RefusalCode::Malformed, text));
    }
    let now = clock::now();
    if now.0.abs_diff(prepare.asked_at.0) > core.config.clock_skew_secs {
        return Err(Refusal::new(RefusalCode::ClockSkew, "the clocks of the two nodes are too far apart"));
    }
    allowed(core, asker)?;
    let register = &prepare.fetch.register;
    core.has_register(register)?;
    if core.book.state().changing(register).map_err(failed)? {
        return Err(Refusal::new(RefusalCode::Busy, "the register is being changed; ask again later"));
    }
    let paid = core.book.admit_prepare(&agreement, prepare, now)?;
    let ask = prepare.ask(agreement.terms());
    let work = Work::of(core, Side::Holder, &agreement, prepare, &ask)?;
    work.estimate(1)?;
    let turn = core.prepared.turns.begin(asker, now)?;
    let rows = slice(core, &agreement, &ask, work.words.form).map_err(failed)?.rows;
    if rows.groups() > work.plan.largest_slice {
        let text = format!(
            "the slice has more than the {} records that a query may search",
            work.plan.largest_slice
        );
        return Err(Refusal::new(RefusalCode::SliceTooLarge, text));
    }
    let estimate = work.estimate(work.plan.buckets.places(rows.groups()))?;
    let most = usize::try_from(core.config.prepared.a_partner).unwrap_or(usize::MAX);
    core.prepared.keep_at_most(asker, most.saturating_sub(1));
    Work::fits(core, estimate.ahead_up)?;
    let (seed, form) = (Seed::new(rand::random()), work.words.form.form());
    let answering = core.keys.answering(work.words.engine, &form, &work.keys).map_err(failed)?;
    let making = core.prepared.begin(Side::Holder, work.kind, work.plan).map_err(failed)?;
    let machine = answering.ahead(&work.plan, rows, &seed, making.pen());
    let machine = machine.map_err(|fault| Refusal::new(RefusalCode::Failed, fault.to_string()))?;
    Ok((paid, Half { machine, making, seed, expires: work.keys.set.expires }, turn))
}

/// Notes how one came to nothing, or a match that used one. If the partner broke the protocol, that is journalled, and
/// nothing is prepared with it from here on, nor used of what is there.
///
/// # Errors
/// A local [`SessionError`] if it cannot be journalled.
pub(super) async fn noted(
    core: &Arc<Core>,
    side: Side,
    partner: &AgencyCode,
    preparation: Digest,
    signed: Option<SignedPrepare>,
    error: &SessionError,
) -> Result<(), SessionError> {
    if !error.partner_at_fault() {
        return Ok(());
    }
    let (core, partner, reason) = (core.clone(), partner.clone(), error.to_string());
    let signed = signed.map(Box::new);
    blocking(move || {
        let event = Event::PreparationFailed { side, partner: partner.clone(), preparation, signed, reason };
        core.book.record(&event)?;
        core.prepared.sweep(|_, lying| lying.kind.asker != partner && lying.kind.holder != partner);
        Ok(())
    })
    .await
}
