//! Matches as files between two agencies that never meet over a network: keys, questions, answers, receipts, and
//! what becomes of files that were altered, cut, repeated or meant for somebody else.
//!
//! Setting up keys takes most of the time, so one pair of homes serves all steps. No node runs at any time.

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

use std::fs;

use serde_json::{Value, json};

use support::{Agency, Done, Kept, PERMITTED, REGISTER, record, text_of};

/// Bits of a template, and how many may differ in a hit: 512 - 2·128 = kappa.
const LENGTH: usize = 512;
const MOST: usize = 128;

const TERMS: &str = r#"
[matching]
engines = ["tfhe-one-round/1"]
key_hours = 240
largest_slice = 1000
budget = 8
budget_days = 3660
prior_permille = 100

[[matching.forms]]
name = "face-512"
modality = "FACE"
length = 512
masked = false
s = 0
p = 1
kappa = 256
degrees_of_freedom = 512
alternatives = 2
answers = ["any", "candidates"]
cap = 2

[[quotas]]
asker = "MK"
unit = "probes"
limit = 100
period_days = 3660
"#;

type Face = [bool; LENGTH];

/// SplitMix64.
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A template that has nothing in common with those of other numbers.
fn face(number: u64) -> Face {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    std::array::from_fn(|_| mixed(&mut state) & 1 == 1)
}

/// Another picture of the same face: so many positions differ.
fn again(mut face: Face, apart: usize) -> Face {
    for at in 0..apart {
        face[at * 3 % LENGTH] ^= true;
    }
    face
}

fn apart(one: &Face, other: &Face) -> usize {
    one.iter().zip(other).filter(|(one, other)| one != other).count()
}

fn hex(face: &Face) -> String {
    let nibble = |bits: &[bool]| bits.iter().fold(0, |sum, bit| sum << 1 | u32::from(*bit));
    face.chunks(4).map(|bits| char::from_digit(nibble(bits), 16).unwrap()).collect()
}

fn with_face(number: u32, kept: Kept, face: &Face) -> String {
    let mut line: Value = serde_json::from_str(&record(number, kept, "")).unwrap();
    line["templates"] =
        json!([{ "position": "FACE", "kind": "face-512", "length": LENGTH, "bits": hex(face) }]);
    line.to_string() + "\n"
}

/// Writes a question to a new file.
#[track_caller]
fn ask(asker: &Agency, answer: &str, face: &Face, out: &str) -> Done {
    let alternatives = json!({ "alternatives": [{ "position": "FACE", "bits": hex(face) }] });
    let probe = asker.file("probe.json", &alternatives.to_string());
    let [purpose, basis] = PERMITTED;
    let words = ["query", "match", "--register", REGISTER, "--purpose", purpose, "--basis", basis];
    let rest = ["--officer", "officer-1", "--case", "K-17/2026", "--peer", "RS", "--form", "face-512"];
    let more = ["--answer", answer, "--probe", &probe, "--courier", out];
    asker.run(&[words.as_slice(), &rest, &more].concat())
}

/// What can be seen of an agency when nothing is to be charged or journalled.
#[track_caller]
fn seen(agency: &Agency) -> Value {
    let status = agency.run(&["status"]).ok();
    json!([status["journal_entries"], status["meters"], status["told"]])
}

#[track_caller]
fn file_of(done: Done) -> String {
    done.ok()["file"].as_str().unwrap().to_owned()
}

/// The same file with one byte changed.
fn altered(agency: &Agency, file: &str, at: usize) -> String {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 0x10;
    let path = text_of(&agency.path("altered"));
    fs::write(&path, bytes).unwrap();
    path
}

/// Files made of this one that were altered or cut somewhere are refused, and nothing comes of them.
#[track_caller]
fn refuses_altered(agency: &Agency, command: &str, file: &str, seed: u64) {
    let (before, bytes) = (seen(agency), fs::read(file).unwrap());
    let slip = 17 + 4 + usize::from(u16::from_be_bytes([bytes[19], bytes[20]]));
    let mut state = seed;
    let mut somewhere = |from: usize, to: usize| from + mixed(&mut state) as usize % (to - from);
    let places = [
        somewhere(0, 17),
        somewhere(17, 21),
        somewhere(21, slip),
        somewhere(21, slip),
        somewhere(slip, bytes.len()),
        somewhere(slip, bytes.len()),
    ];
    let out = text_of(&agency.path("nothing"));
    let refused = |file: &str, what: &str| {
        let done = agency.run(&[command, file, "--out", &out]);
        assert!(matches!(done.exit, Some(2 | 5)), "{what}: {done:#?}");
        assert!(!agency.path("nothing").exists(), "{what}");
    };
    for at in places {
        refused(&altered(agency, file, at), &format!("byte {at} of {}", bytes.len()));
    }
    let cut = text_of(&agency.path("cut"));
    fs::write(&cut, &bytes[..somewhere(0, bytes.len())]).unwrap();
    refused(&cut, "cut");
    assert_eq!(seen(agency), before, "nothing is charged or journalled");
}

/// What an answer told.
#[track_caller]
fn told(done: &Done) -> (bool, Value) {
    let outcome = &done.answer()["outcome"];
    assert_eq!((done.exit, &outcome["outcome"]), (Some(0), &"matched".into()), "{done:#?}");
    (outcome["hit"].as_bool().unwrap(), outcome["candidates"].clone())
}

#[track_caller]
fn probes(agency: &Agency) -> u64 {
    let meters = agency.meters();
    meters.iter().find(|(name, _)| name.contains("MK") && name.contains("probes of")).unwrap().1
}

#[test]
fn a_match_without_a_network() {
    let (holder, asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree_on(&asker, TERMS);
    let faces: Vec<Face> = (0..9).map(face).collect();
    let mut lines: String = (0..).zip(&faces).map(|(n, face)| with_face(n, Kept::No, face)).collect();
    lines += &with_face(20, Kept::No, &again(face(5), 40));
    lines += &with_face(21, Kept::Blocked, &face(21));
    holder.import(&lines);
    let hits = |probe: &Face| {
        let slice =
            faces.iter().chain([&again(face(5), 40)]).map(|face| apart(face, probe)).collect::<Vec<_>>();
        slice.iter().filter(|apart| **apart <= MOST).count()
    };

    keys(&holder, &asker);

    // A question whose file is there already costs nothing.
    let near = again(face(5), 60);
    let taken = asker.file("taken", "precious");
    let before = seen(&asker);
    assert_eq!(ask(&asker, "candidates", &near, &taken).exit, Some(2));
    assert_eq!((seen(&asker), fs::read(&taken).unwrap()), (before, b"precious".to_vec()));

    let question = file_of(ask(&asker, "candidates", &near, &text_of(&asker.path("one"))));
    assert_eq!((probes(&asker), probes(&holder)), (1, 0));
    strangers(&holder, &asker, &question);
    refuses_altered(&holder, "answer", &question, 1);

    let answer = file_of(holder.run(&["answer", &question]));
    assert_eq!(answer, format!("{question}.answer"));
    assert_eq!(probes(&holder), 1);
    // The answer is there already; then it is lost, and the question comes again.
    let before = seen(&holder);
    assert_eq!(holder.run(&["answer", &question]).exit, Some(2));
    assert_eq!(seen(&holder), before, "nothing comes of a name that is taken");
    let lost = fs::read(&answer).unwrap();
    fs::remove_file(&answer).unwrap();
    assert_eq!(file_of(holder.run(&["answer", &question])), answer);
    assert_eq!((fs::read(&answer).unwrap(), probes(&holder)), (lost, 1), "the same answer, charged once");
    assert_eq!(seen(&holder), before, "the same charge and the same answer are journalled once");

    refuses_altered(&asker, "open", &answer, 2);
    assert_eq!(asker.run(&["answer", &answer]).exit, Some(2), "it asks nothing");
    let opened = asker.run(&["open", &answer]);
    assert_eq!(told(&opened), (true, hits(&near).into()), "as the plain rule says");
    assert_eq!(hits(&near), 2);
    let receipt = opened.json["receipt"].as_str().unwrap().to_owned();
    let before = seen(&asker);
    let twice = asker.run(&["open", &answer, "--out", &text_of(&asker.path("twice"))]);
    assert_eq!(twice.exit, Some(2), "{twice:#?}");
    assert!(twice.json["failed"]["what"].as_str().unwrap().contains("opened already"), "{twice:#?}");
    assert_eq!(seen(&asker), before);
    refuses_altered(&holder, "open", &receipt, 3);
    assert_eq!(holder.run(&["open", &receipt]).ok()["reply"], "settled");
    assert_eq!(holder.run(&["open", &receipt]).ok()["reply"], "settled", "again changes nothing");

    // Yes or no: a stranger, and one who is blocked.
    for (name, probe) in [("two", again(face(7), MOST + 40)), ("three", face(21))] {
        let question = file_of(ask(&asker, "any", &probe, &text_of(&asker.path(name))));
        let answer = file_of(holder.run(&["answer", &question]));
        let opened = asker.run(&["open", &answer]);
        assert_eq!((told(&opened), hits(&probe)), ((false, Value::Null), 0), "{name}");
        holder.run(&["open", opened.json["receipt"].as_str().unwrap()]).ok();
    }

    refused(&holder, &asker);
    // Both tell the same of what answers told: 1 + 1 of a yes or no, and the candidates.
    let bits = |agency: &Agency| agency.run(&["status"]).ok()["told"].clone();
    assert_eq!(bits(&holder), bits(&asker));
    let of = |code: &str| bits(&asker).as_array().unwrap().iter().find(|line| line["asker"] == code).cloned();
    assert!(of("MK").unwrap()["leakage_bits"].as_u64().unwrap() > 2);
    assert_eq!(of("RS").unwrap()["leakage_bits"], 0);

    // Three answered, one refused.
    let compared = holder.reconcile(&asker, "end.ndjson");
    assert_eq!((&compared["matched"], &compared["discrepancies"]), (&4.into(), &json!([])), "{compared}");
}

/// Sets up keys by six files, with some that are altered, repeated or out of order among them.
fn keys(holder: &Agency, asker: &Agency) {
    let first = text_of(&asker.path("keys"));
    let done = ask(asker, "any", &face(1), &first).ok();
    assert_eq!((&done["kind"], &done["part"]), (&"keys".into(), &1.into()), "{done}");
    assert_eq!(asker.spent(), 0, "nothing is asked yet");
    refuses_altered(holder, "answer", &first, 4);
    let second = file_of(holder.run(&["answer", &first]));
    refuses_altered(asker, "open", &second, 5);
    let third = file_of(asker.run(&["open", &second]));
    let fourth = file_of(holder.run(&["answer", &third]));
    assert_eq!(fourth, format!("{first}.keys-4"));
    // The choice was lost: it is the same again, and no other one.
    let choice = fs::read(&fourth).unwrap();
    let once_more = text_of(&holder.path("fourth"));
    holder.run(&["answer", &third, "--out", &once_more]).ok();
    assert_eq!(fs::read(&once_more).unwrap(), choice);
    let earlier = holder.run(&["answer", &first, "--out", &text_of(&holder.path("earlier"))]);
    assert_eq!(earlier.exit, Some(2), "{earlier:#?}");
    let fifth = file_of(asker.run(&["open", &fourth]));
    let earlier = asker.run(&["open", &second, "--out", &text_of(&asker.path("earlier"))]);
    assert_eq!(earlier.exit, Some(2), "{earlier:#?}");
    let sixth = file_of(holder.run(&["answer", &fifth]));
    // The last file was lost: it is written again, and nothing new is set up.
    let (last, before) = (fs::read(&sixth).unwrap(), seen(holder));
    fs::remove_file(&sixth).unwrap();
    holder.run(&["answer", &fifth]).ok();
    assert_eq!((fs::read(&sixth).unwrap(), seen(holder)), (last, before));
    assert_eq!(asker.run(&["open", &sixth]).ok()["reply"], "keys_ready");
    assert_eq!(asker.run(&["open", &sixth]).exit, Some(2), "the setup is over");
    let made = |agency: &Agency, name: &str| {
        let events = agency.events(name).into_iter().filter(|(event, _)| event == "keys_made");
        events.map(|(_, event)| event["set"].clone()).collect::<Vec<_>>()
    };
    let [at_holder, at_asker] = [made(holder, "keys.ndjson"), made(asker, "keys.ndjson")];
    assert_eq!((at_holder.len(), at_holder), (1, at_asker), "both know them by the same words");
    assert_eq!(asker.spent(), 0);
}

/// Files for another agency, from a sender that is not known, and no files of a courier at all.
fn strangers(holder: &Agency, asker: &Agency, question: &str) {
    let stranger = Agency::new("RS");
    for (agency, what) in [(asker, "for RS"), (&stranger, "names no agreement")] {
        let before = seen(agency);
        let done = agency.run(&["answer", question, "--out", &text_of(&agency.path("nothing"))]);
        assert_eq!(done.exit, Some(2), "{done:#?}");
        assert!(done.json["failed"]["what"].as_str().unwrap().contains(what), "{done:#?}");
        assert_eq!(seen(agency), before);
    }
    let before = seen(holder);
    let long = holder.file("long", "");
    fs::File::options().write(true).open(&long).unwrap().set_len((256 << 20) + 1).unwrap();
    let other = holder.file("other", "a letter");
    for (file, what) in
        [(long, "longer than"), (other, "no courier file"), (text_of(&holder.path("gone")), "cannot read")]
    {
        let done = holder.run(&["answer", &file]);
        assert_eq!(done.exit, Some(2), "{done:#?}");
        assert!(done.json["failed"]["what"].as_str().unwrap().contains(what), "{done:#?}");
    }
    assert_eq!(seen(holder), before);
}

/// The holder's own rules refuse: the file says so, and the asker is told.
fn refused(holder: &Agency, asker: &Agency) {
    let rules =
        "@id(\"closed\")\n@title(\"Nobody is answered now.\")\nforbid (principal, action, resource);\n";
    let rules = holder.file("closed.cedar", rules);
    let question = file_of(ask(asker, "any", &face(1), &text_of(&asker.path("refused"))));
    let spent = (probes(asker), probes(holder));
    holder.run(&["rules", "national", "set", &rules]).ok();
    let written = holder.run(&["answer", &question]);
    assert_eq!(written.exit, Some(3), "{written:#?}");
    assert!(written.json["refused"].is_string(), "{written:#?}");
    let opened = asker.run(&["open", written.json["file"].as_str().unwrap()]);
    let outcome = &opened.answer()["outcome"];
    assert_eq!(
        (opened.exit, &outcome["outcome"], &outcome["here"]),
        (Some(3), &"refused".into(), &false.into())
    );
    assert_eq!(opened.json["receipt"], Value::Null);
    assert_eq!((probes(asker), probes(holder)), spent, "the asker's charge stays, the holder took none");
    holder.run(&["rules", "national", "clear"]).ok();
}
