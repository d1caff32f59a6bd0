//! The commands of the README, run in order as a newcomer types them, and those of a page with what they give.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{fs, path::Path, process::Command};

#[test]
fn the_tour_of_the_readme_works_as_it_stands() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let mut script = String::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if inside => script.extend([line, "\n"]),
            _ => {}
        }
    }
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
