//! Progress bars on standard error, one for each piece of work.

use std::{collections::BTreeMap, io::IsTerminal, time::Duration};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::control::api::Update;

use super::output::{self, clean};

/// Bars that can be told from one another on a screen; updates of more pieces are not shown.
const MOST: usize = 32;

/// Shows updates if somebody looks.
pub(super) struct Progress {
    bars: MultiProgress,
    by_task: BTreeMap<String, ProgressBar>,
    shown: bool,
    quiet: bool,
}

impl Progress {
    /// Bars if standard error is a terminal and neither `--quiet` nor `-v` was given, whose lines would
    /// run through them.
    pub(super) fn new(quiet: bool, verbose: u8) -> Self {
        let shown = !quiet && verbose == 0 && std::io::stderr().is_terminal();
        Self { bars: MultiProgress::new(), by_task: BTreeMap::new(), shown, quiet }
    }

    /// Shows how far a piece of work is.
    pub(super) fn show(&mut self, update: &Update) {
        if update.lasting {
            return self.note(update);
        }
        if !self.shown || (self.by_task.len() >= MOST && !self.by_task.contains_key(&update.task)) {
            return;
        }
        let bar = self.by_task.entry(update.task.clone()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::no_length());
            bar.set_prefix(clean(&update.task));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        let (length, template) = match update.total {
            0 => (None, "{prefix:>12} {spinner} {msg} {human_pos}"),
            total => (Some(total), "{prefix:>12} {msg:20} {wide_bar} {human_pos}/{human_len} {eta}"),
        };
        if bar.length() != length || update.done == 0 {
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            length.map_or_else(|| bar.unset_length(), |length| bar.set_length(length));
        }
        bar.set_message(clean(&update.phase));
        bar.set_position(update.done);
    }

    /// Shows a line that stays, also where nobody looks now: above the bars, or in the log.
    fn note(&self, update: &Update) {
        let line = format!("{}: {}", clean(&update.task), clean(&update.phase));
        if self.shown {
            // It tells nothing that the answer does not.
            let _ = self.bars.println(line);
        } else if !self.quiet {
            output::note(&line);
        }
    }

    /// Takes the bars off the screen.
    pub(super) fn end(self) {
        self.by_task.values().for_each(ProgressBar::finish_and_clear);
    }
}
