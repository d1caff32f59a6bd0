//! What claims need on the disk: who took part in a query, which records a claim found, what is released.
//!
//! ```text
//! <id>.members    of the snapshot or match <id>: names of what took part, 16 bytes each: of a record and one of its
//!                 identifiers, or its templates
//! <id>.records    of the claim <id>: its references and the records behind them, sealed
//! <words>.opening of a claim, by the digest of its words: what was opened, sealed; evidence if it was false. A partner
//!                 may use the id of one claim for another
//! <id>-<n>.age    of the own claim <id>: the fields of release <n>, sealed to the officer who claimed
//! <id>-<n>.out    the same of a partner's claim, to be collected
//! <id>-<n>.sent   that it was sent, so that the asker may have it, whether or not it signed for it
//! <id>.age        of the notice <id> that came: corrected fields, sealed to the officer who claimed
//! <id>.out        the same of a notice to a partner
//! ```
//!
//! A name tells nothing to whoever lacks the storage key. What is another one since did not take part.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    canonical,
    notice::SignedNotice,
    words::{ClaimId, Digest, NoticeId, Reference, RegisterName},
};
use zeroize::Zeroizing;

use crate::{control::api::Failure, files, journal::Side, register::RecordId, sealing::StorageKey};

/// The pseudonym of a record within its register.
pub(crate) type Pseudonym = [u8; 16];

/// Who took part is known for so long: the longest epoch and then the longest time for a claim, and a day.
const KEPT: Duration = Duration::from_secs((31 + 31 + 1) * 86_400);

/// The records behind the references of a claim.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Records(pub(crate) Vec<Behind>);

/// A record that a claim found.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Behind {
    pub(crate) reference: Reference,
    pub(crate) record: RecordId,
    /// The [trace](ClaimStore::trace) of what was opened and it had.
    pub(crate) trace: [u8; 16],
}

/// The directory.
pub(crate) struct ClaimStore {
    dir: PathBuf,
    key: StorageKey,
    writing: Mutex<()>,
    /// The version of each register that was reviewed last.
    reviewed: Mutex<BTreeMap<RegisterName, u64>>,
    /// Notices of whose claim the partner said that it knows none.
    unknown: Mutex<BTreeSet<NoticeId>>,
}

impl ClaimStore {
    /// The store in a directory that exists.
    pub(crate) fn new(dir: PathBuf, key: StorageKey) -> Self {
        Self { dir, key, writing: Mutex::default(), reviewed: Mutex::default(), unknown: Mutex::default() }
    }

    /// Held from looking at a case to the entry that changes it.
    pub(crate) fn writing(&self) -> MutexGuard<'_, ()> {
        // Nothing is guarded but the order.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn members_path(&self, id: &impl std::fmt::Display) -> PathBuf {
        self.dir.join(format!("{id}.members"))
    }

    /// Where the fields of a release lie, on the side of whoever made the claim or of whoever answers it.
    pub(crate) fn release_path(&self, side: Side, claim: &ClaimId, number: u32) -> PathBuf {
        self.dir.join(format!("{claim}-{number}.{}", extension(side)))
    }

    fn sent_path(&self, claim: &ClaimId, number: u32) -> PathBuf {
        self.dir.join(format!("{claim}-{number}.sent"))
    }

    /// Notes that a release is being sent.
    ///
    /// # Errors
    /// A local [`Failure`]; then it must not be.
    pub(crate) fn set_sent(&self, claim: &ClaimId, number: u32) -> Result<(), Failure> {
        let path = self.sent_path(claim, number);
        files::write_whole(&path, &[])
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))
    }

    /// Whether a release was ever sent.
    pub(crate) fn was_sent(&self, claim: &ClaimId, number: u32) -> bool {
        self.sent_path(claim, number).exists()
    }

    /// Where the sealed fields beside a notice lie, that came or goes.
    pub(crate) fn notice_path(&self, side: Side, notice: &NoticeId) -> PathBuf {
        self.dir.join(format!("{notice}.{}", extension(side)))
    }

    /// Whether the releases of a register were reviewed when it was of this version.
    pub(crate) fn reviewed(&self, register: &RegisterName, version: u64) -> bool {
        let reviewed = self.reviewed.lock().unwrap_or_else(PoisonError::into_inner);
        reviewed.get(register) == Some(&version)
    }

    /// Those first that the partner may know the claim of: the others must not keep them waiting.
    pub(crate) fn in_turn(&self, mut notices: Vec<SignedNotice>) -> Vec<SignedNotice> {
        let unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        notices.sort_by_key(|signed| unknown.contains(&signed.notice.notice));
        notices
    }

    /// Notes that a partner knows no claim of a notice.
    pub(crate) fn set_unknown(&self, notice: NoticeId) {
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).insert(notice);
    }

    /// Has the releases of a register reviewed again, though it did not change.
    pub(crate) fn review_again(&self, register: &RegisterName) {
        self.reviewed.lock().unwrap_or_else(PoisonError::into_inner).remove(register);
    }

    /// Notes that they were.
    pub(crate) fn set_reviewed(&self, register: &RegisterName, version: u64) {
        let mut reviewed = self.reviewed.lock().unwrap_or_else(PoisonError::into_inner);
        reviewed.insert(register.clone(), version);
    }

    /// A mark of something, that only this node can make.
    pub(crate) fn mark(&self, said: &[u8]) -> [u8; 16] {
        self.key.derive("marks").pseudonym(said)
    }

    /// A trace of an identifier or of templates, by which it is known again whether a record has them still.
    pub(crate) fn trace(&self, had: &[u8]) -> [u8; 16] {
        self.key.derive("traces").pseudonym(had)
    }

    /// Under which name it is noted that a record takes part with its templates.
    pub(crate) fn naming(&self) -> impl Fn(&Pseudonym, &[u8]) -> Pseudonym + Send + Sync + 'static {
        let key = self.key.derive(MEMBERS);
        move |record, had| member(&key, record, had)
    }

    /// Begins to note who takes part in something that has no name yet.
    ///
    /// # Errors
    /// A local [`Failure`] if the file cannot be made.
    pub(crate) fn note(&self) -> Result<Members, Failure> {
        let file = tempfile::NamedTempFile::new_in(&self.dir).map_err(|e| self.unwritable(&e))?;
        let key = self.key.derive(MEMBERS);
        Ok(Members { file: BufWriter::new(file), key, fault: None })
    }

    /// Keeps who took part in `id`.
    ///
    /// # Errors
    /// A local [`Failure`]; then it must not be asked.
    pub(crate) fn keep(&self, members: Members, id: &impl std::fmt::Display) -> Result<(), Failure> {
        let Members { file, fault, .. } = members;
        let keep = || {
            fault.map_or(Ok(()), Err)?;
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(self.members_path(id)).map_err(|error| error.error)?;
            File::open(&self.dir)?.sync_all()
        };
        keep().map_err(|error| self.unwritable(&error))
    }

    /// Whether it is known who took part in `id`.
    pub(crate) fn noted(&self, id: &impl std::fmt::Display) -> bool {
        self.members_path(id).exists()
    }

    fn unwritable(&self, error: &io::Error) -> Failure {
        Failure::local(format!("cannot note who takes part in {}: {error}", self.dir.display()))
            .with_help("make room on the disk")
    }

    /// Which of these records took part in `id` with what is beside them; none of them if that is not known any more.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be read.
    pub(crate) fn took_part(
        &self,
        id: &impl std::fmt::Display,
        records: &[(Pseudonym, &[u8])],
    ) -> Result<Vec<bool>, Failure> {
        let path = self.members_path(id);
        let key = self.key.derive(MEMBERS);
        let names: Vec<Pseudonym> = records.iter().map(|(record, had)| member(&key, record, had)).collect();
        let mut found = vec![false; records.len()];
        let unreadable = |e: io::Error| Failure::local(format!("cannot read {}: {e}", path.display()));
        let mut file = match File::open(&path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(unreadable(error)),
        };
        let mut one = Pseudonym::default();
        loop {
            match file.read_exact(&mut one) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(found),
                Err(error) => return Err(unreadable(error)),
            }
            let hits = found.iter_mut().zip(&names).filter(|(_, name)| **name == one);
            hits.for_each(|(found, _)| *found = true);
        }
    }

    /// Writes something sealed, for one place only.
    fn save(&self, path: &Path, part: &str, place: &[u8], plain: &[u8]) -> Result<(), Failure> {
        let sealed = self.key.derive(part).seal(place, plain);
        files::write_whole(path, &sealed)
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))
    }

    /// The records behind the references of a claim.
    ///
    /// # Errors
    /// An integrity [`Failure`] if they are gone or damaged.
    pub(crate) fn records(&self, claim: &ClaimId) -> Result<Records, Failure> {
        let path = self.dir.join(format!("{claim}.records"));
        let damaged = || Failure::integrity(format!("{} is gone or damaged", path.display()));
        let sealed = fs::read(&path).map_err(|_| damaged())?;
        let plain = self.key.derive("records").open(claim.as_bytes(), &sealed).map_err(|_| damaged())?;
        canonical::decode(&plain).map_err(|_| damaged())
    }

    /// Keeps what was opened in the claim of these words.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn keep_opening(&self, claim: &Digest, bytes: &[u8]) -> Result<(), Failure> {
        self.save(&self.opening_path(claim), "opening", claim.as_bytes(), bytes)
    }

    /// What was opened in the claim of these words.
    ///
    /// # Errors
    /// An integrity [`Failure`] if it is gone or damaged.
    pub(crate) fn opening(&self, claim: &Digest) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let path = self.opening_path(claim);
        let damaged = || Failure::integrity(format!("{} is gone or damaged", path.display()));
        let sealed = fs::read(&path).map_err(|_| damaged())?;
        let plain = self.key.derive("opening").open(claim.as_bytes(), &sealed).map_err(|_| damaged())?;
        Ok(plain)
    }

    /// How many bytes are kept of what was opened in a claim; none if nothing is.
    pub(crate) fn opening_bytes(&self, claim: &Digest) -> u64 {
        fs::metadata(self.opening_path(claim)).map_or(0, |metadata| metadata.len())
    }

    /// Removes what was opened in a claim that came to nothing.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn remove_opening(&self, claim: &Digest) -> Result<(), Failure> {
        let path = self.opening_path(claim);
        files::remove(&path).map_err(|e| Failure::local(format!("cannot remove {}: {e}", path.display())))
    }

    fn opening_path(&self, claim: &Digest) -> PathBuf {
        self.dir.join(format!("{claim}.opening"))
    }

    /// Keeps the records behind the references of a claim.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn keep_records(&self, claim: &ClaimId, records: &Records) -> Result<(), Failure> {
        let plain = canonical::encode(records).map_err(|e| Failure::local(e.to_string()))?;
        let path = self.dir.join(format!("{claim}.records"));
        self.save(&path, "records", claim.as_bytes(), &Zeroizing::new(plain))
    }

    /// The name of a record towards one claim.
    pub(crate) fn reference(&self, claim: &ClaimId, record: &Pseudonym) -> Reference {
        Reference(self.key.derive("references").pseudonym(&[claim.as_bytes().as_slice(), record].concat()))
    }

    /// Forgets who took part in what can be claimed no more.
    pub(crate) fn forget_old(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let old = entry
                .metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| SystemTime::now().duration_since(modified).is_ok_and(|age| age > KEPT));
            if old
                && path.extension().is_some_and(|extension| extension == "members")
                && let Err(error) = files::remove(&path)
            {
                tracing::warn!(path = %path.display(), %error, "an old file could not be removed");
            }
        }
    }
}

/// Names are their makers', so both directions may have the same one.
fn extension(side: Side) -> &'static str {
    match side {
        Side::Asker => "age",
        Side::Holder => "out",
    }
}

/// The key of names of what took part.
const MEMBERS: &str = "members";

fn member(key: &StorageKey, record: &Pseudonym, had: &[u8]) -> Pseudonym {
    key.pseudonym(&Zeroizing::new([record.as_slice(), had].concat()))
}

/// Who takes part, as it is noted.
pub(crate) struct Members {
    file: BufWriter<tempfile::NamedTempFile>,
    key: StorageKey,
    fault: Option<io::Error>,
}

impl Members {
    /// Notes a record, with the identifier or the templates by which it takes part. A fault shows when it is kept.
    pub(crate) fn add(&mut self, record: &Pseudonym, had: &[u8]) {
        self.named(&[member(&self.key, record, had)]);
    }

    /// Notes records by their [names](ClaimStore::naming).
    pub(crate) fn named(&mut self, names: &[Pseudonym]) {
        if self.fault.is_none() {
            self.fault = self.file.write_all(names.as_flattened()).err();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_took_part_is_known_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::new(dir.path().to_owned(), StorageKey::from_bytes([1; 32]));
        let mut members = store.note().unwrap();
        (0..1_000_u16).for_each(|n| members.add(&pseudonym(n * 2), b"had"));
        store.keep(members, &"a").unwrap();
        let asked = [0, 1, 1_998, 2_000].map(|n| (pseudonym(n), b"had".as_slice()));
        assert_eq!(store.took_part(&"a", &asked).unwrap(), [true, false, true, false]);
        assert_eq!(store.took_part(&"b", &asked).unwrap(), [false; 4]);
        // With something else it did not take part.
        assert_eq!(store.took_part(&"a", &[(pseudonym(0), b"has")]).unwrap(), [false]);
        store.forget_old();
        assert!(store.took_part(&"a", &asked).unwrap()[0]);
        let long_ago = SystemTime::now() - KEPT - Duration::from_secs(60);
        File::options().write(true).open(store.members_path(&"a")).unwrap().set_modified(long_ago).unwrap();
        store.forget_old();
        assert_eq!(store.took_part(&"a", &asked).unwrap(), [false; 4]);
    }

    fn pseudonym(n: u16) -> Pseudonym {
        let mut name = Pseudonym::default();
        name[..2].copy_from_slice(&n.to_be_bytes());
        name
    }

    #[test]
    fn records_are_sealed_and_references_mean_nothing_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let store = ClaimStore::new(dir.path().to_owned(), StorageKey::from_bytes([1; 32]));
        let (one, other) = (ClaimId([1; 16]), ClaimId([2; 16]));
        let record: RecordId = "RS-2024-000001".parse().unwrap();
        let reference = store.reference(&one, &pseudonym(7));
        assert_ne!(reference, store.reference(&other, &pseudonym(7)));
        assert_ne!(reference, store.reference(&one, &pseudonym(8)));
        let records = Records(vec![Behind { reference, record, trace: store.trace(b"had") }]);
        assert_ne!(records.0[0].trace, store.trace(b"has"));
        store.keep_records(&one, &records).unwrap();
        assert_eq!(store.records(&one).unwrap(), records);
        let path = dir.path().join(format!("{one}.records"));
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(14).any(|part| part == b"RS-2024-000001"));
        // Moved to another claim it does not open.
        fs::copy(&path, dir.path().join(format!("{other}.records"))).unwrap();
        assert!(store.records(&other).is_err() && store.records(&ClaimId([3; 16])).is_err());
    }
}
