//! Setups of keys that were begun: with which seed they go on, and what the other side is bound to.
//!
//! The choice of cut-and-choose protects only if nobody can come again for another one. So a setup that broke off goes on
//! where it was: with the same seed at both sides, the same commitments of the asker and the same choice of the holder.
//! One file for each kind of keys (agreement, form, engine) and side:
//!
//! ```text
//! <side>-<partner>-<kind>.begun    the seed of this side, and the digest of what the partner is bound to; sealed
//! ```

use std::{fs, io, path::PathBuf};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    ask::Fetch,
    canonical,
    words::{AgencyCode, Digest},
};
use symbolon_protocol::seed::Seed;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::KeyStore;
use crate::{control::api::Failure, files, journal::Side, session::SessionError};

/// What is in the file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Kept {
    seed: [u8; 32],
    #[zeroize(skip)]
    bound: Option<Digest>,
}

/// One setup that was begun and may have broken off before.
pub(crate) struct Begun<'a> {
    store: &'a KeyStore,
    kind: Digest,
    path: PathBuf,
    kept: Kept,
}

impl KeyStore {
    /// Begins to set up the keys of a request, or goes on with a setup that broke off.
    ///
    /// The asker's seed is drawn for each setup. The holder's follows from its storage key, so that commitments that
    /// come again after their setup ended meet the choice that they met. Who repeats all its words sets up the same keys
    /// again, which have the same name.
    ///
    /// # Errors
    /// A local [`Failure`] if the file cannot be read or written; an integrity one if it is damaged.
    pub(crate) fn begun(&self, side: Side, fetch: &Fetch) -> Result<Begun<'_>, Failure> {
        let setup = fetch.matching.as_ref().ok_or_else(|| Failure::local("no keys were asked for"))?;
        let kind = (fetch.agreement, &fetch.asker, &fetch.holder, &setup.form, &setup.engine);
        let kind = canonical::encode(&kind).map_err(|e| Failure::local(e.to_string()))?;
        let kind = Digest::of("symbolon/setup-kind/1", &kind);
        let path = match side {
            Side::Asker => self.dir.join(format!("asker-{}-{kind}.{BEGUN}", fetch.holder)),
            Side::Holder => self.dir.join(format!("holder-{}-{kind}.{BEGUN}", fetch.asker)),
        };
        let damaged = || {
            Failure::integrity(format!("{} is damaged", path.display()))
                .with_help("remove it; the partner may then have to allow this node to set up keys again")
        };
        let kept = match fs::read(&path) {
            Ok(sealed) => {
                let plain = self.begun_key().open(kind.as_bytes(), &sealed).map_err(|_| damaged())?;
                canonical::decode(&plain).map_err(|_| damaged())?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed = match side {
                    Side::Asker => rand::random(),
                    Side::Holder => *self.begun_key().derive(&kind.to_string()).as_bytes(),
                };
                Kept { seed, bound: None }
            }
            Err(error) => return Err(Failure::local(format!("cannot read {}: {error}", path.display()))),
        };
        let begun = Begun { store: self, kind, path, kept };
        // Before a word is said: an asker that lost its seed could not go on.
        if side == Side::Asker {
            begun.save()?;
        }
        Ok(begun)
    }

    fn begun_key(&self) -> crate::sealing::StorageKey {
        self.key.derive(BEGUN)
    }

    /// Forgets what a partner was bound to.
    ///
    /// # Errors
    /// A local [`Failure`] if a file cannot be removed.
    pub(crate) fn forget_begun(&self, partner: &AgencyCode) -> Result<(), Failure> {
        let start = format!("holder-{partner}-");
        let unreadable = |e: io::Error| Failure::local(format!("cannot clear {}: {e}", self.dir.display()));
        for entry in fs::read_dir(&self.dir).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(&start)) {
                files::destroy(&entry.path()).map_err(unreadable)?;
            }
        }
        Ok(())
    }
}

/// The extension of these files, and the label of their key.
const BEGUN: &str = "begun";

impl Begun<'_> {
    /// This side's seed.
    pub(crate) fn seed(&self) -> Seed {
        Seed::new(self.kept.seed)
    }

    /// The partner is bound to this now, or was before and says the same.
    ///
    /// # Errors
    /// [`SessionError::Misbehaved`] if it was bound to something else.
    pub(crate) fn bind(&mut self, bound: Digest) -> Result<(), SessionError> {
        match self.kept.bound {
            Some(before) if before == bound => Ok(()),
            Some(_) => Err(SessionError::Misbehaved(
                "it left a setup of keys when it knew what was chosen, and came again with something else"
                    .into(),
            )),
            None => {
                self.kept.bound = Some(bound);
                Ok(self.save()?)
            }
        }
    }

    fn save(&self) -> Result<(), Failure> {
        let plain = canonical::encode(&self.kept).map_err(|e| Failure::local(e.to_string()))?;
        let sealed = self.store.begun_key().seal(self.kind.as_bytes(), &Zeroizing::new(plain));
        files::write_whole(&self.path, &sealed).map_err(|error| {
            Failure::local(format!("cannot write {}: {error}", self.path.display()))
                .with_help("make room on the disk")
        })
    }

    /// The setup is over: the next one is another.
    ///
    /// # Errors
    /// A local [`Failure`] if the file cannot be removed.
    pub(crate) fn end(self) -> Result<(), Failure> {
        files::destroy(&self.path)
            .map_err(|e| Failure::local(format!("cannot remove {}: {e}", self.path.display())))
    }
}
