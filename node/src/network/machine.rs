//! The task that owns the swarm: it carries out commands and keeps the book of peers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::transport::ListenerId,
    multiaddr::Protocol,
    ping,
    swarm::{
        ConnectionId, DialError, ListenError, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use symbolon_policy::words::Timestamp;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    NetworkError, PeerStatus,
    error::chain,
    streams::Request,
    swarm::{Node, NodeEvent, check_free},
};

/// Longest wait for connections to close in order at shutdown.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a [`Network`](super::Network) handle asks of the machine.
#[derive(Debug)]
pub(super) enum Command {
    Open { peer: PeerId, request: Request },
    Allow { peer: PeerId, addresses: Vec<Multiaddr> },
    Forbid { peer: PeerId },
    Peers { reply: oneshot::Sender<Vec<PeerStatus>> },
}

/// The swarm and what is known of each allowed peer.
pub(super) struct Machine {
    swarm: Swarm<Node>,
    book: BTreeMap<PeerId, Known>,
    listeners: HashSet<ListenerId>,
    listening: watch::Sender<Vec<Multiaddr>>,
}

/// One allowed peer.
#[derive(Default)]
struct Known {
    addresses: Vec<Multiaddr>,
    connections: u32,
    round_trip: Option<Duration>,
    last_seen: Option<Timestamp>,
    dial: Option<Dial>,
    /// Requests that wait for a connection.
    waiting: Vec<Request>,
}

/// A connection attempt under way.
struct Dial {
    id: ConnectionId,
    addresses: Vec<Multiaddr>,
}

impl Machine {
    /// Listens on every one of `addresses` and waits until each has told where it really is.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Listen`] with the first address that does not work.
    pub(super) async fn listen(
        mut swarm: Swarm<Node>,
        addresses: &[Multiaddr],
        listening: watch::Sender<Vec<Multiaddr>>,
    ) -> Result<Self, NetworkError> {
        // All before the first listener, because an IPv6 check can collide with a listener of our own on IPv4.
        addresses.iter().try_for_each(check_free)?;
        let mut silent = HashMap::new();
        for address in addresses {
            let id = swarm
                .listen_on(address.clone())
                .map_err(|error| NetworkError::Listen { address: address.clone(), cause: chain(&error) })?;
            silent.insert(id, address.clone());
        }
        let listeners = silent.keys().copied().collect();
        let mut machine = Self { swarm, book: BTreeMap::new(), listeners, listening };
        while !silent.is_empty() {
            let event = machine.swarm.select_next_some().await;
            match &event {
                SwarmEvent::NewListenAddr { listener_id, .. } => {
                    silent.remove(listener_id);
                }
                SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                    if let Some(address) = silent.remove(listener_id) {
                        let cause = match reason {
                            Ok(()) => "the listener closed at once".to_owned(),
                            Err(error) => chain(error),
                        };
                        return Err(NetworkError::Listen { address, cause });
                    }
                }
                _ => {}
            }
            machine.handle(event);
        }
        Ok(machine)
    }

    /// Runs until `stop`, or until no handle is left to give commands; then closes all connections in order.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                command = commands.recv() => match command {
                    Some(command) => self.obey(command),
                    None => break,
                },
                event = self.swarm.select_next_some() => self.handle(event),
            }
        }
        self.close().await;
    }

    async fn close(mut self) {
        for id in self.listeners.drain() {
            self.swarm.remove_listener(id);
        }
        self.listening.send_replace(Vec::new());
        // Forbidding also turns away connections that are still in their handshake.
        for peer in std::mem::take(&mut self.book).into_keys() {
            self.swarm.behaviour_mut().allowed.disallow_peer(peer);
        }
        let closed = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        if timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::warn!("some connections did not close in order and were cut");
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Open { peer, request } => self.open(peer, request),
            Command::Allow { peer, addresses } => {
                self.book.entry(peer).or_default().addresses = addresses;
                self.swarm.behaviour_mut().allowed.allow_peer(peer);
            }
            Command::Forbid { peer } => {
                self.swarm.behaviour_mut().allowed.disallow_peer(peer);
                if let Some(entry) = self.book.remove(&peer) {
                    refuse(entry.waiting, || NetworkError::NotAllowed { peer });
                }
            }
            Command::Peers { reply } => {
                let peers = self.book.iter().map(|(&peer, entry)| entry.status(peer)).collect();
                let _ = reply.send(peers);
            }
        }
    }

    /// Sends the request to a connection, or makes it wait for one.
    fn open(&mut self, peer: PeerId, request: Request) {
        let Some(entry) = self.book.get_mut(&peer) else {
            return refuse([request], || NetworkError::NotAllowed { peer });
        };
        let Err(request) = self.swarm.behaviour_mut().streams.open(peer, request) else { return };
        if entry.addresses.is_empty() {
            return refuse([request], || NetworkError::NoAddress { peer });
        }
        entry.waiting.push(request);
        if entry.dial.is_none() {
            let addresses = entry.addresses.clone();
            self.dial(peer, addresses);
        }
    }

    fn dial(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        // A port of its own for each attempt: if both nodes dialled from their listening ports at once, TCP would
        // join the two attempts into one connection on which both believe they are the dialler.
        let options = DialOpts::peer_id(peer)
            .condition(PeerCondition::Always)
            .addresses(addresses.clone())
            .allocate_new_port()
            .build();
        let id = options.connection_id();
        if let Some(entry) = self.book.get_mut(&peer) {
            entry.dial = Some(Dial { id, addresses });
        }
        if let Err(error) = self.swarm.dial(options) {
            self.dial_failed(peer, id, &error);
        }
    }

    fn dial_failed(&mut self, peer: PeerId, id: ConnectionId, error: &DialError) {
        let Some(entry) = self.book.get_mut(&peer) else { return };
        let Some(dial) = entry.dial.take_if(|dial| dial.id == id) else { return };
        // The first address that answers ends an attempt. If the wrong peer was quickest, the others still count.
        if let DialError::WrongPeerId { obtained, address } = error {
            tracing::warn!(expected = %peer, found = %obtained, %address, "another peer serves a known address");
            let wrong = without_peer(address.clone());
            let (before, mut others) = (dial.addresses.len(), dial.addresses);
            others.retain(|known| without_peer(known.clone()) != wrong);
            if !others.is_empty() && others.len() < before {
                return self.dial(peer, others);
            }
        }
        metrics::counter!("symbolon_dials_failed_total").increment(1);
        refuse(std::mem::take(&mut entry.waiting), || NetworkError::from_dial(peer, error));
    }

    fn handle(&mut self, event: SwarmEvent<NodeEvent>) {
        match event {
            SwarmEvent::Behaviour(NodeEvent::Ping(event)) => self.pinged(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, num_established, .. } => {
                tracing::debug!(peer = %peer_id, "connected");
                let Some(entry) = self.book.get_mut(&peer_id) else { return };
                entry.connections = num_established.get();
                entry.last_seen = Some(now());
                entry.dial.take_if(|dial| dial.id == connection_id);
                for request in std::mem::take(&mut entry.waiting) {
                    self.open(peer_id, request);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established, cause, .. } => {
                let cause = cause.as_ref().map(|cause| chain(cause));
                tracing::debug!(peer = %peer_id, cause, "connection closed");
                if let Some(entry) = self.book.get_mut(&peer_id) {
                    entry.connections = num_established;
                    entry.last_seen = Some(now());
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer), connection_id, error } => {
                self.dial_failed(peer, connection_id, &error);
            }
            SwarmEvent::IncomingConnectionError { error, .. } => count_refused(&error),
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                self.listening.send_modify(|known| known.push(address));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                tracing::warn!(%address, "no longer listening");
                self.listening.send_modify(|known| known.retain(|other| *other != address));
            }
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                tracing::error!(?addresses, cause = reason.err().map(|e| chain(&e)), "a listener closed");
                self.listeners.remove(&listener_id);
                self.listening.send_modify(|known| known.retain(|other| !addresses.contains(other)));
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(cause = chain(&error), "listener error")
            }
            _ => {}
        }
    }

    fn pinged(&mut self, event: ping::Event) {
        let ping::Event { peer, connection, result } = event;
        match result {
            Ok(round_trip) => {
                if let Some(entry) = self.book.get_mut(&peer) {
                    entry.round_trip = Some(round_trip);
                    entry.last_seen = Some(now());
                }
            }
            Err(ping::Failure::Unsupported) => {}
            // The ping behaviour reports a failure only after two in a row. A link that was cut without a word
            // would otherwise look alive for many minutes.
            Err(failure) => {
                tracing::warn!(%peer, cause = chain(&failure), "connection closed: no answer to pings");
                metrics::counter!("symbolon_connections_dead_total").increment(1);
                self.swarm.close_connection(connection);
            }
        }
    }
}

impl Known {
    fn status(&self, peer: PeerId) -> PeerStatus {
        PeerStatus {
            peer,
            connected: self.connections > 0,
            connections: self.connections,
            addresses: self.addresses.clone(),
            round_trip: self.round_trip,
            last_seen: self.last_seen,
        }
    }
}

/// Answers each request with an error of its own.
fn refuse(requests: impl IntoIterator<Item = Request>, error: impl Fn() -> NetworkError) {
    for request in requests {
        // Whoever asked may have given up; then nobody needs the answer.
        let _ = request.reply.send(Err(error()));
    }
}

/// The stranger's address and id are left out of the log: they may be personal data.
fn count_refused(error: &ListenError) {
    let reason = match error {
        ListenError::Denied { cause } => {
            if is_not_allowed(cause) {
                "not_allowed"
            } else {
                "too_many_connections"
            }
        }
        ListenError::Transport(_) => "handshake_failed",
        ListenError::Aborted => "aborted",
        ListenError::WrongPeerId { .. } | ListenError::LocalPeerId { .. } => "wrong_peer",
    };
    metrics::counter!("symbolon_connections_refused_total", "reason" => reason).increment(1);
    tracing::warn!(reason, "incoming connection refused");
}

fn is_not_allowed(cause: &(dyn std::error::Error + 'static)) -> bool {
    let mut error = Some(cause);
    while let Some(cause) = error {
        if cause.is::<libp2p_allow_block_list::NotAllowed>() {
            return true;
        }
        error = cause.source();
    }
    false
}

/// The address without a closing `/p2p/…`.
fn without_peer(mut address: Multiaddr) -> Multiaddr {
    if matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        address.pop();
    }
    address
}

fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_second())
}
