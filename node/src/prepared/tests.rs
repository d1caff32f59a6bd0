use std::io::{Read as _, Write as _};

use symbolon_policy::{
    ask::{Fetch, MatchSetup},
    permit::RefusalCode,
    words::LegalBasis,
};
use symbolon_protocol::{exchange::Frame, matching::ahead::Preparation, padding::Buckets, seed::Seed};
use tempfile::TempDir;

use super::*;

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(1_100_000);

fn opened(dir: &TempDir, most: u64) -> PreparedStore {
    PreparedStore::open(dir.path().to_owned(), StorageKey::from_bytes([1; 32]), most)
}

fn store() -> (TempDir, PreparedStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = opened(&dir, 1 << 20);
    (dir, store)
}

fn kind(asker: &str) -> Kind {
    Kind {
        agreement: AgreementId([1; 32]),
        asker: asker.parse().unwrap(),
        holder: "RS".parse().unwrap(),
        register: "border".parse().unwrap(),
        purpose: Purpose::SeriousCrime,
        form: "face-512".parse().unwrap(),
        engine: "ot-garbled/1".parse().unwrap(),
        keys: Digest([2; 32]),
        positions: vec![Position::Face],
    }
}

fn plan(id: u8) -> Plan {
    Plan { id: [id; 32], alternatives: 1, largest_slice: 5_000, buckets: Buckets::USUAL }
}

fn frames() -> Vec<Frame> {
    (0..3).map(|n| Frame { tag: n, last: n == 2, body: vec![n; 1_000 * usize::from(n)] }).collect()
}

fn made(store: &PreparedStore, side: Side, kind: Kind, id: u8, at: Timestamp) -> u64 {
    let making = store.begin(side, kind, plan(id)).unwrap();
    let mut pen = making.pen();
    frames().iter().for_each(|frame| pen.keep(frame).unwrap());
    making.finish(&Seed::new([id; 32]), b"a digest".to_vec(), (at, LATER)).unwrap()
}

fn names(dir: &TempDir) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn read(mut half: Preparation) -> Vec<Frame> {
    half.frames.spend().unwrap();
    frames().iter().map(|_| half.frames.next().unwrap()).collect()
}

#[test]
fn a_half_lies_sealed_over_a_restart_and_is_read_as_it_was_written() {
    let (dir, store) = store();
    let bytes = made(&store, Side::Asker, kind("MK"), 7, NOW);
    assert_eq!(store.bytes(), bytes);
    let path = Name::new(Side::Asker, Digest([7; 32])).path(dir.path());
    let on_disk = fs::read(&path).unwrap();
    assert_eq!(on_disk.len() as u64, bytes);
    for secret in [&[7_u8; 16][..], b"a digest", &[2; 100]] {
        assert!(!on_disk.windows(secret.len()).any(|part| part == secret));
    }
    drop(store);

    let store = opened(&dir, 1 << 20);
    let lying = Lying { kind: kind("MK"), bytes, made: NOW, expires: LATER };
    assert_eq!((store.lying(), store.bytes()), (vec![(Side::Asker, lying)], bytes));
    let half = store.offer(&kind("MK"), NOW).unwrap().open().unwrap();
    assert_eq!((half.plan, half.seed.expose(), half.note.as_slice()), (plan(7), &[7; 32], &b"a digest"[..]));
    assert_eq!(read(half), frames());
    assert_eq!((names(&dir), store.bytes()), (vec![], 0));
}

#[test]
fn it_is_spent_before_it_is_read_and_never_again() {
    let (dir, store) = store();
    made(&store, Side::Asker, kind("MK"), 7, NOW);
    let path = Name::new(Side::Asker, Digest([7; 32])).path(dir.path());
    let mut other_reader = fs::File::open(&path).unwrap();
    let mut half = store.offer(&kind("MK"), NOW).unwrap().open().unwrap();
    assert!(store.offer(&kind("MK"), NOW).is_none(), "it is named once");
    assert!(half.frames.next().is_err(), "not before it is spent");
    assert!(path.exists());
    half.frames.spend().unwrap();
    assert!(!path.exists(), "gone before a frame is read");
    assert!(half.frames.spend().is_err(), "once");
    assert_eq!(half.frames.next().unwrap(), frames()[0]);
    // The seed is gone, too, for whoever still has the file.
    let mut left = Vec::new();
    other_reader.read_to_end(&mut left).unwrap();
    let (_, tail) = left.split_at(left.len() - 104);
    assert!(tail[..100].iter().all(|byte| *byte == 0), "the head is wiped");

    // Somebody else took the file away meanwhile: it may have been used.
    made(&store, Side::Asker, kind("MK"), 8, NOW);
    let mut half = store.offer(&kind("MK"), NOW).unwrap().open().unwrap();
    fs::remove_file(Name::new(Side::Asker, Digest([8; 32])).path(dir.path())).unwrap();
    assert!(half.frames.spend().is_err() && half.frames.next().is_err());
}

#[test]
fn what_was_named_and_not_used_is_destroyed() {
    let (dir, store) = store();
    made(&store, Side::Asker, kind("MK"), 7, NOW);
    made(&store, Side::Asker, kind("MK"), 8, NOW.plus(1));
    assert!(store.has(&kind("MK"), NOW) && !store.has(&kind("AL"), NOW) && !store.has(&kind("MK"), LATER));
    let lent = store.offer(&kind("MK"), NOW).unwrap();
    assert_eq!(lent.id(), Digest([8; 32]), "the newest first");
    drop(lent);
    assert_eq!(names(&dir).len(), 1);
    drop(store.offer(&kind("MK"), NOW).unwrap().open().unwrap());
    assert_eq!((names(&dir), store.bytes()), (vec![], 0));
}

#[test]
fn a_half_serves_its_kind_its_side_and_its_time() {
    let (_dir, store) = store();
    made(&store, Side::Holder, kind("MK"), 7, NOW);
    let id = Digest([7; 32]);
    assert!(store.offer(&kind("MK"), NOW).is_none(), "it is no asker's");
    let other = Kind { purpose: Purpose::ReturnId, ..kind("MK") };
    assert!(store.find(&id, &other, NOW).is_none() && store.find(&id, &kind("AL"), NOW).is_none());
    assert!(store.find(&Digest([8; 32]), &kind("MK"), NOW).is_none());
    assert!(store.find(&id, &kind("MK"), LATER).is_none());
    assert_eq!(read(store.find(&id, &kind("MK"), NOW).unwrap().open().unwrap()), frames());
    assert!(store.find(&id, &kind("MK"), NOW).is_none());
}

#[test]
fn files_that_are_not_whole_or_not_the_ones_that_were_made_are_removed_at_the_start() {
    let path = |dir: &TempDir, id: u8| Name::new(Side::Asker, Digest([id; 32])).path(dir.path());
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 5] = [
        ("put back from a copy", |path| {
            let copy = path.with_extension("copy");
            fs::copy(path, &copy).unwrap();
            fs::remove_file(path).unwrap();
            fs::rename(copy, path).unwrap();
        }),
        ("cut", |path| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        }),
        ("longer", |path| {
            fs::File::options().append(true).open(path).unwrap().write_all(&[0; 9]).unwrap();
        }),
        ("empty", |path| fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap()),
        ("under another name", |path| {
            fs::rename(path, path.with_file_name(format!("{}.own", Digest([9; 32])))).unwrap();
        }),
    ];
    for (what, damage) in damages {
        let (dir, store) = store();
        made(&store, Side::Asker, kind("MK"), 7, NOW);
        made(&store, Side::Asker, kind("MK"), 8, NOW);
        damage(&path(&dir, 7));
        fs::write(dir.path().join(format!("{}.own.part", Digest([6; 32]))), b"begun").unwrap();
        drop(store);
        let store = opened(&dir, 1 << 20);
        assert_eq!(names(&dir), [format!("{}.own", Digest([8; 32]))], "{what}");
        assert_eq!(store.lying().len(), 1, "{what}");
    }
    // A frame that is spoilt is found when it is read: by then the half is spent.
    let (dir, store) = store();
    made(&store, Side::Asker, kind("MK"), 7, NOW);
    let mut bytes = fs::read(path(&dir, 7)).unwrap();
    bytes[60] ^= 1;
    fs::File::options().write(true).open(path(&dir, 7)).unwrap().write_all(&bytes).unwrap();
    let mut half = store.offer(&kind("MK"), NOW).unwrap().open().unwrap();
    half.frames.spend().unwrap();
    assert!((0..3).any(|_| half.frames.next().is_err()));
    // Frames in another order are not read: each knows its number.
    made(&store, Side::Asker, kind("MK"), 8, NOW);
    let bytes = fs::read(path(&dir, 8)).unwrap();
    let first = 4 + usize::try_from(u32::from_be_bytes(bytes[..4].try_into().unwrap())).unwrap();
    fs::File::options().write(true).open(path(&dir, 8)).unwrap().write_all(&bytes[first..]).unwrap();
    drop(store);
    let store = opened(&dir, 1 << 20);
    let half = store.offer(&kind("MK"), NOW).map(|lent| lent.open().unwrap());
    if let Some(mut half) = half {
        half.frames.spend().unwrap();
        assert!(half.frames.next().is_err());
    }
}

#[test]
fn all_files_together_stay_below_the_limit() {
    let (dir, store) = store();
    let one = made(&store, Side::Asker, kind("MK"), 1, NOW);
    drop(store);
    let store = opened(&dir, 2 * one + 100);
    assert!(store.room(one) && !store.room(one + 101));
    made(&store, Side::Holder, kind("MK"), 2, NOW.plus(1));
    let making = store.begin(Side::Asker, kind("MK"), plan(3)).unwrap();
    let mut pen = making.pen();
    let kept = frames().iter().try_for_each(|frame| pen.keep(frame));
    assert!(matches!(kept, Err(symbolon_protocol::exchange::Fault::Local(_))), "{kept:?}");
    assert!(store.bytes() <= store.most_bytes());
    drop((pen, making));
    assert_eq!((names(&dir).len(), store.bytes()), (2, 2 * one));
    assert!(store.begin(Side::Asker, kind("MK"), plan(1)).is_err(), "no name twice");
    drop(store);
    // With less room the oldest goes.
    let store = opened(&dir, one);
    assert_eq!(store.lying().iter().map(|(side, _)| *side).collect::<Vec<_>>(), [Side::Holder]);
    drop(store);
    assert_eq!((opened(&dir, 0).lying(), names(&dir)), (vec![], vec![]));
}

#[test]
fn halves_of_one_partner_give_way_to_its_newer_ones() {
    let (_dir, store) = store();
    for id in 1..=4 {
        made(&store, Side::Holder, kind("MK"), id, NOW.plus(id.into()));
    }
    made(&store, Side::Holder, kind("AL"), 5, NOW);
    store.keep_at_most(&"MK".parse().unwrap(), 2);
    let made: Vec<i64> = store.lying().iter().map(|(_, lying)| lying.made.0 - NOW.0).collect();
    assert_eq!(made, [3, 4, 0]);
    store.sweep(|side, lying| side == Side::Asker || lying.kind.asker.as_str() == "AL");
    assert_eq!(store.lying().len(), 1);
    store.destroy(Side::Holder, &Digest([5; 32]));
    assert_eq!((store.lying(), store.bytes()), (vec![], 0));
}

#[test]
fn a_partner_begins_one_at_a_time_and_so_many_a_day() {
    let (turns, mk): (Turns, AgencyCode) = (Turns::default(), "MK".parse().unwrap());
    let turn = turns.begin(&mk, NOW).unwrap();
    assert_eq!(turns.begin(&mk, NOW).unwrap_err().code, RefusalCode::Busy);
    turns.begin(&"AL".parse().unwrap(), NOW).unwrap();
    drop(turn);
    (1..turns::A_DAY).for_each(|_| drop(turns.begin(&mk, NOW).unwrap()));
    assert_eq!(turns.begin(&mk, NOW).unwrap_err().code, RefusalCode::NotPrepared);
    turns.begin(&mk, NOW.plus(Timestamp::DAY)).unwrap();
}

#[test]
fn kinds_are_remembered_over_a_restart_and_forgotten_in_time() {
    let wanted = |register: &str, asked_at| Wanted {
        fetch: Fetch {
            agreement: AgreementId([1; 32]),
            rules: Digest([3; 32]),
            asker: "MK".parse().unwrap(),
            holder: "RS".parse().unwrap(),
            register: register.parse().unwrap(),
            purpose: Purpose::SeriousCrime,
            basis: LegalBasis::Bilat,
            officer: "ana".parse().unwrap(),
            case: false,
            matching: Some(MatchSetup {
                form: "face-512".parse().unwrap(),
                engine: "ot-garbled/1".parse().unwrap(),
            }),
        },
        positions: vec![Position::Face],
        asked_at,
    };
    let (dir, store) = store();
    store.remember(wanted("border", NOW)).unwrap();
    store.remember(wanted("wanted", NOW.plus(1))).unwrap();
    store.remember(wanted("border", NOW.plus(2))).unwrap();
    let kept = [wanted("border", NOW.plus(2)), wanted("wanted", NOW.plus(1))];
    assert_eq!(store.wanted(NOW.plus(3)), kept);
    drop(store);
    let store = opened(&dir, 1 << 20);
    assert_eq!(store.wanted(NOW.plus(3)), kept);
    assert!(!fs::read(dir.path().join("kinds")).unwrap().windows(3).any(|part| part == b"ana"));
    assert_eq!(store.wanted(NOW.plus(30 * Timestamp::DAY + 1)), kept[..1]);
    (0..40_u8).for_each(|n| store.remember(wanted(&format!("r{n}"), NOW.plus(3))).unwrap());
    assert_eq!(store.wanted(NOW.plus(3)).len(), 32);
}
