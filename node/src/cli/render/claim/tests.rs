use symbolon_policy::{
    agreement::ClaimTerms,
    case::{Case, Found},
    claim::FieldDecision,
    words::{AgreementId, Digest, Timestamp},
};

use super::*;
use crate::node::tests::pair::made;

#[test]
fn a_case_shows_what_an_approver_has_to_know() {
    let decision =
        |field, standing, clause: &str| FieldDecision { field, standing, clauses: vec![clause.into()] };
    let reference = Reference([7; 16]);
    let found = Found {
        reference,
        record: Digest([1; 32]),
        item: Some(0),
        fields: vec![
            decision(Field::Place, FieldStanding::Needs(1), "release-facts"),
            decision(Field::Name, FieldStanding::Refused, "no-minors"),
        ],
    };
    let terms = ClaimTerms { claim_hours: 72, decide_hours: 48, most_records: 10 };
    let claim = made(AgreementId([0; 32]), Digest([0; 32]));
    let mut line = CaseLine {
        digest: Digest([2; 32]),
        register: "border".parse().unwrap(),
        purpose: "IRREG_ENTRY".parse().unwrap(),
        asked_at: Timestamp(1_800_000_000),
        records: vec![(reference, "R-17".to_owned())],
        case: Case::begin(claim, vec![found], &terms, Timestamp(1_800_000_100)),
        releases: Vec::new(),
        escalated_to: None,
    };
    let told = case(&line);
    for says in [
        "Register     border",
        "Purpose      IRREG_ENTRY",
        "Asked        2027-01-15T08:00:00Z",
        "R-17    PLACE  waits for 1 person   release-facts",
        "R-17    NAME   refused by the rules  no-minors",
        "`symbolon register show border R-17`",
    ] {
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeezed(&told).contains(&squeezed(says)), "{says}:\n{told}");
    }
    line.records.clear();
    assert!(case(&line).contains(&reference.to_string()), "what the partner knows it by");
}
