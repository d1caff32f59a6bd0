//! Who confirms what to whom.

use crate::outcome::{Measure, Scope};

use super::super::{
    Report, charts,
    page::{Figure, Section, Table},
    words::Words,
};

pub(super) fn section(report: &Report<'_>, words: &Words) -> Section {
    let codes = report.codes();
    let n = codes.len();
    // Between two parties there is one ribbon, which says less than two squares.
    let ribbons = n > 2;
    let mut section = Section {
        id: "flows",
        title: words.get("flows"),
        lead: words.get(if ribbons { "flows-lead" } else { "flows-lead-two" }),
        ..Section::default()
    };
    for (place, proposal) in report.outcome.proposals.iter().enumerate() {
        if proposal.agreements.is_empty() {
            section.lists.push((proposal.title.clone(), vec![words.get("no-agreements")]));
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
            ("proposal", proposal.title.as_str()),
            ("amount", &words.number(most.mean)),
            ("asker", name(*asker)),
            ("holder", name(*holder)),
        ];
        if ribbons {
            let about = words.with("flows-alt", &put);
            let id = format!("flows-{place}");
            let svg = charts::chord(&id, &codes, &flows, (&proposal.title, &about));
            section.figures.push(Figure { id, caption: proposal.title.clone(), svg });
        }
        let id = format!("matrix-{place}");
        let about = words.with("matrix-alt", &[("proposal", &proposal.title)]);
        let svg = charts::matrix(words, &id, &codes, &flows, (&proposal.title, &about));
        section.figures.push(Figure { id, caption: proposal.title.clone(), svg });
        let head = ["asker", "holder", "m-true_hits", "bits"].map(|key| words.get(key));
        let mut table = Table::new(format!("{}: {}", words.get("table"), proposal.title), head.to_vec());
        for (a, h, hits) in pairs.iter().filter(|(_, _, hits)| hits.mean > 0.0) {
            let bits = report.outcome.figure(place, Measure::DisclosureBits, Scope::Pair(*a, *h));
            table.row(name(*a), vec![name(*h).to_owned(), words.interval(hits), words.interval(&bits)]);
        }
        section.tables.push(table);
    }
    section
}
