//! What each party gains, by the negotiator's weights.

use super::super::{
    Report,
    charts::{self, Line},
    page::{Figure, Section, Table},
    words::Words,
};

pub(super) fn section(report: &Report<'_>, words: &Words) -> Section {
    let outcome = report.outcome;
    let mut section = Section {
        id: "gains",
        title: words.get("gains"),
        lead: words.get("gains-lead"),
        ..Section::default()
    };
    let mut head = vec![words.get("party")];
    let titles = report.titles(words);
    head.extend(titles.iter().cloned());
    head.push(words.get("walk-away"));
    let mut table = Table::new(words.get("table"), head);
    for (party, label) in outcome.parties.iter().enumerate() {
        let mut lines = Vec::new();
        for (place, title) in titles.iter().enumerate() {
            let interval = outcome.gain(place, party, &label.utility);
            let told = words.interval(&interval);
            lines.push(Line { label: title.clone(), told, interval, place });
        }
        let line = words.number(label.utility.walk_away);
        let mut cells: Vec<String> = lines.iter().map(|line| line.told.clone()).collect();
        cells.push(line.clone());
        table.row(&label.name, cells);
        let about = words.with("gains-alt", &[("party", label.name.as_str()), ("line", &line)]);
        let id = format!("gains-{party}");
        let svg = charts::forest(words, &id, &lines, (label.utility.walk_away, true), (&label.name, &about));
        section.figures.push(Figure { id: format!("{id}-picture"), caption: label.name.clone(), svg });
    }
    let head = ["proposal", "lowest-gain", "nash"].map(|key| words.get(key));
    let mut fair = Table::new(words.get("fairness"), head.to_vec());
    for (place, title) in titles.iter().enumerate() {
        let told = outcome.fairness(place).map(|of| words.interval(&of));
        fair.row(title, told.to_vec());
    }
    section.lists.push((String::new(), vec![words.get("fairness-lead")]));
    section.tables = vec![table, fair];
    section
}
