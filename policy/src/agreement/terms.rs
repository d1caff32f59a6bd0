//! The terms of an agreement.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use symbolon_protocol::{count::noise::Noise, exact, padding::Buckets};

use super::{AgreementError, MatchTerms};
use crate::{
    rules::{Kind, RuleSet},
    signing::PublicKey,
    words::{AgencyCode, AgreementId, Digest, Purpose, RegisterName, Timestamp},
};

/// Everything two agencies agree on. Times are UTC; the file is TOML in draft and JSON when signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// Version of this form: 1.
    pub version: u32,
    /// What people call the agreement.
    pub title: String,
    /// The version of canonical identifiers.
    pub canonicalisation: String,
    /// From when on it holds.
    pub valid_from: Timestamp,
    /// Until when; expired means closed.
    pub valid_until: Timestamp,
    /// The agreement whose place these terms take from `valid_from` on, if they amend one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amends: Option<AgreementId>,
    /// Digests of certificates of proofs about the shared rules, which whoever signs has checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proofs: Vec<Digest>,
    /// The two parties; their order means nothing.
    pub parties: Vec<Party>,
    /// How finely padded sizes of slices are told, in every exchange; 8 to each doubling where the terms say nothing.
    #[serde(default, skip_serializing_if = "unsaid")]
    pub buckets: Buckets,
    /// Exact intersection, if agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<ExactTerms>,
    /// Counts, if agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<CountTerms>,
    /// The match, if agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<MatchTerms>,
    /// Claims after a hit, if agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimTerms>,
    /// How much may be asked. A query must fit every quota that concerns it, and at least one must.
    #[serde(default)]
    pub quotas: Vec<Quota>,
    /// The shared rules, in the Cedar language.
    pub rules: String,
}

/// One of the two agencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its code.
    pub code: AgencyCode,
    /// Its display name; a footnote may be part of it.
    pub name: String,
    /// The libp2p peer id of its node.
    pub peer: String,
    /// Its agreement key.
    pub key: PublicKey,
    /// Where its node can be reached when the agreement is made.
    #[serde(default)]
    pub addresses: Vec<String>,
}

/// Terms of exact intersection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExactTerms {
    /// The most identifiers in one query, at most 65,535.
    pub largest_batch: u32,
    /// How long a snapshot and its key live, in hours.
    pub epoch_hours: u32,
}

/// Terms of counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountTerms {
    /// The fewest distinct identifiers in a batch, at least 100.
    pub smallest_batch: u32,
    /// The most, at most 1,000,000.
    pub largest_batch: u32,
    /// One count a register and purpose is answered in a period of so many days.
    pub period_days: u32,
    /// ε of one count, in thousandths.
    pub epsilon_milli: u32,
    /// Dummies in a batch, an even number; fixes δ (see docs/protocols/count.md).
    pub dummies: u32,
    /// The most ε that all counts of a period may spend together, in thousandths.
    pub epsilon_budget_milli: u32,
}

/// Terms of claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimTerms {
    /// How long after its answer a query may be claimed, in hours.
    pub claim_hours: u32,
    /// How long the holder has to approve or refuse a claim, in hours; the time in which it waits for a
    /// judicial authorisation is not counted.
    pub decide_hours: u32,
    /// The most records that one claim may find; beyond it is answered as too many, and nothing else.
    pub most_records: u32,
}

/// How much one party may ask of the other in a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// Who asks.
    pub asker: AgencyCode,
    /// Of which register; of each when absent, all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<RegisterName>,
    /// For which purpose; for every one when absent, all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<Purpose>,
    /// Whether the limit is for every officer by itself.
    #[serde(default)]
    pub per_officer: bool,
    /// What is counted.
    pub unit: Unit,
    /// The most of it.
    pub limit: u64,
    /// In a period of so many days.
    pub period_days: u32,
}

/// What a quota counts. A quota does not concern queries that have nothing of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Identifiers asked about, in exact queries and counts.
    Identifiers,
    /// Probes of matches: every alternative of a query is one.
    Probes,
    /// Queries, of every exchange.
    Queries,
}

fn unsaid(buckets: &Buckets) -> bool {
    *buckets == Buckets::default()
}

pub(super) const LONGEST_EPOCH_HOURS: u32 = 24 * 31;
pub(super) const LONGEST_PERIOD_DAYS: u32 = 3_660;
const MOST_CLAIMED: u32 = 100;
const MOST_PROOFS: usize = 16;
const TEXT_LIMIT: usize = 500;

impl ExactTerms {
    /// What [`largest_batch`](Self::largest_batch) may be.
    pub const LARGEST_BATCH: RangeInclusive<u32> = 1..=exact::BATCH_LIMIT;
    /// What [`epoch_hours`](Self::epoch_hours) may be.
    pub const EPOCH_HOURS: RangeInclusive<u32> = 1..=LONGEST_EPOCH_HOURS;
}

impl Terms {
    /// The version that this program reads and writes.
    pub const VERSION: u32 = 1;

    /// The party with this code.
    ///
    /// # Errors
    /// [`AgreementError::NotAParty`] if there is none.
    pub fn party(&self, code: &AgencyCode) -> Result<&Party, AgreementError> {
        let party = self.parties.iter().find(|party| party.code == *code);
        party.ok_or_else(|| AgreementError::NotAParty(code.clone()))
    }

    /// The other party than the one with this code.
    ///
    /// # Errors
    /// [`AgreementError::NotAParty`] if `code` is none of the two.
    pub fn partner_of(&self, code: &AgencyCode) -> Result<&Party, AgreementError> {
        self.party(code)?;
        let partner = self.parties.iter().find(|party| party.code != *code);
        partner.ok_or_else(|| AgreementError::NotAParty(code.clone()))
    }

    /// The shared rules.
    ///
    /// # Errors
    /// [`AgreementError::Rules`] if they do not stand.
    pub fn shared_rules(&self) -> Result<RuleSet, AgreementError> {
        RuleSet::parse(&self.rules, Kind::Shared).map_err(AgreementError::Rules)
    }

    /// The noise of counts.
    ///
    /// # Errors
    /// [`AgreementError::Term`] if counts are not agreed or their noise is out of range.
    pub fn noise(&self) -> Result<Noise, AgreementError> {
        let count = self.count.as_ref().ok_or_else(|| term("count", "is absent: counts are not agreed"))?;
        Noise::new(count.epsilon_milli, count.dummies).map_err(|fault| term("count", &fault.to_string()))
    }

    /// Checks every term.
    ///
    /// # Errors
    /// [`AgreementError`] with the first term that does not stand.
    pub fn check(&self) -> Result<(), AgreementError> {
        check(
            self.version == Self::VERSION,
            "version",
            "must be 1; make the agreement anew with this program",
        )?;
        check(text(&self.title), "title", "must be 1 to 500 characters")?;
        check(
            self.canonicalisation == symbolon_protocol::identifier::CANONICALISATION,
            "canonicalisation",
            "must be the version that this program uses; see docs/identifiers.md",
        )?;
        check(self.valid_from < self.valid_until, "valid_until", "must be later than `valid_from`")?;
        self.check_parties()?;
        let each_once = self
            .proofs
            .iter()
            .enumerate()
            .all(|(at, proof)| !self.proofs.iter().take(at).any(|p| p == proof));
        check(
            self.proofs.len() <= MOST_PROOFS && each_once,
            "proofs",
            "must be at most 16 digests, none twice",
        )?;
        let something = self.exact.is_some() || self.count.is_some() || self.matching.is_some();
        check(something, "exact", "or `count` or `matching` must be there")?;
        if let Some(exact) = &self.exact {
            let batch = ExactTerms::LARGEST_BATCH.contains(&exact.largest_batch);
            check(batch, "exact.largest_batch", "must be from 1 to 65,535")?;
            let epoch = ExactTerms::EPOCH_HOURS.contains(&exact.epoch_hours);
            check(epoch, "exact.epoch_hours", "must be from 1 to 744")?;
        }
        if let Some(count) = &self.count {
            count.check()?;
            self.noise()?;
        }
        self.matching.iter().try_for_each(MatchTerms::check)?;
        self.claims.iter().try_for_each(ClaimTerms::check)?;
        for (index, quota) in self.quotas.iter().enumerate() {
            let path = |name: &str| format!("quotas[{index}].{name}");
            check(self.party(&quota.asker).is_ok(), &path("asker"), "must be one of the parties")?;
            check(period(quota.period_days), &path("period_days"), "must be from 1 to 3,660")?;
        }
        self.shared_rules().map(drop)
    }

    fn check_parties(&self) -> Result<(), AgreementError> {
        let [first, second] = self.parties.as_slice() else {
            return Err(term("parties", "must be exactly two"));
        };
        let apart = first.code != second.code && first.key != second.key && first.peer != second.peer;
        check(apart, "parties", "must differ in code, key and peer id")?;
        for (index, party) in self.parties.iter().enumerate() {
            let path = |name: &str| format!("parties[{index}].{name}");
            check(text(&party.name), &path("name"), "must be 1 to 500 characters")?;
            check(text(&party.peer), &path("peer"), "must be a peer id")?;
            let addresses = party.addresses.len() <= 16 && party.addresses.iter().all(|a| text(a));
            check(addresses, &path("addresses"), "must be at most 16 multiaddresses")?;
        }
        Ok(())
    }
}

impl CountTerms {
    /// What both batches may be; the smallest is not above the largest.
    pub const BATCH: RangeInclusive<u32> = 100..=1_000_000;

    fn check(&self) -> Result<(), AgreementError> {
        let batch = Self::BATCH;
        let smallest = (*batch.start()..=self.largest_batch).contains(&self.smallest_batch);
        check(smallest, "count.smallest_batch", "must be at least 100 and at most `largest_batch`")?;
        check(self.largest_batch <= *batch.end(), "count.largest_batch", "must be at most 1,000,000")?;
        check(period(self.period_days), "count.period_days", "must be from 1 to 3,660")?;
        let budget = self.epsilon_budget_milli >= self.epsilon_milli;
        check(budget, "count.epsilon_budget_milli", "must be at least `epsilon_milli`")
    }
}

impl ClaimTerms {
    /// What the hours of claims may be.
    pub const HOURS: RangeInclusive<u32> = 1..=LONGEST_EPOCH_HOURS;

    fn check(&self) -> Result<(), AgreementError> {
        let hours = |hours| Self::HOURS.contains(&hours);
        check(hours(self.claim_hours), "claims.claim_hours", "must be from 1 to 744")?;
        check(hours(self.decide_hours), "claims.decide_hours", "must be from 1 to 744")?;
        check((1..=MOST_CLAIMED).contains(&self.most_records), "claims.most_records", "must be from 1 to 100")
    }
}

fn period(days: u32) -> bool {
    (1..=LONGEST_PERIOD_DAYS).contains(&days)
}

fn text(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= TEXT_LIMIT && !text.chars().any(char::is_control)
}

pub(super) fn term(term: &str, problem: &str) -> AgreementError {
    AgreementError::Term { term: term.to_owned(), problem: problem.to_owned() }
}

pub(super) fn check(stands: bool, name: &str, problem: &str) -> Result<(), AgreementError> {
    if stands { Ok(()) } else { Err(term(name, problem)) }
}
