//! What each change does, and each assumption.

use crate::compare::{Compared, Effect, Ends, FROM_NOTHING, Swing, VARIED};

use super::{
    super::{
        Report,
        charts::{self, Bar},
        page::{Figure, Section, Table},
        words::Words,
    },
    ROUNDING,
};

/// Rows of a picture; the table has more.
const MOST: usize = 12;
/// Assumptions in the table, the widest first.
const LISTED: usize = 40;

/// Titles of the two proposals of a comparison, and the name of its figure.
fn names(report: &Report<'_>, words: &Words) -> Option<[String; 3]> {
    let compared = report.compared?;
    let title = |id: &str| {
        let found = report.outcome.proposals.iter().position(|proposal| proposal.id == id);
        found.map_or_else(|| format!("`{id}`"), |place| report.title(words, place))
    };
    Some([title(&compared.baseline), title(&compared.proposal), words.measure(compared.measure)])
}

/// Says that the figures are of another run.
fn other_run(compared: &Compared, words: &Words) -> String {
    let (persons, seeds) = (words.number(compared.persons.into()), compared.seeds.to_string());
    words.with("other-run", &[("persons", &persons), ("seeds", &seeds)])
}

/// Whether more was seen of a change than rounding.
fn does(effect: &Effect, nothing: f64) -> bool {
    [effect.shapley.mean, effect.leave_one_out.mean, effect.sampling_error]
        .iter()
        .any(|seen| seen.abs() > nothing)
}

pub(super) fn waterfall(report: &Report<'_>, words: &Words) -> Section {
    let mut section = Section { id: "clauses", title: words.get("clauses"), ..Section::default() };
    let (Some(compared), Some([from, to, measure])) = (report.compared, names(report, words)) else {
        section.lead = words.get("clauses-none");
        return section;
    };
    let effects = &compared.effects;
    let named = [("baseline", from.as_str()), ("proposal", to.as_str()), ("measure", measure.as_str())];
    section.lead = format!("{} {}", words.with("clauses-lead", &named), other_run(compared, words));
    let sets = effects.sets.to_string();
    let key = if effects.exact { "clauses-exact" } else { "clauses-drawn" };
    let mut notes = vec![words.with(key, &[("sets", &sets)])];
    if let Some(pair) = &effects.interaction {
        let [first, second] = [&pair.first, &pair.second].map(|change| report.change(words, change).cell());
        let told = [&pair.first_before, &pair.second_after, &pair.second_before, &pair.first_after]
            .map(|of| words.difference(of));
        let [first_before, second_after, second_before, first_after] = &told;
        notes.push(words.with(
            "interaction",
            &[
                ("first", first.as_str()),
                ("second", &second),
                ("first-before", first_before),
                ("second-after", second_after),
                ("second-before", second_before),
                ("first-after", first_after),
            ],
        ));
    }
    let largest = effects.effects.iter().map(|effect| effect.shapley.mean.abs()).fold(0.0, f64::max);
    let nothing = largest * ROUNDING;
    let still = effects.effects.iter().filter(|effect| !does(effect, nothing));
    let still: Vec<String> = still.map(|effect| report.change(words, &effect.change).cell()).collect();
    section.lists.push((String::new(), notes));
    let head = ["change", "shapley", "leave-one-out", "sampling-error"].map(|key| words.get(key));
    let mut table = Table::new(words.get("table"), head.to_vec());
    let mut steps = Vec::new();
    let (mut rest, mut left) = (0.0, 0_usize);
    for effect in effects.effects.iter().filter(|effect| does(effect, nothing)) {
        let (share, alone) = (words.difference(&effect.shapley), words.difference(&effect.leave_one_out));
        let change = report.change(words, &effect.change);
        table.row(change.cell(), vec![share, alone, words.number(effect.sampling_error)]);
        if steps.len() >= MOST {
            rest += effect.shapley.mean;
            left += 1;
        } else {
            steps.push(Bar {
                label: change.words,
                told: words.difference(&effect.shapley),
                by: effect.shapley.mean,
                alone: Some(effect.leave_one_out.mean),
            });
        }
    }
    table.row(words.get("whole"), vec![words.difference(&effects.total), String::new(), String::new()]);
    if left > 0 {
        let label = words.with("other-changes", &[("count", &left.to_string())]);
        steps.push(Bar { label, told: words.number(rest), by: rest, alone: None });
    }
    let put = [
        ("count", effects.effects.len().to_string()),
        ("from", words.number(effects.from.mean)),
        ("to", words.number(effects.to.mean)),
    ];
    let put: Vec<(&'static str, &str)> = put.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let about = words.with("clauses-alt", &put);
    let ends = ((effects.from.mean, from.as_str()), (effects.to.mean, to.as_str()));
    let svg = charts::cascade(words, "clauses-figure", ends, &steps, (&measure, &about));
    section.figures.push(Figure { id: "clauses-picture".to_owned(), caption: measure, svg });
    section.tables.push(table);
    if !still.is_empty() {
        let mut none = Table::new(words.get("changes-still"), vec![words.get("change")]);
        still.into_iter().for_each(|change| none.row(change, Vec::new()));
        section.tables.push(none);
    }
    section
}

pub(super) fn tornado(report: &Report<'_>, words: &Words) -> Section {
    let mut section = Section { id: "tornado", title: words.get("tornado"), ..Section::default() };
    let (Some(compared), Some([from, to, measure])) = (report.compared, names(report, words)) else {
        section.lead = words.get("clauses-none");
        return section;
    };
    let tornado = &compared.tornado;
    let named = [("baseline", from.as_str()), ("proposal", to.as_str()), ("measure", measure.as_str())];
    section.lead = format!("{} {}", words.with("tornado-lead", &named), other_run(compared, words));
    let (percent, share) = (words.percent(VARIED), words.percent(FROM_NOTHING));
    let mut notes = vec![words.with("tornado-usual", &[("percent", &percent), ("share", &share)])];
    let (fixed, abuse) = (tornado.fixed.to_string(), tornado.abuse.to_string());
    notes.push(words.with("tornado-left-out", &[("fixed", &fixed), ("abuse", &abuse)]));
    for (key, paths) in [
        ("tornado-unfit", &tornado.unfit),
        ("tornado-nothing", &tornado.nothing),
        ("tornado-settled", &tornado.settled),
    ] {
        if !paths.is_empty() {
            let paths: Vec<String> = paths.iter().map(|path| report.label(words, path)).collect();
            notes.push(words.with(key, &[("paths", &paths.join(", "))]));
        }
    }
    // Those that do nothing are last.
    let shown = tornado.swings.iter().filter(|swing| swing.width() > 0.0).take(LISTED);
    let shown: Vec<&Swing> = shown.collect();
    if let Some(next) = tornado.swings.get(shown.len()) {
        let (count, most) = ((tornado.swings.len() - shown.len()).to_string(), words.number(next.width()));
        notes.push(words.with("tornado-rest", &[("count", &count), ("most", &most)]));
    }
    section.lists.push((String::new(), notes));
    let head = ["assumption", "range", "at-low", "at-high"].map(|key| words.get(key));
    let mut table = Table::new(words.get("table"), head.to_vec());
    let mut swings = Vec::new();
    for swing in shown {
        let mark = if swing.ends == Ends::Usual { "± " } else { "" };
        let range = format!("{mark}{} … {}", words.number(swing.lo), words.number(swing.hi));
        table.row(
            report.label(words, &swing.path),
            vec![range.clone(), words.difference(&swing.at_lo), words.difference(&swing.at_hi)],
        );
        if swings.len() < MOST {
            swings.push((report.label(words, &swing.path), range, swing.at_lo.mean, swing.at_hi.mean));
        }
    }
    let widest = tornado.swings.first().map_or_else(String::new, |swing| report.label(words, &swing.path));
    let about =
        words.with("tornado-alt", &[("count", &tornado.swings.len().to_string()), ("widest", &widest)]);
    let svg = charts::swings(words, "tornado-figure", tornado.centre.mean, &swings, (&measure, &about));
    section.figures.push(Figure { id: "tornado-picture".to_owned(), caption: measure, svg });
    section.tables.push(table);
    section
}
