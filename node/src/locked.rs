//! Secrets encrypted to a passphrase [age-encryption.org/v1, scrypt].

use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::control::api::Failure;

/// log2 of scrypt's cost: 64 MiB and about a fifth of a second.
const WORK: u8 = 16;

/// Encrypts to a passphrase.
///
/// # Errors
/// A local [`Failure`] if the system has no random numbers.
pub(crate) fn lock(plain: &[u8], passphrase: SecretString) -> Result<Vec<u8>, Failure> {
    let mut recipient = age::scrypt::Recipient::new(passphrase);
    recipient.set_work_factor(WORK);
    age::encrypt(&recipient, plain).map_err(|e| Failure::local(format!("cannot encrypt: {e}")))
}

/// Decrypts what [`lock`] gave; `name` says what the file at `path` is.
///
/// # Errors
/// An input [`Failure`] for a wrong passphrase, an integrity one for a damaged file.
pub(crate) fn unlock(
    name: &str,
    path: &Path,
    sealed: &[u8],
    passphrase: SecretString,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut identity = age::scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(WORK);
    let plain = age::decrypt(&identity, sealed).map_err(|error| match error {
        age::DecryptError::DecryptionFailed
        | age::DecryptError::NoMatchingKeys
        | age::DecryptError::KeyDecryptionFailed => {
            Failure::input(format!("the passphrase does not open the {name}"))
                .with_help("check the file with the passphrase; the passphrase cannot be recovered")
        }
        other => Failure::integrity(format!("the {name} {} is damaged: {other}", path.display()))
            .with_help("restore it from your backup"),
    })?;
    Ok(Zeroizing::new(plain))
}
