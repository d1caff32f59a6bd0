//! One agency: what it decides by, and what it has spent.

use symbolon_policy::{
    agreement::{Agreement, AgreementError},
    ask::{Ask, Fetch},
    canonical::CanonicalError,
    permit::{self, InForce, Paid, Refusal},
    rules::RuleSet,
    signing::{SignatureError, Signer},
    words::{AgencyCode, Timestamp},
};
use symbolon_protocol::{exchange::Fault, pump::PumpError};

use crate::{books::Books, pipe::Broken};

/// One agency of a pair.
pub struct Side {
    pub(super) code: AgencyCode,
    pub(super) signer: Box<dyn Signer>,
    pub(super) agreement: InForce,
    /// Its meters.
    pub books: Books,
}

impl Side {
    /// An agency with its agreement key and its national rules, if it has any.
    ///
    /// # Errors
    /// [`AgreementError`] if the agreement does not stand, or if it names another key or no such party.
    pub fn new(
        code: AgencyCode,
        signer: Box<dyn Signer>,
        agreement: &Agreement,
        national: Option<RuleSet>,
    ) -> Result<Self, AgreementError> {
        let in_force = InForce::new(agreement, national)?;
        let key = agreement.terms.party(&code)?.key;
        if key != signer.public() {
            return Err(AgreementError::Signature { code, error: SignatureError::Mismatch(key) });
        }
        Ok(Self { code, signer, agreement: in_force, books: Books::default() })
    }

    pub(super) fn admit(&mut self, ask: &Ask, now: Timestamp) -> Result<Paid, PairError> {
        let refused = |refusal| PairError::Refused { by: self.code.clone(), refusal };
        let permit = permit::admit(&self.agreement, ask, &self.code, &self.books, now).map_err(refused)?;
        permit.pay(|_, charges| {
            self.books.charge(charges);
            Ok(())
        })
    }

    pub(super) fn admit_fetch(&self, fetch: &Fetch, now: Timestamp) -> Result<Paid, PairError> {
        permit::admit_fetch(&self.agreement, fetch, &self.code, &self.books, now)
            .map_err(|refusal| PairError::Refused { by: self.code.clone(), refusal })
    }
}

/// Why a query was not answered.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// One side did not admit it.
    #[error("{by} refused: {refusal}")]
    Refused {
        /// Who.
        by: AgencyCode,
        /// Why.
        refusal: Refusal,
    },
    /// A machine stopped.
    #[error(transparent)]
    Exchange(#[from] PumpError),
    /// A machine could not be built: the identifiers or the register do not fit it.
    #[error(transparent)]
    Unfit(#[from] Fault),
    /// The terms do not cover it.
    #[error(transparent)]
    Terms(#[from] AgreementError),
    /// A document has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// It was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The two ends saw different exchanges.
    #[error("the transcripts of the two ends differ")]
    Transcripts,
}

impl From<Broken> for PairError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Pump(error) => Self::Exchange(error),
            Broken::Cancelled => Self::Cancelled,
        }
    }
}
