//! What must not depend on how many persons are simulated, and what is counted of whom.

use super::*;
use crate::scenario::Quantity;

/// A scenario of two neighbours in which one simulated person stands for so many.
pub(super) fn standing_for(weight: f64, persons: u32) -> (Scenario, Vec<Proposal>) {
    let (scenario, proposals) = bilateral((f64::from(persons) / weight).round() as u32);
    (scenario.with("people.count", f64::from(persons)), proposals)
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
    let roomy = |terms: &mut symbolon_policy::agreement::Terms| {
        terms.quotas.iter_mut().for_each(|quota| quota.limit = 10_000_000);
    };
    assert_eq!(refused(&roomy), [true, false, false, false]);
    // Some batches are larger than the quota of a day.
    assert_eq!(refused(&|_| ()), [true, false, false, true]);
    let ended = |terms: &mut symbolon_policy::agreement::Terms| terms.valid_until.0 = 1_500_000_000;
    assert_eq!(refused(&ended), [false, true, false, false]);
    let strict = |terms: &mut symbolon_policy::agreement::Terms| {
        terms.count.as_mut().unwrap().smallest_batch = u32::MAX;
        terms.count.as_mut().unwrap().largest_batch = u32::MAX;
    };
    assert_eq!(refused(&strict), [false, false, true, false]);
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
    let found = proposals[1].without_clause("minors").unwrap().without_clause("release-minors").unwrap();
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
    let figures = |practices: usize, path: &str, value: f64| {
        let (mut scenario, mut proposals) = bilateral(5_000);
        scenario.practice.truncate(practices);
        scenario.practice.iter_mut().for_each(|practice| practice.share = Quantity::assumed(1.0));
        for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
            terms.matching.as_mut().unwrap().budget = 1_000_000;
        }
        for (path, value) in [
            ("people.asylum", 0.5),
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
    let of = |availability| figures(2, "biometric.tenprint.availability", availability).0;
    let (few, many) = (of(0.4), of(0.8));
    assert!((1.6..2.3).contains(&(many / few)), "{many} {few}");
    let of = |documents| figures(1, "people.documents", documents).1;
    let (few, many) = (of(0.1), of(0.8));
    assert!(many > 2.5 * few, "{many} {few}");
}

/// What answers tell is learned from people in truth, not from simulated ones.
#[test]
fn bits_are_told_alike_at_any_weight() {
    let bits = |weight: f64| {
        let (mut scenario, proposals) = standing_for(weight, 20_000);
        scenario.practice.truncate(2);
        let calibration = Calibration::embedded().unwrap();
        let seeds: Vec<u64> = (1..=24).collect();
        let plan = Plan::new(&scenario, &proposals[1..2], &seeds, &calibration);
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
        assert!((share - expired).abs() < 0.02, "{weight}: {share} {expired}");
        assert!((mean / hours - 1.0).abs() < 0.2, "{weight}: {mean} {hours}");
    }
}

/// Keys and snapshots are made anew as often as they end, whatever a simulated person stands for.
#[test]
fn what_is_made_ready_costs_alike_at_any_weight() {
    let cost = |weight: f64| {
        let (mut scenario, proposals) = standing_for(weight, 12_000);
        scenario.abuse.clear();
        let calibration = Calibration::embedded().unwrap();
        let plan = Plan::new(&scenario, &proposals[1..2], &[1, 2, 3, 4, 5, 6], &calibration);
        let outcome = run(&plan, &Silent).unwrap();
        [Measure::Bytes, Measure::CpuSeconds].map(|measure| outcome.figure(0, measure, Scope::All).mean)
    };
    let truth = cost(1.0);
    // What falls after the last of the simulated days is not seen.
    for (weight, most) in [(6.0, 0.15), (30.0, 0.3)] {
        let found = cost(weight);
        for (found, truth) in found.iter().zip(truth) {
            assert!((found / truth - 1.0).abs() < most, "{weight}: {found} {truth}");
        }
    }
}

/// Nothing is made ready while nothing can be asked.
#[test]
fn nothing_is_made_ready_before_an_agreement_is_in_force() {
    let cost = |weight: f64| {
        let (mut scenario, mut proposals) = standing_for(weight, 40_000);
        scenario.practice.truncate(1);
        for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
            // Eleven months after the beginning.
            terms.valid_from.0 = crate::calendar::first_second("2022-12-03").unwrap();
        }
        let calibration = Calibration::embedded().unwrap();
        let plan = Plan::new(&scenario, &proposals[1..2], &[1, 2, 3, 4, 5, 6], &calibration);
        run(&plan, &Silent).unwrap().figure(0, Measure::Bytes, Scope::All).mean
    };
    let truth = cost(1.0);
    for weight in [6.0, 30.0] {
        let found = cost(weight);
        assert!((found / truth - 1.0).abs() < 0.15, "{weight}: {found} {truth}");
    }
}

/// The persons that a corrupt officer learns of are those of the truth, and he asks for a purpose that is open.
#[test]
fn a_corrupt_officer_learns_of_persons_in_truth() {
    let told = |weight: f64, rule: &str| {
        let (scenario, mut proposals) = standing_for(weight, 6_000);
        let mut scenario = scenario.with("abuse[0].per_day", 100.0).with("abuse[0].audited", 0.0);
        scenario.abuse.truncate(1);
        for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
            terms.rules += rule;
        }
        let calibration = Calibration::embedded().unwrap();
        let plan =
            Plan { abuse_seeds: 3, ..Plan::new(&scenario, &proposals[1..2], &[3, 4, 5], &calibration) };
        let outcome = run(&plan, &Silent).unwrap();
        let each = outcome.proposals[0].by_seed.iter().map(|seed| &seed.abuse[0]);
        each.fold((0.0, 0.0), |(queries, persons), abuse| (queries + abuse.queries, persons + abuse.persons))
    };
    let (queries, truth) = told(1.0, "");
    assert!(truth > 100.0, "{truth}");
    for weight in [6.0, 30.0] {
        let (asked, persons) = told(weight, "");
        assert_eq!(asked, queries);
        assert!((persons / truth - 1.0).abs() < 0.35, "{weight}: {persons} {truth}");
    }
    let closed = "\n@id(\"no-entry\")\n@title(\"Not for an entry\")\nforbid(principal, action, resource)\n\
                  when { context.purpose == Purpose::\"IRREG_ENTRY\" };\n";
    let (asked, _) = told(6.0, closed);
    assert!(asked > 0.9 * queries, "other purposes are open: {asked} of {queries}");
}
