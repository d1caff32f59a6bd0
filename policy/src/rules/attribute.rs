//! The attributes that rules decide on: what they are called, which values they take, and where
//! they stand in a request.

use std::fmt;

use serde::Serialize;

use crate::words::{
    AgeBand, AgencyCode, Category, Field, LegalBasis, Modality, OfficerId, Provenance, Purpose, RegisterName,
    Timestamp,
};

use super::facts::{ExchangeKind, Facts, register_id};
use crate::class::RecordClass;

/// Something that rules may look at. `Asker` is the agency together with its officer, `Register`
/// the register together with its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Attribute {
    /// The kind of exchange.
    Exchange,
    /// Who asks.
    Asker,
    /// What is asked.
    Register,
    /// What the templates of a match were taken from.
    Modality,
    /// Why.
    Purpose,
    /// On which legal basis.
    LegalBasis,
    /// Whether a case reference was given.
    CaseReference,
    /// Identifiers in the query, or alternatives of a match.
    BatchSize,
    /// Used of the quota, this query included.
    QuotaUsed,
    /// Left of the quota after this query; below 0 beyond it.
    QuotaLeft,
    /// Used of the officer's own quota, this query included.
    OfficerUsed,
    /// Left of it; below 0 beyond it or if there is none.
    OfficerLeft,
    /// Given against received, per mille.
    Reciprocity,
    /// Given less received.
    Balance,
    /// Hits of the asker that are overdue.
    Unexplained,
    /// Day of the week in UTC, Monday is 1.
    Weekday,
    /// Hour of the day in UTC.
    Hour,
    /// When it is asked.
    Now,
    /// The kind of person-event.
    Category,
    /// Whether the subject is a minor.
    Age,
    /// Where the data came from.
    Provenance,
    /// The subject is a citizen of the holder's state.
    OwnCitizen,
    /// At least one vulnerability flag is set.
    Vulnerable,
    /// Protection was granted.
    Marked,
    /// The record answers as if it were absent.
    Blocked,
    /// The accuracy is contested.
    Contested,
    /// What a field says.
    Field,
    /// Persons of the holder who approved.
    Approvals,
}

use Attribute as A;

impl Attribute {
    /// What a match is decided on.
    pub(super) const MATCH: &'static [Self] = &[
        A::Exchange,
        A::Asker,
        A::Register,
        A::Modality,
        A::Purpose,
        A::LegalBasis,
        A::CaseReference,
        A::BatchSize,
        A::QuotaUsed,
        A::QuotaLeft,
        A::OfficerUsed,
        A::OfficerLeft,
        A::Reciprocity,
        A::Balance,
        A::Unexplained,
        A::Weekday,
        A::Hour,
        A::Now,
    ];

    /// What any other query is decided on.
    pub(super) const QUERY: &'static [Self] = &[
        A::Exchange,
        A::Asker,
        A::Register,
        A::Purpose,
        A::LegalBasis,
        A::CaseReference,
        A::BatchSize,
        A::QuotaUsed,
        A::QuotaLeft,
        A::OfficerUsed,
        A::OfficerLeft,
        A::Reciprocity,
        A::Balance,
        A::Unexplained,
        A::Weekday,
        A::Hour,
        A::Now,
    ];

    /// What the class of a record is made of.
    pub(super) const CLASS: &'static [Self] = &[
        A::Category,
        A::Age,
        A::Provenance,
        A::OwnCitizen,
        A::Vulnerable,
        A::Marked,
        A::Blocked,
        A::Contested,
    ];

    /// What a slice is decided on.
    pub(super) const SEARCH: &'static [Self] = &[
        A::Exchange,
        A::Asker,
        A::Register,
        A::Purpose,
        A::Category,
        A::Age,
        A::Provenance,
        A::OwnCitizen,
        A::Vulnerable,
        A::Marked,
        A::Blocked,
        A::Contested,
    ];

    /// What the release of a field is decided on.
    pub(super) const RELEASE: &'static [Self] = &[
        A::Exchange,
        A::Asker,
        A::Register,
        A::Purpose,
        A::LegalBasis,
        A::Field,
        A::Approvals,
        A::Category,
        A::Age,
        A::Provenance,
        A::OwnCitizen,
        A::Vulnerable,
        A::Marked,
        A::Blocked,
        A::Contested,
    ];

    /// The attribute that rules call `context.name`.
    pub(super) fn of_context(name: &str) -> Option<Self> {
        Some(match name {
            "exchange" => A::Exchange,
            "modality" => A::Modality,
            "purpose" => A::Purpose,
            "legalBasis" => A::LegalBasis,
            "caseReference" => A::CaseReference,
            "batchSize" => A::BatchSize,
            "quotaUsed" => A::QuotaUsed,
            "quotaLeft" => A::QuotaLeft,
            "officerUsed" => A::OfficerUsed,
            "officerLeft" => A::OfficerLeft,
            "reciprocity" => A::Reciprocity,
            "balance" => A::Balance,
            "unexplained" => A::Unexplained,
            "hour" => A::Hour,
            "weekday" => A::Weekday,
            "now" => A::Now,
            "field" => A::Field,
            "approvals" => A::Approvals,
            _ => return None,
        })
    }

    /// The attribute that rules call `resource.name`.
    pub(super) fn of_record(name: &str) -> Option<Self> {
        Some(match name {
            "category" => A::Category,
            "minor" | "ageInDoubt" => A::Age,
            "provenance" => A::Provenance,
            "ownCitizen" => A::OwnCitizen,
            "vulnerable" => A::Vulnerable,
            "marked" => A::Marked,
            "blocked" => A::Blocked,
            "contested" => A::Contested,
            _ => return None,
        })
    }

    /// The type of the schema whose codes the attribute takes, if it takes codes.
    pub(super) fn code_type(self) -> Option<&'static str> {
        Some(match self {
            A::Exchange => "Exchange",
            A::Modality => "Modality",
            A::Purpose => "Purpose",
            A::LegalBasis => "LegalBasis",
            A::Category => "Category",
            A::Provenance => "Provenance",
            A::Field => "Field",
            _ => return None,
        })
    }

    /// The least and the greatest number the attribute takes, if it takes numbers.
    pub(super) fn range(self) -> Option<(i64, i64)> {
        let most = i64::from(u32::MAX);
        Some(match self {
            A::BatchSize => (1, most),
            A::QuotaUsed | A::OfficerUsed | A::Unexplained => (0, most),
            A::QuotaLeft | A::OfficerLeft | A::Balance => (most.saturating_neg(), most),
            A::Reciprocity => (-1000, 1000),
            A::Weekday => (1, 7),
            A::Approvals => (0, 2),
            A::Hour => (0, 23),
            // Seconds, from 1970 to the end of the year 9999.
            A::Now => (0, 253_402_207_200),
            _ => return None,
        })
    }

    /// All values, unless they are numbers or names.
    pub(super) fn values(self) -> Vec<Value> {
        fn each<T: Copy>(all: &[T], value: fn(T) -> Value) -> Vec<Value> {
            all.iter().map(|code| value(*code)).collect()
        }
        match self {
            A::Exchange => each(ExchangeKind::ALL, Value::Exchange),
            A::Modality => each(Modality::ALL, Value::Modality),
            A::Purpose => each(Purpose::ALL, Value::Purpose),
            A::LegalBasis => each(LegalBasis::ALL, Value::LegalBasis),
            A::Category => each(Category::ALL, Value::Category),
            A::Age => each(AgeBand::ALL, Value::Age),
            A::Provenance => each(Provenance::ALL, Value::Provenance),
            A::Field => each(Field::ALL, Value::Field),
            A::CaseReference | A::OwnCitizen | A::Vulnerable | A::Marked | A::Blocked | A::Contested => {
                each(&[false, true], Value::Flag)
            }
            _ => Vec::new(),
        }
    }

    /// A number of this attribute, as people write it.
    pub(super) fn show(self, number: i64) -> String {
        match self {
            A::Now => Timestamp(number).to_string(),
            _ => number.to_string(),
        }
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            A::Exchange => "exchange",
            A::Asker => "asker",
            A::Register => "register",
            A::Modality => "modality",
            A::Purpose => "purpose",
            A::LegalBasis => "legal basis",
            A::CaseReference => "case reference",
            A::BatchSize => "batch size",
            A::QuotaUsed => "quota used",
            A::QuotaLeft => "quota left",
            A::OfficerUsed => "officer's quota used",
            A::OfficerLeft => "officer's quota left",
            A::Reciprocity => "reciprocity",
            A::Balance => "balance",
            A::Unexplained => "unexplained hits",
            A::Weekday => "weekday",
            A::Hour => "hour (UTC)",
            A::Now => "time",
            A::Category => "category",
            A::Age => "age",
            A::Provenance => "provenance",
            A::OwnCitizen => "own citizen",
            A::Vulnerable => "vulnerable",
            A::Marked => "marked",
            A::Blocked => "blocked",
            A::Contested => "contested",
            A::Field => "field",
            A::Approvals => "approvals",
        })
    }
}

/// A value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
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
    pub(super) fn set(&mut self, attribute: Attribute, value: &Value) {
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
    pub(super) fn attributes(&self) -> &'static [Attribute] {
        match self {
            Self::Query { ask, .. } if ask.exchange == ExchangeKind::Match => Attribute::MATCH,
            Self::Query { .. } => Attribute::QUERY,
            Self::Search { .. } => Attribute::SEARCH,
            Self::Release { .. } => Attribute::RELEASE,
        }
    }

    /// The attribute's value, as people write it; empty if the request has none.
    pub(super) fn show(&self, attribute: Attribute) -> String {
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
