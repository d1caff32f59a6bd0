//! Templates of a line: every way of writing them gives the same, and each fault is named and placed.

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::register::{
    reading::{Checked, json_line},
    template::{decode, encode},
};

fn line(templates: &Json) -> String {
    json!({
        "v": 1, "id": "RS-1", "category": "WANTED", "taken": "2024-05-01",
        "subject": {"age": "adult", "own_citizen": false}, "provenance": "own", "templates": templates,
    })
    .to_string()
}

fn read(templates: &Json) -> Result<Vec<Enrolled>, (String, String)> {
    let checked = json_line(line(templates).as_bytes());
    checked.map(|read| read.templates).map_err(|fault| (fault.field, fault.reason.to_string()))
}

fn iris() -> Json {
    let (bits, mask) = (HEXLOWER.encode(&[0xA5; 16]), HEXLOWER.encode(&[0x0F; 16]));
    json!({"position": "LEFT_IRIS", "kind": "iris-2", "length": 128, "bits": bits, "mask": mask, "quality": 70})
}

fn face() -> Json {
    json!({"position": "FACE", "kind": "face-1", "embedding": [0.5, -1, 2]})
}

fn bits(template: &Json) -> Template {
    match read(&json!([template])).unwrap().remove(0).sample {
        Sample::Bits(template) => template,
        Sample::Embedding(_) => panic!("an embedding"),
    }
}

fn numbers(template: &Json) -> Vec<f32> {
    match &read(&json!([template])).unwrap()[0].sample {
        Sample::Embedding(numbers) => numbers.to_vec(),
        Sample::Bits(_) => panic!("bits"),
    }
}

/// `template` with `name` set to another value, or removed.
fn with(template: fn() -> Json, name: &str, value: Option<Json>) -> Json {
    let mut template = template();
    let map = template.as_object_mut().unwrap();
    match value {
        Some(value) => drop(map.insert(name.to_owned(), value)),
        None => drop(map.remove(name)),
    }
    template
}

#[test]
fn bits_are_read_in_every_notation() {
    let bytes: Vec<u8> = (0..16).map(|n| (n * 17) ^ 0xB3).collect();
    let expected = Template::from_bytes(128, &bytes, None).unwrap();
    let of = |text: String| bits(&with(|| with(iris, "mask", None), "bits", Some(json!(text))));
    assert_eq!(of(HEXLOWER.encode(&bytes)), expected);
    assert_eq!(of(HEXUPPER.encode(&bytes)), expected);
    assert_eq!(of(BASE64.encode(&bytes)), expected);
    assert_eq!(of(BASE64URL_NOPAD.encode(&bytes)), expected);
    // All of them digits of either notation: the size tells.
    let zeros = Template::from_bytes(128, &[0; 16], None).unwrap();
    assert_eq!(of("A".repeat(22)), zeros);
    assert_eq!(of("0".repeat(32)), zeros);

    let masked = Template::from_bytes(128, &[0xA5; 16], Some(&[0x0F; 16])).unwrap();
    assert_eq!(bits(&iris()), masked);
    assert_eq!(masked.usable(), 64);
    let odd = json!({"position": "FINGER_1", "kind": "a", "length": 129, "bits": HEXLOWER.encode(&[[0xFF; 16].as_slice(), &[0x80]].concat())});
    assert_eq!(bits(&odd).usable(), 129);
}

#[test]
fn embeddings_are_read_in_both_notations() {
    assert_eq!(numbers(&face()), [0.5, -1.0, 2.0]);
    let bytes: Vec<u8> = [0.5_f32, -1.0, 2.0].iter().flat_map(|number| number.to_le_bytes()).collect();
    let text = |text| with(face, "embedding", Some(json!(text)));
    assert_eq!(numbers(&text(BASE64.encode(&bytes))), [0.5, -1.0, 2.0]);
    assert_eq!(numbers(&text(BASE64URL_NOPAD.encode(&bytes))), [0.5, -1.0, 2.0]);
}

#[test]
fn notes_hold_no_bits() {
    let checked = json_line(line(&json!([iris(), null, face()])).as_bytes()).unwrap();
    assert_eq!(
        serde_json::to_value(&checked.record.templates).unwrap(),
        json!([
            {"position": "LEFT_IRIS", "kind": "iris-2", "length": 128, "quality": 70},
            {"position": "FACE", "kind": "face-1", "dimensions": 3},
        ])
    );
    assert!(!format!("{checked:?}").contains("0.5"));
    // So a line made of what is shown does not take the templates away.
    let again = serde_json::to_string(&checked.record).unwrap();
    let fault = json_line(again.as_bytes()).unwrap_err();
    assert_eq!((fault.field.as_str(), fault.reason), ("templates[0].bits", Reason::Missing));
}

#[test]
fn each_fault_is_named_and_placed() {
    let floats = |numbers: &[f32]| {
        BASE64.encode(&numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
    };
    let mut rest = [0; 17];
    rest[16] = 0x40;
    let rest = HEXLOWER.encode(&rest);
    let longer = || json!({"position": "LEFT_IRIS", "kind": "iris-2", "length": 129, "bits": "0".repeat(34), "mask": "0".repeat(34)});
    type Case = (fn() -> Json, &'static str, Option<Json>, &'static str, &'static str);
    let cases: Vec<Case> = vec![
        (iris, "position", None, "position", "is missing"),
        (iris, "position", Some(json!("NOSE")), "position", "must be `LEFT_IRIS`"),
        (iris, "kind", None, "kind", "is missing"),
        (iris, "kind", Some(json!("Iris 2")), "kind", "must be 1 to 40 small letters"),
        (iris, "length", None, "length", "is missing"),
        (iris, "length", Some(json!(127)), "length", "must be a whole number from 128"),
        (iris, "length", Some(json!(12_801)), "length", "must be a whole number from 128"),
        (iris, "length", Some(json!("128")), "length", "must be a whole number from 128"),
        (iris, "length", Some(json!(u64::MAX)), "length", "must be a whole number from 128"),
        (iris, "length", Some(json!(256)), "bits", "has 16 bytes where the length needs 32"),
        (iris, "bits", None, "bits", "is missing"),
        (iris, "bits", Some(json!(7)), "bits", "must be text"),
        (iris, "bits", Some(json!("")), "bits", "has 0 bytes"),
        (iris, "bits", Some(json!("0".repeat(30))), "bits", "has 15 bytes where the length needs 16"),
        (iris, "bits", Some(json!("0".repeat(33))), "bits", "has 17 bytes"),
        (iris, "bits", Some(json!("*".repeat(22))), "bits", "must be hexadecimal or base64"),
        (iris, "bits", Some(json!("zzzzzzzzzzzzzzzzzzzzzz")), "bits", "must be hexadecimal or base64"),
        (iris, "mask", Some(json!("00")), "mask", "has 1 bytes where the length needs 16"),
        (iris, "quality", Some(json!(101)), "quality", "must be a whole number from 0 to 100"),
        (iris, "quality", Some(json!(-1)), "quality", "must be a whole number from 0 to 100"),
        (iris, "quality", Some(json!(0.5)), "quality", "must be a whole number from 0 to 100"),
        (iris, "embedding", Some(json!([1])), "length", "is not a field of the schema"),
        (iris, "score", Some(json!(1)), "score", "is not a field of the schema"),
        (longer, "bits", Some(json!(rest)), "bits", "must be 0 in the bits after the last"),
        (longer, "mask", Some(json!(rest)), "mask", "must be 0 in the bits after the last"),
        (face, "embedding", Some(json!([])), "embedding", "must be 1 to 4,096 numbers"),
        (face, "embedding", Some(json!(vec![1; 4_097])), "embedding", "must be 1 to 4,096 numbers"),
        (face, "embedding", Some(json!([1, "2"])), "embedding[1]", "must be a finite 32-bit number"),
        (face, "embedding", Some(json!([1e39, 1])), "embedding[0]", "must be a finite 32-bit number"),
        (face, "embedding", Some(json!([0, -0.0])), "embedding", "must be other than all zeros"),
        (face, "embedding", Some(json!(1.5)), "embedding", "must be a list of numbers"),
        (face, "embedding", Some(json!("AAA")), "embedding", "must be a list of numbers or base64"),
        (face, "embedding", Some(json!("")), "embedding", "must be 1 to 4,096 numbers"),
        (face, "embedding", Some(json!(floats(&[1.0, f32::NAN]))), "embedding", "made of finite"),
        (face, "embedding", Some(json!(floats(&[f32::INFINITY]))), "embedding", "made of finite"),
        (face, "embedding", None, "length", "is missing"),
    ];
    for (template, name, value, field, reason) in cases {
        let (found, said) = read(&json!([face(), with(template, name, value.clone())]))
            .map(|_| ())
            .expect_err(&format!("{name} {value:?}"));
        assert_eq!(found, format!("templates[1].{field}"), "{name} {value:?}: {said}");
        assert!(said.contains(reason), "{name} {value:?}: {said}");
    }
}

#[test]
fn lists_of_templates() {
    let nth = |n: usize| with(face, "kind", Some(json!(format!("face-{n}"))));
    let list = |count| Json::from((0..count).map(nth).collect::<Vec<_>>());
    assert_eq!(read(&list(MAX_TEMPLATES)).unwrap().len(), 64);
    let fault = |templates: &Json| read(templates).unwrap_err();
    assert_eq!(fault(&list(65)), ("templates".into(), "has more than 64 entries; leave some out".into()));
    let (field, said) = fault(&json!([face(), iris(), face()]));
    assert!(field == "templates[2]" && said.contains("an earlier entry"), "{field} {said}");
    assert_eq!(fault(&json!({})).0, "templates");
    assert_eq!(fault(&json!(["FACE"])).0, "templates[0]");
    // Another kind from the same place, and the same kind from another.
    let other = with(iris, "position", Some(json!("RIGHT_IRIS")));
    assert_eq!(read(&json!([iris(), other, face(), nth(2)])).unwrap().len(), 4);
    assert!(read(&json!([])).unwrap().is_empty() && read(&Json::Null).unwrap().is_empty());
}

proptest! {
    /// What is stored is what the line gave, and its note is that of the line.
    #[test]
    fn stored_as_given(
        content in prop::collection::vec(any::<u8>(), 25),
        mask in prop::option::of(prop::collection::vec(any::<u8>(), 25)),
        embedding in prop::collection::vec(prop::num::f32::NORMAL, 1..50),
    ) {
        let mut given = json!({"position": "TENPRINT", "kind": "t", "length": 200, "bits": BASE64.encode(&content)});
        if let Some(mask) = &mask {
            given["mask"] = json!(HEXLOWER.encode(mask));
        }
        let floats: Vec<u8> = embedding.iter().flat_map(|number| number.to_le_bytes()).collect();
        let templates = read(&json!([given, with(face, "embedding", Some(json!(BASE64.encode(&floats))))])).unwrap();
        let encoded = encode(&templates).unwrap();
        let parts = decode(&encoded).unwrap();
        let notes: Vec<_> = parts.iter().map(|part| part.note().unwrap()).collect();
        prop_assert_eq!(notes, templates.iter().map(Enrolled::note).collect::<Vec<_>>());
        let expected = Template::from_bytes(200, &content, mask.as_deref()).unwrap();
        prop_assert_eq!(parts[0].template(None).unwrap(), expected);
        let Sample::Embedding(numbers) = &templates[1].sample else { panic!("bits") };
        prop_assert_eq!(&**numbers, &embedding);
    }

    /// One byte of a line with templates is changed: it is read or refused, and a refusal repeats no value.
    #[test]
    fn a_changed_byte_is_harmless(at: prop::sample::Index, byte: u8) {
        let mut line = line(&json!([iris(), face()])).into_bytes();
        let at = at.index(line.len());
        line[at] = byte;
        match json_line(&line) {
            Ok(Checked { record, templates, .. }) => prop_assert!(record.templates.len() == templates.len()),
            Err(fault) => prop_assert!(!fault.to_string().contains("a5a5"), "{}", fault),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", length in 100_u32..13_000) {
        let bits = json!({"position": "FACE", "kind": "a", "length": length, "bits": text, "mask": text});
        if let Ok(templates) = read(&json!([bits])) {
            prop_assert_eq!(templates[0].note().length, Some(length));
        }
        let _ = read(&json!([with(face, "embedding", Some(json!(text)))]));
    }
}
