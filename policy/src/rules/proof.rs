//! Proofs about rules: a solver shows that something holds for every request, or finds one for which
//! it does not.
//!
//! `cedar-policy-symcc` turns rules into formulas, without sampling numbers or naming agencies, and
//! an SMT solver decides them. The assumptions about a request are stated, and are part of every
//! result. What the solver finds against a claim is put to the rules themselves before it is shown:
//! what they do not confirm is reported as undecided, never as a counterexample.
//!
//! The solver is the caller's; this crate starts nothing.
//!
//! Source: Cutler et al., Cedar: A New Language for Expressive, Fast, Safe, and Analyzable
//! Authorization, OOPSLA 2024, section 5.

mod assume;
mod certificate;
mod claims;
mod encode;
mod replay;

use std::fmt;

use cedar_policy_symcc::{CedarSymCompiler, solver::Solver};
use serde::{Deserialize, Serialize};

use crate::{
    class::RecordClass,
    words::{AgencyCode, Purpose, WordError},
};

use super::{
    Rulebook,
    facts::{AskContext, ReleaseContext, SearchContext},
};

pub use certificate::{Certificate, CertificateError, Subject};

use claims::Claims;

/// What is to be proved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "claim", deny_unknown_fields)]
pub enum Question {
    /// No record of a minor, or of a person whose age is in doubt, takes part in any exchange.
    NeverMinors {
        /// But for these purposes.
        except: Vec<Purpose>,
    },
    /// No query for a purpose is permitted, and no record takes part in one.
    NeverPurpose {
        /// The purpose.
        purpose: Purpose,
        /// Where this agency asks; whoever asks when absent.
        asker: Option<AgencyCode>,
    },
    /// The proposal permits nothing that the rules refuse.
    NoMore,
    /// The proposal permits exactly what the rules permit.
    Equivalent,
    /// With the national rules nothing is permitted that the shared rules refuse.
    NationalRestricts,
    /// Every clause decides some request, and no permit is wholly undone by one prohibition.
    Clauses,
}

impl Question {
    /// Whether it compares the rules with a proposal.
    pub fn compares(&self) -> bool {
        matches!(self, Self::NoMore | Self::Equivalent)
    }
}

/// The outcome for a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds for every request that meets the assumptions.
    Proved,
    /// It does not hold: there is a request for which the rules decide otherwise.
    Refuted,
    /// Neither was shown.
    Undecided,
}

impl Verdict {
    /// Refuted if any finding is, else undecided if any is, else proved.
    fn of(findings: &[Finding]) -> Self {
        let any = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
        if any(Self::Refuted) {
            Self::Refuted
        } else if any(Self::Undecided) {
            Self::Undecided
        } else {
            Self::Proved
        }
    }
}

/// A request that rules were put to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Case {
    /// A query.
    Query(AskContext),
    /// A search among one class of records.
    Search {
        /// What the slice is for.
        context: SearchContext,
        /// The class.
        class: RecordClass,
    },
    /// The release of a field of one class of records.
    Release {
        /// To whom, and which.
        context: ReleaseContext,
        /// The class.
        class: RecordClass,
    },
}

/// One step of a proof: a claim about one kind of request, or about one clause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// What it is about: a Cedar action, or a clause and a property of it.
    pub about: String,
    /// The outcome.
    pub verdict: Verdict,
    /// For a refuted claim, the request; for a clause that decides, one that it decides.
    pub case: Option<Case>,
    /// What the rules say of the request, or why nothing was shown.
    pub note: String,
}

/// What came out, and under which assumptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The claim.
    pub question: Question,
    /// Refuted if any finding is, else undecided if any is, else proved.
    pub verdict: Verdict,
    /// The findings.
    pub findings: Vec<Finding>,
    /// What is assumed of every request. Each is a condition in Cedar, after the action it is for.
    pub assumptions: Vec<String>,
}

/// Why there is no proof at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The solver broke off or cannot be spoken to.
    #[error("the solver failed: {0}")]
    Solver(String),
    /// The rules cannot be turned into formulas.
    #[error("the rules cannot be put to a solver: {0}")]
    Encode(String),
    /// The question compares with a proposal, and there is none.
    #[error("this question compares two sets of rules, and only one was given")]
    NoProposal,
    /// No name could be formed for "any other".
    #[error(transparent)]
    Name(#[from] WordError),
}

/// Proves or refutes a claim about `rules`, in comparison with `proposal` where it is one.
///
/// # Errors
/// [`ProofError`] if nothing can be shown either way for reasons other than the rules.
pub async fn prove<S: Solver>(
    question: &Question,
    rules: &Rulebook,
    proposal: Option<&Rulebook>,
    solver: S,
) -> Result<Proof, ProofError> {
    let mut compiler = CedarSymCompiler::new(solver).map_err(|e| ProofError::Solver(e.to_string()))?;
    let mut claims = Claims::new(question, rules, proposal, &mut compiler)?;
    let findings = claims.findings(question).await?;
    let verdict = Verdict::of(&findings);
    Ok(Proof { question: question.clone(), verdict, assumptions: claims.assumptions(), findings })
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proved => "proved",
            Self::Refuted => "refuted",
            Self::Undecided => "undecided",
        })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverMinors { except } => {
                f.write_str("no minor, and nobody whose age is in doubt, is ever found")?;
                if !except.is_empty() {
                    let names: Vec<_> = except.iter().map(|purpose| purpose.as_str()).collect();
                    write!(f, ", but for {}", names.join(", "))?;
                }
                Ok(())
            }
            Self::NeverPurpose { purpose, asker: None } => write!(f, "{purpose} is never answered"),
            Self::NeverPurpose { purpose, asker: Some(asker) } => {
                write!(f, "{purpose} is never answered to {asker}")
            }
            Self::NoMore => f.write_str("the proposal permits nothing that the rules refuse"),
            Self::Equivalent => f.write_str("the proposal permits exactly what the rules permit"),
            Self::NationalRestricts => f.write_str("the national rules only restrict"),
            Self::Clauses => f.write_str("every clause decides something, and none undoes another"),
        }
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict, self.question)?;
        for finding in &self.findings {
            write!(f, "\n  {}: {}", finding.about, finding.verdict)?;
            if !finding.note.is_empty() {
                write!(f, ", {}", finding.note)?;
            }
            if let (Verdict::Refuted, Some(case)) = (finding.verdict, &finding.case) {
                for line in replay::lines(case) {
                    write!(f, "\n      {line}")?;
                }
            }
        }
        f.write_str("\nassumed of every request:")?;
        self.assumptions.iter().try_for_each(|assumption| write!(f, "\n  {assumption}"))
    }
}

#[cfg(test)]
mod tests;
