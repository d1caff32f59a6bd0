//! Reports, counter-proposals and the page that answers, by the program itself.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

fn symbolon(arguments: &[&str], place: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_symbolon")).args(arguments).current_dir(place).output().unwrap()
}

const SMALL: [&str; 8] =
    ["--quiet", "simulate", "bilateral", "--persons", "200", "--seeds", "2", "--compare-persons=80"];

#[test]
fn a_report_in_every_script_is_one_file() {
    let place = tempfile::tempdir().unwrap();
    for (lang, says) in [("sr-cyrl", "Одакле су бројеви"), ("sq", "Nga vijnë numrat")] {
        let file = format!("{lang}.html");
        let mut arguments = SMALL.to_vec();
        arguments.extend(["--report", &file, "--lang", lang, "--baseline", "pcc"]);
        let output = symbolon(&arguments, place.path());
        assert!(output.status.success(), "{output:?}");
        let html = fs::read_to_string(place.path().join(&file)).unwrap();
        assert!(html.contains(says) && html.contains("</html>"));
        assert!(!html.contains("<script") && !html.contains("http-equiv") && !html.contains("src="));
    }
    // Nothing is written over, and what is not there is said before the run.
    let mut arguments = SMALL.to_vec();
    arguments.extend(["--report", "sq.html"]);
    assert_eq!(symbolon(&arguments, place.path()).status.code(), Some(2));
    let mut arguments = SMALL.to_vec();
    arguments.extend(["--baseline", "nobody"]);
    let output = symbolon(&arguments, place.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("status-quo, pcc"), "{output:?}");
}

/// The program reads back what it wrote: rules by `rules check`, drafts as an agreement of two nodes' terms.
#[test]
fn a_node_takes_counter_proposals() {
    let place = tempfile::tempdir().unwrap();
    let go = |line: &str, dir: &str| {
        let mut arguments = SMALL.to_vec();
        arguments.extend(["--search", "8", "--red-line", line, "--counter", dir]);
        symbolon(&arguments, place.path())
    };
    let output = go("minors:NAME", "counters");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    let shown = text.lines().filter(|line| line.contains("minors:NAME: ")).collect::<Vec<_>>();
    let solver = shown.iter().any(|line| line.contains("proved by cvc5"));
    let kept = |line: &&str| line.contains(if solver { "proved by cvc5" } else { "not proved: " });
    assert!(!shown.is_empty() && shown.iter().all(kept), "{text}");
    // No candidate of two parties can do without one of them.
    let output = go("party:MK", "none");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), !solver, "{told}");
    assert!(!solver || told.contains("crosses a red line"), "{told}");
    let mut checked = 0;
    for counter in fs::read_dir(place.path().join("counters")).unwrap() {
        for file in fs::read_dir(counter.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            let text = fs::read_to_string(&file).unwrap();
            if file.extension().unwrap() == "cedar" {
                let output = symbolon(&["rules", "check", file.to_str().unwrap()], place.path());
                assert!(output.status.success(), "{output:?}");
            } else {
                let terms: symbolon_policy::agreement::Terms = toml::from_str(&text).unwrap();
                terms.check().unwrap();
            }
            checked += 1;
        }
    }
    assert!(checked >= 2);
}

/// A page that is being served, ended with the test.
struct Served(Child, String);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(arguments: &[&str]) -> Served {
    let mut child = Command::new(env!("CARGO_BIN_EXE_symbolon"))
        .arg("simulate")
        .args(arguments)
        .arg("--serve")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let address = line
        .split("http://")
        .nth(1)
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_else(|| panic!("{line}"));
    Served(child, address.to_owned())
}

/// Status and the whole reply to one request.
fn get(address: &str, method: &str, path: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    let reply = String::from_utf8_lossy(&reply).into_owned();
    let status = reply.split(' ').nth(1).unwrap().parse().unwrap();
    (status, reply)
}

#[test]
fn the_page_answers_to_this_machine_alone() {
    let served = serve(&["bilateral", "--persons", "400"]);
    let address = &served.1;
    let (status, page) = get(address, "GET", "/?base=pcc&identifiers=50", address);
    assert_eq!(status, 200, "{page}");
    assert!(
        page.contains("value=\"50\"") && page.contains("content-security-policy: default-src 'none'"),
        "{page}"
    );
    let port = address.rsplit(':').next().unwrap();
    assert_eq!(get(address, "GET", "/answer?no-purpose=RETURN_ID", &format!("localhost:{port}")).0, 200);
    // A name that somebody else makes point here.
    for host in ["evil.example", &format!("evil.example:{port}"), &format!("127.0.0.1.evil.example:{port}")] {
        assert_eq!(get(address, "GET", "/", host).0, 421, "{host}");
    }
    // The same settings, the same answer.
    let answer = |query: &str| {
        let (status, reply) = get(address, "GET", &format!("/answer?{query}"), address);
        let body = reply.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned();
        (status, body)
    };
    assert_eq!(answer("identifiers=5"), answer("identifiers=5"));
    assert_ne!(answer("identifiers=1"), answer(""));
    for bad in ["identifiers=-1", "fun=1", "no-field=%3Cscript%3E", "base=nobody", &"x".repeat(5_000)] {
        let (status, body) = answer(bad);
        assert_eq!(status, 400, "{bad}");
        assert!(!body.contains("<script") && body.contains("<a href=\"/\">"), "{body}");
    }
    let (status, page) = get(address, "GET", "/?epoch=8760", address);
    assert!(status == 400 && page.contains("text/html") && page.contains("from 1 to 744"), "{page}");
    assert_eq!(get(address, "POST", "/", address).0, 405);
    assert_eq!(get(address, "GET", "/etc/passwd", address).0, 404);
    assert!(get(address, "GET", "/tryout.js", address).1.contains("text/javascript"));
}

/// Ctrl-C ends a run that is being made, whoever else holds a connection open.
#[test]
fn ctrl_c_ends_a_run_that_answers() {
    let place = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulator/scenarios/stress-30");
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), place.path().join(file.file_name())).unwrap();
    }
    // Two hundred years in which thirty parties ask one another twelve times as much: a run of many seconds.
    let file = place.path().join("scenario.toml");
    let text = fs::read_to_string(&file).unwrap().replacen("days = 90", "days = 36500\nwarm_up = 36500", 1);
    let practice = text.split("\n[[").find(|table| table.starts_with("practice]]")).unwrap();
    let more = format!("\n[[{practice}").repeat(12);
    fs::write(&file, format!("{text}\n{more}\n")).unwrap();
    let mut served = serve(&[file.to_str().unwrap(), "--lang", "sq"]);
    let address = served.1.clone();
    let mut idle = TcpStream::connect(&address).unwrap();
    write!(idle, "GET / HTTP/1.1\r\nHost: {address}\r\n").unwrap();
    let asked = thread::spawn({
        let address = address.clone();
        move || get(&address, "GET", "/", &address)
    });
    thread::sleep(Duration::from_secs(1));
    assert!(!asked.is_finished());
    let began = Instant::now();
    kill_process(Pid::from_child(&served.0), Signal::INT).unwrap();
    let ended = loop {
        match served.0.try_wait().unwrap() {
            Some(status) => break status,
            None if began.elapsed() > Duration::from_secs(15) => panic!("it goes on"),
            None => thread::sleep(Duration::from_millis(20)),
        }
    };
    assert!(ended.success(), "{ended}");
    let (status, page) = asked.join().unwrap();
    assert!(status == 503 && page.contains("Ekzekutimi u ndërpre"), "{page}");
    drop(idle);
}

#[test]
fn an_address_that_others_reach_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let output = symbolon(&["simulate", "bilateral", "--serve", "0.0.0.0:0"], place.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("other machines"), "{output:?}");
}
