//! A proof that can be handed on and checked: what was asked, of which rules, by which solver.

use serde::{Deserialize, Serialize};

use cedar_policy_symcc::solver::Solver;

use crate::{
    canonical::{self, CanonicalError},
    rules::{Kind, RuleErrors, RuleSet, Rulebook, SCHEMA},
    words::Digest,
};

use super::{Case, Proof, ProofError, Question, Verdict, prove};

/// The rules a proof is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The shared rules, to the letter.
    pub shared: String,
    /// Their digest, as agreements sign it.
    pub shared_digest: Digest,
    /// The national rules.
    pub national: Option<String>,
    /// Their digest.
    pub national_digest: Option<Digest>,
}

/// A proof, with all that it takes to make it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Version of this form: 1.
    pub version: u32,
    /// The rules.
    pub rules: Subject,
    /// The rules they are compared with.
    pub proposal: Option<Subject>,
    /// The digest of the schema.
    pub schema: Digest,
    /// The solver's name and version.
    pub solver: String,
    /// What came out.
    pub proof: Proof,
}

/// Why a certificate does not stand.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Something in it contradicts the rest.
    #[error("the certificate does not stand: {0}")]
    Contradiction(String),
    /// The rules in it do not stand.
    #[error("the rules in the certificate do not stand:\n{0}")]
    Rules(RuleErrors),
    /// The proof cannot be made again.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// It has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

impl Subject {
    /// The rules of a rulebook.
    pub fn of(book: &Rulebook) -> Self {
        Self {
            shared: book.shared().text().to_owned(),
            shared_digest: book.shared().digest(),
            national: book.national().map(|rules| rules.text().to_owned()),
            national_digest: book.national().map(RuleSet::digest),
        }
    }

    fn book(&self) -> Result<Rulebook, CertificateError> {
        let read = |text: &str, kind| RuleSet::parse(text, kind).map_err(CertificateError::Rules);
        let shared = read(&self.shared, Kind::Shared)?;
        let national = self.national.as_deref().map(|text| read(text, Kind::National)).transpose()?;
        let book = Rulebook::new(shared, national).map_err(|e| contradiction(e.to_string()))?;
        if Self::of(&book) != *self {
            return Err(contradiction("a digest is not that of the rules beside it"));
        }
        Ok(book)
    }
}

impl Certificate {
    /// A certificate of a proof.
    pub fn new(proof: Proof, rules: &Rulebook, proposal: Option<&Rulebook>, solver: String) -> Self {
        Self {
            version: 1,
            rules: Subject::of(rules),
            proposal: proposal.filter(|_| proof.question.compares()).map(Subject::of),
            schema: schema(),
            solver,
            proof,
        }
    }

    /// The digest of its canonical bytes, by which it is referred to.
    ///
    /// # Errors
    /// [`CertificateError::Canonical`] if it has none.
    pub fn digest(&self) -> Result<Digest, CertificateError> {
        Ok(Digest::of("symbolon/proof/1", &canonical::encode(self)?))
    }

    /// Which rules it is about, by the digests that agreements sign.
    pub fn about(&self) -> String {
        let named = |subject: &Subject| match subject.national_digest {
            None => subject.shared_digest.to_string(),
            Some(national) => format!("{} with the national rules {national}", subject.shared_digest),
        };
        match &self.proposal {
            None => format!("of the rules {}", named(&self.rules)),
            Some(proposal) => format!("of the rules {} as against {}", named(proposal), named(&self.rules)),
        }
    }

    /// Checks all that can be checked without a solver: digests, the schema, that there are as many rule sets as
    /// the claim is about, and that the rules decide every example as noted.
    ///
    /// # Errors
    /// [`CertificateError`] with the first thing that is wrong.
    pub fn inspect(&self) -> Result<(), CertificateError> {
        self.books().map(drop)
    }

    /// Makes the proof again and compares it, examples aside: another solver may find others.
    ///
    /// # Errors
    /// [`CertificateError`] with the first thing that is wrong.
    pub async fn check<S: Solver>(&self, solver: S) -> Result<(), CertificateError> {
        let (rules, proposal) = self.books()?;
        let again = prove(&self.proof.question, &rules, proposal.as_ref(), solver).await?;
        if again.assumptions != self.proof.assumptions {
            return Err(contradiction("its assumptions are not those of this program"));
        }
        let verdicts = |proof: &Proof| -> Vec<_> {
            proof.findings.iter().map(|finding| (finding.about.clone(), finding.verdict)).collect()
        };
        if again.verdict != self.proof.verdict || verdicts(&again) != verdicts(&self.proof) {
            return Err(contradiction(format!(
                "it says {}, and the proof made again says {}",
                self.proof.verdict, again.verdict
            )));
        }
        Ok(())
    }

    fn books(&self) -> Result<(Rulebook, Option<Rulebook>), CertificateError> {
        if self.version != 1 {
            return Err(contradiction(format!("version {} is not known", self.version)));
        }
        if self.schema != schema() {
            return Err(contradiction("it was made for another schema"));
        }
        match (self.proof.question.compares(), &self.proposal) {
            (true, None) => return Err(contradiction("its claim compares two rule sets, and it has one")),
            (false, Some(_)) => {
                return Err(contradiction("its claim is about one rule set, and it has a second"));
            }
            _ => {}
        }
        let rules = self.rules.book()?;
        let proposal = self.proposal.as_ref().map(Subject::book).transpose()?;
        let findings = &self.proof.findings;
        if self.proof.verdict != Verdict::of(findings) {
            return Err(contradiction("its verdict is not that of its findings"));
        }
        if findings.is_empty() && self.proof.question != Question::Clauses {
            return Err(contradiction("it has a verdict and no finding"));
        }
        for finding in findings {
            let Some(case) = &finding.case else { continue };
            if !self.confirms(case, finding.verdict, &rules, proposal.as_ref(), &finding.about) {
                return Err(contradiction(format!(
                    "the rules do not decide the example of `{}` as it says",
                    finding.about
                )));
            }
        }
        Ok((rules, proposal))
    }

    fn confirms(
        &self,
        case: &Case,
        verdict: Verdict,
        rules: &Rulebook,
        proposal: Option<&Rulebook>,
        about: &str,
    ) -> bool {
        let permitted = |book: &Rulebook| case.judge(book).permitted;
        match (&self.proof.question, verdict, proposal) {
            (Question::NeverMinors { .. } | Question::NeverPurpose { .. }, Verdict::Refuted, None) => {
                permitted(rules)
            }
            (Question::NoMore, Verdict::Refuted, Some(proposal)) => permitted(proposal) && !permitted(rules),
            (Question::Equivalent, Verdict::Refuted, Some(proposal)) => {
                permitted(proposal) != permitted(rules)
            }
            (Question::Clauses, Verdict::Proved, None) => {
                let clauses = case.judge_without_floors(rules).clauses;
                clauses.iter().any(|clause| about == format!("{}/{} decides", clause.kind, clause.id))
            }
            _ => false,
        }
    }
}

fn schema() -> Digest {
    Digest::of("symbolon/schema/1", SCHEMA.as_bytes())
}

fn contradiction(what: impl Into<String>) -> CertificateError {
    CertificateError::Contradiction(what.into())
}
