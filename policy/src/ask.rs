//! The opening words of a session: what is asked, signed by the asker.

use serde::{Deserialize, Serialize};

use crate::{
    rules::ExchangeKind,
    signing::Document,
    words::{
        AgencyCode, AgreementId, Digest, LegalBasis, OfficerId, Purpose, QueryId, RegisterName, SnapshotId,
        Timestamp,
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
    /// Identifiers asked about; dummies are not counted.
    pub items: u32,
    /// The snapshot that is asked, for an exact exchange.
    pub snapshot: Option<SnapshotId>,
    /// Commitment to the asker's seed.
    pub commitment: Digest,
    /// Digest of the blinded elements.
    pub digest: Digest,
    /// When, by the asker's clock.
    pub asked_at: Timestamp,
}

impl Document for Ask {
    const LABEL: &'static str = "symbolon/ask/1";
}

/// A request for the current snapshot of a slice. It comes before the query it serves, so it costs
/// nothing; the rules must permit the officer some query for this purpose.
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
}

impl Fetch {
    /// The smallest query that the snapshot could serve.
    pub(crate) fn smallest_ask(&self) -> Ask {
        Ask {
            query: QueryId([0; 16]),
            agreement: self.agreement,
            rules: self.rules,
            asker: self.asker.clone(),
            holder: self.holder.clone(),
            exchange: ExchangeKind::Exact,
            register: self.register.clone(),
            purpose: self.purpose,
            basis: self.basis,
            officer: self.officer.clone(),
            case: self.case.then_some(Digest([0; 32])),
            items: 1,
            snapshot: None,
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
