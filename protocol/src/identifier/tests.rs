#![allow(clippy::arithmetic_side_effects)]

use std::{collections::BTreeSet, fmt::Write};

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, HEXLOWER, HEXUPPER};
use proptest::prelude::*;

use super::*;

const DOCUMENT: &str = include_str!("../../../docs/identifiers.md");

/// The rows of the first table under a heading of the document, cell by cell.
pub(super) fn rows(heading: &str) -> Vec<Vec<String>> {
    let rows: Vec<_> = DOCUMENT
        .lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect();
    assert!(!rows.is_empty(), "no table under {heading}");
    rows
}

fn travel(number: &str, state: &str, birth_date: &str) -> RawIdentifier {
    RawIdentifier::TravelDocument {
        number: number.into(),
        state: state.into(),
        birth_date: birth_date.into(),
    }
}

fn registration(number: &str, state: &str) -> RawIdentifier {
    RawIdentifier::RegistrationNumber { number: number.into(), state: state.into() }
}

fn name(family: &str, given: &str, birth_date: &str) -> RawIdentifier {
    RawIdentifier::NameBirth { family: family.into(), given: given.into(), birth_date: birth_date.into() }
}

fn biometric(extractor: &str, digest: &str) -> RawIdentifier {
    RawIdentifier::BiometricDigest { extractor: extractor.into(), digest: digest.into() }
}

fn refused(raw: &RawIdentifier, field: &'static str, reason: Reason) {
    assert_eq!(raw.canonical(), Err(Unfit { field, reason }), "{}", serde_json::to_string(raw).unwrap());
}

/// Takes canonical bytes apart again: independent evidence that the encoding loses nothing.
fn fields(identifier: &Identifier) -> Vec<Vec<u8>> {
    let rest = identifier.bytes().strip_prefix(CANONICALISATION.as_bytes()).unwrap();
    let (kind, mut rest) = rest.split_first().unwrap();
    assert_eq!(*kind, identifier.kind().byte());
    let mut fields = Vec::new();
    while let Some((length, tail)) = rest.split_first() {
        let (field, tail) = tail.split_at(usize::from(*length));
        fields.push(field.to_vec());
        rest = tail;
    }
    fields
}

fn same(one: &RawIdentifier, other: &RawIdentifier) {
    assert_eq!(one.canonical().unwrap(), other.canonical().unwrap());
}

#[test]
fn documented_vectors_hold() {
    let vectors = rows("## Vectors");
    let mut kinds = BTreeSet::new();
    for row in vectors {
        let raw: RawIdentifier = serde_json::from_str(row[0].trim_matches('`')).unwrap();
        let canonical = raw.canonical().unwrap();
        assert_eq!(HEXLOWER.encode(canonical.bytes()), row[1].trim_matches('`'), "{}", row[0]);
        kinds.insert(canonical.kind());
    }
    assert_eq!(kinds, BTreeSet::from(Kind::ALL));
}

#[test]
fn kinds_have_one_word_everywhere() {
    for (kind, row) in Kind::ALL.into_iter().zip(rows("## Kinds")) {
        assert_eq!(kind.as_str().parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        assert_eq!((format!("`{kind}`"), kind.byte().to_string()), (row[0].clone(), row[1].clone()));
    }
    assert_eq!("name".parse::<Kind>(), Err(UnknownKind));
}

#[test]
fn files_hold_exactly_the_fields_of_the_kind() {
    let raw = registration("0101006500006", "SVN");
    let text = serde_json::to_string(&raw).unwrap();
    assert_eq!(text, r#"{"kind":"registration-number","number":"0101006500006","state":"SVN"}"#);
    assert_eq!(serde_json::from_str::<RawIdentifier>(&text).unwrap(), raw);
    for wrong in [
        r#"{"kind":"registration-number","number":"0101006500006"}"#,
        r#"{"kind":"registration-number","number":"0101006500006","state":"SVN","name":"X"}"#,
        r#"{"kind":"number","number":"0101006500006","state":"SVN"}"#,
        r#"{"number":"0101006500006","state":"SVN"}"#,
    ] {
        assert!(serde_json::from_str::<RawIdentifier>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn nothing_shows_the_value() {
    let raw = travel("SECRET☃", "SRB", "1990-01-31");
    assert_eq!(format!("{raw:?}"), "RawIdentifier(travel-document, ..)");
    let refusal = raw.canonical().unwrap_err();
    assert!(!format!("{refusal} {refusal:?}").contains("SECRET"));
    let canonical = travel("SECRET1", "SRB", "1990-01-31").canonical().unwrap();
    assert_eq!(format!("{canonical:?}"), "Identifier(travel-document, ..)");
}

#[test]
fn numbers_agree_across_keyboards() {
    let plain = travel("AB1234567", "SRB", "1990-01-31");
    for number in [
        "ab 123-456.7",
        "АВ1234567",
        "ΑΒ1234567",
        "ав 1234567",
        "ＡＢ１２３４５６７",
        "AB123456<7<<",
        "№ AB/1234567",
    ] {
        same(&travel(number, "rs", "31.1.1990"), &plain);
    }
    let zero = travel("O1294567", "SRB", "1990-01-31").canonical().unwrap();
    assert_ne!(zero, travel("01294567", "SRB", "1990-01-31").canonical().unwrap());
    let one = travel("I2345678X", "SRB", "1990-01-31").canonical().unwrap();
    assert_ne!(one, travel("12345678X", "SRB", "1990-01-31").canonical().unwrap());
}

#[test]
fn unfit_numbers_are_refused() {
    for (number, reason) in [
        ("", Reason::ShortDocument),
        ("A-12 3", Reason::ShortDocument),
        ("A12345678901234567890123X", Reason::LongNumber),
        ("000000000", Reason::Placeholder),
        ("A00000000", Reason::Placeholder),
        ("123456789", Reason::Placeholder),
        ("7654321098", Reason::Placeholder),
        ("UNKNOWN", Reason::Placeholder),
        ("непозната", Reason::Character),
        ("Б1234567", Reason::Character),
        ("A123456ß", Reason::Character),
        ("A123\u{200e}4567", Reason::Character),
        ("A123\n4567", Reason::Character),
        ("A1234567\u{301}", Reason::Character),
        ("A1234٥67", Reason::Character),
    ] {
        refused(&travel(number, "SRB", "1990-01-31"), "number", reason);
    }
    // All letters, no vowel: as some states issue them.
    assert!(travel("CFGHJKLMN", "DEU", "1990-01-31").canonical().is_ok());
    refused(&travel("AB1234567", "UTO", "1990-01-31"), "state", Reason::UnknownState);
}

#[test]
fn registration_numbers_are_checked_where_the_rule_is_known() {
    for (number, state) in [
        ("0101006500006", "SVN"), // the example of the Slovenian register's description
        ("0101006 500-006", "rs"),
        ("33392005961", "HRV"), // an example of the Croatian tax administration
        ("J12345678N", "ALB"),
        ("0101006500007", "AUT"),
        ("1203456789", "RKS"),
    ] {
        assert!(registration(number, state).canonical().is_ok(), "{number} {state}");
    }
    for (number, state, reason) in [
        ("0101006500007", "MNE", Reason::CheckDigit),
        ("1001006500006", "XK", Reason::CheckDigit),
        ("33392005962", "HR", Reason::CheckDigit),
        ("101006500006", "BIH", Reason::LostZero),
        ("1234570", "AUT", Reason::ShortRegistration),
        ("0000000000000", "SRB", Reason::Placeholder),
        ("0000000000001", "AUT", Reason::Placeholder),
        ("1234567890123", "AUT", Reason::Placeholder),
        ("BEZBROJA", "SRB", Reason::Placeholder),
    ] {
        refused(&registration(number, state), "number", reason);
    }
}

#[test]
fn dates_are_complete_and_day_first() {
    let plain = name("Petrović", "Petar", "2024-02-01");
    for date in ["1.2.2024", "01.02.2024.", " 1. 2. 2024. ", "01/02/2024", "1/2/2024", "２０２４-02-01"] {
        same(&name("Petrović", "Petar", date), &plain);
    }
    for (date, reason) in [
        ("", Reason::DateForm),
        ("1.2.24", Reason::ShortYear),
        ("24-02-01", Reason::ShortYear),
        ("01.00.2024", Reason::PartialDate),
        ("2024-00-00", Reason::PartialDate),
        ("2024", Reason::PartialDate),
        ("02/2024", Reason::PartialDate),
        ("2024-02", Reason::PartialDate),
        ("31/02/2024", Reason::NoSuchDay),
        ("02/13/2024", Reason::NoSuchDay),
        ("29.02.1900", Reason::NoSuchDay),
        ("1879-12-31", Reason::YearRange),
        ("2200-01-01", Reason::YearRange),
        ("2024-2-1", Reason::DateForm),
        ("01-02-2024", Reason::DateForm),
        ("1.2/2024", Reason::DateForm),
        ("1.2.3.2024", Reason::DateForm),
        ("+1.2.2024", Reason::DateForm),
        ("1.2.20240", Reason::DateForm),
        ("1.2.202", Reason::DateForm),
        ("1.2.2024\u{200f}", Reason::DateForm),
        ("240201", Reason::DateForm),
    ] {
        refused(&name("Petrović", "Petar", date), "birth_date", reason);
    }
    for date in ["1880-01-01", "2199-12-31", "2000-02-29"] {
        assert!(name("Petrović", "Petar", date).canonical().is_ok(), "{date}");
    }
}

#[test]
fn digests_agree_across_encodings() {
    // Bytes whose base64 uses both signs that the alphabets differ in.
    let bytes: Vec<u8> = (0..40).map(|i| if i % 2 == 0 { 0xfb } else { 0xff - i }).collect();
    let plain = biometric("iris-x/2.1", &HEXLOWER.encode(&bytes));
    assert_eq!(fields(&plain.canonical().unwrap()), [b"iris-x/2.1".to_vec(), bytes.clone()]);
    for digest in [
        HEXUPPER.encode(&bytes),
        BASE64.encode(&bytes),
        BASE64_NOPAD.encode(&bytes),
        BASE64URL.encode(&bytes),
    ] {
        same(&biometric("iris-x/2.1", &digest), &plain);
    }
    let hex = HEXLOWER.encode(&bytes);
    for (digest, reason) in [
        (String::new(), Reason::DigestLength),
        (hex[..62].to_owned(), Reason::DigestLength),
        (hex.repeat(2), Reason::DigestLength),
        (hex[..79].to_owned(), Reason::DigestForm),
        (format!(" {hex}"), Reason::DigestForm),
        (format!("{}===", BASE64_NOPAD.encode(&bytes)), Reason::DigestForm),
        ("ab".repeat(32), Reason::FlatDigest),
    ] {
        refused(&biometric("iris-x/2.1", &digest), "digest", reason);
    }
    let long = format!("x/{}", "1".repeat(63));
    for extractor in ["", "iris-x", "/2.1", "iris-x/", "Iris-x/2.1", "iris x/2.1", "írís/2.1", &long] {
        refused(&biometric(extractor, &hex), "extractor", Reason::ExtractorForm);
    }
}

#[test]
fn hostile_fields_are_refused() {
    let megabyte = "A".repeat(1 << 20);
    let marks = format!("A{}", "\u{301}".repeat(120));
    let widest = "\u{fdfa}".repeat(85);
    let direction = "\u{202e}\u{2066}AB1234567\u{2069}";
    let hex = "0123456789abcdef".repeat(4);
    for hostile in [&megabyte, &marks, &widest, direction, "\0\0\0\0\0\0\0\0", "\u{e0041}\u{e0042}BCD12345"] {
        for raw in [
            travel(hostile, "SRB", "1990-01-31"),
            travel("AB1234567", hostile, "1990-01-31"),
            travel("AB1234567", "SRB", hostile),
            registration(hostile, "AUT"),
            registration("AB1234567", hostile),
            name(hostile, "Petar", "1990-01-31"),
            name("Petrović", hostile, "1990-01-31"),
            name("Petrović", "Petar", hostile),
            biometric(hostile, &hex),
            biometric("iris-x/2.1", hostile),
        ] {
            assert!(raw.canonical().is_err());
        }
    }
    refused(&name("Petrović", &megabyte, "1990-01-31"), "given", Reason::TooLong);
}

#[test]
fn the_longest_form_is_as_stated() {
    let long = "xa".repeat(83); // `ksa` 83 times: 249 letters
    let canonical = name(&long, "Petar", "1990-01-31").canonical().unwrap();
    assert_eq!(canonical.bytes().len(), MAX_CANONICAL);
    refused(&name(&long, "Petara", "1990-01-31"), "family", Reason::TooLong);
}

#[test]
fn a_field_may_have_256_bytes_and_no_more() {
    let padded = |text: &str, length: usize| format!("{text}{}", " ".repeat(length - text.len()));
    let with = |length| {
        [
            ("number", travel(&padded("AB1234567", length), "SRB", "1990-01-31")),
            ("state", travel("AB1234567", &padded("SRB", length), "1990-01-31")),
            ("birth_date", travel("AB1234567", "SRB", &padded("1990-01-31", length))),
            ("number", registration(&padded("0101006500006", length), "SVN")),
            ("state", registration("0101006500006", &padded("SVN", length))),
            ("family", name(&padded("Petrović", length), "Petar", "1990-01-31")),
            ("given", name("Petrović", &padded("Petar", length), "1990-01-31")),
            ("birth_date", name("Petrović", "Petar", &padded("1990-01-31", length))),
        ]
    };
    for (field, raw) in with(MAX_FIELD) {
        assert!(raw.canonical().is_ok(), "{field}");
    }
    for (field, raw) in with(MAX_FIELD + 1) {
        refused(&raw, field, Reason::TooLong);
    }
}

/// Inserts separators and changes case, guided by `coins`.
fn noisy(number: &str, coins: &[u8]) -> String {
    let mut out = String::new();
    for (letter, coin) in number.chars().zip(coins.iter().cycle()) {
        let separator = [" ", "-", ".", "/", "<", "\u{a0}", "\u{2011}", ""][usize::from(coin % 8)];
        let letter = if coin % 3 == 0 { letter.to_ascii_lowercase() } else { letter };
        write!(out, "{letter}{separator}").unwrap();
    }
    out
}

/// The check digit as the decree writes it: groups of opposite digits, eleven minus the remainder.
fn decree(twelve: &[u32]) -> u32 {
    let pairs = (0..6).map(|i| (7 - i as u32) * (twelve[i] + twelve[i + 6]));
    match 11 - pairs.sum::<u32>() % 11 {
        10 | 11 => 0,
        digit => digit,
    }
}

proptest! {
    #[test]
    fn noise_never_alters_a_number(number in "[A-Z0-9]{8,20}", coins in prop::collection::vec(0u8.., 1..20)) {
        let loud = noisy(&number, &coins);
        prop_assert_eq!(
            travel(&loud, "s r-b", "31. 1. 1990.").canonical(),
            travel(&number, "SRB", "1990-01-31").canonical()
        );
        prop_assert_eq!(registration(&loud, "at").canonical(), registration(&number, "AUT").canonical());
    }

    #[test]
    fn canonical_bytes_give_the_fields_back(
        number in "[A-Z0-9]{8,24}", year in 1880i16..=2199, month in 1i8..=12, day in 1i8..=28,
    ) {
        let date = format!("{year}-{month:02}-{day:02}");
        if let Ok(canonical) = travel(&number, "BIH", &format!("{day}.{month}.{year}")).canonical() {
            prop_assert_eq!(fields(&canonical), [number.as_bytes(), b"BIH", date.as_bytes()]);
        }
        if let Ok(canonical) = registration(&number, "ITA").canonical() {
            prop_assert_eq!(fields(&canonical), [number.as_bytes(), b"ITA"]);
        }
    }

    #[test]
    fn exactly_one_check_digit_fits(twelve in prop::collection::vec(0u32..10, 12)) {
        let check = decree(&twelve);
        for last in 0..10 {
            let number: String = twelve.iter().chain([&last]).map(u32::to_string).collect();
            match registration(&number, "SRB").canonical() {
                Ok(_) => prop_assert_eq!(last, check),
                Err(refusal) if refusal.reason == Reason::Placeholder => (),
                Err(refusal) => prop_assert!(refusal.reason == Reason::CheckDigit && last != check),
            }
        }
    }

    #[test]
    fn any_text_is_refused_or_bounded(one in any::<String>(), two in any::<String>(), three in any::<String>()) {
        for raw in [
            travel(&one, &two, &three),
            travel(&one, "SRB", "1990-01-31"),
            registration(&one, "AUT"),
            name(&one, &two, "1990-01-31"),
            name("Petrović", "Petar", &three),
            biometric(&one, &two),
        ] {
            if let Ok(canonical) = raw.canonical() {
                prop_assert!(canonical.bytes().len() <= MAX_CANONICAL);
                prop_assert_eq!(canonical.kind(), raw.kind());
                prop_assert!(fields(&canonical).iter().all(|field| !field.is_empty()));
            }
        }
    }
}
