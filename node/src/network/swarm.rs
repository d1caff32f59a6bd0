//! What the node's swarm is made of: transports, and the behaviours that watch over connections.

use std::net::{IpAddr, TcpListener};

use libp2p::{
    Multiaddr, Swarm, Transport as _,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    identity::{Keypair, PeerId},
    multiaddr::Protocol,
    noise, ping, quic,
    swarm::{self, NetworkBehaviour},
    tcp, yamux,
};
use libp2p_allow_block_list::{self as allow_list, AllowedPeers};
use libp2p_connection_limits::{self as connection_limits, ConnectionLimits};
use tokio::sync::mpsc;

use super::{
    NetworkConfig, NetworkError,
    streams::{self, Inbound},
};

/// The behaviours, asked in this order whether a connection may live.
#[derive(NetworkBehaviour)]
pub(super) struct Node {
    /// Only peers named in agreements.
    pub(super) allowed: allow_list::Behaviour<AllowedPeers>,
    limits: connection_limits::Behaviour,
    ping: ping::Behaviour,
    /// Last, so that it sees only connections that the others let pass.
    pub(super) streams: streams::Behaviour,
}

/// A swarm that listens nowhere and allows nobody yet.
///
/// # Errors
///
/// [`NetworkError::Start`] if the key cannot sign Noise handshakes.
pub(super) fn build(
    config: &NetworkConfig,
    keypair: &Keypair,
    queue: mpsc::Sender<Inbound>,
) -> Result<Swarm<Node>, NetworkError> {
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(config.pending_incoming))
        .with_max_established_incoming(Some(config.established_incoming))
        .with_max_established_per_peer(Some(config.connections_per_peer));
    let ping = ping::Config::new().with_interval(config.ping_interval).with_timeout(config.ping_timeout);
    let node = Node {
        allowed: allow_list::Behaviour::default(),
        limits: connection_limits::Behaviour::new(limits),
        ping: ping::Behaviour::new(ping),
        streams: streams::Behaviour::new(
            &config.protocols,
            queue,
            config.streams_per_peer,
            config.stream_timeout,
        ),
    };
    let swarm_config = swarm::Config::with_tokio_executor().with_idle_connection_timeout(config.idle_timeout);
    let transport = transport(config, keypair)?;
    Ok(Swarm::new(transport, node, PeerId::from(keypair.public()), swarm_config))
}

/// TCP + Noise + Yamux, and QUIC if the configuration wants it. Either proves the peer's id in its handshake.
fn transport(
    config: &NetworkConfig,
    keypair: &Keypair,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetworkError> {
    let noise = noise::Config::new(keypair).map_err(|error| NetworkError::Start(error.to_string()))?;
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .timeout(config.dial_timeout);
    if !config.quic {
        return Ok(tcp.boxed());
    }
    let mut quic = quic::Config::new(keypair);
    quic.handshake_timeout = config.dial_timeout;
    let quic = quic::tokio::Transport::new(quic)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));
    Ok(tcp.boxed().or_transport(quic).map(|either, _| either.into_inner()).boxed())
}

/// Fails if another program, or this node started twice, already listens there.
///
/// libp2p sets `SO_REUSEPORT` on every TCP listener, so the operating system would let both listen and hand each
/// connection to either. A plain socket, closed again at once, does not share.
///
/// # Errors
///
/// [`NetworkError::Listen`].
pub(super) fn check_free(address: &Multiaddr) -> Result<(), NetworkError> {
    let mut parts = address.iter();
    let ip = match parts.next() {
        Some(Protocol::Ip4(ip)) => IpAddr::V4(ip),
        Some(Protocol::Ip6(ip)) => IpAddr::V6(ip),
        _ => return Ok(()),
    };
    let Some(Protocol::Tcp(port)) = parts.next() else { return Ok(()) };
    match TcpListener::bind((ip, port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(NetworkError::Listen { address: address.clone(), cause: error.to_string() }),
    }
}
