//! Acts: what an officer signs.

use serde::{Deserialize, Serialize};

use super::{Officer, Role};
use crate::{
    canonical::CanonicalError,
    signing::{self, Document, Signature, SignatureError, Signer},
    words::{Digest, OfficerId, QueryId, Timestamp},
};

/// How far an act may lie in the future, in seconds: clocks differ.
pub const SKEW: i64 = 300;

/// The longest text in an act, in characters.
pub const TEXT_LIMIT: usize = 500;

/// Whether a reason says something, is not too long, and is told in one line as it was given.
pub fn is_reason(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().nth(TEXT_LIMIT).is_none() && !text.contains(char::is_control)
}

/// One thing that an officer does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// Who.
    pub officer: OfficerId,
    /// What.
    pub act: ActKind,
    /// When, by the officer's clock.
    pub at: Timestamp,
}

impl Document for Act {
    const LABEL: &'static str = "symbolon/officer-act/1";
}

/// What an officer can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ActKind {
    /// Asks partners.
    Ask {
        /// The digest of the [`Intent`](super::Intent).
        digest: Digest,
    },
    /// Says whether a candidate is the person.
    Verify {
        /// Of which query.
        query: QueryId,
        /// Which item of it.
        item: u32,
        /// Whether it is the same person.
        same: bool,
        /// Why.
        reason: Option<String>,
    },
    /// Claims fields after a hit.
    Claim {
        /// The digest of the claim.
        digest: Digest,
    },
    /// Approves a partner's claim.
    Approve {
        /// The digest of the claim.
        claim: Digest,
    },
    /// Refuses a partner's claim.
    Refuse {
        /// The digest of the claim.
        claim: Digest,
        /// Why.
        reason: String,
    },
    /// Stops the clock of a claim.
    StopClock {
        /// The digest of the claim.
        claim: Digest,
        /// Why.
        reason: String,
    },
    /// Lets the clock of a claim run again.
    ResumeClock {
        /// The digest of the claim.
        claim: Digest,
    },
    /// Says that an alert was looked into.
    Acknowledge {
        /// Which alert.
        alert: Digest,
        /// How much of it was counted: it stands again when more is.
        observed: u64,
        /// What came of it.
        note: String,
    },
    /// Opens a query of this agency to an auditor.
    OpenQuery {
        /// Which query.
        query: QueryId,
        /// The age X25519 recipient, `age1...`, to which it is sealed.
        recipient: String,
        /// Why, and to whom.
        reason: String,
    },
    /// Explains a query afterwards.
    Explain {
        /// Which query.
        query: QueryId,
        /// The explanation.
        reason: String,
    },
}

impl ActKind {
    /// The role that it takes.
    pub fn role(&self) -> Role {
        match self {
            Self::Ask { .. } | Self::Claim { .. } | Self::Explain { .. } => Role::Asks,
            Self::Verify { .. } => Role::Verifies,
            Self::Approve { .. }
            | Self::Refuse { .. }
            | Self::StopClock { .. }
            | Self::ResumeClock { .. } => Role::Approves,
            Self::Acknowledge { .. } | Self::OpenQuery { .. } => Role::Audits,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Verify { reason, .. } => reason.as_deref(),
            Self::Acknowledge { note, .. } => Some(note),
            Self::Refuse { reason, .. }
            | Self::StopClock { reason, .. }
            | Self::OpenQuery { reason, .. }
            | Self::Explain { reason, .. } => Some(reason),
            Self::Ask { .. } | Self::Claim { .. } | Self::Approve { .. } | Self::ResumeClock { .. } => None,
        }
    }
}

/// An act that does not stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    /// It is another officer's.
    #[error("the act is of {found}, not of {expected}")]
    OtherOfficer {
        /// Whose act it was to be.
        expected: OfficerId,
        /// Whose it is.
        found: OfficerId,
    },
    /// The signature is not by the enrolled key.
    #[error("the act was not signed with the key of {officer} that is enrolled: {error}")]
    Signature {
        /// Which officer.
        officer: OfficerId,
        /// What is wrong.
        error: SignatureError,
    },
    /// The enrolment ended.
    #[error("the enrolment of {officer} ended at {until}")]
    Ended {
        /// Which officer.
        officer: OfficerId,
        /// When.
        until: Timestamp,
    },
    /// The officer does not have the role.
    #[error("{officer} does not have the role {role}")]
    Role {
        /// Which officer.
        officer: OfficerId,
        /// Which role it takes.
        role: Role,
    },
    /// It is dated later than clocks may differ.
    #[error("the act is dated {at}, more than {SKEW} seconds from now")]
    Future {
        /// How it is dated.
        at: Timestamp,
    },
    /// Its text is too long.
    #[error("the text of the act is longer than {TEXT_LIMIT} characters")]
    Text,
}

/// An act with its officer's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedAct {
    /// What is done.
    pub act: Act,
    /// By the officer's key.
    pub signature: Signature,
}

impl SignedAct {
    /// Signs an act.
    ///
    /// # Errors
    /// [`CanonicalError`] if it has no canonical form.
    pub fn sign(act: Act, signer: &dyn Signer) -> Result<Self, CanonicalError> {
        Ok(Self { signature: signing::sign(&act, signer)?, act })
    }

    /// Checks the act against the officer as enrolled: the signature, the enrolment's end, the role, the
    /// date and the length of its text. Whether the act is old, or was seen before, is for the caller.
    ///
    /// # Errors
    /// [`ActError`] with what is wrong.
    pub fn verify(&self, officer: &Officer, now: Timestamp) -> Result<(), ActError> {
        let (act, id) = (&self.act, officer.id.clone());
        if act.officer != id {
            return Err(ActError::OtherOfficer { expected: id, found: act.officer.clone() });
        }
        if act.act.text().is_some_and(|text| text.chars().nth(TEXT_LIMIT).is_some()) {
            return Err(ActError::Text);
        }
        signing::verify(act, &officer.key, &self.signature)
            .map_err(|error| ActError::Signature { officer: id, error })?;
        officer.may(act.act.role(), now)?;
        if act.at > now.plus(SKEW) {
            return Err(ActError::Future { at: act.at });
        }
        Ok(())
    }
}
