//! An officer's keys: one seed in a file encrypted to the officer's passphrase.
//!
//! The node never opens this file. The command line does, on the officer's machine or account, signs, and
//! sends the signed act alone.

use std::path::Path;

use age::x25519::{Identity, Recipient};
use bech32::{Bech32, Hrp};
use ed25519_dalek::SigningKey;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use symbolon_policy::{
    officer::{Card, OfficerCard},
    signing::Signer as _,
    words::OfficerId,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{control::api::Failure, files, locked, sealing::StorageKey};

/// What the file is called in messages.
const NAME: &str = "officer's key file";
/// The longest key file that is read, in bytes.
const LONGEST: u64 = 64 << 10;
/// How age marks secret keys [age-encryption.org/v1, X25519].
const SECRET: &str = "age-secret-key-";

/// The file's plaintext.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Plain {
    version: u32,
    #[zeroize(skip)]
    id: OfficerId,
    seed: [u8; 32],
}

/// An officer's keys.
pub(crate) struct OfficerKeys {
    id: OfficerId,
    seed: StorageKey,
}

impl std::fmt::Debug for OfficerKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfficerKeys").field("id", &self.id).finish_non_exhaustive()
    }
}

impl OfficerKeys {
    /// Draws keys and writes them to a new file.
    ///
    /// # Errors
    /// A [`Failure`] if there is such a file, or it cannot be written.
    pub(crate) fn create(path: &Path, id: OfficerId, passphrase: SecretString) -> Result<Self, Failure> {
        let plain = Plain { version: 1, id, seed: rand::random() };
        let text = serde_json::to_vec(&plain).map_err(|e| Failure::local(format!("{NAME}: {e}")))?;
        let sealed = locked::lock(&Zeroizing::new(text), passphrase)?;
        files::write_new(path, &sealed).map_err(|error| files::unwritable(path, &error))?;
        Ok(Self::of(&plain))
    }

    /// Opens a key file.
    ///
    /// # Errors
    /// An input [`Failure`] if there is none or the passphrase is wrong, an integrity one if it is damaged.
    pub(crate) fn open(path: &Path, passphrase: SecretString) -> Result<Self, Failure> {
        let unreadable = |why: &dyn std::fmt::Display| {
            Failure::input(format!("cannot read the {NAME} {}: {why}", path.display()))
                .with_help("make one with `symbolon officer new`")
        };
        let length = std::fs::metadata(path).map_err(|e| unreadable(&e))?.len();
        if length > LONGEST {
            return Err(unreadable(&"it is too long to be one"));
        }
        let sealed = std::fs::read(path).map_err(|e| unreadable(&e))?;
        if serde_json::from_slice::<OfficerCard>(&sealed).is_ok() {
            return Err(Failure::input(format!("{} is an officer's card, not an {NAME}", path.display()))
                .with_help("name the key file, which `symbolon officer new --out` wrote"));
        }
        if !sealed.starts_with(files::AGE) {
            return Err(Failure::input(format!("{} is no {NAME}", path.display()))
                .with_help("name the key file, which `symbolon officer new --out` wrote"));
        }
        let plain = locked::unlock(NAME, path, &sealed, passphrase)?;
        let plain: Plain = serde_json::from_slice(&plain)
            .map_err(|_| Failure::integrity(format!("the {NAME} {} holds something else", path.display())))?;
        if plain.version != 1 {
            return Err(Failure::input(format!("the {NAME} is of version {}, not 1", plain.version)));
        }
        Ok(Self::of(&plain))
    }

    fn of(plain: &Plain) -> Self {
        Self { id: plain.id.clone(), seed: StorageKey::from_bytes(plain.seed) }
    }

    /// The officer.
    pub(crate) fn id(&self) -> &OfficerId {
        &self.id
    }

    /// Signs acts.
    pub(crate) fn signer(&self) -> SigningKey {
        SigningKey::from_bytes(self.seed.derive("officer/sign").as_bytes())
    }

    /// Opens what was sealed to the officer.
    ///
    /// # Errors
    /// None in practice: every 32 bytes are an X25519 key.
    pub(crate) fn identity(&self) -> Result<Identity, Failure> {
        let odd = |why: String| Failure::local(format!("the officer's seal: {why}"));
        let prefix = Hrp::parse(SECRET).map_err(|e| odd(e.to_string()))?;
        let secret = self.seed.derive("officer/seal");
        let text = bech32::encode::<Bech32>(prefix, secret.as_bytes()).map_err(|e| odd(e.to_string()))?;
        Zeroizing::new(text).parse().map_err(|e: &str| odd(e.to_owned()))
    }

    /// What the officer shows.
    ///
    /// # Errors
    /// As [`identity`](Self::identity).
    pub(crate) fn card(&self) -> Result<OfficerCard, Failure> {
        let (signer, seal) = (self.signer(), self.identity()?.to_public().to_string());
        let card = Card { id: self.id.clone(), key: signer.public(), seal };
        OfficerCard::sign(card, &signer).map_err(|e| Failure::local(e.to_string()))
    }
}

/// The recipient of a card or of an enrolled officer.
///
/// # Errors
/// An input [`Failure`] if the text is none.
pub(crate) fn recipient(seal: &str) -> Result<Recipient, Failure> {
    seal.parse().map_err(|e: &str| {
        Failure::input(format!("the officer's seal is not an age X25519 recipient: {e}"))
            .with_help("make the card anew with `symbolon officer card`")
    })
}

#[cfg(test)]
mod tests;
