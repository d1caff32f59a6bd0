//! The holder: load the slice, give shares, check the asker's sums, garble.

use curve25519_dalek::Scalar;
use zeroize::Zeroizing;

use super::{
    check::{self, Value},
    circuit::Outcome,
    context::{Context, outcome_cipher, permutation},
    field,
    messages::{
        CHOICES, CLOSED, COMMITMENT, DIFFERENCES, ELEMENTS, FACTOR, HITS, NONCE, NUMBERS, OUTCOME, Out,
        PAIRS, PLACES, SEALS, SUMS, TABLES, VALUE, WEIGHTS, blocks,
    },
    parameters::{BLOCK, Encoding, Layout},
    probe::{self, Key},
    slice::Loading,
};
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden, released},
    garble::Garbler,
    group::{PointBytes, decode_point},
    matching::{
        engine::{Answer, Asked, Rows, Searched},
        rule::Form,
    },
    ot::{self, Correlator, Seal, TREES, base},
    padding::bucket,
    seed::Seed,
    wire::Inbox,
};

mod search;

use search::Search;

/// Frames that may wait before more is scored or garbled.
const WAITING: usize = 8;

/// What the asker sent of its transfers.
struct Opening {
    elements_in: Inbox<32>,
    elements: Vec<PointBytes>,
    seals_in: Inbox<{ ot::SEAL }>,
    seals: Vec<Seal>,
    choices_in: Inbox<16>,
    choices: Vec<u128>,
}

enum Stage {
    Hear(Inbox<32>),
    Verdict,
    Load(Option<Loading>),
    Open(Box<Opening>),
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
    receiver: Option<base::Receiver>,
    search: Option<Box<Search>>,
    out: Out,
    searched: Searched,
}

impl Holder {
    pub(super) fn new(
        (form, encoding, name): (Form, Encoding, [u8; 32]),
        asked: Asked,
        rows: Box<dyn Rows>,
        run: &Seed,
    ) -> Result<Self, Fault> {
        if rows.groups() > asked.largest_slice {
            return Err(Fault::Misuse("the slice is larger than the agreement lets a query search"));
        }
        let places = bucket(rows.groups().saturating_add(1));
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
            receiver: None,
            search: None,
            out: Out::default(),
            searched: Searched { groups: places, comparisons: 0 },
        })
    }

    fn alternatives(&self) -> usize {
        usize::from(self.asked.alternatives)
    }

    fn words(&self) -> usize {
        probe::words(&self.encoding, self.alternatives())
    }

    fn search(&mut self) -> Result<&mut Search, Fault> {
        self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))
    }

    /// Reads more of the slice; when it is whole, begins the transfers.
    fn load(&mut self) -> Result<(), Fault> {
        let Stage::Load(loading) = &mut self.stage else { return Err(Fault::Misuse("nothing to compute")) };
        let slice = loading.as_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        let groups = self.rows.next(BLOCK)?;
        for group in &groups {
            slice.push(group)?;
        }
        if !groups.is_empty() {
            return Ok(());
        }
        if slice.groups() != self.rows.groups() {
            return Err(Fault::Misuse("the slice has another number of groups than announced"));
        }
        let layout = Layout::new(self.places, self.asked.alternatives, slice.depth())?;
        let delta = self.run.stream("interactive/delta").block() | 1;
        let header = [self.places.to_be_bytes(), (layout.depth as u64).to_be_bytes()];
        let mut place = [0; 16];
        place.copy_from_slice(header.as_flattened());
        let context = Context::new(&self.form, &self.name, &self.asked, &self.commitment).and(&[&place]);
        let receiver = base::Receiver::new(&context.0, Correlator::choices(delta), &self.run);
        self.out.send(PLACES, &[place])?;
        self.out.send(PAIRS, receiver.pairs())?;
        self.receiver = Some(receiver);
        self.loaded = loading.take().map(|loading| (layout, loading));
        let words = ot::items(self.words()) as u64;
        self.stage = Stage::Open(Box::new(Opening {
            elements_in: Inbox::new(ELEMENTS, ot::WIDTH as u64),
            elements: Vec::new(),
            seals_in: Inbox::new(SEALS, TREES as u64),
            seals: Vec::new(),
            choices_in: Inbox::new(CHOICES, words),
            choices: Vec::new(),
        }));
        Ok(())
    }

    /// Opens the asker's trees and gets the keys of the probe's positions.
    fn open(&mut self) -> Result<(), Fault> {
        let Stage::Open(opening) = std::mem::replace(&mut self.stage, Stage::Score) else {
            return Err(Fault::Misuse("nothing to compute"));
        };
        let nothing = || Fault::Misuse("nothing to compute");
        let receiver = self.receiver.take().ok_or_else(nothing)?;
        let (layout, loading) = self.loaded.take().ok_or_else(nothing)?;
        let delta = self.run.stream("interactive/delta").block() | 1;
        let header = [layout.places.to_be_bytes(), (layout.depth as u64).to_be_bytes()];
        let context = Context::new(&self.form, &self.name, &self.asked, &self.commitment);
        let context = context.and(&[header.as_flattened()]);
        let keys = receiver.keys(&opening.elements)?;
        let context = context.and(&[receiver.pairs().as_flattened()]);
        let correlator = Correlator::open(&context.0, delta, &keys, &opening.seals)?;
        let strings = Zeroizing::new(correlator.extend(0, self.words(), &opening.choices)?);
        let context = context.and(&[opening.elements.as_flattened(), opening.seals.as_flattened()]);
        let key = |position: usize, strings: &[u128]| probe::key(&context.0, position, strings);
        let keys =
            strings.chunks_exact(self.encoding.choices()).take(self.encoding.length * self.alternatives());
        let keys = keys.enumerate().map(|(at, strings)| match *strings {
            [a, b] => [key(at, &[a, b]), key(at, &[a ^ delta, b]), key(at, &[a, b ^ delta])],
            [a] => [key(at, &[a]), key(at, &[a ^ delta]), Key { stream: 0, mask: 0 }],
            _ => [Key { stream: 0, mask: 0 }; 3],
        });
        let keys = keys.collect();
        let mut random = self.run.stream("interactive/factors");
        let sums = layout.part(0).lanes / 128 * self.encoding.wide;
        self.search = Some(Box::new(Search {
            slice: loading.finish(&layout),
            cipher: permutation(&context),
            correlator,
            context,
            strings,
            keys,
            factor: check::factor(random.block()),
            weights: random.block(),
            scoring: None,
            scored: 0,
            sums_in: Inbox::new(SUMS, ot::items(sums) as u64),
            sums: Vec::new(),
            kept: Vec::new(),
            checked: 0,
            differences: vec![0; self.encoding.length * self.encoding.choices() * self.alternatives()],
            field: 0,
            garbled: 0,
            gates: 0,
            outcome: Some(Outcome::new(self.asked.answer)),
            layout,
        }));
        Ok(())
    }

    /// Checks the sums of a part that came and sends the corrections of their tags; or scores more positions.
    fn score(&mut self) -> Result<(), Fault> {
        let encoding = self.encoding;
        let out = &mut self.out;
        let search = self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        if search.sums_in.complete() {
            search.tag(&encoding, out)?;
            if search.checked == search.layout.parts() {
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
        if search.checked < search.layout.parts() {
            return search.weigh(&encoding);
        }
        let factor = search.factor;
        let mut masks = 0;
        let mut sent = Vec::with_capacity(search.differences.len());
        for (keys, differences) in search.keys.iter().zip(search.differences.chunks(encoding.choices())) {
            let [none, others @ ..] = keys;
            let base = check::mask(none);
            masks = field::add(masks, base);
            for (key, difference) in others.iter().zip(differences) {
                let told = field::add(field::multiply(factor, *difference), base);
                sent.push(field::subtract(told, check::mask(key)));
            }
        }
        let bits = encoding.length * encoding.choices() * search.layout.slots / search.layout.depth;
        let strings = search.strings.get(..bits).ok_or(Fault::Misuse("nothing to compute"))?;
        let (numbers, kept) = check::bind(&search.context.0, search.correlator.delta(), &scalar, strings);
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
        let encoding = self.encoding;
        let out = &mut self.out;
        let search = self.search.as_deref_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        if search.garbled < search.layout.blocks() {
            return search.garble(&encoding, out);
        }
        let outcome = search.outcome.take().ok_or(Fault::Misuse("nothing to compute"))?;
        let mut garbler = Garbler::new(&search.cipher, search.correlator.delta(), &mut search.gates);
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
            Stage::Open(opening) if opening.choices_in.complete() => Wants { compute: true, ..none },
            Stage::Open(_) => Wants { receive: true, ..none },
            Stage::Score => {
                let complete = search.is_some_and(|search| search.sums_in.complete());
                let ready = complete || (idle && search.is_some_and(Search::ready));
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
        let (form, alternatives) = (self.form, self.alternatives());
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
            Stage::Open(opening) if !opening.elements_in.complete() => {
                opening.elements.extend_from_slice(opening.elements_in.open(&frame)?);
            }
            Stage::Open(opening) if !opening.seals_in.complete() => {
                opening.seals.extend_from_slice(opening.seals_in.open(&frame)?);
            }
            Stage::Open(opening) if !opening.choices_in.complete() => {
                blocks(&mut opening.choices, opening.choices_in.open(&frame)?);
            }
            Stage::Score => {
                let search = self.search.as_deref_mut().ok_or(Misbehaviour::Order)?;
                // Nothing can be known of a part's sums before all of its corrections are out.
                if search.sums_in.complete() || search.checked >= search.scored {
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
            Stage::Open(_) => self.open(),
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
            let mut random = self.run.stream("interactive/order");
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
            Stage::Score => ("score", block(search.checked / search.layout.slots.max(1))),
            Stage::Check | Stage::Compare(..) | Stage::Reveal(..) => {
                ("check", block(search.checked / search.layout.slots.max(1)))
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
            searched.comparisons = (0..search.layout.parts())
                .map(|number| search.slice.comparisons(&search.layout.part(number)))
                .sum();
        }
        Ok(searched)
    }
}
