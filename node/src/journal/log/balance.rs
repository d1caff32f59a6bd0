//! What was answered each way, by partner and month.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    quota::Balance,
    words::{AgencyCode, Timestamp},
};

use crate::journal::Side;

/// One partner in one month, in identifiers and probes whose receipts both have signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BalanceLine {
    /// The partner.
    pub partner: AgencyCode,
    /// The month, as 2026-11; none for the whole period.
    pub month: Option<String>,
    /// Answered to the partner.
    pub given: u64,
    /// Answered by the partner.
    pub received: u64,
    /// (given - received) / (given + received), per mille.
    pub reciprocity: i16,
}

/// The month of a moment, in UTC, as 2026-11.
pub(super) fn month(at: Timestamp) -> String {
    // RFC 3339 begins with year and month.
    at.to_string().chars().take(7).collect()
}

/// Balances as they add up.
#[derive(Default)]
pub(super) struct Balances(BTreeMap<AgencyCode, BTreeMap<String, Balance>>);

impl Balances {
    pub(super) fn add(&mut self, side: Side, partner: &AgencyCode, items: u32, at: Timestamp) {
        let balance = self.0.entry(partner.clone()).or_default().entry(month(at)).or_default();
        let sum = match side {
            Side::Holder => &mut balance.given,
            Side::Asker => &mut balance.received,
        };
        *sum = sum.saturating_add(items.into());
    }

    pub(super) fn lines(self) -> Vec<BalanceLine> {
        let mut lines = Vec::new();
        for (partner, months) in self.0 {
            let all = months.values().fold(Balance::default(), |sum, balance| Balance {
                given: sum.given.saturating_add(balance.given),
                received: sum.received.saturating_add(balance.received),
            });
            let line = |month: Option<String>, balance: Balance| BalanceLine {
                partner: partner.clone(),
                month,
                given: balance.given,
                received: balance.received,
                reciprocity: balance.reciprocity(),
            };
            lines.extend(months.into_iter().map(|(month, balance)| line(Some(month), balance)));
            lines.push(line(None, all));
        }
        lines
    }
}
