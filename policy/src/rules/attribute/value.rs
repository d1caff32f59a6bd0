//! Values of attributes, and where they stand in a request.

use std::fmt;

use super::{Attribute, Attribute as A};
use crate::{
    class::RecordClass,
    rules::facts::{ExchangeKind, Facts, register_id},
    words::{
        AgeBand, AgencyCode, Category, Field, LegalBasis, Modality, OfficerId, Provenance, Purpose,
        RegisterName, Timestamp,
    },
};

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Value {
    Exchange(ExchangeKind),
    Asker(AgencyCode, Option<OfficerId>),
    Register(AgencyCode, RegisterName),
    Modality(Modality),
    Purpose(Purpose),
    LegalBasis(LegalBasis),
    Category(Category),
    Age(AgeBand),
    Provenance(Provenance),
    Field(Field),
    Flag(bool),
    Number(i64),
}

impl Facts {
    /// Puts `value` in place of the attribute's value. What does not fit is left as it was.
    pub(in crate::rules) fn set(&mut self, attribute: Attribute, value: &Value) {
        match self {
            Self::Query { ask, quota_left, hour, weekday } => match (attribute, value) {
                (A::Exchange, Value::Exchange(kind)) => ask.exchange = *kind,
                (A::Asker, Value::Asker(agency, officer)) => {
                    ask.asker = agency.clone();
                    officer.iter().for_each(|officer| ask.officer = officer.clone());
                }
                (A::Register, Value::Register(holder, name)) => {
                    ask.holder = holder.clone();
                    ask.register = name.clone();
                }
                (A::Modality, Value::Modality(modality)) => ask.modality = Some(*modality),
                (A::Purpose, Value::Purpose(purpose)) => ask.purpose = *purpose,
                (A::LegalBasis, Value::LegalBasis(basis)) => ask.legal_basis = *basis,
                (A::CaseReference, Value::Flag(flag)) => ask.case_reference = *flag,
                (A::BatchSize, Value::Number(n)) => ask.batch_size = (*n).try_into().unwrap_or(u32::MAX),
                (A::QuotaUsed, Value::Number(n)) => ask.quota_used = (*n).try_into().unwrap_or(u32::MAX),
                (A::QuotaLeft, Value::Number(n)) => *quota_left = *n,
                (A::OfficerUsed, Value::Number(n)) => ask.officer_used = (*n).try_into().unwrap_or(u32::MAX),
                (A::OfficerLeft, Value::Number(n)) => ask.officer_left = *n,
                (A::Balance, Value::Number(n)) => ask.balance = *n,
                (A::Unexplained, Value::Number(n)) => ask.unexplained = (*n).try_into().unwrap_or(u32::MAX),
                (A::Reciprocity, Value::Number(n)) => ask.reciprocity = (*n).try_into().unwrap_or(i16::MIN),
                (A::Weekday, Value::Number(n)) => *weekday = *n,
                (A::Hour, Value::Number(n)) => *hour = *n,
                (A::Now, Value::Number(n)) => ask.now = Timestamp(*n),
                _ => {}
            },
            Self::Release { release, class } => match (attribute, value) {
                (A::Exchange, Value::Exchange(kind)) => release.exchange = *kind,
                (A::Asker, Value::Asker(agency, officer)) => {
                    release.asker = agency.clone();
                    officer.iter().for_each(|officer| release.officer = officer.clone());
                }
                (A::Register, Value::Register(holder, name)) => {
                    release.holder = holder.clone();
                    release.register = name.clone();
                }
                (A::Purpose, Value::Purpose(purpose)) => release.purpose = *purpose,
                (A::LegalBasis, Value::LegalBasis(basis)) => release.legal_basis = *basis,
                (A::Field, Value::Field(field)) => release.field = *field,
                (A::Approvals, Value::Number(n)) => release.approvals = (*n).try_into().unwrap_or(0),
                _ => set_class(class, attribute, value),
            },
            Self::Search { search, class } => match (attribute, value) {
                (A::Exchange, Value::Exchange(kind)) => search.exchange = *kind,
                (A::Asker, Value::Asker(agency, _)) => search.asker = agency.clone(),
                (A::Register, Value::Register(holder, name)) => {
                    search.holder = holder.clone();
                    search.register = name.clone();
                }
                (A::Purpose, Value::Purpose(purpose)) => search.purpose = *purpose,
                _ => set_class(class, attribute, value),
            },
        }
    }

    /// The attributes this request is decided on.
    pub(in crate::rules) fn attributes(&self) -> &'static [Attribute] {
        match self {
            Self::Query { ask, .. } if ask.exchange == ExchangeKind::Match => Attribute::MATCH,
            Self::Query { .. } => Attribute::QUERY,
            Self::Search { .. } => Attribute::SEARCH,
            Self::Release { .. } => Attribute::RELEASE,
        }
    }

    /// The attribute's value, as people write it; empty if the request has none.
    pub(in crate::rules) fn show(&self, attribute: Attribute) -> String {
        let flag = |flag| if flag { "yes" } else { "no" }.to_owned();
        match self {
            Self::Query { ask, quota_left, hour, weekday } => match attribute {
                A::Exchange => ask.exchange.as_str().to_owned(),
                A::Asker => format!("{}/{}", ask.asker, ask.officer),
                A::Register => register_id(&ask.holder, &ask.register),
                A::Modality => ask.modality.map(|modality| modality.to_string()).unwrap_or_default(),
                A::Purpose => ask.purpose.to_string(),
                A::LegalBasis => ask.legal_basis.to_string(),
                A::CaseReference => flag(ask.case_reference),
                A::BatchSize => ask.batch_size.to_string(),
                A::QuotaUsed => ask.quota_used.to_string(),
                A::QuotaLeft => quota_left.to_string(),
                A::OfficerUsed => ask.officer_used.to_string(),
                A::OfficerLeft => ask.officer_left.to_string(),
                A::Reciprocity => ask.reciprocity.to_string(),
                A::Balance => ask.balance.to_string(),
                A::Unexplained => ask.unexplained.to_string(),
                A::Weekday => weekday.to_string(),
                A::Hour => hour.to_string(),
                A::Now => ask.now.to_string(),
                _ => String::new(),
            },
            Self::Search { search, class } => match attribute {
                A::Exchange => search.exchange.as_str().to_owned(),
                A::Asker => search.asker.to_string(),
                A::Register => register_id(&search.holder, &search.register),
                A::Purpose => search.purpose.to_string(),
                _ => show_class(class, attribute),
            },
            Self::Release { release, class } => match attribute {
                A::Exchange => release.exchange.as_str().to_owned(),
                A::Asker => format!("{}/{}", release.asker, release.officer),
                A::Register => register_id(&release.holder, &release.register),
                A::Purpose => release.purpose.to_string(),
                A::LegalBasis => release.legal_basis.to_string(),
                A::Field => release.field.to_string(),
                A::Approvals => release.approvals.to_string(),
                _ => show_class(class, attribute),
            },
        }
    }
}

fn set_class(class: &mut RecordClass, attribute: Attribute, value: &Value) {
    match (attribute, value) {
        (A::Category, Value::Category(category)) => class.category = *category,
        (A::Age, Value::Age(age)) => class.age = *age,
        (A::Provenance, Value::Provenance(provenance)) => class.provenance = *provenance,
        (A::OwnCitizen, Value::Flag(flag)) => class.own_citizen = *flag,
        (A::Vulnerable, Value::Flag(flag)) => class.vulnerable = *flag,
        (A::Marked, Value::Flag(flag)) => class.marked = *flag,
        (A::Blocked, Value::Flag(flag)) => class.blocked = *flag,
        (A::Contested, Value::Flag(flag)) => class.contested = *flag,
        _ => {}
    }
}

fn show_class(class: &RecordClass, attribute: Attribute) -> String {
    let flag = |flag| if flag { "yes" } else { "no" }.to_owned();
    match attribute {
        A::Category => class.category.to_string(),
        A::Age => class.age.to_string(),
        A::Provenance => class.provenance.to_string(),
        A::OwnCitizen => flag(class.own_citizen),
        A::Vulnerable => flag(class.vulnerable),
        A::Marked => flag(class.marked),
        A::Blocked => flag(class.blocked),
        A::Contested => flag(class.contested),
        _ => String::new(),
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(kind) => f.write_str(kind.as_str()),
            Self::Asker(agency, None) => write!(f, "{agency}"),
            Self::Asker(agency, Some(officer)) => write!(f, "{agency}/{officer}"),
            Self::Register(holder, name) => f.write_str(&register_id(holder, name)),
            Self::Modality(code) => write!(f, "{code}"),
            Self::Purpose(code) => write!(f, "{code}"),
            Self::LegalBasis(code) => write!(f, "{code}"),
            Self::Category(code) => write!(f, "{code}"),
            Self::Age(code) => write!(f, "{code}"),
            Self::Provenance(code) => write!(f, "{code}"),
            Self::Field(code) => write!(f, "{code}"),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}
