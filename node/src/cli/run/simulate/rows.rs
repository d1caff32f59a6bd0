//! Rows of a run as files, each whole or not there.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use symbolon_simulator::run::rows::{Both, Csv, Ndjson, Parquet, Row, Sink};

use crate::cli::args::RowForm;

/// The ending of what is not whole yet.
const PART: &str = "part";

/// The file of a task's rows.
pub(super) fn path(dir: &Path, task: &str, form: RowForm) -> PathBuf {
    let ending = match form {
        RowForm::Csv => "csv",
        RowForm::Ndjson => "ndjson",
        RowForm::Parquet => "parquet",
    };
    dir.join(format!("{task}.{ending}"))
}

/// Begins the files of a task, one for each form.
///
/// # Errors
/// Of a file that cannot be made.
pub(super) fn begin(dir: &Path, task: &str, forms: &[RowForm]) -> io::Result<Option<Box<dyn Sink>>> {
    let mut all: Option<Box<dyn Sink>> = None;
    for form in forms {
        let one: Box<dyn Sink> = Box::new(Whole::begin(path(dir, task, *form), *form)?);
        all = Some(match all {
            Some(others) => Box::new(Both(others, one)),
            None => one,
        });
    }
    Ok(all)
}

/// Takes away what a run that was killed left half written.
///
/// # Errors
/// Of the directory, or of a file that cannot be removed.
pub(super) fn tidy(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == PART) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// A file that has its name only once it is whole and on the disk.
struct Whole {
    /// What writes it; gone once it was ended.
    sink: Option<Box<dyn Sink>>,
    part: PathBuf,
    path: PathBuf,
}

impl Whole {
    fn begin(path: PathBuf, form: RowForm) -> io::Result<Self> {
        let part = part(&path);
        let named = |error: io::Error| named(&path, &error);
        let file = BufWriter::new(File::create(&part).map_err(named)?);
        let sink: Box<dyn Sink> = match form {
            RowForm::Csv => Box::new(Csv::new(file).map_err(named)?),
            RowForm::Ndjson => Box::new(Ndjson::new(file)),
            RowForm::Parquet => Box::new(Parquet::new(file).map_err(named)?),
        };
        Ok(Self { sink: Some(sink), part, path })
    }
}

impl Sink for Whole {
    fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let Some(sink) = &mut self.sink else { return Ok(()) };
        sink.row(row).map_err(|error| named(&self.path, &error))
    }

    fn end(mut self: Box<Self>) -> io::Result<()> {
        let Some(sink) = self.sink.take() else { return Ok(()) };
        let ended = sink.end().and_then(|()| settle(&self.part, &self.path));
        ended.map_err(|error| named(&self.path, &error))
    }
}

impl Drop for Whole {
    /// Of a task that was cancelled or failed nothing stays. Where that fails, [`tidy`] does it later.
    fn drop(&mut self) {
        drop(self.sink.take());
        let _ = fs::remove_file(&self.part);
    }
}

/// The name of a file while it is written.
fn part(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(PART);
    name.into()
}

/// Writes a file so that it is whole and on the disk, or not there.
///
/// # Errors
/// Of the file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = part(path);
    fs::write(&part, bytes).and_then(|()| settle(&part, path)).map_err(|error| named(path, &error))
}

/// Gives a file its name once it is on the disk.
fn settle(part: &Path, path: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, path)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
