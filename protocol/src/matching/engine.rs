//! The seam between the match and the ways to run it.
//!
//! An [`Engine`] makes [`Exchange`](crate::exchange::Exchange)s and nothing else: how many rounds and
//! bytes they take does not matter to whoever drives them. Long-lived material, such as evaluation
//! keys, comes from an exchange of its own, the *setup*, and is plain bytes to the node that keeps it.

use std::sync::Arc;

use super::{
    ahead::{Keep, Plan, Preparation},
    rule::Form,
    template::Template,
};
use crate::{
    exchange::{Boxed, Fault},
    padding::Buckets,
    seed::Seed,
};

/// What the asker is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Whether anything in the slice is a hit.
    Any,
    /// One bit for each group in fresh random order, or nothing but that there are more than `cap` hits.
    Candidates {
        /// The most hits that are shown.
        cap: u32,
    },
}

/// One way of asking in a query: a template, and which of the holder's templates it is compared with.
///
/// Several fingers or several rotations of one eye are alternatives of one query; a group is a hit if
/// any alternative is.
pub type Alternative = Template;

/// The holder's templates of one record. Each is compared with one alternative of the query.
#[derive(Clone, Debug)]
pub struct Group {
    /// The place of the alternative, from 0, and the template.
    pub rows: Vec<(u16, Template)>,
}

/// The slice as an engine reads it: once, in order, a few groups at a time.
pub trait Rows: Send {
    /// Number of groups in all. It does not change.
    fn groups(&self) -> u64;

    /// The next at most `most` groups; none only at the end.
    ///
    /// # Errors
    /// [`Fault::Local`] if the register cannot be read.
    fn next(&mut self, most: usize) -> Result<Vec<Group>, Fault>;

    /// Says that what was given is still as it was. Asked when all of it was read, so it need not be kept any longer, and
    /// then before each part of an answer.
    ///
    /// # Errors
    /// [`Fault::Local`] if it has changed.
    fn still(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

/// What both sides know before the query's first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Commits to the query's message.
    pub digest: [u8; 32],
    /// Alternatives in the query.
    pub alternatives: u16,
    /// What the asker is told.
    pub answer: Answer,
    /// The most groups, before padding, that the agreement lets a query search.
    pub largest_slice: u64,
    /// To which sizes a slice is padded.
    pub buckets: Buckets,
    /// To the asker: over how many places the holder said before that it would answer. Another number ends the exchange
    /// before anything depends on the probe or the answer. Nothing to the holder, or where nothing was said.
    pub places: Option<u64>,
}

/// What the asker has at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matched {
    /// Whether anything in the slice is a hit.
    Any(bool),
    /// Places of the hits among `groups`, ascending, in the query's own random order.
    Candidates {
        /// The places.
        hits: Vec<u64>,
        /// Number of places, padding included.
        groups: u64,
    },
    /// There are more hits than the agreement lets a query show.
    TooMany,
}

impl Matched {
    /// The hits of an answer, or that there are too many: no holder shows more than is agreed.
    pub(super) fn capped(hits: Vec<u64>, groups: u64, cap: u32) -> Self {
        if hits.len() as u64 > cap.into() { Self::TooMany } else { Self::Candidates { hits, groups } }
    }
}

/// What the holder has at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Searched {
    /// Places answered, padding included.
    pub groups: u64,
    /// Comparisons made.
    pub comparisons: u64,
}

/// How sure a protection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// Only against a side that follows the protocol.
    SemiHonest,
    /// A side that deviates is caught with a stated probability, and there is evidence.
    Covert,
    /// Also against a side that deviates.
    Malicious,
}

/// What people must know of an engine before they agree to it.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    /// Its name in agreements and receipts, with its version.
    pub id: &'static str,
    /// In a few words.
    pub summary: &'static str,
    /// Messages of a query, both ways together.
    pub messages: u32,
    /// Whether a query can travel as a file: one message there, one back.
    pub by_courier: bool,
    /// What protects the holder's slice against the asker.
    pub against_asker: (Assurance, &'static str),
    /// What protects the probe against the holder.
    pub against_holder: (Assurance, &'static str),
    /// What the asker learns.
    pub asker_learns: &'static str,
    /// What the holder learns.
    pub holder_learns: &'static str,
    /// What the security rests on.
    pub assumptions: &'static str,
    /// How the cost of a query grows, in a few words.
    pub cost: &'static str,
}

/// What a query would cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Seconds at the holder, with the cores given.
    pub seconds: f64,
    /// Bytes from asker to holder.
    pub bytes_up: u64,
    /// Bytes from holder to asker.
    pub bytes_down: u64,
    /// Bytes of memory that the holder needs for it, beside the loaded keys.
    pub memory: u64,
}

/// What a query costs of which all that can be was done ahead.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AheadEstimate {
    /// Bytes from asker to holder, ahead; about what the holder keeps.
    pub ahead_up: u64,
    /// Bytes from holder to asker, ahead; about what the asker keeps.
    pub ahead_down: u64,
    /// What is left for the query itself.
    pub query: Estimate,
}

/// What setting up keys would cost, once for all queries until the keys end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SetupEstimate {
    /// Messages, both ways together.
    pub messages: u32,
    /// Seconds of both sides together, with the cores given at each.
    pub seconds: f64,
    /// Bytes from asker to holder.
    pub bytes_up: u64,
    /// Bytes from holder to asker.
    pub bytes_down: u64,
    /// Bytes of memory that the holder needs to keep the keys loaded.
    pub memory: u64,
}

/// One way to run the match.
pub trait Engine: Send + Sync {
    /// What people must know of it.
    fn card(&self) -> &'static Card;

    /// Whether it can run a query; asked before anything is paid or set up.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a form, an answer or a number of alternatives that it does not take.
    fn takes(&self, form: &Form, alternatives: u16, answer: Answer) -> Result<(), Fault>;

    /// The asker's side of the setup. Its output is the asker's material, to be kept sealed.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a form this engine does not take.
    fn offer(&self, form: &Form, seed: &Seed) -> Result<Boxed<Vec<u8>>, Fault>;

    /// The holder's side of the setup. Its output is the holder's material; it is not secret.
    ///
    /// `seed` is of this setup alone, and to be forgotten with it. What must be chosen alike whenever the same is offered
    /// follows from `lasting`.
    ///
    /// # Errors
    /// As [`offer`](Self::offer).
    fn accept(&self, form: &Form, seed: &Seed, lasting: &Seed) -> Result<Boxed<Vec<u8>>, Fault>;

    /// Reads the asker's material.
    ///
    /// # Errors
    /// [`Fault::Local`] if it is not what [`offer`](Self::offer) gave for this form.
    fn asking(&self, form: &Form, material: &[u8]) -> Result<Arc<dyn Asking>, Fault>;

    /// Reads the holder's material.
    ///
    /// # Errors
    /// [`Fault::Local`] if it is not what [`accept`](Self::accept) gave for this form.
    fn answering(&self, form: &Form, material: &[u8]) -> Result<Arc<dyn Answering>, Fault>;

    /// What else than probe and seed makes a query, for [`replay`](Self::replay): of the asker's material all that the
    /// holder has too, byte for byte as the holder keeps it, so it is not secret. Empty for an engine whose query does
    /// not depend on its keys.
    ///
    /// # Errors
    /// As [`asking`](Self::asking).
    fn shared(&self, form: &Form, material: &[u8]) -> Result<Vec<u8>, Fault>;

    /// Replays a query without the material of either side: the digest that the query of this probe and seed has.
    /// Nothing of `shared` is believed but that it is the right one.
    ///
    /// # Errors
    /// As [`Asking::prepare`]; a fault of the peer if `shared` is not what [`shared`](Self::shared) gave for this form.
    fn replay(
        &self,
        form: &Form,
        shared: &[u8],
        probe: &[Alternative],
        seed: &Seed,
    ) -> Result<[u8; 32], Fault>;

    /// What a query over `groups` groups, padding included, of one row an alternative would cost on `cores` cores.
    fn estimate(&self, form: &Form, groups: u64, alternatives: u16, answer: Answer, cores: usize)
    -> Estimate;

    /// The same with a preparation; nothing for an engine that prepares nothing.
    fn ahead_estimate(
        &self,
        _form: &Form,
        _groups: u64,
        _alternatives: u16,
        _answer: Answer,
        _cores: usize,
    ) -> Option<AheadEstimate> {
        None
    }

    /// What setting up keys would cost on `cores` cores at each side.
    fn setup_estimate(&self, form: &Form, cores: usize) -> SetupEstimate;

    /// How far from the threshold a decision can differ from [`Rule::hit`](super::rule::Rule::hit): one
    /// standard deviation, in positions that differ. 0 for an engine that decides exactly.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a form this engine does not take.
    fn blur(&self, _form: &Form) -> Result<f64, Fault> {
        Ok(0.0)
    }
}

/// An asker with its material.
pub trait Asking: Send + Sync {
    /// Encrypts a probe. The same probe and seed give the same bytes: a retry is the same query, and a
    /// claim can be replayed.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for no alternatives, too many, or templates of another form.
    fn prepare(&self, probe: &[Alternative], seed: &Seed) -> Result<Box<dyn Prepared>, Fault>;

    /// The asker's machine of a preparation. Its output is the note for [`Preparation`].
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a plan that this engine does not take, or if it prepares nothing.
    fn ahead(&self, _plan: &Plan, _seed: &Seed, _keep: Box<dyn Keep>) -> Result<Boxed<Vec<u8>>, Fault> {
        Err(NOTHING_AHEAD)
    }
}

const NOTHING_AHEAD: Fault = Fault::Misuse("this engine prepares nothing ahead");

/// An encrypted probe, ready to be sent.
pub trait Prepared: Send {
    /// The digest for [`Asked`].
    fn digest(&self) -> [u8; 32];

    /// The asker's machine. `run` is for this run alone, fresh for every try of the same query: an engine of more
    /// than one round must not say two things under the same randomness.
    ///
    /// # Errors
    /// [`Fault::Misuse`] if `asked` is of another query.
    fn exchange(self: Box<Self>, asked: &Asked, run: &Seed) -> Result<Boxed<Matched>, Fault>;

    /// The same with a preparation, which is spent at once. The holder must use its half of it
    /// ([`Answering::answer_ahead`]). If the slice has changed since, the run is made in full.
    ///
    /// # Errors
    /// As [`exchange`](Self::exchange); [`Fault::Misuse`] for a preparation of another plan; [`Fault::Local`] for one
    /// that was used before.
    fn exchange_ahead(
        self: Box<Self>,
        _asked: &Asked,
        _run: &Seed,
        _preparation: Preparation,
    ) -> Result<Boxed<Matched>, Fault> {
        Err(NOTHING_AHEAD)
    }
}

/// A holder with its material.
pub trait Answering: Send + Sync {
    /// The holder's machine. `seed` is the same for every try of the same query, and `run` for this one alone: in
    /// one round the same question gets the same answer, in more than one a partner could try out what it liked.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a slice above the largest.
    fn answer(
        &self,
        asked: &Asked,
        rows: Box<dyn Rows>,
        seed: &Seed,
        run: &Seed,
    ) -> Result<Boxed<Searched>, Fault>;

    /// The holder's machine of a preparation. Its output is the note for [`Preparation`].
    ///
    /// # Errors
    /// As [`answer`](Self::answer); [`Fault::Misuse`] if this engine prepares nothing.
    fn ahead(
        &self,
        _plan: &Plan,
        _rows: Box<dyn Rows>,
        _seed: &Seed,
        _keep: Box<dyn Keep>,
    ) -> Result<Boxed<Vec<u8>>, Fault> {
        Err(NOTHING_AHEAD)
    }

    /// The machine of [`answer`](Self::answer) with a preparation, which is spent at once.
    ///
    /// # Errors
    /// As [`answer`](Self::answer) and [`Prepared::exchange_ahead`].
    fn answer_ahead(
        &self,
        _asked: &Asked,
        _rows: Box<dyn Rows>,
        _run: &Seed,
        _preparation: Preparation,
    ) -> Result<Boxed<Searched>, Fault> {
        Err(NOTHING_AHEAD)
    }

    /// Replays a query that was opened: the digest that the query of this probe and seed has, under the asker's
    /// material that this holder has the other half of.
    ///
    /// # Errors
    /// As [`Asking::prepare`].
    fn replay(&self, probe: &[Alternative], seed: &Seed) -> Result<[u8; 32], Fault>;
}

/// Every engine of this program.
pub fn engines() -> &'static [&'static dyn Engine] {
    &[&super::tfhe::OneRound, &super::interactive::Interactive]
}

/// The most alternatives that are ever tried, as agreements bound them.
const MOST_ALTERNATIVES: u16 = 32;
/// The largest cap that is ever tried.
const LARGEST_CAP: u32 = 16;

/// What an engine takes of a form, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The most alternatives in a query.
    pub alternatives: u16,
    /// Whether it tells a yes or no.
    pub any: bool,
    /// The most candidates that it shows; 0 if it shows none.
    pub cap: u32,
}

/// What an engine takes of a form.
///
/// # Errors
/// The engine's own [`Fault`] if it takes nothing of it.
pub fn taken(engine: &dyn Engine, form: &Form) -> Result<Taken, Fault> {
    let takes = |alternatives, answer| engine.takes(form, alternatives, answer);
    let cap = |alternatives| {
        (1..=LARGEST_CAP).rev().find(|cap| takes(alternatives, Answer::Candidates { cap: *cap }).is_ok())
    };
    let (any, cap_of_one) = (takes(1, Answer::Any), cap(1));
    if let (Err(fault), None) = (&any, cap_of_one) {
        return Err(fault.clone());
    }
    let some = |n: &u16| takes(*n, Answer::Any).is_ok() || cap(*n).is_some();
    let alternatives = (1..=MOST_ALTERNATIVES).rev().find(some).unwrap_or(1);
    Ok(Taken { alternatives, any: any.is_ok(), cap: cap_of_one.unwrap_or(0) })
}

/// The engine of a name.
pub fn engine(id: &str) -> Option<&'static dyn Engine> {
    engines().iter().copied().find(|engine| engine.card().id == id)
}
