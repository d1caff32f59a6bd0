//! The log of the journal as text, with claims and hits in `claims`, alerts and canaries in `alerts`; `csv` has the log
//! as comma-separated values.

mod alerts;
mod claims;
mod csv;

use std::fmt::Display;

use serde::Serialize;
use symbolon_policy::{
    rules::ExchangeKind,
    words::{Digest, Timestamp},
};

use super::{
    many, or_none,
    table::{number, one_line, pairs, short, table},
};
use crate::{
    control::api::AuditReport,
    journal::{
        Side,
        log::{BalanceLine, Block, Log, QueryLine, RefusalLine, Result as Ended, Row, Statistics},
    },
};

pub(super) use alerts::{alerts, alerts_line, canaries, reach};
pub(in crate::cli) use csv::csv;

use claims::{claims, decisions, judgements};

/// What stands for a count that is left out.
const LEFT_OUT: &str = "*";

/// A word as it stands in JSON.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(map)) => map.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

fn result(line: &QueryLine) -> String {
    match &line.result {
        Ended::Answered { countersigned: true, .. } => told(line),
        Ended::Answered { countersigned: false, .. } => format!("{}, not countersigned", told(line)),
        Ended::Refused { code } => format!("refused: {}", word(code)),
        Ended::Open | Ended::Failed => line.result.as_str().to_owned(),
    }
}

/// What came of an answered query, as far as this agency knows: a holder does not know whether anybody was found.
fn told(line: &QueryLine) -> String {
    match (line.side, line.exchange) {
        (Side::Asker, ExchangeKind::Exact | ExchangeKind::Match) => {
            format!("answered, {}", many(line.hits, "hit", "hits"))
        }
        _ => "answered".to_owned(),
    }
}

fn some(value: Option<&impl Display>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

fn digest(value: Option<&Digest>) -> String {
    value.map(short).unwrap_or_default()
}

fn list(values: &[impl Display]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The whole log.
pub(in crate::cli) fn log(told: &AuditReport) -> String {
    let log = &told.log;
    let beginning = if log.period.from == Timestamp::FIRST {
        "the beginning".to_owned()
    } else {
        log.period.from.to_string()
    };
    let head = pairs(&[
        ("Agency", log.agency.to_string()),
        ("Period", format!("from {beginning} to before {}", log.period.to)),
        ("Journal", format!("{}, root {}", many(log.entries, "entry", "entries"), log.root)),
        ("Audit", if log.clean { "nothing is violated" } else { "THE JOURNAL IS NOT CLEAN" }.to_owned()),
    ]);
    let mut parts = vec![head];
    let mut part = |title: &str, text: String| parts.push(format!("{title}\n{}", or_none(text)));
    part("Queries", queries(&log.queries));
    part("Refusals", refusals(&log.refusals));
    part("Words on hits", judgements(&log.judgements));
    part("Claims", claims(&log.claims));
    part("Decisions and releases", decisions(&log.claims));
    part("Agreements", agreements(log));
    part("Changes", changes(log));
    part("Faults of partners", faults(log));
    part("Answered each way", balance(&log.balance));
    parts.push(statistics(&told.statistics));
    parts.join("\n\n")
}

fn queries(lines: &[QueryLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    table(
        [
            "ASKED", "ANSWERED", "ASKER", "HOLDER", "REGISTER", "EXCHANGE", "PURPOSE", "BASIS", "ITEMS",
            "RESULT", "OFFICER", "CASE", "QUERY",
        ],
        lines.iter().map(|line| {
            [
                line.asked_at.to_string(),
                some(line.answered_at.as_ref()),
                line.asker.to_string(),
                line.holder.to_string(),
                line.register.to_string(),
                word(&line.exchange),
                line.purpose.to_string(),
                line.basis.to_string(),
                number(line.items.into()),
                result(line),
                line.officer.to_string(),
                digest(line.case.as_ref()),
                short(&line.query),
            ]
        }),
    )
}

fn why(line: &RefusalLine) -> String {
    let code = line.code.as_ref().map(word);
    let words = line.reason.as_deref().map(one_line);
    code.or(words).unwrap_or_default()
}

fn refusals(lines: &[RefusalLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    table(
        ["WHEN", "WHAT", "OUR SIDE", "PARTNER", "REGISTER", "PURPOSE", "OFFICER", "WHY", "CLAUSES"],
        lines.iter().map(|line| {
            [
                line.at.to_string(),
                word(&line.refused),
                line.side.as_ref().map_or("this node".to_owned(), word),
                some(line.partner.as_ref()),
                some(line.register.as_ref()),
                some(line.purpose.as_ref()),
                line.officer.to_string(),
                why(line),
                line.clauses.join(" "),
            ]
        }),
    )
}

fn agreements(log: &Log) -> String {
    if log.agreements.is_empty() {
        return String::new();
    }
    table(
        ["AGREEMENT", "PARTNER", "HELD IN THE PERIOD", "FROM", "TO", "REVOKED", "AMENDED", "RULES", "TITLE"],
        log.agreements.iter().map(|line| {
            [
                short(&line.agreement),
                line.partner.to_string(),
                if line.in_force { "yes" } else { "no" }.to_owned(),
                line.valid_from.to_string(),
                line.valid_until.to_string(),
                some(line.revoked.as_ref()),
                some(line.amended.as_ref()),
                digest(line.rules.as_ref()),
                line.title.clone(),
            ]
        }),
    )
}

fn changes(log: &Log) -> String {
    use crate::journal::log::RulesLine;
    let mut rows: Vec<(u64, [String; 3])> = Vec::new();
    for line in &log.rules {
        rows.push(match line {
            RulesLine::Accepted { seq, at, agreement, partner } => {
                let what = format!("with {partner}, {}", short(agreement));
                (*seq, [at.to_string(), "agreement accepted".to_owned(), what])
            }
            RulesLine::Revoked { seq, at, agreement, by, reason } => {
                let what = format!("{}, by {by}: {}", short(agreement), one_line(reason));
                (*seq, [at.to_string(), "agreement revoked".to_owned(), what])
            }
            RulesLine::Amended { seq, at, agreement, amended } => {
                let what = format!("{} takes the place of {}", short(agreement), short(amended));
                (*seq, [at.to_string(), "agreement amended".to_owned(), what])
            }
            RulesLine::National { seq, at, set, rules } => {
                let what =
                    if *set { format!("digest {}", digest(rules.as_ref())) } else { "removed".to_owned() };
                (*seq, [at.to_string(), "national rules".to_owned(), what])
            }
        });
    }
    for line in &log.officers {
        let (what, how) = match &line.removed {
            Some(reason) => ("officer removed", one_line(reason)),
            None => ("officer enrolled", list(&line.roles)),
        };
        rows.push((line.seq, [line.at.to_string(), what.to_owned(), format!("{}: {how}", line.officer)]));
    }
    for line in &log.openings {
        let what = format!("{}, by {}: {}", short(&line.query), line.officer, one_line(&line.reason));
        rows.push((line.seq, [line.at.to_string(), "query opened".to_owned(), what]));
    }
    for line in &log.changes {
        let of = line.register.as_ref().map(|register| format!("{register}: ")).unwrap_or_default();
        let reason =
            line.reason.as_deref().map(|reason| format!(", {}", one_line(reason))).unwrap_or_default();
        let what = word(&line.change).replace('_', " ");
        rows.push((line.seq, [line.at.to_string(), what, format!("{of}{}{reason}", number(line.count))]));
    }
    if rows.is_empty() {
        return String::new();
    }
    rows.sort_by_key(|(seq, _)| *seq);
    table(["WHEN", "WHAT", ""], rows.into_iter().map(|(_, row)| row))
}

fn faults(log: &Log) -> String {
    if log.faults.is_empty() {
        return String::new();
    }
    table(
        ["WHEN", "PARTNER", "QUERY", "WHAT"],
        log.faults.iter().map(|line| {
            [
                line.at.to_string(),
                some(line.partner.as_ref()),
                line.query.as_ref().map(short).unwrap_or_default(),
                one_line(&line.what),
            ]
        }),
    )
}

fn balance(lines: &[BalanceLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    table(
        ["PARTNER", "MONTH", "GIVEN", "RECEIVED", "RECIPROCITY"],
        lines.iter().map(|line| {
            [
                line.partner.to_string(),
                line.month.clone().unwrap_or_else(|| "all".to_owned()),
                number(line.given),
                number(line.received),
                per_mille(line.reciprocity),
            ]
        }),
    )
}

fn per_mille(share: i16) -> String {
    format!("{:+.3}", f64::from(share) / 1_000.0)
}

/// The statistics alone.
pub(in crate::cli) fn statistics(statistics: &Statistics) -> String {
    let note = format!(
        "Counts of queries. `{LEFT_OUT}` stands for counts from 1 to below {}, and for others that would give them away.",
        statistics.smallest
    );
    let blocks = statistics.blocks.iter().filter(|block| !block.months.is_empty()).map(block);
    let blocks: Vec<String> = blocks.collect();
    if blocks.is_empty() {
        return "Statistics\nNo queries.".to_owned();
    }
    format!("Statistics\n{note}\n\n{}", blocks.join("\n\n"))
}

fn block(block: &Block) -> String {
    let title = match block.side {
        Side::Asker => "Asked by this agency",
        Side::Holder => "Asked of this agency",
    };
    let count = |count: Option<u64>| count.map_or(LEFT_OUT.to_owned(), number);
    // Months go down: there can be many, and there are few values.
    let names = block.tables.iter().flat_map(|table| table.rows.iter().map(move |row| (Some(table.by), row)));
    let columns: Vec<(Option<_>, &Row)> = [(None, &block.totals)].into_iter().chain(names).collect();
    let rows = columns.iter().map(|(by, row)| {
        let by = by.map_or(String::new(), |by| by.as_str().to_owned());
        let months: Vec<String> = row.months.iter().map(|month| count(*month)).collect();
        (by, row.name.clone(), months, count(row.total))
    });
    let mut lines = vec![format!("{title}, by month: {} and all", block.months.join(", "))];
    let rows = rows.map(|(by, name, months, total)| [by, name, months.join("  "), total]);
    lines.push(table(["BY", "", "MONTHS", "ALL"], rows));
    lines.join("\n")
}

#[cfg(test)]
mod tests;
