//! Changes of registers and rules.

use super::*;

#[test]
fn a_change_raises_the_version_twice_and_ends_what_was_made_before() {
    let agreement = in_force();
    let (border, visa): (RegisterName, RegisterName) = ("border".parse().unwrap(), "visa".parse().unwrap());
    let made = |n| Event::SnapshotMade { manifest: manifest(n, &agreement) };
    let begun = |register: &RegisterName| Event::ImportBegun { register: register.clone() };
    let ends = |register: &RegisterName, replaced| {
        let register = register.clone();
        Event::Imported { register, good: 9, replaced, rejected: 0, digest: Digest([0; 32]) }
    };
    let failed = Event::ChangeFailed { register: border.clone(), reason: "broke".into() };
    let erased = |records| {
        let (register, digest) = (border.clone(), Digest([0; 32]));
        Event::Erased { register, records, digest, reason: "ORDER".into() }
    };
    let erasing = Event::ErasureBegun { register: border.clone() };
    for (begins, over, ended) in [
        (begun(&border), ends(&border, 0), 0),
        (begun(&border), ends(&border, 1), 1),
        (begun(&border), failed.clone(), 1),
        (erasing.clone(), erased(1), 1),
        (erasing, failed, 1),
        (begun(&visa), ends(&visa, 1), 0),
    ] {
        let other = matches!(&begins, Event::ImportBegun { register } if *register == visa);
        let (_dir, state) = after(&[made(1)]);
        let version = || state.register_version(&border).unwrap();
        let stale = || state.stale_snapshots().unwrap().len();
        let changes = || state.changes().unwrap();
        let before = version();
        state.apply(1, &begins).unwrap();
        assert_eq!((version() > before, changes().len(), stale()), (!other, 1, 0), "{begins:?}");
        let meanwhile = version();
        state.apply(2, &over).unwrap();
        assert_eq!((version() > meanwhile, changes().len(), stale()), (!other, 0, ended), "{over:?}");
        state.apply(3, &made(2)).unwrap();
        assert_eq!(stale(), ended, "what is made afterwards stays: {over:?}");
        state.apply(4, &Event::NationalRules { text: None }).unwrap();
        assert_eq!(stale(), 2, "other rules are a change of every slice");
    }
}
