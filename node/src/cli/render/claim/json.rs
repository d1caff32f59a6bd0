//! What the JSON of claims and cases says besides what the node answered: how they stand, as the text has it.

use serde_json::{Value, json};
use symbolon_policy::{notice::Cause, words::ClaimId};

use super::{
    hit, progress,
    stands::{Stands, claimed, held, left, left_of, over},
};
use crate::control::api::{CaseLine, ClaimLine};

fn set(value: &mut Value, key: &str, to: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(key.to_owned(), to);
    }
}

/// A field, after what says which record it is of.
fn field(mut of: Value, field: symbolon_policy::words::Field, stands: Stands) -> Value {
    set(&mut of, "field", json!(field));
    set(&mut of, "stands", json!(stands.code()));
    if let Stands::Waits(persons) = stands {
        set(&mut of, "waits_for", json!(persons));
    }
    of
}

/// The time for deciding moves on while the clock stands.
fn no_time(value: Option<&mut Value>) {
    if let Some(value) = value {
        set(value, "decide_by", Value::Null);
    }
}

/// A claim of this node, of which the holder was asked now.
pub(in crate::cli::render) fn claim(line: &ClaimLine, value: &mut Value) {
    let fields = claimed(line);
    let lost = left(fields.iter().map(|(_, _, stands)| *stands));
    let fields = fields.into_iter().map(|(told, code, stands)| {
        let mut of = json!({ "record": told.reference });
        if told.item.is_some() {
            set(&mut of, "hit", json!(hit(line, told.item)));
        }
        field(of, code, stands)
    });
    let fields: Vec<_> = fields.collect();
    set(value, "fields", json!(fields));
    let Some(standing) = &line.standing else { return };
    let state = match (&standing.end, standing.stopped) {
        (Some(end), _) => over(end, lost).0,
        (None, true) => {
            no_time(value.get_mut("standing"));
            "stopped"
        }
        (None, false) => "waits",
    };
    set(value, "state", json!(state));
}

/// Claims of this node, and what was told since of their records.
pub(in crate::cli::render) fn claims(lines: &[ClaimLine], told: &[(ClaimId, Vec<Cause>)], value: &mut Value) {
    let values = value.get_mut("claims").and_then(Value::as_array_mut);
    for (line, value) in lines.iter().zip(values.into_iter().flatten()) {
        set(value, "state", json!(progress(line).1));
        let since = told.iter().find(|(claim, _)| *claim == line.claim.claim);
        set(value, "notices", json!(since.map(|(_, causes)| causes.as_slice()).unwrap_or_default()));
    }
}

/// A case of this node.
pub(in crate::cli::render) fn case(line: &CaseLine, value: &mut Value) {
    let fields = held(line).into_iter().map(|(reference, code, stands, _)| {
        let mut of = json!({ "record": reference });
        if let Some((_, id)) = line.records.iter().find(|(known, _)| *known == reference) {
            set(&mut of, "id", json!(id));
        }
        field(of, code, stands)
    });
    let fields: Vec<_> = fields.collect();
    set(value, "fields", json!(fields));
    set(value, "records_found", json!(line.case.found.len()));
    let state = match (&line.case.end, line.case.stopped, &line.escalated_to) {
        (Some(end), _, _) => over(end, left_of(line)).0,
        (None, Some(_), _) => {
            no_time(value.get_mut("case"));
            "stopped"
        }
        (None, None, Some(_)) => "escalated",
        (None, None, None) => "waits",
    };
    set(value, "state", json!(state));
}

/// Cases of this node.
pub(in crate::cli::render) fn cases(lines: &[CaseLine], value: &mut Value) {
    let values = value.get_mut("cases").and_then(Value::as_array_mut);
    lines.iter().zip(values.into_iter().flatten()).for_each(|(line, value)| case(line, value));
}
