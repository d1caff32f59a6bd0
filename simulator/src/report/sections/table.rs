//! Proposals side by side, and what their texts change.

use crate::outcome::{Measure, Scope};

use super::{
    super::{
        Report,
        changes::Told,
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
    let baseline = report.baseline_title(words);
    let baseline = baseline.as_str();
    let caption = words.with("compared", &[("baseline", baseline)]);
    let mut head = vec![words.get("figure"), baseline.to_owned()];
    head.extend(report.others().map(|(place, _)| report.title(words, place)));
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
    let mut tables = vec![table];
    // What counter-proposals change stands with them.
    let own = report.others().filter(|(_, shown)| report.counter(&shown.id).is_none());
    for (place, differs) in own.filter_map(|(place, _)| Some((place, report.differs(words, place)?))) {
        let from = report.title(words, differs.from);
        let key = if differs.from == report.baseline { "c-against" } else { "c-as" };
        let head = format!("{}: {}", words.get("change"), words.with(key, &[("proposal", &from)]));
        let caption = words.with("text-changes-lead", &[("proposal", &report.title(words, place))]);
        let mut texts = Table::new(caption, vec![head]);
        differs.told.iter().for_each(|told| texts.row(told.cell(), Vec::new()));
        tables.push(texts);
    }
    Section {
        id: "proposals",
        title: words.get("proposals"),
        lead: words.with("proposals-lead", &[("baseline", baseline)]),
        lists: about(report, words),
        tables,
        ..Section::default()
    }
}

/// Pairs are told by their codes up to so many.
const MOST_PAIRS: usize = 30;

/// What each proposal is, and which pairs of parties have an agreement.
fn about(report: &Report<'_>, words: &Words) -> Vec<(String, Vec<String>)> {
    let codes = report.codes();
    let code = |party: usize| codes.get(party).map_or("", String::as_str);
    let all = (codes.len() * codes.len().saturating_sub(1) / 2).to_string();
    let each = report.outcome.proposals.iter().enumerate().map(|(place, shown)| {
        let pairs: Vec<_> =
            shown.agreements.iter().map(|[a, b]| format!("{}–{}", code(*a), code(*b))).collect();
        let mut told =
            words.with("agreements-of", &[("count", &pairs.len().to_string()), ("all", all.as_str())]);
        if (1..=MOST_PAIRS).contains(&pairs.len()) {
            told += &format!(" ({})", pairs.join(", "));
        }
        let about = Some(shown.about.clone()).filter(|about| !about.is_empty());
        (report.title(words, place), about.into_iter().chain([told]).collect())
    });
    each.collect()
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
    let shown = report.outcome.proposals.iter().enumerate();
    let lists = shown.filter_map(|(place, shown)| {
        let counter = report.counter(&shown.id)?;
        let mut lines = Vec::new();
        if let Some(differs) = report.differs(words, place) {
            let from = report.title(words, differs.from);
            let key = if differs.from == report.baseline { "c-against" } else { "c-as" };
            lines.push(format!("{}:", words.with(key, &[("proposal", &from)])));
            lines.extend(differs.told.iter().map(Told::cell));
        }
        lines.extend(counter.proofs.iter().map(|(line, finding)| {
            let (said, found) = (words.red_line(line), words.finding(finding));
            format!("{}: {said} – {found} `{line}`", words.get("red-line"))
        }));
        Some((format!("{} `{}`", report.title(words, place), shown.id), lines))
    });
    let lists: Vec<(String, Vec<String>)> = lists.collect();
    let put = [("tried", report.found.len().to_string()), ("crossing", report.crossing.to_string())];
    let put: Vec<(&'static str, &str)> = put.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let (title, lead) = (words.get("counter"), words.get("counter-lead"));
    let lead = format!("{lead} {}", words.with("counter-tried", &put));
    (!lists.is_empty()).then(|| Section { id: "counter", title, lead, lists, ..Section::default() })
}
