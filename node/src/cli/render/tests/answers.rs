//! Answers to queries.

use symbolon_policy::{
    permit::RefusalCode,
    rules::ExchangeKind,
    words::{Purpose, QueryId, Timestamp},
};
use symbolon_protocol::identifier::Kind;

use super::*;
use crate::control::api::{Answer, Person, QueryLine, QueryStage};

fn answer(partner: &str, outcome: Outcome) -> Answer {
    Answer {
        partner: partner.parse().unwrap(),
        probe: None,
        query: Some(QueryId([0xab; 16])),
        outcome,
        as_of: None,
        timing: vec![("fetch".to_owned(), 0.25), ("ask".to_owned(), 1.0)],
        bytes_out: 1_234,
        bytes_in: 56_789,
        expected: None,
        choice: None,
        setup: None,
        ahead: None,
        receipt: None,
    }
}

fn hits(partner: &str, people: &[(&str, &[Kind])]) -> Answer {
    let people: Vec<_> = people
        .iter()
        .map(|(reference, hits)| Person { reference: (*reference).to_owned(), hits: hits.to_vec() })
        .collect();
    let hits = people.iter().filter(|person| !person.hits.is_empty()).count() as u64;
    answer(partner, Outcome::Hits { people, hits })
}

fn refused() -> Answer {
    let outcome = Outcome::Refused {
        here: false,
        code: RefusalCode::QuotaExceeded,
        text: "the quota of this month is spent".to_owned(),
        clauses: Vec::new(),
        help: None,
    };
    answer("AL", outcome)
}

fn failed_to(partner: &str) -> Answer {
    answer(partner, Outcome::Failed { failure: Failure::partner("it cannot be reached") })
}

fn failed(kind: FailureKind) -> Answer {
    let failure = Failure::new(kind, "it cannot be reached").with_help("try again later");
    answer("ME", Outcome::Failed { failure })
}

#[test]
fn hits_are_candidates() {
    let people: &[(&str, &[Kind])] = &[
        ("case-17/1", &[Kind::TravelDocument, Kind::NameBirth]),
        ("case-17/2", &[]),
        ("3", &[Kind::NameBirth]),
    ];
    let answers =
        vec![hits("MK", people), hits("XK", &[("case-17/1", &[])]), refused(), failed(FailureKind::Partner)];
    let told = text(&Reply::Answers { answers });
    assert_eq!(
        told,
        "\
MK: 2 of 3 people have a candidate.
CANDIDATE  BY
case-17/1  travel-document, name-birth
3          name-birth
  query abababababababababababababababab, no receipt, 1.25 s, 1,234 bytes sent, 56,789 received

XK: 0 of 1 person has a candidate.
  query abababababababababababababababab, no receipt, 1.25 s, 1,234 bytes sent, 56,789 received

AL refused: the quota of this month is spent [quota_exceeded]

ME gave no answer: it cannot be reached
  help: try again later

A hit is a candidate, not an identity."
    );
}

/// What went wrong on this node is not put on its partner.
#[test]
fn a_failure_here_is_not_called_the_partners() {
    let told = |kind| text(&Reply::Answers { answers: vec![failed(kind)] });
    for (kind, says) in [
        (FailureKind::Partner, "ME gave no answer: it"),
        (FailureKind::Input, "ME was not asked: it"),
        (FailureKind::Local, "no answer from ME: it"),
        (FailureKind::Integrity, "no answer from ME: it"),
    ] {
        assert!(told(kind).starts_with(says), "{}", told(kind));
    }
}

#[test]
fn without_a_hit_nobody_is_called_a_candidate() {
    let told = text(&Reply::Answers { answers: vec![hits("MK", &[("1", &[]), ("2", &[])])] });
    assert!(told.starts_with("MK: 0 of 2 people have a candidate.\n  query"), "{told}");
    assert!(!told.contains("identity"));
}

#[test]
fn probes_with_one_name_are_told_apart() {
    let asked = |probe: &str| Answer { probe: Some(probe.into()), ..failed_to("MK") };
    let answers = ["/case/a/p.json", "/case/b/p.json"].map(asked).to_vec();
    let told = text(&Reply::Answers { answers });
    assert!(told.contains("MK, a/p.json gave") && told.contains("MK, b/p.json gave"), "{told}");
    let one = text(&Reply::Answers { answers: vec![asked("/case/a/p.json")] });
    assert!(one.starts_with("MK gave no answer"), "{one}");
}

#[test]
fn an_exact_answer_tells_how_old_it_is_and_queries_that_wait_are_listed() {
    let as_of = Some(Timestamp(1_800_000_000));
    let told = text(&Reply::Answers { answers: vec![Answer { as_of, ..hits("MK", &[("1", &[])]) }] });
    assert!(
        told.contains("0 of 1 person has a candidate in the register as of 2027-01-15T08:00:00Z."),
        "{told}"
    );
    let query = QueryLine {
        query: QueryId([0xab; 16]),
        partner: "MK".parse().unwrap(),
        exchange: ExchangeKind::Exact,
        register: "border".parse().unwrap(),
        purpose: Purpose::ReturnId,
        officer: "n.ilic".parse().unwrap(),
        asked_at: Timestamp(1_800_000_000),
        stage: QueryStage::Failed,
    };
    let told = text(&Reply::Queries { queries: vec![query] });
    assert!(told.contains(&"ab".repeat(16)) && told.contains("no answer came"), "{told}");
    assert_eq!(text(&Reply::Queries { queries: Vec::new() }), "No query waits to be resumed.");
}

#[test]
fn counts_and_refusals_of_our_own() {
    let count =
        Outcome::Count { estimate: -3, half_width: 1_012, epsilon: 0.5, delta: 1.23456e-9, items: 1_500 };
    let here = Outcome::Refused {
        here: true,
        code: RefusalCode::RulesForbid,
        text: "the rules\nforbid it".to_owned(),
        clauses: vec!["night (national rules): No queries at night".to_owned()],
        help: Some("see `symbolon rules explain`".to_owned()),
    };
    let told = text(&Reply::Answers { answers: vec![answer("MK", count), answer("AL", here)] });
    assert_eq!(
        told,
        "\
MK: about -3 of 1,500 distinct identifiers, give or take 1,012 with probability 0.95 (ε 0.5, δ 1.23e-9).
  query abababababababababababababababab, no receipt, 1.25 s, 1,234 bytes sent, 56,789 received

this node refused to ask AL: the rules forbid it [rules_forbid]
  night (national rules): No queries at night
  help: see `symbolon rules explain`"
    );
}

#[test]
fn the_gravest_failure_is_the_exit_code() {
    let code = |answers| exit_code(&Reply::Answers { answers });
    let good = || hits("MK", &[("1", &[Kind::NameBirth])]);
    assert_eq!(code(vec![]), 0);
    assert_eq!(code(vec![good()]), 0);
    assert_eq!(code(vec![refused(), good()]), 3);
    assert_eq!(code(vec![failed(FailureKind::Partner), refused()]), 4);
    assert_eq!(code(vec![refused(), failed(FailureKind::Integrity), failed(FailureKind::Local)]), 5);
    let audit = |clean| Reply::Audit { clean, text: String::new(), report: json!({}) };
    assert_eq!((exit_code(&audit(true)), exit_code(&audit(false)), exit_code(&Reply::Ok)), (0, 5, 0));
}
