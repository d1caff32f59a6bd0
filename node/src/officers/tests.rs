use std::{fs, os::unix::fs::PermissionsExt};

use super::*;
use crate::control::api::FailureKind;

fn passphrase() -> SecretString {
    "three invented words".to_owned().into()
}

fn id() -> OfficerId {
    "ana.petrovic".parse().unwrap()
}

#[test]
fn keys_are_the_same_after_opening_and_the_file_is_the_officers_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ana.key");
    let made = OfficerKeys::create(&path, id(), passphrase()).unwrap();
    let opened = OfficerKeys::open(&path, passphrase()).unwrap();
    assert_eq!(made.card().unwrap(), opened.card().unwrap());
    assert_eq!(opened.card().unwrap().verify(), Ok(()));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let sealed = fs::read(&path).unwrap();
    assert!(!sealed.windows(4).any(|part| part == b"seed" || part == b"petr"));

    let failure = OfficerKeys::create(&path, id(), passphrase()).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Input);
    assert_eq!(fs::read(&path).unwrap(), sealed, "never overwritten");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no other file stays");

    let wrong = OfficerKeys::open(&path, "another passphrase".to_owned().into()).unwrap_err();
    assert_eq!(wrong.kind, FailureKind::Input, "{wrong}");
    fs::write(&path, &sealed[..sealed.len() - 1]).unwrap();
    assert!(OfficerKeys::open(&path, passphrase()).is_err());
    assert_eq!(
        OfficerKeys::open(&dir.path().join("none"), passphrase()).unwrap_err().kind,
        FailureKind::Input
    );
}

#[test]
fn the_seal_opens_what_was_sealed_to_it_and_nothing_else() {
    let keys = |seed| OfficerKeys { id: id(), seed: StorageKey::from_bytes([seed; 32]) };
    let (ana, ivo) = (keys(1), keys(2));
    let to = recipient(&ana.card().unwrap().card.seal).unwrap();
    let sealed = age::encrypt(&to, b"fields").unwrap();
    assert_eq!(age::decrypt(&ana.identity().unwrap(), &sealed).unwrap(), b"fields");
    assert!(age::decrypt(&ivo.identity().unwrap(), &sealed).is_err());
    for none in ["", "age1", "AGE-SECRET-KEY-1", &ana.card().unwrap().card.seal[1..]] {
        assert!(recipient(none).is_err(), "{none}");
    }
}

#[test]
fn the_two_keys_differ_and_nothing_secret_is_shown() {
    let keys = OfficerKeys { id: id(), seed: StorageKey::from_bytes([3; 32]) };
    let shown = format!("{keys:?}");
    assert_eq!(shown, "OfficerKeys { id: OfficerId(\"ana.petrovic\"), .. }");
    let seal = StorageKey::from_bytes([3; 32]).derive("officer/seal");
    assert_ne!(keys.signer().as_bytes(), seal.as_bytes());
    assert_ne!(keys.signer().as_bytes(), &[3; 32]);
}
