//! Registers: import, look, erase.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use symbolon_policy::words::RegisterName;

use super::{Core, Report, blocking};
use crate::{
    clock,
    control::{
        Updates,
        api::{self, Failure, Imported, RegisterLine, Reply},
    },
    journal::{Event, Side},
    register::{
        self, ErasureReason, ErasureSummary, ImportObserver, RecordId, Reject, RejectReport, Selection,
    },
};

/// Refused lines that a reply shows.
const SHOWN: usize = 10;

/// An import as requested.
pub(super) struct Import {
    pub(super) register: RegisterName,
    pub(super) file: PathBuf,
    pub(super) format: Option<api::Format>,
    pub(super) create: bool,
    pub(super) rejects: Option<PathBuf>,
}

pub(super) async fn import(core: &Arc<Core>, import: Import, updates: Updates) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || read(&core, import, updates).map(Reply::Imported)).await
}

fn read(core: &Core, import: Import, updates: Updates) -> Result<Imported, Failure> {
    let Import { register, file: path, format, create, rejects } = import;
    let started = Instant::now();
    let unreadable = |e| Failure::input(format!("cannot read {}: {e}", path.display()));
    let file = File::open(&path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    let format = match format {
        Some(api::Format::Ndjson) => register::Format::Ndjson,
        Some(api::Format::Csv) => register::Format::Csv,
        None => register::Format::of(&path).ok_or_else(|| {
            Failure::input(format!("the name of {} does not tell its form", path.display()))
                .with_help("give --format ndjson or --format csv")
        })?,
    };
    let report = rejects.map(|path| {
        let file = File::create(&path)
            .map_err(|e| Failure::input(format!("cannot write {}: {e}", path.display())))?;
        Ok::<_, Failure>(RejectReport(BufWriter::new(file)))
    });
    let mut observer = Observer {
        report: report.transpose()?,
        first: Vec::new(),
        progress: Report::new(register.as_str(), updates),
        size,
    };
    if create && !core.registers.exists(&register) {
        core.registers.create(&register)?;
    }
    let summary =
        core.registers.import(&register, file, format, &mut observer).map_err(|error| match error {
            register::RegisterError::NoSuchRegister { .. } => Failure::input(error.to_string())
                .with_help("make it with --create, or see `symbolon register list`"),
            other => other.into(),
        })?;
    if let Some(RejectReport(mut file)) = observer.report {
        file.flush().map_err(|e| Failure::local(format!("the reject report could not be written: {e}")))?;
    }
    core.book.record(&Event::Imported {
        register: register.clone(),
        good: summary.good,
        replaced: summary.replaced,
        rejected: summary.rejected,
        digest: summary.digest,
    })?;
    if summary.replaced > 0 {
        // A record that was changed may have to leave a slice at once: it may be blocked now.
        end_snapshots(core, &register, "records were replaced")?;
    }
    Ok(Imported {
        register,
        lines: summary.lines,
        good: summary.good,
        replaced: summary.replaced,
        rejected: summary.rejected,
        first_rejects: observer.first,
        seconds: started.elapsed().as_secs_f64(),
    })
}

struct Observer {
    report: Option<RejectReport<BufWriter<File>>>,
    first: Vec<api::Reject>,
    progress: Report,
    size: u64,
}

impl ImportObserver for Observer {
    fn rejected(&mut self, reject: &Reject) -> std::io::Result<()> {
        if self.first.len() < SHOWN {
            self.first.push(api::Reject {
                line: reject.line,
                field: reject.field.clone(),
                reason: reject.reason.to_string(),
            });
        }
        self.report.as_mut().map_or(Ok(()), |report| report.rejected(reject))
    }

    fn progress(&mut self, progress: register::Progress) {
        self.progress.say("import", progress.bytes, self.size);
    }
}

/// Ends the snapshots made of a register; the next asker gets a new one.
///
/// # Errors
/// A [`Failure`] if that cannot be recorded.
pub(super) fn end_snapshots(core: &Core, name: &RegisterName, reason: &str) -> Result<u64, Failure> {
    let mut ended = 0_u64;
    for snapshot in core.book.state().snapshots()? {
        if snapshot.side == Side::Holder && snapshot.manifest.register == *name {
            core.end_snapshot(&snapshot.manifest, reason)?;
            ended = ended.saturating_add(1);
        }
    }
    Ok(ended)
}

pub(super) async fn list(core: &Arc<Core>) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || Ok(Reply::Registers { registers: lines(&core)? })).await
}

/// All registers.
///
/// # Errors
/// A [`Failure`] if the store does not verify.
pub(super) fn lines(core: &Core) -> Result<Vec<RegisterLine>, Failure> {
    let list = core.registers.list()?;
    Ok(list.into_iter().map(|info| RegisterLine { name: info.name, records: info.records }).collect())
}

fn record_id(text: &str) -> Result<RecordId, Failure> {
    text.parse().map_err(|e: register::FormError| Failure::input(format!("`{text}` is no record id: {e}")))
}

pub(super) async fn show(core: &Arc<Core>, name: RegisterName, id: String) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let record = core.registers.show(&name, &record_id(&id)?)?;
        let record =
            record.ok_or_else(|| Failure::input(format!("register `{name}` has no record `{id}`")))?;
        let record = serde_json::to_value(&record).map_err(|e| Failure::local(e.to_string()))?;
        Ok(Reply::Record { record })
    })
    .await
}

pub(super) async fn records(
    core: &Arc<Core>,
    name: RegisterName,
    after: Option<String>,
    limit: usize,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let after = after.as_deref().map(record_id).transpose()?;
        let page = core.registers.page(&name, after.as_ref(), limit)?;
        Ok(Reply::Records { ids: page.into_iter().map(|record| record.id.as_str().to_owned()).collect() })
    })
    .await
}

pub(super) async fn erase(
    core: &Arc<Core>,
    name: RegisterName,
    ids: Vec<String>,
    reason: String,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let erased: ErasureSummary = if ids.is_empty() {
            core.registers.expire(&name, clock::today()?)?
        } else {
            let why: ErasureReason = serde_json::from_value(serde_json::Value::String(reason.clone()))
                .map_err(|_| {
                    Failure::input(format!("`{reason}` is no reason for erasure")).with_help(
                        "one of EXPIRED, CITIZENSHIP, INACCURATE, UNLAWFUL, SUBJECT_REQUEST, ORDER",
                    )
                })?;
            let ids = ids.iter().map(|id| record_id(id)).collect::<Result<Vec<_>, _>>()?;
            core.registers.erase(&name, Selection::Ids(&ids), why)?
        };
        let reason = serde_json::to_value(erased.reason).map_err(|e| Failure::local(e.to_string()))?;
        let reason = reason.as_str().unwrap_or_default().to_owned();
        let (records, digest) = (erased.count, erased.digest);
        let mut snapshots_ended = 0;
        if records > 0 {
            core.book.record(&Event::Erased { register: name.clone(), records, digest, reason })?;
            snapshots_ended = end_snapshots(&core, &name, "records were erased")?;
        }
        Ok(Reply::Erased { records, digest, snapshots_ended })
    })
    .await
}
