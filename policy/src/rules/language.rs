//! The languages that clauses can be read in.

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A language of a clause's title. English must be there; the others may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// English.
    En,
    /// Serbian in Latin script.
    SrLatn,
    /// Serbian in Cyrillic script.
    SrCyrl,
    /// Albanian.
    Sq,
    /// Macedonian.
    Mk,
    /// Bosnian.
    Bs,
}

/// A code that names none of the languages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of the languages en, sr-latn, sr-cyrl, sq, mk, bs")]
pub struct UnknownLanguage(String);

impl Language {
    /// Every language.
    pub const ALL: &'static [Self] = &[Self::En, Self::SrLatn, Self::SrCyrl, Self::Sq, Self::Mk, Self::Bs];

    /// The code of the language.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::SrLatn => "sr-latn",
            Self::SrCyrl => "sr-cyrl",
            Self::Sq => "sq",
            Self::Mk => "mk",
            Self::Bs => "bs",
        }
    }

    /// The annotation that holds a title in it.
    pub(super) fn annotation(self) -> &'static str {
        match self {
            Self::En => "title_en",
            Self::SrLatn => "title_sr_latn",
            Self::SrCyrl => "title_sr_cyrl",
            Self::Sq => "title_sq",
            Self::Mk => "title_mk",
            Self::Bs => "title_bs",
        }
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;
    fn from_str(text: &str) -> Result<Self, UnknownLanguage> {
        let found = Self::ALL.iter().copied().find(|language| language.as_str() == text);
        found.ok_or_else(|| UnknownLanguage(text.to_owned()))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
