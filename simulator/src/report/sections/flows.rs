//! Who confirms what to whom.

use crate::outcome::{Measure, Scope};

use super::super::{
    Report,
    charts::{self, Line},
    page::{Figure, Section, Table},
    words::Words,
};

pub(super) fn section(report: &Report<'_>, words: &Words) -> Section {
    let codes = report.codes();
    let n = codes.len();
    // Between two parties there are two flows: their ranges say more than a ribbon or two squares.
    let ribbons = n > 2;
    let mut section = Section {
        id: "flows",
        title: words.get("flows"),
        lead: words.get(if ribbons { "flows-lead" } else { "flows-lead-two" }),
        ..Section::default()
    };
    let mut lines = Vec::new();
    for (place, proposal) in report.outcome.proposals.iter().enumerate() {
        let title = report.title(words, place);
        if proposal.agreements.is_empty() {
            section.lists.push((title, vec![words.get("no-agreements")]));
            continue;
        }
        let figure = |a, h| report.outcome.figure(place, Measure::TrueHits, Scope::Pair(a, h));
        let flows: Vec<Vec<f64>> = (0..n).map(|a| (0..n).map(|h| figure(a, h).mean).collect()).collect();
        let pairs = (0..n).flat_map(|a| (0..n).map(move |h| (a, h))).filter(|(a, h)| a != h);
        let mut pairs: Vec<(usize, usize, _)> = pairs.map(|(a, h)| (a, h, figure(a, h))).collect();
        pairs.sort_by(|a, b| b.2.mean.total_cmp(&a.2.mean));
        let name = |party: usize| report.outcome.parties.get(party).map_or("", |party| &party.name);
        let Some((asker, holder, most)) = pairs.first() else { continue };
        let put = [
            ("proposal", title.as_str()),
            ("amount", &words.number(most.mean)),
            ("asker", name(*asker)),
            ("holder", name(*holder)),
        ];
        if ribbons {
            let about = words.with("flows-alt", &put);
            let id = format!("flows-{place}");
            let svg = charts::chord(&id, &codes, &flows, (&title, &about));
            section.figures.push(Figure { id, caption: title.clone(), svg });
            let id = format!("matrix-{place}");
            let about = words.with("matrix-alt", &[("proposal", &title)]);
            let svg = charts::matrix(words, &id, &codes, &flows, (&title, &about));
            section.figures.push(Figure { id, caption: title.clone(), svg });
        } else {
            // In the order of the parties under every proposal.
            for (asker, holder) in [(1, 0), (0, 1)] {
                let interval = figure(asker, holder);
                let label = format!("{} → {} · {title}", name(holder), name(asker));
                lines.push(Line { label, told: words.interval(&interval), interval, place });
            }
        }
        let head = ["asker", "holder", "m-true_hits", "bits"].map(|key| words.get(key));
        let mut table = Table::new(format!("{}: {}", words.get("table"), title), head.to_vec());
        for (a, h, hits) in pairs.iter().filter(|(_, _, hits)| hits.mean > 0.0) {
            let bits = report.outcome.figure(place, Measure::DisclosureBits, Scope::Pair(*a, *h));
            table.row(name(*a), vec![name(*h).to_owned(), words.interval(hits), words.interval(&bits)]);
        }
        section.tables.push(table);
    }
    if !lines.is_empty() {
        let (name, about) = (words.measure(Measure::TrueHits), words.get("flows-alt-two"));
        let svg = charts::forest(words, "flows-figure", &lines, (0.0, false), (&name, &about));
        section.figures.push(Figure { id: "flows-picture".to_owned(), caption: name, svg });
    }
    section
}
