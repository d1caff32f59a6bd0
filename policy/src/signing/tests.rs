use ed25519_dalek::Verifier;
use proptest::prelude::*;

use super::*;
use crate::world::key;

#[derive(Serialize)]
struct Note(String);

impl Document for Note {
    const LABEL: &'static str = "symbolon/test-note/1";
}

/// The same content as a note, under another label.
#[derive(Serialize)]
struct Letter(String);

impl Document for Letter {
    const LABEL: &'static str = "symbolon/test-letter/1";
}

fn note() -> Note {
    Note("all good".into())
}

#[test]
fn rfc_8032_test_1() {
    // RFC 8032 section 7.1, TEST 1: the empty message.
    let secret = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let key = SigningKey::from_bytes(&secret.parse::<PublicKey>().unwrap().0);
    assert_eq!(
        Signer::public(&key).to_string(),
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    );
    assert_eq!(
        Signer::sign(&key, b"").to_string(),
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
         d25bf5f0595bbe24655141438e7a100b"
    );
}

#[test]
fn a_signature_stands_for_one_key_one_document_and_one_label() {
    let signature = sign(&note(), &key(1)).unwrap();
    let public = Signer::public(&key(1));
    assert_eq!(verify(&note(), &public, &signature), Ok(()));
    let mismatch = Err(SignatureError::Mismatch(public));
    assert_eq!(verify(&Note("all bad".into()), &public, &signature), mismatch);
    assert_eq!(verify(&Letter("all good".into()), &public, &signature), mismatch);
    let other = Signer::public(&key(2));
    assert_eq!(verify(&note(), &other, &signature), Err(SignatureError::Mismatch(other)));
    assert_ne!(note().digest().unwrap(), Letter("all good".into()).digest().unwrap());
}

#[test]
fn a_second_form_of_a_signature_is_refused() {
    // The order of the base point, little endian [RFC 8032 section 5.1].
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010".parse::<PublicKey>();
    let mut signature = sign(&note(), &key(1)).unwrap();
    let mut carry = 0;
    for (byte, add) in signature.0[32..].iter_mut().zip(order.unwrap().0) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "s + L fits 32 bytes, so only the check refuses it");
    let public = Signer::public(&key(1));
    assert_eq!(verify(&note(), &public, &signature), Err(SignatureError::Mismatch(public)));
}

/// Every encoding of a point of small order that a lenient reader accepts, sign bit included.
const WEAK: [&str; 7] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

#[test]
fn weak_keys_are_refused() {
    for weak in WEAK {
        for sign_bit in [0, 0x80] {
            let mut public: PublicKey = weak.parse().unwrap();
            public.0[31] |= sign_bit;
            let signature = sign(&note(), &key(1)).unwrap();
            assert_eq!(verify(&note(), &public, &signature), Err(SignatureError::Key(public)), "{public}");
        }
    }
}

#[test]
fn a_signature_that_fits_every_document_of_a_weak_key_is_refused() {
    // Under the identity as key, (s·B, s) satisfies the equation for every message.
    let signer = key(3);
    let mut forged = [0; 64];
    forged[..32].copy_from_slice(&Signer::public(&signer).0);
    forged[32..].copy_from_slice(&signer.to_scalar().to_bytes());
    let identity: PublicKey = WEAK[0].parse().unwrap();
    let lenient = VerifyingKey::from_bytes(&identity.0).unwrap();
    let bytes = note().signed_bytes().unwrap();
    assert!(lenient.verify(&bytes, &ed25519_dalek::Signature::from_bytes(&forged)).is_ok());
    assert_eq!(verify(&note(), &identity, &Signature(forged)), Err(SignatureError::Key(identity)));
}

#[test]
fn bytes_that_are_no_point_are_refused() {
    let none = PublicKey([2; 32]);
    assert!(VerifyingKey::from_bytes(&none.0).is_err());
    let signature = sign(&note(), &key(1)).unwrap();
    assert_eq!(verify(&note(), &none, &signature), Err(SignatureError::Key(none)));
}

#[test]
fn keys_and_signatures_have_one_text() {
    let public = Signer::public(&key(1));
    let json = serde_json::to_string(&public).unwrap();
    assert_eq!(json, format!("\"{public}\""));
    assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), public);
    let cbor = canonical::encode(&public).unwrap();
    assert_eq!((cbor.len(), canonical::decode::<PublicKey>(&cbor).unwrap()), (34, public));
    assert!(json.to_uppercase().trim_matches('"').parse::<PublicKey>().is_err(), "capitals");
    assert!(public.to_string()[2..].parse::<PublicKey>().is_err(), "too short");
    assert!(canonical::decode::<Signature>(&cbor).is_err(), "a key is no signature");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_altered_signature_stands(bit in 0_usize..512, text in ".{0,40}") {
        let note = Note(text);
        let mut signature = sign(&note, &key(1)).unwrap();
        signature.0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify(&note, &Signer::public(&key(1)), &signature).is_err());
    }
}
