//! The demonstration, run as a user runs it: it must hold, and leave nothing behind on any way out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// The demonstration in small, its passing files in `temporary`, run in `place`.
fn demo(temporary: &Path, place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon"));
    command.current_dir(place);
    command.args(["demo", "--json", "--people", "100", "--records", "1000"]).args(arguments);
    command.env("TMPDIR", temporary).stdin(Stdio::null());
    command
}

fn run(temporary: &Path, place: &Path, arguments: &[&str]) -> (Value, Output) {
    let output = demo(temporary, place, arguments).output().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), output)
}

/// Processes that were given a file below `place`.
fn processes(place: &Path) -> usize {
    let named = place.as_os_str().as_encoded_bytes();
    let lines = fs::read_dir("/proc").unwrap();
    let lines = lines.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(named.len()).any(|part| part == named)).count()
}

fn assert_nothing_left(temporary: &Path) {
    assert_eq!(fs::read_dir(temporary).unwrap().count(), 0, "files are left");
    assert_eq!(processes(temporary), 0, "processes are left");
}

#[test]
fn it_holds_and_leaves_nothing() {
    let (temporary, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let capture = place.path().join("capture.ndjson");
    let (report, output) = run(temporary.path(), place.path(), &["--capture", capture.to_str().unwrap()]);
    assert!(output.status.success(), "{report:#}");
    assert!(output.stderr.is_empty());
    assert_eq!(report.get("match"), None);

    // 2 alike, 6 respelled, 2 misread, 2 misheard; 1 blocked, 1 EU, 1 minor; the rest absent.
    assert_eq!((report["hits_planted"].as_u64(), report["hits_found"].as_u64()), (Some(12), Some(12)));
    let planted: Vec<_> =
        report["cases"].as_array().unwrap().iter().map(|case| case["planted"].as_u64().unwrap()).collect();
    assert_eq!(planted, [2, 6, 2, 2, 1, 1, 1, 85]);
    let codes: Vec<_> =
        report["refusals"].as_array().unwrap().iter().map(|refused| &refused["code"]).collect();
    assert_eq!(codes, ["rules_forbid", "rules_forbid"]);
    assert_eq!(report["suppressed"]["held_and_blocked"], true);
    assert_eq!(report["reconciled"], serde_json::json!({ "queries": 3, "matched": 3, "clean": true }));
    let procedure = &report["procedure"];
    assert!(procedure["unverified"].as_str().unwrap().contains("no other officer has verified"));
    let released: Vec<_> = procedure["adult"]["releases"].as_array().unwrap().iter().collect();
    assert_eq!(released[1]["approved_by"], serde_json::json!(["rs.officer-0012", "rs.officer-0031"]));
    assert!(released[1]["fields"]["NAME"]["name"].as_str().is_some_and(|name| !name.is_empty()));
    assert_eq!(procedure["minor"]["releases"], serde_json::json!([]));
    let contested = serde_json::json!({ "cause": "contested", "fields": ["CATEGORY", "PLACE", "NAME"], "confirmed": true, "shown": 2 });
    assert_eq!(procedure["contested"], contested);
    let (found, missing) = (&procedure["proof"]["found"], &procedure["proof"]["missing"]);
    assert_eq!(found.is_null(), missing.is_string(), "proved, or said why not");
    assert!(found.is_null() || found[0] == "proved");

    let searched = &report["capture"];
    assert_eq!(searched["found"], serde_json::json!({}));
    assert!(searched["controls"].as_object().unwrap().values().all(|found| found.as_u64() >= Some(2)));
    let frames = fs::read_to_string(&capture).unwrap().lines().count() as u64;
    assert_eq!(searched["frames"].as_u64(), Some(frames));
    assert_nothing_left(temporary.path());
    the_report_is_ready(&report, place.path());
}

/// At the end stands a report for negotiators, whole and of this run.
fn the_report_is_ready(report: &Value, place: &Path) {
    let file = place.join("symbolon-report.html");
    let named = Path::new(report["negotiation"]["file"].as_str().unwrap());
    assert_eq!(fs::canonicalize(named).unwrap(), fs::canonicalize(&file).unwrap());
    let page = fs::read_to_string(&file).unwrap();
    assert!(page.contains("Two neighbours, one route") && page.trim_end().ends_with("</html>"));
    // All ten parts: none says that it was not made.
    for part in 1..=10 {
        assert!(page.contains(&format!(">{part}. ")), "part {part}");
    }
    assert!(!page.contains("No comparison change by change"));
}

/// Its figures are of a run with 1,000 people; this one has 100.
fn the_impact_assessment_says_what_the_journals_say(rs: &Path, mk: &Path) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/impact-assessment.md");
    let page = fs::read_to_string(page).unwrap();
    let report = |journal: &Path| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon"));
        let output = command.args(["audit", "report", "--json", "--journal"]).arg(journal).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let (rs, mk) = (report(rs), report(mk));
    let list = |told: &Value, name: &str| told["log"][name].as_array().unwrap().clone();
    let queries = list(&rs, "queries");
    let items: u64 = queries.iter().map(|line| line["items"].as_u64().unwrap()).sum();
    let purposes = |code: &str| queries.iter().filter(|line| line["purpose"] == code).count();
    // What is more than 1,000 identifiers is asked in two queries; here it is not.
    assert_eq!((queries.len(), items), (3, 3 * 100 + 2), "{rs:#}");
    let [entry, child, count] = ["IRREG_ENTRY", "CHILD_PROTECTION", "STATISTICS"].map(purposes);
    assert_eq!([entry, child, count], [1, 1, 1]);
    let says = |text: &str| assert!(page.contains(text), "{text}");
    says("4 queries, 3,002 items: 2 for IRREG_ENTRY, 1 for CHILD_PROTECTION, 1 count for STATISTICS");
    assert_eq!((list(&rs, "refusals").len(), list(&mk, "refusals").len()), (2, 3));
    assert_eq!(list(&rs, "refusals")[1]["refused"], "fields");
    assert_eq!(list(&mk, "refusals")[2]["refused"], "request");
    says(
        "2 at the holder: 1 by its national rules, 1 by a person; 2 more at the asker: 1 by the shared rules, 1 of a claim that nobody had verified",
    );
    let claims = list(&rs, "claims");
    let found: Vec<_> = claims.iter().map(|claim| claim["found"].as_u64().unwrap()).collect();
    let releases: Vec<_> = claims.iter().map(|claim| claim["releases"].as_array().unwrap().len()).collect();
    assert_eq!((found, releases), (vec![1, 1], vec![2, 0]));
    says(
        "2 claims, 1 record found by each: 2 releases of one, after one and after two persons; the other refused",
    );
    says("RS gave 3,002, received 0: reciprocity +1.000");
}

#[test]
fn what_is_kept_is_complete_and_nothing_is_overwritten() {
    let (temporary, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let keep = place.path().join("kept");
    let keep = keep.to_str().unwrap();
    let (report, output) = run(temporary.path(), place.path(), &["--keep", keep]);
    assert!(output.status.success(), "{report:#}");
    assert_eq!(report["kept"], keep);

    // The journals can be compared again, and a changed one is found out.
    let [rs, mk] = ["rs", "mk"].map(|code| Path::new(keep).join(format!("{code}-journal.ndjson")));
    let compare = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon"));
        command.args(["audit", "reconcile"]).args([&rs, &mk]).output().unwrap().status.code()
    };
    assert_eq!(compare(), Some(0));
    the_impact_assessment_says_what_the_journals_say(&rs, &mk);
    let journal = fs::read_to_string(&mk).unwrap();
    fs::write(&mk, journal.replacen("IRREG_ENTRY", "ASYLUM_PRIOR", 1)).unwrap();
    assert_eq!(compare(), Some(5));

    let (again, output) = run(temporary.path(), place.path(), &["--keep", keep]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(again["failed"]["kind"], "input");
    let taken = rs.to_str().unwrap();
    assert_eq!(run(temporary.path(), place.path(), &["--capture", taken]).1.status.code(), Some(2));
    assert_nothing_left(temporary.path());
}

/// Waits until the node that starts last listens.
fn until_both_nodes_run(demo: &mut Child, temporary: &Path) {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        assert!(demo.try_wait().unwrap().is_none(), "it ended by itself");
        let mut places = fs::read_dir(temporary).unwrap().filter_map(Result::ok);
        if places.any(|place| place.path().join("mk-home/control.sock").exists()) {
            return;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("no node came up");
}

#[test]
fn a_signal_ends_everything() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let (temporary, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let mut child = demo(temporary.path(), place.path(), &[]).stdout(Stdio::piped()).spawn().unwrap();
        until_both_nodes_run(&mut child, temporary.path());
        assert!(processes(temporary.path()) >= 2);
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{signal:?}");
        let failure: Value = serde_json::from_slice(&output.stdout).unwrap();
        let what = failure["failed"]["what"].as_str().unwrap();
        assert!(what.contains("the demonstration was ended"), "{what}");
        assert_nothing_left(temporary.path());
    }
}

/// Setting up keys for both forms takes most of the time, so there is one test of the match.
#[test]
fn the_match_says_what_the_plain_rule_says() {
    let (temporary, place) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let capture = place.path().join("capture.ndjson");
    let (report, output) = run(
        temporary.path(),
        place.path(),
        &[
            &["--match", "--match-records", "24", "--match-register", "1200"][..],
            &["--capture", capture.to_str().unwrap()],
        ]
        .concat(),
    );
    assert!(output.status.success(), "{report:#}");
    assert!(output.stderr.is_empty());
    let probes = report["match"]["probes"].as_array().unwrap();
    assert_eq!(probes.len(), 6);
    for (number, probe) in (1..).zip(probes) {
        let (told, plain) = (&probe["told"], &probe["plain"]);
        let hits = plain["hits"].as_u64().unwrap();
        if plain["near"] == 0 {
            assert_eq!(probe["verdict"], "same", "{probe:#}");
            assert_eq!(told["hit"], hits > 0, "{probe:#}");
            let candidates = if told["answer"] == "any" { Value::Null } else { hits.into() };
            assert_eq!(told["candidates"], candidates, "{probe:#}");
        }
        assert_ne!(probe["verdict"], "wrong", "{probe:#}");
        // One bit, or log2 of every set of up to three of 1,024 places, and one answer more.
        assert_eq!(told["leakage_bits"], if told["answer"] == "any" { 1 } else { 28 });
        assert_eq!(told["budget"], serde_json::json!({ "spent": number, "limit": 10 }));
        // Keys are not counted as bytes of the query.
        assert!(probe["wire"]["bytes_out"].as_u64() < Some(1_000_000), "{probe:#}");
    }
    // Some are far from the threshold on either side, so that something was compared.
    let far =
        |hit: bool| probes.iter().any(|probe| probe["plain"]["near"] == 0 && probe["told"]["hit"] == hit);
    assert!(far(true) && far(false), "{report:#}");
    let keys: Vec<_> = report["match"]["keys"].as_array().unwrap().iter().map(|keys| &keys["form"]).collect();
    assert_eq!(keys, ["face-512", "tenprint-5120"]);

    assert_eq!(report["reconciled"], serde_json::json!({ "queries": 10, "matched": 10, "clean": true }));
    // One probe of a larger register, by the engine that the node chose, beside what the other would take.
    let large = &report["match"]["large"];
    assert_eq!((&large["records"], &large["choice"]["engine"]), (&1_200.into(), &"ot-garbled/1".into()));
    assert!(
        large["choice"]["why"].as_str().unwrap().contains("against tfhe-one-round/1: about "),
        "{large:#}"
    );
    let probe = &large["probe"];
    assert_eq!(probe["verdict"], "same", "{large:#}");
    assert_eq!(probe["told"]["candidates"], probe["plain"]["hits"], "{large:#}");
    assert_eq!(probe["plain"]["near"], 0, "this engine has no blur");
    let wire = |name: &str| probe["wire"][name].as_u64().unwrap();
    let (moved, expected) =
        (wire("bytes_out") + wire("bytes_in"), large["expected"]["bytes"].as_u64().unwrap());
    assert!(moved.abs_diff(expected) < expected / 20, "{moved} bytes, {expected} expected");
    let seconds = |of: &str| large[of]["seconds"].as_f64().unwrap();
    assert!(seconds("one_round") > 20.0 * seconds("expected"), "{large:#}");
    let searched = &report["capture"];
    assert_eq!(searched["found"], serde_json::json!({}));
    assert!(searched["patterns"]["of templates, in clear"].as_u64() > Some(1_000));
    assert_nothing_left(temporary.path());
}
