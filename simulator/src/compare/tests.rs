use super::*;
use crate::{fit::settles, library, proposal::Proposal, run::Silent};

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
    assert!(found.swings[0].width() > 0.0);
    assert!(found.swings.windows(2).all(|two| two[0].width() >= two[1].width()));
    assert!(found.swings.iter().all(|swing| swing.lo < swing.hi));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| tornado(&of(&set, [0, 1], &[5, 6]), &Silent)).unwrap(), found);
}

/// Every number of a scenario is varied, or named or counted for a reason that holds.
#[test]
fn every_assumption_takes_part() {
    let set = setting(60);
    let found = tornado(&of(&set, [0, 1], &[5]), &Silent).unwrap();
    let (mut abuse, mut fixed) = (0, 0);
    for (path, quantity) in set.0.quantities() {
        let swings: Vec<&Swing> = found.swings.iter().filter(|swing| swing.path == path).collect();
        let left = found.nothing.contains(&path) || found.unfit.contains(&path);
        if path.starts_with("abuse[") {
            abuse += 1;
            assert!(swings.is_empty() && !left, "{path}");
        } else if !quantity.is_range() && !quantity.is_assumed() {
            fixed += 1;
            assert!(swings.is_empty() && !left, "{path}");
        } else {
            assert_eq!(swings.len() + usize::from(left), 1, "{path}");
        }
        for swing in swings {
            let stated = if quantity.is_range() { Ends::Stated } else { Ends::Usual };
            assert_eq!(swing.ends, stated, "{path}");
        }
    }
    assert_eq!((found.abuse, found.fixed), (abuse, fixed));
    assert!(abuse > 0 && fixed > 0);
    let ends = |path: &str| {
        let swing = found.swings.iter().find(|swing| swing.path == path);
        swing.map(|swing| (swing.lo, swing.hi, swing.ends))
    };
    assert_eq!(ends("people.documents"), Some((0.2, 0.6, Ends::Stated)));
    assert_eq!(ends("party.MK.sojourn_days"), Some((6.0, 18.0, Ends::Usual)));
    // A share is at most everybody, a node has at least one core, and nothing may become something.
    assert_eq!(ends("biometric.tenprint.availability"), Some((0.4, 1.0, Ends::Usual)));
    assert_eq!(ends("party.MK.cores"), Some((1.0, 3.0, Ends::Usual)));
    assert_eq!(ends("people.contested"), Some((0.0, 0.05, Ends::Usual)));
    assert_eq!(found.nothing, ["biometric.tenprint.over_dispersion"]);
    assert!(found.unfit.is_empty(), "{:?}", found.unfit);
}

/// An end of an assumed number is what a scenario with that number in its file says.
#[test]
fn an_end_is_the_scenario_with_that_number() {
    let set = setting(300);
    let (seeds, ready) = ([5, 6], library::ready("bilateral").unwrap());
    let found = tornado(&of(&set, [0, 1], &seeds), &Silent).unwrap();
    let swing = found.swings.iter().find(|swing| swing.path == "party.MK.sojourn_days").unwrap();
    for (end, at) in [("6", &swing.at_lo), ("18", &swing.at_hi)] {
        let text = ready.text.replace("sojourn_days = 12\n", &format!("sojourn_days = {end}\n"));
        assert_ne!(text, ready.text);
        let mut scenario = Scenario::parse(&text).unwrap();
        (scenario.run.persons, scenario.run.days) = (300, 120);
        let outcome = run(&Plan::new(&scenario, &set.1[..2], &seeds, &set.2), &Silent).unwrap();
        assert_eq!(outcome.difference(1, 0, Measure::DisclosureBits, Scope::All), *at);
    }
    assert!(swing.width() > 0.0);
}

/// A number that would contradict another is left out and named.
#[test]
fn an_end_that_contradicts_is_named() {
    let (scenario, proposals, calibration) = setting(60);
    // Half of 15 is before 8: nobody would ever work.
    let scenario = scenario.with("party.MK.work_from", 8.0);
    let set = (scenario, proposals, calibration);
    let found = tornado(&of(&set, [0, 1], &[5]), &Silent).unwrap();
    assert_eq!(found.unfit, ["party.MK.work_until"]);
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
    let stated = found.swings.iter().filter(|swing| swing.ends == Ends::Stated).count();
    assert!(stated > 10 && found.swings.len() > 100, "{stated} {}", found.swings.len());
    let ranges = set.0.quantities().into_iter().filter(|(_, quantity)| quantity.is_range());
    let ranges: Vec<String> = ranges.map(|(path, _)| path).filter(|path| !settles(&set.0, path)).collect();
    // The totals settle how many people there are and where they enter.
    assert_eq!(
        found.settled,
        ["people.count", "route[0].weight", "route[1].weight", "route[2].weight", "route[3].weight"]
    );
    let unfit = found.unfit.iter().filter(|path| ranges.contains(path)).count();
    assert_eq!(stated + unfit, ranges.iter().filter(|path| !path.starts_with("abuse[")).count());
}

/// Where runs must fit published totals, moving one number moves no other: not one that takes no part in the fit, and not
/// one that does where all of them still fit.
#[test]
fn one_number_at_a_time_is_moved() {
    let scenario = Scenario::parse(library::ready("western-balkans-2022").unwrap().text).unwrap();
    // By what a number is of, since places of ways are not the same after the totals settled the ways in.
    let name = |scenario: &Scenario, path: &str| {
        let label = scenario.label(path);
        label.split_once('(').map_or(path.to_owned(), |(_, of)| of.to_owned())
    };
    let set = |scenario: &Scenario, seed: u64| {
        let set = crate::fit::setting(scenario, crate::region::numbers(seed))?;
        let each = set.quantities().into_iter().map(|(path, quantity)| (name(&set, &path), quantity.mid()));
        Some(each.filter(|(name, _)| name != "people.count" && !name.contains("entry")).collect::<Vec<_>>())
    };
    let of_fit = |name: &str| name.contains(" → ") || name.ends_with("register_p");
    let mut kept = 0;
    for (path, quantity) in scenario.quantities().into_iter().filter(|(_, quantity)| quantity.is_range()) {
        for seed in 1..=3 {
            let Some(after) = set(&scenario.with(&path, quantity.range().1), seed) else { continue };
            let before = set(&scenario, seed).unwrap();
            let differ = before.iter().zip(&after).filter(|(a, b)| a != b);
            let differ: Vec<&str> = differ.map(|((name, _), _)| name.as_str()).collect();
            let moved = name(&scenario, &path);
            let allowed = |other: &&str| **other == *moved || of_fit(other) && of_fit(&moved);
            assert!(differ.iter().all(allowed), "{path}: {differ:?}");
            kept += usize::from(of_fit(&moved) && differ.len() <= 1);
        }
    }
    assert!(kept > 20, "{kept}");
}
