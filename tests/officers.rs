//! Officers with keys of their own: who is enrolled asks, and nobody else does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use support::{Agency, Done, Officer, PERMITTED, REGISTER, officer, people, records, text_of};

/// The arguments of a query in an officer's name, with a key if there is one.
fn query<'a>(file: &'a str, id: &'a str, key: Option<&'a Officer>) -> Vec<&'a str> {
    let [purpose, basis] = PERMITTED;
    let words = ["query", "exact", "--register", REGISTER, "--purpose", purpose, "--basis", basis];
    let rest = ["--peer", "RS", "--case", "K-17/2026", "--officer", id, file];
    words.into_iter().chain(rest).chain(key.into_iter().flat_map(Officer::signs)).collect()
}

/// `RS` holds ten records and `MK` asks; both nodes run.
fn pair() -> (Agency, Agency) {
    let (mut holder, mut asker) = (Agency::new("RS"), Agency::new("MK").set("DIAL_TIMEOUT_SECS", "3"));
    holder.agree(&asker);
    holder.import(&records(0..10, ""));
    holder.serve();
    asker.serve();
    (holder, asker)
}

#[track_caller]
fn refused(done: &Done, says: &str) {
    assert_eq!(done.exit, Some(3), "{done:#?}");
    let failed = &done.json["failed"];
    assert_eq!(failed["kind"], "refused", "{done:#?}");
    assert!(failed["what"].as_str().unwrap().contains(says), "{failed}");
}

#[test]
fn who_is_enrolled_asks_and_nobody_else() {
    let (holder, mut asker) = pair();
    let file = asker.file("people.ndjson", &people([1, 20]));
    // Nobody is enrolled: any pseudonym is taken, and the status says so.
    assert_eq!(asker.run(&["status"]).ok()["officers"]["required"], false);
    assert_eq!(asker.run(&query(&file, "anybody", None)).hits(), ["1"]);
    let [ana, ivo, eve, other, new] =
        [("ana.petrovic", "ana"), ("ivo", "ivo"), ("eve", "eve"), ("ana.petrovic", "other"), ("new", "new")]
            .map(|(id, name)| officer(&asker, id, name));
    let unchecked = asker.run(&query(&file, ana.id, Some(&ana)));
    assert_eq!(
        unchecked.exit,
        Some(2),
        "a key that cannot be checked is not taken in silence: {unchecked:#?}"
    );

    let enrolled = ana.enrol(&asker, &["--roles", "asks,verifies"]).ok();
    assert_eq!(enrolled["officer"]["roles"], serde_json::json!(["ASKS", "VERIFIES"]));
    assert_eq!(ana.enrol(&asker, &["--roles", "asks"]).exit, Some(2), "enrolled already");
    ivo.enrol(&asker, &["--roles", "verifies"]).ok();
    assert_eq!(eve.enrol(&asker, &["--roles", "asks", "--until", "2020-01-01"]).exit, Some(2), "past");
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let end = now() + 10;
    let until = moment(end);
    eve.enrol(&asker, &["--roles", "asks", "--until", &until]).ok();
    let told = asker.run(&["status"]).ok();
    assert_eq!(told["officers"], serde_json::json!({ "required": true, "enrolled": 3 }));

    let spent = (asker.spent(), holder.spent());
    refused(&asker.run(&query(&file, ana.id, None)), "did not sign");
    refused(&asker.run(&query(&file, ivo.id, Some(&ivo))), "does not have the role ASKS");
    refused(&asker.run(&query(&file, other.id, Some(&other))), "not signed with the key of ana.petrovic");
    refused(&asker.run(&query(&file, new.id, Some(&new))), "new is not enrolled");
    let mixed = asker.run(&query(&file, ana.id, Some(&ivo)));
    assert_eq!(mixed.exit, Some(2), "another's key file: {mixed:#?}");
    while now() <= end {
        thread::sleep(Duration::from_millis(100));
    }
    refused(&asker.run(&query(&file, eve.id, Some(&eve))), "the enrolment of eve ended");
    let signed = captured(&asker, &query(&file, ana.id, Some(&ana)));
    let altered = signed.replace("IRREG_ENTRY", "RETURN_ID");
    assert_ne!(altered, signed);
    assert!(put(&asker, &altered)["failed"]["what"].as_str().unwrap().contains("signed another request"));
    fs::write(&file, people([1, 2])).unwrap();
    let other_file = put(&asker, &signed);
    assert!(other_file["failed"]["what"].as_str().unwrap().contains("signed another request"));
    fs::write(&file, people([1, 20])).unwrap();
    assert_eq!((asker.spent(), holder.spent()), spent, "nothing was charged");

    assert_eq!(put(&asker, &signed)["done"]["answers"][0]["outcome"]["hits"], 1);
    let spent = (asker.spent(), holder.spent());
    assert!(put(&asker, &signed)["failed"]["what"].as_str().unwrap().contains("used already"));
    asker.stop();
    asker.serve();
    assert!(put(&asker, &signed)["failed"]["what"].as_str().unwrap().contains("used already"), "nor later");
    assert_eq!((asker.spent(), holder.spent()), spent, "nothing was charged");

    // A closed home asks in the same way.
    asker.stop();
    refused(&asker.run(&query(&file, ana.id, None)), "did not sign");
    assert_eq!(asker.run(&query(&file, ana.id, Some(&ana))).hits(), ["1"]);

    asker.run(&["officer", "remove", ana.id, "--reason", "moved"]).ok();
    let spent = (asker.spent(), holder.spent());
    refused(&asker.run(&query(&file, ana.id, Some(&ana))), "is not enrolled");
    assert_eq!((asker.spent(), holder.spent()), spent, "nothing was charged");
    let listed = asker.run(&["officer", "list"]).ok();
    assert_eq!(listed["officers"].as_array().unwrap().len(), 2, "{listed}");

    let events = asker.events("events.ndjson");
    let count = |name: &str| events.iter().filter(|(event, _)| event == name).count();
    assert_eq!((count("officer_enrolled"), count("officer_removed")), (3, 1));
    assert_eq!((count("officer_asked"), count("officer_refused")), (2, 11), "every refusal is journalled");
    let found = holder.reconcile(&asker, "end.ndjson");
    assert_eq!(found["discrepancies"], Value::Array(Vec::new()), "{found}");
}

/// A moment as the command line takes it.
fn moment(seconds: u64) -> String {
    jiff::Timestamp::from_second(i64::try_from(seconds).unwrap()).unwrap().to_string()
}

/// The request that a command would put to the node, with what the officer signed.
fn captured(agency: &Agency, arguments: &[&str]) -> String {
    let home = agency.path("listening");
    fs::create_dir(&home).unwrap();
    fs::copy(agency.home().join("keystore.age"), home.join("keystore.age")).unwrap();
    let listener = UnixListener::bind(home.join("control.sock")).unwrap();
    let home = text_of(&home);
    let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon"));
    command.args(["--json", "--quiet", "--home", &home]).args(arguments);
    let mut running =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // A first connection may only try whether somebody is there.
    let line = loop {
        let mut line = String::new();
        BufReader::new(listener.accept().unwrap().0).read_line(&mut line).unwrap();
        if !line.is_empty() {
            break line;
        }
    };
    assert!(!running.wait().unwrap().success(), "nobody answered");
    line
}

/// Puts a captured request to the running node; gives the last line.
fn put(agency: &Agency, request: &str) -> Value {
    let mut stream = UnixStream::connect(agency.home().join("control.sock")).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let last = BufReader::new(stream).lines().last().unwrap().unwrap();
    serde_json::from_str(&last).unwrap()
}
