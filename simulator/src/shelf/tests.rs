use super::*;
use crate::{
    compare::{changes, with_changes},
    cost::Calibration,
    library,
    proposal::Proposal,
    run::{Plan, Silent, run},
    scenario::Scenario,
};

/// What is shared decides as what every proposal makes for itself: the outcome has the same bytes.
#[test]
fn a_full_shelf_decides_as_an_empty_one() {
    let ready = library::ready("western-balkans-2022").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    (scenario.run.persons, scenario.run.days) = (300, 60);
    let all = Proposal::all(&scenario, &ready).unwrap();
    let calibration = Calibration::embedded().unwrap();
    let told = |proposals: &[Proposal]| {
        let outcome = run(&Plan::new(&scenario, proposals, &[4], &calibration), &Silent).unwrap();
        serde_json::to_string(&outcome).unwrap()
    };
    let shared = told(&all);
    // Once more over what is kept, and each with a shelf of its own.
    assert_eq!(told(&all), shared);
    let alone: Vec<Proposal> =
        all.iter().map(|proposal| Proposal { shelf: Shelf::default(), ..proposal.clone() }).collect();
    assert_eq!(told(&alone), shared);
    // Pairs that have the same rules have the same tables.
    let shelf = &all[0].shelf;
    let texts: std::collections::BTreeSet<&str> =
        all.iter().flat_map(|proposal| proposal.deals.values()).map(|terms| terms.rules.as_str()).collect();
    assert_eq!(shelf.0.books.len(), texts.len());
    assert!(shelf.0.tables.len() <= texts.len() * scenario.practice.len(), "{}", shelf.0.tables.len());
}

/// A mixture of clauses is what would be read from its text.
#[test]
fn a_mixture_is_its_text() {
    let ready = library::ready("bilateral").unwrap();
    let scenario = Scenario::parse(ready.text).unwrap();
    let all = Proposal::all(&scenario, &ready).unwrap();
    let some = changes(&all[0], &all[2]);
    for keep in 0..some.len() {
        let made =
            |change: &_| some.iter().position(|other| other == change).is_some_and(|at| at % 3 != keep % 3);
        let mixed = with_changes(&all[0], &all[2], made, "mixed").unwrap();
        let text = &mixed.deals.values().next().unwrap().rules;
        let (kept, read) =
            (mixed.shelf.set(text, Kind::Shared).unwrap(), RuleSet::parse(text, Kind::Shared).unwrap());
        let clauses = |set: &RuleSet| {
            set.clauses()
                .map(|of| (of.clone(), set.clause_text(&of.id).map(str::to_owned)))
                .collect::<Vec<_>>()
        };
        assert_eq!((clauses(&kept), kept.digest()), (clauses(&read), read.digest()));
    }
}

#[test]
fn a_shelf_does_not_grow_without_end() {
    let shelf = Shelf::default();
    for number in 0..=MOST_BOOKS {
        shelf.book(&format!("// {number}"), None).unwrap();
    }
    assert!(shelf.0.books.len() > MOST_BOOKS);
    shelf.tidy();
    assert_eq!(shelf.0.books.len(), 0);
}
