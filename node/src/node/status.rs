//! Status, identity and partners.

use std::sync::Arc;

use symbolon_policy::{
    agreement::{Quota, Terms, Unit},
    permit::InForce,
    quota::{Charge, Meter, MeterKey},
    words::{AgencyCode, Timestamp},
};

use super::{Core, agreements, ahead, alerts, blocking, cases, core::peer_id, hits, registers};
use crate::{
    alerts::Fork,
    clock,
    control::api::{Failure, ForkLine, MeterLine, OfficersLine, PeerLine, Reply, Status, ToldLine},
    home,
    session::sync::meet,
};

pub(super) async fn status(core: &Arc<Core>) -> Result<Reply, Failure> {
    let (listening, serving) = match core.network.get() {
        Some(network) => {
            let addresses: Vec<_> = network.listen_addresses().iter().map(ToString::to_string).collect();
            let serving = !addresses.is_empty();
            (addresses, serving)
        }
        None => (Vec::new(), false),
    };
    let core = core.clone();
    blocking(move || {
        let (journal_entries, journal_root) = core.book.root()?;
        Ok(Reply::Status(Box::new(Status {
            agency: core.book.own().clone(),
            name: core.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            peer: core.node_key.public().to_peer_id().to_string(),
            serving,
            listening,
            registers: registers::lines(&core)?,
            agreements: agreements::lines(&core),
            journal_entries,
            journal_root,
            exchanges: core.exchanges.load(std::sync::atomic::Ordering::Relaxed),
            meters: meters(&core)?,
            told: told(&core)?,
            officers: OfficersLine {
                required: core.book.state().officers_begun()?,
                enrolled: core.book.state().officers()?.len() as u64,
            },
            alerts: alerts::recent(&core, clock::now())?.len() as u64,
            forks: forks(&core)?,
            hits: hits::open(&core)?,
            cases: cases::counts(&core)?,
            prepared: ahead::lines(&core)?,
        })))
    })
    .await
}

/// One line for each partner, however many histories it showed.
fn forks(core: &Core) -> Result<Vec<ForkLine>, Failure> {
    let mut lines: Vec<ForkLine> = Vec::new();
    for Fork { partner, at, text, .. } in alerts::forks(core)? {
        match lines.iter_mut().find(|line| line.partner == partner) {
            Some(line) => line.seen = line.seen.saturating_add(1),
            None => lines.push(ForkLine { partner, at, text, seen: 1 }),
        }
    }
    Ok(lines)
}

/// Meters of the periods that run now: those of agreements that hold, also where nothing was spent, and others
/// that were.
fn meters(core: &Core) -> Result<Vec<MeterLine>, Failure> {
    let now = clock::now();
    let mut lines = Vec::new();
    let all = core.book.state().meters()?;
    for (key, spent) in all.iter().cloned() {
        let Some(agreement) = core.book.agreement(&key.agreement) else { continue };
        let Some((days, limit, meter)) = limit(agreement.terms(), &key.meter) else { continue };
        if key.period == period(now, days) {
            let charge = Charge { key: key.clone(), amount: 0, limit };
            let spent = if agreement.holds(now).is_ok() {
                agreement.spent(core.book.state(), &charge)
            } else {
                spent
            };
            lines.push(MeterLine { agreement: key.agreement, asker: key.asker, meter, spent, limit });
        }
    }
    for partner in core.partners() {
        untouched(core, &partner.agreement, &all, now, &mut lines);
    }
    lines.sort_by_key(|line| (line.agreement, line.asker.clone(), line.meter.clone()));
    Ok(lines)
}

fn period(now: Timestamp, days: u32) -> i64 {
    now.period(i64::from(days).saturating_mul(Timestamp::DAY))
}

/// Days of a meter's period, its limit and its name.
fn limit(terms: &Terms, meter: &Meter) -> Option<(u32, u64, String)> {
    Some(match meter {
        Meter::Quota { index, officer } => {
            let quota = terms.quotas.get(usize::try_from(*index).ok()?)?;
            let officer = officer.as_ref().map(|officer| format!(" of {officer}")).unwrap_or_default();
            (quota.period_days, quota.limit, format!("quota {index}{officer}{}", about(quota)))
        }
        Meter::Counts { register, purpose } => {
            let days = terms.count.as_ref().map_or(1, |count| count.period_days);
            (days, 1, format!("counts of {register} for {purpose}"))
        }
        Meter::Epsilon => {
            let count = terms.count.as_ref()?;
            let budget = u64::from(count.epsilon_budget_milli);
            (count.period_days, budget, "epsilon spent, in thousandths".to_owned())
        }
        Meter::Probes { register } => {
            let matching = terms.matching.as_ref()?;
            (matching.budget_days, u64::from(matching.budget), format!("probes of {register}"))
        }
    })
}

/// What a quota counts, in which register and for which purpose, and how long.
fn about(quota: &Quota) -> String {
    let unit = match quota.unit {
        Unit::Identifiers => "identifiers",
        Unit::Probes => "probes",
        Unit::Queries => "queries",
    };
    let register = quota.register.as_ref().map(|register| format!(", {register}")).unwrap_or_default();
    let purpose = quota.purpose.map(|purpose| format!(", {purpose}")).unwrap_or_default();
    let days =
        if quota.period_days == 1 { "a day".to_owned() } else { format!("in {} days", quota.period_days) };
    format!(": {unit}{register}{purpose}, {days}")
}

/// Adds meters of which nothing is spent under this agreement, as far as they are known before. What was spent
/// under an agreement that it amends is. A budget of probes is for each register, of which the asker names
/// one only when it asks: it is known where probes were spent before.
fn untouched(
    core: &Core,
    in_force: &InForce,
    spent_before: &[(MeterKey, u64)],
    now: Timestamp,
    lines: &mut Vec<MeterLine>,
) {
    let (agreement, terms) = (in_force.id(), in_force.terms());
    let mut add = |asker: &AgencyCode, meter: String, limit: u64, like: &str, spent: u64| {
        let same = |line: &MeterLine| {
            let meter = line
                .meter
                .strip_prefix(like)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']));
            line.agreement == agreement && line.asker == *asker && meter
        };
        if !lines.iter().any(same) {
            lines.push(MeterLine { agreement, asker: asker.clone(), meter, spent, limit });
        }
    };
    for (index, quota) in (0_u32..).zip(&terms.quotas) {
        let name = format!("quota {index}");
        let each = if quota.per_officer { " of each officer" } else { "" };
        let (meter, period) = (Meter::Quota { index, officer: None }, period(now, quota.period_days));
        let key = MeterKey { agreement, asker: quota.asker.clone(), meter, period };
        let charge = Charge { key, amount: 0, limit: quota.limit };
        let spent = if quota.per_officer { 0 } else { in_force.spent(core.book.state(), &charge) };
        add(&quota.asker, format!("{name}{each}{}", about(quota)), quota.limit, &name, spent);
    }
    if let Some(matching) = &terms.matching {
        let (budget, period) = (u64::from(matching.budget), period(now, matching.budget_days));
        for (key, _) in
            spent_before.iter().filter(|(key, _)| in_force.amended().any(|id| *id == key.agreement))
        {
            let Meter::Probes { register } = &key.meter else { continue };
            let name = format!("probes of {register}");
            let key = MeterKey { agreement, period, ..key.clone() };
            let charge = Charge { key, amount: 0, limit: budget };
            let spent = in_force.spent(core.book.state(), &charge);
            if spent > 0 {
                add(&charge.key.asker, name.clone(), budget, &name, spent);
            }
        }
        for party in &terms.parties {
            add(&party.code, "probes of each register".to_owned(), budget, "probes of", 0);
        }
    }
}

/// What answers told, each way, under agreements that hold.
fn told(core: &Core) -> Result<Vec<ToldLine>, Failure> {
    let mut lines = Vec::new();
    for partner in core.partners() {
        let agreement = partner.agreement.id();
        for party in &partner.agreement.terms().parties {
            let mut leakage_bits = 0_u64;
            for id in partner.agreement.amended().chain([&agreement]) {
                leakage_bits = leakage_bits.saturating_add(core.book.state().told(id, &party.code)?);
            }
            lines.push(ToldLine { agreement, asker: party.code.clone(), leakage_bits });
        }
    }
    Ok(lines)
}

pub(super) fn identity(core: &Core) -> Result<Reply, Failure> {
    let listening = core.network.get().map(|network| network.listen_addresses()).unwrap_or_default();
    let addresses = if core.config.announce.is_empty() {
        listening.iter().map(ToString::to_string).collect()
    } else {
        core.config.announce.clone()
    };
    home::card_of(core.book.own(), &core.name, &core.node_key, &*core.signer, addresses).map(Reply::Identity)
}

pub(super) async fn peers(core: &Arc<Core>) -> Result<Reply, Failure> {
    let statuses = match core.network.get() {
        Some(network) => network.peers().await.map_err(|e| Failure::local(e.to_string()))?,
        None => Vec::new(),
    };
    let core = core.clone();
    blocking(move || {
        let limit = core.config.open_receipts.saturating_mul(2);
        let forks = forks(&core)?;
        let mut peers = Vec::new();
        for partner in core.partners() {
            let party = partner.party;
            let status = statuses.iter().find(|status| status.peer.to_string() == party.peer);
            let balance = partner.agreement.balance(core.book.state(), &party.code);
            let open = core.book.state().open_receipts(&party.code, limit)?.len() as u64;
            peers.push(PeerLine {
                forked: forks.iter().find(|fork| fork.partner == party.code).map(|fork| fork.at),
                connected: status.is_some_and(|status| status.connected),
                addresses: status
                    .map_or(party.addresses, |s| s.addresses.iter().map(ToString::to_string).collect()),
                partner: party.code,
                name: party.name,
                peer: party.peer,
                given: balance.given,
                received: balance.received,
                open_receipts: open,
            });
        }
        Ok(Reply::Peers { peers })
    })
    .await
}

/// A round trip; the two nodes also exchange checkpoints and settle open receipts.
pub(super) async fn ping(core: &Arc<Core>, code: &AgencyCode) -> Result<Reply, Failure> {
    let partner = core.partner(code)?;
    let peer = peer_id(&partner.party)?;
    let unreachable = |e: crate::network::NetworkError| {
        Failure::partner(e.to_string()).with_help("is the partner's node running, and its address right?")
    };
    let trip = core.network().await?.ping(peer).await.map_err(unreachable)?;
    meet(core, &partner).await?;
    let micros = u64::try_from(trip.as_micros()).unwrap_or(u64::MAX);
    Ok(Reply::Pong { partner: code.clone(), micros })
}
