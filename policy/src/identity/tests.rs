use super::*;
use crate::world::{NOW, key, rs};

fn identity() -> Identity {
    Identity {
        code: rs(),
        name: "Agency of RS*".into(),
        peer: "peer of RS".into(),
        key: key(1).public(),
        addresses: vec!["/ip4/192.0.2.1/tcp/7000".into()],
        made: NOW,
    }
}

#[test]
fn a_card_stands_by_the_key_it_names_and_only_as_it_was_signed() {
    let card = IdentityCard::sign(identity(), &key(1)).unwrap();
    let text = serde_json::to_string(&card).unwrap();
    assert_eq!(serde_json::from_str::<IdentityCard>(&text).unwrap(), card);
    card.verify().unwrap();
    let altered = [
        Identity { code: "MK".parse().unwrap(), ..identity() },
        Identity { name: "Agency of RS".into(), ..identity() },
        Identity { peer: "another peer".into(), ..identity() },
        Identity { key: key(2).public(), ..identity() },
        Identity { addresses: Vec::new(), ..identity() },
        Identity { made: NOW.plus(1), ..identity() },
    ];
    for identity in altered {
        let card = IdentityCard { identity, ..card.clone() };
        assert_eq!(card.verify(), Err(SignatureError::Mismatch(card.identity.key)), "{card:?}");
    }
}

#[test]
fn nobody_signs_a_card_for_another_key() {
    let named = key(1).public();
    assert_eq!(IdentityCard::sign(identity(), &key(2)), Err(SignatureError::Mismatch(named)));
}

#[test]
fn a_card_with_unknown_words_is_refused() {
    let card = IdentityCard::sign(identity(), &key(1)).unwrap();
    let mut json = serde_json::to_value(&card).unwrap();
    json["identity"]["colour"] = "blue".into();
    assert!(serde_json::from_value::<IdentityCard>(json).is_err());
}
