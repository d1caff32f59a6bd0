//! Quotas that bind: whoever asks, and whatever a simulated person stands for.

use super::{weights::standing_for, *};
use crate::{
    outcome::{AbuseOutcome, PairTally},
    scenario::Quantity,
};

fn limits(proposals: &mut [Proposal], limit: u64) {
    for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
        terms.quotas.iter_mut().for_each(|quota| quota.limit = limit);
    }
}

/// Sums over pairs and seeds of a proposal that stands alone.
fn sums(scenario: &Scenario, proposal: &Proposal, seeds: &[u64]) -> PairTally {
    let calibration = Calibration::embedded().unwrap();
    let proposals = std::slice::from_ref(proposal);
    let outcome = run(&Plan::new(scenario, proposals, seeds, &calibration), &Silent).unwrap();
    let mut sum = PairTally::default();
    outcome.proposals[0].by_seed.iter().flat_map(|seed| &seed.pairs).for_each(|pair| sum.add(pair));
    sum
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
        // By identifiers alone: probes have a quota of their own.
        scenario.practice.truncate(1);
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
        let many = queries(40_000, limit);
        // In two ways, two identifiers a query; the year is not always full.
        let most = 365.0 * limit as f64;
        assert!(many <= most && many > 0.7 * most, "{limit}: {many} {most}");
        for persons in [1_000, 7_000] {
            let few = queries(persons, limit);
            assert!((few / many - 1.0).abs() < 0.03, "{limit}: {few} {many}");
        }
    }
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

/// What does not fit whole is lost in each period: with three a day and two items a query, one query a day.
#[test]
fn a_quota_of_a_few_items_is_rounded_down_in_each_period() {
    for weight in [1.0, 6.0, 40.0] {
        let (mut scenario, mut proposals) = standing_for(weight, 40_000);
        scenario.practice.truncate(1);
        limits(&mut proposals, 3);
        let seeds = [1, 2, 3, 4, 5, 6];
        let found = sums(&scenario, &proposals[1], &seeds).queries / seeds.len() as f64;
        // Both ways, all year. Few simulated persons lag behind while more come from day to day.
        let most = if weight > 30.0 { 0.06 } else { 0.03 };
        assert!((found / 730.0 - 1.0).abs() < most, "{weight}: {found}");
    }
}

/// Canaries are whole ones, and as many as still fit: by a queue of queries of two items and a quota of ten.
#[test]
fn canaries_are_whole_and_never_refuse_a_query() {
    let (share, limit) = (0.1, 10_u32);
    let odds = share / (1.0 - share);
    let (draws, days) = (crate::random::Draws::new(4), 40_000_u64);
    let (mut queries, mut canaries) = (0_u32, 0_u32);
    for day in 0..days {
        let mut left = limit;
        for query in 0..u64::from(limit / 2) {
            let drawn = (0..2).filter(|item| draws.of(day).of(query).chance(*item, odds)).count() as u32;
            if left >= 2 {
                let fit = drawn.min(left - 2);
                (left, queries, canaries) = (left - 2 - fit, queries + 1, canaries + fit);
            }
        }
    }
    let a_day = f64::from(queries) / days as f64;
    let a_query = f64::from(canaries) / f64::from(queries);
    assert!(a_day > 4.3 && a_day < 4.9 && a_query < 2.0 * odds, "{a_day} {a_query}");
    for weight in [1.0, 6.0, 40.0] {
        let (mut scenario, mut proposals) = standing_for(weight, 60_000);
        scenario.practice.truncate(1);
        limits(&mut proposals, limit.into());
        let proposal = Proposal { canary_share: share, ..proposals[1].clone() };
        let seeds = [1, 2, 3, 4, 5, 6];
        let sum = sums(&scenario, &proposal, &seeds);
        let found = sum.queries / 730.0 / seeds.len() as f64;
        assert!((found / a_day - 1.0).abs() < 0.03, "{weight}: {found} {a_day}");
        let found = sum.items / sum.queries - 2.0;
        assert!((found / a_query - 1.0).abs() < 0.1, "{weight}: {found} {a_query}");
    }
    // Where no quota is near, the whole share.
    let (mut scenario, proposals) = standing_for(6.0, 20_000);
    scenario.practice.truncate(1);
    let proposal = Proposal { canary_share: share, ..proposals[1].clone() };
    let sum = sums(&scenario, &proposal, &[1, 2]);
    let found = sum.items / sum.queries - 2.0;
    assert!((found / (2.0 * odds) - 1.0).abs() < 0.03, "{found}");
}

/// Who guesses takes of a full quota as much as comes to him in the order of time, and no more in a day than the quota;
/// what others lose is that.
#[test]
fn a_wrongdoer_has_his_part_of_a_full_quota() {
    let abuse = |weight: f64, per_day: f64, limit: u64| -> (AbuseOutcome, f64, f64) {
        let (scenario, mut proposals) = standing_for(weight, 60_000);
        let at = scenario.abuse.iter().position(|abuse| abuse.id == "guessing").unwrap();
        let mut scenario = scenario.with(&format!("abuse[{at}].per_day"), per_day);
        scenario = scenario.with(&format!("abuse[{at}].audited"), 0.0);
        scenario.abuse = vec![scenario.abuse[at].clone()];
        scenario.practice.truncate(1);
        limits(&mut proposals, limit);
        let calibration = Calibration::embedded().unwrap();
        let seeds = [1, 2, 3, 4, 5, 6];
        let plan = Plan { abuse_seeds: 6, ..Plan::new(&scenario, &proposals[1..2], &seeds, &calibration) };
        let outcome = run(&plan, &Silent).unwrap();
        let mut sum = outcome.proposals[0].by_seed[0].abuse[0].clone();
        let (mut wished, mut a_query) = (0.0, 0.0);
        for (at, seed) in outcome.proposals[0].by_seed.iter().enumerate() {
            // What RS asks of MK.
            let pair = &seed.pairs[2];
            wished += pair.wished / 365.0 / 6.0;
            a_query += pair.true_hits / pair.queries / 6.0;
            if at > 0 {
                sum.queries += seed.abuse[0].queries;
                sum.hits_lost += seed.abuse[0].hits_lost;
            }
        }
        let days = sum.days_observed;
        sum.queries /= 6.0 * days;
        sum.hits_lost /= 6.0 * days;
        (sum, wished, a_query)
    };
    for weight in [1.0, 6.0, 40.0] {
        // Ten fit in a day, of which as many are his as he puts among all.
        let (found, honest, hits) = abuse(weight, 30.0, 20);
        let his = 10.0 * 30.0 / (30.0 + honest);
        // More at first, while few come.
        assert!((1.0..1.35).contains(&(found.queries / his)), "{weight}: {found:?} {his}");
        let lost = found.queries * hits;
        assert!((found.hits_lost / lost - 1.0).abs() < 0.35, "{weight}: {found:?} {lost}");
        // Never more than fit in a day.
        let (found, ..) = abuse(weight, 5_000.0, 20);
        assert!(found.queries <= 10.0 && found.queries > 9.5, "{weight}: {found:?}");
    }
}

/// A count that fits into the quota of a day alone does not beside the queries of the day.
#[test]
fn counts_stand_beside_other_queries_at_any_weight() {
    let share = |weight: f64, limit: u64| {
        let (mut scenario, mut proposals) = standing_for(weight, 40_000);
        scenario.practice.retain(|practice| {
            practice.every_days.is_some() || practice.at == crate::scenario::EventKind::Registration
        });
        scenario
            .practice
            .iter_mut()
            .for_each(|practice| practice.every_days = practice.every_days.map(|_| 10));
        for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
            terms.quotas.iter_mut().for_each(|quota| quota.limit = limit);
            let count = terms.count.as_mut().unwrap();
            (count.largest_batch, count.period_days) = (1_000, 5);
        }
        let sum = sums(&scenario, &proposals[1], &[1, 2, 3, 4, 5, 6, 7, 8]);
        sum.counts / (sum.counts + sum.refused_quota)
    };
    for weight in [1.0, 6.0, 30.0] {
        // A batch alone fits into both; what comes before noon as well only into the second.
        let (few, many) = (share(weight, 1_050), share(weight, 1_400));
        assert!(few < 0.2 && many > 0.9, "{weight}: {few} {many}");
    }
}

/// Where a quota lets some of those be asked about for whom a person stands, other minors are exposed the next time.
#[test]
fn minors_are_exposed_alike_under_a_quota() {
    let exposed = |weight: f64| {
        let (mut scenario, mut proposals) = standing_for(weight, 12_000);
        scenario.practice.truncate(1);
        for (path, value) in [
            ("people.minors", 0.9),
            ("people.documents", 1.0),
            ("people.asylum", 0.0),
            ("party.RS.register_p", 1.0),
            ("party.MK.register_p", 1.0),
            ("route[2].weight", 1.0),
            ("route[3].weight", 0.9),
        ] {
            scenario = scenario.with(path, value);
        }
        for party in scenario.party.values_mut() {
            party.verifiers = Quantity::assumed(60.0);
            party.approvers = Quantity::assumed(60.0);
        }
        limits(&mut proposals, 40);
        let found = proposals[1].without_clause("minors").unwrap().without_clause("release-minors").unwrap();
        let calibration = Calibration::embedded().unwrap();
        let outcome = run(&Plan::new(&scenario, &[found], &[1, 2, 3, 4], &calibration), &Silent).unwrap();
        let seeds = outcome.proposals[0].by_seed.iter();
        let by_pair = seeds.flat_map(|seed| &seed.pairs).map(|pair| pair.minors_exposed).sum::<f64>() / 4.0;
        (outcome.figure(0, Measure::MinorsExposed, Scope::All).mean, by_pair)
    };
    let truth = exposed(1.0);
    for weight in [6.0, 30.0] {
        let found = exposed(weight);
        assert!((found.0 / truth.0 - 1.0).abs() < 0.08, "{weight}: {found:?} {truth:?}");
        assert!((found.1 / truth.1 - 1.0).abs() < 0.08, "{weight}: {found:?} {truth:?}");
    }
}
