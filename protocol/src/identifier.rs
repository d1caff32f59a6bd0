//! Exact-match identifiers: what a person enters, and the canonical bytes that stand for it.
//!
//! Two agencies find a common person only if both turn the same facts into the same bytes. So every
//! kind of identifier has one canonical form, under one version label; the rules are written out in
//! `docs/identifiers.md`, exactly enough to be implemented again. Bytes made here are the input of the
//! blind evaluation of RFC 9497. Nothing here is sent anywhere: no party learns anything.
//!
//! A single field of low entropy (a name, a birth date, a bare number) cannot be expressed by
//! [`RawIdentifier`], and values that are known to stand for "unknown" are refused.

#![deny(clippy::arithmetic_side_effects)]

mod biometric;
mod date;
mod letters;
mod name;
mod number;
pub mod plain;
mod registration;
mod state;
mod unfit;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub use unfit::{Reason, Unfit};

/// Version of the canonical form; stands in manifests and agreements.
///
/// Any change to a rule, a table or the encoding changes this label, and so every canonical byte string.
pub const CANONICALISATION: &str = "symbolon-canon-1";

/// The longest entered field, in bytes of UTF-8; anything longer is refused before any work.
pub const MAX_FIELD: usize = 256;

/// The longest canonical form, in bytes: label, kind, a name key of 255 letters and a birth date.
pub const MAX_CANONICAL: usize = 16 + 1 + (1 + 255) + (1 + 10);

/// An identifier as a person or a register gives it, one variant for each [`Kind`].
///
/// In files it is a map with the key `kind` and the fields of that kind, and nothing else.
/// The fields are wiped on drop and never shown by `Debug`. A parser that read them from a file may
/// leave copies of its own.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RawIdentifier {
    /// A passport or another document that its holder travels with.
    TravelDocument {
        /// The number, as printed or as in the machine-readable zone.
        number: String,
        /// The state or organisation that issued it.
        state: String,
        /// The holder's complete birth date.
        birth_date: String,
    },
    /// The number under which a state registers a person for life.
    RegistrationNumber {
        /// The number.
        number: String,
        /// The state that gave it.
        state: String,
    },
    /// The full name and the birth date.
    NameBirth {
        /// Family names; may stand empty if `given` holds the full name.
        family: String,
        /// Given names; may stand empty if `family` holds the full name.
        given: String,
        /// The complete birth date.
        birth_date: String,
    },
    /// The stable digest that an agency's own extractor yields for one enrolment.
    BiometricDigest {
        /// The extractor and its version, as `name/version`.
        extractor: String,
        /// 32 to 64 bytes in hexadecimal or base64.
        digest: String,
    },
}

/// The kinds of identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Travel document, issuing state and birth date.
    TravelDocument,
    /// National registration number and state.
    RegistrationNumber,
    /// Name and birth date.
    NameBirth,
    /// Biometric digest and its extractor.
    BiometricDigest,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::TravelDocument, Self::RegistrationNumber, Self::NameBirth, Self::BiometricDigest];

    /// The word for the kind in files and rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TravelDocument => "travel-document",
            Self::RegistrationNumber => "registration-number",
            Self::NameBirth => "name-birth",
            Self::BiometricDigest => "biometric-digest",
        }
    }

    /// The byte that follows the version label. It stays below 0x20, so that it also ends the label.
    fn byte(self) -> u8 {
        match self {
            Self::TravelDocument => 1,
            Self::RegistrationNumber => 2,
            Self::NameBirth => 3,
            Self::BiometricDigest => 4,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that names no kind of identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the kind of an identifier must be `travel-document`, `registration-number`, `name-birth` or `biometric-digest`"
)]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownKind)
    }
}

impl RawIdentifier {
    /// The kind of this identifier.
    pub fn kind(&self) -> Kind {
        match self {
            Self::TravelDocument { .. } => Kind::TravelDocument,
            Self::RegistrationNumber { .. } => Kind::RegistrationNumber,
            Self::NameBirth { .. } => Kind::NameBirth,
            Self::BiometricDigest { .. } => Kind::BiometricDigest,
        }
    }

    /// The birth date as `YYYY-MM-DD`, if there is one that can be used.
    pub fn birth_date(&self) -> Option<String> {
        match self {
            Self::TravelDocument { birth_date, .. } | Self::NameBirth { birth_date, .. } => {
                bounded("birth_date", birth_date, date::iso).ok().map(|date| date.to_string())
            }
            Self::RegistrationNumber { .. } | Self::BiometricDigest { .. } => None,
        }
    }

    /// The canonical form under [`CANONICALISATION`].
    ///
    /// # Errors
    /// [`Unfit`] names the first field that cannot be used, and says what to do.
    pub fn canonical(&self) -> Result<Identifier, Unfit> {
        match self {
            Self::TravelDocument { number, state, birth_date } => {
                let number = bounded("number", number, number::document)?;
                let state = bounded("state", state, state::alpha3)?;
                let birth_date = bounded("birth_date", birth_date, date::iso)?;
                let (number, birth_date) = (number.as_bytes(), birth_date.as_bytes());
                encode(
                    self.kind(),
                    [("number", number), ("state", state.as_bytes()), ("birth_date", birth_date)],
                )
            }
            Self::RegistrationNumber { number, state } => {
                let state = bounded("state", state, state::alpha3)?;
                let number = bounded("number", number, |text| registration::number(text, state))?;
                encode(self.kind(), [("number", number.as_bytes()), ("state", state.as_bytes())])
            }
            Self::NameBirth { family, given, birth_date } => {
                let family = bounded("family", family, name::parts)?;
                let given = bounded("given", given, name::parts)?;
                let key = name::key(family, given).map_err(|why| Unfit::new("family", why))?;
                let birth_date = bounded("birth_date", birth_date, date::iso)?;
                encode(self.kind(), [("family", key.as_bytes()), ("birth_date", birth_date.as_bytes())])
            }
            Self::BiometricDigest { extractor, digest } => {
                let extractor = bounded("extractor", extractor, biometric::extractor)?;
                let digest = bounded("digest", digest, biometric::digest)?;
                encode(self.kind(), [("extractor", extractor.as_bytes()), ("digest", digest.as_slice())])
            }
        }
    }
}

impl fmt::Debug for RawIdentifier {
    /// Shows the kind only: the fields are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawIdentifier({}, ..)", self.kind())
    }
}

/// A canonical identifier: the bytes that enter the blind evaluation. Wiped on drop.
///
/// Comparison takes variable time. It serves an agency among its own identifiers; between agencies
/// only evaluated elements are compared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Zeroize, ZeroizeOnDrop)]
pub struct Identifier {
    #[zeroize(skip)]
    kind: Kind,
    bytes: Vec<u8>,
}

impl Identifier {
    /// The canonical bytes, at most [`MAX_CANONICAL`].
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

impl fmt::Debug for Identifier {
    /// Shows the kind only: the bytes are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({}, ..)", self.kind)
    }
}

/// Applies a rule to a field after its length is checked.
fn bounded<'a, T>(
    field: &'static str,
    text: &'a str,
    rule: impl FnOnce(&'a str) -> Result<T, Reason>,
) -> Result<T, Unfit> {
    if text.len() > MAX_FIELD {
        return Err(Unfit::new(field, Reason::TooLong));
    }
    rule(text).map_err(|why| Unfit::new(field, why))
}

/// Version label, kind byte, then each field after its length as one byte.
///
/// This is injective: the label is fixed, and each length says where its field ends.
fn encode<const N: usize>(kind: Kind, fields: [(&'static str, &[u8]); N]) -> Result<Identifier, Unfit> {
    // Room for the longest form, so that growth leaves no copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_CANONICAL));
    bytes.extend_from_slice(CANONICALISATION.as_bytes());
    bytes.push(kind.byte());
    for (name, field) in fields {
        bytes.push(u8::try_from(field.len()).map_err(|_| Unfit::new(name, Reason::TooLong))?);
        bytes.extend_from_slice(field);
    }
    Ok(Identifier { kind, bytes: std::mem::take(&mut *bytes) })
}

#[cfg(test)]
mod tests;
