//! Guarded exchanges: real machines under real permits, frame by frame.

use std::sync::Arc;

use symbolon_protocol::{
    count, exact,
    exchange::{Boxed, Fault, Frame},
    oprf::KeyPair,
    padding::Buckets,
    seed::Seed,
    set::{IdentifierBytes, IdentifierSource, Output, SetBuilder, fresh_key},
    snapshot::{self, BlobSink, BlobSource},
    transcript::Role,
};

use super::*;
use crate::{ask::Fetch, world::fetch};

const OPENING: &[&[u8]] = &[b"the same words on both ends"];

fn names(range: std::ops::Range<u32>) -> Vec<IdentifierBytes> {
    range.map(|i| IdentifierBytes::new(format!("person {i}").into_bytes())).collect()
}

fn query(items: u32) -> exact::Query {
    exact::Query::blind(names(0..items), &Seed::new([1; 32])).unwrap()
}

fn epoch() -> KeyPair {
    fresh_key(&Seed::new([2; 32]).stream("key")).unwrap()
}

fn exact_holder(items: u32) -> Result<Boxed<exact::Served>, Fault> {
    let holder = exact::Holder::new(Arc::new(epoch()), items, query(items).digest(), Seed::new([3; 32]))?;
    Ok(Box::new(holder))
}

/// A machine that asks about `items` people in a snapshot of people 3 to 12.
fn exact_asker(items: u32) -> Result<Boxed<Vec<bool>>, Fault> {
    let mut set = SetBuilder::new(epoch(), Output::Bound);
    set.absorb(&names(3..13))?;
    let (key, summary, bytes) = set.finish(|n| n, Seed::new([4; 32]).stream("padding"))?;
    let asker = exact::Asker::new(query(items), key.public_bytes(), (summary.entries, Arc::new(bytes)))?;
    Ok(Box::new(asker))
}

struct People(Vec<IdentifierBytes>);

impl IdentifierSource for People {
    fn next(&mut self, limit: usize) -> Result<Vec<IdentifierBytes>, Fault> {
        Ok(self.0.drain(..limit.min(self.0.len())).collect())
    }

    fn total(&self) -> u64 {
        self.0.len() as u64
    }
}

fn count_query(agreement: &InForce, items: u32) -> count::Query {
    let noise = agreement.terms().noise().unwrap();
    count::Query::blind(names(0..items), noise, &Seed::new([1; 32])).unwrap()
}

fn count_holder(agreement: &InForce, items: u32) -> Result<Boxed<count::Served>, Fault> {
    let (noise, digest) = (agreement.terms().noise().unwrap(), count_query(agreement, items).digest());
    let people = Box::new(People(names(50..90)));
    Ok(Box::new(count::Holder::new(items, noise, digest, people, Buckets::USUAL, Seed::new([3; 32]))?))
}

fn count_asker(agreement: &InForce, items: u32) -> Result<Boxed<count::Counted>, Fault> {
    Ok(Box::new(count::Asker::new(count_query(agreement, items))))
}

struct Filter(Vec<u8>);

impl BlobSource for Filter {
    fn read(&mut self, offset: u64, limit: usize) -> Result<Vec<u8>, Fault> {
        Ok(self.0.iter().copied().skip(usize::try_from(offset).unwrap()).take(limit).collect())
    }
}

impl BlobSink for Filter {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn summary() -> symbolon_protocol::filter::Summary {
    symbolon_protocol::filter::Summary { entries: 40_000, bytes: 150_000, digest: [0; 32] }
}

fn snapshot_holder() -> Result<Boxed<u64>, Fault> {
    Ok(Box::new(snapshot::Holder::new(summary(), Filter(vec![7; 150_000]))))
}

fn snapshot_asker() -> Result<Boxed<Filter>, Fault> {
    Ok(Box::new(snapshot::Asker::new(summary(), 0, Filter(Vec::new()))?))
}

fn fetching(agreement: &InForce) -> Paid {
    admit_fetch(agreement, &fetch(agreement), &mk(), &Meters::default(), NOW).unwrap()
}

fn paid(agreement: &InForce, ask: &Ask) -> Paid {
    spend(agreement, ask, &mut Meters::default(), NOW).unwrap()
}

/// Lets one machine do what it can; frames it sends pass `tamper` and go to `out`.
fn step<T: Send>(
    machine: &mut Guarded<T>,
    inbox: &mut Vec<Frame>,
    out: &mut Vec<Frame>,
    tamper: &mut dyn FnMut(&mut Frame),
) -> Result<bool, Fault> {
    let wants = machine.wants();
    if wants.verdict {
        machine.settle()?;
    } else if wants.send {
        let mut frame = machine.produce()?;
        tamper(&mut frame);
        out.push(frame);
    } else if wants.receive && !inbox.is_empty() {
        machine.consume(inbox.remove(0))?;
    } else if wants.compute {
        machine.compute(1_000)?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

type Ends<A, H> = ((A, Digest), (H, Digest));

/// Runs two guarded machines; frames from the holder pass `tamper` on their way.
fn run<A: Send, H: Send>(
    mut asker: Guarded<A>,
    mut holder: Guarded<H>,
    mut tamper: impl FnMut(&mut Frame),
) -> Result<Ends<A, H>, Fault> {
    let (mut to_holder, mut to_asker) = (Vec::new(), Vec::new());
    loop {
        let moved = step(&mut asker, &mut to_asker, &mut to_holder, &mut |_| ())?
            | step(&mut holder, &mut to_holder, &mut to_asker, &mut tamper)?;
        if asker.wants().done && holder.wants().done {
            return Ok((asker.finish()?, holder.finish()?));
        }
        assert!(moved, "neither machine can go on");
    }
}

fn ends<A: Send, H: Send>(
    grants: (Paid, Paid),
    openings: (&[&[u8]], &[&[u8]]),
    machines: (Result<Boxed<A>, Fault>, Result<Boxed<H>, Fault>),
    tamper: impl FnMut(&mut Frame),
) -> Result<Ends<A, H>, Fault> {
    let asker = grants.0.open(Role::Asker, openings.0, || machines.0)?;
    let holder = grants.1.open(Role::Holder, openings.1, || machines.1)?;
    run(asker, holder, tamper)
}

#[test]
fn both_ends_keep_the_same_transcript() {
    let agreement = in_force(terms());
    let exact = ask(&agreement);
    let grants = || (paid(&agreement, &exact), paid(&agreement, &exact));
    let machines = || (exact_asker(5), exact_holder(5));
    let ((hits, seen), (served, kept)) = ends(grants(), (OPENING, OPENING), machines(), |_| ()).unwrap();
    assert_eq!((hits, served.items), (vec![false, false, false, true, true], 5));
    assert_eq!(seen, kept);
    let ((_, again), _) = ends(grants(), (OPENING, OPENING), machines(), |_| ()).unwrap();
    assert_eq!(seen, again, "the same seeds give the same transcript");
    let ((_, other), (_, same)) = ends(grants(), (&[b"other"], OPENING), machines(), |_| ()).unwrap();
    assert_ne!(other, same, "the opening words are part of it");
    assert_eq!(same, kept);

    let number = count(&agreement);
    let grants = (paid(&agreement, &number), paid(&agreement, &number));
    let machines = (count_asker(&agreement, 100), count_holder(&agreement, 100));
    let ((counted, seen), (served, kept)) = ends(grants, (OPENING, OPENING), machines, |_| ()).unwrap();
    assert_eq!((served.items, served.entries, seen), (100, 1_024, kept));
    assert!(counted.estimate.abs_diff(40) <= 15, "{counted:?}");
}

#[test]
fn a_frame_changed_on_its_way_shows_in_the_transcripts() {
    // The machines of a transfer do not look into the bytes, so here only the transcript can tell.
    let agreement = in_force(terms());
    let fetched = |nth: usize| {
        let mut frames = 0;
        let tamper = |frame: &mut Frame| {
            frames += 1;
            if frames == nth {
                frame.body[10] ^= 1;
            }
        };
        let grants = (fetching(&agreement), fetching(&agreement));
        let ((filter, seen), (sent, kept)) =
            ends(grants, (OPENING, OPENING), (snapshot_asker(), snapshot_holder()), tamper).unwrap();
        assert_eq!((filter.0.len(), sent), (150_000, 150_000));
        (seen, kept)
    };
    let (seen, kept) = fetched(0);
    assert_eq!(seen, kept);
    for nth in 1..=3 {
        let (altered, sent) = fetched(nth);
        assert_eq!(sent, kept, "the holder sent the same");
        assert_ne!(altered, sent, "frame {nth}");
    }
}

#[test]
fn a_frame_changed_on_its_way_ends_a_query() {
    let agreement = in_force(terms());
    let ask = ask(&agreement);
    let grants = (paid(&agreement, &ask), paid(&agreement, &ask));
    let swap: fn(&mut Frame) = |frame| {
        if frame.tag == 2 {
            frame.body[..64].rotate_left(32);
        }
    };
    let end = ends(grants, (OPENING, OPENING), (exact_asker(5), exact_holder(5)), swap);
    assert!(matches!(end, Err(Fault::PeerMisbehaved(_))), "{end:?}");
}

/// What a holder's machine does when it is due to disclose, fed by the asker's machine for it.
fn disclosed<A: Send, H: Send>(
    grant: Paid,
    asker: Result<Boxed<A>, Fault>,
    holder: Result<Boxed<H>, Fault>,
) -> Result<(), Fault> {
    let mut asker = asker.unwrap();
    let mut holder = grant.open(Role::Holder, OPENING, || holder).unwrap();
    while holder.wants().receive {
        while !asker.wants().send {
            asker.compute(1_000).unwrap();
        }
        holder.consume(asker.produce().unwrap()).unwrap();
    }
    assert!(holder.wants().verdict, "a disclosure is due");
    let settled = holder.settle();
    assert_eq!(holder.wants().verdict, settled.is_err(), "refused stays refused");
    assert!(!holder.wants().send || settled.is_ok(), "nothing goes out");
    settled
}

#[test]
fn a_machine_discloses_what_was_paid_for_and_nothing_else() {
    let agreement = in_force(terms());
    let (five, hundred) = (ask(&agreement), count(&agreement));
    let query = |ask| paid(&agreement, ask);
    let exact = |grant, items| disclosed(grant, exact_asker(items), exact_holder(items));
    let number =
        |grant, items| disclosed(grant, count_asker(&agreement, items), count_holder(&agreement, items));
    let snapshot = |grant| disclosed(grant, snapshot_asker(), snapshot_holder());
    let refused = Err(Fault::Refused);

    assert_eq!(exact(query(&five), 5), Ok(()));
    assert_eq!(exact(query(&five), 6), refused, "one more than paid for");
    assert_eq!(exact(query(&five), 4), refused, "one less");
    assert_eq!(number(query(&hundred), 100), Ok(()));
    assert_eq!(number(query(&hundred), 101), refused);
    assert_eq!(snapshot(fetching(&agreement)), Ok(()));

    let exact_hundred = Ask { items: 100, ..five.clone() };
    assert_eq!(number(query(&exact_hundred), 100), refused, "a count for the price of an exact query");
    assert_eq!(exact(query(&hundred), 100), refused, "and the other way round");
    assert_eq!(snapshot(query(&five)), refused, "a query is no transfer");
    let one = Ask { items: 1, ..five.clone() };
    assert_eq!(exact(query(&one), 1), Ok(()));
    assert_eq!(exact(fetching(&agreement), 1), refused, "a transfer answers no query, not even the smallest");
    assert_eq!(number(fetching(&agreement), 100), refused);
}

#[test]
fn a_transfer_costs_nothing_but_has_to_be_allowed_like_a_query() {
    let agreement = in_force(terms());
    let with = |change: fn(&mut Fetch), now| {
        let mut fetch = fetch(&agreement);
        change(&mut fetch);
        admit_fetch(&agreement, &fetch, &mk(), &Meters::default(), now).err().map(|r| r.code)
    };
    assert_eq!(with(|_| (), NOW), None);
    assert_eq!(with(|_| (), terms().valid_until), Some(RefusalCode::Expired));
    assert_eq!(with(|f| f.agreement = AgreementId([9; 32]), NOW), Some(RefusalCode::NoAgreement));
    assert_eq!(with(|f| f.asker = mk(), NOW), Some(RefusalCode::NoAgreement));
    assert_eq!(with(|f| f.rules = Digest([9; 32]), NOW), Some(RefusalCode::RulesMismatch));
    let mut meters = Meters::default();
    for _ in 0..10 {
        spend(&agreement, &Ask { items: 100, ..ask(&agreement) }, &mut meters, NOW).unwrap();
    }
    let spent = admit_fetch(&agreement, &fetch(&agreement), &mk(), &meters, NOW).unwrap_err();
    assert_eq!(spent.code, RefusalCode::QuotaExceeded, "a snapshot that nothing can be asked of");
    let closed = in_force(Terms { rules: "// nothing\n".into(), ..terms() });
    let refusal = admit_fetch(&closed, &fetch(&closed), &mk(), &Meters::default(), NOW).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::RulesForbid);
}

#[test]
fn a_machine_that_cannot_be_built_takes_its_permit_along() {
    let agreement = in_force(terms());
    let opened = paid(&agreement, &ask(&agreement)).open(Role::Holder, OPENING, || {
        Ok(Box::new(exact::Holder::new(Arc::new(epoch()), 0, [0; 32], Seed::new([3; 32]))?) as Boxed<_>)
    });
    assert!(matches!(opened.err(), Some(Fault::Misuse(_))));
}
