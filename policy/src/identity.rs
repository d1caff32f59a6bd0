//! Identity cards: how an agency introduces its node to another agency, out of band.

use serde::{Deserialize, Serialize};

use crate::{
    signing::{self, Document, PublicKey, Signature, SignatureError, Signer},
    words::{AgencyCode, Timestamp},
};

/// What an agency says about its node. The agreement key vouches for the node's peer id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The agency's code.
    pub code: AgencyCode,
    /// Its display name, free text; a footnote may be part of it.
    pub name: String,
    /// The libp2p peer id of its node.
    pub peer: String,
    /// The key with which it signs agreements, manifests and receipts.
    pub key: PublicKey,
    /// Where the node can be reached, as multiaddresses.
    pub addresses: Vec<String>,
    /// When the card was made.
    pub made: Timestamp,
}

impl Document for Identity {
    const LABEL: &'static str = "symbolon/identity/1";
}

/// An identity and its own signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityCard {
    /// What is said.
    pub identity: Identity,
    /// By the key that is named in it.
    pub signature: Signature,
}

impl IdentityCard {
    /// Signs an identity.
    ///
    /// # Errors
    /// [`SignatureError`] if the signer is not the key the identity names.
    pub fn sign(identity: Identity, signer: &dyn Signer) -> Result<Self, SignatureError> {
        let signature = signing::sign(&identity, signer)?;
        let card = Self { identity, signature };
        card.verify()?;
        Ok(card)
    }

    /// Checks the card against the key it names. That the key is the agency's has to be settled by
    /// people, by comparing the key over a channel they trust.
    ///
    /// # Errors
    /// [`SignatureError`] with what is wrong.
    pub fn verify(&self) -> Result<(), SignatureError> {
        signing::verify(&self.identity, &self.identity.key, &self.signature)
    }
}

#[cfg(test)]
mod tests;
