//! The holder: a fresh key and slice for every count, dummies in secret number, a shuffled answer.

use curve25519_dalek::RistrettoPoint;
use rayon::prelude::*;

use super::{
    messages::{BATCH_LIMIT, BLINDED, EVALUATED, FILTER, SIZES, dummy, query_digest},
    noise::Noise,
};
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden, released},
    group::{PointBytes, decode_point},
    oprf::{COMPRESS, compress_doubles, half},
    padding::Buckets,
    seed::Seed,
    set::{IdentifierSource, Output, SetBuilder, fresh_key},
    wire::{Inbox, Outbox},
};

/// What the holder has at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// Identifiers answered, dummies not included.
    pub items: u32,
    /// Padded size of the slice.
    pub entries: u64,
}

/// The holder's machine. It keeps eight bytes an identifier of its slice and 32 an identifier asked.
pub struct Holder {
    items: u32,
    noise: Noise,
    digest: [u8; 32],
    seed: Seed,
    source: Box<dyn IdentifierSource>,
    buckets: Buckets,
    inbox: Inbox<32>,
    blinded: Vec<PointBytes>,
    stage: Stage,
}

/// Where the holder is; each stage owns what only it needs.
enum Stage {
    /// Takes the batch, then waits for the rules.
    Ask,
    /// Evaluates its own slice; `added` dummies are in.
    Slice { set: Box<SetBuilder>, added: u32 },
    /// Sends the answer.
    Answer(Box<Answer>),
}

struct Answer {
    evaluated: Vec<PointBytes>,
    filter: Vec<u8>,
    entries: u64,
    elements: Outbox<32>,
    sizes: Outbox<16>,
    bytes: Outbox<1>,
}

impl Holder {
    /// Answers a batch of `items` identifiers and all dummies whose digest the asker committed to,
    /// from the identifiers of a slice, which is padded to one of the `buckets`.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for an empty or over-long batch.
    pub fn new(
        items: u32,
        noise: Noise,
        digest: [u8; 32],
        source: Box<dyn IdentifierSource>,
        buckets: Buckets,
        seed: Seed,
    ) -> Result<Self, Fault> {
        if items == 0 || items > BATCH_LIMIT {
            return Err(Fault::Misuse("a batch of no or over 1,000,000 identifiers"));
        }
        let total = u64::from(items).saturating_add(u64::from(noise.dummies()));
        let inbox = Inbox::new(BLINDED, total);
        Ok(Self {
            items,
            noise,
            digest,
            seed,
            source,
            buckets,
            inbox,
            blinded: Vec::new(),
            stage: Stage::Ask,
        })
    }

    /// A fresh set that already holds a secret random number of dummies.
    fn start_slice(&self) -> Result<Stage, Fault> {
        let added = self.noise.draw(&mut self.seed.stream("count/noise"));
        let mut dummies: Vec<u32> = (0..self.noise.dummies()).collect();
        self.seed.stream("count/dummies").shuffle(&mut dummies);
        let chosen: Vec<_> =
            dummies.into_iter().take(usize::try_from(added).unwrap_or(0)).map(dummy).collect();
        let mut set = SetBuilder::new(fresh_key(&self.seed.stream("count/key"))?, Output::Unbound);
        set.absorb(&chosen)?;
        Ok(Stage::Slice { set: Box::new(set), added })
    }

    fn start_answer(&self, set: SetBuilder, added: u32) -> Result<Stage, Fault> {
        // The padded size must not depend on the secret number of dummies.
        let dummies = u64::from(self.noise.dummies());
        let padded = |distinct: u64| {
            self.buckets.pad(distinct.saturating_sub(u64::from(added)).saturating_add(dummies))
        };
        let (key, summary, filter) = set.finish(padded, self.seed.stream("count/padding"))?;
        let half = zeroize::Zeroizing::new(half(key.secret()));
        let chunks =
            self.blinded
                .par_chunks(COMPRESS)
                .map(|chunk| {
                    let halves = chunk
                        .iter()
                        .map(|bytes| Ok(decode_point(bytes)? * *half))
                        .collect::<Result<Vec<RistrettoPoint>, Fault>>()?;
                    Ok(compress_doubles(&halves))
                })
                .collect::<Result<Vec<_>, Fault>>()?;
        let mut evaluated = chunks.concat();
        self.seed.stream("count/shuffle").shuffle(&mut evaluated);
        let mut sizes = Outbox::new(SIZES, 1);
        let mut both = [0; 16];
        let (entries, bytes) = both.split_at_mut(8);
        entries.copy_from_slice(&summary.entries.to_be_bytes());
        bytes.copy_from_slice(&summary.bytes.to_be_bytes());
        sizes.push(&[both])?;
        Ok(Stage::Answer(Box::new(Answer {
            elements: Outbox::new(EVALUATED, evaluated.len() as u64),
            bytes: Outbox::new(FILTER, summary.bytes),
            entries: summary.entries,
            evaluated,
            filter,
            sizes,
        })))
    }
}

impl Answer {
    fn fill(&mut self) -> Result<(), Fault> {
        fn next<T>(all: &[T], pushed: u64, room: usize) -> &[T] {
            let rest = all.get(usize::try_from(pushed).unwrap_or(usize::MAX)..).unwrap_or_default();
            rest.get(..room).unwrap_or(rest)
        }
        if !self.elements.filled() {
            let room = self.elements.room();
            return self.elements.push(next(&self.evaluated, self.elements.pushed(), room));
        }
        let room = self.bytes.room();
        self.bytes.push(next(&self.filter, self.bytes.pushed(), room).as_chunks().0)
    }

    fn wants(&self) -> Wants {
        let ready = if !self.elements.complete() {
            self.elements.ready()
        } else {
            self.sizes.ready() || self.bytes.ready()
        };
        let fill = (!self.elements.filled() && self.elements.room() > 0)
            || (self.elements.filled() && !self.bytes.filled() && self.bytes.room() > 0);
        Wants { send: ready, compute: fill, done: self.bytes.complete(), ..Wants::default() }
    }

    fn frame(&mut self) -> Result<Frame, Fault> {
        if !self.elements.complete() {
            self.elements.frame()
        } else if !self.sizes.complete() {
            self.sizes.frame()
        } else {
            self.bytes.frame()
        }
    }
}

impl Exchange for Holder {
    type Output = Served;

    fn wants(&self) -> Wants {
        match &self.stage {
            Stage::Ask => {
                let asked = self.inbox.complete();
                Wants { receive: !asked, verdict: asked, ..Wants::default() }
            }
            Stage::Slice { .. } => Wants { compute: true, ..Wants::default() },
            Stage::Answer(answer) => answer.wants(),
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        match &mut self.stage {
            Stage::Answer(answer) => answer.frame(),
            _ => Err(Fault::Misuse("no frame is ready")),
        }
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        let elements = self.inbox.open(&frame)?;
        elements.par_iter().with_min_len(64).try_for_each(|bytes| decode_point(bytes).map(drop))?;
        self.blinded.extend_from_slice(elements);
        if self.inbox.complete() {
            if !self.blinded.is_sorted_by(|a, b| a < b) {
                return Err(Misbehaviour::Repeat.into());
            }
            if query_digest(self.blinded.iter()) != self.digest {
                return Err(Misbehaviour::Commitment.into());
            }
        }
        Ok(())
    }

    fn compute(&mut self, budget: usize) -> Result<(), Fault> {
        match &mut self.stage {
            Stage::Ask => Err(Fault::Misuse("nothing is released")),
            Stage::Slice { set, .. } => {
                let identifiers = self.source.next(budget.max(1))?;
                if !identifiers.is_empty() {
                    return set.absorb(&identifiers);
                }
                let Stage::Slice { set, added } = std::mem::replace(&mut self.stage, Stage::Ask) else {
                    return Err(Fault::Misuse("nothing to compute"));
                };
                self.stage = self.start_answer(*set, added)?;
                Ok(())
            }
            Stage::Answer(answer) => answer.fill(),
        }
    }

    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
        if !self.wants().verdict {
            return Err(Fault::Misuse("no verdict is due"));
        }
        if released(warden, &Disclosure::Count { items: u64::from(self.items) })? {
            self.stage = self.start_slice()?;
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        match &self.stage {
            Stage::Ask => {
                Progress { phase: "receive", done: self.inbox.taken(), total: self.inbox.expected() }
            }
            // Progress goes to the asker too, and the true size of a slice or a register must not.
            Stage::Slice { .. } => Progress { phase: "slice", done: 0, total: 0 },
            Stage::Answer(answer) => {
                Progress { phase: "answer", done: answer.bytes.sent(), total: answer.filter.len() as u64 }
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<Served, Fault> {
        match &self.stage {
            Stage::Answer(answer) if answer.bytes.complete() => {
                Ok(Served { items: self.items, entries: answer.entries })
            }
            _ => Err(Fault::Misuse("the exchange is not over")),
        }
    }
}
