//! Flags of a record, set without a new import: blocked, marked, contested.

use serde::{Deserialize, Serialize};
use symbolon_policy::words::RegisterName;

use super::{Begins, Record, RecordId, RegisterError, Registers};

/// Flags to set; those that are absent stay as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// The record answers as if it were absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    /// Protection was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marked: Option<bool>,
    /// The accuracy is contested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contested: Option<bool>,
}

impl Flags {
    /// Those that a record does not have so.
    fn new_to(self, record: &Record) -> Self {
        let other = |flag: Option<bool>, now: bool| flag.filter(|flag| *flag != now);
        let subject = &record.subject;
        Self {
            blocked: other(self.blocked, subject.blocked),
            marked: other(self.marked, subject.marked),
            contested: other(self.contested, subject.contested),
        }
    }
}

impl Registers {
    /// Sets flags of a record. When this returns, they are durable. Gives the record as it is then, and the flags
    /// that changed; nothing if there is no such record.
    ///
    /// `begins` is called before the record changes, and not at all if no flag is new to it.
    ///
    /// # Errors
    /// [`RegisterError::NoSuchRegister`], [`RegisterError::Corrupt`], [`RegisterError::NotBegun`],
    /// [`RegisterError::Store`]; after the last, set them again.
    pub fn flag(
        &self,
        name: &RegisterName,
        id: &RecordId,
        flags: Flags,
        begins: Begins<'_>,
    ) -> Result<Option<(Record, Flags)>, RegisterError> {
        let mut commits = self.lock();
        let register = self.register(name)?;
        let key = register.vault.key(id);
        let Some(value) = register.tree.get(key)? else { return Ok(None) };
        let corrupt = |_| register.corrupt(&key);
        let mut record = register.vault.record(&key, &value).map_err(corrupt)?;
        let changed = flags.new_to(&record);
        if changed == Flags::default() {
            return Ok(Some((record, changed)));
        }
        let subject = &mut record.subject;
        subject.blocked = changed.blocked.unwrap_or(subject.blocked);
        subject.marked = changed.marked.unwrap_or(subject.marked);
        subject.contested = changed.contested.unwrap_or(subject.contested);
        let sealed = register.vault.again(&key, &value, &record).map_err(corrupt)?;

        begins().map_err(RegisterError::NotBegun)?;
        let records = register.begin()?;
        register.tree.insert(key, sealed)?;
        register.set_count(records)?;
        self.commit(&mut commits)?;
        Ok(Some((record, changed)))
    }
}
