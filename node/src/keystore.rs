//! The node's secrets, in one file encrypted to a passphrase.

use std::path::Path;

use ed25519_dalek::SigningKey;
use libp2p::identity::Keypair;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use symbolon_policy::words::AgencyCode;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    control::api::{Failure, FailureKind},
    files, locked,
    sealing::StorageKey,
};

/// The keystore's plaintext.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Plain {
    version: u32,
    #[zeroize(skip)]
    code: AgencyCode,
    #[zeroize(skip)]
    name: String,
    node: [u8; 32],
    agreement: [u8; 32],
    storage: [u8; 32],
}

/// Who this node is, and the keys that prove it.
pub(crate) struct Keystore {
    plain: Plain,
}

impl std::fmt::Debug for Keystore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keystore").field("code", &self.plain.code).finish_non_exhaustive()
    }
}

impl Keystore {
    /// Draws fresh keys from the operating system.
    pub(crate) fn generate(code: AgencyCode, name: String) -> Self {
        let plain = Plain {
            version: 1,
            code,
            name,
            node: rand::random(),
            agreement: rand::random(),
            storage: rand::random(),
        };
        Self { plain }
    }

    /// Writes the keystore, encrypted to a passphrase.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be written.
    pub(crate) fn save(&self, path: &Path, passphrase: SecretString) -> Result<(), Failure> {
        let plain = Zeroizing::new(
            serde_json::to_vec(&self.plain).map_err(|e| Failure::local(format!("keystore: {e}")))?,
        );
        let sealed = locked::lock(&plain, passphrase)?;
        files::write_whole(path, &sealed)
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))
    }

    /// Reads the keystore.
    ///
    /// # Errors
    /// An input [`Failure`] for a wrong passphrase, an integrity one for a damaged file.
    pub(crate) fn load(path: &Path, passphrase: SecretString) -> Result<Self, Failure> {
        let sealed = std::fs::read(path).map_err(|e| {
            Failure::input(format!("cannot read the keystore {}: {e}", path.display()))
                .with_help("make a home with `symbolon init`, or name the right one with --home")
        })?;
        let plain = locked::unlock("keystore", path, &sealed, passphrase)?;
        let plain = serde_json::from_slice(&plain).map_err(|e| {
            Failure::new(FailureKind::Integrity, format!("the keystore holds something else: {e}"))
        })?;
        Ok(Self { plain })
    }

    /// The agency's code.
    pub(crate) fn code(&self) -> &AgencyCode {
        &self.plain.code
    }

    /// The agency's display name.
    pub(crate) fn name(&self) -> &str {
        &self.plain.name
    }

    /// The node's libp2p key.
    ///
    /// # Errors
    /// None in practice: every 32 bytes are an Ed25519 seed.
    pub(crate) fn node_key(&self) -> Result<Keypair, Failure> {
        let mut seed = Zeroizing::new(self.plain.node);
        Keypair::ed25519_from_bytes(&mut *seed).map_err(|e| Failure::local(format!("node key: {e}")))
    }

    /// The agreement key.
    pub(crate) fn agreement_key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.plain.agreement)
    }

    /// The key for values at rest.
    pub(crate) fn storage_key(&self) -> StorageKey {
        StorageKey::from_bytes(self.plain.storage)
    }
}
