//! Why a query would be allowed or refused, asked without asking it.

use symbolon_policy::{rules::ready_clause, words::QueryId};

use super::{meters::with_match, pair::pair_on, *};
use crate::{
    config::Config,
    control::api::{Explain, Explained, NationalChange},
    journal::Event,
};

/// What the holder says of a query by MK.
async fn told(holder: &Agency, of: Explained, fields: &[&str]) -> (bool, String) {
    let query = Explain {
        partner: "MK".parse().unwrap(),
        asking: false,
        of,
        register: "border".parse().unwrap(),
        purpose: "IRREG_ENTRY".parse().unwrap(),
        basis: "READMISSION".parse().unwrap(),
        officer: "officer-1".parse().unwrap(),
        case: true,
        items: 1,
        unexplained: None,
        fields: fields.iter().map(|field| field.parse().unwrap()).collect(),
    };
    match holder.ask(Request::RulesExplain { query }).await.unwrap() {
        Reply::Explained { permitted, text, .. } => (permitted, text),
        other => panic!("{other:?}"),
    }
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
    let query = Explain {
        of: Explained::Match("voice".parse().unwrap()),
        partner: "RS".parse().unwrap(),
        asking: true,
        register: "border".parse().unwrap(),
        purpose: "IRREG_ENTRY".parse().unwrap(),
        basis: "READMISSION".parse().unwrap(),
        officer: "officer-1".parse().unwrap(),
        case: true,
        items: 1,
        unexplained: None,
        fields: Vec::new(),
    };
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
