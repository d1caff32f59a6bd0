//! The steps of the demonstration: shown while they run, kept with their times for the report.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::control::api::Failure;

/// One step that was done.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Codes of the agencies that did it.
    pub who: String,
    /// What they did.
    pub what: String,
    /// Seconds it took.
    pub seconds: f64,
    /// Bytes the asker sent and received, where something went over the wire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wire: Option<Wire>,
}

/// Bytes over the wire, as the asker counts them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Wire {
    /// Sent.
    pub bytes_out: u64,
    /// Received.
    pub bytes_in: u64,
}

/// Steps done so far.
pub(super) struct Steps {
    bar: ProgressBar,
    /// How long the next step is thought to take.
    expected: Option<Duration>,
    done: Vec<Step>,
}

impl Steps {
    /// No steps. They are shown on standard error if it is a terminal and `shown` is set.
    pub(super) fn new(shown: bool) -> Self {
        let bar = if shown { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} step {pos}: {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        if shown {
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        Self { bar, expected: None, done: Vec::new() }
    }

    /// Says how long the next step will take, where that is long.
    pub(super) fn expect(&mut self, time: Duration) {
        self.expected = Some(time);
    }

    /// Runs one step and takes its time.
    ///
    /// # Errors
    /// What the step gives.
    pub(super) fn run<T>(
        &mut self,
        who: &str,
        what: impl Into<String>,
        step: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (start, what) = (Instant::now(), what.into());
        self.bar.inc(1);
        let about = self.expected.take().map(|time| format!(", about {:.0} s", time.as_secs_f64().ceil()));
        self.bar.set_message(format!("{who} {what}{}", about.unwrap_or_default()));
        let outcome = step()?;
        let seconds = start.elapsed().as_secs_f64();
        self.done.push(Step { who: who.to_owned(), what, seconds, wire: None });
        Ok(outcome)
    }

    /// Notes what the last step sent and received.
    pub(super) fn wire(&mut self, bytes_out: u64, bytes_in: u64) {
        if let Some(step) = self.done.last_mut() {
            step.wire = Some(Wire { bytes_out, bytes_in });
        }
    }

    /// All steps.
    pub(super) fn finish(self) -> Vec<Step> {
        self.bar.finish_and_clear();
        self.done
    }
}
