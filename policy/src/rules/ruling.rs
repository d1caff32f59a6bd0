//! The answer of the tables, which copies nothing until somebody wants to keep it.

use super::{
    decision::{ClauseRef, Decision, Floor, Reason},
    table::{Bits, Table, ones},
};

/// What the rules said of one request.
#[derive(Debug)]
#[must_use]
pub struct Ruling<'r>(pub(super) Said<'r>);

#[derive(Debug)]
pub(super) enum Said<'r> {
    Floor(Floor),
    /// These clauses permit it.
    Permitted(&'r Table, Bits),
    /// These clauses forbid it.
    Forbidden(&'r Table, Bits),
    NothingPermits,
    /// Cedar was asked.
    Decided(Box<Decision>),
}

impl Ruling<'_> {
    /// Whether it may be done.
    pub fn permitted(&self) -> bool {
        match &self.0 {
            Said::Permitted(..) => true,
            Said::Floor(_) | Said::Forbidden(..) | Said::NothingPermits => false,
            Said::Decided(decision) => decision.permitted,
        }
    }

    /// The clauses that decided it, as in [`Decision::clauses`].
    pub fn clauses(&self) -> impl Iterator<Item = &ClauseRef> {
        let (names, bits, listed): (&[ClauseRef], Bits, &[ClauseRef]) = match &self.0 {
            Said::Permitted(table, bits) | Said::Forbidden(table, bits) => (&table.names, *bits, &[]),
            Said::Decided(decision) => (&[], Bits::default(), &decision.clauses),
            Said::Floor(_) | Said::NothingPermits => (&[], Bits::default(), &[]),
        };
        ones(bits).filter_map(|place| names.get(place)).chain(listed)
    }

    /// The same, to keep.
    pub fn decision(self) -> Decision {
        let clauses = self.clauses().cloned().collect();
        match self.0 {
            Said::Permitted(..) => Decision { permitted: true, clauses, reason: Reason::Permitted },
            Said::Forbidden(..) => Decision::refused(Reason::ForbiddenBy, clauses),
            Said::NothingPermits => Decision::refused(Reason::NothingPermits, clauses),
            Said::Floor(floor) => Decision::refused(Reason::Floor(floor), clauses),
            Said::Decided(decision) => *decision,
        }
    }
}
