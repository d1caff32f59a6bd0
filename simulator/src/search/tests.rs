use symbolon_policy::rules::{Kind, RuleSet, proof::Question};

use super::*;
use crate::{library, run::Silent};

fn setting() -> (Scenario, Vec<Proposal>, Calibration) {
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = 300;
    scenario.run.days = 90;
    let proposals = Proposal::all(&scenario, &ready).unwrap();
    (scenario, proposals, Calibration::embedded().unwrap())
}

const SMALL: Settings = Settings { candidates: 24, persons: 300, seeds: 1, population: 8, keep: 4 };

/// A front by the definition, pair by pair.
#[test]
fn nothing_is_ahead_of_the_front() {
    let draws = Draws::new(9);
    let values: Vec<Vec<f64>> =
        (0..200).map(|k| (0..3).map(|o| (draws.of(k).unit(o) * 8.0).floor()).collect()).collect();
    let found = fronts(&values);
    assert_eq!(found.iter().map(Vec::len).sum::<usize>(), values.len());
    let ahead = |a: &[f64], b: &[f64]| a != b && a.iter().zip(b).all(|(a, b)| a >= b);
    for place in 0..values.len() {
        let best = !values.iter().any(|other| ahead(other, &values[place]));
        assert_eq!(best, found[0].contains(&place), "{place}");
    }
    for (earlier, later) in found.iter().zip(found.iter().skip(1)) {
        for place in later {
            assert!(earlier.iter().any(|by| ahead(&values[*by], &values[*place])));
        }
    }
}

#[test]
fn the_search_finds_the_same_on_any_number_of_threads() {
    let (scenario, proposals, calibration) = setting();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| search(&scenario, &proposals, &calibration, SMALL, &|_| false, &Silent)).unwrap()
    };
    let found = on(1);
    assert_eq!(found, on(2));
    assert_eq!(found.tried.len() + found.impossible, 24);
    assert!(!found.counters.is_empty() && found.counters.len() <= 4);
    // The front is one among all that was tried.
    for tried in found.tried.iter().filter(|tried| tried.front) {
        for other in &found.tried {
            let ahead = other.values.iter().zip(&tried.values).all(|(a, b)| a >= b);
            assert!(!ahead || other.values == tried.values);
        }
    }
}

/// A node takes a counter-proposal: its draft as terms, its rules as shared rules.
#[test]
fn counter_proposals_are_files_that_a_node_takes() {
    let (scenario, proposals, calibration) = setting();
    let found = search(&scenario, &proposals, &calibration, SMALL, &|_| false, &Silent).unwrap();
    for counter in &found.counters {
        for (_, draft) in counter.drafts().unwrap() {
            let terms: symbolon_policy::agreement::Terms = toml::from_str(&draft).unwrap();
            terms.check().unwrap();
            let rules = RuleSet::parse(&terms.rules, Kind::Shared).unwrap();
            assert!(rules.clauses().count() > 5);
        }
    }
}

/// What crosses a red line is neither run nor handed on, nor bred from.
#[test]
fn candidates_that_cross_a_red_line_take_no_part() {
    let (scenario, proposals, calibration) = setting();
    let go = |crosses: &dyn Fn(&Proposal) -> bool| {
        search(&scenario, &proposals, &calibration, SMALL, crosses, &Silent)
    };
    let base = format!("from {};", proposals[1].id);
    let crosses = |of: &Proposal| of.about.starts_with(&base);
    assert!(go(&|_| false).unwrap().tried.iter().any(|tried| crosses(&tried.proposal)));
    let found = go(&crosses).unwrap();
    assert!(found.crossing > 0 && !found.tried.is_empty() && !found.counters.is_empty());
    // Others are tried in their place, as far as there are any.
    assert_eq!(found.tried.len() + found.impossible, 24);
    let shown = found.tried.iter().map(|tried| &tried.proposal).chain(&found.counters);
    assert!(shown.into_iter().all(|proposal| !crosses(proposal)));
    assert!(matches!(go(&|_| true), Err(SearchError::Crossing(24..))));
}

#[test]
fn knobs_turn_both_ways() {
    let (_, proposals, _) = setting();
    let pcc = &proposals[1];
    let has = |proposal: &Proposal, id: &str| proposal.clauses().iter().any(|clause| clause.id == id);
    let no = toml::Value::Boolean(false);
    let yes = toml::Value::Boolean(true);
    let with = turn(pcc, "clause:reciprocity", &yes).unwrap();
    assert!(!has(pcc, "reciprocity") && has(&with, "reciprocity"));
    assert!(!has(&turn(&with, "clause:reciprocity", &no).unwrap(), "reciprocity"));
    assert!(has(&turn(pcc, "field:BIRTH_DATE", &no).unwrap(), "field-birth-date"));
    assert!(has(&turn(pcc, "purpose:RETURN_ID", &no).unwrap(), "purpose-return-id"));
    assert_eq!(turn(pcc, "field:NAME", &yes).unwrap(), *pcc);
    assert!(turn(pcc, "field:SHOE_SIZE", &no).is_err());
    assert!(turn(pcc, "clause:reciprocity", &toml::Value::Integer(1)).is_err());
    assert!(turn(pcc, "canary_share", &toml::Value::Float(0.7)).is_err());
    let quotas = turn(pcc, "quotas.*.limit", &toml::Value::Integer(7)).unwrap();
    assert!(quotas.deals.values().all(|terms| terms.quotas.iter().all(|quota| quota.limit == 7)));
}

#[test]
fn red_lines_are_read_and_put() {
    let (_, proposals, _) = setting();
    let rules = &proposals[1].deals.values().next().unwrap().rules;
    for text in ["minors", "minors:NAME", "field:DOCUMENT", "party:XK", "purpose:TERRORISM"] {
        let line: RedLine = text.parse().unwrap();
        assert_eq!(line.to_string(), text);
        let put = line.put(rules).unwrap();
        assert_eq!(put.question == Question::NoMore, put.proposal.is_some());
    }
    for text in ["", "never", "minors:SHOE", "party:", "purpose:FUN", "x:y"] {
        assert!(text.parse::<RedLine>().is_err(), "{text}");
    }
}
