//! Corrections, contested and erased records: who received fields is told, between two real nodes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use serde_json::{Value, json};

use support::{Agency, PERMITTED, REGISTER, Scene, filed, scene};

/// The line of one record, changed.
fn line(number: usize, change: impl FnOnce(&mut Value)) -> String {
    let mut record: Value = serde_json::from_str(filed().lines().nth(number).unwrap()).unwrap();
    change(&mut record);
    record.to_string() + "\n"
}

#[track_caller]
fn import(holder: &Agency, lines: &str) -> Value {
    let file = holder.file("again.ndjson", lines);
    let reply = holder.run(&["register", "import", REGISTER, &file]).ok();
    assert_eq!((&reply["replaced"], &reply["rejected"]), (&json!(1), &json!(0)), "{reply}");
    reply["notices"].clone()
}

/// Notices of a node, the oldest first: cause, fields, whether confirmed.
#[track_caller]
fn notices(agency: &Agency, words: &[&str]) -> Vec<Value> {
    let reply = agency.run(&[&["notice", "list"], words].concat()).ok();
    let lines = reply["notices"].as_array().unwrap().iter();
    let brief = |line: &Value| json!([line["notice"]["cause"], line["notice"]["fields"], line["confirmed"]]);
    lines.map(brief).collect()
}

#[track_caller]
fn meet(scene: &Scene) {
    scene.asker.run(&["peer", "ping", "RS"]).ok();
}

#[test]
fn who_received_fields_is_told_what_became_of_them() {
    let mut scene = scene();
    let (query, _) = scene.query(PERMITTED, &[1, 4, 20]);
    let wanted = ["CATEGORY", "PLACE", "NAME"];
    let claim = |scene: &Scene, person| {
        scene.verify(&query, person, "--same", &scene.bojan).ok();
        scene.claim(&query, person, &wanted, &scene.ana).ok()["claim"]["claim"].as_str().unwrap().to_owned()
    };
    let (first, other) = (claim(&scene, 1), claim(&scene, 4));
    scene.case(&["approve"], &first, &scene.dana).ok();
    scene.case(&["approve"], &first, &scene.edin).ok();
    let released = scene.collect(&first);
    assert_eq!(released["releases"].as_array().unwrap().len(), 2);

    // The same again is no correction; nor is a change of what was not released, or of another record.
    assert_eq!(import(&scene.holder, &line(1, |_| ())), 0);
    assert_eq!(import(&scene.holder, &line(1, |record| record["fields"]["note"] = "more".into())), 0);
    assert_eq!(import(&scene.holder, &line(4, |record| record["fields"]["name"] = "Other".into())), 0);

    // Contested: who received fields is told at the next meeting, through a kill of either node.
    let flag = |flag| {
        scene.holder.run(&["register", "flag", REGISTER, "R-1", flag, "--reason", "letter of the person"])
    };
    let flagged = flag("--contest").ok();
    assert_eq!((&flagged["changed"], &flagged["notices"]), (&json!({ "contested": true }), &json!(1)));
    assert_eq!(flag("--contest").ok()["changed"], json!({}), "it was so already");
    let all = json!(["CATEGORY", "PLACE", "NAME"]);
    assert_eq!(notices(&scene.holder, &["--sent"]), [json!(["contested", all, false])]);
    assert_eq!(notices(&scene.asker, &[]), [] as [Value; 0]);
    scene.holder.kill();
    scene.holder.serve();
    meet(&scene);
    let contested = [json!(["contested", all, true])];
    assert_eq!(notices(&scene.asker, &[]), contested);
    assert_eq!(notices(&scene.holder, &["--sent"]), contested);
    scene.asker.kill();
    scene.asker.serve();
    meet(&scene);
    assert_eq!(notices(&scene.asker, &[]).len(), 1, "once");

    // Corrected while contested: the rules release nothing of it, so the notice goes without what it says now.
    let corrected = |place: &str, name: &str, contested: bool| {
        line(1, |record| {
            (record["fields"]["place"], record["fields"]["name"]) = (place.into(), name.into());
            record["subject"]["contested"] = contested.into();
        })
    };
    assert_eq!(import(&scene.holder, &corrected("Horgoš", "Name 1", true)), 1);
    // Upheld, and corrected where the rules permit it again: sealed to the officer who claimed.
    assert_eq!(import(&scene.holder, &corrected("Horgoš", "Name One", false)), 2);
    meet(&scene);
    let place = json!(["corrected", ["PLACE"], true]);
    let (name, upheld) = (json!(["corrected", ["NAME"], true]), json!(["upheld", all, true]));
    assert_eq!(notices(&scene.asker, &[])[1..], [place, name, upheld]);
    let files: Vec<_> = scene.asker.run(&["notice", "list"]).ok()["notices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["file"].as_str().map(str::to_owned))
        .collect();
    let [None, None, Some(file), None] = files.as_slice() else { panic!("{files:?}") };
    let open = |officer: &support::Officer| {
        scene.asker.run(&[&["claim", "open", file][..], &officer.signs()].concat())
    };
    assert_eq!(open(&scene.ana).ok()["records"][0]["fields"], json!({ "NAME": { "name": "Name One" } }));
    assert_eq!(open(&scene.bojan).exit, Some(2), "sealed to who claimed");

    // Erased, with a receipt that proves itself.
    let receipt = support::text_of(&scene.holder.path("receipt.json"));
    let words = ["register", "erase", REGISTER, "R-1", "--reason", "SUBJECT_REQUEST", "--receipt", &receipt];
    std::fs::write(&receipt, "").unwrap();
    assert_eq!(scene.holder.run(&words).exit, Some(2), "no place for the receipt");
    assert!(scene.holder.run(&["register", "show", REGISTER, "R-1"]).exit == Some(0), "so nothing is erased");
    std::fs::remove_file(&receipt).unwrap();
    assert_eq!(scene.holder.run(&words).ok()["notices"], 1);
    let verify = |id: &str| scene.asker.run(&["register", "receipt", &receipt, "--id", id]);
    assert_eq!(verify("R-1").ok()["records"], 1);
    assert_eq!(verify("R-2").exit, Some(5), "of another record");
    let forged = std::fs::read_to_string(&receipt).unwrap().replace("SUBJECT_REQUEST", "CITIZENSHIP");
    std::fs::write(&receipt, forged).unwrap();
    assert_eq!(verify("R-1").exit, Some(5), "altered");
    meet(&scene);
    assert_eq!(notices(&scene.asker, &[])[4..], [json!(["erased", all, true])]);
    // Each side reads whom it is about, and the list of claims does not go on saying that all is as it was.
    let last = |agency: &Agency, words: &[&str]| {
        let lines = agency.run(&[&["notice", "list"], words].concat()).ok()["notices"].clone();
        lines.as_array().unwrap().last().unwrap().clone()
    };
    let (sent, came) = (last(&scene.holder, &["--sent"]), last(&scene.asker, &[]));
    assert_eq!((&sent["record"], &sent["officer"]), (&json!("R-1"), &json!("ana")), "{sent}");
    assert_eq!((&came["record"], &came["officer"]), (&Value::Null, &json!("ana")), "{came}");
    assert!(came["item"].is_u64() && came["hit"].as_str().unwrap().starts_with("1:"), "{came}");
    let listed = scene.asker.run(&["claim", "list"]).ok();
    let line = listed["claims"].as_array().unwrap().iter().find(|line| line["claim"]["claim"] == *first);
    let (state, told) = (&line.unwrap()["state"], &line.unwrap()["notices"]);
    assert_eq!(state, "released");
    assert_eq!(told, &json!(["contested", "corrected", "upheld", "erased"]));
    // What was claimed and never released is told to nobody.
    scene.holder.run(&["register", "erase", REGISTER, "R-4", "--reason", "CITIZENSHIP"]).ok();
    assert_eq!(notices(&scene.holder, &["--sent"]).len(), 5);

    // Everything that was ever released of the record, after it is gone.
    let told = scene.holder.run(&["register", "disclosures", REGISTER, "R-1"]).ok();
    assert_eq!(told["record"], Value::Null);
    let claims = told["claims"].as_array().unwrap();
    assert_eq!(claims.len(), 1, "{told}");
    assert_eq!((&claims[0]["claim"], &claims[0]["partner"]), (&json!(first), &json!("MK")));
    let fields = |release: usize| &claims[0]["releases"][release]["fields"];
    assert_eq!((fields(0), fields(1)), (&json!(["CATEGORY", "PLACE"]), &json!(["NAME"])));
    assert_eq!(claims[0]["releases"][1]["approved_by"], json!(["dana", "edin"]));
    let causes: Vec<_> =
        claims[0]["notices"].as_array().unwrap().iter().map(|n| n["cause"].clone()).collect();
    assert_eq!(causes, ["contested", "corrected", "corrected", "upheld", "erased"]);
    let unreleased = scene.holder.run(&["register", "disclosures", REGISTER, "R-4"]).ok();
    assert_eq!(
        (&unreleased["claims"][0]["claim"], &unreleased["claims"][0]["releases"]),
        (&json!(other), &json!([]))
    );

    let found = scene.holder.reconcile(&scene.asker, "end.ndjson");
    assert_eq!(found["discrepancies"], json!([]), "{found}");
    let told = scene.asker.events("events.ndjson").iter().filter(|(name, _)| name == "notice").count();
    assert!(told > 0 && found["notices"] == told, "{told}: {found}");
    for agency in [&scene.holder, &scene.asker] {
        let text = serde_json::to_string(&agency.events("events.ndjson")).unwrap();
        for value in ["Name One", "Horgoš", "Name 1", "R-1"] {
            assert!(!text.contains(value), "{value}");
        }
    }
}
