//! The record, schema version 1: one person-event as an agency files it.
//!
//! `docs/records.md` describes it for those who write the files.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    class::RecordClass,
    words::{AgeBand, Category, Provenance},
};
use symbolon_protocol::identifier::RawIdentifier;

use super::{
    template::TemplateNote,
    words::{Day, FormError, RecordId, Vulnerability},
};

/// Most identifiers in a record.
pub const MAX_IDENTIFIERS: usize = 32;
/// Most disclosable fields in a record.
pub const MAX_FIELDS: usize = 64;
/// Most bytes in the name of a field.
pub const MAX_FIELD_NAME: usize = 40;
/// Most bytes in the value of a field.
pub const MAX_FIELD_VALUE: usize = 4_096;

/// The version of the schema. In files it is the number 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Version1;

impl TryFrom<u64> for Version1 {
    type Error = FormError;
    fn try_from(number: u64) -> Result<Self, FormError> {
        if number == 1 { Ok(Self) } else { Err(FormError("1, the version of the schema")) }
    }
}

impl From<Version1> for u64 {
    fn from(_: Version1) -> u64 {
        1
    }
}

/// One record. As JSON it is a line that can be imported again, unless it has templates: their notes lack what
/// a line must give, so that a record is never replaced by one without its templates unawares.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The version of the schema.
    pub v: Version1,
    /// The agency's own id of the record, unique within its register.
    pub id: RecordId,
    /// The kind of person-event.
    pub category: Category,
    /// The day on which the data was taken.
    pub taken: Day,
    /// The day on which the record is to be erased.
    pub expires: Day,
    /// Identifiers as entered, at most [`MAX_IDENTIFIERS`].
    pub identifiers: Vec<RawIdentifier>,
    /// Notes of its templates, at most [`MAX_TEMPLATES`](super::MAX_TEMPLATES).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<TemplateNote>,
    /// What rules look at.
    pub subject: Subject,
    /// Where the data came from.
    pub provenance: Provenance,
    /// What may be disclosed after a hit, by name; at most [`MAX_FIELDS`].
    pub fields: BTreeMap<String, String>,
}

/// The attributes of the person that rules look at.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Whether the person is a minor.
    pub age: AgeBand,
    /// The person is a citizen of the holder's state.
    pub own_citizen: bool,
    /// Reasons for special care, in the order of the list, none twice.
    pub vulnerable: Vec<Vulnerability>,
    /// Protection was granted to the person.
    pub marked: bool,
    /// The record must answer as if it were absent.
    pub blocked: bool,
    /// The accuracy of the record is contested.
    pub contested: bool,
}

impl Record {
    /// The class that rules decide on.
    pub fn class(&self) -> RecordClass {
        RecordClass {
            category: self.category,
            age: self.subject.age,
            provenance: self.provenance,
            own_citizen: self.subject.own_citizen,
            vulnerable: !self.subject.vulnerable.is_empty(),
            marked: self.subject.marked,
            blocked: self.subject.blocked,
            contested: self.subject.contested,
        }
    }
}

impl fmt::Debug for Record {
    /// Shows the category and the sizes only: the rest is personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("category", &self.category)
            .field("identifiers", &self.identifiers.len())
            .field("templates", &self.templates.len())
            .field("fields", &self.fields.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Subject {
    /// Shows nothing: the attributes are personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subject(..)")
    }
}
