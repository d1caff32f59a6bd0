//! Hits against disclosure, and differences with their intervals.

use crate::outcome::{Measure, Scope};

use super::{
    super::{
        Report,
        charts::{self, Line, Spot},
        page::{Figure, Row, Section, Table},
        words::Words,
    },
    CHIEF, difference, told,
};

pub(super) fn pareto(report: &Report<'_>, words: &Words) -> Section {
    let (across, up) = (Measure::LargestDisclosure, Measure::TrueHits);
    let [across_name, up_name] = [across, up].map(|measure| words.measure(measure));
    let mut table =
        Table::new(words.get("table"), vec![words.get("proposal"), up_name.clone(), across_name.clone()]);
    let mut spots = Vec::new();
    for place in 0..report.outcome.proposals.len() {
        let [x, y] = [across, up].map(|measure| report.outcome.figure(place, measure, Scope::All));
        let title = report.title(words, place);
        table.row(title.as_str(), vec![words.interval(&y), words.interval(&x)]);
        let ends = |of: &crate::outcome::Interval| [of.lo, of.mean, of.hi];
        spots.push(Spot { label: title, x: ends(&x), y: ends(&y) });
    }
    let tried: Vec<(f64, f64, bool)> =
        report.found.iter().map(|found| (found.disclosure, found.hits, found.front)).collect();
    for (place, found) in report.found.iter().filter(|found| found.front).enumerate() {
        let name = format!("{} {}", words.get("front"), place + 1);
        table.row(name, vec![words.number(found.hits), words.number(found.disclosure)]);
    }
    let (persons, seeds) = (words.number(report.screened.0.into()), report.screened.1.to_string());
    let candidate = words.with("candidate", &[("persons", &persons), ("seeds", &seeds)]);
    let count = (spots.len() + tried.len()).to_string();
    let about = words.with("pareto-alt", &[("count", &count)]);
    let svg = charts::scatter(
        words,
        "pareto-figure",
        &spots,
        (&tried, &candidate),
        (&across_name, &up_name, &about),
    );
    Section {
        id: "pareto",
        title: words.get("pareto"),
        lead: words.get("pareto-lead"),
        figures: vec![Figure { id: "pareto-picture".to_owned(), caption: String::new(), svg }],
        tables: vec![table],
        ..Section::default()
    }
}

pub(super) fn forest(report: &Report<'_>, words: &Words) -> Section {
    let baseline = report.baseline_title(words);
    let baseline = baseline.as_str();
    let mut head = vec![words.get("figure")];
    head.extend(report.others().map(|(place, _)| report.title(words, place)));
    let mut table = Table::new(words.get("table"), head);
    let mut figures = Vec::new();
    for measure in CHIEF {
        let lines: Vec<Line> = report
            .others()
            .map(|(place, _)| {
                let interval = report.difference(place, measure);
                let told = difference(words, measure, &interval);
                Line { label: report.title(words, place), told, interval, place }
            })
            .collect();
        let error = |line: &Line| format!("±\u{A0}{}", words.number(line.interval.error));
        let cells = lines
            .iter()
            .map(|line| (line.told.clone(), if line.interval.n < 2 { String::new() } else { error(line) }));
        table.rows.push(Row { head: words.measure(measure), cells: cells.collect() });
        let name = words.measure(measure);
        let about = words.with("forest-alt", &[("measure", &name)]);
        let id = format!("forest-{}", measure.as_str());
        let svg = charts::forest(words, &id, &lines, (0.0, false), (&name, &about));
        figures.push(Figure { id: format!("{id}-picture"), caption: name, svg });
    }
    // What the differences are differences from.
    let from = CHIEF.map(|measure| {
        let figure = report.outcome.figure(report.baseline, measure, Scope::All);
        (words.measure(measure), told(words, measure, &figure))
    });
    let mut base = Table::new(baseline.to_owned(), vec![words.get("figure"), baseline.to_owned()]);
    from.into_iter().for_each(|(name, figure)| base.row(name, vec![figure]));
    let seeds = report.outcome.seeds.len().to_string();
    Section {
        id: "forest",
        title: words.get("forest"),
        lead: words.with("forest-lead", &[("baseline", baseline), ("seeds", &seeds)]),
        figures,
        tables: vec![table, base],
        ..Section::default()
    }
}
