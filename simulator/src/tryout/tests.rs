use super::*;
use crate::library;

fn tryout() -> Tryout {
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = 500;
    scenario.run.days = 120;
    let proposals = Proposal::all(&scenario, &ready).unwrap();
    Tryout::new(&scenario, proposals, &Calibration::embedded().unwrap(), Language::En).unwrap()
}

#[test]
fn an_address_reproduces_its_page() {
    let tryout = tryout();
    let query =
        "base=restrained&identifiers=3&no-purpose=RETURN_ID&no-field=NAME&fmr=1e-6&w-hits=2&canary=0.05";
    let page = tryout.page(query).unwrap();
    assert_eq!(page, tryout.page(query).unwrap());
    for part in
        ["value=\"3\"", "value=\"0.000001\"", "value=\"RETURN_ID\" checked", "value=\"restrained\" selected"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains(&tryout.answer(query).unwrap()));
}

/// Settings do what they say.
#[test]
fn settings_change_the_answer() {
    let tryout = tryout();
    let plain = tryout.answer("").unwrap();
    for query in [
        "identifiers=1",
        "no-purpose=IRREG_ENTRY",
        "no-field=PLACE",
        "canary=0.3",
        "fnmr=0.9",
        "w-walk=99999",
    ] {
        assert_ne!(plain, tryout.answer(query).unwrap(), "{query}");
    }
    // A form sends what is empty too.
    assert_eq!(plain, tryout.answer("identifiers=&fmr=&base=").unwrap());
    assert!(tryout.answer("identifiers=1").unwrap().contains("queries refused"));
}

#[test]
fn what_is_no_setting_is_refused() {
    let tryout = tryout();
    let long = format!("base={}", "x".repeat(MOST));
    for query in [
        "fun=1",
        "identifiers=0",
        "identifiers=-5",
        "identifiers=NaN",
        "identifiers=inf",
        "identifiers=1e99",
        "identifiers=3&identifiers=4",
        "no-purpose=FUN",
        "no-field=%3Cscript%3E",
        "base=nobody",
        "canary=0.9",
        &long,
    ] {
        assert!(tryout.page(query).is_err(), "{query}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn no_query_panics(query in "\\PC{0,200}") {
        let _ = Settings::parse(&query);
    }
}
