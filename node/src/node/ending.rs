//! Ends what is over: what a crash left open, snapshots, epochs.

use symbolon_policy::{
    ask::MatchSetup,
    keys::KeySet,
    manifest::Manifest,
    permit::InForce,
    words::{AgreementId, Digest, RegisterName, Timestamp},
};

use super::Core;
use crate::{
    clock,
    control::api::Failure,
    journal::{Event, Side},
    keys::kind,
    state::Keys,
};

impl Core {
    /// Ends what a crash left open.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be recorded.
    pub(super) fn tidy(&self) -> Result<(), Failure> {
        for side in [Side::Asker, Side::Holder] {
            for query in self.book.state().open_queries(side)? {
                let reason = "the node was stopped before the answer".to_owned();
                self.book.record(&Event::Failed { side, query, partner_at_fault: false, reason })?;
            }
        }
        for register in self.book.state().changes()? {
            self.change_failed(&register, "the node was stopped meanwhile")?;
        }
        // The node may have been stopped between a change and the end of the snapshots from before it.
        self.end_stale("the register changed before the node was stopped")?;
        let known: Vec<_> = self.book.state().snapshots()?.iter().map(|s| s.manifest.snapshot).collect();
        self.snapshots.strays(&known).iter().for_each(|stray| self.snapshots.destroy(stray));
        let known: Vec<_> = self.book.state().key_sets()?.iter().map(|keys| keys.set.keys).collect();
        for stray in self.keys.strays(&known) {
            self.keys.destroy(Side::Asker, &stray);
            self.keys.destroy(Side::Holder, &stray);
        }
        self.end_expired()?;
        // After it: a file that cannot be removed must not keep alive what has ended.
        self.keys.sweep_begun(&known, &self.set_up_now()?)?;
        // A register may have changed before the node was stopped. What cannot be reviewed now is tried again.
        crate::session::claim::notices::reviewed(self);
        Ok(())
    }

    /// The kinds of keys that can be set up now.
    fn set_up_now(&self) -> Result<Vec<Digest>, Failure> {
        let (now, mut kinds) = (clock::now(), Vec::new());
        for agreement in self.book.agreements().iter().filter(|agreement| agreement.holds(now).is_ok()) {
            let terms = agreement.terms();
            let Some(agreed) = &terms.matching else { continue };
            for (form, engine) in
                agreed.forms.iter().flat_map(|form| agreed.engines.iter().map(move |engine| (form, engine)))
            {
                let setup = MatchSetup { form: form.name.clone(), engine: engine.clone() };
                for (asker, holder) in
                    terms.parties.iter().flat_map(|one| terms.parties.iter().map(move |other| (one, other)))
                {
                    kinds.push(kind(&agreement.id(), &asker.code, &holder.code, &setup)?);
                }
            }
        }
        Ok(kinds)
    }

    /// Records that a change of a register was broken off. A part of it may be in the register, so what
    /// was made of the register before ends, and counts of before are not repeated.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be recorded.
    pub(super) fn change_failed(&self, register: &RegisterName, reason: &str) -> Result<(), Failure> {
        let (register, reason) = (register.clone(), reason.to_owned());
        self.book.record(&Event::ChangeFailed { register, reason })?;
        self.end_stale("a change of the register was broken off").map(drop)
    }

    /// Ends the snapshots made of slices that records may have left since; the next asker gets a new
    /// one. Returns how many there were.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be recorded.
    pub(super) fn end_stale(&self, reason: &str) -> Result<u64, Failure> {
        let mut ended = 0_u64;
        for snapshot in self.book.state().stale_snapshots()? {
            self.end_snapshot(&snapshot.manifest, reason)?;
            ended = ended.saturating_add(1);
        }
        Ok(ended)
    }

    /// Destroys the keys of snapshots whose epoch is over, and evaluation keys that serve nothing any more.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be recorded.
    pub(crate) fn end_expired(&self) -> Result<(), Failure> {
        let now = clock::now();
        self.book.amendments_take_effect(now)?;
        crate::session::courier::keys::sweep(self);
        self.snapshots.forget_parts();
        for snapshot in self.book.state().snapshots()? {
            let agreement = self.book.agreement(&snapshot.manifest.agreement);
            let closed = agreement.is_none_or(|agreement| agreement.holds(now).is_err());
            if snapshot.manifest.expires <= now {
                self.end_snapshot(&snapshot.manifest, "its epoch is over")?;
            } else if closed {
                self.end_snapshot(&snapshot.manifest, "the agreement no longer holds")?;
            }
        }
        let sets = self.book.state().key_sets()?;
        let ended = |agreement: &AgreementId| {
            self.book.agreement(agreement).is_none_or(|agreement| agreement.holds(now).is_err())
        };
        // What was prepared under keys that ended serves nothing any more.
        self.prepared.sweep(|side, lying| {
            let keys = |keys: &Keys| keys.side == side && keys.set.keys == lying.kind.keys;
            lying.expires > now && sets.iter().any(keys) && !ended(&lying.kind.agreement)
        });
        for keys in sets {
            let agreement = self.book.agreement(&keys.set.agreement);
            let reason = if keys.set.expires <= now {
                "they expired"
            } else if agreement.as_ref().is_none_or(|agreement| agreement.holds(now).is_err()) {
                "the agreement no longer holds"
            } else {
                continue;
            };
            if agreement.is_none_or(|agreement| !replays(&keys, &agreement, now)) {
                self.end_keys(&keys, reason)?;
            }
        }
        self.keys.sweep_begun(&[], &self.set_up_now()?)
    }

    /// Ends a partner's sets of the same kind as `newest`, but for the newest `kept` and those before them under which
    /// claims are replayed, up to a bound.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be recorded.
    pub(crate) fn end_replaced(&self, newest: &KeySet, kept: usize) -> Result<(), Failure> {
        let kind = |set: &KeySet| {
            (set.agreement, set.asker.clone(), set.form.clone(), set.engine.clone(), set.holder.clone())
        };
        let mut sets = self.book.state().key_sets()?;
        sets.retain(|keys| kind(&keys.set) == kind(newest));
        sets.sort_by_key(|keys| std::cmp::Reverse(keys.set.made));
        let agreement = self.book.agreement(&newest.agreement);
        let terms = agreement.as_ref().map(|agreement| agreement.terms());
        let hours = terms.and_then(|terms| Some((terms.claims.as_ref()?, terms.matching.as_ref()?)));
        let more = hours.map_or(0, |(claims, agreed)| kept_for_claims(claims.claim_hours, agreed.key_hours));
        let kept = kept.saturating_add(more);
        sets.iter().skip(kept).try_for_each(|keys| self.end_keys(keys, "newer ones were set up"))
    }

    /// Ends evaluation keys. The entry comes first: what a crash leaves behind is removed at the start.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be recorded.
    pub(crate) fn end_keys(&self, keys: &Keys, reason: &str) -> Result<(), Failure> {
        let (side, id) = (keys.side, keys.set.keys);
        self.book.record(&Event::KeysEnded { keys: id, reason: reason.to_owned() })?;
        self.keys.destroy(side, &id);
        Ok(())
    }

    /// Ends one snapshot. The entry comes first: what a crash leaves behind is removed at the start.
    ///
    /// # Errors
    /// A [`Failure`] if that cannot be recorded.
    pub(crate) fn end_snapshot(&self, manifest: &Manifest, reason: &str) -> Result<(), Failure> {
        let snapshot = manifest.snapshot;
        self.book.record(&Event::SnapshotEnded { snapshot, reason: reason.to_owned() })?;
        self.snapshots.destroy(&snapshot);
        Ok(())
    }
}

/// The most of a partner's sets of one kind that are kept for claims alone. A set may take hundreds of megabytes, and
/// whoever sets up more in less time gives up the claims under the oldest.
const MOST_FOR_CLAIMS: u32 = 4;

/// How many sets come after one as long as what was answered under it is claimed, if each serves its time.
fn kept_for_claims(claim_hours: u32, key_hours: u32) -> usize {
    let sets = claim_hours.div_ceil(key_hours.max(1));
    usize::try_from(sets.min(MOST_FOR_CLAIMS)).unwrap_or(0)
}

/// Whether a partner's claims may still have to be replayed under its keys. Nothing is asked under them once they expired
/// or the agreement was amended, and they are no secret; without them a hit of a match could not be claimed.
fn replays(keys: &Keys, agreement: &InForce, now: Timestamp) -> bool {
    let claims = agreement.terms().claims.as_ref().filter(|_| keys.side == Side::Holder);
    claims.is_some_and(|claims| {
        let last = keys.set.expires.plus(i64::from(claims.claim_hours).saturating_mul(Timestamp::HOUR));
        now <= last && agreement.releases(now).is_ok()
    })
}

#[cfg(test)]
mod tests;
