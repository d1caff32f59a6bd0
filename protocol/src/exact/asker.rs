//! The asker: blind, send, check the proof, unblind, look up.

use std::sync::Arc;

use curve25519_dalek::{RistrettoPoint, Scalar};
use rayon::prelude::*;
use zeroize::Zeroize;

use super::messages::{BATCH_LIMIT, BLINDED, EVALUATED, PROOF, STEP, query_digest};
use crate::{
    exchange::{Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden},
    filter,
    group::{PointBytes, decode_point},
    oprf::{COMPRESS, Composite, Mode, Proof, compress_doubles, element, half},
    seed::Seed,
    set::{IdentifierBytes, bound},
    wire::{Inbox, Outbox},
};

/// Identifiers blinded and ready to be asked about.
///
/// Blinding comes before the session so that the opening words can commit to the query. The same
/// identifiers and seed give the same bytes: a retry is the same query.
pub struct Query {
    inputs: Vec<IdentifierBytes>,
    blinds: Vec<Scalar>,
    elements: Vec<(RistrettoPoint, PointBytes)>,
}

impl std::fmt::Debug for Query {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Query {{ items: {} }}", self.inputs.len())
    }
}

impl Drop for Query {
    fn drop(&mut self) {
        self.blinds.zeroize();
    }
}

impl Query {
    /// Blinds identifiers, on all cores [RFC 9497 section 3.3.2, `Blind`].
    ///
    /// # Errors
    /// [`Fault::Misuse`] for none, more than [`BATCH_LIMIT`] or over-long identifiers.
    pub fn blind(inputs: Vec<IdentifierBytes>, seed: &Seed) -> Result<Self, Fault> {
        if inputs.is_empty() || inputs.len() > usize::try_from(BATCH_LIMIT).unwrap_or(0) {
            return Err(Fault::Misuse("a query of no or over 65,535 identifiers"));
        }
        let stream = seed.stream("exact/blind");
        let blinds: Vec<Scalar> =
            (0..inputs.len() as u64).into_par_iter().map(|i| stream.scalar(i)).collect();
        let elements = (&inputs, &blinds)
            .into_par_iter()
            .chunks(COMPRESS)
            .map(|chunk| {
                let halves = chunk
                    .into_iter()
                    .map(|(input, blind)| Ok(element(input, Mode::Verifiable)? * half(blind)))
                    .collect::<Result<Vec<_>, Fault>>()?;
                let encoded = compress_doubles(&halves);
                Ok(halves.iter().map(|half| half + half).zip(encoded).collect::<Vec<_>>())
            })
            .collect::<Result<Vec<_>, Fault>>()?;
        Ok(Self { inputs, blinds, elements: elements.into_iter().flatten().collect() })
    }

    /// How many identifiers are asked about.
    pub fn items(&self) -> u32 {
        u32::try_from(self.inputs.len()).unwrap_or(u32::MAX)
    }

    /// The identifier and the blind at a place.
    pub(super) fn item(&self, place: u32) -> Option<(IdentifierBytes, Scalar)> {
        let place = usize::try_from(place).ok()?;
        Some((self.inputs.get(place)?.clone(), *self.blinds.get(place)?))
    }

    /// The blinded elements.
    pub(super) fn element_bytes(&self) -> Vec<PointBytes> {
        self.elements.iter().map(|(_, bytes)| *bytes).collect()
    }

    /// The digest that the opening words carry.
    pub fn digest(&self) -> [u8; 32] {
        query_digest(self.elements.iter().map(|(_, bytes)| bytes))
    }
}

/// The asker's machine. Its output is one flag for each identifier, in the order given.
#[derive(Debug)]
pub struct Asker {
    query: Query,
    public: RistrettoPoint,
    snapshot: (u64, Arc<Vec<u8>>),
    outbox: Outbox<32>,
    evaluated: Inbox<32>,
    received: Vec<PointBytes>,
    proof_inbox: Inbox<64>,
    proof: Option<Proof>,
    composite: Composite,
    decoded: Vec<RistrettoPoint>,
    verified: bool,
    outputs: Vec<u64>,
    hits: Option<Vec<bool>>,
}

impl Asker {
    /// Asks `query` of the holder of a snapshot: its public key, its number of entries and its bytes.
    ///
    /// # Errors
    /// [`Misbehaviour::Point`] if the public key is not a valid element.
    pub fn new(query: Query, public: &PointBytes, snapshot: (u64, Arc<Vec<u8>>)) -> Result<Self, Fault> {
        let items = u64::from(query.items());
        Ok(Self {
            public: decode_point(public)?,
            snapshot,
            outbox: Outbox::new(BLINDED, items),
            evaluated: Inbox::new(EVALUATED, items),
            received: Vec::with_capacity(query.inputs.len()),
            proof_inbox: Inbox::new(PROOF, 1),
            proof: None,
            composite: Composite::new(public, Mode::Verifiable),
            decoded: Vec::with_capacity(query.inputs.len()),
            verified: false,
            outputs: Vec::with_capacity(query.inputs.len()),
            hits: None,
            query,
        })
    }

    fn fill(&mut self) -> Result<(), Fault> {
        let start = usize::try_from(self.outbox.pushed()).unwrap_or(usize::MAX);
        let room = self.outbox.room();
        let next: Vec<PointBytes> =
            self.query.elements.iter().skip(start).take(room).map(|(_, bytes)| *bytes).collect();
        self.outbox.push(&next)
    }

    /// Decodes the next evaluated elements and adds them to the batch that the proof is about.
    fn weigh(&mut self) -> Result<(), Fault> {
        let start = self.decoded.len();
        let next: Vec<PointBytes> = self.received.iter().skip(start).take(STEP).copied().collect();
        let outputs = next
            .into_par_iter()
            .with_min_len(64)
            .map(|bytes| Ok((decode_point(&bytes)?, bytes)))
            .collect::<Result<Vec<_>, Fault>>()?;
        let inputs: Vec<_> = self.query.elements.iter().skip(start).take(outputs.len()).copied().collect();
        self.composite.add_foreign(&inputs, &outputs)?;
        self.decoded.extend(outputs.iter().map(|(point, _)| *point));
        Ok(())
    }

    /// Unblinds the next elements [RFC 9497 section 3.3.2, `Finalize`]. Only after the proof held.
    fn unblind(&mut self) -> Result<(), Fault> {
        let start = self.outputs.len();
        let end = self.decoded.len().min(start.saturating_add(STEP));
        let inputs = self.query.inputs.get(start..end).unwrap_or_default();
        let blinds = self.query.blinds.get(start..end).unwrap_or_default();
        let points = self.decoded.get(start..end).unwrap_or_default();
        let mut inverses: Vec<Scalar> = blinds.to_vec();
        Scalar::invert_batch_alloc(&mut inverses);
        let outputs = (inputs, &inverses, points)
            .into_par_iter()
            .chunks(COMPRESS)
            .map(|chunk| {
                let halves: Vec<_> = chunk.iter().map(|(_, inverse, point)| *point * half(inverse)).collect();
                let encoded = compress_doubles(&halves);
                chunk.iter().zip(&encoded).map(|((input, _, _), bytes)| bound(input, bytes)).collect()
            })
            .collect::<Result<Vec<Vec<u64>>, Fault>>()?;
        inverses.zeroize();
        self.outputs.extend(outputs.into_iter().flatten());
        Ok(())
    }
}

impl Exchange for Asker {
    type Output = Vec<bool>;

    fn wants(&self) -> Wants {
        let answered = self.proof.is_some();
        Wants {
            send: self.outbox.ready(),
            receive: !answered,
            compute: (!self.outbox.filled() && self.outbox.room() > 0) || (answered && self.hits.is_none()),
            verdict: false,
            done: self.hits.is_some(),
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        self.outbox.frame()
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        if self.proof.is_some() || !self.outbox.complete() {
            return Err(Misbehaviour::Order.into());
        }
        if !self.evaluated.complete() {
            self.received.extend_from_slice(self.evaluated.open(&frame)?);
        } else if let [bytes] = self.proof_inbox.open(&frame)? {
            self.proof = Some(Proof::from_bytes(bytes)?);
        }
        Ok(())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        if !self.outbox.filled() {
            return self.fill();
        }
        let Some(proof) = self.proof else { return Err(Fault::Misuse("nothing to compute")) };
        if self.decoded.len() < self.received.len() {
            return self.weigh();
        }
        if !self.verified {
            self.composite.verify(&self.public, &proof)?;
            self.verified = true;
            return Ok(());
        }
        if self.outputs.len() < self.decoded.len() {
            return self.unblind();
        }
        let (entries, bytes) = &self.snapshot;
        self.hits = Some(filter::lookup(bytes, *entries, &self.outputs)?);
        Ok(())
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("the asker discloses nothing"))
    }

    fn progress(&self) -> Progress {
        let total = u64::from(self.query.items());
        if self.proof.is_none() {
            return Progress { phase: "ask", done: self.evaluated.taken(), total };
        }
        let done = self.decoded.len().saturating_add(self.outputs.len()) / 2;
        Progress { phase: "check", done: done as u64, total }
    }

    fn finish(self: Box<Self>) -> Result<Vec<bool>, Fault> {
        self.hits.clone().ok_or(Fault::Misuse("the exchange is not over"))
    }
}
