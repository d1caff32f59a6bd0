//! What a proposal can lack.

use symbolon_policy::{
    agreement::AgreementError,
    canonical::CanonicalError,
    rules::RuleErrors,
    words::{AgencyCode, WordError},
};

/// A proposal that cannot be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProposalError {
    /// A file cannot be read.
    #[error("the proposal {proposal} names the file {file}, which cannot be read: {why}")]
    File {
        /// Of which proposal.
        proposal: String,
        /// Which.
        file: String,
        /// Why.
        why: String,
    },
    /// A file is no agreement.
    #[error("{file} of the proposal {proposal} is no draft and no agreement: {why}")]
    Form {
        /// Of which proposal.
        proposal: String,
        /// Which.
        file: String,
        /// Why.
        why: String,
    },
    /// The terms do not stand.
    #[error("the agreement of {pair} in the proposal {proposal} does not stand: {error}")]
    Terms {
        /// Of which proposal.
        proposal: String,
        /// Of which two parties.
        pair: String,
        /// Why.
        error: AgreementError,
    },
    /// Rules do not stand.
    #[error("the rules in {file} do not stand:\n{errors}")]
    Rules {
        /// Which file.
        file: String,
        /// Why.
        errors: RuleErrors,
    },
    /// No agreement of the proposal has what is to be changed.
    #[error("the proposal {proposal} has no {what}")]
    Missing {
        /// Which proposal.
        proposal: String,
        /// What.
        what: String,
    },
    /// A party that the scenario does not have.
    #[error("the proposal {proposal} names {code}, which is no party of the scenario")]
    Party {
        /// Which proposal.
        proposal: String,
        /// Who.
        code: AgencyCode,
    },
    /// A practice matches by a form that an agreement lacks.
    #[error("line {line}: {what}")]
    Lacks {
        /// The line of the scenario.
        line: usize,
        /// What is named, and what is lacking where.
        what: String,
    },
    /// A value that the terms cannot take.
    #[error("`{path}` cannot be changed so: {why}")]
    Value {
        /// The path.
        path: String,
        /// Why.
        why: String,
    },
    /// A code that is none.
    #[error(transparent)]
    Word(#[from] WordError),
    /// No canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}
