//! Erasure: by id, by attribute, or because the day has come.

use std::io;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use symbolon_policy::words::{Digest, RegisterName};

use super::{Day, RecordId, RegisterError, Registers, StoredRecord, stored::Key};

/// Why records are erased. The list follows Eurodac, Regulation (EU) 2024/1358.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErasureReason {
    /// The time of retention is over.
    Expired,
    /// The person has become a citizen.
    Citizenship,
    /// The data is wrong, a false hit for instance.
    Inaccurate,
    /// The data was taken or searched without a ground.
    Unlawful,
    /// The person asked for it and has a right to it.
    SubjectRequest,
    /// A court or a supervisory authority ordered it.
    Order,
}

/// Which records to erase.
pub enum Selection<'a> {
    /// Those of these ids.
    Ids(&'a [RecordId]),
    /// Those of which this is true.
    Where(&'a dyn Fn(&StoredRecord) -> bool),
}

/// Told before a register changes; an error stops the change.
pub type Begins<'a> = &'a mut dyn FnMut() -> io::Result<()>;

/// What an erasure did, for the receipt and the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureSummary {
    /// Why.
    pub reason: ErasureReason,
    /// Records erased.
    pub count: u64,
    /// Ids for which there was no record.
    pub missing: u64,
    /// [`ErasureSummary::digest_of`] the ids erased.
    pub digest: Digest,
}

impl ErasureSummary {
    /// Names a set of ids without showing it: SHA-256 over the sorted SHA-256 of each id.
    ///
    /// Who knows the ids can make it again and so confirm what was erased; the order does not matter.
    pub fn digest_of<'a>(ids: impl IntoIterator<Item = &'a RecordId>) -> Digest {
        digest(ids.into_iter().map(id_digest).collect())
    }
}

fn id_digest(id: &RecordId) -> Digest {
    Digest::of("symbolon erased record", id.as_str().as_bytes())
}

fn digest(mut ids: Vec<Digest>) -> Digest {
    ids.sort_unstable();
    let mut hash = Sha256::new();
    for id in &ids {
        hash.update(id.as_bytes());
    }
    Digest(hash.finalize().into())
}

fn number(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

impl Registers {
    /// Ids of which there is no record.
    ///
    /// # Errors
    /// [`RegisterError::NoSuchRegister`], [`RegisterError::Store`].
    pub fn missing(&self, name: &RegisterName, ids: &[RecordId]) -> Result<Vec<RecordId>, RegisterError> {
        let register = self.register(name)?;
        let mut missing = Vec::new();
        for id in ids {
            if !register.tree.contains_key(register.vault.key(id))? {
                missing.push(id.clone());
            }
        }
        Ok(missing)
    }

    /// Erases records. When the summary is returned, the erasure is durable.
    ///
    /// `begins` is called once, before the first record is erased, and not at all if there is none.
    ///
    /// A selection by attribute opens every record before it erases the first, so damage erases nothing;
    /// one by id opens none, so a damaged record can be erased. It keeps 49 bytes for each record erased.
    ///
    /// # Errors
    /// [`RegisterError::NoSuchRegister`], [`RegisterError::Corrupt`], [`RegisterError::NotBegun`],
    /// [`RegisterError::Store`]; after the last, a part may be erased: erase again.
    pub fn erase(
        &self,
        name: &RegisterName,
        selection: Selection<'_>,
        reason: ErasureReason,
        begins: Begins<'_>,
    ) -> Result<ErasureSummary, RegisterError> {
        let mut commits = self.lock();
        let register = self.register(name)?;
        let chosen: Vec<(Key, Digest)> = match selection {
            Selection::Ids(ids) => ids.iter().map(|id| (register.vault.key(id), id_digest(id))).collect(),
            Selection::Where(wanted) => {
                let all = self.register(name)?.all()?;
                let chosen = all.filter(|record| record.as_ref().map_or(true, wanted));
                chosen
                    .map(|record| {
                        record.map(|record| (register.vault.key(&record.id), id_digest(&record.id)))
                    })
                    .collect::<Result<_, _>>()?
            }
        };

        let named = chosen.len();
        let mut present = Vec::new();
        for (key, id) in chosen {
            if register.tree.contains_key(key)? {
                present.push((key, id));
            }
        }
        let mut summary =
            ErasureSummary { reason, count: 0, missing: number(named), digest: digest(Vec::new()) };
        if present.is_empty() {
            return Ok(summary);
        }

        begins().map_err(RegisterError::NotBegun)?;
        let records = register.begin()?;
        let mut erased = Vec::new();
        for (key, id) in present {
            // An id may be named twice.
            if register.tree.remove(key)?.is_some() {
                erased.push(id);
            }
        }
        summary.count = number(erased.len());
        summary.missing = number(named.saturating_sub(erased.len()));
        summary.digest = digest(erased);
        register.set_count(records.saturating_sub(summary.count))?;
        self.commit(&mut commits)?;
        Ok(summary)
    }

    /// Erases every record whose day of erasure is `today` or earlier.
    ///
    /// # Errors
    /// As [`Registers::erase`].
    pub fn expire(
        &self,
        name: &RegisterName,
        today: Day,
        begins: Begins<'_>,
    ) -> Result<ErasureSummary, RegisterError> {
        let due = |record: &StoredRecord| record.expires <= today;
        self.erase(name, Selection::Where(&due), ErasureReason::Expired, begins)
    }
}
