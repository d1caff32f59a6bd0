//! Hits, claims and what was decided of them, as text.

use symbolon_policy::case::{End, Step};

use super::{list, many, number, one_line, short, table};
use crate::journal::{
    audit::evidence::how,
    log::{ClaimLine, DecisionLine, JudgementLine},
};

/// What officers said of hits.
pub(super) fn judgements(lines: &[JudgementLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    table(
        ["WHEN", "OFFICER", "QUERY", "WHAT", "ITEM", "REASON"],
        lines.iter().map(|line| {
            let what = match line.same {
                Some(true) => "it is the person",
                Some(false) => "it is another person",
                None => "explained",
            };
            [
                line.at.to_string(),
                line.officer.to_string(),
                short(&line.query),
                what.to_owned(),
                line.item.map(|item| number(item.into())).unwrap_or_default(),
                line.reason.as_deref().map(one_line).unwrap_or_default(),
            ]
        }),
    )
}

/// How a claim ended. What then left, the releases say.
fn ended(end: &End) -> String {
    match end {
        End::Released => "approved".to_owned(),
        end => how(end),
    }
}

pub(super) fn claims(lines: &[ClaimLine]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    table(
        [
            "WHEN",
            "ASKER",
            "HOLDER",
            "CLAIM",
            "QUERY",
            "OFFICER",
            "VERIFIED BY",
            "ITEMS",
            "FOUND",
            "FIELDS",
            "END",
        ],
        lines.iter().map(|line| {
            [
                line.at.to_string(),
                line.asker.to_string(),
                line.holder.to_string(),
                short(&line.claim),
                short(&line.query),
                line.officer.to_string(),
                line.verified_by.to_string(),
                number(line.items),
                line.found.map(number).unwrap_or_default(),
                list(&line.fields),
                line.end.as_ref().map(ended).unwrap_or_default(),
            ]
        }),
    )
}

fn step(line: &DecisionLine) -> (&'static str, String, String) {
    match &line.step {
        Step::Approve { officer } => ("approved", officer.to_string(), String::new()),
        Step::Refuse { officer, reason } => ("refused", officer.to_string(), one_line(reason)),
        Step::Stop { officer } => {
            ("clock stopped", officer.to_string(), line.reason.as_deref().map(one_line).unwrap_or_default())
        }
        Step::Resume { officer } => ("clock resumed", officer.to_string(), String::new()),
        Step::Expire => ("nobody decided in time", String::new(), String::new()),
    }
}

pub(super) fn decisions(lines: &[ClaimLine]) -> String {
    let mut rows: Vec<(u64, [String; 5])> = Vec::new();
    for line in lines {
        let claim = short(&line.claim);
        for decision in &line.decisions {
            let (what, officer, reason) = step(decision);
            let row = [decision.at.to_string(), claim.clone(), what.to_owned(), officer, reason];
            rows.push((decision.seq, row));
        }
        for release in &line.releases {
            // What was approved may not leave any more when it is released.
            let (what, fields) = match (release.records, release.countersigned) {
                (0, _) => ("kept back", "nothing left of what was approved".to_owned()),
                (records, countersigned) => {
                    let what = if countersigned { "released" } else { "released, not countersigned" };
                    (what, format!("{} of {}", list(&release.fields), many(records, "record", "records")))
                }
            };
            let by = list(&release.approved_by);
            rows.push((release.seq, [release.at.to_string(), claim.clone(), what.to_owned(), by, fields]));
        }
    }
    rows.sort_by_key(|(seq, _)| *seq);
    if rows.is_empty() {
        return String::new();
    }
    table(["WHEN", "CLAIM", "WHAT", "OFFICERS", "FIELDS OR REASON"], rows.into_iter().map(|(_, row)| row))
}
