//! Attacks: both machines run; what crosses, or the state of one of them, is changed by someone who cheats.

use super::*;
use crate::{
    exchange::{Exchange, Frame, Misbehaviour, Warden},
    matching::{
        interactive::{
            asker::{Asker, Query},
            messages,
        },
        opening::Opened,
    },
};

fn forms() -> impl Iterator<Item = (Way, Form)> {
    WAYS.into_iter().flat_map(|way| [(way, plain()), (way, masked())])
}

/// A machine whose frames are changed before they leave.
pub(super) struct Tampered<T> {
    machine: Boxed<T>,
    tamper: Box<dyn FnMut(&mut Frame) + Send>,
}

impl<T: Send> Exchange for Tampered<T> {
    type Output = T;
    fn wants(&self) -> crate::exchange::Wants {
        self.machine.wants()
    }
    fn produce(&mut self) -> Result<Frame, Fault> {
        let mut frame = self.machine.produce()?;
        (self.tamper)(&mut frame);
        Ok(frame)
    }
    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        self.machine.consume(frame)
    }
    fn compute(&mut self, budget: usize) -> Result<(), Fault> {
        self.machine.compute(budget)
    }
    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
        self.machine.settle(warden)
    }
    fn progress(&self) -> crate::exchange::Progress {
        self.machine.progress()
    }
    fn finish(self: Box<Self>) -> Result<T, Fault> {
        self.machine.finish()
    }
}

pub(super) fn tampered<T: Send + 'static>(
    machine: Boxed<T>,
    tamper: impl FnMut(&mut Frame) + Send + 'static,
) -> Box<Tampered<T>> {
    Box::new(Tampered { machine, tamper: Box::new(tamper) })
}

pub(super) fn end<A: Send, H: Send>(
    asker: &mut dyn Exchange<Output = A>,
    holder: &mut dyn Exchange<Output = H>,
) -> Result<Traffic, PumpError> {
    pump::run(asker, holder, 2, &mut Allow, |_, _| ())
}

/// A probe and a slice of which it hits nothing.
pub(super) fn scene(form: &Form) -> (Vec<Template>, Vec<Group>) {
    let mut stream = seed(21).stream("scene");
    let probe = vec![random(form, &mut stream)];
    let slice = (0..40).map(|_| single(random(form, &mut stream))).collect();
    (probe, slice)
}

fn check(end: &Result<Traffic, PumpError>) -> bool {
    matches!(end, Err(PumpError::Asker(Fault::PeerMisbehaved(Misbehaviour::Check(_)))))
}

/// The asker's own machine, with its insides; `edit` changes its query before it is committed to.
fn insider_of(
    way: Way,
    (form, probe): (&Form, &[Template]),
    slice: Vec<Group>,
    run: u8,
    edit: impl FnOnce(&mut Query),
) -> (Box<Asker>, Boxed<Searched>) {
    let name = name();
    let mut query = Named::new(form, &name).unwrap().query(probe, &seed(3)).unwrap();
    edit(&mut query);
    query.commitment = probe::commit(&query.choices, &seed(3)).compress().to_bytes();
    let digest = probe::digest(form, probe.len(), &query.commitment);
    let asked = asked(digest, probe.len(), Answer::Any);
    let answering = Interactive.answering(form, &name).unwrap();
    let halves = (way == Way::Ahead).then(|| ahead::Halves::new(form, slice.clone(), probe.len(), run));
    let rows = Box::new(Slice(slice, 0));
    let holder = match &halves {
        None => answering.answer(&asked, rows, &seed(4), &seed(run ^ 0x80)),
        Some(halves) => answering.answer_ahead(&asked, rows, &seed(run ^ 0x80), halves.holder()),
    };
    let preparation = halves.map(|halves| halves.asker());
    (Box::new(Asker::new(query, asked, &seed(run), preparation).unwrap()), holder.unwrap())
}

fn insider(
    way: Way,
    form: &Form,
    probe: &[Template],
    slice: Vec<Group>,
    run: u8,
) -> (Box<Asker>, Boxed<Searched>) {
    insider_of(way, (form, probe), slice, run, |_| ())
}

/// Runs an asker that cheats before each slice of its own work, and goes on whatever the holder's value is.
fn cheat(
    asker: Box<Asker>,
    holder: Boxed<Searched>,
    cheat: impl FnMut(&mut Asker) + Send + 'static,
) -> Result<Traffic, PumpError> {
    struct Cheat(Box<Asker>, Box<dyn FnMut(&mut Asker) + Send>);
    impl Exchange for Cheat {
        type Output = Matched;
        fn wants(&self) -> crate::exchange::Wants {
            self.0.wants()
        }
        fn produce(&mut self) -> Result<Frame, Fault> {
            self.0.produce()
        }
        fn consume(&mut self, mut frame: Frame) -> Result<(), Fault> {
            self.0.believe(&mut frame);
            self.0.consume(frame)
        }
        fn compute(&mut self, budget: usize) -> Result<(), Fault> {
            (self.1)(&mut self.0);
            self.0.compute(budget)
        }
        fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
            self.0.settle(warden)
        }
        fn progress(&self) -> crate::exchange::Progress {
            self.0.progress()
        }
        fn finish(self: Box<Self>) -> Result<Matched, Fault> {
            self.0.finish()
        }
    }
    let mut holder = holder;
    end(&mut Cheat(asker, Box::new(cheat)), &mut *holder)
}

fn caught(end: &Result<Traffic, PumpError>) -> bool {
    matches!(end, Err(PumpError::Holder(Fault::PeerMisbehaved(Misbehaviour::Check(_)))))
}

/// An asker that shifts its sums by one in one lane, or by a whole threshold in all, so that records that are no hits
/// become hits. It goes on although the holder's value is another: the holder ends it before a table is sent.
#[test]
fn shifted_sums_are_caught_before_any_table_is_sent() {
    for (way, form) in forms() {
        for shift in [1_i64, -1, 40, 1 << 8, -(1 << 10)] {
            for lanes in [1_usize, 512] {
                let (probe, slice) = scene(&form);
                let (asker, holder) = insider(way, &form, &probe, slice, 31);
                let end = cheat(asker, holder, move |asker| asker.shift_sums(shift, 0, lanes));
                assert!(caught(&end), "{shift} {lanes}: {end:?}");
            }
        }
    }
}

/// Committed to other bits than those of the sum: one bit of one lane, at every place.
#[test]
fn wrong_bits_are_caught_at_every_place() {
    let form = plain();
    let encoding = Encoding::of(&form).unwrap();
    for (way, bit) in WAYS.into_iter().flat_map(|way| (0..encoding.wide).map(move |bit| (way, bit))) {
        let (probe, slice) = scene(&form);
        let (asker, holder) = insider(way, &form, &probe, slice, 32);
        let end = cheat(asker, holder, move |asker| asker.shift_sums(1 << bit, 77, 1));
        assert!(caught(&end), "{bit}: {end:?}");
    }
}

/// A tag that was made up, and records that were exchanged or repeated.
#[test]
fn forged_tags_and_exchanged_records_are_caught() {
    let form = masked();
    for (way, kind) in WAYS.into_iter().flat_map(|way| (0..3).map(move |kind| (way, kind))) {
        let (probe, slice) = scene(&form);
        let (asker, holder) = insider(way, &form, &probe, slice, 33);
        let end = cheat(asker, holder, move |asker| match kind {
            _ if !asker.checks() => (),
            0 => asker.forge_tag(5),
            _ => asker.move_lane(3, 9, kind == 1),
        });
        assert!(caught(&end), "{kind}: {end:?}");
    }
}

/// A retry of a query costs nothing, so it must be of the same probe: choices that are not those of the commitment
/// are caught. Without the commitment this asker would have a second probe for free.
#[test]
fn another_probe_than_was_committed_to_is_caught() {
    for (way, form) in forms() {
        let (probe, slice) = scene(&form);
        let mut stream = seed(22).stream("other");
        for other in [near(&probe[0], 1, &mut stream), random(&form, &mut stream)] {
            let (mut asker, holder) = insider(way, &form, &probe, slice.clone(), 34);
            asker.exchange_probe(&other);
            let end = cheat(asker, holder, |_| ());
            assert!(caught(&end), "{end:?}");
        }
        // The same asker with its own probe passes.
        let (asker, holder) = insider(way, &form, &probe, slice, 34);
        cheat(asker, holder, |_| ()).unwrap();
    }
}

/// "1" and "0" at once is no template. Such a position counts twice as overlap and never as agreement: fewer records are
/// hits than if it were masked, and no claim opens what was asked so.
#[test]
fn both_bits_of_a_position_only_raise_what_must_be_matched() {
    let form = masked();
    let Rule { s, p, kappa } = form.rule;
    let mut stream = seed(23).stream("both");
    let probe = random(&form, &mut stream);
    let (answering, both) = (sides(&form).1, 20);
    let without: Vec<_> = probe.positions().enumerate().map(|(at, bit)| bit.filter(|_| at >= both)).collect();
    let without = Template::from_positions(&without).unwrap();
    let mut seen = std::collections::HashSet::new();
    for (way, flips) in WAYS.into_iter().flat_map(|way| (14..42).step_by(2).map(move |flips| (way, flips))) {
        let record = near(&probe, flips, &mut stream);
        let extra = record.positions().take(both).flatten().count() as i64;
        let score = form.rule.score(&without, &record) - 2 * i64::from(s) * extra;
        assert!(p > s && kappa > 0 && score <= form.rule.score(&without, &record));
        let (mut asker, mut holder) = insider_of(
            way,
            (&form, std::slice::from_ref(&probe)),
            vec![single(record.clone())],
            35,
            |query| {
                query.choices.iter_mut().take(2 * both).for_each(|bit| *bit = true);
            },
        );
        end(&mut *asker, &mut *holder).unwrap();
        assert_eq!(asker.finish().unwrap(), Matched::Any(score >= 0), "{flips}");
        seen.insert((form.rule.hit(&without, &record), score >= 0));
    }
    assert_eq!(seen, [(true, true), (true, false), (false, false)].into(), "a case of each kind was seen");
    // Its digest is not that of any template: neither of the one with these positions masked, nor of the whole one.
    let mut query =
        Named::new(&form, &name()).unwrap().query(std::slice::from_ref(&probe), &seed(3)).unwrap();
    query.choices.iter_mut().take(2 * both).for_each(|bit| *bit = true);
    let commitment = probe::commit(&query.choices, &seed(3)).compress().to_bytes();
    let digest = probe::digest(&form, 1, &commitment);
    for probe in [probe, without] {
        let opened = Opened { probe: vec![probe], seed: seed(3) };
        let end = opened.replay(&*answering, &seed(3).commitment(), &digest);
        assert!(matches!(end, Err(Fault::PeerMisbehaved(Misbehaviour::Opening(_)))), "{end:?}");
    }
}

/// Turned there and not here: the shares are added where they should be taken off.
#[test]
fn turns_that_are_not_followed_are_caught() {
    for form in [plain(), masked()] {
        let (probe, slice) = scene(&form);
        for transfer in [0, 57, 159] {
            let (asker, holder) = insider(Way::Ahead, &form, &probe, slice.clone(), 42);
            let end = cheat(asker, holder, move |asker| asker.turn_back(transfer));
            assert!(caught(&end), "{transfer}: {end:?}");
        }
    }
}

/// A holder that changes corrections for one choice of some positions: the check fails if and only if the probe has
/// this choice at one of them. So the holder learns that bit, and whenever it fails the asker names it.
#[test]
fn malicious_corrections_tell_one_bit_and_are_named() {
    let form = plain();
    let (probe, slice) = scene(&form);
    let bits: Vec<bool> = probe[0].positions().map(|bit| bit == Some(true)).collect();
    let encoding = Encoding::of(&form).unwrap();
    // Each position's corrections are `bits` planes of 1,024 lanes.
    let each = encoding.bits * 1_024 / 8;
    let run = |positions: Vec<usize>| {
        let (mut asker, holder) = machines(Way::Full, &form, &probe, slice.clone(), Answer::Any, 37);
        let mut offset = 0_usize;
        let mut holder = tampered(holder, move |frame| {
            if frame.tag == messages::CORRECTIONS.tag {
                for position in &positions {
                    let at = position * each;
                    if (offset..offset + frame.body.len()).contains(&at) {
                        frame.body[at - offset] ^= 1;
                    }
                }
                offset += frame.body.len();
            }
        });
        end(&mut *asker, &mut *holder)
    };
    let mut outcomes = std::collections::HashSet::new();
    for position in [0, 1, 2, 3, 60, 61, 199] {
        let end = run(vec![position]);
        assert_eq!(check(&end), bits[position], "{position}: {end:?}");
        assert!(end.is_ok() || check(&end), "nothing else is ever seen");
        outcomes.insert(end.is_ok());
    }
    // Many at once: still one of two outcomes, so one bit at most.
    let some: Vec<usize> = (10..30).collect();
    let end = run(some.clone());
    assert_eq!(check(&end), some.iter().any(|at| bits[*at]));
    assert!(outcomes.len() <= 2);
}

/// The same through the differences of the check, and through the numbers of the commitment.
#[test]
fn malicious_checks_tell_one_bit_and_are_named() {
    let form = plain();
    let (probe, slice) = scene(&form);
    let bits: Vec<bool> = probe[0].positions().map(|bit| bit == Some(true)).collect();
    let both = [(messages::DIFFERENCES.tag, 8), (messages::NUMBERS.tag, 32)];
    for (way, (tag, each)) in WAYS.into_iter().flat_map(|way| both.map(|both| (way, both))) {
        // Of a preparation, differences are told to whoever chose so there: random, and turned in the open.
        let chosen = ahead::Halves::chosen(&form, 38);
        for position in [0, 3, 5, 8, 150] {
            let (mut asker, holder) = machines(way, &form, &probe, slice.clone(), Answer::Any, 38);
            let mut holder = tampered(holder, move |frame| {
                if frame.tag == tag {
                    frame.body[position * each] ^= 1;
                }
            });
            let end = end(&mut *asker, &mut *holder);
            let ahead = way == Way::Ahead && tag == messages::DIFFERENCES.tag;
            let known = if ahead { chosen[position] } else { bits[position] };
            assert_eq!(check(&end), known, "{tag} {position}: {end:?}");
        }
    }
}

/// What the asker sends after the check does not depend on the tables: false ones change what it believes, and nothing
/// that the holder sees.
#[test]
fn false_tables_are_not_seen_to_matter() {
    let form = plain();
    let (probe, slice) = scene(&form);
    for place in [0, 16, 5_000] {
        let (mut asker, holder) = machines(Way::Ahead, &form, &probe, slice.clone(), Answer::Any, 39);
        let mut holder = tampered(holder, move |frame| {
            if frame.tag == messages::TABLES.tag {
                let place = place % frame.body.len().max(1);
                if let Some(byte) = frame.body.get_mut(place) {
                    *byte ^= 1;
                }
            }
        });
        end(&mut *asker, &mut *holder).unwrap();
    }
}
