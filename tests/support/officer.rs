//! Officers and their key files.

use super::{Agency, Done, text_of};

/// An officer's key file, and the file with its passphrase.
pub(crate) struct Officer {
    pub(crate) id: &'static str,
    pub(crate) key: String,
    pub(crate) passphrase: String,
    pub(crate) card: String,
}

/// Makes keys; `name` tells the files of two officers of one pseudonym apart.
#[track_caller]
pub(crate) fn officer(agency: &Agency, id: &'static str, name: &str) -> Officer {
    let path = |end: &str| text_of(&agency.path(&format!("{name}.{end}")));
    let (key, passphrase) = (path("key"), path("pass"));
    let new = ["officer", "new", "--id", id, "--out", &key, "--officer-passphrase-file", &passphrase];
    let card = agency.run(&[&new[..], &["--generate-passphrase"]].concat()).ok();
    assert_eq!(card["card"]["id"], id);
    let again = agency.run(&["officer", "card", "--key", &key, "--officer-passphrase-file", &passphrase]);
    assert_eq!(again.ok(), card);
    assert_eq!(agency.run(&new).exit, Some(2), "a key file is never overwritten");
    let card = agency.file(&format!("{name}.json"), &card.to_string());
    Officer { id, key, passphrase, card }
}

impl Officer {
    /// The flags with which the officer signs.
    pub(crate) fn signs(&self) -> [&str; 4] {
        ["--officer-key", &self.key, "--officer-passphrase-file", &self.passphrase]
    }

    /// Enrols the officer.
    #[track_caller]
    pub(crate) fn enrol(&self, agency: &Agency, words: &[&str]) -> Done {
        agency.run(&[&["officer", "enrol", &self.card], words].concat())
    }
}
