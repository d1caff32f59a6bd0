//! What is of a person: its biometrics, and its returns.

use super::{
    state::{Person, State},
    *,
};
use crate::scenario::EventKind;

/// A second practice by the same biometric finds nobody whom the first would not.
#[test]
fn a_biometric_is_enrolled_once_whatever_asks() {
    let recognised = |practices: usize| {
        let (mut scenario, mut proposals) = bilateral(2_000);
        scenario.practice.retain(|practice| practice.biometric.is_some());
        scenario.practice[0].at = EventKind::Registration;
        scenario.practice[0].share = crate::scenario::Quantity::assumed(1.0);
        scenario.practice = vec![scenario.practice[0].clone(); practices];
        scenario = scenario.with("biometric.tenprint.failure_to_enrol", 0.2);
        scenario = scenario.with("biometric.tenprint.availability", 0.5);
        for path in ["fmr", "fnmr", "failure_to_acquire"] {
            scenario = scenario.with(&format!("biometric.tenprint.{path}"), 0.0);
        }
        for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
            terms.quotas.iter_mut().for_each(|quota| quota.limit = 1_000_000);
            terms.matching.as_mut().unwrap().budget = 1_000_000;
        }
        let calibration = Calibration::embedded().unwrap();
        let outcome = run(&Plan::new(&scenario, &proposals[1..2], &[1, 2], &calibration), &Silent).unwrap();
        outcome.proposals[0].by_seed.iter().map(|seed| seed.people.recognised).collect::<Vec<_>>()
    };
    let one = recognised(1);
    assert!(one[0] > 0.0);
    assert_eq!(one, recognised(2));
}

/// A return that was planned from where somebody is no more does not bring forward the next one.
#[test]
fn a_second_return_comes_at_its_time() {
    let (mut scenario, proposals) = bilateral(1);
    scenario = scenario.with("readmission.without", 1.0);
    let contract = Contract::new(&scenario, &proposals[0], &Calibration::embedded().unwrap()).unwrap();
    let region = Region::new(&scenario, 1);
    let mut state = State::new(&region, &contract, 1, None);
    state.people[0] = Person { place: 1, previous: 0, events: 3, ..Person::default() };
    state.decide_return(0, 3, (1, 0), (false, false), 0);
    // It goes on to another party before it is returned, and is to be returned from there two days later.
    state.people[0] = Person { place: 0, previous: 1, events: 4, ..Person::default() };
    state.decide_return(0, 4, (0, 1), (false, false), 2 * 86_400);
    let mut taken = Vec::new();
    for day in 0..12 {
        state.day = day;
        state.moves_of_the_day();
        let back: f64 = state.pairs.iter().map(|pair| pair.returns_taken).sum();
        taken.push(back / region.weight);
    }
    assert_eq!(taken[..9], [0.0; 9]);
    assert_eq!(taken[9..], [1.0; 3]);
}

/// Whoever is asked about by two practices is asked back once.
#[test]
fn two_claims_ask_for_one_return() {
    let asked = |practices: usize| {
        let (mut scenario, proposals) = bilateral(3_000);
        scenario.practice.retain(|practice| practice.at == EventKind::Return);
        scenario.practice = vec![scenario.practice[0].clone(); practices];
        for path in ["with_case", "with_hit", "without"] {
            scenario = scenario.with(&format!("readmission.{path}"), 0.0);
        }
        scenario = scenario.with("readmission.wanted", 0.5).with("people.documents", 1.0);
        let calibration = Calibration::embedded().unwrap();
        let outcome = run(&Plan::new(&scenario, &proposals[1..2], &[1], &calibration), &Silent).unwrap();
        let pairs = &outcome.proposals[0].by_seed[0].pairs;
        (
            pairs.iter().map(|pair| pair.returns_asked).sum::<f64>(),
            pairs.iter().map(|pair| pair.claims).sum::<f64>(),
        )
    };
    let (one, two) = (asked(1), asked(2));
    assert!(one.1 > 0.0 && two.1 > 1.5 * one.1, "{one:?} {two:?}");
    // Claims that are decided after the last day ask for nothing.
    assert!((two.0 / one.0 - 1.0).abs() < 0.02, "{one:?} {two:?}");
}
