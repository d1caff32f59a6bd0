//! A suppressed record is as an absent one, to a partner that measures: the same frames, and times that a test of ranks
//! cannot tell apart. Queries and claims, at a real node, by a partner with a program of its own.
//!
//! Each sample is a pair, one about a blocked record and one about nobody, in random order within the pair; so whatever
//! else the machine does falls on both alike. If the node takes as long for both, the signs of the differences are fair
//! coins and Wilcoxon's statistic is beyond [`LEVEL`] deviations once in a million runs, whatever the times look like.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[path = "support/hostile.rs"]
mod partner;
mod support;

use std::time::{Duration, Instant};

use serde::Serialize;
use symbolon_policy::{
    ask::{Ask, case_digest},
    canonical,
    claim::{Claim, opening_digest},
    signing::{self, Signature},
    words::{ClaimId, Field},
};
use symbolon_protocol::{exact::Query, identifier::RawIdentifier, seed::Seed};

use partner::{Answer, BLINDED, EXACT, Hostile, WORD, frame, now};
use support::{Agency, Kept, person, record, records};

const CLAIM: &str = "/symbolon/claim/1";
const CASE: &str = "K-17/2026";
/// Pairs of queries, and of claims.
const PAIRS: u32 = 40;
/// Deviations from which on two samples count as different: by chance once in a million runs.
const LEVEL: f64 = 5.0;
/// Blocked records have numbers from here on, nobody has those from `NOBODY` on.
const BLOCKED: u32 = 1_000;
const NOBODY: u32 = 2_000;

/// Wilcoxon's signed-rank statistic in deviations, ties at their mean rank (Wilcoxon 1945; Pratt 1959 for zeros, which
/// are left out here).
fn signed_ranks(differences: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    sizes.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
    let (mut sum, mut squares, mut at) = (0.0, 0.0, 0);
    while at < sizes.len() {
        let tied = sizes[at..].iter().take_while(|d| d.abs() == sizes[at].abs()).count();
        let rank = at as f64 + (tied as f64 + 1.0) / 2.0;
        for d in &sizes[at..at + tied] {
            sum += rank * d.signum();
            squares += rank * rank;
        }
        at += tied;
    }
    if squares == 0.0 { 0.0 } else { sum / squares.sqrt() }
}

#[test]
fn the_statistic_tells_a_shift_from_none() {
    // Golden-ratio steps: spread evenly, and without chance.
    let noise = |n: u32| f64::from(n).mul_add(0.618_033_988_75, 0.0).fract() - 0.5;
    let none: Vec<f64> = (0..PAIRS).map(noise).collect();
    assert!(signed_ranks(&none).abs() < 2.0, "{}", signed_ranks(&none));
    // A shift of as much as the noise spreads, either way.
    for sign in [1.0, -1.0] {
        let shifted: Vec<f64> = none.iter().map(|d| sign * (d + 0.5)).collect();
        assert!(signed_ranks(&shifted) * sign > LEVEL, "{}", signed_ranks(&shifted));
    }
    assert_eq!(signed_ranks(&[0.0; 9]), 0.0);
}

fn scene() -> (Agency, Hostile) {
    let mut holder = Agency::new("RS").set("OPEN_RECEIPTS", "1000");
    let blocked: String = (BLOCKED..BLOCKED + PAIRS).map(|n| record(n, Kept::Blocked, "")).collect();
    holder.import(&(records(0..200, "") + &blocked));
    holder.serve();
    let hostile = Hostile::new(&holder);
    (holder, hostile)
}

fn identifier(number: u32) -> zeroize::Zeroizing<Vec<u8>> {
    let person: serde_json::Value = serde_json::from_str(&person(number, "x")).unwrap();
    let raw: RawIdentifier = serde_json::from_value(person["identifiers"][0].clone()).unwrap();
    zeroize::Zeroizing::new(raw.canonical().unwrap().bytes().to_vec())
}

/// A query about people, with its bytes on the wire.
fn query(
    hostile: &Hostile,
    snapshot: symbolon_policy::words::SnapshotId,
    people: &[u32],
) -> (Ask, Query, Vec<u8>) {
    let query =
        Query::blind(people.iter().copied().map(identifier).collect(), &Seed::new(rand::random())).unwrap();
    let elements = query.open(&[]).unwrap().to_bytes()[4..].to_vec();
    let mut ask = hostile.ask(Some(snapshot), &elements);
    ask.case = Some(case_digest(&ask.query, CASE));
    let bytes = [hostile.sign(&ask), frame(BLINDED, 1, &elements)].concat();
    (ask, query, bytes)
}

/// What is claimed, as the partner says it.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Say {
    Claim { claim: Box<Claim>, signature: Signature },
}

fn claim(hostile: &Hostile, ask: &Ask, query: &Query, item: u32) -> Vec<u8> {
    let opening = query.open(&[item]).unwrap().to_bytes();
    let claim = Claim {
        claim: ClaimId(rand::random()),
        query: ask.query,
        agreement: ask.agreement,
        asker: ask.asker.clone(),
        holder: ask.holder.clone(),
        basis: ask.basis,
        case: CASE.into(),
        officer: ask.officer.clone(),
        seal: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".into(),
        verified_by: "expert-x".parse().unwrap(),
        verified_at: now(),
        items: vec![item],
        fields: Field::ALL.to_vec(),
        opening: opening_digest(&opening),
        claimed_at: now(),
    };
    let signature = signing::sign(&claim, &hostile.signer).unwrap();
    let word = frame(WORD, 1, &canonical::encode(&Say::Claim { claim: Box::new(claim), signature }).unwrap());
    let size = frame(1, 1, &(opening.len() as u64).to_be_bytes());
    let pieces: Vec<&[u8]> = opening.chunks(65_536).collect();
    let last = pieces.len() - 1;
    let pieces = pieces.iter().enumerate().flat_map(|(n, piece)| frame(2, u8::from(n == last), piece));
    [word, size].concat().into_iter().chain(pieces).collect()
}

/// What came back, without what is drawn at random: the tag and the length of every frame.
type Shape = Vec<(u8, usize)>;

/// Pairs as they came out: differences in seconds, blocked less absent, and both shapes.
struct Measured {
    differences: Vec<f64>,
    shapes: Vec<[Shape; 2]>,
}

/// Puts pairs to the node, each in random order.
fn measure(pairs: u32, mut put: impl FnMut(u32, bool) -> Answer) -> Measured {
    let (mut differences, mut shapes) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        let mut timed = |blocked: bool| {
            let started = Instant::now();
            let answer = put(pair, blocked);
            (started.elapsed(), answer.frames)
        };
        let blocked_first: bool = rand::random();
        let (one, other) = (timed(blocked_first), timed(!blocked_first));
        let (blocked, absent) = if blocked_first { (one, other) } else { (other, one) };
        let seconds = |took: Duration| took.as_secs_f64();
        differences.push(seconds(blocked.0) - seconds(absent.0));
        shapes.push([blocked.1, absent.1]);
    }
    Measured { differences, shapes }
}

#[track_caller]
fn alike(what: &str, Measured { differences, shapes }: &Measured) {
    for [blocked, absent] in shapes {
        assert_eq!(blocked, absent, "{what}: other frames");
        assert!(blocked.len() > 1, "{what}: answered, {blocked:?}");
    }
    let z = signed_ranks(differences);
    assert!(z.abs() < LEVEL, "{what}: {z:.1} deviations, {differences:?}");
}

#[test]
fn a_partner_that_measures_sees_no_difference_between_suppressed_and_absent() {
    let (holder, hostile) = scene();
    let snapshot = hostile.manifest().snapshot;
    let number = |pair: u32, blocked: bool| if blocked { BLOCKED + pair } else { NOBODY + pair };

    // Queries, each about one person.
    let asked = measure(PAIRS, |pair, blocked| {
        let (_, _, bytes) = query(&hostile, snapshot, &[number(pair, blocked)]);
        hostile.send(EXACT, &bytes)
    });
    alike("queries", &asked);
    // A hit is not told from a miss either: only who asked can.
    let (_, _, bytes) = query(&hostile, snapshot, &[7]);
    assert_eq!(hostile.send(EXACT, &bytes).frames, asked.shapes[0][0]);

    // Claims. The last item is of a record that takes part: there the answer is longer.
    let mut people: Vec<u32> =
        (0..PAIRS).flat_map(|pair| [number(pair, true), number(pair, false)]).collect();
    people.push(7);
    let (ask, query, bytes) = query(&hostile, snapshot, &people);
    assert_eq!(hostile.send(EXACT, &bytes).disclosed.len(), 2);
    // Items from 24 on are longer in the claim, and it is the same for both of a pair; the warm-up is not measured.
    let put = |item: u32| hostile.send(CLAIM, &claim(&hostile, &ask, &query, item));
    (0..4).for_each(|item| drop(put(item)));
    let claimed = measure(PAIRS, |pair, blocked| put(2 * pair + u32::from(!blocked)));
    alike("claims", &claimed);
    let bytes = |shape: &Shape| shape.iter().map(|(_, size)| size).sum::<usize>();
    assert!(bytes(&put(2 * PAIRS).frames) > bytes(&claimed.shapes[0][0]));

    // The holder's own journal says what each claim found: the record that takes part, and no other.
    let events = holder.events("end.ndjson");
    let found: Vec<_> = events
        .iter()
        .filter(|(name, _)| name == "claimed")
        .map(|(_, event)| event["found"].as_array().unwrap().len())
        .collect();
    assert_eq!((found.len(), found.iter().sum::<usize>()), (2 * PAIRS as usize + 5, 1));
}
