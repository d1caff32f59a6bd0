//! What follows from the journal, kept in sled so that a start need not read the whole journal.
//!
//! Every event changes the state in one atomic batch together with its sequence number, so the
//! state is always that after some entry; at start the rest is applied. A state that is missing or
//! damaged is thrown away and made anew from the journal: nothing here is the only copy.

mod keys;

use std::path::Path;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use symbolon_policy::{
    agreement::Agreement,
    ask::Ask,
    canonical,
    manifest::Manifest,
    quota::{Balance, Charge, Ledger, MeterKey},
    receipt::SignedReceipt,
    signing::Signature,
    words::{AgencyCode, AgreementId, QueryId, RegisterName, SnapshotId},
};

use crate::{
    control::api::Failure,
    journal::{Event, Side},
};
use keys::Key;

/// Where a query stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// Asked or admitted, not answered.
    Open,
    /// Answered; the asker has not countersigned.
    Answered(Box<SignedReceipt>),
    /// Both signed the receipt.
    Done(Box<SignedReceipt>),
    /// Ended without an answer; may be retried.
    Failed,
}

/// A query that was paid for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Query {
    /// The opening words.
    pub(crate) ask: Ask,
    /// The asker's signature.
    pub(crate) signature: Signature,
    /// Where it stands.
    pub(crate) stage: Stage,
    /// What it cost.
    pub(crate) charges: Vec<Charge>,
    /// The register's version when it was admitted; a count is repeated only if it is the same.
    pub(crate) register_version: u64,
}

/// An agreement that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    /// The agreement.
    pub(crate) agreement: Agreement,
    /// Whether it was revoked.
    pub(crate) revoked: bool,
}

/// A snapshot that was made or received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// What it is.
    pub(crate) manifest: Manifest,
    /// Which side this node is on.
    pub(crate) side: Side,
}

/// The state.
#[derive(Debug)]
pub(crate) struct State {
    db: sled::Db,
}

/// The layout of the database; another one is thrown away and made anew.
const LAYOUT: &[u8] = b"2";

impl State {
    /// Opens the state, empty if it is missing, of another layout or damaged.
    ///
    /// # Errors
    /// A local [`Failure`] if the directory cannot be used at all.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let open = || -> Result<Self, sled::Error> {
            let db = sled::Config::new().path(path).cache_capacity(32 << 20).flush_every_ms(None).open()?;
            Ok(Self { db })
        };
        let state = match open() {
            Ok(state) if state.sound() => return Ok(state),
            Ok(state) => Some(state),
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

    /// Includes the journal's entry number `seq`.
    ///
    /// # Errors
    /// A local [`Failure`]; the state is then as before.
    pub(crate) fn apply(&self, seq: u64, event: &Event) -> Result<(), Failure> {
        let mut batch = sled::Batch::default();
        put(&mut batch, Key::applied(), &seq.saturating_add(1))?;
        match event {
            Event::AgreementAccepted { agreement } => {
                let id = agreement.id().map_err(|e| Failure::integrity(e.to_string()))?;
                let accepted = Accepted { agreement: (**agreement).clone(), revoked: false };
                put(&mut batch, Key::agreement(&id), &accepted)?;
            }
            Event::AgreementRevoked { revocation, .. } => {
                if let Some(mut accepted) = self.get::<Accepted>(&Key::agreement(&revocation.agreement))? {
                    accepted.revoked = true;
                    put(&mut batch, Key::agreement(&revocation.agreement), &accepted)?;
                }
            }
            Event::NationalRules { text } => {
                put(&mut batch, Key::national(), text)?;
                put(&mut batch, Key::slices(), &seq.saturating_add(1))?;
            }
            Event::Imported { register, .. } | Event::Erased { register, .. } => {
                put(&mut batch, Key::register(register), &seq.saturating_add(1))?;
            }
            Event::SnapshotMade { manifest } => {
                let snapshot = Snapshot { manifest: manifest.clone(), side: Side::Holder };
                put(&mut batch, Key::snapshot(&manifest.snapshot), &snapshot)?;
            }
            Event::SnapshotMoved { side: Side::Asker, manifest, .. } => {
                let snapshot = Snapshot { manifest: manifest.clone(), side: Side::Asker };
                put(&mut batch, Key::snapshot(&manifest.snapshot), &snapshot)?;
            }
            Event::SnapshotEnded { snapshot, .. } => batch.remove(Key::snapshot(snapshot).bytes()),
            Event::Query { side, ask, signature, charges } => {
                for Charge { key, amount, .. } in charges {
                    let spent = self.spent(key).saturating_add(*amount);
                    put(&mut batch, Key::meter(key)?, &spent)?;
                }
                let register_version = self.register_version(&ask.register)?;
                let query = Query {
                    ask: ask.clone(),
                    signature: *signature,
                    stage: Stage::Open,
                    charges: charges.clone(),
                    register_version,
                };
                put(&mut batch, Key::query(*side, &ask.query), &query)?;
            }
            Event::Failed { side, query, .. } => {
                self.advance(&mut batch, *side, query, |stage| match stage {
                    Stage::Open => Stage::Failed,
                    other => other,
                })?;
            }
            Event::Answered { receipt } => {
                let id = receipt.receipt.ask.query;
                put(&mut batch, Key::open_receipt(&receipt.receipt.ask.asker, &id), &id)?;
                self.advance(&mut batch, Side::Holder, &id, |_| Stage::Answered(receipt.clone()))?;
            }
            Event::Receipt { side, receipt } => {
                let ask = &receipt.receipt.ask;
                self.advance(&mut batch, *side, &ask.query, |_| Stage::Done(receipt.clone()))?;
                self.settle(&mut batch, *side, ask)?;
            }
            Event::Refused { side, ask, .. } => self.give_back(&mut batch, *side, ask)?,
            // The journal itself knows the checkpoints.
            Event::Begun { .. }
            | Event::CheckpointSeen { .. }
            | Event::CheckpointCountersigned { .. }
            | Event::SnapshotMoved { side: Side::Holder, .. }
            | Event::ForkSeen { .. } => {}
        }
        self.db.apply_batch(batch).map_err(failure)
    }

    fn advance(
        &self,
        batch: &mut sled::Batch,
        side: Side,
        id: &QueryId,
        next: impl FnOnce(Stage) -> Stage,
    ) -> Result<(), Failure> {
        if let Some(mut query) = self.query(side, id)? {
            query.stage = next(query.stage);
            put(batch, Key::query(side, id), &query)?;
        }
        Ok(())
    }

    /// A query that was charged here and then refused there costs nothing. One that was answered, or
    /// of which the partner may have seen anything, is not given back.
    fn give_back(&self, batch: &mut sled::Batch, side: Side, ask: &Ask) -> Result<(), Failure> {
        let Some(query) = self.query(side, &ask.query)? else { return Ok(()) };
        if side == Side::Holder || query.ask != *ask || query.stage != Stage::Open {
            return Ok(());
        }
        for Charge { key, amount, .. } in &query.charges {
            let spent = self.spent(key).saturating_sub(*amount);
            put(batch, Key::meter(key)?, &spent)?;
        }
        batch.remove(Key::query(side, &ask.query).bytes());
        Ok(())
    }

    /// A receipt was signed by both: it counts in the balance, once.
    fn settle(&self, batch: &mut sled::Batch, side: Side, ask: &Ask) -> Result<(), Failure> {
        if matches!(self.query(side, &ask.query)?, Some(Query { stage: Stage::Done(_), .. })) {
            return Ok(());
        }
        let partner = if side == Side::Holder { &ask.asker } else { &ask.holder };
        let mut balance = self.balance(&ask.agreement, partner);
        let items = u64::from(ask.items);
        match side {
            Side::Holder => balance.given = balance.given.saturating_add(items),
            Side::Asker => balance.received = balance.received.saturating_add(items),
        }
        batch.remove(Key::open_receipt(&ask.asker, &ask.query).bytes());
        put(batch, Key::balance(&ask.agreement, partner), &balance)
    }

    /// A query that this node paid for or was paid for.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn query(&self, side: Side, id: &QueryId) -> Result<Option<Query>, Failure> {
        self.get(&Key::query(side, id))
    }

    /// Queries of one side that are open.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn open_queries(&self, side: Side) -> Result<Vec<QueryId>, Failure> {
        let all = self.scan::<Query>(&Key::queries(side))?;
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

    /// Goes up with everything that can change a slice of the register: an import, an erasure, other
    /// national rules.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn register_version(&self, register: &RegisterName) -> Result<u64, Failure> {
        let records: u64 = self.get(&Key::register(register))?.unwrap_or(0);
        let rules: u64 = self.get(&Key::slices())?.unwrap_or(0);
        Ok(records.max(rules))
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

    /// Makes everything durable.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn flush(&self) -> Result<(), Failure> {
        self.db.flush().map(drop).map_err(failure)
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
}

fn put<T: Serialize>(batch: &mut sled::Batch, key: Key, value: &T) -> Result<(), Failure> {
    let value = canonical::encode(value).map_err(|e| Failure::local(e.to_string()))?;
    batch.insert(key.bytes(), value);
    Ok(())
}

fn decode<T: DeserializeOwned>(value: &[u8]) -> Result<T, Failure> {
    serde_ipld_dagcbor::from_slice(value).map_err(|e| {
        Failure::integrity(format!("the state holds something else: {e}"))
            .with_help("stop the node and remove the `state` directory; it is made anew from the journal")
    })
}

fn failure(error: sled::Error) -> Failure {
    Failure::local(format!("the state cannot be used: {error}"))
}

#[cfg(test)]
mod tests;
