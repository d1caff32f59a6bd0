//! One agency: its home, its node, and what an administrator asks of them.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{Cable, Done, PERMITTED, REGISTER, Running, text_of};

/// An agency: its home in a directory of its own, and its node while that runs.
pub(crate) struct Agency {
    /// Its code.
    pub(crate) code: &'static str,
    /// Where its node listens.
    pub(crate) address: String,
    dir: TempDir,
    namespace: Option<String>,
    settings: Vec<(String, String)>,
    node: Option<Child>,
}

impl Agency {
    /// Makes a home for a node on the loopback interface. Its port is below those that the system gives out by
    /// itself, so that a node that was killed finds it free again.
    pub(crate) fn new(code: &'static str) -> Self {
        Self::at(code, format!("/ip4/127.0.0.1/tcp/{}", free_port()), None)
    }

    /// The same, to be called over a cable.
    pub(crate) fn behind(code: &'static str, cable: Cable) -> Self {
        let port = free_port();
        let [listen, announce] = [port, cable.lay(port)].map(|port| format!("/ip4/127.0.0.1/tcp/{port}"));
        Self::announced(code, listen, &announce, None)
    }

    /// Makes a home for a node at an address, in a network namespace if one is named.
    pub(crate) fn at(code: &'static str, address: String, namespace: Option<String>) -> Self {
        let announce = address.clone();
        Self::announced(code, address, &announce, namespace)
    }

    fn announced(code: &'static str, address: String, announce: &str, namespace: Option<String>) -> Self {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("passphrase"), "three invented words\n").unwrap();
        fs::set_permissions(dir.path().join("passphrase"), Permissions::from_mode(0o600)).unwrap();
        let agency = Self { code, address, dir, namespace, settings: Vec::new(), node: None };
        let name = format!("Agency of {code}");
        let address = ["--listen", &agency.address, "--announce", announce];
        agency.run(&[&["init", "--code", code, "--name", &name], address.as_slice()].concat()).ok();
        agency
    }

    /// The same with a setting, by its environment variable, for every command from now on.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((format!("SYMBOLON_{name}"), value.to_owned()));
        self
    }

    /// A file of the agency, outside its home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The home.
    pub(crate) fn home(&self) -> PathBuf {
        self.path("home")
    }

    /// Writes a file of the agency.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        text_of(&path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_symbolon");
        let mut command = match &self.namespace {
            None => Command::new(program),
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name, program]);
                command
            }
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SYMBOLON_")) {
            command.env_remove(name);
        }
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.arg("--home").arg(self.home()).arg("--passphrase-file").arg(self.path("passphrase"));
        command.args(["--json", "--quiet"]).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end, however it ends.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.start(arguments).wait()
    }

    /// Starts a command.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(arguments);
        Running::new(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    /// Starts the node and waits until it listens.
    #[track_caller]
    pub(crate) fn serve(&mut self) {
        assert!(self.node.is_none(), "the node runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut child = self.command(&["serve"]).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        let listens = ready["listening"] == self.address.as_str();
        self.node = Some(child);
        assert!(listens, "the node does not start: {line}\n{}", self.log());
        // Who is told that the node listens may use it.
        assert!(
            UnixStream::connect(self.home().join("control.sock")).is_ok(),
            "it takes no requests\n{}",
            self.log()
        );
    }

    /// Stops the node as an administrator does.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.run(&["stop"]).ok();
        let status = self.node.take().unwrap().wait().unwrap();
        assert!(status.success(), "the node ended badly: {status}\n{}", self.log());
    }

    /// Kills the node as a loss of power does, but for what the system still writes: with SIGKILL.
    #[track_caller]
    pub(crate) fn kill(&mut self) {
        let mut node = self.node.take().unwrap();
        node.kill().unwrap();
        node.wait().unwrap();
    }

    /// The process id of the running node.
    #[track_caller]
    pub(crate) fn process(&mut self) -> u32 {
        let node = self.node.as_mut().unwrap();
        assert!(node.try_wait().unwrap().is_none(), "the node ended by itself");
        node.id()
    }

    /// What the node logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Puts an agreement with another agency in force on both sides. Its quotas are for ten years, so that no test
    /// runs over the end of a period.
    #[track_caller]
    pub(crate) fn agree(&self, other: &Self) {
        self.agree_on(other, "");
    }

    /// The same with more terms, as TOML.
    #[track_caller]
    pub(crate) fn agree_on(&self, other: &Self, terms: &str) {
        let file = |name: &str| text_of(&self.path(&format!("{}-{name}", other.code)));
        let (card, draft, half, whole) =
            (file("card.json"), file("draft.toml"), file("half.json"), file("whole.json"));
        other.run(&["identity", "--out", &card]).ok();
        self.run(&["agreement", "draft", "--days", "30", "--with", &card, "--out", &draft]).ok();
        let text = fs::read_to_string(&draft).unwrap();
        assert!(text.contains("\nperiod_days = 1\n"), "{text}");
        let text = text.replace("\nperiod_days = 1\n", "\nperiod_days = 3660\n");
        fs::write(&draft, format!("{text}\n{terms}")).unwrap();
        self.run(&["agreement", "sign", &draft, "--out", &half]).ok();
        other.run(&["agreement", "sign", &half, "--out", &whole]).ok();
        for agency in [self, other] {
            assert_eq!(agency.run(&["agreement", "accept", &whole]).ok()["state"], "in_force");
        }
    }

    /// Imports lines into the register.
    #[track_caller]
    pub(crate) fn import(&self, lines: &str) {
        let file = self.file("records.ndjson", lines);
        let reply = self.run(&["register", "import", "--create", REGISTER, &file]).ok();
        assert_eq!(
            (&reply["good"], &reply["rejected"]),
            (&lines.lines().count().into(), &0.into()),
            "{reply}"
        );
    }

    /// The arguments of an exact query about the people of a file.
    pub(crate) fn exact<'a>(
        file: &'a str,
        [purpose, basis]: [&'a str; 2],
        peers: &[&'a str],
    ) -> Vec<&'a str> {
        let words = ["query", "exact", "--register", REGISTER, "--purpose", purpose, "--basis", basis];
        let rest = ["--officer", "officer-1", "--case", "K-17/2026", file];
        let peers = peers.iter().flat_map(|code| ["--peer", *code]);
        words.into_iter().chain(peers).chain(rest).collect()
    }

    /// Asks about people, for a purpose that is permitted, and waits.
    #[track_caller]
    pub(crate) fn ask(&self, people: &str, peers: &[&str]) -> Done {
        let file = self.file("people.ndjson", people);
        self.run(&Self::exact(&file, PERMITTED, peers))
    }

    /// Checks the journal, which must be sound, and exports it.
    #[track_caller]
    pub(crate) fn export(&self, name: &str) -> String {
        let report = self.run(&["audit", "verify"]).ok();
        assert_eq!(report["clean"], true, "{report}");
        let file = text_of(&self.path(name));
        // The one of before, which the node would not overwrite.
        let _ = std::fs::remove_file(&file);
        self.run(&["audit", "export", &file]).ok();
        file
    }

    /// Exports two agencies' journals and compares them; they must agree. Gives the comparison.
    #[track_caller]
    pub(crate) fn reconcile(&self, other: &Self, name: &str) -> Value {
        let (one, two) = (self.export(name), other.export(name));
        self.run(&["audit", "reconcile", &one, &two]).ok()
    }

    /// The events of the journal, in order: the name of each and what it holds.
    #[track_caller]
    pub(crate) fn events(&self, name: &str) -> Vec<(String, Value)> {
        let lines = BufReader::new(File::open(self.export(name)).unwrap()).lines();
        let lines = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let events = lines.filter_map(|line| line["entry"]["event"].as_object().cloned());
        events.map(|event| event.into_iter().next().unwrap()).collect()
    }

    /// The readings of all meters: agreement, asker and meter, and what was spent.
    #[track_caller]
    pub(crate) fn meters(&self) -> Vec<(String, u64)> {
        let status = self.run(&["status"]).ok();
        let meters = status["meters"].as_array().unwrap().iter();
        let name = |meter: &Value| format!("{} {} {}", meter["agreement"], meter["asker"], meter["meter"]);
        meters.map(|meter| (name(meter), meter["spent"].as_u64().unwrap())).collect()
    }

    /// What the meters read in all.
    #[track_caller]
    pub(crate) fn spent(&self) -> u64 {
        self.meters().iter().map(|(_, spent)| spent).sum()
    }
}

impl Drop for Agency {
    fn drop(&mut self) {
        if let Some(mut node) = self.node.take() {
            let _ = node.kill();
            let _ = node.wait();
        }
        if thread::panicking() {
            eprintln!("--- the log of {} ---\n{}", self.code, self.log());
        }
    }
}

/// A port that is free now. Processes that test at the same time look in different places first.
fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const PORTS: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(PORTS)).unwrap();
    loop {
        let port = FIRST + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
