//! The people of a query, read from a file.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs::File,
    path::Path,
};

use symbolon_policy::words::Digest;
use symbolon_protocol::identifier::Kind;
use zeroize::Zeroizing;

use super::registers;
use crate::{
    control::api::{Failure, Format},
    hashed::Hashed,
    register::{AskedPerson, FORM_OF_PEOPLE, People, RegisterError},
};

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
    let broken = |error: RegisterError| match error {
        RegisterError::Read { source, .. } => unreadable(source),
        other => Failure::input(format!("{}: {other}", path.display())).with_help(FORM_OF_PEOPLE),
    };
    let format = registers::form(path, format)?;
    let mut file = Hashed::new(File::open(path).map_err(unreadable)?);
    let mut lines = People::new(&mut file, format).map_err(broken)?;
    let (mut people, mut wrong, mut more) = (Vec::new(), Vec::new(), 0_u64);
    let mut seen: HashMap<String, u64> = HashMap::new();
    while let Some((line, asked)) = lines.line().map_err(broken)? {
        let read = match asked {
            _ if people.len() >= most => Err(TOO_MANY.to_owned()),
            Ok(asked) => person(line, asked, &mut seen),
            Err(fault) => Err(fault.to_string()),
        };
        match read {
            Ok(person) => people.push(person),
            Err(reason) if wrong.len() < SHOWN => wrong.push(format!("line {line}: {reason}")),
            Err(_) => more = more.saturating_add(1),
        }
        if people.len() >= most && !wrong.is_empty() {
            break;
        }
    }
    if !wrong.is_empty() {
        let more = if more > 0 { format!("\nand {more} more") } else { String::new() };
        let what = format!("{} cannot be asked about:\n{}{more}", path.display(), wrong.join("\n"));
        return Err(Failure::input(what).with_help(format!("correct these lines: {FORM_OF_PEOPLE}")));
    }
    if people.is_empty() {
        return Err(Failure::input(format!("{} names nobody", path.display())));
    }
    Ok((people, file.finish().map_err(unreadable)?))
}

/// A person of a line. The answer names people by their references, so no two may have the same.
fn person(line: u64, asked: AskedPerson, seen: &mut HashMap<String, u64>) -> Result<Person, String> {
    let AskedPerson { reference, identifiers } = asked;
    let reference = reference.unwrap_or_else(|| line.to_string());
    match seen.entry(reference.clone()) {
        Entry::Occupied(first) => {
            return Err(format!(
                "`ref` is that of line {}; an answer names people by it, so give each another",
                first.get()
            ));
        }
        Entry::Vacant(place) => place.insert(line),
    };
    let canonical = identifiers.iter().map(|raw| {
        let identifier = raw.canonical().map_err(|unfit| unfit.to_string())?;
        Ok((identifier.kind(), Zeroizing::new(identifier.bytes().to_vec())))
    });
    Ok(Person { reference, identifiers: canonical.collect::<Result<_, String>>()? })
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

    const HEAD: &str = "ref,identifiers[0].kind,identifiers[0].number,identifiers[0].state";

    #[track_caller]
    fn refused(text: &str, format: Format, says: &[&str]) {
        let Err(failure) = read_text(text, format) else { panic!("it was taken") };
        for says in says {
            assert!(failure.what.contains(says), "{says}: {}", failure.what);
        }
        assert!(failure.help.is_some_and(|help| help.contains("travel-document: number, state, birth_date")));
    }

    #[test]
    fn a_header_is_checked_before_its_rows() {
        let repeated = format!("{HEAD},identifiers[0].number\na,registration-number,1,SRB,\n");
        refused(&repeated, Format::Csv, &["column 5", "twice"]);
        let unknown = format!("{HEAD},identifiers[0].nubmer\na,registration-number,1,SRB,\n");
        refused(&unknown, Format::Csv, &["column 5", "not the name of a column"]);
        refused("a,registration-number,1,SRB\n", Format::Csv, &["column 1"]);
    }

    #[test]
    fn nobody_has_the_reference_of_another() {
        let person = r#""identifiers":[{"kind":"travel-document","number":"AB123456","state":"SYR","birth_date":"1990-01-31"}]"#;
        let text = format!("{{\"ref\":\"x\",{person}}}\n\n{{\"ref\":\"x\",{person}}}\n");
        refused(&text, Format::Ndjson, &["line 3", "that of line 1"]);
        // A person without one goes by the line.
        let text = format!("{{\"ref\":\"2\",{person}}}\n{{{person}}}\n");
        refused(&text, Format::Ndjson, &["line 2", "that of line 1"]);
    }

    #[test]
    fn files_are_taken_as_imports_take_them() {
        let rows = [HEAD, "a,travel-document,AB123456,SYR"].map(|row| row.replace(',', ";"));
        let rows = format!("\u{feff}{};identifiers[0].birth_date\r\n{};31.01.1990\r\n", rows[0], rows[1]);
        assert_eq!(read_text(&rows, Format::Csv).unwrap()[0].reference, "a");
        let mut file = tempfile::Builder::new().suffix(".tsv").tempfile().unwrap();
        file.write_all(rows.replace(';', "\t").as_bytes()).unwrap();
        assert_eq!(read(file.path(), None).unwrap().0.len(), 1);
        let unnamed = tempfile::Builder::new().suffix(".dat").tempfile().unwrap();
        assert!(read(unnamed.path(), None).is_err_and(|failure| failure.what.contains("does not tell")));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let person = |more: &str| {
            format!(
                "{{\"identifiers\":[{{\"kind\":\"travel-document\",\"number\":\"AB123456\",\"state\":\"SYR\"{more}}}]}}"
            )
        };
        refused(&person(""), Format::Ndjson, &["`identifiers[0].birth_date` is missing"]);
        let more = ",\"birth_date\":\"1990-01-31\",\"nubmer\":1";
        refused(&person(more), Format::Ndjson, &["`identifiers[0].nubmer` is not a field"]);
        let kind = person("").replace("travel-document", "passport");
        refused(&kind, Format::Ndjson, &["`identifiers[0].kind` must be `travel-document`"]);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"{\"ref\":\"\xff\"}\n").unwrap();
        let Err(failure) = read(file.path(), Some(Format::Ndjson)) else { panic!("it was taken") };
        assert!(failure.what.contains("not UTF-8 from byte 9 on"), "{failure}");
    }
}
