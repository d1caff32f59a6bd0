use super::*;
use crate::{
    rules::{
        Kind, RuleSet, Rulebook,
        proof::{Finding, Proof, Question},
    },
    world::{OPEN, terms},
};

fn book(text: &str) -> Rulebook {
    Rulebook::new(RuleSet::parse(text, Kind::Shared).unwrap(), None).unwrap()
}

/// A certificate that says `question` was proved. Nothing here asks a solver.
fn certificate(question: Question, rules: &str, proposal: Option<&str>) -> Certificate {
    let finding =
        Finding { about: "a query".into(), verdict: Verdict::Proved, case: None, note: String::new() };
    let proof =
        Proof { question, verdict: Verdict::Proved, findings: vec![finding], assumptions: Vec::new() };
    let mut certificate = Certificate::new(proof, &book(rules), None, "test".into());
    certificate.proposal = proposal.map(|text| crate::rules::proof::Subject::of(&book(text)));
    certificate
}

#[test]
fn a_certificate_is_about_the_rules_that_its_claim_is_about() {
    let strict = OPEN.replace("permit", "forbid");
    let before = Terms { rules: strict.clone(), ..terms() };
    let minors = || Question::NeverMinors { except: Vec::new() };
    let verdict = |given: &Certificate, amended: Option<&Terms>| {
        let listed = Terms { proofs: vec![given.digest().unwrap()], rules: OPEN.into(), ..terms() };
        check(&listed, amended, std::slice::from_ref(given)).map_err(|error| error.to_string())
    };
    let stands = [
        (certificate(minors(), OPEN, None), None),
        (certificate(Question::NoMore, &strict, Some(OPEN)), Some(&before)),
    ];
    for (given, amended) in &stands {
        assert_eq!(verdict(given, *amended), Ok(()), "{}", given.about());
    }
    let refused = [
        // Of the rules of before, with those of the agreement beside them.
        (certificate(minors(), &strict, Some(OPEN)), Some(&before), "has a second"),
        (certificate(minors(), OPEN, Some(OPEN)), Some(&before), "has a second"),
        (certificate(minors(), &strict, None), Some(&before), "is about other rules"),
        (certificate(Question::NoMore, OPEN, None), Some(&before), "and it has one"),
        (certificate(Question::NoMore, &strict, Some(&strict)), Some(&before), "compares other rules"),
        (certificate(Question::Equivalent, OPEN, Some(OPEN)), Some(&before), "than those of the amended"),
        (certificate(Question::Equivalent, OPEN, Some(OPEN)), None, "than those of the amended"),
    ];
    for (given, amended, why) in &refused {
        let error = verdict(given, *amended).unwrap_err();
        assert!(error.contains(why), "{why}: {error}");
    }
}

#[test]
fn what_was_proved_is_said_with_the_rules_it_was_proved_of() {
    let digest = |text: &str| book(text).shared().digest().to_string();
    let strict = OPEN.replace("permit", "forbid");
    let of_one = certificate(Question::Clauses, OPEN, None).about();
    assert_eq!(of_one, format!("of the rules {}", digest(OPEN)));
    let of_two = certificate(Question::NoMore, &strict, Some(OPEN)).about();
    assert_eq!(of_two, format!("of the rules {} as against {}", digest(OPEN), digest(&strict)));
}
