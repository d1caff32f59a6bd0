//! The passphrase of the keystore or of an officer's key file: from a file, or typed.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use data_encoding::BASE64URL_NOPAD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::control::api::Failure;

/// The longest passphrase file, in bytes.
const LONGEST: u64 = 4_096;
/// The shortest new passphrase, in characters.
const SHORTEST: usize = 12;
/// What to do where an officer cannot be asked.
const OFFICERS: &str = "give --officer-passphrase-file FILE or set SYMBOLON_OFFICER_PASSPHRASE_FILE";
/// Random bytes in a passphrase that is drawn: 192 bits.
const DRAWN: usize = 24;

/// The passphrase of an existing home.
///
/// # Errors
/// [`Failure`] if the file cannot be read, or there is no file and no terminal.
pub(super) fn get(file: Option<&Path>) -> Result<SecretString, Failure> {
    file.map_or_else(|| prompt("Passphrase: "), read)
}

/// The passphrase of an officer's key file.
///
/// # Errors
/// As [`get`].
pub(super) fn officers(file: Option<&Path>) -> Result<SecretString, Failure> {
    file.map_or_else(|| ask("Officer's passphrase: ", OFFICERS), read)
}

/// The passphrase for a new home or key file; typed twice, or at least [`SHORTEST`] characters in the file.
///
/// # Errors
/// As [`get`], and if the passphrase is too short or was mistyped.
pub(super) fn choose(file: Option<&Path>) -> Result<SecretString, Failure> {
    let passphrase = match file {
        Some(file) => read(file)?,
        None => {
            let passphrase = prompt("New passphrase: ")?;
            let again = prompt("Again: ")?;
            if passphrase.expose_secret() != again.expose_secret() {
                return Err(Failure::input("the two passphrases differ"));
            }
            passphrase
        }
    };
    if passphrase.expose_secret().chars().count() < SHORTEST {
        return Err(Failure::input(format!("the passphrase is shorter than {SHORTEST} characters"))
            .with_help("choose several words, or use --generate-passphrase"));
    }
    Ok(passphrase)
}

/// Draws a passphrase and writes it to a new file that only its owner can read.
///
/// # Errors
/// [`Failure`] if the file is there already or cannot be written.
pub(super) fn generate(file: &Path) -> Result<SecretString, Failure> {
    let bytes = Zeroizing::new(rand::random::<[u8; DRAWN]>());
    let passphrase = Zeroizing::new(BASE64URL_NOPAD.encode(bytes.as_slice()));
    let write = || {
        let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        out.write_all(passphrase.as_bytes())?;
        out.write_all(b"\n")?;
        out.sync_all()
    };
    write().map_err(|error| {
        Failure::local(format!("cannot write the passphrase to {}: {error}", file.display()))
            .with_help("name a file that does not exist yet in a directory that does")
    })?;
    Ok(SecretString::from(passphrase.as_str()))
}

/// The first line of a file.
fn read(path: &Path) -> Result<SecretString, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize));
    let mut load = || {
        let file = File::open(path)?;
        if file.metadata()?.mode() & 0o077 != 0 {
            tracing::warn!(file = %path.display(), "others can read the passphrase file; run chmod 600 on it");
        }
        file.take(LONGEST).read_to_string(&mut text)
    };
    load().map_err(|error: io::Error| {
        Failure::local(format!("cannot read the passphrase file {}: {error}", path.display()))
    })?;
    match text.lines().next().filter(|line| !line.is_empty()) {
        Some(line) => Ok(SecretString::from(line)),
        None => {
            Err(Failure::input(format!("the first line of the passphrase file {} is empty", path.display())))
        }
    }
}

fn prompt(text: &str) -> Result<SecretString, Failure> {
    ask(text, "give --passphrase-file FILE or set SYMBOLON_PASSPHRASE_FILE")
}

fn ask(text: &str, help: &str) -> Result<SecretString, Failure> {
    if !io::stdin().is_terminal() {
        return Err(
            Failure::input("the passphrase is needed, and there is no terminal to ask on").with_help(help)
        );
    }
    let typed = rpassword::prompt_password(text)
        .map_err(|error| Failure::local(format!("cannot ask for the passphrase: {error}")))?;
    Ok(SecretString::from(typed))
}
