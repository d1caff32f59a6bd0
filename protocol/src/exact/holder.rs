//! The holder: check, ask the rules, evaluate, prove.

use std::sync::Arc;

use curve25519_dalek::RistrettoPoint;
use data_encoding::HEXLOWER;
use rayon::prelude::*;
use zeroize::Zeroizing;

use super::messages::{BATCH_LIMIT, BLINDED, EVALUATED, PROOF, STEP, query_digest};
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden, released},
    group::{PointBytes, decode_point},
    oprf::{COMPRESS, Composite, KeyPair, Mode, compress_doubles, half, nonce},
    seed::Seed,
    wire::{Inbox, Outbox},
};

/// What the holder has at the end: how many identifiers it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Identifiers evaluated.
    pub items: u32,
}

/// The holder's machine. It keeps 192 bytes an identifier asked, whatever the size of its slice.
#[derive(Debug)]
pub struct Holder {
    key: Arc<KeyPair>,
    items: u32,
    digest: [u8; 32],
    seed: Seed,
    inbox: Inbox<32>,
    blinded: Vec<(RistrettoPoint, PointBytes)>,
    released: bool,
    composite: Composite,
    outbox: Outbox<32>,
    proof: Option<Outbox<64>>,
}

impl Holder {
    /// Answers a query of `items` elements whose digest the asker committed to, under an epoch key.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for no or more than [`BATCH_LIMIT`] items.
    pub fn new(key: Arc<KeyPair>, items: u32, digest: [u8; 32], seed: Seed) -> Result<Self, Fault> {
        if items == 0 || items > BATCH_LIMIT {
            return Err(Fault::Misuse("a query of no or over 65,535 identifiers"));
        }
        Ok(Self {
            composite: Composite::new(key.public_bytes(), Mode::Verifiable),
            key,
            items,
            digest,
            seed,
            inbox: Inbox::new(BLINDED, u64::from(items)),
            blinded: Vec::new(),
            released: false,
            outbox: Outbox::new(EVALUATED, u64::from(items)),
            proof: None,
        })
    }

    /// Evaluates the next elements [RFC 9497 section 3.3.2, `BlindEvaluate`].
    fn evaluate(&mut self, budget: usize) -> Result<(), Fault> {
        let start = usize::try_from(self.outbox.pushed()).unwrap_or(usize::MAX);
        let step = budget.clamp(1, STEP).min(self.outbox.room());
        let rest = self.blinded.get(start..).unwrap_or_default();
        let inputs = rest.get(..step).unwrap_or(rest);
        let half = Zeroizing::new(half(self.key.secret()));
        let chunks: Vec<_> = inputs
            .par_chunks(COMPRESS)
            .map(|chunk| compress_doubles(&chunk.iter().map(|(point, _)| point * *half).collect::<Vec<_>>()))
            .collect();
        let outputs = chunks.concat();
        self.composite.add_own(inputs, &outputs)?;
        self.outbox.push(&outputs)
    }
}

impl Exchange for Holder {
    type Output = Served;

    fn wants(&self) -> Wants {
        let asked = self.inbox.complete();
        let proof_ready = self.outbox.complete() && self.proof.as_ref().is_some_and(Outbox::ready);
        Wants {
            receive: !asked,
            verdict: asked && !self.released,
            compute: self.released
                && ((!self.outbox.filled() && self.outbox.room() > 0)
                    || (self.outbox.filled() && self.proof.is_none())),
            send: self.outbox.ready() || proof_ready,
            done: self.proof.as_ref().is_some_and(Outbox::complete),
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        match &mut self.proof {
            Some(proof) if self.outbox.complete() => proof.frame(),
            _ => self.outbox.frame(),
        }
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        let elements = self.inbox.open(&frame)?;
        // Kept decoded: to decode again at evaluation would cost a sixth of it.
        let decoded = elements
            .par_iter()
            .with_min_len(64)
            .map(|bytes| Ok((decode_point(bytes)?, *bytes)))
            .collect::<Result<Vec<_>, Fault>>()?;
        self.blinded.extend(decoded);
        if self.inbox.complete() && query_digest(self.blinded.iter().map(|(_, bytes)| bytes)) != self.digest {
            return Err(Misbehaviour::Commitment.into());
        }
        Ok(())
    }

    fn compute(&mut self, budget: usize) -> Result<(), Fault> {
        if !self.released {
            return Err(Fault::Misuse("nothing is released"));
        }
        if !self.outbox.filled() {
            return self.evaluate(budget);
        }
        if self.proof.is_some() {
            return Err(Fault::Misuse("nothing to compute"));
        }
        // One nonce for one statement: if a fault of the machine made another one of the same query, two proofs with one
        // nonce would give the key away.
        let statement = HEXLOWER.encode(&self.composite.statement());
        let nonce = nonce(&self.seed.stream(&format!("exact/proof/{statement}")));
        let proof = self.composite.prove(&self.key, &nonce);
        let mut outbox = Outbox::new(PROOF, 1);
        outbox.push(&[proof.to_bytes()])?;
        self.proof = Some(outbox);
        Ok(())
    }

    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
        if !self.wants().verdict {
            return Err(Fault::Misuse("no verdict is due"));
        }
        self.released = released(warden, &Disclosure::Evaluations { items: u64::from(self.items) })?;
        Ok(())
    }

    fn progress(&self) -> Progress {
        let total = u64::from(self.items);
        if !self.inbox.complete() {
            return Progress { phase: "receive", done: self.inbox.taken(), total };
        }
        Progress { phase: "evaluate", done: self.outbox.pushed(), total }
    }

    fn finish(self: Box<Self>) -> Result<Served, Fault> {
        if self.wants().done { Ok(Served { items: self.items }) } else { Err(Fault::Misuse("not over")) }
    }
}
