//! The model beside the real exchanges: processor time of the same queries of the same people, as the exchanges took it and
//! as a calibration made by this very program says it. Target: a ratio of 0.85 to 1.15.
//!
//!     cargo bench --bench model                # exact, count, and the match by the interactive engine
//!     cargo bench --bench model -- one-round   # and by the one-round engine, which takes minutes
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::collections::BTreeMap;

use symbolon_simulator::{
    Plan, Silent,
    calibrate::calibrate,
    cost::{COUNT, Calibration, EXACT},
    exact::{Checked, compare},
    library,
    proposal::Proposal,
    scenario::Scenario,
};

/// People, as many as the self check is meant for.
const PERSONS: u32 = 300;
/// Runs with people of their own; their times are added up.
const SEEDS: u64 = 5;
/// Seconds of matches for each pair, as their engine estimates them.
const MATCH_SECONDS: f64 = 1.0;
/// What the ratio is to be within.
const TARGET: std::ops::RangeInclusive<f64> = 0.85..=1.15;

/// Two neighbours, of whose people most carry a document, under an agreement that matches by one engine.
fn neighbours(engine: &str) -> (Scenario, Vec<Proposal>) {
    let ready = library::ready("bilateral").expect("it comes along");
    let mut scenario = Scenario::parse(ready.text).expect("it stands").with("people.documents", 0.8);
    scenario.run.persons = PERSONS;
    let mut proposals = Proposal::all(&scenario, &ready).expect("they stand");
    for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
        let matching = terms.matching.as_mut().expect("it matches");
        matching.engines = vec![engine.parse().expect("a name")];
    }
    (scenario, proposals)
}

/// Every exchange between the neighbours, under so many seeds.
fn compared(engine: &str, calibration: &Calibration, seeds: u64) -> Vec<Checked> {
    let (scenario, proposals) = neighbours(engine);
    let plan = Plan::new(&scenario, &proposals, &[], calibration);
    let pcc = proposals.iter().find(|proposal| proposal.id == "pcc").expect("it is among them");
    let each =
        (1..=seeds).map(|seed| compare(&plan, pcc, seed, MATCH_SECONDS, &Silent).expect("the exchanges run"));
    each.flatten().collect()
}

fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

fn main() {
    // Otherwise it only shows that it works.
    let full = std::env::args().any(|argument| argument == "--bench");
    let mut engines = vec![("ot-garbled/1", if full { SEEDS } else { 1 })];
    if std::env::args().any(|argument| argument == "one-round") {
        engines.push(("tfhe-one-round/1", 1));
    }
    println!("load before: {}", load());
    let names = [EXACT, COUNT].into_iter().chain(engines.iter().map(|(engine, _)| *engine));
    let names: Vec<String> = names.map(str::to_owned).collect();
    let calibration = if full {
        calibrate(&names, &mut |_, _, _| ())
    } else {
        Ok(Calibration::embedded().expect("it stands"))
    };
    let calibration = calibration.expect("it can be measured");
    println!("{}", calibration.machine);
    if !full {
        println!("a trial run under costs of that machine; `cargo bench` measures this one");
    }
    let mut sums: BTreeMap<String, (usize, [f64; 4])> = BTreeMap::new();
    for (place, (engine, seeds)) in engines.into_iter().enumerate() {
        // Once is enough of what does not depend on the engine.
        let all = compared(engine, &calibration, seeds);
        for one in all.into_iter().filter(|one| place == 0 || one.exchange.contains(engine)) {
            assert_eq!(one.differ, 0, "{one:?}");
            let (asked, sum) = sums.entry(one.exchange).or_default();
            *asked += one.asked;
            let more = [one.real_seconds, one.model_seconds, one.real_bytes, one.model_bytes];
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }
    println!("{PERSONS} people; seconds on a core of both sides together, snapshots and keys included");
    println!("{:<52}{:>7}{:>12}{:>12}{:>8}  target", "", "asked", "exchanges", "model", "ratio");
    for (exchange, (asked, [real, model, bytes, told])) in sums {
        let ratio = model / real;
        let met = if TARGET.contains(&ratio) { "met" } else { "missed" };
        println!(
            "{exchange:<52}{asked:>7}{real:>12.4}{model:>12.4}{ratio:>8.3}  {} to {}: {met}; bytes {:.4}",
            TARGET.start(),
            TARGET.end(),
            told / bytes
        );
    }
    println!("load after: {}", load());
}
