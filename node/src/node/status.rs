//! Status, identity and partners.

use std::sync::Arc;

use symbolon_policy::{
    quota::{Ledger as _, Meter},
    words::AgencyCode,
};

use super::{Core, agreements, blocking, core::peer_id, registers};
use crate::{
    clock,
    control::api::{Failure, MeterLine, OfficersLine, PeerLine, Reply, Status},
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
            officers: OfficersLine {
                required: core.book.state().officers_begun()?,
                enrolled: core.book.state().officers()?.len() as u64,
            },
        })))
    })
    .await
}

/// Meters of the periods that run now.
fn meters(core: &Core) -> Result<Vec<MeterLine>, Failure> {
    let now = clock::now();
    let mut lines = Vec::new();
    for (key, spent) in core.book.state().meters()? {
        let Some(agreement) = core.book.agreement(&key.agreement) else { continue };
        let terms = agreement.terms();
        let (days, limit, meter) = match &key.meter {
            Meter::Quota { index, officer } => {
                let Some(quota) = usize::try_from(*index).ok().and_then(|i| terms.quotas.get(i)) else {
                    continue;
                };
                let officer = officer.as_ref().map(|officer| format!(" of {officer}")).unwrap_or_default();
                (quota.period_days, quota.limit, format!("quota {index}{officer}"))
            }
            Meter::Counts { register, purpose } => {
                let days = terms.count.as_ref().map_or(1, |count| count.period_days);
                (days, 1, format!("counts of {register} for {purpose}"))
            }
            Meter::Epsilon => {
                let Some(count) = &terms.count else { continue };
                (
                    count.period_days,
                    u64::from(count.epsilon_budget_milli),
                    "epsilon spent, in thousandths".to_owned(),
                )
            }
            Meter::Probes { register } => {
                let Some(matching) = &terms.matching else { continue };
                (matching.budget_days, u64::from(matching.budget), format!("probes of {register}"))
            }
        };
        let period = now.period(i64::from(days).saturating_mul(symbolon_policy::words::Timestamp::DAY));
        if key.period == period {
            lines.push(MeterLine { agreement: key.agreement, asker: key.asker, meter, spent, limit });
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
        let mut peers = Vec::new();
        for partner in core.partners() {
            let party = partner.party;
            let status = statuses.iter().find(|status| status.peer.to_string() == party.peer);
            let balance = core.book.state().balance(&partner.agreement.id(), &party.code);
            let open = core.book.state().open_receipts(&party.code, limit)?.len() as u64;
            peers.push(PeerLine {
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
