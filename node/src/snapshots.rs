//! Snapshots on disk: made for partners, with their epoch keys, and received from them.
//!
//! An epoch key lies sealed beside its filter and is overwritten and removed when the epoch ends; an
//! old filter can then be asked no more.

mod source;

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use symbolon_policy::{
    manifest::Manifest,
    permit::InForce,
    rules::ExchangeKind,
    words::{AgencyCode, AgreementId, Digest, Purpose, RegisterName, SnapshotId, Timestamp},
};
use symbolon_protocol::{
    exchange::Fault,
    group::decode_scalar,
    identifier::CANONICALISATION,
    oprf::KeyPair,
    seed::Seed,
    set::{IdentifierSource, Output, SetBuilder, fresh_key},
    snapshot::{BlobSink, BlobSource},
};
use tokio::sync::watch;

use crate::{clock, control::api::Failure, files, sealing::StorageKey};

pub(crate) use source::SliceSource;

/// Identifiers that one step of building takes.
const STEP: usize = 8_192;

/// The extension of a part of a filter.
const PART: &str = "part";

/// Parts are resumed for so long: the longest epoch.
const PARTS_KEPT: Duration = Duration::from_secs(31 * 86_400);

/// Names a slice that a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct SliceOf {
    pub(crate) agreement: AgreementId,
    pub(crate) asker: AgencyCode,
    pub(crate) register: RegisterName,
    pub(crate) purpose: Purpose,
}

impl SliceOf {
    /// The slice of a manifest.
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self {
            agreement: manifest.agreement,
            asker: manifest.asker.clone(),
            register: manifest.register.clone(),
            purpose: manifest.purpose,
        }
    }
}

/// Identifiers done, and in all.
pub(crate) type Built = (u64, u64);

/// The snapshots' directory.
pub(crate) struct Snapshots {
    dir: PathBuf,
    key: StorageKey,
    building: Mutex<HashMap<SliceOf, watch::Receiver<Built>>>,
    /// Held while a snapshot of this partner is fetched.
    fetching: Mutex<HashMap<AgencyCode, Arc<tokio::sync::Mutex<()>>>>,
}

impl Snapshots {
    /// Snapshots in a directory that exists.
    pub(crate) fn new(dir: PathBuf, key: StorageKey) -> Self {
        Self { dir, key, building: Mutex::default(), fetching: Mutex::default() }
    }

    fn key_path(&self, id: &SnapshotId) -> PathBuf {
        self.dir.join(format!("{id}.key"))
    }

    /// Where a filter lies.
    pub(crate) fn filter_path(&self, id: &SnapshotId) -> PathBuf {
        self.dir.join(format!("{id}.filter"))
    }

    /// Where the part of a filter that was received from a partner lies.
    pub(crate) fn part_path(&self, id: &SnapshotId, partner: &AgencyCode) -> PathBuf {
        self.dir.join(format!("{id}.{partner}.{PART}"))
    }

    /// Whose turn it is to fetch a snapshot from a partner.
    pub(crate) fn turn(&self, partner: &AgencyCode) -> Arc<tokio::sync::Mutex<()>> {
        let mut fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        fetching.entry(partner.clone()).or_default().clone()
    }

    /// Registers that a slice is being built; nothing if it is being built already.
    pub(crate) fn begin(&self, slice: &SliceOf) -> Result<watch::Sender<Built>, watch::Receiver<Built>> {
        let mut building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = building.get(slice)
            && progress.has_changed().is_ok()
        {
            return Err(progress.clone());
        }
        let (sender, receiver) = watch::channel((0, 0));
        building.insert(slice.clone(), receiver);
        Ok(sender)
    }

    /// Builds a filter under a fresh key and writes both. Long work: call it off the async threads.
    ///
    /// # Errors
    /// A [`Failure`]; then nothing is left behind.
    pub(crate) fn build(
        &self,
        agreement: &InForce,
        holder: &AgencyCode,
        slice: &SliceOf,
        source: &mut SliceSource,
        now: Timestamp,
        progress: impl Fn(Built),
    ) -> Result<Manifest, Failure> {
        let seed = Seed::new(rand::random());
        let mut set = SetBuilder::new(fresh_key(&seed.stream("key")).map_err(local)?, Output::Bound);
        loop {
            let identifiers = source.next(STEP).map_err(local)?;
            if identifiers.is_empty() {
                break;
            }
            set.absorb(&identifiers).map_err(local)?;
            progress((set.len() as u64, source.total()));
        }
        let buckets = agreement.terms().buckets;
        let (key, summary, bytes) = set.finish(|n| buckets.pad(n), seed.stream("padding")).map_err(local)?;
        let hours = agreement.terms().exact.as_ref().map_or(1, |exact| exact.epoch_hours);
        let epoch = now.plus(i64::from(hours).saturating_mul(Timestamp::HOUR));
        // Nor longer than each record in it may be kept.
        let first = source.first_to_end().map(clock::begins);
        let expires = first.filter(|first| *first < epoch).unwrap_or(epoch);
        let manifest = Manifest {
            snapshot: SnapshotId(rand::random()),
            agreement: agreement.id(),
            holder: holder.clone(),
            asker: slice.asker.clone(),
            register: slice.register.clone(),
            purpose: slice.purpose,
            canonicalisation: CANONICALISATION.to_owned(),
            public_key: Digest(*key.public_bytes()),
            entries: summary.entries,
            bytes: summary.bytes,
            digest: Digest(summary.digest),
            made: now,
            expires,
        };
        let id = manifest.snapshot;
        let sealed = self.key.seal(id.as_bytes(), &*key.expose());
        let written = files::write_whole(&self.key_path(&id), &sealed)
            .and_then(|()| files::write_whole(&self.filter_path(&id), &bytes));
        if let Err(error) = written {
            self.destroy(&id);
            return Err(Failure::local(format!("cannot write the snapshot: {error}"))
                .with_help("make room on the disk"));
        }
        Ok(manifest)
    }

    /// The epoch key of a snapshot.
    ///
    /// # Errors
    /// An integrity [`Failure`] if it is gone or damaged.
    pub(crate) fn epoch_key(&self, id: &SnapshotId) -> Result<Arc<KeyPair>, Failure> {
        let damaged = || {
            Failure::integrity(format!("the epoch key of snapshot {id} is damaged"))
                .with_help("build the snapshot anew")
        };
        let sealed = fs::read(self.key_path(id)).map_err(|_| damaged())?;
        let plain = self.key.open(id.as_bytes(), &sealed).map_err(|_| damaged())?;
        let bytes = plain.as_slice().try_into().map_err(|_| damaged())?;
        let secret = decode_scalar(bytes).map_err(|_| damaged())?;
        Ok(Arc::new(KeyPair::new(secret).map_err(|_| damaged())?))
    }

    /// Destroys a snapshot's key and removes its filter.
    pub(crate) fn destroy(&self, id: &SnapshotId) {
        let (key, filter) = (self.key_path(id), self.filter_path(id));
        let ends = [
            files::destroy(&key),
            files::destroy(&files::temporary(&key)),
            files::remove(&filter),
            files::remove(&files::temporary(&filter)),
        ];
        for error in ends.into_iter().filter_map(Result::err) {
            tracing::error!(snapshot = %id, %error, "a snapshot could not be removed");
        }
    }

    /// Files in the directory that belong to none of the `known` snapshots, left by a crash. Parts of filters belong to
    /// none yet.
    pub(crate) fn strays(&self, known: &[SnapshotId]) -> Vec<SnapshotId> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        let id_of = |name: &str| {
            let (id, kind) = name.split_once('.')?;
            if kind.ends_with(PART) { None } else { id.parse::<SnapshotId>().ok() }
        };
        let ids = entries.filter_map(|entry| id_of(entry.ok()?.file_name().to_str()?));
        ids.filter(|id| !known.contains(id)).collect()
    }

    /// Removes parts of filters that nobody went on with for longer than an epoch lasts.
    pub(crate) fn forget_parts(&self) {
        let Ok(entries) = fs::read_dir(&self.dir) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let changed = path.metadata().and_then(|metadata| metadata.modified());
            let old = changed.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > PARTS_KEPT));
            if old
                && path.extension().is_some_and(|extension| extension == PART)
                && let Err(error) = files::remove(&path)
            {
                tracing::warn!(path = %path.display(), %error, "an old file could not be removed");
            }
        }
    }

    /// Reads a whole filter and checks it against its manifest.
    ///
    /// # Errors
    /// An integrity [`Failure`] if it is gone or altered.
    pub(crate) fn filter(&self, manifest: &Manifest) -> Result<Arc<Vec<u8>>, Failure> {
        let path = self.filter_path(&manifest.snapshot);
        let bytes =
            fs::read(&path).map_err(|e| Failure::local(format!("cannot read {}: {e}", path.display())))?;
        let sound =
            bytes.len() as u64 == manifest.bytes && Sha256::digest(&bytes).as_slice() == manifest.digest.0;
        if sound {
            Ok(Arc::new(bytes))
        } else {
            Err(Failure::integrity(format!("the filter {} does not match its manifest", path.display())))
        }
    }

    /// The identifiers of a slice.
    ///
    /// # Errors
    /// A [`Failure`] if the register cannot be read.
    pub(crate) fn source(
        registers: &crate::register::Registers,
        agreement: &InForce,
        holder: &AgencyCode,
        slice: &SliceOf,
        exchange: ExchangeKind,
        today: crate::register::Day,
    ) -> Result<SliceSource, Failure> {
        let rules = agreement.slice(&slice.asker, holder, &slice.register, slice.purpose, exchange);
        SliceSource::new(registers, &slice.register, rules, today)
    }
}

fn local(fault: Fault) -> Failure {
    Failure::local(fault.to_string())
}

/// A filter's file, read in pieces.
pub(crate) struct FilterFile(pub(crate) fs::File);

impl BlobSource for FilterFile {
    fn read(&mut self, offset: u64, limit: usize) -> Result<Vec<u8>, Fault> {
        use std::os::unix::fs::FileExt;
        let mut bytes = vec![0; limit];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(filled as u64);
            match self.0.read_at(rest, at).map_err(|e| Fault::Local(e.to_string()))? {
                0 => break,
                read => filled = filled.saturating_add(read),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

impl BlobSink for FilterFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        std::io::Write::write_all(&mut self.0, bytes).map_err(|e| Fault::Local(e.to_string()))
    }
}
