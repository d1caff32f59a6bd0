use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::{
    agreement::Revocation,
    signing::Document,
    words::{AgreementId, Timestamp},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    b: u64,
    aa: u64,
}

/// `{"b": 1, "aa": 2}`: the shorter key comes first, whatever the order of the letters.
const PAIR: &[u8] = b"\xa2\x61b\x01\x62aa\x02";

#[test]
fn the_form_is_the_published_one() {
    assert_eq!(encode(&Pair { b: 1, aa: 2 }).unwrap(), PAIR);
    assert_eq!(decode::<Pair>(PAIR).unwrap(), Pair { b: 1, aa: 2 });
    // Written by hand after RFC 8949 and the DAG-CBOR specification: a map of four, keys by length
    // and then by letter, a negative integer, two texts, a byte string of 32.
    let revocation = Revocation {
        agreement: AgreementId([0xab; 32]),
        by: "RS".parse().unwrap(),
        reason: "ended".into(),
        at: Timestamp(-2),
    };
    let bytes = [
        b"\xa4\x62at\x21\x62by\x62RS\x66reason\x65ended\x69agreement\x58\x20".as_slice(),
        [0xab; 32].as_slice(),
    ]
    .concat();
    assert_eq!(encode(&revocation).unwrap(), bytes);
    assert_eq!(decode::<Revocation>(&bytes).unwrap(), revocation);
    let signed = [b"symbolon/revocation/1\0".as_slice(), bytes.as_slice()].concat();
    assert_eq!(revocation.signed_bytes().unwrap(), signed);
}

#[test]
fn every_other_form_of_the_same_value_is_refused() {
    let others: [(&str, &[u8]); 12] = [
        ("keys in another order", b"\xa2\x62aa\x02\x61b\x01"),
        ("a key twice", b"\xa3\x61b\x01\x61b\x01\x62aa\x02"),
        ("a map without a length", b"\xbf\x61b\x01\x62aa\x02\xff"),
        ("a text without a length", b"\xa2\x7f\x61b\xff\x01\x62aa\x02"),
        ("an integer in two bytes", b"\xa2\x61b\x18\x01\x62aa\x02"),
        ("an integer in nine bytes", b"\xa2\x61b\x1b\0\0\0\0\0\0\0\x01\x62aa\x02"),
        ("the map's length in two bytes", b"\xb8\x02\x61b\x01\x62aa\x02"),
        ("a key's length in two bytes", b"\xa2\x78\x01b\x01\x62aa\x02"),
        ("a tag", b"\xd9\xd9\xf7\xa2\x61b\x01\x62aa\x02"),
        ("a float", b"\xa2\x61b\xfb\x3f\xf0\0\0\0\0\0\0\x62aa\x02"),
        ("bytes after the end", b"\xa2\x61b\x01\x62aa\x02\0"),
        ("an unknown key", b"\xa3\x61b\x01\x61c\x01\x62aa\x02"),
    ];
    for (what, bytes) in others {
        assert!(decode::<Pair>(bytes).is_err(), "{what}");
    }
    for end in 0..PAIR.len() {
        assert!(matches!(decode::<Pair>(&PAIR[..end]), Err(CanonicalError::Read(_))), "cut at {end}");
    }
}

#[test]
fn announced_lengths_allocate_nothing() {
    // A byte string, a text, a list and a map that each announce 2^62 items and hold none.
    for major in [0x5b_u8, 0x7b, 0x9b, 0xbb] {
        let bytes = [&[major], (1_u64 << 62).to_be_bytes().as_slice()].concat();
        assert!(decode::<Vec<u64>>(&bytes).is_err());
        assert!(decode::<String>(&bytes).is_err());
        assert!(decode::<serde_bytes::ByteBuf>(&bytes).is_err());
        assert!(decode::<std::collections::BTreeMap<String, u64>>(&bytes).is_err());
    }
}

proptest! {
    #[test]
    fn only_what_encode_writes_is_read(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = decode::<Pair>(&bytes) {
            prop_assert_eq!(encode(&value).unwrap(), bytes);
        }
    }

    #[test]
    fn one_flipped_bit_is_never_the_same_value(b: u64, aa: u64, at in 0_usize..18 * 8) {
        let pair = Pair { b, aa };
        let mut bytes = encode(&pair).unwrap();
        let at = at % (bytes.len() * 8);
        bytes[at / 8] ^= 1 << (at % 8);
        prop_assert!(decode::<Pair>(&bytes).map_or(true, |read| read != pair));
    }
}
