//! Invented records and people.

/// Why a record does not take part, if it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It takes part.
    No,
    /// It is blocked.
    Blocked,
    /// It came from a system of the European Union.
    European,
}

/// A record as a line of NDJSON. Records of different numbers have nothing in common; `note` makes it longer.
pub(crate) fn record(number: u32, kept: Kept, note: &str) -> String {
    let record = serde_json::json!({
        "v": 1, "id": format!("R-{number}"), "category": "IRREGULAR_CROSSING", "taken": "2026-05-01",
        "identifiers": [{
            "kind": "travel-document", "number": format!("AB{:06}", document(number)), "state": "SYR",
            "birth_date": "1990-01-31",
        }],
        "subject": { "age": "adult", "own_citizen": false, "blocked": kept == Kept::Blocked },
        "provenance": if kept == Kept::European { "eu" } else { "own" },
        "fields": { "note": note },
    });
    record.to_string() + "\n"
}

/// The person of a record, as another agency spells it, under a reference.
pub(crate) fn person(number: u32, reference: &str) -> String {
    let person = serde_json::json!({
        "ref": reference,
        "identifiers": [{
            "kind": "travel-document", "number": format!("ab-{:06}", document(number)), "state": "SY",
            "birth_date": "31.01.1990",
        }],
    });
    person.to_string() + "\n"
}

/// Records that take part.
pub(crate) fn records(numbers: std::ops::Range<u32>, note: &str) -> String {
    numbers.map(|number| record(number, Kept::No, note)).collect()
}

/// People, each under the number as its reference.
pub(crate) fn people(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| person(number, &number.to_string())).collect()
}

/// Numbers of documents lie apart, so that a wrong digit finds nobody.
fn document(number: u32) -> u32 {
    assert!(number < 120_000, "documents have six digits");
    130_000 + number * 7
}
