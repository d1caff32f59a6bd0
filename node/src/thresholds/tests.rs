use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

use symbolon_protocol::{
    matching::{
        rates::{Search, form, proportion},
        rotation::rotations,
        rule::{Comparison, Form, Rule},
        synthetic::{FACE, IRIS, IRIS_COLUMN, Population},
        template::Template,
    },
    seed::Seed,
};

use super::*;
use crate::control::api::FailureKind;

const SEED: [u8; 32] = [7; 32];

fn question(source: Source) -> Question {
    Question {
        source,
        seed: SEED,
        pairs: 1_000_000,
        records: vec![100, 120_000],
        alternatives: 1,
        prior_permille: 10,
        false_permille: 100,
        thresholds: vec![0.25, 0.35, 0.42],
    }
}

fn made(question: &Question) -> Study {
    study(question, &mut |_, _, _| ()).unwrap()
}

fn told(question: &Question) -> String {
    let failure = study(question, &mut |_, _, _| ()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Input);
    failure.what + "; " + &failure.help.unwrap_or_default()
}

/// Records and captures of people.
fn people(modality: Modality, count: u64) -> Vec<(Template, Template)> {
    let population = Population::new(modality, Seed::new(SEED)).unwrap();
    let of =
        |person| (population.code(person).unwrap(), population.capture(person, 0, 0.0).unwrap().template);
    (0..count).map(of).collect()
}

fn hex(template: &Template) -> String {
    data_encoding::HEXLOWER.encode(&template.to_bytes().0)
}

/// A file of templates.
fn file(lines: &[(String, Option<&str>, &Template)]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (person, position, template) in lines {
        let position = position.map(|position| format!(r#""position":"{position}","#)).unwrap_or_default();
        let (length, bits) = (template.length(), hex(template));
        writeln!(text, r#"{{"person":"{person}",{position}"length":{length},"bits":"{bits}"}}"#).unwrap();
    }
    let path = dir.path().join("templates.ndjson");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn errors(rate: &Rate) -> (u64, u64) {
    let counted = rate.counted.unwrap();
    let exact = proportion(counted.cases, counted.trials, 0.95).unwrap();
    assert_eq!((counted.estimate, counted.low, counted.high), (exact.estimate, exact.low, exact.high));
    (counted.cases, counted.trials)
}

fn count(hits: impl Iterator<Item = bool>) -> (u64, u64) {
    hits.fold((0, 0), |(cases, trials), hit| (cases + u64::from(hit), trials + 1))
}

#[test]
fn counts_are_those_of_the_oracle() {
    let found = made(&question(Source::Synthetic(Preset::Face, 300)));
    let people = people(FACE, 300);
    let mut order: Vec<usize> = (0..300).collect();
    Seed::new(SEED).stream("thresholds/people").shuffle(&mut order);
    let (register, absent) = order.split_at(100);
    assert_eq!((found.rows.len(), found.stranger_pairs, found.own_pairs), (3, 44_850, 300));
    let mut matches = 0;
    for row in &found.rows {
        let rule = form(512, false, row.threshold).unwrap().rule;
        let pairs = (0..300).flat_map(|a| (0..a).map(move |b| (a, b)));
        assert_eq!(errors(&row.fmr), count(pairs.map(|(a, b)| rule.hit(&people[a].0, &people[b].0))));
        assert_eq!(errors(&row.fnmr), count(people.iter().map(|(code, capture)| !rule.hit(capture, code))));
        let hit = |probe: &Template| register.iter().any(|own| rule.hit(probe, &people[*own].0));
        let small = &row.registers[0];
        assert_eq!(errors(&small.fpir), count(absent.iter().map(|person| hit(&people[*person].0))));
        let missed = |person: &usize| !rule.hit(&people[*person].1, &people[*person].0);
        assert_eq!(errors(&small.fnir), count(register.iter().map(missed)));
        matches += errors(&row.fmr).0 + errors(&small.fpir).0;
        // Nobody can be searched for in a register that is larger than the sample.
        assert!(row.registers[1].fpir.counted.is_none() && row.registers[1].fnir.counted.is_none());
    }
    assert!(matches > 1_000, "{matches}");
    assert_eq!(
        found.rows.iter().map(|row| (row.threshold * 512.0) as u32).collect::<Vec<_>>(),
        [215, 179, 128]
    );
}

#[test]
fn an_iris_is_searched_for_at_every_rotation() {
    let asked = Question {
        records: vec![60],
        alternatives: 7,
        thresholds: vec![0.43],
        ..question(Source::Synthetic(Preset::Iris, 120))
    };
    let found = made(&asked);
    let people = people(IRIS, 120);
    let mut order: Vec<usize> = (0..120).collect();
    Seed::new(SEED).stream("thresholds/people").shuffle(&mut order);
    let (register, absent) = order.split_at(60);
    let rule = form(2_048, true, 0.43).unwrap().rule;
    let hit = |person: &usize, turns: u16| {
        let turned = rotations(&people[*person].0, IRIS_COLUMN, turns).unwrap();
        turned.iter().any(|probe| register.iter().any(|own| rule.hit(probe, &people[*own].0)))
    };
    let turned = count(absent.iter().map(|person| hit(person, 3)));
    assert_eq!(errors(&found.rows[0].registers[0].fpir), turned);
    assert!(turned.0 > count(absent.iter().map(|person| hit(person, 0))).0, "turning makes more hits");
    // Alternatives that cannot be made are not counted.
    let even = made(&Question { alternatives: 2, ..asked.clone() });
    assert!(even.rows[0].registers[0].fpir.counted.is_none());
    let face = Question { source: Source::Synthetic(Preset::Face, 120), ..asked };
    assert!(made(&face).rows[0].registers[0].fpir.counted.is_none());
}

#[test]
fn the_model_is_that_of_the_stated_numbers() {
    let asked = Question { thresholds: vec![], ..question(Source::Synthetic(Preset::Face, 300)) };
    let found = made(&asked);
    let (impostors, genuine) =
        (Impostors::new(FACE.freedom).unwrap(), Genuine::new(FACE.mean, FACE.sd).unwrap());
    assert_eq!(found.rows.len(), 12);
    for (decade, row) in (1..).zip(&found.rows) {
        // The largest threshold in whole positions that keeps the decade.
        let next = impostors.fmr(row.threshold + 1.0 / 512.0);
        assert!(row.fmr.model <= 10_f64.powi(-decade) * 1.000_001 && next > 10_f64.powi(-decade) * 0.999_999);
        assert_eq!(row.fmr.model, impostors.fmr(row.threshold));
        assert_eq!(row.fnmr.model, genuine.fnmr(row.threshold));
        for (register, groups) in row.registers.iter().zip([100, 120_000]) {
            let search = Search { impostors, genuine, groups, comparisons: 1, prior: 0.01 };
            let outlook = search.outlook(row.threshold).unwrap();
            assert_eq!(register.records, groups);
            assert_eq!((register.fpir.model, register.fnir.model), (outlook.fpir, outlook.fnmr));
            assert_eq!(register.false_hits, outlook.false_candidates);
        }
    }
    assert_eq!(found.doubts, [""; 0], "synthetic people are as the model has them");
}

#[test]
fn the_proposal_is_the_one_of_the_page() {
    let proposed = |preset, alternatives, false_permille, records| {
        let source = Source::Synthetic(preset, 100);
        let asked = Question { alternatives, false_permille, records: vec![records], ..question(source) };
        made(&asked).proposals[0].found
    };
    let iris = proposed(Preset::Iris, 7, 100, 120_000).unwrap();
    assert_eq!(iris.threshold, 635.0 / 2_048.0);
    assert_eq!(iris.form, Form { length: 2_048, masked: true, rule: Rule { s: 1, p: 6, kappa: 2_620 } });
    // With the blur of the engine that blurs, without which the share would be less.
    assert!((0.003..0.004).contains(&iris.blur), "{}", iris.blur);
    assert_eq!(iris.degrees_of_freedom, 249);
    assert!(iris.false_hits <= 0.1 && iris.false_hits > 0.09);
    assert!(proposed(Preset::Face, 1, 10, 120_000).is_none());
    // Hardly anything is false in a register of one, but a form must stand.
    let loose = proposed(Preset::Tenprint, 1, 999, 1).unwrap();
    assert!(loose.form.check().is_ok() && loose.threshold > 0.45);
    let next = form(5_120, true, loose.threshold + 1.0 / 5_120.0);
    assert!(next.is_err(), "the largest that stands is taken");
}

#[test]
fn a_file_is_compared_within_positions_and_its_model_is_measured() {
    let people = people(FACE, 400);
    let mut lines = Vec::new();
    for (number, (record, capture)) in people.iter().enumerate() {
        // Half of the people at each position: no comparison crosses.
        let position = if number % 2 == 0 { None } else { Some("FACE") };
        lines.push((format!("p{number}"), position, record));
        lines.push((format!("p{number}"), position, capture));
    }
    let (_dir, path) = file(&lines);
    let found = made(&question(Source::File(path)));
    // In each half: all pairs but those of one person.
    assert_eq!((found.stranger_pairs, found.own_pairs), (2 * (400 * 399 / 2 - 200), 400));
    // Captures are noisier than the codes of which 65 degrees of freedom are stated, so strangers' spread less.
    let half = |rest: usize| {
        let both = people.iter().enumerate().filter(move |(number, _)| number % 2 == rest);
        both.flat_map(|(number, (record, capture))| [(number, record), (number, capture)]).collect::<Vec<_>>()
    };
    let (mut squares, mut pairs) = (0.0, 0.0);
    for half in [half(0), half(1)] {
        for (at, (one, a)) in half.iter().enumerate() {
            for (_, b) in half[..at].iter().filter(|(other, _)| other != one) {
                squares += (Comparison::of(a, b).distance().unwrap() - 0.5).powi(2);
                pairs += 1.0;
            }
        }
    }
    assert!((found.freedom * squares / pairs / 0.25 - 1.0).abs() < 1e-4, "{}", found.freedom);
    assert!((found.own_mean - FACE.mean).abs() < 0.01 && (found.own_sd - FACE.sd).abs() < 0.006);
    assert!(found.synthetic.is_none() && !found.masked);
    let row = &found.rows[0];
    assert_eq!(row.fnmr.model, Genuine::new(found.own_mean, found.own_sd).unwrap().fnmr(row.threshold));
    let rule = form(512, false, row.threshold).unwrap().rule;
    let missed = count(people.iter().map(|(code, capture)| !rule.hit(capture, code)));
    assert_eq!(errors(&row.fnmr), missed);
    // A search is of one position: 100 of its 200 people are in the register.
    assert_eq!((errors(&row.registers[0].fpir).1, errors(&row.registers[0].fnir).1), (100, 100));
}

#[test]
fn a_large_sample_is_compared_in_part_and_the_seed_says_which() {
    let asked = Question { pairs: 5_000, ..question(Source::Synthetic(Preset::Face, 300)) };
    let (one, again) = (made(&asked), made(&asked));
    assert_eq!((one.stranger_pairs, one.own_pairs), (5_000, 300));
    assert_eq!(csv::csv(&one).unwrap(), csv::csv(&again).unwrap());
    let other = made(&Question { seed: [8; 32], ..asked.clone() });
    assert_ne!(errors(&one.rows[0].fmr), errors(&other.rows[0].fmr));
    // A part at random has the rate of the whole, within five standard errors.
    let whole = errors(&made(&Question { pairs: 1_000_000, ..asked }).rows[0].fmr);
    let rate = whole.0 as f64 / whole.1 as f64;
    let off = errors(&one.rows[0].fmr).0 as f64 - 5_000.0 * rate;
    assert!(off.abs() < 5.0 * (5_000.0 * rate).sqrt(), "{off}");
}

#[test]
fn what_the_model_does_not_know_is_remarked_upon() {
    let people = people(FACE, 150);
    let mut lines = Vec::new();
    for (number, (record, capture)) in people.iter().enumerate() {
        // Ten people are in the file under two names: their distances of 0 are in no model.
        let name = if number < 10 { "twice" } else { "once" };
        lines.push((format!("p{number}"), None, record));
        lines.push((format!("p{number}"), None, capture));
        if name == "twice" {
            lines.push((format!("also{number}"), None, record));
        }
    }
    let (_dir, path) = file(&lines);
    let doubts = made(&question(Source::File(path))).doubts;
    assert!(doubts.len() == 1 && doubts[0].contains("more false matches were counted"), "{doubts:?}");

    // Every fifth position is alike in everybody.
    let alike = |template: &Template| {
        let positions = template.positions().enumerate();
        let positions: Vec<_> =
            positions.map(|(at, bit)| if at % 5 == 0 { Some(true) } else { bit }).collect();
        Template::from_positions(&positions).unwrap()
    };
    let people: Vec<_> = people.iter().take(40).map(|(a, b)| (alike(a), alike(b))).collect();
    let both = |(number, (a, b))| {
        let name = format!("p{number}");
        [(name.clone(), None, a), (name, None, b)]
    };
    let lines: Vec<_> =
        people.iter().enumerate().map(|(number, (a, b))| (number, (a, b))).flat_map(both).collect();
    let (_dir, path) = file(&lines);
    let doubts = made(&question(Source::File(path))).doubts.join("\n");
    assert!(doubts.contains("0.4") && doubts.contains("not 1/2"), "{doubts}");
    assert!(doubts.contains("40 people"), "{doubts}");
}

#[test]
fn the_csv_reads_back_as_the_figures() {
    let found = made(&question(Source::Synthetic(Preset::Face, 300)));
    let text = csv::csv(&found).unwrap();
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let lines: Vec<BTreeMap<String, String>> = reader.deserialize().collect::<Result<_, _>>().unwrap();
    assert_eq!(lines.len(), found.rows.len() * 2);
    let cells = found.rows.iter().flat_map(|row| row.registers.iter().map(move |register| (row, register)));
    for (line, (row, register)) in lines.iter().zip(cells) {
        let number = |name: &str| line[name].parse::<f64>().unwrap();
        assert_eq!(
            (number("threshold"), line["records"].as_str()),
            (row.threshold, &*register.records.to_string())
        );
        assert_eq!(number("false_hits_model"), register.false_hits);
        for (name, rate) in
            [("fmr", &row.fmr), ("fnmr", &row.fnmr), ("fpir", &register.fpir), ("fnir", &register.fnir)]
        {
            assert_eq!(number(&format!("{name}_model")), rate.model);
            match rate.counted {
                None => assert_eq!(line[name], ""),
                Some(counted) => {
                    let of = |end: &str| number(&format!("{name}{end}"));
                    assert_eq!((of("_cases"), of("_trials")), (counted.cases as f64, counted.trials as f64));
                    assert_eq!(
                        (of(""), of("_low"), of("_high")),
                        (counted.estimate, counted.low, counted.high)
                    );
                }
            }
        }
    }
}

#[test]
fn the_picture_is_well_formed_and_has_every_row() {
    for preset in [Preset::Iris, Preset::IrisIdeal, Preset::Face, Preset::Finger, Preset::Tenprint] {
        let asked = Question { thresholds: vec![], ..question(Source::Synthetic(preset, 200)) };
        let found = made(&asked);
        let text = plot::svg(&found);
        let picture = roxmltree::Document::parse(&text).unwrap();
        let of =
            |name: &'static str| picture.descendants().filter(move |node| node.has_tag_name(name_in(name)));
        let class = |name: &'static str, class: &'static str| {
            of(name).filter(move |node| node.attribute("class") == Some(class)).count()
        };
        assert_eq!(class("path", "mark"), found.rows.len() * 3, "comparisons and two registers");
        let seen = |row: &&Row| errors(&row.fmr).0 > 0 && errors(&row.fnmr).0 > 0;
        assert_eq!(class("circle", "counted"), found.rows.iter().filter(seen).count());
        // For those who do not see it: a name and the figures in words.
        let root = picture.root_element();
        assert_eq!(
            (root.attribute("role"), root.attribute("aria-labelledby")),
            (Some("img"), Some("title description"))
        );
        let (title, words) = (of("title").next().unwrap(), of("desc").next().unwrap());
        assert_eq!((title.attribute("id"), words.attribute("id")), (Some("title"), Some("description")));
        assert_eq!(words.text().unwrap().matches("threshold ").count(), found.rows.len());
        // Nothing outside, nothing that runs, nothing beyond the edges.
        assert!(
            !text.contains("href")
                && !text.contains("<script")
                && !text.contains("NaN")
                && !text.contains("inf")
        );
        for line in of("polyline") {
            for place in line.attribute("points").unwrap().split(' ') {
                let (x, y) = place.split_once(',').unwrap();
                let (x, y) = (x.parse::<f64>().unwrap(), y.parse::<f64>().unwrap());
                assert!((84.0..=776.0).contains(&x) && (64.0..=464.0).contains(&y), "{place}");
            }
        }
        let legend: Vec<_> = of("text").filter_map(|node| node.text()).collect();
        assert!(legend.iter().any(|text| text.contains("a search of 120 000 records")), "{legend:?}");
    }
}

fn name_in(name: &'static str) -> (&'static str, &'static str) {
    ("http://www.w3.org/2000/svg", name)
}

#[test]
fn bad_input_is_told_with_what_and_where() {
    let people = people(FACE, 3);
    let (a, b) = &people[0];
    let (_dir, alone) = file(&[("p".into(), None, a), ("p".into(), None, b)]);
    assert!(told(&question(Source::File(alone))).contains("there are no two people"));
    let other = &people[1].0;
    let (_dir, single) =
        file(&[("p".into(), None, a), ("q".into(), None, other), ("q".into(), Some("FACE"), b)]);
    assert!(told(&question(Source::File(single))).contains("nobody has two templates"));
    let (_dir, copies) = file(&[("p".into(), None, a), ("p".into(), None, a), ("q".into(), None, other)]);
    assert!(told(&question(Source::File(copies))).contains("no model fits the distances of one person"));
    let (dir, broken) = file(&[("p".into(), None, a)]);
    std::fs::write(&broken, std::fs::read_to_string(&broken).unwrap() + "{\"person\":\"p\",\"length\":1}")
        .unwrap();
    let why = told(&question(Source::File(broken.clone())));
    assert!(why.contains("templates.ndjson: line 2: `length` must be"), "{why}");
    assert!(told(&question(Source::File(dir.path().join("none")))).contains("cannot read"));
    let high = Question { thresholds: vec![0.49], ..question(Source::Synthetic(Preset::Iris, 100)) };
    assert!(told(&high).contains("the threshold 0.49 cannot stand in an agreement: kappa"));
}
