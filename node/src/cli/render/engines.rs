//! Engines as text.

use crate::{
    control::{bytes, duration},
    engines::{Chosen, Costs, Line, Query, Security, Taken, Told},
};

use super::table::{number, pairs, table};

/// All engines.
pub(in crate::cli) fn engines(told: &Told) -> String {
    let choices: Vec<_> = told.choices.iter().map(chosen).collect();
    let choices = (!choices.is_empty()).then(|| choices.join("\n"));
    told.engines.iter().map(one).chain(choices).collect::<Vec<_>>().join("\n\n")
}

fn chosen(chosen: &Chosen) -> String {
    let Chosen { answer, none, choice } = chosen;
    match choice {
        Some(choice) => format!("For {answer} a node takes {}.", choice.why),
        None => format!("For {answer} no engine can be used: {}.", none.as_deref().unwrap_or_default()),
    }
}

fn one(line: &Line) -> String {
    let security = |Security { assurance, how }: Security| format!("{}: {how}", assurance.replace('_', "-"));
    let courier = if line.by_courier { "yes" } else { "no" };
    let card = pairs(&[
        ("Engine", line.id.to_owned()),
        ("What", line.summary.to_owned()),
        ("Rounds", format!("{}, of {} messages", line.rounds, line.messages)),
        ("By courier", courier.to_owned()),
        ("Against the asker", security(line.against_asker)),
        ("Against the holder", security(line.against_holder)),
        ("The asker learns", line.asker_learns.to_owned()),
        ("The holder learns", line.holder_learns.to_owned()),
        ("Rests on", line.assumptions.to_owned()),
        ("Cost", line.cost.to_owned()),
    ]);
    let card = match &line.lacks {
        None => card,
        Some(lacks) => format!("{card}\n\nIt is not allowed: {lacks}."),
    };
    match &line.costs {
        None => card,
        Some(Costs::Refused { why }) => format!("{card}\n\nIt does not take this: {why}."),
        Some(Costs::Taken(taken)) => format!("{card}\n\n{}", costs(taken)),
    }
}

fn costs(taken: &Taken) -> String {
    let Taken { length, masked, entries, alternatives, cores, .. } = taken;
    let masks = if *masked { "with masks" } else { "without masks" };
    let shows = match taken.largest_cap {
        0 => "no candidates".to_owned(),
        cap => format!("up to {cap} candidates"),
    };
    let takes = format!(
        "Takes {} bits {masks}: up to {} alternatives, {shows}.",
        number((*length).into()),
        taken.most_alternatives
    );
    let over = format!(
        "About, for {} records with padding, {alternatives} alternative(s), {cores} core(s) at each side:",
        number(*entries)
    );
    let setup = &taken.setup;
    let row = |what: String, seconds: f64, up: u64, down: u64, memory: u64| {
        [what, duration(seconds), bytes(up), bytes(down), bytes(memory)]
    };
    let first =
        row("key setup, once".to_owned(), setup.seconds, setup.bytes_up, setup.bytes_down, setup.memory);
    let queries = taken.queries.iter().map(|query| {
        let Query { answer, cap, seconds, bytes_up, bytes_down, memory } = query;
        let what =
            cap.map_or_else(|| format!("query, {answer}"), |cap| format!("query, {answer} up to {cap}"));
        row(what, *seconds, *bytes_up, *bytes_down, *memory)
    });
    let rows = table(["", "TIME", "UP", "DOWN", "HOLDER'S MEMORY"], std::iter::once(first).chain(queries));
    let none = if taken.queries.is_empty() { "\nIt gives no answer with these numbers." } else { "" };
    format!("{takes}\n{over}\n{rows}{none}")
}
