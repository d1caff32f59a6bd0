//! What a side that does not follow the protocol achieves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use crate::{
    exchange::{Disclosure, Frame, Verdict, Warden},
    matching::tfhe::parameters::{BIG_LWE, bits},
    wire::{BlobOut, Outbox},
};

/// Sends `bytes` as a query to a holder that expects them, and returns how that ended.
fn send(bytes: Vec<u8>, alternatives: u16) -> Result<(), Fault> {
    let asked = Asked {
        digest: query::digest(&bytes),
        alternatives,
        answer: Answer::Any,
        largest_slice: 10,
        buckets: Buckets::USUAL,
        places: None,
    };
    let rows = Box::new(Slice(vec![single(random(&form(), 1, 1))], 0));
    let mut holder =
        ready().answering.answer(&asked, rows, &Seed::new([3; 32]), &Seed::new([0; 32])).unwrap();
    let mut size = Outbox::new(messages::QUERY_SIZE, 1);
    size.push(&[(bytes.len() as u64).to_be_bytes()]).unwrap();
    holder.consume(size.frame().unwrap())?;
    let mut blob = BlobOut::new(messages::QUERY, bytes);
    while !blob.complete() {
        holder.consume(blob.frame().unwrap())?;
    }
    holder.compute(1)?;
    // The query stands: what comes next is the rules' verdict.
    assert!(holder.wants().verdict);
    Ok(())
}

fn good(alternatives: u64) -> Vec<u8> {
    let ready = ready();
    let probe: Vec<Template> = (0..alternatives).map(|at| random(&ready.form, 1, at)).collect();
    let key = Public::encryption_of(&ready.seed);
    let crs = crs::restore(&ready.reference).unwrap();
    query::encrypt(&ready.form, &ready.encoding, &key, &crs, &probe, &Seed::new([4; 32])).unwrap()
}

fn refused(result: Result<(), Fault>) -> bool {
    matches!(result, Err(Fault::PeerMisbehaved(Misbehaviour::Query(_) | Misbehaviour::Length)))
}

#[test]
fn only_whole_and_proved_queries_stand() {
    let bytes = good(1);
    assert_eq!(send(bytes.clone(), 1), Ok(()));
    // Cut, lengthened, or with one bit turned in a mask, a body, a length or a proof.
    assert!(refused(send(bytes[..bytes.len() - 1].to_vec(), 1)));
    assert!(refused(send([bytes.as_slice(), &[0]].concat(), 1)));
    let list = 8 * (BIG_LWE.0 + bits(&form()));
    for at in [0, 8 * BIG_LWE.0 + 3, list + 1, list + 300, bytes.len() - 40] {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        assert!(refused(send(bad, 1)), "byte {at}");
    }
    // For more alternatives than there are; a size beyond any query's.
    assert!(refused(send(bytes.clone(), 2)));
    assert!(refused(send(vec![0; 1 << 17], 1)));
}

#[test]
fn parts_cannot_change_places() {
    let bytes = good(2);
    assert_eq!(send(bytes.clone(), 2), Ok(()));
    let (first, second) = bytes.split_at(bytes.len() / 2);
    assert!(refused(send([second, first].concat(), 2)));
    assert!(refused(send([first, first].concat(), 2)), "one alternative repeated");
    let Ready { form, encoding, .. } = ready();
    let context = |alternative, chunk| query::context(form, encoding, &[1], alternative, chunk);
    assert_ne!(context(0, 0), context(0, 1), "lists of one alternative");
}

#[test]
fn something_else_than_bits_is_not_proved() {
    let ready = ready();
    let key = Public::encryption_of(&ready.seed);
    let crs = crs::restore(&ready.reference).unwrap();
    let context = query::context(&ready.form, &ready.encoding, key.as_ref(), 0, 0);
    for value in [2, 3, 1 << 20, u64::MAX] {
        let mut bits = vec![1; bits(&ready.form)];
        bits[5] = value;
        // The library's prover refuses, or what it makes does not verify.
        let made = catch_unwind(AssertUnwindSafe(|| {
            let seed = tfhe::core_crypto::commons::math::random::Seed(9);
            query::encrypt_chunk(&ready.encoding, &key, &crs, &bits, &context, seed)
        }));
        if let Ok(Ok(bytes)) = made {
            assert!(refused(send(bytes, 1)), "{value}");
        }
    }
    // A good proof beside a list that encrypts twos: every body raised by one bit more.
    let mut bytes = good(1);
    for body in bytes[8 * BIG_LWE.0..8 * (BIG_LWE.0 + bits(&ready.form))].as_chunks_mut::<8>().0 {
        *body = u64::from_le_bytes(*body).wrapping_add(ready.encoding.bit()).to_le_bytes();
    }
    assert!(refused(send(bytes, 1)));
}

#[test]
fn queries_of_other_keys_or_references_do_not_stand() {
    let ready = ready();
    let probe = [random(&ready.form, 1, 0)];
    let crs = crs::restore(&ready.reference).unwrap();
    // The keys of another epoch.
    let key = Public::encryption_of(&Seed::new([66; 32]));
    let bytes =
        query::encrypt(&ready.form, &ready.encoding, &key, &crs, &probe, &Seed::new([4; 32])).unwrap();
    assert!(refused(send(bytes, 1)));
    // A reference string that the asker made itself.
    let other = crs::make(&ready.form, &ready.encoding, &Seed::new([77; 32])).unwrap();
    let other = crs::restore(&other).unwrap();
    let key = Public::encryption_of(&ready.seed);
    let bytes =
        query::encrypt(&ready.form, &ready.encoding, &key, &other, &probe, &Seed::new([4; 32])).unwrap();
    assert!(refused(send(bytes, 1)));
}

#[test]
fn an_asker_takes_no_malformed_reference() {
    let Ready { form, encoding, reference, .. } = ready();
    for bad in [reference[..reference.len() - 1].to_vec(), Vec::new(), vec![0; 100]] {
        assert!(matches!(crs::read(form, encoding, &bad), Err(Fault::PeerMisbehaved(Misbehaviour::Keys(_)))));
    }
    let mut bad = reference.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    assert!(crs::read(form, encoding, &bad).is_err(), "a point off the curve");
    // Well-formed to the library, but its prover panics: before d and k stand D, the bits of a proof, and n.
    let words = [BIG_LWE.0, bits(form)].map(|word| (word as u64).to_le_bytes()).concat();
    let place = reference.windows(16).position(|window| window == words).unwrap() - 16;
    let mut bad = reference.clone();
    assert_eq!(bad[place..place + 8], ((BIG_LWE.0 + bits(form)) as u64).to_le_bytes());
    bad[place..place + 8].fill(0);
    let known = Misbehaviour::Keys("no proof can be made with the reference string");
    assert_eq!(crs::read(form, encoding, &bad).map(drop), Err(known.into()));
    let other = Form { length: 512, ..*form };
    let encoding = Encoding { log: encoding.log + 1, ..*encoding };
    assert!(crs::read(&other, &encoding, reference).is_err(), "of another form");
}

/// A probe with one unmasked bit would read that bit of every record, were it not for kappa.
#[test]
fn a_probe_of_few_bits_reads_nothing() {
    let form = form();
    let mut positions = vec![None; 640];
    positions[3] = Some(true);
    let probe = Template::from_positions(&positions).unwrap();
    let slice: Vec<Group> = (0..20).map(|at| single(random(&form, 1, at))).collect();
    assert!(slice.iter().any(|group| group.rows[0].1.positions().nth(3) == Some(Some(true))));
    assert_eq!(ask(&[probe], slice, Answer::Any, 20).0, Matched::Any(false));
}

#[test]
fn frames_out_of_place_are_the_peers_fault() {
    let ready = ready();
    let probe = [random(&ready.form, 1, 0)];
    let frame = |tag, last, body: &[u8]| Frame { tag, last, body: body.to_vec() };
    for bad in [
        frame(9, true, &[0; 8]),
        frame(1, true, &[0; 7]),
        frame(1, false, &[0; 8]),
        frame(1, true, &[255; 8]),
    ] {
        let (_, mut holder) = machines(ready, &probe, Vec::new(), Answer::Any, 21);
        assert!(matches!(holder.consume(bad), Err(Fault::PeerMisbehaved(_))));
    }
    // Answers of another size than the agreement allows, or than any is padded to.
    for places in [0_u64, 1, 1_000, 1 << 40] {
        let (mut asker, _) = machines(ready, &probe, Vec::new(), Answer::Candidates { cap: 1 }, 22);
        while asker.wants().send {
            asker.produce().unwrap();
        }
        let error = asker.consume(frame(3, true, &places.to_be_bytes()));
        assert_eq!(error, Err(Misbehaviour::Count.into()), "{places}");
    }
    // A holder that refuses, and one that the pump finds stuck, never answer.
    struct Refuse;
    impl Warden for Refuse {
        fn judge(&mut self, _: &Disclosure) -> Verdict {
            Verdict::Refuse
        }
    }
    let (mut asker, mut holder) = machines(ready, &probe, Vec::new(), Answer::Any, 23);
    let end = pump::run(&mut *asker, &mut *holder, 1, &mut Refuse, |_, _| ());
    assert_eq!(end, Err(PumpError::Holder(Fault::Refused)));
}

/// The holder after the verdict on a query that it took.
fn searching(slice: Vec<Group>, answer: Answer, seed: u8) -> (Boxed<Matched>, Boxed<Searched>) {
    let (mut asker, mut holder) = machines(ready(), &[random(&form(), 1, 0)], slice, answer, seed);
    while asker.wants().send {
        holder.consume(asker.produce().unwrap()).unwrap();
    }
    holder.compute(1).unwrap();
    holder.settle(&mut Allow).unwrap();
    (asker, holder)
}

/// A holder whose masks are all zero, or whose phases lack noise, would tell that it searched nothing.
#[test]
fn an_empty_slice_is_answered_as_any_other() {
    for (answer, no) in [
        (Answer::Any, Matched::Any(false)),
        (Answer::Candidates { cap: 2 }, Matched::Candidates { hits: Vec::new(), groups: 1_023 }),
    ] {
        let (mut asker, mut holder) = searching(Vec::new(), answer, 24);
        let mut bytes = Vec::new();
        while !holder.wants().done {
            if holder.wants().send {
                let frame = holder.produce().unwrap();
                if frame.tag == messages::ANSWER.tag {
                    bytes.extend_from_slice(&frame.body);
                }
                asker.consume(frame).unwrap();
            } else {
                holder.compute(1).unwrap();
            }
        }
        // Of 1,024 words of twelve bits in each mask a quarter of one is zero by chance.
        for pack in bytes.chunks(3 * (1_024 + 256) / 2).filter(|pack| pack.len() >= 1_536) {
            let words = pack[..1_536].as_chunks::<3>().0.iter();
            let zeros =
                words.filter(|[a, b, c]| (*a == 0 && b >> 4 == 0) || (b & 15 == 0 && *c == 0)).count();
            assert!(zeros < 6, "{answer:?}: {zeros}");
        }
        while !asker.wants().done {
            asker.compute(1).unwrap();
        }
        assert_eq!(asker.finish().unwrap(), no);
    }
}

#[test]
fn progress_does_not_tell_the_size_of_the_slice() {
    for answer in [Answer::Any, Answer::Candidates { cap: 2 }] {
        for records in [10, 200] {
            let slice = (0..records).map(|at| single(random(&form(), 1, at))).collect();
            let (_, mut holder) = searching(slice, answer, 25);
            for step in 0..3 {
                let progress = holder.progress();
                assert_eq!(progress.total, 1_024, "{answer:?} {records} {step}");
                assert!((0..=100).any(|part| progress.done == 1_024 * part / 100), "{progress:?}");
                if step < 2 && holder.wants().compute {
                    holder.compute(1).unwrap();
                }
            }
        }
        // Before any work.
        let slice = (0..900).map(|at| single(random(&form(), 1, at))).collect();
        assert_eq!(searching(slice, answer, 25).1.progress().total, 1_024);
    }
}

/// Hill climbing [PROTOCOLS 6]: walk to the threshold, then turn each bit once. It takes about one query a
/// bit; what a budget leaves unasked stays unknown.
#[test]
fn a_budget_ends_hill_climbing_early() {
    let form = Form { length: 2_048, masked: false, rule: Rule { s: 2, p: 5, kappa: 200 } };
    let target = random(&form, 1, 0);
    let start = near(&target, 300, 1);
    let climb = |budget: usize| {
        let (mut asked, mut probe): (usize, Vec<_>) = (0, start.positions().collect());
        let mut hit = |probe: &[Option<bool>]| {
            asked += 1;
            (asked <= budget).then(|| form.rule.hit(&Template::from_positions(probe).unwrap(), &target))
        };
        // Turn bits until one more wrong bit is a miss.
        let mut at = 0;
        loop {
            probe[at] = probe[at].map(|bit| !bit);
            match hit(&probe) {
                Some(true) => at += 1,
                Some(false) => break probe[at] = probe[at].map(|bit| !bit),
                None => return 0,
            }
        }
        // Now a turned bit is a hit only if it was wrong.
        let mut known = 0;
        for at in 0..2_048 {
            let mut turned = probe.clone();
            turned[at] = turned[at].map(|bit| !bit);
            match hit(&turned) {
                Some(_) => known += 1,
                None => break,
            }
        }
        known
    };
    assert_eq!(climb(4_000), 2_048, "without a budget the whole template is read");
    let known = climb(500);
    assert!(known < 400, "{known} bits of 2,048");
}
