//! Alerts of this node: evaluated from its journal and from what claims opened, journalled when they are new.

use std::{collections::BTreeSet, sync::Arc};

use symbolon_policy::{
    officer::{ActKind, SignedAct},
    signing::Document as _,
    words::{Digest, Timestamp},
};
use symbolon_protocol::{exact, matching::opening};

use super::{Core, blocking, flags};
use crate::{
    alerts::{self, Alert, Claimed, Evaluation, Fork, evaluate, repeats},
    clock,
    control::api::{Acknowledged, AlertLine, Alerts, Failure, FailureKind, Reply},
    journal::{
        Event, Side,
        log::{Collector, Period},
    },
    state,
};

/// How far back alerts are looked for and told, if nothing else is asked for.
const SPAN: i64 = 30 * Timestamp::DAY;
/// How far back what claims opened is compared.
const COMPARED: i64 = 366 * Timestamp::DAY;

pub(super) async fn told(core: &Arc<Core>, from: Option<Timestamp>, all: bool) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let now = clock::now();
        let from = from.unwrap_or_else(|| now.plus(-SPAN));
        let mut found = raise(&core, from, now)?;
        // What was raised and does not stand out any more is told until somebody says what came of it.
        let mut ids = found.alerts.iter().map(Alert::id).collect::<Result<BTreeSet<_>, _>>()?;
        for alert in core.book.state().alerts()? {
            if alert.to > from && ids.insert(alert.id()?) {
                found.alerts.push(alert);
            }
        }
        found.alerts.sort();
        let line = |alert: Alert| {
            let id = alert.id()?;
            Ok(AlertLine { id, acknowledged: acknowledged(&core, &id, &alert)?, alert })
        };
        let mut alerts = found.alerts.into_iter().map(line).collect::<Result<Vec<_>, Failure>>()?;
        let before = alerts.len();
        alerts.retain(|line| all || line.acknowledged.is_none());
        let left_out = before.saturating_sub(alerts.len()) as u64;
        Ok(Reply::AuditAlerts(Alerts { alerts, left_out, tests: found.tests, expected: found.expected }))
    })
    .await
}

/// Records that an officer looked into an alert, as far as it has gone.
pub(super) async fn acknowledge(core: &Arc<Core>, act: SignedAct) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let ActKind::Acknowledge { alert: id, observed, note } = &act.act.act else {
            return Err(Failure::input("this acknowledges no alert"));
        };
        if note.trim().is_empty() {
            return Err(Failure::input("an acknowledgement says what came of it").with_help("give a --note"));
        }
        flags::reasoned(note)?;
        let now = clock::now();
        let found = raise(&core, now.plus(-SPAN), now)?.alerts;
        let known = core.book.state().alert(id)?;
        let known = known.ok_or_else(|| Failure::input(format!("there is no alert {id}")))?;
        if known.partner.is_none() && known.officer.as_ref() == Some(&act.act.officer) {
            let what = "an alert about an officer is acknowledged by another one";
            return Err(Failure::new(FailureKind::Refused, what));
        }
        let counted = found.iter().find(|alert| alert.id().is_ok_and(|found| found == *id));
        let counted = counted.unwrap_or(&known).observed;
        if *observed != counted {
            let what =
                format!("{counted} are counted by now in the alert {id}, and {observed} were looked into");
            return Err(Failure::input(what).with_help("see `symbolon audit alerts`"));
        }
        core.book.officer_acts(&act, now)?;
        core.book.record_acted(&act, &Event::AlertAcknowledged { act: act.clone() }, now, || Ok(()))?;
        count(&core, now)?;
        Ok(Reply::Ok)
    })
    .await
}

/// Alerts about the last thirty days that were raised and that nobody acknowledged.
pub(super) fn recent(core: &Core, now: Timestamp) -> Result<Vec<Alert>, Failure> {
    let mut alerts = Vec::new();
    for alert in core.book.state().alerts()? {
        if alert.to > now.plus(-SPAN) && acknowledged(core, &alert.id()?, &alert)?.is_none() {
            alerts.push(alert);
        }
    }
    Ok(alerts)
}

/// An officer's word about an alert, unless more was counted since.
fn acknowledged(core: &Core, id: &Digest, alert: &Alert) -> Result<Option<Acknowledged>, Failure> {
    let said = core.book.state().acknowledged(id)?.map(|signed| signed.act);
    Ok(said.and_then(|act| match act.act {
        ActKind::Acknowledge { observed, note, .. } if !alert.kind.worse(alert.observed, observed) => {
            Some(Acknowledged { officer: act.officer, at: act.at, note })
        }
        _ => None,
    }))
}

/// Tells whoever watches the node.
fn count(core: &Core, now: Timestamp) -> Result<(), Failure> {
    metrics::gauge!("symbolon_alerts").set(recent(core, now)?.len() as f64);
    Ok(())
}

/// Looks for what stands out, as the node does by itself.
///
/// # Errors
/// A [`Failure`] if the journal cannot be read or written.
pub(super) fn look(core: &Core, now: Timestamp) -> Result<(), Failure> {
    raise(core, now.plus(-SPAN), now).map(drop)
}

/// Evaluates, journals what is new, and counts it for whoever watches the node.
fn raise(core: &Core, from: Timestamp, now: Timestamp) -> Result<Evaluation, Failure> {
    let always = Period { from: Timestamp::FIRST, to: Timestamp::LAST };
    let mut collector = Collector::new(always);
    let root = core.book.root()?;
    for entry in core.book.journal().entries_from(0)? {
        collector.take(&entry?.0);
    }
    let log = collector.unaudited(root);
    let log = log.ok_or_else(|| Failure::integrity("the journal has no beginning"))?;
    let settings = &core.config.alerts;
    let mut found = evaluate(&log, settings, from, now);
    let people = core.registers.list()?.iter().map(|register| register.records).max().unwrap_or(0);
    let claims = opened(core, from.min(now.plus(-COMPARED)))?;
    repeats(&mut found, settings, (&claims, from), people);
    alerts::forks(&mut found, &forks(core)?, from, now);
    found.alerts.sort();
    for alert in &found.alerts {
        let id = alert.id()?;
        // Once; and again when more was counted than an officer acknowledged.
        let news = match core.book.state().alert(&id)? {
            None => true,
            Some(known) => {
                acknowledged(core, &id, &known)?.is_some() && acknowledged(core, &id, alert)?.is_none()
            }
        };
        if news {
            core.book.record(&Event::AlertRaised { alert: alert.clone() })?;
        }
    }
    count(core, now)?;
    Ok(found)
}

/// Partners' histories that contradict what they had shown before.
pub(super) fn forks(core: &Core) -> Result<Vec<Fork>, Failure> {
    let mut seen = Vec::new();
    for fork in core.book.state().forks()? {
        let mut entries = core.book.journal().entries_from(fork.entry)?;
        let entry = entries.next().ok_or_else(|| Failure::integrity("an entry of the state is not there"))?;
        let (at, text) = (entry?.0.time, fork.told());
        seen.push(Fork { partner: fork.partner, at, before: fork.before, text });
    }
    Ok(seen)
}

/// What partners' claims opened. What is gone or was false is left out; false openings are evidence elsewhere.
fn opened(core: &Core, from: Timestamp) -> Result<Vec<Claimed>, Failure> {
    let mut claims = Vec::new();
    for claimed in core.book.state().claims(Side::Holder)? {
        let (claim, at) = (&claimed.case.claim, claimed.case.begun);
        let query = core.book.state().query(Side::Holder, &claim.query)?;
        let (Some(query), true) = (query, at >= from) else { continue };
        let words = claim.digest().map_err(|e| Failure::local(e.to_string()))?;
        let Ok(bytes) = core.claims.opening(&words) else { continue };
        let (identifiers, probe) = match &query.ask.matching {
            None => {
                let opened = exact::Opened::from_bytes(&bytes).and_then(|o| o.replay(&query.ask.digest.0));
                let Ok(items) = opened else { continue };
                (items.into_iter().map(|(_, identifier)| identifier).collect(), Vec::new())
            }
            Some(_) => match probe(core, &query, &bytes) {
                Some(probe) => (Vec::new(), probe),
                None => continue,
            },
        };
        let (id, asker, officer) = (claim.claim, claim.asker.clone(), claim.officer.clone());
        claims.push(Claimed { claim: id, asker, officer, at, identifiers, probe });
    }
    Ok(claims)
}

fn probe(
    core: &Core,
    query: &state::Query,
    bytes: &[u8],
) -> Option<Vec<symbolon_protocol::matching::template::Template>> {
    let asked = query.ask.matching.as_ref()?;
    let agreement = core.book.agreement(&query.ask.agreement)?;
    let form = agreement.terms().matching.as_ref()?.form(&asked.form)?.form();
    Some(opening::Opened::from_bytes(&form, asked.positions.len(), bytes).ok()?.probe)
}
