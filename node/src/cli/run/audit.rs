//! The journal: checked, reported, exported, compared.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufReader, Read as _},
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};
use symbolon_policy::{
    officer::ActKind,
    signing::PublicKey,
    words::{AgencyCode, Timestamp},
};

use crate::{
    cli::{
        args::{
            AlertsCommand, AuditCommand, CanaryCommand, EvidenceOptions, Global, ReportOptions,
            TransparencyOptions,
        },
        ask::ask,
        files, render,
        report::Report,
    },
    clock,
    control::api::{AuditReport, Failure, FailureKind, Reply, Request},
    journal::{
        audit::{
            self, ImportError, LineProblem,
            evidence::{self, Bundle, Problem},
            transparency::{self, Transparency},
        },
        log::{Collector, Period, Statistics},
    },
};

use super::{claim, free, odd, opening};

/// # Errors
/// [`Failure`] of whatever went wrong first.
pub(super) fn run(global: &Global, command: AuditCommand) -> Result<Report, Failure> {
    match command {
        AuditCommand::Verify => Report::of(&ask(global, Request::AuditVerify)?),
        AuditCommand::Report(options) => report(global, &options),
        AuditCommand::Alerts { command: Some(command), .. } => acknowledge(global, &command),
        AuditCommand::Alerts { from, all, .. } => {
            Report::of(&ask(global, Request::AuditAlerts { from, all })?)
        }
        AuditCommand::Transparency(options) => transparency(global, options),
        AuditCommand::Evidence(options) => evidence(global, options),
        AuditCommand::Open(options) => opening::open(global, options),
        AuditCommand::CheckOpening(options) => opening::checked(&options),
        AuditCommand::Reconcile { one, other } => reconcile(&one, &other),
        AuditCommand::Export { file } => {
            Report::of(&ask(global, Request::AuditExport { file: files::absolute(&file)? })?)
        }
    }
}

/// Signs for an alert as far as it has gone by now.
fn acknowledge(global: &Global, command: &AlertsCommand) -> Result<Report, Failure> {
    let AlertsCommand::Acknowledge { alert, note, signing } = command;
    let keys = claim::keys(signing)?;
    let Reply::AuditAlerts(found) = ask(global, Request::AuditAlerts { from: None, all: true })? else {
        return Err(odd());
    };
    let mut meant = found.alerts.iter().filter(|line| line.id.to_string().starts_with(alert));
    let (Some(line), None) = (meant.next(), meant.next()) else {
        let what = format!("of the last thirty days' alerts not one alone begins with {alert}");
        return Err(Failure::input(what).with_help("see `symbolon audit alerts --all`"));
    };
    let said = ActKind::Acknowledge { alert: line.id, observed: line.alert.observed, note: note.clone() };
    Report::of(&ask(global, Request::AlertAcknowledge { act: claim::sign(&keys, said)? })?)
}

/// The request of a command about canaries.
///
/// # Errors
/// [`Failure`] if the working directory is gone.
pub(super) fn canary(command: CanaryCommand) -> Result<Request, Failure> {
    Ok(match command {
        CanaryCommand::Add { file, peer, register, purpose, from, until, format } => Request::CanaryAdd {
            partner: peer,
            register,
            purposes: purpose,
            from,
            until,
            subjects: files::absolute(&file)?,
            format: format.map(Into::into),
        },
        CanaryCommand::List => Request::CanaryList,
        CanaryCommand::Open { file } => {
            free(Some(&file))?;
            Request::CanaryOpen { file: files::absolute(&file)? }
        }
        CanaryCommand::Report => Request::CanaryReport,
    })
}

fn report(global: &Global, options: &ReportOptions) -> Result<Report, Failure> {
    let ReportOptions { from, to, smallest, .. } = *options;
    in_order(from, to)?;
    let told = match &options.journal {
        Some(file) => of_export(file, options)?,
        None => match ask(global, Request::AuditReport { from, to, smallest })? {
            Reply::AuditReport(told) => *told,
            _ => return Err(odd()),
        },
    };
    if let Some(section) = options.csv {
        return Ok(Report::silent().with_text(render::log_csv(&told, section)?));
    }
    if options.public {
        return Report::new(render::statistics(&told.statistics), &told.statistics);
    }
    Report::new(render::log(&told), &told)
}

/// An empty report about a time that ends before it begins would be read as if nothing had happened.
fn in_order(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<(), Failure> {
    match (from, to) {
        (Some(from), Some(to)) if from >= to => {
            Err(Failure::input(format!("the time ends at {to} and begins at {from}"))
                .with_help("give --from a day that is not after that of --to"))
        }
        _ => Ok(()),
    }
}

/// The same from an exported journal, which is checked while it is read.
fn of_export(path: &Path, options: &ReportOptions) -> Result<AuditReport, Failure> {
    let period = Period {
        from: options.from.unwrap_or(Timestamp::FIRST),
        to: options.to.unwrap_or_else(|| clock::now().plus(1)),
    };
    let mut collector = Collector::new(period);
    let import = audit::read_export(BufReader::new(open(path)?), None, |entry, _| collector.take(entry))
        .map_err(|error| unverified(path, &error))?;
    let log = collector.finish(&import.report);
    let log = log.ok_or_else(|| unverified(path, &ImportError::Cut))?;
    let statistics = Statistics::of(&log, options.smallest);
    Ok(AuditReport { log, statistics })
}

fn transparency(global: &Global, options: TransparencyOptions) -> Result<Report, Failure> {
    let TransparencyOptions { from, to, smallest, out, check, keys } = options;
    in_order(from, to)?;
    if let Some(file) = out {
        free(Some(&file))?;
        let file = files::absolute(&file)?;
        return Report::of(&ask(global, Request::AuditTransparency { from, to, smallest, file })?);
    }
    let path = check.unwrap_or_default();
    let file: Transparency = json(&path, "a transparency export", "account")?;
    let keys = keys.into_iter().collect::<BTreeMap<_, _>>();
    let problems = transparency::check(&file, &keys);
    let agency = file.account.log.agency.clone();
    let compared = keys.get(&agency) == Some(&file.key);
    let checked = Checked { agency, key: file.key, compared, problems };
    Ok(Report::new(checked.to_string(), &checked)?.with_exit(exit(checked.problems.is_empty())))
}

/// What the check of a transparency export gives.
#[derive(Serialize)]
struct Checked {
    agency: AgencyCode,
    key: PublicKey,
    /// Whether it is the one that whoever checks has from elsewhere.
    compared: bool,
    problems: Vec<Problem>,
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "transparency export of {}, signed with the key {}", self.agency, self.key)?;
        for Problem { at, what } in &self.problems {
            writeln!(f, "DOES NOT STAND: {at}: {what}")?;
        }
        f.write_str(match (self.problems.is_empty(), self.compared) {
            (false, _) => "THE EXPORT DOES NOT STAND",
            (true, false) => "it stands; compare the key",
            (true, true) => "it stands; the key is the one that was given",
        })
    }
}

fn evidence(global: &Global, options: EvidenceOptions) -> Result<Report, Failure> {
    let EvidenceOptions { about, out, check, keys } = options;
    if let (Some(about), Some(file)) = (about, out) {
        free(Some(&file))?;
        let file = files::absolute(&file)?;
        return Report::of(&ask(global, Request::AuditEvidence { about, file })?);
    }
    let bundle: Bundle = json(&check.unwrap_or_default(), "evidence", "evidence")?;
    let verdict = evidence::check(&bundle, &keys.into_iter().collect());
    Ok(Report::new(verdict.to_string(), &verdict)?.with_exit(exit(verdict.stands())))
}

pub(super) fn exit(stands: bool) -> u8 {
    if stands { 0 } else { FailureKind::Integrity.exit_code() }
}

/// The longest file of evidence, or transparency export, that is read, in bytes.
const LONGEST: u64 = 256 << 20;

/// A document that was signed, known by the name of a `part`. One that has it and is not in the form was
/// altered, and is told as such; another one is another kind of file.
fn json<T: DeserializeOwned>(path: &Path, what: &str, part: &str) -> Result<T, Failure> {
    let mut text = Vec::new();
    let read = open(path)?.take(LONGEST).read_to_end(&mut text);
    read.map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))?;
    serde_json::from_slice(&text).map_err(|error| {
        let named = format!("\"{part}\"");
        let kind = match text.windows(named.len()).any(|bytes| bytes == named.as_bytes()) {
            true => FailureKind::Integrity,
            false => FailureKind::Input,
        };
        Failure::new(kind, format!("{} is not {what}: {error}", path.display()))
    })
}

pub(super) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| Failure::input(format!("cannot read {}: {error}", path.display())))
}

/// What is said of an export that does not verify. A file without a first line of one is another kind of file.
pub(super) fn unverified(path: &Path, why: &ImportError) -> Failure {
    match why {
        ImportError::Line { line: 1, problem: LineProblem::Form(_) | LineProblem::Length } => {
            Failure::input(format!("{} is no export of a journal: {why}", path.display()))
                .with_help("give a file that `symbolon audit export` wrote")
        }
        _ => Failure::integrity(format!("{} does not verify: {why}", path.display())),
    }
}

fn reconcile(one: &Path, other: &Path) -> Result<Report, Failure> {
    let import = |path: &Path| {
        audit::import_export(BufReader::new(open(path)?), None).map_err(|error| unverified(path, &error))
    };
    let (one, other) = (import(one)?, import(other)?);
    if one.agency == other.agency {
        return Err(Failure::input(format!("both files are exports of {}", one.agency))
            .with_help("give the exports of two agencies; `symbolon audit verify` checks one"));
    }
    let reconciliation = audit::reconcile(&one, &other);
    let report = Report::new(reconciliation.to_string(), &reconciliation)?;
    Ok(report.with_exit(exit(reconciliation.is_clean())))
}
