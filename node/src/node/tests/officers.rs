//! Officers: the check at the charge itself, and counts and resumption without a key.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    officer::{Act, ActKind, Card, How, Intent, Officer, OfficerCard, SignedAct},
    permit::RefusalCode,
    signing::{self, Document as _, Signer as _},
    words::{Digest, QueryId, Role, Salt, Timestamp},
};

use super::*;
use crate::{book::Admission, clock, control::api::FailureKind, hashed::Hashed, state::Query};

fn key() -> SigningKey {
    SigningKey::from_bytes(&[5; 32])
}

/// The officer of every query here, enrolled with these roles.
fn officer(roles: Vec<Role>) -> Officer {
    Officer { id: terms().officer, roles, key: key().public(), seal: "age1".into(), until: None }
}

/// How a query of this node would be admitted now.
fn admitted(core: &Core, query: &Query) -> Option<RefusalCode> {
    let agreement = core.book.agreement(&query.ask.agreement).unwrap();
    match core.book.admit(Side::Asker, &agreement, &query.ask, query.signature, clock::now()).unwrap() {
        Admission::Paid(_) => None,
        Admission::Refused(refusal) => Some(refusal.code),
    }
}

fn intent() -> Intent {
    terms().intent(How::Exact, &Salt([1; 32]), &Digest([2; 32]))
}

fn signed(intent: &Intent, at: Timestamp) -> SignedAct {
    let act = ActKind::Ask { digest: intent.digest().unwrap() };
    SignedAct::sign(Act { officer: terms().officer, act, at }, &key()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_charged_without_an_act_on_record_and_a_current_enrolment() {
    let (_holder, asker, _serving) = pair(5).await;
    let answer = exact(&asker, 0..2, terms()).await;
    let core = &asker.node.core;
    let asked = core.book.state().query(Side::Asker, &answer.query.unwrap()).unwrap().unwrap();
    let anew = |n: u8| {
        let mut anew = asked.clone();
        (anew.ask.query, anew.ask.asked_at) = (QueryId([n; 16]), clock::now());
        anew.signature = signing::sign(&anew.ask, &*core.signer).unwrap();
        anew
    };
    assert_eq!(admitted(core, &anew(1)), None, "nobody was enrolled");
    // Enrolled while a query is on its way: it is not charged.
    core.book.enrol(officer(vec![Role::Asks])).unwrap();
    let unproven = Some(RefusalCode::OfficerUnproven);
    assert_eq!(admitted(core, &anew(2)), unproven);

    let now = clock::now();
    let asks = |act: Option<&SignedAct>| core.book.officer_asks(&terms().officer, &intent(), act, now);
    for (act, says) in [
        (None, "did not sign"),
        (Some(signed(&intent(), now.plus(-301))), "seconds ago"),
        (Some(signed(&intent(), now.plus(301))), "seconds from now"),
        (Some(signed(&Intent::Resume { query: QueryId([1; 16]) }, now)), "another request"),
    ] {
        let failure = asks(act.as_ref()).unwrap_err();
        assert!(failure.kind == FailureKind::Refused && failure.what.contains(says), "{failure:?}");
        assert_eq!(admitted(core, &anew(3)), unproven);
    }
    asks(Some(&signed(&intent(), now))).unwrap();
    assert_eq!(admitted(core, &anew(4)), None);
    let mut late = anew(5);
    late.ask.asked_at = late.ask.asked_at.plus(8 * Timestamp::DAY);
    late.signature = signing::sign(&late.ask, &*core.signer).unwrap();
    assert_eq!(admitted(core, &late), unproven, "an act does not hold for ever");

    core.book.remove_officer(terms().officer, "moved".into()).unwrap();
    assert_eq!(admitted(core, &anew(6)), unproven, "removed before the charge");
    core.book.enrol(officer(vec![Role::Verifies])).unwrap();
    assert_eq!(admitted(core, &anew(7)), unproven, "another role");
    let Ok(Reply::Audit { clean, text, .. }) = asker.ask(Request::AuditVerify).await else { panic!("audit") };
    assert!(clean, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_signed_like_every_query_and_a_card_is_checked() {
    let (holder, asker, _serving) = pair(300).await;
    let other = SigningKey::from_bytes(&[6; 32]);
    let seal = age::x25519::Identity::generate().to_public().to_string();
    let card = Card { id: terms().officer, key: key().public(), seal };
    let card = OfficerCard::sign(card, &key()).unwrap();
    let enrol = |card: &OfficerCard, roles| Request::OfficerEnrol {
        card: Box::new(card.clone()),
        roles,
        until: None,
    };
    let foreign = OfficerCard { signature: signing::sign(&card.card, &other).unwrap(), ..card.clone() };
    let unsealed = OfficerCard::sign(Card { seal: "age1x".into(), ..card.card.clone() }, &key()).unwrap();
    for (wrong, roles) in [(&foreign, vec![Role::Asks]), (&unsealed, vec![Role::Asks]), (&card, Vec::new())] {
        let failure = asker.ask(enrol(wrong, roles)).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Input, "{failure}");
    }
    let Ok(Reply::Officer { officer }) =
        asker.ask(enrol(&card, vec![Role::Audits, Role::Asks, Role::Asks])).await
    else {
        panic!("enrol")
    };
    assert_eq!(officer.roles, [Role::Asks, Role::Audits]);

    let lines: Vec<String> = (100..400).map(person).collect();
    let subjects = asker.file("people.ndjson", &lines.join("\n"));
    let statistics =
        QueryTerms { purpose: "STATISTICS".parse().unwrap(), basis: "BILAT".parse().unwrap(), ..terms() };
    let kind = "travel-document".parse().unwrap();
    let count = Request::QueryCount { terms: statistics.clone(), subjects, format: None, kind };
    let refused = asker.ask(count.clone()).await.unwrap_err();
    assert_eq!(refused.kind, FailureKind::Refused, "{refused}");
    let file = std::fs::File::open(asker.dir.path().join("people.ndjson")).unwrap();
    let (salt, file) = (Salt([3; 32]), Hashed::new(file).finish().unwrap());
    let exact = statistics.intent(How::Exact, &salt, &file);
    let counted = statistics.intent(How::Count { kind }, &salt, &file);
    let with = |intent: &Intent| {
        let act = signed(intent, clock::now());
        count.clone().with_authority(crate::control::api::Authority { act, salt })
    };
    let refused = asker.ask(with(&exact)).await.unwrap_err();
    assert!(refused.what.contains("another request"), "{refused}");
    let Ok(Reply::Answers { answers }) = asker.ask(with(&counted)).await else { panic!("count") };
    assert!(matches!(answers[0].outcome, Outcome::Count { .. }), "{:?}", answers[0].outcome);
    holder.ask(Request::Stop).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_person_for_ever() {
    let agency = Agency::new("RS").await;
    let book = &agency.core().book;
    let first = officer(vec![Role::Approves]);
    book.enrol(first.clone()).unwrap();
    book.remove_officer(first.id.clone(), "moved".into()).unwrap();
    let renamed = Officer { id: "another".parse().unwrap(), ..first.clone() };
    let failure = book.enrol(renamed).unwrap_err();
    assert!(failure.kind == FailureKind::Input && failure.what.contains("was enrolled before"), "{failure}");
    book.enrol(first).unwrap();
}
