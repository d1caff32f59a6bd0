//! When somebody cheats.

use crate::{outcome::Interval, scenario::AbuseKind};

use super::super::{
    Report,
    charts::{self, Line},
    page::{Figure, Section, Table},
    words::Words,
};

/// The text that names it.
pub(super) fn key(kind: AbuseKind) -> &'static str {
    match kind {
        AbuseKind::CorruptOfficer => "a-corrupt_officer",
        AbuseKind::LyingResponder => "a-lying_responder",
        AbuseKind::TemplateProbe => "a-template_probe",
        AbuseKind::GuessIdentifiers => "a-guess_identifiers",
        AbuseKind::PartyLeaves => "a-party_leaves",
        AbuseKind::Outage => "a-outage",
    }
}

/// Days to detection; none is later than the days that were watched.
pub(super) fn days(words: &Words, days: Option<f64>, watched: f64) -> String {
    days.map_or_else(|| format!(">\u{A0}{}", words.number(watched)), |days| words.number(days))
}

pub(super) fn section(report: &Report<'_>, words: &Words) -> Section {
    let mut section = Section { id: "abuse", title: words.get("abuse"), ..Section::default() };
    let head = ["abuse", "proposal", "detected", "days", "bits", "persons", "minors", "hits-lost"];
    let mut table = Table::new(words.get("table"), head.map(|key| words.get(key)).to_vec());
    let mut lines = Vec::new();
    let each: Vec<Vec<_>> =
        (0..report.outcome.proposals.len()).map(|place| report.outcome.abuse(place)).collect();
    let kinds = each.first().map_or(0, Vec::len);
    for abuse in 0..kinds {
        for (place, (proposal, found)) in report.outcome.proposals.iter().zip(&each).enumerate() {
            let Some(of) = found.get(abuse) else { continue };
            let name = format!("{} ({})", words.get(key(of.kind)), of.id);
            let share = format!("{}/{}", of.detected.0, of.detected.1);
            let [lo, half, hi] = of.days.map(|at| days(words, at, of.watched));
            let mut cells = vec![proposal.title.clone(), share.clone()];
            cells.push(if of.detected.0 == 0 {
                words.get("not-detected")
            } else {
                format!("{half} [{lo};\u{A0}{hi}]")
            });
            cells.extend([&of.bits, &of.persons, &of.minors, &of.hits_lost].map(|of| words.interval(of)));
            table.row(name, cells);
            // Where nothing is agreed there is nothing to be told.
            if proposal.agreements.is_empty() || matches!(of.kind, AbuseKind::PartyLeaves | AbuseKind::Outage)
            {
                continue;
            }
            let told = format!(
                "{share} · {}: {} · {}: {}",
                words.get("bits"),
                words.number(of.bits.mean),
                words.get("minors"),
                words.number(of.minors.mean)
            );
            let label = format!("{} · {}", words.get(key(of.kind)), proposal.title);
            let [_, half, _] = of.days;
            let interval = Interval { mean: half.unwrap_or(0.0), ..Interval::default() };
            lines.push((Line { label, told, interval, place }, half.is_some()));
        }
    }
    if kinds == 0 {
        section.lead = words.get("abuse-none");
        return section;
    }
    section.lead = words.get("abuse-lead");
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
