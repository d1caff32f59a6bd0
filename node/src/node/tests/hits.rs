//! Hits that nobody claims nor explains count against the asker: on its own node, in its next query, at the holder.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    officer::{Act, ActKind, Officer, SignedAct},
    permit::RefusalCode,
    rules::{ExchangeKind, ready_clause},
    signing::{self, Signer as _},
    words::{OfficerId, QueryId, Role, Timestamp},
};
use symbolon_protocol::identifier::Kind;

use super::*;
use crate::{
    book::Admission,
    clock,
    control::api::{HitLine, NationalChange, OpenHits},
    journal::Event,
};

async fn listed(agency: &Agency) -> Vec<HitLine> {
    let Ok(Reply::Hits { hits }) = agency.ask(Request::HitList { overdue: false }).await else {
        panic!("hits")
    };
    hits
}

async fn open(agency: &Agency) -> OpenHits {
    let Ok(Reply::Status(status)) = agency.ask(Request::Status).await else { panic!("status") };
    status.hits
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_neither_claimed_nor_explained_in_time_counts_against_the_asker() {
    let (holder, asker, _serving) = pair(5).await;
    let national = NationalChange::Set(ready_clause("hits-unexplained").unwrap().unwrap().1.to_owned());
    for agency in [&holder, &asker] {
        agency.ask(Request::RulesNational { change: national.clone() }).await.unwrap();
    }
    let answer = exact(&asker, 0..7, terms()).await;
    assert_eq!(hits(&answer), ["p0", "p1", "p2", "p4"]);
    let query = answer.query.unwrap();
    let line = listed(&asker).await.remove(0);
    assert_eq!((line.query, line.items, line.overdue), (query, vec![0, 1, 2, 4], false));
    assert_eq!(line.hits, ["p0", "p1", "p2", "p4"].map(|person| format!("{person}:travel-document")));
    assert_eq!((line.exchange, line.case.as_deref()), (ExchangeKind::Exact, Some("K-17/2026")));
    assert_eq!(line.verified_by, [None, None, None, None]);
    assert_eq!(line.due, Some(line.answered_at.plus(72 * Timestamp::HOUR)));
    let counted = open(&asker).await;
    assert_eq!((counted.open, counted.overdue, counted.officers.len()), (4, 0, 1));
    // The holder sees no answer, and so no hit.
    assert_eq!((listed(&holder).await, open(&holder).await), (Vec::new(), OpenHits::default()));

    // An officer says that one of them is another person.
    let core = &asker.node.core;
    let (id, key) = (terms().officer, SigningKey::from_bytes(&[5; 32]));
    let roles = vec![Role::Asks, Role::Verifies];
    core.book
        .enrol(Officer { id: id.clone(), roles, key: key.public(), seal: "age1".into(), until: None })
        .unwrap();
    let judge = |act| {
        let act = Act { officer: id.clone(), act, at: clock::now() };
        Request::HitJudge { acts: vec![SignedAct::sign(act, &key).unwrap()] }
    };
    let no_hit = ActKind::Verify { query, item: 3, same: true, reason: None };
    let refused = asker.ask(judge(no_hit)).await.unwrap_err();
    assert!(refused.what.contains("was no hit"), "{refused}");
    let named = |hits: &[&str]| {
        let kind: Kind = "travel-document".parse().unwrap();
        Request::HitItems { query, hits: hits.iter().map(|person| ((*person).to_owned(), kind)).collect() }
    };
    assert!(matches!(asker.ask(named(&["p4", "p0"])).await, Ok(Reply::Items { items }) if items == [0, 4]));
    for (hits, says) in [
        (&["p1", "p3"][..], "p3:travel-document was no hit of this query"),
        (&["p99"], "asked about no travel-document"),
        (&[], "was no match"),
    ] {
        let refused = asker.ask(named(hits)).await.unwrap_err();
        assert!(refused.what.contains(says), "{refused}");
    }
    let claim = |item, officer: &OfficerId| Request::ClaimDraft {
        query,
        items: vec![item],
        fields: vec!["PLACE".parse().unwrap()],
        officer: officer.clone(),
    };
    assert!(asker.ask(claim(3, &id)).await.unwrap_err().what.contains("was no hit"));
    let same = ActKind::Verify { query, item: 1, same: true, reason: None };
    let Ok(Reply::Noted { text }) = asker.ask(judge(same)).await else { panic!("noted") };
    assert!(text.contains("the hit p1:travel-document of"), "{text}");
    assert_eq!(listed(&asker).await[0].verified_by, [None, Some(id.clone()), None, None]);
    let different = ActKind::Verify { query, item: 1, same: false, reason: None };
    asker.ask(judge(different)).await.unwrap();
    // Whoever claims it is told whose word is against it.
    let other: OfficerId = "ana".parse().unwrap();
    let (hers, seal) = (SigningKey::from_bytes(&[6; 32]).public(), "age1".into());
    let officer = Officer { id: other.clone(), roles: vec![Role::Asks], key: hers, seal, until: None };
    core.book.enrol(officer).unwrap();
    let against = asker.ask(claim(1, &other)).await.unwrap_err();
    assert!(against.what.contains(&format!("{id} said at")), "{against}");
    let blank = ActKind::Explain { query, reason: " ".into() };
    assert!(asker.ask(judge(blank)).await.unwrap_err().what.contains("reason"));
    assert_eq!(listed(&asker).await[0].items, [0, 2, 4]);
    core.book.remove_officer(id.clone(), "for the test".into()).unwrap();

    // The next query, as it would be three days later, says what is overdue.
    let asked = core.book.state().query(Side::Asker, &query).unwrap().unwrap();
    let later = clock::now().plus(73 * Timestamp::HOUR);
    let anew = |n: u8, unexplained, purpose: &str, basis: &str| {
        let mut ask = asked.ask.clone();
        (ask.query, ask.asked_at, ask.unexplained) = (QueryId([n; 16]), later, unexplained);
        (ask.purpose, ask.basis) = (purpose.parse().unwrap(), basis.parse().unwrap());
        ask
    };
    let refused = |agency: &Agency, side, ask: &symbolon_policy::ask::Ask| {
        let core = &agency.node.core;
        let signature = signing::sign(ask, &*asker.node.core.signer).unwrap();
        let agreement = core.book.agreement(&ask.agreement).unwrap();
        match symbolon_policy::permit::admit(&agreement, ask, core.book.own(), core.book.state(), later) {
            Ok(_) => None,
            Err(refusal) => {
                let again = core.book.admit(side, &agreement, ask, signature, later).unwrap();
                assert!(matches!(again, Admission::Refused(_)));
                assert!(refusal.clauses.iter().all(|clause| clause.id == "hits-unexplained"), "{refusal:?}");
                Some(refusal.code)
            }
        }
    };
    let (silent, honest) =
        (anew(1, 0, "IRREG_ENTRY", "READMISSION"), anew(2, 3, "IRREG_ENTRY", "READMISSION"));
    let forbidden = Some(RefusalCode::RulesForbid);
    assert_eq!(refused(&asker, Side::Asker, &silent), forbidden, "its own node counts");
    assert_eq!(refused(&holder, Side::Holder, &honest), forbidden, "the holder has the asker's word");
    assert_eq!(refused(&holder, Side::Holder, &silent), None, "and nothing else");
    let child = anew(3, 3, "CHILD_PROTECTION", "VITAL_INTEREST");
    assert_eq!(refused(&asker, Side::Asker, &child), None, "a child is asked about all the same");

    // Whoever leaves them out is found out by the audit of its journal.
    let verify = || asker.ask(Request::AuditVerify);
    let Ok(Reply::Audit { clean: true, .. }) = verify().await else { panic!("nothing was left out yet") };
    let agreement = core.book.agreement(&silent.agreement).unwrap();
    let charges = symbolon_policy::quota::charges(agreement.terms(), &silent, clock::now());
    let signature = signing::sign(&silent, &*core.signer).unwrap();
    core.book.record(&Event::Query { side: Side::Asker, ask: silent, signature, charges }).unwrap();
    let Ok(Reply::Audit { clean, text, .. }) = verify().await else { panic!("audit") };
    assert!(!clean && text.contains("it says that 0 hits were overdue, and 3 were"), "{text}");

    // Explained, even late, they count no more.
    core.book
        .enrol(Officer {
            id: id.clone(),
            roles: vec![Role::Asks],
            key: key.public(),
            seal: "age1".into(),
            until: None,
        })
        .unwrap();
    asker.ask(judge(ActKind::Explain { query, reason: "identified otherwise".into() })).await.unwrap();
    assert_eq!((listed(&asker).await, open(&asker).await), (Vec::new(), OpenHits::default()));
}
