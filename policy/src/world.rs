//! Two agencies, their agreement and a query, for tests.

use std::collections::HashMap;

use ed25519_dalek::SigningKey;
use symbolon_protocol::{identifier::CANONICALISATION, padding::Buckets};

use crate::{
    agreement::{
        Agreement, CountTerms, ExactTerms, FormTerms, MatchAnswer, MatchTerms, Party, Quota, Terms, Unit,
    },
    ask::{Ask, Fetch, MatchAsk, MatchSetup},
    permit::InForce,
    quota::{Balance, Charge, Ledger, MeterKey},
    rules::{ExchangeKind, Kind, RuleSet},
    signing::Signer,
    words::{
        AgencyCode, AgreementId, Digest, LegalBasis, Modality, OfficerId, Position, Purpose, QueryId,
        RegisterName, Timestamp,
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
        amends: None,
        proofs: Vec::new(),
        buckets: Buckets::default(),
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
        matching: None,
        claims: None,
        quotas: vec![quota(Unit::Identifiers, 1_000)],
        rules: OPEN.into(),
    }
}

/// Terms of a match of irises, with both answers, and of faces, with one.
pub(crate) fn matching() -> MatchTerms {
    let iris = FormTerms {
        name: "iris".parse().unwrap(),
        modality: Modality::Iris,
        length: 2_048,
        masked: true,
        s: 2,
        p: 5,
        kappa: 600,
        degrees_of_freedom: 249,
        alternatives: 14,
        answers: vec![MatchAnswer::Any, MatchAnswer::Candidates],
        cap: 4,
        projection: None,
    };
    let face = FormTerms {
        name: "face".parse().unwrap(),
        modality: Modality::Face,
        length: 512,
        masked: false,
        kappa: 300,
        degrees_of_freedom: 65,
        alternatives: 1,
        answers: vec![MatchAnswer::Candidates],
        cap: 16,
        ..iris.clone()
    };
    MatchTerms {
        engines: vec!["first/1".parse().unwrap(), "second/1".parse().unwrap()],
        against_asker: None,
        against_holder: None,
        key_hours: 24,
        largest_slice: 1_024,
        budget: 500,
        budget_days: 365,
        prior_permille: 10,
        forms: vec![iris, face],
    }
}

/// The same terms with a match, of which RS may ask 1,000 probes a day.
pub(crate) fn match_terms() -> Terms {
    let quotas = vec![quota(Unit::Identifiers, 1_000), quota(Unit::Probes, 1_000)];
    Terms { matching: Some(matching()), quotas, ..terms() }
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
        matching: None,
        unexplained: 0,
        commitment: Digest([1; 32]),
        digest: Digest([2; 32]),
        asked_at: NOW,
    }
}

/// The same as a count of 100.
pub(crate) fn count(agreement: &InForce) -> Ask {
    Ask { exchange: ExchangeKind::Count, purpose: Purpose::Statistics, items: 100, ..ask(agreement) }
}

/// RS asks MK for candidates, by five alternatives of an iris.
pub(crate) fn match_ask(agreement: &InForce) -> Ask {
    let matching = MatchAsk {
        form: "iris".parse().unwrap(),
        engine: "second/1".parse().unwrap(),
        answer: MatchAnswer::Candidates,
        keys: Digest([3; 32]),
        positions: vec![Position::LeftIris; 5],
    };
    Ask { exchange: ExchangeKind::Match, matching: Some(matching), ..ask(agreement) }
}

/// RS sets up the keys for it.
pub(crate) fn setup(agreement: &InForce) -> Fetch {
    let setup = MatchSetup { form: "iris".parse().unwrap(), engine: "second/1".parse().unwrap() };
    Fetch { matching: Some(setup), ..fetch(agreement) }
}

/// RS fetches the snapshot it needs for [`ask`].
pub(crate) fn fetch(agreement: &InForce) -> Fetch {
    let Ask { agreement, rules, asker, holder, register, purpose, basis, officer, .. } = ask(agreement);
    Fetch { agreement, rules, asker, holder, register, purpose, basis, officer, case: false, matching: None }
}

/// Meters in memory.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    pub(crate) spent: HashMap<MeterKey, u64>,
    pub(crate) balance: Balance,
    pub(crate) unexplained: u64,
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

    fn unexplained(&self, _agreement: &AgreementId, _now: Timestamp) -> u64 {
        self.unexplained
    }
}
