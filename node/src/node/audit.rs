//! The journal, checked and exported.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use symbolon_policy::{
    signing::Signer as _,
    words::{ClaimId, Digest, QueryId, Timestamp},
};

use super::{Core, blocking};
use crate::{
    clock,
    control::api::{AuditReport, Failure, Reply},
    files,
    journal::{
        audit::{
            self,
            evidence::{self, GatherError, Subject},
            transparency::Gathering,
        },
        log::{Collector, Period, Statistics},
    },
};

pub(super) async fn verify(core: &Arc<Core>) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let report = audit::verify(&core.home.journal(), &core.signer.public())?;
        let detail = serde_json::to_value(&report).map_err(|e| Failure::local(e.to_string()))?;
        Ok(Reply::Audit { clean: report.is_clean(), text: report.to_string(), report: detail })
    })
    .await
}

pub(super) async fn report(
    core: &Arc<Core>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    smallest: u64,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let period =
            Period { from: from.unwrap_or(Timestamp::FIRST), to: to.unwrap_or_else(|| clock::now().plus(1)) };
        let mut collector = Collector::new(period);
        let audited = audit::read(&core.home.journal(), &core.signer.public(), |entry, _| {
            collector.take(entry);
        })?;
        let log = collector.finish(&audited);
        let log = log.ok_or_else(|| Failure::integrity("the first entry of the journal cannot be read"))?;
        let statistics = Statistics::of(&log, smallest);
        Ok(Reply::AuditReport(Box::new(AuditReport { log, statistics })))
    })
    .await
}

pub(super) async fn transparency(
    core: &Arc<Core>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    smallest: u64,
    file: PathBuf,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let period =
            Period { from: from.unwrap_or(Timestamp::FIRST), to: to.unwrap_or_else(|| clock::now().plus(1)) };
        let mut gathering = Gathering::new(period);
        let audited = audit::read(&core.home.journal(), &core.signer.public(), |entry, digest| {
            gathering.take(entry, digest);
        })?;
        let made = gathering.sign(&audited, smallest, core.book.signer());
        let made = made.ok_or_else(|| Failure::integrity("the journal has no beginning that can be read"))?;
        save(&file, &made)?;
        let countersigned = made.account.countersigned.into_iter().map(|signed| signed.partner).collect();
        Ok(Reply::Gathered { file, entries: made.account.log.entries, countersigned })
    })
    .await
}

pub(super) async fn evidence(core: &Arc<Core>, about: String, file: PathBuf) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let odd = || {
            Failure::input(format!(
                "`{about}` is neither the id of a query or claim nor the code of a partner"
            ))
        };
        let subjects = match (about.parse::<QueryId>(), about.parse::<ClaimId>()) {
            (Ok(query), Ok(claim)) => vec![Subject::Query(query), Subject::Claim(claim)],
            _ => vec![Subject::Fork(about.parse().map_err(|_| odd())?)],
        };
        let mut found = Err(GatherError::Nothing);
        for subject in subjects {
            let opening = |claim: &Digest| core.claims.opening(claim).ok().map(|bytes| bytes.to_vec());
            let (key, signer) = (core.signer.public(), core.book.signer());
            found = evidence::gather(&core.home.journal(), &key, signer, subject, opening);
            if !matches!(found, Err(GatherError::Nothing)) {
                break;
            }
        }
        let bundle = found.map_err(|error| match error {
            GatherError::Nothing => Failure::input(format!("the journal holds nothing about {about}"))
                .with_help("see `symbolon audit report` for the ids of queries and claims"),
            GatherError::Unsound => Failure::integrity(error.to_string()),
            GatherError::Journal(error) => error.into(),
        })?;
        let verdict = evidence::check(&bundle, &BTreeMap::new());
        if let Some(problem) = verdict.problems.first() {
            let what = format!("what the journal holds does not stand: {}: {}", problem.at, problem.what);
            return Err(Failure::integrity(what).with_help("run `symbolon audit verify`"));
        }
        save(&file, &bundle)?;
        let entries = bundle.entries.len() as u64;
        Ok(Reply::Gathered { file, entries, countersigned: verdict.countersigned })
    })
    .await
}

/// Writes a new file that others read too.
fn save(file: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|e| Failure::local(e.to_string()))?;
    text.push(b'\n');
    files::write_new(file, &text).map_err(|error| files::unwritable(file, &error))
}

pub(super) async fn export(core: &Arc<Core>, file: PathBuf) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let mut out = std::io::BufWriter::new(files::create_new(&file)?);
        let written = audit::export(&core.home.journal(), core.book.signer(), &mut out)
            .map_err(|e| Failure::local(e.to_string()))
            .and_then(|entries| match std::io::Write::flush(&mut out) {
                Ok(()) => Ok(entries),
                Err(error) => Err(files::unwritable(&file, &error)),
            });
        let entries = written.inspect_err(|_| {
            // A part of a journal is no export.
            let _ = std::fs::remove_file(&file);
        })?;
        Ok(Reply::Exported { file, entries })
    })
    .await
}
