//! Commands of the program, and what they gave.

use std::{
    process::{Child, Command, Output},
    thread,
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
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(super) fn new(child: Child) -> Self {
        Self(Some(child))
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Done {
        let mut child = self.0.take().unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > PATIENCE {
                child.kill().unwrap();
                panic!("a command does not end: {:#?}", Done::of(child.wait_with_output().unwrap()));
            }
            thread::sleep(Duration::from_millis(2));
        }
        Done::of(child.wait_with_output().unwrap())
    }

    /// Interrupts it, as Ctrl-C does.
    #[track_caller]
    pub(crate) fn interrupt(&self) {
        let id = self.0.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_none()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
