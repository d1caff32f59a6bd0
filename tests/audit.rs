//! What supervisors, courts and partners get of the journal: reports, transparency exports, evidence; from a node that
//! runs, from a home that is closed, from an export.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{fs, process::Command};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use support::{Agency, Done, FORBIDDEN, Officer, PERMITTED, REGISTER, officer, people, records, text_of};

/// `RS` holds and `MK` asks; a claim was approved and collected, another query refused.
struct Scene {
    holder: Agency,
    asker: Agency,
    query: String,
    claim: String,
}

fn ask(asker: &Agency, [purpose, basis]: [&str; 2], by: &Officer) -> Value {
    let file = asker.file("people.ndjson", &people([1, 4, 20]));
    let words = ["query", "exact", "--register", REGISTER, "--purpose", purpose, "--basis", basis];
    let rest = ["--peer", "RS", "--case", "K-17/2026", "--officer", "ana", &file];
    asker.run(&[&words[..], &rest, &by.signs()].concat()).answer().clone()
}

fn scene() -> Scene {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree(&asker);
    holder.import(&records(0..10, "invented"));
    let enrolled = |agency: &Agency, id, roles| {
        let officer = officer(agency, id, id);
        officer.enrol(agency, &["--roles", roles]).ok();
        officer
    };
    let (ana, bojan) = (enrolled(&asker, "ana", "asks"), enrolled(&asker, "bojan", "verifies"));
    let dana = enrolled(&holder, "dana", "approves");
    holder.serve();
    asker.serve();
    let query = ask(&asker, PERMITTED, &ana)["query"].as_str().unwrap().to_owned();
    ask(&asker, FORBIDDEN, &ana);
    let hit = ["--hit", "1:travel-document"];
    let verify = [&["hit", "verify", &query, "--same"][..], &hit, &bojan.signs()].concat();
    asker.run(&verify).ok();
    let make = [&["claim", "make", &query, "--field", "CATEGORY"][..], &hit, &ana.signs()].concat();
    let claim = asker.run(&make).ok()["claim"]["claim"].as_str().unwrap().to_owned();
    holder.run(&[&["case", "approve", &claim][..], &dana.signs()].concat()).ok();
    asker.run(&["claim", "collect", &claim]).ok();
    // Both have then countersigned everything so far.
    asker.run(&["peer", "ping", "RS"]).ok();
    Scene { holder, asker, query, claim }
}

/// Runs a command as somebody who has no node.
fn stranger(words: &[&str]) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon"));
    let output = command.args(["--home", "/nowhere", "--json"]).args(words).output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default())
}

/// The agreement key on an agency's card, as a flag's value.
fn key(agency: &Agency) -> String {
    let card = agency.run(&["identity"]).ok();
    format!("{}={}", agency.code, card["identity"]["key"].as_str().unwrap())
}

#[test]
fn what_an_authority_gets_is_the_same_from_a_node_a_home_and_an_export() {
    let Scene { mut holder, mut asker, query, claim } = scene();
    let report = |agency: &Agency, words: &[&str]| agency.run(&[&["audit", "report"], words].concat()).ok();
    let running = report(&asker, &[]);
    asker.stop();
    let closed = report(&asker, &[]);
    let exported = asker.export("mk.ndjson");
    let (exit, foreign) = stranger(&["audit", "report", "--journal", &exported]);
    assert_eq!(exit, Some(0), "{foreign}");
    for other in [&closed, &foreign] {
        for part in ["queries", "refusals", "claims", "judgements", "rules", "officers", "balance"] {
            assert_eq!(other["log"][part], running["log"][part], "{part}");
        }
        assert_eq!(other["statistics"], running["statistics"]);
    }
    let log = &running["log"];
    assert_eq!((&log["agency"], &log["clean"]), (&json!("MK"), &json!(true)));
    let line = &log["queries"][0];
    for (name, value) in [
        ("query", json!(query)),
        ("side", json!("asker")),
        ("holder", json!("RS")),
        ("register", json!(REGISTER)),
        ("purpose", json!(PERMITTED[0])),
        ("basis", json!(PERMITTED[1])),
        ("officer", json!("ana")),
        ("items", json!(3)),
        ("result", json!({ "answered": { "class": "hits", "countersigned": true } })),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
    assert!(line["asked_at"].is_string() && line["answered_at"].is_string() && line["case"].is_string());
    // What the rules forbid for every query of the purpose is refused before there is a query.
    assert_eq!(
        (&log["refusals"][0]["refused"], &log["refusals"][0]["code"]),
        (&json!("snapshot"), &json!("rules_forbid"))
    );
    assert_eq!(log["claims"][0]["claim"], json!(claim));
    assert_eq!(log["claims"][0]["releases"][0]["approved_by"], json!(["dana"]));
    // One query is too few to count in public.
    let public = report(&asker, &["--public"]);
    assert_eq!(public["blocks"][0]["totals"]["total"], Value::Null);
    assert_eq!(report(&asker, &["--public", "--smallest", "1"])["blocks"][0]["totals"]["total"], 1);
    // Nothing happened before the first day; the holder has the same query on its side.
    assert_eq!(report(&asker, &["--to", "2020-01-01"])["log"]["queries"], json!([]));
    let held = report(&holder, &[]);
    assert_eq!(
        (&held["log"]["queries"][0]["query"], &held["log"]["queries"][0]["side"]),
        (&json!(query), &json!("holder"))
    );
    assert_eq!(held["log"]["balance"][0]["given"], 3);
    // An export with one letter changed is no report.
    let text = fs::read_to_string(&exported).unwrap().replacen("ana", "ivo", 1);
    let altered = asker.file("altered.ndjson", &text);
    assert_eq!(asker.run(&["audit", "report", "--journal", &altered]).exit, Some(5));
    holder.stop();
}

#[test]
fn evidence_and_transparency_stand_without_a_node_and_not_if_they_are_altered() {
    let Scene { holder, asker, query, claim } = scene();
    let keys = [key(&holder), key(&asker)];
    let check = |kind: &str, file: &str, keys: &[String]| {
        let keys = keys.iter().flat_map(|key| ["--key", key.as_str()]);
        let words: Vec<_> = ["audit", kind, "--check", file].into_iter().chain(keys).collect();
        stranger(&words)
    };
    for (number, (agency, about)) in
        [(&holder, &query), (&asker, &query), (&holder, &claim), (&asker, &claim)].into_iter().enumerate()
    {
        let file = text_of(&agency.path(&format!("evidence-{number}.json")));
        let made = agency.run(&["audit", "evidence", about, "--out", &file]).ok();
        assert_eq!(made["countersigned"].as_array().unwrap().len(), 1, "{made}");
        assert_eq!(
            agency.run(&["audit", "evidence", about, "--out", &file]).exit,
            Some(2),
            "never overwritten"
        );
        let (exit, verdict) = check("evidence", &file, &keys);
        assert_eq!((exit, &verdict["problems"]), (Some(0), &json!([])));
        let shows = verdict["shows"].to_string();
        for says in ["MK signed a query to RS", "both signed the receipt", "both signed release 0"] {
            assert!(shows.contains(says), "{says}: {shows}");
        }
        let approved = shows.contains("officer dana signed an approval");
        assert_eq!(approved, agency.code == "RS", "approvals are in the holder's journal");
        // Another number of items, wherever it stands.
        let text = fs::read_to_string(&file).unwrap();
        let altered = agency.file("altered.json", &text.replacen("\"items\": 3", "\"items\": 2", 1));
        let (exit, verdict) = check("evidence", &altered, &keys);
        assert_eq!(exit, Some(5), "{verdict}");
        let at = verdict["problems"][0]["at"].as_str().unwrap();
        assert!(at.starts_with("entries["), "it says where: {at}");
        // Keys that are not the parties'.
        let swapped = [key(&holder).replace("RS=", "MK=")];
        assert_eq!(check("evidence", &file, &swapped).0, Some(5));
        // What is no evidence at all is not taken for an honest mistake.
        let cut = agency.file("cut.json", &text[..text.len() / 2]);
        assert_eq!(check("evidence", &cut, &keys).0, Some(5));
    }
    let unknown = "00".repeat(16);
    let file = text_of(&asker.path("none.json"));
    for about in [unknown.as_str(), "XX"] {
        assert_eq!(asker.run(&["audit", "evidence", about, "--out", &file]).exit, Some(2), "{about}");
    }

    let file = text_of(&holder.path("transparency.json"));
    holder.run(&["audit", "transparency", "--from", "2020-01-01", "--out", &file]).ok();
    let (exit, checked) = check("transparency", &file, &keys);
    assert_eq!((exit, &checked["problems"]), (Some(0), &json!([])));
    let text = fs::read_to_string(&file).unwrap();
    for (one, other) in
        [("\"dana\"", "\"edin\""), ("\"given\": 3", "\"given\": 4"), (&query[..8], "00000000")]
    {
        let altered = holder.file("altered.json", &text.replacen(one, other, 1));
        let (exit, checked) = check("transparency", &altered, &[]);
        assert_eq!(exit, Some(5), "{one}: {checked}");
    }
}

/// Writes the opening of a query of `asker`, sealed to an officer or to an auditor from outside.
fn open(asker: &Agency, query: &str, name: &str, by: &Officer, to: &[&str]) -> Done {
    let file = text_of(&asker.path(name));
    let words = ["audit", "open", query, "--out", &file, "--reason", "yearly audit"];
    asker.run(&[&words[..], to, &by.signs()].concat())
}

#[test]
fn a_query_and_a_count_are_opened_to_an_auditor_who_has_no_node() {
    let Scene { mut holder, asker, query, claim: _ } = scene();
    let [ivo, ana] = [("ivo", "audits"), ("ana-2", "asks")].map(|(id, roles)| {
        let officer = officer(&asker, id, id);
        officer.enrol(&asker, &["--roles", roles]).ok();
        officer
    });
    let file = asker.file("batch.ndjson", &people(0..120));
    let words = ["query", "count", "--register", REGISTER, "--purpose", "STATISTICS", "--basis", "BILAT"];
    let rest = ["--peer", "RS", "--kind", "travel-document", "--officer", "ana-2", &file];
    let count = asker.run(&[&words[..], &rest, &ana.signs()].concat());
    let count = count.answer()["query"].as_str().unwrap().to_owned();

    // Only who audits opens, only what was asked here, and each time into a new file.
    assert_eq!(open(&asker, &query, "refused", &ana, &[]).exit, Some(3));
    assert_eq!(open(&asker, &"00".repeat(16), "unknown", &ivo, &[]).exit, Some(2));
    open(&asker, &query, "exact.opened", &ivo, &[]).ok();
    assert_eq!(open(&asker, &query, "exact.opened", &ivo, &[]).exit, Some(2), "never overwritten");
    let auditor = age::x25519::Identity::generate();
    let recipient = auditor.to_public().to_string();
    let made = open(&asker, &count, "count.opened", &ivo, &["--recipient", &recipient]).ok();
    let identity =
        asker.file("auditor.txt", &format!("# created\n{}\n", auditor.to_string().expose_secret()));

    let [ours, theirs] = [asker.export("mk.ndjson"), holder.export("rs.ndjson")];
    let opened = |name: &str| text_of(&asker.path(name));
    let check = |file: &str, key: &[&str], journals: &[&str]| {
        let journals = journals.iter().flat_map(|journal| ["--journal", *journal]);
        stranger(
            &["audit", "check-opening", file]
                .into_iter()
                .chain(key.iter().copied())
                .chain(journals)
                .collect::<Vec<_>>(),
        )
    };
    let keys = [key(&holder), key(&asker)];
    let known = keys.iter().flat_map(|key| ["--key", key.as_str()]);
    let by_ivo: Vec<_> = ivo.signs().into_iter().chain(known).collect();
    let (exit, verdict) = check(&opened("exact.opened"), &by_ivo, &[&ours, &theirs]);
    assert_eq!((exit, &verdict["problems"]), (Some(0), &json!([])), "{verdict}");
    let asked = &verdict["asked"]["batch"];
    assert_eq!(asked["identifiers"].as_array().unwrap().len(), 3, "{verdict}");
    assert_eq!(asked["identifiers"][0]["kind"], "travel-document");
    assert_eq!((&verdict["case"], &verdict["ask"]["officer"]), (&json!("K-17/2026"), &json!("ana")));
    let shows = verdict["shows"].to_string();
    assert!(shows.contains("byte for byte") && shows.contains("ivo opened it on"), "{shows}");

    let to_auditor = ["--identity", &identity];
    for journals in [&[ours.as_str()][..], &[&theirs]] {
        let (exit, verdict) = check(&opened("count.opened"), &to_auditor, journals);
        assert_eq!((exit, &verdict["problems"]), (Some(0), &json!([])), "{verdict}");
        assert_eq!(verdict["asked"]["batch"]["dummies"], 30);
        assert!(
            verdict["shows"].to_string().contains("all 30 agreed dummies were in the batch"),
            "{verdict}"
        );
    }
    // Who it is not sealed to; a file that is none; a journal that was altered.
    assert_eq!(check(&opened("count.opened"), &ivo.signs(), &[&ours]).0, Some(2));
    assert_eq!(check(&opened("exact.opened"), &to_auditor, &[&ours]).0, Some(2));
    assert_eq!(check(&ours, &to_auditor, &[&ours]).0, Some(2), "no damaged file, but one of another kind");
    let text = fs::read_to_string(&ours).unwrap().replacen("\"items\":120", "\"items\":121", 1);
    let altered = asker.file("altered.ndjson", &text);
    assert_eq!(check(&opened("count.opened"), &to_auditor, &[&altered]).0, Some(5));

    // The journal and its report tell who opened what to whom, and the journal stays clean.
    let report = asker.run(&["audit", "report"]).ok();
    let openings = report["log"]["openings"].as_array().unwrap();
    let told: Vec<_> = openings.iter().map(|line| (&line["query"], &line["officer"])).collect();
    assert_eq!(told, [(&json!(query), &json!("ivo")), (&json!(count), &json!("ivo"))]);
    assert_eq!((&openings[1]["recipient"], &openings[1]["file"]), (&json!(recipient), &made["digest"]));
    holder.stop();
}
