use std::{
    fs::File,
    sync::{Arc, Mutex},
};

use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::{Field, Row as Record},
};

use super::{super::Csv, *};
use crate::{
    cost::Calibration,
    library,
    proposal::Proposal,
    run::{Plan, Watch, rows::Both, run},
    scenario::Scenario,
};

/// Bytes that are read when the writer is gone.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

/// Opens what was written with the reader of the crate.
fn open(bytes: &[u8]) -> Result<SerializedFileReader<File>, ParquetError> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    SerializedFileReader::new(file)
}

/// A record as a line of CSV. A time is a timestamp or the line is another.
fn line(record: &Record) -> String {
    let values = record.get_column_iter().map(|(_, value)| match value {
        Field::TimestampMillis(time) => Timestamp(time.div_euclid(1_000)).to_string(),
        Field::Str(text) => text.clone(),
        Field::ULong(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        other => format!("{other:?}"),
    });
    values.collect::<Vec<_>>().join(",")
}

fn names(reader: &SerializedFileReader<File>) -> String {
    let columns = reader.metadata().file_metadata().schema_descr().columns();
    columns.iter().map(|column| column.name()).collect::<Vec<_>>().join(",")
}

fn row(number: u64) -> Row<'static> {
    Row {
        time: ["2022-01-03T00:00:00Z", "1969-12-31T00:00:00Z"][number as usize % 2],
        proposal: "pcc",
        seed: u64::MAX - number,
        asker: "RS",
        holder: ["MK", "XK", "AL"][number as usize % 3],
        exchange: "exact",
        practice: number as usize % 4,
        wished: number as f64 / 3.0,
        queries: 1e300,
        unanswered: -0.0,
        hits: 1.0,
        true_hits: 5e-324,
        hit_bits: 0.1 + 0.2,
        entries: 1_024.0,
        answer_seconds: 0.1,
        load: 1e-3,
    }
}

/// Every value of a run comes back as it stands in the CSV file of the same run.
#[test]
fn a_run_is_read_back_as_its_csv_file_says() {
    struct Files(Shared, Shared);
    impl Watch for Files {
        fn rows(&self, _: &str, _: u64) -> io::Result<Option<Box<dyn Sink>>> {
            let (csv, parquet) = (Csv::new(self.0.clone())?, Parquet::new(self.1.clone())?);
            Ok(Some(Box::new(Both(Box::new(csv), Box::new(parquet)))))
        }
    }
    let ready = library::ready("bilateral").unwrap();
    let mut scenario = Scenario::parse(ready.text).unwrap();
    scenario.run.persons = 3_000;
    let proposals = Proposal::all(&scenario, &ready).unwrap();
    let calibration = Calibration::embedded().unwrap();
    let files = Files(Shared::default(), Shared::default());
    run(&Plan::new(&scenario, &proposals[1..2], &[7], &calibration), &files).unwrap();
    let csv = String::from_utf8(files.0.bytes()).unwrap();
    let reader = open(&files.1.bytes()).unwrap();
    assert_eq!(names(&reader), csv.lines().next().unwrap());
    let read: Vec<String> = reader.get_row_iter(None).unwrap().map(|row| line(&row.unwrap())).collect();
    let wanted: Vec<&str> = csv.lines().skip(1).collect();
    assert!(wanted.len() > 500 && wanted.iter().any(|line| line.contains(",match,")), "{}", wanted.len());
    assert_eq!(read, wanted);
}

/// Groups end where they must, and what is held does not grow.
#[test]
fn rows_go_out_in_groups() {
    let (csv, parquet) = (Shared::default(), Shared::default());
    let mut one = Csv::new(csv.clone()).unwrap();
    let mut sink = Box::new(Parquet::new(parquet.clone()).unwrap());
    let rows = 2 * GROUP + 5;
    let mut before = 0;
    for number in 0..rows as u64 {
        one.row(&row(number)).unwrap();
        sink.row(&row(number)).unwrap();
        assert!(sink.held.time.len() < GROUP && sink.known.len() < 8);
        if (number + 1).is_multiple_of(GROUP as u64) {
            let now = parquet.bytes().len();
            assert!(now > before + GROUP, "a group was not written");
            before = now;
        }
    }
    // Until it is ended it is no file.
    assert!(open(&parquet.bytes()).is_err());
    sink.end().unwrap();
    let reader = open(&parquet.bytes()).unwrap();
    let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [GROUP as i64, GROUP as i64, 5]);
    let csv = String::from_utf8(csv.bytes()).unwrap();
    let mut wanted = csv.lines().skip(1);
    for read in reader.get_row_iter(None).unwrap() {
        assert_eq!(Some(line(&read.unwrap()).as_str()), wanted.next());
    }
    assert_eq!(wanted.next(), None);
}

#[test]
fn a_file_without_rows_can_be_read() {
    let written = Shared::default();
    Box::new(Parquet::new(written.clone()).unwrap()).end().unwrap();
    let reader = open(&written.bytes()).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
    assert_eq!(names(&reader).split(',').count(), 1 + TEXTS.len() + 2 + AMOUNTS.len());
}

/// A row that cannot be written is told, and a time that is none.
#[test]
fn faults_are_told() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::other("no space"))
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::Error::other("no space"))
        }
    }
    let told = |result: io::Result<()>| result.unwrap_err().to_string();
    let ended = Parquet::new(Full).and_then(|sink| Box::new(sink).end());
    assert!(told(ended).contains("no space"));
    let mut sink = Parquet::new(Shared::default()).unwrap();
    assert!(told(sink.row(&Row { time: "yesterday", ..row(0) })).contains("no time"));
}
