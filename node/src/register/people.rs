//! A file of people, as an asker has it: each with a reference and identifiers, in the forms in which records come.
//!
//! It is read by the same readers as records, so that a file that can be imported in part can be asked about.

#![deny(clippy::arithmetic_side_effects)]

use std::io::Read;

use symbolon_protocol::identifier::RawIdentifier;
use zeroize::Zeroizing;

use super::{
    Format, RegisterError,
    json::Value,
    lines::Lines,
    reading::{Map, identifiers, text, utf8},
    reject::{Fault, Path, Reason},
    rows::{Header, Of},
};

/// What a file of people may say, for whoever has to correct one.
pub const FORM_OF_PEOPLE: &str = "a person has `identifiers` and may have a `ref`; an identifier has a `kind` and, for \
    travel-document: number, state, birth_date; registration-number: number, state; name-birth: family, given, \
    birth_date; biometric-digest: extractor, digest; in CSV the columns are ref, identifiers[0].kind and so on";

/// One person of a file.
#[derive(Debug)]
pub struct AskedPerson {
    /// The asker's own reference.
    pub reference: Option<String>,
    /// At least one, each of which has a canonical form.
    pub identifiers: Vec<RawIdentifier>,
}

/// The number of a line, and the person there or what is wrong.
pub type PersonLine = (u64, Result<AskedPerson, Fault>);

/// The people of a file, line by line.
pub struct People<R> {
    lines: Lines<R>,
    header: Option<Header>,
}

impl<R: Read> People<R> {
    /// Reads the header, if the form has one.
    ///
    /// # Errors
    /// [`RegisterError::Read`] and [`RegisterError::Header`].
    pub fn new(reader: R, format: Format) -> Result<Self, RegisterError> {
        let mut lines = Lines::new(reader);
        let header = match format {
            Format::Ndjson => None,
            Format::Csv => Some(Header::first(&mut lines, Of::People)?),
        };
        Ok(Self { lines, header })
    }

    /// The next line that is not blank; none at the end.
    ///
    /// # Errors
    /// [`RegisterError::Read`].
    pub fn line(&mut self) -> Result<Option<PersonLine>, RegisterError> {
        let line = self.lines.next();
        let line = line.map_err(|source| RegisterError::Read { line: self.lines.number(), source })?;
        let Some(line) = line else { return Ok(None) };
        let person = match (line.text.map(Zeroizing::new), &self.header) {
            (None, _) => Err(Fault::line(Reason::LongLine)),
            (Some(text), Some(header)) => header.person(&text),
            (Some(text), None) => json_line(&text),
        };
        Ok(Some((line.number, person)))
    }
}

fn json_line(line: &[u8]) -> Result<AskedPerson, Fault> {
    let value = serde_json::from_str(utf8(line)?);
    person(value.map_err(|error| Fault::line(Reason::Json(error.column())))?)
}

/// Checks a value against the schema.
pub(super) fn person(value: Value<'_>) -> Result<AskedPerson, Fault> {
    let mut map = Map::new(Path::Record, value)?;
    let reference = map.optional("ref").map(|value| text(&map.at("ref"), value)).transpose()?;
    let reference = reference.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let value = map.required("identifiers")?;
    let (identifiers, _) = identifiers(&map.at("identifiers"), value)?;
    if identifiers.is_empty() {
        return Err(map.fault("identifiers", Reason::Missing));
    }
    map.finish()?;
    Ok(AskedPerson { reference, identifiers })
}
