use jiff::civil::date;
use symbolon_policy::{
    ask::Ask,
    receipt::{AnswerClass, Receipt},
    rules::ExchangeKind,
    signing::Signature,
    words::{AgreementId, Digest, Timestamp},
};

use super::*;
use crate::demo::people::generate;

fn receipt() -> SignedReceipt {
    let ask = Ask {
        query: QueryId([0; 16]),
        agreement: AgreementId([0; 32]),
        rules: Digest([0; 32]),
        asker: "MK".parse().unwrap(),
        holder: "RS".parse().unwrap(),
        exchange: ExchangeKind::Exact,
        register: "border".parse().unwrap(),
        purpose: Purpose::IrregEntry,
        basis: LegalBasis::Readmission,
        officer: "officer".parse().unwrap(),
        case: None,
        items: 1,
        snapshot: None,
        matching: None,
        unexplained: 0,
        commitment: Digest([0; 32]),
        digest: Digest([0; 32]),
        asked_at: Timestamp(0),
    };
    let receipt = Receipt {
        ask,
        engine: "exact/1".into(),
        entries: 1,
        snapshot: None,
        transcript: Digest([0; 32]),
        answer: AnswerClass::Hits,
        leakage_bits: 1,
        answered_at: Timestamp(0),
    };
    SignedReceipt { receipt, holder: Signature([0; 64]), asker: None }
}

/// People and the hits that were planted.
fn played() -> (Vec<Asked>, Played) {
    let asked = generate(500, 1_000, 2, date(2026, 3, 1), &mut Vec::new()).unwrap();
    let hits = asked.iter().map(|person| person.case.expected().to_vec()).collect();
    (asked, Played { hits, queries: Vec::new(), receipt: receipt() })
}

#[test]
fn planted_hits_are_right() {
    let (asked, played) = played();
    let cases = played.cases(&asked);
    assert_eq!(cases.len(), Case::ALL.len());
    assert!(cases.iter().all(|count| count.right == count.planted));
    let hits = cases.iter().filter(|count| count.hit > 0).map(|count| count.case).collect::<Vec<_>>();
    assert_eq!(hits, [Case::Alike, Case::Respelled, Case::Misread, Case::Misheard]);
    assert_eq!(cases.iter().map(|count| count.planted).sum::<u64>(), 500);
}

#[test]
fn every_wrong_hit_shows() {
    for case in Case::ALL {
        let (asked, mut played) = played();
        let place = asked.iter().position(|person| person.case == case).unwrap();
        let wrong = match case {
            Case::Misread => vec![Kind::TravelDocument],
            Case::Alike | Case::Respelled => vec![Kind::NameBirth],
            Case::Misheard => vec![],
            _ => vec![Kind::NameBirth],
        };
        played.hits[place] = wrong;
        for count in played.cases(&asked) {
            assert_eq!(count.right == count.planted, count.case != case, "{case:?}");
        }
    }
}

#[test]
fn there_is_an_example_of_every_case_that_hits_under_another_spelling() {
    let (asked, played) = played();
    let examples = played.examples(&asked);
    let cases = examples.iter().map(|example| example.case).collect::<Vec<_>>();
    assert_eq!(cases, [Case::Respelled, Case::Misread, Case::Misheard]);
    assert!(examples.iter().all(|example| example.holder != example.asker));
}
