//! Agreements: what two agencies signed.
//!
//! The terms are one document with one digest, which is the agreement's id. Both agreement keys sign
//! it. The terms name both nodes' peer ids, so each key vouches for its node. The shared rules are
//! part of the terms, word for word.

pub mod amendment;
mod matching;
pub mod proofs;
mod terms;

use serde::{Deserialize, Serialize};

use crate::{
    rules::{RuleErrors, RuleSet},
    signing::{self, Document, Signature, SignatureError, Signer},
    words::{AgencyCode, AgreementId, Timestamp},
};

pub use matching::{Assurance, FormTerms, MatchAnswer, MatchTerms, Projection, Unanswerable, lacking};
pub use terms::{ClaimTerms, CountTerms, ExactTerms, Party, Quota, Terms, Unit};

/// Why a document is not an agreement.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AgreementError {
    /// A term is out of its range or contradicts another.
    #[error("the term `{term}` {problem}")]
    Term {
        /// Path of the term.
        term: String,
        /// What is wrong and what would be right.
        problem: String,
    },
    /// The shared rules do not stand.
    #[error("the shared rules do not stand; lines are counted from the beginning of `rules`:\n{0}")]
    Rules(RuleErrors),
    /// A signature does not stand.
    #[error("the signature of {code} does not stand: {error}")]
    Signature {
        /// Whose signature.
        code: AgencyCode,
        /// What is wrong with it.
        error: SignatureError,
    },
    /// A party has not signed.
    #[error("{0} has not signed; ask it to run `symbolon agreement sign` on this file")]
    Unsigned(AgencyCode),
    /// Somebody signed who is no party.
    #[error("{0} signed but is not a party")]
    Stranger(AgencyCode),
    /// The node's agency is no party.
    #[error("{0} is not a party of this agreement")]
    NotAParty(AgencyCode),
    /// The terms have no canonical form.
    #[error(transparent)]
    Canonical(#[from] crate::canonical::CanonicalError),
}

impl Document for Terms {
    const LABEL: &'static str = "symbolon/agreement/1";
}

/// One party's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartySignature {
    /// Who signed.
    pub code: AgencyCode,
    /// By the agreement key named in the terms.
    pub signature: Signature,
}

/// Terms with the signatures gathered so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// What was agreed.
    pub terms: Terms,
    /// In the order they were made.
    pub signatures: Vec<PartySignature>,
}

impl Agreement {
    /// An agreement that nobody signed yet.
    ///
    /// # Errors
    /// [`AgreementError::Term`] or [`AgreementError::Rules`] if the terms do not stand.
    pub fn new(terms: Terms) -> Result<Self, AgreementError> {
        terms.check()?;
        Ok(Self { terms, signatures: Vec::new() })
    }

    /// The digest of the terms.
    ///
    /// # Errors
    /// [`AgreementError::Canonical`] if the terms have no canonical form.
    pub fn id(&self) -> Result<AgreementId, AgreementError> {
        Ok(AgreementId(self.terms.digest()?.0))
    }

    /// Adds or renews the signature of the party whose key `signer` holds.
    ///
    /// # Errors
    /// [`AgreementError::NotAParty`] if it is nobody's.
    pub fn sign(&mut self, code: &AgencyCode, signer: &dyn Signer) -> Result<(), AgreementError> {
        self.terms.check()?;
        let party = self.terms.party(code)?;
        if party.key != signer.public() {
            return Err(AgreementError::Signature {
                code: code.clone(),
                error: SignatureError::Mismatch(party.key),
            });
        }
        let signature = signing::sign(&self.terms, signer)?;
        self.signatures.retain(|old| old.code != *code);
        self.signatures.push(PartySignature { code: code.clone(), signature });
        Ok(())
    }

    /// Checks the terms and that both parties, and nobody else, signed them.
    ///
    /// # Errors
    /// [`AgreementError`] with the first thing that is wrong.
    pub fn verify(&self) -> Result<(), AgreementError> {
        self.terms.check()?;
        self.verify_signatures()?;
        for party in &self.terms.parties {
            if !self.signatures.iter().any(|signature| signature.code == party.code) {
                return Err(AgreementError::Unsigned(party.code.clone()));
            }
        }
        Ok(())
    }

    /// Checks the signatures that are there.
    ///
    /// # Errors
    /// [`AgreementError`] with the first signature that does not stand.
    pub fn verify_signatures(&self) -> Result<(), AgreementError> {
        for PartySignature { code, signature } in &self.signatures {
            let party = self.terms.parties.iter().find(|party| party.code == *code);
            let party = party.ok_or_else(|| AgreementError::Stranger(code.clone()))?;
            signing::verify(&self.terms, &party.key, signature)
                .map_err(|error| AgreementError::Signature { code: code.clone(), error })?;
        }
        Ok(())
    }

    /// The shared rules.
    ///
    /// # Errors
    /// [`AgreementError::Rules`] if they do not stand.
    pub fn rules(&self) -> Result<RuleSet, AgreementError> {
        self.terms.shared_rules()
    }
}

/// One party's word that an agreement is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Which agreement.
    pub agreement: AgreementId,
    /// Who revokes it. One party suffices.
    pub by: AgencyCode,
    /// Why, for people.
    pub reason: String,
    /// From when on.
    pub at: Timestamp,
}

impl Document for Revocation {
    const LABEL: &'static str = "symbolon/revocation/1";
}

#[cfg(test)]
mod tests;
