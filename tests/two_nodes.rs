//! Two and three nodes as processes of their own: what is answered, what is refused, and what both can prove.

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

use std::{collections::BTreeSet, fs, time::Instant};

use serde_json::Value;

use support::{Agency, Done, FORBIDDEN, Kept, PERMITTED, REGISTER, people, person, record, records};

/// Two agencies with an agreement; `RS` holds `lines`, and both nodes run.
fn pair(lines: &str) -> (Agency, Agency) {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK").set("DIAL_TIMEOUT_SECS", "3"));
    holder.agree(&asker);
    holder.import(lines);
    holder.serve();
    asker.serve();
    (holder, asker)
}

/// Everything of an answer that the asker could tell one person from another by, but for ids and times.
fn shape(done: &Done) -> (Option<i32>, Value, [Value; 2], Vec<String>) {
    let answer = done.answer();
    let mut keys: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    keys.extend(answer["receipt"]["receipt"].as_object().unwrap().keys().cloned());
    (done.exit, answer["outcome"].clone(), [answer["bytes_out"].clone(), answer["bytes_in"].clone()], keys)
}

#[test]
fn a_suppressed_record_answers_exactly_like_an_absent_one() {
    let lines = records(0..50, "") + &record(50, Kept::Blocked, "") + &record(51, Kept::European, "");
    let (holder, asker) = pair(&lines);
    // The snapshot crosses once; from here on every query moves the same bytes.
    assert_eq!(asker.ask(&people([0, 50, 51, 60]), &["RS"]).hits(), ["0"]);
    let shown = holder.run(&["register", "show", REGISTER, "R-50"]).ok();
    assert_eq!(shown["record"]["subject"]["blocked"], true, "the holder has it: {shown}");

    let ask = |number| asker.ask(&person(number, "p"), &["RS"]);
    let (present, absent, blocked, european) = (ask(1), ask(60), ask(50), ask(51));
    assert_eq!(present.hits(), ["p"]);
    assert_eq!(absent.hits(), [""; 0]);
    assert_eq!(shape(&blocked), shape(&absent), "blocked");
    assert_eq!(shape(&european), shape(&absent), "from the European Union");
    assert_eq!(shape(&present).2, shape(&absent).2, "nor does the length of the answer tell a hit");
    let entries = |done: &Done| done.answer()["receipt"]["receipt"]["entries"].clone();
    assert_eq!(entries(&blocked), entries(&absent), "the same snapshot");

    let found = holder.reconcile(&asker, "end.ndjson");
    assert_eq!(
        (&found["matched"], &found["discrepancies"]),
        (&5.into(), &Value::Array(Vec::new())),
        "{found}"
    );
}

#[test]
fn a_refusal_has_a_reason_and_a_revoked_agreement_ends_everything() {
    let (mut holder, asker) = pair(&records(0..10, ""));
    let file = asker.file("one.ndjson", &people([1]));
    let refused = asker.run(&Agency::exact(&file, FORBIDDEN, &["RS"]));
    let outcome = &refused.answer()["outcome"];
    assert_eq!(refused.exit, Some(3), "{refused:#?}");
    assert_eq!(
        (&outcome["outcome"], &outcome["code"]),
        (&"refused".into(), &"rules_forbid".into()),
        "{outcome}"
    );
    assert_eq!(asker.spent() + holder.spent(), 0, "a refusal costs nothing");
    assert_eq!(asker.ask(&people([1]), &["RS"]).hits(), ["1"]);

    revoke(&holder);
    ended(&holder, &asker);
    // It stays revoked, and its snapshot is gone for good.
    holder.stop();
    holder.serve();
    ended(&holder, &asker);
    assert_eq!(holder.run(&["snapshot", "list"]).ok()["made"], Value::Array(Vec::new()));
    holder.reconcile(&asker, "end.ndjson");
}

/// Revokes the one agreement.
fn revoke(agency: &Agency) {
    let id = agency.run(&["agreement", "list"]).ok()["agreements"][0]["id"].as_str().unwrap().to_owned();
    let words = ["agreement", "revoke", &id, "--reason", "succeeded by another"];
    assert_eq!(agency.run(&words).ok()["id"], id);
}

/// Both know that the agreement is revoked, by the same signed word, and neither asks the other any more.
fn ended(by: &Agency, other: &Agency) {
    let word = |agency: &Agency| {
        let events = agency.events("revoked.ndjson");
        let mut words = events.into_iter().filter(|(name, _)| name == "agreement_revoked");
        let word = words.next().map(|(_, word)| word);
        assert!(word.is_some() && words.next().is_none(), "{} journalled it once", agency.code);
        word
    };
    assert_eq!(word(by), word(other));
    assert_eq!(word(by).unwrap()["revocation"]["by"], by.code);
    for (asker, holder) in [(by, other), (other, by)] {
        assert_eq!(asker.run(&["agreement", "list"]).ok()["agreements"][0]["state"], "revoked");
        let refused = asker.ask(&people([1]), &[holder.code]);
        assert_eq!(refused.exit, Some(2), "{refused:#?}");
        let what = refused.json["failed"]["what"].as_str().unwrap();
        assert_eq!(what, format!("no agreement is in force with {}: it was revoked", holder.code));
    }
}

#[test]
fn a_partner_that_was_away_learns_of_a_revocation_when_it_asks() {
    let (holder, mut asker) = pair(&records(0..10, ""));
    assert_eq!(asker.ask(&people([1]), &["RS"]).hits(), ["1"]);
    asker.stop();
    revoke(&holder);
    let known = |name: &str| holder.events(name).iter().any(|(name, _)| name == "revocation_known");
    assert!(!known("before.ndjson"), "nobody was there");
    asker.serve();
    // The holder refuses, unless it told the asker by itself in this very moment.
    let refused = asker.ask(&people([1]), &["RS"]);
    assert!(matches!(refused.exit, Some(2 | 3)), "{refused:#?}");
    if refused.exit == Some(3) {
        let outcome = &refused.answer()["outcome"];
        assert_eq!((&outcome["code"], &outcome["here"]), (&"revoked".into(), &false.into()), "{outcome}");
    }
    ended(&holder, &asker);
    assert!(known("after.ndjson"));
    holder.reconcile(&asker, "end.ndjson");
}

#[test]
fn of_three_nodes_one_may_be_down() {
    let (mut rs, mut asker) = pair(&records(0..10, ""));
    let mut al = Agency::new("AL");
    al.agree(&asker);
    al.import(&records(5..15, ""));
    al.serve();
    let codes = |done: &Done| -> BTreeSet<String> {
        done.answers().iter().map(|answer| answer["partner"].as_str().unwrap().to_owned()).collect()
    };
    let file = asker.file("all.ndjson", &people([2, 7, 12, 20]));
    let all = Agency::exact(&file, PERMITTED, &[]);
    let both = asker.run(&all);
    assert_eq!((both.exit, codes(&both)), (Some(0), ["AL".into(), "RS".into()].into()), "{both:#?}");
    let hits = |done: &Done, code: &str| {
        let answer = done.answers().iter().find(|answer| answer["partner"] == code).unwrap();
        answer["outcome"]["hits"].clone()
    };
    assert_eq!((hits(&both, "RS"), hits(&both, "AL")), (2.into(), 2.into()));

    rs.stop();
    let started = Instant::now();
    let half = asker.run(&all);
    let waited = started.elapsed().as_secs();
    assert!((3..15).contains(&waited), "it is waited for as long as the settings say, not {waited} s");
    assert_eq!((half.exit, hits(&half, "AL")), (Some(4), 2.into()), "{half:#?}");
    let dead = half.answers().iter().find(|answer| answer["partner"] == "RS").unwrap();
    let failure = &dead["outcome"]["failure"];
    assert_eq!(
        (&dead["outcome"]["outcome"], &failure["kind"]),
        (&"failed".into(), &"partner".into()),
        "{dead}"
    );
    assert!(failure["what"].as_str().unwrap().contains("cannot be reached"), "{failure}");

    rs.serve();
    let again = asker.run(&all);
    assert_eq!(
        (again.exit, hits(&again, "RS"), hits(&again, "AL")),
        (Some(0), 2.into(), 2.into()),
        "{again:#?}"
    );
    for (holder, name) in [(&rs, "rs.ndjson"), (&al, "al.ndjson")] {
        assert_eq!(holder.reconcile(&asker, name)["discrepancies"], Value::Array(Vec::new()));
    }
    for agency in [&mut rs, &mut al, &mut asker] {
        agency.stop();
    }
}

#[test]
fn a_journal_with_one_byte_altered_closes_the_node() {
    let (mut holder, mut asker) = pair(&records(0..10, ""));
    assert_eq!(asker.ask(&people([1]), &["RS"]).hits(), ["1"]);
    holder.stop();
    asker.stop();
    let path = holder.home().join("journal/journal");
    let sound = fs::read(&path).unwrap();
    let alter = |place: usize| {
        let mut altered = sound.clone();
        altered[place] ^= 1;
        fs::write(&path, altered).unwrap();
    };

    let file = holder.file("people.ndjson", &people([1]));
    let new = holder.file("new.ndjson", &records(20..21, ""));
    let export = support::text_of(&holder.path("export.ndjson"));
    let query = Agency::exact(&file, PERMITTED, &["MK"]);
    let verbs: [&[&str]; 11] = [
        &["status"],
        &["identity"],
        &["serve"],
        &["register", "list"],
        &["register", "import", REGISTER, &new],
        &["agreement", "list"],
        &["snapshot", "list"],
        &["peer", "list"],
        &query,
        &["audit", "verify"],
        &["audit", "export", &export],
    ];
    alter(sound.len() / 2);
    for verb in verbs {
        let done = holder.run(verb);
        assert_eq!(done.exit, Some(5), "{verb:?}: {done:#?}");
        assert_eq!(done.json["failed"]["kind"], "integrity", "{verb:?}: {done:#?}");
    }
    for part in 0..12 {
        alter(sound.len() * part / 12);
        assert_eq!(holder.run(&["audit", "verify"]).exit, Some(5), "part {part} of 12");
    }
    alter(sound.len() - 1);
    assert_eq!(holder.run(&["audit", "verify"]).exit, Some(5), "the last byte");
    assert_eq!(fs::read(&path).unwrap().len(), sound.len(), "nothing was cut off");

    // Nothing else was touched: with the byte put right, all is as it was.
    fs::write(&path, &sound).unwrap();
    holder.serve();
    asker.serve();
    assert_eq!(asker.ask(&people([1]), &["RS"]).hits(), ["1"]);
    holder.reconcile(&asker, "end.ndjson");
}
