//! When something goes wrong.

use crate::{outcome::Interval, scenario::AbuseKind};

use super::super::{
    Report,
    charts::{self, Line},
    page::{Figure, Section, Table},
    words::Words,
};

/// Days to detection; none is later than the days that were watched.
pub(super) fn days(words: &Words, days: Option<f64>, watched: f64) -> String {
    days.map_or_else(|| format!(">\u{A0}{}", words.number(watched)), |days| words.number(days))
}

pub(super) fn section(report: &Report<'_>, words: &Words) -> Section {
    let mut section = Section { id: "abuse", title: words.get("abuse"), ..Section::default() };
    let head = ["abuse", "proposal", "detected", "days", "bits", "persons", "minors", "hits-lost"];
    let mut table = Table::new(words.get("table"), head.map(|key| words.get(key)).to_vec());
    let mut lines = Vec::new();
    // Where nothing is agreed nobody can cheat, and nothing is lost by who leaves.
    let places = report.outcome.proposals.iter().enumerate();
    let (without, with): (Vec<_>, Vec<_>) = places.partition(|(_, shown)| shown.agreements.is_empty());
    let each: Vec<(usize, Vec<_>)> =
        with.iter().map(|(place, _)| (*place, report.outcome.abuse(*place))).collect();
    let kinds = each.first().map_or(0, |(_, found)| found.len());
    for abuse in 0..kinds {
        for (place, found) in &each {
            let Some(of) = found.get(abuse) else { continue };
            let title = report.title(words, *place);
            let name = format!("{} `{}`", words.abuse(of.kind), of.id);
            let share = format!("{}/{}", of.detected.0, of.detected.1);
            let [lo, half, hi] = of.days.map(|at| days(words, at, of.watched));
            let mut cells = vec![title.clone(), share.clone()];
            cells.push(if of.detected.0 == 0 {
                words.get("not-detected")
            } else {
                format!("{half} [{lo};\u{A0}{hi}]")
            });
            cells.extend([&of.bits, &of.persons, &of.minors, &of.hits_lost].map(|of| words.interval(of)));
            table.row(name, cells);
            if matches!(of.kind, AbuseKind::PartyLeaves | AbuseKind::Outage) {
                continue;
            }
            // A bar that is as long as the picture says that it is longer.
            let [_, half, _] = of.days;
            let found = match half {
                Some(_) => share,
                None => format!("{share} · {}", days(words, None, of.watched)),
            };
            let told = format!(
                "{found} · {}: {} · {}: {}",
                words.get("bits"),
                words.number(of.bits.mean),
                words.get("minors"),
                words.number(of.minors.mean)
            );
            let label = format!("{} · {title}", words.abuse(of.kind));
            let interval = Interval { mean: half.unwrap_or(0.0), ..Interval::default() };
            lines.push((Line { label, told, interval, place: *place }, half.is_some()));
        }
    }
    if kinds == 0 {
        section.lead = words.get("abuse-none");
        return section;
    }
    section.lead = words.get("abuse-lead");
    if !without.is_empty() {
        let names: Vec<String> = without.iter().map(|(place, _)| report.title(words, *place)).collect();
        let told = words.with("abuse-nothing", &[("names", &names.join(", "))]);
        section.lists.push((String::new(), vec![told]));
    }
    if !lines.is_empty() {
        let name = words.get("days");
        let about = words.with("abuse-alt", &[("count", &lines.len().to_string())]);
        let longest = f64::from(report.outcome.days) / 4.0;
        let svg = charts::bars(words, "abuse-figure", &lines, longest, (&name, &about));
        section.figures.push(Figure { id: "abuse-picture".to_owned(), caption: name, svg });
    }
    section.tables.push(table);
    section
}
