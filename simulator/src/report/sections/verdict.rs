//! Sentences for somebody who reads nothing else.

use std::cmp::Ordering;

use crate::{
    outcome::{Measure, Scope},
    scenario::AbuseKind,
};

use super::{
    super::{Report, page::Section, words::Words},
    CHIEF,
};

pub(super) fn section(report: &Report<'_>, words: &Words) -> Section {
    let lists =
        report.others().map(|(place, _)| (report.title(words, place), sentences(report, words, place)));
    Section { id: "verdict", title: words.get("verdict"), lists: lists.collect(), ..Section::default() }
}

fn sentences(report: &Report<'_>, words: &Words, place: usize) -> Vec<String> {
    let (proposal, baseline) = (report.title(words, place), report.baseline_title(words));
    let mut lines: Vec<String> = CHIEF
        .into_iter()
        .map(|measure| {
            let by = report.difference(place, measure);
            let name = words.measure(measure);
            // The amount of a fall is told without its sign.
            let (key, [amount, lo, hi]) = match by.side(0.0) {
                _ if by.n < 2 => ("verdict-one", [by.mean, by.lo, by.hi]),
                _ if by.least == 0.0 && by.most == 0.0 => ("verdict-same", [0.0; 3]),
                Some(Ordering::Greater) => ("verdict-more", [by.mean, by.lo, by.hi]),
                Some(_) => ("verdict-less", [-by.mean, -by.hi, -by.lo]),
                None => ("verdict-open", [by.mean, by.lo, by.hi]),
            };
            let [amount, lo, hi] = [amount, lo, hi].map(|value| words.number(value));
            words.with(
                key,
                &[
                    ("proposal", proposal.as_str()),
                    ("measure", &name),
                    ("amount", &amount),
                    ("lo", &lo),
                    ("hi", &hi),
                    ("baseline", &baseline),
                ],
            )
        })
        .collect();
    lines.extend(false_share(report, words, place));
    lines.extend(abuse(report, words, place));
    lines.extend(walk_away(report, words, place));
    lines
}

fn false_share(report: &Report<'_>, words: &Words, place: usize) -> Option<String> {
    let hits = report.outcome.figure(place, Measure::Hits, Scope::All);
    let share = report.outcome.figure(place, Measure::FalseShare, Scope::All);
    let [mean, lo, hi] = [share.mean, share.lo, share.hi].map(|share| words.percent(share.max(0.0)));
    let proposal = report.title(words, place);
    let put = [("proposal", proposal.as_str()), ("share", mean.as_str()), ("lo", &lo), ("hi", &hi)];
    let key = if hits.n < 2 { "verdict-false-one" } else { "verdict-false" };
    (hits.mean > 0.0).then(|| words.with(key, &put))
}

/// Only what cheats: a party that leaves or a node that is down is seen at once.
fn abuse(report: &Report<'_>, words: &Words, place: usize) -> Vec<String> {
    let found = report.outcome.abuse(place).into_iter();
    let cheats = found.filter(|of| !matches!(of.kind, AbuseKind::PartyLeaves | AbuseKind::Outage));
    let does = cheats.filter(|of| of.queries.mean > 0.0 || of.hits_lost.mean > 0.0);
    let proposal = report.title(words, place);
    does.map(|of| {
        let name = words.abuse(of.kind);
        let (found, ran) = (of.detected.0.to_string(), of.detected.1.to_string());
        let [lo, days, hi] = of.days.map(|days| super::abuse::days(words, days, of.watched));
        let watched = words.number(of.watched);
        let key = if of.detected.0 > 0 { "verdict-detected" } else { "verdict-undetected" };
        let put = [
            ("proposal", proposal.as_str()),
            ("abuse", name.as_str()),
            ("found", &found),
            ("of", &ran),
            ("days", &days),
            ("lo", &lo),
            ("hi", &hi),
            ("watched", &watched),
        ];
        words.with(key, &put)
    })
    .collect()
}

fn walk_away(report: &Report<'_>, words: &Words, place: usize) -> Vec<String> {
    let sides = report.outcome.parties.iter().enumerate().map(|(party, label)| {
        let gain = report.outcome.gain(place, party, &label.utility);
        let line = label.utility.walk_away;
        // On the line is not below it.
        let not_below = (gain.n > 1 && gain.lo >= line).then_some(Ordering::Greater);
        (label.name.as_str(), not_below.or_else(|| gain.side(line)))
    });
    let sides: Vec<(&str, Option<Ordering>)> = sides.collect();
    let on = |wanted: Option<Ordering>| {
        let names = sides.iter().filter(|(_, side)| *side == wanted).map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    let (below, open) = (on(Some(Ordering::Less)), on(None));
    let proposal = report.title(words, place);
    let mut lines = Vec::new();
    for (key, parties) in [("verdict-walk", &below), ("verdict-walk-open", &open)] {
        if !parties.is_empty() {
            lines.push(words.with(key, &[("proposal", proposal.as_str()), ("parties", parties)]));
        }
    }
    if lines.is_empty() {
        lines.push(words.with("verdict-no-walk", &[("proposal", &proposal)]));
    }
    lines
}
