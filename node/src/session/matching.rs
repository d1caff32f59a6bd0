//! What a match needs beside the words of every query: the engine, the keys and the slice.

use std::sync::{Arc, Mutex, PoisonError};

use symbolon_policy::{
    agreement::FormTerms,
    ask::{self, Ask, MatchAsk},
    permit::{self, InForce, Refusal, RefusalCode},
    rules::ExchangeKind,
    words::{AgencyCode, Digest},
};
use symbolon_protocol::{
    exchange::Boxed,
    matching::{
        engine::{Asked, Engine, Matched, Prepared, Searched},
        template::Template,
    },
    seed::Seed,
};

use super::{
    SessionError,
    holder::{holder_seed, paid_version, settled},
    prepare::allowed,
};
use crate::{
    clock,
    control::api::Failure,
    journal::Side,
    node::{Core, Partner},
    prepared::{Kind, Lent},
    register::{Searchable, Wanted},
    state::Keys,
};

/// An encrypted probe that waits to be sent. Who takes it first spares itself to encrypt it again.
pub(crate) type Ready = Arc<Mutex<Option<Box<dyn Prepared>>>>;

/// The words of a match and what they stand for.
pub(super) struct Words<'a> {
    asked: &'a MatchAsk,
    pub(super) form: &'a FormTerms,
    pub(super) engine: &'static dyn Engine,
    /// What both sides know before the first frame.
    pub(super) both: Asked,
}

impl<'a> Words<'a> {
    pub(super) fn of(agreement: &'a InForce, ask: &'a Ask) -> Result<Self, Refusal> {
        let terms = agreement.terms();
        let agreed = terms.matching.as_ref().zip(ask.matching.as_ref());
        let found =
            agreed.and_then(|(agreed, asked)| Some((asked, agreed.form(&asked.form)?, terms.asked(ask)?)));
        let text = "the agreement does not cover this match";
        let (asked, form, both) = found.ok_or_else(|| Refusal::new(RefusalCode::ExchangeNotAgreed, text))?;
        let engine = ask::engine(&asked.engine)?;
        form.taken_by(engine, both.alternatives, both.answer)
            .map_err(|fault| Refusal::new(RefusalCode::EngineMissing, fault.to_string()))?;
        Ok(Self { asked, form, engine, both })
    }

    /// The keys that the query names, if they are this node's for it and have not ended.
    pub(super) fn keys(&self, core: &Core, side: Side, ask: &Ask) -> Result<Option<Keys>, Failure> {
        let keys = core.book.state().key_set(&self.asked.keys)?;
        Ok(keys.filter(|keys| {
            let set = &keys.set;
            keys.side == side
                && (set.agreement, &set.asker, &set.holder) == (ask.agreement, &ask.asker, &ask.holder)
                && (&set.form, &set.engine) == (&self.asked.form, &self.asked.engine)
                && set.expires > clock::now()
        }))
    }
}

/// Encrypts a probe under this node's own keys: seconds of work.
///
/// # Errors
/// A [`Failure`] if the keys cannot be read or the probe does not fit the form.
pub(crate) fn prepare(
    core: &Core,
    partner: &Partner,
    keys: &Keys,
    probe: &[Template],
    seed: &Seed,
) -> Result<Box<dyn Prepared>, SessionError> {
    let missing = || Failure::local("the agreement has no such form");
    let agreed = partner.agreement.terms().matching.as_ref().ok_or_else(missing)?;
    let form = agreed.form(&keys.set.form).ok_or_else(missing)?.form();
    let engine = ask::engine(&keys.set.engine).map_err(SessionError::refused_here)?;
    Ok(core.keys.asking(engine, &form, keys)?.prepare(probe, seed)?)
}

/// An encrypted probe and its words, and what was prepared for it. The machine is made when the holder has said how many
/// records it searches.
pub(super) struct Waiting {
    prepared: Box<dyn Prepared>,
    both: Asked,
    half: Option<Lent>,
}

/// Of what was prepared, when the holder waits with its half, which is used up. Asked again, the match is made in full.
fn lost(why: &str) -> SessionError {
    SessionError::Connection(format!("what was prepared cannot be used: {why}"))
}

impl Waiting {
    /// The asker's machine. What was prepared is spent.
    ///
    /// # Errors
    /// As [`Prepared::exchange`]; [`SessionError::Connection`] if what was prepared cannot be used.
    pub(super) fn begin(self, places: Option<u64>) -> Result<Boxed<Matched>, SessionError> {
        let (both, run) = (Asked { places, ..self.both }, Seed::new(rand::random()));
        let Some(half) = self.half else { return Ok(self.prepared.exchange(&both, &run)?) };
        let half = half.open().map_err(|failure| lost(&failure.what))?;
        self.prepared.exchange_ahead(&both, &run, half).map_err(|fault| lost(&fault.to_string()))
    }
}

/// What the asker's machine is made of, with a preparation if both sides have it.
///
/// # Errors
/// A [`Failure`] if the keys of the query are gone.
pub(super) fn asker(
    core: &Core,
    partner: &Partner,
    ask: &Ask,
    probe: &[Template],
    ready: &Ready,
    seed: &Seed,
    half: Option<Lent>,
) -> Result<Waiting, SessionError> {
    let words = Words::of(&partner.agreement, ask).map_err(SessionError::refused_here)?;
    let waiting = ready.lock().unwrap_or_else(PoisonError::into_inner).take();
    let prepared = match waiting {
        Some(prepared) => prepared,
        None => {
            let keys = words.keys(core, Side::Asker, ask)?;
            let gone = || Failure::local("the keys of this query have ended; ask a new query");
            prepare(core, partner, &keys.ok_or_else(gone)?, probe, seed)?
        }
    };
    Ok(Waiting { prepared, both: words.both, half })
}

/// Whether this node has a half that a match could use.
pub(super) fn half_lies(core: &Core, ask: &Ask) -> bool {
    Kind::of(ask).is_some_and(|kind| core.prepared.has(&kind, clock::now()))
}

/// The half of this node that a match could use.
pub(super) fn half(core: &Core, partner: &AgencyCode, ask: &Ask) -> Option<Lent> {
    let half = core.prepared.offer(&Kind::of(ask)?, clock::now());
    // What was made with a partner that broke the protocol since is destroyed.
    half.filter(|_| allowed(core, partner).is_ok())
}

/// Whether the engine of a match can do work ahead of it.
pub(crate) fn can_prepare(agreement: &InForce, ask: &Ask) -> bool {
    let words = Words::of(agreement, ask).ok();
    words.is_some_and(|Words { form, engine, both, .. }| {
        engine.ahead_estimate(&form.form(), 1, both.alternatives, both.answer, 1).is_some()
    })
}

/// Everything of a match that needs neither rules nor meters.
///
/// # Errors
/// The [`Refusal`] with its reason code.
pub(super) fn answerable(core: &Core, agreement: &InForce, ask: &Ask) -> Result<(), Refusal> {
    let failed = |failure: Failure| Refusal::new(RefusalCode::Failed, failure.what);
    let words = match Words::of(agreement, ask) {
        Ok(words) => words,
        // What the agreement does not cover is refused by the permit.
        Err(refusal) => {
            let decides =
                refusal.code == RefusalCode::EngineMissing && permit::covers(agreement.terms(), ask).is_ok();
            return if decides { Err(refusal) } else { Ok(()) };
        }
    };
    if words.keys(core, Side::Holder, ask).map_err(failed)?.is_none() {
        let text = "the evaluation keys are not there, or they expired; set up keys first";
        return Err(Refusal::new(RefusalCode::StaleKeys, text));
    }
    let list = core.registers.list().map_err(|error| failed(error.into()))?;
    let records = list.iter().find(|info| info.name == ask.register).map_or(0, |info| info.records);
    // The slice is counted only where the register alone does not tell that it fits.
    let most = words.both.largest_slice;
    if records > most && slice(core, agreement, ask, words.form).map_err(failed)?.rows.groups() > most {
        let text = format!("the slice has more than the {most} records that a query may search");
        return Err(Refusal::new(RefusalCode::SliceTooLarge, text));
    }
    Ok(())
}

/// Whether the keys of a match that was admitted are there still: its asker may have let this node wait.
pub(super) fn standing(core: &Core, agreement: &InForce, ask: &Ask) -> Result<(), SessionError> {
    let words = Words::of(agreement, ask).map_err(SessionError::refused_here)?;
    let keys = words.keys(core, Side::Holder, ask)?;
    keys.map(drop).ok_or_else(|| Failure::local("the keys ended while they were asked").into())
}

/// The holder's machine, and what the asker is told of the work before it.
pub(super) struct Search {
    pub(super) machine: Boxed<Searched>,
    /// Records, padding included.
    pub(super) entries: u64,
    /// Seconds, as the engine estimates them.
    pub(super) seconds: u64,
    /// The preparation that it uses.
    pub(super) prepared: Option<Digest>,
}

/// Loads the keys and opens the slice; uses the preparation that the asker named, if this node has its half.
///
/// # Errors
/// [`SessionError`] with whose fault it was.
pub(super) fn search(
    core: &Core,
    agreement: &InForce,
    ask: &Ask,
    named: Option<Digest>,
) -> Result<Search, SessionError> {
    let words = Words::of(agreement, ask).map_err(SessionError::refused_here)?;
    let form = words.form.form();
    let keys = words.keys(core, Side::Holder, ask)?;
    let keys = keys.ok_or_else(|| Failure::local("the keys ended while they were asked"))?;
    let answering = core.keys.answering(words.engine, &form, &keys)?;
    let version = paid_version(core, ask)?;
    let seed = holder_seed(core, ask)?;
    let Searchable { rows, members } = slice(core, agreement, ask, words.form)?;
    // Else a retry would have the same randomness for another slice.
    settled(core, ask, version)?;
    // Who takes part is kept before anything is answered: a claim is answered by it.
    let mut noted = core.claims.note()?;
    noted.named(&members);
    core.claims.keep(noted, &ask.query)?;
    let Asked { alternatives, answer, buckets, .. } = words.both;
    let entries = buckets.places(rows.groups());
    let cores = rayon::current_num_threads();
    let estimate = words.engine.estimate(&form, entries, alternatives, answer, cores);
    let run = Seed::new(rand::random());
    let half = named.and_then(|id| core.prepared.find(&id, &Kind::of(ask)?, clock::now()));
    let half = half.filter(|_| allowed(core, &ask.asker).is_ok());
    let prepared = half.as_ref().map(Lent::id);
    let machine = match half {
        None => answering.answer(&words.both, rows, &seed, &run)?,
        Some(half) => answering.answer_ahead(&words.both, rows, &run, half.open()?)?,
    };
    Ok(Search { machine, entries, seconds: estimate.seconds.ceil() as u64, prepared })
}

/// The templates of the slice that the rules allow, each beside the alternatives taken at its place.
pub(super) fn slice(
    core: &Core,
    agreement: &InForce,
    ask: &Ask,
    form: &FormTerms,
) -> Result<Searchable, Failure> {
    let positions = ask.matching.as_ref().map(|asked| asked.positions.as_slice()).unwrap_or_default();
    let slice = agreement.slice(&ask.asker, core.book.own(), &ask.register, ask.purpose, ExchangeKind::Match);
    // The day of the query, not of the retry: the slice of a repeated match must be the same.
    let wanted = Wanted::new(slice, clock::day(ask.asked_at)?, form, positions)?;
    let whose = Digest::of(
        "symbolon/slice-kept/1",
        &[ask.agreement.as_bytes(), ask.asker.as_str().as_bytes()].concat(),
    );
    Ok(core.registers.templates(&ask.register, whose, wanted, core.claims.naming())?)
}
