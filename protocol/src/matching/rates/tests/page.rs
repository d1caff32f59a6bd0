//! The figures of `docs/thresholds.md`, computed again.

use super::*;
use crate::matching::{
    engine::Engine,
    synthetic::{FACE, FINGER, IRIS, Modality, TENPRINT},
    tfhe::OneRound,
};

const PAGE: &str = include_str!("../../../../../docs/thresholds.md");

fn search(modality: Modality, comparisons: u32) -> Search {
    Search {
        impostors: Impostors::new(modality.freedom).unwrap(),
        genuine: Genuine::new(modality.mean, modality.sd).unwrap(),
        groups: 120_000,
        comparisons,
        prior: 0.01,
    }
}

/// What the engine in one round blurs, as a share of the length.
fn blur(length: u32, masked: bool) -> impl Fn(f64) -> f64 {
    move |threshold| {
        let blur = form(length, masked, threshold).ok().and_then(|form| OneRound.blur(&form).ok());
        blur.unwrap_or(0.0) / f64::from(length)
    }
}

fn percent(share: f64) -> String {
    let digits = if share < 0.001 {
        3
    } else if share < 0.1 {
        1
    } else {
        0
    };
    format!("{:.digits$} %", share * 100.0)
}

fn expect(line: &str) {
    assert!(PAGE.lines().any(|found| found == line), "the page lacks the line\n{line}");
}

#[test]
fn rates_and_shares() {
    let iris = search(IRIS, 7);
    for exponent in [6, 7, 8, 9, 10, 11] {
        let fmr = 10_f64.powi(-exponent);
        let threshold = iris.impostors.threshold(fmr);
        let outlook = iris.outlook(threshold).unwrap();
        expect(&format!(
            "| 1e-{exponent} | {threshold:.3} | {} | {} |",
            percent(outlook.fpir),
            percent(outlook.false_candidates)
        ));
    }
}

#[test]
fn proposals() {
    for (name, modality, comparisons, masked) in [
        ("iris", IRIS, 7, true),
        ("face", FACE, 1, false),
        ("finger", FINGER, 1, false),
        ("tenprint", TENPRINT, 1, true),
    ] {
        let search = search(modality, comparisons);
        for wanted in [0.01, 0.1, 0.5] {
            let length = modality.length as u32;
            let blur = blur(length, masked);
            let found = match search.propose(length, wanted, &blur).unwrap() {
                None => "none | | |".to_owned(),
                Some(threshold) => {
                    let outlook = search.blurred(blur(threshold)).outlook(threshold).unwrap();
                    format!("{threshold:.4} | {:.1e} | {} |", outlook.fmr, percent(outlook.fnmr))
                }
            };
            expect(&format!("| {name} | {} | {found}", percent(wanted)));
        }
    }
}

#[test]
fn the_rule_and_its_overlaps() {
    let threshold_at = search(IRIS, 7).propose(2_048, 0.1, blur(2_048, true)).unwrap().unwrap();
    let form = form(2_048, true, threshold_at).unwrap();
    let Rule { s, p, kappa } = form.rule;
    expect(&format!("    length = 2048, masked = true, s = {s}, p = {p}, kappa = {kappa}"));
    for overlap in [2_048_u32, 1_536, 1_024, 768, 512] {
        let daugman = 0.5 - (0.5 - threshold_at) * (2_048.0 / f64::from(overlap)).sqrt();
        let found = threshold(&form, overlap).map_or("none".to_owned(), |found| format!("{found:.3}"));
        expect(&format!("| {overlap} | {found} | {daugman:.3} |"));
    }
}

#[test]
fn trials() {
    for trials in [1_000_u64, 100_000, 10_000_000] {
        let none = proportion(0, trials, 0.95).unwrap().high;
        let three = proportion(3, trials, 0.95).unwrap();
        expect(&format!("| {trials} | {none:.1e} | {:.1e} to {:.1e} |", three.low, three.high));
    }
}
