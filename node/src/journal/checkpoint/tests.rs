use ed25519_dalek::SigningKey;
use proptest::prelude::*;

use super::*;

fn code(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn note() -> String {
    Checkpoint::sign(&code("RS"), 12, Digest([7; 32]), &key(1))
}

#[test]
fn a_checkpoint_has_the_form_of_c2sp() {
    let note = note();
    let name = origin(&code("RS"), &key(1).public());
    let lines: Vec<_> = note.lines().collect();
    assert_eq!(&lines[..4], [name.as_str(), "12", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=", ""]);
    assert!(lines[4].starts_with(&format!("— {name} ")));
    assert_eq!(lines.len(), 5);
}

/// The reference verifier of `signed_note` reads the note without any of our code.
#[test]
fn the_standard_verifier_accepts_it() {
    let name = origin(&code("RS"), &key(1).public());
    let public = key(1).public();
    let encoded = BASE64.encode(&[[1].as_slice(), &public.0].concat());
    let id = signed_note::key_id(&name, &[[1].as_slice(), &public.0].concat());
    let verifier = signed_note::StandardVerifier::new(&format!("{name}+{id:08x}+{encoded}")).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let (good, unknown) = Note::from_bytes(note().as_bytes()).unwrap().verify(&known).unwrap();
    assert_eq!((good.len(), unknown.len()), (1, 0));
}

#[test]
fn it_verifies_for_its_agency_and_key_alone() {
    let note = note();
    let checkpoint = Checkpoint::verify(&note, &code("RS"), &key(1).public()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (12, Digest([7; 32])));
    for (of, key) in [(code("MK"), key(1)), (code("RS"), key(2))] {
        let fault = Checkpoint::verify(&note, &of, &key.public()).unwrap_err();
        assert!(matches!(fault, NoteFault::Origin { .. }), "{fault}");
    }
}

#[test]
fn every_altered_byte_is_refused() {
    let note = note();
    for at in 0..note.len() {
        for bit in 0..8 {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let Ok(altered) = String::from_utf8(bytes) else { continue };
            assert!(
                Checkpoint::verify(&altered, &code("RS"), &key(1).public()).is_err(),
                "byte {at} bit {bit}: {altered}"
            );
        }
    }
}

#[test]
fn a_countersignature_is_one_line_more() {
    let (sent, mk) = (note(), code("MK"));
    let both = countersign(&sent, &mk, &key(2)).unwrap();
    verify_countersigned(&sent, &both, &mk, &key(2).public()).unwrap();
    Checkpoint::verify(&both, &code("RS"), &key(1).public()).unwrap();

    let refused = |returned: &str| verify_countersigned(&sent, returned, &mk, &key(2).public()).unwrap_err();
    assert!(matches!(refused(&sent), NoteFault::Form));
    let other = countersign(&sent, &mk, &key(3)).unwrap();
    assert!(matches!(refused(&other), NoteFault::Unsigned(_)));
    let twice = countersign(&both, &mk, &key(2)).unwrap();
    assert!(matches!(refused(&twice), NoteFault::Form));
    let another = Checkpoint::sign(&code("RS"), 13, Digest([7; 32]), &key(1));
    let another = countersign(&another, &mk, &key(2)).unwrap();
    assert!(matches!(refused(&another), NoteFault::Form));
    let line = both.lines().last().unwrap();
    let moved = format!("{}{line}\n", Checkpoint::sign(&code("RS"), 13, Digest([7; 32]), &key(1)));
    assert!(matches!(verify_signature(&moved, &mk, &key(2).public()).unwrap_err(), NoteFault::Signature(_)));
}

#[test]
fn other_texts_are_no_checkpoints() {
    let name = origin(&code("RS"), &key(1).public());
    let root = BASE64.encode(&[7; 32]);
    let sign = |text: &str| format!("{text}\n{}", signature_line(&code("RS"), &key(1), text));
    let large = (MAX_SIZE + 1).to_string();
    for (size, root, more) in [
        ("012", root.as_str(), ""),
        ("+12", root.as_str(), ""),
        ("-1", root.as_str(), ""),
        (large.as_str(), root.as_str(), ""),
        ("12", "AAAA", ""),
        ("12", "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwd=", ""),
        ("12", root.as_str(), "more\n"),
    ] {
        let note = sign(&format!("{name}\n{size}\n{root}\n{more}"));
        let fault = Checkpoint::verify(&note, &code("RS"), &key(1).public()).unwrap_err();
        assert!(matches!(fault, NoteFault::Text(_)), "{note}: {fault}");
    }
    let long = format!("{}{}", note(), "— x AAAAAAAA\n".repeat(200));
    assert_eq!(Checkpoint::read(&long), Err(NoteFault::Form));
}

proptest! {
    #[test]
    fn foreign_notes_never_panic(text in "(?s).{0,300}", lines in proptest::collection::vec("[0-9A-Za-z+/=— ]{0,60}", 0..7)) {
        let _ = Checkpoint::verify(&text, &code("RS"), &key(1).public());
        let _ = Checkpoint::verify(&lines.join("\n"), &code("RS"), &key(1).public());
    }
}
