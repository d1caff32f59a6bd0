//! Proposals side by side, and what their texts change.

use crate::outcome::{Measure, Scope};

use super::{
    super::{
        Report,
        page::{Row, Section, Table},
        words::Words,
    },
    CHIEF, difference, told,
};

const SHOWN: [Measure; 15] = [
    Measure::TrueHits,
    Measure::CasesReleased,
    Measure::LargestDisclosure,
    Measure::MinorsExposed,
    Measure::PersonHours,
    Measure::FalseShare,
    Measure::Found,
    Measure::Queries,
    Measure::Refused,
    Measure::DisclosureBits,
    Measure::CpuSeconds,
    Measure::Bytes,
    Measure::AnswerSeconds,
    Measure::CaseHours,
    Measure::Returns,
];

pub(super) fn section(report: &Report<'_>, words: &Words) -> Section {
    let baseline = report.baseline_title();
    let caption = words.with("compared", &[("baseline", baseline)]);
    let mut head = vec![words.get("figure"), baseline.to_owned()];
    head.extend(report.others().map(|(_, proposal)| proposal.title.clone()));
    let mut table = Table::new(caption, head);
    let mut shown: Vec<(f64, Measure)> =
        SHOWN.iter().map(|measure| (surprise(report, *measure), *measure)).collect();
    // Stable: what differs alike keeps the order above.
    shown.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, measure) in shown {
        let figure = |place| told(words, measure, &report.outcome.figure(place, measure, Scope::All));
        let mut cells = vec![(figure(report.baseline), String::new())];
        cells.extend(report.others().map(|(place, _)| {
            let by = report.difference(place, measure);
            (figure(place), difference(words, measure, &by))
        }));
        table.rows.push(Row { head: words.measure(measure), cells });
    }
    let mut texts = Table::new(
        words.get("text-changes"),
        vec![words.get("proposal"), words.with("text-changes-lead", &[("baseline", baseline)])],
    );
    for (place, changes) in report.changes.iter().enumerate().filter(|(_, changes)| !changes.is_empty()) {
        texts.row(report.title(place), vec![changes.join(" · ")]);
    }
    let mut tables = vec![table];
    if !texts.rows.is_empty() {
        tables.push(texts);
    }
    Section {
        id: "proposals",
        title: words.get("proposals"),
        lead: words.with("proposals-lead", &[("baseline", baseline)]),
        tables,
        ..Section::default()
    }
}

/// How clearly a figure differs anywhere: its difference over the width of its range.
fn surprise(report: &Report<'_>, measure: Measure) -> f64 {
    let each = report.others().map(|(place, _)| {
        let by = report.difference(place, measure);
        // What differs in nine of ten seeds comes first, and of that the chief figures.
        let clear = if by.side(0.0).is_some() { 1e6 } else { 1.0 };
        let chief = if CHIEF.contains(&measure) { 1e6 } else { 1.0 };
        let ratio = by.mean.abs() / (by.hi - by.lo).max(f64::MIN_POSITIVE);
        if by.mean == 0.0 { 0.0 } else { ratio.min(1e3) * clear * if clear > 1.0 { chief } else { 1.0 } }
    });
    each.fold(0.0, f64::max)
}

/// What the search found, and what is proved of it.
pub(super) fn counter(report: &Report<'_>, words: &Words) -> Option<Section> {
    if report.notes.is_empty() {
        return None;
    }
    let lists = report.notes.iter().map(|(name, lines)| (name.clone(), lines.clone())).collect();
    let (title, lead) = (words.get("counter"), words.get("counter-lead"));
    Some(Section { id: "counter", title, lead, lists, ..Section::default() })
}
