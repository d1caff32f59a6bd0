//! Names and digests.

use std::{fmt, str::FromStr};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest as _, Sha256};

use super::WordError;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $form:literal, $max:literal, $first:expr, $rest:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = WordError;

            fn from_str(text: &str) -> Result<Self, WordError> {
                let first: fn(char) -> bool = $first;
                let rest: fn(char) -> bool = $rest;
                let fits = text.len() <= $max
                    && text.starts_with(first)
                    && text.chars().all(|c| first(c) || rest(c));
                if fits { Ok(Self(text.to_owned())) } else { Err(WordError::new($what, $form, text)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = WordError;
            fn try_from(text: String) -> Result<Self, WordError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The code of an agency, such as `RS`. Display names and footnotes are configuration.
    AgencyCode, "an agency code", "1 to 12 capital letters, digits or hyphens, a letter first", 12,
    |c| c.is_ascii_uppercase(), |c| c.is_ascii_digit() || c == '-'
}
name! {
    /// The name of a register within its agency, such as `border`.
    RegisterName, "a register name", "1 to 40 small letters, digits or hyphens, a letter first", 40,
    |c| c.is_ascii_lowercase(), |c| c.is_ascii_digit() || c == '-'
}
name! {
    /// The name of a form of templates within its agreement, such as `iris`.
    FormName, "a form name", "1 to 40 small letters, digits or hyphens, a letter first", 40,
    |c| c.is_ascii_lowercase(), |c| c.is_ascii_digit() || c == '-'
}
name! {
    /// The name of an engine with its version. Not every program has every engine.
    EngineName, "an engine", "1 to 60 small letters, digits, hyphens, dots or slashes, a letter first", 60,
    |c| c.is_ascii_lowercase(), |c| c.is_ascii_digit() || matches!(c, '-' | '/' | '.')
}
name! {
    /// The pseudonym of an officer, unique within the agency.
    OfficerId, "an officer id", "1 to 64 letters, digits, dots, underscores or hyphens, a letter first", 64,
    |c| c.is_ascii_alphabetic(), |c| c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
}

macro_rules! octets {
    ($(#[$doc:meta])* $name:ident, $size:literal, $what:literal, $form:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $size]);

        impl $name {
            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = WordError;

            fn from_str(text: &str) -> Result<Self, WordError> {
                let wrong = || WordError::new($what, $form, text);
                let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| wrong())?;
                Ok(Self(bytes.try_into().map_err(|_| wrong())?))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { s.serialize_bytes(&self.0) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if d.is_human_readable() {
                    return String::deserialize(d)?.parse().map_err(D::Error::custom);
                }
                let bytes = serde_bytes::ByteBuf::deserialize(d)?;
                let bytes = bytes.into_vec().try_into();
                Ok(Self(bytes.map_err(|_| D::Error::custom(concat!($what, " has another length")))?))
            }
        }
    };
}

octets! {
    /// A SHA-256 digest.
    Digest, 32, "a digest", "64 small hexadecimal digits"
}
octets! {
    /// The digest of an agreement's canonical body.
    AgreementId, 32, "an agreement id", "64 small hexadecimal digits"
}
octets! {
    /// Names one query for ever; a retry of it carries the same id.
    QueryId, 16, "a query id", "32 small hexadecimal digits"
}
octets! {
    /// Names one claim for ever.
    ClaimId, 16, "a claim id", "32 small hexadecimal digits"
}
octets! {
    /// Names one correction notice for ever.
    NoticeId, 16, "a notice id", "32 small hexadecimal digits"
}
octets! {
    /// Names a record towards one claim and nowhere else; only its holder can tell which record it is.
    Reference, 16, "a reference", "32 small hexadecimal digits"
}
octets! {
    /// Seeds the projection that makes templates of embeddings. It is no secret: it keeps templates of two
    /// agreements from being linked, and another one re-issues them.
    ProjectionSeed, 32, "a projection seed", "64 small hexadecimal digits"
}
octets! {
    /// Drawn at random; who does not know it cannot try out what a digest was made of.
    Salt, 32, "a salt", "64 small hexadecimal digits"
}
octets! {
    /// Names one snapshot; drawn at random.
    SnapshotId, 16, "a snapshot id", "32 small hexadecimal digits"
}

impl Digest {
    /// SHA-256 of `label`, a zero byte and `bytes`: labels keep uses of the hash apart.
    pub fn of(label: &str, bytes: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(label.as_bytes());
        hash.update([0]);
        hash.update(bytes);
        Self(hash.finalize().into())
    }
}
