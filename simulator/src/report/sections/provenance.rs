//! Where the numbers are from.

use super::super::{
    Report,
    page::{Section, Table},
    words::Words,
};

pub(super) fn section(report: &Report<'_>, words: &Words) -> Section {
    let outcome = report.outcome;
    let mut run = Table::new(words.get("provenance"), vec![words.get("source"), String::new()]);
    let seeds: Vec<String> = outcome.seeds.iter().map(ToString::to_string).collect();
    run.row(words.get("scenario"), vec![format!("`{}` · {}", outcome.scenario, outcome.title)]);
    run.row(words.get("digest"), vec![format!("`{}`", outcome.digest)]);
    run.row(words.get("seeds"), vec![seeds.join(", ")]);
    let weights = outcome.proposals.iter().flat_map(|of| &of.by_seed).map(|seed| seed.weight);
    let (least, most) = weights.fold((f64::INFINITY, 0.0_f64), |(lo, hi), of| (lo.min(of), hi.max(of)));
    if least <= most {
        let range = if least < most {
            format!("{} … {}", words.number(least), words.number(most))
        } else {
            words.number(least)
        };
        run.row(words.get("stands-for"), vec![range]);
    }
    run.row(words.get("version"), vec![format!("`symbolon {}`", outcome.program)]);
    run.row(words.get("calibration"), vec![outcome.calibration.clone()]);
    for (proposal, title) in outcome.proposals.iter().zip(report.titles(words)) {
        run.row(title, vec![format!("`{}` · `{}`", proposal.id, proposal.digest)]);
    }
    let numbers = |caption: &str, assumed: bool| {
        let head = ["number", "range", "source", "in-file"].map(|key| words.get(key));
        let mut table = Table::new(words.get(caption), head.to_vec());
        for number in outcome.numbers.iter().filter(|number| number.assumed == assumed) {
            let range = if number.lo < number.hi {
                format!("{} … {}", words.number(number.lo), words.number(number.hi))
            } else {
                words.number(number.lo)
            };
            let row = vec![range, words.source(&number.src), format!("`{}`", number.path)];
            table.row(report.label(words, &number.path), row);
        }
        table
    };
    Section {
        id: "provenance",
        title: words.get("provenance"),
        lead: words.get("provenance-lead"),
        tables: vec![run, numbers("assumed-numbers", true), numbers("sourced-numbers", false)],
        ..Section::default()
    }
}
