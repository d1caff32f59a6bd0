//! What the tests of engines share.

use super::engine::{Group, Rows};
use crate::exchange::{Disclosure, Fault, Verdict, Warden};

/// A warden that releases everything.
pub(super) struct Allow;

impl Warden for Allow {
    fn judge(&mut self, _: &Disclosure) -> Verdict {
        Verdict::Release
    }
}

/// A slice in memory, and how much of it was read.
pub(super) struct Slice(pub(super) Vec<Group>, pub(super) usize);

impl Rows for Slice {
    fn groups(&self) -> u64 {
        self.0.len() as u64
    }
    fn next(&mut self, most: usize) -> Result<Vec<Group>, Fault> {
        let groups: Vec<Group> = self.0.iter().skip(self.1).take(most).cloned().collect();
        self.1 += groups.len();
        Ok(groups)
    }
}
