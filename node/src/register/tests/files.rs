//! Files as they come: hostile, damaged, cut short, or written with a spreadsheet.

use std::io::Read;

use symbolon_policy::words::Digest;

use super::*;

fn places(told: &Told) -> Vec<(u64, &str, Reason)> {
    told.rejects.iter().map(|reject| (reject.line, reject.field.as_str(), reject.reason)).collect()
}

#[test]
fn good_lines_survive_between_bad_ones() {
    let (_home, registers) = empty();
    let giant = line(50, 0) + &" ".repeat(MAX_LINE);
    let huge = "x".repeat(5 * MAX_LINE);
    let deep = "[".repeat(50_000);
    let odd = line(51, 0).replace("SYR", "QQQ");
    let mut file = Vec::new();
    for part in [
        "\u{feff}".as_bytes(),
        line(1, 0).as_bytes(),
        b"\r\n\r\n \t\n",
        giant.as_bytes(),
        b"\n",
        line(2, 0).as_bytes(),
        b"\n",
        huge.as_bytes(),
        b"\n",
        deep.as_bytes(),
        b"\n\xff\xfe\n\0\0\0\n",
        odd.as_bytes(),
        b"\n",
        line(3, 0).as_bytes(), // without an end
    ] {
        file.extend_from_slice(part);
    }
    let (summary, told) = import(&registers, &file);
    assert_eq!((summary.lines, summary.good, summary.rejected), (9, 3, 6));
    assert_eq!(
        summary.digest,
        Digest(
            sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &file))
                .into()
        )
    );
    let found = places(&told);
    assert_eq!(found[0], (4, "", Reason::LongLine));
    assert_eq!(found[1], (6, "", Reason::LongLine));
    assert!(matches!(found[2], (7, "", Reason::Json(_))));
    assert_eq!(found[3], (8, "", Reason::Utf8(1)));
    assert_eq!(found[4], (9, "", Reason::Json(1)));
    assert_eq!((found[5].0, found[5].1), (10, "identifiers[0].state"));
    assert_eq!(contents(&registers).into_keys().collect::<Vec<_>>(), ["RS-1", "RS-2", "RS-3"]);
    assert_eq!(told.progress.last().unwrap().bytes, file.len() as u64);
}

#[test]
fn days_that_cannot_be_are_refused() {
    let (_home, registers) = empty();
    let taken = |day: &str| {
        let mut record: serde_json::Value = serde_json::from_str(&line(1, 0)).unwrap();
        record["expires"] = serde_json::Value::Null;
        record["taken"] = day.into();
        record.to_string()
    };
    let days = |from_now: i64| {
        let at = symbolon_policy::words::Timestamp(crate::clock::now().0 + from_now * 86_400);
        crate::clock::day(at).unwrap().to_string()
    };
    let text = [taken(&days(3)), taken(&days(0)), taken("1970-01-01")].join("\n");
    let (summary, told) = import(&registers, text);
    assert_eq!(summary.good, 1);
    assert_eq!(
        places(&told),
        [(1, "taken", Reason::Future), (3, "identifiers[0].birth_date", Reason::Unborn)]
    );
}

#[test]
fn a_record_whose_time_is_over_is_not_taken() {
    /// An import that takes place on a day.
    struct On(Told, Day);
    impl ImportObserver for On {
        fn today(&self) -> Option<Day> {
            Some(self.1)
        }
        fn rejected(&mut self, reject: &Reject) -> io::Result<()> {
            self.0.rejected(reject)
        }
    }
    let (_home, registers) = empty();
    let expires = |n: u64, day: &str| {
        let mut record: serde_json::Value = serde_json::from_str(&line(n, 0)).unwrap();
        record["expires"] = day.into();
        record.to_string()
    };
    let text = [expires(1, "2026-06-01"), expires(2, "2026-06-02"), expires(3, "2026-06-03")].join("\n");
    let mut told = On(Told::default(), day("2026-06-02"));
    let summary = registers.import(&name(), text.as_bytes(), Format::Ndjson, &mut told).unwrap();
    assert_eq!((summary.good, summary.rejected), (1, 2));
    assert_eq!(places(&told.0), [(1, "expires", Reason::Over), (2, "expires", Reason::Over)]);
    assert_eq!(contents(&registers).into_keys().collect::<Vec<_>>(), ["RS-3"]);
}

#[test]
fn a_line_of_the_greatest_length_is_taken() {
    for (extra, good) in [(0, true), (1, false), (2, false), (3, false), (4, false), (7, false)] {
        let (_home, registers) = empty();
        let long = line(1, 0);
        let long =
            format!("\u{feff}{long}{}\r\n{}\r\n", " ".repeat(MAX_LINE - long.len() + extra), line(2, 0));
        let (summary, _) = import(&registers, long);
        assert_eq!((summary.good, summary.rejected), if good { (2, 0) } else { (1, 1) }, "{extra}");
    }
}

#[test]
fn a_file_without_lines_changes_nothing() {
    let (_home, registers) = empty();
    for file in ["", "\n", "\u{feff}", "\r\n\r\n"] {
        let (summary, _) = import(&registers, file);
        assert_eq!((summary.lines, summary.good), (0, 0));
    }
}

#[test]
fn the_last_line_of_an_id_counts_across_blocks() {
    let (_home, registers) = empty();
    let file: String = (0..5_000).map(|at| line(at % 2, at) + "\n").collect();
    let (summary, _) = import(&registers, file);
    assert_eq!((summary.good, summary.replaced), (5_000, 4_998));
    let contents = contents(&registers);
    assert_eq!(
        (&*contents["RS-0"].fields["version"], &*contents["RS-1"].fields["version"]),
        ("4998", "4999")
    );
}

/// Gives `good` and then fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the disk is gone")),
            count => Ok(count),
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_further_is_an_error() {
    let (home, registers) = empty();
    import(&registers, lines(0..5));
    let file = lines(0..10_000);
    let result = registers.import(&name(), Failing(file.as_bytes()), Format::Ndjson, &mut Told::default());
    assert!(matches!(result, Err(RegisterError::Read { line: 10_000, .. })), "{result:?}");
    // The count is right although the import did not get to write it.
    contents(&registers);
    drop(registers);
    let registers = Registers::open(home.path(), &key()).unwrap();
    assert!(contents(&registers).len() >= 5);
    assert_eq!(import(&registers, lines(0..10)).0.good, 10);
    assert!(contents(&registers).len() >= 10);
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let (_home, registers) = empty();
    let mut full: &mut [u8] = &mut [];
    let mut report = RejectReport(&mut full);
    let result = registers.import(&name(), b"{}\n".as_slice(), Format::Ndjson, &mut report);
    assert!(matches!(result, Err(RegisterError::Report { line: 1, .. })));
}

#[test]
fn the_report_is_one_object_a_line() {
    let (_home, registers) = empty();
    let mut report = RejectReport(Vec::new());
    let file = format!("{{}}\n{}\n", line(1, 0).replace("SYR", "QQQ"));
    registers.import(&name(), file.as_bytes(), Format::Ndjson, &mut report).unwrap();
    let report = String::from_utf8(report.0).unwrap();
    let rows: Vec<serde_json::Value> = report.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert_eq!(rows[0], json!({"line": 1, "field": "v", "reason": "is missing; supply it"}));
    assert_eq!((&rows[1]["line"], &rows[1]["field"]), (&json!(2), &json!("identifiers[0].state")));
    assert!(!report.contains("QQQ"));
}

fn import_csv(registers: &Registers, text: &str) -> Result<(ImportSummary, Told), RegisterError> {
    let mut told = Told::default();
    let summary = registers.import(&name(), text.as_bytes(), Format::Csv, &mut told)?;
    Ok((summary, told))
}

const HEADER: &str = "id,category,taken,provenance,subject.age,subject.own_citizen,fields.name";

#[test]
fn rows_and_their_faults() {
    let (_home, registers) = empty();
    let file = format!(
        "{HEADER}\n{}\n",
        [
            r#"A,WANTED,2024-05-01,own,adult,false,"Ali ""Baba"", the""#,
            r#"B,WANTED,2024-05-01,own,adult,false,"Ali"#,
            r#"C,WANTED,2024-05-01,own,adult,maybe,x"#,
            r#"D,WANTED,2024-05-01,own,adult,TRUE"#,
            r#"E,WANTED,2024-05-01,own,adult,TRUE,,"#,
            r#"F,WANTED,2024-05-01,own,adult,TRUE,"#,
            "G,WANTED,2024-05-01,own,adult,TRUE,\rH,WANTED,2024-05-01,own,adult,TRUE,x",
            r#",WANTED,2024-05-01,own,adult,TRUE,x"#,
        ]
        .join("\n")
    );
    let (summary, told) = import_csv(&registers, &file).unwrap();
    assert_eq!(
        places(&told),
        [
            (3, "", Reason::Quote),
            (4, "subject.own_citizen", Reason::Type("true or false")),
            (5, "", Reason::Cells),
            (6, "", Reason::Cells),
            (8, "", Reason::Cells),
            (9, "id", Reason::Missing),
        ]
    );
    assert_eq!((summary.lines, summary.good), (8, 2));
    let contents = contents(&registers);
    assert_eq!(contents["A"].fields["name"], r#"Ali "Baba", the"#);
    assert!(contents["F"].fields.is_empty() && contents["F"].subject.own_citizen);
}

#[test]
fn an_unusable_header_writes_nothing() {
    let (_home, registers) = empty();
    for (header, error) in [
        ("\n", HeaderError::Unknown(1)), // blank lines are passed over, and the row is no header
        ("\"id", HeaderError::Unreadable),
        ("RS-1;WANTED", HeaderError::Unknown(1)),
        ("id,Category", HeaderError::Unknown(2)),
        ("id,identifiers[32].kind", HeaderError::Unknown(2)),
        ("id,identifiers[00].kind", HeaderError::Unknown(2)),
        ("id,subject.mood", HeaderError::Unknown(2)),
        ("id,fields.Name", HeaderError::Unknown(2)),
        ("id,taken,id", HeaderError::Repeated(3)),
    ] {
        let result = import_csv(&registers, &format!("{header}\nA,WANTED\n"));
        assert!(matches!(result, Err(RegisterError::Header(found)) if found == error), "{header}");
    }
    let nothing = import_csv(&registers, "");
    assert!(matches!(nothing, Err(RegisterError::Header(HeaderError::Unreadable))));
    assert!(contents(&registers).is_empty());
}

#[test]
fn delimiters_are_told_from_the_header() {
    let (_home, registers) = empty();
    for (at, delimiter) in [",", ";", "\t"].into_iter().enumerate() {
        let file = format!("{HEADER}\nA{at},WANTED,2024-05-01,own,adult,false,x\n").replace(',', delimiter);
        assert_eq!(import_csv(&registers, &file).unwrap().0.good, 1);
    }
    assert_eq!(contents(&registers).len(), 3);
}

/// The examples of the manual can be imported as they stand, and where they give one record in both
/// forms it is the same.
#[test]
fn the_manual_is_right() {
    let manual = include_str!("../../../../docs/records.md");
    let block =
        |form: &str| manual.split(&format!("```{form}\n")).nth(1).unwrap().split("```").next().unwrap();
    let (_home, registers) = empty();
    let (summary, told) = import_csv(&registers, block("csv")).unwrap();
    assert_eq!((summary.good, places(&told)), (2, vec![]));
    let row = contents(&registers).remove("RS-2024-000001").unwrap();
    let row_templates = slice::manual(&registers);
    assert_eq!(row.expires, day("2029-05-01"));
    let (summary, told) = import(&registers, block("ndjson"));
    assert_eq!((summary.good, summary.replaced, places(&told)), (2, 1, vec![]));
    let mut line = contents(&registers).remove("RS-2024-000001").unwrap();
    line.fields.remove("sex");
    assert!(row == line);
    assert_eq!(row_templates, slice::manual(&registers));
    let mut example = manual.split("```json\n").map(|block| block.split("```").next().unwrap());
    let example = example.find(|block| block.contains("alternatives")).unwrap();
    let probe = probe(example.as_bytes(), &slice::iris()).unwrap();
    assert_eq!(probe.iter().map(|(_, template)| template.usable()).collect::<Vec<_>>(), [128, 120]);
    for code in Vulnerability::ALL.map(Vulnerability::as_str) {
        assert!(manual.contains(&format!("`{code}`")), "{code}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever stands before and after it, a good line is taken.
    #[test]
    fn bytes_spoil_no_line_but_their_own(before: Vec<u8>, after: Vec<u8>) {
        let (_home, registers) = empty();
        let file = [&before, b"\n".as_slice(), line(1, 0).as_bytes(), b"\n", &after].concat();
        let (summary, _) = import(&registers, file);
        prop_assert_eq!((summary.good, contents(&registers).len()), (1, 1));
    }

    #[test]
    fn rows_of_bytes_are_refused(row in "[^\r\n]{1,80}") {
        let (_home, registers) = empty();
        let (summary, _) = import_csv(&registers, &format!("{HEADER}\n{row}\nA,WANTED,2024-05-01,own,adult,false,x\n")).unwrap();
        prop_assert_eq!(summary.good, 1);
    }
}
