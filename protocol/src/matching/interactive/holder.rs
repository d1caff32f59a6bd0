//! The holder: load the slice, give shares, check the asker's sums, garble.

use curve25519_dalek::Scalar;

use super::{
    check::{self, Value},
    context::outcome_cipher,
    field,
    messages::{
        CLOSED, COMMITMENT, DIFFERENCES, FACTOR, HITS, NONCE, NUMBERS, OUTCOME, Out, TABLES, VALUE, WEIGHTS,
        blocks,
    },
    parameters::{BLOCK, Encoding, Layout},
    probe,
    replay::Replay,
    slice::Loading,
};
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden, released},
    garble::Garbler,
    group::{PointBytes, decode_point},
    matching::{
        ahead::Preparation,
        engine::{Answer, Asked, Rows, Searched},
        rule::Form,
    },
    seed::Seed,
    wire::Inbox,
};

mod ahead;
mod begin;
mod opening;
mod scorer;
mod search;

pub(super) use ahead::Ahead;
use opening::Opening;
use search::Search;

/// Frames that may wait before more is scored or garbled.
const WAITING: usize = 8;

enum Stage {
    Hear(Inbox<32>),
    Verdict,
    Load(Option<Loading>),
    Open(Box<Opening>),
    /// A preparation's transfers, and which of its choices are turned.
    Turns(Box<Opening>, Inbox<16>, Vec<u128>),
    Score,
    Check,
    Compare(Value, Inbox<32>),
    Reveal(Value, [u8; 32], Inbox<32>),
    Garble,
    Over,
}

/// The holder's machine.
pub(super) struct Holder {
    form: Form,
    encoding: Encoding,
    name: [u8; 32],
    asked: Asked,
    rows: Box<dyn Rows>,
    run: Seed,
    places: u64,
    commitment: PointBytes,
    stage: Stage,
    loaded: Option<(Layout, Loading)>,
    replay: Option<Replay>,
    search: Option<Box<Search>>,
    out: Out,
    searched: Searched,
}

impl Holder {
    /// With a preparation, spends it before anything else.
    pub(super) fn new(
        (form, encoding, name): (Form, Encoding, [u8; 32]),
        asked: Asked,
        rows: Box<dyn Rows>,
        run: &Seed,
        preparation: Option<Preparation>,
    ) -> Result<Self, Fault> {
        if rows.groups() > asked.largest_slice {
            return Err(Fault::Misuse("the slice is larger than the agreement lets a query search"));
        }
        let replay = preparation.map(|preparation| Replay::new(preparation, &asked)).transpose()?;
        let places = asked.buckets.places(rows.groups());
        Ok(Self {
            form,
            encoding,
            name,
            asked,
            rows,
            run: run.clone(),
            places,
            commitment: [0; 32],
            stage: Stage::Hear(Inbox::new(COMMITMENT, 1)),
            loaded: None,
            replay,
            search: None,
            out: Out::default(),
            searched: Searched { groups: places, comparisons: 0 },
        })
    }

    fn search(&mut self) -> Result<&mut Search, Fault> {
        self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))
    }

    /// Checks the sums of a part that came and sends the corrections of their tags; or scores more positions.
    fn score(&mut self) -> Result<(), Fault> {
        let encoding = self.encoding;
        let out = &mut self.out;
        let search = self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        if search.taggable() {
            search.tag(&encoding, out)?;
            if search.checked == search.scorer.layout.parts() {
                out.send_blocks(WEIGHTS, &[search.weights])?;
                search.checked = 0;
                self.stage = Stage::Check;
            }
            return Ok(());
        }
        search.advance(&encoding, out)
    }

    /// Adds a part to the differences; after the last, sends them.
    fn check(&mut self) -> Result<(), Fault> {
        let (encoding, commitment) = (self.encoding, decode_point(&self.commitment)?);
        let mut random = self.run.stream("interactive/bind");
        let scalar = Scalar::from_bytes_mod_order_wide(&random.bytes());
        let search = self.search()?;
        if search.checked < search.scorer.layout.parts() {
            return search.weigh(&encoding);
        }
        let factor = search.factor;
        let mut masks = 0;
        let mut sent = Vec::with_capacity(search.differences.len());
        for (([none, other], turned), difference) in search.scorer.given().iter().zip(&search.differences) {
            // Of a transfer that is turned, what the second choice adds is taken off.
            let difference = if *turned { field::negate(*difference) } else { *difference };
            let base = check::mask(none);
            masks = field::add(masks, base);
            let told = field::add(field::multiply(factor, difference), base);
            sent.push(field::subtract(told, check::mask(other)));
        }
        let (delta, strings) = (search.transfers.correlator.delta(), &search.transfers.strings);
        let (numbers, kept) = check::bind(&search.context.0, delta, &scalar, strings);
        let point = probe::combine(&probe::pack(kept.iter().copied())) + commitment * scalar;
        let value = Value::new(field::subtract(search.field, masks), &point);
        self.out.send_words(DIFFERENCES, &sent)?;
        self.out.send(NUMBERS, &numbers)?;
        self.out.send(FACTOR, &[(probe::blind() * scalar).compress().to_bytes()])?;
        self.stage = Stage::Compare(value, Inbox::new(CLOSED, 1));
        Ok(())
    }

    /// Garbles a block; after the last, says what outputs look like.
    fn garble(&mut self) -> Result<(), Fault> {
        self.rows.still()?;
        let encoding = self.encoding;
        let out = &mut self.out;
        let search = self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        if search.garbled < search.scorer.layout.blocks() {
            return search.garble(&encoding, out);
        }
        let outcome = search.outcome.take().ok_or(Fault::Misuse("nothing to compute"))?;
        let mut garbler =
            Garbler::new(&search.cipher, search.transfers.correlator.delta(), &mut search.gates);
        let (told, hits) = outcome.finish(&mut garbler)?;
        out.send_blocks(TABLES, &garbler.tables())?;
        out.send(OUTCOME, &[[(told & 1) as u8]])?;
        if let Answer::Candidates { .. } = self.asked.answer {
            // 0 of "too many" opens what a 0 of each hit looks like.
            let mut words: Vec<u64> = hits
                .chunks(64)
                .map(|labels| {
                    (0..).zip(labels).fold(0, |word, (at, label)| word | ((*label & 1) as u64) << at)
                })
                .collect();
            let mut mask = vec![0_u128; words.len().div_ceil(2)];
            outcome_cipher(&search.context, told).stream(0, &mut mask);
            words.iter_mut().zip(bytemuck::cast_slice::<u128, u64>(&mask)).for_each(|(to, from)| *to ^= from);
            out.send_words(HITS, &words)?;
        }
        self.stage = Stage::Over;
        Ok(())
    }
}

impl Exchange for Holder {
    type Output = Searched;

    fn wants(&self) -> Wants {
        let none = Wants::default();
        let idle = self.out.len() < WAITING;
        let sent = self.out.is_empty();
        let search = self.search.as_deref();
        let wants = match &self.stage {
            Stage::Hear(_) => Wants { receive: true, ..none },
            Stage::Verdict => Wants { verdict: true, ..none },
            Stage::Load(_) | Stage::Check | Stage::Garble => Wants { compute: idle, ..none },
            Stage::Open(opening) => {
                Wants { receive: !opening.complete(), compute: opening.complete(), ..none }
            }
            Stage::Turns(_, inbox, _) => {
                Wants { receive: !inbox.complete(), compute: inbox.complete(), ..none }
            }
            Stage::Score => {
                let complete = search.is_some_and(|search| search.sums_in.complete());
                let ready = search.is_some_and(|search| search.taggable() || (idle && search.scorable()));
                Wants { receive: !complete, compute: ready, ..none }
            }
            Stage::Compare(..) | Stage::Reveal(..) => Wants { receive: true, ..none },
            Stage::Over => Wants { done: sent, ..none },
        };
        Wants { send: !sent, ..wants }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        self.out.frame()
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        let (form, alternatives) = (self.form, usize::from(self.asked.alternatives));
        match &mut self.stage {
            Stage::Hear(inbox) => {
                if let [commitment] = inbox.open(&frame)? {
                    decode_point(commitment)?;
                    if probe::digest(&form, alternatives, commitment) != self.asked.digest {
                        return Err(Misbehaviour::Commitment.into());
                    }
                    self.commitment = *commitment;
                    self.stage = Stage::Verdict;
                }
            }
            Stage::Open(opening) if !opening.complete() => opening.consume(&frame)?,
            Stage::Turns(_, inbox, turns) => blocks(turns, inbox.open(&frame)?),
            Stage::Score => {
                let search = self.search.as_deref_mut().ok_or(Misbehaviour::Order)?;
                // Nothing can be known of a part's sums before all of its corrections are out.
                let early = search.replay.is_none() && search.checked >= search.scorer.scored;
                if search.sums_in.complete() || early {
                    return Err(Misbehaviour::Order.into());
                }
                blocks(&mut search.sums, search.sums_in.open(&frame)?);
            }
            Stage::Compare(value, inbox) => {
                if let [closed] = inbox.open(&frame)? {
                    let (closed, bytes) = (*closed, value.to_bytes());
                    self.out.send(VALUE, &[bytes])?;
                    let value = Value { field: value.field, point: value.point };
                    self.stage = Stage::Reveal(value, closed, Inbox::new(NONCE, 1));
                }
            }
            Stage::Reveal(value, closed, inbox) => {
                if let [nonce] = inbox.open(&frame)? {
                    let search = self.search.as_deref().ok_or(Misbehaviour::Order)?;
                    if value.close(&search.context.0, nonce) != *closed {
                        return Err(Misbehaviour::Check("the asker's value was another").into());
                    }
                    self.stage = Stage::Garble;
                }
            }
            _ => return Err(Misbehaviour::Order.into()),
        }
        Ok(())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        if !self.wants().compute {
            return Err(Fault::Misuse("nothing to compute"));
        }
        match &self.stage {
            Stage::Load(_) => self.load(),
            Stage::Open(_) | Stage::Turns(..) => self.open(),
            Stage::Score => self.score(),
            Stage::Check => self.check(),
            _ => self.garble(),
        }
    }

    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
        if !matches!(self.stage, Stage::Verdict) {
            return Err(Fault::Misuse("no verdict is due"));
        }
        let cap = match self.asked.answer {
            Answer::Any => None,
            Answer::Candidates { cap } => Some(cap),
        };
        let (groups, alternatives) = (self.rows.groups(), self.asked.alternatives);
        if released(warden, &Disclosure::Match { groups, cap, alternatives })? {
            // The order of a preparation, so that its slice is found again if it is the same.
            let seed = self.replay.as_ref().map_or(&self.run, |replay| &replay.seed);
            let mut random = seed.stream("interactive/order");
            let loading = Loading::new(self.encoding, alternatives, self.places, &mut random)?;
            self.stage = Stage::Load(Some(loading));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        // Of padded places: the true number would tell the size of the slice.
        let Some(search) = &self.search else {
            return Progress { phase: "load", done: 0, total: self.places };
        };
        let block = |done: usize| (done * BLOCK) as u64;
        let (phase, done) = match &self.stage {
            Stage::Score => ("score", block(search.checked / search.scorer.layout.slots.max(1))),
            Stage::Check | Stage::Compare(..) | Stage::Reveal(..) => {
                ("check", block(search.checked / search.scorer.layout.slots.max(1)))
            }
            _ => ("answer", block(search.garbled)),
        };
        Progress { phase, done: done.min(self.places), total: self.places }
    }

    fn finish(self: Box<Self>) -> Result<Searched, Fault> {
        if !self.wants().done {
            return Err(Fault::Misuse("not over"));
        }
        let mut searched = self.searched.clone();
        if let Some(search) = &self.search {
            searched.comparisons = (0..search.scorer.layout.parts())
                .map(|number| search.scorer.slice.comparisons(&search.scorer.layout.part(number)))
                .sum();
        }
        Ok(searched)
    }
}
