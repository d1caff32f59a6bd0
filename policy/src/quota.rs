//! Quotas: what a query costs, and whether it can be paid.
//!
//! A [`Charge`] says which meter goes up by how much, and how far it may go. Both nodes keep the
//! meters from their journals; the policy only reads them through [`Ledger`].

use serde::{Deserialize, Serialize};

use crate::{
    agreement::{Quota, Terms, Unit},
    ask::Ask,
    rules::ExchangeKind,
    words::{AgencyCode, AgreementId, OfficerId, Purpose, RegisterName, Timestamp},
};

/// What is metered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meter {
    /// The quota at this place of the agreement, for one officer where it is per officer.
    Quota {
        /// Place among the quotas, from 0.
        index: u32,
        /// The officer.
        officer: Option<OfficerId>,
    },
    /// Counts of one register for one purpose.
    Counts {
        /// The register.
        register: RegisterName,
        /// The purpose.
        purpose: Purpose,
    },
    /// ε spent on counts, in thousandths.
    Epsilon,
    /// Probes of one register, for every purpose and by every officer together.
    Probes {
        /// The register.
        register: RegisterName,
    },
}

/// A meter of one asker under one agreement in one period.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeterKey {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Who asks.
    pub asker: AgencyCode,
    /// What is metered.
    pub meter: Meter,
    /// Which period since 1970, of the length that the agreement gives.
    pub period: i64,
}

/// One meter goes up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// Which.
    pub key: MeterKey,
    /// By how much.
    pub amount: u64,
    /// How far it may go.
    pub limit: u64,
}

/// What was spent so far.
pub trait Ledger {
    /// The reading of a meter.
    fn spent(&self, key: &MeterKey) -> u64;
    /// Answers given to and received from a partner under an agreement, in identifiers.
    fn balance(&self, agreement: &AgreementId, partner: &AgencyCode) -> Balance;
    /// Hits of this node's own queries under an agreement that were neither claimed nor explained in time.
    fn unexplained(&self, agreement: &AgreementId, now: Timestamp) -> u64;
}

/// Identifiers and probes answered both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// To the partner.
    pub given: u64,
    /// By the partner.
    pub received: u64,
}

impl Balance {
    /// (given - received) / (given + received) per mille; 0 when nothing was answered.
    pub fn reciprocity(self) -> i16 {
        let (given, received) = (i128::from(self.given), i128::from(self.received));
        let share =
            given.saturating_sub(received).saturating_mul(1_000).checked_div(given.saturating_add(received));
        i16::try_from(share.unwrap_or(0)).unwrap_or(0)
    }
}

/// What a query costs at a moment. An empty list means that no quota concerns it.
pub fn charges(terms: &Terms, ask: &Ask, now: Timestamp) -> Vec<Charge> {
    let key = |meter, days: u32| MeterKey {
        agreement: ask.agreement,
        asker: ask.asker.clone(),
        meter,
        period: now.period(i64::from(days).saturating_mul(Timestamp::DAY)),
    };
    let quotas = (0_u32..).zip(&terms.quotas).filter(|(_, quota)| concerns(quota, ask)).filter_map(
        |(index, quota)| {
            let officer = quota.per_officer.then(|| ask.officer.clone());
            Some(Charge {
                key: key(Meter::Quota { index, officer }, quota.period_days),
                amount: amount(quota.unit, ask)?,
                limit: quota.limit,
            })
        },
    );
    let counts = terms.count.iter().filter(|_| ask.exchange == ExchangeKind::Count).flat_map(|count| {
        let meter = Meter::Counts { register: ask.register.clone(), purpose: ask.purpose };
        [
            Charge { key: key(meter, count.period_days), amount: 1, limit: 1 },
            Charge {
                key: key(Meter::Epsilon, count.period_days),
                amount: u64::from(count.epsilon_milli),
                limit: u64::from(count.epsilon_budget_milli),
            },
        ]
    });
    let probes =
        terms.matching.iter().filter(|_| ask.exchange == ExchangeKind::Match).map(|matching| Charge {
            key: key(Meter::Probes { register: ask.register.clone() }, matching.budget_days),
            amount: ask.items.into(),
            limit: matching.budget.into(),
        });
    quotas.chain(counts).chain(probes).collect()
}

/// What a query has of a unit, if it has anything of it.
fn amount(unit: Unit, ask: &Ask) -> Option<u64> {
    match (unit, ask.exchange) {
        (Unit::Queries, _) => Some(1),
        (Unit::Identifiers, ExchangeKind::Exact | ExchangeKind::Count)
        | (Unit::Probes, ExchangeKind::Match) => Some(ask.items.into()),
        (Unit::Identifiers, ExchangeKind::Match)
        | (Unit::Probes, ExchangeKind::Exact | ExchangeKind::Count) => None,
    }
}

fn concerns(quota: &Quota, ask: &Ask) -> bool {
    quota.asker == ask.asker
        && quota.register.as_ref().is_none_or(|register| *register == ask.register)
        && quota.purpose.is_none_or(|purpose| purpose == ask.purpose)
}

#[cfg(test)]
mod tests;
