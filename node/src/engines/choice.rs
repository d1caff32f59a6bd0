//! Which engine a query takes, and why.

use serde::{Deserialize, Serialize};
use symbolon_policy::words::EngineName;
use symbolon_protocol::matching::{
    engine::{Answer, Engine},
    rule::Form,
};

use crate::control::{bytes, duration};

/// The link for which engines are compared: 100 Mbit/s.
const BYTES_A_SECOND: f64 = 12_500_000.0;

/// What a query asks of an engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) form: Form,
    /// Records, padding included.
    pub(crate) entries: u64,
    pub(crate) alternatives: u16,
    pub(crate) answer: Answer,
    /// Of each side.
    pub(crate) cores: usize,
}

/// An engine that was looked at for a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighed {
    /// Its name.
    pub engine: EngineName,
    /// Seconds until the answer is there, by the engine's own model, with as many cores as here and a link of
    /// 100 Mbit/s; with keys that are still to be set up. Absent if it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Bytes, both ways together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why it cannot be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
}

/// The engine of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// Its name.
    pub engine: EngineName,
    /// Records for which engines were compared, padding included.
    pub entries: u64,
    /// Why this one, in a sentence.
    pub why: String,
    /// All that were looked at.
    pub weighed: Vec<Weighed>,
}

impl Weighed {
    /// An engine that cannot be used.
    pub(crate) fn excluded(engine: &EngineName, why: String) -> Self {
        Self { engine: engine.clone(), seconds: None, bytes: None, excluded: Some(why) }
    }

    /// What an engine would need for a query, and before it for keys if they are not there.
    pub(crate) fn of(name: &EngineName, engine: &dyn Engine, work: &Work, keys: bool) -> Self {
        let Work { form, entries, alternatives, answer, cores } = work;
        if let Err(fault) = engine.takes(form, *alternatives, *answer) {
            return Self::excluded(name, format!("{name}: {}", fault.reason()));
        }
        let query = engine.estimate(form, *entries, *alternatives, *answer, *cores);
        let setup = (!keys).then(|| engine.setup_estimate(form, *cores));
        let both = |up: u64, down: u64| up.saturating_add(down);
        let bytes = setup.map_or(0, |setup| both(setup.bytes_up, setup.bytes_down));
        let bytes = bytes.saturating_add(both(query.bytes_up, query.bytes_down));
        let seconds =
            query.seconds + setup.map_or(0.0, |setup| setup.seconds) + bytes as f64 / BYTES_A_SECOND;
        Self { engine: name.clone(), seconds: Some(seconds), bytes: Some(bytes), excluded: None }
    }

    fn cost(&self) -> Option<String> {
        let (seconds, count) = self.seconds.zip(self.bytes)?;
        Some(format!("{}: about {} and {}", self.engine, duration(seconds), bytes(count)))
    }
}

impl Choice {
    /// The quickest, the first of equals.
    ///
    /// # Errors
    /// Why each cannot be used.
    pub(crate) fn among(weighed: Vec<Weighed>, entries: u64) -> Result<Self, String> {
        let problems = || weighed.iter().filter_map(|one| one.excluded.as_deref()).collect::<Vec<_>>();
        let mut fitting: Vec<_> = weighed.iter().filter(|one| one.seconds.is_some()).collect();
        let seconds = |one: &Weighed| one.seconds.unwrap_or(f64::INFINITY);
        fitting.sort_by(|a, b| seconds(a).total_cmp(&seconds(b)));
        let costs: Vec<_> = fitting.iter().filter_map(|one| one.cost()).collect();
        let (Some(best), Some((first, others))) = (fitting.first(), costs.split_first()) else {
            return Err(problems().join("; "));
        };
        let against =
            if others.is_empty() { String::new() } else { format!(", against {}", others.join(", ")) };
        let without: String = problems().iter().map(|problem| format!("; not used: {problem}")).collect();
        let why = format!("{first} for {entries} records at 100 Mbit/s{against}{without}");
        Ok(Self { engine: best.engine.clone(), entries, why, weighed: weighed.clone() })
    }
}

#[cfg(test)]
mod tests;
