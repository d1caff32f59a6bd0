//! Watches a run: a bar, rows and finished parts as files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Map, Value};
use symbolon_simulator::{
    Watch,
    outcome::Outcome,
    run::{Done, rows::Sink},
};

use crate::{
    cli::{
        args::{Global, RegionRun, RowForm},
        output,
        progress::Progress,
    },
    control::api::{Failure, Update},
};

use super::{interrupt::Interrupt, rows};

/// Parts of the directory of `--out`.
const ROWS: &str = "rows";
const PARTS: &str = "parts";
const OUTCOME: &str = "outcome.json";
/// Which run the directory is of.
const RUN: &str = "run.json";
/// Parts are CBOR, which keeps every bit of a number; numbers in JSON are read here to the last bit but one.
const PART: &str = "cbor";

/// What a run is watched with.
pub(super) struct Watching {
    bar: Mutex<Progress>,
    /// The hundredth that the bar shows.
    shown: AtomicU64,
    interrupt: Interrupt,
    out: Option<PathBuf>,
    forms: Vec<RowForm>,
}

impl Watching {
    /// Makes the directories. `wanted` says which run it is.
    ///
    /// # Errors
    /// [`Failure`] if the directory holds another run already, or cannot be made.
    pub(super) fn new(
        global: &Global,
        options: &RegionRun,
        interrupt: &Interrupt,
        wanted: &Map<String, Value>,
    ) -> Result<Self, Failure> {
        if let Some(dir) = &options.out {
            let empty = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
            if !empty && !options.resume {
                return Err(Failure::input(format!("{} is not empty", dir.display()))
                    .with_help("name another directory, or give --resume to take up the run in it"));
            }
            if !empty {
                same(dir, wanted)?;
            }
            for part in [ROWS, PARTS] {
                let part = dir.join(part);
                let ready = fs::create_dir_all(&part).and_then(|()| rows::tidy(&part));
                ready.map_err(|error| fault(&part, &error))?;
            }
            let run = dir.join(RUN);
            let written = serde_json::to_vec(wanted).map_err(io::Error::other);
            written.and_then(|bytes| rows::write(&run, &bytes)).map_err(|error| fault(&run, &error))?;
            // It is made anew from the parts.
            match fs::remove_file(dir.join(OUTCOME)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(fault(&dir.join(OUTCOME), &error));
                }
                _ => {}
            }
        }
        let mut forms = options.rows.clone();
        forms.sort_unstable();
        forms.dedup();
        Ok(Self {
            bar: Mutex::new(Progress::new(global.quiet, global.verbose)),
            shown: AtomicU64::new(u64::MAX),
            interrupt: interrupt.clone(),
            out: options.out.clone(),
            forms,
        })
    }

    /// Parts that an earlier run finished. One that does not fit the plan, or lacks its rows in a form that is wanted, is
    /// run again.
    ///
    /// # Errors
    /// [`Failure`] if a part cannot be read.
    pub(super) fn done(&self) -> Result<Vec<Done>, Failure> {
        let Some(dir) = &self.out else { return Ok(Vec::new()) };
        let parts = dir.join(PARTS);
        let entries = fs::read_dir(&parts).map_err(|error| fault(&parts, &error))?;
        let mut done = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| fault(&parts, &error))?.path();
            if path.extension().is_some_and(|extension| extension == PART) {
                let bytes = fs::read(&path).map_err(|error| fault(&path, &error))?;
                let part = serde_ipld_dagcbor::from_slice::<Done>(&bytes).ok();
                done.extend(part.filter(|part| self.has_rows(dir, &part.proposal, part.outcome.seed)));
            }
        }
        Ok(done)
    }

    fn has_rows(&self, dir: &Path, proposal: &str, seed: u64) -> bool {
        let (dir, task) = (dir.join(ROWS), task(proposal, seed));
        self.forms.iter().all(|form| rows::path(&dir, &task, *form).is_file())
    }

    /// Takes the bar off and writes the outcome.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be written.
    pub(super) fn end(self, outcome: &Outcome) -> Result<(), Failure> {
        self.bar.into_inner().unwrap_or_else(PoisonError::into_inner).end();
        let Some(dir) = self.out.filter(|_| !outcome.cancelled) else { return Ok(()) };
        let text =
            serde_json::to_string_pretty(outcome).map_err(|error| Failure::local(error.to_string()))?;
        rows::write(&dir.join(OUTCOME), text.as_bytes()).map_err(|error| unwritten(&error))
    }
}

impl Watch for Watching {
    fn progress(&self, done: u64, total: u64) {
        let hundredth = done.saturating_mul(200).checked_div(total).unwrap_or(0);
        if self.shown.swap(hundredth, Ordering::Relaxed) == hundredth {
            return;
        }
        let update = Update {
            task: "simulate".to_owned(),
            phase: "simulated days".to_owned(),
            done,
            total,
            lasting: false,
        };
        self.bar.lock().unwrap_or_else(PoisonError::into_inner).show(&update);
    }

    fn cancelled(&self) -> bool {
        self.interrupt.asked()
    }

    fn finished(&self, done: &Done) {
        let Some(dir) = &self.out else { return };
        let path = dir.join(PARTS).join(format!("{}.{PART}", task(&done.proposal, done.outcome.seed)));
        let written = serde_ipld_dagcbor::to_vec(done).map_err(io::Error::other);
        if let Err(error) = written.and_then(|bytes| rows::write(&path, &bytes)) {
            output::note(&unwritten(&error).what);
        }
    }

    fn rows(&self, proposal: &str, seed: u64) -> io::Result<Option<Box<dyn Sink>>> {
        let Some(dir) = &self.out else { return Ok(None) };
        rows::begin(&dir.join(ROWS), &task(proposal, seed), &self.forms)
    }
}

/// Whether a directory holds the run that is wanted, as far as it says which it holds.
fn same(dir: &Path, wanted: &Map<String, Value>) -> Result<(), Failure> {
    let path = dir.join(RUN);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(&path, &error)),
    };
    let held: Map<String, Value> = serde_json::from_slice(&bytes).unwrap_or_default();
    if held == *wanted {
        return Ok(());
    }
    let differ = wanted.iter().filter(|(key, value)| held.get(*key) != Some(value));
    let differ: Vec<String> = differ.map(|(key, _)| key.replace('_', " ")).collect();
    Err(Failure::input(format!("{} holds another run: of other {}", dir.display(), differ.join(", ")))
        .with_help("resume it by the command by which it was begun, or name another directory"))
}

/// A name for a task's files that is safe in a directory, and no other task's.
fn task(proposal: &str, seed: u64) -> String {
    let mut name = String::new();
    for c in proposal.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || c == '-' => name.push(c),
            c => name += &format!("_{:x}_", u32::from(c)),
        }
    }
    format!("{name}-{seed}")
}

fn fault(path: &Path, error: &io::Error) -> Failure {
    Failure::local(format!("{} cannot be written or read: {error}", path.display()))
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::local(format!("cannot write {error}"))
}
