//! Claims and cases as text; how fields stand in `stands`, what their JSON adds in `json`.

pub(super) mod json;
mod stands;

use std::collections::BTreeSet;

use symbolon_policy::{
    case::{Case, End},
    claim::{Claim, Standing as FieldStanding},
    notice::Cause,
    rules::ExchangeKind,
    words::{ClaimId, Reference},
};

use crate::control::api::{CaseCounts, CaseLine, ClaimLine, HitLine, OpenHits, Standing};

use super::{
    many,
    query::word,
    table::{grid, one_line, pairs, table},
};

pub(super) use stands::{Left, end, most};
use stands::{claimed, held, left, left_of};

fn persons(count: u8) -> String {
    many(count.into(), "person", "persons")
}

/// Why a field that was approved did not leave.
const KEPT_BACK: &str = "What is approved and did not leave: the record, the rules or an approver's role changed since the claim.";

/// What an approver reads where something did not leave.
fn kept_back(line: &CaseLine) -> String {
    if line.agreement_ended {
        return "What is approved and did not leave never leaves: the agreement has ended.".to_owned();
    }
    format!("{KEPT_BACK} If it may leave again, it does when it is collected.")
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
    let fields = claimed(line);
    let left = left(fields.iter().map(|(_, _, stands)| *stands));
    match &line.outcome {
        None => parts.push("The holder has not answered.".to_owned()),
        Some(outcome) if outcome.found.is_empty() => {
            parts.push(
                "The holder found no such record: the hit was false, or the record is gone.".to_owned(),
            );
        }
        Some(_) => {
            // Of a match there is one hit, and no more to say of it.
            let named = fields.iter().any(|(told, _, _)| told.item.is_some());
            let rows = fields.iter().map(|(told, field, stands)| {
                let mut row = vec![told.reference.to_string()];
                row.extend(named.then(|| hit(line, told.item)));
                row.extend([field.to_string(), stands.text()]);
                row
            });
            let head: &[&str] =
                if named { &["RECORD", "HIT", "FIELD", "STANDS"] } else { &["RECORD", "FIELD", "STANDS"] };
            parts.push(grid(head, rows.collect()));
        }
    }
    if left == Left::KeptBack {
        parts.push(format!(
            "{KEPT_BACK} Collect it again later, or claim it anew. Once the agreement has ended, by revocation or by \
             itself, it never leaves."
        ));
    }
    if let Some(Standing { decide_by, stopped, end: over, .. }) = &line.standing {
        parts.push(match (over, stopped) {
            (Some(over), _) => format!("Over: {}.", end(over, left)),
            (None, true) => "The holder's clock is stopped: it waits for an authorisation.".to_owned(),
            (None, false) => format!("The holder decides until {decide_by}."),
        });
    }
    for taken in line.releases.iter().filter(|taken| !taken.release.fields.is_empty()) {
        parts.push(format!("Released to {}: {}", line.claim.officer, taken.file.display()));
    }
    parts.join("\n\n")
}

/// The hit by which a record was found, as `hit verify` takes it.
fn hit(line: &ClaimLine, item: Option<u32>) -> String {
    let name = line.hits.iter().find(|(of, _)| Some(*of) == item).map(|(_, name)| one_line(name));
    name.unwrap_or_else(|| item.map(|item| format!("item {item}")).unwrap_or_default())
}

/// Claims of this node.
pub(super) fn claims(lines: &[ClaimLine], told: &[(ClaimId, Vec<Cause>)]) -> String {
    if lines.is_empty() {
        return "No claims.".to_owned();
    }
    let rows = lines.iter().map(|line| {
        let claim = &line.claim;
        let found =
            line.outcome.as_ref().map(|outcome| many(outcome.found.len() as u64, "record", "records"));
        let found =
            found.unwrap_or_else(|| if line.refused.is_some() { "" } else { "not answered" }.to_owned());
        let (released, _, state) = progress(line);
        let since = told.iter().find(|(of, _)| *of == claim.claim);
        let since = since.map(|(_, causes)| {
            let causes: Vec<_> = causes.iter().map(|cause| cause.as_str()).collect();
            format!("{state}, then {}: see `symbolon notice list`", causes.join(", "))
        });
        let state = since.unwrap_or(state);
        let decide_by = line.outcome.as_ref().map(|outcome| outcome.decide_by.to_string());
        [
            claim.claim.to_string(),
            claim.holder.to_string(),
            claim.officer.to_string(),
            found,
            many(released, "field", "fields"),
            decide_by.unwrap_or_default(),
            state,
        ]
    });
    let table = table(["CLAIM", "HOLDER", "OFFICER", "FOUND", "RELEASED", "DECIDE BY", "STATE"], rows);
    format!("{table}\n\nHow one that is open stands now: `symbolon claim collect CLAIM`.")
}

/// Fields that were released of a claim, and how it stands as far as this node knows without asking: as JSON has it, and
/// as people read it.
fn progress(line: &ClaimLine) -> (u64, &'static str, String) {
    let parts = line.releases.iter().flat_map(|taken| &taken.release.fields);
    let released: BTreeSet<_> =
        parts.flat_map(|(of, fields)| fields.iter().map(move |field| (*of, *field))).collect();
    let Some(outcome) = &line.outcome else {
        return match line.refused {
            Some(code) => (0, "claim_refused", format!("refused: {}", word(code))),
            None => (0, "not_answered", "not answered".to_owned()),
        };
    };
    let fields = outcome.found.iter().flat_map(|told| told.fields.iter().map(|part| (told.reference, part)));
    let may = fields.filter(|(_, (_, standing))| matches!(standing, FieldStanding::Needs(_)));
    let mut may = may.map(|(of, (field, _))| (of, *field)).peekable();
    let (code, state) = if outcome.found.is_empty() {
        ("nothing_found", "nothing found")
    } else if may.peek().is_none() {
        ("refused_by_rules", "refused by the rules")
    } else if may.all(|part| released.contains(&part)) {
        ("released", "released")
    } else {
        match &line.ended {
            Some(End::Refused { .. }) if released.is_empty() => ("refused", "refused"),
            Some(End::Refused { .. }) => ("rest_refused", "the rest was refused"),
            Some(End::Expired) => ("lapsed", "lapsed"),
            Some(End::Released) => ("not_all_released", "approved, not all released"),
            Some(End::Nothing) | None => ("open", "open"),
        }
    };
    (released.len() as u64, code, state.to_owned())
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

/// Hits of which nothing became yet, one a line.
pub(super) fn hits(lines: &[HitLine]) -> String {
    if lines.is_empty() {
        return "No hit waits for a claim or an explanation.".to_owned();
    }
    let rows = lines.iter().flat_map(|line| {
        let due = match line.due {
            None => "never".to_owned(),
            Some(due) if line.overdue => format!("{due}, overdue"),
            Some(due) => due.to_string(),
        };
        line.items.iter().enumerate().map(move |(place, item)| {
            let name = match (&line.exchange, line.hits.get(place)) {
                (ExchangeKind::Match, _) => "the match".to_owned(),
                (_, Some(hit)) => hit.clone(),
                (_, None) => format!("item {item}"),
            };
            let by = line.verified_by.get(place).and_then(Option::as_ref);
            [
                line.query.to_string(),
                line.holder.to_string(),
                line.officer.to_string(),
                line.case.clone().unwrap_or_default(),
                due.clone(),
                name,
                by.map_or_else(|| "nobody".to_owned(), ToString::to_string),
            ]
        })
    });
    table(["QUERY", "HOLDER", "OFFICER", "CASE", "CLAIM BY", "OPEN", "VERIFIED BY"], rows)
}

/// A case of this node.
pub(super) fn case(line: &CaseLine) -> String {
    let case = &line.case;
    let mut about = head(&case.claim);
    about.push(("Register", line.register.to_string()));
    about.push(("Purpose", line.purpose.to_string()));
    about.push(("Asked", line.asked_at.to_string()));
    about.push(("Came", case.begun.to_string()));
    about.push(("Decide by", decide_by(case)));
    about.extend(case.stopped.map(|since| ("Clock stopped", format!("{since}{}", stopped_by(line)))));
    let approved: Vec<_> = case.approved_by.iter().map(ToString::to_string).collect();
    about.push(("Approved by", if approved.is_empty() { "nobody".to_owned() } else { approved.join(", ") }));
    about.extend(case.end.as_ref().map(|over| ("Over", end(over, left_of(line)))));
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
    let rows = held(line).into_iter().map(|(reference, field, stands, clauses)| {
        [id(line, reference), field.to_string(), stands.text(), clauses.join(", ")]
    });
    let mut parts = vec![pairs(&about), table(["RECORD", "FIELD", "STANDS", "BY THE CLAUSES"], rows)];
    let changes = line.changes.iter().map(|(of, change)| format!("{}: {change}.", id(line, *of)));
    let changes: Vec<_> = changes.collect();
    if !changes.is_empty() {
        parts.push(changes.join("\n"));
    }
    if left_of(line) == Left::KeptBack {
        parts.push(kept_back(line));
    }
    let mut there = line.records.iter().filter(|(of, _)| !line.gone.contains(of));
    if let (None, Some((_, id))) = (&case.end, there.next()) {
        parts.push(format!(
            "What is released is what the record says then: `symbolon register show {} {id}`.",
            line.register
        ));
    }
    parts.join("\n\n")
}

/// Who stopped the clock, and why, as far as that is known.
fn stopped_by(line: &CaseLine) -> String {
    let why = line.stop.as_ref();
    why.map(|(officer, reason)| format!(" by {officer}: {}", one_line(reason))).unwrap_or_default()
}

/// Until when a case is to be decided. While its clock stands that moves on.
fn decide_by(case: &Case) -> String {
    match (case.stopped, &case.end) {
        (Some(_), None) => "stands still".to_owned(),
        _ => case.decide_by.to_string(),
    }
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
            (Some(over), _) => end(over, left_of(line)),
            (None, Some(_)) => format!("clock stopped{}", stopped_by(line)),
            (None, None) => {
                let needs = case.needs().unwrap_or(0).saturating_sub(case.approvals());
                let escalated = if line.escalated_to.is_some() { ", ESCALATED" } else { "" };
                format!("waits for {}{escalated}", persons(needs))
            }
        };
        let records = many(case.found.len() as u64, "record", "records");
        [case.claim.claim.to_string(), case.claim.asker.to_string(), records, decide_by(case), state]
    });
    table(["CLAIM", "ASKER", "FOUND", "DECIDE BY", "STATE"], rows)
}

#[cfg(test)]
mod tests;
