//! Two agencies, their agreement and a query, for tests.

use std::collections::HashMap;

use ed25519_dalek::SigningKey;
use symbolon_protocol::identifier::CANONICALISATION;

use crate::{
    agreement::{Agreement, CountTerms, ExactTerms, Party, Quota, Terms, Unit},
    ask::Ask,
    permit::InForce,
    quota::{Balance, Charge, Ledger, MeterKey},
    rules::{ExchangeKind, Kind, RuleSet},
    signing::Signer,
    words::{
        AgencyCode, AgreementId, Digest, LegalBasis, OfficerId, Purpose, QueryId, RegisterName, Timestamp,
    },
};

/// Permits everything.
pub(crate) const OPEN: &str = "@id(\"all\")\n@title(\"All\")\npermit(principal, action, resource);\n";

/// The moment of every test that does not say another.
pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000);

/// An agency's agreement key.
pub(crate) fn key(agency: u8) -> SigningKey {
    SigningKey::from_bytes(&[agency; 32])
}

pub(crate) fn rs() -> AgencyCode {
    "RS".parse().unwrap()
}

pub(crate) fn mk() -> AgencyCode {
    "MK".parse().unwrap()
}

pub(crate) fn border() -> RegisterName {
    "border".parse().unwrap()
}

pub(crate) fn officer(name: &str) -> OfficerId {
    name.parse().unwrap()
}

fn party(code: AgencyCode, agency: u8) -> Party {
    Party {
        name: format!("Agency of {code}"),
        peer: format!("peer of {code}"),
        code,
        key: key(agency).public(),
        addresses: vec!["/ip4/192.0.2.1/tcp/7000".into()],
    }
}

/// A quota of RS over a day, for everything together.
pub(crate) fn quota(unit: Unit, limit: u64) -> Quota {
    Quota { asker: rs(), register: None, purpose: None, per_officer: false, unit, limit, period_days: 1 }
}

/// Terms under which RS may ask 1,000 identifiers a day, and one count a register and purpose.
pub(crate) fn terms() -> Terms {
    Terms {
        version: 1,
        title: "Test agreement".into(),
        canonicalisation: CANONICALISATION.into(),
        valid_from: "2026-11-01T00:00:00Z".parse().unwrap(),
        valid_until: "2027-11-01T00:00:00Z".parse().unwrap(),
        parties: vec![party(rs(), 1), party(mk(), 2)],
        exact: Some(ExactTerms { largest_batch: 100, epoch_hours: 24 }),
        count: Some(CountTerms {
            smallest_batch: 100,
            largest_batch: 200,
            period_days: 30,
            epsilon_milli: 1_000,
            dummies: 30,
            epsilon_budget_milli: 2_500,
        }),
        quotas: vec![quota(Unit::Identifiers, 1_000)],
        rules: OPEN.into(),
    }
}

/// An agreement on `terms` that both parties signed.
pub(crate) fn signed(terms: Terms) -> Agreement {
    let mut agreement = Agreement::new(terms).unwrap();
    agreement.sign(&rs(), &key(1)).unwrap();
    agreement.sign(&mk(), &key(2)).unwrap();
    agreement
}

/// The same, in force.
pub(crate) fn in_force(terms: Terms) -> InForce {
    InForce::new(&signed(terms), None).unwrap()
}

/// The same under MK's national rules.
pub(crate) fn in_force_under(terms: Terms, national: &str) -> InForce {
    InForce::new(&signed(terms), Some(RuleSet::parse(national, Kind::National).unwrap())).unwrap()
}

/// RS asks MK exactly about five identifiers.
pub(crate) fn ask(agreement: &InForce) -> Ask {
    Ask {
        query: QueryId([7; 16]),
        agreement: agreement.id(),
        rules: agreement.rules_digest(),
        asker: rs(),
        holder: mk(),
        exchange: ExchangeKind::Exact,
        register: border(),
        purpose: Purpose::IrregEntry,
        basis: LegalBasis::Readmission,
        officer: officer("ana"),
        case: None,
        items: 5,
        snapshot: None,
        commitment: Digest([1; 32]),
        digest: Digest([2; 32]),
        asked_at: NOW,
    }
}

/// The same as a count of 100.
pub(crate) fn count(agreement: &InForce) -> Ask {
    Ask { exchange: ExchangeKind::Count, purpose: Purpose::Statistics, items: 100, ..ask(agreement) }
}

/// Meters in memory.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    pub(crate) spent: HashMap<MeterKey, u64>,
    pub(crate) balance: Balance,
}

impl Meters {
    pub(crate) fn charge(&mut self, charges: &[Charge]) {
        charges.iter().for_each(|charge| *self.spent.entry(charge.key.clone()).or_default() += charge.amount);
    }
}

impl Ledger for Meters {
    fn spent(&self, key: &MeterKey) -> u64 {
        self.spent.get(key).copied().unwrap_or(0)
    }

    fn balance(&self, _agreement: &AgreementId, _partner: &AgencyCode) -> Balance {
        self.balance
    }
}
