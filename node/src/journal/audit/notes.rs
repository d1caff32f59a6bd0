//! The checkpoints in a journal: those it showed, and those it saw.

use symbolon_policy::words::AgencyCode;

use super::{Fault, History, history::Seen};
use crate::journal::checkpoint::{self, Checkpoint, NoteFault};

impl History {
    /// A note of ours with a partner's countersignature must be of this very history.
    pub(super) fn own_checkpoint(&mut self, seq: u64, partner: &AgencyCode, note: &str) {
        let own = self.agency.as_ref();
        let checkpoint = self.of(note, own, own.into_iter().chain([partner]));
        match checkpoint {
            Err(fault) => self.bad_note(seq, partner, &fault),
            Ok(checkpoint) => {
                let (partner, size) = (partner.clone(), checkpoint.size);
                if self.tree.root_at(size) == Some(checkpoint.root) {
                    let newest = self.countersigned.entry(partner).or_default();
                    *newest = size.max(*newest);
                } else {
                    self.violation(seq, Fault::Rewritten { partner, size });
                }
            }
        }
    }

    /// A partner's note that we countersigned must not contradict the one before it.
    pub(super) fn checkpoint_seen(&mut self, seq: u64, partner: &AgencyCode, note: &str) {
        let Checkpoint { size, root, .. } = match self.of(note, Some(partner), [partner]) {
            Ok(checkpoint) => checkpoint,
            Err(fault) => return self.bad_note(seq, partner, &fault),
        };
        // Countersigned or not, the partner is held to what it signed.
        if let Some(Err(fault)) = self.agency.as_ref().map(|own| self.signed(note, own)) {
            self.bad_note(seq, partner, &fault);
        }
        let before = self.seen.iter().rev().find(|seen| seen.partner == *partner);
        if before.is_some_and(|before| size < before.size || (size == before.size && root != before.root)) {
            self.violation(seq, Fault::Countersigned { partner: partner.clone() });
        }
        self.seen.push(Seen { seq, partner: partner.clone(), size, root });
    }

    fn bad_note(&mut self, seq: u64, partner: &AgencyCode, fault: &NoteFault) {
        self.violation(seq, Fault::Note { partner: partner.clone(), problem: fault.to_string() });
    }

    /// Reads a note of `of`'s journal that all of `by` have signed.
    fn of<'a>(
        &self,
        note: &str,
        of: Option<&AgencyCode>,
        by: impl IntoIterator<Item = &'a AgencyCode>,
    ) -> Result<Checkpoint, NoteFault> {
        let checkpoint = Checkpoint::read(note)?;
        let named = of.is_some_and(|of| {
            self.keys
                .get(of)
                .is_some_and(|keys| keys.iter().any(|key| checkpoint::origin(of, key) == checkpoint.origin))
        });
        if !named {
            return Err(NoteFault::Text("origin"));
        }
        for code in by {
            self.signed(note, code)?;
        }
        Ok(checkpoint)
    }

    /// Checks that one of the keys known of an agency has signed a note.
    pub(super) fn signed(&self, note: &str, code: &AgencyCode) -> Result<(), NoteFault> {
        let mut result = Err(NoteFault::Unsigned(code.to_string()));
        for key in self.keys.get(code).into_iter().flatten() {
            result = checkpoint::verify_signature(note, code, key);
            if result.is_ok() {
                break;
            }
        }
        result
    }
}
