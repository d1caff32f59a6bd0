use super::*;
use crate::{
    library,
    outcome::{Measure, Scope},
};

fn bilateral(persons: u32) -> (Scenario, Vec<Proposal>) {
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = persons;
    let proposals = Proposal::all(&scenario, &ready).unwrap();
    (scenario, proposals)
}

fn run_on(threads: usize, plan: &Plan<'_>) -> String {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let outcome = pool.install(|| run(plan, &Silent)).unwrap();
    serde_json::to_string(&outcome).unwrap()
}

#[test]
fn the_outcome_is_the_same_on_any_number_of_threads() {
    let (scenario, proposals) = bilateral(600);
    let calibration = Calibration::embedded().unwrap();
    let seeds = crate::random::seeds(5, 3);
    let plan = Plan { abuse_seeds: 2, ..Plan::new(&scenario, &proposals, &seeds, &calibration) };
    let one = run_on(1, &plan);
    assert_eq!(one, run_on(2, &plan));
    assert_eq!(one, run_on(3, &plan));
}

#[test]
fn a_small_run_has_what_it_must_have() {
    let (scenario, proposals) = bilateral(3_000);
    let calibration = Calibration::embedded().unwrap();
    let seeds = crate::random::seeds(2, 3);
    let outcome = run(&Plan::new(&scenario, &proposals, &seeds, &calibration), &Silent).unwrap();
    let of = |proposal, measure| outcome.figure(proposal, measure, Scope::All).mean;
    // Nobody asks without an agreement.
    assert_eq!((of(0, Measure::Queries), of(0, Measure::DisclosureBits)), (0.0, 0.0));
    assert!(of(1, Measure::Queries) > 1_000.0 && of(1, Measure::TrueHits) > 100.0);
    // Restraint releases fewer fields; the people come the same way until somebody is returned.
    assert!(of(2, Measure::FieldsReleased) <= of(1, Measure::FieldsReleased));
    let arrivals = |proposal: usize| outcome.proposals[proposal].by_seed[0].people.persons;
    assert_eq!(arrivals(0), arrivals(1));
    for seed in outcome.proposals.iter().flat_map(|proposal| &proposal.by_seed) {
        for pair in &seed.pairs {
            let sum = pair.queries
                + pair.without_agreement
                + pair.refused_quota
                + pair.refused_rules
                + pair.unanswered;
            assert!((sum - pair.wished).abs() < 1e-6 * (1.0 + sum), "{pair:?}");
            assert!(pair.hit_bits <= pair.hit_bits_bound + 1e-9, "{pair:?}");
            assert!((pair.hits - pair.true_hits - pair.false_hits).abs() < 1e-6 * (1.0 + pair.hits));
            assert!(pair.minors_exposed <= pair.cases_released);
        }
        // Months add up to the whole.
        let months: f64 = seed.series.iter().map(|row| row.all.queries).sum();
        let whole: f64 = seed.pairs.iter().map(|pair| pair.queries).sum();
        assert!((months - whole).abs() < 1e-6 * (1.0 + whole));
        assert_eq!(seed.series.len(), 13);
    }
}

#[test]
fn a_cancelled_run_is_taken_up() {
    struct Stops(std::sync::Mutex<Vec<Done>>);
    impl Watch for Stops {
        fn cancelled(&self) -> bool {
            !self.0.lock().unwrap().is_empty()
        }
        fn finished(&self, done: &Done) {
            self.0.lock().unwrap().push(done.clone());
        }
    }
    let (scenario, proposals) = bilateral(300);
    let calibration = Calibration::embedded().unwrap();
    let seeds = crate::random::seeds(9, 3);
    let plan = Plan { abuse_seeds: 1, ..Plan::new(&scenario, &proposals, &seeds, &calibration) };
    let stops = Stops(std::sync::Mutex::default());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let half = pool.install(|| run(&plan, &stops)).unwrap();
    assert!(half.cancelled && half.seeds.is_empty());
    let done = stops.0.into_inner().unwrap();
    assert!(!done.is_empty() && done.len() < 9);
    let resumed = run(&Plan { done, ..plan.clone() }, &Silent).unwrap();
    assert_eq!(resumed, run(&plan, &Silent).unwrap());
}
