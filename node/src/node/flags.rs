//! Flags of a record, set by an administrator.

use std::{io, sync::Arc};

use symbolon_policy::{
    officer::{TEXT_LIMIT, is_reason},
    words::{Digest, RegisterName},
};

use super::{Core, blocking, registers::record_id};
use crate::{
    control::api::{Failure, Reply},
    journal::Event,
    register::{Flags, RecordId},
    session::claim::notices::reviewed,
};

/// Refuses a reason that says nothing, or too much, or that would not be told as it was given: all are told in one line.
///
/// # Errors
/// An input [`Failure`].
pub(super) fn reasoned(reason: &str) -> Result<(), Failure> {
    if !is_reason(reason) {
        let what = format!(
            "the reason has from 1 to {TEXT_LIMIT} characters, and no control characters such as line breaks"
        );
        return Err(Failure::input(what));
    }
    Ok(())
}

/// Sets flags, with an entry before and one after. Who received fields of the record is told if it is contested now,
/// or no more.
pub(super) async fn set(
    core: &Arc<Core>,
    register: RegisterName,
    id: String,
    flags: Flags,
    reason: String,
) -> Result<Reply, Failure> {
    reasoned(&reason)?;
    let core = core.clone();
    blocking(move || {
        let id = record_id(&id)?;
        let _change = core.change();
        let mut begun = false;
        let set = core.registers.flag(&register, &id, flags, &mut || {
            let event = Event::FlagsBegun { register: register.clone() };
            core.book.record(&event).map_err(io::Error::other)?;
            begun = true;
            Ok(())
        });
        let (record, changed) = match set {
            Ok(Some(set)) => set,
            Ok(None) => {
                return Err(Failure::input(format!("register `{register}` has no record `{}`", id.as_str())));
            }
            Err(error) => {
                if begun {
                    core.change_failed(&register, &error.to_string())?;
                }
                return Err(error.into());
            }
        };
        let (mut snapshots_ended, mut notices) = (0, 0);
        if begun {
            let named = named(&core, &register, &id)?;
            core.book.record(&Event::FlagsSet { register, record: named, flags: changed, reason })?;
            snapshots_ended = core.end_stale("flags of a record were set")?;
            notices = reviewed(&core);
        }
        let subject = &record.subject;
        let now = Flags {
            blocked: Some(subject.blocked),
            marked: Some(subject.marked),
            contested: Some(subject.contested),
        };
        Ok(Reply::Flagged { flags: now, changed, snapshots_ended, notices })
    })
    .await
}

/// The node's own pseudonym of a record, as the journal names it. The record need not be there.
///
/// # Errors
/// An input [`Failure`] if there is no such register.
pub(super) fn named(core: &Core, register: &RegisterName, id: &RecordId) -> Result<Digest, Failure> {
    let name = core.registers.pseudonym(register, id)?;
    Ok(Digest::of("symbolon/record-pseudonym/1", &name))
}
