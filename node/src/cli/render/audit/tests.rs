//! What the report says of cases.

use symbolon_policy::{
    case::{End, Step},
    words::{ClaimId, Field, QueryId},
};

use super::*;
use crate::journal::log::{ClaimLine, DecisionLine, JudgementLine, ReleaseLine};

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
    let mut line = ClaimLine {
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
    let told = decisions(std::slice::from_ref(&line));
    let rows: Vec<_> = told.lines().skip(1).map(str::trim_end).collect();
    assert!(
        rows[0].contains("clock stopped") && rows[0].ends_with("dana      the file is asked for"),
        "{told}"
    );
    assert!(
        rows[1].contains("kept back") && rows[1].ends_with("nothing left of what was approved"),
        "{told}"
    );
    assert!(!rows[1].contains("released"), "{told}");
    assert!(rows[2].ends_with("PLACE of 1 record"), "{told}");
    // What the partner said of its end, where this node asked.
    line.side = Side::Asker;
    line.end = Some(End::Expired);
    assert!(claims(std::slice::from_ref(&line)).ends_with("PLACE   nobody decided in time"));
    line.end = Some(End::Refused { officer: officer(), reason: "no\nground".into() });
    assert!(claims(&[line]).ends_with("refused by dana: no ground"));
}

#[test]
fn a_report_tells_what_officers_said_of_hits() {
    let line = |item, same, reason: Option<&str>| JudgementLine {
        seq: 1,
        at: Timestamp(1_800_000_000),
        officer: "bojan".parse().unwrap(),
        query: QueryId([2; 16]),
        item,
        same,
        reason: reason.map(ToOwned::to_owned),
    };
    let told = judgements(&[
        line(Some(4), Some(true), None),
        line(Some(5), Some(false), Some("another\nface")),
        line(None, None, Some("the case was closed")),
    ]);
    let rows: Vec<_> = told.lines().skip(1).collect();
    assert!(rows[0].contains("bojan") && rows[0].contains("it is the person"), "{told}");
    assert!(rows[1].contains("it is another person") && rows[1].ends_with("another face"), "{told}");
    assert!(rows[2].contains("explained") && rows[2].ends_with("the case was closed"), "{told}");
}
