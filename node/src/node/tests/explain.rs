//! Why a query would be allowed or refused, asked without asking it.

use symbolon_policy::{
    rules::ready_clause,
    words::{QueryId, Role, Timestamp},
};

use super::{
    meters::with_match,
    pair::{Person, pair_on},
    *,
};
use crate::{
    clock,
    config::Config,
    control::api::{Explain, Explained, FailureKind, NationalChange},
    journal::Event,
};

/// A query between a node and its partner.
fn words(partner: &str, asking: bool) -> Explain {
    Explain {
        partner: partner.parse().unwrap(),
        asking,
        of: Explained::Exact,
        register: "border".parse().unwrap(),
        purpose: "IRREG_ENTRY".parse().unwrap(),
        basis: "READMISSION".parse().unwrap(),
        officer: "officer-1".parse().unwrap(),
        case: true,
        items: 1,
        unexplained: None,
        fields: Vec::new(),
    }
}

/// Whether it is permitted, the text, and the code of the refusal.
async fn explained(agency: &Agency, query: Explain) -> (bool, String, serde_json::Value) {
    match agency.ask(Request::RulesExplain { query }).await.unwrap() {
        Reply::Explained { permitted, text, detail } => (permitted, text, detail["refusal"]["code"].clone()),
        other => panic!("{other:?}"),
    }
}

/// What the holder says of a query by MK.
async fn told(holder: &Agency, of: Explained, fields: &[&str]) -> (bool, String) {
    let fields = fields.iter().map(|field| field.parse().unwrap()).collect();
    let (permitted, text, _) = explained(holder, Explain { of, fields, ..words("MK", false) }).await;
    (permitted, text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_match_and_what_a_claim_would_release_are_explained() {
    let (holder, asker, _serving) = pair_on(2, Config::default(), with_match).await;
    let terms = holder.core().partners()[0].agreement.terms().clone();
    let form = terms.matching.as_ref().unwrap().forms[0].name.clone();
    let (permitted, text) = told(&holder, Explained::Match(form), &["NAME", "CATEGORY"]).await;
    assert!(permitted, "{text}");
    let of = |field: &str| text.split_once(&format!("{field}:")).unwrap().1.to_owned();
    assert!(of(", NAME").contains("own record: waits for 2 persons (release-identity)"), "{text}");
    assert!(of(", NAME").contains("age minor: refused (release-minors)"), "{text}");
    assert!(of(", CATEGORY").contains("own record: waits for 1 person (release-core)"), "{text}");
    let query = Explain { of: Explained::Match("voice".parse().unwrap()), ..words("RS", true) };
    let missing = asker.ask(Request::RulesExplain { query }).await.unwrap_err();
    assert!(missing.what.contains("no form voice; it has: face"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hits_that_a_partner_leaves_unexplained_are_those_of_its_last_query() {
    let (holder, asker, _serving) = pair(3).await;
    let national = NationalChange::Set(ready_clause("hits-unexplained").unwrap().unwrap().1.to_owned());
    holder.ask(Request::RulesNational { change: national }).await.unwrap();
    assert!(told(&holder, Explained::Exact, &[]).await.0);
    let query = exact(&asker, 0..1, terms()).await.query.unwrap();
    let known = holder.core().book.state().query(Side::Holder, &query).unwrap().unwrap();
    let mut ask = known.ask;
    (ask.query, ask.unexplained, ask.asked_at) = (QueryId([9; 16]), 70, ask.asked_at.plus(1));
    let (side, signature, charges) = (Side::Holder, known.signature, Vec::new());
    holder.core().book.record(&Event::Query { side, ask, signature, charges }).unwrap();
    let (permitted, text) = told(&holder, Explained::Exact, &[]).await;
    assert!(!permitted && text.contains("unexplained hits: 70"), "{text}");
    assert!(text.contains("taken from its last query: 70"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_query_of_an_officer_who_cannot_ask_is_told_to_be_refused() {
    let (holder, asker, _serving) = pair(1).await;
    let (permitted, text, code) = explained(&asker, words("RS", true)).await;
    assert!(permitted && code.is_null(), "nobody was ever enrolled: {text}");
    Person::enrolled(&asker, "bojan", 2, vec![Role::Verifies]);
    let entries = asker.core().book.entries().unwrap();
    for (officer, says) in
        [("officer-1", "officer-1 is not enrolled here"), ("bojan", "bojan does not have the role ASKS")]
    {
        let query = Explain { officer: officer.parse().unwrap(), ..words("RS", true) };
        let (permitted, text, code) = explained(&asker, query).await;
        assert!(!permitted && text.contains(says), "{text}");
        assert!(text.contains("asks nothing for this officer [officer_unproven]"), "{text}");
        assert!(text.contains("Beside that, the rules say:") && text.contains("permitted by"), "{text}");
        assert_eq!(code, "officer_unproven");
    }
    assert_eq!(asker.core().book.entries().unwrap(), entries, "nobody was refused anything");
    Person::enrolled(&asker, "officer-1", 1, vec![Role::Asks]);
    assert!(explained(&asker, words("RS", true)).await.0);
    // Officers of the partner are its own matter.
    assert!(explained(&holder, words("MK", false)).await.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_to_a_register_that_is_not_there_is_told_to_be_refused() {
    let (holder, _asker, _serving) = pair(1).await;
    let query = Explain { register: "nope".parse().unwrap(), ..words("MK", false) };
    let (permitted, text, code) = explained(&holder, query).await;
    assert!(!permitted && text.contains("there is no such register [unknown_register]"), "{text}");
    assert_eq!(code, "unknown_register");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_own_query_says_no_fewer_unexplained_hits_than_its_node_counts() {
    let (_holder, asker, _serving) = pair(3).await;
    let national = NationalChange::Set(ready_clause("hits-unexplained").unwrap().unwrap().1.to_owned());
    asker.ask(Request::RulesNational { change: national }).await.unwrap();
    let with = |unexplained| Explain { unexplained, ..words("RS", true) };
    assert!(explained(&asker, with(None)).await.0 && explained(&asker, with(Some(0))).await.0);
    let (permitted, text, _) = explained(&asker, with(Some(70))).await;
    assert!(!permitted && text.contains("unexplained hits: 70"), "{text}");

    // Two hits, as if they had been answered long ago.
    let answer = exact(&asker, 0..2, terms()).await;
    let (query, mut receipt) = (answer.query.unwrap(), answer.receipt.unwrap());
    receipt.receipt.answered_at = clock::now().plus(-100 * Timestamp::HOUR);
    let book = &asker.core().book;
    book.record(&Event::Receipt { side: Side::Asker, receipt }).unwrap();
    book.record(&Event::HitsSeen { query, items: vec![0, 1] }).unwrap();
    let fewer = asker.ask(Request::RulesExplain { query: with(Some(1)) }).await.unwrap_err();
    assert_eq!(fewer.kind, FailureKind::Input, "{fewer}");
    assert!(fewer.what.contains("leaves 2 hits unexplained"), "{fewer}");
    for counted in [None, Some(2)] {
        let (permitted, text, _) = explained(&asker, with(counted)).await;
        assert!(!permitted && text.contains("unexplained hits: 2"), "{text}");
    }
}
