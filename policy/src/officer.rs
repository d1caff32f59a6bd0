//! Officers: people of an agency with roles and a key of their own, and what they sign.
//!
//! An officer signs an [`Act`]; the node checks it against the officer as enrolled. So whoever has the
//! control socket, or types a pseudonym, cannot act for an officer. Nothing of this goes to a partner but
//! the pseudonym.

mod act;
mod intent;

use serde::{Deserialize, Serialize};

use crate::{
    signing::{self, Document, PublicKey, Signature, SignatureError, Signer},
    words::{OfficerId, Timestamp},
};

pub use crate::words::Role;
pub use act::{Act, ActError, ActKind, SKEW, SignedAct, TEXT_LIMIT, is_reason};
pub use intent::{How, Intent, files, subject};

/// An officer as enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Officer {
    /// The pseudonym.
    pub id: OfficerId,
    /// What the officer may do.
    pub roles: Vec<Role>,
    /// Signs acts (Ed25519).
    pub key: PublicKey,
    /// The age X25519 recipient, `age1...`, to which releases are sealed.
    pub seal: String,
    /// From when on nothing is allowed any more.
    pub until: Option<Timestamp>,
}

impl Officer {
    /// Whether the officer may do this now.
    pub fn holds(&self, role: Role, now: Timestamp) -> bool {
        self.current(now) && self.roles.contains(&role)
    }

    /// Whether the officer may do this now, with what stands against it.
    ///
    /// # Errors
    /// [`ActError::Ended`], [`ActError::Role`].
    pub fn may(&self, role: Role, now: Timestamp) -> Result<(), ActError> {
        if let Some(until) = self.until.filter(|until| now >= *until) {
            return Err(ActError::Ended { officer: self.id.clone(), until });
        }
        if !self.holds(role, now) {
            return Err(ActError::Role { officer: self.id.clone(), role });
        }
        Ok(())
    }

    fn current(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What an officer shows of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// The pseudonym.
    pub id: OfficerId,
    /// Signs acts (Ed25519).
    pub key: PublicKey,
    /// The age X25519 recipient.
    pub seal: String,
}

impl Document for Card {
    const LABEL: &'static str = "symbolon/officer-card/1";
}

/// A card and its own signature: whoever made it has the key that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerCard {
    /// What is shown.
    pub card: Card,
    /// By the key that is named in it.
    pub signature: Signature,
}

impl OfficerCard {
    /// Signs a card.
    ///
    /// # Errors
    /// [`SignatureError`] if the signer is not the key that the card names.
    pub fn sign(card: Card, signer: &dyn Signer) -> Result<Self, SignatureError> {
        let signature = signing::sign(&card, signer)?;
        let card = Self { card, signature };
        card.verify()?;
        Ok(card)
    }

    /// Checks the card against the key that it names. That it is the officer's has to be settled by people.
    ///
    /// # Errors
    /// [`SignatureError`] with what is wrong.
    pub fn verify(&self) -> Result<(), SignatureError> {
        signing::verify(&self.card, &self.card.key, &self.signature)
    }
}

#[cfg(test)]
mod tests;
