use std::path::Path;

use clap::CommandFactory;

use super::*;
use crate::control::api::FailureKind;

fn parse(line: &[&str]) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line)
}

/// Splits as a shell would, as far as our examples need it.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, ' ') => words.push(String::new()),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words
}

fn each_command(command: &clap::Command, visit: &mut impl FnMut(&clap::Command)) {
    visit(command);
    command.get_subcommands().filter(|sub| sub.get_name() != "help").for_each(|sub| each_command(sub, visit));
}

#[test]
fn the_arguments_are_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_a_line_about_it_and_examples_that_parse() {
    let mut examples = 0;
    each_command(&Cli::command(), &mut |command| {
        let name = command.get_name();
        assert!(command.get_about().is_some(), "{name}");
        assert!(command.get_arguments().all(|argument| argument.get_help().is_some()), "{name}");
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let (_, list) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{name} has no examples"));
        for line in help.lines().filter(|line| line.starts_with("  ")) {
            assert!(line.chars().count() <= 78, "it breaks on a narrow screen: {name}: {line}");
        }
        let list = list.replace(" \\\n   ", "");
        for example in list.lines() {
            let typed = example.split([']', '>', '|']).next().unwrap().trim();
            assert!(typed.starts_with("symbolon "), "{name}: {example}");
            assert!(name == "symbolon" || words(typed).iter().any(|word| word == name), "{name}: {example}");
            Cli::try_parse_from(words(typed)).unwrap_or_else(|error| panic!("{example}: {error}"));
            examples += 1;
        }
    });
    assert!(examples > 100, "{examples}");
}

#[test]
fn a_wrong_code_is_told_with_those_allowed() {
    let query = |purpose, basis, kind| {
        let fixed = ["symbolon", "query", "count", "--register", "border", "--officer", "a.b", "people.csv"];
        parse(&[&fixed[..], &["--purpose", purpose, "--basis", basis, "--kind", kind]].concat())
    };
    assert!(query("STATISTICS", "BILAT", "name-birth").is_ok());
    for (error, allowed) in [
        (query("STATISTIC", "BILAT", "name-birth"), "CHILD_PROTECTION"),
        (query("STATISTICS", "TREATY", "name-birth"), "VITAL_INTEREST"),
        (query("STATISTICS", "BILAT", "passport"), "travel-document"),
    ] {
        assert!(error.unwrap_err().to_string().contains(allowed));
    }
    for (line, says) in [
        (&["symbolon", "peer", "ping", "mk"][..], "capital letters"),
        (&["symbolon", "serve", "--listen", "0.0.0.0:4711"], "/ip4/192.0.2.1/tcp/4711"),
        (&["symbolon", "register", "erase", "border", "--reason", "x"], "required"),
        (&["symbolon", "register", "erase", "border", "7", "--expired", "--reason", "x"], "cannot be used"),
        (&["symbolon", "thresholds"], "--modality"),
        (&["symbolon", "thresholds", "--modality", "iris", "--templates", "a.ndjson"], "cannot be used"),
        (&["symbolon", "thresholds", "--templates", "a.ndjson", "--people", "200"], "cannot be used"),
        (&["symbolon", "thresholds", "--modality", "ear"], "iris-ideal"),
        (&["symbolon", "thresholds", "--modality", "face", "--seed", "0g"], "hexadecimal"),
        (&["symbolon", "thresholds", "--modality", "face", "--seed", "123"], "even number"),
        (&["symbolon", "thresholds", "--modality", "face", "--thresholds", "0.3,0.6"], "between 0 and 0.5"),
        (&["symbolon", "thresholds", "--modality", "face", "--records", "10,0"], "10000000"),
        (&["symbolon", "agreement", "draft", "--with", "a.json", "--from", "today"], "RFC 3339"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), i32::from(FailureKind::Input.exit_code()));
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn a_text_from_a_partner_cannot_steer_the_terminal() {
    let hostile = "a\u{1b}[2Jb\rc\u{9b}d\u{202e}e\nf";
    assert_eq!(output::clean(hostile), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\u{fffd}e\nf");
}

#[test]
fn a_new_file_is_written_whole_and_never_over_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("card.json");
    files::save(&path, "{}").unwrap();
    let failure = files::save(&path, "other").unwrap_err();
    assert_eq!(failure.kind, FailureKind::Input);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
}

#[test]
fn documents_of_another_form_are_refused_with_their_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("thing");
    std::fs::write(&path, "x".repeat((4 << 20) + 1)).unwrap();
    assert!(files::read(&path).unwrap_err().what.contains("longer than"));
    for (bytes, says) in [(&b"\xff"[..], "not UTF-8"), (b"{}", "missing field"), (b"title = 1", "thing: ")] {
        std::fs::write(&path, bytes).unwrap();
        let failure = files::agreement(&path).unwrap_err();
        assert!(failure.what.contains(says) && failure.what.contains("thing"), "{failure}");
    }
    assert!(files::read(Path::new("/nowhere/at/all")).unwrap_err().what.contains("/nowhere/at/all"));
}

#[test]
fn passphrases_come_from_the_first_line_of_a_file() {
    use secrecy::ExposeSecret;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("passphrase");
    let drawn = passphrase::generate(&path).unwrap();
    assert_eq!(drawn.expose_secret().len(), 32);
    assert_eq!(passphrase::choose(Some(&path)).unwrap().expose_secret(), drawn.expose_secret());
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert!(passphrase::generate(&path).is_err(), "a passphrase is never overwritten");
    std::fs::write(&path, "too short\r\nsecond line that is long enough\n").unwrap();
    assert_eq!(passphrase::get(Some(&path)).unwrap().expose_secret(), "too short");
    assert!(passphrase::choose(Some(&path)).is_err());
    std::fs::write(&path, "\nlater").unwrap();
    assert!(passphrase::get(Some(&path)).is_err());
}
