//! The interactive engine between two nodes as processes of their own: chosen, asked, resumed, claimed, audited.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use serde_json::{Value, json};

use support::{Agency, Done, Kept, PERMITTED, REGISTER, officer, record};

/// Bits of a template, and how many may differ in a hit.
const LENGTH: usize = 256;
const MOST: usize = 64;
/// People in the register.
const PEOPLE: u32 = 1_500;

const TERMS: &str = r#"
[matching]
engines = ["tfhe-one-round/1", "ot-garbled/1"]
key_hours = 24
largest_slice = 5000
budget = 20
budget_days = 3660
prior_permille = 100

[[matching.forms]]
name = "face-256"
modality = "FACE"
length = 256
masked = false
s = 0
p = 1
kappa = 128
degrees_of_freedom = 256
alternatives = 2
answers = ["any", "candidates"]
cap = 2

[[quotas]]
asker = "MK"
unit = "probes"
limit = 100
period_days = 3660
"#;

/// A face that has nothing in common with those of other numbers, with so many positions turned.
fn face(number: u32, apart: usize) -> String {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut bits: Vec<bool> = std::iter::repeat_with(|| {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & 1 == 1
    })
    .take(LENGTH)
    .collect();
    (0..apart).for_each(|at| bits[at * 3 % LENGTH] ^= true);
    let nibble = |bits: &[bool]| bits.iter().fold(0, |sum, bit| sum << 1 | u32::from(*bit));
    bits.chunks(4).map(|bits| char::from_digit(nibble(bits), 16).unwrap()).collect()
}

fn with_face(number: u32, kept: Kept, face: &str) -> String {
    let mut line: Value = serde_json::from_str(&record(number, kept, "")).unwrap();
    line["templates"] = json!([{ "position": "FACE", "kind": "face-256", "length": LENGTH, "bits": face }]);
    line.to_string() + "\n"
}

#[track_caller]
fn ask(asker: &Agency, answer: &str, faces: &[String], more: &[&str]) -> Done {
    let alternatives: Vec<Value> =
        faces.iter().map(|face| json!({ "position": "FACE", "bits": face })).collect();
    let file = asker.file("probe.json", &json!({ "alternatives": alternatives }).to_string());
    let [purpose, basis] = PERMITTED;
    let words = ["query", "match", "--register", REGISTER, "--purpose", purpose, "--basis", basis];
    let rest = ["--officer", "officer-1", "--case", "K-17/2026", "--peer", "RS", "--form", "face-256"];
    asker.start(&[words.as_slice(), &rest, &["--answer", answer, "--probe", &file], more].concat()).wait()
}

/// What a match told, and by which engine.
#[track_caller]
fn told(done: &Done) -> (bool, Value) {
    let outcome = &done.answer()["outcome"];
    assert_eq!((done.exit, &outcome["outcome"]), (Some(0), &"matched".into()), "{done:#?}");
    assert_eq!(outcome["engine"], "ot-garbled/1", "the quickest of the two: {outcome}");
    (outcome["hit"].as_bool().unwrap(), outcome["candidates"].clone())
}

#[test]
fn the_quickest_engine_answers_and_a_probe_is_claimed() {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree_on(&asker, TERMS);
    let mut lines: String = (0..PEOPLE).map(|n| with_face(n, Kept::No, &face(n, 0))).collect();
    // One more of the face of record 5, one that is blocked, and three of one face.
    lines += &with_face(PEOPLE, Kept::No, &face(5, 6));
    lines += &with_face(PEOPLE + 1, Kept::Blocked, &face(9_000, 0));
    lines += &(2..5).map(|n| with_face(PEOPLE + n, Kept::No, &face(9_001, n as usize))).collect::<String>();
    holder.import(&lines);
    holder.serve();
    asker.serve();

    let found = ask(&asker, "any", &[face(7, MOST)], &[]);
    assert_eq!(told(&found), (true, Value::Null), "just within the threshold");
    assert_eq!(told(&ask(&asker, "any", &[face(7, MOST + 1)], &[])), (false, Value::Null), "just beyond");
    assert_eq!(told(&ask(&asker, "any", &[face(9_000, 0)], &[])), (false, Value::Null), "in no slice");
    let two = ask(&asker, "candidates", &[face(5, 3), face(12_345, 0)], &[]);
    assert_eq!(told(&two), (true, 2.into()));
    let outcome = &two.answer()["outcome"];
    assert_eq!(outcome["entries"], 1_536, "padded: {outcome}");
    assert_eq!(
        told(&ask(&asker, "candidates", &[face(9_001, 0)], &[])),
        (true, Value::Null),
        "more than the cap"
    );
    assert_eq!(told(&ask(&asker, "candidates", &[face(9_002, 0)], &[])), (false, 0.into()));

    // It cannot go by courier, and says so.
    let file = asker.home().join("question.file");
    let refused =
        ask(&asker, "any", &[face(7, 0)], &["--engine", "ot-garbled/1", "--courier", file.to_str().unwrap()]);
    assert_ne!(refused.exit, Some(0));
    assert!(format!("{refused:?}").contains("cannot go by courier"), "{refused:#?}");

    // The officer may name the engine; one that is not agreed is refused.
    assert_eq!(told(&ask(&asker, "any", &[face(8, 1)], &["--engine", "ot-garbled/1"])), (true, Value::Null));

    let [asks, verifies] = [("ana", "asks"), ("bojan", "verifies")].map(|(id, roles)| {
        let officer = officer(&asker, id, id);
        officer.enrol(&asker, &["--roles", roles]).ok();
        officer
    });
    let query = two.answer()["query"].as_str().unwrap().to_owned();
    let words = ["hit", "verify", &query, "--match", "--same"];
    asker.run(&[&words[..], &verifies.signs()].concat()).ok();
    let words = ["claim", "make", &query, "--match", "--field", "CATEGORY"];
    let line = asker.run(&[&words[..], &asks.signs()].concat()).ok();
    assert_eq!(line["outcome"]["found"].as_array().unwrap().len(), 2, "the probe was replayed: {line}");

    let compared = holder.reconcile(&asker, "end.ndjson");
    assert_eq!((&compared["matched"], &compared["discrepancies"]), (&7.into(), &json!([])), "{compared}");
    holder.stop();
    asker.stop();
}
