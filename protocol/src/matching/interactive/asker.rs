//! The asker: choose by the probe, add up shares, commit to the sums, evaluate.

use curve25519_dalek::Scalar;
use rayon::prelude::*;
use zeroize::{Zeroize, Zeroizing};

use super::{
    check::{self, Value},
    circuit::reached,
    context::outcome_cipher,
    field,
    messages::{
        CLOSED, COMMITMENT, DIFFERENCES, FACTOR, HITS, NONCE, NUMBERS, OUTCOME, Out, PLACES, READY, TAGS,
        VALUE, WEIGHTS, blocks, words,
    },
    parameters::{AHEAD, BLOCK, Encoding, Layout},
    probe,
    replay::Replay,
    score::Taken,
};
use crate::{
    exchange::{Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden},
    garble::Evaluator,
    group::{PointBytes, decode_point, decode_scalar},
    matching::{
        ahead::{Preparation, STALE},
        engine::{Answer, Asked, Matched},
        rule::Form,
    },
    ot::base,
    seed::Seed,
    wire::Inbox,
};

mod ahead;
mod begin;
#[cfg(test)]
mod cheats;
mod search;
mod transfers;

pub(super) use ahead::Ahead;
use search::Search;

/// A probe that is committed to.
pub(super) struct Query {
    pub(super) form: Form,
    pub(super) encoding: Encoding,
    pub(super) name: [u8; 32],
    pub(super) choices: Zeroizing<Vec<bool>>,
    pub(super) blinding: Scalar,
    pub(super) commitment: PointBytes,
}

impl Drop for Query {
    fn drop(&mut self) {
        self.blinding.zeroize();
    }
}

/// What the holder sent for the check.
struct Checking {
    weights_in: Inbox<16>,
    weights: Vec<u128>,
    differences_in: Inbox<8>,
    differences: Vec<u64>,
    numbers_in: Inbox<32>,
    numbers: Vec<[u8; 32]>,
    factor_in: Inbox<32>,
    factor: PointBytes,
}

enum Stage {
    Ready(Inbox<1>),
    Replay,
    Size(Inbox<16>),
    Pairs([u8; 16], Layout, Inbox<64>, Vec<base::Pair>),
    Score,
    Check(Box<Checking>),
    Compare(Value, [u8; 32], Inbox<40>),
    Evaluate,
    Outcome(Inbox<1>, u128, Vec<u128>),
    Hits(Inbox<8>, Vec<u64>, u128, Vec<u128>),
    Over(Matched),
}

/// The asker's machine.
pub(super) struct Asker {
    query: Query,
    asked: Asked,
    run: Seed,
    stage: Stage,
    replay: Option<Replay>,
    search: Option<Box<Search>>,
    out: Out,
}

impl Asker {
    /// With a preparation, spends it before anything else.
    pub(super) fn new(
        query: Query,
        asked: Asked,
        run: &Seed,
        preparation: Option<Preparation>,
    ) -> Result<Self, Fault> {
        let replay = preparation.map(|preparation| Replay::new(preparation, &asked)).transpose()?;
        let mut out = Out::default();
        out.send(COMMITMENT, &[query.commitment])?;
        let stage = match replay {
            Some(_) => Stage::Ready(Inbox::new(READY, 1)),
            None => Stage::Size(Inbox::new(PLACES, 1)),
        };
        Ok(Self { query, asked, run: run.clone(), stage, replay, search: None, out })
    }

    fn score(&mut self) -> Result<(), Fault> {
        let search = self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        let encoding = self.query.encoding;
        if search.tags_in.as_ref().is_some_and(Inbox::complete) {
            search.tag(&encoding)?;
            if search.tagged == search.layout.parts() {
                self.stage = Stage::Check(Box::new(Checking {
                    weights_in: Inbox::new(WEIGHTS, 1),
                    weights: Vec::new(),
                    differences_in: Inbox::new(DIFFERENCES, search.taken.len() as u64),
                    differences: Vec::new(),
                    numbers_in: Inbox::new(NUMBERS, self.query.choices.len() as u64),
                    numbers: Vec::new(),
                    factor_in: Inbox::new(FACTOR, 1),
                    factor: [0; 32],
                }));
            }
            return Ok(());
        }
        search.add(&encoding, &mut self.out)
    }

    /// Makes the value that the holder has too, and closes it.
    fn check(&mut self) -> Result<(), Fault> {
        let Stage::Check(checking) = &self.stage else { return Err(Fault::Misuse("nothing to compute")) };
        let search = self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        let seed = checking.weights.first().copied().unwrap_or(0);
        let mut sum = 0;
        for (number, (_, tags)) in search.kept.iter().enumerate() {
            let weights = check::weights(seed, &search.layout.part(number));
            sum = field::add(sum, check::weigh(&weights, tags.iter().copied()));
        }
        for (Taken { key, mask, .. }, difference) in search.taken.iter().zip(&checking.differences) {
            let told = field::reduce((*difference).into()) & mask;
            sum = field::subtract(sum, field::add(told, check::mask(key)));
        }
        let strings = &search.transfers.strings[..];
        let numbers = self.query.choices.par_iter().zip(strings).zip(&checking.numbers).enumerate();
        let numbers = numbers.map(|(bit, ((choice, string), sent))| {
            let set = Scalar::from(u8::from(*choice));
            Ok(probe::number(&search.context.0, bit, *string) + decode_scalar(sent)? * set)
        });
        let numbers: Zeroizing<Vec<Scalar>> = Zeroizing::new(numbers.collect::<Result<_, Fault>>()?);
        let factor = decode_point(&checking.factor)?;
        let point = probe::combine(&probe::pack(numbers.iter().copied())) + factor * self.query.blinding;
        let value = Value::new(sum, &point);
        let nonce: [u8; 32] = self.run.stream("interactive/nonce").bytes();
        self.out.send(CLOSED, &[value.close(&search.context.0, &nonce)])?;
        search.kept.iter_mut().for_each(|(_, tags)| *tags = Vec::new());
        self.stage = Stage::Compare(value, nonce, Inbox::new(VALUE, 1));
        Ok(())
    }

    /// Evaluates a block; after the last, what is told.
    fn evaluate(&mut self) -> Result<(), Fault> {
        let search = self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        let encoding = self.query.encoding;
        let tables = std::mem::take(&mut search.tables);
        let mut gates = search.gates;
        let mut evaluator = Evaluator::new(&search.cipher, &mut gates, &tables);
        let mut outcome = search.outcome.take().ok_or(Fault::Misuse("nothing to compute"))?;
        if search.evaluated == search.layout.blocks() {
            let (told, hits) = outcome.finish(&mut evaluator)?;
            self.stage = Stage::Outcome(Inbox::new(OUTCOME, 1), told, hits);
            return Ok(());
        }
        let mut slots = Vec::with_capacity(search.layout.slots);
        for slot in 0..search.layout.slots {
            let part = search.layout.part(search.evaluated * search.layout.slots + slot);
            let (labels, _) = search.kept.get_mut(part.number).ok_or(Fault::Misuse("nothing to compute"))?;
            let labels = std::mem::take(labels);
            let shares: Vec<&[u128]> = labels.chunks(part.lanes).take(encoding.bits).collect();
            slots.push(reached(&mut evaluator, &shares, &[])?);
        }
        outcome.add(&mut evaluator, slots)?;
        (search.outcome, search.gates) = (Some(outcome), gates);
        search.evaluated += 1;
        search.expect(&encoding)
    }
}

impl Exchange for Asker {
    type Output = Matched;

    fn wants(&self) -> Wants {
        let none = Wants::default();
        let sent = self.out.is_empty();
        let search = self.search.as_deref();
        let either = |compute: bool| Wants { receive: !compute, compute, ..none };
        let wants = match &self.stage {
            Stage::Ready(_) | Stage::Size(_) | Stage::Compare(..) | Stage::Outcome(..) | Stage::Hits(..) => {
                either(false)
            }
            Stage::Replay => either(true),
            Stage::Pairs(_, _, inbox, _) => either(inbox.complete()),
            Stage::Score => either(search.is_some_and(|search| search.works(&self.query.encoding))),
            Stage::Check(checking) => either(checking.factor_in.complete()),
            Stage::Evaluate => either(search.is_some_and(|search| search.tables_in.complete())),
            Stage::Over(_) => Wants { done: sent, ..none },
        };
        Wants { send: !sent, ..wants }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        self.out.frame()
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        if !self.wants().receive {
            return Err(Misbehaviour::Order.into());
        }
        match &mut self.stage {
            Stage::Ready(inbox) => {
                if let [ready] = inbox.open(&frame)? {
                    self.stage = match *ready {
                        [1] => Stage::Replay,
                        // The slice has changed: everything anew.
                        [0] => Stage::Size(Inbox::new(PLACES, 1)),
                        _ => return Err(Misbehaviour::Length.into()),
                    };
                }
            }
            Stage::Size(inbox) => {
                if let [place] = inbox.open(&frame)? {
                    self.stage = self.size(*place)?;
                }
            }
            Stage::Pairs(_, _, inbox, pairs) => pairs.extend_from_slice(inbox.open(&frame)?),
            Stage::Score => {
                let search = self.search.as_deref_mut().ok_or(Misbehaviour::Order)?;
                if frame.tag == TAGS.tag {
                    let inbox = search.tags_in.as_mut().ok_or(Misbehaviour::Order)?;
                    words(&mut search.tags, inbox.open(&frame)?);
                } else {
                    // The holder waits for the sums of earlier parts, so no more than this is ever here.
                    let whole = search.scored >= search.layout.parts();
                    if search.replay.is_some() || whole || search.pending.len() > AHEAD {
                        return Err(Misbehaviour::Order.into());
                    }
                    words(&mut search.corrections, search.corrections_in.open(&frame)?);
                }
            }
            Stage::Check(checking) => {
                let checking = &mut **checking;
                if !checking.weights_in.complete() {
                    blocks(&mut checking.weights, checking.weights_in.open(&frame)?);
                } else if !checking.differences_in.complete() {
                    words(&mut checking.differences, checking.differences_in.open(&frame)?);
                } else if !checking.numbers_in.complete() {
                    checking.numbers.extend_from_slice(checking.numbers_in.open(&frame)?);
                } else if let [factor] = checking.factor_in.open(&frame)? {
                    checking.factor = *factor;
                }
            }
            Stage::Compare(value, nonce, inbox) => {
                if let [told] = inbox.open(&frame)? {
                    // Both are known to the holder if they are equal, so there is no need for constant time; and if
                    // they are not, that they differ is all that it learns.
                    if value.to_bytes() != *told {
                        return Err(Misbehaviour::Check(
                            "the holder's sums are not those of its corrections",
                        )
                        .into());
                    }
                    self.out.send(NONCE, &[*nonce])?;
                    let search = self.search.as_deref_mut().ok_or(Misbehaviour::Order)?;
                    search.expect(&self.query.encoding)?;
                    self.stage = Stage::Evaluate;
                }
            }
            Stage::Evaluate => {
                let search = self.search.as_deref_mut().ok_or(Misbehaviour::Order)?;
                blocks(&mut search.tables, search.tables_in.open(&frame)?);
            }
            Stage::Outcome(inbox, told, hits) => {
                if let [zero] = inbox.open(&frame)? {
                    let [zero] = *zero;
                    if zero > 1 {
                        return Err(Misbehaviour::Length.into());
                    }
                    let is = (*told & 1) as u8 != zero;
                    self.stage = match self.asked.answer {
                        Answer::Any => Stage::Over(Matched::Any(is)),
                        Answer::Candidates { .. } => {
                            // What the hits look like comes in either case, and tells nothing if there are too many.
                            let words = Inbox::new(HITS, hits.len().div_ceil(64) as u64);
                            let label = if is { 0 } else { *told };
                            Stage::Hits(words, Vec::new(), label, std::mem::take(hits))
                        }
                    };
                }
            }
            Stage::Hits(inbox, zeros, label, hits) => {
                words(zeros, inbox.open(&frame)?);
                if inbox.complete() {
                    let search = self.search.as_deref().ok_or(Misbehaviour::Order)?;
                    self.stage = Stage::Over(opened(search, self.asked.answer, *label, zeros, hits));
                }
            }
            Stage::Replay | Stage::Over(_) => return Err(Misbehaviour::Order.into()),
        }
        Ok(())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        if !self.wants().compute {
            return Err(Fault::Misuse("nothing to compute"));
        }
        match &self.stage {
            Stage::Replay => self.replay(),
            Stage::Pairs(..) => self.choose(),
            Stage::Score => self.score(),
            Stage::Check(_) => self.check(),
            _ => self.evaluate(),
        }
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("no verdict is due"))
    }

    fn tested(&self) -> bool {
        // From the nonce on the holder knows that its corrections passed.
        matches!(self.stage, Stage::Evaluate | Stage::Outcome(..) | Stage::Hits(..) | Stage::Over(_))
    }

    fn progress(&self) -> Progress {
        let Some(search) = &self.search else {
            let anew = self.replay.is_some() && matches!(self.stage, Stage::Size(_) | Stage::Pairs(..));
            return Progress { phase: if anew { STALE } else { "ask" }, done: 0, total: 1 };
        };
        let block = |done: usize| (done * BLOCK) as u64;
        let total = search.layout.places;
        let (phase, done) = match &self.stage {
            Stage::Score => ("score", block(search.tagged / search.layout.slots.max(1))),
            Stage::Check(_) | Stage::Compare(..) => ("check", 0),
            _ => ("answer", block(search.evaluated)),
        };
        Progress { phase, done: done.min(total), total }
    }

    fn finish(self: Box<Self>) -> Result<Matched, Fault> {
        match self.stage {
            Stage::Over(matched) if self.out.is_empty() => Ok(matched),
            _ => Err(Fault::Misuse("not over")),
        }
    }
}

/// Reads the hits. A label of 0 stands for "too many", of which nothing more can be read.
fn opened(search: &Search, answer: Answer, label: u128, zeros: &[u64], hits: &[u128]) -> Matched {
    let (Answer::Candidates { cap }, true) = (answer, label != 0) else { return Matched::TooMany };
    let mut mask = vec![0_u128; zeros.len().div_ceil(2)];
    outcome_cipher(&search.context, label).stream(0, &mut mask);
    let zeros: Vec<u64> =
        zeros.iter().zip(bytemuck::cast_slice::<u128, u64>(&mask)).map(|(a, b)| a ^ b).collect();
    let zero = |at: usize| zeros.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1);
    let hit = |(at, label): (usize, &u128)| ((label & 1 == 1) != zero(at)).then_some(at as u64);
    let groups = search.layout.places;
    let hits = hits.iter().enumerate().filter_map(hit).filter(|place| *place < groups).collect();
    Matched::capped(hits, groups, cap)
}
