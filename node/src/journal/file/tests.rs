use std::{
    env, fs,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tempfile::TempDir;

use super::*;
use crate::journal::{
    MAX_ENTRY,
    world::{START, World},
};

fn rs() -> AgencyCode {
    "RS".parse().unwrap()
}

fn word(text: &str) -> Event {
    Event::NationalRules { text: Some(text.to_owned()) }
}

fn small() -> (TempDir, Journal) {
    let dir = TempDir::new().unwrap();
    let journal = Journal::create(dir.path(), &rs(), "test", START).unwrap();
    journal.append(word("one"), START).unwrap();
    journal.append(word("two"), START).unwrap();
    (dir, journal)
}

fn reopen(dir: &TempDir) -> Result<Vec<Event>, JournalError> {
    let mut events = Vec::new();
    Journal::open(dir.path(), &rs(), |entry| events.push(entry.event.clone())).map(|_| events)
}

/// Offsets at which frames begin, and the end.
fn frames(journal: &Journal) -> Vec<usize> {
    let tail = journal.tail().unwrap();
    tail.offsets.iter().chain([&tail.length]).map(|offset| *offset as usize).collect()
}

#[test]
fn every_kind_of_event_survives_the_file() {
    let mut world = World::new();
    world.exchange(3);
    world.meet();
    let events: Vec<_> = world.mk.events().into_iter().map(|(_, event)| event).collect();
    assert_eq!(events.len(), 2 + 3 + 2);
    let (dir, code, root) = (world.mk.dir, world.mk.code, world.mk.journal.tail().unwrap().tree.root());
    drop(world.mk.journal);
    let mut again = Vec::new();
    let journal = Journal::open(dir.path(), &code, |entry| again.push(entry.event.clone())).unwrap();
    assert_eq!(again, events);
    assert_eq!(journal.tail().unwrap().tree.root(), root);
    assert_eq!(journal.unfinished(), 0);
}

#[test]
fn entries_are_read_from_any_place() {
    let (_dir, journal) = small();
    assert_eq!(journal.append_all(vec![word("three"), word("four")], START).unwrap(), 3..5);
    for seq in 0..7 {
        let seqs: Vec<_> = journal.entries_from(seq).unwrap().map(|entry| entry.unwrap().0.seq).collect();
        assert_eq!(seqs, (seq..5).collect::<Vec<_>>());
    }
    let mut early = journal.entries().unwrap();
    journal.append(word("five"), START).unwrap();
    assert_eq!(early.by_ref().count(), 5, "as of the call");
    assert!(early.next().is_none());
}

#[test]
fn there_is_one_journal_and_one_writer() {
    let (dir, journal) = small();
    let error = Journal::create(dir.path(), &rs(), "test", START).err().unwrap();
    assert!(matches!(error, JournalError::Present(_)), "{error}");
    assert!(matches!(reopen(&dir), Err(JournalError::InUse(_))));
    drop(journal);
    let other = "MK".parse().unwrap();
    let error = Journal::open(dir.path(), &other, |_| ()).err().unwrap();
    assert!(matches!(error, JournalError::OtherAgency { .. }), "{error}");
    assert_eq!(reopen(&dir).unwrap().len(), 3);
    let empty = TempDir::new().unwrap();
    assert!(matches!(reopen(&empty), Err(JournalError::Absent(_))));
}

#[test]
fn every_flipped_byte_stops_the_journal_and_leaves_the_file() {
    let (dir, journal) = small();
    drop(journal);
    let path = dir.path().join(FILE);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xff, good[at]] {
            if flip == 0 {
                continue;
            }
            let mut bad = good.clone();
            bad[at] ^= flip;
            fs::write(&path, &bad).unwrap();
            let error = reopen(&dir).expect_err("a flipped byte");
            assert!(matches!(error, JournalError::Broken { .. }), "byte {at} ^ {flip:02x}: {error}");
            assert_eq!(fs::read(&path).unwrap(), bad, "byte {at}");
        }
    }
}

#[test]
fn entries_cannot_be_removed_doubled_or_moved() {
    let (dir, journal) = small();
    let at = frames(&journal);
    drop(journal);
    let path = dir.path().join(FILE);
    let good = fs::read(&path).unwrap();
    let part = |i: usize| &good[at[i]..at[i + 1]];
    let mark = &good[..at[0]];
    for parts in [
        [mark, part(0), part(2)].concat(),
        [mark, part(1), part(2)].concat(),
        [mark, part(0), part(1), part(1), part(2)].concat(),
        [mark, part(0), part(2), part(1)].concat(),
        [mark, part(0), part(1), part(2), part(0)].concat(),
        [mark, part(0), part(1), part(2), b"more than eight bytes"].concat(),
        mark.to_vec(),
        vec![],
    ] {
        fs::write(&path, &parts).unwrap();
        assert!(matches!(reopen(&dir), Err(JournalError::Broken { .. })));
    }
}

/// A process that dies while it appends leaves a prefix of the frame.
#[test]
fn a_torn_append_is_cut_off_at_every_byte() {
    let (dir, journal) = small();
    let at = frames(&journal);
    drop(journal);
    let path = dir.path().join(FILE);
    let good = fs::read(&path).unwrap();
    let (last, end) = (at[2], at[3]);
    for length in last..end {
        fs::write(&path, &good[..length]).unwrap();
        let journal = Journal::open(dir.path(), &rs(), |_| ()).unwrap();
        assert_eq!(journal.unfinished(), (length - last) as u64);
        assert_eq!(journal.size().unwrap(), 2);
        journal.append(word("two"), START).unwrap();
        drop(journal);
        assert_eq!(fs::read(&path).unwrap(), good, "cut at {length}");
    }
}

/// A file system may have grown the file without writing its blocks.
#[test]
fn blocks_that_were_never_written_are_cut_off() {
    let (dir, journal) = small();
    let at = frames(&journal);
    drop(journal);
    let path = dir.path().join(FILE);
    let good = fs::read(&path).unwrap();
    for written in at[2]..at[3] - 32 {
        let mut torn = good[..written].to_vec();
        torn.resize(at[3], 0);
        fs::write(&path, &torn).unwrap();
        let journal = Journal::open(dir.path(), &rs(), |_| ()).unwrap();
        assert_eq!(journal.size().unwrap(), 2, "{written}");
    }
    fs::write(&path, [&good[..], &[0; 10_000]].concat()).unwrap();
    assert_eq!(Journal::open(dir.path(), &rs(), |_| ()).unwrap().unfinished(), 10_000);
    fs::write(&path, [&good[..], &[0; 10_000], &[1]].concat()).unwrap();
    assert!(matches!(reopen(&dir), Err(JournalError::Broken { seq: 3, .. })));
}

#[test]
fn an_entry_has_a_largest_size() {
    let (_dir, journal) = small();
    let error = journal.append(word(&"x".repeat(MAX_ENTRY)), START).unwrap_err();
    assert!(matches!(error, JournalError::TooLarge(_)), "{error}");
    assert_eq!(journal.append(word(&"x".repeat(MAX_ENTRY - 500)), START).unwrap(), 3);
    assert_eq!(journal.entries().unwrap().filter(Result::is_ok).count(), 4);
}

/// A disk over a real file whose operations can be made to fail.
struct Failing {
    file: File,
    plan: Arc<Plan>,
}

#[derive(Default)]
struct Plan {
    write: AtomicBool,
    sync: AtomicBool,
    cut: AtomicBool,
}

fn fail(when: &AtomicBool) -> io::Result<()> {
    if when.load(Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

impl Disk for Failing {
    /// A full disk takes a part first.
    fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if self.plan.write.load(Relaxed) {
            self.file.write(&bytes[..bytes.len() / 2], offset)?;
        }
        fail(&self.plan.write)?;
        self.file.write(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        fail(&self.plan.sync)?;
        Disk::sync(&self.file)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        fail(&self.plan.cut)?;
        self.file.cut(length)
    }
}

fn failing() -> (TempDir, Journal, Arc<Plan>) {
    let (dir, journal) = small();
    drop(journal);
    let path = dir.path().join(FILE);
    let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let lock = Held::take(file.try_clone().unwrap()).unwrap();
    let plan = Arc::new(Plan::default());
    let disk = Failing { file, plan: plan.clone() };
    let journal = Journal::with(&path, &rs(), Box::new(disk), lock, |_| ()).unwrap();
    (dir, journal, plan)
}

#[test]
fn a_full_disk_loses_nothing_and_the_journal_goes_on() {
    let (dir, journal, plan) = failing();
    let before = fs::read(dir.path().join(FILE)).unwrap();
    plan.write.store(true, Relaxed);
    let error = journal.append(word("three"), START).unwrap_err();
    assert!(matches!(error, JournalError::NotWritten(_)), "{error}");
    assert_eq!(fs::read(dir.path().join(FILE)).unwrap(), before);
    plan.write.store(false, Relaxed);
    assert_eq!(journal.append(word("three"), START).unwrap(), 3);
    drop(journal);
    assert_eq!(reopen(&dir).unwrap().last(), Some(&word("three")));
}

#[test]
fn a_failed_sync_stops_the_journal_for_good() {
    let (dir, journal, plan) = failing();
    plan.sync.store(true, Relaxed);
    assert!(matches!(journal.append(word("three"), START), Err(JournalError::Stopped(_))));
    plan.sync.store(false, Relaxed);
    let error = journal.append(word("three"), START).unwrap_err();
    assert!(matches!(error, JournalError::Stopped(_)), "a later sync may lie: {error}");
    assert_eq!(journal.size().unwrap(), 3);
    drop(journal);
    assert_eq!(reopen(&dir).unwrap().len(), 3);
}

#[test]
fn a_write_that_cannot_be_undone_stops_the_journal() {
    let (dir, journal, plan) = failing();
    plan.write.store(true, Relaxed);
    plan.cut.store(true, Relaxed);
    assert!(matches!(journal.append(word("three"), START), Err(JournalError::Stopped(_))));
    plan.write.store(false, Relaxed);
    assert!(matches!(journal.append(word("three"), START), Err(JournalError::Stopped(_))));
    drop(journal);
    assert_eq!(reopen(&dir).unwrap().len(), 3, "the half that was written is cut off");
}

/// The system's own limit on the size of files stands for a full disk: the kernel writes a part of
/// the frame and then refuses. The limit holds for a whole process, so the test runs itself again.
#[test]
fn the_kernel_refuses_a_write_half_way() {
    const DIR: &str = "SYMBOLON_TEST_JOURNAL";
    if let Ok(dir) = env::var(DIR) {
        let journal = Journal::open(Path::new(&dir), &rs(), |_| ()).unwrap();
        let error = journal.append(word(&"x".repeat(10_000)), START).unwrap_err();
        assert!(matches!(error, JournalError::NotWritten(_)), "{error}");
        assert_eq!(journal.append(word("three"), START).unwrap(), 3);
        return;
    }
    let (dir, journal) = small();
    drop(journal);
    // `ulimit -f` counts blocks of 512 or 1,024 bytes.
    let script = "trap '' XFSZ; ulimit -f 4 && exec \"$0\" --exact \"$1\"";
    let name = "journal::file::tests::the_kernel_refuses_a_write_half_way";
    let mut child = Command::new("sh");
    child.arg("-c").arg(script).arg(env::current_exe().unwrap()).arg(name);
    let output = child.env(DIR, dir.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert_eq!(reopen(&dir).unwrap().len(), 4);
}

#[test]
fn many_threads_append_to_one_chain() {
    let (dir, journal) = small();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for i in 0..25 {
                    journal.append(word(&format!("{thread} {i}")), START).unwrap();
                }
            });
        }
    });
    assert_eq!(journal.size().unwrap(), 103);
    drop(journal);
    let events = reopen(&dir).unwrap();
    for thread in 0..4 {
        let own: Vec<_> = events
            .iter()
            .filter(|event| matches!(event, Event::NationalRules { text: Some(t) } if t.starts_with(&format!("{thread} "))))
            .collect();
        assert_eq!(
            own,
            (0..25).map(|i| word(&format!("{thread} {i}"))).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
    }
}
