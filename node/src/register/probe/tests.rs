//! Probes are read as templates of records are, and only what the form takes.

use data_encoding::{BASE64, HEXLOWER};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use symbolon_policy::{
    agreement::{MatchAnswer, Projection as ProjectionTerms},
    words::{Modality, ProjectionSeed},
};

use super::*;

fn iris() -> FormTerms {
    FormTerms {
        name: "iris-2".parse().unwrap(),
        modality: Modality::Iris,
        length: 128,
        masked: true,
        s: 2,
        p: 5,
        kappa: 50,
        degrees_of_freedom: 60,
        alternatives: 3,
        answers: vec![MatchAnswer::Any],
        cap: 1,
        projection: None,
    }
}

fn face() -> FormTerms {
    let projection = Some(ProjectionTerms { dimensions: 3, seed: ProjectionSeed([7; 32]) });
    FormTerms {
        name: "face-1".parse().unwrap(),
        modality: Modality::Face,
        masked: false,
        projection,
        ..iris()
    }
}

fn eye(byte: u8) -> Json {
    json!({"position": "LEFT_IRIS", "bits": HEXLOWER.encode(&[byte; 16])})
}

fn read(alternatives: &Json, form: &FormTerms) -> Result<Vec<(Position, Template)>, (String, String)> {
    let file = json!({"alternatives": alternatives}).to_string();
    probe(file.as_bytes(), form).map_err(|fault| (fault.field, fault.reason.to_string()))
}

#[test]
fn alternatives_are_read_in_order() {
    let whole = json!({
        "position": "RIGHT_IRIS", "kind": "iris-2", "length": 128, "quality": 9,
        "bits": BASE64.encode(&[0xFF; 16]), "mask": BASE64.encode(&[0x0F; 16]),
    });
    let masked = Template::from_bytes(128, &[0xFF; 16], Some(&[0x0F; 16])).unwrap();
    let plain = |byte| Template::from_bytes(128, &[byte; 16], None).unwrap();
    assert_eq!(
        read(&json!([eye(1), whole, eye(2)]), &iris()).unwrap(),
        [(Position::LeftIris, plain(1)), (Position::RightIris, masked), (Position::LeftIris, plain(2))]
    );
}

/// The published vector of `docs/templates.md`.
#[test]
fn embeddings_become_bits_under_the_seed_of_the_form() {
    let alternatives = json!([{"position": "FACE", "embedding": [1, -2, 0.5]}]);
    let (position, template) = read(&alternatives, &face()).unwrap().remove(0);
    assert_eq!(position, Position::Face);
    assert_eq!(HEXLOWER.encode(&template.to_bytes().0), "3e1d9606cca03a6e342124bd38335ab2");
    let mut other = face();
    other.projection.as_mut().unwrap().seed = ProjectionSeed([8; 32]);
    assert_ne!(read(&alternatives, &other).unwrap()[0].1, template);
}

#[test]
fn each_fault_is_named_and_placed() {
    let open = FormTerms { masked: false, ..iris() };
    let eye_with = |name: &str, value: Json| {
        let mut list = json!([eye(1), eye(3)]);
        list[1][name] = value;
        list
    };
    let faces = |embedding: Json| json!([{"position": "FACE", "embedding": embedding}]);
    let cases = [
        (json!([]), iris(), "alternatives", "must be a list of one"),
        (json!({}), iris(), "alternatives", "must be a list"),
        (json!([eye(1), eye(2), eye(3), eye(4)]), iris(), "alternatives", "more than the 3 entries"),
        (json!([eye(1), 7]), iris(), "alternatives[1]", "must be an object"),
        (eye_with("position", json!("FACE")), iris(), "alternatives[1].position", "of the form's modality"),
        (eye_with("position", json!(null)), iris(), "alternatives[1].position", "is missing"),
        (eye_with("kind", json!("iris-3")), iris(), "alternatives[1].kind", "the name of the form"),
        (eye_with("length", json!(256)), iris(), "alternatives[1].length", "the length of the form"),
        (eye_with("bits", json!("00")), iris(), "alternatives[1].bits", "has 1 bytes where"),
        (eye_with("mask", json!("?")), iris(), "alternatives[1].mask", "must be hexadecimal"),
        (eye_with("mask", json!("0f".repeat(16))), open.clone(), "alternatives[1].mask", "has no masks"),
        (eye_with("embedding", json!([1])), iris(), "alternatives[1].embedding", "is not a field"),
        (eye_with("name", json!("x")), iris(), "alternatives[1].name", "is not a field"),
        (faces(json!([1, 2])), face(), "alternatives[0].embedding", "as many numbers as"),
        (faces(json!([0, 0, 0])), face(), "alternatives[0].embedding", "other than all zeros"),
        (
            json!([{"position": "FACE", "bits": "0".repeat(32)}]),
            face(),
            "alternatives[0].embedding",
            "missing",
        ),
    ];
    for (alternatives, form, field, reason) in cases {
        let (found, said) = read(&alternatives, &form).expect_err(&alternatives.to_string());
        assert_eq!(found, field, "{alternatives}: {said}");
        assert!(said.contains(reason), "{alternatives}: {said}");
    }
    // A mask that hides nothing is none.
    read(&eye_with("mask", json!("f".repeat(32))), &open).unwrap();
}

#[test]
fn files_that_are_no_probe() {
    let fault = |file: &[u8]| probe(file, &iris()).unwrap_err().to_string();
    assert_eq!(fault(b"{}"), "`alternatives` is missing; supply it");
    assert!(fault(b"[]").starts_with("must be an object"));
    assert!(fault(b"\xFF").starts_with("is not UTF-8 from byte 1"));
    assert!(fault(b"{\n \"alternatives\": [\n !").starts_with("is not JSON at byte 23"));
    assert!(fault(&vec![b' '; MAX_PROBE + 1]).starts_with("is longer than"));
    assert!(fault("[".repeat(50_000).as_bytes()).starts_with("is not JSON"));
    let file = json!({"alternatives": [eye(1)], "case": "7"}).to_string();
    assert!(fault(file.as_bytes()).starts_with("`case` is not a field"));
    probe(format!("\u{feff}{}\r\n", json!({"alternatives": [eye(1)]})).as_bytes(), &iris()).unwrap();
}

proptest! {
    #[test]
    fn bytes_are_read_or_refused(file: Vec<u8>) {
        prop_assert!(probe(&file, &iris()).is_err());
    }

    /// One byte of a good probe is changed: it is read or refused, and a refusal repeats no value.
    #[test]
    fn a_changed_byte_is_harmless(at: prop::sample::Index, byte: u8) {
        let mut file = json!({"alternatives": [eye(0xA5), eye(0xA5)]}).to_string().into_bytes();
        let at = at.index(file.len());
        file[at] = byte;
        match probe(&file, &iris()) {
            Ok(probe) => prop_assert!(probe.iter().all(|(_, template)| template.length() == 128)),
            Err(fault) => prop_assert!(!fault.to_string().contains("a5a5"), "{}", fault),
        }
    }
}
