//! Cases at the holder: listed, and decided by people.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use symbolon_policy::{
    ask::Ask,
    case::{End, Step},
    officer::{ActKind, SignedAct},
    signing::Document as _,
    words::{ClaimId, Digest, OfficerId, Reference, Role, Timestamp},
};

use super::{Core, blocking, flags};
use crate::{
    clock,
    control::api::{CaseCounts, CaseLine, Failure, Reply},
    journal::{Event, Side},
    session::claim::cases::{self, Fares},
    state::Claimed,
};

/// Cases that wait for a decision, the most urgent first; or all.
pub(super) async fn list(core: &Arc<Core>, all: bool) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        cases::expire(&core, clock::now())?;
        let mut claims = core.book.state().claims(Side::Holder)?;
        claims.retain(|claimed| all || claimed.case.end.is_none());
        claims.sort_by_key(|claimed| claimed.case.decide_by);
        let stand = claims.iter().filter(|claimed| claimed.case.stopped.is_some());
        let mut stops = stops(&core, &stand.map(|claimed| claimed.case.claim.claim).collect())?;
        let line = |claimed: Claimed| {
            let stop = stops.remove(&claimed.case.claim.claim);
            Ok::<_, Failure>(CaseLine { stop, ..line(&core, claimed, Vec::new())? })
        };
        Ok(Reply::Cases { cases: claims.into_iter().map(line).collect::<Result<_, _>>()? })
    })
    .await
}

/// One case.
pub(super) fn show(core: &Core, id: &ClaimId) -> Result<Reply, Failure> {
    let claimed = core.book.state().claim(Side::Holder, id)?;
    let missing =
        || Failure::input(format!("there is no case {id}")).with_help("see `symbolon case list --all`");
    let claimed = claimed.ok_or_else(missing)?;
    // What the records are called here, as long as that is kept; the partner knows them by references only.
    let kept = core.claims.records(id).map(|kept| kept.0).unwrap_or_default();
    let records: Vec<_> = kept.iter().map(|of| (of.reference, of.record.as_str().to_owned())).collect();
    let Fares { changes, kept_back } =
        if records.is_empty() { Fares::default() } else { cases::fares(core, &claimed)? };
    let stands = claimed.case.stopped.is_some().then_some(*id);
    let stop = stops(core, &stands.into_iter().collect())?.remove(id);
    let line = line(core, claimed, records)?;
    let mut gone = Vec::new();
    for behind in kept {
        if core.registers.show(&line.register, &behind.record)?.is_none() {
            gone.push(behind.reference);
        }
    }
    Ok(Reply::Case(Box::new(CaseLine { changes, kept_back, gone, stop, ..line })))
}

/// Takes a step that an officer signed.
pub(super) async fn step(core: &Arc<Core>, id: ClaimId, act: SignedAct) -> Result<Reply, Failure> {
    let shown = core.clone();
    let core = core.clone();
    blocking(move || {
        let claimed = core.book.state().claim(Side::Holder, &id)?;
        let digest = claimed.map(|claimed| digest(&claimed)).transpose()?;
        let officer = act.act.officer.clone();
        let (of, step) = match &act.act.act {
            ActKind::Approve { claim } => (claim, Step::Approve { officer }),
            ActKind::Refuse { claim, reason } => {
                flags::reasoned(reason)?;
                (claim, Step::Refuse { officer, reason: reason.clone() })
            }
            ActKind::StopClock { claim, reason } => {
                flags::reasoned(reason)?;
                (claim, Step::Stop { officer })
            }
            ActKind::ResumeClock { claim } => (claim, Step::Resume { officer }),
            _ => return Err(Failure::input("this decides no case")),
        };
        if digest.is_some_and(|digest| digest != *of) {
            return Err(Failure::input("the officer signed for another claim"));
        }
        core.book.officer_acts(&act, clock::now())?;
        cases::take(&core, &id, step, Some(act)).map(drop)
    })
    .await?;
    show(&shown, &id)
}

/// Who stopped each of these clocks last, and why. Only the journal keeps that.
fn stops(core: &Core, of: &BTreeSet<ClaimId>) -> Result<BTreeMap<ClaimId, (OfficerId, String)>, Failure> {
    let mut last = BTreeMap::new();
    if of.is_empty() {
        return Ok(last);
    }
    for entry in core.book.journal().entries()? {
        if let Event::CaseStep { claim, act: Some(act), .. } = entry?.0.event
            && of.contains(&claim)
            && let ActKind::StopClock { reason, .. } = act.act.act
        {
            last.insert(claim, (act.act.officer, reason));
        }
    }
    Ok(last)
}

fn digest(claimed: &Claimed) -> Result<Digest, Failure> {
    claimed.case.claim.digest().map_err(|e| Failure::local(e.to_string()))
}

fn line(core: &Core, claimed: Claimed, records: Vec<(Reference, String)>) -> Result<CaseLine, Failure> {
    let digest = digest(&claimed)?;
    let query = core.book.state().query(Side::Holder, &claimed.case.claim.query)?;
    let Ask { register, purpose, asked_at, .. } =
        query.ok_or_else(|| Failure::integrity("the query of a claim is not there"))?.ask;
    let now = clock::now();
    let escalated_to = if escalated(core, &claimed, now) {
        let mut officers = core.book.state().officers()?;
        officers.retain(|officer| {
            officer.holds(Role::Approves, now) && !claimed.case.approved_by.contains(&officer.id)
        });
        Some(officers.into_iter().map(|officer| officer.id).collect())
    } else {
        None
    };
    let taken = claimed.releases.iter().filter(|signed| signed.asker.is_some());
    let taken = taken.map(|signed| signed.release.number).collect();
    let releases = claimed.releases.into_iter().map(|signed| signed.release).collect();
    let (changes, kept_back, gone, stop) = (Vec::new(), Vec::new(), Vec::new(), None);
    let agreement = core.book.agreement(&claimed.case.claim.agreement);
    let agreement_ended = agreement.is_none_or(|agreement| agreement.releases(now).is_err());
    Ok(CaseLine {
        digest,
        register,
        purpose,
        asked_at,
        records,
        changes,
        kept_back,
        gone,
        agreement_ended,
        stop,
        case: claimed.case,
        releases,
        taken,
        escalated_to,
    })
}

fn escalated(core: &Core, claimed: &Claimed, now: Timestamp) -> bool {
    let agreement = core.book.agreement(&claimed.case.claim.agreement);
    let terms = agreement.as_ref().and_then(|agreement| agreement.terms().claims.as_ref());
    terms.is_some_and(|terms| claimed.case.is_escalated(terms, now))
}

/// How many cases there are, by how they stand.
pub(super) fn counts(core: &Core) -> Result<CaseCounts, Failure> {
    let (mut counts, now) = (CaseCounts::default(), clock::now());
    for claimed in core.book.state().claims(Side::Holder)? {
        let case = &claimed.case;
        let count = |counter: &mut u64| *counter = counter.saturating_add(1);
        match &case.end {
            Some(End::Expired) => count(&mut counts.lapsed),
            Some(_) => {}
            None if case.is_late(now) => count(&mut counts.lapsed),
            None if case.stopped.is_some() => count(&mut counts.stopped),
            None => {
                count(&mut counts.waiting);
                if escalated(core, &claimed, now) {
                    count(&mut counts.escalated);
                }
            }
        }
    }
    Ok(counts)
}

/// Says how many cases are escalated.
pub(super) fn warn(core: &Core) -> Result<(), Failure> {
    let CaseCounts { waiting, escalated, .. } = counts(core)?;
    metrics::gauge!("symbolon_cases_waiting").set(waiting as f64);
    metrics::gauge!("symbolon_cases_escalated").set(escalated as f64);
    if escalated > 0 {
        tracing::warn!(
            escalated,
            "cases wait for a person and little of their time is left: `symbolon case list`"
        );
    }
    Ok(())
}
