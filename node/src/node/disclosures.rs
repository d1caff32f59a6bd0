//! Everything that was ever released of one record, and correction notices.

use std::sync::Arc;

use symbolon_policy::{
    notice::{Cause, Notice, SignedNotice},
    words::{ClaimId, Reference, RegisterName},
};

use super::{Core, blocking, claims, flags::named, hits::named as hit_names, registers::record_id};
use crate::{
    clock,
    control::api::{Disclosure, Disclosures, Failure, Flagging, Given, NoticeLine, Reply, ToldSince},
    journal::{Event, Side},
    state::{Claimed, Stage},
};

/// For the person whom a record is about: the record, and to whom what of it was released. It need not be there any
/// more.
pub(super) async fn of_record(
    core: &Arc<Core>,
    register: RegisterName,
    id: String,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let record_id = record_id(&id)?;
        let name = named(&core, &register, &record_id)?;
        let record = core.registers.show(&register, &record_id)?;
        let record =
            record.map(serde_json::to_value).transpose().map_err(|e| Failure::local(e.to_string()))?;
        let mut claims = Vec::new();
        for claimed in core.book.state().claims(Side::Holder)? {
            let found = claimed.case.found.iter().find(|found| found.record == name);
            if let Some(found) = found.cloned() {
                claims.push(disclosure(&core, claimed, &found)?);
            }
        }
        claims.sort_by_key(|claim| (claim.claimed_at, claim.claim));
        let mut flags = Vec::new();
        for entry in core.book.journal().entries()? {
            let (entry, _) = entry?;
            if let Event::FlagsSet { register: of, record, flags: set, reason } = entry.event
                && (&of, record) == (&register, name)
            {
                flags.push(Flagging { at: entry.time, flags: set, reason });
            }
        }
        if record.is_none() && claims.is_empty() && flags.is_empty() {
            return Err(Failure::input(format!(
                "register `{register}` has no record `{id}`, and nothing was ever released of one"
            )));
        }
        let agency = core.book.own().clone();
        let at = clock::now();
        Ok(Reply::Disclosures(Box::new(Disclosures { agency, register, id, at, record, claims, flags })))
    })
    .await
}

fn disclosure(
    core: &Core,
    claimed: Claimed,
    found: &symbolon_policy::case::Found,
) -> Result<Disclosure, Failure> {
    let Claimed { case, releases, .. } = claimed;
    let gone = || Failure::integrity("the query or the agreement of a claim is not there");
    let query = core.book.state().query(Side::Holder, &case.claim.query)?.ok_or_else(gone)?;
    let agreement = core.book.agreement(&case.claim.agreement).ok_or_else(gone)?;
    let answered_at = match &query.stage {
        Stage::Answered(receipt) | Stage::Done(receipt) => receipt.receipt.answered_at,
        Stage::Open | Stage::Failed => query.ask.asked_at,
    };
    let given = releases.into_iter().filter_map(|signed| {
        let (_, fields) = signed.release.fields.into_iter().find(|(of, _)| *of == found.reference)?;
        let (at, approved_by) = (signed.release.at, signed.release.approved_by);
        Some(Given { at, fields, approved_by, taken: signed.asker.is_some() })
    });
    let notices = core.book.state().notices(Side::Holder)?.into_iter().filter_map(|signed| {
        let notice = signed.notice;
        let about = (notice.claim, notice.reference) == (case.claim.claim, found.reference);
        about.then(|| ToldSince {
            notice: notice.notice,
            at: notice.at,
            cause: notice.cause,
            fields: notice.fields,
            with_fields: notice.sealed.is_some(),
            confirmed: signed.asker.is_some(),
        })
    });
    Ok(Disclosure {
        claim: case.claim.claim,
        query: case.claim.query,
        partner: case.claim.asker.clone(),
        agreement: case.claim.agreement,
        title: agreement.terms().title.clone(),
        purpose: query.ask.purpose,
        basis: case.claim.basis,
        case: query.ask.case,
        officer: case.claim.officer.clone(),
        answered_at,
        claimed_at: case.begun,
        asked: found.told().fields,
        releases: given.collect(),
        notices: notices.collect(),
        end: case.end,
    })
}

/// Notices that came, or that went out.
pub(super) fn notices(core: &Core, sent: bool) -> Result<Reply, Failure> {
    let side = if sent { Side::Holder } else { Side::Asker };
    let mut notices = Vec::new();
    for signed in core.book.state().notices(side)? {
        let claimed = core.book.state().claim(side, &signed.notice.claim)?;
        let file = signed.notice.sealed.filter(|_| !sent);
        let item = claimed.as_ref().and_then(|claimed| item(claimed, &signed.notice.reference));
        let hit = item.zip(claimed.as_ref());
        let hit = hit.and_then(|(item, claimed)| hit_names(core, &claimed.case.claim.query, &[item]).pop());
        notices.push(NoticeLine {
            confirmed: signed.asker.is_some(),
            item,
            hit: hit.map(|(_, name)| name),
            record: if sent { own_id(core, &signed.notice) } else { None },
            officer: claimed.map(|claimed| claimed.case.claim.officer),
            // The holder may have kept the values back.
            file: file
                .map(|_| core.claims.notice_path(Side::Asker, &signed.notice.notice))
                .filter(|path| path.exists()),
            notice: signed.notice,
        });
    }
    Ok(Reply::Notices { sent, notices })
}

/// The item by which a claim of this node found a record; none of a match.
fn item(claimed: &Claimed, reference: &Reference) -> Option<u32> {
    let told = claimed.outcome.as_ref()?.found.iter().find(|told| told.reference == *reference)?;
    told.item
}

/// What a record is called in its register, as long as that is kept; it may be erased by now.
fn own_id(core: &Core, notice: &Notice) -> Option<String> {
    let kept = core.claims.records(&notice.claim).ok()?;
    let behind = kept.0.into_iter().find(|behind| behind.reference == notice.reference)?;
    Some(behind.record.as_str().to_owned())
}

/// Claims of this node, and what notices said became of what was released by them.
pub(super) fn claims(core: &Core) -> Result<Reply, Failure> {
    let claims = claims::list(core)?;
    let mut told: Vec<(ClaimId, Vec<Cause>)> = Vec::new();
    for SignedNotice { notice, .. } in core.book.state().notices(Side::Asker)? {
        match told.iter_mut().find(|(claim, _)| *claim == notice.claim) {
            Some((_, causes)) if causes.contains(&notice.cause) => {}
            Some((_, causes)) => causes.push(notice.cause),
            None => told.push((notice.claim, vec![notice.cause])),
        }
    }
    Ok(Reply::Claims { claims, told })
}
