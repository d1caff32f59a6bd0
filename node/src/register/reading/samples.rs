//! Templates with the name of a person, to measure rates on: one a line, in no register.

use std::{collections::HashMap, io::Read};

use symbolon_policy::words::Position;
use symbolon_protocol::matching::template::Template;

use super::{
    super::{
        json::Value,
        lines::Lines,
        reject::{Fault, Path, Reason, Reject},
    },
    Map, text, utf8,
};

/// Most templates that are read.
pub const MAX_SAMPLES: usize = 200_000;
/// Most templates of one person from one position.
pub const MAX_SAMPLES_EACH: usize = 64;

/// Longest name of a person, in bytes.
const MAX_PERSON: usize = 200;

/// A template of somebody.
#[derive(Debug)]
pub struct PersonSample {
    /// Whose, by the order of first appearance. The name itself is not kept.
    pub person: u32,
    /// Where it was taken, if the line says so.
    pub position: Option<Position>,
    /// The template.
    pub template: Template,
}

/// Why a file of samples was not read.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A line is at fault.
    #[error("line {}: {}", .0.line, told(.0))]
    Line(Reject),
    /// More lines than are read.
    #[error("there are more than {MAX_SAMPLES} templates; take a random part of them")]
    Many,
}

fn told(Reject { field, reason, .. }: &Reject) -> String {
    if field.is_empty() { reason.to_string() } else { format!("`{field}` {reason}") }
}

/// Reads NDJSON lines of `person` (any text), `position` (may be left out), `length`, `bits` and `mask` (may be
/// left out), as templates of a record are given. All are of one length. `seen` is told the lines read so far.
///
/// # Errors
/// [`SamplesError`] with the first line that is at fault, and its field. It repeats no value.
pub fn person_samples(file: impl Read, seen: &mut dyn FnMut(u64)) -> Result<Vec<PersonSample>, SamplesError> {
    let (mut lines, mut samples) = (Lines::new(file), Vec::<PersonSample>::new());
    let (mut persons, mut each) = (HashMap::<String, u32>::new(), HashMap::<_, usize>::new());
    while let Some(line) = lines.next()? {
        let number = line.number;
        let wrong = |Fault { field, reason }| SamplesError::Line(Reject { line: number, field, reason });
        let bytes = line.text.ok_or_else(|| wrong(Fault::line(Reason::LongLine)))?;
        let (person, position, template) = sample(&bytes).map_err(wrong)?;
        let at_fault = |field: &str, reason| wrong(Fault::at(&Path::Name(&Path::Record, field), reason));
        if samples.first().is_some_and(|first| first.template.length() != template.length()) {
            return Err(at_fault("length", Reason::Form("that of the first line")));
        }
        if samples.len() >= MAX_SAMPLES {
            return Err(SamplesError::Many);
        }
        let next = u32::try_from(persons.len()).unwrap_or(u32::MAX);
        let person = *persons.entry(person).or_insert(next);
        let count = each.entry((person, position)).or_default();
        *count = count.saturating_add(1);
        if *count > MAX_SAMPLES_EACH {
            let form = Reason::Form("of a person with at most 64 templates from one position");
            return Err(at_fault("person", form));
        }
        samples.push(PersonSample { person, position, template });
        seen(number);
    }
    Ok(samples)
}

fn sample(line: &[u8]) -> Result<(String, Option<Position>, Template), Fault> {
    let value: Value<'_> =
        serde_json::from_str(utf8(line)?).map_err(|error| Fault::line(Reason::Json(error.column())))?;
    let mut map = Map::new(Path::Record, value)?;
    let name = map.required("person")?;
    let person = text(&map.at("person"), name)?.into_owned();
    if !(1..=MAX_PERSON).contains(&person.len()) {
        return Err(map.fault("person", Reason::Form("text of 1 to 200 bytes")));
    }
    let position = match map.optional("position") {
        Some(value) => Some(super::parse(&map.at("position"), value)?),
        None => None,
    };
    let length = map.required("length")?;
    let length = super::templates::length(&map.at("length"), &length)?;
    let template = super::templates::bits(&mut map, length)?;
    map.finish()?;
    Ok((person, position, template))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Result<Vec<PersonSample>, String> {
        person_samples(lines.join("\n").as_bytes(), &mut |_| ()).map_err(|error| error.to_string())
    }

    fn line(person: &str, rest: &str) -> String {
        format!(r#"{{"person":"{person}","length":128,"bits":"{}"{rest}}}"#, "0f".repeat(16))
    }

    #[test]
    fn persons_are_told_apart_by_name_and_their_positions_kept() {
        let mask = format!(r#","position":"FINGER_2","mask":"{}""#, "ff00".repeat(8));
        let found = read(&[&line("b", ""), "", &line("a", &mask), &line("b", "")]).unwrap();
        let persons: Vec<_> = found.iter().map(|sample| (sample.person, sample.position)).collect();
        assert_eq!(persons, [(0, None), (1, Some(Position::Finger2)), (0, None)]);
        assert_eq!(found.iter().map(|sample| sample.template.usable()).collect::<Vec<_>>(), [128, 64, 128]);
    }

    #[test]
    fn a_fault_is_told_with_its_line_and_field_and_without_its_value() {
        let good = line("anna", "");
        let longer = good.replace("128", "136").replacen("0f", "0f0f", 1);
        for (bad, says) in [
            ("{".to_owned(), "line 2: is not JSON at byte"),
            ("[]".to_owned(), "line 2: must be an object"),
            (good.replace("anna", ""), "line 2: `person` must be text of 1 to 200 bytes"),
            (good.replace("\"anna\"", "7"), "line 2: `person` must be text"),
            (good.replace("person", "name"), "line 2: `person` is missing"),
            (line("anna", r#","position":"THUMB""#), "line 2: `position` must be `LEFT_IRIS`"),
            (line("anna", r#","mask":"ff""#), "line 2: `mask` has 1 bytes where the length needs 16"),
            (line("anna", r#","note":1"#), "line 2: `note` is not a field"),
            (longer, "line 2: `length` must be that of the first line"),
            (good.replace("128", "100"), "line 2: `length` must be a whole number from 128"),
        ] {
            let told = read(&[&good, &bad]).unwrap_err();
            assert!(told.starts_with(says) && !told.contains("anna") && !told.contains("THUMB"), "{told}");
        }
        let many = vec![good.as_str(); MAX_SAMPLES_EACH + 1];
        assert!(read(&many).unwrap_err().starts_with("line 65: `person` must be of a person"));
        assert!(read(&[]).unwrap().is_empty());
    }
}
