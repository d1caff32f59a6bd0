//! What the network needs to know before it starts.

use std::time::Duration;

use libp2p::{Multiaddr, StreamProtocol};

/// Settings of one node's network. [`Default`] gives values fit for service; only `listen` and `protocols` start
/// empty.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Addresses to listen on, such as `/ip4/0.0.0.0/tcp/4001` or `/ip4/0.0.0.0/udp/4001/quic-v1`.
    pub listen: Vec<Multiaddr>,
    /// Protocols this node serves; others are answered with "not supported".
    pub protocols: Vec<StreamProtocol>,
    /// Whether QUIC addresses can be listened on and dialled, besides TCP.
    pub quic: bool,
    /// Longest time for one connection attempt (socket, Noise, Yamux).
    pub dial_timeout: Duration,
    /// Longest time for agreeing on one stream's protocol. Must be well below `open_timeout`, or no time is left to
    /// dial afresh when the connection in use turns out to be dead.
    pub stream_timeout: Duration,
    /// Longest time [`Network::open`](super::Network::open) keeps trying, all attempts and pauses included.
    pub open_timeout: Duration,
    /// How long a connection without streams is kept. Must be generous at **both** ends: the shorter one decides.
    pub idle_timeout: Duration,
    /// Time between two pings on a connection.
    pub ping_interval: Duration,
    /// Longest wait for the answer to a ping. A connection that misses two in a row is closed; libp2p gives the
    /// second one up to 10 s more for a stream of its own.
    pub ping_timeout: Duration,
    /// Streams that were accepted but not yet taken from [`Incoming`](super::Incoming); at least 1.
    /// Further openers are told that the queue is full.
    pub inbound_queue: usize,
    /// Inbound streams one peer may hold at a time, over all its connections.
    pub streams_per_peer: usize,
    /// Connections one peer may hold at a time. Below 8 a peer that reconnects can lock itself out while its old
    /// connections have not timed out yet.
    pub connections_per_peer: u32,
    /// Incoming connections that have not yet proved who they are.
    pub pending_incoming: u32,
    /// Incoming connections established at a time.
    pub established_incoming: u32,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            protocols: Vec::new(),
            quic: false,
            dial_timeout: Duration::from_secs(10),
            stream_timeout: Duration::from_secs(5),
            open_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(300),
            ping_interval: Duration::from_secs(15),
            ping_timeout: Duration::from_secs(20),
            inbound_queue: 64,
            streams_per_peer: 64,
            connections_per_peer: 8,
            pending_incoming: 32,
            established_incoming: 128,
        }
    }
}
