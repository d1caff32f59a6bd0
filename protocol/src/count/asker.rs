//! The asker: blind the batch once, read the answer past it, count.

use curve25519_dalek::Scalar;
use rayon::prelude::*;
use zeroize::Zeroize;

use super::{
    messages::{BLINDED, EVALUATED, FILTER, SIZES, dummy, query_digest},
    noise::Noise,
};
use crate::{
    exchange::{Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden},
    filter::{Decoder, Summary, Wanted},
    group::{PointBytes, decode_point},
    oprf::{COMPRESS, Mode, compress_doubles, element, half},
    seed::Seed,
    set::{IdentifierBytes, unbound},
    wire::{Inbox, Outbox},
};

/// A blinded batch: distinct identifiers and all dummies under one blind, in ascending order of the
/// blinded elements, so that the order says nothing.
pub struct Query {
    blind: Scalar,
    items: u32,
    noise: Noise,
    elements: Vec<PointBytes>,
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Query {{ items: {} }}", self.items)
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.blind.zeroize();
    }
}

impl Query {
    /// Blinds a batch. Repeated identifiers count once.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for an empty or over-long batch or over-long identifiers.
    pub fn blind(identifiers: Vec<IdentifierBytes>, noise: Noise, seed: &Seed) -> Result<Self, Fault> {
        Self::batch(identifiers, noise, noise.dummies(), seed)
    }

    /// The batch of an asker that breaks the agreement and leaves the dummies out: an auditor who is shown identifiers
    /// and seed tells by it what was done.
    ///
    /// # Errors
    /// As [`blind`](Self::blind).
    pub fn without_dummies(
        identifiers: Vec<IdentifierBytes>,
        noise: Noise,
        seed: &Seed,
    ) -> Result<Self, Fault> {
        Self::batch(identifiers, noise, 0, seed)
    }

    fn batch(
        identifiers: Vec<IdentifierBytes>,
        noise: Noise,
        dummies: u32,
        seed: &Seed,
    ) -> Result<Self, Fault> {
        let mut inputs = identifiers;
        inputs.sort_unstable_by(|a, b| a.as_slice().cmp(b.as_slice()));
        inputs.dedup();
        let items = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
        if items == 0 || items > super::messages::BATCH_LIMIT {
            return Err(Fault::Misuse("a batch of no or over 1,000,000 identifiers"));
        }
        let blind = seed.stream("count/blind").scalar(0);
        let half = half(&blind);
        inputs.extend((0..dummies).map(dummy));
        let chunks = inputs
            .par_chunks(COMPRESS)
            .map(|chunk| {
                let halves = chunk
                    .iter()
                    .map(|input| Ok(element(input, Mode::Verifiable)? * half))
                    .collect::<Result<Vec<_>, Fault>>()?;
                Ok(compress_doubles(&halves))
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        let mut elements = chunks.concat();
        elements.sort_unstable();
        Ok(Self { blind, items, noise, elements })
    }

    /// How many identifiers are asked about, dummies not included.
    pub fn items(&self) -> u32 {
        self.items
    }

    /// The digest that the opening words carry.
    pub fn digest(&self) -> [u8; 32] {
        query_digest(self.elements.iter())
    }
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Matches less the mean of the noise; below zero when few match and the noise was low.
    pub estimate: i64,
    /// The true number is within this of the estimate with probability 0.95.
    pub half_width: u32,
    /// How many entries the holder's set has, padding included.
    pub entries: u64,
}

/// The asker's machine. It keeps its batch; the filter streams past.
#[derive(Debug)]
pub struct Asker {
    query: Query,
    sent: usize,
    outbox: Outbox<32>,
    evaluated: Inbox<32>,
    received: Vec<PointBytes>,
    outputs: Vec<u64>,
    sizes: Inbox<16>,
    filter: Option<(Inbox<1>, Decoder, Wanted)>,
    matches: Option<u64>,
}

impl Asker {
    /// Asks a batch.
    pub fn new(query: Query) -> Self {
        let total = query.elements.len() as u64;
        Self {
            query,
            sent: 0,
            outbox: Outbox::new(BLINDED, total),
            evaluated: Inbox::new(EVALUATED, total),
            received: Vec::new(),
            outputs: Vec::new(),
            sizes: Inbox::new(SIZES, 1),
            filter: None,
            matches: None,
        }
    }

    fn unblinded(&self) -> bool {
        self.evaluated.complete() && self.outputs.len() == self.received.len()
    }

    fn unblind(&mut self) -> Result<(), Fault> {
        let half = half(&self.query.blind.invert());
        let chunks = self
            .received
            .par_chunks(COMPRESS)
            .map(|chunk| {
                let halves = chunk
                    .iter()
                    .map(|bytes| Ok(decode_point(bytes)? * half))
                    .collect::<Result<Vec<_>, Fault>>()?;
                Ok(compress_doubles(&halves).iter().map(unbound).collect::<Vec<_>>())
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        self.outputs = chunks.concat();
        Ok(())
    }

    fn start_filter(&mut self, sizes: &[u8; 16]) -> Result<(), Fault> {
        let (entries, bytes) = sizes.split_first_chunk::<8>().ok_or(Misbehaviour::Length)?;
        let entries = u64::from_be_bytes(*entries);
        let bytes = u64::from_be_bytes(bytes.try_into().map_err(|_| Misbehaviour::Length)?);
        Summary { entries, bytes, digest: [0; 32] }.check()?;
        let wanted = Wanted::new(&self.outputs, entries);
        self.filter = Some((Inbox::new(FILTER, bytes), Decoder::new(entries), wanted));
        Ok(())
    }
}

impl Exchange for Asker {
    type Output = Counted;

    fn wants(&self) -> Wants {
        let unblind = self.evaluated.complete() && !self.unblinded();
        Wants {
            send: self.outbox.ready(),
            compute: (!self.outbox.filled() && self.outbox.room() > 0) || unblind,
            receive: self.outbox.complete() && !unblind && self.matches.is_none(),
            verdict: false,
            done: self.matches.is_some(),
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        self.outbox.frame()
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        if !self.wants().receive {
            return Err(Misbehaviour::Order.into());
        }
        if !self.evaluated.complete() {
            self.received.extend_from_slice(self.evaluated.open(&frame)?);
            return Ok(());
        }
        if !self.sizes.complete() {
            return match self.sizes.open(&frame)? {
                [sizes] => {
                    let sizes = *sizes;
                    self.start_filter(&sizes)
                }
                _ => Err(Misbehaviour::Count.into()),
            };
        }
        let Some((inbox, decoder, wanted)) = &mut self.filter else {
            return Err(Misbehaviour::Order.into());
        };
        let bytes = inbox.open(&frame)?;
        decoder.push(bytes.as_flattened(), |position| wanted.pass(position))?;
        if inbox.complete() {
            decoder.clone().finish()?;
            let found = wanted.clone().found();
            self.matches = Some(found.iter().filter(|found| **found).count() as u64);
        }
        Ok(())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        if !self.outbox.filled() {
            let end = self.sent.saturating_add(self.outbox.room()).min(self.query.elements.len());
            self.outbox.push(self.query.elements.get(self.sent..end).unwrap_or_default())?;
            self.sent = end;
            return Ok(());
        }
        if self.unblinded() {
            return Err(Fault::Misuse("nothing to compute"));
        }
        self.unblind()
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("the asker discloses nothing"))
    }

    fn progress(&self) -> Progress {
        match &self.filter {
            None => Progress {
                phase: "ask",
                done: self.evaluated.taken(),
                total: self.query.elements.len() as u64,
            },
            Some((inbox, ..)) => Progress { phase: "count", done: inbox.taken(), total: inbox.expected() },
        }
    }

    fn finish(self: Box<Self>) -> Result<Counted, Fault> {
        let matches = self.matches.ok_or(Fault::Misuse("the exchange is not over"))?;
        let mean = i64::from(self.query.noise.mean());
        let estimate = i64::try_from(matches).unwrap_or(i64::MAX).saturating_sub(mean);
        let entries = self.filter.as_ref().map_or(0, |(_, decoder, _)| decoder.entries());
        Ok(Counted { estimate, half_width: self.query.noise.half_width(0.95), entries })
    }
}
