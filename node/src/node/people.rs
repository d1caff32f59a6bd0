//! The people of a query, read from a file.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use serde::Deserialize;
use symbolon_policy::words::Digest;
use symbolon_protocol::identifier::{Kind, RawIdentifier};
use zeroize::Zeroizing;

use crate::{
    control::api::{Failure, Format},
    hashed::Hashed,
    register::MAX_LINE,
};

/// One person, as the asker's file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "ref")]
    reference: Option<String>,
    identifiers: Vec<RawIdentifier>,
}

/// One person with canonical identifiers.
pub(super) struct Person {
    /// The asker's own reference, or the line number.
    pub(super) reference: String,
    /// Kinds and canonical bytes.
    pub(super) identifiers: Vec<(Kind, Zeroizing<Vec<u8>>)>,
}

/// The most people in one file.
const PEOPLE_LIMIT: usize = 1_000_000;
/// Said of the first line beyond it.
const TOO_MANY: &str = "more than 1,000,000 people; ask about them in several files";
/// The most identifiers of one person.
const EACH_LIMIT: usize = 32;
/// Wrong lines that an error names.
const SHOWN: usize = 10;

/// Reads a file of people, and gives the digest of the bytes that were read. One wrong line refuses the file: a
/// query that silently left a person out would be taken for a no-hit.
///
/// # Errors
/// An input [`Failure`] that names the first wrong lines, fields and reasons, never a value.
pub(super) fn read(path: &Path, format: Option<Format>) -> Result<(Vec<Person>, Digest), Failure> {
    read_at_most(path, format, PEOPLE_LIMIT)
}

fn read_at_most(path: &Path, format: Option<Format>, most: usize) -> Result<(Vec<Person>, Digest), Failure> {
    let unreadable = |e: std::io::Error| Failure::input(format!("cannot read {}: {e}", path.display()));
    let mut file = Hashed::new(File::open(path).map_err(unreadable)?);
    let csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let entries = match format.unwrap_or(if csv { Format::Csv } else { Format::Ndjson }) {
        Format::Ndjson => ndjson(&mut file, most).map_err(unreadable)?,
        Format::Csv => rows(&mut file, most)?,
    };
    let (mut people, mut wrong) = (Vec::new(), Vec::new());
    for (line, entry) in entries {
        match entry.and_then(|entry| person(line, entry)) {
            Ok(person) => people.push(person),
            Err(reason) => wrong.push(format!("line {line}: {reason}")),
        }
    }
    if !wrong.is_empty() {
        let more = wrong.len().saturating_sub(SHOWN);
        wrong.truncate(SHOWN);
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        let what = format!("{} cannot be asked about:\n{}{more}", path.display(), wrong.join("\n"));
        return Err(Failure::input(what).with_help("correct these lines; see docs/identifiers.md"));
    }
    if people.is_empty() {
        return Err(Failure::input(format!("{} names nobody", path.display())));
    }
    Ok((people, file.finish().map_err(unreadable)?))
}

type Entries = Vec<(u64, Result<Entry, String>)>;

fn person(line: u64, entry: Entry) -> Result<Person, String> {
    if entry.identifiers.is_empty() || entry.identifiers.len() > EACH_LIMIT {
        return Err(format!("field `identifiers`: 1 to {EACH_LIMIT} are needed"));
    }
    let canonical = |(index, raw): (usize, &RawIdentifier)| match raw.canonical() {
        Ok(identifier) => Ok((identifier.kind(), Zeroizing::new(identifier.bytes().to_vec()))),
        Err(unfit) => Err(format!("identifiers[{index}]: {unfit}")),
    };
    let identifiers = entry.identifiers.iter().enumerate().map(canonical).collect::<Result<_, _>>()?;
    Ok(Person { reference: entry.reference.unwrap_or_else(|| line.to_string()), identifiers })
}

fn ndjson(file: &mut Hashed<File>, most: usize) -> std::io::Result<Entries> {
    let mut reader = BufReader::new(file);
    let mut entries = Vec::new();
    for line in 1.. {
        let mut text = Zeroizing::new(Vec::new());
        let limit = (MAX_LINE as u64).saturating_add(1);
        if (&mut reader).take(limit).read_until(b'\n', &mut text)? == 0 {
            break;
        }
        if entries.len() >= most {
            entries.push((line, Err(TOO_MANY.to_owned())));
            break;
        }
        if text.len() > MAX_LINE {
            entries.push((line, Err(format!("longer than {MAX_LINE} bytes"))));
            break;
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        // The message of serde can quote a value; its position cannot.
        let entry = serde_json::from_slice(&text)
            .map_err(|e| format!("column {}: not a person as docs/records.md describes one", e.column()));
        entries.push((line, entry));
    }
    Ok(entries)
}

/// Columns are `ref` and `identifiers[0].kind`, `identifiers[0].number` and so on.
fn rows(file: &mut Hashed<File>, most: usize) -> Result<Entries, Failure> {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(BufReader::new(file));
    let header = reader
        .headers()
        .map_err(|_| Failure::input("the first line is not a header of column names"))?
        .clone();
    let mut entries = Vec::new();
    for row in reader.records() {
        let (line, entry) = match row {
            Ok(row) if entries.len() >= most => {
                entries.push((row.position().map_or(0, csv::Position::line), Err(TOO_MANY.to_owned())));
                break;
            }
            Ok(row) => (row.position().map_or(0, csv::Position::line), flat(&header, &row)),
            Err(e) => (
                e.position().map_or(0, csv::Position::line),
                Err("not a row of as many cells as the header".to_owned()),
            ),
        };
        entries.push((line, entry));
    }
    Ok(entries)
}

fn flat(header: &csv::StringRecord, row: &csv::StringRecord) -> Result<Entry, String> {
    let mut identifiers =
        std::collections::BTreeMap::<usize, serde_json::Map<String, serde_json::Value>>::new();
    let mut reference = None;
    for (column, cell) in header.iter().zip(row).filter(|(_, cell)| !cell.trim().is_empty()) {
        if column == "ref" {
            reference = Some(cell.to_owned());
            continue;
        }
        let place = column.strip_prefix("identifiers[").and_then(|rest| rest.split_once("]."));
        let place =
            place.and_then(|(index, name)| Some((index.parse().ok().filter(|i| *i < EACH_LIMIT)?, name)));
        let Some((index, name)) = place else { return Err("a column that is not known".to_owned()) };
        identifiers.entry(index).or_default().insert(name.to_owned(), cell.into());
    }
    let read = |(index, map)| {
        serde_json::from_value(serde_json::Value::Object(map)).map_err(|_| {
            format!("identifiers[{index}]: not an identifier as docs/identifiers.md describes one")
        })
    };
    Ok(Entry { reference, identifiers: identifiers.into_iter().map(read).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read_text(text: &str, format: Format) -> Result<Vec<Person>, Failure> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let (people, digest) = read(file.path(), Some(format))?;
        assert_eq!(digest, Digest::of("symbolon/asked-file/1", text.as_bytes()));
        Ok(people)
    }

    #[test]
    fn both_forms_say_the_same() {
        let json = r#"{"ref":"a","identifiers":[{"kind":"travel-document","number":"AB 123456","state":"SYR","birth_date":"1990-01-31"}]}"#;
        let csv = "ref,identifiers[0].kind,identifiers[0].number,identifiers[0].state,identifiers[0].birth_date\na,travel-document,ab-123456,SY,31.01.1990\n";
        let (one, two) = (read_text(json, Format::Ndjson).unwrap(), read_text(csv, Format::Csv).unwrap());
        assert_eq!(one[0].reference, two[0].reference);
        assert!(one[0].identifiers == two[0].identifiers);
    }

    #[test]
    fn too_many_people_are_refused_and_not_cut() {
        let person = |n| format!("travel-document,AB{n:06},SYR,1990-01-31");
        let head =
            "identifiers[0].kind,identifiers[0].number,identifiers[0].state,identifiers[0].birth_date\n";
        let csv = head.to_owned() + &[1, 2, 3].map(person).join("\n");
        let json = [1, 2, 3].map(|n| format!(r#"{{"identifiers":[{{"kind":"travel-document","number":"AB{n:06}","state":"SYR","birth_date":"1990-01-31"}}]}}"#));
        for (text, format) in [(csv, Format::Csv), (json.join("\n"), Format::Ndjson)] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(read_at_most(file.path(), Some(format), 3).unwrap().0.len(), 3);
            let Err(failure) = read_at_most(file.path(), Some(format), 2) else { panic!("it was cut") };
            assert!(failure.what.contains("several files"), "{}", failure.what);
        }
    }

    #[test]
    fn a_wrong_line_refuses_the_file_and_shows_no_value() {
        let text = "{\"identifiers\":[{\"kind\":\"travel-document\",\"number\":\"SECRET1\",\"state\":\"NOWHERE\",\"birth_date\":\"1990-01-31\"}]}\n{\"identifiers\":7, \"SECRET2\":1}\n";
        let Err(failure) = read_text(text, Format::Ndjson) else { panic!("it was taken") };
        assert!(failure.what.contains("line 1") && failure.what.contains("line 2"), "{}", failure.what);
        assert!(!failure.what.contains("SECRET") && !failure.what.contains("NOWHERE"), "{}", failure.what);
        assert!(read_text("\n\n", Format::Ndjson).is_err());
        assert!(read_text("ref,other\na,b\n", Format::Csv).is_err());
    }
}
