//! Attacks: both machines run; what crosses, or the state of one of them, is changed by someone who cheats.

use super::*;
use crate::{
    exchange::{Exchange, Frame, Misbehaviour, Warden},
    matching::interactive::{asker::Asker, messages},
};

/// A machine whose frames are changed before they leave.
struct Tampered<T> {
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

fn tampered<T: Send + 'static>(
    machine: Boxed<T>,
    tamper: impl FnMut(&mut Frame) + Send + 'static,
) -> Box<Tampered<T>> {
    Box::new(Tampered { machine, tamper: Box::new(tamper) })
}

fn end<A: Send, H: Send>(
    asker: &mut dyn Exchange<Output = A>,
    holder: &mut dyn Exchange<Output = H>,
) -> Result<Traffic, PumpError> {
    pump::run(asker, holder, 2, &mut Allow, |_, _| ())
}

/// A probe and a slice of which it hits nothing.
fn scene(form: &Form) -> (Vec<Template>, Vec<Group>) {
    let mut stream = seed(21).stream("scene");
    let probe = vec![random(form, &mut stream)];
    let slice = (0..40).map(|_| single(random(form, &mut stream))).collect();
    (probe, slice)
}

fn check(end: &Result<Traffic, PumpError>) -> bool {
    matches!(end, Err(PumpError::Asker(Fault::PeerMisbehaved(Misbehaviour::Check(_)))))
}

/// The asker's own machine, with its insides.
fn insider(form: &Form, probe: &[Template], slice: Vec<Group>, run: u8) -> (Box<Asker>, Boxed<Searched>) {
    let name = name();
    let query = Named::new(form, &name).unwrap().query(probe, &seed(3)).unwrap();
    let digest = probe::digest(form, probe.len(), &query.commitment);
    let asked = asked(digest, probe.len(), Answer::Any);
    let answering = Interactive.answering(form, &name).unwrap();
    let holder = answering.answer(&asked, Box::new(Slice(slice, 0)), &seed(4), &seed(run ^ 0x80)).unwrap();
    (Box::new(Asker::new(query, asked, &seed(run)).unwrap()), holder)
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
    for form in [plain(), masked()] {
        for shift in [1_i64, -1, 40, 1 << 8, -(1 << 10)] {
            for lanes in [1_usize, 512] {
                let (probe, slice) = scene(&form);
                let (asker, holder) = insider(&form, &probe, slice, 31);
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
    for bit in 0..encoding.wide {
        let (probe, slice) = scene(&form);
        let (asker, holder) = insider(&form, &probe, slice, 32);
        let end = cheat(asker, holder, move |asker| asker.shift_sums(1 << bit, 77, 1));
        assert!(caught(&end), "{bit}: {end:?}");
    }
}

/// A tag that was made up, and records that were exchanged or repeated.
#[test]
fn forged_tags_and_exchanged_records_are_caught() {
    let form = masked();
    for kind in 0..3 {
        let (probe, slice) = scene(&form);
        let (asker, holder) = insider(&form, &probe, slice, 33);
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
    for form in [plain(), masked()] {
        let (probe, slice) = scene(&form);
        let mut stream = seed(22).stream("other");
        for other in [near(&probe[0], 1, &mut stream), random(&form, &mut stream)] {
            let (mut asker, holder) = insider(&form, &probe, slice.clone(), 34);
            asker.exchange_probe(&other);
            let end = cheat(asker, holder, |_| ());
            assert!(caught(&end), "{end:?}");
        }
        // The same asker with its own probe passes.
        let (asker, holder) = insider(&form, &probe, slice, 34);
        cheat(asker, holder, |_| ()).unwrap();
    }
}

/// "1" and "0" at once would weigh a position twice. It has no key, so what the asker adds up is noise, and the check
/// fails.
#[test]
fn garbage_probes_have_no_keys() {
    let form = masked();
    let (probe, slice) = scene(&form);
    for positions in [1, 160] {
        let (mut asker, holder) = insider(&form, &probe, slice.clone(), 35);
        asker.choose_both(positions);
        let end = cheat(asker, holder, |_| ());
        assert!(caught(&end), "{positions}: {end:?}");
    }
}

/// Every message of either side, changed in one bit somewhere in each of its frames, ends the query or changes nothing
/// that the asker learns beyond its answer.
#[test]
fn every_changed_message_of_the_asker_ends_the_query() {
    let form = plain();
    let (probe, slice) = scene(&form);
    for tag in [
        messages::COMMITMENT.tag,
        messages::ELEMENTS.tag,
        messages::SEALS.tag,
        messages::CHOICES.tag,
        messages::SUMS.tag,
        messages::CLOSED.tag,
        messages::NONCE.tag,
    ] {
        for place in [0_usize, 7, 1_000] {
            let (asker, mut holder) = machines(&form, &probe, slice.clone(), Answer::Any, 36);
            let mut done = false;
            let mut asker = tampered(asker, move |frame| {
                if frame.tag == tag && !done {
                    let place = place % frame.body.len();
                    frame.body[place] ^= 1;
                    done = true;
                }
            });
            let end = end(&mut *asker, &mut *holder);
            // A correction that the holder multiplies by 0 changes nothing; half of the masked sums are not read.
            let silent =
                tag == messages::CHOICES.tag || tag == messages::SEALS.tag || tag == messages::SUMS.tag;
            match end {
                Err(
                    PumpError::Holder(Fault::PeerMisbehaved(_)) | PumpError::Asker(Fault::PeerMisbehaved(_)),
                ) => (),
                Ok(_) if silent => (),
                other => panic!("{tag} {place}: {other:?}"),
            }
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
        let (mut asker, holder) = machines(&form, &probe, slice.clone(), Answer::Any, 37);
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
    for (tag, each) in [(messages::DIFFERENCES.tag, 8), (messages::NUMBERS.tag, 32)] {
        for position in [0, 3, 5, 8, 150] {
            let (mut asker, holder) = machines(&form, &probe, slice.clone(), Answer::Any, 38);
            let mut holder = tampered(holder, move |frame| {
                if frame.tag == tag {
                    frame.body[position * each] ^= 1;
                }
            });
            let end = end(&mut *asker, &mut *holder);
            assert_eq!(check(&end), bits[position], "{tag} {position}: {end:?}");
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
        let (mut asker, holder) = machines(&form, &probe, slice.clone(), Answer::Any, 39);
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

/// A stream that ends, or whose frame is cut, lengthened, repeated or out of turn, at every message.
#[test]
fn broken_streams_end_with_the_peer_at_fault() {
    let form = masked();
    let (probe, slice) = scene(&form);
    // The frames of an honest run, by direction.
    let count = |holders: bool| {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let note = seen.clone();
        let (asker, holder) = machines(&form, &probe, slice.clone(), Answer::Candidates { cap: 3 }, 40);
        let noting = move |frame: &mut Frame| note.lock().unwrap().push(frame.tag);
        let ended = if holders {
            let mut asker = asker;
            end(&mut *asker, &mut *tampered(holder, noting))
        } else {
            let mut holder = holder;
            end(&mut *tampered(asker, noting), &mut *holder)
        };
        ended.unwrap();
        seen.lock().unwrap().clone()
    };
    for holders in [true, false] {
        let tags = count(holders);
        let firsts = (0..tags.len()).filter(|at| *at == 0 || tags[*at] != tags[at - 1]);
        for at in firsts.collect::<Vec<_>>() {
            for kind in 0..4 {
                let (asker, holder) =
                    machines(&form, &probe, slice.clone(), Answer::Candidates { cap: 3 }, 40);
                let mut seen = 0;
                let spoil = move |frame: &mut Frame| {
                    if seen == at {
                        match kind {
                            0 => drop(frame.body.pop()),
                            1 => frame.body.push(0),
                            2 => frame.tag = 99,
                            _ => frame.last = !frame.last,
                        }
                    }
                    seen += 1;
                };
                let end = if holders {
                    let mut asker = asker;
                    end(&mut *asker, &mut *tampered(holder, spoil))
                } else {
                    let mut holder = holder;
                    end(&mut *tampered(asker, spoil), &mut *holder)
                };
                let named = match &end {
                    Err(PumpError::Asker(Fault::PeerMisbehaved(_))) => holders,
                    Err(PumpError::Holder(Fault::PeerMisbehaved(_))) => !holders,
                    _ => false,
                };
                assert!(named, "{holders} {at} {kind}: {end:?}");
            }
        }
    }
}
