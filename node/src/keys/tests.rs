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
        let begun = store.begun(side, &face).unwrap();
        let (seed, lasting) = (*begun.seed().expose(), *begun.lasting().expose());
        begun.bind(Digest([7; 32])).unwrap();
        // As after a restart.
        let again = KeyStore::new(dir.path().to_owned(), StorageKey::from_bytes([1; 32]));
        let begun = again.begun(side, &face).unwrap();
        assert_eq!(*begun.seed().expose(), seed);
        begun.bind(Digest([7; 32])).unwrap();
        assert!(matches!(begun.bind(Digest([8; 32])), Err(SessionError::Misbehaved(_))));
        assert_ne!(*again.begun(side, &iris).unwrap().seed().expose(), seed, "each kind has its own");
        begun.end().unwrap();
        let next = store.begun(side, &face).unwrap();
        next.bind(Digest([8; 32])).unwrap();
        // The same commitments meet the same choice for good; all else is drawn anew.
        assert_eq!((*next.seed().expose() == seed, *next.lasting().expose()), (false, lasting));
    }
}

// Each that answered a choice of its own would have opened every set to the holder.
#[test]
fn two_sessions_with_one_setup_are_bound_to_one_choice() {
    let (_dir, store) = store();
    let face = fetch("face");
    let (one, other) = (store.begun(Side::Asker, &face).unwrap(), store.begun(Side::Asker, &face).unwrap());
    assert_eq!(one.seed().expose(), other.seed().expose());
    one.bind(Digest([3; 32])).unwrap();
    assert!(matches!(other.bind(Digest([5; 32])), Err(SessionError::Misbehaved(_))));
    // Nor is one bound whose setup is over, or began anew.
    one.end().unwrap();
    assert!(matches!(other.bind(Digest([3; 32])), Err(SessionError::Local(_))));
    store.begun(Side::Asker, &face).unwrap();
    assert!(matches!(other.bind(Digest([3; 32])), Err(SessionError::Local(_))));
}

#[test]
fn only_who_was_caught_is_forgiven() {
    let (dir, store) = store();
    let (face, iris) = (fetch("face"), fetch("iris"));
    let longer = Fetch { asker: "MK-2".parse().unwrap(), ..fetch("face") };
    for (fetch, caught) in [(&face, true), (&iris, false), (&longer, true)] {
        let begun = store.begun(Side::Holder, fetch).unwrap();
        begun.bind(Digest([8; 32])).unwrap();
        if caught {
            begun.caught().unwrap();
        }
    }
    store.begun(Side::Asker, &face).unwrap().bind(Digest([8; 32])).unwrap();
    store.forget_caught(&"MK".parse().unwrap()).unwrap();
    let free = |side, fetch| store.begun(side, fetch).unwrap().bind(Digest([9; 32])).is_ok();
    assert!(free(Side::Holder, &face));
    assert!(!free(Side::Holder, &iris), "it left at a choice there, and may only go on");
    assert!(!free(Side::Holder, &longer), "that is another partner");
    assert!(!free(Side::Asker, &face), "that is our own");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
}

#[test]
fn what_is_over_leaves_no_seed() {
    let (dir, store) = store();
    let kind = |fetch: &Fetch| {
        let setup = fetch.matching.as_ref().unwrap();
        super::kind(&fetch.agreement, &fetch.asker, &fetch.holder, setup).unwrap()
    };
    let (face, iris, eye) = (fetch("face"), fetch("iris"), fetch("eye"));
    let current = [kind(&face), kind(&iris)];
    // The node was stopped between the keys and the end of their setup, between overwriting and removing, and
    // before the agreement ended.
    store.begun(Side::Asker, &face).unwrap().made(Digest([4; 32])).unwrap();
    store.begun(Side::Asker, &eye).unwrap();
    store.begun(Side::Asker, &iris).unwrap().bind(Digest([8; 32])).unwrap();
    let lying = || fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(lying().count(), 3);
    store.sweep_begun(&[], &current).unwrap();
    assert_eq!(lying().count(), 2);
    store.sweep_begun(&[Digest([4; 32])], &current).unwrap();
    let left = lying().next().unwrap();
    assert!(lying().count() == 1 && left.to_str().unwrap().contains(&kind(&iris).to_string()), "{left:?}");
    let size = fs::metadata(&left).unwrap().len() as usize;
    fs::write(&left, vec![0; size]).unwrap();
    store.begun(Side::Asker, &iris).unwrap().bind(Digest([9; 32])).unwrap();
    fs::write(&left, vec![1; size]).unwrap();
    assert!(store.begun(Side::Asker, &iris).is_err());
    store.sweep_begun(&[], &[]).unwrap();
    assert_eq!(lying().count(), 0);
}

#[test]
fn partners_do_not_wait_for_each_other() {
    let (_dir, store) = store();
    let (rs, mk): (AgencyCode, AgencyCode) = ("RS".parse().unwrap(), "MK".parse().unwrap());
    let turn = |partner| store.turn(Side::Holder, partner);
    let first = turn(&rs);
    assert!(first.is_some() && turn(&rs).is_none() && turn(&mk).is_some());
    assert!(store.turn(Side::Asker, &rs).is_some(), "keys of the other direction");
    drop(first);
    assert!(turn(&rs).is_some());
}
