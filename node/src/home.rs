//! The home directory: where everything of one node lies.
//!
//! ```text
//! config.toml      settings
//! keystore.age     secrets, encrypted to the passphrase
//! journal/         what happened; everything that must survive a loss of power is here first
//! state/           what follows from the journal (sled); rebuilt from it when missing
//! registers/       imported records (sled), sealed
//! snapshots/       filters made for partners and received from them; epoch keys, sealed
//! keys/            evaluation keys: own ones, sealed, and partners'
//! prepared/        halves of preparations of matches, sealed; never in a backup
//! queries/         own queries, sealed, for retries and claims
//! claims/          who took part in queries, what claims found, what is released
//! control.sock     where a running node takes requests
//! lock             held while a process uses the home
//! ```

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
        net::{SocketAddr, UnixStream},
    },
    path::{Path, PathBuf},
};

use libp2p::identity::Keypair;
use secrecy::SecretString;
use symbolon_policy::{
    identity::{Identity, IdentityCard},
    signing::Signer,
    words::AgencyCode,
};

use crate::{
    clock,
    control::api::Failure,
    files::{self, Held},
    journal::Journal,
    keystore::Keystore,
};

/// What a new node is told.
pub struct Init {
    /// The agency's code.
    pub code: AgencyCode,
    /// Its display name.
    pub name: String,
    /// Addresses for the identity card.
    pub announce: Vec<String>,
    /// Addresses to listen on.
    pub listen: Vec<String>,
    /// Opens the keystore from now on.
    pub passphrase: SecretString,
}

/// The longest name of an agency, in characters.
const LONGEST_NAME: usize = 200;

/// Refuses a name that says nothing, or that no line takes.
fn named(name: &str) -> Result<(), Failure> {
    let odd =
        name.trim().is_empty() || name.chars().nth(LONGEST_NAME).is_some() || name.contains(char::is_control);
    if odd {
        let what = format!("a name has from 1 to {LONGEST_NAME} characters, and no control characters");
        return Err(Failure::input(what).with_help("partners read it in the identity card and in agreements"));
    }
    Ok(())
}

/// Makes a home with fresh keys.
///
/// # Errors
/// A [`Failure`] if there is a home already, the name is none, or it cannot be written.
pub fn init(dir: &Path, init: Init) -> Result<IdentityCard, Failure> {
    named(&init.name)?;
    let home = Home::new(dir);
    if home.keystore().exists() {
        return Err(Failure::input(format!("{} is a home already", dir.display()))
            .with_help("choose another directory with --home; a home's keys are never replaced"));
    }
    // A node could never be reached there.
    if SocketAddr::from_pathname(home.control()).is_err() {
        return Err(Failure::input(format!("{} is too long for the path of a home", dir.display()))
            .with_help("choose a directory with a path of up to 90 bytes"));
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.and_then(|()| fs::set_permissions(dir, Permissions::from_mode(0o700)))
        .map_err(|e| Failure::local(format!("cannot make {}: {e}", dir.display())))?;
    let keystore = Keystore::generate(init.code, init.name);
    let settings = settings(&init.listen, &init.announce);
    files::write_whole(&home.config(), settings.as_bytes())
        .map_err(|e| Failure::local(format!("cannot write {}: {e}", home.config().display())))?;
    home.make(&home.journal())?;
    Journal::create(&home.journal(), keystore.code(), env!("CARGO_PKG_VERSION"), clock::now())?;
    // Last, because a directory with a keystore is a home.
    keystore.save(&home.keystore(), init.passphrase)?;
    card(&keystore, init.announce)
}

fn settings(listen: &[String], announce: &[String]) -> String {
    let list = |items: &[String]| items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", ");
    let mut text = String::from("# Settings of this node; see docs/configuration.md.\n");
    if !listen.is_empty() {
        text.push_str(&format!("listen = [{}]\n", list(listen)));
    }
    if !announce.is_empty() {
        text.push_str(&format!("announce = [{}]\n", list(announce)));
    }
    text
}

/// The identity card of a keystore.
///
/// # Errors
/// None in practice.
fn card(keystore: &Keystore, addresses: Vec<String>) -> Result<IdentityCard, Failure> {
    card_of(keystore.code(), keystore.name(), &keystore.node_key()?, &keystore.agreement_key(), addresses)
}

/// An identity card.
///
/// # Errors
/// None in practice.
pub(crate) fn card_of(
    code: &AgencyCode,
    name: &str,
    node: &Keypair,
    signer: &dyn Signer,
    addresses: Vec<String>,
) -> Result<IdentityCard, Failure> {
    let identity = Identity {
        code: code.clone(),
        name: name.to_owned(),
        peer: node.public().to_peer_id().to_string(),
        key: signer.public(),
        addresses,
        made: clock::now(),
    };
    IdentityCard::sign(identity, signer).map_err(|e| Failure::local(e.to_string()))
}

/// Paths of one home.
#[derive(Clone, Debug)]
pub struct Home(PathBuf);

impl Home {
    /// The home at a directory.
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    /// Settings.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// Secrets.
    pub fn keystore(&self) -> PathBuf {
        self.0.join("keystore.age")
    }

    /// The journal's directory.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// What follows from the journal.
    pub fn state(&self) -> PathBuf {
        self.0.join("state")
    }

    /// Imported records.
    pub fn registers(&self) -> PathBuf {
        self.0.join("registers")
    }

    /// Filters and epoch keys.
    pub fn snapshots(&self) -> PathBuf {
        self.0.join("snapshots")
    }

    /// Evaluation keys.
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// Preparations of matches.
    pub fn prepared(&self) -> PathBuf {
        self.0.join("prepared")
    }

    /// Own queries.
    pub fn queries(&self) -> PathBuf {
        self.0.join("queries")
    }

    /// The canaries, sealed.
    pub fn canaries(&self) -> PathBuf {
        self.0.join("canaries")
    }

    /// What claims need.
    pub fn claims(&self) -> PathBuf {
        self.0.join("claims")
    }

    /// Where a running node takes requests.
    pub fn control(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// Takes the home for this process until the lock is dropped.
    ///
    /// # Errors
    /// A [`Failure`] if another process has it.
    pub fn lock(&self) -> Result<Lock, Failure> {
        let path = self.0.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|e| {
            Failure::input(format!("cannot open {}: {e}", path.display()))
                .with_help("make a home with `symbolon init`, or name the right one with --home")
        })?;
        match Held::take(file) {
            Ok(held) => Ok(Lock { _held: held }),
            Err(_) if UnixStream::connect(self.control()).is_ok() => {
                Err(Failure::local(format!("a node is running in {}", self.0.display()))
                    .with_help("see `symbolon status`; `symbolon stop` ends it"))
            }
            Err(_) => Err(Failure::local(format!("{} is in use by another process", self.0.display()))
                .with_help("is a node starting or stopping there? try again in a moment")),
        }
    }

    /// Makes a directory of the home.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub fn make(&self, dir: &Path) -> Result<(), Failure> {
        match DirBuilder::new().mode(0o700).create(dir) {
            Ok(()) => Ok(()),
            Err(_) if fs::metadata(dir).is_ok_and(|m| m.is_dir()) => Ok(()),
            Err(e) => Err(Failure::local(format!("cannot make {}: {e}", dir.display()))),
        }
    }
}

/// Holds a home.
#[derive(Debug)]
pub struct Lock {
    _held: Held,
}

#[cfg(test)]
mod tests;
