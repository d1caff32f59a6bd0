//! Raw byte streams by protocol name, on the connections that exist.
//!
//! The `libp2p-stream` crate would do this, but it drops inbound streams without a word when two arrive at once.
//! Here every stream begins with one byte from the listener, which says whether the stream was taken
//! ([`admission`]); so an opener always learns what became of its stream. It costs no extra round trip, because the
//! byte follows the listener's half of the protocol negotiation.
//!
//! This behaviour never dials: that is the machine's part.

mod admission;
mod handler;
mod stream;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
    },
};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

pub use admission::Refusal;
pub(super) use admission::{ECHO, ECHO_LEN};
pub use stream::Stream;

use super::NetworkError;
use admission::Admission;
use handler::{Handler, Stalled};

/// A stream that a peer opened to this node.
#[derive(Debug)]
pub struct Inbound {
    /// Who opened it, proved by the connection's handshake.
    pub peer: PeerId,
    /// What for; one of the protocols the node serves.
    pub protocol: StreamProtocol,
    /// The stream, positioned at the opener's first byte.
    pub stream: Stream,
}

/// One wish to open a stream, and where to answer it.
///
/// A request that is dropped unanswered tells the waiting side that the connection was lost.
#[derive(Debug)]
pub(super) struct Request {
    /// The protocol to negotiate.
    pub(super) protocol: StreamProtocol,
    /// Takes the outcome.
    pub(super) reply: oneshot::Sender<Result<Stream, NetworkError>>,
}

/// The behaviour. Must be the last field of the composed behaviour, so that it sees only connections the others let
/// pass.
pub(super) struct Behaviour {
    protocols: Arc<[StreamProtocol]>,
    queue: mpsc::Sender<Inbound>,
    streams_per_peer: usize,
    negotiation_timeout: Duration,
    peers: HashMap<PeerId, Connections>,
    requests: VecDeque<(PeerId, ConnectionId, Request)>,
}

/// The connections of one peer.
struct Connections {
    /// Usable for new streams, oldest first.
    usable: Vec<ConnectionId>,
    /// Free places for inbound streams.
    slots: Arc<Semaphore>,
}

impl Behaviour {
    /// A behaviour that accepts `protocols` and hands accepted streams to `queue`, at most `streams_per_peer` at a
    /// time from one peer. Agreeing on a stream takes at most `negotiation_timeout`, at either end.
    pub(super) fn new(
        protocols: &[StreamProtocol],
        queue: mpsc::Sender<Inbound>,
        streams_per_peer: usize,
        negotiation_timeout: Duration,
    ) -> Self {
        Self {
            // The echo is answered by the admission itself.
            protocols: protocols.iter().cloned().chain([ECHO]).collect(),
            queue,
            streams_per_peer: streams_per_peer.min(Semaphore::MAX_PERMITS),
            negotiation_timeout,
            peers: HashMap::new(),
            requests: VecDeque::new(),
        }
    }

    /// Asks for a stream on the newest usable connection to `peer`. After a peer restarted, the newest is the one
    /// that lives.
    ///
    /// # Errors
    ///
    /// Gives the request back if there is no such connection.
    pub(super) fn open(&mut self, peer: PeerId, request: Request) -> Result<(), Request> {
        match self.peers.get(&peer).and_then(|connections| connections.usable.last()) {
            Some(&connection) => {
                self.requests.push_back((peer, connection, request));
                Ok(())
            }
            None => Err(request),
        }
    }

    fn connected(&mut self, peer: PeerId, connection: ConnectionId) -> Handler {
        let slots = self.streams_per_peer;
        let connections = self
            .peers
            .entry(peer)
            .or_insert_with(|| Connections { usable: Vec::new(), slots: Arc::new(Semaphore::new(slots)) });
        connections.usable.push(connection);
        let admission = Admission {
            peer,
            protocols: Arc::clone(&self.protocols),
            queue: self.queue.clone(),
            slots: Arc::clone(&connections.slots),
            cut: CancellationToken::new(),
        };
        Handler::new(admission, self.negotiation_timeout)
    }

    fn unusable(&mut self, peer: PeerId, connection: ConnectionId) {
        if let Some(connections) = self.peers.get_mut(&peer) {
            connections.usable.retain(|&known| known != connection);
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = std::convert::Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.connected(peer, connection))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.connected(peer, connection))
    }

    fn on_swarm_event(&mut self, event: FromSwarm) {
        if let FromSwarm::ConnectionClosed(closed) = event {
            self.unusable(closed.peer_id, closed.connection_id);
            if closed.remaining_established == 0 {
                self.peers.remove(&closed.peer_id);
            }
        }
    }

    /// A connection on which the peer left a stream request unanswered takes no further ones, so that the next
    /// attempt dials afresh. It is not closed: the peer may only be slow, and other streams may be running.
    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        Stalled: THandlerOutEvent<Self>,
    ) {
        self.unusable(peer, connection);
    }

    // No waker is kept: `open` is called by the task that polls the swarm right after.
    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        match self.requests.pop_front() {
            Some((peer_id, connection, event)) => Poll::Ready(ToSwarm::NotifyHandler {
                peer_id,
                handler: NotifyHandler::One(connection),
                event,
            }),
            None => Poll::Pending,
        }
    }
}
