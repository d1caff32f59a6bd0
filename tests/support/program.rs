//! Commands of the program, and what they gave.

use std::{
    io::Read,
    process::{Child, Command, ExitStatus, Output},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::PATIENCE;

/// What a command gave.
#[derive(Debug)]
pub(crate) struct Done {
    /// Its exit code; none if it was killed.
    pub(crate) exit: Option<i32>,
    /// Its one JSON document; null if it gave none.
    pub(crate) json: Value,
    /// Its standard error.
    pub(crate) log: String,
}

impl Done {
    fn of(output: Output) -> Self {
        Self {
            exit: output.status.code(),
            json: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            log: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The JSON of a command that must go well.
    #[track_caller]
    pub(crate) fn ok(self) -> Value {
        assert_eq!(self.exit, Some(0), "{self:#?}");
        self.json
    }

    /// The answers of a query.
    #[track_caller]
    pub(crate) fn answers(&self) -> &[Value] {
        self.json["answers"].as_array().unwrap_or_else(|| panic!("no answers: {self:#?}"))
    }

    /// The answer of the one partner that was asked.
    #[track_caller]
    pub(crate) fn answer(&self) -> &Value {
        assert_eq!(self.answers().len(), 1, "{self:#?}");
        &self.answers()[0]
    }

    /// References of the people that hit, in the order asked, in the one answer.
    #[track_caller]
    pub(crate) fn hits(&self) -> Vec<String> {
        let outcome = &self.answer()["outcome"];
        assert_eq!((self.exit, &outcome["outcome"]), (Some(0), &Value::from("hits")), "{self:#?}");
        let people = outcome["people"].as_array().unwrap();
        let hit = people.iter().filter(|person| !person["hits"].as_array().unwrap().is_empty());
        hit.map(|person| person["reference"].as_str().unwrap().to_owned()).collect()
    }
}

/// A command on its way, for tests that do something meanwhile. It is killed if it is not waited for.
pub(crate) struct Running {
    child: Option<Child>,
    /// What it writes is read meanwhile: a pipe holds 64 KiB, and a certificate has more.
    output: Option<[JoinHandle<Vec<u8>>; 2]>,
}

impl Running {
    pub(super) fn new(mut child: Child) -> Self {
        let output = [read(child.stdout.take()), read(child.stderr.take())];
        Self { child: Some(child), output: Some(output) }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Done {
        let (mut child, output) = (self.child.take().unwrap(), self.output.take().unwrap());
        let done = |status: ExitStatus| {
            let [stdout, stderr] = output.map(|pipe| pipe.join().unwrap());
            Done::of(Output { status, stdout, stderr })
        };
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return done(status);
            }
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("a command does not end: {:#?}", done(child.wait().unwrap()));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Interrupts it, as Ctrl-C does.
    #[track_caller]
    pub(crate) fn interrupt(&self) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn read(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        bytes
    })
}
