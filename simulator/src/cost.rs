//! What exchanges cost: processor time and bytes, fitted to the real machines, and how long answers are waited for.
//!
//! Cost is linear in what was asked and in the padded entries that were searched, which is what the protocols are:
//! `S(N) = fixed + per_item * items + per_entry * N`. `symbolon simulate calibrate` measures it on a machine; the
//! default was measured on the machine that it names. An engine of the match that a calibration lacks is taken from
//! the engine's own estimate ([`Engine::estimate`](symbolon_protocol::matching::engine::Engine::estimate)).

mod queue;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symbolon_policy::agreement::{FormTerms, MatchAnswer};
use symbolon_protocol::matching::engine;

pub use queue::waiting;

/// A cost that is linear in items and entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Of a query, whatever its size.
    pub fixed: f64,
    /// Of an identifier or an alternative.
    #[serde(default)]
    pub per_item: f64,
    /// Of a padded entry that is searched.
    #[serde(default)]
    pub per_entry: f64,
}

impl Linear {
    /// The cost of a query.
    pub fn of(&self, items: f64, entries: f64) -> f64 {
        self.fixed + self.per_item * items + self.per_entry * entries
    }
}

/// What an engine costs. Seconds are of one processor core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineCost {
    /// Seconds at the asker.
    pub asker: Linear,
    /// Seconds at the holder.
    pub holder: Linear,
    /// Bytes from asker to holder.
    pub up: Linear,
    /// Bytes from holder to asker.
    pub down: Linear,
    /// What comes first, once an epoch: a snapshot, or keys.
    #[serde(default)]
    pub setup: Setup,
}

/// What an epoch begins with, by entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Seconds at the asker.
    pub asker: Linear,
    /// Seconds at the holder.
    pub holder: Linear,
    /// Bytes from asker to holder.
    pub up: Linear,
    /// Bytes from holder to asker.
    pub down: Linear,
}

/// Costs of every engine, as measured on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The machine it was measured on, and when.
    pub machine: String,
    /// By engine: `exact`, `count`, or the engine's name, a slash and the length of its templates, and `-masked` if
    /// they have masks, such as `ot-garbled/1/2048-masked`.
    pub engine: BTreeMap<String, EngineCost>,
}

/// The name of the exact exchange in a calibration.
pub const EXACT: &str = "exact";
/// The name of the count in a calibration.
pub const COUNT: &str = "count";

/// The default calibration.
const DEFAULT: &str = include_str!("cost/default.toml");

/// A text that is no calibration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no calibration: {0}")]
pub struct CalibrationError(String);

impl EngineCost {
    /// Bytes of a query, both ways.
    pub fn bytes(&self, items: f64, entries: f64) -> f64 {
        self.up.of(items, entries) + self.down.of(items, entries)
    }

    /// Seconds of a query, both sides.
    pub fn seconds(&self, items: f64, entries: f64) -> f64 {
        self.asker.of(items, entries) + self.holder.of(items, entries)
    }

    /// The cost of a match with so many alternatives: each is compared with every entry.
    #[must_use]
    pub fn of_alternatives(self, alternatives: u32) -> Self {
        let all = |line: Linear| Linear { per_entry: line.per_entry * f64::from(alternatives), ..line };
        Self {
            asker: all(self.asker),
            holder: all(self.holder),
            up: all(self.up),
            down: all(self.down),
            ..self
        }
    }
}

impl Setup {
    /// Bytes, both ways.
    pub fn bytes(&self, entries: f64) -> f64 {
        self.up.of(0.0, entries) + self.down.of(0.0, entries)
    }

    /// Seconds, both sides.
    pub fn seconds(&self, entries: f64) -> f64 {
        self.asker.of(0.0, entries) + self.holder.of(0.0, entries)
    }
}

/// The name of a match in a calibration.
pub fn match_name(engine: &str, form: &FormTerms) -> String {
    format!("{engine}/{}{}", form.length, if form.masked { "-masked" } else { "" })
}

impl Calibration {
    /// Reads a calibration.
    ///
    /// # Errors
    /// [`CalibrationError`] with line and reason.
    pub fn parse(text: &str) -> Result<Self, CalibrationError> {
        let read: Self = toml::from_str(text).map_err(|error| CalibrationError(error.to_string()))?;
        for (name, cost) in &read.engine {
            let setup = &cost.setup;
            let all = [
                &cost.asker,
                &cost.holder,
                &cost.up,
                &cost.down,
                &setup.asker,
                &setup.holder,
                &setup.up,
                &setup.down,
            ];
            let sound = |n: f64| n.is_finite() && n >= 0.0;
            if all.iter().any(|line| !(sound(line.fixed) && sound(line.per_item) && sound(line.per_entry))) {
                return Err(CalibrationError(format!("`engine.{name}` has a cost below 0 or not finite")));
            }
        }
        Ok(read)
    }

    /// As a file that [`parse`](Self::parse) reads.
    pub fn text(&self) -> String {
        let head = "# Costs of the exchanges, in seconds of one core and in bytes: fixed, for an item, for an entry.\n";
        head.to_owned() + &toml::to_string(self).unwrap_or_default()
    }

    /// The one that comes along.
    ///
    /// # Errors
    /// None in fact: a test reads it.
    pub fn embedded() -> Result<Self, CalibrationError> {
        Self::parse(DEFAULT)
    }

    /// The cost of the exact exchange or the count.
    pub fn plain(&self, name: &str) -> EngineCost {
        self.engine.get(name).copied().unwrap_or_default()
    }

    /// The cost of a match: as calibrated, or else as the engine itself estimates it; none for an engine that this
    /// program does not have.
    pub fn matching(&self, name: &str, form: &FormTerms, told: MatchAnswer) -> Option<EngineCost> {
        if let Some(cost) = self.engine.get(&match_name(name, form)) {
            return Some(*cost);
        }
        let engine = engine::engine(name)?;
        let answer = form.answer(told)?;
        let shape = form.form();
        let at = |groups| engine.estimate(&shape, groups, 1, answer, 1);
        let (small, large) = (at(1_024), at(9_216));
        let line = |small: f64, large: f64| {
            let per_entry = ((large - small) / 8_192.0).max(0.0);
            Linear { fixed: (small - per_entry * 1_024.0).max(0.0), per_item: 0.0, per_entry }
        };
        let setup = engine.setup_estimate(&shape, 1);
        let once = |fixed: f64| Linear { fixed, ..Linear::default() };
        Some(EngineCost {
            asker: Linear::default(),
            holder: line(small.seconds, large.seconds),
            up: line(small.bytes_up as f64, large.bytes_up as f64),
            down: line(small.bytes_down as f64, large.bytes_down as f64),
            setup: Setup {
                asker: once(setup.seconds / 2.0),
                holder: once(setup.seconds / 2.0),
                up: once(setup.bytes_up as f64),
                down: once(setup.bytes_down as f64),
            },
        })
    }
}

#[cfg(test)]
mod tests;
