//! `symbolon simulate` as a negotiator runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::{fs, path::Path, process::Command};

use serde_json::Value;

fn run(dir: &Path, arguments: &[&str]) -> (String, String, i32) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_symbolon")).current_dir(dir).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap())
}

#[test]
fn a_scenario_runs_writes_and_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let small = ["--persons", "300", "--seeds", "7,8", "--abuse-seeds", "1"];
    let all = |more: &[&str]| run(dir.path(), &[&["simulate", "bilateral"], &small[..], more].concat());
    let (text, _, code) = all(&["--csv", "figures.csv"]);
    assert_eq!(code, 0, "{text}");
    for line in ["true hits", "bits disclosed", "What goes wrong, under pcc", "numbers are assumed"] {
        assert!(text.contains(line), "{text}");
    }
    let figures = fs::read_to_string(dir.path().join("figures.csv")).unwrap();
    assert!(figures.lines().any(|line| line.starts_with("pcc,true_hits,RS,MK,")), "{figures}");
    let (json, _, code) = all(&["--json", "--out", "run"]);
    assert_eq!(code, 0, "{json}");
    let outcome: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(outcome["seeds"], serde_json::json!([7, 8]));
    let kept = fs::read_to_string(dir.path().join("run/outcome.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), outcome);
    let rows = fs::read_to_string(dir.path().join("run/rows/pcc-7.csv")).unwrap();
    let row = rows.lines().nth(1).unwrap();
    assert!(row.starts_with("2022-01-0") && row.contains(",pcc,7,"), "{row}");
    // A part that is lost is run again, the others are not; the outcome is the same.
    fs::remove_file(dir.path().join("run/parts/pcc-8.json")).unwrap();
    let (again, _, code) = all(&["--json", "--out", "run", "--resume"]);
    assert_eq!((serde_json::from_str::<Value>(&again).unwrap(), code), (outcome, 0));
    // Another run does not write over it.
    let (_, told, code) = all(&["--out", "run"]);
    assert!(code == 2 && told.contains("is not empty"), "{told}");
}

#[test]
fn what_does_not_stand_is_told_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.toml"), "name = \"mine\"\ntitle = 3\n").unwrap();
    let (_, told, code) = run(dir.path(), &["simulate", "mine.toml"]);
    assert!(code == 2 && told.contains("line 2:"), "{told}");
    let (_, told, code) = run(dir.path(), &["simulate", "atlantis"]);
    assert!(code == 2 && told.contains("--list"), "{told}");
    let (_, told, code) = run(dir.path(), &["simulate", "bilateral", "--proposal", "pc"]);
    assert!(code == 2 && told.contains("status-quo, pcc"), "{told}");
    let (listed, _, code) = run(dir.path(), &["simulate", "--list"]);
    assert!(code == 0 && listed.contains("western-balkans-2022"), "{listed}");
    let (told, _, code) = run(dir.path(), &["simulate", "--explain", "bilateral"]);
    assert!(code == 0 && told.contains("party.MK.register_p") && told.contains("UNHCR 2021"), "{told}");
    let (fitted, _, code) = run(dir.path(), &["simulate", "fit", "western-balkans-2022", "--draws", "3000"]);
    assert!(
        code == 0 && fitted.contains("different people registered") && fitted.contains("held out"),
        "{fitted}"
    );
}
