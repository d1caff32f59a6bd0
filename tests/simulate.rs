//! `symbolon simulate` as a negotiator runs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::{Field, Row},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use symbolon_policy::words::Timestamp;

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
    fs::remove_file(dir.path().join("run/parts/pcc-8.cbor")).unwrap();
    let (again, _, code) = all(&["--json", "--out", "run", "--resume"]);
    assert_eq!((serde_json::from_str::<Value>(&again).unwrap(), code), (outcome, 0));
    // A form of rows that is wanted only now is written for every part.
    let (_, told, code) = all(&["--out", "run", "--resume", "--rows", "ndjson"]);
    assert_eq!(code, 0, "{told}");
    let lines = fs::read_to_string(dir.path().join("run/rows/pcc-7.ndjson")).unwrap();
    assert_eq!(lines.lines().count(), rows.lines().count() - 1);
    // What is of other numbers is not mixed with it.
    for (other, what) in [
        (["--persons", "400", "--seeds", "7,8"], "of other scenario or numbers"),
        (["--persons", "300", "--seeds", "7,9"], "seeds"),
    ] {
        let options = ["--abuse-seeds", "1", "--out", "run", "--resume"];
        let (_, told, code) = run(dir.path(), &[&["simulate", "bilateral"], &other[..], &options].concat());
        assert!(code == 2 && told.contains("holds another run") && told.contains(what), "{told}");
    }
    assert!(dir.path().join("run/outcome.json").is_file());
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
    let (_, told, code) =
        run(dir.path(), &["simulate", "bilateral", "--search", "2", "--red-line", "party:ZZ"]);
    assert!(code == 2 && told.contains("party:ZZ names ZZ") && told.contains("MK, RS"), "{told}");
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

/// Names and contents of the rows, and the outcome if there is one.
fn written(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(out.join("rows")).unwrap() {
        let path = entry.unwrap().path();
        files.insert(path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap());
    }
    files.extend(fs::read(out.join("outcome.json")).ok().map(|bytes| ("outcome.json".to_owned(), bytes)));
    files
}

/// A record as a line of CSV; a value of another type than it must have makes another line.
fn line(record: &Row) -> String {
    let values = record.get_column_iter().map(|(_, value)| match value {
        Field::TimestampMillis(time) => Timestamp(time.div_euclid(1_000)).to_string(),
        Field::Str(text) => text.clone(),
        Field::ULong(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        other => format!("{other:?}"),
    });
    values.collect::<Vec<_>>().join(",")
}

/// The rows of a Parquet file are those of the CSV file beside it.
fn the_same_rows(parquet: &Path) {
    let csv = fs::read_to_string(parquet.with_extension("csv")).unwrap();
    let reader = SerializedFileReader::new(File::open(parquet).unwrap()).unwrap();
    let mut lines = csv.lines().skip(1);
    for record in reader.get_row_iter(None).unwrap() {
        assert_eq!(Some(line(&record.unwrap()).as_str()), lines.next());
    }
    assert_eq!(lines.next(), None);
}

/// Parts of a run, of [`PARTS`].
fn finished(out: &Path) -> usize {
    let Ok(entries) = fs::read_dir(out.join("parts")) else { return 0 };
    entries
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "cbor"))
        .count()
}

/// Three proposals under four seeds.
const PARTS: usize = 12;

/// Runs on until more than so many parts are finished, then gets a signal while others are at work.
fn signalled(dir: &Path, arguments: &[&str], parts: usize, signal: Signal) -> (Child, usize) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_symbolon"));
    // However many cores there are, some parts wait for others.
    child.env("RAYON_NUM_THREADS", "2");
    child.current_dir(dir).args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = child.spawn().unwrap();
    let (out, start) = (dir.join("broken"), Instant::now());
    while finished(&out) <= parts {
        assert!(start.elapsed() < Duration::from_secs(120), "no part was finished");
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_child(&child), signal).unwrap();
    child.wait().unwrap();
    let now = finished(&out);
    assert!(now > parts && now < PARTS, "{now} of {PARTS} parts were finished");
    (child, now)
}

/// Ctrl-C, then a kill as by a loss of power, each in the middle of a run: no rows that look whole are not, and what
/// was taken up again is, to the byte, what a run without any of that writes.
#[test]
fn a_run_that_was_broken_off_ends_as_if_it_never_had_been() {
    let dir = tempfile::tempdir().unwrap();
    let all =
        ["--quiet", "simulate", "bilateral", "--persons", "40000", "--seeds", "4", "--abuse-seeds", "1"];
    let all = [&all[..], &["--rows", "csv,parquet", "--out"]].concat();
    let (_, told, code) = run(dir.path(), &[&all[..], &["unbroken"]].concat());
    assert_eq!(code, 0, "{told}");
    let unbroken = written(&dir.path().join("unbroken"));
    assert_eq!(unbroken.len(), 2 * PARTS + 1, "{:?}", unbroken.keys());
    for (name, _) in unbroken.iter().filter(|(name, _)| name.ends_with(".parquet")) {
        the_same_rows(&dir.path().join("unbroken/rows").join(name));
    }

    let out = dir.path().join("broken");
    let whole = |only_whole: bool| {
        let files = written(&out);
        assert!(!files.contains_key("outcome.json"));
        for (name, bytes) in files {
            match unbroken.get(&name) {
                Some(other) => assert!(*other == bytes, "{name} differs"),
                None => assert!(!only_whole && name.ends_with(".part"), "{name}"),
            }
        }
    };
    let (child, parts) = signalled(dir.path(), &[&all[..], &["broken"]].concat(), 0, Signal::INT);
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(told.contains("was cancelled") && told.contains("--resume"), "{told}");
    whole(true);

    let resume = [&all[..], &["broken", "--resume"]].concat();
    let (child, _) = signalled(dir.path(), &resume, parts, Signal::KILL);
    assert_eq!(child.wait_with_output().unwrap().status.code(), None);
    whole(false);

    let (_, told, code) = run(dir.path(), &resume);
    assert_eq!(code, 0, "{told}");
    let resumed = written(&out);
    assert_eq!(resumed.keys().collect::<Vec<_>>(), unbroken.keys().collect::<Vec<_>>());
    for (name, bytes) in &resumed {
        assert!(unbroken[name] == *bytes, "{name} differs");
    }
}
