//! The log of the journal as comma-separated values.

use std::fmt::Display;

use symbolon_policy::case::Step;

use super::{LEFT_OUT, list, some, word};
use crate::{
    cli::args::Section,
    control::api::{AuditReport, Failure},
    journal::log::Result as Ended,
};

/// One table as comma-separated values.
///
/// # Errors
/// [`Failure`] never in fact.
pub(in crate::cli) fn csv(told: &AuditReport, section: Section) -> Result<String, Failure> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut head = |names: &[&str]| rows.push(names.iter().map(|name| (*name).to_owned()).collect());
    match section {
        Section::Queries => {
            head(&[
                "entry",
                "written_at",
                "side",
                "query",
                "asker",
                "holder",
                "agreement",
                "exchange",
                "register",
                "purpose",
                "basis",
                "officer",
                "case",
                "items",
                "asked_at",
                "answered_at",
                "result",
                "code",
                "leakage_bits",
                "hits",
            ]);
            rows.extend(told.log.queries.iter().map(|line| {
                let code = match &line.result {
                    Ended::Answered { class, .. } => word(class),
                    Ended::Refused { code } => word(code),
                    Ended::Open | Ended::Failed => String::new(),
                };
                vec![
                    line.seq.to_string(),
                    line.at.to_string(),
                    word(&line.side),
                    line.query.to_string(),
                    line.asker.to_string(),
                    line.holder.to_string(),
                    line.agreement.to_string(),
                    word(&line.exchange),
                    line.register.to_string(),
                    line.purpose.to_string(),
                    line.basis.to_string(),
                    line.officer.to_string(),
                    some(line.case.as_ref()),
                    line.items.to_string(),
                    line.asked_at.to_string(),
                    some(line.answered_at.as_ref()),
                    line.result.as_str().to_owned(),
                    code,
                    line.leakage_bits.to_string(),
                    line.hits.to_string(),
                ]
            }));
        }
        Section::Refusals => {
            head(&[
                "entry",
                "written_at",
                "refused",
                "side",
                "partner",
                "register",
                "purpose",
                "officer",
                "query",
                "claim",
                "code",
                "reason",
                "clauses",
            ]);
            rows.extend(told.log.refusals.iter().map(|line| {
                vec![
                    line.seq.to_string(),
                    line.at.to_string(),
                    word(&line.refused),
                    line.side.as_ref().map(word).unwrap_or_default(),
                    some(line.partner.as_ref()),
                    some(line.register.as_ref()),
                    some(line.purpose.as_ref()),
                    line.officer.to_string(),
                    some(line.query.as_ref()),
                    some(line.claim.as_ref()),
                    line.code.as_ref().map(word).unwrap_or_default(),
                    line.reason.clone().unwrap_or_default(),
                    line.clauses.join(" "),
                ]
            }));
        }
        Section::Claims => {
            head(&[
                "entry",
                "written_at",
                "side",
                "claim",
                "query",
                "asker",
                "holder",
                "basis",
                "officer",
                "verified_by",
                "verified_at",
                "items",
                "fields",
                "found",
                "approved_by",
                "releases",
                "end",
            ]);
            rows.extend(told.log.claims.iter().map(|line| {
                let approved: Vec<String> = line
                    .decisions
                    .iter()
                    .filter_map(|decision| match &decision.step {
                        Step::Approve { officer } => Some(officer.to_string()),
                        _ => None,
                    })
                    .collect();
                vec![
                    line.seq.to_string(),
                    line.at.to_string(),
                    word(&line.side),
                    line.claim.to_string(),
                    line.query.to_string(),
                    line.asker.to_string(),
                    line.holder.to_string(),
                    line.basis.to_string(),
                    line.officer.to_string(),
                    line.verified_by.to_string(),
                    line.verified_at.to_string(),
                    line.items.to_string(),
                    list(&line.fields),
                    some(line.found.as_ref()),
                    approved.join(" "),
                    line.releases.len().to_string(),
                    line.end.as_ref().map(word).unwrap_or_default(),
                ]
            }));
        }
        Section::Statistics => {
            head(&["side", "by", "value", "month", "queries"]);
            for block in &told.statistics.blocks {
                let tables = block
                    .tables
                    .iter()
                    .flat_map(|table| table.rows.iter().map(|row| (table.by.as_str(), row)));
                for (by, row) in [("all", &block.totals)].into_iter().chain(tables) {
                    let months = block.months.iter().map(String::as_str).chain(["all"]);
                    let counts = row.months.iter().chain([&row.total]);
                    rows.extend(months.zip(counts).map(|(month, count)| {
                        let count = count.map_or(LEFT_OUT.to_owned(), |count| count.to_string());
                        vec![word(&block.side), by.to_owned(), row.name.clone(), month.to_owned(), count]
                    }));
                }
            }
        }
        Section::Balance => {
            head(&["partner", "month", "given", "received", "reciprocity_per_mille"]);
            rows.extend(told.log.balance.iter().map(|line| {
                vec![
                    line.partner.to_string(),
                    line.month.clone().unwrap_or_else(|| "all".to_owned()),
                    line.given.to_string(),
                    line.received.to_string(),
                    line.reciprocity.to_string(),
                ]
            }));
        }
    }
    write(&rows)
}

fn write(rows: &[Vec<String>]) -> Result<String, Failure> {
    let odd = |error: &dyn Display| Failure::local(format!("the table cannot be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    // A cell that a spreadsheet would take for a formula gets an apostrophe.
    let safe = |cell: &String| match cell.chars().next() {
        Some('=' | '+' | '-' | '@') if cell.parse::<i64>().is_err() => format!("'{cell}"),
        _ => cell.clone(),
    };
    for row in rows {
        writer.write_record(row.iter().map(safe)).map_err(|e| odd(&e))?;
    }
    let bytes = writer.into_inner().map_err(|e| odd(&e))?;
    let text = String::from_utf8(bytes).map_err(|e| odd(&e))?;
    Ok(text.trim_end().to_owned())
}
