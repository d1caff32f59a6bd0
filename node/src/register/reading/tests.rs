//! Each kind of fault is found, named and placed; no input makes the reader stop or repeat a value.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::register::record::MAX_FIELD_NAME;

fn good() -> Json {
    json!({
        "v": 1,
        "id": "RS-2024-000001",
        "category": "IRREGULAR_CROSSING",
        "taken": "2024-05-01",
        "expires": "2029-05-01",
        "identifiers": [
            {"kind": "travel-document", "number": "P1234567", "state": "SYR", "birth_date": "1990-02-03"},
            {"kind": "name-birth", "family": "Hadzic", "given": "Amina", "birth_date": "1990-02-03"},
        ],
        "subject": {
            "age": "minor", "own_citizen": false, "vulnerable": ["TRAFFICKING", "UNACCOMPANIED_MINOR"],
            "marked": false, "blocked": true, "contested": false,
        },
        "provenance": "own",
        "fields": {"name": "Amina Hadžić", "sex": "F"},
    })
}

fn read(value: &Json) -> Result<Checked, (String, String)> {
    json_line(value.to_string().as_bytes()).map_err(|fault| (fault.field, fault.reason.to_string()))
}

/// The good record with the value at `pointer` set, or removed.
fn with(pointer: &str, value: Option<Json>) -> Json {
    let mut record = good();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match (record.pointer_mut(parent).unwrap(), value) {
        (Json::Object(map), Some(value)) => drop(map.insert(name.to_owned(), value)),
        (Json::Object(map), None) => drop(map.remove(name)),
        (Json::Array(list), Some(value)) => list[name.parse::<usize>().unwrap()] = value,
        _ => panic!("no such place"),
    }
    record
}

#[test]
fn reads_a_whole_record() {
    let Checked { record, canonical, templates } = read(&good()).unwrap();
    assert!(templates.is_empty());
    assert_eq!(serde_json::to_value(&record).unwrap(), {
        let mut same = good();
        // Codes are put in the order of the list.
        same["subject"]["vulnerable"] = json!(["UNACCOMPANIED_MINOR", "TRAFFICKING"]);
        same
    });
    let mut expected: Vec<_> = record.identifiers.iter().map(|raw| raw.canonical().unwrap()).collect();
    expected.sort();
    assert_eq!(canonical, expected);
    let class = record.class();
    assert!(class.vulnerable && class.blocked && !class.own_citizen && !class.marked && !class.contested);
}

#[test]
fn what_is_optional_may_be_left_out_or_null() {
    for value in [None, Some(Json::Null)] {
        for pointer in [
            "/expires",
            "/identifiers",
            "/fields",
            "/subject/vulnerable",
            "/subject/marked",
            "/subject/blocked",
        ] {
            read(&with(pointer, value.clone())).unwrap();
        }
    }
}

#[test]
fn retention_follows_the_category() {
    for (category, expires) in
        [("ASYLUM_APPLICANT", "2034-02-28"), ("IRREGULAR_CROSSING", "2029-02-28"), ("REMAINS", "2034-02-28")]
    {
        let mut record = with("/expires", None);
        record["taken"] = json!("2024-02-29");
        record["category"] = json!(category);
        assert_eq!(read(&record).unwrap().record.expires.to_string(), expires);
    }
}

#[test]
fn one_person_named_twice_is_one_identifier() {
    let twice = good()["identifiers"][0].clone();
    let mut spelled = twice.clone();
    spelled["number"] = json!("p 123 45 67");
    assert_eq!(read(&with("/identifiers", Some(json!([twice, spelled])))).unwrap().canonical.len(), 1);
}

#[test]
fn each_fault_is_named_and_placed() {
    let wide: serde_json::Map<_, _> = (0..65_u8)
        .map(|n| (format!("f_{}{}", char::from(b'a' + n / 26), char::from(b'a' + n % 26)), json!("x")))
        .collect();
    let cases: Vec<(&str, Option<Json>, &str, &str)> = vec![
        ("/v", None, "v", "is missing"),
        ("/v", Some(json!(2)), "v", "must be 1"),
        ("/v", Some(json!("1")), "v", "must be 1"),
        ("/v", Some(json!(-1)), "v", "must be 1"),
        ("/v", Some(json!(1.0)), "v", "must be 1"),
        ("/id", None, "id", "is missing"),
        ("/id", Some(Json::Null), "id", "is missing"),
        ("/id", Some(json!(7)), "id", "must be text"),
        ("/id", Some(json!("")), "id", "must be 1 to 64"),
        ("/id", Some(json!("-a")), "id", "must be 1 to 64"),
        ("/id", Some(json!("a/b")), "id", "must be 1 to 64"),
        ("/id", Some(json!("ž")), "id", "must be 1 to 64"),
        ("/id", Some(json!("a".repeat(65))), "id", "must be 1 to 64"),
        ("/category", Some(json!("TOURIST")), "category", "must be one of the record categories"),
        ("/taken", Some(json!("01.05.2024")), "taken", "must be a day"),
        ("/taken", Some(json!("2024-02-30")), "taken", "must be a day"),
        ("/taken", Some(json!("20240501")), "taken", "must be a day"),
        ("/taken", Some(json!("1024-05-01")), "taken", "must be a day"),
        ("/expires", Some(json!("2024-05-01")), "expires", "must be a day after `taken`"),
        ("/expires", Some(json!("2199-05-01")), "expires", "is more than 60 months after `taken`"),
        ("/expires", Some(json!("2029-05-02")), "expires", "is more than 60 months after `taken`"),
        ("/expires", Some(json!("never")), "expires", "must be a day"),
        ("/provenance", Some(json!("theirs")), "provenance", "must be `own`, `eu` or `partner`"),
        ("/identifiers", Some(json!({})), "identifiers", "must be a list"),
        (
            "/identifiers",
            Some(json!(vec![good()["identifiers"][0].clone(); 33])),
            "identifiers",
            "more than 32",
        ),
        ("/identifiers/1", Some(json!("P1234567")), "identifiers[1]", "must be an object"),
        ("/identifiers/1/kind", None, "identifiers[1].kind", "is missing"),
        ("/identifiers/1/kind", Some(json!("shoe-size")), "identifiers[1].kind", "must be `travel-document`"),
        ("/identifiers/0/number", None, "identifiers[0].number", "is missing"),
        ("/identifiers/0/number", Some(json!(1234567)), "identifiers[0].number", "must be text"),
        ("/identifiers/0/state", Some(json!("QQQ")), "identifiers[0].state", "is not a known code"),
        ("/identifiers/0/family", Some(json!("x")), "identifiers[0].family", "is not a field of the schema"),
        (
            "/identifiers/1/birth_date",
            Some(json!("1990")),
            "identifiers[1].birth_date",
            "unknown day or month",
        ),
        ("/identifiers/1/given", None, "identifiers[1].family", "a single name part"),
        ("/subject", None, "subject", "is missing"),
        ("/subject", Some(json!([])), "subject", "must be an object"),
        ("/subject/age", None, "subject.age", "is missing"),
        ("/subject/age", Some(json!("17")), "subject.age", "must be `adult`, `minor` or `doubtful`"),
        ("/subject/age", Some(json!("adult")), "subject.vulnerable", "has UNACCOMPANIED_MINOR although"),
        ("/subject/own_citizen", None, "subject.own_citizen", "is missing"),
        ("/subject/own_citizen", Some(json!("no")), "subject.own_citizen", "must be true or false"),
        ("/subject/marked", Some(json!(0)), "subject.marked", "must be true or false"),
        (
            "/subject/vulnerable",
            Some(json!(["POOR"])),
            "subject.vulnerable[0]",
            "must be one of the vulnerab",
        ),
        ("/subject/vulnerable", Some(json!(vec!["ELDERLY"; 10])), "subject.vulnerable", "more entries than"),
        ("/subject/mood", Some(json!("sad")), "subject.mood", "is not a field of the schema"),
        ("/fields", Some(json!(wide)), "fields", "has more than 64"),
        ("/fields", Some(json!([])), "fields", "must be an object"),
        ("/fields/Name", Some(json!("x")), "fields", "has a name that is not"),
        ("/fields/", Some(json!("x")), "fields", "has a name that is not"),
        ("/fields/name", Some(json!(["x"])), "fields.name", "must be text"),
        ("/fields/name", Some(json!("x".repeat(MAX_FIELD_VALUE + 1))), "fields.name", "is longer than 4096"),
        ("/fields/name", Some(json!("a\u{0}b")), "fields.name", "holds a control character"),
        ("/fields/name", Some(json!("a\u{1b}[2J")), "fields.name", "holds a control character"),
        ("/nickname", Some(json!("x")), "nickname", "is not a field of the schema"),
        ("/Amina Hadžić", Some(json!("x")), "(another name)", "is not a field of the schema"),
    ];
    for (pointer, value, field, reason) in cases {
        let (found, said) = read(&with(pointer, value)).expect_err(pointer);
        assert_eq!(found, field, "{pointer}");
        assert!(said.contains(reason), "{pointer}: {said}");
    }
}

#[test]
fn limits_are_inclusive() {
    read(&with("/id", Some(json!("a".repeat(64))))).unwrap();
    read(&with("/fields/name", Some(json!("x".repeat(MAX_FIELD_VALUE))))).unwrap();
    read(&with(&format!("/fields/{}", "x".repeat(MAX_FIELD_NAME)), Some(json!("")))).unwrap();
    read(&with("/identifiers", Some(json!(vec![good()["identifiers"][0].clone(); 32])))).unwrap();
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let line = good().to_string();
    for (from, to, field) in [
        (r#""id":"#, r#""id":"A","id":"#, "id"),
        (r#""age":"#, r#""age":"doubtful","age":"#, "subject.age"),
        (r#""sex":"#, r#""sex":"M","sex":"#, "fields.sex"),
        (r#""given":"#, r#""given":"X","given":"#, "identifiers[1].given"),
    ] {
        let line = line.replacen(from, to, 1);
        assert_eq!(
            json_line(line.as_bytes()).unwrap_err(),
            Fault { field: field.into(), reason: Reason::Unknown }
        );
    }
}

#[test]
fn lines_that_are_no_object() {
    let fault = |line: &[u8]| json_line(line).unwrap_err().reason;
    assert_eq!(fault(b"[]"), Reason::Type("an object"));
    assert_eq!(fault(b"{\"v\":1"), Reason::Json(6));
    assert_eq!(fault(b"{} {}"), Reason::Json(4));
    assert_eq!(fault(b"\xFF"), Reason::Utf8(1));
    assert!(matches!(fault(b"\0"), Reason::Json(_)));
    assert!(matches!(fault("[".repeat(60_000).as_bytes()), Reason::Json(_)));
    assert!(matches!(fault(r#"{"v":"#.repeat(10_000).as_bytes()), Reason::Json(_)));
    assert!(matches!(fault(br#"{"v":1,"id":"\ud800"}"#), Reason::Json(_)));
}

proptest! {
    #[test]
    fn bytes_are_read_or_refused(line: Vec<u8>) {
        prop_assert!(json_line(&line).is_err());
    }

    /// One byte of a good line is changed: it is read as another good record or refused, and a refusal
    /// repeats no value of the line.
    #[test]
    fn a_changed_byte_is_harmless(at: prop::sample::Index, byte: u8) {
        let mut line = good().to_string().into_bytes();
        let at = at.index(line.len());
        line[at] = byte;
        match json_line(&line) {
            Ok(Checked { record, .. }) => {
                let again = serde_json::to_string(&record).unwrap();
                prop_assert_eq!(json_line(again.as_bytes()).unwrap().record, record);
            }
            Err(fault) => {
                let said = format!("{} {}", fault.field, fault.reason);
                for value in ["P123", "Amina", "Had", "1990", "RS-2024-0"] {
                    prop_assert!(!said.contains(value), "{}", said);
                }
            }
        }
    }
}
