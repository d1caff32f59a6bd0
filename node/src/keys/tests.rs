use tempfile::TempDir;

use symbolon_policy::{
    ask::{Fetch, MatchSetup},
    words::AgreementId,
};

use super::*;
use crate::{node::tests::pair, session::SessionError};

fn store() -> (TempDir, KeyStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = KeyStore::new(dir.path().to_owned(), StorageKey::from_bytes([1; 32]));
    (dir, store)
}

#[test]
fn own_keys_lie_sealed_and_are_overwritten_at_their_end() {
    let (dir, store) = store();
    let (own, partners) = (Digest([1; 32]), Digest([2; 32]));
    let (file, bytes) = store.save(Side::Asker, &own, b"a secret seed").unwrap();
    store.save(Side::Holder, &partners, b"public keys").unwrap();
    let path = dir.path().join(format!("{own}.own"));
    let sealed = fs::read(&path).unwrap();
    assert_eq!((sealed.len() as u64, digest(&sealed)), (bytes, file));
    assert!(!sealed.windows(6).any(|part| part == b"secret"));
    assert_eq!(fs::read(dir.path().join(format!("{partners}.partner"))).unwrap(), b"public keys");
    assert_eq!(store.strays(&[own]), [partners]);

    // What another program reads through a descriptor of its own is what lies on the disk.
    let mut reader = fs::File::open(&path).unwrap();
    store.destroy(Side::Asker, &own);
    store.destroy(Side::Holder, &partners);
    let mut left = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut left).unwrap();
    assert!(!left.is_empty() && left.iter().all(|byte| *byte == 0), "overwritten before it was removed");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_partner_sets_up_keys_so_often_a_day() {
    let (_dir, store) = store();
    let (rs, mk): (AgencyCode, AgencyCode) = ("RS".parse().unwrap(), "MK".parse().unwrap());
    let now = Timestamp(10 * Timestamp::DAY);
    for _ in 0..SETUPS_A_DAY {
        store.begin(&rs, now).unwrap();
    }
    let refusal = store.begin(&rs, now.plus(Timestamp::DAY - 1)).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::SetupsSpent);
    assert!(refusal.text.contains("24 times a day"), "{refusal}");
    store.begin(&mk, now).unwrap();
    store.begin(&rs, now.plus(Timestamp::DAY)).unwrap();
}

fn fetch(form: &str) -> Fetch {
    let words = pair::terms();
    Fetch {
        agreement: AgreementId([1; 32]),
        rules: Digest([2; 32]),
        asker: "MK".parse().unwrap(),
        holder: "RS".parse().unwrap(),
        register: words.register,
        purpose: words.purpose,
        basis: words.basis,
        officer: words.officer,
        case: true,
        matching: Some(MatchSetup {
            form: form.parse().unwrap(),
            engine: "tfhe-one-round/1".parse().unwrap(),
        }),
    }
}

// Cut-and-choose is worth nothing against an asker that may come again for another choice.
#[test]
fn a_setup_that_broke_off_goes_on_with_the_same_seed_and_nothing_else() {
    let (dir, store) = store();
    let (face, iris) = (fetch("face"), fetch("iris"));
    for side in [Side::Asker, Side::Holder] {
        let mut begun = store.begun(side, &face).unwrap();
        let seed = *begun.seed().expose();
        begun.bind(Digest([7; 32])).unwrap();
        // As after a restart.
        let again = KeyStore::new(dir.path().to_owned(), StorageKey::from_bytes([1; 32]));
        let mut begun = again.begun(side, &face).unwrap();
        assert_eq!(*begun.seed().expose(), seed);
        begun.bind(Digest([7; 32])).unwrap();
        assert!(matches!(begun.bind(Digest([8; 32])), Err(SessionError::Misbehaved(_))));
        assert_ne!(*again.begun(side, &iris).unwrap().seed().expose(), seed, "each kind has its own");
        begun.end().unwrap();
        let mut next = store.begun(side, &face).unwrap();
        next.bind(Digest([8; 32])).unwrap();
        // The same commitments meet the same choice for good; an asker's key sets are drawn anew.
        assert_eq!(*next.seed().expose() == seed, side == Side::Holder);
    }
    store.forget_begun(&"MK".parse().unwrap()).unwrap();
    store.begun(Side::Holder, &face).unwrap().bind(Digest([9; 32])).unwrap();
    assert!(store.begun(Side::Asker, &face).unwrap().bind(Digest([9; 32])).is_err(), "that is our own");
}

#[test]
fn partners_do_not_wait_for_each_other() {
    let (_dir, store) = store();
    let (rs, mk): (AgencyCode, AgencyCode) = ("RS".parse().unwrap(), "MK".parse().unwrap());
    let turn = store.turn(&rs);
    assert!(turn.is_some() && store.turn(&rs).is_none() && store.turn(&mk).is_some());
    drop(turn);
    assert!(store.turn(&rs).is_some());
}
