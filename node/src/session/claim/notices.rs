//! Correction notices at the holder: whoever received fields of a record is told what became of them.
//!
//! What was told last of each released field is in the journal, as a mark that only this node can make. So a
//! review compares, and can be broken off and run again: what it still finds, it still tells.
//!
//! A release that nobody collected is nothing that was received, so nothing is told of it. One that was sent and for which
//! the asker did not sign it may have, if a node or the line between them broke: then it is told, but without values. They
//! come with the release that is made instead, when it collects again.

use std::collections::BTreeMap;

use symbolon_policy::{
    canonical,
    claim::Release,
    notice::{Cause, Notice, Sealed, SignedNotice},
    signing,
    words::{ClaimId, Digest, Field, NoticeId, Reference, RegisterName},
};
use zeroize::Zeroizing;

use super::{
    cases::recipient,
    find::values,
    leaving::Leaving,
    releases::{Plain, PlainRecord, sealed_digest, standing},
};
use crate::{
    clock,
    control::api::Failure,
    files,
    journal::{Event, Side},
    node::Core,
    register::Record,
    state::{Claimed, Query, Told},
};

/// The most bytes of sealed fields beside a notice: it travels in one word.
pub(crate) const LONGEST: usize = 60_000;

/// A notice and its sealed fields, if it has any.
type Telling = (SignedNotice, Option<Vec<u8>>);
/// Fields, and what they say now, sealed.
type Spoken = (Vec<Field>, Vec<u8>);

/// A mark of what a released field says. It means nothing to whoever lacks the storage key.
pub(super) fn mark(
    core: &Core,
    claim: &ClaimId,
    reference: &Reference,
    field: Field,
    record: &Record,
) -> Result<Digest, Failure> {
    let said = (claim, reference, field, values(record, field));
    let said = Zeroizing::new(canonical::encode(&said).map_err(|e| Failure::local(e.to_string()))?);
    Ok(Digest::of("symbolon/released-field/1", &core.claims.mark(&said)))
}

/// Compares every released field with its record, and journals a notice for each that is not what was told last.
/// Registers that did not change since the last review are left out, and those that change now. Gives how many
/// notices wait now because of it.
///
/// # Errors
/// A [`Failure`] if something cannot be read or recorded; the rest is reviewed all the same.
fn review(core: &Core) -> Result<u64, Failure> {
    let _writing = core.claims.writing();
    let state = core.book.state();
    let (mut made, mut fault) = (0_u64, None);
    let mut versions: BTreeMap<RegisterName, Option<u64>> = BTreeMap::new();
    for claimed in state.claims(Side::Holder)? {
        if claimed.told.iter().all(|told| told.erased) {
            continue;
        }
        let Some(query) = state.query(Side::Holder, &claimed.case.claim.query)? else { continue };
        let register = &query.ask.register;
        if !versions.contains_key(register) {
            let version =
                if state.changing(register)? { None } else { Some(state.register_version(register)?) };
            versions.insert(
                register.clone(),
                version.filter(|version| !core.claims.reviewed(register, *version)),
            );
        }
        if versions.get(register).is_none_or(Option::is_none) {
            continue;
        }
        match of_claim(core, &claimed, &query) {
            Ok(more) => made = made.saturating_add(more),
            Err(failure) => {
                tracing::error!(claim = %claimed.case.claim.claim, %failure, "what was released could not be reviewed");
                versions.insert(register.clone(), None);
                fault = Some(failure);
            }
        }
    }
    for (register, version) in versions {
        version.iter().for_each(|version| core.claims.set_reviewed(&register, *version));
    }
    fault.map_or(Ok(made), Err)
}

/// Reviews what was released. A fault is logged, for whatever was done before stands; the next review finds what is
/// left. Gives how many notices wait now because of it.
pub(crate) fn reviewed(core: &Core) -> u64 {
    review(core).unwrap_or_else(|failure| {
        tracing::error!(%failure, "what was released could not be reviewed; it is tried again");
        0
    })
}

/// Reviews the releases of one claim.
fn of_claim(core: &Core, claimed: &Claimed, query: &Query) -> Result<u64, Failure> {
    let claim = claimed.case.claim.claim;
    let behind = core.claims.records(&claim)?.0;
    let mut made = 0_u64;
    for told in claimed.told.iter().filter(|told| !told.erased) {
        let told = received(core, claimed, told);
        if told.fields.is_empty() {
            continue;
        }
        let gone = || Failure::integrity("the record of a release is not known");
        let of = behind.iter().find(|of| of.reference == told.reference).ok_or_else(gone)?;
        for draft in differences(core, claimed, &told, core.registers.show(&query.ask.register, &of.record)?)?
        {
            made = made.saturating_add(tell(core, claimed, &told, draft)?);
        }
    }
    Ok(made)
}

/// What was told, without the fields that the asker cannot have.
fn received(core: &Core, claimed: &Claimed, told: &Told) -> Told {
    let claim = &claimed.case.claim.claim;
    let sent = claimed
        .releases
        .iter()
        .filter(|signed| signed.asker.is_some() || core.claims.was_sent(claim, signed.release.number));
    let sent: Vec<&Release> = sent.map(|signed| &signed.release).collect();
    let mut told = told.clone();
    told.fields.retain(|(field, _)| sent.iter().any(|release| release.has(told.reference, *field)));
    told
}

/// What is to be told of one record.
struct Draft {
    cause: Cause,
    fields: Vec<Field>,
    marks: Vec<(Field, Digest)>,
    /// Whether the notice brings what the fields say now, where that may leave.
    speaks: bool,
}

fn differences(
    core: &Core,
    claimed: &Claimed,
    told: &Told,
    record: Option<Record>,
) -> Result<Vec<Draft>, Failure> {
    let all = || told.fields.iter().map(|(field, _)| *field).collect();
    let Some(record) = record else {
        return Ok(vec![Draft { cause: Cause::Erased, fields: all(), marks: Vec::new(), speaks: false }]);
    };
    let mut drafts = Vec::new();
    let mut marks = Vec::new();
    for (field, before) in &told.fields {
        let now = mark(core, &claimed.case.claim.claim, &told.reference, *field, &record)?;
        if now != *before {
            marks.push((*field, now));
        }
    }
    let contested = record.subject.contested;
    if !marks.is_empty() {
        let fields = marks.iter().map(|(field, _)| *field).collect();
        drafts.push(Draft { cause: Cause::Corrected, fields, marks, speaks: true });
    }
    if contested != told.contested {
        let cause = if contested { Cause::Contested } else { Cause::Upheld };
        drafts.push(Draft { cause, fields: all(), marks: Vec::new(), speaks: false });
    }
    Ok(drafts)
}

/// Signs and journals what is to be told; sealed fields are on the disk before. Fields whose values may leave and those
/// whose may not are told apart, so that no notice names values of only some. Gives how many notices were made.
fn tell(core: &Core, claimed: &Claimed, told: &Told, draft: Draft) -> Result<u64, Failure> {
    let Draft { cause, fields, marks, speaks } = draft;
    let taken = || claimed.releases.iter().filter(|signed| signed.asker.is_some());
    let has = |field: &&Field| taken().any(|signed| signed.release.has(told.reference, **field));
    let has: Vec<Field> = fields.iter().filter(has).copied().collect();
    let sealed = if speaks { seal(core, claimed, told, &has)? } else { None };
    let (spoken, values) = sealed.unzip();
    let spoken = spoken.unwrap_or_default();
    let of = |marks: &[(Field, Digest)], may: bool| {
        marks.iter().filter(|(field, _)| spoken.contains(field) == may).copied().collect::<Vec<_>>()
    };
    let mut made = 0_u64;
    for (may, values) in [(true, values), (false, None)] {
        let fields: Vec<_> = fields.iter().filter(|field| spoken.contains(field) == may).copied().collect();
        if !fields.is_empty() {
            note(core, claimed, (told.reference, cause, fields), of(&marks, may), values.as_deref())?;
            made = made.saturating_add(1);
        }
    }
    Ok(made)
}

/// Signs and journals one notice.
fn note(
    core: &Core,
    claimed: &Claimed,
    (reference, cause, fields): (Reference, Cause, Vec<Field>),
    marks: Vec<(Field, Digest)>,
    sealed: Option<&[u8]>,
) -> Result<(), Failure> {
    let claim = &claimed.case.claim;
    let id = NoticeId(rand::random());
    if let Some(sealed) = sealed {
        let path = core.claims.notice_path(Side::Holder, &id);
        files::write_whole(&path, sealed)
            .map_err(|e| Failure::local(format!("cannot write {}: {e}", path.display())))?;
    }
    let notice = Notice {
        notice: id,
        agreement: claim.agreement,
        holder: claim.holder.clone(),
        asker: claim.asker.clone(),
        claim: claim.claim,
        reference,
        cause,
        fields,
        sealed: sealed.map(|sealed| Sealed { digest: sealed_digest(sealed), bytes: sealed.len() as u64 }),
        at: clock::now(),
    };
    record(core, notice, marks, None).map(drop)
}

fn record(
    core: &Core,
    notice: Notice,
    marks: Vec<(Field, Digest)>,
    instead_of: Option<NoticeId>,
) -> Result<SignedNotice, Failure> {
    let holder = signing::sign(&notice, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    let signed = SignedNotice { notice, holder, asker: None };
    let notice = Box::new(signed.clone());
    core.book.record(&Event::Notice { side: Side::Holder, notice, marks, instead_of })?;
    Ok(signed)
}

/// A notice that waited, as it may be told now, and its sealed fields. If their values may not leave any more, or cannot be
/// read, another one without them takes its place; so no notice names what does not come with it. None if it does not wait
/// any more.
///
/// # Errors
/// A [`Failure`] if it cannot be recorded.
pub(in crate::session) fn to_tell(core: &Core, signed: SignedNotice) -> Result<Option<Telling>, Failure> {
    let id = signed.notice.notice;
    if signed.notice.sealed.is_none() {
        return Ok(Some((signed, None)));
    }
    let _writing = core.claims.writing();
    if core.book.state().notice(Side::Holder, &id)?.is_none_or(|known| known.asker.is_some()) {
        return Ok(None);
    }
    let path = core.claims.notice_path(Side::Holder, &id);
    let read = may_leave(core, &signed.notice).and_then(|may| match may {
        true => std::fs::read(&path)
            .map(Some)
            .map_err(|e| Failure::local(format!("cannot read {}: {e}", path.display()))),
        false => Ok(None),
    });
    let values = read.unwrap_or_else(|failure| {
        tracing::error!(notice = %id, %failure, "a correction is told without its values");
        None
    });
    if values.is_some() {
        return Ok(Some((signed, values)));
    }
    let notice = Notice { notice: NoticeId(rand::random()), sealed: None, at: clock::now(), ..signed.notice };
    let told = record(core, notice, Vec::new(), Some(id))?;
    if let Err(error) = files::remove(&path) {
        tracing::warn!(path = %path.display(), %error, "corrected values that are not told could not be removed");
    }
    Ok(Some((told, None)))
}

/// Whether the values of a notice that waited may leave still: all of its fields, as of now, and as they are now.
fn may_leave(core: &Core, notice: &Notice) -> Result<bool, Failure> {
    let state = core.book.state();
    let Some(claimed) = state.claim(Side::Holder, &notice.claim)? else { return Ok(false) };
    let stand = standing(core, &claimed, claimed.case.approvals())?;
    let leaving = Leaving::now(core, &claimed.case)?;
    let Some((record, may)) = leaving.fields(&notice.reference, &notice.fields, stand)? else {
        return Ok(false);
    };
    // A later correction tells what they say now.
    let waiting = state.waiting_notices(&notice.asker, usize::MAX)?;
    let later = waiting.iter().map(|signed| &signed.notice).skip_while(|known| known.notice != notice.notice);
    let again = later.skip(1).any(|later| {
        (later.claim, later.reference, later.cause) == (notice.claim, notice.reference, Cause::Corrected)
            && later.fields.iter().any(|field| notice.fields.contains(field))
    });
    let told = claimed.told.iter().find(|told| told.reference == notice.reference);
    let mut as_told = told.is_some();
    for (field, before) in told.iter().flat_map(|told| &told.fields) {
        if notice.fields.contains(field) {
            as_told &= mark(core, &notice.claim, &notice.reference, *field, &record)? == *before;
        }
    }
    Ok(may == notice.fields && as_told && !again)
}

/// Those of corrected fields whose values may leave now with the approvals there are, and these values sealed to the
/// officer who claimed. None if nothing is left to say, or if it would be too long.
fn seal(core: &Core, claimed: &Claimed, told: &Told, fields: &[Field]) -> Result<Option<Spoken>, Failure> {
    let case = &claimed.case;
    let stand = standing(core, claimed, case.approvals())?;
    let leaving = Leaving::now(core, case)?;
    let Some((record, may)) = leaving.fields(&told.reference, fields, stand)? else { return Ok(None) };
    let said = may.iter().map(|field| (field.as_str(), values(&record, *field).into_iter().collect()));
    let said: BTreeMap<_, _> = said.collect();
    let records = vec![PlainRecord { reference: told.reference, fields: said }];
    let plain = Plain { claim: case.claim.claim, records };
    let local = |error: &dyn std::fmt::Display| Failure::local(format!("the notice: {error}"));
    let json = plain.to_json().map_err(|e| local(&e))?;
    let recipient = recipient(&case.claim).map_err(|e| local(&e))?;
    let sealed = age::encrypt(&recipient, &json).map_err(|e| local(&e))?;
    // The notice goes without them: they can be claimed again.
    Ok(Some((may, sealed)).filter(|(_, sealed)| sealed.len() <= LONGEST))
}
