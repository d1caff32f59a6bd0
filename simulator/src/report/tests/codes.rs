//! Codes of files and rules have words in every language, and pages show the words.

use std::{fs, path::Path};

use symbolon_policy::{
    rules::{ExchangeKind, Kind, RuleSet, library},
    words::{Field, Purpose},
};
use toml::{Table as Tree, Value};

use super::*;
use crate::{
    scenario::{AbuseKind, EventKind, RouteKind},
    search::turn,
};

/// Every list of codes, with the letter of its texts.
fn lists() -> Vec<(&'static str, Vec<&'static str>)> {
    vec![
        ("p", Purpose::ALL.iter().map(|of| of.as_str()).collect()),
        ("f", Field::ALL.iter().map(|of| of.as_str()).collect()),
        ("x", ExchangeKind::ALL.iter().map(|of| of.as_str()).collect()),
        ("m", Measure::ALL.iter().map(|of| of.as_str()).collect()),
        ("e", EventKind::ALL.iter().map(|of| of.as_str()).collect()),
        ("r", RouteKind::ALL.iter().map(|of| of.as_str()).chain(["entry", "exit"]).collect()),
        ("a", AbuseKind::ALL.iter().map(|of| of.as_str()).collect()),
    ]
}

#[test]
fn every_code_has_words_in_every_language_and_nothing_else_has() {
    for (letter, codes) in lists() {
        for language in Language::ALL {
            let own = keys(*language).into_keys().filter(|key| key.starts_with(&format!("{letter}-")));
            let own: BTreeSet<String> = own.collect();
            let wanted: BTreeSet<String> = codes.iter().map(|code| format!("{letter}-{code}")).collect();
            assert_eq!(own, wanted, "{language}");
            let words = Words::new(*language);
            for code in &codes {
                let said = words.get(&format!("{letter}-{code}"));
                assert!(!said.contains('_') && said != code.to_uppercase(), "{language}: {said}");
            }
        }
    }
    // What the compiler knows of the lists in the file and here.
    let words = Words::new(Language::En);
    assert_eq!(words.purpose(Purpose::Remains), "identification of human remains");
    assert_eq!(words.field(Field::EventDate), "date of the event");
    assert_eq!(words.exchange(ExchangeKind::Match), "match of templates");
    assert_eq!(words.event(EventKind::Asylum), "application for asylum");
    assert_eq!(words.route(RouteKind::Pushback), "sent back without a procedure");
    assert_eq!(words.abuse(AbuseKind::Outage), "an outage");
    // The kinds are written in scenarios as they are read here.
    for kind in AbuseKind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
    }
    for kind in EventKind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.as_str()));
    }
}

#[test]
fn every_clause_that_is_ready_has_a_title_in_every_language() {
    let mut sets: Vec<RuleSet> = library().unwrap().to_vec();
    for ready in library::READY {
        let scenario = Scenario::parse(ready.text).unwrap();
        for proposal in Proposal::all(&scenario, ready).unwrap() {
            let shared = proposal.deals.values().map(|terms| (&terms.rules, Kind::Shared));
            let national = proposal.national.values().map(|rules| (rules, Kind::National));
            let mut read = BTreeSet::new();
            let texts = shared.chain(national).filter(|(text, _)| read.insert((*text).clone()));
            sets.extend(texts.map(|(text, kind)| RuleSet::parse(text, kind).unwrap()));
        }
    }
    for set in sets {
        for language in Language::ALL {
            assert!(set.speaks(*language), "{language}: {}", set.text());
        }
    }
}

/// Clauses that a search makes stand in the drafts of a counter-proposal, so they have every title too.
#[test]
fn clauses_of_a_search_have_titles_in_every_language() {
    let ready = library::ready("bilateral").unwrap();
    let proposals = Proposal::all(&Scenario::parse(ready.text).unwrap(), &ready).unwrap();
    let no = Value::Boolean(false);
    let purposes = Purpose::ALL.iter().map(|purpose| format!("purpose:{purpose}"));
    let fields = Field::ALL.iter().map(|field| format!("field:{field}"));
    for path in purposes.chain(fields) {
        let turned = turn(&proposals[1], &path, &no).unwrap();
        let id = path.to_lowercase().replace([':', '_'], "-");
        let titles: BTreeSet<String> =
            Language::ALL.iter().map(|language| turned.clause_title(&id, *language).unwrap()).collect();
        assert!(titles.len() >= 5, "{titles:?}");
    }
}

/// Paths of all leaves.
fn leaves(path: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Table(table) => {
            found.insert(path.to_owned());
            table.iter().for_each(|(key, value)| leaves(&format!("{path}.{key}"), value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(path, item, found)),
        _ => _ = found.insert(path.to_owned()),
    }
}

#[test]
fn every_term_of_an_agreement_has_words() {
    let ready = library::ready("bilateral").unwrap();
    let proposals = Proposal::all(&Scenario::parse(ready.text).unwrap(), &ready).unwrap();
    let terms = Tree::try_from(proposals[1].deals.values().next().unwrap()).unwrap();
    let mut paths =
        BTreeSet::from(["amends".to_owned(), "proofs".to_owned(), "matching.against_asker".to_owned()]);
    let apart = ["version", "title", "parties", "rules"];
    for (name, value) in terms.iter().filter(|(name, _)| !apart.contains(&name.as_str())) {
        leaves(name, value, &mut paths);
    }
    assert!(paths.len() > 30, "{paths:?}");
    for language in Language::ALL {
        let words = Words::new(*language);
        for path in &paths {
            assert_ne!(words.term(path), *path, "{language}");
        }
        assert_eq!(words.term("quotas.*.limit"), words.get("t-quotas-limit"));
        assert_eq!(words.term("matching.forms.0.kappa"), words.get("t-matching-forms"));
    }
}

/// What a reader sees or hears: without styles and code, with the attributes that are read out or shown.
fn read_out(html: &str) -> String {
    let cut = |text: &str, tag: &str| {
        let mut out = String::new();
        for (place, part) in text.split(&format!("<{tag}>")).enumerate() {
            let end = format!("</{tag}>");
            out += if place == 0 { part } else { part.split_once(&end).unwrap().1 };
        }
        out
    };
    let html = cut(&cut(html, "style"), "code");
    let mut out = String::new();
    for part in html.split('<') {
        let (tag, text) = part.split_once('>').unwrap_or(("", part));
        for name in ["aria-label=\"", "data-head=\"", "placeholder=\""] {
            out += tag.split_once(name).map_or("", |(_, rest)| rest.split('"').next().unwrap());
            out.push('\n');
        }
        out += text;
        out.push('\n');
    }
    out
}

fn words_of(text: &str, more: &[char]) -> BTreeSet<String> {
    let within = |c: char| c.is_alphanumeric() || more.contains(&c);
    text.split(|c| !within(c)).map(str::to_owned).collect()
}

#[test]
fn no_page_in_another_language_shows_a_raw_code() {
    let ready = library::ready("bilateral").unwrap();
    let proposals = Proposal::all(&Scenario::parse(ready.text).unwrap(), &ready).unwrap();
    let mut codes: BTreeSet<String> =
        lists().into_iter().flat_map(|(_, codes)| codes).map(str::to_owned).collect();
    codes.extend(proposals.iter().flat_map(|of| of.clauses()).map(|clause| clause.id));
    codes.extend(
        ["officer", "silence", "canary_share", "minors:NAME", "counter-1", "assumed", "pcc"]
            .map(str::to_owned),
    );
    for language in Language::ALL.iter().copied().filter(|language| *language != Language::En) {
        let shown = read_out(&page(language));
        for word in words_of(&shown, &['_', '-', ':']) {
            assert!(!codes.contains(&word), "{language}: {word}");
            assert!(!word.contains('_'), "{language}: {word}");
        }
        for path in ["route[", "party.", "people.", "biometric.", "practice[", "quotas.", "claims."] {
            assert!(!shown.contains(path), "{language}: {path}");
        }
    }
    // The test sees what it looks for.
    assert!(words_of(&read_out("<b>x NAME</b><code>PLACE</code> y"), &[]).contains("NAME"));
    assert!(!read_out("<b>x</b><code>PLACE</code> y").contains("PLACE"));
}

/// In Cyrillic every word in Latin letters is of whoever wrote the scenario.
#[test]
fn a_page_in_cyrillic_has_no_words_in_latin_letters() {
    let text = library::ready("bilateral").unwrap().text;
    let own = text.split(['\n', '{']).flat_map(|line| {
        let written = ["src = ", "title = ", "about = ", "name = "];
        let after = written.iter().filter_map(|name| line.split_once(name)).map(|(_, rest)| rest);
        after.collect::<Vec<_>>()
    });
    let mut own = words_of(&own.collect::<String>(), &[]);
    own.extend(words_of(&Calibration::embedded().unwrap().machine, &[]));
    own.extend(words_of("Two neighbours one route script alert MK RS XK tenprint", &[]));
    own.extend(words_of(&Scenario::parse(text).unwrap().about, &[]));
    own.remove("assumed");
    own.remove("measured");
    for language in [Language::SrCyrl, Language::Mk] {
        // Marks that are written as words in HTML.
        let marks = ["&amp;", "&lt;", "&gt;", "&quot;"];
        let text = marks.iter().fold(read_out(&page(language)), |text, mark| text.replace(mark, " "));
        for word in words_of(&text, &[]) {
            let latin = word.chars().filter(|c| c.is_ascii_alphabetic()).count();
            assert!(latin < 2 || own.contains(&word), "{language}: {word}");
        }
    }
}

#[test]
fn what_stands_between_backticks_is_code() {
    for (text, html) in [
        ("a `b_c` d", "a <code>b_c</code> d"),
        ("`a` `<b>`", "<code>a</code> <code>&lt;b&gt;</code>"),
        ("one ` alone", "one ` alone"),
        ("`a` and ` & alone", "<code>a</code> and ` &amp; alone"),
        ("", ""),
    ] {
        assert_eq!(marked(text), html);
    }
}

/// Serbian is written once, in Cyrillic.
#[test]
fn serbian_in_latin_letters_is_the_cyrillic_text() {
    let from: Vec<char> = "абвгдђежзијклљмнњопрстћуфхцчџш".chars().collect();
    let to = "a b v g d đ e ž z i j k l lj m n nj o p r s t ć u f h c č dž š";
    let to: Vec<&str> = to.split(' ').collect();
    let latin = |letter: char| -> String {
        let lower = letter.to_lowercase().next().unwrap();
        let Some(place) = from.iter().position(|of| *of == lower) else { return letter.to_string() };
        if letter == lower {
            return to[place].to_owned();
        }
        let mut letters = to[place].chars();
        letters.next().unwrap().to_uppercase().chain(letters).collect()
    };
    let (cyrillic, in_latin) = (words::file(Language::SrCyrl), words::file(Language::SrLatn));
    for (cyrillic, in_latin) in cyrillic.lines().zip(in_latin.lines()) {
        assert_eq!(cyrillic.chars().map(latin).collect::<String>(), in_latin);
    }
}

/// Texts that nothing shows are none.
#[test]
fn every_text_is_used() {
    fn gather(dir: &Path, all: &mut String) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                gather(&path, all);
            } else if path.extension().is_some_and(|of| of == "rs") && !path.ends_with("tests.rs") {
                *all += &fs::read_to_string(&path).unwrap();
            }
        }
    }
    let mut source = String::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut source);
    let mut numbers = BTreeSet::new();
    for ready in library::READY {
        let scenario = Scenario::parse(ready.text).unwrap();
        // A total has its place among those of its party behind it.
        let totals = scenario.published().into_iter().map(|(path, _)| path);
        let totals = totals.map(|path| path.split('[').next().unwrap().to_owned());
        for path in scenario.quantities().into_iter().map(|(path, _)| path).chain(totals) {
            let steps: Vec<&str> = path.split(['.', '[']).collect();
            numbers.insert(format!("n-{}-{}", steps[0], steps[steps.len() - 1]));
            numbers.insert(format!("n-{}", steps[0]));
        }
    }
    for key in keys(Language::En).keys() {
        // Lists of codes are compared above; terms are looked up by their paths.
        let listed =
            ["p-", "f-", "x-", "m-", "e-", "r-", "a-", "t-"].iter().any(|list| key.starts_with(list));
        let used = listed || numbers.contains(key) || source.contains(&format!("\"{key}\""));
        assert!(used, "{key}");
    }
}
