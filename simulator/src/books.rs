//! An agency's meters in memory, with the same meaning as those a node keeps from its journal.

use std::collections::BTreeMap;

use symbolon_policy::{
    quota::{Balance, Charge, Ledger, MeterKey},
    words::{AgencyCode, AgreementId, Timestamp},
};

/// What was spent, and what was answered both ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    meters: BTreeMap<MeterKey, u64>,
    balances: BTreeMap<(AgreementId, AgencyCode), Balance>,
}

impl Books {
    /// Every meter that ever went up, and its reading.
    pub fn meters(&self) -> impl Iterator<Item = (&MeterKey, u64)> {
        self.meters.iter().map(|(key, spent)| (key, *spent))
    }

    pub(crate) fn charge(&mut self, charges: &[Charge]) {
        for Charge { key, amount, .. } in charges {
            let spent = self.meters.entry(key.clone()).or_default();
            *spent = spent.saturating_add(*amount);
        }
    }

    pub(crate) fn balance_mut(&mut self, agreement: AgreementId, partner: &AgencyCode) -> &mut Balance {
        self.balances.entry((agreement, partner.clone())).or_default()
    }
}

impl Ledger for Books {
    fn spent(&self, key: &MeterKey) -> u64 {
        self.meters.get(key).copied().unwrap_or(0)
    }

    fn balance(&self, agreement: &AgreementId, partner: &AgencyCode) -> Balance {
        self.balances.get(&(*agreement, partner.clone())).copied().unwrap_or_default()
    }

    /// Nobody claims here, so no hit is ever due.
    fn unexplained(&self, _agreement: &AgreementId, _now: Timestamp) -> u64 {
        0
    }
}
