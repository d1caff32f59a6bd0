//! Whole regions: the targets of the simulator. Prints the machine's load and the most memory the process held.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at the first surprise"
)]

use std::fs;

use symbolon_simulator::{
    Plan, Silent,
    compare::{Budget, Comparison, compare},
    cost::Calibration,
    library,
    outcome::{Measure, Scope},
    proposal::Proposal,
    random, run,
    scenario::{Quantity, Scenario},
    search::{Settings, search},
};

fn main() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}", load.trim());
    divan::main();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let most = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    println!("most memory: {}", most.trim_start_matches("VmHWM:").trim());
}

/// The route of 2022 with one agreement between all seven; each simulated person is one person.
fn region(persons: u32, days: u32) -> (Scenario, Vec<Proposal>) {
    let ready = library::ready("western-balkans-2022").expect("it comes along");
    let mut scenario = Scenario::parse(ready.text).expect("it stands");
    scenario.run.persons = persons;
    scenario.run.days = days;
    scenario.people.count = Quantity::assumed(f64::from(persons));
    let all = Proposal::all(&scenario, &ready).expect("they stand");
    (scenario, all.into_iter().filter(|proposal| proposal.id == "everybody").collect())
}

fn go(scenario: &Scenario, proposals: &[Proposal], seeds: &[u64]) {
    let calibration = Calibration::embedded().expect("it stands");
    let outcome = run(&Plan::new(scenario, proposals, seeds, &calibration), &Silent).expect("it runs");
    let seed = &outcome.proposals[0].by_seed[0];
    let wished: f64 = seed.pairs.iter().map(|pair| pair.wished).sum();
    let answered = outcome.values(0, Measure::Queries, Scope::All).first().copied().flatten().unwrap_or(0.0);
    let moves = (seed.people.persons + seed.people.moves) / seed.weight;
    println!(
        "a seed: {moves:.0} events, {:.0} decisions, {:.0} answered",
        wished / seed.weight,
        answered / seed.weight
    );
}

/// Target: 5 s and 300 MB on two cores.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn a_million_persons_ten_years_seven_parties(bencher: divan::Bencher<'_, '_>) {
    let (scenario, proposals) = region(1_000_000, 3_650);
    bencher.bench(|| go(&scenario, &proposals, &[1]));
}

/// Target: 10 s on two cores.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn sixty_four_seeds_of_a_hundred_thousand(bencher: divan::Bencher<'_, '_>) {
    let (scenario, proposals) = region(100_000, 365);
    let seeds = random::seeds(1, 64);
    bencher.bench(|| go(&scenario, &proposals, &seeds));
}

/// The route of 2022 as it comes along.
fn route() -> (Scenario, Vec<Proposal>) {
    let ready = library::ready("western-balkans-2022").expect("it comes along");
    let scenario = Scenario::parse(ready.text).expect("it stands");
    let all = Proposal::all(&scenario, &ready).expect("they stand");
    (scenario, all)
}

/// As `--report` makes it: twenty-one agreements against none, 1,000 persons, four seeds. Target: seconds.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn a_comparison_of_twenty_one_agreements(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| {
        // Read anew, so that nothing is ready yet.
        let (mut scenario, proposals) = route();
        scenario.run.persons = 1_000;
        let (seeds, calibration) = (scenario.seeds(), Calibration::embedded().expect("it stands"));
        let proposal = proposals.last().expect("there are four");
        assert_eq!(proposal.deals.len(), 21);
        let of = Comparison {
            scenario: &scenario,
            baseline: &proposals[0],
            proposal,
            seeds: &seeds[..4],
            calibration: &calibration,
            measure: Measure::TrueHits,
        };
        let compared = compare(&of, Budget::default(), &Silent).expect("it runs");
        println!("{} sets, {} assumptions", compared.effects.sets, compared.tornado.swings.len());
    });
}

/// Target: 5 minutes on two cores.
#[divan::bench(sample_count = 1, sample_size = 1)]
fn a_search_of_five_hundred_proposals(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| {
        let (scenario, proposals) = route();
        let calibration = Calibration::embedded().expect("it stands");
        let found = search(&scenario, &proposals, &calibration, Settings::default(), &|_| false, &Silent)
            .expect("it runs");
        println!("{} tried, {} do not stand", found.tried.len(), found.impossible);
    });
}
