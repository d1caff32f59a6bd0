use super::{abuse::shown, *};
use crate::{
    library,
    outcome::{Measure, Scope},
    scenario::Quantity,
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

/// A scenario of two neighbours in which one simulated person stands for so many.
fn standing_for(weight: f64, persons: u32) -> (Scenario, Vec<Proposal>) {
    let (scenario, proposals) = bilateral((f64::from(persons) / weight).round() as u32);
    (scenario.with("people.count", f64::from(persons)), proposals)
}

fn quota_of_an_officer(proposals: &mut [Proposal], limit: u64) {
    for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
        for quota in &mut terms.quotas {
            (quota.per_officer, quota.limit) = (true, limit);
        }
    }
}

/// Whatever a simulated person stands for, an officer who does wrong has the quota of one officer.
#[test]
fn a_corrupt_officer_has_one_quota() {
    for weight in [1.0, 6.0, 60.0] {
        let (scenario, mut proposals) = standing_for(weight, 3_000);
        let mut scenario = scenario.with("abuse[0].per_day", 100.0).with("abuse[0].audited", 0.0);
        scenario.run.days = 90;
        scenario.abuse.truncate(1);
        quota_of_an_officer(&mut proposals, 10);
        let calibration = Calibration::embedded().unwrap();
        let plan = Plan { abuse_seeds: 1, ..Plan::new(&scenario, &proposals[1..2], &[3], &calibration) };
        let outcome = run(&plan, &Silent).unwrap();
        let abuse = &outcome.proposals[0].by_seed[0].abuse[0];
        // Ten identifiers a day, two by two.
        let most = 5.0 * abuse.days_observed;
        assert!(abuse.queries <= most && abuse.queries > 0.9 * most, "{weight}: {abuse:?}");
    }
}

/// A binding quota lets as much through whatever a simulated person stands for.
#[test]
fn a_quota_binds_alike_at_any_weight() {
    let queries = |persons: u32, limit: u64| {
        let (mut scenario, mut proposals) = bilateral(persons);
        scenario = scenario.with("people.count", 40_000.0);
        for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
            terms.quotas.iter_mut().for_each(|quota| quota.limit = limit);
        }
        scenario.practice.truncate(1);
        let calibration = Calibration::embedded().unwrap();
        let plan = Plan::new(&scenario, &proposals[1..2], &[1, 2, 3, 4, 5, 6], &calibration);
        run(&plan, &Silent).unwrap().figure(0, Measure::Queries, Scope::All).mean
    };
    for limit in [20, 100] {
        let (few, many) = (queries(1_000, limit), queries(40_000, limit));
        assert!((few / many - 1.0).abs() < 0.03, "{limit}: {few} {many}");
        // In two ways, two identifiers a query; the year is not always full.
        let most = 365.0 * limit as f64;
        assert!(few <= most && many <= most && many > 0.7 * most, "{limit}: {few} {many} {most}");
    }
}

/// Who has no document is found by no exact query, a corrupt one neither; and one person is one.
#[test]
fn a_corrupt_officer_finds_whom_others_would() {
    let (mut scenario, proposals) = bilateral(200);
    scenario.practice.truncate(1);
    scenario.abuse.truncate(1);
    scenario = scenario.with("abuse[0].per_day", 50.0).with("abuse[0].audited", 0.0);
    scenario = scenario.with("people.count", 200.0).with("people.same_identity", 1.0);
    let calibration = Calibration::embedded().unwrap();
    let told = |documents: f64| {
        let scenario = scenario.with("people.documents", documents);
        let plan = Plan { abuse_seeds: 1, ..Plan::new(&scenario, &proposals[1..2], &[3], &calibration) };
        run(&plan, &Silent).unwrap().proposals[0].by_seed[0].abuse[0].clone()
    };
    assert_eq!(told(0.0).persons, 0.0);
    let all = told(1.0);
    assert!(all.queries > 5_000.0 && all.persons > 20.0 && all.persons <= 200.0, "{all:?}");
}

/// Rows add up to the outcome, counts included.
#[test]
fn rows_add_up_to_the_outcome() {
    #[derive(Default)]
    struct Sums(std::sync::Arc<std::sync::Mutex<[f64; 6]>>);
    impl Sink for Sums {
        fn row(&mut self, row: &rows::Row<'_>) -> io::Result<()> {
            let all = [row.wished, row.queries, row.unanswered, row.hits, row.true_hits, row.hit_bits];
            self.0.lock().unwrap().iter_mut().zip(all).for_each(|(sum, of)| *sum += of);
            Ok(())
        }
        fn end(self: Box<Self>) -> io::Result<()> {
            Ok(())
        }
    }
    #[derive(Default)]
    struct Rows(std::sync::Arc<std::sync::Mutex<[f64; 6]>>);
    impl Watch for Rows {
        fn rows(&self, _proposal: &str, _seed: u64) -> io::Result<Option<Box<dyn Sink>>> {
            Ok(Some(Box::new(Sums(std::sync::Arc::clone(&self.0)))))
        }
    }
    let (scenario, proposals) = bilateral(1_000);
    let calibration = Calibration::embedded().unwrap();
    let rows = Rows::default();
    let outcome = run(&Plan::new(&scenario, &proposals[1..2], &[2], &calibration), &rows).unwrap();
    let pairs = &outcome.proposals[0].by_seed[0].pairs;
    assert!(pairs.iter().map(|pair| pair.counts).sum::<f64>() > 0.0);
    let sums = *rows.0.lock().unwrap();
    let of = |amount: fn(&crate::outcome::PairTally) -> f64| pairs.iter().map(amount).sum::<f64>();
    let all = [
        of(|pair| pair.wished),
        of(|pair| pair.queries),
        of(|pair| pair.wished - pair.queries),
        of(|pair| pair.hits),
        of(|pair| pair.true_hits),
        of(|pair| pair.hit_bits),
    ];
    for (sum, whole) in sums.into_iter().zip(all) {
        assert!((sum - whole).abs() < 1e-6 * (1.0 + whole), "{sums:?} {all:?}");
    }
}

/// A count that is refused says why.
#[test]
fn counts_are_refused_for_what_they_are_refused_for() {
    let (mut scenario, proposals) = bilateral(1_000);
    scenario.practice.retain(|practice| practice.every_days.is_some());
    let calibration = Calibration::embedded().unwrap();
    let refused = |change: &dyn Fn(&mut symbolon_policy::agreement::Terms)| {
        let mut proposal = proposals[1].clone();
        proposal.deals.values_mut().for_each(change);
        let outcome = run(&Plan::new(&scenario, &[proposal], &[2], &calibration), &Silent).unwrap();
        let pairs = &outcome.proposals[0].by_seed[0].pairs;
        let of = |amount: fn(&crate::outcome::PairTally) -> f64| pairs.iter().map(amount).sum::<f64>();
        assert!(of(|pair| pair.wished) > 0.0);
        [
            of(|pair| pair.queries),
            of(|pair| pair.without_agreement),
            of(|pair| pair.refused_rules),
            of(|pair| pair.refused_quota),
        ]
        .map(|amount| amount > 0.0)
    };
    assert_eq!(refused(&|_| ()), [true, false, false, false]);
    let ended = |terms: &mut symbolon_policy::agreement::Terms| terms.valid_until.0 = 1_500_000_000;
    assert_eq!(refused(&ended), [false, true, false, false]);
    let strict = |terms: &mut symbolon_policy::agreement::Terms| {
        terms.count.as_mut().unwrap().smallest_batch = u32::MAX;
        terms.count.as_mut().unwrap().largest_batch = u32::MAX;
    };
    assert_eq!(refused(&strict), [false, false, true, false]);
}

/// Canaries are identifiers of exact queries: they use up quotas, and show nothing of matches.
#[test]
fn canaries_are_charged_and_are_in_exact_queries() {
    let (mut scenario, mut proposals) = bilateral(2_000);
    scenario = scenario.with("abuse[1].suppressed", 0.9);
    scenario.abuse = vec![scenario.abuse[1].clone()];
    for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
        terms.quotas.iter_mut().for_each(|quota| quota.limit = 20);
    }
    let calibration = Calibration::embedded().unwrap();
    let outcome = |scenario: &Scenario, share: f64| {
        let proposal = [Proposal { canary_share: share, ..proposals[1].clone() }];
        let plan = Plan { abuse_seeds: 1, ..Plan::new(scenario, &proposal, &[6], &calibration) };
        run(&plan, &Silent).unwrap()
    };
    let found = |outcome: &Outcome| outcome.proposals[0].by_seed[0].abuse[0].days_to_detection;
    let mut exact = scenario.clone();
    exact.practice.truncate(1);
    let (none, half) = (outcome(&exact, 0.0), outcome(&exact, 0.5));
    let queries = |outcome: &Outcome| outcome.figure(0, Measure::Queries, Scope::All).mean;
    assert!((queries(&half) / queries(&none) - 0.5).abs() < 0.03, "{} {}", queries(&half), queries(&none));
    assert!(found(&none).is_none() && found(&half).is_some_and(|days| days < 40.0));
    let mut matches = scenario;
    matches.practice.retain(|practice| practice.biometric.is_some());
    assert!(found(&outcome(&matches, 0.5)).is_none());
}

/// A minor is one, however often something is released of it.
#[test]
fn minors_are_counted_and_not_releases() {
    let (mut scenario, proposals) = bilateral(2_000);
    scenario.practice.iter_mut().for_each(|practice| practice.share = Quantity::assumed(1.0));
    for (path, value) in [
        ("people.minors", 0.9),
        ("people.documents", 1.0),
        ("people.asylum", 0.5),
        ("party.RS.register_p", 1.0),
        ("party.MK.register_p", 1.0),
        ("route[3].weight", 0.9),
        ("readmission.wanted", 1.0),
    ] {
        scenario = scenario.with(path, value);
    }
    for party in scenario.party.values_mut() {
        party.verifiers = Quantity::assumed(60.0);
        party.approvers = Quantity::assumed(60.0);
    }
    let found = proposals[1].without_clause("minors").unwrap();
    let calibration = Calibration::embedded().unwrap();
    let outcome = run(&Plan::new(&scenario, &[found], &[4], &calibration), &Silent).unwrap();
    let seed = &outcome.proposals[0].by_seed[0];
    let exposed = outcome.figure(0, Measure::MinorsExposed, Scope::All).mean;
    let released: f64 = seed.pairs.iter().map(|pair| pair.cases_released).sum();
    let by_pair: f64 = seed.pairs.iter().map(|pair| pair.minors_exposed).sum();
    assert!(
        exposed > 0.0 && exposed <= by_pair && 1.5 * by_pair < released,
        "{exposed} {by_pair} {released}"
    );
    assert!(seed.pairs.iter().all(|pair| pair.minors_exposed <= 0.95 * seed.people.registered));
    assert_eq!(exposed, seed.people.minors_exposed);
}

/// Only records with a template can be taken for somebody else's, and only those with a document are sent.
#[test]
fn slices_are_records_that_can_be_found() {
    let figures = |path: &str, value: f64| {
        let (mut scenario, mut proposals) = bilateral(5_000);
        scenario.practice.truncate(2);
        for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
            terms.matching.as_mut().unwrap().budget = 1_000_000;
        }
        for (path, value) in [
            ("people.asylum", 0.5),
            ("practice[1].share", 1.0),
            ("biometric.tenprint.fmr", 3e-5),
            ("people.documents", 0.4),
            (path, value),
        ] {
            scenario = scenario.with(path, value);
        }
        let calibration = Calibration::embedded().unwrap();
        let plan = Plan::new(&scenario, &proposals[1..2], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &calibration);
        let outcome = run(&plan, &Silent).unwrap();
        let each = outcome.proposals[0].by_seed.iter().flat_map(|seed| &seed.pairs);
        each.fold((0.0, 0.0), |sum, pair| (sum.0 + pair.false_hits, sum.1 + pair.bytes_down))
    };
    let of = |availability| figures("biometric.tenprint.availability", availability).0;
    let (few, many) = (of(0.4), of(0.8));
    assert!((1.6..2.3).contains(&(many / few)), "{many} {few}");
    let of = |documents| figures("people.documents", documents).1;
    let (few, many) = (of(0.1), of(0.8));
    assert!(many > 4.0 * few, "{many} {few}");
}

/// What answers tell is learned from people in truth, not from simulated ones.
#[test]
fn bits_are_told_alike_at_any_weight() {
    let bits = |weight: f64| {
        let (mut scenario, proposals) = standing_for(weight, 20_000);
        scenario.practice.truncate(2);
        let calibration = Calibration::embedded().unwrap();
        let plan = Plan::new(&scenario, &proposals[1..2], &[1, 2, 3, 4, 5, 6], &calibration);
        run(&plan, &Silent).unwrap().figure(0, Measure::HitBits, Scope::All).mean
    };
    let (one, ten) = (bits(1.0), bits(10.0));
    assert!((ten / one - 1.0).abs() < 0.05, "{ten} {one}");
}

/// Hits and claims wait, and run out, as often whatever a simulated person stands for.
#[test]
fn cases_wait_alike_at_any_weight() {
    let figures = |weight: f64| {
        let (mut scenario, proposals) = standing_for(weight, 36_000);
        for party in scenario.party.values_mut() {
            party.verifiers = Quantity::assumed(1.0);
            party.approvers = Quantity::assumed(1.0);
        }
        // As busy as two people are who just keep up.
        for (path, value) in [
            ("people.documents", 0.5),
            ("people.same_identity", 0.8),
            ("party.MK.register_p", 0.6),
            ("party.RS.register_p", 0.6),
            ("party.MK.verify_minutes", 20.0),
            ("party.RS.verify_minutes", 20.0),
            ("party.MK.approve_minutes", 20.0),
            ("party.RS.approve_minutes", 20.0),
        ] {
            scenario = scenario.with(path, value);
        }
        let calibration = Calibration::embedded().unwrap();
        let outcome =
            run(&Plan::new(&scenario, &proposals[1..2], &[1, 2, 3, 4], &calibration), &Silent).unwrap();
        let of = |measure| outcome.figure(0, measure, Scope::All).mean;
        (of(Measure::CasesExpired) / of(Measure::TrueHits), of(Measure::CaseHours))
    };
    let (expired, hours) = figures(1.0);
    for weight in [6.0, 30.0] {
        let (share, mean) = figures(weight);
        println!("{weight}: {share} {expired}, {mean} {hours}");
        assert!((share - expired).abs() < 0.05, "{weight}: {share} {expired}");
        assert!((mean / hours - 1.0).abs() < 0.2, "{weight}: {mean} {hours}");
    }
}

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
