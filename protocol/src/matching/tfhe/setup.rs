//! Setup: reference string, and evaluation keys by cut and choose.
//!
//! A bootstrapping key that encrypts something else than a key's bits could turn the circuit into one of
//! the asker's liking. So the asker commits to [`KEY_SETS`] sets, each made from a seed; the holder has
//! all but one opened, makes them again and uses the one that stayed closed. Sets of which one is bad pass
//! with probability 1/8 at most.
//!
//! That is so only for an asker that cannot hang up at a choice it does not like and come again. So the choice follows
//! from a seed of the holder that lasts and the commitments, and both machines tell what the other side is bound to
//! ([`Exchange::bound`]): whoever runs them keeps that, has a setup that broke off go on with the same seed, and takes
//! other commitments, or another choice, for what they are.

use data_encoding::HEXLOWER;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::{
    crs,
    keys::{PUBLIC_BYTES, Public},
    messages::{CHOICE, COMMITMENTS, CRS, CRS_SIZE, KEYS, SEEDS},
    parameters::{Encoding, KEY_SETS},
};
use crate::{
    exchange::{Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden},
    matching::rule::Form,
    seed::Seed,
    wire::{BlobIn, BlobOut, Inbox, Outbox},
};

/// The seed of a key set.
pub(super) fn key_seed(seed: &Seed, set: usize) -> Seed {
    let mut stream = seed.stream(&format!("tfhe/key-set/{set}"));
    let mut bytes = [0; 32];
    bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|word| *word = stream.bits().to_le_bytes());
    Seed::new(bytes)
}

/// The set that stays closed: uniform for whoever lacks the lasting seed, and the same if the same commitments come again.
pub(super) fn choice(seed: &Seed, commitments: &[[u8; 32]]) -> usize {
    let committed = HEXLOWER.encode(&digest(COMMITTED, commitments));
    let chosen = seed.stream(&format!("tfhe/choice/{committed}")).below(KEY_SETS as u64);
    usize::try_from(chosen).unwrap_or(0)
}

const COMMITTED: &[u8] = b"symbolon/tfhe-commitments/1\0";

fn digest<const N: usize>(label: &[u8], parts: &[[u8; N]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(label);
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().into()
}

/// Where the asker is.
enum Offering {
    /// The reference string comes.
    Reference(Inbox<8>, Option<BlobIn>),
    /// Key sets are made; digests so far.
    Making(Vec<[u8; 32]>),
    /// Digests go out and the choice comes in.
    Choice(Outbox<32>, Inbox<1>),
    /// The opened seeds and the chosen set go out. No other choice must ever be answered for this seed: two openings
    /// show all sets.
    Opening { chosen: usize, seeds: Outbox<32>, keys: Option<BlobOut> },
}

/// The asker's machine. Its output is the seed of the chosen set and the reference string.
pub(super) struct Offer {
    form: Form,
    encoding: Encoding,
    seed: Seed,
    reference: Vec<u8>,
    state: Offering,
}

impl Offer {
    pub(super) fn new(form: Form, encoding: Encoding, seed: &Seed) -> Self {
        let state = Offering::Reference(Inbox::new(CRS_SIZE, 1), None);
        Self { form, encoding, seed: seed.clone(), reference: Vec::new(), state }
    }

    fn open(&self, choice: u8) -> Result<Offering, Fault> {
        let chosen = usize::from(choice);
        if chosen >= KEY_SETS {
            return Err(Misbehaviour::Keys("there is no such key set to choose").into());
        }
        let opened: Vec<[u8; 32]> = (0..KEY_SETS)
            .filter(|set| *set != chosen)
            .map(|set| *key_seed(&self.seed, set).expose())
            .collect();
        let mut seeds = Outbox::new(SEEDS, opened.len() as u64);
        seeds.push(&opened)?;
        Ok(Offering::Opening { chosen, seeds, keys: None })
    }
}

impl Exchange for Offer {
    type Output = Vec<u8>;

    fn wants(&self) -> Wants {
        let none = Wants::default();
        match &self.state {
            Offering::Reference(_, blob) => {
                let complete = blob.as_ref().is_some_and(BlobIn::complete);
                Wants { receive: !complete, compute: complete, ..none }
            }
            Offering::Making(_) => Wants { compute: true, ..none },
            Offering::Choice(outbox, inbox) => {
                Wants { send: outbox.ready(), receive: outbox.complete() && !inbox.complete(), ..none }
            }
            Offering::Opening { seeds, keys, .. } => Wants {
                send: seeds.ready() || keys.as_ref().is_some_and(|keys| !keys.complete()),
                compute: seeds.complete() && keys.is_none(),
                done: keys.as_ref().is_some_and(BlobOut::complete),
                ..none
            },
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        match &mut self.state {
            Offering::Choice(outbox, _) => outbox.frame(),
            Offering::Opening { seeds, .. } if !seeds.complete() => seeds.frame(),
            Offering::Opening { keys: Some(keys), .. } => keys.frame(),
            _ => Err(Fault::Misuse("no frame is ready")),
        }
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        match &mut self.state {
            Offering::Reference(_, Some(blob)) => blob.consume(&frame),
            Offering::Reference(inbox, blob) => {
                if let [size] = inbox.open(&frame)? {
                    let size = u64::from_be_bytes(*size);
                    if size > crs::LIMIT {
                        return Err(Misbehaviour::Length.into());
                    }
                    *blob = Some(BlobIn::new(CRS, size));
                }
                Ok(())
            }
            Offering::Choice(_, inbox) => {
                let choice = match inbox.open(&frame)? {
                    [[choice]] => *choice,
                    _ => return Err(Misbehaviour::Count.into()),
                };
                self.state = self.open(choice)?;
                Ok(())
            }
            _ => Err(Misbehaviour::Order.into()),
        }
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        match &mut self.state {
            Offering::Reference(_, Some(blob)) if blob.complete() => {
                crs::read(&self.form, &self.encoding, blob.bytes())?;
                self.reference = blob.bytes().to_vec();
                self.state = Offering::Making(Vec::new());
            }
            Offering::Making(digests) => {
                let (first, seed) = (digests.len(), &self.seed);
                let cores = rayon::current_num_threads().max(1);
                let next = first..KEY_SETS.min(first.saturating_add(cores));
                let made = next
                    .into_par_iter()
                    .map(|set| Public::digest(&Public::of(&key_seed(seed, set)).to_bytes()));
                let made: Vec<_> = made.collect();
                digests.extend(made);
                if digests.len() == KEY_SETS {
                    let mut outbox = Outbox::new(COMMITMENTS, KEY_SETS as u64);
                    outbox.push(digests)?;
                    self.state = Offering::Choice(outbox, Inbox::new(CHOICE, 1));
                }
            }
            Offering::Opening { chosen, keys: keys @ None, .. } => {
                let bytes = Public::of(&key_seed(&self.seed, *chosen)).to_bytes();
                *keys = Some(BlobOut::new(KEYS, bytes));
            }
            _ => return Err(Fault::Misuse("nothing to compute")),
        }
        Ok(())
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("no verdict is due"))
    }

    fn bound(&self) -> Option<[u8; 32]> {
        match &self.state {
            Offering::Opening { chosen, .. } => {
                Some(digest(b"symbolon/tfhe-choice/1\0", &[[u8::try_from(*chosen).unwrap_or(u8::MAX)]]))
            }
            _ => None,
        }
    }

    fn progress(&self) -> Progress {
        let total = KEY_SETS as u64;
        let done = match &self.state {
            Offering::Reference(..) => 0,
            Offering::Making(digests) => digests.len() as u64,
            _ => total,
        };
        Progress { phase: "keys", done, total }
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, Fault> {
        match &self.state {
            Offering::Opening { chosen, keys: Some(keys), .. } if keys.complete() => {
                let seed = key_seed(&self.seed, *chosen);
                Ok([seed.expose().as_slice(), &self.reference].concat())
            }
            _ => Err(Fault::Misuse("not over")),
        }
    }
}

/// Where the holder is.
enum Accepting {
    /// The reference string is made and sent.
    Reference { size: Outbox<8>, blob: Option<BlobOut> },
    /// Digests come.
    Commitments(Inbox<32>, Vec<[u8; 32]>),
    /// The choice goes out.
    Choice(Outbox<1>),
    /// Seeds come, then the chosen set.
    Opening(Inbox<32>, Vec<[u8; 32]>, BlobIn),
}

/// The holder's machine. Its output is the chosen set and the reference string.
pub(super) struct Accept {
    form: Form,
    encoding: Encoding,
    /// Of the reference string. Who knows it can prove falsehoods, so it ends with the setup.
    seed: Seed,
    /// Of the choice.
    lasting: Seed,
    reference: Vec<u8>,
    commitments: Vec<[u8; 32]>,
    chosen: usize,
    checked: usize,
    state: Accepting,
}

impl Accept {
    pub(super) fn new(form: Form, encoding: Encoding, (seed, lasting): (&Seed, &Seed)) -> Self {
        Self {
            form,
            encoding,
            seed: seed.clone(),
            lasting: lasting.clone(),
            reference: Vec::new(),
            commitments: Vec::new(),
            chosen: 0,
            checked: 0,
            state: Accepting::Reference { size: Outbox::new(CRS_SIZE, 1), blob: None },
        }
    }

    /// A holder that has sent its reference string.
    #[cfg(test)]
    pub(super) fn after_reference(
        form: Form,
        encoding: Encoding,
        lasting: &Seed,
        reference: Vec<u8>,
    ) -> Self {
        let state = Accepting::Commitments(Inbox::new(COMMITMENTS, KEY_SETS as u64), Vec::new());
        Self { reference, state, ..Self::new(form, encoding, (&Seed::new([0; 32]), lasting)) }
    }

    /// The sets to be checked, in the order of their seeds.
    fn opened(&self) -> Vec<usize> {
        (0..KEY_SETS).filter(|set| *set != self.chosen).collect()
    }

    fn check(&mut self) -> Result<(), Fault> {
        let Accepting::Opening(_, seeds, keys) = &self.state else {
            return Err(Fault::Misuse("nothing to check"));
        };
        let opened = self.opened();
        let cores = rayon::current_num_threads().max(1);
        let next: Vec<_> = opened.iter().zip(seeds).skip(self.checked).take(cores).collect();
        let good = next.par_iter().all(|(set, seed)| {
            let made = Public::digest(&Public::of(&Seed::new(**seed)).to_bytes());
            self.commitments.get(**set) == Some(&made)
        });
        if !good {
            return Err(Misbehaviour::Keys("a key set is not what its seed makes").into());
        }
        self.checked = self.checked.saturating_add(next.len());
        let chosen = self.commitments.get(self.chosen);
        if self.checked >= opened.len() && chosen != Some(&Public::digest(keys.bytes())) {
            return Err(Misbehaviour::Commitment.into());
        }
        Ok(())
    }
}

impl Exchange for Accept {
    type Output = Vec<u8>;

    fn wants(&self) -> Wants {
        let none = Wants::default();
        match &self.state {
            Accepting::Reference { size, blob } => Wants {
                compute: blob.is_none(),
                send: size.ready() || blob.as_ref().is_some_and(|blob| !blob.complete()),
                ..none
            },
            Accepting::Commitments(..) => Wants { receive: true, ..none },
            Accepting::Choice(outbox) => Wants { send: outbox.ready(), ..none },
            Accepting::Opening(_, _, keys) => {
                let checked = self.checked >= KEY_SETS.saturating_sub(1);
                Wants {
                    receive: !keys.complete(),
                    compute: keys.complete() && !checked,
                    done: keys.complete() && checked,
                    ..none
                }
            }
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        match &mut self.state {
            Accepting::Reference { size, .. } if size.ready() => size.frame(),
            Accepting::Reference { blob: Some(blob), .. } => {
                let frame = blob.frame()?;
                if blob.complete() {
                    let inbox = Inbox::new(COMMITMENTS, KEY_SETS as u64);
                    self.state = Accepting::Commitments(inbox, Vec::new());
                }
                Ok(frame)
            }
            Accepting::Choice(outbox) => {
                let frame = outbox.frame()?;
                let seeds = Inbox::new(SEEDS, KEY_SETS.saturating_sub(1) as u64);
                self.state = Accepting::Opening(seeds, Vec::new(), BlobIn::new(KEYS, PUBLIC_BYTES as u64));
                Ok(frame)
            }
            _ => Err(Fault::Misuse("no frame is ready")),
        }
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        match &mut self.state {
            Accepting::Commitments(inbox, digests) => {
                digests.extend_from_slice(inbox.open(&frame)?);
                if inbox.complete() {
                    self.commitments = std::mem::take(digests);
                    self.chosen = choice(&self.lasting, &self.commitments);
                    let mut outbox = Outbox::new(CHOICE, 1);
                    outbox.push(&[[u8::try_from(self.chosen).unwrap_or(0)]])?;
                    self.state = Accepting::Choice(outbox);
                }
                Ok(())
            }
            Accepting::Opening(inbox, seeds, _) if !inbox.complete() => {
                seeds.extend_from_slice(inbox.open(&frame)?);
                Ok(())
            }
            Accepting::Opening(_, _, keys) => keys.consume(&frame),
            _ => Err(Misbehaviour::Order.into()),
        }
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        match &mut self.state {
            Accepting::Reference { size, blob: blob @ None } => {
                let bytes = crs::make(&self.form, &self.encoding, &self.seed)?;
                size.push(&[(bytes.len() as u64).to_be_bytes()])?;
                self.reference = bytes.clone();
                *blob = Some(BlobOut::new(CRS, bytes));
                Ok(())
            }
            _ => self.check(),
        }
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("no verdict is due"))
    }

    fn bound(&self) -> Option<[u8; 32]> {
        let known = matches!(self.state, Accepting::Choice(_) | Accepting::Opening(..));
        known.then(|| digest(COMMITTED, &self.commitments))
    }

    fn progress(&self) -> Progress {
        Progress { phase: "keys", done: self.checked as u64, total: KEY_SETS.saturating_sub(1) as u64 }
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, Fault> {
        if !self.wants().done {
            return Err(Fault::Misuse("not over"));
        }
        match self.state {
            Accepting::Opening(_, _, keys) => Ok([keys.bytes(), self.reference.as_slice()].concat()),
            _ => Err(Fault::Misuse("not over")),
        }
    }
}
