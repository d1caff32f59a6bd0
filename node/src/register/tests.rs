//! The registers as a whole, on a real database.

mod atrest;
mod crash;
mod files;
mod flags;
mod kept;
mod sealed;
mod slice;

use std::{collections::BTreeMap, io};

use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::{pieces::PIECE, *};

/// Keeps what an import says.
#[derive(Default)]
struct Told {
    rejects: Vec<Reject>,
    progress: Vec<Progress>,
}

impl ImportObserver for Told {
    fn rejected(&mut self, reject: &Reject) -> io::Result<()> {
        self.rejects.push(reject.clone());
        Ok(())
    }

    fn progress(&mut self, progress: Progress) {
        self.progress.push(progress);
    }
}

/// Nobody has to be told of a change first.
fn begins() -> io::Result<()> {
    Ok(())
}

fn key() -> StorageKey {
    StorageKey::from_bytes([7; 32])
}

fn name() -> RegisterName {
    "border".parse().unwrap()
}

fn id(text: &str) -> RecordId {
    text.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn empty() -> (TempDir, Registers) {
    let home = tempfile::tempdir().unwrap();
    let mut registers = Registers::open(home.path(), &key()).unwrap();
    // Or what a test damages would go unnoticed.
    registers.kept = Room::of(0);
    registers.create(&name()).unwrap();
    (home, registers)
}

/// A good line for record `n`; `version` tells two versions of it apart.
fn line(n: u64, version: u64) -> String {
    json!({
        "v": 1, "id": format!("RS-{n}"), "category": "ASYLUM_APPLICANT", "taken": "2024-06-01",
        "expires": format!("{}-06-01", 2025 + n % 10),
        "identifiers": [
            {"kind": "travel-document", "number": format!("P{}", 21_000_017 + n * 37), "state": "SYR", "birth_date": "1990-02-03"}
        ],
        "subject": {"age": "adult", "own_citizen": false}, "provenance": "own",
        "fields": {"place": "Presevo", "version": version.to_string()},
    })
    .to_string()
}

fn lines(range: std::ops::Range<u64>) -> String {
    range.map(|n| line(n, 0) + "\n").collect()
}

fn import(registers: &Registers, text: impl AsRef<[u8]>) -> (ImportSummary, Told) {
    let mut told = Told::default();
    let summary = registers.import(&name(), text.as_ref(), Format::Ndjson, &mut told).unwrap();
    assert_eq!(summary.lines, summary.good + summary.rejected);
    assert_eq!(summary.rejected, told.rejects.len() as u64);
    (summary, told)
}

/// Every record by id, each also read whole, after checking that all ways of reading agree.
fn contents(registers: &Registers) -> BTreeMap<String, Record> {
    let scanned: Vec<_> = registers.scan(&name()).unwrap().collect::<Result<_, _>>().unwrap();
    let mut paged: Vec<StoredRecord> = Vec::new();
    loop {
        let page = registers.page(&name(), paged.last().map(|record| &record.id), 7).unwrap();
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert!(scanned == paged);
    assert_eq!(registers.list().unwrap(), [RegisterInfo { name: name(), records: scanned.len() as u64 }]);
    let whole = scanned.iter().map(|stored| {
        let record = registers.show(&name(), &stored.id).unwrap().unwrap();
        assert_eq!(
            (record.class(), record.taken, record.expires),
            (stored.class, stored.taken, stored.expires)
        );
        let mut canonical: Vec<_> =
            record.identifiers.iter().map(|raw| raw.canonical().unwrap().bytes().to_vec()).collect();
        canonical.sort();
        assert!(stored.identifiers.iter().map(|bytes| bytes.to_vec()).eq(canonical));
        (stored.id.to_string(), record)
    });
    whole.collect()
}

#[test]
fn what_is_imported_is_there_after_reopening() {
    let (home, registers) = empty();
    let (summary, told) = import(&registers, lines(0..20));
    assert_eq!((summary.good, summary.replaced), (20, 0));
    assert!(told.rejects.is_empty());
    let before = contents(&registers);
    assert_eq!(
        serde_json::to_value(&before["RS-3"]).unwrap()["fields"],
        json!({"place": "Presevo", "version": "0"})
    );
    drop(registers);
    let registers = Registers::open(home.path(), &key()).unwrap();
    assert!(contents(&registers) == before && before.len() == 20);
    assert_eq!(registers.show(&name(), &id("RS-20")).unwrap(), None);
}

#[test]
fn an_import_can_be_repeated() {
    let (_home, registers) = empty();
    let (first, _) = import(&registers, lines(0..50));
    let before = contents(&registers);
    let (again, _) = import(&registers, lines(0..50));
    assert_eq!(again, ImportSummary { replaced: 50, ..first });
    assert!(contents(&registers) == before);
}

#[test]
fn what_is_shown_can_be_imported_again() {
    let (_home, registers) = empty();
    import(&registers, lines(0..5));
    let before = contents(&registers);
    let file: String = before.values().map(|record| serde_json::to_string(record).unwrap() + "\n").collect();
    assert_eq!(import(&registers, file).0.replaced, 5);
    assert!(contents(&registers) == before);
}

#[test]
fn registers_are_made_on_purpose_and_kept_apart() {
    let (_home, registers) = empty();
    let visa: RegisterName = "visa".parse().unwrap();
    let missing = |result| assert!(matches!(result, Err(RegisterError::NoSuchRegister { .. })));
    missing(registers.import(&visa, b"".as_slice(), Format::Ndjson, &mut Told::default()).map(drop));
    missing(registers.scan(&visa).map(drop));
    missing(registers.show(&visa, &id("a")).map(drop));
    missing(registers.erase(&visa, Selection::Ids(&[]), ErasureReason::Order, &mut begins).map(drop));
    assert!(!registers.exists(&visa));
    assert!(matches!(registers.create(&name()), Err(RegisterError::Exists { .. })));

    registers.create(&visa).unwrap();
    import(&registers, lines(0..3));
    assert_eq!(registers.scan(&visa).unwrap().count(), 0);
    let list: Vec<_> = registers.list().unwrap().into_iter().map(|info| (info.name, info.records)).collect();
    assert_eq!(list, [(name(), 3), (visa, 0)]);
}

#[test]
fn erased_records_are_gone() {
    let (home, registers) = empty();
    import(&registers, lines(0..10));
    let ids = [id("RS-3"), id("RS-99"), id("RS-7"), id("RS-3")];
    let summary =
        registers.erase(&name(), Selection::Ids(&ids), ErasureReason::SubjectRequest, &mut begins).unwrap();
    assert_eq!((summary.count, summary.missing), (2, 2));
    assert_eq!(summary.digest, ErasureSummary::digest_of(&[id("RS-7"), id("RS-3")]));
    assert_ne!(summary.digest, ErasureSummary::digest_of(&[id("RS-7")]));
    drop(registers);
    let registers = Registers::open(home.path(), &key()).unwrap();
    for gone in ["RS-3", "RS-7"] {
        assert_eq!(registers.show(&name(), &id(gone)).unwrap(), None);
        let register = registers.register(&name()).unwrap();
        assert_eq!(register.tree.get(register.vault.key(&id(gone))).unwrap(), None);
    }
    assert_eq!(contents(&registers).len(), 8);
}

#[test]
fn erases_by_attribute() {
    let (_home, registers) = empty();
    import(&registers, lines(0..30));
    let odd = |record: &StoredRecord| record.id.as_str().ends_with('1');
    let summary =
        registers.erase(&name(), Selection::Where(&odd), ErasureReason::Inaccurate, &mut begins).unwrap();
    assert_eq!(summary.digest, ErasureSummary::digest_of(&[id("RS-1"), id("RS-11"), id("RS-21")]));
    assert_eq!((summary.count, contents(&registers).len()), (3, 27));
}

#[test]
fn nothing_changes_before_it_was_told() {
    struct Deaf(Told);
    impl ImportObserver for Deaf {
        fn begins(&mut self) -> io::Result<()> {
            Err(io::Error::other("the disk is full"))
        }
        fn rejected(&mut self, reject: &Reject) -> io::Result<()> {
            self.0.rejected(reject)
        }
    }
    let (_home, registers) = empty();
    import(&registers, lines(0..3));
    let before = contents(&registers);
    let text = lines(3..6);
    let imported =
        registers.import(&name(), text.as_bytes(), Format::Ndjson, &mut Deaf(Told::default())).map(drop);
    let mut deaf = || Err(io::Error::other("the disk is full"));
    let erased = registers.erase(&name(), Selection::Ids(&[id("RS-1")]), ErasureReason::Order, &mut deaf);
    for ended in [imported, erased.map(drop)] {
        assert!(matches!(ended, Err(RegisterError::NotBegun(_))), "{ended:?}");
    }
    assert_eq!(contents(&registers), before);
    assert_eq!(registers.check(&name()).unwrap(), 3);

    let mut told = 0;
    let mut count = || {
        told += 1;
        Ok(())
    };
    let absent = [id("RS-77")];
    registers.erase(&name(), Selection::Ids(&absent), ErasureReason::Order, &mut count).unwrap();
    registers.expire(&name(), day("1999-12-31"), &mut count).unwrap();
    let both = [id("RS-0"), id("RS-1")];
    registers.erase(&name(), Selection::Ids(&both), ErasureReason::Order, &mut count).unwrap();
    assert_eq!(told, 1, "once, and only if something changes");
}

#[test]
fn a_record_expires_when_its_day_begins() {
    let (_home, registers) = empty();
    import(&registers, lines(0..20)); // two in each year from 2025 to 2034, on 1 June
    let expire = |today| registers.expire(&name(), day(today), &mut begins).unwrap();
    assert_eq!(expire("2025-05-31").count, 0);
    let summary = expire("2026-06-01");
    assert_eq!((summary.count, summary.reason), (4, ErasureReason::Expired));
    assert!(contents(&registers).values().all(|record| record.expires > day("2026-06-01")));
    assert_eq!(expire("2026-06-01").count, 0);
    assert_eq!(expire("2199-12-31").count, 16);
}

#[test]
fn a_second_process_is_turned_away() {
    let (home, registers) = empty();
    assert!(matches!(Registers::open(home.path(), &key()), Err(RegisterError::Locked { .. })));
    drop(registers);
    let other = Registers::open(home.path(), &StorageKey::generate());
    assert!(matches!(other, Err(RegisterError::WrongKey { .. })));
    Registers::open(home.path(), &key()).unwrap();
}

#[test]
fn nothing_personal_is_in_debug() {
    let (_home, registers) = empty();
    import(&registers, lines(1..2));
    let stored = registers.page(&name(), None, 1).unwrap().remove(0);
    let record = registers.show(&name(), &stored.id).unwrap().unwrap();
    let shown = format!("{registers:?} {stored:?} {record:?} {:?}", record.subject);
    for value in ["RS-1", "2100", "Presevo", "1990", "SYR", "[7, 7"] {
        assert!(!shown.contains(value), "{shown}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Imports and erasures in any order leave what the same steps leave in a map.
    #[test]
    fn agrees_with_a_map(steps in prop::collection::vec(
        prop::collection::vec((0..12_u64, 0..4_u64, prop::bool::weighted(0.2)), 0..20), 1..5
    )) {
        let (_home, registers) = empty();
        let mut model = BTreeMap::new();
        for (at, step) in steps.into_iter().enumerate() {
            if at % 2 == 1 {
                let ids: Vec<_> = step.iter().map(|(n, ..)| id(&format!("RS-{n}"))).collect();
                let gone: Vec<_> = ids.iter().filter(|id| model.remove(id.as_str()).is_some()).cloned().collect();
                let summary = registers.erase(&name(), Selection::Ids(&ids), ErasureReason::Order, &mut begins).unwrap();
                prop_assert_eq!(summary.digest, ErasureSummary::digest_of(&gone));
                continue;
            }
            let (mut replaced, mut text) = (0, String::new());
            for (n, version, bad) in step {
                text += &line(n, version);
                if bad {
                    text.pop();
                } else if model.insert(format!("RS-{n}"), version.to_string()).is_some() {
                    replaced += 1;
                }
                text.push('\n');
            }
            prop_assert_eq!(import(&registers, text).0.replaced, replaced);
        }
        let found: BTreeMap<_, _> =
            contents(&registers).into_iter().map(|(id, record)| (id, record.fields["version"].clone())).collect();
        prop_assert_eq!(found, model);
    }
}

proptest! {
    /// Against a walk through all pieces: each key lies in one, in order, and with a key to begin after only those that follow.
    #[test]
    fn pieces_hold_every_key_once(
        noted in prop_oneof![Just(0_u64), 1_u64..2_000, Just(PIECE << 16), Just(u64::MAX), any::<u64>()],
        keys in prop::collection::btree_set(any::<[u8; 16]>(), 1..40),
        after in any::<Option<prop::sample::Index>>(),
    ) {
        let (_dir, registers) = empty();
        let register = registers.register(&name()).unwrap();
        register.set_count(noted).unwrap();
        let keys: Vec<Key> =
            keys.iter().map(|key| [RECORD_PREFIX, key].concat().try_into().unwrap()).collect();
        let after = after.map(|after| *after.get(&keys));
        let pieces = register.pieces(after);
        let found: Vec<Key> = pieces
            .iter()
            .flat_map(|piece| keys.iter().copied().filter(move |key| std::ops::RangeBounds::contains(piece, &key.to_vec())))
            .collect();
        let follow: Vec<Key> = keys.iter().copied().filter(|key| after.is_none_or(|after| *key > after)).collect();
        prop_assert_eq!(found, follow);
        prop_assert!(pieces.len() as u64 <= noted.div_ceil(PIECE).max(1));
    }
}
