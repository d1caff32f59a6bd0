use zeroize::Zeroizing;

use super::{noise::Noise, *};
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Verdict, Warden},
    filter,
    group::decode_point,
    oprf::{Mode, element},
    padding::Buckets,
    pump::{self, PumpError},
    seed::Seed,
    set::{IdentifierBytes, IdentifierSource, unbound},
    wire::Outbox,
};

struct Rules(Verdict);

impl Warden for Rules {
    fn judge(&mut self, disclosure: &Disclosure) -> Verdict {
        assert!(matches!(disclosure, Disclosure::Count { .. }));
        self.0
    }
}

fn name(i: u32) -> IdentifierBytes {
    Zeroizing::new(format!("person {i}").into_bytes())
}

/// People from a number to below another, each twice.
struct People(std::ops::Range<u32>);

impl IdentifierSource for People {
    fn next(&mut self, limit: usize) -> Result<Vec<IdentifierBytes>, Fault> {
        Ok(self.0.by_ref().take(limit).flat_map(|i| [name(i), name(i)]).collect())
    }

    fn total(&self) -> u64 {
        u64::from(self.0.end)
    }
}

fn law() -> Noise {
    Noise::new(1_000, 30).unwrap()
}

fn pair(asked: std::ops::Range<u32>, held: u32, seed: u8) -> (Box<Asker>, Box<Holder>) {
    let query = Query::blind(asked.map(name).collect(), law(), &Seed::new([2; 32])).unwrap();
    let (items, digest) = (query.items(), query.digest());
    let (people, buckets) = (Box::new(People(0..held)), Buckets::USUAL);
    let holder = Holder::new(items, law(), digest, people, buckets, Seed::new([seed; 32])).unwrap();
    (Box::new(Asker::new(query)), Box::new(holder))
}

fn count(asked: std::ops::Range<u32>, held: u32, seed: u8, capacity: usize) -> (Counted, Served) {
    let (mut asker, mut holder) = pair(asked, held, seed);
    pump::run(&mut *asker, &mut *holder, capacity, &mut Rules(Verdict::Release), |_, _| ()).unwrap();
    (asker.finish().unwrap(), holder.finish().unwrap())
}

#[test]
fn the_estimate_is_the_true_number_and_the_noise_drawn() {
    for (seed, capacity) in [(1, 1), (2, 2), (3, 7), (4, 1)] {
        let (counted, served) = count(500..3_500, 2_000, seed, capacity);
        let drawn = law().draw(&mut Seed::new([seed; 32]).stream("count/noise"));
        assert_eq!(counted.estimate, 1_500 + i64::from(drawn) - 15);
        assert_eq!((counted.half_width, served.items, served.entries), (3, 3_000, 2_048));
    }
}

#[test]
fn the_padded_size_does_not_show_the_noise() {
    // 994 people and 30 dummies fill the smallest bucket exactly, whatever number of dummies is in.
    let sizes: std::collections::BTreeSet<u64> =
        (1..40).map(|seed| count(0..100, 994, seed, 2).1.entries).collect();
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [1_024]);
}

#[test]
fn repeats_count_once() {
    let query = Query::blind(vec![name(1), name(1), name(2)], law(), &Seed::new([2; 32])).unwrap();
    assert_eq!(query.items(), 2);
}

#[test]
fn the_answer_is_in_random_order() {
    let (mut asker, mut holder) = pair(0..200, 10, 1);
    asker.compute(1).unwrap();
    holder.consume(asker.produce().unwrap()).unwrap();
    holder.settle(&mut Rules(Verdict::Release)).unwrap();
    while !holder.wants().send {
        holder.compute(100).unwrap();
    }
    let first = holder.produce().unwrap();
    // Unshuffled, the answer would be the evaluation of the ascending batch, element by element.
    let key = crate::set::fresh_key(&Seed::new([1; 32]).stream("count/key")).unwrap();
    let (mut again, _) = pair(0..200, 10, 1);
    again.compute(1).unwrap();
    let straight: Vec<[u8; 32]> = again
        .produce()
        .unwrap()
        .body
        .as_chunks::<32>()
        .0
        .iter()
        .map(|bytes| (crate::group::decode_point(bytes).unwrap() * key.secret()).compress().to_bytes())
        .collect();
    let mut shuffled: Vec<[u8; 32]> = first.body.as_chunks::<32>().0.to_vec();
    assert_ne!(shuffled, straight);
    let mut sorted = straight;
    sorted.sort_unstable();
    shuffled.sort_unstable();
    assert_eq!(shuffled, sorted, "but it is the same elements");
}

/// Not prevented, and why this exchange is called semi-honest: see docs/protocols/count.md.
#[test]
fn an_asker_with_a_blind_for_each_element_undoes_the_shuffle() {
    use super::messages::{BLINDED, query_digest};
    let stream = Seed::new([9; 32]).stream("blinds");
    let blinds: Vec<_> = (0..40).map(|i| stream.scalar(i)).collect();
    let asked = 20..60_u32;
    let mut elements: Vec<_> = asked
        .clone()
        .zip(&blinds)
        .map(|(i, blind)| (element(&name(i), Mode::Verifiable).unwrap() * blind).compress().to_bytes())
        .collect();
    elements.sort_unstable();
    // Ten identifiers paid for, the places of the thirty dummies used for others.
    let digest = query_digest(elements.iter());
    let people = Box::new(People(0..40));
    let mut holder = Holder::new(10, law(), digest, people, Buckets::USUAL, Seed::new([1; 32])).unwrap();
    let mut outbox = Outbox::new(BLINDED, 40);
    outbox.push(&elements).unwrap();
    holder.consume(outbox.frame().unwrap()).unwrap();
    holder.settle(&mut Rules(Verdict::Release)).unwrap();
    let mut frames = Vec::new();
    while !holder.wants().done {
        if holder.wants().send {
            frames.push(holder.produce().unwrap());
        } else {
            holder.compute(100).unwrap();
        }
    }
    let of =
        |tag| frames.iter().filter(move |f| f.tag == tag).flat_map(|f| f.body.clone()).collect::<Vec<_>>();
    let (evaluated, sizes, bytes) = (of(2), of(3), of(4));
    let entries = u64::from_be_bytes(sizes[..8].try_into().unwrap());
    let hits: Vec<bool> = blinds
        .iter()
        .map(|blind| {
            let unblind =
                |e: &[u8; 32]| unbound(&(decode_point(e).unwrap() * blind.invert()).compress().to_bytes());
            let outputs: Vec<u64> = evaluated.as_chunks().0.iter().map(unblind).collect();
            filter::lookup(&bytes, entries, &outputs).unwrap().contains(&true)
        })
        .collect();
    assert_eq!(hits, asked.map(|i| i < 40).collect::<Vec<_>>());
}

#[test]
fn progress_does_not_show_the_size_of_the_slice() {
    let (mut asker, mut holder) = pair(0..100, 5_000, 1);
    pump::run(&mut *asker, &mut *holder, 1, &mut Rules(Verdict::Release), |_, progress| {
        if progress.phase == "slice" {
            assert_eq!((progress.done, progress.total), (0, 0));
        }
    })
    .unwrap();
}

#[test]
fn nothing_leaves_without_a_verdict() {
    let (mut asker, mut holder) = pair(0..100, 10, 1);
    let end = pump::run(&mut *asker, &mut *holder, 1, &mut Rules(Verdict::Refuse), |_, _| ());
    assert_eq!(end, Err(PumpError::Holder(Fault::Refused)));
    assert_eq!(asker.progress().done, 0);
}

#[test]
fn hostile_frames_end_in_a_fault_of_the_peer() {
    let first = |tamper: fn(&mut Frame)| {
        let (mut asker, mut holder) = pair(0..100, 10, 1);
        asker.compute(1).unwrap();
        let mut frame = asker.produce().unwrap();
        tamper(&mut frame);
        holder.consume(frame).unwrap_err()
    };
    assert_eq!(first(|f| f.body[..32].fill(0)), Misbehaviour::Point.into());
    assert_eq!(first(|f| f.body.truncate(32)), Misbehaviour::Count.into());
    let repeat: fn(&mut Frame) = |f| f.body.copy_within(0..32, 32);
    assert_eq!(first(repeat), Misbehaviour::Repeat.into());
    let drop_one: fn(&mut Frame) = |f| {
        // Another valid element, still in ascending order, that was not committed to.
        let last = f.body.len() - 32;
        let tail: [u8; 32] = f.body[last..].try_into().unwrap();
        let higher = (1_u64..)
            .map(|i| curve25519_dalek::RistrettoPoint::mul_base(&i.into()).compress().to_bytes())
            .find(|p| *p > tail)
            .unwrap();
        f.body[last..].copy_from_slice(&higher);
    };
    assert_eq!(first(drop_one), Misbehaviour::Commitment.into());

    let answer = |nth: usize, tamper: fn(&mut Frame)| {
        let (mut asker, mut holder) = pair(0..100, 10, 1);
        asker.compute(1).unwrap();
        holder.consume(asker.produce().unwrap()).unwrap();
        holder.settle(&mut Rules(Verdict::Release)).unwrap();
        for i in 0.. {
            while !holder.wants().send {
                holder.compute(100).unwrap();
            }
            let mut frame = holder.produce().unwrap();
            if i == nth {
                tamper(&mut frame);
                if let Err(fault) = asker.consume(frame) {
                    return fault;
                }
                return asker.compute(1).unwrap_err();
            }
            asker.consume(frame).unwrap();
            while asker.wants().compute {
                asker.compute(1).unwrap();
            }
        }
        unreachable!()
    };
    assert_eq!(answer(0, |f| f.body[..32].fill(255)), Misbehaviour::Point.into());
    assert_eq!(answer(1, |f| f.tag = 4), Misbehaviour::Tag { expected: "filter sizes", found: 4 }.into());
    assert!(matches!(answer(1, |f| f.body[0] = 9), Fault::PeerMisbehaved(Misbehaviour::Filter(_))));
    assert!(matches!(answer(2, |f| f.body[9..].fill(255)), Fault::PeerMisbehaved(Misbehaviour::Filter(_))));
    assert_eq!(answer(2, |f| f.body.truncate(9)), Misbehaviour::Count.into());
}

/// What an auditor tells apart when the batch is opened: the commitment holds the asker to its seed.
#[test]
fn a_batch_without_the_dummies_is_not_the_one_that_was_agreed() {
    let seed = Seed::new([2; 32]);
    let batch = || (0..120).map(name).collect::<Vec<_>>();
    let agreed = Query::blind(batch(), law(), &seed).unwrap();
    let without = Query::without_dummies(batch(), law(), &seed).unwrap();
    assert_eq!((agreed.items(), without.items()), (120, 120));
    assert_ne!(agreed.digest(), without.digest());
    // In another order and with repeats it is the same batch.
    let again = batch().into_iter().rev().chain([name(7)]).collect();
    assert_eq!(Query::blind(again, law(), &seed).unwrap().digest(), agreed.digest());
}
