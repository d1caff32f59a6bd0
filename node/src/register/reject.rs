//! Why a line of an import was not taken. No reason repeats a value: values are personal data.

use std::io;

use serde::{Serialize, Serializer};
use symbolon_protocol::identifier;

use super::{
    Day,
    lines::MAX_LINE,
    probe::MAX_PROBE,
    record::{MAX_FIELD_VALUE, MAX_FIELDS, MAX_IDENTIFIERS},
    template::MAX_TEMPLATES,
};

/// One line that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The line of the file, from 1.
    pub line: u64,
    /// The field, as in `identifiers[1].state`; empty if the line as a whole is at fault.
    pub field: String,
    /// What is wrong with it, and what to do.
    pub reason: Reason,
}

/// What is wrong with a field or a line. Each reads as the end of a sentence that begins with the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// More than [`MAX_LINE`] bytes.
    #[error("is longer than {MAX_LINE} bytes; shorten the record")]
    LongLine,
    /// Not UTF-8.
    #[error("is not UTF-8 from byte {0} on; save the file as UTF-8")]
    Utf8(usize),
    /// Not JSON.
    #[error("is not JSON at byte {0}; write one whole object on one line")]
    Json(usize),
    /// A quotation mark without its partner.
    #[error(
        "has a quotation mark without a partner; double each mark inside a value and keep a row on one line"
    )]
    Quote,
    /// Another number of cells than the header.
    #[error("has another number of cells than the header; put values with a delimiter in quotation marks")]
    Cells,
    /// A required field is missing or null.
    #[error("is missing; supply it")]
    Missing,
    /// Not a field of the schema, or there already.
    #[error("is not a field of the schema or stands here twice; remove it")]
    Unknown,
    /// A value of another type.
    #[error("must be {0}")]
    Type(&'static str),
    /// Not in the form or the code list.
    #[error("must be {0}")]
    Form(&'static str),
    /// The day of erasure is not after the day of taking.
    #[error("must be a day after `taken`; correct one of the two")]
    Order,
    /// Kept for longer than its category is.
    #[error(
        "is more than {0} months after `taken`, for which records of this category are kept at most; give an earlier \
         day or leave it out"
    )]
    Retention(u16),
    /// The day of erasure has come.
    #[error(
        "has come: the record's time of retention is over, and it would be erased at once; leave the line out and erase \
         the record if it is there, or correct `taken`, `category` or `expires`"
    )]
    Over,
    /// Taken on a day that has not come yet.
    #[error("lies in the future; correct it, or the clock of this machine")]
    Future,
    /// Born after the data was taken.
    #[error("is after `taken`; correct one of the two")]
    Unborn,
    /// An unaccompanied minor who is an adult.
    #[error("has UNACCOMPANIED_MINOR although `subject.age` is `adult`; correct one of the two")]
    AdultMinor,
    /// Too many identifiers.
    #[error("has more than {MAX_IDENTIFIERS} entries; leave some out")]
    ManyIdentifiers,
    /// Too many templates.
    #[error("has more than {MAX_TEMPLATES} entries; leave some out")]
    ManyTemplates,
    /// A second template of one kind from one place.
    #[error("has the `position` and the `kind` of an earlier entry; keep one of them")]
    SecondTemplate,
    /// Bits or mask of another size.
    #[error("has {found} bytes where the length needs {expected}; correct one of the two")]
    TemplateSize {
        /// Bytes that hold the length.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// More than [`MAX_PROBE`] bytes.
    #[error("is longer than {MAX_PROBE} bytes; shorten the probe")]
    LongProbe,
    /// More alternatives than the agreement allows.
    #[error("has more than the {0} entries that the agreement allows in a query; leave some out")]
    ManyAlternatives(u16),
    /// Too many vulnerability codes.
    #[error("has more entries than there are codes; name each once")]
    ManyCodes,
    /// Too many fields.
    #[error("has more than {MAX_FIELDS} entries; leave some out")]
    ManyFields,
    /// The name of a disclosable field.
    #[error("has a name that is not 1 to 40 small letters a to z or `_`; rename it")]
    FieldName,
    /// The value of a field is too long.
    #[error("is longer than {MAX_FIELD_VALUE} bytes; shorten it")]
    LongValue,
    /// A control character in a value.
    #[error("holds a control character; only line breaks and tabs are taken")]
    Control,
    /// An identifier that cannot be brought to its canonical form.
    #[error(transparent)]
    Identifier(identifier::Reason),
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

/// A fault in a line or a probe. As text it reads as a sentence without the full stop.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", lead(field))]
pub struct Fault {
    /// The field, as in `alternatives[1].bits`; empty if it is the whole.
    pub field: String,
    /// What is wrong with it, and what to do.
    pub reason: Reason,
}

fn lead(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!("`{field}` ") }
}

impl Fault {
    /// A fault of the line as a whole.
    pub(super) fn line(reason: Reason) -> Self {
        Self { field: String::new(), reason }
    }

    pub(super) fn at(path: &Path<'_>, reason: Reason) -> Self {
        let mut field = String::new();
        path.write(&mut field);
        Self { field, reason }
    }
}

/// Where in a record the reader stands. Costs nothing until a fault is written out.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    Record,
    Name(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl Path<'_> {
    fn write(&self, out: &mut String) {
        match self {
            Self::Record => (),
            Self::Name(parent, name) => {
                parent.write(out);
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(shown(name));
            }
            Self::Item(parent, at) => {
                parent.write(out);
                out.push_str(&format!("[{at}]"));
            }
        }
    }
}

/// A name as it may stand in a report: a foreign one could be a value in the wrong place.
fn shown(name: &str) -> &str {
    if is_field_name(name) { name } else { "(another name)" }
}

/// Whether `name` is 1 to 40 small letters or underscores.
pub(super) fn is_field_name(name: &str) -> bool {
    (1..=super::record::MAX_FIELD_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read.
    pub bytes: u64,
    /// Lines read that hold something, the header of a CSV file not counted.
    pub lines: u64,
    /// Lines rejected.
    pub rejected: u64,
}

/// Watches an import. Called on the importing thread, in the order of the lines.
pub trait ImportObserver {
    /// Called once, before the register changes; not at all if it does not.
    ///
    /// # Errors
    /// An error ends the import; nothing was changed then.
    fn begins(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The day on which the import takes place: records that are to be erased by then are not taken. None takes them too.
    fn today(&self) -> Option<Day> {
        None
    }

    /// Called for each line that was not taken.
    ///
    /// # Errors
    /// An error ends the import: a reject that cannot be reported would be lost.
    fn rejected(&mut self, reject: &Reject) -> io::Result<()>;

    /// Called after each block of lines.
    fn progress(&mut self, _progress: Progress) {}
}

/// Writes rejects as NDJSON: `{"line":12,"field":"identifiers[1].state","reason":"…"}`.
pub struct RejectReport<W>(pub W);

impl<W: io::Write> ImportObserver for RejectReport<W> {
    fn rejected(&mut self, reject: &Reject) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, reject)?;
        self.0.write_all(b"\n")
    }
}
