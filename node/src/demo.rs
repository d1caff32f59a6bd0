//! The demonstration: two agencies, two real nodes, one agreement, and people who do not exist.
//!
//! It runs this very program as separate processes, the way two administrators would, and shows what each agency
//! gets, what each can prove, and what went over the wire. RS holds a register; MK asks about people of whom a known
//! number is in it under other spellings. Nothing is left running and, unless asked for, nothing is left on the disk.
//!
//! All persons are invented from a fixed seed; see `demo/people.rs` for who is planted and how.

mod agency;
mod capture;
pub mod matching;
mod names;
mod people;
mod play;
pub mod procedure;
mod process;
mod report;
mod spelling;
mod stage;
mod steps;

use std::{
    fs::{self, DirBuilder, File},
    io::{BufWriter, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::{civil::Date, tz::TimeZone};
use symbolon_policy::words::RegisterName;
use symbolon_protocol::matching::interactive;
use tempfile::TempDir;

use crate::{clock, control::api::Failure};

pub use capture::Searched;
pub use people::Case;
pub use report::{CaseCount, Counted, Example, Journal, Reconciled, Refused, Report, Suppressed};
pub use spelling::Spelling;
pub use steps::{Step, Wire};

use capture::Patterns;
use matching::{Crowd, Many};
use people::Asked;
use process::Children;
use stage::Stage;
use steps::Steps;

const SEED: u64 = 2026;
const REGISTER: &str = "border";
const OFFICER: &str = "mk.officer-0417";
const CASE: &str = "IRREG-2026-0042";
/// People in one query: with two identifiers each as many as the ready agreement allows.
const BATCH: usize = 500;
/// Longest time before everything is ended, without the match.
const LIMIT: Duration = Duration::from_secs(600);
/// Seconds of one core to invent, import and compare one face of the large register, from above.
const FACE_SECONDS: f64 = 0.001;
/// How many times as long as estimated a match may take.
const PATIENCE: f64 = 6.0;

/// National rules of the holder, which the asker does not see.
const HOLDER_RULES: &str = r#"@id("stay-by-letter")
@title("Questions of illegal stay come by letter")
forbid (principal, action == Action::"QueryExact", resource)
when { context.purpose == Purpose::"ILLEGAL_STAY" };
"#;

/// What the demonstration is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// People asked about, 100 to 3,000: more would exceed the daily quota of the ready agreement.
    pub people: u32,
    /// Records in the register, 1,000 to 1,000,000.
    pub records: u32,
    /// People in the register of the encrypted match, 10 to 5,000; no match if it is absent.
    pub matching: Option<u32>,
    /// Faces in the large register of the match, 10 to 1,000,000; to 5,000 with a capture, which is searched for each.
    pub large: Option<u32>,
    /// A new file for everything that goes over the wire, in clear.
    pub capture: Option<PathBuf>,
    /// A new or empty directory in which everything is kept.
    pub keep: Option<PathBuf>,
    /// The result is for machines: no progress is shown.
    pub json: bool,
    /// No progress is shown.
    pub quiet: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            people: 1_000,
            records: 100_000,
            matching: None,
            large: None,
            capture: None,
            keep: None,
            json: false,
            quiet: false,
        }
    }
}

impl Options {
    fn check(&self) -> Result<(), Failure> {
        let within = |what: &str, number: u32, least: u32, most: u32| {
            if (least..=most).contains(&number) {
                return Ok(());
            }
            Err(Failure::input(format!(
                "the number of {what} must be from {least} to {most}, and {number} is not"
            )))
        };
        within("people", self.people, 100, 3_000)?;
        within("records", self.records, 1_000, 1_000_000)?;
        if let Some(records) = self.matching {
            within("records to match", records, matching::FEWEST, matching::MOST)?;
        }
        let most = if self.capture.is_some() { matching::MOST } else { matching::large::MOST };
        within("records of the large register", self.large(), matching::large::FEWEST, most)
    }

    /// Faces in the large register.
    fn large(&self) -> u32 {
        let usual = if self.capture.is_some() { matching::large::SEARCHED } else { matching::large::RECORDS };
        self.large.unwrap_or(usual)
    }
}

/// Runs the demonstration. It blocks until everything is over; every process it started has ended by then.
///
/// # Errors
/// A [`Failure`] of any step. An integrity failure if something is not as it must be: a planted person who is not
/// found, a hit that was not planted, a journal that does not verify, a person in the capture.
pub fn run(options: Options) -> Result<Report, Failure> {
    let start = Instant::now();
    options.check()?;
    let place = Place::open(options.keep.as_deref())?;
    if let Some(file) = &options.capture {
        // Asked before anything else, since it is needed last.
        File::create_new(file).map_err(|e| Failure::input(format!("cannot make {}: {e}", file.display())))?;
    }
    let program =
        std::env::current_exe().map_err(|e| Failure::local(format!("cannot find this program: {e}")))?;
    let patience =
        |records| (matching::estimate(records) + f64::from(options.large()) * FACE_SECONDS) * PATIENCE;
    let patience = options.matching.map_or(0.0, patience);
    let children = Children::watch(LIMIT + Duration::from_secs_f64(patience))?;
    let mut steps = Steps::new(!options.json && !options.quiet);

    let register = place.path().join("register.ndjson");
    let asked = steps.run("", "invent people and records", || invent(&options, &register))?;
    let templates = place.path().join("templates.ndjson");
    let faces = place.path().join("faces.ndjson");
    let large = options.large();
    let crowd = options.matching.map(|records| -> Result<_, Failure> {
        let crowd = steps.run("", "invent people with templates", || {
            written(&templates, |file| Crowd::invent(records, today(), file))
        })?;
        let many = steps.run("", "invent a large register of faces", || {
            written(&faces, |file| Many::invent(large, today(), file))
        })?;
        Ok((crowd, many))
    });
    let crowd = crowd.transpose()?;
    let stage = Stage::open(&children, &program, place.path(), options.capture.is_some(), &mut steps)?;
    let terms = crowd.as_ref().map(|(crowd, many)| crowd.terms(many)).transpose()?.unwrap_or_default();
    let agreed = stage.agree(&terms, &mut steps)?;
    stage.enrol(&mut steps)?;
    let manifest = stage.fill(&register, options.records, &mut steps)?;

    let played = stage.exact(&asked, &mut steps)?;
    let suppressed = stage.suppressed(&asked, &played, &mut steps)?;
    let refusals = stage.refused(&asked, &mut steps)?;
    let (count, counted) = stage.count(&asked, &mut steps)?;
    let procedure = stage.procedure(&asked, &played, &mut steps)?;
    let matched =
        crowd.as_ref().map(|(crowd, many)| stage.matched((crowd, &templates), (many, &faces), &mut steps));
    let matched = matched.transpose()?;
    let nodes = stage.status()?;
    let matches = matched.iter().flat_map(|matched| &matched.queries);
    let queries = played.queries.iter().chain([&procedure.minor.query]).chain(&counted).chain(matches);
    let queries: Vec<_> = queries.copied().collect();
    let (journals, reconciled) = stage.audit(queries.len() as u64, &mut steps)?;
    let parts = stage.capture_parts();
    stage.close(&mut steps)?;

    let capture = options.capture.as_deref().map(|file| {
        steps.run("", "search what went over the wire", || {
            capture::join(&parts, file)?;
            let opened = [&procedure.adult, &procedure.minor].map(|claimed| claimed.reference.as_str());
            let asked = asked.iter().filter(|person| !opened.contains(&person.reference.as_str()));
            let mut patterns = patterns(asked, crowd.as_ref());
            for query in &queries {
                patterns.control(
                    &format!("the query id {}", query.to_string().chars().take(8).collect::<String>()),
                    query.as_bytes(),
                );
            }
            capture::search(file, &patterns)
        })
    });
    let cases = played.cases(&asked);
    let hits_planted = asked.iter().filter(|person| !person.case.expected().is_empty()).count() as u64;
    let hits_found = cases
        .iter()
        .filter(|count| !count.case.expected().is_empty())
        .fold(0, |sum: u64, count| sum.saturating_add(count.right));
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        nodes,
        register: register_name()?,
        records: options.records,
        people: options.people,
        agreement: agreed.id,
        rules: agreed.rules,
        entries: manifest.entries,
        snapshot_bytes: manifest.bytes,
        steps: Vec::new(),
        hits_found,
        hits_planted,
        examples: played.examples(&asked),
        cases,
        suppressed,
        refusals,
        count,
        procedure,
        matching: matched.map(|matched| matched.report),
        receipt: played.receipt,
        journals,
        reconciled,
        capture: capture.transpose()?,
        kept: options.keep,
        left_running: children.left(),
        seconds: start.elapsed().as_secs_f64(),
    };
    let report = Report { steps: steps.finish(), ..report };
    match report.faults() {
        faults if faults.is_empty() => Ok(report),
        faults => Err(Failure::integrity(format!("the demonstration does not hold: {}", faults.join("; ")))
            .with_help("run it again with --keep and look at what is kept")),
    }
}

/// Writes a register to a new file.
fn written<T>(
    register: &Path,
    invent: impl FnOnce(&mut BufWriter<File>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let fault = |e: std::io::Error| Failure::local(format!("cannot write {}: {e}", register.display()));
    let mut file = BufWriter::new(File::create(register).map_err(fault)?);
    let invented = invent(&mut file)?;
    file.flush().map_err(fault)?;
    Ok(invented)
}

fn invent(options: &Options, register: &Path) -> Result<Vec<Asked>, Failure> {
    let write = || {
        let mut file = BufWriter::new(File::create(register)?);
        let asked = people::generate(options.people, options.records, SEED, today(), &mut file)?;
        file.flush()?;
        Ok(asked)
    };
    write().map_err(|e: std::io::Error| Failure::local(format!("cannot write {}: {e}", register.display())))
}

/// Everything that must not be found in a capture, and what must.
///
/// A claim opens one person and the case to the holder, so those who were claimed are not among `asked`.
fn patterns<'a>(asked: impl Iterator<Item = &'a Asked>, crowd: Option<&(Crowd, Many)>) -> Patterns {
    let mut patterns = Patterns::default();
    asked.for_each(|person| patterns.person(person));
    patterns.control(CASE, CASE.as_bytes());
    if let Some((crowd, many)) = crowd {
        crowd.templates().chain(many.templates()).for_each(|template| patterns.template(template));
        crowd.ids().chain(many.ids()).for_each(|id| patterns.text(&id));
        for word in ["face-512", "tenprint-5120", matching::ENGINE, interactive::ID] {
            patterns.control(word, word.as_bytes());
        }
    }
    for word in [REGISTER, OFFICER, "IRREG_ENTRY", "READMISSION"] {
        patterns.control(word, word.as_bytes());
    }
    patterns
}

fn today() -> Date {
    let now = jiff::Timestamp::from_second(clock::now().0).unwrap_or_default();
    TimeZone::UTC.to_datetime(now).date()
}

fn register_name() -> Result<RegisterName, Failure> {
    REGISTER.parse().map_err(|e: symbolon_policy::words::WordError| Failure::local(e.to_string()))
}

/// Where all files are.
enum Place {
    /// Removed when the demonstration is over.
    Passing(TempDir),
    Kept(PathBuf),
}

impl Place {
    fn open(keep: Option<&Path>) -> Result<Self, Failure> {
        let Some(dir) = keep else {
            let dir = tempfile::Builder::new().prefix("symbolon-demo-").tempdir();
            return dir
                .map(Self::Passing)
                .map_err(|e| Failure::local(format!("cannot make a directory: {e}")));
        };
        let fault = |e: std::io::Error| Failure::input(format!("cannot use {}: {e}", dir.display()));
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(fault)?;
        if fs::read_dir(dir).map_err(fault)?.next().is_some() {
            return Err(
                Failure::input(format!("{} is not empty", dir.display())).with_help("name a new directory")
            );
        }
        std::path::absolute(dir).map(Self::Kept).map_err(fault)
    }

    fn path(&self) -> &Path {
        match self {
            Self::Passing(dir) => dir.path(),
            Self::Kept(dir) => dir,
        }
    }
}
