//! A filter and a slice in memory, as the exchanges take them.

use symbolon_protocol::{
    exchange::Fault,
    set::{IdentifierBytes, IdentifierSource},
    snapshot::{BlobSink, BlobSource},
};

/// A filter.
#[derive(Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl BlobSource for Bytes {
    fn read(&mut self, offset: u64, limit: usize) -> Result<Vec<u8>, Fault> {
        let rest = usize::try_from(offset).ok().and_then(|start| self.0.get(start..)).unwrap_or_default();
        Ok(rest.get(..limit).unwrap_or(rest).to_vec())
    }
}

impl BlobSink for Bytes {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// The identifiers of a slice.
pub(super) struct Identifiers {
    left: std::vec::IntoIter<IdentifierBytes>,
    total: u64,
}

impl Identifiers {
    pub(super) fn new(all: Vec<IdentifierBytes>) -> Self {
        Self { total: all.len() as u64, left: all.into_iter() }
    }
}

impl IdentifierSource for Identifiers {
    fn next(&mut self, limit: usize) -> Result<Vec<IdentifierBytes>, Fault> {
        Ok(self.left.by_ref().take(limit).collect())
    }

    fn total(&self) -> u64 {
        self.total
    }
}
