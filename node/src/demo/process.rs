//! Child processes that never outlive the demonstration.
//!
//! All children stay in the process group of the demonstration, so that a terminal's Ctrl-C or a `timeout` reaches
//! them by itself. Beyond that, a watcher kills them on SIGINT, SIGTERM and SIGHUP and when time is up, and dropping
//! [`Children`] kills whatever still runs, on every path out.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

use crate::control::api::Failure;

/// How often a child is looked at while it ends.
const LOOK: Duration = Duration::from_millis(5);
/// How long a child may take to end after its output ended.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// The children that run, and who watches them.
pub(super) struct Children {
    running: Arc<Mutex<Running>>,
    watcher: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

#[derive(Default)]
struct Running {
    children: HashMap<u32, Child>,
    /// Set once; from then on nothing is started.
    ended: Option<&'static str>,
}

impl Running {
    /// Kills and reaps every child. Errors mean that a child ended by itself.
    fn end(&mut self, why: &'static str) {
        self.ended.get_or_insert(why);
        for child in self.children.values_mut() {
            let _ = child.kill();
        }
        for (_, mut child) in self.children.drain() {
            let _ = child.wait();
        }
    }
}

impl Children {
    /// Starts the watcher; after `limit` all children are killed.
    ///
    /// # Errors
    /// A local [`Failure`] if signals or threads cannot be had.
    pub(super) fn watch(limit: Duration) -> Result<Self, Failure> {
        let fault = |e: std::io::Error| Failure::local(format!("cannot watch for signals: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
        let signals = {
            let _inside = runtime.enter();
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal)
        };
        let [interrupt, terminate, hangup] = signals;
        let (mut interrupt, mut terminate, mut hangup) =
            (interrupt.map_err(fault)?, terminate.map_err(fault)?, hangup.map_err(fault)?);
        let running = Arc::new(Mutex::new(Running::default()));
        let (over, is_over) = oneshot::channel();
        let seen = Arc::clone(&running);
        let watch = move || {
            let why = runtime.block_on(async {
                tokio::select! {
                    _ = is_over => None,
                    _ = interrupt.recv() => Some("it was interrupted"),
                    _ = terminate.recv() => Some("it was told to end"),
                    _ = hangup.recv() => Some("its terminal was closed"),
                    () = tokio::time::sleep(limit) => Some("it took too long"),
                }
            });
            if let Some(why) = why {
                lock(&seen).end(why);
            }
        };
        let thread = thread::Builder::new().name("demo-watcher".into()).spawn(watch).map_err(fault)?;
        Ok(Self { running, watcher: Some((over, thread)) })
    }

    /// Starts a child with its output piped.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be started, or if everything was ended.
    pub(super) fn start(&self, mut command: Command) -> Result<(u32, ChildStdout), Failure> {
        let mut running = lock(&self.running);
        if let Some(why) = running.ended {
            return Err(ended(why));
        }
        let fault = |what: String| Failure::local(format!("cannot start a process: {what}"));
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|e| fault(e.to_string()))?;
        let output = child.stdout.take();
        let id = child.id();
        running.children.insert(id, child);
        drop(running);
        output.map(|output| (id, output)).ok_or_else(|| fault("its output cannot be read".into()))
    }

    /// Runs a child to its end: its output and how it ended.
    ///
    /// # Errors
    /// A local [`Failure`], as for [`start`](Self::start) and [`wait`](Self::wait).
    pub(super) fn run(&self, command: Command) -> Result<(Vec<u8>, ExitStatus), Failure> {
        let (id, mut output) = self.start(command)?;
        let mut bytes = Vec::new();
        let read = output.read_to_end(&mut bytes);
        let status = self.wait(id)?;
        read.map_err(|e| Failure::local(format!("cannot read from a process: {e}")))?;
        Ok((bytes, status))
    }

    /// Starts a child that goes on, and waits for its first line. Later lines are read and dropped.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be started or ends before it says a line.
    pub(super) fn start_serving(&self, command: Command) -> Result<(u32, String), Failure> {
        let (id, output) = self.start(command)?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        let read = output.read_line(&mut line);
        if read.is_err() || line.is_empty() {
            let status = self.wait(id)?;
            return Err(Failure::local(format!("the node ended before it listened ({status})")));
        }
        let drain = move || std::io::copy(&mut output, &mut std::io::sink());
        thread::Builder::new()
            .name("demo-drain".into())
            .spawn(drain)
            .map_err(|e| Failure::local(format!("cannot start a thread: {e}")))?;
        Ok((id, line))
    }

    /// Waits for a child's end.
    ///
    /// # Errors
    /// A local [`Failure`] if it does not end within [`GRACE`], or if everything was ended.
    pub(super) fn wait(&self, id: u32) -> Result<ExitStatus, Failure> {
        let start = Instant::now();
        while start.elapsed() < GRACE {
            let mut running = lock(&self.running);
            if let Some(why) = running.ended {
                return Err(ended(why));
            }
            let Some(child) = running.children.get_mut(&id) else { break };
            let status = child.try_wait();
            let status = status.map_err(|e| Failure::local(format!("cannot wait for a process: {e}")))?;
            if let Some(status) = status {
                running.children.remove(&id);
                return Ok(status);
            }
            drop(running);
            thread::sleep(LOOK);
        }
        Err(Failure::local("a process does not end"))
    }

    /// How many children run.
    pub(super) fn left(&self) -> usize {
        lock(&self.running).children.len()
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        lock(&self.running).end("the demonstration is over");
        if let Some((over, thread)) = self.watcher.take() {
            // A watcher that ended already needs no word.
            let _ = over.send(());
            let _ = thread.join();
        }
    }
}

fn ended(why: &str) -> Failure {
    Failure::local(format!("the demonstration was ended: {why}"))
        .with_help("all its processes were stopped; run it again")
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn alive(id: u32) -> bool {
        std::path::Path::new(&format!("/proc/{id}")).exists()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn output_and_status_come_back() {
        let children = Children::watch(LONG).unwrap();
        let (output, status) = children.run(shell("echo word; exit 3")).unwrap();
        assert_eq!((output.as_slice(), status.code()), (b"word\n".as_slice(), Some(3)));
        assert_eq!(children.left(), 0);
    }

    #[test]
    fn dropping_kills_what_runs() {
        let children = Children::watch(LONG).unwrap();
        let (id, line) = children.start_serving(shell("echo ready; exec sleep 60")).unwrap();
        assert_eq!(line, "ready\n");
        assert!(alive(id));
        drop(children);
        assert!(!alive(id));
    }

    #[test]
    fn when_time_is_up_everything_ends_and_nothing_starts() {
        let children = Children::watch(Duration::from_millis(100)).unwrap();
        let (id, _) = children.start_serving(shell("echo ready; exec sleep 60")).unwrap();
        let error = children.run(shell("exec sleep 60")).unwrap_err();
        assert_eq!(error.what, "the demonstration was ended: it took too long");
        assert!(!alive(id));
        assert!(children.run(shell("true")).is_err());
    }

    #[test]
    fn a_node_that_dies_at_once_is_an_error() {
        let children = Children::watch(LONG).unwrap();
        let error = children.start_serving(shell("exit 1")).unwrap_err();
        assert!(error.what.contains("before it listened"), "{error}");
    }
}
