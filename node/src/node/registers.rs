//! Registers: import, look, erase.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use symbolon_policy::{
    notice::{Erasure, ErasureReceipt},
    permit::{Refusal, RefusalCode},
    signing::{self, Signer as _},
    words::RegisterName,
};

use super::{Core, Report, blocking};
use crate::{
    clock,
    control::{
        Updates,
        api::{self, Failure, Imported, RegisterLine, Reply},
    },
    files,
    journal::Event,
    register::{
        self, Begins, Day, ErasureReason, ErasureSummary, ImportObserver, RecordId, RegisterError, Reject,
        RejectReport, Selection,
    },
    session::claim::notices::reviewed,
};

/// Refused lines that a reply shows.
const SHOWN: usize = 10;

impl Core {
    /// Whether this node can be asked about a register.
    ///
    /// # Errors
    /// [`RefusalCode::UnknownRegister`].
    pub(crate) fn has_register(&self, register: &RegisterName) -> Result<(), Refusal> {
        if !self.registers.exists(register) {
            return Err(Refusal::new(RefusalCode::UnknownRegister, "there is no such register"));
        }
        Ok(())
    }
}

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
    let format = form(&path, format)?;
    if !create && !core.registers.exists(&register) {
        return Err(RegisterError::NoSuchRegister { name: register }.into());
    }
    let report = rejects.as_deref().map(files::create_new).transpose()?;
    let _change = core.change();
    if create && !core.registers.exists(&register) {
        core.registers.create(&register)?;
    }
    let mut observer = Observer {
        core,
        register: &register,
        begun: false,
        report: report.map(|file| RejectReport(BufWriter::new(file))),
        first: Vec::new(),
        progress: Report::new(register.as_str(), updates),
        size,
    };
    let imported = core.registers.import(&register, file, format, &mut observer);
    let Observer { begun, report, first, .. } = observer;
    let summary = match imported {
        Ok(summary) => summary,
        Err(error) => {
            if begun {
                core.change_failed(&register, &error.to_string())?;
            } else if let Some(rejects) = rejects {
                // It must not stand in the way of the next attempt.
                let _ = std::fs::remove_file(rejects);
            }
            return Err(error.into());
        }
    };
    core.book.record(&Event::Imported {
        register: register.clone(),
        good: summary.good,
        replaced: summary.replaced,
        rejected: summary.rejected,
        digest: summary.digest,
    })?;
    // A record that was changed may have to leave a slice at once: it may be blocked now.
    core.end_stale("records were replaced")?;
    let notices = reviewed(core);
    if let Some(RejectReport(mut file)) = report {
        file.flush().map_err(|e| Failure::local(format!("the reject report could not be written: {e}")))?;
    }
    Ok(Imported {
        register,
        lines: summary.lines,
        good: summary.good,
        replaced: summary.replaced,
        rejected: summary.rejected,
        first_rejects: first,
        notices,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// The form of a file, as given or as its name tells.
///
/// # Errors
/// An input [`Failure`] if neither says so.
pub(super) fn form(path: &Path, format: Option<api::Format>) -> Result<register::Format, Failure> {
    match format {
        Some(api::Format::Ndjson) => Ok(register::Format::Ndjson),
        Some(api::Format::Csv) => Ok(register::Format::Csv),
        None => register::Format::of(path).ok_or_else(|| {
            Failure::input(format!("the name of {} does not tell its form", path.display()))
                .with_help("give --format ndjson or --format csv")
        }),
    }
}

struct Observer<'c> {
    core: &'c Core,
    register: &'c RegisterName,
    /// Whether the journal has that the register changes.
    begun: bool,
    report: Option<RejectReport<BufWriter<File>>>,
    first: Vec<api::Reject>,
    progress: Report,
    size: u64,
}

impl ImportObserver for Observer<'_> {
    fn begins(&mut self) -> io::Result<()> {
        let begun = Event::ImportBegun { register: self.register.clone() };
        self.core.book.record(&begun).map_err(io::Error::other)?;
        self.begun = true;
        Ok(())
    }

    fn today(&self) -> Option<Day> {
        clock::today().ok()
    }

    fn rejected(&mut self, reject: &Reject) -> io::Result<()> {
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

pub(super) fn record_id(text: &str) -> Result<RecordId, Failure> {
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
        let mut unknown = Vec::new();
        let (erased, snapshots_ended) = if ids.is_empty() {
            let today = clock::today()?;
            erase_noted(&core, &name, "records expired", |begins| {
                core.registers.expire(&name, today, begins)
            })?
        } else {
            let why: ErasureReason = serde_json::from_value(serde_json::Value::String(reason.clone()))
                .map_err(|_| {
                    Failure::input(format!("`{reason}` is no reason for erasure")).with_help(
                        "one of EXPIRED, CITIZENSHIP, INACCURATE, UNLAWFUL, SUBJECT_REQUEST, ORDER",
                    )
                })?;
            let ids = ids.iter().map(|id| record_id(id)).collect::<Result<Vec<_>, _>>()?;
            unknown = core.registers.missing(&name, &ids)?.iter().map(|id| id.as_str().to_owned()).collect();
            if unknown.len() == ids.len() {
                return Err(Failure::input(format!(
                    "register `{name}` has no record {}",
                    unknown.join(", ")
                ))
                .with_help("nothing was erased, and nothing signed; see `symbolon register records`"));
            }
            let erase = |begins: Begins<'_>| core.registers.erase(&name, Selection::Ids(&ids), why, begins);
            erase_noted(&core, &name, "records were erased", erase)?
        };
        let notices = reviewed(&core);
        let receipt = receipt(&core, name, &erased)?;
        let (records, digest) = (erased.count, erased.digest);
        Ok(Reply::Erased { records, digest, snapshots_ended, unknown, notices, receipt: Box::new(receipt) })
    })
    .await
}

/// What the agency says of an erasure.
fn receipt(core: &Core, register: RegisterName, erased: &ErasureSummary) -> Result<ErasureReceipt, Failure> {
    let local = |error: &dyn std::fmt::Display| Failure::local(format!("the receipt: {error}"));
    let reason = serde_json::to_value(erased.reason).map_err(|e| local(&e))?;
    let erasure = Erasure {
        agency: core.book.own().clone(),
        key: core.signer.public(),
        register,
        records: erased.count,
        digest: erased.digest,
        reason: reason.as_str().unwrap_or_default().to_owned(),
        at: clock::now(),
    };
    let signature = signing::sign(&erasure, &*core.signer).map_err(|e| local(&e))?;
    Ok(ErasureReceipt { erasure, signature })
}

/// Erases records, with an entry before the first is gone and one after the last. Gives what was erased, and
/// how many snapshots ended by it, for the reason `ends`.
///
/// # Errors
/// A [`Failure`] of the erasure, or if an entry cannot be written.
pub(super) fn erase_noted(
    core: &Core,
    register: &RegisterName,
    ends: &str,
    erase: impl FnOnce(Begins<'_>) -> Result<ErasureSummary, RegisterError>,
) -> Result<(ErasureSummary, u64), Failure> {
    let _change = core.change();
    let mut begun = false;
    let erased = erase(&mut || {
        let event = Event::ErasureBegun { register: register.clone() };
        core.book.record(&event).map_err(io::Error::other)?;
        begun = true;
        Ok(())
    });
    let erased = match erased {
        Ok(erased) if begun => erased,
        Ok(nothing) => return Ok((nothing, 0)),
        Err(error) => {
            if begun {
                core.change_failed(register, &error.to_string())?;
            }
            return Err(error.into());
        }
    };
    let reason = serde_json::to_value(erased.reason).map_err(|e| Failure::local(e.to_string()))?;
    let reason = reason.as_str().unwrap_or_default().to_owned();
    let (records, digest) = (erased.count, erased.digest);
    core.book.record(&Event::Erased { register: register.clone(), records, digest, reason })?;
    Ok((erased, core.end_stale(ends)?))
}
