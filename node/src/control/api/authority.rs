//! An officer's signed word, beside the request that it is for.

use std::{path::PathBuf, slice};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    officer::{How, Intent, SignedAct, subject},
    words::{Digest, OfficerId, Salt},
};

use super::{QueryTerms, Request, Wish};

/// What an officer signed for one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Over the digest of the request's [`Intent`].
    pub act: SignedAct,
    /// Of the intent's subject.
    pub salt: Salt,
}

impl QueryTerms {
    /// What is meant by a query in these words about the people, or the probe, of a file.
    pub fn intent(&self, how: How, salt: &Salt, file: &Digest) -> Intent {
        let mut partners = self.partners.clone();
        partners.sort_unstable();
        partners.dedup();
        Intent::Ask {
            how,
            partners,
            register: self.register.clone(),
            purpose: self.purpose,
            basis: self.basis,
            case: self.case.is_some(),
            subject: subject(salt, self.case.as_deref(), file),
        }
    }
}

impl Wish {
    /// The exchange, as an officer means it.
    pub fn how(&self, courier: bool) -> How {
        How::Match { form: self.form.clone(), answer: self.answer, engine: self.engine.clone(), courier }
    }
}

impl Request {
    /// The words of a query, its exchange and its files; `None` if the request is no new query.
    pub fn query(&self) -> Option<(&QueryTerms, How, &[PathBuf])> {
        Some(match self {
            Self::QueryExact { terms, subjects, .. } => (terms, How::Exact, slice::from_ref(subjects)),
            Self::QueryCount { terms, subjects, kind, .. } => {
                (terms, How::Count { kind: *kind }, slice::from_ref(subjects))
            }
            Self::QueryMatch { terms, wish } => (terms, wish.how(false), &wish.probes),
            Self::QueryWrite { terms, wish, .. } => (terms, wish.how(true), &wish.probes),
            _ => return None,
        })
    }

    /// The officer that a query names.
    pub fn officer(&self) -> Option<&OfficerId> {
        self.query().map(|(terms, ..)| &terms.officer)
    }

    /// Puts an officer's word beside the request.
    #[must_use]
    pub fn with_authority(mut self, given: Authority) -> Self {
        match &mut self {
            Self::QueryExact { terms, .. }
            | Self::QueryCount { terms, .. }
            | Self::QueryMatch { terms, .. }
            | Self::QueryWrite { terms, .. } => terms.authority = Some(Box::new(given)),
            Self::QueryResume { authority, .. } => *authority = Some(Box::new(given)),
            _ => {}
        }
        self
    }
}
