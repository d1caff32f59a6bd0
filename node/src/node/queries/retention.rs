//! How long own queries stay on the disk: identifiers, seed and case are personal data.

use std::{
    fs::{self, DirEntry},
    time::UNIX_EPOCH,
};

use symbolon_policy::words::{QueryId, Timestamp};

use crate::{
    control::api::Failure,
    files,
    journal::{Event, Side},
    node::Core,
    state::{Query, Stage},
};

/// Queries in one entry of the journal.
const ENTRY: usize = 1_000;

/// Destroys the sealed copies of queries that have been kept for as long as the settings say, and journals
/// which. One that can still be answered is kept.
///
/// # Errors
/// A [`Failure`] if the directory cannot be read or the entry cannot be written.
pub(in crate::node) fn erase_old(core: &Core, now: Timestamp) -> Result<(), Failure> {
    let directory = core.home.queries();
    let unreadable = |e| Failure::local(format!("cannot read {}: {e}", directory.display()));
    let days = i64::from(core.config.query_retention_days);
    let limit = now.plus(days.saturating_mul(Timestamp::DAY).saturating_neg());
    let mut erased = Vec::new();
    for entry in fs::read_dir(&directory).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        // A crash may have left a copy that was not written whole, under the same name with an ending.
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.split('.').next()?.parse::<QueryId>().ok());
        let Some(id) = id else { continue };
        let query = core.book.state().query(Side::Asker, &id)?;
        // A query that was refused is known no more, but by the time of its file.
        let asked = query.as_ref().map(|query| query.ask.asked_at).or_else(|| written(&entry));
        let open = query.as_ref().map_or(Ok(false), |query| open(core, query, now))?;
        if open || asked.is_none_or(|asked| asked > limit) {
            continue;
        }
        match files::destroy(&entry.path()) {
            Ok(()) => erased.push(id),
            Err(error) => tracing::error!(query = %id, %error, "an old query could not be destroyed"),
        }
    }
    for queries in erased.chunks(ENTRY) {
        core.book.record(&Event::QueriesErased { queries: queries.to_vec() })?;
    }
    Ok(())
}

/// Whether a query is under way, or was not answered and can be resumed.
fn open(core: &Core, query: &Query, now: Timestamp) -> Result<bool, Failure> {
    let holds = core.book.agreement(&query.ask.agreement).is_some_and(|a| a.holds(now).is_ok());
    Ok(match query.stage {
        Stage::Open => true,
        Stage::Answered(_) | Stage::Done(_) => false,
        Stage::Failed if !holds || (query.broken && query.ask.matching.is_some()) => false,
        Stage::Failed => match (query.ask.snapshot, &query.ask.matching) {
            (Some(snapshot), _) => core.book.state().snapshot(&snapshot)?.is_some(),
            (None, Some(matching)) => core.book.state().key_set(&matching.keys)?.is_some(),
            (None, None) => true,
        },
    })
}

fn written(entry: &DirEntry) -> Option<Timestamp> {
    let since = entry.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}
