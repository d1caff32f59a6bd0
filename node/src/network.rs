//! The node's way to other nodes: authenticated connections and raw byte streams by protocol name.
//!
//! TCP + Noise + Yamux, and QUIC if configured. Both ends prove their peer id in the handshake; only peers on the
//! allow list, which is made from the signed agreements, keep a connection. An onlooker learns which addresses talk,
//! when and how much; a stranger who connects learns the node's peer id and nothing else.
//!
//! One task owns the libp2p swarm (`machine`); [`Network`] is a handle to it. Streams are taken or refused with an
//! answer, never dropped (`streams`).
//!
//! Source: <https://github.com/libp2p/specs>.

mod config;
mod error;
mod machine;
mod streams;
mod swarm;
#[cfg(test)]
mod tests;

use std::{
    io,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, StreamProtocol, identity::Keypair, multiaddr::Protocol};
use symbolon_policy::words::Timestamp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{mpsc, oneshot, watch},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use config::NetworkConfig;
pub use error::NetworkError;
pub use streams::{Inbound, Refusal, Stream};

use machine::{Command, Machine};
use streams::{ECHO, ECHO_LEN, Request};

/// Streams that peers opened to this node. Ends after [`Network::shutdown`]. While it is not read, the queue fills and
/// further streams are refused.
pub type Incoming = mpsc::Receiver<Inbound>;

/// Commands that wait for the machine; beyond that, callers wait.
const COMMANDS: usize = 64;
/// Pause before the second attempt to open a stream; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A handle to the node's network. Clones are cheap and reach the same network. When the last one is dropped, the
/// network closes.
#[derive(Clone, Debug)]
pub struct Network {
    peer: PeerId,
    open_timeout: Duration,
    commands: mpsc::Sender<Command>,
    listening: watch::Receiver<Vec<Multiaddr>>,
    stop: CancellationToken,
    task: TaskTracker,
}

/// What is known of one allowed peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// The peer.
    pub peer: PeerId,
    /// Whether there is a connection now.
    pub connected: bool,
    /// How many connections there are. Two are usual when both nodes dialled at once.
    pub connections: u32,
    /// The addresses it is dialled at.
    pub addresses: Vec<Multiaddr>,
    /// The latest round trip measured by the regular ping.
    pub round_trip: Option<Duration>,
    /// When it last answered, connected or disconnected, since this node started.
    pub last_seen: Option<Timestamp>,
}

impl Network {
    /// Starts the network on the current tokio runtime. Nobody is allowed yet.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Start`] if the transports cannot be set up, [`NetworkError::Listen`] with the first address
    /// that cannot be listened on.
    pub async fn start(config: NetworkConfig, keypair: Keypair) -> Result<(Self, Incoming), NetworkError> {
        let (queue, incoming) = mpsc::channel(config.inbound_queue.max(1));
        let (commands, orders) = mpsc::channel(COMMANDS);
        let (addresses, listening) = watch::channel(Vec::new());
        let swarm = swarm::build(&config, &keypair, queue)?;
        let machine = Machine::listen(swarm, &config.listen, addresses).await?;

        let (stop, task) = (CancellationToken::new(), TaskTracker::new());
        task.spawn(machine.run(orders, stop.clone()));
        task.close();
        let peer = keypair.public().to_peer_id();
        Ok((Self { peer, open_timeout: config.open_timeout, commands, listening, stop, task }, incoming))
    }

    /// This node's own peer id.
    pub fn local_peer_id(&self) -> PeerId {
        self.peer
    }

    /// The addresses this node listens on now, with the real ports. Empty after shutdown.
    pub fn listen_addresses(&self) -> Vec<Multiaddr> {
        self.listening.borrow().clone()
    }

    /// Allows `peer` to connect, and makes `addresses` the ones it is dialled at (replacing earlier ones). A peer
    /// without addresses can be talked to once it has connected.
    ///
    /// # Errors
    ///
    /// [`NetworkError::ForeignAddress`] if an address ends in another peer's id; [`NetworkError::Closed`].
    pub async fn allow(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<(), NetworkError> {
        for address in &addresses {
            if matches!(address.iter().last(), Some(Protocol::P2p(named)) if named != peer) {
                return Err(NetworkError::ForeignAddress { peer, address: address.clone() });
            }
        }
        self.order(Command::Allow { peer, addresses }).await
    }

    /// Takes `peer` off the allow list and cuts its connections with all their streams.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Closed`].
    pub async fn forbid(&self, peer: PeerId) -> Result<(), NetworkError> {
        self.order(Command::Forbid { peer }).await
    }

    /// All allowed peers, by peer id.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Closed`].
    pub async fn peers(&self) -> Result<Vec<PeerStatus>, NetworkError> {
        let (reply, answer) = oneshot::channel();
        self.order(Command::Peers { reply }).await?;
        answer.await.map_err(|_| NetworkError::Closed)
    }

    /// Opens a stream to `peer`, over a connection that exists or a new one. What may pass by itself (nobody
    /// listening, a connection that just died) is tried again with growing pauses, for `open_timeout` in all.
    ///
    /// # Errors
    ///
    /// At once: [`NotAllowed`](NetworkError::NotAllowed), [`NoAddress`](NetworkError::NoAddress),
    /// [`WrongPeer`](NetworkError::WrongPeer), [`NotSupported`](NetworkError::NotSupported),
    /// [`Refused`](NetworkError::Refused), [`Closed`](NetworkError::Closed). When the time is up, the last
    /// failure: [`Unreachable`](NetworkError::Unreachable), [`ConnectionLost`](NetworkError::ConnectionLost),
    /// [`TimedOut`](NetworkError::TimedOut), [`Io`](NetworkError::Io).
    pub async fn open(&self, peer: PeerId, protocol: StreamProtocol) -> Result<Stream, NetworkError> {
        let mut last = NetworkError::TimedOut { peer, after: self.open_timeout };
        let attempts = async {
            let mut pause = FIRST_PAUSE;
            loop {
                match self.attempt(peer, protocol.clone()).await {
                    Err(error) if error.may_pass() => last = error,
                    outcome => return outcome,
                }
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            }
        };
        match timeout(self.open_timeout, attempts).await {
            Ok(outcome) => outcome,
            Err(_) => Err(last),
        }
    }

    /// Measures one round trip to `peer`: 32 random bytes there and back over a stream of their own. Connects first
    /// if need be, which does not count.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; [`NetworkError::Io`] if other bytes came back.
    pub async fn ping(&self, peer: PeerId) -> Result<Duration, NetworkError> {
        let mut stream = self.open(peer, ECHO).await?;
        let sent: [u8; ECHO_LEN] = rand::random();
        let mut received = [0; ECHO_LEN];
        let start = Instant::now();
        let there_and_back = async {
            stream.write_all(&sent).await?;
            stream.flush().await?;
            stream.read_exact(&mut received).await
        };
        match timeout(self.open_timeout, there_and_back).await {
            Err(_) => Err(NetworkError::TimedOut { peer, after: self.open_timeout }),
            Ok(Err(source)) => Err(NetworkError::Io { peer, source }),
            Ok(Ok(_)) if received == sent => Ok(start.elapsed()),
            Ok(Ok(_)) => {
                let source =
                    io::Error::new(io::ErrorKind::InvalidData, "the echo differs from what was sent");
                Err(NetworkError::Io { peer, source })
            }
        }
    }

    /// Stops listening, closes all connections and waits until that is done. Streams still open are cut: whoever
    /// drives them should end first. May be called more than once.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.task.wait().await;
    }

    async fn attempt(&self, peer: PeerId, protocol: StreamProtocol) -> Result<Stream, NetworkError> {
        let (reply, answer) = oneshot::channel();
        self.order(Command::Open { peer, request: Request { protocol, reply } }).await?;
        // A request dropped unanswered went down with its connection.
        answer.await.unwrap_or(Err(NetworkError::ConnectionLost { peer }))
    }

    async fn order(&self, command: Command) -> Result<(), NetworkError> {
        self.commands.send(command).await.map_err(|_| NetworkError::Closed)
    }
}
