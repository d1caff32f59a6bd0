//! What a simulation yields, as text.

use symbolon_simulator::{
    exact::Checked,
    fit::Fitted,
    outcome::{Interval, Measure, Outcome, Scope},
    proposal::Proposal,
    scenario::Scenario,
};

use super::table::grid as table;

/// Scenarios that come along.
pub(in crate::cli) fn scenarios(all: &[Scenario]) -> String {
    let rows = all.iter().map(|scenario| {
        let proposals: Vec<&str> = scenario.proposal.iter().map(|entry| entry.id.as_str()).collect();
        vec![
            scenario.name.clone(),
            scenario.title.clone(),
            scenario.party.len().to_string(),
            proposals.join(", "),
        ]
    });
    table(&["name", "title", "parties", "proposals"], rows.collect())
}

/// The real exchanges beside the model.
pub(in crate::cli) fn checked(all: &[Checked]) -> String {
    let both = |model: f64, real: f64, digits: usize| {
        let apart = if real > 0.0 { (model / real - 1.0) * 100.0 } else { 0.0 };
        format!("{model:.digits$} / {real:.digits$} ({apart:+.1} %)")
    };
    let rows = all.iter().map(|one| {
        vec![
            one.proposal.clone(),
            format!("{} asks {}", one.asker, one.holder),
            one.exchange.clone(),
            one.asked.to_string(),
            format!("{} / {}", one.model_hits, one.real_hits),
            one.differ.to_string(),
            both(one.model_bytes, one.real_bytes, 0),
            both(one.model_seconds, one.real_seconds, 3),
        ]
    });
    let head = [
        "proposal",
        "who",
        "exchange",
        "asked",
        "hits: model / real",
        "differ",
        "bytes: model / real",
        "seconds: model / real",
    ];
    table(&head, rows.collect())
}

/// What a scenario assumes and compares.
pub(in crate::cli) fn scenario(scenario: &Scenario, proposals: &[Proposal]) -> String {
    let mut text = format!("{}\n{}\n", scenario.title, scenario.about.trim());
    text += &format!(
        "\n{} days from {}, {} simulated persons for {} people{}, {} seeds.\n\n",
        scenario.run.days,
        scenario.run.start,
        scenario.run.persons,
        scenario.people.count,
        if scenario.run.fit_totals { ", or as many as the published totals take (`fit_totals`)" } else { "" },
        scenario.seeds().len()
    );
    let rows = proposals.iter().map(|proposal| {
        let clauses = proposal.clauses().len();
        vec![
            proposal.id.clone(),
            proposal.title.clone(),
            proposal.deals.len().to_string(),
            clauses.to_string(),
            proposal.about.clone(),
        ]
    });
    text += &table(&["proposal", "title", "agreements", "clauses", "what it is"], rows.collect());
    let quantities = scenario.quantities();
    let assumed = quantities.iter().filter(|(_, quantity)| quantity.is_assumed()).count();
    text += &format!("\n\n{} numbers, {assumed} of them assumed:\n", quantities.len());
    let rows = quantities.iter().map(|(path, q)| vec![path.clone(), q.to_string(), q.src.clone()]);
    text += &table(&["number", "value", "source"], rows.collect());
    let rows: Vec<Vec<String>> = scenario
        .published()
        .into_iter()
        .map(|(path, of)| {
            let used = if of.held_out { "held out, to check with" } else { "fitted to" };
            vec![path, of.year.to_string(), of.registrations.to_string(), used.to_owned(), of.src.clone()]
        })
        .collect();
    if rows.is_empty() {
        return text;
    }
    text += "\n\nPublished totals:\n";
    text + &table(&["total", "year", "number", "used", "source"], rows)
}

/// The measures of the summary.
const SUMMARY: &[(Measure, &str, usize)] = &[
    (Measure::Queries, "queries answered", 0),
    (Measure::Refused, "queries refused", 0),
    (Measure::TrueHits, "true hits", 0),
    (Measure::FalseShare, "share of hits that are false", 4),
    (Measure::Found, "share of persons found", 3),
    (Measure::CasesReleased, "cases released", 0),
    (Measure::CasesExpired, "cases not decided in time", 0),
    (Measure::Returns, "returns taken", 0),
    (Measure::DisclosureBits, "bits disclosed", 0),
    (Measure::LargestDisclosure, "bits, the party that discloses most", 0),
    (Measure::MinorsExposed, "minors exposed", 0),
    (Measure::AnswerSeconds, "seconds to an answer", 2),
    (Measure::CaseHours, "hours from hit to decision", 1),
    (Measure::PersonHours, "hours of officers", 0),
    (Measure::CpuSeconds, "seconds of processors", 0),
    (Measure::Bytes, "bytes", 0),
    (Measure::Persons, "different persons registered", 0),
    (Measure::PerPerson, "registrations for each", 2),
];

/// The outcome: proposals side by side, then what goes wrong.
pub(in crate::cli) fn outcome(outcome: &Outcome) -> String {
    let mut text = format!(
        "{}\n{} days from {}; simulated persons: {}; seeds: {}. Means with the 5 to 95 % range of seeds.\n\n",
        outcome.title,
        outcome.days,
        outcome.start,
        outcome.persons,
        outcome.seeds.len()
    );
    let mut head = vec![""];
    head.extend(outcome.proposals.iter().map(|proposal| proposal.id.as_str()));
    let rows = SUMMARY.iter().map(|(measure, label, digits)| {
        let mut row = vec![(*label).to_owned()];
        let places = 0..outcome.proposals.len();
        row.extend(places.map(|place| shown(&outcome.figure(place, *measure, Scope::All), *digits)));
        row
    });
    text += &table(&head, rows.collect());
    for (place, proposal) in outcome.proposals.iter().enumerate() {
        let wrong = outcome.abuse(place);
        if wrong.is_empty() || proposal.agreements.is_empty() {
            continue;
        }
        let rows = wrong.iter().map(|found| {
            let at = |days: Option<f64>| {
                days.map_or_else(|| format!("> {:.0}", found.watched), |days| format!("{days:.0}"))
            };
            let [lo, half, hi] = found.days.map(at);
            let days = if lo == hi { half } else { format!("{half} [{lo}, {hi}]") };
            vec![
                found.id.clone(),
                format!("{} of {}", found.detected.0, found.detected.1),
                days,
                shown(&found.queries, 0),
                shown(&found.bits, 1),
                shown(&found.minors, 0),
                shown(&found.hits_lost, 0),
            ]
        });
        text += &format!("\n\nWhat goes wrong, under {}:\n", proposal.id);
        let head = ["", "detected", "days to it", "queries", "bits", "minors", "true hits lost"];
        text += &table(&head, rows.collect());
    }
    outcome.warnings.iter().for_each(|warning| text += &format!("\n\nNote: {warning}."));
    let assumed = outcome.numbers.iter().filter(|number| number.assumed).count();
    text + &format!(
        "\n\n{assumed} of {} numbers are assumed; --explain lists them. Scenario {}.",
        outcome.numbers.len(),
        outcome.digest.to_string().get(..12).unwrap_or_default()
    )
}

fn shown(figure: &Interval, digits: usize) -> String {
    if figure.n == 0 {
        return "–".to_owned();
    }
    if figure.hi - figure.lo == 0.0 {
        return format!("{:.digits$}", figure.mean);
    }
    format!("{:.digits$} [{:.digits$}, {:.digits$}]", figure.mean, figure.lo, figure.hi)
}

/// What fits the published totals.
pub(in crate::cli) fn fitted(found: &Fitted) -> String {
    let mut text = format!(
        "{} of {} random settings come within {:.0} % of every published total.\n",
        found.kept,
        found.tried,
        found.tolerance * 100.0
    );
    if found.kept == 0 {
        return text + "Nothing fits: widen the ranges of the scenario, or the tolerance.";
    }
    text += &format!(
        "They admit {:.0} to {:.0} different people registered, {:.2} to {:.2} registrations for each.\n\
         The middle 90 %: {:.0} to {:.0} people. A count between two parties would narrow this.\n\n",
        found.people.0,
        found.people.1,
        found.per_person.0,
        found.per_person.1,
        found.people_usual.0,
        found.people_usual.1
    );
    let rows = found.totals.iter().map(|total| {
        vec![
            total.party.to_string(),
            total.year.to_string(),
            total.observed.to_string(),
            format!("{:.0} to {:.0}", total.fitted.0, total.fitted.1),
            if total.held_out { "held out".to_owned() } else { "fitted".to_owned() },
        ]
    });
    text += &table(&["party", "year", "published", "fitted", ""], rows.collect());
    text += "\n\nAssumed numbers, before and after (5 to 95 %):\n";
    let rows = found.numbers.iter().map(|number| {
        vec![
            number.path.clone(),
            format!("{:.3} to {:.3}", number.before.0, number.before.1),
            format!("{:.3} to {:.3}", number.after.0, number.after.1),
        ]
    });
    text + &table(&["number", "assumed", "fits"], rows.collect())
}
