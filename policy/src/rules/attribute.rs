//! The attributes that rules decide on: what they are called, which values they take, and where
//! they stand in a request ([`value`]).

mod value;

use std::fmt;

use serde::Serialize;

use crate::words::{AgeBand, Category, Field, LegalBasis, Modality, Provenance, Purpose, Timestamp};

use super::facts::ExchangeKind;

pub(super) use value::Value;

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
