use std::{collections::BTreeSet, sync::Arc};

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Verdict, Warden},
    oprf::KeyPair,
    padding::Buckets,
    pump::{self, PumpError},
    seed::Seed,
    set::{IdentifierBytes, Output, SetBuilder, fresh_key},
};

struct Rules(Verdict, Option<Disclosure>);

impl Warden for Rules {
    fn judge(&mut self, disclosure: &Disclosure) -> Verdict {
        self.1 = Some(*disclosure);
        self.0
    }
}

fn name(i: u32) -> IdentifierBytes {
    Zeroizing::new(format!("person {i}").into_bytes())
}

struct Published {
    key: Arc<KeyPair>,
    snapshot: (u64, Arc<Vec<u8>>),
}

fn publish(people: impl Iterator<Item = u32>) -> Published {
    let seed = Seed::new([1; 32]);
    let mut set = SetBuilder::new(fresh_key(&seed.stream("key")).unwrap(), Output::Bound);
    set.absorb(&people.map(name).collect::<Vec<_>>()).unwrap();
    let (key, summary, bytes) = set.finish(|n| Buckets::USUAL.pad(n), seed.stream("padding")).unwrap();
    summary.check().unwrap();
    Published { key: Arc::new(key), snapshot: (summary.entries, Arc::new(bytes)) }
}

fn query(people: impl Iterator<Item = u32>) -> Query {
    Query::blind(people.map(name).collect(), &Seed::new([2; 32])).unwrap()
}

fn pair(published: &Published, query: Query) -> (Box<Asker>, Box<Holder>) {
    let (items, digest) = (query.items(), query.digest());
    let holder = Holder::new(published.key.clone(), items, digest, Seed::new([3; 32])).unwrap();
    let asker = Asker::new(query, published.key.public_bytes(), published.snapshot.clone()).unwrap();
    (Box::new(asker), Box::new(holder))
}

fn ask(published: &Published, people: impl Iterator<Item = u32>, capacity: usize) -> Vec<bool> {
    let (mut asker, mut holder) = pair(published, query(people));
    let mut rules = Rules(Verdict::Release, None);
    let traffic = pump::run(&mut *asker, &mut *holder, capacity, &mut rules, |_, _| ()).unwrap();
    let items = u64::from(holder.finish().unwrap().items);
    assert_eq!(rules.1, Some(Disclosure::Evaluations { items }));
    let frames = items.div_ceil(2_048) * Frame::HEADER as u64;
    assert_eq!(traffic.to_holder, 32 * items + frames);
    assert_eq!(traffic.to_asker, 32 * items + frames + 64 + Frame::HEADER as u64);
    asker.finish().unwrap()
}

#[test]
fn hits_are_the_intersection_at_every_capacity() {
    let published = publish((0..3_000).map(|i| i * 2));
    for capacity in [1, 2, 7] {
        for n in [1, 2, 255, 1_024, 2_048, 2_049, 5_000] {
            let hits = ask(&published, 0..n, capacity);
            assert!((0..n).all(|i| hits[i as usize] == (i % 2 == 0)), "{n} through {capacity}");
        }
    }
}

#[test]
fn the_largest_batch_passes() {
    let published = publish(0..10);
    let hits = ask(&published, 0..BATCH_LIMIT, 2);
    assert_eq!(hits.iter().filter(|hit| **hit).count(), 10);
    let over: Vec<_> = (0..=BATCH_LIMIT).map(name).collect();
    assert!(Query::blind(over, &Seed::new([2; 32])).is_err());
}

#[test]
fn refusal_stops_before_any_evaluation() {
    let published = publish(0..10);
    for (verdict, end) in
        [(Verdict::Refuse, PumpError::Holder(Fault::Refused)), (Verdict::Hold, PumpError::Stuck)]
    {
        let (mut asker, mut holder) = pair(&published, query(0..5));
        let mut rules = Rules(verdict, None);
        assert_eq!(pump::run(&mut *asker, &mut *holder, 1, &mut rules, |_, _| ()).unwrap_err(), end);
        assert_eq!(asker.progress().done, 0);
        assert!(asker.finish().is_err() && holder.finish().is_err());
    }
}

#[test]
fn a_query_replays_bit_for_bit() {
    let frames = || {
        let (mut asker, _) = pair(&publish(0..1), query(0..3_000));
        let mut frames = Vec::new();
        while !asker.outbox_done() {
            if asker.wants().send { frames.push(asker.produce().unwrap()) } else { asker.compute(1).unwrap() }
        }
        frames
    };
    assert!(frames() == frames());
    assert_ne!(query(0..3).digest(), query(0..4).digest());
}

impl Asker {
    fn outbox_done(&self) -> bool {
        !self.wants().send && !self.wants().compute
    }
}

/// Runs a query in which `tamper` changes the `nth` frame that goes to the holder or to the asker.
fn tampered(
    to_asker: bool,
    nth: usize,
    tamper: impl Fn(&mut Frame),
) -> Result<Vec<bool>, (&'static str, Fault)> {
    let published = publish(0..10);
    let (mut asker, mut holder) = pair(&published, query(0..5));
    let mut rules = Rules(Verdict::Release, None);
    let (mut up, mut down) = (0, 0);
    loop {
        if asker.wants().done {
            return asker.finish().map_err(|fault| ("asker", fault));
        }
        if asker.wants().compute {
            asker.compute(100).map_err(|fault| ("asker", fault))?;
        } else if asker.wants().send {
            let mut frame = asker.produce().unwrap();
            if !to_asker && up == nth {
                tamper(&mut frame)
            }
            up += 1;
            holder.consume(frame).map_err(|fault| ("holder", fault))?;
        } else if holder.wants().verdict {
            holder.settle(&mut rules).unwrap();
        } else if holder.wants().send {
            let mut frame = holder.produce().unwrap();
            if to_asker && down == nth {
                tamper(&mut frame)
            }
            down += 1;
            asker.consume(frame).map_err(|fault| ("asker", fault))?;
        } else {
            holder.compute(100).map_err(|fault| ("holder", fault))?;
        }
    }
}

#[test]
fn hostile_frames_end_in_a_typed_fault_of_the_peer() {
    assert!(tampered(true, 9, |_| ()).is_ok());
    let non_canonical = |frame: &mut Frame| frame.body[..32].fill(255);
    let identity = |frame: &mut Frame| frame.body[..32].fill(0);
    let other = |frame: &mut Frame| {
        let (a, b) = frame.body.split_at_mut(32);
        a.copy_from_slice(&b[..32]);
    };
    let blame = |at: &'static str, what: Misbehaviour| Err((at, what.into()));
    let due = |expected, found| Misbehaviour::Tag { expected, found };
    type Case = (bool, usize, fn(&mut Frame), Misbehaviour);
    let cases: [Case; 10] = [
        (false, 0, |f| f.tag = 2, due("blinded elements", 2)),
        (false, 0, |f| f.last = false, Misbehaviour::Last),
        (false, 0, |f| f.body.truncate(128), Misbehaviour::Count),
        (false, 0, |f| f.body.truncate(100), Misbehaviour::Length),
        (false, 0, |f| f.body.extend([1; 32]), Misbehaviour::Count),
        (true, 0, |f| f.tag = 3, due("evaluated elements", 3)),
        (true, 0, |f| f.body.truncate(64), Misbehaviour::Count),
        (true, 1, |f| f.tag = 2, due("proof", 2)),
        (true, 1, |f| f.body[..32].fill(255), Misbehaviour::Scalar),
        (true, 1, |f| f.body[0] ^= 1, Misbehaviour::Proof),
    ];
    for (to_asker, nth, tamper, what) in cases {
        let at = if to_asker { "asker" } else { "holder" };
        assert_eq!(tampered(to_asker, nth, tamper), blame(at, what), "{at} {nth}");
    }
    assert_eq!(tampered(false, 0, non_canonical), blame("holder", Misbehaviour::Point));
    assert_eq!(tampered(false, 0, identity), blame("holder", Misbehaviour::Point));
    assert_eq!(tampered(false, 0, other), blame("holder", Misbehaviour::Commitment));
    assert_eq!(tampered(true, 0, non_canonical), blame("asker", Misbehaviour::Point));
    assert_eq!(tampered(true, 0, identity), blame("asker", Misbehaviour::Point));
    assert_eq!(tampered(true, 0, other), blame("asker", Misbehaviour::Proof));
}

#[test]
fn frames_out_of_turn_are_the_peers_fault() {
    let published = publish(0..10);
    let (mut asker, mut holder) = pair(&published, query(0..5));
    let early = Frame { tag: 2, last: true, body: vec![1; 160] };
    assert_eq!(asker.consume(early), Err(Misbehaviour::Order.into()));
    asker.compute(1).unwrap();
    let frame = asker.produce().unwrap();
    holder.consume(frame.clone()).unwrap();
    assert_eq!(holder.consume(frame), Err(Misbehaviour::Order.into()), "replay");
    assert!(matches!(holder.compute(1), Err(Fault::Misuse(_))), "before the verdict");
    assert!(matches!(holder.produce(), Err(Fault::Misuse(_))));
}

#[test]
fn another_key_than_the_published_one_is_noticed() {
    let published = publish(0..10);
    let other = KeyPair::new(curve25519_dalek::Scalar::from(5_u64)).unwrap();
    let (mut asker, _) = pair(&published, query(0..5));
    let q = query(0..5);
    let mut holder = Box::new(Holder::new(Arc::new(other), 5, q.digest(), Seed::new([3; 32])).unwrap());
    let end = pump::run(&mut *asker, &mut *holder, 1, &mut Rules(Verdict::Release, None), |_, _| ());
    assert_eq!(end, Err(PumpError::Asker(Misbehaviour::Proof.into())));
    assert!(Asker::new(q, &[0; 32], published.snapshot).is_err(), "a key that is the identity");
}

#[test]
fn nothing_secret_is_shown() {
    let published = publish(0..10);
    let (asker, holder) = pair(&published, query(0..5));
    assert!(!format!("{asker:?}").contains("blind:") && !format!("{holder:?}").contains("secret"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_sets_meet_in_their_intersection(register in proptest::collection::vec(0_u32..60, 0..60), asked in proptest::collection::vec(0_u32..60, 1..40)) {
        let published = publish(register.iter().copied());
        let oracle: BTreeSet<u32> = register.into_iter().collect();
        let expected: Vec<bool> = asked.iter().map(|i| oracle.contains(i)).collect();
        prop_assert_eq!(ask(&published, asked.into_iter(), 1), expected);
    }
}
