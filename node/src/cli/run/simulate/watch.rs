//! Watches a run: a bar, rows and finished parts as files.

use std::{
    fs::{self, File},
    io::BufWriter,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use symbolon_simulator::{
    Watch,
    outcome::Outcome,
    run::{
        Done,
        rows::{Csv, Ndjson, Sink},
    },
};

use crate::{
    cli::{
        args::{Global, RegionRun},
        output,
        progress::Progress,
    },
    control::api::{Failure, Update},
};

use super::interrupt::Interrupt;

/// What a run is watched with.
pub(super) struct Watching {
    bar: Mutex<Progress>,
    /// The hundredth that the bar shows.
    shown: AtomicU64,
    interrupt: Interrupt,
    out: Option<PathBuf>,
    ndjson: bool,
}

impl Watching {
    /// Makes the directories.
    ///
    /// # Errors
    /// [`Failure`] if the directory holds another run already, or cannot be made.
    pub(super) fn new(global: &Global, options: &RegionRun, interrupt: &Interrupt) -> Result<Self, Failure> {
        if let Some(dir) = &options.out {
            let empty = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
            if !empty && !options.resume {
                return Err(Failure::input(format!("{} is not empty", dir.display()))
                    .with_help("name another directory, or give --resume to take up the run in it"));
            }
            for part in ["rows", "parts"] {
                fs::create_dir_all(dir.join(part)).map_err(|error| fault(&dir.join(part), &error))?;
            }
        }
        Ok(Self {
            bar: Mutex::new(Progress::new(global.quiet, global.verbose)),
            shown: AtomicU64::new(u64::MAX),
            interrupt: interrupt.clone(),
            out: options.out.clone(),
            ndjson: options.ndjson,
        })
    }

    /// Parts that an earlier run finished. One that does not fit the plan is run again.
    ///
    /// # Errors
    /// [`Failure`] if a part cannot be read.
    pub(super) fn done(&self) -> Result<Vec<Done>, Failure> {
        let Some(dir) = &self.out else { return Ok(Vec::new()) };
        let parts = dir.join("parts");
        let entries = fs::read_dir(&parts).map_err(|error| fault(&parts, &error))?;
        let mut done = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| fault(&parts, &error))?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let text = fs::read_to_string(&path).map_err(|error| fault(&path, &error))?;
                done.extend(serde_json::from_str::<Done>(&text).ok());
            }
        }
        Ok(done)
    }

    /// Takes the bar off and writes the outcome.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be written.
    pub(super) fn end(self, outcome: &Outcome) -> Result<(), Failure> {
        self.bar.into_inner().unwrap_or_else(PoisonError::into_inner).end();
        let Some(dir) = self.out.filter(|_| !outcome.cancelled) else { return Ok(()) };
        let path = dir.join("outcome.json");
        let text =
            serde_json::to_string_pretty(outcome).map_err(|error| Failure::local(error.to_string()))?;
        write(&path, &text)
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
        let path = dir.join("parts").join(format!("{}-{}.json", plain(&done.proposal), done.outcome.seed));
        let text = serde_json::to_string(done).unwrap_or_default();
        if let Err(failure) = write(&path, &text) {
            output::note(&failure.what);
        }
    }

    fn rows(&self, proposal: &str, seed: u64) -> Option<Box<dyn Sink>> {
        let dir = self.out.as_ref()?;
        let end = if self.ndjson { "ndjson" } else { "csv" };
        let path = dir.join("rows").join(format!("{}-{seed}.{end}", plain(proposal)));
        let file = File::create(&path).map_err(|error| output::note(&fault(&path, &error).what)).ok()?;
        let file = BufWriter::new(file);
        if self.ndjson {
            return Some(Box::new(Ndjson::new(file)));
        }
        Csv::new(file).map(|rows| Box::new(rows) as Box<dyn Sink>).ok()
    }
}

/// A name that is safe in a directory.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// Writes a file under another name first, so that it is whole or not there.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let part = path.with_extension("part");
    fs::write(&part, text).and_then(|()| fs::rename(&part, path)).map_err(|error| fault(path, &error))
}

fn fault(path: &Path, error: &std::io::Error) -> Failure {
    Failure::local(format!("{} cannot be written or read: {error}", path.display()))
}
