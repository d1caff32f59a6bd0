//! What a form of the match is expected to yield, by the agreement's own numbers.

use symbolon_policy::agreement::FormTerms;
use symbolon_protocol::matching::rates::{Impostors, model::at_least_one, threshold};

/// The share of answers with a hit in which the person is not in the slice, if a person who is there is always
/// found: the false ones among strangers, and the share of queries whose person is there.
pub(crate) fn false_hits(form: &FormTerms, comparisons: u64, prior_permille: u32) -> Option<f64> {
    let threshold = threshold(&form.form(), form.length)?;
    let fmr = Impostors::new(form.degrees_of_freedom.into()).ok()?.fmr(threshold);
    let prior = f64::from(prior_permille) / 1_000.0;
    let wrong = (1.0 - prior) * at_least_one(fmr, comparisons as f64);
    Some(wrong / (wrong + prior))
}
