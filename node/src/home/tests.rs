use tempfile::TempDir;

use super::*;

#[test]
fn an_agency_has_a_name() {
    let dir = TempDir::new().unwrap();
    let named = |at: &str, name: &str| {
        let (code, passphrase) = ("RS".parse().unwrap(), "long enough".to_owned().into());
        let (announce, listen, name) = (Vec::new(), Vec::new(), name.to_owned());
        init(&dir.path().join(at), Init { code, name, announce, listen, passphrase })
    };
    for name in ["", " ", "\t", "Ministry\nof the Interior", &"x".repeat(201)] {
        let refused = named("refused", name).unwrap_err();
        assert!(refused.what.contains("from 1 to 200 characters"), "{refused}");
        assert!(!dir.path().join("refused").exists(), "nothing was made");
    }
    assert_eq!(named("made", "Министарство").unwrap().identity.name, "Министарство");
}
