//! The identifiers of a slice, streamed out of a register.

use symbolon_policy::{rules::Slice, words::RegisterName};
use symbolon_protocol::{
    exchange::Fault,
    set::{IdentifierBytes, IdentifierSource},
};

use crate::{
    claims::Members,
    control::api::Failure,
    register::{Day, RegisterError, Registers, StoredRecord},
};

/// Reads a register and keeps what the rules let take part. A record whose retention is over takes
/// part no more, whether it is erased yet or not.
pub(crate) struct SliceSource {
    records: Box<dyn Iterator<Item = Result<StoredRecord, RegisterError>> + Send>,
    slice: Slice,
    today: Day,
    total: u64,
    members: Option<Members>,
    first: Option<Day>,
}

impl SliceSource {
    /// The slice of a register.
    ///
    /// # Errors
    /// A [`Failure`] if there is no such register.
    pub(super) fn new(
        registers: &Registers,
        name: &RegisterName,
        slice: Slice,
        today: Day,
    ) -> Result<Self, Failure> {
        let records = registers.scan(name).map_err(|e| Failure::input(e.to_string()))?;
        let list = registers.list().map_err(|e| Failure::local(e.to_string()))?;
        let total = list.iter().find(|info| info.name == *name).map_or(0, |info| info.records);
        Ok(Self { records: Box::new(records), slice, today, total, members: None, first: None })
    }

    /// The same, which notes who takes part.
    pub(crate) fn noting(self, members: Members) -> Self {
        Self { members: Some(members), ..self }
    }

    /// The first day on which a record that took part so far is to be erased.
    pub(super) fn first_to_end(&self) -> Option<Day> {
        self.first
    }

    /// Who took part so far, if that was noted.
    pub(crate) fn into_members(self) -> Option<Members> {
        self.members
    }
}

impl IdentifierSource for SliceSource {
    fn next(&mut self, limit: usize) -> Result<Vec<IdentifierBytes>, Fault> {
        let mut identifiers = Vec::with_capacity(limit);
        while identifiers.len() < limit {
            let Some(record) = self.records.next() else { break };
            let record = record.map_err(|e| Fault::Local(e.to_string()))?;
            if record.expires > self.today && self.slice.contains(&record.class) {
                self.first = Some(self.first.map_or(record.expires, |first| first.min(record.expires)));
                if let Some(members) = &mut self.members {
                    record
                        .identifiers
                        .iter()
                        .for_each(|identifier| members.add(&record.pseudonym, identifier));
                }
                identifiers.extend(record.identifiers);
            }
        }
        Ok(identifiers)
    }

    fn total(&self) -> u64 {
        self.total
    }
}
