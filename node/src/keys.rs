//! Evaluation keys on disk: own ones, sealed, and those of partners.
//!
//! A partner's keys are no secret, but a search under other bytes than were set up would answer wrongly,
//! so they are read against the digest in the journal. Loaded, they take much memory and seconds to make,
//! so the last few stay.

mod begun;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use symbolon_policy::{
    permit::{Refusal, RefusalCode},
    words::{AgencyCode, Digest, Timestamp},
};
use symbolon_protocol::matching::{
    engine::{Answering, Asking, Engine},
    rule::Form,
};
use zeroize::Zeroizing;

use crate::{control::api::Failure, files, journal::Side, sealing::StorageKey, state::Keys};
pub(crate) use begun::{Begun, kind};

/// Partners' keys that stay loaded: about 170 MB each with the one-round engine.
const LOADED: usize = 2;
/// How often one partner may set up keys in a day; each time costs about half a minute of one core.
pub(crate) const SETUPS_A_DAY: u32 = 24;

/// The keys' directory.
pub(crate) struct KeyStore {
    dir: PathBuf,
    key: StorageKey,
    /// The last used is the last.
    loaded: Mutex<VecDeque<(Digest, Arc<dyn Answering>)>>,
    /// For each partner, the day and the setups begun on it.
    setups: Mutex<HashMap<AgencyCode, (i64, u32)>>,
    /// Partners with whom keys are being set up, and whose keys: own ones, for an asker, or theirs.
    setting_up: Mutex<HashSet<(Side, AgencyCode)>>,
    /// Held while a file of a setup that was begun is changed.
    begun: Arc<Mutex<()>>,
}

/// The turn of one partner to set up keys, until it is dropped.
pub(crate) struct Turn<'a> {
    store: &'a KeyStore,
    whose: (Side, AgencyCode),
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.store.setting_up.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.whose);
    }
}

impl KeyStore {
    /// Keys in a directory that exists.
    pub(crate) fn new(dir: PathBuf, key: StorageKey) -> Self {
        let (loaded, setups) = (Mutex::default(), Mutex::default());
        Self { dir, key, loaded, setups, setting_up: Mutex::default(), begun: Arc::default() }
    }

    /// The turn of a partner, if no other setup with it runs on this side. Two at once would go on with one seed, and an
    /// asker that answered two choices would have opened every set. Partners do not wait for each other: one that stalls would
    /// keep all others from asking.
    pub(crate) fn turn(&self, side: Side, partner: &AgencyCode) -> Option<Turn<'_>> {
        let mut setting_up = self.setting_up.lock().unwrap_or_else(PoisonError::into_inner);
        let whose = (side, partner.clone());
        setting_up.insert(whose.clone()).then(|| Turn { store: self, whose })
    }

    fn path(&self, side: Side, keys: &Digest) -> PathBuf {
        self.dir.join(match side {
            Side::Asker => format!("{keys}.own"),
            Side::Holder => format!("{keys}.partner"),
        })
    }

    /// Keeps what a setup gave; returns the digest and the size of the file.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be written.
    pub(crate) fn save(&self, side: Side, keys: &Digest, material: &[u8]) -> Result<(Digest, u64), Failure> {
        let sealed = match side {
            Side::Asker => self.key.seal(keys.as_bytes(), material),
            Side::Holder => material.to_vec(),
        };
        files::write_whole(&self.path(side, keys), &sealed).map_err(|error| {
            Failure::local(format!("cannot write the evaluation keys: {error}"))
                .with_help("make room on the disk")
        })?;
        Ok((digest(&sealed), sealed.len() as u64))
    }

    fn read(&self, keys: &Keys) -> Result<Vec<u8>, Failure> {
        let path = self.path(keys.side, &keys.set.keys);
        let bytes = fs::read(&path)
            .map_err(|error| Failure::local(format!("cannot read {}: {error}", path.display())))?;
        if digest(&bytes) == keys.file {
            return Ok(bytes);
        }
        Err(Failure::integrity(format!(
            "the evaluation keys {} are not those that were set up",
            path.display()
        )))
    }

    fn own(&self, keys: &Keys) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let material = self.key.open(keys.set.keys.as_bytes(), &self.read(keys)?);
        material.map_err(|error| Failure::integrity(error.to_string()))
    }

    /// This node's own keys, ready to ask.
    ///
    /// # Errors
    /// A [`Failure`] if they are gone or damaged.
    pub(crate) fn asking(
        &self,
        engine: &dyn Engine,
        form: &Form,
        keys: &Keys,
    ) -> Result<Arc<dyn Asking>, Failure> {
        engine.asking(form, &self.own(keys)?).map_err(|fault| Failure::local(fault.to_string()))
    }

    /// What the partner has of this node's own keys too (see [`Engine::shared`]).
    ///
    /// # Errors
    /// A [`Failure`] if they are gone or damaged.
    pub(crate) fn shared(&self, engine: &dyn Engine, form: &Form, keys: &Keys) -> Result<Vec<u8>, Failure> {
        engine.shared(form, &self.own(keys)?).map_err(|fault| Failure::local(fault.to_string()))
    }

    /// A partner's keys, ready to answer.
    ///
    /// # Errors
    /// A [`Failure`] if they are gone or damaged.
    pub(crate) fn answering(
        &self,
        engine: &dyn Engine,
        form: &Form,
        keys: &Keys,
    ) -> Result<Arc<dyn Answering>, Failure> {
        // Held while they are loaded, so that two queries at once do not load them twice.
        let mut loaded = self.loaded();
        let id = keys.set.keys;
        let place = loaded.iter().position(|(other, _)| *other == id);
        let ready = match place.and_then(|place| loaded.remove(place)) {
            Some((_, ready)) => ready,
            None => {
                // First, so that there is room for the new ones.
                let surplus = loaded.len().saturating_add(1).saturating_sub(LOADED);
                loaded.drain(..surplus);
                engine
                    .answering(form, &self.read(keys)?)
                    .map_err(|fault| Failure::local(fault.to_string()))?
            }
        };
        loaded.push_back((id, ready.clone()));
        Ok(ready)
    }

    fn loaded(&self) -> MutexGuard<'_, VecDeque<(Digest, Arc<dyn Answering>)>> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Destroys own keys; removes a partner's.
    pub(crate) fn destroy(&self, side: Side, keys: &Digest) {
        self.loaded().retain(|(other, _)| other != keys);
        let path = self.path(side, keys);
        let end = match side {
            Side::Asker => files::destroy,
            Side::Holder => files::remove,
        };
        for error in [end(&path), end(&files::temporary(&path))].into_iter().filter_map(Result::err) {
            tracing::error!(%keys, %error, "evaluation keys could not be removed");
        }
    }

    /// Files in the directory that belong to none of the `known` keys, left by a crash.
    pub(crate) fn strays(&self, known: &[Digest]) -> Vec<Digest> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        let id_of = |name: &str| name.split('.').next()?.parse::<Digest>().ok();
        let ids = entries.filter_map(|entry| id_of(entry.ok()?.file_name().to_str()?));
        ids.filter(|id| !known.contains(id)).collect()
    }

    /// Counts a setup for a partner that begins now.
    ///
    /// # Errors
    /// [`RefusalCode::SetupsSpent`] if there were as many as may be on this day.
    pub(crate) fn begin(&self, partner: &AgencyCode, now: Timestamp) -> Result<(), Refusal> {
        let mut setups = self.setups.lock().unwrap_or_else(PoisonError::into_inner);
        let today = now.period(Timestamp::DAY);
        let (day, begun) = setups.entry(partner.clone()).or_insert((today, 0));
        if *day != today {
            (*day, *begun) = (today, 0);
        }
        if *begun >= SETUPS_A_DAY {
            let text =
                format!("evaluation keys are set up at most {SETUPS_A_DAY} times a day with one partner");
            return Err(Refusal::new(RefusalCode::SetupsSpent, text));
        }
        *begun = begun.saturating_add(1);
        Ok(())
    }
}

/// The digest of a file of keys, as the journal has it.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::of("symbolon/keys-file/1", bytes)
}

#[cfg(test)]
mod tests;
