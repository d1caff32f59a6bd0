use super::*;
use crate::{library, run::Silent};

fn tryout() -> Tryout {
    in_language(Language::En)
}

fn in_language(language: Language) -> Tryout {
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = 500;
    scenario.run.days = 120;
    let proposals = Proposal::all(&scenario, &ready).unwrap();
    Tryout::new(&scenario, proposals, &Calibration::embedded().unwrap(), language).unwrap()
}

#[test]
fn an_address_reproduces_its_page() {
    let tryout = tryout();
    let query =
        "base=restrained&identifiers=3&no-purpose=RETURN_ID&no-field=NAME&fmr=1e-6&w-hits=2&canary=0.05";
    let page = tryout.page(query, &Silent).unwrap();
    assert_eq!(page, tryout.page(query, &Silent).unwrap());
    for part in [
        "value=\"3\"",
        "value=\"0.000001\"",
        "value=\"RETURN_ID\" checked>− identity of a person to be returned",
        "value=\"restrained\" selected",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains(&tryout.answer(query, &Silent).unwrap()));
}

/// Settings do what they say.
#[test]
fn settings_change_the_answer() {
    let tryout = tryout();
    let plain = tryout.answer("", &Silent).unwrap();
    for query in [
        "identifiers=1",
        "no-purpose=IRREG_ENTRY",
        "no-field=PLACE",
        "canary=0.3",
        "fnmr=0.9",
        "w-walk=99999",
        "w-cpu=-99999",
        "w-released=77",
        "buckets=1",
    ] {
        assert_ne!(plain, tryout.answer(query, &Silent).unwrap(), "{query}");
    }
    // A form sends what is empty too.
    assert_eq!(plain, tryout.answer("identifiers=&fmr=&base=", &Silent).unwrap());
    assert!(tryout.answer("identifiers=1", &Silent).unwrap().contains("queries refused"));
    // Nothing may be asked at all.
    assert!(tryout.answer("identifiers=0&probes=0", &Silent).is_ok());
    let coarse = tryout.answer("buckets=1", &Silent).unwrap();
    assert!(coarse.contains("Steps in which sizes are told, to each doubling: 8 → 1"), "{coarse}");
}

#[test]
fn what_is_no_setting_is_refused() {
    let tryout = tryout();
    let long = format!("base={}", "x".repeat(MOST));
    for query in [
        "fun=1",
        "identifiers=-5",
        "buckets=0",
        "buckets=12",
        "buckets=128",
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
        assert!(tryout.page(query, &Silent).is_err(), "{query}");
    }
}

/// Sliders go as far as an agreement may, and no further.
#[test]
fn limits_are_those_of_terms() {
    let tryout = tryout();
    for (name, path) in
        [("batch", "exact.largest_batch"), ("epoch", "exact.epoch_hours"), ("hours", "claims.decide_hours")]
    {
        let page = tryout.page("", &Silent).unwrap();
        let control = page.split(&format!("name=\"{name}\"")).nth(1).unwrap();
        let most = control.split("max=\"").nth(1).unwrap().split('"').next().unwrap();
        let most: i64 = most.parse().unwrap();
        let term = |value| tryout.proposals[0].set(path, &toml::Value::Integer(value));
        assert!(term(most).is_ok() && term(most + 1).is_err(), "{name}: {most}");
        assert!(tryout.answer(&format!("{name}={most}"), &Silent).is_ok(), "{name}");
        assert!(tryout.answer(&format!("{name}={}", most + 1), &Silent).is_err(), "{name}");
    }
    assert!(tryout.answer("smallest=100", &Silent).is_ok() && tryout.answer("smallest=99", &Silent).is_err());
    assert!(tryout.answer("canary=0.5", &Silent).is_ok() && tryout.answer("canary=0.51", &Silent).is_err());
}

/// A bookmark that does not stand leads to a page that says why, and back.
#[test]
fn what_was_wrong_is_told_in_the_language() {
    let tryout = in_language(Language::SrLatn);
    for (query, says) in [
        ("epoch=8760", "„Sati važenja snimka“ prima broj od 1 do 744."),
        ("fun=%3Cb%3E", "<code>fun</code> nije podešavanje"),
        ("<b>=1", "<code>&lt;b&gt;</code> nije podešavanje"),
        ("base=nobody", "„Polazi od“ prima jedno od ovoga: <code>pcc</code>, <code>restrained</code>."),
        ("no-field=SHOE", "ime <code>NAME</code>"),
        ("smallest=1000000", "uslovi ili pravila ne važe: <code>"),
        (&"x".repeat(MOST + 1), "Adresa je duža od 4096 bajtova."),
    ] {
        let error = tryout.page(query, &Silent).unwrap_err();
        let page = tryout.wrong(&error);
        assert!(page.contains(says), "{query}: {page}");
        assert!(
            page.contains("lang=\"sr-Latn\"") && page.contains("<a href=\"/\">") && page.contains("</html>")
        );
        assert!(page.contains(&tryout.wrong_part(&error)) && !page.contains("<b>"), "{page}");
    }
}

/// A run that is to end gives no answer.
#[test]
fn a_run_can_be_ended() {
    struct Over;
    impl Watch for Over {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let error = tryout().answer("", &Over).unwrap_err();
    assert!(matches!(error, TryoutError::Run(RunError::Cancelled)), "{error}");
}

/// Settings are shown in the language; codes stand in the address alone.
#[test]
fn settings_are_in_words() {
    let page = in_language(Language::Mk).page("no-purpose=RETURN_ID", &Silent).unwrap();
    assert!(page.contains("value=\"RETURN_ID\" checked>− идентитет на лице што се враќа<"), "{page}");
    assert!(page.contains("value=\"EVENT_DATE\">− датум на настанот<"), "{page}");
    assert!(page.contains("(испробано)") && !page.contains("(tried)"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]
    #[test]
    fn no_query_panics(query in "\\PC{0,200}") {
        let _ = Settings::parse(&query);
    }
}
