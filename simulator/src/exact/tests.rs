use symbolon_protocol::matching::{
    rates::{form, proportion},
    rule::Form,
    synthetic::{FACE, Population},
};

use super::*;
use crate::{
    cost::Calibration,
    library,
    run::{Silent, false_alarms},
    scenario::Scenario,
};

/// The neighbours with an agreement that matches by one engine over one form.
fn neighbours(persons: u32, engine: &str) -> (Scenario, Vec<Proposal>) {
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = persons;
    let mut scenario = scenario.with("people.documents", 0.8).with("people.same_identity", 0.7);
    scenario = scenario.with("biometric.tenprint.fnmr", 0.1);
    let mut proposals = Proposal::all(&scenario, &ready).unwrap();
    for terms in proposals.iter_mut().flat_map(|proposal| proposal.deals.values_mut()) {
        terms.matching.as_mut().unwrap().engines = vec![engine.parse().unwrap()];
    }
    (scenario, proposals)
}

/// For a few hundred people the exchanges and the model give the same answers, one by one, and bytes agree within
/// two per cent: by identifier, also as a count, and by template through the interactive engine.
#[test]
fn the_exchanges_say_what_the_model_says() {
    let (scenario, proposals) = neighbours(300, "ot-garbled/1");
    let calibration = Calibration::embedded().unwrap();
    let plan = Plan::new(&scenario, &proposals, &[5], &calibration);
    let checked = compare(&plan, &proposals[2], 5, 1.5, &Silent).unwrap();
    let kinds: Vec<(&str, &str)> =
        checked.iter().map(|one| (one.exchange.as_str(), one.asker.as_str())).collect();
    let engine = "match by ot-garbled/1, tenprint (candidates)";
    // MK has documents of fewer than a count may ask about.
    let all = [("exact", "MK"), ("exact", "RS"), (engine, "MK"), (engine, "RS"), ("count", "RS")];
    assert_eq!(kinds, all);
    for one in checked {
        assert_eq!(one.differ, 0, "{one:?}");
        // A count has noise.
        assert!(one.model_hits == one.real_hits || one.exchange == "count", "{one:?}");
        let enough = if one.exchange.starts_with("match") { 3 } else { 10 };
        assert!(one.real_hits > enough && one.real_hits + enough < one.asked, "{one:?}");
        assert!((one.model_bytes / one.real_bytes - 1.0).abs() < 0.02, "{one:?}");
    }
}

/// The same through the one-round engine: keys and one query of the smallest padded slice, which takes minutes.
#[test]
#[ignore = "minutes"]
fn the_one_round_engine_says_what_the_model_says() {
    let (scenario, proposals) = neighbours(40, "tfhe-one-round/1");
    let calibration = Calibration::embedded().unwrap();
    let plan = Plan::new(&scenario, &proposals, &[5], &calibration);
    let checked = compare(&plan, &proposals[2], 5, 0.0, &Silent).unwrap();
    let matched: Vec<_> = checked.iter().filter(|one| one.exchange.contains("tfhe")).collect();
    assert_eq!(matched.len(), 2);
    for one in matched {
        assert_eq!((one.asked, one.differ, one.real_hits), (1, 0, 1), "{one:?}");
        assert!((one.model_bytes / one.real_bytes - 1.0).abs() < 0.02, "{one:?}");
    }
}

/// Where the rules let no record take part, neither finds anybody.
#[test]
fn records_that_are_kept_out_are_found_by_neither() {
    let (scenario, proposals) = neighbours(100, "ot-garbled/1");
    let calibration = Calibration::embedded().unwrap();
    let plan = Plan::new(&scenario, &proposals, &[5], &calibration);
    let shut = proposals[1].without_clause("search-migration").unwrap();
    let none = compare(&plan, &shut, 5, 0.2, &Silent).unwrap();
    assert!(none.iter().all(|one| one.asked > 0) && !none.is_empty());
    assert!(none.iter().all(|one| (one.model_hits, one.real_hits, one.differ) == (0, 0, 0)), "{none:?}");
}

/// With a false match rate raised so that false alarms occur, the model's rate lies within the exact interval of
/// what the plain rule, to which every engine is held, does with synthetic templates. The rate of one comparison is
/// counted among other pairs than those of the searches.
#[test]
fn false_alarms_are_those_of_real_comparisons() {
    let Form { rule, .. } = form(FACE.length as u32, false, 0.32).unwrap();
    let people = Population::new(FACE, Seed::new([6; 32])).unwrap();
    let code = |person: u64| people.code(person).unwrap();
    let (records, probes) = (300_u64, 400_u64);
    let register: Vec<_> = (0..records).map(code).collect();
    let mut matched = 0_u32;
    let mut pairs = 0_u32;
    for (place, one) in register.iter().enumerate() {
        for other in &register[..place] {
            pairs += 1;
            matched += u32::from(rule.hit(one, other));
        }
    }
    let alarmed = (0..probes).filter(|probe| {
        let probe = code(records + probe);
        register.iter().any(|record| rule.hit(&probe, record))
    });
    let alarmed = alarmed.count() as u64;
    let seen = proportion(alarmed, probes, 0.999).unwrap();
    let model = false_alarms(f64::from(matched) / f64::from(pairs), records as f64, 0.0);
    assert!(model > 0.05 && model < 0.95, "{model}");
    assert!((seen.low..=seen.high).contains(&model), "{model} {alarmed} of {probes}");
}
