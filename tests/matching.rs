//! Matches between two nodes as processes of their own: what is found, what is not, and what both can prove.
//!
//! Setting up keys takes most of the time, so one pair of nodes serves all steps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use support::{Agency, Done, Kept, PERMITTED, REGISTER, Running, officer, people, record, text_of};

/// Bits of a template, and how many may differ in a hit.
const LENGTH: usize = 128;
const MOST: usize = 32;

/// How long the other node may take to begin or to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// The probes that may be spent, one more than the test asks.
const BUDGET: u64 = 9;

const TERMS: &str = r#"
[matching]
engines = ["tfhe-one-round/1"]
key_hours = 24
largest_slice = 1000
budget = 9
budget_days = 3660
prior_permille = 100

[[matching.forms]]
name = "face-128"
modality = "FACE"
length = 128
masked = false
s = 0
p = 1
kappa = 64
degrees_of_freedom = 128
alternatives = 2
answers = ["any", "candidates"]
cap = 2

[[quotas]]
asker = "MK"
unit = "probes"
limit = 100
period_days = 3660
"#;

/// A template that has nothing in common with those of other numbers.
fn face(number: u64) -> [bool; LENGTH] {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    std::array::from_fn(|_| {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) & 1 == 1
    })
}

/// Another picture of the same face: so many positions differ, another set for each `picture`.
fn again(mut face: [bool; LENGTH], apart: usize, picture: usize) -> [bool; LENGTH] {
    for at in 0..apart {
        face[(picture + at * 3) % LENGTH] ^= true;
    }
    face
}

fn hex(face: &[bool; LENGTH]) -> String {
    let nibble = |bits: &[bool]| bits.iter().fold(0, |sum, bit| sum << 1 | u32::from(*bit));
    face.chunks(4).map(|bits| char::from_digit(nibble(bits), 16).unwrap()).collect()
}

/// A record with a face.
fn with_face(number: u32, kept: Kept, face: &[bool; LENGTH]) -> String {
    let mut line: Value = serde_json::from_str(&record(number, kept, "")).unwrap();
    line["templates"] =
        json!([{ "position": "FACE", "kind": "face-128", "length": LENGTH, "bits": hex(face) }]);
    line.to_string() + "\n"
}

/// Asks by faces, and waits.
#[track_caller]
fn ask(asker: &Agency, answer: &str, faces: &[[bool; LENGTH]]) -> Done {
    start(asker, answer, faces).wait()
}

/// Asks by faces.
fn start(asker: &Agency, answer: &str, faces: &[[bool; LENGTH]]) -> Running {
    let alternatives: Vec<Value> =
        faces.iter().map(|face| json!({ "position": "FACE", "bits": hex(face) })).collect();
    let file = asker.file("probe.json", &json!({ "alternatives": alternatives }).to_string());
    let [purpose, basis] = PERMITTED;
    let words = ["query", "match", "--register", REGISTER, "--purpose", purpose, "--basis", basis];
    let rest = ["--officer", "officer-1", "--case", "K-17/2026", "--peer", "RS", "--form", "face-128"];
    asker.start(&[words.as_slice(), &rest, &["--answer", answer, "--probe", &file]].concat())
}

/// What a match told.
#[track_caller]
fn told(done: &Done) -> (bool, Value) {
    let outcome = &done.answer()["outcome"];
    assert_eq!((done.exit, &outcome["outcome"]), (Some(0), &"matched".into()), "{done:#?}");
    (outcome["hit"].as_bool().unwrap(), outcome["candidates"].clone())
}

fn names(agency: &Agency, file: &str, event: &str) -> Vec<Value> {
    agency.events(file).into_iter().filter(|(name, _)| name == event).map(|(_, event)| event).collect()
}

#[test]
fn matches_from_keys_to_an_empty_budget() {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree_on(&asker, TERMS);
    let mut lines: String = (0..40).map(|n| with_face(n, Kept::No, &face(n.into()))).collect();
    // Two more of the face of record 5, of which one is blocked, and three of one face.
    lines += &with_face(40, Kept::No, &again(face(5), 6, 1));
    lines += &with_face(41, Kept::Blocked, &again(face(5), 6, 2));
    lines += &with_face(42, Kept::Blocked, &face(42));
    lines += &with_face(43, Kept::European, &face(43));
    lines += &(44..47).map(|n| with_face(n, Kept::No, &again(face(50), 4, n as usize))).collect::<String>();
    holder.import(&(lines + &record(60, Kept::No, "")));
    holder.serve();
    asker.serve();

    let found = ask(&asker, "any", &[again(face(7), MOST - 8, 0)]);
    assert_eq!(told(&found), (true, Value::Null));
    let outcome = &found.answer()["outcome"];
    assert_eq!(outcome["engine"], "tfhe-one-round/1");
    assert_eq!((&outcome["entries"], &outcome["comparisons"]), (&1_024.into(), &1_024.into()), "padded");
    assert_eq!(outcome["budget"], json!({ "spent": 1, "limit": BUDGET }));
    let share = outcome["false_hits"].as_f64().unwrap();
    assert!(share > 1e-9 && share < 0.001, "{share}: 1,024 comparisons, 5.6 deviations, one in ten is there");
    let receipt = found.answer()["receipt"]["receipt"].clone();
    assert_eq!((&receipt["answer"], &receipt["leakage_bits"]), (&"any".into(), &1.into()), "{receipt}");
    assert_eq!(receipt["ask"]["matching"]["positions"], json!(["FACE"]));

    assert_eq!(
        told(&ask(&asker, "any", &[again(face(7), MOST + 12, 0)])),
        (false, Value::Null),
        "a stranger"
    );
    assert_eq!(told(&ask(&asker, "any", &[face(42), face(43)])), (false, Value::Null), "in no slice");
    // Each of the two alternatives finds its own; the blocked one does not count.
    let two = ask(&asker, "candidates", &[again(face(5), 3, 0)]);
    assert_eq!(told(&two), (true, 2.into()));
    let receipt = &two.answer()["receipt"]["receipt"];
    assert_eq!(receipt["answer"], json!({ "candidates": { "cap": 2 } }));
    assert_eq!(receipt["leakage_bits"], 20, "1 + 1 + 1,024 + C(1,024, 2)");
    assert_eq!(told(&ask(&asker, "candidates", &[face(50)])), (true, Value::Null), "more than the cap");

    // The keys were set up once, and both know them by the same words.
    let made = [names(&holder, "h.ndjson", "keys_made"), names(&asker, "a.ndjson", "keys_made")];
    assert_eq!([made[0].len(), made[1].len()], [1, 1]);
    assert_eq!(made[0][0]["set"], made[1][0]["set"]);
    assert_eq!(files(&holder), ["partner"]);
    assert_eq!(files(&asker), ["own"]);

    stopped(&holder, &asker);
    // Seven of nine probes are spent, and two are the last.
    assert_eq!(told(&ask(&asker, "candidates", &[face(8), face(70)])), (true, 1.into()));
    let refused = ask(&asker, "any", &[face(7)]);
    let outcome = &refused.answer()["outcome"];
    assert_eq!((refused.exit, &outcome["outcome"]), (Some(3), &"refused".into()), "{refused:#?}");
    assert_eq!((&outcome["code"], &outcome["here"]), (&"probes_spent".into(), &true.into()), "{outcome}");
    assert!(outcome["text"].as_str().unwrap().contains("9 of 9 spent, 1 asked"), "{outcome}");
    assert_eq!((budget(&asker), budget(&holder)), (BUDGET, BUDGET));
    assert_eq!(asker.ask(&people([1]), &["RS"]).hits(), ["1"], "exact queries go on");

    claimed(&holder, &asker, [&found, &two]);
    opened(&holder, &asker, &two);

    let compared = holder.reconcile(&asker, "end.ndjson");
    assert_eq!((&compared["matched"], &compared["discrepancies"]), (&8.into(), &json!([])), "{compared}");

    let id = holder.run(&["agreement", "list"]).ok()["agreements"][0]["id"].as_str().unwrap().to_owned();
    holder.run(&["agreement", "revoke", &id, "--reason", "over"]).ok();
    assert!(files(&holder).is_empty() && files(&asker).is_empty(), "keys end with the agreement");
    assert_eq!(names(&holder, "ended.ndjson", "keys_ended").len(), 1);
    holder.stop();
    asker.stop();
}

/// The probes of two matches are opened to the holder: it replays them and finds what they found, in plaintext.
fn claimed(holder: &Agency, asker: &Agency, [one, two]: [&Done; 2]) {
    let [asks, verifies] = [("ana", "asks"), ("bojan", "verifies")].map(|(id, roles)| {
        let officer = officer(asker, id, id);
        officer.enrol(asker, &["--roles", roles]).ok();
        officer
    });
    let [approves] = ["dana"].map(|id| officer(holder, id, id));
    approves.enrol(holder, &["--roles", "approves"]).ok();
    let claim = |query: &str| {
        let words = ["hit", "verify", query, "--match", "--same"];
        asker.run(&[&words[..], &verifies.signs()].concat()).ok();
        let words = ["claim", "make", query, "--match", "--field", "CATEGORY", "--field", "NAME"];
        asker.run(&[&words[..], &asks.signs()].concat()).ok()
    };
    let query = |done: &Done| done.answer()["query"].as_str().unwrap().to_owned();
    let found = |line: &Value| line["outcome"]["found"].as_array().unwrap().clone();
    let told = claim(&query(two));
    assert_eq!(found(&told).len(), 2, "each record of the two candidates: {told}");
    let told = claim(&query(one));
    let [record] = found(&told).try_into().unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(record["item"], Value::Null);
    assert_eq!(record["fields"], json!([["CATEGORY", { "needs": 1 }], ["NAME", "absent"]]));
    let id = told["claim"]["claim"].as_str().unwrap();
    holder.run(&[&["case", "approve", id][..], &approves.signs()].concat()).ok();
    let line = asker.run(&["claim", "collect", id]).ok();
    assert_eq!(line["standing"]["end"], "released");
    let file = line["releases"][0]["file"].as_str().unwrap();
    let opened = asker.run(&[&["claim", "open", file][..], &asks.signs()].concat()).ok();
    assert_eq!(opened["records"][0]["fields"]["CATEGORY"]["category"], "IRREGULAR_CROSSING");
}

/// The probe of a match is opened to an officer who audits: the keys are in the file, and the holder's journal shows that
/// they are those that it took.
fn opened(holder: &Agency, asker: &Agency, done: &Done) {
    let ivo = officer(asker, "ivo", "ivo");
    ivo.enrol(asker, &["--roles", "audits"]).ok();
    let query = done.answer()["query"].as_str().unwrap();
    let file = text_of(&asker.path("match.opened"));
    let words = ["audit", "open", query, "--out", &file, "--reason", "yearly audit"];
    asker.run(&[&words[..], &ivo.signs()].concat()).ok();
    let [ours, theirs] = [asker.export("ours.ndjson"), holder.export("theirs.ndjson")];
    for (journal, says, not) in [
        (&ours, "\"shows\"", "only the journal of RS shows it"),
        (&theirs, "the keys that RS took", "\"limits\""),
    ] {
        let words = ["audit", "check-opening", &file, "--journal", journal];
        let verdict = asker.run(&[&words[..], &ivo.signs()].concat()).ok();
        let text = verdict.to_string();
        assert!(text.contains(says) && text.contains(not), "{text}");
        let asked = &verdict["asked"]["probe"];
        assert_eq!((&asked["form"], &asked["least_overlap"]), (&json!("face-128"), &json!(64)), "{text}");
        assert_eq!(asked["alternatives"], json!([{ "position": "FACE", "usable": LENGTH }]));
    }
}

/// Whoever asked stops waiting: the holder stops searching, both note it, and the charge stays.
fn stopped(holder: &Agency, asker: &Agency) {
    // Seconds of work for all cores of most machines.
    holder.import(&(1_000..1_850).map(|n| with_face(n, Kept::No, &face(n.into()))).collect::<String>());
    let before = names(holder, "before.ndjson", "answered").len();
    let query = start(asker, "any", &[face(7)]);
    let begun = Instant::now();
    let under_way = || holder.run(&["status"]).ok()["exchanges"].as_u64().unwrap();
    while budget(holder) < 7 || under_way() == 0 {
        assert!(begun.elapsed() < PATIENCE, "the holder never began");
        thread::sleep(Duration::from_millis(20));
    }
    query.interrupt();
    let done = query.wait();
    let failure = &done.answer()["outcome"]["failure"];
    assert_eq!(done.exit, Some(1), "{done:#?}");
    assert!(failure["what"].as_str().unwrap().contains("stays spent"), "{done:#?}");
    assert!(failure["help"].as_str().unwrap().contains("query resume"), "{done:#?}");
    let id = &done.answer()["query"];
    while under_way() > 0 {
        assert!(begun.elapsed() < PATIENCE, "the holder never ends");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(names(holder, "after.ndjson", "answered").len(), before, "it searched to the end");
    for (agency, why) in [(holder, "connection"), (asker, "stopped by whoever asked")] {
        let failed = names(agency, "failed.ndjson", "failed");
        let failed: Vec<_> = failed.iter().filter(|event| event["query"] == *id).collect();
        let [event] = failed.as_slice() else { panic!("{failed:#?}") };
        assert!(event["reason"].as_str().unwrap().contains(why), "{event}");
        assert_eq!(event["partner_at_fault"], false);
    }
    assert_eq!((budget(asker), budget(holder)), (7, 7));
    let ids: Vec<String> = (1_000..1_850).map(|n| format!("R-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    holder.run(&[&["register", "erase", REGISTER, "--reason", "ORDER"], ids.as_slice()].concat()).ok();
}

/// Probes that are spent.
#[track_caller]
fn budget(agency: &Agency) -> u64 {
    let meters = agency.meters();
    meters.into_iter().find(|(name, _)| name.contains("probes of border")).unwrap().1
}

/// Kinds of the files of evaluation keys.
fn files(agency: &Agency) -> Vec<String> {
    let entries = fs::read_dir(agency.home().join("keys")).unwrap();
    let kind = |name: &str| name.rsplit('.').next().unwrap().to_owned();
    entries.map(|entry| kind(entry.unwrap().file_name().to_str().unwrap())).collect()
}
