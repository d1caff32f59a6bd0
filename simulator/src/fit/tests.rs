use super::*;
use crate::{Plan, Silent, cost::Calibration, library, proposal::Proposal, run};

fn western_balkans() -> Scenario {
    Scenario::parse(library::ready("western-balkans-2022").unwrap().text).unwrap()
}

#[test]
fn a_system_is_solved() {
    let solved = solve(vec![0.0, 2.0, 1.0, 3.0, 1.0, 0.0, 1.0, 1.0, 1.0], vec![7.0, 5.0, 6.0]).unwrap();
    for (found, exact) in solved.iter().zip([1.0, 2.0, 3.0]) {
        assert!((found - exact).abs() < 1e-12);
    }
    assert!(solve(vec![1.0, 2.0, 2.0, 4.0], vec![1.0, 1.0]).is_none());
}

#[test]
fn the_totals_of_2022_leave_the_number_of_people_wide_open() {
    let found = fit(&western_balkans(), 20_000, 0.1).unwrap();
    assert!(found.kept > 1_000, "{}", found.kept);
    // The finding: 192,266 registrations are 97,000 to 168,000 people, 1.15 to 1.98 for each.
    let (fewest, most) = found.people_usual;
    assert!(
        (100_000.0..145_000.0).contains(&fewest) && (145_000.0..175_000.0).contains(&most),
        "{fewest} {most}"
    );
    // The whole range of what is admitted holds the published one, and the other way round within a tenth.
    assert!(found.people.0 < 107_000.0 && found.people.1 > 160_000.0, "{:?}", found.people);
    assert!(found.per_person.0 < 1.2 && found.per_person.1 > 1.8, "{:?}", found.per_person);
    let sum: u64 = found.totals.iter().filter(|total| !total.held_out).map(|total| total.observed).sum();
    assert_eq!(sum, 192_266);
}

/// The people that the fit finds for one setting are those that a run of that setting registers.
#[test]
fn a_run_agrees_with_the_fit() {
    let mut scenario = western_balkans();
    // One setting that fits, and the entries that the totals settle for it.
    scenario = setting(&scenario, Draws::new(4)).unwrap();
    scenario.run.fit_totals = false;
    let model = Model::new(&scenario);
    let kept = model.one(Draws::new(0), SEED_TOLERANCE).unwrap();
    let proposals = Proposal::all(&scenario, &library::ready("western-balkans-2022").unwrap()).unwrap();
    // A run long enough for everybody to leave, with the entries of the fit.
    let whole: f64 = kept.entries.iter().sum();
    scenario.people.count = Quantity::assumed(whole);
    scenario.run.persons = 60_000;
    scenario.run.days = 2_000;
    scenario.practice.retain(|practice| practice.every_days.is_none());
    scenario.readmission = None;
    scenario.practice.retain(|practice| practice.at != crate::scenario::EventKind::Return);
    for party in scenario.party.values_mut() {
        party.sojourn_days = Quantity::assumed(1.0);
    }
    // The fit counts only those whom parties register that publish.
    if let Some(eu) = scenario.party.get_mut(&"EU".parse().unwrap()) {
        eu.register_p = Quantity::assumed(0.0);
    }
    let calibration = Calibration::embedded().unwrap();
    let outcome = run(&Plan::new(&scenario, &proposals[..1], &[3], &calibration), &Silent).unwrap();
    let people = outcome.proposals[0].by_seed[0].people.registered;
    // Four standard deviations of a share of 60,000.
    let share = kept.people / whole;
    let sd = (share * (1.0 - share) / 60_000.0).sqrt() * whole;
    assert!((people - kept.people).abs() < 4.0 * sd + 0.005 * whole, "{people} {}", kept.people);
    for (place, (_, party)) in scenario.party.iter().enumerate() {
        for observed in party.observed.iter().filter(|observed| !observed.held_out) {
            let found = outcome.proposals[0].by_seed[0].parties[place].registrations;
            let expected = observed.registrations as f64;
            assert!((found / expected - 1.0).abs() < 0.11 + 6.0 / expected.sqrt(), "{found} {expected}");
        }
    }
}

/// With the stays that the scenario has, and the year before in which registers fill, every party registers what was
/// published, and nobody is registered less than once.
#[test]
fn the_year_as_it_comes_along_has_the_published_totals() {
    let mut scenario = western_balkans();
    scenario.run.persons = 20_000;
    scenario.practice.truncate(1);
    scenario.readmission = None;
    let proposals = Proposal::all(&scenario, &library::ready("western-balkans-2022").unwrap()).unwrap();
    let calibration = Calibration::embedded().unwrap();
    let outcome = run(&Plan::new(&scenario, &proposals[..1], &[1, 2, 3, 4], &calibration), &Silent).unwrap();
    for seed in &outcome.proposals[0].by_seed {
        assert!(seed.people.registrations >= seed.people.registered, "{:?}", seed.people);
        for (tally, party) in seed.parties.iter().zip(scenario.party.values()) {
            for observed in party.observed.iter().filter(|observed| !observed.held_out) {
                let (found, published) = (tally.registrations, observed.registrations as f64);
                let chance = 4.0 * (seed.weight * published).sqrt() / published;
                assert!((found / published - 1.0).abs() < 0.11 + chance, "{found} {published}");
            }
        }
    }
}

/// A seed that must fit the totals registers them.
#[test]
fn a_fitted_run_has_the_published_totals() {
    let mut scenario = western_balkans();
    scenario.run.persons = 30_000;
    scenario.practice.truncate(1);
    // Whoever enters late in the year is on the way when it ends; with short stays nearly nobody is.
    for party in scenario.party.values_mut() {
        party.sojourn_days = Quantity::assumed(0.5);
    }
    scenario.readmission = None;
    let proposals = Proposal::all(&scenario, &library::ready("western-balkans-2022").unwrap()).unwrap();
    let calibration = Calibration::embedded().unwrap();
    let outcome = run(&Plan::new(&scenario, &proposals[..1], &[11, 12], &calibration), &Silent).unwrap();
    for seed in &outcome.proposals[0].by_seed {
        for (tally, party) in seed.parties.iter().zip(scenario.party.values()) {
            for observed in party.observed.iter().filter(|observed| !observed.held_out) {
                let (found, published) = (tally.registrations, observed.registrations as f64);
                let chance = 4.0 * (seed.weight * published).sqrt() / published;
                assert!((found / published - 1.0).abs() < 0.11 + chance, "{found} {published}");
            }
        }
    }
    // Where nothing fits, that is said.
    scenario.party.get_mut(&"RS".parse().unwrap()).unwrap().observed[0].registrations = 300;
    scenario.party.get_mut(&"RS".parse().unwrap()).unwrap().register_p = Quantity::assumed(0.9);
    let unfit = run(&Plan::new(&scenario, &proposals[..1], &[11], &calibration), &Silent);
    assert_eq!(unfit, Err(crate::RunError::Fit(FitError::Unfit)));
}

/// What the documents say of the fit is what it finds.
#[test]
fn the_documents_say_what_the_fit_finds() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let scenarios = words(include_str!("../../../docs/scenarios.md"));
    let model = words(include_str!("../../../docs/model.md"));
    let found = fit(&western_balkans(), 200_000, 0.1).unwrap();
    let thousands = |n: f64, to: f64| {
        let n = ((n / to).round() * to) as u64;
        format!("{},{:03}", n / 1_000, n % 1_000)
    };
    let range = |(lo, hi): (f64, f64), to: f64| format!("{} to {}", thousands(lo, to), thousands(hi, to));
    let eu = found.totals.iter().find(|total| total.held_out).unwrap();
    for says in [
        format!("{} of 200000 random settings come within 10 % of every published total.", found.kept),
        format!(
            "They admit {:.0} to {:.0} different people registered, {:.2} to {:.2} registrations for each.",
            found.people.0, found.people.1, found.per_person.0, found.per_person.1
        ),
        format!("The middle 90 % are {}.", range(found.people_usual, 100.0)),
        format!("predict {} registrations", range(eu.fitted, 1_000.0)),
    ] {
        assert!(scenarios.contains(&says), "docs/scenarios.md: {says}");
    }
    let says = format!(
        "Of 200,000 settings {} are kept, with {} people (middle 90 %: {})",
        thousands(found.kept.into(), 1.0),
        range(found.people, 1.0),
        range(found.people_usual, 1.0)
    );
    assert!(model.contains(&says), "docs/model.md: {says}");
    let says = format!("have {} different people", range(found.people, 1_000.0));
    assert!(words(&western_balkans().about).contains(&says), "scenario.toml: {says}");
}
