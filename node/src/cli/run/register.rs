//! Registers, and what follows from a record.

use std::{io::Write as _, path::Path};

use symbolon_policy::{identity::IdentityCard, notice::ErasureReceipt};

use crate::{
    cli::{
        args::{Global, RegisterCommand},
        ask::ask,
        files::{self, absolute},
        report::Report,
    },
    control::api::{Failure, FailureKind, Reply, Request},
    files::create_new,
    register::{ErasureSummary, Flags, RecordId},
};

use super::odd;

/// # Errors
/// [`Failure`] of whatever went wrong first.
pub(super) fn run(global: &Global, command: RegisterCommand) -> Result<Report, Failure> {
    let request = match command {
        RegisterCommand::Import { register, file, format, create, rejects } => Request::RegisterImport {
            register,
            file: absolute(&file)?,
            format: format.map(Into::into),
            create,
            rejects: rejects.as_deref().map(absolute).transpose()?,
        },
        RegisterCommand::List => Request::RegisterList,
        RegisterCommand::Show { register, id } => Request::RegisterShow { register, id },
        RegisterCommand::Records { register, after, limit } => {
            Request::RegisterRecords { register, after, limit: usize::try_from(limit).unwrap_or(usize::MAX) }
        }
        // The arguments hold either ids or `--expired`, which is an empty list.
        RegisterCommand::Erase { register, ids, reason, receipt, expired: _ } => {
            return erase(global, Request::RegisterErase { register, ids, reason }, receipt.as_deref());
        }
        RegisterCommand::Receipt { file, card, ids } => return receipt(&file, card.as_deref(), &ids),
        RegisterCommand::Flag { register, id, block, unblock, mark, unmark, contest, uncontest, reason } => {
            let flag = |yes: bool, no: bool| (yes || no).then_some(yes);
            let (blocked, marked, contested) =
                (flag(block, unblock), flag(mark, unmark), flag(contest, uncontest));
            Request::RegisterFlag { register, id, flags: Flags { blocked, marked, contested }, reason }
        }
        RegisterCommand::Disclosures { register, id, out } => {
            let reply = ask(global, Request::RegisterDisclosures { register, id })?;
            let report = Report::of(&reply)?;
            let (Some(out), Reply::Disclosures(told)) = (out, &reply) else { return Ok(report) };
            files::save(&out, &super::pretty(told)?)?;
            let text = format!("{}\n\nWrote it to {}.", report.text, out.display());
            return Ok(report.with_text(text));
        }
    };
    Report::of(&ask(global, request)?)
}

/// Erases records. The file of the receipt is made first: a receipt that has no place cannot be had again.
fn erase(global: &Global, request: Request, out: Option<&Path>) -> Result<Report, Failure> {
    let Some(out) = out else { return Report::of(&ask(global, request)?) };
    let mut file = create_new(out)?;
    let reply = ask(global, request).inspect_err(|_| {
        // It is empty, and stands in the way of the next attempt.
        let _ = std::fs::remove_file(out);
    })?;
    let Reply::Erased { receipt, .. } = &reply else { return Err(odd()) };
    let report = Report::of(&reply)?;
    let receipt = super::pretty(receipt)?;
    let written = file.write_all(format!("{receipt}\n").as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        let what = format!("the records are erased, but {} cannot be written: {error}", out.display());
        Failure::local(what).with_help(format!("keep this receipt, which is not made again:\n{receipt}"))
    })?;
    let text = format!("{}\nWrote the receipt to {}.", report.text, out.display());
    Ok(report.with_text(text))
}

fn receipt(file: &Path, card: Option<&Path>, ids: &[String]) -> Result<Report, Failure> {
    let receipt: ErasureReceipt = files::json(file, "the receipt of an erasure")?;
    let card: Option<IdentityCard> = card.map(|card| files::json(card, "an identity card")).transpose()?;
    let wrong = |what: String| Failure::new(FailureKind::Integrity, format!("{}: {what}", file.display()));
    receipt.verify(card.as_ref()).map_err(|e| wrong(e.to_string()))?;
    let erasure = &receipt.erasure;
    if !ids.is_empty() {
        let read = |id: &String| id.parse::<RecordId>().map_err(|e| Failure::input(format!("`{id}`: {e}")));
        let ids = ids.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if ErasureSummary::digest_of(&ids) != erasure.digest {
            return Err(wrong("it is about other records than these".to_owned()));
        }
    }
    let records = if erasure.records == 1 { "record" } else { "records" };
    let text = format!(
        "{} erased {} {records} of {} on {}, {}.\nSigned with the key {}; compare it with the agency's identity card.",
        erasure.agency, erasure.records, erasure.register, erasure.at, erasure.reason, erasure.key
    );
    Report::new(text, erasure)
}
