//! The journal and what follows from it, as one.
//!
//! Whatever is recorded goes to the journal first, is synced, and then changes the state. Admission
//! reads the meters and records the charge under the same lock, so two queries at once cannot spend
//! the same unit.

mod admission;
mod amendments;
mod officers;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use symbolon_policy::{
    manifest::Manifest,
    permit::InForce,
    rules::{Kind, RuleSet},
    signing::Signer,
    words::{AgencyCode, AgreementId, Digest, Timestamp},
};

use crate::{
    clock,
    control::api::Failure,
    home::Home,
    journal::{Event, Journal},
    state::State,
};

pub(crate) use admission::{Admission, Failed};

/// Journal, state and the agreements in memory.
pub(crate) struct Book {
    own: AgencyCode,
    journal: Journal,
    signer: Arc<dyn Signer>,
    /// Held while an entry is appended and applied, so that the state follows the journal's order.
    writing: Mutex<()>,
    settling: Mutex<()>,
    state: State,
    agreements: RwLock<BTreeMap<AgreementId, Arc<InForce>>>,
}

impl Book {
    /// Opens journal and state, and brings the state up to the journal's end.
    ///
    /// # Errors
    /// An integrity [`Failure`] if the journal does not verify.
    pub(crate) fn open(home: &Home, own: AgencyCode, signer: Arc<dyn Signer>) -> Result<Self, Failure> {
        let journal = Journal::open(&home.journal(), &own, |_| ())?;
        if journal.unfinished() > 0 {
            tracing::warn!(
                bytes = journal.unfinished(),
                "an unfinished entry was cut off: the node was stopped while it wrote"
            );
        }
        let state = State::open(&home.state())?;
        // An entry is on the disk before it is in the state, so what the state knows of was there.
        let (knew, has) = (state.applied()?, journal.size()?);
        if knew > has {
            let what = format!(
                "the journal of {own} has {has} entries and this node had {knew}: {} were cut off",
                knew.saturating_sub(has)
            );
            let help = format!(
                "keep the files as they are and compare the journal with partners (`symbolon audit reconcile`); if an older \
                 journal was put back on purpose, remove {}, which is made anew from it",
                home.state().display()
            );
            return Err(Failure::integrity(what).with_help(help));
        }
        for entry in journal.entries_from(state.applied()?)? {
            let (entry, _) = entry?;
            state.apply(entry.seq, &entry.event)?;
        }
        let agreements = RwLock::default();
        let book = Self {
            own,
            journal,
            signer,
            writing: Mutex::default(),
            settling: Mutex::default(),
            state,
            agreements,
        };
        book.reload()?;
        Ok(book)
    }

    /// This node's agency.
    pub(crate) fn own(&self) -> &AgencyCode {
        &self.own
    }

    /// What follows from the journal.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The journal.
    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The agreement key.
    pub(crate) fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        // Nothing is guarded but the order; a journal that failed refuses by itself.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held from looking at what is known of a receipt, a release or a partner's checkpoint to the entry about it: two
    /// sessions may bring one at the same time.
    pub(crate) fn settling(&self) -> MutexGuard<'_, ()> {
        self.settling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an event durably.
    ///
    /// # Errors
    /// A [`Failure`]; then nothing was recorded.
    pub(crate) fn record(&self, event: &Event) -> Result<(), Failure> {
        let writing = self.writing();
        self.append(&writing, event)?;
        // Under the same lock, so that nobody sees the entry's number and the agreements of before.
        if matches!(
            event,
            Event::AgreementAccepted { .. } | Event::AgreementRevoked { .. } | Event::NationalRules { .. }
        ) {
            self.reload()?;
        }
        Ok(())
    }

    fn append(&self, _writing: &MutexGuard<'_, ()>, event: &Event) -> Result<(), Failure> {
        // A state that missed an entry must not take the next one, or the gap would never be closed.
        if self.state.applied()? != self.journal.size()? {
            return Err(Failure::local("the state is behind the journal")
                .with_help("restart the node; it brings the state up to the journal"));
        }
        let seq = self.journal.append(event.clone(), clock::now())?;
        self.state.apply(seq, event)
    }

    /// How many entries there are. All that follows from them can be seen.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn entries(&self) -> Result<u64, Failure> {
        let _writing = self.writing();
        self.state.applied()
    }

    /// Records a snapshot of what was read when the journal had `since` entries, unless a record may have
    /// left the slice meanwhile.
    ///
    /// # Errors
    /// A local [`Failure`]; then nothing was recorded.
    pub(crate) fn snapshot_made(&self, manifest: &Manifest, since: u64) -> Result<(), Failure> {
        let writing = self.writing();
        if self.state.slices_left(&manifest.register)? > since {
            return Err(Failure::local("the register changed while its snapshot was built")
                .with_help("build the snapshot again"));
        }
        self.append(&writing, &Event::SnapshotMade { manifest: manifest.clone() })
    }

    /// Size and root of the journal's tree.
    ///
    /// # Errors
    /// A local [`Failure`] if the journal is stopped.
    pub(crate) fn root(&self) -> Result<(u64, Digest), Failure> {
        Ok(self.journal.root()?)
    }

    /// Compiles all agreements with the national rules.
    fn reload(&self) -> Result<(), Failure> {
        let national = self.state.national()?;
        let national = national
            .map(|text| RuleSet::parse(&text, Kind::National))
            .transpose()
            .map_err(|e| Failure::integrity(format!("the national rules no longer stand:\n{e}")))?;
        let agreements = amendments::join(self.state.agreements()?, national.as_ref())?;
        *self.agreements.write().unwrap_or_else(PoisonError::into_inner) = agreements;
        Ok(())
    }

    /// All agreements ever accepted.
    pub(crate) fn agreements(&self) -> Vec<Arc<InForce>> {
        self.agreements.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// One agreement.
    pub(crate) fn agreement(&self, id: &AgreementId) -> Option<Arc<InForce>> {
        self.agreements.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Agreements that hold now, the newest of every partner.
    pub(crate) fn in_force(&self, now: Timestamp) -> BTreeMap<AgencyCode, Arc<InForce>> {
        let mut newest: BTreeMap<AgencyCode, Arc<InForce>> = BTreeMap::new();
        for agreement in self.agreements() {
            let Ok(partner) = agreement.terms().partner_of(&self.own) else { continue };
            let code = partner.code.clone();
            let older = newest.get(&code).is_some_and(|other| {
                (other.terms().valid_from, other.id()) >= (agreement.terms().valid_from, agreement.id())
            });
            if agreement.holds(now).is_ok() && !older {
                newest.insert(code, agreement);
            }
        }
        newest
    }
}
