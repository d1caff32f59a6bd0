use tempfile::TempDir;

use super::*;

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
fn a_partner_sets_up_keys_so_often_a_day_and_no_more_once_it_was_caught() {
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
    store.caught(&mk, now);
    assert_eq!(store.begin(&mk, now).unwrap_err().code, RefusalCode::SetupsSpent);
    store.begin(&mk, now.plus(Timestamp::DAY)).unwrap();
}
