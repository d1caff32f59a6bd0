//! The commands of the README, run in order as a newcomer types them, and those of pages.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{fs, path::Path, process::Command};

/// The blocks of commands of a page, as one script.
fn script_of(page: &str) -> String {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(page)).unwrap();
    let mut script = String::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => script.extend([line, "\n"]),
            _ => {}
        }
    }
    script
}

#[test]
fn the_page_on_officers_works_as_it_stands() {
    let script = script_of("docs/officers.md");
    assert!(
        script.contains("officer enrol") && script.contains("--officer-key"),
        "the commands are not there"
    );
    let place = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_symbolon")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(program).chain(std::env::split_paths(&others));
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(place.path());
    let output = bash.env("PATH", std::env::join_paths(path).unwrap()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n--- output\n{out}\n--- errors\n{err}", output.status);
    for (part, says) in [(&out, "any pseudonym is taken"), (&out, "2 enrolled; queries need a key")] {
        assert!(part.contains(says), "{says}:\n{part}");
    }
    for says in ["did not sign", "does not have the role ASKS", "no agreement is in force", "is not enrolled"]
    {
        assert!(err.contains(says), "{says}:\n{err}");
    }
}

#[test]
fn the_page_on_the_audit_works_as_it_stands() {
    let script = script_of("docs/audit.md");
    let place = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_symbolon")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(program).chain(std::env::split_paths(&others));
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(place.path());
    let output = bash.env("PATH", std::env::join_paths(path).unwrap()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n--- output\n{out}\n--- errors\n{err}", output.status);
    let answer = fs::read_to_string(place.path().join("answer.json")).unwrap();
    assert!(answer.contains("\"hits\": 1"), "the person is a hit:\n{answer}");
    for says in [
        "Imported 1 of 1 line into border",
        "IRREG_ENTRY",
        "the evidence stands",
        "the opening stands",
        "THE EVIDENCE DOES NOT STAND",
        "it stands; the key is the one that was given",
        "Nothing stands out.",
        "`*` stands for counts",
        "items were canaries",
    ] {
        assert!(out.contains(says), "{says}:\n{out}");
    }
}

#[test]
fn the_page_on_the_simulator_works_as_it_stands() {
    let script = script_of("docs/simulator.md");
    assert!(script.contains("--report") && script.contains("--search"), "the commands are not there");
    let place = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_symbolon")).parent().unwrap().to_owned();
    let others = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(program).chain(std::env::split_paths(&others));
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(place.path());
    let output = bash.env("PATH", std::env::join_paths(path).unwrap()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n--- output\n{out}\n--- errors\n{err}", output.status);
    for says in ["Wrote the report", "of restrained against pcc", "Wrote the counter-proposals", "stand."] {
        assert!(out.contains(says), "{says}:\n{out}");
    }
}

#[test]
fn the_tour_of_the_readme_works_as_it_stands() {
    let script = script_of("README.md");
    assert!(script.contains("query exact") && script.contains("audit reconcile"), "the tour is not there");
    // The program under test stands where the README says that a build puts it.
    let place = tempfile::tempdir().unwrap();
    let release = place.path().join("target/release");
    fs::create_dir_all(&release).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_symbolon"), release.join("symbolon")).unwrap();
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &script])
        .current_dir(place.path())
        .env("TMPDIR", place.path())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{}\n--- output\n{out}\n--- errors\n{err}", output.status);
    assert!(out.contains("candidate"), "the hit is shown as a candidate:\n{out}");
}

/// Each block of commands on the page is followed by what they print, to the letter.
#[test]
fn the_page_on_thresholds_shows_what_its_commands_give() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/thresholds.md");
    let page = fs::read_to_string(page).unwrap();
    let place = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_symbolon")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(program.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    let mut compared = 0;
    for block in page.split("```sh\n").skip(1) {
        let (script, rest) = block.split_once("```\n").unwrap();
        let expected = rest.trim_start().strip_prefix("```text\n").and_then(|text| text.split_once("```"));
        let (expected, _) = expected.unwrap_or_else(|| panic!("what this gives is not shown:\n{script}"));
        let run = || {
            let mut bash = Command::new("bash");
            bash.args(["-euo", "pipefail", "-c", script]).current_dir(place.path()).env("PATH", &path);
            bash.output().unwrap()
        };
        let output = run();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "of\n{script}");
        // A picture is never drawn over another.
        let again = run();
        assert_eq!(again.status.code(), Some(2), "{again:?}");
        assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"), "{again:?}");
        compared += 1;
    }
    assert!(compared > 0, "the page has no command");
}

/// Each block of commands on a page that is followed by a block of text gives that text, to the letter. The blocks
/// run one after the other in one place; pages start blocks that are only shown with another word than `sh`.
fn page_gives_what_it_shows(name: &str, least: usize) {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    let page = fs::read_to_string(page).unwrap();
    let place = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_symbolon")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(program.to_owned()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    let mut compared = 0;
    for block in page.split("```sh\n").skip(1) {
        let (script, rest) = block.split_once("```\n").unwrap();
        let expected = rest.trim_start().strip_prefix("```text\n").and_then(|text| text.split_once("```"));
        let (expected, _) = expected.unwrap_or_else(|| panic!("what this gives is not shown:\n{script}"));
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", script]).current_dir(place.path()).env("PATH", &path);
        let output = bash.output().unwrap();
        assert!(output.status.success(), "{script}\n{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "of\n{script}");
        compared += 1;
    }
    assert!(compared >= least, "{name} shows {compared} commands");
}

#[test]
fn the_page_on_rules_shows_what_its_commands_give() {
    page_gives_what_it_shows("rules.md", 4);
}

#[test]
fn the_page_on_the_person_shows_what_its_commands_give() {
    page_gives_what_it_shows("data-subject.md", 2);
}

/// Where there is no solver the program says so; nothing is proved then.
#[test]
fn the_page_on_proofs_shows_what_its_commands_give() {
    let solver = std::env::var_os("CVC5").unwrap_or_else(|| "cvc5".into());
    if Command::new(solver).arg("--version").output().is_ok_and(|output| output.status.success()) {
        page_gives_what_it_shows("proofs.md", 4);
    } else {
        eprintln!("no solver here: the page on proofs is not run");
    }
}

#[test]
fn without_a_solver_a_proof_says_so_and_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    let rules = place.path().join("shared.cedar");
    fs::write(&rules, symbolon_policy::rules::PCC_BILATERAL).unwrap();
    let mut symbolon = Command::new(env!("CARGO_BIN_EXE_symbolon"));
    symbolon.args(["rules", "prove"]).arg(&rules).args(["--claim", "clauses"]).env("CVC5", "/nowhere/cvc5");
    let output = symbolon.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("there is no solver: `/nowhere/cvc5` cannot be run"), "{said}");
    assert!(said.contains("install cvc5"), "{said}");
}
