use super::*;
use crate::{library, proposal::Proposal, run::Silent};

fn setting(persons: u32) -> (Scenario, Vec<Proposal>, Calibration) {
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = persons;
    scenario.run.days = 120;
    let proposals = Proposal::all(&scenario, &ready).unwrap();
    (scenario, proposals, Calibration::embedded().unwrap())
}

fn of<'a>(
    (scenario, proposals, calibration): &'a (Scenario, Vec<Proposal>, Calibration),
    [baseline, proposal]: [usize; 2],
    seeds: &'a [u64],
) -> Comparison<'a> {
    Comparison {
        scenario,
        baseline: &proposals[baseline],
        proposal: &proposals[proposal],
        seeds,
        calibration,
        measure: Measure::DisclosureBits,
    }
}

#[test]
fn all_changes_make_the_proposal_and_none_the_baseline() {
    let (scenario, proposals, calibration) = setting(400);
    for [from, to] in [[0, 1], [1, 2], [2, 1], [1, 0]] {
        let (baseline, proposal) = (&proposals[from], &proposals[to]);
        let none = with_changes(baseline, proposal, |_| false, "none").unwrap();
        let all = with_changes(baseline, proposal, |_| true, "all").unwrap();
        let plan = [baseline.clone(), none, proposal.clone(), all];
        let outcome = run(&Plan::new(&scenario, &plan, &[3, 4], &calibration), &Silent).unwrap();
        for measure in [Measure::TrueHits, Measure::DisclosureBits, Measure::MinorsExposed] {
            let values = |place| outcome.values(place, measure, crate::outcome::Scope::All);
            assert_eq!(values(0), values(1), "{from} to {to}: {}", measure.as_str());
            assert_eq!(values(2), values(3), "{from} to {to}: {}", measure.as_str());
        }
    }
}

#[test]
fn changes_are_named() {
    let (_, proposals, _) = setting(400);
    let found: Vec<String> = changes(&proposals[1], &proposals[2]).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["+ no-names", "+ reciprocity", "claims", "canary_share"]);
    assert!(changes(&proposals[1], &proposals[1]).is_empty());
    let (there, back) = (changes(&proposals[0], &proposals[1]), changes(&proposals[1], &proposals[0]));
    assert!(there.iter().all(|change| matches!(change, Change::AddClause(_))), "{there:?}");
    assert!(matches!(back.as_slice(), [Change::NoAgreement(_)]), "{back:?}");
}

/// Shares sum to the whole, exactly and drawn, whatever the order of threads; and agree within their errors.
#[test]
fn shares_sum_to_the_whole() {
    let set = setting(500);
    let seeds = [5, 6, 7];
    let comparison = of(&set, [1, 2], &seeds);
    let exact = effects(&comparison, Budget { exact_up_to: 8, orders: 0 }, &Silent).unwrap();
    let drawn = effects(&comparison, Budget { exact_up_to: 0, orders: 8 }, &Silent).unwrap();
    assert!(exact.exact && !drawn.exact);
    assert!(exact.total.mean != 0.0);
    for found in [&exact, &drawn] {
        let sum: f64 = found.effects.iter().map(|effect| effect.shapley.mean).sum();
        assert!((sum - found.total.mean).abs() < 1e-6 * found.total.mean.abs(), "{sum} {:?}", found.total);
    }
    for effect in &exact.effects {
        let other = drawn.effects.iter().find(|other| other.change == effect.change).unwrap();
        let apart = (effect.shapley.mean - other.shapley.mean).abs();
        assert!(apart <= 5.0 * other.sampling_error + 1e-6 * exact.total.mean.abs(), "{effect:?} {other:?}");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let alone = pool.install(|| effects(&comparison, Budget { exact_up_to: 0, orders: 8 }, &Silent)).unwrap();
    assert_eq!(alone, drawn);
}

/// Both orders of the named pair lead to the same place.
#[test]
fn both_orders_add_up_alike() {
    let set = setting(500);
    let seeds = [5, 6];
    let found = effects(&of(&set, [0, 1], &seeds), Budget { exact_up_to: 0, orders: 2 }, &Silent).unwrap();
    let pair = found.interaction.unwrap();
    let one = pair.first_before.mean + pair.second_after.mean;
    let other = pair.second_before.mean + pair.first_after.mean;
    assert!((one - other).abs() < 1e-6 * one.abs().max(1.0));
    assert!((pair.first_before.mean - pair.first_after.mean).abs() > 0.0);
}

#[test]
fn the_widest_assumption_comes_first() {
    let set = setting(300);
    let found = tornado(&of(&set, [0, 1], &[5, 6]), &Silent).unwrap();
    assert!(found.swings.iter().any(|swing| swing.path == "people.count"));
    assert!(found.swings.windows(2).all(|two| two[0].width() >= two[1].width()));
    assert!(found.swings.iter().all(|swing| swing.lo < swing.hi));
}

/// Where runs must fit published totals, an end that fits none is named and the rest is shown.
#[test]
fn an_end_that_fits_nothing_is_named() {
    let ready = library::ready("western-balkans-2022").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    (scenario.run.persons, scenario.run.days) = (50, 30);
    let proposals = Proposal::all(&scenario, &ready).unwrap();
    let set = (scenario, proposals, Calibration::embedded().unwrap());
    let found = tornado(&of(&set, [0, 1], &[5]), &Silent).unwrap();
    assert!(!found.unfit.is_empty());
    assert!(found.swings.len() > 10 && found.fixed > 10);
    let ranges = set.0.quantities().into_iter().filter(|(_, quantity)| quantity.is_range()).count();
    assert_eq!(found.swings.len() + found.unfit.len(), ranges);
}
