use super::*;
use crate::world::{NOW, ask, in_force, key, terms};

fn receipt() -> Receipt {
    let ask = ask(&in_force(terms()));
    Receipt {
        engine: "test".into(),
        entries: 1_024,
        snapshot: Some(SnapshotId([3; 16])),
        transcript: Digest([4; 32]),
        answer: AnswerClass::Hits,
        leakage_bits: leakage_bits(AnswerClass::Hits, ask.items),
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
fn leakage_is_the_logarithm_of_the_number_of_answers() {
    for items in [0_u32, 1, 2, 3, 4, 7, 8, 99, 100, 127, 128, 1_000_000, u32::MAX] {
        assert_eq!(leakage_bits(AnswerClass::Hits, items), u64::from(items));
        let bits = leakage_bits(AnswerClass::NoisyCount, items);
        let answers = u64::from(items) + 1;
        assert!(1_u64 << bits >= answers, "{items}: enough for every number from 0 to {items}");
        assert!(bits == 0 || 1_u64 << (bits - 1) < answers, "{items}: and no more");
    }
}
