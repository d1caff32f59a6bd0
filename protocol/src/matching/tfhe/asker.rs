//! The asker: send the query, open the answer.

use super::{
    answer::{self, Packed},
    keys::Secret,
    messages::{ANSWER, PLACES, QUERY, QUERY_SIZE},
};
use crate::{
    exchange::{Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden},
    matching::engine::{Answer, Asked, Matched},
    seed::Seed,
    wire::{BlobIn, BlobOut, Inbox, Outbox},
};

/// Places of an answer over a slice of `groups`: with candidates, the first says whether there are too
/// many, and the number is padded.
pub(super) fn places(asked: &Asked, groups: u64) -> u64 {
    match asked.answer {
        Answer::Any => 1,
        Answer::Candidates { .. } => asked.buckets.places(groups),
    }
}

/// The asker's machine.
pub(super) struct Asker {
    keys: Seed,
    asked: Asked,
    size: Outbox<8>,
    query: BlobOut,
    places_inbox: Inbox<8>,
    places: u64,
    answer: Option<BlobIn>,
    matched: Option<Matched>,
}

impl Asker {
    pub(super) fn new(keys: Seed, asked: Asked, query: Vec<u8>) -> Result<Self, Fault> {
        let mut size = Outbox::new(QUERY_SIZE, 1);
        size.push(&[(query.len() as u64).to_be_bytes()])?;
        Ok(Self {
            keys,
            asked,
            size,
            query: BlobOut::new(QUERY, query),
            places_inbox: Inbox::new(PLACES, 1),
            places: 0,
            answer: None,
            matched: None,
        })
    }
}

impl Exchange for Asker {
    type Output = Matched;

    fn wants(&self) -> Wants {
        let answered = self.answer.as_ref().is_some_and(BlobIn::complete);
        Wants {
            send: !self.query.complete(),
            receive: self.query.complete() && !answered,
            compute: answered && self.matched.is_none(),
            verdict: false,
            done: self.matched.is_some(),
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        if self.size.ready() { self.size.frame() } else { self.query.frame() }
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        if !self.query.complete() {
            return Err(Misbehaviour::Order.into());
        }
        if let Some(answer) = &mut self.answer {
            return answer.consume(&frame);
        }
        if let [places] = self.places_inbox.open(&frame)? {
            self.places = u64::from_be_bytes(*places);
        }
        let good = match self.asked.answer {
            Answer::Any => self.places == 1,
            Answer::Candidates { .. } => {
                self.asked.buckets.ends_at(self.places)
                    && self.places <= places(&self.asked, self.asked.largest_slice)
            }
        };
        // Every answer has one place for each record, whatever it shows of them.
        let told = self.asked.places.is_none_or(|told| told == self.places || self.places == 1);
        if !good || !told {
            return Err(Misbehaviour::Count.into());
        }
        self.answer = Some(BlobIn::new(ANSWER, Packed::bytes(self.places)));
        Ok(())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        let answer = self.answer.as_ref().filter(|answer| answer.complete());
        let answer = answer.ok_or(Fault::Misuse("nothing to compute"))?;
        let places = usize::try_from(self.places).unwrap_or(usize::MAX);
        let flags = answer::open(Secret::of(&self.keys).answer(), places, answer.bytes())?;
        let (first, rest) = flags.split_first().ok_or(Fault::Misuse("an answer of no places"))?;
        self.matched = Some(match self.asked.answer {
            Answer::Any => Matched::Any(*first),
            Answer::Candidates { .. } if *first => Matched::TooMany,
            Answer::Candidates { cap } => {
                let hits = (0..).zip(rest).filter(|(_, hit)| **hit).map(|(place, _)| place).collect();
                Matched::capped(hits, rest.len() as u64, cap)
            }
        });
        Ok(())
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("no verdict is due"))
    }

    fn progress(&self) -> Progress {
        let done = u64::from(self.query.complete()) + u64::from(self.matched.is_some());
        Progress { phase: "ask", done, total: 2 }
    }

    fn finish(self: Box<Self>) -> Result<Matched, Fault> {
        self.matched.ok_or(Fault::Misuse("not over"))
    }
}
