//! What a form of the match is expected to yield, by the agreement's own numbers.

use symbolon_policy::{agreement::FormTerms, words::EngineName};
use symbolon_protocol::matching::{
    engine::{Engine, engine, engines},
    rates::{Impostors, model::at_least_one, threshold},
    rule::Form,
};

/// The share of answers with a hit in which the person is not in the slice, if a person who is there is always
/// found: the false ones among strangers, with the blur of the engine that blurs most, and the share of queries whose
/// person is there.
pub(crate) fn false_hits<'a>(
    form: &FormTerms,
    engines: impl IntoIterator<Item = &'a EngineName>,
    comparisons: u64,
    prior_permille: u32,
) -> Option<f64> {
    let (rule, known) = (form.form(), engines.into_iter().filter_map(|name| engine(name.as_str())));
    let threshold = threshold(&rule, form.length)?;
    let strangers = Impostors::new(form.degrees_of_freedom.into()).ok()?;
    let fmr = strangers.blurred(blur(&rule, known)).fmr(threshold);
    let prior = f64::from(prior_permille) / 1_000.0;
    let wrong = (1.0 - prior) * at_least_one(fmr, comparisons as f64);
    Some(wrong / (wrong + prior))
}

/// The largest blur of any engine that takes a form, as a share of its length.
pub(crate) fn largest_blur(form: &Form) -> f64 {
    blur(form, engines().iter().copied())
}

fn blur<'a>(form: &Form, engines: impl Iterator<Item = &'a dyn Engine>) -> f64 {
    let blurs = engines.filter_map(|engine| engine.blur(form).ok());
    blurs.fold(0.0, f64::max) / f64::from(form.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The iris of `docs/thresholds.md`, by the engine that decides exactly and by the one that blurs.
    #[test]
    fn a_blur_makes_more_hits_false() {
        let form = FormTerms {
            name: "iris".parse().unwrap(),
            modality: symbolon_policy::words::Modality::Iris,
            length: 2_048,
            masked: true,
            s: 1,
            p: 6,
            kappa: 2_584,
            degrees_of_freedom: 249,
            alternatives: 7,
            answers: Vec::new(),
            cap: 1,
            projection: None,
        };
        let [exact, blurred] = ["ot-garbled/1", "tfhe-one-round/1"].map(|name| name.parse().unwrap());
        let share =
            |engines: &[&EngineName]| false_hits(&form, engines.iter().copied(), 840_000, 10).unwrap();
        assert!(share(&[&blurred]) > 1.01 * share(&[&exact]), "{} {}", share(&[&blurred]), share(&[&exact]));
        assert_eq!(share(&[&exact, &blurred]), share(&[&blurred]));
        assert_eq!(share(&[]), share(&[&exact]));
    }
}
