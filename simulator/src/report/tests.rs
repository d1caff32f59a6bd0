mod codes;

use std::collections::{BTreeMap, BTreeSet};

use fluent_bundle::FluentResource;
use symbolon_policy::rules::Language;

use super::*;
use crate::{
    compare::{Budget, Comparison, compare},
    cost::Calibration,
    library,
    outcome::Measure,
    proposal::Proposal,
    run::{Plan, Silent, run},
    scenario::Scenario,
    search::turn,
};

/// Keys of a file with the variables of each, read by its syntax and not by the code under test.
fn keys(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    let text = words::file(language);
    FluentResource::try_new(text.to_owned()).unwrap_or_else(|(_, errors)| panic!("{language}: {errors:?}"));
    let each = text.lines().filter(|line| !line.trim().is_empty()).map(|line| {
        let (key, pattern) = line.split_once(" = ").unwrap_or_else(|| panic!("{language}: {line}"));
        let parts = pattern.split("{ $").skip(1);
        (key.to_owned(), parts.map(|part| part.split(" }").next().unwrap().to_owned()).collect())
    });
    let keys: BTreeMap<_, _> = each.collect();
    assert_eq!(keys.len(), text.lines().filter(|line| !line.trim().is_empty()).count(), "{language}: twice");
    keys
}

#[test]
fn every_language_has_every_key_with_the_same_variables() {
    let english = keys(Language::En);
    assert!(english.len() > 100);
    for language in Language::ALL {
        assert_eq!(keys(*language), english, "{language}");
    }
}

/// What a negotiator reads of a scenario's numbers are words, not the paths of the file.
#[test]
fn every_number_of_the_ready_scenarios_has_words() {
    let mut seen = BTreeSet::new();
    for entry in library::READY {
        let scenario = Scenario::parse(entry.text).unwrap();
        for (path, _) in scenario.quantities() {
            let label = scenario.label(&path);
            for language in Language::ALL {
                let said = Words::new(*language).quantity(&path, &label);
                let table = path.split(['.', '[']).next().unwrap();
                let bare =
                    said.contains(&format!("{table}.")) || said.contains('[') || said.starts_with("n-");
                assert!(!bare, "{language}: {path}: {said}");
                seen.insert(said);
            }
        }
    }
    assert!(seen.len() > 300, "{}", seen.len());
    let words = Words::new(Language::En);
    let said = |path, label| words.quantity(path, label);
    assert_eq!(said("party.RS.officers", "party.RS.officers"), "officers who ask (RS)");
    assert_eq!(said("field_bits.NAME", "field_bits.NAME"), "bits that a field tells (name)");
    assert_eq!(said("route[1].weight", "route[1].weight (MK → RS)"), "chance of a way (MK → RS)");
    assert_eq!(said("people.count", "people.count"), "persons there are in truth");
    assert_eq!(said("party.RS.height", "party.RS.height"), "party.RS.height", "what has no words");
}

/// Numbers are put into texts as written, so that no rule of plurals is known: no counted thing stands behind one.
#[test]
fn no_text_counts_one_things() {
    for line in words::file(Language::En).lines() {
        for thing in ["seeds", "persons", "days", "sets", "changes", "assumptions", "more numbers", "marks"] {
            assert!(!line.contains(&format!("}} {thing}")), "{line}");
        }
    }
}

/// No text praises or blames.
#[test]
fn the_wording_is_neutral() {
    let text = words::file(Language::En).to_lowercase();
    for word in ["improve", "better", "worse", "best", "unfortunately", "good", "bad "] {
        assert!(!text.contains(word), "{word}");
    }
}

#[test]
fn numbers_are_written_as_the_language_does() {
    let (en, sr) = (Words::new(Language::En), Words::new(Language::SrLatn));
    let cases = [
        (0.0, "0"),
        (1_234_567.0, "1\u{202F}234\u{202F}567"),
        (-2.71234, "−2.71"),
        (0.5, "0.5"),
        (1e-9, "1.00e−9"),
    ];
    for (value, written) in cases {
        assert_eq!(en.number(value), written);
        assert_eq!(sr.number(value), written.replace('.', ","));
    }
}

fn page(language: Language) -> String {
    page_over(language, &[1, 2, 3])
}

fn page_over(language: Language, seeds: &[u64]) -> String {
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = 400;
    scenario.run.days = 150;
    scenario.title = "Two <neighbours> & \"one\" route".to_owned();
    let mut proposals = Proposal::all(&scenario, &ready).unwrap();
    proposals[1].title = "<script>alert(1)</script>".to_owned();
    // A counter-proposal, and an agreement that ends within the run.
    let quotas = turn(&proposals[2], "quotas.*.limit", &toml::Value::Integer(77)).unwrap();
    let mut counter = turn(&quotas, "purpose:REMAINS", &toml::Value::Boolean(false)).unwrap();
    counter = counter.named("counter-7", "Counter-proposal 7");
    counter.deals.values_mut().for_each(|terms| terms.valid_until = "2022-03-04T00:00:00Z".parse().unwrap());
    proposals.push(counter);
    let calibration = Calibration::embedded().unwrap();
    let plan = Plan { abuse_seeds: 1, ..Plan::new(&scenario, &proposals, seeds, &calibration) };
    let outcome = run(&plan, &Silent).unwrap();
    let of = Comparison {
        scenario: &scenario,
        baseline: &proposals[1],
        proposal: &proposals[2],
        seeds: &seeds[..seeds.len().min(2)],
        calibration: &calibration,
        measure: Measure::TrueHits,
    };
    let compared = compare(&of, Budget { exact_up_to: 4, orders: 2 }, &Silent).unwrap();
    let found = [
        Candidate { disclosure: 10.0, hits: 5.0, front: true },
        Candidate { disclosure: 20.0, hits: 5.0, front: false },
    ];
    let proofs = [
        ("minors", Finding::Proved("cvc5 1.0".to_owned())),
        ("minors:NAME", Finding::Crossed("MK-RS".to_owned())),
        ("field:PLACE", Finding::Undecided("MK-RS".to_owned())),
        ("party:XK", Finding::Nobody),
        ("purpose:RETURN_ID", Finding::WithoutSolver("it is not there".to_owned())),
    ];
    let proofs = proofs.map(|(line, finding)| (line.parse().unwrap(), finding)).to_vec();
    let counters = [Counter { id: "counter-7".to_owned(), number: 7, proofs }];
    let report = Report {
        outcome: &outcome,
        baseline: 0,
        compared: Some(&compared),
        proposals: &proposals,
        found: &found,
        screened: (222, 2),
        crossing: 7,
        counters: &counters,
    };
    report.html(language).unwrap()
}

/// One part of a page.
fn part<'a>(html: &'a str, id: &str) -> &'a str {
    html.split(&format!("<section id=\"{id}\"")).nth(1).unwrap().split("</section>").next().unwrap()
}

/// What a proposal changes is told by titles and values, with the code beside; from the proposal that has most in common
/// with it, and for a counter-proposal in its own part.
#[test]
fn changes_are_told_in_words() {
    let html = page(Language::Bs);
    let proposals = part(&html, "proposals");
    for says in [
        "+ Imena, datumi rođenja i isprave se ne odobravaju <code>no-names</code>",
        "Sati za odluku o zahtjevu: 48 → 72 <code>claims.decide_hours</code>",
        "Udio kanarinaca: 0\u{A0}% → 1\u{A0}% <code>canary_share</code>",
        "kao „&#60;script&#62;alert(1)&#60;/script&#62;“, i osim toga",
    ] {
        assert!(proposals.contains(says), "{says}: {proposals}");
    }
    assert!(!proposals.contains("10000 → 77"), "{proposals}");
    let counter = part(&html, "counter");
    for says in [
        "Protuprijedlog 7 <code>counter-7</code>",
        "Granica kvote identifikatora: 10\u{202F}000 → 77 <code>quotas.identifiers.limit</code>",
        "+ U ovu svrhu se ništa ne pita: identifikacija posmrtnih ostataka <code>purpose-remains</code>",
        "Crvena linija: O maloljetniku se nikad ne odobrava: ime – prelaze",
    ] {
        assert!(counter.contains(says), "{says}: {counter}");
    }
    for found in [
        "dokazano (<code>cvc5 1.0</code>)",
        "prelaze je pravila za MK-RS",
        "ostalo neodlučeno",
        "nije dokazano",
    ] {
        assert!(counter.contains(found), "{found}: {counter}");
    }
    assert!(html.contains(
        "„Protuprijedlog 7“: sporazum MK–RS važi od 2018-01-01 do 2022-03-04; dani u izvršavanju: 60 od 150."
    ));
}

/// Under a proposal without agreements nobody is told anything, so nothing can go wrong.
#[test]
fn what_goes_wrong_is_told_of_agreements_only() {
    let html = page(Language::En);
    let abuse = part(&html, "abuse");
    assert!(abuse.contains("none of this changes anything; left out: No agreement."), "{abuse}");
    assert!(
        !abuse.contains("<span>No agreement</span>") && abuse.contains("<span>Restrained</span>"),
        "{abuse}"
    );
}

/// What stands on the page needs no script and no file, names every part, and escapes what comes from files.
#[test]
fn the_page_stands_by_itself() {
    let html = page(Language::En);
    for part in [
        "verdict",
        "proposals",
        "flows",
        "pareto",
        "forest",
        "clauses",
        "gains",
        "tornado",
        "abuse",
        "provenance",
    ] {
        assert!(html.contains(&format!("<section id=\"{part}\"")), "{part}");
    }
    let lower = html.to_lowercase();
    for not in ["<script", "<link", "<img", "@import", "src=\"http", "href=\"http", "nan", "inf;"] {
        assert!(!lower.contains(not) || not == "nan" || not == "inf;", "{not}");
    }
    assert!(!html.contains("NaN") && !html.contains("∞"));
    // Every picture is XML with a title, a description and ids of its own.
    let mut ids = BTreeSet::new();
    let mut pictures = 0;
    for part in html.split("<svg").skip(1) {
        let svg = format!("<svg{}</svg>", part.split("</svg>").next().unwrap());
        let tree = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
        for tag in ["title", "desc"] {
            let found =
                tree.descendants().find(|node| node.has_tag_name(("http://www.w3.org/2000/svg", tag)));
            assert!(found.and_then(|node| node.text()).is_some_and(|text| !text.is_empty()), "{tag}: {svg}");
        }
        for id in tree.descendants().filter_map(|node| node.attribute("id")) {
            assert!(ids.insert(id.to_owned()), "{id} twice");
        }
        pictures += 1;
    }
    assert_eq!(pictures, 12);
    assert!(!html.contains("flows-1-t") && !html.contains("matrix-1-t"), "two parties have no ribbons");
    let flows = part(&html, "flows");
    assert_eq!(flows.matches("North Macedonia → Serbia · ").count(), 3, "each proposal with an agreement");
    assert_eq!(flows.matches("Serbia → North Macedonia · ").count(), 3);
    assert!(html.matches("<table ").count() >= 10);
    // Assumed numbers without a range are varied too, and marked.
    let tornado = part(&html, "tornado");
    assert!(tornado.contains("<span>± "), "{tornado}");
    // What is another run says so: the changes, the assumptions, and what the search tried.
    assert_eq!(html.matches("a run of its own (persons: 400, seeds: 2)").count(), 2);
    assert!(html.contains("a run of its own (persons: 222, seeds: 2)"));
    // A number among many says of which it is.
    for (number, path) in [
        ("chance of a way (RS → MK, sent back without a procedure)", "route[3].weight"),
        (
            "share of events that is asked about (registration, exact query, irregular entry)",
            "practice[0].share",
        ),
    ] {
        assert!(
            html.contains(&format!(">{number}</th>"))
                && html.contains(&format!("><code>{path}</code></span>")),
            "{number}"
        );
    }
}

#[test]
fn there_is_a_ribbon_between_each_two_of_several_parties() {
    let codes = ["AL", "MK", "RS"].map(str::to_owned);
    let flows = vec![vec![0.0, 5.0, 0.0], vec![7.0, 0.0, 2.0], vec![0.0, 0.0, 0.0]];
    let svg = charts::chord("c", &codes, &flows, ("a title", "a description"));
    let tree = roxmltree::Document::parse(&svg).unwrap();
    let paths = tree.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "path")));
    // AL and MK, MK and RS; and an arc for each.
    assert!(
        paths.filter(|path| path.attribute("fill").is_some_and(|fill| fill.starts_with("url"))).count() == 5,
        "{svg}"
    );
}

/// One seed tells nothing, and no sentence says that it does.
#[test]
fn one_seed_is_no_certainty() {
    let html = page_over(Language::En, &[1]);
    let verdict = part(&html, "verdict");
    assert!(verdict.contains("cannot be told from one seed"), "{verdict}");
    assert!(verdict.contains("lies below the walk-away line cannot be told"));
    for word in [" raises ", " lowers ", " leaves "] {
        assert!(!verdict.contains(word), "{word}: {verdict}");
    }
}

/// On a telephone a table of many columns is a list: each value stands beside the name of its column.
#[test]
fn every_value_names_its_column() {
    let html = page(Language::En);
    let mut wide = 0;
    for table in html.split("<table ").skip(1).map(|table| table.split("</table>").next().unwrap()) {
        let after = |text: &'static str, end: &'static str| {
            move |part: &str| -> Vec<String> {
                part.split(text).skip(1).map(|of| of.split(end).next().unwrap().to_owned()).collect()
            }
        };
        let heads = after("role=\"columnheader\">", "</th>")(table);
        assert_eq!(heads.len() > 2, table.contains("class=\"wide"), "{heads:?}");
        wide += usize::from(heads.len() > 2);
        for row in table.split("<th scope=\"row\"").skip(1) {
            let names = after("data-head=\"", "\"")(row);
            assert_eq!(names, heads[..names.len()]);
            assert_eq!(names.len(), 1 + row.matches("<td ").count());
        }
    }
    assert!(wide >= 4, "{wide}");
}

#[test]
fn every_language_makes_a_page_without_gaps() {
    let english = keys(Language::En);
    for language in [Language::Sq, Language::SrCyrl] {
        let html = page(language);
        for key in english.keys().filter(|key| key.contains('-') || key.contains('_')) {
            assert!(!html.contains(&format!(">{key}<")), "{language}: {key}");
        }
        assert!(!html.contains("{ $") && !html.contains("{$"), "{language}");
    }
}
