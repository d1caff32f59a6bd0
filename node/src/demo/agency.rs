//! One agency of the demonstration: its home, and this very program run on it as a separate process.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use serde::de::DeserializeOwned;

use super::process::Children;
use crate::control::api::Failure;

/// Most characters of a node's log that an error repeats.
const LOG_TAIL: usize = 600;

/// An agency and its files.
pub(super) struct Agency<'a> {
    children: &'a Children,
    program: &'a Path,
    /// Its code.
    pub(super) code: &'static str,
    /// Its display name.
    pub(super) name: &'static str,
    home: PathBuf,
    passphrase: PathBuf,
    log: PathBuf,
    capture: PathBuf,
}

impl<'a> Agency<'a> {
    /// An agency with its files in `place`. Nothing is made yet.
    pub(super) fn new(
        children: &'a Children,
        program: &'a Path,
        place: &Path,
        code: &'static str,
        name: &'static str,
    ) -> Self {
        let file = |ending: &str| place.join(format!("{}{ending}", code.to_lowercase()));
        let (home, passphrase) = (file("-home"), file("-passphrase"));
        let (log, capture) = (file(".log"), file("-capture.ndjson"));
        Self { children, program, code, name, home, passphrase, log, capture }
    }

    /// Where its node writes what goes over the wire.
    pub(super) fn capture_part(&self) -> &Path {
        &self.capture
    }

    /// Runs one command of the program to its end and reads its answer. `verb` is split at spaces.
    ///
    /// # Errors
    /// The [`Failure`] that the command gave, under the agency's code; a local one if it gave none.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        verb: &str,
        arguments: &[&dyn AsRef<OsStr>],
    ) -> Result<T, Failure> {
        self.call_with_status(verb, arguments).map(|(answer, _)| answer)
    }

    /// As [`call`](Self::call), with how the command ended: its exit code is part of some answers.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub(super) fn call_with_status<T: DeserializeOwned>(
        &self,
        verb: &str,
        arguments: &[&dyn AsRef<OsStr>],
    ) -> Result<(T, ExitStatus), Failure> {
        let (output, status) = self.children.run(self.command(verb, arguments)?)?;
        let answer = serde_json::from_slice::<serde_json::Value>(&output);
        let failed = answer.as_ref().ok().and_then(|answer| answer.get("failed")).cloned();
        if let Some(failure) = failed.and_then(|failed| serde_json::from_value::<Failure>(failed).ok()) {
            return Err(Failure { what: format!("{}: {}", self.code, failure.what), ..failure });
        }
        let answer = answer.and_then(serde_json::from_value);
        answer.map(|answer| (answer, status)).map_err(|error| {
            let what =
                format!("{}: `symbolon {verb}` ended ({status}) without its answer: {error}", self.code);
            Failure::local(what).with_help(self.log_tail())
        })
    }

    /// Starts the node; returns its process once it listens. `partners` are codes and addresses.
    ///
    /// # Errors
    /// A local [`Failure`] if the node ends before it listens.
    pub(super) fn serve(&self, capture: bool, partners: &[(&str, &[String])]) -> Result<u32, Failure> {
        let mut command = self.command("serve --listen /ip4/127.0.0.1/tcp/0", &[])?;
        if capture {
            command.arg("--capture").arg(&self.capture);
        }
        for (code, addresses) in partners {
            command.env(format!("SYMBOLON_PARTNERS__{code}"), serde_json::json!(addresses).to_string());
        }
        let started = self.children.start_serving(command);
        let (id, _) = started.map_err(|failure| {
            Failure { what: format!("{}: {}", self.code, failure.what), ..failure }.with_help(self.log_tail())
        })?;
        Ok(id)
    }

    /// The program on this home, its errors going to the log.
    fn command(&self, verb: &str, arguments: &[&dyn AsRef<OsStr>]) -> Result<Command, Failure> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log);
        let log = log.map_err(|e| Failure::local(format!("cannot write {}: {e}", self.log.display())))?;
        let mut command = Command::new(self.program);
        // What is set for a node of the user's own must not steer these.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(name)) {
            command.env_remove(name);
        }
        command.arg("--home").arg(&self.home).arg("--passphrase-file").arg(&self.passphrase);
        command.args(["--json", "--quiet"]).args(verb.split_whitespace()).args(arguments).stderr(log);
        Ok(command)
    }

    fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let tail = log.get(log.len().saturating_sub(LOG_TAIL)..).unwrap_or_default();
        format!("the end of its log: {}", String::from_utf8_lossy(tail).trim())
    }
}

fn is_setting(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"SYMBOLON_")
}
