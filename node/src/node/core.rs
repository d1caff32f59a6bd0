//! What all parts of a node share.

use std::{
    path::Path,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ed25519_dalek::SigningKey;
use libp2p::{Multiaddr, PeerId, StreamProtocol, identity::Keypair};
use secrecy::SecretString;
use symbolon_policy::{
    agreement::Party,
    manifest::Manifest,
    permit::{InForce, RefusalCode},
    signing::Signer,
    words::{AgencyCode, Timestamp},
};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::{
    book::Book,
    canaries::CanaryStore,
    claims::ClaimStore,
    clock,
    config::Config,
    control::{
        Updates,
        api::{Ahead, Failure, Moved, Update},
    },
    home::{Home, Lock},
    journal::Side,
    keys::KeyStore,
    keystore::Keystore,
    network::{Incoming, Network, NetworkConfig},
    prepared::PreparedStore,
    register::Registers,
    sealing::StorageKey,
    session::{
        CLAIM, COUNT, Channel, EXACT, JOURNAL, KEYS, MATCH, PREPARE, Patience, SNAPSHOT, SessionError, Tap,
    },
    snapshots::{SliceOf, Snapshots},
};

/// The parts of a node.
pub(crate) struct Core {
    pub(crate) home: Home,
    pub(crate) config: Config,
    pub(crate) name: String,
    pub(crate) node_key: Keypair,
    pub(crate) signer: Arc<SigningKey>,
    pub(crate) storage: StorageKey,
    pub(crate) book: Book,
    pub(crate) registers: Registers,
    pub(crate) snapshots: Snapshots,
    pub(crate) keys: KeyStore,
    pub(crate) prepared: PreparedStore,
    pub(crate) claims: ClaimStore,
    pub(crate) canaries: CanaryStore,
    pub(crate) network: OnceCell<Network>,
    pub(crate) stop: CancellationToken,
    pub(crate) exchanges: AtomicU64,
    /// Taken by whoever changes a register, from the first entry about it to the last.
    changes: Mutex<()>,
    tap: Option<Tap>,
    _lock: Lock,
}

/// The longest meeting about journals. What is not said by then is said at the next one.
const LONGEST_MEETING: Duration = Duration::from_secs(120);

/// A partner under the agreement in force with it.
#[derive(Clone)]
pub(crate) struct Partner {
    pub(crate) agreement: Arc<InForce>,
    pub(crate) party: Party,
}

impl Core {
    pub(super) fn open(dir: &Path, config: Config, passphrase: SecretString) -> Result<Self, Failure> {
        let home = Home::new(dir);
        let lock = home.lock()?;
        let keystore = Keystore::load(&home.keystore(), passphrase)?;
        let storage = keystore.storage_key();
        let signer = Arc::new(keystore.agreement_key());
        let own = keystore.code().clone();
        let book = Book::open(&home, own.clone(), signer.clone() as Arc<dyn Signer>)?;
        let registers = Registers::open(&home.registers(), &storage.derive("registers"))?;
        for directory in [home.snapshots(), home.keys(), home.prepared(), home.queries(), home.claims()] {
            home.make(&directory)?;
        }
        let snapshots = Snapshots::new(home.snapshots(), storage.derive("snapshots"));
        let tap = config.capture.as_deref().map(|path| Tap::create(path, own.to_string())).transpose()?;
        let core = Self {
            name: keystore.name().to_owned(),
            node_key: keystore.node_key()?,
            signer,
            storage: storage.derive("node"),
            book,
            registers,
            snapshots,
            prepared: PreparedStore::open(
                home.prepared(),
                storage.derive("prepared"),
                config.prepared.most_bytes,
            ),
            keys: KeyStore::new(home.keys(), storage.derive("keys")),
            claims: ClaimStore::new(home.claims(), storage.derive("claims")),
            canaries: CanaryStore::new(home.canaries(), storage.derive("canaries")),
            network: OnceCell::new(),
            stop: CancellationToken::new(),
            exchanges: AtomicU64::new(0),
            changes: Mutex::default(),
            tap,
            home,
            config,
            _lock: lock,
        };
        core.tidy()?;
        Ok(core)
    }

    /// The snapshot made of a slice that can be asked now.
    ///
    /// # Errors
    /// A local [`Failure`].
    pub(crate) fn current_snapshot(
        &self,
        slice: &SliceOf,
        now: Timestamp,
    ) -> Result<Option<Manifest>, Failure> {
        let made = self.book.state().snapshots()?.into_iter().filter(|s| s.side == Side::Holder);
        let current = made.map(|s| s.manifest).filter(|m| m.expires > now && SliceOf::of(m) == *slice);
        Ok(current.max_by_key(|manifest| manifest.made))
    }

    /// Partners under the newest agreement in force with each.
    pub(crate) fn partners(&self) -> Vec<Partner> {
        let in_force = self.book.in_force(clock::now()).into_values();
        let partner = |agreement: Arc<InForce>| {
            let party = agreement.terms().partner_of(self.book.own()).ok()?.clone();
            Some(Partner { agreement, party })
        };
        in_force.filter_map(partner).collect()
    }

    /// Everybody an agreement was ever accepted with: they may connect and are told why they are
    /// refused. Where several agreements name one agency, the newest counts.
    pub(crate) fn known(&self) -> Vec<Party> {
        let mut agreements = self.book.agreements();
        agreements.sort_by_key(|agreement| std::cmp::Reverse(agreement.terms().valid_from));
        let mut known: Vec<Party> = Vec::new();
        for agreement in agreements {
            let Ok(party) = agreement.terms().partner_of(self.book.own()) else { continue };
            if !known.iter().any(|other| other.code == party.code) {
                known.push(party.clone());
            }
        }
        known
    }

    /// One partner.
    ///
    /// # Errors
    /// An input [`Failure`] if no agreement is in force with it.
    pub(crate) fn partner(&self, code: &AgencyCode) -> Result<Partner, Failure> {
        let partner = self.partners().into_iter().find(|partner| partner.party.code == *code);
        partner.ok_or_else(|| self.not_in_force(code))
    }

    /// Why no agreement is in force with an agency. The clock is named, as a wrong one looks like a wrong agreement.
    fn not_in_force(&self, code: &AgencyCode) -> Failure {
        let named = |agreement: &Arc<InForce>| {
            agreement.terms().partner_of(self.book.own()).is_ok_and(|party| party.code == *code)
        };
        // One that was amended says nothing: what is in its place does.
        let now = clock::now();
        let stands = |agreement: &Arc<InForce>| !matches!(agreement.holds(now), Err(why) if why.code == RefusalCode::Amended);
        let mut agreements: Vec<_> =
            self.book.agreements().into_iter().filter(named).filter(stands).collect();
        agreements.sort_by_key(|agreement| (!agreement.revoked(), agreement.terms().valid_until));
        let last = agreements.last().map(|agreement| {
            let terms = agreement.terms();
            match agreement.revoked() {
                true => ": it was revoked".to_owned(),
                false => format!(
                    ": one holds from {} to {}, and this node's clock says {now}",
                    terms.valid_from, terms.valid_until
                ),
            }
        });
        Failure::input(format!("no agreement is in force with {code}{}", last.unwrap_or_default()))
            .with_help("see `symbolon agreement list`; an agreement must be signed by both and accepted here")
    }

    /// The network, started without listening if the node does not serve.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot start.
    pub(crate) async fn network(&self) -> Result<&Network, Failure> {
        self.network.get_or_try_init(|| async { Ok(self.start_network(Vec::new()).await?.0) }).await
    }

    /// Starts the network and lets partners connect.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot start.
    pub(super) async fn start_network(&self, listen: Vec<Multiaddr>) -> Result<(Network, Incoming), Failure> {
        let patience = Duration::from_secs(self.config.dial_timeout_secs);
        let config = NetworkConfig {
            listen,
            protocols: vec![EXACT, COUNT, MATCH, KEYS, PREPARE, CLAIM, SNAPSHOT, JOURNAL],
            quic: self.config.quic,
            dial_timeout: patience,
            // Half of it for a connection that may have died unnoticed, half for a new one.
            stream_timeout: patience / 2,
            open_timeout: patience,
            idle_timeout: Duration::from_secs(self.config.idle_timeout_secs),
            ..NetworkConfig::default()
        };
        let started = Network::start(config, self.node_key.clone()).await;
        let (network, incoming) =
            started.map_err(|e| Failure::local(e.to_string()).with_help("see `listen` in config.toml"))?;
        for party in self.known() {
            self.allow(&network, &party).await?;
        }
        Ok((network, incoming))
    }

    /// Lets partners connect, and nobody else.
    ///
    /// # Errors
    /// A [`Failure`] with the first address that cannot be used.
    pub(crate) async fn allow_partners(&self) -> Result<(), Failure> {
        let Some(network) = self.network.get() else { return Ok(()) };
        let known = self.known();
        let allowed = network.peers().await.map_err(|e| Failure::local(e.to_string()))?;
        for peer in allowed.into_iter().map(|status| status.peer) {
            if !known.iter().any(|party| party.peer == peer.to_string()) {
                network.forbid(peer).await.map_err(|e| Failure::local(e.to_string()))?;
            }
        }
        for party in &known {
            self.allow(network, party).await?;
        }
        Ok(())
    }

    async fn allow(&self, network: &Network, party: &Party) -> Result<(), Failure> {
        let code = &party.code;
        let configured = self.config.partners.get(code).into_iter().flatten();
        let addresses = configured.chain(&party.addresses).map(|text| {
            Multiaddr::from_str(text)
                .map_err(|e| Failure::input(format!("`{text}` is no address of {code}: {e}")))
        });
        let addresses = addresses.collect::<Result<Vec<_>, _>>()?;
        network.allow(peer_id(party)?, addresses).await.map_err(|e| Failure::input(e.to_string()))
    }

    /// Opens a channel to a partner.
    ///
    /// # Errors
    /// [`SessionError::Connection`] if it cannot be reached.
    pub(crate) async fn dial(
        &self,
        partner: &Partner,
        protocol: StreamProtocol,
    ) -> Result<Channel, SessionError> {
        let stream = self.network().await?.open(peer_id(&partner.party)?, protocol.clone()).await?;
        Ok(self.channel(stream, &partner.party.code, &protocol))
    }

    /// A channel on a stream.
    pub(crate) fn channel(
        &self,
        stream: crate::network::Stream,
        partner: &AgencyCode,
        protocol: &StreamProtocol,
    ) -> Channel {
        let mut patience = self.patience();
        if *protocol == JOURNAL {
            patience.whole = patience.whole.min(LONGEST_MEETING);
        }
        Channel::new(stream, patience, partner.as_str(), protocol.as_ref(), self.tap.clone())
    }

    /// How long a partner is waited for.
    pub(crate) fn patience(&self) -> Patience {
        Patience {
            silence: Duration::from_secs(self.config.session_timeout_secs),
            whole: Duration::from_secs(self.config.session_limit_secs),
        }
    }

    /// Lets no other change of a register begin until the guard is dropped.
    pub(super) fn change(&self) -> MutexGuard<'_, ()> {
        // Nothing is guarded but the order.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an exchange under way until the guard is dropped.
    pub(crate) fn exchange(&self) -> UnderWay<'_> {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
        UnderWay(&self.exchanges)
    }
}

/// An exchange under way.
pub(crate) struct UnderWay<'c>(&'c AtomicU64);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The peer id of a party.
///
/// # Errors
/// An input [`Failure`] if the agreement names none.
pub(crate) fn peer_id(party: &Party) -> Result<PeerId, Failure> {
    party
        .peer
        .parse()
        .map_err(|_| Failure::input(format!("the agreement names no valid peer id for {}", party.code)))
}

/// Runs work that blocks, off the async threads.
///
/// # Errors
/// Those of the work; a local failure if it stopped.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<Failure> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Failure::local(format!("the work stopped: {error}")).into()),
    }
}

/// Where one piece of work reports its progress, time and bytes.
#[derive(Clone)]
pub(crate) struct Report {
    task: String,
    updates: Updates,
    last: Arc<Mutex<(String, Instant)>>,
    bytes: Arc<(AtomicU64, AtomicU64)>,
    setup: Arc<OnceLock<Moved>>,
    ahead: Arc<Mutex<Option<Ahead>>>,
}

/// Shortest time between two updates of one phase.
const PACE: Duration = Duration::from_millis(50);

impl Report {
    /// A report of a piece of work.
    pub(crate) fn new(task: impl Into<String>, updates: Updates) -> Self {
        let long_ago = Instant::now().checked_sub(PACE).unwrap_or_else(Instant::now);
        let last = Arc::new(Mutex::new((String::new(), long_ago)));
        Self {
            task: task.into(),
            updates,
            last,
            bytes: Arc::default(),
            setup: Arc::default(),
            ahead: Arc::default(),
        }
    }

    /// Says how far the work is; updates that come too fast are left out.
    pub(crate) fn say(&self, phase: &str, done: u64, total: u64) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0 == phase && last.1.elapsed() < PACE && done < total {
            return;
        }
        *last = (phase.to_owned(), Instant::now());
        // A reader that is slow or gone misses an update; the work goes on.
        let (task, phase) = (self.task.clone(), phase.to_owned());
        let _ = self.updates.try_send(Update { task, phase, done, total, lasting: false });
    }

    /// Says something once that is to stay.
    pub(crate) fn note(&self, text: String) {
        let (task, phase) = (self.task.clone(), text);
        let _ = self.updates.try_send(Update { task, phase, done: 0, total: 0, lasting: true });
    }

    /// Waits until nobody is there any more to be told.
    pub(crate) async fn abandoned(&self) {
        self.updates.closed().await;
    }

    /// Adds the bytes of a channel that is done.
    pub(crate) fn bytes(&self, channel: &Channel) {
        let (sent, received) = channel.meter().read();
        self.bytes.0.fetch_add(sent, Ordering::Relaxed);
        self.bytes.1.fetch_add(received, Ordering::Relaxed);
    }

    /// Notes that what was moved since `before` set up keys.
    pub(crate) fn set_up(&self, before: (u64, u64)) {
        let (sent, received) = self.moved();
        let moved =
            Moved { bytes_out: sent.saturating_sub(before.0), bytes_in: received.saturating_sub(before.1) };
        if moved.bytes_out > 0 {
            // Keys that ended are set up once more at most.
            let _ = self.setup.set(moved);
        }
    }

    /// What set up keys.
    pub(crate) fn setup(&self) -> Option<Moved> {
        self.setup.get().copied()
    }

    /// Notes how much of a match was done ahead.
    pub(crate) fn done_ahead(&self, ahead: Ahead) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
    }

    /// How much of a match was done ahead.
    pub(crate) fn ahead(&self) -> Option<Ahead> {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes sent and received so far.
    pub(crate) fn moved(&self) -> (u64, u64) {
        (self.bytes.0.load(Ordering::Relaxed), self.bytes.1.load(Ordering::Relaxed))
    }
}
