//! Certificates of proofs that an agreement lists: whoever signs has seen each, and each is about its rules.

use crate::{
    rules::proof::{Certificate, CertificateError, Verdict},
    words::Digest,
};

use super::{AgreementError, Terms};

/// Why certificates do not stand for what an agreement lists.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProofsError {
    /// One that is listed was not given.
    #[error("the agreement lists the certificate {0}, which was not given")]
    Missing(Digest),
    /// One that was given is not listed.
    #[error("the certificate {0} is not listed in the agreement")]
    Unlisted(Digest),
    /// It is about something else.
    #[error("the certificate {digest} {what}")]
    Foreign {
        /// Which.
        digest: Digest,
        /// About what.
        what: &'static str,
    },
    /// It contradicts itself.
    #[error("the certificate {digest}: {error}")]
    Certificate {
        /// Which.
        digest: Digest,
        /// What is wrong.
        error: CertificateError,
    },
    /// The terms do not stand.
    #[error(transparent)]
    Terms(#[from] AgreementError),
}

/// Checks that `given` are the certificates that the terms list, all of them and no others, and that each
/// says that something was proved of the shared rules: of these alone, or, where a claim compares, of these
/// as a proposal held against the rules of the `amended` agreement. Nothing is proved again here.
///
/// # Errors
/// [`ProofsError`] with the first thing that is wrong.
pub fn check(terms: &Terms, amended: Option<&Terms>, given: &[Certificate]) -> Result<(), ProofsError> {
    let rules = terms.shared_rules()?.digest();
    let before = amended.map(|terms| terms.shared_rules().map(|rules| rules.digest())).transpose()?;
    let mut seen = Vec::new();
    for certificate in given {
        let digest =
            certificate.digest().map_err(|error| ProofsError::Certificate { digest: rules, error })?;
        if !terms.proofs.contains(&digest) {
            return Err(ProofsError::Unlisted(digest));
        }
        certificate.inspect().map_err(|error| ProofsError::Certificate { digest, error })?;
        let foreign = |what| Err(ProofsError::Foreign { digest, what });
        if certificate.proof.verdict != Verdict::Proved {
            return foreign("does not say that anything was proved");
        }
        let subjects = [Some(&certificate.rules), certificate.proposal.as_ref()];
        if subjects.into_iter().flatten().any(|subject| subject.national_digest.is_some()) {
            return foreign("rests on national rules, which are no part of the agreement");
        }
        // The claim says which rule set it is about. A second one beside it changes nothing of what was proved.
        let proposal = certificate.proposal.as_ref().map(|proposal| proposal.shared_digest);
        if certificate.proof.question.compares() {
            if proposal != Some(rules) {
                return foreign("compares other rules than these");
            }
            if Some(certificate.rules.shared_digest) != before {
                return foreign("compares these rules with others than those of the amended agreement");
            }
        } else if certificate.rules.shared_digest != rules {
            return foreign("is about other rules");
        }
        seen.push(digest);
    }
    match terms.proofs.iter().find(|listed| !seen.contains(listed)) {
        Some(missing) => Err(ProofsError::Missing(*missing)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
