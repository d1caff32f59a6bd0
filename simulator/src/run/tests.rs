use super::{abuse::shown, *};
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

#[test]
fn false_alarms_are_those_of_the_published_tables() {
    // Daugman's table, one comparison alarming once in a thousand.
    for (records, alarms) in [(200.0, 0.181), (2_000.0, 0.864_8), (10_000.0, 0.999_95)] {
        assert!((false_alarms(0.001, records, 0.0) - alarms).abs() < 6e-4, "{records}");
    }
    // 400,000 records, one query in a hundred of somebody there: the share of hits that are false.
    for (fmr, share) in [(1e-9, 0.04), (1e-8, 0.29), (1e-7, 0.80)] {
        let alarms = false_alarms(fmr, 400_000.0, 0.0);
        let found = 0.99 * alarms / (0.01 + 0.99 * alarms);
        assert!((found - share).abs() < 0.01, "{fmr}: {found}");
    }
    // Over-dispersion: none is the limit of a little, and it makes alarms fewer at the same mean rate.
    let (none, little) = (false_alarms(1e-6, 1e6, 0.0), false_alarms(1e-6, 1e6, 1e-9));
    assert!((none - little).abs() < 1e-6 && false_alarms(1e-6, 1e6, 2.0) < none);
    // Against the mean over a gamma law of the rate, by its quantiles: shape 1/v, here v = 1, exponential.
    let n = 100_000;
    let mean: f64 = (0..n)
        .map(|i| {
            let rate = -1e-6 * (1.0 - (f64::from(i) + 0.5) / f64::from(n)).ln();
            1.0 - (-rate * 1e6_f64).exp()
        })
        .sum::<f64>()
        / f64::from(n);
    assert!((false_alarms(1e-6, 1e6, 1.0) - mean).abs() < 1e-4);
}

#[test]
fn a_lying_holder_is_found_as_the_formula_says() {
    // Query by query: a canary with chance c, suppressed with chance s. Days of n queries until one is.
    let (canaries, suppressed, queries, trials) = (0.02, 0.3, 40_u64, 4_000_u64);
    let draws = crate::random::Draws::new(77);
    let found_within = |days: u64| {
        let found = (0..trials).filter(|trial| {
            (0..days * queries).any(|query| {
                let draws = draws.of(*trial).of(query);
                draws.chance(0, canaries) && draws.chance(1, suppressed)
            })
        });
        found.count() as f64 / trials as f64
    };
    for days in [1, 3, 6] {
        let (real, formula) = (found_within(days), found_by((days * queries) as f64, canaries, suppressed));
        // Four standard deviations.
        let sd = (formula * (1.0 - formula) / trials as f64).sqrt();
        assert!((real - formula).abs() < 4.0 * sd, "{days}: {real} {formula}");
    }
    // However often they are asked about, a few different ones show a lie with 1 - (1 - s)^k.
    for (different, share) in [(1, 0.3), (5, 1.0 - 0.7_f64.powi(5))] {
        let shows = |trial: &u64| shown(draws.of(9).of(*trial), different, suppressed) > 0.0;
        let shown = (0..trials).filter(shows).count() as f64 / trials as f64;
        assert!(
            (shown - share).abs() < 4.0 * (share * (1.0 - share) / trials as f64).sqrt(),
            "{shown} {share}"
        );
    }
    assert_eq!(found_by(1_000.0, 0.0, 0.5), 0.0);
    assert_eq!(found_by(1.0, 1.0, 1.0), 1.0);
}

#[test]
fn counts_carry_the_noise_of_their_epsilon() {
    use symbolon_protocol::{count::noise::Noise, seed::Seed};
    // As the run draws it: the mean of |k - m| of a two-sided geometric law of ε is 2q / (1 - q²), q = e^-ε.
    let noise = Noise::new(1_000, 30).unwrap();
    let trials = 20_000_u32;
    let mut sum = 0.0;
    for trial in 0..trials {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&trial.to_be_bytes());
        let drawn = noise.draw(&mut Seed::new(bytes).stream("simulated count"));
        sum += (f64::from(drawn) - f64::from(noise.mean())).abs();
    }
    let q = (-1.0_f64).exp();
    let (found, law) = (sum / f64::from(trials), 2.0 * q / (1.0 - q * q));
    assert!((found / law - 1.0).abs() < 0.03, "{found} {law}");
}

mod people;
mod quotas;
mod weights;

mod bits {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        /// Whatever the practice: bits told are at most one for each yes or no.
        #[test]
        fn told_are_never_more_than_the_bound(
            seed in 0_u64..1_000, persons in 20_u32..400, items in 1_u32..4, documents in 0.0..=1.0_f64,
        ) {
            let (mut scenario, proposals) = bilateral(persons);
            scenario.run.days = 60;
            scenario.practice[0].items = items;
            let scenario = scenario.with("people.documents", documents);
            let calibration = Calibration::embedded().unwrap();
            let outcome = run(&Plan::new(&scenario, &proposals[1..2], &[seed], &calibration), &Silent).unwrap();
            for pair in &outcome.proposals[0].by_seed[0].pairs {
                prop_assert!(pair.hit_bits <= pair.hit_bits_bound * (1.0 + 1e-12));
                prop_assert!(pair.hit_bits >= 0.0 && pair.hits <= pair.queries);
            }
        }
    }
}
