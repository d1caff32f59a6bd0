//! Runs as a whole: claims, repetition, order, sizes, refusals.

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::{
    exchange::{Disclosure, Frame, Misbehaviour, Verdict, Warden},
    matching::opening::Opened,
};

fn scene(form: &Form, groups: usize) -> (Vec<Template>, Vec<Group>) {
    let mut stream = seed(11).stream("scene");
    let probe = vec![random(form, &mut stream)];
    let mut slice: Vec<Group> = (0..groups).map(|_| single(random(form, &mut stream))).collect();
    for at in [3, 8] {
        slice[at] = single(near(&probe[0], 4, &mut stream));
    }
    (probe, slice)
}

/// The digest is of probe and seed alone, whatever the run; and of no other probe or seed.
#[test]
fn a_claim_is_replayed() {
    for form in [plain(), masked()] {
        let (asking, answering) = sides(&form);
        let (probe, _) = scene(&form, 10);
        let mut stream = seed(12).stream("other");
        let digest = asking.prepare(&probe, &seed(3)).unwrap().digest();
        assert_eq!(asking.prepare(&probe, &seed(3)).unwrap().digest(), digest);
        let opened = Opened { probe: probe.clone(), seed: seed(3) };
        opened.replay(&*answering, &seed(3).commitment(), &digest).unwrap();
        // An auditor needs no keys for it.
        assert_eq!(Interactive.shared(&form, &[1; 32]), Ok(Vec::new()));
        assert_eq!(Interactive.replay(&form, &[], &probe, &seed(3)), Ok(digest));
        let refused = |opened: Opened, seed: &Seed| {
            let end = opened.replay(&*answering, &seed.commitment(), &digest);
            assert!(matches!(end, Err(Fault::PeerMisbehaved(Misbehaviour::Opening(_)))), "{end:?}");
        };
        refused(Opened { probe: vec![near(&probe[0], 1, &mut stream)], seed: seed(3) }, &seed(3));
        refused(Opened { probe: vec![probe[0].clone(), probe[0].clone()], seed: seed(3) }, &seed(3));
        refused(Opened { probe: probe.clone(), seed: seed(5) }, &seed(5));
        refused(Opened { probe, seed: seed(5) }, &seed(3));
    }
}

/// Everything that both sides send in a run, also over the end of a block.
fn digest_of_a_run(form: &Form) -> String {
    let (probe, slice) = scene(form, 4_500);
    let (mut asker, mut holder) = machines(Way::Full, form, &probe, slice, Answer::Candidates { cap: 3 }, 9);
    let mut sent = [Sha256::new(), Sha256::new()];
    let mut note = |side: usize, frame: &Frame| {
        sent[side].update(frame.header());
        sent[side].update(&frame.body);
    };
    while !(asker.wants().done && holder.wants().done) {
        if asker.wants().send {
            let frame = asker.produce().unwrap();
            note(0, &frame);
            holder.consume(frame).unwrap();
        } else if holder.wants().verdict {
            holder.settle(&mut Allow).unwrap();
        } else if holder.wants().send && asker.wants().receive {
            let frame = holder.produce().unwrap();
            note(1, &frame);
            asker.consume(frame).unwrap();
        } else if asker.wants().compute {
            asker.compute(1).unwrap();
        } else {
            holder.compute(1).unwrap();
        }
    }
    let Matched::Candidates { hits, .. } = asker.finish().unwrap() else { panic!("too many") };
    assert_eq!(hits.len(), 2);
    let [ours, theirs] = sent.map(|digest| HEXLOWER.encode(&digest.finalize()));
    format!("{} {}", &ours[..16], &theirs[..16])
}

/// The bytes of a run do not depend on the instructions that it used: these digests were made with VAES and AVX2, and
/// must come out without any when the tests are built with `--cfg aes_backend="soft"`. They change with the protocol.
#[test]
fn a_run_is_the_same_bytes_with_all_instructions_and_with_none() {
    let digests = [plain(), masked()].map(|form| digest_of_a_run(&form));
    assert_eq!(digests, ["5cdd98b10445f739 e1d475527c1802f4", "7bbf1d2c0303133e f4ea47863942513e"]);
}

/// Two runs of one query: the same answer in another order, and nothing that was sent is the same but the commitment.
#[test]
fn a_retry_says_nothing_twice() {
    let form = plain();
    let (probe, slice) = scene(&form, 300);
    let run = |way: Way, run: u8| {
        let (mut asker, mut holder) =
            machines(way, &form, &probe, slice.clone(), Answer::Candidates { cap: 3 }, run);
        let mut bodies = std::collections::HashSet::new();
        // One frame at a time, by hand.
        loop {
            if asker.wants().send && holder.wants().receive {
                let frame = asker.produce().unwrap();
                if frame.body.len() >= 32 {
                    bodies.insert(frame.body.clone());
                }
                holder.consume(frame).unwrap();
            } else if holder.wants().verdict {
                holder.settle(&mut Allow).unwrap();
            } else if holder.wants().send && asker.wants().receive {
                let frame = holder.produce().unwrap();
                if frame.body.len() >= 32 {
                    bodies.insert(frame.body.clone());
                }
                asker.consume(frame).unwrap();
            } else if asker.wants().compute {
                asker.compute(1).unwrap();
            } else if holder.wants().compute {
                holder.compute(1).unwrap();
            } else {
                break;
            }
        }
        let Matched::Candidates { hits, groups } = asker.finish().unwrap() else { panic!("too many") };
        assert_eq!((hits.len(), groups), (2, 1_024));
        (bodies, hits)
    };
    let full = run(Way::Full, 9);
    for way in WAYS {
        let (first, second, again) = (run(way, 1), run(way, 2), run(way, 1));
        for other in [&second, &full] {
            assert_eq!(first.0.intersection(&other.0).count(), 1, "{way:?}: the commitment");
            assert_ne!(first.1, other.1, "a fresh order");
        }
        assert_eq!(first, again, "from the same seeds, bit for bit");
    }
}

/// What is sent tells the bucket of the slice and no more.
#[test]
fn sizes_are_those_of_the_bucket() {
    let form = plain();
    let (probe, slice) = scene(&form, 30);
    let traffic = |slice: Vec<Group>| ask(Way::Full, &form, &probe, slice, Answer::Any, 5).2;
    let few = traffic(slice.clone());
    let none = traffic(slice.iter().skip(9).cloned().collect());
    assert_eq!(few, none, "neither hits nor records change a size");
    // As the engine estimates: within a twentieth.
    for (form, answer) in [(plain(), Answer::Any), (masked(), Answer::Candidates { cap: 3 })] {
        let (probe, slice) = scene(&form, 30);
        let traffic = ask(Way::Full, &form, &probe, slice, answer, 5).2;
        let estimate = Interactive.estimate(&form, 1_024, 1, answer, 1);
        let close = |a: u64, b: u64| a.abs_diff(b) * 20 < a;
        assert!(close(traffic.to_asker, estimate.bytes_down), "{traffic:?} {estimate:?}");
        assert!(close(traffic.to_holder, estimate.bytes_up), "{traffic:?} {estimate:?}");
    }
}

#[test]
fn blocks_slots_and_caps_go_together() {
    let form = plain();
    let mut stream = seed(13).stream("blocks");
    let probe: Vec<Template> = (0..2).map(|_| random(&form, &mut stream)).collect();
    let mut slice: Vec<Group> =
        (0..4_600).map(|at| Group { rows: vec![((at % 2) as u16, random(&form, &mut stream))] }).collect();
    for (at, place) in [(7, 0_u16), (4_500, 1), (4_599, 1)] {
        slice[at].rows.push((place, near(&probe[usize::from(place)], 9, &mut stream)));
    }
    for way in WAYS {
        let told = ask(way, &form, &probe, slice.clone(), Answer::Candidates { cap: 3 }, 6).0;
        assert!(matches!(&told, Matched::Candidates { hits, groups: 4_608 } if hits.len() == 3), "{told:?}");
        let many = ask(way, &form, &probe, slice.clone(), Answer::Candidates { cap: 2 }, 7).0;
        assert_eq!(many, Matched::TooMany);
    }
}

#[test]
fn nothing_is_sent_before_the_verdict() {
    struct Refuse;
    impl Warden for Refuse {
        fn judge(&mut self, disclosure: &Disclosure) -> Verdict {
            assert_eq!(*disclosure, Disclosure::Match { groups: 30, cap: None, alternatives: 1 });
            Verdict::Refuse
        }
    }
    let (probe, slice) = scene(&plain(), 30);
    let (mut asker, mut holder) = machines(Way::Full, &plain(), &probe, slice, Answer::Any, 8);
    holder.consume(asker.produce().unwrap()).unwrap();
    assert!(holder.wants().verdict && !holder.wants().send && !holder.wants().compute);
    assert_eq!(holder.settle(&mut Refuse), Err(Fault::Refused));
    assert!(holder.produce().is_err() && holder.compute(1).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    let form = plain();
    let (asking, answering) = sides(&form);
    let (probe, slice) = scene(&form, 30);
    let mut stream = seed(14).stream("misfit");
    let misuse = |probe: &[Template]| matches!(asking.prepare(probe, &seed(1)), Err(Fault::Misuse(_)));
    assert!(misuse(&[]) && misuse(&vec![probe[0].clone(); 33]));
    assert!(misuse(&[random(&masked(), &mut stream)]));
    assert!(Interactive.takes(&form, 33, Answer::Any).is_err());
    assert!(Interactive.takes(&form, 1, Answer::Candidates { cap: 17 }).is_err());
    assert!(Interactive.asking(&form, &[1; 31]).is_err());

    let prepared = asking.prepare(&probe, &seed(3)).unwrap();
    let good = asked(prepared.digest(), 1, Answer::Any);
    let small = Asked { largest_slice: 29, ..good };
    assert!(answering.answer(&small, Box::new(Slice(slice.clone(), 0)), &seed(1), &seed(2)).is_err());
    assert!(prepared.exchange(&Asked { alternatives: 2, ..good }, &seed(1)).is_err());

    // A holder that says another size than the agreement allows.
    let prepared = asking.prepare(&probe, &seed(3)).unwrap();
    let mut asker = prepared.exchange(&Asked { largest_slice: 1_500, ..good }, &seed(1)).unwrap();
    let mut holder = answering
        .answer(&good, Box::new(Slice(vec![slice[0].clone(); 3_000], 0)), &seed(1), &seed(2))
        .unwrap();
    let end = pump::run(&mut *asker, &mut *holder, 2, &mut Allow, |_, _| ());
    assert_eq!(end, Err(PumpError::Asker(Misbehaviour::Count.into())));
    // Or one that ends in no bucket of those agreed: 3,001 places end at 3,072 of 16 to a doubling, and at 3,008 of 64.
    let prepared = asking.prepare(&probe, &seed(3)).unwrap();
    let mut asker = prepared.exchange(&good, &seed(1)).unwrap();
    let finer = Asked { buckets: Buckets::new(64).unwrap(), ..good };
    let mut holder = answering
        .answer(&finer, Box::new(Slice(vec![slice[0].clone(); 3_000], 0)), &seed(1), &seed(2))
        .unwrap();
    let end = pump::run(&mut *asker, &mut *holder, 2, &mut Allow, |_, _| ());
    assert_eq!(end, Err(PumpError::Asker(Misbehaviour::Count.into())));
    // A commitment that is not the query's.
    let prepared = asking.prepare(&probe, &seed(3)).unwrap();
    let mut asker = prepared.exchange(&good, &seed(1)).unwrap();
    let other = Asked { digest: [1; 32], ..good };
    let mut holder = answering.answer(&other, Box::new(Slice(slice, 0)), &seed(1), &seed(2)).unwrap();
    assert_eq!(holder.consume(asker.produce().unwrap()), Err(Misbehaviour::Commitment.into()));
}
