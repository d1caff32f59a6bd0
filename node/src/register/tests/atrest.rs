//! What lies on the disk: it shows nothing, and what was altered or moved is never answered from.

use std::fs;

use super::*;

fn raw(register: &Register, n: u64) -> (Key, Vec<u8>) {
    let key = register.vault.key(&id(&format!("RS-{n}")));
    (key, register.tree.get(key).unwrap().unwrap().to_vec())
}

/// Every way of reading the record fails, and says which register and key.
fn refused(registers: &Registers, n: u64) {
    let record = id(&format!("RS-{n}"));
    let register = registers.register(&name()).unwrap();
    let digest = Vault::digest(&register.vault.key(&record));
    let told = |result: Result<(), RegisterError>| match result {
        Err(RegisterError::Corrupt { name: register, key }) => assert_eq!((register, key), (name(), digest)),
        other => panic!("{other:?}"),
    };
    told(registers.show(&name(), &record).map(drop));
    told(registers.check(&name()).map(drop));
    let body_only = registers.scan(&name()).unwrap().all(|record| record.is_ok());
    if !body_only {
        told(registers.scan(&name()).unwrap().find_map(Result::err).map_or(Ok(()), Err));
        told(registers.page(&name(), None, 10).map(drop));
        told(registers.expire(&name(), day("2199-12-31"), &mut begins).map(drop));
    }
}

#[test]
fn an_altered_byte_fails_closed_and_an_import_heals_it() {
    let (_home, registers) = empty();
    import(&registers, lines(0..4));
    let before = contents(&registers);
    let register = registers.register(&name()).unwrap();
    let (key, value) = raw(&register, 2);
    for at in (0..value.len()).step_by(7).chain([0, 1, value.len() - 1]) {
        let mut altered = value.clone();
        altered[at] ^= 0x10;
        register.tree.insert(key, altered).unwrap();
        refused(&registers, 2);
    }
    for cut in [0, 1, 2, 30, value.len() - 1] {
        register.tree.insert(key, &value[..cut]).unwrap();
        refused(&registers, 2);
    }
    assert_eq!(import(&registers, lines(2..3)).0.replaced, 1);
    assert!(contents(&registers) == before);
}

#[test]
fn a_damaged_record_can_be_erased_by_id() {
    let (_home, registers) = empty();
    import(&registers, lines(0..4));
    let register = registers.register(&name()).unwrap();
    register.tree.insert(raw(&register, 2).0, b"damaged").unwrap();
    let ids = [id("RS-2")];
    assert_eq!(
        registers.erase(&name(), Selection::Ids(&ids), ErasureReason::Inaccurate, &mut begins).unwrap().count,
        1
    );
    assert_eq!(contents(&registers).len(), 3);
}

#[test]
fn values_cannot_be_moved_or_mixed() {
    let (_home, registers) = empty();
    import(&registers, lines(0..4));
    let register = registers.register(&name()).unwrap();
    let ((one, first), (_, second)) = (raw(&register, 1), raw(&register, 2));

    register.tree.insert(one, second).unwrap();
    refused(&registers, 1);

    import(&registers, line(1, 9));
    let (_, newer) = raw(&register, 1);
    let head = 2 + usize::from(u16::from_be_bytes([first[0], first[1]]));
    assert_eq!(first[..2], newer[..2]);
    register.tree.insert(one, [&newer[..head], &first[head..]].concat()).unwrap();
    refused(&registers, 1);

    let visa: RegisterName = "visa".parse().unwrap();
    registers.create(&visa).unwrap();
    let other = registers.register(&visa).unwrap();
    assert_ne!(other.vault.key(&id("RS-1")), one);
    other.tree.insert(other.vault.key(&id("RS-1")), first.clone()).unwrap();
    other.tree.insert(one, first).unwrap();
    let scanned: Vec<_> = registers.scan(&visa).unwrap().take(2).collect();
    assert!(scanned.iter().all(|record| matches!(record, Err(RegisterError::Corrupt { .. }))));
}

#[test]
fn an_altered_count_fails_closed() {
    let (_home, registers) = empty();
    import(&registers, lines(0..4));
    let register = registers.register(&name()).unwrap();
    register.tree.insert(COUNT_KEY, b"12345678").unwrap();
    assert!(matches!(registers.list(), Err(RegisterError::Corrupt { .. })));
}

/// The bytes of every file under `path`.
fn files(path: &Path) -> Vec<u8> {
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    let bytes = entries.map(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => files(&entry.path()),
        _ => fs::read(entry.path()).unwrap(),
    });
    bytes.collect::<Vec<_>>().concat()
}

#[test]
fn the_disk_shows_no_identifier() {
    let (home, registers) = empty();
    import(&registers, lines(7..8));
    let record = registers.show(&name(), &id("RS-7")).unwrap().unwrap();
    let canonical = record.identifiers[0].canonical().unwrap();
    drop(registers);
    let disk = files(home.path());
    let holds = |text: &[u8]| disk.windows(text.len()).any(|window| window == text);
    // The search itself works.
    assert!(holds(b"register/border"));
    let planted = [
        "RS-7",
        "P21000276",
        "21000276",
        "SYR",
        "Presevo",
        "ASYLUM",
        "travel-document",
        "1990-02-03",
        "adult",
    ];
    for text in planted.map(str::as_bytes).into_iter().chain([canonical.bytes()]) {
        assert!(!holds(text), "{}", String::from_utf8_lossy(text));
    }
}

/// A byte of the database file is changed. Left alone, `sled` opens it without the records after that byte.
#[test]
fn damage_to_the_file_does_not_go_unnoticed() {
    let (home, registers) = empty();
    import(&registers, lines(0..200));
    registers.erase(&name(), Selection::Ids(&[id("RS-5")]), ErasureReason::Order, &mut begins).unwrap();
    let before = contents(&registers);
    drop(registers);
    let sound = fs::read(home.path().join("db")).unwrap();
    let mut refused = 0;
    for at in (0..sound.len()).step_by(sound.len() / 50) {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x40;
        let copy = tempfile::tempdir().unwrap();
        for file in ["conf", COMMITS] {
            fs::copy(home.path().join(file), copy.path().join(file)).unwrap();
        }
        fs::write(copy.path().join("db"), damaged).unwrap();
        match Registers::open(copy.path(), &key()) {
            Ok(registers) => assert!(contents(&registers) == before, "{at}"),
            Err(error) => {
                assert!(matches!(error, RegisterError::Damaged { .. } | RegisterError::Store(_)), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 40, "{refused}");
}

#[test]
fn a_missing_anchor_is_not_made_again() {
    let (home, registers) = empty();
    drop(registers);
    fs::remove_file(home.path().join(COMMITS)).unwrap();
    assert!(matches!(Registers::open(home.path(), &key()), Err(RegisterError::Damaged { .. })));
}

#[test]
fn a_record_that_vanished_is_missed() {
    let (_home, registers) = empty();
    import(&registers, lines(0..4));
    assert_eq!(registers.check(&name()).unwrap(), 4);
    let register = registers.register(&name()).unwrap();
    register.tree.remove(raw(&register, 2).0).unwrap();
    let told = |result| assert!(matches!(result, Err(RegisterError::Incomplete { noted: 4, found: 3, .. })));
    told(registers.scan(&name()).unwrap().try_for_each(|record| record.map(drop)));
    told(registers.check(&name()).map(drop));
    told(registers.expire(&name(), day("2199-12-31"), &mut begins).map(drop));
}
