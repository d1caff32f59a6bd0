//! What exchanges cost: processor time and bytes, fitted to the real machines, and how long answers are waited for.
//!
//! Cost is linear in what was asked, in the records of the slice and in the entries to which it was padded, which is
//! what the protocols are: `S = fixed + per_item * items + per_record * records + per_entry * entries`. Records and
//! entries are apart because padding costs an identifier exchange next to nothing, and a small slice is mostly padding.
//! `symbolon simulate calibrate` measures it on a machine; the default was measured on the machine that it names. An
//! engine of the match that a calibration lacks is taken from the engine's own estimate
//! ([`Engine::estimate`](symbolon_protocol::matching::engine::Engine::estimate)).

mod matching;
mod queue;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use matching::match_name;
pub use queue::waiting;

/// What a query asks about, and in how much.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Size {
    /// Identifiers or alternatives; of a count with its dummies.
    pub items: f64,
    /// Identifiers or templates of the slice; of a count with the dummies that are added to it.
    pub records: f64,
    /// The same with padding.
    pub entries: f64,
}

impl Size {
    /// A count, whose asker adds all dummies and whose holder half of them on average. Its padding has them in it.
    #[must_use]
    pub fn with_dummies(self, dummies: u32) -> Self {
        let dummies = f64::from(dummies);
        Self { items: self.items + dummies, records: self.records + dummies / 2.0, ..self }
    }
}

/// A cost that is linear in the size of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Linear {
    /// Of a query, whatever its size.
    pub fixed: f64,
    /// Of an identifier or an alternative.
    #[serde(default)]
    pub per_item: f64,
    /// Of a record in the slice, beside what its entry costs.
    #[serde(default)]
    pub per_record: f64,
    /// Of an entry of the padded slice.
    #[serde(default)]
    pub per_entry: f64,
}

impl Linear {
    /// The cost of a query.
    pub fn of(&self, size: Size) -> f64 {
        self.fixed
            + self.per_item * size.items
            + self.per_record * size.records
            + self.per_entry * size.entries
    }

    /// So many times the cost.
    fn times(self, factor: f64) -> Self {
        Self {
            fixed: self.fixed * factor,
            per_item: self.per_item * factor,
            per_record: self.per_record * factor,
            per_entry: self.per_entry * factor,
        }
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
    /// Of a match: `s`, `p` and `kappa` of the rule that it was measured with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<[u32; 3]>,
}

/// What an epoch begins with.
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
    pub fn bytes(&self, size: Size) -> f64 {
        self.up.of(size) + self.down.of(size)
    }

    /// Seconds of a query, both sides.
    pub fn seconds(&self, size: Size) -> f64 {
        self.asker.of(size) + self.holder.of(size)
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
    pub fn bytes(&self, size: Size) -> f64 {
        self.up.of(size) + self.down.of(size)
    }

    /// Seconds, both sides.
    pub fn seconds(&self, size: Size) -> f64 {
        self.asker.of(size) + self.holder.of(size)
    }
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
            let each = |line: &Linear| [line.fixed, line.per_item, line.per_record, line.per_entry];
            if all.iter().any(|line| !each(line).into_iter().all(sound)) {
                return Err(CalibrationError(format!("`engine.{name}` has a cost below 0 or not finite")));
            }
        }
        Ok(read)
    }

    /// As a file that [`parse`](Self::parse) reads.
    pub fn text(&self) -> String {
        let head = "# Costs of the exchanges, in seconds of one core and in bytes: fixed, and for an item, a record, an \
                    entry.\n";
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
}

#[cfg(test)]
mod tests;
