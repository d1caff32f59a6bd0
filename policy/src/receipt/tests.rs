use super::*;
use crate::world::{NOW, ask, count, in_force, key, match_ask, match_terms, terms};

fn receipt() -> Receipt {
    let ask = ask(&in_force(terms()));
    Receipt {
        engine: "test".into(),
        entries: 1_024,
        snapshot: Some(SnapshotId([3; 16])),
        transcript: Digest([4; 32]),
        answer: AnswerClass::Hits,
        leakage_bits: leakage_bits(AnswerClass::Hits, ask.items, 1_024),
        answered_at: NOW.plus(1),
        ask,
    }
}

fn signed(receipt: Receipt) -> SignedReceipt {
    let holder = signing::sign(&receipt, &key(2)).unwrap();
    let asker = Some(signing::sign(&receipt, &key(1)).unwrap());
    SignedReceipt { receipt, holder, asker }
}

fn verify(receipt: &SignedReceipt) -> Result<(), SignatureError> {
    use crate::signing::Signer;
    receipt.verify(&key(2).public(), &key(1).public())
}

#[test]
fn the_canonical_form_is_the_one_that_was_ever_signed() {
    // A change here makes every receipt that was signed another one: it needs another label.
    assert_eq!(
        receipt().digest().unwrap().to_string(),
        "d2289bdaf92e101fca7ae40a6fc5dd1f44b246eb5dae25fcf6ca15bc894ddb24"
    );
}

#[test]
fn both_signatures_have_to_stand() {
    let whole = signed(receipt());
    verify(&whole).unwrap();
    verify(&SignedReceipt { asker: None, ..whole.clone() }).unwrap();
    // The two signatures are of two keys; neither serves for the other.
    let swapped = SignedReceipt { holder: whole.asker.unwrap(), ..whole.clone() };
    assert!(matches!(verify(&swapped), Err(SignatureError::Mismatch(_))));
    let twice = SignedReceipt { asker: Some(whole.holder), ..whole.clone() };
    assert!(matches!(verify(&twice), Err(SignatureError::Mismatch(_))));
    let bytes = crate::canonical::encode(&whole).unwrap();
    assert_eq!(crate::canonical::decode::<SignedReceipt>(&bytes).unwrap(), whole);
}

#[test]
fn nothing_in_a_receipt_can_be_changed_afterwards() {
    let whole = signed(receipt());
    let altered = [
        Receipt { ask: Ask { items: 6, ..receipt().ask }, ..receipt() },
        Receipt { engine: "other".into(), ..receipt() },
        Receipt { entries: 1_025, ..receipt() },
        Receipt { snapshot: None, ..receipt() },
        Receipt { transcript: Digest([5; 32]), ..receipt() },
        Receipt { answer: AnswerClass::NoisyCount, ..receipt() },
        Receipt { answer: AnswerClass::Candidates { cap: 4 }, ..receipt() },
        Receipt { leakage_bits: 4, ..receipt() },
        Receipt { answered_at: NOW, ..receipt() },
    ];
    for receipt in altered {
        let forged = SignedReceipt { receipt, ..whole.clone() };
        assert!(matches!(verify(&forged), Err(SignatureError::Mismatch(_))), "{forged:?}");
        assert_ne!(forged.digest().unwrap(), whole.digest().unwrap());
    }
}

#[test]
fn a_receipt_names_the_engine_and_the_kind_of_answer() {
    let agreement = in_force(match_terms());
    let terms = agreement.terms();
    let said = |ask: &Ask| (engine_of(ask).to_owned(), AnswerClass::of(terms, ask));
    assert_eq!(said(&ask(&agreement)), (EXACT_ENGINE.to_owned(), Some(AnswerClass::Hits)));
    assert_eq!(said(&count(&agreement)), (COUNT_ENGINE.to_owned(), Some(AnswerClass::NoisyCount)));
    let mut ask = match_ask(&agreement);
    assert_eq!(said(&ask), ("second/1".to_owned(), Some(AnswerClass::Candidates { cap: 4 })));
    let asked = ask.matching.as_mut().unwrap();
    asked.answer = MatchAnswer::Any;
    assert_eq!(AnswerClass::of(terms, &ask), Some(AnswerClass::Any));
    ask.matching.as_mut().unwrap().form = "ear".parse().unwrap();
    assert_eq!(AnswerClass::of(terms, &ask), None);
    ask.matching = None;
    assert_eq!(said(&ask), (String::new(), None));
    let json = |class| serde_json::to_string::<AnswerClass>(&class).unwrap();
    assert_eq!(json(AnswerClass::Any), "\"any\"");
    assert_eq!(json(AnswerClass::Candidates { cap: 4 }), "{\"candidates\":{\"cap\":4}}");
}

#[test]
fn leakage_is_the_logarithm_of_the_number_of_answers() {
    for items in [0_u32, 1, 2, 3, 4, 7, 8, 99, 100, 127, 128, 1_000_000, u32::MAX] {
        assert_eq!(leakage_bits(AnswerClass::Hits, items, 9), u64::from(items));
        assert_eq!(leakage_bits(AnswerClass::Any, items, 9), 1);
        // 1 + 1 + 9 + 36 answers.
        assert_eq!(leakage_bits(AnswerClass::Candidates { cap: 2 }, items, 9), 6);
        let bits = leakage_bits(AnswerClass::NoisyCount, items, 9);
        let answers = u64::from(items) + 1;
        assert!(1_u64 << bits >= answers, "{items}: enough for every number from 0 to {items}");
        assert!(bits == 0 || 1_u64 << (bits - 1) < answers, "{items}: and no more");
    }
}
