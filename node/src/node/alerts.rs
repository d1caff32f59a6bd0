//! Alerts of this node: evaluated from its journal and from what claims opened, journalled when they are new.

use std::sync::Arc;

use symbolon_policy::words::Timestamp;
use symbolon_protocol::{exact, matching::opening};

use super::{Core, blocking};
use crate::{
    alerts::{Alert, Claimed, Evaluation, evaluate, repeats},
    clock,
    control::api::{Failure, Reply},
    journal::{
        Event, Side,
        log::{Collector, Period},
    },
    state,
};

/// How far back alerts are looked for and told, if nothing else is asked for.
const SPAN: i64 = 30 * Timestamp::DAY;

pub(super) async fn told(core: &Arc<Core>, from: Option<Timestamp>) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let now = clock::now();
        Ok(Reply::AuditAlerts(raise(&core, from.unwrap_or_else(|| now.plus(-SPAN)), now)?))
    })
    .await
}

/// Alerts that were raised about the last thirty days.
pub(super) fn recent(core: &Core, now: Timestamp) -> Result<Vec<Alert>, Failure> {
    let mut alerts = core.book.state().alerts()?;
    alerts.retain(|alert| alert.to > now.plus(-SPAN));
    Ok(alerts)
}

/// Looks for what stands out, journals what is new, and counts it for whoever watches the node.
///
/// # Errors
/// A [`Failure`] if the journal cannot be read or written.
pub(super) fn look(core: &Core, now: Timestamp) -> Result<(), Failure> {
    raise(core, now.plus(-SPAN), now)?;
    metrics::gauge!("symbolon_alerts").set(recent(core, now)?.len() as f64);
    Ok(())
}

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
    repeats(&mut found, settings, &opened(core, from)?, people);
    found.alerts.sort();
    let known = core.book.state().alerts()?;
    let known: Vec<_> = known.iter().map(Alert::id).collect::<Result<_, _>>()?;
    for alert in &found.alerts {
        if !known.contains(&alert.id()?) {
            core.book.record(&Event::AlertRaised { alert: alert.clone() })?;
        }
    }
    Ok(found)
}

/// What partners' claims opened. What is gone or was false is left out; false openings are evidence elsewhere.
fn opened(core: &Core, from: Timestamp) -> Result<Vec<Claimed>, Failure> {
    let mut claims = Vec::new();
    for claimed in core.book.state().claims(Side::Holder)? {
        let (claim, at) = (&claimed.case.claim, claimed.case.begun);
        let query = core.book.state().query(Side::Holder, &claim.query)?;
        let (Some(query), true) = (query, at >= from) else { continue };
        let Ok(bytes) = core.claims.opening(&claim.claim) else { continue };
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
