//! What a match costs: as it was measured, or else as its engine estimates it.

use symbolon_policy::agreement::{FormTerms, MatchAnswer};
use symbolon_protocol::matching::{
    engine::{self, Answer, Engine},
    rule::{Form, Rule},
};

use super::{Calibration, EngineCost, Linear, Setup};

/// The name of a match in a calibration.
pub fn match_name(engine: &str, form: &FormTerms) -> String {
    format!("{engine}/{}{}", form.length, if form.masked { "-masked" } else { "" })
}

/// Places for which estimates are compared; the smaller is that of the smallest slice.
const PLACES: [u64; 2] = [1_024, 9_216];

impl Calibration {
    /// The cost of a match: as calibrated, or else as the engine itself estimates it; none for an engine that this
    /// program does not have. What was measured by another rule over templates of the same form is taken for so much
    /// more or less as the engine estimates.
    pub fn matching(&self, name: &str, form: &FormTerms, told: MatchAnswer) -> Option<EngineCost> {
        let engine = engine::engine(name)?;
        let (shape, answer) = (form.form(), form.answer(told)?);
        let Some(cost) = self.engine.get(&match_name(name, form)) else {
            return Some(estimated(engine, &shape, answer));
        };
        let measured = cost.rule.map_or(shape.rule, |[s, p, kappa]| Rule { s, p, kappa });
        Some(cost.carried(engine, (&Form { rule: measured, ..shape }, &shape), answer))
    }
}

impl EngineCost {
    /// The cost with one form, from that with another.
    fn carried(self, engine: &dyn Engine, (from, to): (&Form, &Form), answer: Answer) -> Self {
        let [_, places] = PLACES;
        let [before, after] = [from, to].map(|form| engine.estimate(form, places, 1, answer, 1));
        let ratio = |before: f64, after: f64| if before > 0.0 { after / before } else { 1.0 };
        let work = ratio(before.seconds, after.seconds);
        Self {
            asker: self.asker.times(work),
            holder: self.holder.times(work),
            up: self.up.times(ratio(before.bytes_up as f64, after.bytes_up as f64)),
            down: self.down.times(ratio(before.bytes_down as f64, after.bytes_down as f64)),
            ..self
        }
    }
}

fn estimated(engine: &dyn Engine, form: &Form, answer: Answer) -> EngineCost {
    let [small, large] = PLACES.map(|places| engine.estimate(form, places, 1, answer, 1));
    let [fewer, more] = PLACES.map(|places| places as f64);
    let line = |small: f64, large: f64| {
        let per_entry = ((large - small) / (more - fewer)).max(0.0);
        Linear { fixed: (small - per_entry * fewer).max(0.0), per_entry, ..Linear::default() }
    };
    let setup = engine.setup_estimate(form, 1);
    let once = |fixed: f64| Linear { fixed, ..Linear::default() };
    EngineCost {
        holder: line(small.seconds, large.seconds),
        up: line(small.bytes_up as f64, large.bytes_up as f64),
        down: line(small.bytes_down as f64, large.bytes_down as f64),
        setup: Setup {
            asker: once(setup.seconds / 2.0),
            holder: once(setup.seconds / 2.0),
            up: once(setup.bytes_up as f64),
            down: once(setup.bytes_down as f64),
        },
        ..EngineCost::default()
    }
}
