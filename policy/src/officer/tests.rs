use super::*;
use crate::{
    agreement::MatchAnswer,
    ask::{Ask, MatchAsk},
    canonical,
    rules::ExchangeKind,
    words::{Digest, LegalBasis, Position, Purpose, QueryId, Salt},
    world::{NOW, key, mk, rs},
};

fn ana() -> Officer {
    Officer {
        id: "ana.petrovic".parse().unwrap(),
        roles: vec![Role::Asks, Role::Verifies],
        key: key(7).public(),
        seal: "age1...".into(),
        until: Some(NOW.plus(10)),
    }
}

fn claim() -> Digest {
    Digest([5; 32])
}

/// One act of each kind, with the role it takes.
fn kinds() -> Vec<(ActKind, Role)> {
    let (query, reason) = (QueryId([1; 16]), || "because".to_owned());
    vec![
        (ActKind::Ask { digest: claim() }, Role::Asks),
        (ActKind::Verify { query, item: 3, same: false, reason: Some(reason()) }, Role::Verifies),
        (ActKind::Claim { digest: claim() }, Role::Asks),
        (ActKind::Approve { claim: claim() }, Role::Approves),
        (ActKind::Refuse { claim: claim(), reason: reason() }, Role::Approves),
        (ActKind::StopClock { claim: claim(), reason: reason() }, Role::Approves),
        (ActKind::ResumeClock { claim: claim() }, Role::Approves),
        (ActKind::Explain { query, reason: reason() }, Role::Asks),
        (ActKind::Acknowledge { alert: claim(), observed: 3, note: reason() }, Role::Audits),
    ]
}

fn act(act: ActKind) -> Act {
    Act { officer: ana().id, act, at: NOW }
}

fn signed(kind: ActKind) -> SignedAct {
    SignedAct::sign(act(kind), &key(7)).unwrap()
}

#[test]
fn every_kind_takes_its_role_and_no_other() {
    for (kind, role) in kinds() {
        let signed = signed(kind);
        for held in Role::ALL {
            let officer = Officer { roles: vec![*held], ..ana() };
            let refused = Err(ActError::Role { officer: ana().id, role });
            assert_eq!(signed.verify(&officer, NOW), if *held == role { Ok(()) } else { refused }, "{held}");
        }
    }
}

#[test]
fn an_act_stands_for_one_officer_one_key_and_its_words() {
    let signed = signed(ActKind::Ask { digest: claim() });
    assert_eq!(signed.verify(&ana(), NOW), Ok(()));
    let other = Officer { id: "ivo".parse().unwrap(), ..ana() };
    assert!(matches!(signed.verify(&other, NOW), Err(ActError::OtherOfficer { .. })));
    let rekeyed = Officer { key: key(8).public(), ..ana() };
    assert!(matches!(signed.verify(&rekeyed, NOW), Err(ActError::Signature { .. })));
    for altered in [
        Act { act: ActKind::Ask { digest: Digest([6; 32]) }, ..signed.act.clone() },
        Act { act: ActKind::Claim { digest: claim() }, ..signed.act.clone() },
        Act { at: NOW.plus(1), ..signed.act.clone() },
    ] {
        let altered = SignedAct { act: altered, ..signed.clone() };
        assert!(matches!(altered.verify(&ana(), NOW), Err(ActError::Signature { .. })));
    }
}

#[test]
fn an_enrolment_ends_and_an_act_is_not_of_tomorrow() {
    let signed = signed(ActKind::Ask { digest: claim() });
    assert_eq!(signed.verify(&ana(), NOW.plus(9)), Ok(()));
    let until = NOW.plus(10);
    assert_eq!(signed.verify(&ana(), until), Err(ActError::Ended { officer: ana().id, until }));
    assert!(
        ana().holds(Role::Asks, NOW) && !ana().holds(Role::Audits, NOW) && !ana().holds(Role::Asks, until)
    );
    let endless = Officer { until: None, ..ana() };
    assert_eq!(signed.verify(&endless, NOW.plus(Timestamp::DAY)), Ok(()));
    assert_eq!(signed.verify(&endless, NOW.plus(-SKEW)), Ok(()));
    assert_eq!(signed.verify(&endless, NOW.plus(-SKEW - 1)), Err(ActError::Future { at: NOW }));
}

#[test]
fn texts_are_bounded_in_characters() {
    let explain = |length| signed(ActKind::Explain { query: QueryId([1; 16]), reason: "ж".repeat(length) });
    assert_eq!(explain(TEXT_LIMIT).verify(&ana(), NOW), Ok(()));
    assert_eq!(explain(TEXT_LIMIT + 1).verify(&ana(), NOW), Err(ActError::Text));
}

#[test]
fn acts_have_one_form_and_unknown_words_are_refused() {
    for (kind, _) in kinds() {
        let signed = signed(kind);
        let json = serde_json::to_string(&signed).unwrap();
        assert_eq!(serde_json::from_str::<SignedAct>(&json).unwrap(), signed);
        let bytes = canonical::encode(&signed).unwrap();
        assert_eq!(canonical::decode::<SignedAct>(&bytes).unwrap(), signed);
        let more = json.replacen("{\"officer\"", "{\"more\":1,\"officer\"", 1);
        assert!(more != json && serde_json::from_str::<SignedAct>(&more).is_err());
    }
    let json = serde_json::to_string(&ActKind::ResumeClock { claim: claim() }).unwrap();
    assert_eq!(json, format!("{{\"resume_clock\":{{\"claim\":\"{}\"}}}}", claim()));
    assert!(serde_json::from_str::<ActKind>(&json.replace("}}", ",\"x\":1}}")).is_err());
}

#[test]
fn a_card_is_shown_by_who_has_the_key() {
    let Officer { id, key: public, seal, .. } = ana();
    let card = Card { id, key: public, seal };
    let shown = OfficerCard::sign(card.clone(), &key(7)).unwrap();
    assert_eq!(shown.verify(), Ok(()));
    assert!(OfficerCard::sign(card, &key(8)).is_err(), "a card for somebody else's key");
    let mut altered = shown;
    altered.card.seal.push('x');
    assert!(altered.verify().is_err());
}

fn ask() -> Ask {
    Ask {
        query: QueryId([1; 16]),
        agreement: crate::words::AgreementId([1; 32]),
        rules: claim(),
        asker: rs(),
        holder: mk(),
        exchange: ExchangeKind::Exact,
        register: "border".parse().unwrap(),
        purpose: Purpose::IrregEntry,
        basis: LegalBasis::Bilat,
        officer: ana().id,
        case: Some(claim()),
        items: 1,
        snapshot: None,
        matching: None,
        unexplained: 0,
        commitment: claim(),
        digest: claim(),
        asked_at: NOW,
    }
}

fn intent(how: How) -> Intent {
    Intent::Ask {
        how,
        partners: Vec::new(),
        register: "border".parse().unwrap(),
        purpose: Purpose::IrregEntry,
        basis: LegalBasis::Bilat,
        case: true,
        subject: claim(),
    }
}

#[test]
fn an_intent_covers_the_queries_that_were_meant() {
    let exact = intent(How::Exact);
    assert!(exact.covers(&ask()));
    for other in [
        Ask { exchange: ExchangeKind::Count, ..ask() },
        Ask { register: "wanted".parse().unwrap(), ..ask() },
        Ask { purpose: Purpose::ReturnId, ..ask() },
        Ask { basis: LegalBasis::NatLaw, ..ask() },
        Ask { case: None, ..ask() },
    ] {
        assert!(!exact.covers(&other), "{other:?}");
    }
    let to = |partner| match intent(How::Exact) {
        Intent::Ask { how, register, purpose, basis, case, subject, .. } => {
            Intent::Ask { partners: vec![partner], how, register, purpose, basis, case, subject }
        }
        resume @ Intent::Resume { .. } => resume,
    };
    assert!(to(mk()).covers(&ask()) && !to(rs()).covers(&ask()));
    assert!(Intent::Resume { query: ask().query }.covers(&ask()));
    assert!(!Intent::Resume { query: QueryId([2; 16]) }.covers(&ask()));

    let matched = |engine: Option<&str>| {
        let engine = engine.map(|name| name.parse().unwrap());
        intent(How::Match { form: "face".parse().unwrap(), answer: MatchAnswer::Any, engine, courier: false })
    };
    let asked = MatchAsk {
        form: "face".parse().unwrap(),
        engine: "one/1".parse().unwrap(),
        answer: MatchAnswer::Any,
        keys: claim(),
        positions: vec![Position::Face],
    };
    let asked = Ask { exchange: ExchangeKind::Match, matching: Some(asked), ..ask() };
    assert!(matched(None).covers(&asked) && matched(Some("one/1")).covers(&asked));
    assert!(!matched(Some("two/1")).covers(&asked) && !exact.covers(&asked) && !matched(None).covers(&ask()));
}

#[test]
fn a_subject_binds_salt_case_and_file() {
    let of = |salt, case, file| subject(&Salt([salt; 32]), case, &Digest([file; 32]));
    let one = of(1, Some("K-17"), 1);
    assert_eq!(one, of(1, Some("K-17"), 1));
    for other in [of(2, Some("K-17"), 1), of(1, Some("K-18"), 1), of(1, None, 1), of(1, Some("K-17"), 2)] {
        assert_ne!(one, other);
    }
}
