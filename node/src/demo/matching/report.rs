//! What the match showed.

use serde::Serialize;
use symbolon_protocol::matching::rates::threshold;

use super::{
    large::Large,
    people::{Planted, Shelf, Sort},
    play::{Plain, Verdict},
};
use crate::{
    control::api::{self, Answer},
    demo::steps::Wire,
};

/// Everything that the match showed.
#[derive(Clone, Debug, Serialize)]
pub struct Matching {
    /// The register of templates.
    pub register: &'static str,
    /// People in it.
    pub records: u32,
    /// The engine.
    pub engine: &'static str,
    /// Seconds it was thought to take.
    pub estimated_seconds: f64,
    /// The forms of the agreement.
    pub forms: Vec<Form>,
    /// Keys that were set up.
    pub keys: Vec<Keys>,
    /// Every probe, its answer and what the plain rule says.
    pub probes: Vec<Probed>,
    /// One probe of a large register.
    pub large: Large,
}

/// A form of templates.
#[derive(Clone, Debug, Serialize)]
pub struct Form {
    /// Its name.
    pub name: &'static str,
    /// Bits.
    pub length: u32,
    /// Whether there are masks.
    pub masked: bool,
    /// The largest share of positions that differ in a hit, if nothing is masked.
    pub threshold: Option<f64>,
    /// Standard deviation of the encrypted decision, in positions.
    pub blur: f64,
}

/// Keys of one form.
#[derive(Clone, Debug, Serialize)]
pub struct Keys {
    /// The form.
    pub form: &'static str,
    /// Seconds to set them up.
    pub seconds: f64,
    /// Bytes for it.
    pub wire: Wire,
}

/// One probe.
#[derive(Clone, Debug, Serialize)]
pub struct Probed {
    /// What was planted.
    pub planted: Planted,
    /// The kind of template.
    pub sort: Sort,
    /// The person's record, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Positions of the probe that are masked.
    pub masked: usize,
    /// The answer.
    pub told: api::Matched,
    /// What the plain rule says.
    pub plain: Plain,
    /// How the two compare.
    pub verdict: Verdict,
    /// Seconds of the query, without the setup of keys.
    pub seconds: f64,
    /// Bytes of the query, without the setup of keys.
    pub wire: Wire,
}

impl Form {
    pub(super) fn of(shelf: &Shelf) -> Self {
        let form = &shelf.form;
        let threshold = threshold(form, form.length);
        Self {
            name: shelf.sort.name(),
            length: form.length,
            masked: form.masked,
            threshold,
            blur: shelf.blur,
        }
    }
}

impl Keys {
    /// What a query set up, if it did.
    pub(super) fn of(sort: Sort, answer: &Answer) -> Option<Self> {
        let moved = answer.setup?;
        let seconds = answer.timing.iter().find(|(phase, _)| phase == "keys").map_or(0.0, |lap| lap.1);
        let wire = Wire { bytes_out: moved.bytes_out, bytes_in: moved.bytes_in };
        Some(Self { form: sort.name(), seconds, wire })
    }
}

impl Probed {
    /// Whether the answer is what was planted: a hit for who is there, none for a stranger.
    pub fn as_planted(&self) -> bool {
        self.told.hit == (self.planted != Planted::Stranger)
    }
}

impl Matching {
    /// What is not as it must be. That the rule itself misses somebody, or hits a stranger, is no fault.
    pub(in crate::demo) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (number, probed) in (1_u32..).zip(&self.probes) {
            if probed.verdict == Verdict::Wrong {
                let Plain { hits, near, .. } = probed.plain;
                let told = probed.told.candidates.unwrap_or_else(|| probed.told.hit.into());
                faults.push(format!(
                    "probe {number}: the encrypted match says {told}, the plain rule {hits} hits, {near} near"
                ));
            }
        }
        for form in &self.forms {
            if self.keys.iter().filter(|keys| keys.form == form.name).count() != 1 {
                faults.push(format!("keys for {} were not set up exactly once", form.name));
            }
        }
        faults.extend(self.large.faults());
        faults
    }
}
