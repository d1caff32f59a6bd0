//! The opening words of a session: what is asked, signed by the asker.

use serde::{Deserialize, Serialize};

use symbolon_protocol::matching::engine::{self, Engine};

use crate::{
    agreement::{MatchAnswer, Terms},
    permit::{Refusal, RefusalCode},
    rules::{ExchangeKind, ReleaseContext, SearchContext},
    signing::Document,
    words::{
        AgencyCode, AgreementId, Digest, EngineName, Field, FormName, LegalBasis, OfficerId, Position,
        Purpose, QueryId, RegisterName, SnapshotId, Timestamp,
    },
};

/// One query, before any cryptography. The asker signs it, so the holder always has evidence of
/// what was asked; the seed's commitment and the query's digest bind the asker to one query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Names the query; a retry carries the same.
    pub query: QueryId,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// The digest of the shared rules, as the asker has them.
    pub rules: Digest,
    /// Who asks.
    pub asker: AgencyCode,
    /// Who is asked.
    pub holder: AgencyCode,
    /// Which exchange.
    pub exchange: ExchangeKind,
    /// Which register.
    pub register: RegisterName,
    /// Why.
    pub purpose: Purpose,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// The pseudonym of the officer.
    pub officer: OfficerId,
    /// [`case_digest`] of the case reference, if one was given.
    pub case: Option<Digest>,
    /// Identifiers asked about; dummies are not counted. For a match, the alternatives.
    pub items: u32,
    /// The snapshot that is asked, for an exact exchange.
    pub snapshot: Option<SnapshotId>,
    /// What is asked of a match, and of nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<MatchAsk>,
    /// Hits under this agreement that the asker has neither claimed nor explained in time, as its node counts
    /// them. It signs the number, and whoever audits its journal checks it.
    #[serde(default, skip_serializing_if = "none")]
    pub unexplained: u32,
    /// Commitment to the asker's seed.
    pub commitment: Digest,
    /// Digest of the blinded elements, or of the encrypted probe.
    pub digest: Digest,
    /// When, by the asker's clock.
    pub asked_at: Timestamp,
}

impl Document for Ask {
    const LABEL: &'static str = "symbolon/ask/1";
}

impl Ask {
    /// What decides which records take part.
    pub fn search(&self) -> SearchContext {
        SearchContext {
            asker: self.asker.clone(),
            holder: self.holder.clone(),
            register: self.register.clone(),
            purpose: self.purpose,
            exchange: self.exchange,
        }
    }

    /// What decides whether a field is released to the officer who asks, on the same basis, with so many approvals.
    pub fn release(&self, field: Field, approvals: u8) -> ReleaseContext {
        ReleaseContext {
            asker: self.asker.clone(),
            officer: self.officer.clone(),
            holder: self.holder.clone(),
            register: self.register.clone(),
            purpose: self.purpose,
            legal_basis: self.basis,
            exchange: self.exchange,
            field,
            approvals,
        }
    }
}

fn none(number: &u32) -> bool {
    *number == 0
}

/// What is asked of a match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchAsk {
    /// The form of the templates.
    pub form: FormName,
    /// The engine.
    pub engine: EngineName,
    /// What the asker wants to be told.
    pub answer: MatchAnswer,
    /// Which evaluation keys the query is under (see [`KeySet`](crate::keys::KeySet)).
    pub keys: Digest,
    /// Where each alternative was taken, in their order: it is compared with templates taken there.
    pub positions: Vec<Position>,
}

/// The engine of a query. An agreement may allow engines that this program does not have, so ask before
/// a query is admitted and paid.
///
/// # Errors
/// [`RefusalCode::EngineMissing`].
pub fn engine(name: &EngineName) -> Result<&'static dyn Engine, Refusal> {
    engine::engine(name.as_str()).ok_or_else(|| {
        Refusal::new(RefusalCode::EngineMissing, format!("this node does not have the engine {name}"))
    })
}

/// A request for what a query needs first: the current snapshot of a slice for an exact query, the
/// setting up of evaluation keys for a match. It costs nothing; the rules must permit the officer some
/// query for this purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fetch {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// The digest of the shared rules, as the asker has them.
    pub rules: Digest,
    /// Who asks.
    pub asker: AgencyCode,
    /// Who is asked.
    pub holder: AgencyCode,
    /// Which register.
    pub register: RegisterName,
    /// Why.
    pub purpose: Purpose,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// The pseudonym of the officer.
    pub officer: OfficerId,
    /// Whether the query will carry a case reference.
    pub case: bool,
    /// What keys are set up for; absent where a snapshot is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<MatchSetup>,
}

/// What evaluation keys are set up for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatchSetup {
    /// The form of the templates.
    pub form: FormName,
    /// The engine.
    pub engine: EngineName,
}

impl Fetch {
    /// The exchange it serves.
    pub fn exchange(&self) -> ExchangeKind {
        if self.matching.is_some() { ExchangeKind::Match } else { ExchangeKind::Exact }
    }

    /// The smallest query that it could serve.
    pub fn smallest_ask(&self, terms: &Terms) -> Ask {
        let matching = self.matching.as_ref().map(|setup| {
            let form = terms.matching.as_ref().and_then(|agreed| agreed.form(&setup.form));
            let taken = |position: &&Position| form.is_some_and(|form| form.modality == position.modality());
            MatchAsk {
                form: setup.form.clone(),
                engine: setup.engine.clone(),
                answer: form.and_then(|form| form.answers.first().copied()).unwrap_or(MatchAnswer::Any),
                keys: Digest([0; 32]),
                positions: Position::ALL.iter().find(taken).copied().into_iter().collect(),
            }
        });
        Ask {
            query: QueryId([0; 16]),
            agreement: self.agreement,
            rules: self.rules,
            asker: self.asker.clone(),
            holder: self.holder.clone(),
            exchange: self.exchange(),
            register: self.register.clone(),
            purpose: self.purpose,
            basis: self.basis,
            officer: self.officer.clone(),
            case: self.case.then_some(Digest([0; 32])),
            items: 1,
            snapshot: None,
            matching,
            // The query itself says it.
            unexplained: 0,
            commitment: Digest([0; 32]),
            digest: Digest([0; 32]),
            asked_at: Timestamp(0),
        }
    }
}

/// The digest of a case reference. The query's id keeps equal references from being linked at a
/// glance; who tries out every reference of a known form finds the one that was meant.
pub fn case_digest(query: &QueryId, reference: &str) -> Digest {
    Digest::of("symbolon/case/1", &[query.as_bytes().as_slice(), reference.as_bytes()].concat())
}

#[cfg(test)]
mod tests;
