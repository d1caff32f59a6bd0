use super::*;
use crate::{
    control::api::Request,
    node::tests::pair::{Agency, agree, pair},
};

async fn drafted(one: &Agency, other: &Agency, rules: Option<&str>) -> Result<String, Failure> {
    let Ok(Reply::Identity(card)) = other.ask(Request::Identity).await else { panic!("card") };
    let draft = Request::AgreementDraft {
        partner: Box::new(card),
        title: None,
        valid_from: None,
        days: 30,
        rules: rules.map(str::to_owned),
    };
    match one.ask(draft).await? {
        Reply::Text { text } => Ok(text),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_terms_of_the_match_in_a_draft_stand_when_their_marks_are_taken_away() {
    let (one, other) = (Agency::new("RS").await, Agency::new("MK").await);
    let text = drafted(&one, &other, None).await.unwrap();
    let (before, matching) = text.split_once("# [matching]").unwrap();
    let matching: Vec<_> = matching.lines().map(|line| line.trim_start_matches(['#', ' '])).collect();
    let document = format!("{before}[matching]{}", matching.join("\n"));
    let signed = one.ask(Request::AgreementSign { document, proofs: Vec::new() }).await;
    let Ok(Reply::Agreement { agreement, .. }) = signed else { panic!("{signed:?}") };
    assert_eq!(agreement.terms.matching.unwrap().forms.len(), 1);
    let probes = agreement.terms.quotas.iter().filter(|quota| quota.unit == Unit::Probes);
    assert_eq!(probes.count(), 2, "one for each party");

    let wrong = Request::AgreementSign { document: format!("{text}\n[matching]\n"), proofs: Vec::new() };
    assert!(one.ask(wrong).await.unwrap_err().help.is_some_and(|help| help.contains("as comments")));
}

#[tokio::test]
async fn rules_without_a_clause_are_neither_drafted_nor_signed_nor_set() {
    let (one, other) = (Agency::new("RS").await, Agency::new("MK").await);
    let empty = drafted(&one, &other, Some("// nothing\n")).await.unwrap_err();
    assert!(empty.what.contains("no clauses"), "{empty}");
    let mut terms = parse(&drafted(&one, &other, None).await.unwrap()).unwrap().terms;
    terms.rules = String::new();
    let document = toml::to_string(&terms).unwrap();
    let empty = one.ask(Request::AgreementSign { document, proofs: Vec::new() }).await.unwrap_err();
    assert!(empty.what.contains("no clauses"), "{empty}");

    use crate::control::api::NationalChange::{Clear, Set, Show};
    let national = |change| one.ask(Request::RulesNational { change });
    let rules = symbolon_policy::rules::NATIONAL_EXAMPLE;
    let set = national(Set(rules.to_owned())).await.unwrap();
    assert!(matches!(set, Reply::National { clauses: 1.., digest: Some(_) }), "{set:?}");
    let empty = national(Set("\n".to_owned())).await.unwrap_err();
    assert!(empty.help.is_some_and(|help| help.contains("rules national clear")));
    assert!(matches!(national(Show).await, Ok(Reply::Text { text }) if text == rules), "nothing changed");
    assert!(matches!(national(Clear).await, Ok(Reply::National { clauses: 0, digest: None })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_names_its_agreement_and_says_who_knows() {
    let (one, other) = (Agency::new("RS").await, Agency::new("MK").await);
    agree(&one, &other).await;
    let id = one.core().book.agreements()[0].id().to_string();
    let revoke = |id: &str, reason: &str| {
        one.ask(Request::AgreementRevoke { id: id.to_owned(), reason: reason.to_owned() })
    };
    for prefix in ["", &id[..7]] {
        let short = revoke(prefix, "over").await.unwrap_err();
        assert!(short.what.contains("at least 8 digits"), "{short}");
    }
    for reason in ["", " ", &"x".repeat(501)] {
        assert!(revoke(&id[..8], reason).await.unwrap_err().what.contains("500 characters"));
    }
    // A reason is told in one line; whoever gives one with two learns why it is not taken.
    let refused = [
        revoke(&id[..8], "it is\nover").await.unwrap_err(),
        one.ask(Request::OfficerRemove { id: "ana".parse().unwrap(), reason: "she\nleft".into() })
            .await
            .unwrap_err(),
    ];
    assert!(refused.iter().all(|refused| refused.what.contains("no control characters")), "{refused:?}");
    assert!(one.ask(Request::AgreementShow { id: String::new() }).await.is_err(), "nothing is named");
    let Ok(Reply::Revoked { id: revoked, partner, told, .. }) = revoke(&id[..8], "over").await else {
        panic!("revoked")
    };
    assert_eq!((revoked.to_string(), partner.as_str(), told), (id, "MK", false), "MK does not serve");

    let gone = one.core().partner(&"MK".parse().unwrap()).err().unwrap();
    assert!(gone.what.contains("with MK: it was revoked"), "{gone}");

    let (holder, asker, _serving) = pair(1).await;
    let id = asker.core().book.agreements()[0].id().to_string();
    let revoked = asker.ask(Request::AgreementRevoke { id, reason: "over".to_owned() }).await;
    assert!(matches!(revoked, Ok(Reply::Revoked { told: true, .. })), "{revoked:?}");
    drop(holder);
}

#[tokio::test]
async fn an_agreement_that_does_not_hold_is_told_with_its_days_and_the_clock() {
    let (one, other) = (Agency::new("RS").await, Agency::new("MK").await);
    let mut terms = parse(&drafted(&one, &other, None).await.unwrap()).unwrap().terms;
    terms.valid_from = clock::now().plus(Timestamp::DAY);
    let mut document = toml::to_string(&terms).unwrap();
    for agency in [&one, &other] {
        let sign = Request::AgreementSign { document, proofs: Vec::new() };
        let Ok(Reply::Agreement { agreement, .. }) = agency.ask(sign).await else { panic!("sign") };
        document = serde_json::to_string(&agreement).unwrap();
    }
    one.ask(Request::AgreementAccept { document, proofs: Vec::new() }).await.unwrap();
    let early = one.core().partner(&"MK".parse().unwrap()).err().unwrap();
    let says = format!("one holds from {} to {}", terms.valid_from, terms.valid_until);
    assert!(early.what.contains(&says) && early.what.contains("clock"), "{early}");
    let stranger = one.core().partner(&"AL".parse().unwrap()).err().unwrap();
    assert!(stranger.what.ends_with("in force with AL"), "{stranger}");
}
