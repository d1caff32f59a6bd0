//! Round trips, every way of spoiling a value, and an independent computation of the key derivation.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

fn key() -> StorageKey {
    StorageKey::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap()))
}

/// HMAC-SHA256 written out from RFC 2104, for keys of at most 64 bytes.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(b, k)| *b ^= k);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[test]
fn derivation_is_hkdf_expand() {
    let derived = key().derive("registers");
    assert_eq!(derived.as_bytes(), &hmac(key().as_bytes(), b"symbolon key 1\0registers\x01"));
    let name = key().pseudonym(b"RS-1");
    assert_eq!(name, hmac(key().as_bytes(), b"symbolon name 1\0RS-1\x01")[..16]);
}

#[test]
fn labels_and_keys_are_kept_apart() {
    assert_ne!(key().derive("a").as_bytes(), key().derive("b").as_bytes());
    assert_ne!(StorageKey::generate().as_bytes(), StorageKey::generate().as_bytes());
    assert_ne!(key().pseudonym(b"a"), key().derive("x").pseudonym(b"a"));
}

#[test]
fn debug_shows_nothing() {
    assert_eq!(format!("{:?}", key()), "StorageKey(..)");
}

/// Appendix A.3.1 of draft-irtf-cfrg-xchacha-03.
#[test]
fn opens_the_published_vector() {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let key = hex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
    let key = StorageKey::from_bytes(key.try_into().unwrap());
    let sealed = hex(concat!(
        "404142434445464748494a4b4c4d4e4f5051525354555657",
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39",
        "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9",
        "21f9664c97637da9768812f615c68b13b52e",
        "c0875924c1c7987947deafd8780acf49"
    ));
    let plain = key.open(&hex("50515253c0c1c2c3c4c5c6c7"), &sealed).unwrap();
    assert!(plain.starts_with(b"Ladies and Gentlemen of the class of '99"));
}

#[test]
fn a_value_is_never_sealed_twice_alike() {
    assert_ne!(key().seal(b"place", b"value"), key().seal(b"place", b"value"));
}

proptest! {
    #[test]
    fn opens_what_was_sealed(aad: Vec<u8>, value: Vec<u8>) {
        let sealed = key().seal(&aad, &value);
        prop_assert_eq!(sealed.len(), value.len() + OVERHEAD);
        prop_assert_eq!(&*key().open(&aad, &sealed).unwrap(), &value);
    }

    #[test]
    fn refuses_a_changed_bit(value: Vec<u8>, at: prop::sample::Index, bit in 0..8_u8) {
        let mut sealed = key().seal(b"place", &value);
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert_eq!(key().open(b"place", &sealed), Err(SealError));
    }

    #[test]
    fn refuses_a_cut(value: Vec<u8>, at: prop::sample::Index) {
        let sealed = key().seal(b"place", &value);
        prop_assert_eq!(key().open(b"place", &sealed[..at.index(sealed.len())]), Err(SealError));
    }

    #[test]
    fn refuses_another_place_or_key(value: Vec<u8>, place: Vec<u8>) {
        let sealed = key().seal(&place, &value);
        let elsewhere = [place.as_slice(), b"x"].concat();
        prop_assert_eq!(key().open(&elsewhere, &sealed), Err(SealError));
        prop_assert_eq!(key().derive("other").open(&place, &sealed), Err(SealError));
    }

    #[test]
    fn opens_no_foreign_bytes(bytes: Vec<u8>) {
        prop_assert_eq!(key().open(b"", &bytes), Err(SealError));
    }
}
