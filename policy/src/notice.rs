//! Correction notices: what a holder tells those who received fields of a record that was then corrected,
//! erased or contested, and the receipt of an erasure.
//!
//! A notice names fields by their codes and the record by its reference towards the claim, never by content.
//! Corrected fields travel beside it, sealed to the officer who claimed, if the rules still permit their release.
//!
//! Source: Regulation (EU) 2024/982, Article 64, and (EU) 603/2013, Article 28, for the duty to tell.

use serde::{Deserialize, Serialize};

use crate::{
    identity::IdentityCard,
    signing::{self, Document, PublicKey, Signature, SignatureError},
    words::{AgencyCode, AgreementId, ClaimId, Digest, Field, NoticeId, Reference, RegisterName, Timestamp},
};

/// What became of fields that were released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// They say something else now.
    Corrected,
    /// Their record is erased.
    Erased,
    /// The accuracy of their record is contested.
    Contested,
    /// It is contested no more.
    Upheld,
}

impl Cause {
    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Corrected => "corrected",
            Self::Erased => "erased",
            Self::Contested => "contested",
            Self::Upheld => "contested no more",
        }
    }
}

/// Sealed fields that travel beside a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Their digest.
    pub digest: Digest,
    /// Their length.
    pub bytes: u64,
}

/// One notice. Signed by the holder, countersigned by the asker that received it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// Names the notice; drawn at random.
    pub notice: NoticeId,
    /// The agreement of the claim.
    pub agreement: AgreementId,
    /// Who released.
    pub holder: AgencyCode,
    /// Who received.
    pub asker: AgencyCode,
    /// By which claim.
    pub claim: ClaimId,
    /// The record, as it was named towards that claim.
    pub reference: Reference,
    /// What became of it.
    pub cause: Cause,
    /// The released fields that this is about.
    pub fields: Vec<Field>,
    /// What corrected fields say now, if they may still be released.
    pub sealed: Option<Sealed>,
    /// When, by the holder's clock.
    pub at: Timestamp,
}

impl Document for Notice {
    const LABEL: &'static str = "symbolon/correction-notice/1";
}

/// A notice and its signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedNotice {
    /// What is told.
    pub notice: Notice,
    /// By the holder.
    pub holder: Signature,
    /// By the asker, once it has it.
    pub asker: Option<Signature>,
}

/// What an agency says of an erasure, for those who asked for it or ordered it. Signed by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Who erased.
    pub agency: AgencyCode,
    /// Its agreement key.
    pub key: PublicKey,
    /// Out of which register.
    pub register: RegisterName,
    /// How many records.
    pub records: u64,
    /// Over their ids, as the journal has it: who knows the ids can make it again.
    pub digest: Digest,
    /// Why, as a code.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

impl Document for Erasure {
    const LABEL: &'static str = "symbolon/erasure/1";
}

/// The receipt of an erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureReceipt {
    /// What was erased.
    pub erasure: Erasure,
    /// By the key that it names.
    pub signature: Signature,
}

impl ErasureReceipt {
    /// Checks the signature against the key that the receipt names, and that key against the agency's card if one
    /// is given.
    ///
    /// # Errors
    /// [`SignatureError`] with what is wrong.
    pub fn verify(&self, card: Option<&IdentityCard>) -> Result<(), SignatureError> {
        let key = card.map_or(&self.erasure.key, |card| &card.identity.key);
        signing::verify(&self.erasure, key, &self.signature)
    }
}
