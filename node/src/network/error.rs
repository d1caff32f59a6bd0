//! Everything that can go wrong between two nodes, below the protocols.

use std::{error::Error, fmt::Write as _, io, time::Duration};

use libp2p::{Multiaddr, PeerId, StreamProtocol, multiaddr::Protocol, swarm::DialError};

use super::streams::Refusal;

/// Why the network could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The transports could not be set up.
    #[error("the network could not start: {0}")]
    Start(String),
    /// The node cannot listen on one of its configured addresses.
    #[error("cannot listen on {address}: {cause}; free the address or configure another")]
    Listen {
        /// The configured address.
        address: Multiaddr,
        /// What the operating system or the transport said.
        cause: String,
    },
    /// The peer is not on the allow list, which is made from the signed agreements.
    #[error("peer {peer} is not allowed: no agreement in force names it")]
    NotAllowed {
        /// The peer asked for.
        peer: PeerId,
    },
    /// The peer is allowed, but not connected, and no address of it is known.
    #[error("peer {peer} is not connected and has no known address")]
    NoAddress {
        /// The peer asked for.
        peer: PeerId,
    },
    /// An address given for a peer ends in another peer's id.
    #[error("address {address} is given for peer {peer} but names another peer")]
    ForeignAddress {
        /// The peer to be allowed.
        peer: PeerId,
        /// The address as given.
        address: Multiaddr,
    },
    /// Somebody answered, but proved to be somebody else. Not retried.
    #[error("{address} is served by peer {found}, not by the expected peer {expected}")]
    WrongPeer {
        /// The peer asked for.
        expected: PeerId,
        /// The peer that answered (boxed to keep the error small).
        found: Box<PeerId>,
        /// Where it answered.
        address: Multiaddr,
    },
    /// No connection could be made.
    #[error("peer {peer} cannot be reached: {cause}")]
    Unreachable {
        /// The peer asked for.
        peer: PeerId,
        /// Every address tried, with its failure.
        cause: String,
    },
    /// The peer does not serve this protocol. Not retried.
    #[error("peer {peer} does not support {protocol}")]
    NotSupported {
        /// The peer asked for.
        peer: PeerId,
        /// The protocol asked for.
        protocol: StreamProtocol,
    },
    /// The peer serves the protocol but did not take the stream. Not retried here: the caller may.
    #[error("peer {peer} refused a stream for {protocol}: {refusal}; try again later")]
    Refused {
        /// The peer asked for.
        peer: PeerId,
        /// The protocol asked for.
        protocol: StreamProtocol,
        /// The reason the peer gave.
        refusal: Refusal,
    },
    /// The connection ended before the stream was accepted: the link broke, or the peer does not allow this node.
    #[error("peer {peer} closed the connection before it accepted the stream; it may not allow this node")]
    ConnectionLost {
        /// The peer asked for.
        peer: PeerId,
    },
    /// The peer did not answer in time.
    #[error("peer {peer} did not answer within {} ms", after.as_millis())]
    TimedOut {
        /// The peer asked for.
        peer: PeerId,
        /// How long it was waited for.
        after: Duration,
    },
    /// Reading or writing failed.
    #[error("exchange of bytes with peer {peer} failed: {source}")]
    Io {
        /// The peer at the other end.
        peer: PeerId,
        /// What failed.
        source: io::Error,
    },
    /// This node's network was shut down.
    #[error("the network of this node is shut down")]
    Closed,
}

impl NetworkError {
    /// Whether another attempt a moment later may succeed without anybody changing anything.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::ConnectionLost { .. } | Self::TimedOut { .. } | Self::Io { .. }
        )
    }

    /// The error of a failed attempt to connect to `peer`.
    pub(super) fn from_dial(peer: PeerId, error: &DialError) -> Self {
        let cause = match error {
            DialError::WrongPeerId { obtained, address } => {
                return Self::WrongPeer {
                    expected: peer,
                    found: Box::new(*obtained),
                    address: address.clone(),
                };
            }
            DialError::NoAddresses => "all its addresses are this node's own".to_owned(),
            DialError::LocalPeerId { address } => format!("{address} is this node itself"),
            DialError::Transport(attempts) => {
                let attempts: Vec<_> = attempts
                    .iter()
                    .map(|(address, error)| format!("{}: {}", place(address), chain(error)))
                    .collect();
                attempts.join("; ")
            }
            other => chain(other),
        };
        Self::Unreachable { peer, cause }
    }
}

/// An address without the peer, which the error names already.
fn place(address: &Multiaddr) -> Multiaddr {
    address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}

/// An error with all its causes on one line. Causes that say nothing, or only repeat what was said, are left out.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if text.is_empty() {
            text = said;
        } else if !text.contains(&said) {
            let _ = write!(text, ": {said}");
        }
        source = cause.source();
    }
    text
}
