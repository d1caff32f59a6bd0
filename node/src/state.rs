//! What follows from the journal, kept in sled so that a start need not read the whole journal.
//!
//! Every event changes the state in one atomic batch together with its sequence number, so the
//! state is always that after some entry; at start the rest is applied. A state that is missing or
//! damaged is thrown away and made anew from the journal: nothing here is the only copy.

mod apply;
mod forks;
mod hits;
mod kept;
mod keys;
mod notices;
mod officers;

use std::path::Path;

use serde::de::DeserializeOwned;
use symbolon_policy::{
    canonical,
    officer::SignedAct,
    quota::{Balance, Ledger, MeterKey},
    receipt::SignedReceipt,
    words::{AgencyCode, AgreementId, ClaimId, Digest, QueryId, RegisterName, SnapshotId, Timestamp},
};

use crate::{alerts::Alert, control::api::Failure, files, journal::Side};
pub(crate) use forks::Fork;
pub(crate) use kept::{Accepted, Claimed, Keys, Query, Revoked, Snapshot, Stage};
use keys::Key;
pub(crate) use keys::Slice;
pub(crate) use notices::{Marks, Told};
pub(crate) use officers::Meant;

/// The state.
#[derive(Debug)]
pub(crate) struct State {
    db: sled::Db,
}

/// The layout of the database; another one is thrown away and made anew.
const LAYOUT: &[u8] = b"14";

impl State {
    /// Opens the state, empty if it is missing, of another layout or damaged.
    ///
    /// # Errors
    /// A local [`Failure`] if the directory cannot be used at all.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let open = || -> Result<Self, sled::Error> {
            let config = sled::Config::new().path(path).cache_capacity(32 << 20).flush_every_ms(None);
            Ok(Self { db: files::database(&config)? })
        };
        let state = match open() {
            Ok(state) if state.sound() => return Ok(state),
            Ok(state) => Some(state),
            Err(error) if files::is_locked(&error) => {
                return Err(Failure::local(format!("another process has {} open", path.display())));
            }
            Err(error) if files::is_full(&error) => return Err(failure(error)),
            Err(error) => {
                tracing::warn!(%error, "the state is damaged and is made anew from the journal");
                None
            }
        };
        drop(state);
        if path.exists() {
            std::fs::remove_dir_all(path)
                .map_err(|e| Failure::local(format!("cannot remove {}: {e}", path.display())))?;
        }
        let state = open().map_err(|e| Failure::local(format!("cannot open {}: {e}", path.display())))?;
        state.db.insert(Key::layout(), LAYOUT).map_err(failure)?;
        Ok(state)
    }

    fn sound(&self) -> bool {
        matches!(self.db.get(Key::layout()), Ok(Some(layout)) if layout == LAYOUT)
    }

    /// How many entries of the journal the state includes.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn applied(&self) -> Result<u64, Failure> {
        Ok(self.get(&Key::applied())?.unwrap_or(0))
    }

    /// A query that this node paid for or was paid for.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn query(&self, side: Side, id: &QueryId) -> Result<Option<Query>, Failure> {
        self.get(&Key::query(side, id))
    }

    /// A claim that was made or came.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn claim(&self, side: Side, id: &ClaimId) -> Result<Option<Claimed>, Failure> {
        self.get(&Key::case(side, id))
    }

    /// All claims of one side.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn claims(&self, side: Side) -> Result<Vec<Claimed>, Failure> {
        self.scan(&Key::cases(side))
    }

    /// How often a partner opened one of its queries falsely in a claim.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn false_openings(&self, query: &QueryId) -> Result<u64, Failure> {
        Ok(self.get(&Key::false_openings(query))?.unwrap_or_default())
    }

    /// Claims, by the digests of their words, in which a partner opened one of its queries, and how often: whenever no case
    /// came of it, and once if one did.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn opened(&self, query: &QueryId) -> Result<Vec<(Digest, u64)>, Failure> {
        self.scan(&Key::all_opened(query))
    }

    /// What officers said of the hits of a query, in their order.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn judged(&self, query: &QueryId) -> Result<Vec<SignedAct>, Failure> {
        Ok(self.get(&Key::judged(query))?.unwrap_or_default())
    }

    /// Queries of one side.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn queries(&self, side: Side) -> Result<Vec<Query>, Failure> {
        self.scan(&Key::queries(side))
    }

    /// Queries of one side that are open.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn open_queries(&self, side: Side) -> Result<Vec<QueryId>, Failure> {
        let all = self.queries(side)?;
        Ok(all.into_iter().filter(|query| query.stage == Stage::Open).map(|query| query.ask.query).collect())
    }

    /// Receipts that a partner has not countersigned, the first `limit`.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn open_receipts(
        &self,
        asker: &AgencyCode,
        limit: usize,
    ) -> Result<Vec<SignedReceipt>, Failure> {
        let ids: Vec<QueryId> = self.scan(&Key::open_receipts(asker))?;
        let mut receipts = Vec::new();
        for id in ids.iter().take(limit) {
            if let Some(Query { stage: Stage::Answered(receipt), .. }) = self.query(Side::Holder, id)? {
                receipts.push(*receipt);
            }
        }
        Ok(receipts)
    }

    /// All agreements ever accepted.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn agreements(&self) -> Result<Vec<Accepted>, Failure> {
        self.scan(&Key::agreements())
    }

    /// Whether a party revoked this agreement; one that is void because what it amends was revoked is not meant.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn revoked(&self, id: &AgreementId) -> Result<bool, Failure> {
        Ok(self.get::<Accepted>(&Key::agreement(id))?.is_some_and(|accepted| accepted.revoked.is_some()))
    }

    /// The national rules.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn national(&self) -> Result<Option<String>, Failure> {
        Ok(self.get::<Option<String>>(&Key::national())?.flatten())
    }

    /// Snapshots that are not ended.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn snapshots(&self) -> Result<Vec<Snapshot>, Failure> {
        self.scan(&Key::snapshots())
    }

    /// One snapshot that is not ended.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn snapshot(&self, id: &SnapshotId) -> Result<Option<Snapshot>, Failure> {
        self.get(&Key::snapshot(id))
    }

    /// Evaluation keys that are not ended.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn key_sets(&self) -> Result<Vec<Keys>, Failure> {
        self.scan(&Key::key_sets())
    }

    /// One set of evaluation keys that is not ended.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn key_set(&self, keys: &Digest) -> Result<Option<Keys>, Failure> {
        self.get(&Key::key_set(keys))
    }

    /// Whether a partner broke the protocol when keys were set up or a match was prepared, and no person allowed more.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn broken(&self, partner: &AgencyCode) -> Result<bool, Failure> {
        Ok(self.get::<(AgencyCode, String)>(&Key::broken(partner))?.is_some())
    }

    /// Partners with whom no keys are set up and no matches prepared until a person says so, and what they did.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn broken_preparations(&self) -> Result<Vec<(AgencyCode, String)>, Failure> {
        self.scan(&Key::all_broken())
    }

    /// Goes up with everything that can change a slice of the register: the begin and the end of an
    /// import or an erasure, other national rules.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn register_version(&self, register: &RegisterName) -> Result<u64, Failure> {
        let records: u64 = self.get(&Key::register(register))?.unwrap_or(0);
        let rules: u64 = self.get(&Key::slices())?.unwrap_or(0);
        Ok(records.max(rules))
    }

    /// The number of entries after which a record may have left the slices of a register: what was read
    /// from it before must not be asked any more.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn slices_left(&self, register: &RegisterName) -> Result<u64, Failure> {
        let records: u64 = self.get(&Key::left(register))?.unwrap_or(0);
        let rules: u64 = self.get(&Key::slices())?.unwrap_or(0);
        Ok(records.max(rules))
    }

    /// Snapshots made of slices that records may have left since.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn stale_snapshots(&self) -> Result<Vec<Snapshot>, Failure> {
        let mut stale = Vec::new();
        for snapshot in self.snapshots()? {
            if snapshot.side == Side::Holder
                && snapshot.entry < self.slices_left(&snapshot.manifest.register)?
            {
                stale.push(snapshot);
            }
        }
        Ok(stale)
    }

    /// Whether an import or an erasure of the register was begun and has not ended.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn changing(&self, register: &RegisterName) -> Result<bool, Failure> {
        Ok(self.get::<RegisterName>(&Key::changing(register))?.is_some())
    }

    /// Registers of which that is so.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn changes(&self) -> Result<Vec<RegisterName>, Failure> {
        self.scan(&Key::changes())
    }

    /// All meters and what they read.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn meters(&self) -> Result<Vec<(MeterKey, u64)>, Failure> {
        let mut meters = Vec::new();
        for item in self.db.scan_prefix(Key::meters().bytes()) {
            let (key, value) = item.map_err(failure)?;
            let encoded = key.get(1..).unwrap_or_default();
            let key = canonical::decode(encoded).map_err(|e| Failure::integrity(format!("state: {e}")))?;
            meters.push((key, decode(&value)?));
        }
        Ok(meters)
    }

    /// The most that answers can have told an asker under an agreement, in bits.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn told(&self, agreement: &AgreementId, asker: &AgencyCode) -> Result<u64, Failure> {
        Ok(self.get(&Key::told(agreement, asker))?.unwrap_or_default())
    }

    /// How many records, padding included, the last match of the same slice searched that this node asked.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn searched(&self, slice: Slice<'_>) -> Result<Option<u64>, Failure> {
        self.get(&Key::searched(slice))
    }

    /// Alerts that were raised.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn alerts(&self) -> Result<Vec<Alert>, Failure> {
        self.scan(&Key::alerts())
    }

    /// An alert that was raised, as it was last.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn alert(&self, id: &Digest) -> Result<Option<Alert>, Failure> {
        self.get(&Key::alert(id))
    }

    /// What an officer said of an alert last.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn acknowledged(&self, alert: &Digest) -> Result<Option<SignedAct>, Failure> {
        self.get(&Key::acknowledged(alert))
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn flush(&self) -> Result<(), Failure> {
        self.db.flush().map(drop).map_err(failure)
    }

    /// Everything in the database, byte for byte.
    #[cfg(test)]
    pub(crate) fn contents(&self) -> std::collections::BTreeMap<Vec<u8>, Vec<u8>> {
        let pair = |item: sled::Result<(sled::IVec, sled::IVec)>| item.map(|(k, v)| (k.to_vec(), v.to_vec()));
        self.db.iter().map(|item| pair(item).unwrap()).collect()
    }

    fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>, Failure> {
        self.db.get(key.bytes()).map_err(failure)?.map(|value| decode(&value)).transpose()
    }

    fn scan<T: DeserializeOwned>(&self, prefix: &Key) -> Result<Vec<T>, Failure> {
        self.db.scan_prefix(prefix.bytes()).values().map(|value| decode(&value.map_err(failure)?)).collect()
    }
}

impl Ledger for State {
    /// A meter that cannot be read is full, so that nothing is answered on an unknown reading.
    fn spent(&self, key: &MeterKey) -> u64 {
        Key::meter(key).and_then(|key| self.get(&key)).map_or(u64::MAX, Option::unwrap_or_default)
    }

    fn balance(&self, agreement: &AgreementId, partner: &AgencyCode) -> Balance {
        self.get(&Key::balance(agreement, partner)).ok().flatten().unwrap_or_default()
    }

    /// What cannot be read is as much as can be, so that nothing is asked on an unknown number.
    fn unexplained(&self, agreement: &AgreementId, now: Timestamp) -> u64 {
        self.overdue_hits(agreement, now).unwrap_or(u64::MAX)
    }
}

fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, Failure> {
    serde_ipld_dagcbor::from_slice(value).map_err(|e| {
        Failure::integrity(format!("the state holds something else: {e}"))
            .with_help("stop the node and remove the `state` directory; it is made anew from the journal")
    })
}

fn failure(error: sled::Error) -> Failure {
    if files::is_full(&error) {
        return Failure::local(files::FULL).with_help(files::MAKE_ROOM);
    }
    Failure::local(format!("the state cannot be used: {error}"))
}

#[cfg(test)]
mod tests;
