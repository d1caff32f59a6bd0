//! Preparations: made by both machines, used once, thrown away if the slice has changed.

use std::sync::{Arc, Mutex};

use super::*;
use crate::{
    exchange::{Disclosure, Frame, Misbehaviour, Verdict, Warden},
    matching::{
        ahead::Kept,
        interactive::{messages, replay::Random},
    },
};

/// What one side kept: the frames that came, and whether it was used.
#[derive(Clone, Default)]
pub(super) struct Shelf(Arc<Mutex<(Vec<Frame>, bool)>>);

impl Shelf {
    fn used(&self) -> bool {
        self.0.lock().unwrap().1
    }

    fn edit(&self, edit: impl FnMut(&mut Frame)) {
        self.0.lock().unwrap().0.iter_mut().for_each(edit);
    }

    /// A copy that forgets that it was used, as no node may have one.
    fn copied(&self) -> Self {
        let frames = self.0.lock().unwrap().0.clone();
        Self(Arc::new(Mutex::new((frames, false))))
    }
}

impl Keep for Shelf {
    fn keep(&mut self, frame: &Frame) -> Result<(), Fault> {
        self.0.lock().unwrap().0.push(frame.clone());
        Ok(())
    }
}

struct Reading(Shelf, usize);

impl Kept for Reading {
    fn spend(&mut self) -> Result<(), Fault> {
        let used = &mut self.0.0.lock().unwrap().1;
        if std::mem::replace(used, true) { Err(Fault::Local("used before".to_owned())) } else { Ok(()) }
    }

    fn next(&mut self) -> Result<Frame, Fault> {
        let frame = self.0.0.lock().unwrap().0.get(self.1).cloned();
        self.1 += 1;
        frame.ok_or_else(|| Fault::Local("no more frames".to_owned()))
    }
}

/// Both halves of a preparation.
pub(super) struct Halves {
    plan: Plan,
    run: u8,
    shelves: (Shelf, Shelf),
    notes: (Vec<u8>, Vec<u8>),
    traffic: Traffic,
}

/// Both machines of a preparation, its plan, and where each keeps what comes.
type Begun = (Boxed<Vec<u8>>, Boxed<Vec<u8>>, Plan, (Shelf, Shelf));
type Machines = Result<(Boxed<Matched>, Boxed<Searched>), Fault>;

impl Halves {
    /// Both machines, and where they keep what comes.
    pub(super) fn begin(form: &Form, slice: Vec<Group>, alternatives: usize, run: u8) -> Begun {
        let (asking, answering) = sides(form);
        let alternatives = u16::try_from(alternatives).unwrap();
        let plan = Plan { id: [run; 32], alternatives, largest_slice: 100_000, buckets: Buckets::USUAL };
        let shelves = (Shelf::default(), Shelf::default());
        let (asker, holder) = Self::seeds(run);
        let asker = asking.ahead(&plan, &asker, Box::new(shelves.0.clone())).unwrap();
        let rows = Box::new(Slice(slice, 0));
        let holder = answering.ahead(&plan, rows, &holder, Box::new(shelves.1.clone())).unwrap();
        (asker, holder, plan, shelves)
    }

    fn seeds(run: u8) -> (Seed, Seed) {
        let byte = |mark: u8| {
            let mut bytes = [run; 32];
            bytes[0] = mark;
            Seed::new(bytes)
        };
        (byte(1), byte(2))
    }

    pub(super) fn new(form: &Form, slice: Vec<Group>, alternatives: usize, run: u8) -> Self {
        let (mut asker, mut holder, plan, shelves) = Self::begin(form, slice, alternatives, run);
        let capacity = [3, 1, 2][usize::from(run) % 3];
        let traffic = pump::run(&mut *asker, &mut *holder, capacity, &mut Allow, |_, _| ()).unwrap();
        let notes = (asker.finish().unwrap(), holder.finish().unwrap());
        Self { plan, run, shelves, notes, traffic }
    }

    /// The asker's random choices of one alternative.
    pub(super) fn chosen(form: &Form, run: u8) -> Vec<bool> {
        Random::new(&Self::seeds(run).0).probe(&Encoding::of(form).unwrap(), 1).to_vec()
    }

    fn half(&self, seed: Seed, note: &[u8], shelf: &Shelf) -> Preparation {
        let frames = Box::new(Reading(shelf.clone(), 0));
        Preparation { plan: self.plan, seed, note: note.to_vec(), frames }
    }

    pub(super) fn asker(&self) -> Preparation {
        self.half(Self::seeds(self.run).0, &self.notes.0, &self.shelves.0)
    }

    pub(super) fn holder(&self) -> Preparation {
        self.half(Self::seeds(self.run).1, &self.notes.1, &self.shelves.1)
    }

    /// Both machines of a query that uses it.
    pub(super) fn machines(
        &self,
        form: &Form,
        probe: &[Template],
        slice: Vec<Group>,
        answer: Answer,
        run: u8,
    ) -> Machines {
        let (asking, answering) = sides(form);
        let prepared = asking.prepare(probe, &seed(3)).unwrap();
        let asked = asked(prepared.digest(), probe.len(), answer);
        let rows = Box::new(Slice(slice, 0));
        let holder = answering.answer_ahead(&asked, rows, &seed(run ^ 0x80), self.holder())?;
        Ok((prepared.exchange_ahead(&asked, &seed(run), self.asker())?, holder))
    }

    fn ask(&self, form: &Form, probe: &[Template], slice: Vec<Group>, answer: Answer) -> (Matched, Traffic) {
        let (mut asker, mut holder) = self.machines(form, probe, slice, answer, 70).unwrap();
        let traffic = pump::run(&mut *asker, &mut *holder, 2, &mut Allow, |_, _| ()).unwrap();
        (asker.finish().unwrap(), traffic)
    }
}

/// A probe and a slice of which it hits one.
fn scene(form: &Form) -> (Vec<Template>, Vec<Group>) {
    let mut stream = seed(61).stream("ahead");
    let probe = vec![random(form, &mut stream)];
    let mut slice: Vec<Group> = (0..60).map(|_| single(random(form, &mut stream))).collect();
    slice[17] = single(near(&probe[0], 5, &mut stream));
    (probe, slice)
}

fn one(matched: &Matched) -> bool {
    matches!(matched, Matched::Candidates { hits, .. } if hits.len() == 1)
}

const CANDIDATES: Answer = Answer::Candidates { cap: 3 };

/// Two probes under one preparation: what a partner would learn, and that neither side takes part. Also a run that
/// was broken off has used it up.
#[test]
fn a_preparation_is_used_once() {
    for form in [plain(), masked()] {
        let (probe, slice) = scene(&form);
        let mut stream = seed(62).stream("second");
        let second = vec![random(&form, &mut stream)];
        let halves = Halves::new(&form, slice.clone(), 1, 50);
        assert!(!halves.shelves.0.used() && !halves.shelves.1.used());
        let (asking, answering) = sides(&form);
        let words = |probe: &[Template]| {
            let prepared = asking.prepare(probe, &seed(3)).unwrap();
            let asked = asked(prepared.digest(), 1, CANDIDATES);
            (prepared, asked)
        };
        let rows = || Box::new(Slice(slice.clone(), 0));

        // Marked as soon as there are machines, so before a frame leaves them.
        let copies = (halves.shelves.0.copied(), halves.shelves.1.copied());
        let (asker, holder) = halves.machines(&form, &probe, slice.clone(), CANDIDATES, 51).unwrap();
        assert!(halves.shelves.0.used() && halves.shelves.1.used());
        drop((asker, holder));
        let (prepared, asked) = words(&second);
        let refused = |end: Option<Fault>| assert!(matches!(&end, Some(Fault::Local(_))), "{end:?}");
        refused(prepared.exchange_ahead(&asked, &seed(52), halves.asker()).err());
        refused(answering.answer_ahead(&asked, rows(), &seed(53), halves.holder()).err());

        // Why: with copies that forget, what is said on line of two probes shows where they differ.
        let turns = |probe: &[Template], run: u8| {
            let halves = Halves {
                shelves: (copies.0.copied(), copies.1.copied()),
                notes: halves.notes.clone(),
                ..halves
            };
            let (mut asker, mut holder) =
                halves.machines(&form, probe, slice.clone(), CANDIDATES, run).unwrap();
            let said = Arc::new(Mutex::new(Vec::new()));
            let note = said.clone();
            let mut asker = attacks::tampered(std::mem::replace(&mut asker, idle()), move |frame| {
                if frame.tag == messages::TURNS.tag {
                    note.lock().unwrap().extend_from_slice(&frame.body);
                }
            });
            pump::run(&mut *asker, &mut *holder, 2, &mut Allow, |_, _| ()).unwrap();
            said.lock().unwrap().clone()
        };
        let (first, other) = (turns(&probe, 54), turns(&second, 55));
        let apart: Vec<u8> = first.iter().zip(&other).map(|(a, b)| a ^ b).collect();
        let encoding = Encoding::of(&form).unwrap();
        let bits = |probe: &[Template]| probe::choices(&encoding, probe).unwrap();
        for (at, (a, b)) in bits(&probe).iter().zip(bits(&second).iter()).enumerate() {
            assert_eq!(apart[at / 8] >> (at % 8) & 1 == 1, a != b, "{at}");
        }
        // One alone says nothing of its probe: half of it is turned.
        let turned: u32 = first.iter().map(|byte| byte.count_ones()).sum();
        let all = encoding.transfers() as u32;
        assert!((all * 3 / 10..all * 7 / 10).contains(&turned), "{turned} of {all}");
    }
}

/// The slice has changed since: everything is made anew, the answer is that of the slice as it is.
#[test]
fn a_changed_slice_makes_a_run_in_full() {
    let form = masked();
    let (probe, slice) = scene(&form);
    let mut stream = seed(63).stream("changed");
    let full = ask(Way::Full, &form, &probe, slice.clone(), CANDIDATES, 6).2;
    let unchanged = Halves::new(&form, slice.clone(), 1, 56);
    let (told, traffic) = unchanged.ask(&form, &probe, slice.clone(), CANDIDATES);
    assert!(one(&told), "{told:?}");
    assert!(3 * traffic.to_asker < 2 * full.to_asker, "{traffic:?} {full:?}");
    assert!(10 * traffic.to_holder < full.to_holder, "{traffic:?} {full:?}");

    let mut less = slice.clone();
    less.remove(17);
    let mut more = slice.clone();
    more.push(single(near(&probe[0], 3, &mut stream)));
    let mut other = slice.clone();
    other[17] = single(near(&probe[0], 80, &mut stream));
    let mut deeper = slice.clone();
    deeper[4].rows.push((0, near(&probe[0], 2, &mut stream)));
    let mut moved = slice;
    moved.swap(2, 17);
    for (slice, hits) in [(less, 0), (more, 2), (other, 0), (deeper, 2), (moved, 1)] {
        let halves = Halves::new(&form, unchanged_slice(), 1, 57);
        let (told, traffic) = halves.ask(&form, &probe, slice, CANDIDATES);
        assert!(matches!(&told, Matched::Candidates { hits: told, .. } if told.len() == hits), "{told:?}");
        assert!(traffic.to_asker >= full.to_asker, "in full");
        assert!(halves.shelves.0.used() && halves.shelves.1.used(), "and it is gone");
    }
}

fn unchanged_slice() -> Vec<Group> {
    scene(&masked()).1
}

/// A machine that is not used.
fn idle() -> Boxed<Matched> {
    let (asking, _) = sides(&plain());
    let prepared = asking.prepare(&scene(&plain()).0, &seed(3)).unwrap();
    let asked = asked(prepared.digest(), 1, Answer::Any);
    prepared.exchange(&asked, &seed(1)).unwrap()
}

/// A holder that falsifies a correction in a preparation learns on line what it would learn in a run in full: whether
/// the choice was the one that the correction is for. With the turn that is one bit of the probe, and a failure is
/// named.
#[test]
fn false_corrections_ahead_tell_one_bit_and_are_named() {
    let form = plain();
    let (probe, slice) = scene(&form);
    let each = Encoding::of(&form).unwrap().bits * 1_024 / 8;
    let mut seen = std::collections::HashSet::new();
    for (run, position) in (71..81).map(|run| (run, 0)).chain([(81, 9), (82, 60), (83, 199)]) {
        let halves = Halves::new(&form, slice.clone(), 1, run);
        let mut offset = 0_usize;
        halves.shelves.0.edit(|frame| {
            if frame.tag == messages::CORRECTIONS.tag {
                let at = position * each;
                if (offset..offset + frame.body.len()).contains(&at) {
                    frame.body[at - offset] ^= 1;
                }
                offset += frame.body.len();
            }
        });
        let (mut asker, mut holder) = halves.machines(&form, &probe, slice.clone(), CANDIDATES, 70).unwrap();
        let end = pump::run(&mut *asker, &mut *holder, 2, &mut Allow, |_, _| ());
        let failed = matches!(end, Err(PumpError::Asker(Fault::PeerMisbehaved(Misbehaviour::Check(_)))));
        assert!(failed || end.is_ok(), "{end:?}");
        let chosen = Halves::chosen(&form, run)[position];
        assert_eq!(failed, chosen, "{position}");
        seen.insert((position == 0, failed));
    }
    // Of one position of one probe both were seen: what fails is no more the probe's bit than the preparation's.
    assert!(seen.contains(&(true, true)) && seen.contains(&(true, false)), "{seen:?}");
}

/// What lies on this side's disk and cannot be read is this side's fault.
#[test]
fn damaged_preparations_are_our_own_fault() {
    let form = plain();
    let (probe, slice) = scene(&form);
    type Damage = fn(&mut Vec<Frame>);
    let damages: [Damage; 4] = [
        |frames| frames.truncate(frames.len() - 1),
        |frames| frames[1].tag = 99,
        // A tree of the asker's, or an element of the holder's.
        |frames| frames[1].body.fill(255),
        |frames| frames.last_mut().unwrap().body.truncate(8),
    ];
    for (asker, damage) in [true, false].into_iter().flat_map(|asker| damages.map(|damage| (asker, damage))) {
        let halves = Halves::new(&form, slice.clone(), 1, 58);
        let shelf = if asker { &halves.shelves.0 } else { &halves.shelves.1 };
        damage(&mut shelf.0.lock().unwrap().0);
        let (mut asking, mut holding) =
            halves.machines(&form, &probe, slice.clone(), CANDIDATES, 70).unwrap();
        let end = pump::run(&mut *asking, &mut *holding, 2, &mut Allow, |_, _| ());
        match end {
            Err(PumpError::Asker(Fault::Local(_))) => assert!(asker),
            Err(PumpError::Holder(Fault::Local(_))) => assert!(!asker),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_preparation_is_asked_for_and_fits() {
    struct Refuse;
    impl Warden for Refuse {
        fn judge(&mut self, disclosure: &Disclosure) -> Verdict {
            assert_eq!(*disclosure, Disclosure::Preparation { groups: 60, alternatives: 1 });
            Verdict::Refuse
        }
    }
    let form = plain();
    let (probe, slice) = scene(&form);
    let (_, mut holder, ..) = Halves::begin(&form, slice.clone(), 1, 59);
    assert!(holder.wants().verdict && !holder.wants().send && !holder.wants().compute);
    assert_eq!(holder.settle(&mut Refuse), Err(Fault::Refused));
    assert!(holder.produce().is_err() && holder.compute(1).is_err());

    let halves = Halves::new(&form, slice.clone(), 1, 60);
    let two = vec![probe[0].clone(), probe[0].clone()];
    let end = halves.machines(&form, &two, slice.clone(), CANDIDATES, 70);
    assert!(matches!(end.err(), Some(Fault::Misuse(_))));
    assert!(!halves.shelves.1.used(), "what does not fit is not spent");
    let (asking, answering) = sides(&form);
    let (shelf, rows) = (|| Box::new(Shelf::default()), || Box::new(Slice(slice.clone(), 0)));
    let plan = Plan { id: [1; 32], alternatives: 33, largest_slice: 100, buckets: Buckets::USUAL };
    assert!(asking.ahead(&plan, &seed(1), shelf()).is_err());
    assert!(answering.ahead(&plan, rows(), &seed(1), shelf()).is_err());
    let small = Plan { alternatives: 1, largest_slice: 59, ..plan };
    assert!(answering.ahead(&small, rows(), &seed(1), shelf()).is_err());
    // The other engine prepares nothing.
    let other = crate::matching::engine::engine("tfhe-one-round/1").unwrap();
    assert_eq!(other.ahead_estimate(&form, 1_024, 1, Answer::Any, 1), None);
}

/// As the engine estimates: within a twentieth.
#[test]
fn what_is_done_ahead_is_as_estimated() {
    for form in [plain(), masked()] {
        let (probe, slice) = scene(&form);
        let halves = Halves::new(&form, slice.clone(), 1, 61);
        let traffic = halves.ask(&form, &probe, slice, CANDIDATES).1;
        let estimate = Interactive.ahead_estimate(&form, 1_024, 1, CANDIDATES, 1).unwrap();
        let close = |a: u64, b: u64| a.abs_diff(b) * 20 < a;
        assert!(close(halves.traffic.to_asker, estimate.ahead_down), "{:?} {estimate:?}", halves.traffic);
        assert!(close(halves.traffic.to_holder, estimate.ahead_up), "{:?} {estimate:?}", halves.traffic);
        assert!(close(traffic.to_asker, estimate.query.bytes_down), "{traffic:?} {estimate:?}");
        assert!(close(traffic.to_holder, estimate.query.bytes_up), "{traffic:?} {estimate:?}");
    }
}
