use proptest::prelude::*;

use super::*;
use crate::library;

fn text() -> String {
    library::ready("bilateral").unwrap().text.to_owned()
}

/// The faults of a text in which `from` was changed to `to`.
fn faults(from: &str, to: &str) -> Vec<String> {
    let text = text();
    assert!(text.contains(from), "{from}");
    let error = Scenario::parse(&text.replacen(from, to, 1)).unwrap_err();
    error.0.iter().map(ToString::to_string).collect()
}

/// Every key that a scenario may have stands in its page.
#[test]
fn every_key_is_explained() {
    fn keys(value: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
        match value {
            serde_json::Value::Object(table) => {
                found.extend(table.keys().cloned());
                table.values().for_each(|value| keys(value, found));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
            _ => {}
        }
    }
    let mut found = std::collections::BTreeSet::new();
    for ready in library::READY {
        keys(&serde_json::to_value(Scenario::parse(ready.text).unwrap()).unwrap(), &mut found);
    }
    let page = include_str!("../../../docs/scenarios.md");
    // Names of things that the scenarios have, and paths that they set.
    let named = |key: &str| {
        key.chars().any(|c| c.is_uppercase() || c == '.') || ["tenprint", "finger10", "iris"].contains(&key)
    };
    assert!(found.len() > 80, "{found:?}");
    for key in found.into_iter().filter(|key| !named(key)) {
        let proposal = page.contains(&format!("\n{key} =")) || page.contains(&format!(" {key} ="));
        assert!(page.contains(&format!("`{key}`")) || page.contains(&format!("[{key}")) || proposal, "{key}");
    }
}

#[test]
fn faults_name_line_path_and_reason() {
    let line = text().lines().position(|line| line.starts_with("sojourn_days = 12")).unwrap() + 1;
    let found = faults("sojourn_days = 12", "sojourn_days = 0");
    assert_eq!(
        found,
        [format!("line {line}: `party.MK.sojourn_days` must be from 0.01 to 36500, and 0 is not")]
    );
    for (from, to, says) in [
        ("lo = 25000, hi = 45000", "lo = 45000, hi = 25000", "ends before it begins"),
        (", src = \"UNHCR 2021, applications\"", ", src = \"\"", "`people.src`"),
        ("persons = 5000", "persons = 0", "`run.persons`"),
        ("start = \"2022-01-03\"", "start = \"2022-02-30\"", "`run.start`"),
        ("to = \"MK\"\nweight = 0.8", "to = \"XX\"\nweight = 0.8", "is XX, which is no party"),
        ("seeds = 8", "seeds = [4, 4]", "twice"),
        ("extends = \"pcc\"", "extends = \"pc\"", "no proposal above it"),
        ("exchange = \"match\"\nbiometric = \"tenprint\"", "exchange = \"match\"", "no `biometric`"),
        ("every_days = 90", "items = 3", "`practice[3].every_days`"),
        ("from_day = 180", "from_day = 500", "not before `run.days` ends"),
        ("persons = 5000", "persons = 5000\nperson = 3", "person"),
        ("days = 365", "days = -5", "integer `-5`, expected a whole number from 0 on"),
        (
            "agreement = [{ file = \"agreement.toml\" }]",
            "agreement = [{ file = \"agreement.toml\", among = [\"MK\"] }]",
            "`proposal[1].agreement[0].among` is MK alone",
        ),
    ] {
        if says == "`people.src`" {
            // A number without a source of its own has that of its table.
            assert!(Scenario::parse(&text().replacen(from, to, 1)).is_ok());
            continue;
        }
        let found = faults(from, to);
        assert!(found.iter().any(|fault| fault.contains(says)), "{says}: {found:?}");
        assert!(found.iter().all(|fault| fault.starts_with("line ")), "{found:?}");
    }
    let bare = faults("[people]\nsrc = \"assumed\"", "[people]");
    assert!(bare.iter().any(|fault| fault.contains("`people.vulnerable` has no source")), "{bare:?}");
}

/// Of an abuse those numbers count that its kind looks at, each once.
#[test]
fn numbers_of_other_abuses_are_not_counted() {
    let scenario = Scenario::parse(&text()).unwrap();
    let paths: Vec<String> = scenario.quantities().into_iter().map(|(path, _)| path).collect();
    for (place, abuse) in scenario.abuse.iter().enumerate() {
        let own = format!("abuse[{place}].");
        let of: Vec<&str> = paths.iter().filter_map(|path| path.strip_prefix(&own)).collect();
        let mut expected = abuse.kind.numbers().to_vec();
        expected.sort_unstable_by_key(|name| of.iter().position(|other| other == name));
        assert_eq!(of, expected, "{}", abuse.id);
        // What does not count changes nothing of what happens.
        let other = scenario.with(&format!("{own}bits_needed"), 3.0);
        assert_eq!(other == scenario, !of.contains(&"bits_needed"));
    }
}

#[test]
fn impossible_scenarios_say_what_contradicts_what() {
    for (from, to, says) in [
        // More leave MK than are there.
        (
            "from = \"MK\"\nto = \"RS\"\nweight = 0.78",
            "from = \"MK\"\nto = \"exit\"\nweight = 0.5\nsrc = \"x\"\n\
          [[route]]\nfrom = \"MK\"\nto = \"RS\"\nweight = 0.78",
            "add to at least 1.280",
        ),
        // Registrations where nobody is registered.
        (
            "register_p = { lo = 0.3, hi = 0.9, src = \"assumed\" }",
            "register_p = 0",
            "and `party.MK.register_p` says that nobody is registered",
        ),
        // Registrations where nobody comes.
        ("to = \"MK\"\nweight = 0.8", "to = \"RS\"\nkind = \"pushback\"\nweight = 0.8", ""),
        ("with_case = 0.7", "with_case = 0.05", "`readmission.without` at least 0.1"),
        ("minors = { value = 0.17", "minors = { value = 0.99", "add to 1.02"),
        ("id = \"pcc\"", "id = \"p,cc\"", "must be 1 to 64 small letters, digits or hyphens"),
        (
            "fields = [\"CATEGORY\", \"EVENT_DATE\"",
            "fields = [\"CATEGORY\", \"CATEGORY\"",
            "names CATEGORY twice",
        ),
        ("sojourn_days = 30", "sojourn_days = 30\nwork_from = 15\nwork_until = 9", "nobody would ever work"),
    ] {
        if says.is_empty() {
            continue;
        }
        let found = faults(from, to);
        assert!(found.iter().any(|fault| fault.contains(says)), "{says}: {found:?}");
    }
    let cut: String = text().replace("to = \"MK\"\nweight = 0.8", "to = \"RS\"\nweight = 0.8");
    let cut = cut.replacen(
        "from = \"entry\"\nto = \"RS\"\nweight = 0.2",
        "from = \"MK\"\nto = \"exit\"\nweight = 0.2",
        1,
    );
    let cut = cut.replacen(
        "from = \"RS\"\nto = \"MK\"\nweight = 0.1",
        "from = \"RS\"\nto = \"exit\"\nweight = 0.1",
        1,
    );
    let error = Scenario::parse(&cut).unwrap_err().to_string();
    assert!(error.contains("`party.MK.observed` are registrations, and no route leads there"), "{error}");
}

#[test]
fn numbers_have_paths_and_can_be_fixed() {
    let scenario = Scenario::parse(&text()).unwrap();
    let quantities = scenario.quantities();
    let of =
        |path: &str| quantities.iter().find(|(other, _)| other == path).map(|(_, quantity)| quantity.clone());
    assert_eq!(of("party.MK.register_p").unwrap().range(), (0.3, 0.9));
    assert_eq!(of("route[2].weight").unwrap().src, "assumed: prior of the fit");
    assert!(of("practice[1].share").unwrap().is_assumed());
    let fixed = scenario.with("party.MK.register_p", 0.5);
    assert_eq!(fixed.party.values().next().unwrap().register_p.law, Law::Fixed(0.5));
    assert_ne!(fixed.digest(), scenario.digest());
    assert_eq!(scenario.with("party.MK.nothing", 0.5), scenario);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(
        cuts in prop::collection::vec((0_usize..6_000, 0_usize..40, ".{0,12}"), 1..4),
    ) {
        let mut text = text();
        for (start, length, with) in cuts {
            let start = (0..=start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end = (start + length).min(text.len());
            let end = (start..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(start);
            text.replace_range(start..end, &with);
        }
        if let Err(error) = Scenario::parse(&text) {
            let lines = text.lines().count() + 1;
            prop_assert!(error.0.iter().all(|fault| (1..=lines).contains(&fault.line) && !fault.what.is_empty()));
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn no_number_makes_it_panic(place in 0_usize..60, value in prop::num::f64::ANY) {
        let scenario = Scenario::parse(&text()).unwrap();
        let (path, _) = &scenario.quantities()[place % scenario.quantities().len()];
        let changed = scenario.with(path, value);
        // What stands runs, if only for a day.
        if changed.check(&text()).is_ok() {
            let mut small = changed;
            small.run.persons = 20;
            small.practice.truncate(1);
            small.abuse.clear();
            small.run.days = 2;
            let proposals = crate::proposal::Proposal::all(&small, &library::ready("bilateral").unwrap()).unwrap();
            let calibration = crate::cost::Calibration::embedded().unwrap();
            let plan = crate::Plan::new(&small, &proposals[..1], &[1], &calibration);
            prop_assert!(crate::run(&plan, &crate::Silent).is_ok());
        }
    }
}
