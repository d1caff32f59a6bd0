//! The program as people and scripts run it: one real node, its socket, its exit codes.

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
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

/// A home of its own, and an environment without settings.
struct Agency {
    dir: TempDir,
}

impl Agency {
    fn new(code: &str) -> Self {
        let agency = Self { dir: tempfile::tempdir().unwrap() };
        let made = agency.run(&["init", "--code", code, "--name", "Ministry", "--generate-passphrase"]);
        assert!(made.status.success(), "{made:?}");
        agency
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_symbolon"));
        command
            .env_clear()
            .env("SYMBOLON_HOME", self.path("home"))
            .env("SYMBOLON_PASSPHRASE_FILE", self.path("passphrase"))
            .stdin(Stdio::null())
            .current_dir(self.dir.path())
            .args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Standard output as JSON, and the exit code.
    fn json(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.run(&[&["--json"], arguments].concat());
        let told =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (told, output.status.code().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
}

/// A node that runs; killed if a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_home_answers_without_a_running_node() {
    let rs = Agency::new("RS");
    let (card, exit) = rs.json(&["identity"]);
    assert_eq!((exit, &card["identity"]["code"]), (0, &Value::from("RS")));
    assert_eq!(code(&rs.run(&["identity", "--out", "card.json"])), 0);
    assert_eq!(read(&rs.path("card.json"))["identity"]["key"], card["identity"]["key"]);
    let again = rs.run(&["identity", "--out", "card.json"]);
    assert_eq!(code(&again), 2, "a file is never overwritten: {again:?}");
    let (status, _) = rs.json(&["status"]);
    assert_eq!((&status["reply"], &status["serving"]), (&Value::from("status"), &Value::from(false)));
    let (audit, exit) = rs.json(&["audit", "verify"]);
    assert_eq!((exit, &audit["clean"]), (0, &Value::from(true)));
}

#[test]
fn failures_tell_their_kind_by_exit_code_and_in_json() {
    let rs = Agency::new("RS");
    for arguments in [
        &["peer", "ping", "mk"][..],
        &["register", "show", "border", "1"],
        &["agreement", "show", "ffff"],
        &["agreement", "show", ""],
        &["register", "import", "--create", "nothing", "/dev/null", "--format", "csv"],
        &["rules", "national", "set", "/dev/null"],
        &["rules", "check", "/dev/null"],
        &["stop"],
        &["serve", "--metrics", "192.0.2.1:9100"],
        &["init", "--code", "RS", "--name", "again"],
        &["--config", "nowhere.toml", "status"],
        &["rules", "check", "nowhere.cedar"],
    ] {
        let (told, exit) = rs.json(arguments);
        assert_eq!((exit, &told["failed"]["kind"]), (2, &Value::from("input")), "{arguments:?}: {told}");
        let output = rs.run(arguments);
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{output:?}");
    }
    let output = rs.command(&["status"]).env("SYMBOLON_QUICK", "true").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(code(&output) == 2 && told.contains("SYMBOLON_QUICK"), "{told}");
    rs.write("passphrase", "another passphrase\n");
    let (told, exit) = rs.json(&["status"]);
    assert!(exit > 0 && told["failed"]["what"].is_string(), "{told}");
}

#[test]
fn files_are_checked_without_a_home() {
    let rs = Agency { dir: tempfile::tempdir().unwrap() };
    rs.write("a.cedar", "@id(\"all\") @title(\"All\")\npermit(principal, action, resource);");
    rs.write("b.cedar", "@id(\"none\") @title(\"None\")\nforbid(principal, action, resource);");
    rs.write("broken.cedar", "permit(principal, action, resource)");
    let (told, exit) = rs.json(&["rules", "check", "a.cedar"]);
    assert_eq!((exit, &told["clauses"][0]["id"]), (0, &Value::from("all")));
    assert_eq!(rs.json(&["rules", "check", "a.cedar", "--national"]).1, 2);
    assert_eq!(rs.json(&["rules", "check", "b.cedar", "--national"]).1, 0);
    // A file of the wrong kind is no damaged one.
    for arguments in [
        &["audit", "evidence", "--check", "a.cedar"][..],
        &["audit", "transparency", "--check", "a.cedar"],
        &["audit", "report", "--journal", "a.cedar"],
        &["audit", "reconcile", "a.cedar", "b.cedar"],
        &["claim", "open", "a.cedar", "--officer-key", "b.cedar", "--officer-passphrase-file", "a.cedar"],
    ] {
        let (told, exit) = rs.json(arguments);
        let what = told["failed"]["what"].as_str().unwrap();
        assert!(exit == 2 && what.contains(".cedar is no"), "{arguments:?}: {told}");
    }
    let (told, exit) = rs.json(&["agreement", "show", "agreemnt.json"]);
    let what = told["failed"]["what"].as_str().unwrap();
    assert!(exit == 2 && what.starts_with("cannot read agreemnt.json"), "{told}");
    let broken = rs.run(&["rules", "check", "broken.cedar"]);
    let told = String::from_utf8_lossy(&broken.stderr);
    assert!(code(&broken) == 2 && told.contains("broken.cedar") && told.contains("line 1"), "{told}");
    let (told, exit) = rs.json(&["rules", "diff", "a.cedar", "b.cedar"]);
    assert!(exit == 0 && told["queries"]["narrowed"].as_u64() > Some(0), "{told}");
    assert_eq!(rs.json(&["codes"]).0["purposes"].as_array().unwrap().len(), 12);
    assert_eq!(rs.json(&["status"]).0["failed"]["kind"], "input");
}

#[test]
fn a_running_node_answers_on_its_socket_and_stops_when_asked() {
    let rs = Agency::new("RS");
    let metrics = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let serve = ["serve", "--json", "--listen", "/ip4/127.0.0.1/tcp/0", "--metrics", &metrics.to_string()];
    let child = rs.command(&serve).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut node = Running(child);
    let mut line = String::new();
    BufReader::new(node.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let listening: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert!(listening["listening"].as_str().unwrap().starts_with("/ip4/127.0.0.1/tcp/"));

    // The passphrase file is gone, so whatever answers is the node.
    std::fs::remove_file(rs.path("passphrase")).unwrap();
    let (status, exit) = rs.json(&["status"]);
    assert_eq!((exit, &status["serving"]), (0, &Value::from(true)));
    assert_eq!(rs.json(&["peer", "ping", "MK"]).1, 2, "there is no agreement with MK");

    let mut page = String::new();
    let mut stream = TcpStream::connect(metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.contains("symbolon_journal_entries"), "{page}");

    assert_eq!(code(&rs.run(&["stop"])), 0);
    assert!(node.0.wait().unwrap().success());
    let mut log = String::new();
    node.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("the node starts") && log.contains("the node stopped"), "{log}");
    assert!(!rs.path("home").join("control.sock").exists());
}
