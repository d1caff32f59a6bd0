//! From a hit to released fields, between two real nodes: judged, claimed, approved by two, collected.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use serde_json::{Value, json};

use support::{Agency, Done, PERMITTED, REGISTER, filed, scene};

#[track_caller]
fn refused(done: &Done, says: &str) {
    assert_eq!(done.exit, Some(3), "{done:#?}");
    assert!(done.json["failed"]["what"].as_str().unwrap().contains(says), "{done:#?}");
}

/// How the fields of the only record stand.
#[track_caller]
fn standing(line: &Value) -> &Value {
    assert_eq!(line["outcome"]["found"].as_array().unwrap().len(), 1, "{line}");
    &line["outcome"]["found"][0]["fields"]
}

#[test]
fn from_a_hit_to_fields_released_by_two_persons() {
    let mut scene = scene();
    let (query, hits) = scene.query(PERMITTED, &[1, 4, 20]);
    assert_eq!(hits, ["1", "4"]);

    // Nobody has verified it; who claims is not who verifies.
    let fields = ["CATEGORY", "PLACE", "NAME", "SEX", "OTHER"];
    refused(&scene.claim(&query, 1, &fields, &scene.ana), "no other officer has verified");
    scene.verify(&query, 1, "--same", &scene.ana).ok();
    refused(&scene.claim(&query, 1, &fields, &scene.ana), "no other officer has verified");
    scene.verify(&query, 1, "--same", &scene.bojan).ok();
    scene.verify(&query, 1, "--different", &scene.bojan).ok();
    refused(&scene.claim(&query, 1, &fields, &scene.ana), "that it is another person");
    // What an officer signs is used once, and an act tells its second.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    scene.verify(&query, 1, "--same", &scene.bojan).ok();
    refused(&scene.claim(&query, 1, &fields, &scene.bojan), "does not have the role ASKS");

    // Both hits wait for a claim or an explanation; the holder knows of none.
    let waiting = |agency: &Agency| agency.run(&["hit", "list"]).ok()["hits"].clone();
    assert_eq!(waiting(&scene.asker)[0]["hits"], json!(["1:travel-document", "4:travel-document"]));
    assert_eq!(waiting(&scene.holder), json!([]));
    let line = scene.claim(&query, 1, &fields, &scene.ana).ok();
    assert_eq!(waiting(&scene.asker)[0]["hits"], json!(["4:travel-document"]));
    let explain = ["hit", "explain", &query, "--reason", "identified otherwise"];
    scene.asker.run(&[&explain[..], &scene.ana.signs()].concat()).ok();
    assert_eq!(waiting(&scene.asker), json!([]));
    let claim = line["claim"]["claim"].as_str().unwrap().to_owned();
    let expected = json!([
        ["CATEGORY", { "needs": 1 }], ["PLACE", { "needs": 1 }], ["SEX", "absent"], ["NAME", { "needs": 2 }],
        ["OTHER", "refused"],
    ]);
    assert_eq!(standing(&line), &expected);
    assert_eq!(line["releases"], json!([]));

    // The holder sees the case, and nothing of the other people of the query.
    let cases = scene.holder.run(&["case", "list"]).ok();
    assert_eq!(cases["cases"].as_array().unwrap().len(), 1);
    assert_eq!(cases["cases"][0]["case"]["claim"]["case"], "K-17/2026");
    refused(&scene.case(&["approve"], &claim, &scene.ana), "is not enrolled");

    scene.case(&["approve"], &claim, &scene.dana).ok();
    // The same person twice is one person.
    assert_eq!(scene.case(&["approve"], &claim, &scene.dana).exit, Some(3));
    // A node that was killed goes on where it was.
    scene.holder.kill();
    scene.holder.serve();
    let line = scene.collect(&claim);
    assert_eq!((line["releases"].as_array().unwrap().len(), &line["standing"]["end"]), (1, &Value::Null));
    let opened = scene.open(&line, 0, &scene.ana).ok();
    assert_eq!(opened["records"].as_array().unwrap().len(), 1);
    let expected =
        json!({ "CATEGORY": { "category": "IRREGULAR_CROSSING" }, "PLACE": { "place": "Preševo" } });
    assert_eq!(opened["records"][0]["fields"], expected);
    assert_eq!(scene.open(&line, 0, &scene.bojan).exit, Some(2), "sealed to who claimed");

    scene.case(&["approve"], &claim, &scene.edin).ok();
    assert_eq!(scene.case(&["refuse", "--reason", "late"], &claim, &scene.dana).exit, Some(3), "it is over");
    let line = scene.collect(&claim);
    assert_eq!(line["standing"]["end"], "released");
    let opened = scene.open(&line, 1, &scene.ana).ok();
    assert_eq!(opened["records"][0]["fields"], json!({ "NAME": { "name": "Name 1" } }));
    let release = &line["releases"][1]["release"];
    assert_eq!(release["approved_by"], json!(["dana", "edin"]));
    // Collected again, it is the same.
    assert_eq!(scene.collect(&claim)["releases"], line["releases"]);

    let found = scene.holder.reconcile(&scene.asker, "end.ndjson");
    assert_eq!(found["discrepancies"], json!([]), "{found}");
    for agency in [&scene.holder, &scene.asker] {
        let events = agency.events("events.ndjson");
        let text = serde_json::to_string(&events).unwrap();
        assert!(
            !text.contains("Name 1") && !text.contains("Preševo") && !text.contains("130007"),
            "no field"
        );
        let released = events.iter().filter(|(name, _)| name == "released").count();
        assert_eq!(released, if agency.code == "RS" { 4 } else { 2 }, "made and countersigned");
    }
}

#[test]
fn a_minor_a_contested_record_and_a_false_hit() {
    let scene = scene();
    let child = ["CHILD_PROTECTION", "VITAL_INTEREST"];
    let names = ["PLACE", "NAME"];
    for (purpose, number, place, name) in [
        (child, 2, json!({ "needs": 1 }), json!({ "needs": 2 })),
        (PERMITTED, 3, json!("refused"), json!("refused")),
    ] {
        let (query, _) = scene.query(purpose, &[number, 20]);
        scene.verify(&query, number, "--same", &scene.bojan).ok();
        let line = scene.claim(&query, number, &names, &scene.ana).ok();
        assert_eq!(standing(&line), &json!([["PLACE", place], ["NAME", name]]), "{number}");
    }
    // For another purpose the minor is not in the slice, so there is nothing to claim, and nobody is opened.
    for number in [2, 20] {
        let (query, hits) = scene.query(PERMITTED, &[number]);
        assert_eq!(hits, [""; 0]);
        let no_hit = format!("{number}:travel-document was no hit of this query");
        for done in [
            scene.verify(&query, number, "--same", &scene.bojan),
            scene.claim(&query, number, &names, &scene.ana),
        ] {
            assert_eq!((done.exit, &done.json["failed"]["what"]), (Some(2), &json!(no_hit)), "{done:#?}");
        }
    }
    // A person decides: no. And the clock stands while a court is asked.
    let (query, _) = scene.query(PERMITTED, &[5]);
    scene.verify(&query, 5, "--same", &scene.bojan).ok();
    let line = scene.claim(&query, 5, &names, &scene.ana).ok();
    let claim = line["claim"]["claim"].as_str().unwrap();
    scene.case(&["stop", "--reason", "application to the court"], claim, &scene.dana).ok();
    assert_eq!(scene.case(&["approve"], claim, &scene.edin).exit, Some(3));
    assert_eq!(scene.collect(claim)["standing"]["stopped"], true);
    scene.case(&["resume"], claim, &scene.dana).ok();
    scene.case(&["refuse", "--reason", "the facts do not carry it"], claim, &scene.edin).ok();
    let line = scene.collect(claim);
    assert_eq!(line["standing"]["end"]["refused"]["reason"], "the facts do not carry it");
    assert_eq!(line["releases"], json!([]));
    let report = scene.holder.run(&["audit", "report"]).ok();
    let mut told = report["log"]["claims"].as_array().unwrap().iter().filter(|line| line["claim"] == claim);
    let decisions = told.next().unwrap()["decisions"].as_array().unwrap();
    let reasons: Vec<_> = decisions.iter().map(|step| &step["reason"]).collect();
    assert_eq!(reasons, [&json!("application to the court"), &Value::Null, &Value::Null], "{decisions:?}");
    // What is erased is found by no claim.
    let (query, hits) = scene.query(PERMITTED, &[6]);
    assert_eq!(hits, ["6"]);
    scene.verify(&query, 6, "--same", &scene.bojan).ok();
    scene.holder.run(&["register", "erase", REGISTER, "R-6", "--reason", "SUBJECT_REQUEST"]).ok();
    let line = scene.claim(&query, 6, &names, &scene.ana).ok();
    assert_eq!(line["outcome"]["found"], json!([]));
    let found = scene.holder.reconcile(&scene.asker, "end.ndjson");
    assert_eq!(found["discrepancies"], json!([]), "{found}");
}

/// A case may wait for months: what would not be found now does not leave now.
#[test]
fn what_left_the_slice_while_a_case_waited_is_not_released() {
    let scene = scene();
    let (query, hits) = scene.query(PERMITTED, &[1, 4, 5, 6, 7]);
    assert_eq!(hits, ["1", "4", "5", "6", "7"]);
    let claim = |person| {
        scene.verify(&query, person, "--same", &scene.bojan).ok();
        let line = scene.claim(&query, person, &["PLACE"], &scene.ana).ok();
        assert_eq!(standing(&line), &json!([["PLACE", { "needs": 1 }]]), "{person}");
        line["claim"]["claim"].as_str().unwrap().to_owned()
    };
    let approve = |claim: &str| scene.case(&["approve"], claim, &scene.dana).ok();
    let flag = |id: &str, flag| {
        scene.holder.run(&["register", "flag", REGISTER, id, flag, "--reason", "decision"]).ok()
    };
    let replace = |number: usize, change: &dyn Fn(&mut Value)| {
        let mut record: Value = serde_json::from_str(filed().lines().nth(number).unwrap()).unwrap();
        change(&mut record);
        let file = scene.holder.file("again.ndjson", &(record.to_string() + "\n"));
        assert_eq!(scene.holder.run(&["register", "import", REGISTER, &file]).ok()["replaced"], 1);
    };
    let released = |claim: &str| -> Vec<Value> {
        let line = scene.collect(claim);
        line["releases"].as_array().unwrap().iter().map(|r| r["release"]["fields"].clone()).collect()
    };

    let waiting = [1, 4, 5].map(claim);
    // Protection was granted; the identifier was another person's; new national rules keep all out.
    flag("R-1", "--mark");
    replace(4, &|record| record["identifiers"][0]["number"] = "ZZ999999".into());
    for claim in &waiting[..2] {
        approve(claim);
        assert_eq!(released(claim), [json!([])], "{claim}");
    }
    let forbid = "@id(\"none\") @title(\"Nothing is found\") forbid(principal, action == Action::\"Search\", resource);";
    let file = scene.holder.file("national.cedar", forbid);
    scene.holder.run(&["rules", "national", "set", &file]).ok();
    approve(&waiting[2]);
    assert_eq!(released(&waiting[2]), [json!([])]);
    scene.holder.run(&["rules", "national", "clear"]).ok();

    // What was released and not collected waits while the record is blocked.
    let (blocked, told) = (claim(6), claim(7));
    approve(&blocked);
    flag("R-6", "--block");
    assert_eq!(released(&blocked), [] as [Value; 0]);
    flag("R-6", "--unblock");
    assert_eq!(released(&blocked)[0][0][1], json!(["PLACE"]));

    // A notice brings no new value of a record that is protected now.
    approve(&told);
    assert_eq!(released(&told)[0][0][1], json!(["PLACE"]));
    replace(7, &|record| {
        record["fields"]["place"] = "Horgoš".into();
        record["subject"]["marked"] = true.into();
    });
    scene.asker.run(&["peer", "ping", "RS"]).ok();
    let notices = scene.asker.run(&["notice", "list"]).ok()["notices"].clone();
    assert_eq!(
        (&notices[0]["notice"]["cause"], &notices[0]["file"]),
        (&json!("corrected"), &Value::Null),
        "{notices}"
    );
    let found = scene.holder.reconcile(&scene.asker, "end.ndjson");
    assert_eq!(found["discrepancies"], json!([]), "{found}");
}
