//! Setups of keys that were begun: with which seed they go on, and what the other side is bound to.
//!
//! The choice of cut-and-choose protects only if nobody can come again for another one. So a setup that broke off goes on
//! where it was: with the same seed at both sides, the same commitments of the asker and the same choice of the holder.
//! One file for each kind of keys (agreement, form, engine) and side:
//!
//! ```text
//! <side>-<partner>-<kind>.begun    the seed of this side, what the partner is bound to, what became of it; sealed
//! ```

use std::{
    fs, io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    ask::{Fetch, MatchSetup},
    canonical,
    words::{AgencyCode, AgreementId, Digest},
};
use symbolon_protocol::seed::Seed;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::KeyStore;
use crate::{control::api::Failure, files, journal::Side, sealing::StorageKey, session::SessionError};

/// What is in the file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Kept {
    seed: [u8; 32],
    #[zeroize(skip)]
    bound: Option<Digest>,
    /// The partner broke the protocol in it.
    #[serde(default)]
    caught: bool,
    /// The keys that came of it, from before they are journalled.
    #[zeroize(skip)]
    #[serde(default)]
    made: Option<Digest>,
}

/// One setup that was begun and may have broken off before.
pub(crate) struct Begun {
    file: BegunFile,
    seed: Zeroizing<[u8; 32]>,
}

/// Where a setup lies. All changes of such files are made one at a time.
struct BegunFile {
    key: StorageKey,
    writing: Arc<Mutex<()>>,
    side: Side,
    kind: Digest,
    path: PathBuf,
}

/// Names what keys are set up for.
pub(crate) fn kind(
    agreement: &AgreementId,
    asker: &AgencyCode,
    holder: &AgencyCode,
    setup: &MatchSetup,
) -> Result<Digest, Failure> {
    let kind = canonical::encode(&(agreement, asker, holder, &setup.form, &setup.engine));
    Ok(Digest::of("symbolon/setup-kind/1", &kind.map_err(|e| Failure::local(e.to_string()))?))
}

impl KeyStore {
    /// Begins to set up the keys of a request that was admitted, or goes on with a setup that broke off. The seed is drawn
    /// for each setup, and kept before a word is said: a side that lost it could not go on.
    ///
    /// # Errors
    /// A local [`Failure`] if the file cannot be read or written; an integrity one if it is damaged.
    pub(crate) fn begun(&self, side: Side, fetch: &Fetch) -> Result<Begun, Failure> {
        let setup = fetch.matching.as_ref().ok_or_else(|| Failure::local("no keys were asked for"))?;
        let kind = kind(&fetch.agreement, &fetch.asker, &fetch.holder, setup)?;
        let partner = if side == Side::Asker { &fetch.holder } else { &fetch.asker };
        let path = self.dir.join(format!("{}{kind}{END}", start(side, partner)));
        let file = BegunFile { key: self.key.derive("begun"), writing: self.begun.clone(), side, kind, path };
        let seed = file.seed()?;
        Ok(Begun { file, seed })
    }

    /// Forgets the setups in which a partner was caught, and what it was bound to in them.
    ///
    /// # Errors
    /// A [`Failure`] if a file cannot be read or removed.
    pub(crate) fn forget_caught(&self, partner: &AgencyCode) -> Result<(), Failure> {
        self.end_begun(|file, kept| {
            file.path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
                // A code may begin with another one.
                let kind = name.strip_prefix(&start(Side::Holder, partner));
                kind == Some(&format!("{}{END}", file.kind))
            }) && kept.is_none_or(|kept| kept.caught)
        })
    }

    /// Ends setups of which keys came, `made`, when the node was stopped before they ended, and those of kinds for which
    /// nothing is asked any more.
    ///
    /// # Errors
    /// As [`forget_caught`](Self::forget_caught).
    pub(crate) fn sweep_begun(&self, made: &[Digest], current: &[Digest]) -> Result<(), Failure> {
        self.end_begun(|file, kept| {
            let over = kept.and_then(|kept| kept.made).is_some_and(|keys| made.contains(&keys));
            over || !current.contains(&file.kind)
        })
    }

    /// Removes the files of setups that are over; told of one that cannot be read, too.
    fn end_begun(&self, over: impl Fn(&BegunFile, Option<&Kept>) -> bool) -> Result<(), Failure> {
        let unreadable = |e: io::Error| Failure::local(format!("cannot clear {}: {e}", self.dir.display()));
        for entry in fs::read_dir(&self.dir).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let Some((side, kind)) = path.file_name().and_then(|name| named(name.to_str()?)) else {
                continue;
            };
            let file =
                BegunFile { key: self.key.derive("begun"), writing: self.begun.clone(), side, kind, path };
            let _writing = file.lock();
            if over(&file, file.load().ok().flatten().as_ref()) {
                file.destroy()?;
            }
        }
        Ok(())
    }
}

/// How these files end.
const END: &str = ".begun";

/// How the name of such a file begins.
fn start(side: Side, partner: &AgencyCode) -> String {
    let side = if side == Side::Asker { "asker" } else { "holder" };
    format!("{side}-{partner}-")
}

/// The side and the kind in the name of a file, if it is one of these.
fn named(name: &str) -> Option<(Side, Digest)> {
    let (before, kind) = name.strip_suffix(END)?.rsplit_once('-')?;
    let side = if before.starts_with("asker-") { Side::Asker } else { Side::Holder };
    Some((side, kind.parse().ok()?))
}

impl BegunFile {
    fn lock(&self) -> MutexGuard<'_, ()> {
        // A file is whole at any time.
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seed that is there, or a new one.
    fn seed(&self) -> Result<Zeroizing<[u8; 32]>, Failure> {
        let _writing = self.lock();
        if let Some(kept) = self.load()? {
            return Ok(Zeroizing::new(kept.seed));
        }
        let kept = Kept { seed: rand::random(), bound: None, caught: false, made: None };
        self.save(&kept)?;
        Ok(Zeroizing::new(kept.seed))
    }

    fn load(&self) -> Result<Option<Kept>, Failure> {
        let path = self.path.display();
        let sealed = match fs::read(&self.path) {
            // Stopped between overwriting it and removing it: the setup was over.
            Ok(sealed) if sealed.iter().all(|byte| *byte == 0) => return Ok(None),
            Ok(sealed) => sealed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::local(format!("cannot read {path}: {error}"))),
        };
        let help = match self.side {
            Side::Asker => "remove it; the partner may then have to allow this node to set up keys again",
            Side::Holder => "remove it only if you trust the partner: what it was bound to is forgotten then",
        };
        let damaged = || Failure::integrity(format!("{path} is damaged")).with_help(help);
        let plain = self.key.open(self.kind.as_bytes(), &sealed).map_err(|_| damaged())?;
        canonical::decode(&plain).map(Some).map_err(|_| damaged())
    }

    fn save(&self, kept: &Kept) -> Result<(), Failure> {
        let plain = Zeroizing::new(canonical::encode(kept).map_err(|e| Failure::local(e.to_string()))?);
        let sealed = self.key.seal(self.kind.as_bytes(), &plain);
        files::replace_secret(&self.path, &sealed).map_err(|error| {
            Failure::local(format!("cannot write {}: {error}", self.path.display()))
                .with_help("make room on the disk")
        })
    }

    fn destroy(&self) -> Result<(), Failure> {
        let unremoved = |e| Failure::local(format!("cannot remove {}: {e}", self.path.display()));
        // What a crash left half written has the seed, too.
        files::destroy(&files::temporary(&self.path)).map_err(unremoved)?;
        files::destroy(&self.path).map_err(unremoved)
    }
}

impl Begun {
    /// This side's seed.
    pub(crate) fn seed(&self) -> Seed {
        Seed::new(*self.seed)
    }

    /// What the choice follows from, beside the commitments. It lasts, so that commitments that come again after their
    /// setup ended meet the choice that they met.
    pub(crate) fn lasting(&self) -> Seed {
        Seed::new(*self.file.key.derive(&self.file.kind.to_string()).as_bytes())
    }

    /// The partner is bound to this now, or was before and says the same.
    ///
    /// # Errors
    /// [`SessionError::Misbehaved`] if it was bound to something else.
    pub(crate) fn bind(&self, bound: Digest) -> Result<(), SessionError> {
        self.change(|kept| match kept.bound {
            Some(before) if before == bound => Ok(false),
            Some(_) => {
                let what = "it left a setup of keys when it knew what was chosen, and came again with something else";
                Err(SessionError::Misbehaved(what.into()))
            }
            None => {
                kept.bound = Some(bound);
                Ok(true)
            }
        })
    }

    /// The partner broke the protocol in it.
    ///
    /// # Errors
    /// [`SessionError`] if it cannot be noted.
    pub(crate) fn caught(&self) -> Result<(), SessionError> {
        self.change(|kept| Ok(!std::mem::replace(&mut kept.caught, true)))
    }

    /// These keys came of it, and are about to be journalled.
    ///
    /// # Errors
    /// [`SessionError`] if it cannot be noted.
    pub(crate) fn made(&self, keys: Digest) -> Result<(), SessionError> {
        self.change(|kept| Ok(kept.made.replace(keys) != Some(keys)))
    }

    /// Changes what is kept, as it lies there now: another session may have come further with the same setup.
    fn change(
        &self,
        change: impl FnOnce(&mut Kept) -> Result<bool, SessionError>,
    ) -> Result<(), SessionError> {
        let _writing = self.file.lock();
        let kept = self.file.load()?.filter(|kept| kept.seed == *self.seed);
        let mut kept = kept.ok_or_else(|| {
            Failure::local("such keys were set up in another way meanwhile, so this setup is over")
                .with_help("ask again")
        })?;
        if change(&mut kept)? {
            self.file.save(&kept)?;
        }
        Ok(())
    }

    /// The setup is over: the next one is another.
    ///
    /// # Errors
    /// A local [`Failure`] if the file cannot be removed.
    pub(crate) fn end(self) -> Result<(), Failure> {
        let _writing = self.file.lock();
        self.file.destroy()
    }
}
