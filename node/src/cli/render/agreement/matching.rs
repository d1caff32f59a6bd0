//! The terms of the match as text.

use symbolon_policy::agreement::{FormTerms, MatchTerms};
use symbolon_protocol::{matching::rates::threshold, padding::Buckets};

use crate::{
    cli::render::{
        percent,
        table::{number, pairs, table},
    },
    outlook::false_hits,
};

/// Engines, budget, keys, and each form with what it is expected to yield.
pub(super) fn terms(terms: &MatchTerms, buckets: Buckets) -> String {
    let engines: Vec<_> = terms.engines.iter().map(ToString::to_string).collect();
    let prior = percent(f64::from(terms.prior_permille) / 1_000.0);
    let demanded = [(terms.against_asker, "asker"), (terms.against_holder, "holder")];
    let demanded: Vec<_> = demanded
        .into_iter()
        .filter_map(|(level, side)| Some(format!("{} against the {side}", level?.as_str())))
        .collect();
    let demands = if demanded.is_empty() { "nothing".to_owned() } else { demanded.join(", ") };
    let lacking = terms.engines.iter().filter_map(|name| terms.lacking(name));
    let lacking: String = lacking.map(|lacks| format!("; not allowed: {lacks}")).collect();
    let head = pairs(&[
        ("Engines", engines.join(", ")),
        ("Demanded of them", format!("{demands}{lacking}")),
        ("Keys", format!("live {} hours", terms.key_hours)),
        ("Slice", format!("at most {} records, before padding", number(terms.largest_slice))),
        (
            "Budget",
            format!("{} probes of each register in {} days", number(terms.budget.into()), terms.budget_days),
        ),
        ("Expectation", format!("{prior} of queries are about somebody in the register")),
    ]);
    let forms = table(
        ["FORM", "OF", "BITS", "MASKS", "S/P/KAPPA", "DISTANCE", "ALTERNATIVES", "ANSWERS", "CAP"],
        terms.forms.iter().map(form),
    );
    let sizes = sizes(terms, buckets);
    let share = |form: &FormTerms, entries: u64| {
        let comparisons = entries.saturating_mul(form.alternatives.into());
        false_hits(form, &terms.engines, comparisons, terms.prior_permille)
            .map_or_else(|| "-".to_owned(), percent)
    };
    let rows = terms.forms.iter().flat_map(|form| {
        sizes.iter().map(move |entries| [form.name.to_string(), number(*entries), share(form, *entries)])
    });
    let yields = table(["FORM", "RECORDS", "FALSE HITS UP TO"], rows);
    let problems: String =
        terms.unanswerable().iter().map(|problem| format!("\nProblem: {problem}.")).collect();
    format!(
        "Match\n{head}\n\n{forms}\n\nFalse hits, at most, with the most alternatives and the expectation above:\n\
         {yields}{problems}"
    )
}

/// Sizes of slices to tell of, as they are searched, padding included: a small one, and the largest agreed.
fn sizes(terms: &MatchTerms, buckets: Buckets) -> Vec<u64> {
    let largest = buckets.places(terms.largest_slice);
    let mut sizes = vec![buckets.pad(1_000).min(largest), largest];
    sizes.dedup();
    sizes
}

fn form(form: &FormTerms) -> [String; 9] {
    let answers: Vec<_> = form.answers.iter().map(|answer| answer.as_str()).collect();
    let distance = threshold(&form.form(), form.length);
    [
        form.name.to_string(),
        form.modality.to_string(),
        number(form.length.into()),
        (if form.masked { "yes" } else { "no" }).to_owned(),
        format!("{}/{}/{}", form.s, form.p, form.kappa),
        distance.map_or_else(|| "-".to_owned(), |distance| format!("{distance:.3}")),
        form.alternatives.to_string(),
        answers.join(", "),
        form.cap.to_string(),
    ]
}
