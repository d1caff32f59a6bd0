use serde_json::{Value, json};
use symbolon_policy::{
    agreement::ClaimTerms,
    case::{Case, Found},
    claim::{FieldDecision, Outcome, Release, Told},
    words::{AgreementId, Digest, Field, Timestamp},
};

use super::*;
use crate::control::api::{Disclosure, Disclosures, Given, ReleaseLine, Reply};
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
        changes: Vec::new(),
        kept_back: Vec::new(),
        gone: Vec::new(),
        agreement_ended: false,
        stop: None,
        case: Case::begin(claim, vec![found], &terms, Timestamp(1_800_000_100)),
        releases: Vec::new(),
        taken: Vec::new(),
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
    line.gone = vec![reference];
    assert!(!case(&line).contains("register show"), "it is erased");
    line.records.clear();
    assert!(case(&line).contains(&reference.to_string()), "what the partner knows it by");
}

fn decision(field: Field, standing: FieldStanding) -> FieldDecision {
    FieldDecision { field, standing, clauses: Vec::new() }
}

/// A case with a field that needs one person and one that needs two, and whether it is over.
fn two_fields(end: Option<End>) -> CaseLine {
    let fields =
        vec![decision(Field::Place, FieldStanding::Needs(1)), decision(Field::Name, FieldStanding::Needs(2))];
    let found = Found { reference: Reference([7; 16]), record: Digest([1; 32]), item: Some(0), fields };
    let terms = ClaimTerms { claim_hours: 72, decide_hours: 48, most_records: 10 };
    let claim = made(AgreementId([0; 32]), Digest([0; 32]));
    let case = Case::begin(claim, vec![found], &terms, Timestamp(1_800_000_100));
    CaseLine {
        digest: Digest([2; 32]),
        register: "border".parse().unwrap(),
        purpose: "IRREG_ENTRY".parse().unwrap(),
        asked_at: Timestamp(1_800_000_000),
        records: Vec::new(),
        changes: Vec::new(),
        kept_back: Vec::new(),
        gone: Vec::new(),
        agreement_ended: false,
        stop: None,
        case: Case { end, ..case },
        releases: Vec::new(),
        taken: Vec::new(),
        escalated_to: None,
    }
}

fn release(fields: Vec<(Reference, Vec<Field>)>) -> Release {
    let claim = made(AgreementId([0; 32]), Digest([0; 32])).claim;
    Release {
        claim,
        number: 0,
        fields,
        approved_by: Vec::new(),
        sealed: Digest([0; 32]),
        bytes: 0,
        at: Timestamp(0),
    }
}

/// How the fields of a case stand in JSON, in their order.
fn stand(line: &CaseLine) -> Vec<Value> {
    let mut value = serde_json::to_value(line).unwrap();
    json::case(line, &mut value);
    value["fields"].as_array().unwrap().iter().map(|field| field["stands"].clone()).collect()
}

#[test]
fn only_what_was_released_is_called_so() {
    let mut line = two_fields(None);
    line.case.approved_by = vec!["dana".parse().unwrap()];
    // The record changed before anybody approved: the release is empty.
    line.releases = vec![release(Vec::new())];
    let told = case(&line);
    assert!(told.contains("approved, not released") && told.contains(KEPT_BACK), "{told}");
    assert!(told.contains("waits for 1 person"), "{told}");
    assert_eq!(stand(&line), ["approved_not_released", "waits"]);
    line.agreement_ended = true;
    assert!(case(&line).contains("never leaves: the agreement has ended"), "{}", case(&line));
    line.agreement_ended = false;
    line.releases = vec![release(vec![(Reference([7; 16]), vec![Field::Place])])];
    let told = case(&line);
    assert!(told.contains("PLACE  released, not taken yet") && !told.contains(KEPT_BACK), "{told}");
    assert_eq!(stand(&line), ["released_not_taken", "waits"]);
    line.kept_back = vec![(Reference([7; 16]), Field::Place)];
    let told = case(&line);
    assert!(told.contains("PLACE  released, kept back") && told.contains(KEPT_BACK), "{told}");
    assert_eq!(stand(&line), ["kept_back", "waits"]);
    (line.kept_back, line.taken) = (Vec::new(), vec![0]);
    let told = case(&line);
    assert!(told.contains("PLACE  released\n") && !told.contains(KEPT_BACK), "{told}");
    line.case.end = Some(End::Expired);
    let told = case(&line);
    assert!(told.contains("NAME   not released") && !told.contains("waits for"), "{told}");
    assert_eq!(stand(&line), ["released", "not_released"]);
    line.case.end = Some(End::Released);
    line.case.approved_by.push("edin".parse().unwrap());
    assert!(cases(std::slice::from_ref(&line)).contains("approved, and not everything could be released"));
    line.releases = vec![release(vec![(Reference([7; 16]), vec![Field::Place, Field::Name])])];
    assert!(cases(std::slice::from_ref(&line)).contains("everything that may be released is"));
    line.taken.clear();
    assert!(cases(&[line]).contains("approved, and not everything was taken yet"));
}

#[test]
fn a_case_tells_what_became_of_a_record_and_who_stopped_the_clock() {
    let mut line = two_fields(None);
    line.changes = vec![(
        Reference([7; 16]),
        "erased since the claim; as it stands now nothing of it is released".into(),
    )];
    line.case.stopped = Some(Timestamp(1_800_000_200));
    line.stop = Some(("dana".parse().unwrap(), "a court is asked".into()));
    let told = case(&line);
    assert!(told.contains("erased since the claim; as it stands now nothing of it is released."), "{told}");
    assert!(told.contains("by dana: a court is asked") && told.contains("stands still"), "{told}");
    let told = cases(std::slice::from_ref(&line));
    assert!(
        told.contains("stands still") && told.contains("clock stopped by dana: a court is asked"),
        "{told}"
    );
    let told = render_json(&Reply::Cases { cases: vec![line] });
    let told = &told["cases"][0];
    assert_eq!((&told["state"], &told["case"]["decide_by"]), (&json!("stopped"), &Value::Null));
    assert_eq!((&told["records_found"], &told["stop"]), (&json!(1), &json!(["dana", "a court is asked"])));
}

fn render_json(reply: &Reply) -> Value {
    super::super::json(reply).unwrap()
}

/// A claim that found two records, of which a field of the first was released.
fn claim_of_two() -> ClaimLine {
    let told = |n: u8, item| Told {
        reference: Reference([n; 16]),
        item: Some(item),
        fields: vec![(Field::Place, FieldStanding::Needs(1)), (Field::Name, FieldStanding::Refused)],
    };
    let outcome = Outcome {
        claim: Digest([0; 32]),
        found: vec![told(1, 0), told(2, 4)],
        decide_by: Timestamp(1_800_000_000),
        at: Timestamp(0),
    };
    let decide_by = Timestamp(1_800_000_000);
    let taken = ReleaseLine {
        file: "fields.age".into(),
        release: release(vec![(Reference([1; 16]), vec![Field::Place])]),
    };
    ClaimLine {
        claim: made(AgreementId([0; 32]), Digest([0; 32])),
        outcome: Some(outcome),
        standing: Some(Standing { approvals: 1, decide_by, stopped: false, end: Some(End::Released) }),
        ended: None,
        refused: None,
        releases: vec![taken],
        hits: vec![(0, "ali:travel-document".into())],
    }
}

#[test]
fn a_claim_says_in_json_what_it_says_in_words() {
    let mut line = claim_of_two();
    let told = render_json(&Reply::Claim(Box::new(line.clone())));
    let fields: Vec<_> = told["fields"].as_array().unwrap().iter().collect();
    assert_eq!(told["state"], "not_all_released");
    assert_eq!(
        (&fields[0]["stands"], &fields[0]["hit"]),
        (&json!("released"), &json!("ali:travel-document"))
    );
    assert_eq!((&fields[1]["stands"], &fields[1]["field"]), (&json!("refused_by_rules"), &json!("NAME")));
    assert_eq!(
        (&fields[2]["stands"], &fields[2]["hit"]),
        (&json!("approved_not_released"), &json!("item 4"))
    );
    let decide_by = Timestamp(1_800_000_000);
    line.standing = Some(Standing { approvals: 0, decide_by, stopped: true, end: None });
    let told = render_json(&Reply::Claim(Box::new(line)));
    assert_eq!((&told["state"], &told["standing"]["decide_by"]), (&json!("stopped"), &Value::Null));
    assert_eq!((&told["fields"][2]["stands"], &told["fields"][2]["waits_for"]), (&json!("waits"), &json!(1)));
}

#[test]
fn a_list_of_claims_tells_what_notices_said_since() {
    let line = claim_of_two();
    let told = vec![(line.claim.claim, vec![Cause::Corrected, Cause::Erased])];
    let text = claims(std::slice::from_ref(&line), &told);
    assert!(text.contains("open, then corrected, erased: see `symbolon notice list`"), "{text}");
    let value = render_json(&Reply::Claims { claims: vec![line], told });
    let value = &value["claims"][0];
    assert_eq!((&value["state"], &value["notices"]), (&json!("open"), &json!(["corrected", "erased"])));
}

#[test]
fn a_claim_tells_which_record_is_of_which_hit() {
    let mut line = claim_of_two();
    let shown = claim(&line);
    let of = |n: &str| shown.lines().filter(|row| row.starts_with(n)).collect::<Vec<_>>().join("\n");
    assert!(of("0101").contains("ali:travel-document  PLACE  released"), "{shown}");
    assert!(of("0202").contains("item 4               PLACE  approved, not released"), "{shown}");
    assert!(shown.contains("Over: approved, and not everything could be released."), "{shown}");
    assert!(claims(std::slice::from_ref(&line), &[]).contains("1 field   2027-01-15T08:00:00Z  open"));
    for (end, state) in [
        (End::Expired, "lapsed"),
        (End::Released, "approved, not all released"),
        (End::Refused { officer: "edin".parse().unwrap(), reason: "no".into() }, "the rest was refused"),
    ] {
        line.ended = Some(end);
        assert!(claims(std::slice::from_ref(&line), &[]).contains(&format!("08:00:00Z  {state}")), "{state}");
    }
    line.releases.push(ReleaseLine {
        file: "more.age".into(),
        release: release(vec![(Reference([2; 16]), vec![Field::Place])]),
    });
    assert!(claims(std::slice::from_ref(&line), &[]).contains("2 fields  2027-01-15T08:00:00Z  released"));
    line.outcome = None;
    assert!(claims(std::slice::from_ref(&line), &[]).contains("not answered"));
    line.refused = Some(symbolon_policy::permit::RefusalCode::TooManyRecords);
    assert!(claims(&[line], &[]).contains("refused: too_many_records"));
}

#[test]
fn hits_tell_who_verified_them_and_of_which_case_they_are() {
    let line = HitLine {
        query: symbolon_policy::words::QueryId([1; 16]),
        holder: "RS".parse().unwrap(),
        officer: "ana".parse().unwrap(),
        answered_at: Timestamp(0),
        due: None,
        overdue: false,
        items: vec![0, 4],
        hits: vec!["p-1:travel-document".into(), "p-5:travel-document".into()],
        exchange: ExchangeKind::Exact,
        case: Some("K-17/2026".into()),
        verified_by: vec![Some("bojan".parse().unwrap()), None],
    };
    let told = hits(&[line]);
    assert!(told.contains("K-17/2026  never     p-1:travel-document  bojan"), "{told}");
    assert!(told.contains("p-5:travel-document  nobody"), "{told}");
}

/// What `register disclosures` says of a case that is over, to the person whom it is about.
#[test]
fn a_record_of_which_something_was_kept_back_is_not_said_to_be_released() {
    let given =
        |taken| Given { at: Timestamp(0), fields: vec![Field::Place], approved_by: Vec::new(), taken };
    let claim = made(AgreementId([0; 32]), Digest([0; 32]));
    let mut told = Disclosure {
        claim: claim.claim,
        query: claim.query,
        partner: claim.asker,
        agreement: claim.agreement,
        title: "An agreement".into(),
        purpose: "IRREG_ENTRY".parse().unwrap(),
        basis: claim.basis,
        case: None,
        officer: claim.officer,
        answered_at: Timestamp(0),
        claimed_at: Timestamp(0),
        asked: vec![(Field::Place, FieldStanding::Needs(1)), (Field::Name, FieldStanding::Refused)],
        releases: vec![given(true)],
        end: Some(End::Released),
        notices: Vec::new(),
    };
    let mut over = |releases| {
        told.releases = releases;
        let (agency, register) = ("RS".parse().unwrap(), "border".parse().unwrap());
        let (claims, id, at) = (vec![told.clone()], "R-0".to_owned(), Timestamp(0));
        let all = Disclosures { agency, register, id, at, record: None, claims, flags: Vec::new() };
        let text = super::super::record::disclosures(&all);
        text.lines()
            .find(|line| line.starts_with("Over"))
            .unwrap()
            .trim_start_matches("Over")
            .trim()
            .to_owned()
    };
    assert_eq!(over(vec![given(true)]), "everything that may be released is");
    assert_eq!(over(vec![given(false), given(true)]), "everything that may be released is");
    assert_eq!(over(vec![given(false)]), "approved, and not everything was taken yet");
    assert_eq!(over(Vec::new()), "approved, and not everything could be released");
}
