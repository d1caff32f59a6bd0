//! The commands of the README, run in order as a newcomer types them.

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
