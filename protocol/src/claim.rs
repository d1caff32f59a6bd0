//! Claim: after a hit the asker opens what it asked about, and the holder replays it.
//!
//! * The **holder** learns the identifiers or the probe that are opened, and of the rest of the query nothing.
//!   The **asker** learns nothing here; what it is told follows by the rules of both agencies.
//! * A malicious asker cannot open anything but what it asked: the bytes of the query were signed, and an
//!   opening that does not make them again is [`Misbehaviour::Opening`]. A malicious holder can use what is
//!   opened to it for whatever it likes: that is what a claim gives away, and why it takes a verified hit.
//! * Source: `docs/protocols/claim.md`.
//!
//! These machines carry the opening; what it is and how it is replayed is of the exchange that had the hit:
//! [`crate::exact::Opened`], [`crate::matching::opening::Opened`].

use zeroize::{Zeroize, Zeroizing};

use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden, released},
    wire::{BlobIn, BlobOut, Inbox, Message, Outbox},
};

/// How long the opening is, in bytes.
const SIZE: Message<8> = Message { tag: 1, name: "size of the opening" };
/// The opening.
const OPENING: Message<1> = Message { tag: 2, name: "opening" };

/// Opens a query. Its output is nothing.
pub struct Asker {
    /// Until it is sent.
    opening: Zeroizing<Vec<u8>>,
    bytes: u64,
    size: Outbox<8>,
    blob: Option<BlobOut>,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asker {{ {} bytes, {:?} }}", self.bytes, self.blob)
    }
}

impl Asker {
    /// An asker that opens these bytes.
    ///
    /// # Errors
    /// [`Fault::Misuse`] never in practice.
    pub fn new(opening: Zeroizing<Vec<u8>>) -> Result<Self, Fault> {
        let mut size = Outbox::new(SIZE, 1);
        let bytes = opening.len() as u64;
        size.push(&[bytes.to_be_bytes()])?;
        Ok(Self { opening, bytes, size, blob: None })
    }
}

impl Exchange for Asker {
    type Output = ();

    fn wants(&self) -> Wants {
        let none = Wants::default();
        match &self.blob {
            None => Wants { verdict: true, ..none },
            Some(blob) if blob.complete() => Wants { done: true, ..none },
            Some(_) => Wants { send: true, ..none },
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        match &mut self.blob {
            None => Err(Fault::Misuse("nothing is opened before the verdict")),
            Some(_) if self.size.ready() => self.size.frame(),
            Some(blob) => blob.frame(),
        }
    }

    fn consume(&mut self, _frame: Frame) -> Result<(), Fault> {
        Err(Misbehaviour::Order.into())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        Err(Fault::Misuse("nothing to compute"))
    }

    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
        if self.blob.is_some() {
            return Err(Fault::Misuse("no verdict is due"));
        }
        if released(warden, &Disclosure::Opening { bytes: self.bytes })? {
            self.blob = Some(BlobOut::new(OPENING, std::mem::take(&mut self.opening)));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        let done = if self.blob.as_ref().is_some_and(BlobOut::complete) { self.bytes } else { 0 };
        Progress { phase: "open", done, total: self.bytes }
    }

    fn finish(self: Box<Self>) -> Result<(), Fault> {
        if self.wants().done { Ok(()) } else { Err(Fault::Misuse("not over")) }
    }
}

/// What makes of the opened bytes what was opened.
pub type Replay<T> = Box<dyn FnOnce(&[u8]) -> Result<T, Fault> + Send>;

enum Hearing<T> {
    Size(Inbox<8>),
    Blob(BlobIn),
    Over(T),
}

/// Hears an opening and replays it. Its output is the bytes and what they opened.
pub struct Holder<T> {
    limit: u64,
    replay: Option<Replay<T>>,
    hearing: Hearing<T>,
    opening: Zeroizing<Vec<u8>>,
}

impl<T: Send> Holder<T> {
    /// A holder that takes at most `limit` bytes.
    pub fn new(limit: u64, replay: Replay<T>) -> Self {
        let hearing = Hearing::Size(Inbox::new(SIZE, 1));
        Self { limit, replay: Some(replay), hearing, opening: Zeroizing::default() }
    }
}

impl<T: Send> Exchange for Holder<T> {
    type Output = (Zeroizing<Vec<u8>>, T);

    fn wants(&self) -> Wants {
        let none = Wants::default();
        match &self.hearing {
            Hearing::Size(_) => Wants { receive: true, ..none },
            Hearing::Blob(blob) if blob.complete() => Wants { compute: true, ..none },
            Hearing::Blob(_) => Wants { receive: true, ..none },
            Hearing::Over(_) => Wants { done: true, ..none },
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        Err(Fault::Misuse("no frame is ready"))
    }

    fn consume(&mut self, mut frame: Frame) -> Result<(), Fault> {
        match &mut self.hearing {
            Hearing::Size(inbox) => {
                if let [size] = inbox.open(&frame)? {
                    let size = u64::from_be_bytes(*size);
                    if size > self.limit {
                        return Err(Misbehaviour::Length.into());
                    }
                    self.hearing = Hearing::Blob(BlobIn::new(OPENING, size));
                }
                Ok(())
            }
            Hearing::Blob(blob) if !blob.complete() => {
                blob.consume(&frame)?;
                frame.body.zeroize();
                Ok(())
            }
            _ => Err(Misbehaviour::Order.into()),
        }
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        let Hearing::Blob(blob) = &mut self.hearing else { return Err(Fault::Misuse("nothing to compute")) };
        if !blob.complete() {
            return Err(Fault::Misuse("nothing to compute"));
        }
        let replay = self.replay.take().ok_or(Fault::Misuse("it was replayed already"))?;
        self.opening = blob.take();
        self.hearing = Hearing::Over(replay(&self.opening)?);
        Ok(())
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("the holder discloses nothing"))
    }

    fn progress(&self) -> Progress {
        let (phase, done) = match &self.hearing {
            Hearing::Size(_) => ("hear", 0),
            Hearing::Blob(_) => ("replay", 0),
            Hearing::Over(_) => ("replay", 1),
        };
        Progress { phase, done, total: 1 }
    }

    fn finish(self: Box<Self>) -> Result<Self::Output, Fault> {
        match self.hearing {
            Hearing::Over(opened) => Ok((self.opening, opened)),
            _ => Err(Fault::Misuse("not over")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exact::{Opened, Query},
        exchange::Verdict,
        pump::{self, PumpError},
        seed::Seed,
        set::IdentifierBytes,
    };

    struct Rules(Verdict, Vec<Disclosure>);

    impl Warden for Rules {
        fn judge(&mut self, disclosure: &Disclosure) -> Verdict {
            self.1.push(*disclosure);
            self.0
        }
    }

    #[test]
    fn what_is_opened_is_shown_by_no_debug_output() {
        let opening = Zeroizing::new(vec![0xab; 300]);
        let mut asker = Asker::new(opening.clone()).unwrap();
        asker.settle(&mut Rules(Verdict::Release, Vec::new())).unwrap();
        let mut blob = BlobIn::new(OPENING, 300);
        let _size = asker.produce().unwrap();
        blob.consume(&asker.produce().unwrap()).unwrap();
        assert_eq!(*blob.take(), *opening);
        for shown in [format!("{asker:?}"), format!("{blob:?}")] {
            assert!(shown.contains("300") && !shown.contains("171"), "{shown}");
        }
    }

    type Identifiers = Vec<(u32, IdentifierBytes)>;

    fn query(items: u32) -> Query {
        let identifiers = (0..items).map(|i| Zeroizing::new(format!("person {i}").into_bytes()));
        Query::blind(identifiers.collect(), &Seed::new([1; 32])).unwrap()
    }

    fn holder(digest: [u8; 32], limit: u64) -> Box<Holder<Identifiers>> {
        Box::new(Holder::new(limit, Box::new(move |bytes| Opened::from_bytes(bytes)?.replay(&digest))))
    }

    #[test]
    fn an_opening_crosses_at_every_capacity_and_only_after_the_verdict() {
        // Longer than a frame.
        let query = query(3_000);
        let opening = query.open(&[2_999]).unwrap().to_bytes();
        let bytes = opening.len() as u64;
        for capacity in [1, 2, 7] {
            let mut asker = Box::new(Asker::new(opening.clone()).unwrap());
            let mut holder = holder(query.digest(), bytes);
            let mut rules = Rules(Verdict::Release, Vec::new());
            pump::run(&mut *asker, &mut *holder, capacity, &mut rules, |_, _| ()).unwrap();
            assert_eq!(rules.1, [Disclosure::Opening { bytes }]);
            asker.finish().unwrap();
            let (heard, opened) = holder.finish().unwrap();
            assert_eq!(*heard, *opening);
            assert_eq!(opened, [(2_999, Zeroizing::new(b"person 2999".to_vec()))]);
        }
        let mut refused = Box::new(Asker::new(opening.clone()).unwrap());
        let mut rules = Rules(Verdict::Refuse, Vec::new());
        let end = pump::run(&mut *refused, &mut *holder(query.digest(), bytes), 1, &mut rules, |_, _| ());
        assert_eq!(end, Err(PumpError::Asker(Fault::Refused)));
        assert!(refused.produce().is_err());
    }

    #[test]
    fn hostile_frames_are_faults_that_name_the_peer() {
        let query = query(3);
        let opening = query.open(&[1]).unwrap().to_bytes();
        let frames = |opening: &[u8]| {
            let mut asker = Asker::new(Zeroizing::new(opening.to_vec())).unwrap();
            asker.settle(&mut Rules(Verdict::Release, Vec::new())).unwrap();
            [asker.produce().unwrap(), asker.produce().unwrap()]
        };
        let hear = |frames: Vec<Frame>| {
            let mut holder = holder(query.digest(), opening.len() as u64);
            for frame in frames {
                holder.consume(frame)?;
            }
            holder.compute(1)
        };
        let [size, body] = frames(&opening);
        assert_eq!(hear(vec![size.clone(), body.clone()]), Ok(()));
        let longer = frames(&[opening.as_slice(), &[0]].concat())[0].clone();
        let cut = Frame { body: body.body.iter().skip(1).copied().collect(), ..body.clone() };
        let altered = Frame { body: body.body.iter().map(|byte| byte ^ 1).collect(), ..body.clone() };
        let wrong: [Vec<Frame>; 7] = [
            vec![longer],
            vec![body.clone()],
            vec![size.clone(), size.clone()],
            vec![size.clone(), Frame { tag: 9, ..body.clone() }],
            vec![size.clone(), cut],
            vec![size.clone(), altered],
            vec![size.clone(), body.clone(), body.clone()],
        ];
        for (place, frames) in wrong.into_iter().enumerate() {
            assert!(matches!(hear(frames), Err(Fault::PeerMisbehaved(_))), "case {place}");
        }
    }
}
