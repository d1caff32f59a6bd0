//! The class of a record: everything about it that a rule may look at.
//!
//! Rules never see identifiers, templates or fields, so a slice can be decided once per class.

use serde::{Deserialize, Serialize};

use crate::words::{AgeBand, Category, Provenance};

/// The attributes of a record that rules decide on. Records of equal class are treated alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordClass {
    /// The kind of person-event.
    pub category: Category,
    /// Whether the subject is a minor; a doubtful age is decided as the youngest.
    pub age: AgeBand,
    /// Where the data came from.
    pub provenance: Provenance,
    /// The subject is a citizen of the holder's state.
    pub own_citizen: bool,
    /// At least one vulnerability flag is set.
    pub vulnerable: bool,
    /// Protection was granted to the subject.
    pub marked: bool,
    /// The record must answer as if it were absent.
    pub blocked: bool,
    /// The accuracy of the record is contested.
    pub contested: bool,
}
