//! From a value to a record, with the exact place of the first fault.
//!
//! NDJSON lines and CSV rows both become a [`Value`] first, so one set of checks serves both. A value of
//! `null` counts as left out.

#![deny(clippy::arithmetic_side_effects)]

pub(super) mod samples;
pub(super) mod templates;

use std::{borrow::Cow, collections::BTreeMap, str::FromStr};

use symbolon_policy::words::{AgeBand, WordError};
use symbolon_protocol::identifier::{Identifier, Kind, RawIdentifier};

use super::{
    json::Value,
    record::{MAX_FIELD_VALUE, MAX_FIELDS, MAX_IDENTIFIERS, Record, Subject, Version1},
    reject::{Fault, Path, Reason, is_field_name},
    retention,
    template::Enrolled,
    words::{Day, FormError, Vulnerability},
};

/// A record that keeps every rule, with its identifiers in canonical form, sorted and none twice.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) record: Record,
    pub(super) canonical: Vec<Identifier>,
    pub(super) templates: Vec<Enrolled>,
}

/// Reads one line of NDJSON.
pub(super) fn json_line(line: &[u8]) -> Result<Checked, Fault> {
    let text = utf8(line)?;
    let value = serde_json::from_str(text).map_err(|error| Fault::line(Reason::Json(error.column())))?;
    record(value)
}

/// The line as text.
pub(super) fn utf8(line: &[u8]) -> Result<&str, Fault> {
    str::from_utf8(line).map_err(|error| Fault::line(Reason::Utf8(error.valid_up_to().saturating_add(1))))
}

/// Checks a value against the schema.
pub(super) fn record(value: Value<'_>) -> Result<Checked, Fault> {
    let mut map = Map::new(Path::Record, value)?;
    let version = Path::Name(&Path::Record, "v");
    match map.required("v")? {
        Value::Number(1) => (),
        _ => return Err(Fault::at(&version, Reason::Form("1, the version of the schema"))),
    }
    let id = map.word("id")?;
    let category = map.word("category")?;
    let taken: Day = map.word("taken")?;
    let months = retention::longest_months(category);
    let last = taken.plus_months(months);
    let expires = match map.optional("expires") {
        Some(value) => parse(&map.at("expires"), value)?,
        None => last,
    };
    if expires <= taken {
        return Err(map.fault("expires", Reason::Order));
    }
    if expires > last {
        return Err(map.fault("expires", Reason::Retention(months)));
    }
    let (identifiers, canonical) = match map.optional("identifiers") {
        Some(value) => identifiers(&map.at("identifiers"), value)?,
        None => Default::default(),
    };
    born_before(&map.at("identifiers"), &identifiers, taken)?;
    let templates = match map.optional("templates") {
        Some(value) => templates::templates(&map.at("templates"), value)?,
        None => Vec::new(),
    };
    let subject = map.required("subject")?;
    let subject = read_subject(map.at("subject"), subject)?;
    let provenance = map.word("provenance")?;
    let fields = match map.optional("fields") {
        Some(value) => fields(map.at("fields"), value)?,
        None => BTreeMap::new(),
    };
    map.finish()?;
    let notes = templates.iter().map(Enrolled::note).collect();
    let record = Record {
        v: Version1,
        id,
        category,
        taken,
        expires,
        identifiers,
        templates: notes,
        subject,
        provenance,
        fields,
    };
    Ok(Checked { record, canonical, templates })
}

fn read_subject(at: Path<'_>, value: Value<'_>) -> Result<Subject, Fault> {
    let mut map = Map::new(at, value)?;
    let age = map.word("age")?;
    let own_citizen = map.required("own_citizen")?;
    let own_citizen = boolean(&map.at("own_citizen"), own_citizen)?;
    let vulnerable = match map.optional("vulnerable") {
        Some(value) => codes(&map.at("vulnerable"), value)?,
        None => Vec::new(),
    };
    if age == AgeBand::Adult && vulnerable.contains(&Vulnerability::UnaccompaniedMinor) {
        return Err(map.fault("vulnerable", Reason::AdultMinor));
    }
    let marked = map.flag("marked")?;
    let blocked = map.flag("blocked")?;
    let contested = map.flag("contested")?;
    map.finish()?;
    Ok(Subject { age, own_citizen, vulnerable, marked, blocked, contested })
}

fn codes(at: &Path<'_>, value: Value<'_>) -> Result<Vec<Vulnerability>, Fault> {
    let items = list(at, value)?;
    if items.len() > Vulnerability::ALL.len() {
        return Err(Fault::at(at, Reason::ManyCodes));
    }
    let items = items.into_iter().enumerate();
    let mut codes: Vec<_> =
        items.map(|(index, item)| parse(&Path::Item(at, index), item)).collect::<Result<_, _>>()?;
    codes.sort_unstable();
    codes.dedup();
    Ok(codes)
}

pub(super) fn identifiers(
    at: &Path<'_>,
    value: Value<'_>,
) -> Result<(Vec<RawIdentifier>, Vec<Identifier>), Fault> {
    let items = list(at, value)?;
    if items.len() > MAX_IDENTIFIERS {
        return Err(Fault::at(at, Reason::ManyIdentifiers));
    }
    let (mut raw, mut canonical) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
    for (index, item) in items.into_iter().enumerate().filter(|(_, item)| *item != Value::Null) {
        let at = Path::Item(at, index);
        let identifier = identifier(at, item)?;
        let unfit = |unfit: symbolon_protocol::identifier::Unfit| {
            Fault::at(&Path::Name(&at, unfit.field), Reason::Identifier(unfit.reason))
        };
        canonical.push(identifier.canonical().map_err(unfit)?);
        raw.push(identifier);
    }
    canonical.sort_unstable();
    canonical.dedup();
    Ok((raw, canonical))
}

/// Nobody is born after their data was taken.
fn born_before(at: &Path<'_>, identifiers: &[RawIdentifier], taken: Day) -> Result<(), Fault> {
    let taken = taken.to_string();
    let unborn = |raw: &RawIdentifier| raw.birth_date().is_some_and(|born| born > taken);
    match identifiers.iter().position(unborn) {
        None => Ok(()),
        Some(index) => Err(Fault::at(&Path::Name(&Path::Item(at, index), "birth_date"), Reason::Unborn)),
    }
}

fn identifier(at: Path<'_>, value: Value<'_>) -> Result<RawIdentifier, Fault> {
    let mut map = Map::new(at, value)?;
    let identifier = match map.word::<Kind>("kind")? {
        Kind::TravelDocument => RawIdentifier::TravelDocument {
            number: map.text("number")?,
            state: map.text("state")?,
            birth_date: map.text("birth_date")?,
        },
        Kind::RegistrationNumber => {
            RawIdentifier::RegistrationNumber { number: map.text("number")?, state: map.text("state")? }
        }
        Kind::NameBirth => RawIdentifier::NameBirth {
            // Either may be left out: a full name in the other is enough.
            family: map.text_or_empty("family")?,
            given: map.text_or_empty("given")?,
            birth_date: map.text("birth_date")?,
        },
        Kind::BiometricDigest => {
            RawIdentifier::BiometricDigest { extractor: map.text("extractor")?, digest: map.text("digest")? }
        }
    };
    map.finish()?;
    Ok(identifier)
}

fn fields(at: Path<'_>, value: Value<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let map = Map::new(at, value)?;
    if map.entries.len() > MAX_FIELDS {
        return Err(Fault::at(&at, Reason::ManyFields));
    }
    let mut fields = BTreeMap::new();
    for (name, value) in map.entries {
        if !is_field_name(&name) {
            return Err(Fault::at(&at, Reason::FieldName));
        }
        if value == Value::Null {
            continue;
        }
        let here = Path::Name(&at, &name);
        let value = text(&here, value)?;
        if value.len() > MAX_FIELD_VALUE {
            return Err(Fault::at(&here, Reason::LongValue));
        }
        if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            return Err(Fault::at(&here, Reason::Control));
        }
        if fields.contains_key(&*name) {
            return Err(Fault::at(&here, Reason::Unknown));
        }
        fields.insert(name.into_owned(), value.into_owned());
    }
    Ok(fields)
}

/// The entries of a map that are not read yet.
pub(super) struct Map<'p, 'a> {
    at: Path<'p>,
    entries: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'p, 'a> Map<'p, 'a> {
    pub(super) fn new(at: Path<'p>, value: Value<'a>) -> Result<Self, Fault> {
        match value {
            Value::Map(entries) => Ok(Self { at, entries }),
            _ => Err(Fault::at(&at, Reason::Type("an object"))),
        }
    }

    pub(super) fn at<'s>(&'s self, name: &'s str) -> Path<'s> {
        Path::Name(&self.at, name)
    }

    pub(super) fn fault(&self, name: &str, reason: Reason) -> Fault {
        Fault::at(&self.at(name), reason)
    }

    /// Takes the first entry of this name, if it is not null.
    pub(super) fn optional(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self.entries.iter().position(|(key, _)| key == name)?;
        Some(self.entries.remove(at).1).filter(|value| *value != Value::Null)
    }

    pub(super) fn required(&mut self, name: &str) -> Result<Value<'a>, Fault> {
        self.optional(name).ok_or_else(|| self.fault(name, Reason::Missing))
    }

    pub(super) fn word<T: FromStr<Err: Into<Form>>>(&mut self, name: &str) -> Result<T, Fault> {
        let value = self.required(name)?;
        parse(&self.at(name), value)
    }

    fn text(&mut self, name: &str) -> Result<String, Fault> {
        let value = self.required(name)?;
        Ok(text(&self.at(name), value)?.into_owned())
    }

    fn text_or_empty(&mut self, name: &str) -> Result<String, Fault> {
        match self.optional(name) {
            Some(value) => Ok(text(&self.at(name), value)?.into_owned()),
            None => Ok(String::new()),
        }
    }

    /// A flag that is false if it is left out.
    fn flag(&mut self, name: &str) -> Result<bool, Fault> {
        match self.optional(name) {
            Some(value) => boolean(&self.at(name), value),
            None => Ok(false),
        }
    }

    /// Refuses what was not read.
    pub(super) fn finish(self) -> Result<(), Fault> {
        match self.entries.first() {
            Some((name, _)) => Err(self.fault(name, Reason::Unknown)),
            None => Ok(()),
        }
    }
}

pub(super) fn list<'a>(at: &Path<'_>, value: Value<'a>) -> Result<Vec<Value<'a>>, Fault> {
    match value {
        Value::List(items) => Ok(items),
        _ => Err(Fault::at(at, Reason::Type("a list"))),
    }
}

pub(super) fn text<'a>(at: &Path<'_>, value: Value<'a>) -> Result<Cow<'a, str>, Fault> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(Fault::at(at, Reason::Type("text in quotation marks"))),
    }
}

fn boolean(at: &Path<'_>, value: Value<'_>) -> Result<bool, Fault> {
    match value {
        Value::Bool(flag) => Ok(flag),
        _ => Err(Fault::at(at, Reason::Type("true or false"))),
    }
}

pub(super) fn parse<T: FromStr<Err: Into<Form>>>(at: &Path<'_>, value: Value<'_>) -> Result<T, Fault> {
    let text = text(at, value)?;
    text.parse().map_err(|error: T::Err| Fault::at(at, Reason::Form(error.into().0)))
}

/// The form that a word must have. The errors it is made of also hold the word itself, which is left behind.
pub(super) struct Form(&'static str);

impl From<WordError> for Form {
    fn from(error: WordError) -> Self {
        Self(error.form)
    }
}

impl From<FormError> for Form {
    fn from(error: FormError) -> Self {
        Self(error.0)
    }
}

impl From<symbolon_protocol::identifier::UnknownKind> for Form {
    fn from(_: symbolon_protocol::identifier::UnknownKind) -> Self {
        Self("`travel-document`, `registration-number`, `name-birth` or `biometric-digest`")
    }
}

#[cfg(test)]
mod tests;
