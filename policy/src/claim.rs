//! Claims: what follows a hit, in the words of both agencies.
//!
//! The asker opens its probe and says who claims, who verified the hit and which fields it requests. The
//! holder replays the query and answers with an [`Outcome`]: the records found, under references that mean
//! nothing elsewhere, and how each field stands. What is released is sealed to the officer and named in a
//! [`Release`], which both sign. A hit is a candidate; a claim that finds nothing earns nothing.
//!
//! Source: Regulation (EU) 2024/982, Articles 33, 47 and 48, for the steps.

use serde::{Deserialize, Serialize};

use crate::{
    agreement::ClaimTerms,
    ask::{Ask, case_digest},
    class::RecordClass,
    permit::{InForce, Refusal, RefusalCode},
    receipt::Receipt,
    rules::{ExchangeKind, ReleaseContext},
    signing::{Document, Signature},
    words::{
        AgencyCode, AgreementId, ClaimId, Digest, Field, LegalBasis, OfficerId, QueryId, Reference, Timestamp,
    },
};

/// The most identifiers of one query that a claim opens.
pub const MOST_ITEMS: usize = 100;
/// The longest case reference, in characters.
pub const LONGEST_CASE: usize = 200;
/// The most persons of the holder who may have to approve.
pub const MOST_APPROVALS: u8 = 2;

/// What an asker says when it claims a hit. Signed by its agreement key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Names the claim; a retry carries the same.
    pub claim: ClaimId,
    /// The query whose hit is claimed.
    pub query: QueryId,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Who claims.
    pub asker: AgencyCode,
    /// Of whom.
    pub holder: AgencyCode,
    /// On which legal basis; that of the query.
    pub basis: LegalBasis,
    /// The case reference; the query carried its digest.
    pub case: String,
    /// The officer who claims.
    pub officer: OfficerId,
    /// The age recipient of that officer, to which releases are sealed.
    pub seal: String,
    /// The officer who verified the hit, another one than the one who claims.
    pub verified_by: OfficerId,
    /// When that was, by the asker's clock.
    pub verified_at: Timestamp,
    /// Places of the identifiers that are opened, ascending; none for a match, which is opened whole.
    pub items: Vec<u32>,
    /// Which fields are requested, in the order of the list, none twice.
    pub fields: Vec<Field>,
    /// Digest of what is opened.
    pub opening: Digest,
    /// When, by the asker's clock.
    pub claimed_at: Timestamp,
}

impl Document for Claim {
    const LABEL: &'static str = "symbolon/claim/1";
}

/// The digest of what a claim opens.
pub fn opening_digest(opening: &[u8]) -> Digest {
    Digest::of("symbolon/opening/1", opening)
}

impl Claim {
    /// Checks a claim against the query that was asked and its receipt, before anything is replayed.
    ///
    /// # Errors
    /// The [`Refusal`] with its reason code.
    pub fn check<'a>(
        &self,
        agreement: &'a InForce,
        ask: &Ask,
        receipt: &Receipt,
        now: Timestamp,
    ) -> Result<&'a ClaimTerms, Refusal> {
        agreement.releases(now)?;
        let terms = agreement.terms().claims.as_ref().ok_or_else(|| {
            Refusal::new(RefusalCode::ClaimsNotAgreed, "the agreement has no terms for claims")
        })?;
        let of_the_query = self.query == ask.query
            && receipt.ask == *ask
            && (self.agreement, &self.asker, &self.holder) == (ask.agreement, &ask.asker, &ask.holder)
            && ask.agreement == agreement.id();
        if !of_the_query {
            return Err(unknown());
        }
        self.well_formed(ask)?;
        let hours = i64::from(terms.claim_hours).saturating_mul(Timestamp::HOUR);
        if now > receipt.answered_at.plus(hours) {
            let text = format!(
                "the query was answered on {}; a claim is taken {} hours long",
                receipt.answered_at, terms.claim_hours
            );
            return Err(Refusal::new(RefusalCode::ClaimTooLate, text));
        }
        if ask.case != Some(case_digest(&ask.query, &self.case)) || ask.basis != self.basis {
            let text = "the case reference or the legal basis is another one than that of the query";
            return Err(Refusal::new(RefusalCode::CaseDiffers, text));
        }
        Ok(terms)
    }

    /// What decides whether a field is released to the officer who claims, on the basis of the claim, with so many
    /// approvals.
    pub fn release(&self, ask: &Ask, field: Field, approvals: u8) -> ReleaseContext {
        let (officer, legal_basis) = (self.officer.clone(), self.basis);
        ReleaseContext { officer, legal_basis, ..ask.release(field, approvals) }
    }

    fn well_formed(&self, ask: &Ask) -> Result<(), Refusal> {
        let malformed = |text: &str| Err(Refusal::new(RefusalCode::Malformed, text));
        let ascending = |items: &[u32]| items.iter().zip(items.iter().skip(1)).all(|(a, b)| a < b);
        match ask.exchange {
            ExchangeKind::Count => return malformed("a count has no hits to claim"),
            ExchangeKind::Match if !self.items.is_empty() => {
                return malformed("a match is opened whole, not by items");
            }
            ExchangeKind::Exact => {
                let known = self.items.iter().all(|item| *item < ask.items);
                if !(1..=MOST_ITEMS).contains(&self.items.len()) || !ascending(&self.items) || !known {
                    return malformed("a claim opens from 1 to 100 different items of its query, ascending");
                }
            }
            ExchangeKind::Match => {}
        }
        let fields = self.fields.iter().zip(self.fields.iter().skip(1)).all(|(a, b)| a < b);
        if self.fields.is_empty() || !fields {
            return malformed(
                "the fields of a claim are in the order of their list, none twice, at least one",
            );
        }
        if self.verified_by == self.officer {
            return malformed("a hit is verified by another officer than the one who claims it");
        }
        if !is_case(&self.case) {
            return malformed("the case reference has from 1 to 200 characters, in one line");
        }
        if self.seal.len() > 200 {
            return malformed("the officer's recipient is too long");
        }
        Ok(())
    }
}

/// Whether a text is a case reference: it says something, in one line of at most [`LONGEST_CASE`] characters.
pub fn is_case(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().nth(LONGEST_CASE).is_none() && !text.contains(char::is_control)
}

/// The refusal of a claim whose query this node did not answer.
pub fn unknown() -> Refusal {
    Refusal::new(RefusalCode::UnknownQuery, "no such query of this asker was answered under this agreement")
}

/// How a requested field of a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is released when so many persons of the holder have approved.
    Needs(u8),
    /// The rules refuse it.
    Refused,
    /// The record has no such field.
    Absent,
}

/// What the rules say of one field of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldDecision {
    /// Which field.
    pub field: Field,
    /// How it stands.
    pub standing: Standing,
    /// The clauses that decided, by id.
    pub clauses: Vec<String>,
}

/// Puts a requested field of a record to the rules: with no approval, with one, with two. If the agreement of the
/// query was amended since, both must let it: the rules it was asked under, and those in their place. The stricter
/// decides, the earlier where they agree.
pub fn decide(
    agreement: &InForce,
    claim: &Claim,
    ask: &Ask,
    class: &RecordClass,
    field: Field,
    now: Timestamp,
) -> FieldDecision {
    let first = decide_by(agreement, claim, ask, class, field);
    let strictness = |decision: &FieldDecision| match decision.standing {
        Standing::Needs(approvals) => approvals,
        Standing::Refused | Standing::Absent => u8::MAX,
    };
    let next = agreement.in_place(now).map(|next| decide_by(next, claim, ask, class, field));
    next.filter(|next| strictness(next) > strictness(&first)).unwrap_or(first)
}

fn decide_by(
    agreement: &InForce,
    claim: &Claim,
    ask: &Ask,
    class: &RecordClass,
    field: Field,
) -> FieldDecision {
    let mut refused = Vec::new();
    for approvals in 0..=MOST_APPROVALS {
        let decision = agreement.rulebook().release(&claim.release(ask, field, approvals), class);
        let clauses = decision.clauses.into_iter().map(|clause| clause.id).collect();
        if decision.permitted {
            return FieldDecision { field, standing: Standing::Needs(approvals), clauses };
        }
        refused = clauses;
    }
    FieldDecision { field, standing: Standing::Refused, clauses: refused }
}

/// A record that a claim found, as the asker is told of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// Names the record towards this claim.
    pub reference: Reference,
    /// The item whose identifier it has; nothing for a match.
    pub item: Option<u32>,
    /// How the requested fields stand, in their order.
    pub fields: Vec<(Field, Standing)>,
}

/// What a claim found. Signed by the holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Digest of the claim.
    pub claim: Digest,
    /// The records; none if the hit was false or the record is no longer in the slice.
    pub found: Vec<Told>,
    /// Until when the holder decides, unless its clock is stopped.
    pub decide_by: Timestamp,
    /// When, by the holder's clock.
    pub at: Timestamp,
}

impl Document for Outcome {
    const LABEL: &'static str = "symbolon/claim-outcome/1";
}

/// Fields that are released. Signed by the holder, countersigned by the asker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Names the claim.
    pub claim: ClaimId,
    /// From 0, in the order of the releases of a claim.
    pub number: u32,
    /// Of which record which fields.
    pub fields: Vec<(Reference, Vec<Field>)>,
    /// Who approved, in that order; as many as these fields needed.
    pub approved_by: Vec<OfficerId>,
    /// Digest of the sealed fields.
    pub sealed: Digest,
    /// Length of the sealed fields.
    pub bytes: u64,
    /// When, by the holder's clock.
    pub at: Timestamp,
}

impl Release {
    /// How many persons approved it.
    pub fn approvals(&self) -> u8 {
        u8::try_from(self.approved_by.len()).unwrap_or(u8::MAX)
    }

    /// Whether it has a field of a record.
    pub fn has(&self, reference: Reference, field: Field) -> bool {
        self.fields.iter().any(|(known, fields)| *known == reference && fields.contains(&field))
    }
}

impl Document for Release {
    const LABEL: &'static str = "symbolon/release/1";
}

/// A release and its signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRelease {
    /// What is released.
    pub release: Release,
    /// By the holder.
    pub holder: Signature,
    /// By the asker, once it has the sealed fields.
    pub asker: Option<Signature>,
}

#[cfg(test)]
pub(crate) mod tests;
