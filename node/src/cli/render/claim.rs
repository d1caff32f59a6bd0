//! Claims and cases as text.

use symbolon_policy::{
    case::End,
    claim::{Claim, Standing as FieldStanding},
    words::{Field, Reference},
};

use crate::control::api::{CaseCounts, CaseLine, ClaimLine, HitLine, OpenHits, Standing};

use super::{
    many,
    table::{one_line, pairs, table},
};

fn persons(count: u8) -> String {
    many(count.into(), "person", "persons")
}

fn stands(standing: FieldStanding, approvals: u8) -> String {
    match standing {
        FieldStanding::Needs(needs) if needs <= approvals => "released".to_owned(),
        FieldStanding::Needs(needs) => format!("waits for {}", persons(needs.saturating_sub(approvals))),
        FieldStanding::Refused => "refused by the rules".to_owned(),
        FieldStanding::Absent => "not in the record".to_owned(),
    }
}

pub(super) fn end(end: &End) -> String {
    match end {
        End::Released => "everything that may be released is".to_owned(),
        End::Refused { reason, .. } => format!("refused: {}", one_line(reason)),
        End::Expired => "nobody decided in time".to_owned(),
        End::Nothing => "there is nothing that could be released".to_owned(),
    }
}

fn fields(rows: impl Iterator<Item = (Reference, Field, String)>) -> String {
    table(
        ["RECORD", "FIELD", "STANDS"],
        rows.map(|(reference, field, stands)| [reference.to_string(), field.to_string(), stands]),
    )
}

fn head(claim: &Claim) -> Vec<(&'static str, String)> {
    vec![
        ("Claim", claim.claim.to_string()),
        ("Query", claim.query.to_string()),
        ("Asker", format!("{}/{}", claim.asker, claim.officer)),
        ("Verified by", format!("{} at {}", claim.verified_by, claim.verified_at)),
        ("Holder", claim.holder.to_string()),
        ("Legal basis", claim.basis.to_string()),
        ("Case", claim.case.clone()),
    ]
}

/// A claim of this node.
pub(super) fn claim(line: &ClaimLine) -> String {
    let mut parts = vec![pairs(&head(&line.claim))];
    let approvals = line.standing.as_ref().map_or(0, |standing| standing.approvals);
    match &line.outcome {
        None => parts.push("The holder has not answered.".to_owned()),
        Some(outcome) if outcome.found.is_empty() => {
            parts.push(
                "The holder found no such record: the hit was false, or the record is gone.".to_owned(),
            );
        }
        Some(outcome) => {
            let rows = outcome.found.iter().flat_map(|told| {
                told.fields
                    .iter()
                    .map(|(field, standing)| (told.reference, *field, stands(*standing, approvals)))
            });
            parts.push(fields(rows));
        }
    }
    if let Some(Standing { decide_by, stopped, end: over, .. }) = &line.standing {
        parts.push(match (over, stopped) {
            (Some(over), _) => format!("Over: {}.", end(over)),
            (None, true) => "The holder's clock is stopped: it waits for an authorisation.".to_owned(),
            (None, false) => format!("The holder decides until {decide_by}."),
        });
    }
    for taken in &line.releases {
        parts.push(format!("Released to {}: {}", line.claim.officer, taken.file.display()));
    }
    parts.join("\n\n")
}

/// Claims of this node.
pub(super) fn claims(lines: &[ClaimLine]) -> String {
    if lines.is_empty() {
        return "No claims.".to_owned();
    }
    let rows = lines.iter().map(|line| {
        let claim = &line.claim;
        let found = line.outcome.as_ref().map_or("not answered".to_owned(), |outcome| {
            many(outcome.found.len() as u64, "record", "records")
        });
        let releases = many(line.releases.len() as u64, "release", "releases");
        [claim.claim.to_string(), claim.holder.to_string(), claim.officer.to_string(), found, releases]
    });
    table(["CLAIM", "HOLDER", "OFFICER", "FOUND", "RELEASED"], rows)
}

/// Hits of which nothing became yet, in one line.
pub(super) fn open_hits(hits: &OpenHits) -> String {
    let officers = hits.officers.iter().map(|of| format!("{} {}, {}", of.officer, of.open, of.overdue));
    let officers = officers.collect::<Vec<_>>().join("; ");
    let by = if officers.is_empty() { String::new() } else { format!("; by officer: {officers}") };
    format!("{} open, {} overdue{by}", hits.open, hits.overdue)
}

/// Cases, in one line.
pub(super) fn counts(cases: CaseCounts) -> String {
    let CaseCounts { waiting, escalated, stopped, lapsed } = cases;
    format!("{waiting} wait, {escalated} escalated, {stopped} stopped, {lapsed} lapsed")
}

/// Hits of which nothing became yet.
pub(super) fn hits(lines: &[HitLine]) -> String {
    if lines.is_empty() {
        return "No hit waits for a claim or an explanation.".to_owned();
    }
    let rows = lines.iter().map(|line| {
        let due = match line.due {
            None => "never".to_owned(),
            Some(due) if line.overdue => format!("{due}, overdue"),
            Some(due) => due.to_string(),
        };
        let named = match line.hits.as_slice() {
            [] => format!("{} of the query", many(line.items.len() as u64, "hit", "hits")),
            hits => hits.iter().map(|hit| one_line(hit)).collect::<Vec<_>>().join(", "),
        };
        [line.query.to_string(), line.holder.to_string(), line.officer.to_string(), due, named]
    });
    table(["QUERY", "HOLDER", "OFFICER", "CLAIM BY", "OPEN"], rows)
}

/// A case of this node.
pub(super) fn case(line: &CaseLine) -> String {
    let case = &line.case;
    let mut about = head(&case.claim);
    about.push(("Register", line.register.to_string()));
    about.push(("Purpose", line.purpose.to_string()));
    about.push(("Asked", line.asked_at.to_string()));
    about.push(("Came", case.begun.to_string()));
    about.push(("Decide by", case.decide_by.to_string()));
    about.extend(case.stopped.map(|since| ("Clock stopped", since.to_string())));
    let approved: Vec<_> = case.approved_by.iter().map(ToString::to_string).collect();
    about.push(("Approved by", if approved.is_empty() { "nobody".to_owned() } else { approved.join(", ") }));
    about.extend(case.end.as_ref().map(|over| ("Over", end(over))));
    about.extend(line.escalated_to.as_ref().map(|to| {
        let to = to.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        (
            "Escalated to",
            if to.is_empty() { "nobody: no other officer has the role APPROVES".to_owned() } else { to },
        )
    }));
    if case.found.is_empty() {
        return format!("{}\n\nNo record was found.", pairs(&about));
    }
    let rows = case.found.iter().flat_map(|found| {
        let id = id(line, found.reference);
        found.fields.iter().map(move |decision| {
            let stands = stands(decision.standing, case.approvals());
            [id.to_owned(), decision.field.to_string(), stands, decision.clauses.join(", ")]
        })
    });
    let table = table(["RECORD", "FIELD", "STANDS", "BY THE CLAUSES"], rows);
    let next = match (&case.end, line.records.first()) {
        (None, Some((_, id))) => format!(
            "\n\nWhat is released is what the record says then: `symbolon register show {} {id}`.",
            line.register
        ),
        _ => String::new(),
    };
    format!("{}\n\n{table}{next}", pairs(&about))
}

/// What a record is called in its register, or to the partner if that is not known.
fn id(line: &CaseLine, reference: Reference) -> String {
    let known = line.records.iter().find(|(of, _)| *of == reference);
    known.map_or_else(|| reference.to_string(), |(_, id)| id.clone())
}

/// Cases of this node.
pub(super) fn cases(lines: &[CaseLine]) -> String {
    if lines.is_empty() {
        return "No case waits for a decision.".to_owned();
    }
    let rows = lines.iter().map(|line| {
        let case = &line.case;
        let state = match (&case.end, case.stopped) {
            (Some(over), _) => end(over),
            (None, Some(_)) => "clock stopped".to_owned(),
            (None, None) => {
                let needs = case.needs().unwrap_or(0).saturating_sub(case.approvals());
                let escalated = if line.escalated_to.is_some() { ", ESCALATED" } else { "" };
                format!("waits for {}{escalated}", persons(needs))
            }
        };
        let records = many(case.found.len() as u64, "record", "records");
        [
            case.claim.claim.to_string(),
            case.claim.asker.to_string(),
            records,
            case.decide_by.to_string(),
            state,
        ]
    });
    table(["CLAIM", "ASKER", "FOUND", "DECIDE BY", "STATE"], rows)
}

#[cfg(test)]
mod tests;
