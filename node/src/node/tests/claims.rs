//! What is looked at again before a person is opened to a partner.

use symbolon_policy::{
    claim::Outcome,
    officer::ActKind,
    permit::RefusalCode,
    signing::{self, Document as _},
    words::{ClaimId, Field, QueryId, Role, Timestamp},
};

use super::{pair::Person, *};
use crate::{book::Admission, clock, control::api::FailureKind, journal::Event};

fn says(query: QueryId, same: bool) -> ActKind {
    ActKind::Verify { query, item: 0, same, reason: None }
}

/// Officers who were refused something, and why.
fn refusals(agency: &Agency) -> Vec<String> {
    let entries = agency.core().book.journal().entries_from(0).unwrap();
    let of = entries.filter_map(|entry| match entry.unwrap().0.event {
        Event::OfficerRefused { officer, reason, .. } => Some(format!("{officer}: {reason}")),
        _ => None,
    });
    of.collect()
}

/// A hit that ana claimed after bojan's word while the holder was away.
async fn unanswered() -> (Agency, QueryId, ClaimId, [Person; 2]) {
    let (holder, asker, serving) = pair(5).await;
    let query = exact(&asker, 0..2, terms()).await.query.unwrap();
    let ana = Person::enrolled(&asker, terms().officer.as_str(), 1, vec![Role::Asks]);
    let bojan = Person::enrolled(&asker, "bojan", 2, vec![Role::Verifies]);
    let draft = || {
        let (items, fields, officer) = (vec![0], vec![Field::Category], ana.0.clone());
        asker.ask(Request::ClaimDraft { query, items, fields, officer })
    };
    // Also what is refused before anything is signed can be found again.
    assert_eq!(draft().await.unwrap_err().kind, FailureKind::Refused);
    assert!(refusals(&asker)[0].contains("no other officer has verified"), "{:?}", refusals(&asker));
    asker.ask(Request::HitJudge { acts: vec![bojan.signs(says(query, true))] }).await.unwrap();
    let Ok(Reply::ClaimDraft { claim }) = draft().await else { panic!("draft") };
    holder.ask(Request::Stop).await.unwrap();
    serving.await.unwrap().unwrap();
    let act = ana.signs(ActKind::Claim { digest: claim.digest().unwrap() });
    let made = Request::ClaimMake { claim: claim.clone(), act: Box::new(act) };
    assert_ne!(asker.ask(made).await.unwrap_err().kind, FailureKind::Refused);
    (asker, query, claim.claim, [ana, bojan])
}

async fn collected(asker: &Agency, claim: ClaimId) -> Failure {
    asker.ask(Request::ClaimCollect { claim }).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_not_made_again_against_a_later_word() {
    let (asker, query, claim, [ana, bojan]) = unanswered().await;
    assert_ne!(collected(&asker, claim).await.kind, FailureKind::Refused, "the holder is away");
    asker.ask(Request::HitJudge { acts: vec![bojan.signs(says(query, false))] }).await.unwrap();
    let refused = collected(&asker, claim).await;
    assert!(
        refused.what.contains("was not made again") && refused.what.contains("bojan said at"),
        "{refused}"
    );

    // Nor for whoever does not claim any more.
    let carl = Person::enrolled(&asker, "carl", 3, vec![Role::Verifies]);
    asker.ask(Request::HitJudge { acts: vec![carl.signs(says(query, true))] }).await.unwrap();
    assert_ne!(collected(&asker, claim).await.kind, FailureKind::Refused, "the holder is away");
    asker.core().book.remove_officer(ana.0.clone(), "moved".into()).unwrap();
    let refused = collected(&asker, claim).await;
    assert!(refused.what.contains("is not enrolled any more"), "{refused}");
}

/// The holder has answered. What is released by then is not for whom the hit is not, nor for who left.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_of_a_claim_that_is_of_somebody_else_or_of_nobody_here() {
    let (asker, query, claim, [ana, bojan]) = unanswered().await;
    let core = asker.core();
    let words = core.book.state().claim(Side::Asker, &claim).unwrap().unwrap().case.claim;
    let (found, decide_by, at) = (Vec::new(), clock::now(), clock::now());
    let outcome = Outcome { claim: words.digest().unwrap(), found, decide_by, at };
    let signature = signing::sign(&outcome, &*core.signer).unwrap();
    core.book.record(&Event::ClaimAnswered { claim, outcome, signature }).unwrap();
    assert_ne!(collected(&asker, claim).await.kind, FailureKind::Refused, "the holder is away");

    let judged = asker.ask(Request::HitJudge { acts: vec![bojan.signs(says(query, false))] }).await.unwrap();
    let Reply::Noted { text } = judged else { panic!("{judged:?}") };
    assert!(text.contains(&format!("It was claimed ({claim})")), "{text}");
    let refused = collected(&asker, claim).await;
    assert!(refused.kind == FailureKind::Refused && refused.what.contains("bojan said at"), "{refused}");

    let carl = Person::enrolled(&asker, "carl", 3, vec![Role::Verifies]);
    asker.ask(Request::HitJudge { acts: vec![carl.signs(says(query, true))] }).await.unwrap();
    assert_ne!(collected(&asker, claim).await.kind, FailureKind::Refused, "the holder is away");
    core.book.remove_officer(ana.0.clone(), "moved".into()).unwrap();
    let refused = collected(&asker, claim).await;
    assert!(
        refused.kind == FailureKind::Refused && refused.what.contains("not enrolled any more"),
        "{refused}"
    );
}

/// The partner is shown no more than that there is a reference.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_reference_says_something() {
    let (_holder, asker, _serving) = pair(2).await;
    let subjects = asker.file("people.ndjson", &pair::person(0));
    let entries = asker.core().book.entries().unwrap();
    for case in ["", "  ", "K-17\nK-18", &"x".repeat(201)] {
        let terms = crate::control::api::QueryTerms { case: Some(case.into()), ..terms() };
        let asked = Request::QueryExact { terms, subjects: subjects.clone(), format: None };
        let refused = asker.ask(asked).await.unwrap_err();
        assert!(refused.kind == FailureKind::Input && refused.what.contains("from 1 to 200"), "{refused}");
    }
    assert_eq!(asker.core().book.entries().unwrap(), entries, "nobody was asked");
    exact(&asker, 0..1, crate::control::api::QueryTerms { case: Some("x".repeat(200)), ..terms() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_not_made_again_once_its_agreement_has_ended() {
    let (asker, _, claim, _) = unanswered().await;
    let id = asker.core().partners()[0].agreement.id().to_string();
    asker.ask(Request::AgreementRevoke { id, reason: "ended".into() }).await.unwrap();
    let refused = collected(&asker, claim).await;
    assert!(refused.what.contains("was not made again") && refused.what.contains("revoked"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_entry_rests_on_is_looked_at_under_its_lock() {
    let (_holder, asker, _serving) = pair(5).await;
    let core = asker.core();
    let query = exact(&asker, 0..2, terms()).await.query.unwrap();
    let bojan = Person::enrolled(&asker, "bojan", 2, vec![Role::Verifies]);
    let act = bojan.signs(says(query, true));
    let event = Event::HitJudged { act: act.clone() };
    let meanwhile = || Err(Failure::new(FailureKind::Refused, "somebody looked again".to_owned()));
    assert!(core.book.record_acted(&act, &event, clock::now(), meanwhile).is_err());
    assert_eq!(refusals(&asker), ["bojan: somebody looked again"]);
    assert!(core.book.state().judged(&query).unwrap().is_empty());
    core.book.record_acted(&act, &event, clock::now(), || Ok(())).unwrap();
    assert_eq!(core.book.state().judged(&query).unwrap().len(), 1);
}

// What an officer says of a hit between the draft of a query and its entry may leave more unexplained than it says.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_says_fewer_unexplained_hits_than_there_are_is_not_put() {
    let (_holder, asker, _serving) = pair(5).await;
    let core = asker.core();
    let query = exact(&asker, 0..2, terms()).await.query.unwrap();
    let asked = core.book.state().query(Side::Asker, &query).unwrap().unwrap().ask;
    let later = clock::now().plus(73 * Timestamp::HOUR);
    let agreement = core.book.agreement(&asked.agreement).unwrap();
    let (open, id) = (agreement.unexplained(core.book.state(), later), QueryId([9; 16]));
    assert_eq!(open, 2);
    for (unexplained, admitted) in [(1, false), (2, true)] {
        let ask = symbolon_policy::ask::Ask { query: id, unexplained, asked_at: later, ..asked.clone() };
        let signature = signing::sign(&ask, &*core.signer).unwrap();
        let admission = core.book.admit(Side::Asker, &agreement, &ask, signature, later).unwrap();
        match admission {
            Admission::Paid(_) => assert!(admitted),
            Admission::Refused(refusal) => assert_eq!((refusal.code, admitted), (RefusalCode::Busy, false)),
        }
    }
}
