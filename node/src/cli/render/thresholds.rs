//! What thresholds do, as text.

use crate::thresholds::{Counted, InRegister, Proposal, Rate, Row, Study};

use super::{
    many,
    table::{number, pairs, table},
};

/// What the tables end with.
const READING: &str = "Counted figures are of this sample, with intervals of 95 % confidence; where no error was seen, the bound \
is\nall that the sample shows. The model reaches further and rests on its assumptions. A hit is a candidate, not an\nidentity.";

/// All figures.
pub(in crate::cli) fn thresholds(study: &Study) -> String {
    let mut parts = vec![head(study), format!("Comparisons\n{}", comparisons(study))];
    let first = study.rows.first().map(|row| row.registers.as_slice()).unwrap_or_default();
    for (at, register) in first.iter().enumerate() {
        let column: Vec<_> =
            study.rows.iter().filter_map(|row| Some((row, row.registers.get(at)?))).collect();
        parts.push(searches(register, &column));
    }
    parts.push(proposals(study));
    parts.push(READING.to_owned());
    parts.extend(study.doubts.iter().map(|doubt| format!("Beware: {doubt}")));
    parts.join("\n\n")
}

fn head(study: &Study) -> String {
    let kind = match study.synthetic {
        Some(kind) => format!("synthetic {kind}"),
        None => "from a file".to_owned(),
    };
    let masked = if study.masked { "with masks" } else { "without masks" };
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let from = if study.synthetic.is_some() { "as stated" } else { "as measured" };
    pairs(&[
        (
            "Templates",
            format!("{} of {} bits, {masked}; {kind}", number(count(study.templates)), study.length),
        ),
        (
            "Counted",
            format!(
                "{} of strangers, {} of one person",
                many(count(study.stranger_pairs), "pair", "pairs"),
                number(count(study.own_pairs))
            ),
        ),
        (
            "Model",
            format!(
                "{:.0} degrees of freedom, distances of one person {:.3} ± {:.3}, {from}",
                study.freedom, study.own_mean, study.own_sd
            ),
        ),
        (
            "Searches",
            format!(
                "{} with each record; {} of 1,000 queries for somebody who is there",
                many(study.alternatives.into(), "comparison", "comparisons"),
                study.prior_permille
            ),
        ),
    ])
}

fn comparisons(study: &Study) -> String {
    let rows = study.rows.iter().map(|Row { threshold, fmr, fnmr, .. }| {
        let [fmr_counted, fmr_interval] = counted(fmr, small);
        let [fnmr_counted, fnmr_interval] = counted(fnmr, percent);
        [
            format!("{threshold:.4}"),
            fmr_counted,
            fmr_interval,
            small(fmr.model),
            fnmr_counted,
            fnmr_interval,
            percent(fnmr.model),
        ]
    });
    let head =
        ["THRESHOLD", "FMR COUNTED", "INTERVAL", "FMR MODEL", "FNMR COUNTED", "INTERVAL", "FNMR MODEL"];
    table(head, rows)
}

fn searches(register: &InRegister, column: &[(&Row, &InRegister)]) -> String {
    let records = many(register.records, "record", "records");
    let Some(trial) = register.fpir.counted else {
        let rows = column.iter().map(|(row, found)| {
            let [fpir, fnir] = [found.fpir.model, found.fnir.model].map(percent);
            [format!("{:.4}", row.threshold), fpir, fnir, percent(found.false_hits)]
        });
        let table = table(["THRESHOLD", "FPIR MODEL", "FNIR MODEL", "FALSE HITS"], rows);
        return format!("Register of {records}, by the model only\n{table}");
    };
    let rows = column.iter().map(|(row, found)| {
        let [fpir_counted, fpir_interval] = counted(&found.fpir, percent);
        let [fnir_counted, fnir_interval] = counted(&found.fnir, percent);
        [
            format!("{:.4}", row.threshold),
            fpir_counted,
            fpir_interval,
            percent(found.fpir.model),
            fnir_counted,
            fnir_interval,
            percent(found.fnir.model),
            percent(found.false_hits),
        ]
    });
    let head = [
        "THRESHOLD",
        "FPIR COUNTED",
        "INTERVAL",
        "FPIR MODEL",
        "FNIR COUNTED",
        "INTERVAL",
        "FNIR MODEL",
        "FALSE HITS",
    ];
    let table = table(head, rows);
    let present = register.fnir.counted.map_or(0, |counted| counted.trials);
    let (absent, present) = (number(trial.trials), number(present));
    format!(
        "Register of {records}; searched for {absent} people who are absent, {present} who are there\n{table}"
    )
}

fn proposals(study: &Study) -> String {
    let wanted = percent(f64::from(study.false_permille) / 1_000.0);
    let none = String::new;
    let rows = study.proposals.iter().map(|Proposal { records, found }| match found {
        None => [number(*records), "none".to_owned(), none(), none(), none(), none(), none(), none(), none()],
        Some(found) => [
            number(*records),
            format!("{:.4}", found.threshold),
            small(found.fmr),
            percent(found.fpir),
            percent(found.fnir),
            percent(found.false_hits),
            found.form.rule.s.to_string(),
            found.form.rule.p.to_string(),
            found.form.rule.kappa.to_string(),
        ],
    });
    let head = ["RECORDS", "THRESHOLD", "FMR", "FPIR", "FNIR", "FALSE HITS", "S", "P", "KAPPA"];
    let table = table(head, rows);
    let found = study.proposals.iter().filter_map(|proposal| proposal.found);
    let blur = found.map(|found| found.blur).fold(0.0, f64::max);
    let mut text = format!(
        "Proposed, so that at most {wanted} of hits are false, by the model, and if decisions blur by up to {} of the length\n\
         {table}",
        percent(blur)
    );
    if let Some(found) = study.proposals.iter().find_map(|proposal| proposal.found) {
        text += &format!(
            "\n\nFor the agreement: s, p and kappa of the largest slice, and\n    length = {}, masked = {}, \
            degrees_of_freedom = {}, alternatives = {}; prior_permille = {}",
            study.length, study.masked, found.degrees_of_freedom, study.alternatives, study.prior_permille
        );
    }
    text
}

/// A counted rate and its interval.
fn counted(rate: &Rate, write: fn(f64) -> String) -> [String; 2] {
    match rate.counted {
        None => [String::new(), String::new()],
        Some(Counted { cases: 0, high, .. }) => ["0".to_owned(), format!("up to {}", write(high))],
        Some(Counted { estimate, low, high, .. }) => {
            [write(estimate), format!("{} to {}", write(low), write(high))]
        }
    }
}

/// A rate that may be very small.
fn small(rate: f64) -> String {
    format!("{rate:.1e}")
}

/// A share in per cent, with two or three digits that count.
fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".to_owned(),
        value @ 99.0.. if share < 1.0 => format!("{value:.2} %").replace("100.00", ">99.99"),
        value @ 10.0.. => format!("{value:.0} %"),
        value @ 1.0.. => format!("{value:.1} %"),
        value @ 0.1.. => format!("{value:.2} %"),
        value @ 0.001.. => format!("{value:.3} %"),
        _ => "<0.001 %".to_owned(),
    }
}
