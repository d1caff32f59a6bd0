use symbolon_protocol::matching::{
    rates::{form, proportion},
    rule::Form,
    synthetic::{FACE, Population},
};

use super::*;
use crate::{cost::Calibration, library, run::false_alarms, scenario::Scenario};

/// For a few hundred people the exchanges and the model give the same answers, one by one, and bytes agree within
/// two per cent.
#[test]
fn the_exchanges_say_what_the_model_says() {
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = 300;
    let scenario = scenario.with("people.documents", 0.8).with("people.same_identity", 0.7);
    let proposals = Proposal::all(&scenario, &ready).unwrap();
    let calibration = Calibration::embedded().unwrap();
    let plan = Plan::new(&scenario, &proposals, &[5], &calibration);
    let checked = compare(&plan, &proposals[2], 5).unwrap();
    assert_eq!(checked.len(), 2);
    for one in checked {
        assert_eq!((one.differ, one.model_hits), (0, one.real_hits), "{one:?}");
        assert!(one.real_hits > 10 && one.real_hits < one.asked, "{one:?}");
        assert!((one.model_bytes / one.real_bytes - 1.0).abs() < 0.02, "{one:?}");
    }
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
