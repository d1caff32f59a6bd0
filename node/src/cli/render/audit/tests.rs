//! What the report says of cases.

use symbolon_policy::words::{ClaimId, Field, QueryId};

use super::*;
use crate::journal::log::ReleaseLine;

#[test]
fn a_report_tells_why_the_clock_was_stopped_and_that_nothing_was_released() {
    let at = Timestamp(1_800_000_000);
    let officer = || "dana".parse().unwrap();
    let release = |seq, fields: Vec<Field>| ReleaseLine {
        seq,
        at,
        number: 0,
        records: fields.len() as u64,
        fields,
        approved_by: vec![officer()],
        countersigned: true,
    };
    let line = ClaimLine {
        seq: 1,
        at,
        side: Side::Holder,
        claim: ClaimId([1; 16]),
        query: QueryId([2; 16]),
        asker: "MK".parse().unwrap(),
        holder: "RS".parse().unwrap(),
        basis: "BILAT".parse().unwrap(),
        officer: "ana".parse().unwrap(),
        verified_by: "bojan".parse().unwrap(),
        verified_at: at,
        items: 1,
        fields: vec![Field::Place],
        found: Some(1),
        decisions: vec![DecisionLine {
            seq: 2,
            at,
            step: Step::Stop { officer: officer() },
            reason: Some("the file\nis asked for".into()),
        }],
        releases: vec![release(3, vec![]), release(4, vec![Field::Place])],
        end: None,
    };
    let told = decisions(&[line]);
    let rows: Vec<_> = told.lines().skip(1).map(str::trim_end).collect();
    assert!(
        rows[0].contains("clock stopped") && rows[0].ends_with("dana      the file is asked for"),
        "{told}"
    );
    assert!(rows[1].contains("released") && rows[1].ends_with("dana      nothing"), "{told}");
    assert!(rows[2].ends_with("PLACE of 1 record"), "{told}");
}
