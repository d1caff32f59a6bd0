//! The interactive engine between two nodes as processes of their own: chosen, asked, resumed, claimed, audited.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use support::{Agency, Cable, Done, Faces, Kept, Officer, Running, officer};

const FACES: Faces = Faces(256);
const MOST: usize = FACES.most();
/// People in the register.
const PEOPLE: u32 = 1_500;

fn terms() -> String {
    let demanded = "against_holder = \"semi_honest\"\nkey_hours";
    FACES.terms(&["tfhe-one-round/1", "ot-garbled/1"], "MK", 20).replace("key_hours", demanded)
}

fn face(number: u32, apart: usize) -> String {
    FACES.face(number.into(), apart)
}

fn with_face(number: u32, kept: Kept, face: &str) -> String {
    FACES.record(number, kept, face)
}

#[track_caller]
fn ask(asker: &Agency, answer: &str, faces: &[String], more: &[&str]) -> Done {
    start(asker, answer, faces, more).wait()
}

fn start(asker: &Agency, answer: &str, faces: &[String], more: &[&str]) -> Running {
    FACES.ask(asker, "RS", answer, faces, more)
}

/// What a match told, and by which engine.
#[track_caller]
fn told(done: &Done) -> (bool, Value) {
    let outcome = &done.answer()["outcome"];
    assert_eq!((done.exit, &outcome["outcome"]), (Some(0), &"matched".into()), "{done:#?}");
    assert_eq!(outcome["engine"], "ot-garbled/1", "the quickest of the two: {outcome}");
    (outcome["hit"].as_bool().unwrap(), outcome["candidates"].clone())
}

/// One officer who asks and another who verifies.
fn enrolled(asker: &Agency) -> [Officer; 2] {
    [("officer-1", "asks"), ("bojan", "verifies")].map(|(id, roles)| {
        let officer = officer(asker, id, id);
        officer.enrol(asker, &["--roles", roles]).ok();
        officer
    })
}

/// Verifies the hit of a match and claims it.
#[track_caller]
fn claim(asker: &Agency, hit: &Done, [asks, verifies]: &[Officer; 2]) -> Value {
    let query = hit.answer()["query"].as_str().unwrap();
    let words = ["hit", "verify", query, "--match", "--same"];
    asker.run(&[&words[..], &verifies.signs()].concat()).ok();
    let words = ["claim", "make", query, "--match", "--field", "CATEGORY"];
    asker.run(&[&words[..], &asks.signs()].concat()).ok()
}

#[test]
fn the_quickest_engine_answers_and_a_probe_is_claimed() {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree_on(&asker, &terms());
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
    let choice = &found.answer()["choice"];
    assert_eq!((&choice["engine"], &choice["entries"]), (&"ot-garbled/1".into(), &5_120.into()), "{choice}");
    let why = choice["why"].as_str().unwrap();
    assert!(
        why.starts_with("ot-garbled/1: about ") && why.contains(", against tfhe-one-round/1: about "),
        "{why}"
    );
    let seconds: Vec<f64> =
        choice["weighed"].as_array().unwrap().iter().map(|one| one["seconds"].as_f64().unwrap()).collect();
    assert!(seconds[0] > 10.0 * seconds[1], "both are told: {choice}");
    assert_eq!(told(&ask(&asker, "any", &[face(7, MOST + 1)], &[])), (false, Value::Null), "just beyond");
    assert_eq!(told(&ask(&asker, "any", &[face(9_000, 0)], &[])), (false, Value::Null), "in no slice");
    let two = ask(&asker, "candidates", &[face(5, 3), face(12_345, 0)], &[]);
    assert_eq!(told(&two), (true, 2.into()));
    let outcome = &two.answer()["outcome"];
    assert_eq!(outcome["entries"], 1_536, "padded: {outcome}");
    assert_eq!(two.answer()["choice"]["entries"], 1_536, "as in the last match");
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

    let line = claim(&asker, &two, &enrolled(&asker));
    assert_eq!(line["outcome"]["found"].as_array().unwrap().len(), 2, "the probe was replayed: {line}");

    let compared = holder.reconcile(&asker, "end.ndjson");
    assert_eq!((&compared["matched"], &compared["discrepancies"]), (&7.into(), &json!([])), "{compared}");
    opened(&holder, &asker, &two);
    holder.stop();
    asker.stop();
}

/// Several probes of one command: each is a query of its own, with a charge, an answer and a line in the journals.
#[test]
fn several_probes_are_asked_about_one_after_another() {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree_on(&asker, &FACES.terms(&["ot-garbled/1"], "MK", 4));
    holder.import(&(0..300).map(|n| with_face(n, Kept::No, &face(n, 0))).collect::<String>());
    holder.serve();
    asker.serve();
    let [asks, _] = enrolled(&asker);
    let probe = |name: &str, face: &str| {
        asker.file(name, &json!({ "alternatives": [{ "position": "FACE", "bits": face }] }).to_string())
    };
    let hit = probe("hit.json", &face(7, 3));
    let miss = probe("miss.json", &face(9_000, 0));
    let other = probe("other.json", &face(8, MOST));
    let form = FACES.form();
    let ask = |files: &[&str], more: &[&str]| {
        let words =
            ["query", "match", "--register", "border", "--purpose", "SERIOUS_CRIME", "--basis", "PCC_PRUM"];
        let rest = [
            "--officer",
            "officer-1",
            "--case",
            "K-17/2026",
            "--peer",
            "RS",
            "--form",
            &form,
            "--answer",
            "any",
        ];
        let files: Vec<_> = files.iter().flat_map(|file| ["--probe", *file]).collect();
        asker.run(&[&words[..], &rest, &asks.signs(), &files, more].concat())
    };

    // What is wrong with one is said before any is asked.
    let short = probe("short.json", &face(7, 0)[2..]);
    let gone = asker.path("gone.json");
    for (bad, says) in [(short.as_str(), "cannot be asked about"), (gone.to_str().unwrap(), "cannot read")] {
        let refused = ask(&[&hit, bad], &[]);
        let what = refused.json["failed"]["what"].as_str().unwrap();
        assert!(refused.exit == Some(2) && what.contains(says) && what.contains(bad), "{refused:#?}");
    }
    let file = asker.home().join("question.file");
    let refused = ask(&[&hit, &miss], &["--courier", file.to_str().unwrap()]);
    assert_eq!(refused.exit, Some(2), "one file, one query: {refused:#?}");
    assert_eq!(asker.spent(), 0);

    let done = ask(&[&hit, &miss, &other], &[]);
    assert_eq!(done.exit, Some(0), "{done:#?}");
    let told: Vec<_> = done.answers().iter().map(|one| (&one["probe"], &one["outcome"]["hit"])).collect();
    let files = [&hit, &miss, &other].map(|file| Value::from(file.as_str()));
    assert_eq!(told, [(&files[0], &true.into()), (&files[1], &false.into()), (&files[2], &true.into())]);
    let spent: Vec<_> = done.answers().iter().map(|one| &one["outcome"]["budget"]["spent"]).collect();
    assert_eq!(spent, [1, 2, 3], "{done:#?}");
    let queries: std::collections::BTreeSet<_> =
        done.answers().iter().map(|one| one["query"].as_str().unwrap().to_owned()).collect();
    assert_eq!(queries.len(), 3);

    // One is left. The second is refused, and costs nothing.
    let done = ask(&[&hit, &miss], &[]);
    let ended: Vec<_> = done.answers().iter().map(|one| &one["outcome"]["outcome"]).collect();
    assert_eq!(ended, ["matched", "refused"], "{done:#?}");
    let compared = holder.reconcile(&asker, "end.ndjson");
    assert_eq!((&compared["matched"], &compared["discrepancies"]), (&4.into(), &json!([])), "{compared}");

    // Who gives no answer to one is not asked the rest.
    let done = ask(&[&hit, &miss], &["--engine", "tfhe-one-round/1"]);
    let whats: Vec<_> =
        done.answers().iter().map(|one| one["outcome"]["failure"]["what"].as_str().unwrap()).collect();
    assert!(done.exit != Some(0) && !whats[0].contains("not asked about"), "{done:#?}");
    assert_eq!(whats[1..], ["not asked about, as the probe before it had no answer"], "{done:#?}");
    holder.stop();
    asker.stop();
}

/// What binds a probe to this engine's query does not depend on keys: it is opened also when those have ended.
fn opened(holder: &Agency, asker: &Agency, done: &Done) {
    let id = holder.run(&["agreement", "list"]).ok()["agreements"][0]["id"].as_str().unwrap().to_owned();
    holder.run(&["agreement", "revoke", &id, "--reason", "over"]).ok();
    let ivo = officer(asker, "ivo", "ivo");
    ivo.enrol(asker, &["--roles", "audits"]).ok();
    let file = asker.path("match.opened").to_str().unwrap().to_owned();
    let query = done.answer()["query"].as_str().unwrap();
    let words = ["audit", "open", query, "--out", &file, "--reason", "yearly audit"];
    asker.run(&[&words[..], &ivo.signs()].concat()).ok();
    assert!(fs::metadata(&file).unwrap().len() < 4_000, "no keys are in it");
    for journal in [asker.export("ours.ndjson"), holder.export("theirs.ndjson")] {
        let words = ["audit", "check-opening", &file, "--journal", &journal];
        let verdict = asker.run(&[&words[..], &ivo.signs()].concat()).ok();
        let asked = &verdict["asked"]["probe"];
        assert_eq!(asked["alternatives"].as_array().unwrap().len(), 2, "{verdict}");
        assert_eq!((&asked["form"], &asked["least_overlap"]), (&json!("face-256"), &json!(128)), "{verdict}");
    }
}

/// An agreement that demands more than an engine gives excludes it: by itself, and if the officer names it.
#[test]
fn what_is_demanded_excludes_an_engine_and_is_said() {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK"));
    holder.agree_on(
        &asker,
        &terms().replace("against_holder = \"semi_honest\"", "against_asker = \"malicious\""),
    );
    holder.import(&(0..20).map(|n| with_face(n, Kept::No, &face(n, 0))).collect::<String>());
    holder.serve();
    asker.serve();
    let lacks = "tfhe-one-round/1 is only covert against the asker, and malicious is demanded";
    let found = ask(&asker, "any", &[face(7, 3)], &[]);
    assert_eq!(told(&found), (true, Value::Null));
    let choice = &found.answer()["choice"];
    assert!(choice["why"].as_str().unwrap().ends_with(&format!("; not used: {lacks}")), "{choice}");
    assert_eq!(choice["weighed"][0]["excluded"], lacks, "{choice}");

    let spent = asker.spent();
    let refused = ask(&asker, "any", &[face(7, 3)], &["--engine", "tfhe-one-round/1"]);
    let failure = &refused.answer()["outcome"]["failure"];
    assert_ne!(refused.exit, Some(0), "{refused:#?}");
    assert_eq!(failure["what"], format!("no engine can be used: {lacks}"), "{refused:#?}");
    assert_eq!(asker.spent(), spent, "nothing was asked");

    // Where no engine is left, nobody signs. Neither engine protects against a malicious holder.
    let draft = asker.path("nothing.toml");
    let id = asker.run(&["agreement", "list"]).ok()["agreements"][0]["id"].as_str().unwrap().to_owned();
    let shown = asker.run(&["agreement", "show", &id]).ok();
    assert_eq!(shown["agreement"]["terms"]["matching"]["against_asker"], "malicious", "{shown}");
    let card = asker.path("RS-card.json");
    holder.run(&["identity", "--out", card.to_str().unwrap()]).ok();
    asker
        .run(&["agreement", "draft", "--with", card.to_str().unwrap(), "--out", draft.to_str().unwrap()])
        .ok();
    let text = fs::read_to_string(&draft).unwrap();
    let terms = terms().replace("\"semi_honest\"", "\"malicious\"");
    fs::write(&draft, format!("{text}\n{terms}")).unwrap();
    let refused = asker.run(&["agreement", "sign", draft.to_str().unwrap()]);
    assert_eq!(refused.exit, Some(2), "{refused:#?}");
    let what = refused.json["failed"]["what"].as_str().unwrap();
    assert!(
        what.contains("no engine of the agreement gives the answer `any` for the form face-256"),
        "{what}"
    );
    assert!(what.contains("ot-garbled/1 is only semi_honest against the holder"), "{what}");
    holder.stop();
    asker.stop();
}

/// Open files of a node, but for sockets of the control channel that come and go with each look.
fn open_files(agency: &mut Agency) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", agency.process())).unwrap();
    let named = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    named.filter(|file| file.is_absolute()).count()
}

fn failures(agency: &Agency, query: &Value) -> Vec<Value> {
    let events = agency.events("failures.ndjson").into_iter();
    events
        .filter(|(name, event)| name == "failed" && event["query"] == *query)
        .map(|(_, event)| event)
        .collect()
}

/// Whoever asked stops in the middle of the search of a large slice. Both nodes let go of everything, note it once, and
/// the charge stays; the same query is asked again for nothing more.
#[test]
fn a_search_that_is_stopped_in_the_middle_leaves_nothing_behind() {
    // 3 MB and more a query.
    let cable = Cable { bits: 4e6, delay: Duration::from_millis(10) };
    let (mut holder, mut asker) = (Agency::behind("RS", cable), Agency::behind("MK", cable));
    holder.agree_on(&asker, &terms());
    holder.import(&(0..4_500).map(|n| with_face(n, Kept::No, &face(n, 0))).collect::<String>());
    holder.serve();
    asker.serve();
    let under_way = |agency: &Agency| agency.run(&["status"]).ok()["exchanges"].as_u64().unwrap();
    // Keys have a name only, so the first query shows what is open when all is still.
    let first = start(&asker, "any", &[face(7, 3)], &[]);
    assert_eq!(told(&first.wait()), (true, Value::Null));
    let still = [open_files(&mut holder), open_files(&mut asker)];
    let mut stopped = Value::Null;
    for round in 2..5 {
        let spent = [asker.spent(), holder.spent()];
        let query = start(&asker, "any", &[face(8, 3)], &[]);
        let begun = Instant::now();
        while under_way(&holder) == 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "the search never began");
        }
        thread::sleep(Duration::from_millis(500));
        assert_eq!(under_way(&holder), 1, "the search is in its middle: a query takes six seconds or more");
        query.interrupt();
        let done = query.wait();
        assert_eq!(done.exit, Some(1), "{done:#?}");
        let failure = &done.answer()["outcome"]["failure"];
        assert!(failure["what"].as_str().unwrap().contains("stays spent"), "{done:#?}");
        stopped = done.answer()["query"].clone();
        let begun = Instant::now();
        loop {
            let open = [open_files(&mut holder), open_files(&mut asker)];
            if under_way(&holder) == 0 && open[0] <= still[0] && open[1] <= still[1] {
                break;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "round {round}: {still:?} files, now {open:?}"
            );
            thread::sleep(Duration::from_millis(50));
        }
        for (agency, why) in [(&holder, "connection"), (&asker, "stopped by whoever asked")] {
            let failed = failures(agency, &stopped);
            let [event] = failed.as_slice() else { panic!("{failed:#?}") };
            assert!(event["reason"].as_str().unwrap().contains(why), "{event}");
            assert_eq!(event["partner_at_fault"], false);
        }
        let now = [asker.spent(), holder.spent()];
        assert!(now[0] > spent[0] && now[1] > spent[1], "the charge stays: {spent:?} {now:?}");
    }
    let spent = [asker.spent(), holder.spent()];
    assert_eq!(told(&asker.run(&["query", "resume", stopped.as_str().unwrap()])), (true, Value::Null));
    assert_eq!([asker.spent(), holder.spent()], spent, "it cost nothing more");
    let compared = holder.reconcile(&asker, "end.ndjson");
    assert_eq!(compared["discrepancies"], json!([]), "{compared}");
    holder.stop();
    asker.stop();
}

/// What a running node serves to whoever watches it.
fn metric(address: SocketAddr, name: &str) -> Option<f64> {
    let (mut page, mut stream) = (String::new(), TcpStream::connect(address).unwrap());
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    stream.read_to_string(&mut page).unwrap();
    page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[test]
fn the_holder_is_told_of_claims_whose_probes_hardly_differ() {
    let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut holder = Agency::new("RS").set("METRICS", &metrics.to_string());
    let mut asker = Agency::new("MK");
    holder.agree_on(&asker, &terms());
    holder.import(&(0..10).map(|n| with_face(n, Kept::No, &face(n, 0))).collect::<String>());
    holder.serve();
    asker.serve();
    let officers = enrolled(&asker);
    let [asks, _] = &officers;
    let claimed = |number, apart| {
        let hit = ask(&asker, "any", &[face(number, apart)], &asks.signs());
        assert_eq!(told(&hit), (true, Value::Null));
        let line = claim(&asker, &hit, &officers);
        assert_eq!(line["outcome"]["found"].as_array().unwrap().len(), 1, "{line}");
        line["claim"]["claim"].as_str().unwrap().to_owned()
    };
    let alerts = |agency: &Agency| agency.run(&["audit", "alerts"]).ok();

    // Three people, and one of them twice: nothing that stands out.
    let others = [claimed(1, 0), claimed(2, 0), claimed(3, 0), claimed(3, 10)];
    let quiet = alerts(&holder);
    assert_eq!(quiet["alerts"], json!([]), "{quiet}");
    assert!(quiet["tests"].as_u64().unwrap() > 0, "it was looked for: {quiet}");
    assert_eq!(metric(metrics, "symbolon_alerts"), Some(0.0));

    // Three pictures of one face, of which the last two differ most.
    let near = [claimed(4, 0), claimed(4, 7), claimed(4, 33)];
    let found = alerts(&holder);
    let [line] = found["alerts"].as_array().unwrap().as_slice() else { panic!("one alert: {found}") };
    let alert = &line["alert"];
    assert_eq!((&alert["kind"], &alert["partner"]), (&json!("near_probes"), &json!("MK")));
    assert_eq!((&alert["observed"], &alert["of"]), (&json!(3), &json!(7)));
    assert!(alert["chance"].as_u64().unwrap() <= 1_000, "in billionths: {alert}");
    let text = alert["text"].as_str().unwrap();
    assert!(text.contains("by officer-1: ") && near.iter().all(|claim| text.contains(claim)), "{text}");
    assert!(others.iter().all(|claim| !text.contains(claim)), "{text}");
    assert_eq!(metric(metrics, "symbolon_alerts"), Some(1.0));
    // It is journalled once, named by the status, and in no journal of the partner, who only asked.
    assert_eq!(alerts(&holder), found);
    let raised = |agency: &Agency| {
        agency.events("alerts.ndjson").iter().filter(|(name, _)| name == "alert_raised").count()
    };
    assert_eq!(raised(&holder), 1);
    assert_eq!(holder.run(&["status"]).ok()["alerts"], 1);
    assert_eq!(alerts(&asker)["alerts"], json!([]));

    // Whoever audits says what came of it; nobody else can, and not about another alert.
    let [ivo, dana] = [("ivo", "audits"), ("dana", "approves")].map(|(id, roles)| {
        let officer = officer(&holder, id, id);
        officer.enrol(&holder, &["--roles", roles]).ok();
        officer
    });
    let id = &line["id"].as_str().unwrap()[..12];
    let acknowledge = |id: &str, note: &str, by: &Officer| {
        let words = ["audit", "alerts", "acknowledge", id, "--note", note];
        holder.run(&[&words[..], &by.signs()].concat())
    };
    let note = "twins; MK was asked";
    for (refused, exit) in [
        (acknowledge(id, note, &dana), 3),
        (acknowledge("0000", note, &ivo), 2),
        (acknowledge(id, " ", &ivo), 2),
    ] {
        assert_eq!(refused.exit, Some(exit), "{refused:#?}");
    }
    acknowledge(id, note, &ivo).ok();
    let quiet = alerts(&holder);
    assert_eq!((&quiet["alerts"], &quiet["left_out"]), (&json!([]), &json!(1)));
    let all = holder.run(&["audit", "alerts", "--all"]).ok();
    let told = &all["alerts"][0]["acknowledged"];
    assert_eq!((&told["officer"], &told["note"]), (&json!("ivo"), &json!(note)), "{all}");
    assert_eq!(metric(metrics, "symbolon_alerts"), Some(0.0));
    holder.stop();
    assert_eq!(alerts(&holder), quiet, "the journal remembers");
    holder.serve();

    // One more of that face is news again.
    claimed(4, 50);
    let grown = alerts(&holder);
    assert_eq!(
        (&grown["alerts"][0]["id"], &grown["alerts"][0]["alert"]["observed"]),
        (&line["id"], &json!(4))
    );
    assert_eq!(grown["alerts"][0]["acknowledged"], Value::Null);
    assert_eq!((raised(&holder), metric(metrics, "symbolon_alerts")), (2, Some(1.0)));
    holder.stop();
    asker.stop();
}
