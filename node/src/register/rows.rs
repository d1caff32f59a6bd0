//! The flat form of a record: one row of CSV, with columns named as the fields are in JSON.
//!
//! A row must stand on one line, so that a stray quotation mark spoils that line alone and not the
//! good ones after it. An empty cell counts as left out.

#![deny(clippy::arithmetic_side_effects)]

use std::{borrow::Cow, io::Read};

use super::{
    RegisterError,
    json::Value,
    lines::Lines,
    people::{self, AskedPerson},
    reading::{self, Checked},
    record::MAX_IDENTIFIERS,
    reject::{Fault, Reason, is_field_name},
    template::MAX_TEMPLATES,
};

/// Between the codes in a cell of `subject.vulnerable`.
const CODE_DELIMITER: char = '|';

const TOP: [&str; 6] = ["v", "id", "category", "taken", "expires", "provenance"];
const PERSON: [&str; 1] = ["ref"];
const SUBJECT: [&str; 6] = ["age", "own_citizen", "vulnerable", "marked", "blocked", "contested"];
const IDENTIFIER: [&str; 8] =
    ["kind", "number", "state", "birth_date", "family", "given", "extractor", "digest"];
const TEMPLATE: [&str; 7] = ["position", "kind", "length", "bits", "mask", "embedding", "quality"];

/// Names of columns, with N for the number of an entry from 0: first of records, then of people who are asked about.
pub fn columns() -> [Vec<String>; 2] {
    let each = |prefix: &str, names: &[&str]| names.iter().map(|name| format!("{prefix}{name}")).collect();
    let identifiers: Vec<String> = each("identifiers[N].", &IDENTIFIER);
    let (templates, fields) = (each("templates[N].", &TEMPLATE), each("fields.", &["NAME"]));
    let records =
        [each("", &TOP), each("subject.", &SUBJECT), identifiers.clone(), templates, fields].concat();
    [records, [each("", &PERSON), identifiers].concat()]
}

/// A header that cannot be used. It names columns by number only: without a header the first row is data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// There is no line, or the first is too long, not UTF-8 or has an unpaired quotation mark.
    #[error(
        "the first line is not a header; begin the file with a line of column names, which `symbolon codes` lists"
    )]
    Unreadable,
    /// A column that is not in the schema.
    #[error(
        "column {0} of the first line is not the name of a column; correct or remove it: `symbolon codes` lists the names"
    )]
    Unknown(usize),
    /// A column that stands twice.
    #[error("column {0} of the first line stands there twice; remove one")]
    Repeated(usize),
}

/// What the rows are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// Records of a register.
    Records,
    /// People who are asked about: each with `ref` and identifiers.
    People,
}

/// Where the cells of a column go.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Top(&'static str),
    Subject(&'static str),
    Identifier(usize, &'static str),
    Template(usize, &'static str),
    Field(String),
}

/// What the header says.
pub(super) struct Header {
    of: Of,
    delimiter: u8,
    columns: Vec<Column>,
    /// One more than the highest index of an identifier.
    identifiers: usize,
    /// The same of templates.
    templates: usize,
}

impl Header {
    /// Takes the first line of a file for the header.
    ///
    /// # Errors
    /// [`RegisterError::Read`] and [`RegisterError::Header`].
    pub(super) fn first(lines: &mut Lines<impl Read>, of: Of) -> Result<Self, RegisterError> {
        let line = lines.next().map_err(|source| RegisterError::Read { line: lines.number(), source })?;
        let text = line.and_then(|line| line.text).ok_or(HeaderError::Unreadable)?;
        Ok(Self::read(&text, of)?)
    }

    /// Reads the first line. The delimiter is the first of comma, semicolon and tab that stands in it.
    pub(super) fn read(line: &[u8], of: Of) -> Result<Self, HeaderError> {
        let delimiter = line.iter().copied().find(|byte| matches!(byte, b',' | b';' | b'\t')).unwrap_or(b',');
        let cells = split(line, delimiter).map_err(|_| HeaderError::Unreadable)?;
        let mut header = Self { of, delimiter, columns: Vec::new(), identifiers: 0, templates: 0 };
        for (number, cell) in (1..).zip(&cells) {
            let column = Column::named(of, cell.trim()).ok_or(HeaderError::Unknown(number))?;
            if header.columns.contains(&column) {
                return Err(HeaderError::Repeated(number));
            }
            match column {
                Column::Identifier(index, _) => {
                    header.identifiers = header.identifiers.max(index.saturating_add(1));
                }
                Column::Template(index, _) => {
                    header.templates = header.templates.max(index.saturating_add(1));
                }
                _ => (),
            }
            header.columns.push(column);
        }
        Ok(header)
    }

    /// Reads the row of a record.
    pub(super) fn row(&self, line: &[u8]) -> Result<Checked, Fault> {
        reading::record(self.value(&self.cells(line)?))
    }

    /// Reads the row of a person who is asked about.
    pub(super) fn person(&self, line: &[u8]) -> Result<AskedPerson, Fault> {
        people::person(self.value(&self.cells(line)?))
    }

    fn cells(&self, line: &[u8]) -> Result<csv::StringRecord, Fault> {
        let cells = split(line, self.delimiter)?;
        if cells.len() == self.columns.len() { Ok(cells) } else { Err(Fault::line(Reason::Cells)) }
    }

    fn value<'a>(&'a self, cells: &'a csv::StringRecord) -> Value<'a> {
        let mut version = Value::Number(1);
        let mut top = Vec::with_capacity(self.columns.len());
        let (mut subject, mut fields) = (Vec::new(), Vec::new());
        let mut identifiers = vec![Vec::new(); self.identifiers];
        let mut templates = vec![Vec::new(); self.templates];
        for (column, cell) in self.columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
            match column {
                Column::Top("v") => version = number(cell),
                Column::Top(name) => top.push((Cow::Borrowed(*name), text(cell))),
                Column::Subject(name) => subject.push((Cow::Borrowed(*name), attribute(name, cell))),
                Column::Identifier(index, name) => {
                    if let Some(entries) = identifiers.get_mut(*index) {
                        entries.push((Cow::Borrowed(*name), text(cell)));
                    }
                }
                Column::Template(index, name) => {
                    if let Some(entries) = templates.get_mut(*index) {
                        let number = matches!(*name, "length" | "quality");
                        let value = if number { self::number(cell) } else { text(cell) };
                        entries.push((Cow::Borrowed(*name), value));
                    }
                }
                Column::Field(name) => fields.push((Cow::Borrowed(name.as_str()), text(cell))),
            }
        }
        top.push((Cow::Borrowed("identifiers"), list(identifiers)));
        if self.of == Of::People {
            return Value::Map(top);
        }
        top.push((Cow::Borrowed("v"), version));
        top.push((Cow::Borrowed("templates"), list(templates)));
        top.push((Cow::Borrowed("subject"), Value::Map(subject)));
        top.push((Cow::Borrowed("fields"), Value::Map(fields)));
        Value::Map(top)
    }
}

impl Column {
    fn named(of: Of, name: &str) -> Option<Self> {
        let within = |list: &[&'static str], name| list.iter().copied().find(|known| *known == name);
        if of == Of::People && !name.starts_with("identifiers[") {
            return within(&PERSON, name).map(Self::Top);
        }
        if let Some(name) = name.strip_prefix("subject.") {
            return within(&SUBJECT, name).map(Self::Subject);
        }
        if let Some(name) = name.strip_prefix("fields.") {
            return is_field_name(name).then(|| Self::Field(name.to_owned()));
        }
        if let Some((index, name)) = name.strip_prefix("identifiers[").and_then(|rest| rest.split_once("]."))
        {
            let index = (0..MAX_IDENTIFIERS).find(|known| known.to_string() == index)?;
            return within(&IDENTIFIER, name).map(|name| Self::Identifier(index, name));
        }
        if let Some((index, name)) = name.strip_prefix("templates[").and_then(|rest| rest.split_once("].")) {
            let index = (0..MAX_TEMPLATES).find(|known| known.to_string() == index)?;
            return within(&TEMPLATE, name).map(|name| Self::Template(index, name));
        }
        within(&TOP, name).map(Self::Top)
    }
}

/// The cells of one line (RFC 4180).
fn split(line: &[u8], delimiter: u8) -> Result<csv::StringRecord, Fault> {
    let text = reading::utf8(line)?;
    // Marks inside a value are doubled, so on a sound line their number is even.
    if text.bytes().filter(|byte| *byte == b'"').count() % 2 != 0 {
        return Err(Fault::line(Reason::Quote));
    }
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(delimiter).buffer_capacity(line.len().max(1));
    let mut rows = reader.from_reader(line).into_records();
    match (rows.next(), rows.next()) {
        (Some(Ok(row)), None) => Ok(row),
        // A lone carriage return would end a row inside the line.
        _ => Err(Fault::line(Reason::Cells)),
    }
}

/// Entries by their index; one whose cells are all empty is not there.
fn list<'a>(entries: Vec<Vec<(Cow<'a, str>, Value<'a>)>>) -> Value<'a> {
    let entries = entries.into_iter();
    Value::List(entries.map(|map| if map.is_empty() { Value::Null } else { Value::Map(map) }).collect())
}

fn text(cell: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(cell))
}

fn number(cell: &str) -> Value<'_> {
    cell.parse().map_or_else(|_| text(cell), Value::Number)
}

/// A cell of the subject: a list of codes, or true and false in any case, as spreadsheets write them.
fn attribute<'a>(name: &str, cell: &'a str) -> Value<'a> {
    if name == "vulnerable" {
        return Value::List(cell.split(CODE_DELIMITER).map(|code| text(code.trim())).collect());
    }
    match cell {
        _ if cell.eq_ignore_ascii_case("true") => Value::Bool(true),
        _ if cell.eq_ignore_ascii_case("false") => Value::Bool(false),
        _ => text(cell),
    }
}
