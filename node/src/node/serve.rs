//! The long-running node: takes sessions from partners and requests from the command line.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    pin::pin,
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use libp2p::Multiaddr;
use symbolon_policy::{
    rules::ExchangeKind,
    signing::PublicKey,
    words::{AgencyCode, RegisterName},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
};

use super::{Core, Node, ahead, alerts, blocking, cases::warn, queries, registers::erase_noted};
use crate::{
    clock,
    control::{api::Failure, bind_control, serve_control},
    network::{Inbound, Incoming},
    register::{Begins, Day},
    session::{
        CLAIM, COUNT, EXACT, JOURNAL, KEYS, MATCH, PREPARE, SNAPSHOT, SessionError, claim, fetch, holder,
        keys, prepare, sync,
    },
};

/// How often the node looks for what has expired.
const ROUNDS: Duration = Duration::from_secs(60);
/// How often it looks for what stands out.
const WATCH: Duration = Duration::from_secs(3_600);
/// How long sessions under way may go on after the node was told to stop.
const GRACE: Duration = Duration::from_secs(10);

impl Node {
    /// Serves until told to stop. `on_listening` sees every address, once partners and the command line
    /// can reach the node.
    ///
    /// # Errors
    /// A [`Failure`] if the node cannot listen.
    pub async fn serve(self: &Arc<Self>, on_listening: impl Fn(&str) + Send + Sync) -> Result<(), Failure> {
        let core = &self.core;
        let listen = core.config.listen.iter().map(|text| {
            Multiaddr::from_str(text)
                .map_err(|e| Failure::input(format!("`{text}` is no address to listen on: {e}")))
        });
        let (network, incoming) = core.start_network(listen.collect::<Result<_, _>>()?).await?;
        let addresses = network.listen_addresses();
        core.network.set(network).map_err(|_| Failure::local("the network runs already"))?;
        let (mut terminate, mut interrupt) =
            (listener(SignalKind::terminate())?, listener(SignalKind::interrupt())?);
        let bound = bind_control(&core.home.control()).await?;
        let control = tokio::spawn(serve_control(bound, self.clone(), core.stop.clone()));
        let rounds = tokio::spawn(rounds(core.clone()));
        let expiring = tokio::spawn(expiring(core.clone()));
        let telling = tokio::spawn(telling(core.clone()));
        let watching = tokio::spawn(watching(core.clone()));
        let preparing =
            (core.config.prepared.keep > 0).then(|| tokio::spawn(ahead::background(core.clone())));
        let sessions = tokio::spawn(accept(core.clone(), incoming));
        for address in addresses {
            on_listening(&address.to_string());
        }
        tracing::info!(agency = %core.book.own(), "serving");
        tokio::select! {
            () = core.stop.cancelled() => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        core.stop.cancel();
        rounds.abort();
        expiring.abort();
        telling.abort();
        watching.abort();
        preparing.iter().for_each(tokio::task::JoinHandle::abort);
        let _ = tokio::time::timeout(GRACE, sessions).await;
        let served = tokio::time::timeout(GRACE, control).await;
        match served {
            Ok(Ok(Err(failure))) => Err(failure),
            _ => Ok(()),
        }
    }
}

fn listener(kind: SignalKind) -> Result<tokio::signal::unix::Signal, Failure> {
    signal(kind).map_err(|e| Failure::local(format!("cannot listen for signals: {e}")))
}

/// Ends what has expired, and renews the list of who may connect.
async fn rounds(core: Arc<Core>) {
    loop {
        let work = core.clone();
        if let Err(failure) = blocking(move || round(&work)).await {
            tracing::error!(%failure, "what has expired could not be ended");
        }
        if let Err(failure) = core.allow_partners().await {
            tracing::error!(%failure, "the list of partners could not be renewed");
        }
        tokio::time::sleep(ROUNDS).await;
    }
}

/// Erases records whose retention is over, beside the rounds: a change of a register, which may take hours, goes first.
async fn expiring(core: Arc<Core>) {
    let mut done = Expired::new();
    loop {
        let (work, before) = (core.clone(), std::mem::take(&mut done));
        match blocking(move || expire(&work, before)).await {
            Ok(now) => done = now,
            Err(failure) => tracing::error!(%failure, "records whose retention is over could not be erased"),
        }
        tokio::time::sleep(ROUNDS).await;
    }
}

/// Of each register, the day and the version for which there was nothing left to erase.
type Expired = BTreeMap<RegisterName, (Day, u64)>;

/// Erases what is due. Each register is read once a day, and again when it has changed.
fn expire(core: &Core, mut done: Expired) -> Result<Expired, Failure> {
    let one = |name: &RegisterName, done: &mut Expired| {
        let now = (clock::today()?, core.book.state().register_version(name)?);
        if done.get(name) != Some(&now) {
            let expire = |begins: Begins<'_>| core.registers.expire(name, now.0, begins);
            erase_noted(core, name, "records expired", expire)?;
            done.insert(name.clone(), now);
        }
        Ok::<_, Failure>(())
    };
    for register in core.registers.list()? {
        // A register that is damaged must not keep the records of others.
        if let Err(failure) = one(&register.name, &mut done) {
            tracing::error!(register = %register.name, %failure, "what is due could not be erased");
        }
    }
    Ok(done)
}

/// Tells partners what was revoked and corrected, beside the rounds, for a partner may keep it waiting.
async fn telling(core: Arc<Core>) {
    let due = || match sync::to_meet(&core) {
        Ok(partners) => partners.into_iter().map(|partner| (partner.party.code.clone(), partner)).collect(),
        Err(failure) => {
            tracing::error!(%failure, "partners could not be told of revocations and corrections");
            Vec::new()
        }
    };
    let meet = |partner| {
        let core = core.clone();
        async move { sync::tell_one(&core, &partner).await }
    };
    each_apart(ROUNDS, due, meet).await;
}

/// Again and again meets whoever is due, each apart from the others: who keeps a meeting waiting is left out until it is
/// over, and holds up nobody else.
async fn each_apart<P, M: Future<Output = ()>>(
    pause: Duration,
    due: impl Fn() -> Vec<(AgencyCode, P)>,
    meet: impl Fn(P) -> M,
) -> Infallible {
    let (mut under_way, mut meetings) = (BTreeSet::new(), FuturesUnordered::new());
    loop {
        for (code, partner) in due() {
            if under_way.insert(code.clone()) {
                meetings.push(meet(partner).map(|()| code));
            }
        }
        let mut next = pin!(tokio::time::sleep(pause));
        loop {
            tokio::select! {
                () = next.as_mut() => break,
                Some(code) = meetings.next() => drop(under_way.remove(&code)),
            }
        }
    }
}

/// Looks for what stands out, beside the rounds, for it reads the whole journal.
async fn watching(core: Arc<Core>) {
    loop {
        let work = core.clone();
        if let Err(failure) = blocking(move || alerts::look(&work, clock::now())).await {
            tracing::error!(%failure, "alerts could not be evaluated");
        }
        tokio::time::sleep(WATCH).await;
    }
}

fn round(core: &Core) -> Result<(), Failure> {
    // What is damaged must not keep alive what is not.
    let ended = core.end_expired();
    let queries = queries::erase_old(core, clock::now());
    let cases = claim::cases::expire(core, clock::now());
    core.claims.forget_old();
    core.registers.forget_kept();
    claim::notices::reviewed(core);
    ended.and(queries).and(cases)?;
    warn(core)?;
    let (entries, _) = core.book.root()?;
    metrics::gauge!("symbolon_journal_entries").set(entries as f64);
    Ok(())
}

/// So many times as many sessions of a partner wait for a place as have one.
const WAITING: usize = 4;
/// How long they wait; below what an asker waits for the first word.
const WAIT: Duration = Duration::from_secs(20);

/// Takes sessions from partners, within the limits of exchanges at once. Those beyond wait for a while.
async fn accept(core: Arc<Core>, mut incoming: Incoming) {
    let all = Arc::new(Semaphore::new(core.config.exchanges));
    let each = Limits::new(core.config.exchanges_per_partner);
    let doors = Limits::new(core.config.exchanges_per_partner.saturating_mul(WAITING));
    let tasks = tokio_util::task::TaskTracker::new();
    loop {
        let inbound = tokio::select! {
            inbound = incoming.recv() => inbound,
            () = core.stop.cancelled() => None,
        };
        let Some(inbound) = inbound else { break };
        let Some((code, key)) = who(&core, &inbound) else { continue };
        let busy = || metrics::counter!("symbolon_sessions_refused_total", "reason" => "busy").increment(1);
        // Dropping the stream resets it; the asker sees that and tries again later.
        let Ok(door) = doors.of(&code).try_acquire_owned() else {
            busy();
            continue;
        };
        let (core, all, own) = (core.clone(), all.clone(), each.of(&code));
        tasks.spawn(async move {
            // Its own place first, so that one partner's crowd takes none from the others while it waits.
            let places = async { Some((own.acquire_owned().await.ok()?, all.acquire_owned().await.ok()?)) };
            let places = tokio::select! {
                places = tokio::time::timeout(WAIT, places) => places.ok().flatten(),
                () = core.stop.cancelled() => None,
            };
            let Some(_places) = places else { return busy() };
            drop(door);
            let _under_way = core.exchange();
            let protocol = inbound.protocol.clone();
            if let Err(error) = session(&core, &code, key, inbound).await {
                let fault = error.partner_at_fault();
                if fault {
                    metrics::counter!("symbolon_partner_faults_total", "partner" => code.to_string())
                        .increment(1);
                }
                tracing::info!(partner = %code, %protocol, %error, fault, "a session ended early");
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}

/// Places for the sessions of each partner.
struct Limits {
    size: usize,
    partners: std::sync::Mutex<std::collections::HashMap<AgencyCode, Arc<Semaphore>>>,
}

impl Limits {
    fn new(size: usize) -> Self {
        Self { size, partners: std::sync::Mutex::default() }
    }

    fn of(&self, code: &AgencyCode) -> Arc<Semaphore> {
        let mut partners = self.partners.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        partners.entry(code.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.size))).clone()
    }
}

/// Which partner opened a stream; the connection proved its peer id.
fn who(core: &Core, inbound: &Inbound) -> Option<(AgencyCode, PublicKey)> {
    let peer = inbound.peer.to_string();
    let party = core.known().into_iter().find(|party| party.peer == peer)?;
    Some((party.code, party.key))
}

async fn session(
    core: &Arc<Core>,
    code: &AgencyCode,
    key: PublicKey,
    inbound: Inbound,
) -> Result<(), SessionError> {
    let Inbound { protocol, stream, .. } = inbound;
    let mut channel = core.channel(stream, code, &protocol);
    let served = match protocol {
        p if p == EXACT => holder::serve(core, code, ExchangeKind::Exact, &mut channel).await,
        p if p == COUNT => holder::serve(core, code, ExchangeKind::Count, &mut channel).await,
        p if p == MATCH => holder::serve(core, code, ExchangeKind::Match, &mut channel).await,
        p if p == PREPARE => prepare::serve(core, code, &mut channel).await,
        p if p == KEYS => keys::serve(core, code, &mut channel).await,
        p if p == CLAIM => claim::holder::serve(core, code, &mut channel).await,
        p if p == SNAPSHOT => fetch::serve(core, code, &mut channel).await,
        p if p == JOURNAL => sync::talk(core, code, key, &mut channel).await,
        _ => Ok(()),
    };
    // A refusal is the last word and must arrive.
    let closed = channel.close().await;
    served.and(closed)
}

#[cfg(test)]
mod tests;
