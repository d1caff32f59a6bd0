//! A half that is being made: what comes from the partner is sealed and written as it comes.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use symbolon_policy::{canonical, words::Timestamp};
use symbolon_protocol::{
    exchange::{Fault, Frame},
    matching::ahead::{Keep, Plan},
    seed::Seed,
};
use zeroize::Zeroizing;

use super::{
    Kind, Lying, Name, Shelf, Weight,
    half::{Born, Head, Secret},
    sync, unwritable,
};
use crate::{control::api::Failure, files, sealing::StorageKey};

/// The file, and how much is in it.
struct Writing {
    file: File,
    key: StorageKey,
    name: Name,
    frames: u64,
    weight: Weight,
}

impl Writing {
    fn put(&mut self, sealed: &[u8]) -> Result<(), Fault> {
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX);
        if !self.weight.grow((sealed.len() as u64).saturating_add(4)) {
            return Err(Fault::Local(
                "there is no room for a preparation; see `[prepared]` in the settings".into(),
            ));
        }
        let written = self.file.write_all(&length.to_be_bytes()).and_then(|()| self.file.write_all(sealed));
        written.map_err(|error| Fault::Local(format!("a preparation cannot be written: {error}")))
    }
}

/// What the machine writes to.
struct Pen(Arc<Mutex<Writing>>);

impl Keep for Pen {
    fn keep(&mut self, frame: &Frame) -> Result<(), Fault> {
        let mut writing = lock(&self.0);
        let place = writing.name.place("frame", writing.frames);
        let plain = [&[frame.tag, u8::from(frame.last)], frame.body.as_slice()].concat();
        let sealed = writing.key.seal(&place, &plain);
        writing.put(&sealed)?;
        writing.frames = writing.frames.saturating_add(1);
        Ok(())
    }
}

fn lock(writing: &Mutex<Writing>) -> MutexGuard<'_, Writing> {
    writing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A half that is being made. Dropped before its end, it is gone.
pub(crate) struct Making {
    shelf: Arc<Shelf>,
    name: Name,
    kind: Kind,
    plan: Plan,
    part: PathBuf,
    writing: Arc<Mutex<Writing>>,
}

impl Making {
    pub(super) fn begin(
        shelf: Arc<Shelf>,
        key: StorageKey,
        name: Name,
        kind: Kind,
        plan: Plan,
    ) -> Result<Self, Failure> {
        let mut part = name.path(&shelf.dir).into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        // Two at once of one name would be one.
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&part).map_err(unwritable)?;
        let weight = Weight { shelf: shelf.clone(), bytes: 0 };
        let writing = Arc::new(Mutex::new(Writing { file, key, name, frames: 0, weight }));
        Ok(Self { shelf, name, kind, plan, part, writing })
    }

    /// What the machine writes to.
    pub(crate) fn pen(&self) -> Box<dyn Keep> {
        Box::new(Pen(self.writing.clone()))
    }

    /// Ends it: when this returns it lies there, also after a loss of power.
    ///
    /// # Errors
    /// A local [`Failure`]; then it is gone.
    pub(crate) fn finish(
        self,
        seed: &Seed,
        note: Vec<u8>,
        (made, expires): (Timestamp, Timestamp),
    ) -> Result<u64, Failure> {
        let mut writing = lock(&self.writing);
        let head = Head {
            kind: self.kind.clone(),
            alternatives: self.plan.alternatives,
            largest_slice: self.plan.largest_slice,
            buckets: self.plan.buckets,
            seed: Secret::of(seed),
            note,
            frames: writing.frames,
            made,
            expires,
            born: Born::of(&writing.file).map_err(unwritable)?,
        };
        let plain = Zeroizing::new(canonical::encode(&head).map_err(|e| Failure::local(e.to_string()))?);
        let sealed = writing.key.seal(&self.name.place("head", 0), &plain);
        // Its length comes last, so that it is found from the end.
        let length = u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes();
        if !writing.weight.grow((sealed.len() as u64).saturating_add(4)) {
            return Err(Failure::local("there is no room for a preparation"));
        }
        let path = self.name.path(&self.shelf.dir);
        let whole = writing.file.write_all(&sealed).and_then(|()| writing.file.write_all(&length));
        let whole = whole.and_then(|()| writing.file.sync_all()).and_then(|()| fs::rename(&self.part, &path));
        if let Err(error) = whole.and_then(|()| sync(&self.shelf.dir)) {
            self.shelf.discard(self.name);
            return Err(unwritable(error));
        }
        // From here on the list counts its bytes.
        let bytes = std::mem::take(&mut writing.weight.bytes);
        let lying = Lying { kind: self.kind.clone(), bytes, made, expires };
        self.shelf.inner().lying.insert(self.name, lying);
        Ok(bytes)
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // After its end there is no file of this name any more.
        if let Err(error) = files::remove(&self.part) {
            tracing::error!(preparation = %self.name.id, %error, "a part of a preparation could not be removed");
        }
    }
}
