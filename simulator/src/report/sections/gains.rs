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
    head.extend(outcome.proposals.iter().map(|proposal| proposal.title.clone()));
    head.push(words.get("walk-away"));
    let mut table = Table::new(words.get("table"), head);
    // Above its line, by proposal and party.
    let mut above = vec![Vec::new(); outcome.proposals.len()];
    for (party, label) in outcome.parties.iter().enumerate() {
        let mut lines = Vec::new();
        for (place, proposal) in outcome.proposals.iter().enumerate() {
            let interval = outcome.gain(place, party, &label.utility);
            if let Some(above) = above.get_mut(place) {
                above.push(interval.mean - label.utility.walk_away);
            }
            lines.push(Line { label: proposal.title.clone(), told: words.interval(&interval), interval });
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
    for (proposal, above) in outcome.proposals.iter().zip(&above) {
        let lowest = above.iter().copied().fold(f64::INFINITY, f64::min);
        let nash = if lowest < 0.0 { 0.0 } else { above.iter().product() };
        fair.row(&proposal.title, vec![words.number(lowest), words.number(nash)]);
    }
    section.lists.push((String::new(), vec![words.get("fairness-lead")]));
    section.tables = vec![table, fair];
    section
}
