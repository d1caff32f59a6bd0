//! Sessions: what two nodes say to each other on one stream.
//!
//! Every session is a row of frames. Words (frames with a tag of their own, canonical CBOR) open and
//! close it; the frames of the exchange stand between. The asker opens with its signed query; the
//! holder admits or refuses; the exchange runs; both sign the receipt; each journals it. A session
//! that breaks off can be repeated: the query's id makes it the same query.

pub(crate) mod asker;
mod channel;
pub(crate) mod claim;
pub(crate) mod courier;
mod drive;
pub(crate) mod fetch;
pub(crate) mod holder;
pub(crate) mod keys;
pub(crate) mod matching;
pub(crate) mod prepare;
pub(crate) mod sync;
mod words;

use libp2p::StreamProtocol;
use symbolon_policy::permit::{Refusal, RefusalCode};
use symbolon_protocol::exchange::Fault;

use crate::{
    book::Failed,
    control::api::{Failure, FailureKind},
    network::NetworkError,
};

pub(crate) use channel::{Channel, Patience, Tap};

/// Exact intersection.
pub(crate) const EXACT: StreamProtocol = StreamProtocol::new("/symbolon/exact/1");
/// Counts.
pub(crate) const COUNT: StreamProtocol = StreamProtocol::new("/symbolon/count/1");
/// The match.
pub(crate) const MATCH: StreamProtocol = StreamProtocol::new("/symbolon/match/1");
/// Setting up evaluation keys for the match.
pub(crate) const KEYS: StreamProtocol = StreamProtocol::new("/symbolon/keys/1");
/// Work ahead of a match.
pub(crate) const PREPARE: StreamProtocol = StreamProtocol::new("/symbolon/prepare/1");
/// Claims after a hit.
pub(crate) const CLAIM: StreamProtocol = StreamProtocol::new("/symbolon/claim/1");
/// Transfer of snapshots.
pub(crate) const SNAPSHOT: StreamProtocol = StreamProtocol::new("/symbolon/snapshot/1");
/// Exchange of checkpoints and open receipts.
pub(crate) const JOURNAL: StreamProtocol = StreamProtocol::new("/symbolon/journal/1");

/// Why a session ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    /// The stream broke, or could not be opened.
    #[error("the connection failed: {0}")]
    Connection(String),
    /// The partner said nothing for too long.
    #[error("the partner said nothing for {0} s")]
    Silent(u64),
    /// The session took longer than the settings allow, with a partner that showed signs of life.
    #[error(
        "the session took longer than {0} s, the longest that this node allows; see `session_limit_secs`"
    )]
    TooLong(u64),
    /// Whoever wanted the answer no longer waits.
    #[error("it was stopped by whoever asked; what it cost stays spent")]
    Stopped,
    /// The frames of a file are over.
    #[error("the file ends before the exchange does")]
    Ended,
    /// The session broke off when the partner knew already that its check passed. It may have tested a guess by it, and
    /// would test another with each run.
    #[error(
        "{0}; the partner knew by then that a check had passed, so this node does not try again by itself: a partner that \
         cheats tests one guess about the probe with each run"
    )]
    Tested(String),
    /// The partner broke the protocol.
    #[error("the partner broke the protocol: {0}")]
    Misbehaved(String),
    /// One of the two nodes refused.
    #[error("refused: {}", refusal.text)]
    Refused {
        /// Why.
        refusal: Refusal,
        /// Whether it was this node.
        here: bool,
    },
    /// This node could not go on.
    #[error("{0}")]
    Local(Failure),
}

impl SessionError {
    /// Whether trying again may help.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Connection(_) | Self::Silent(_) => true,
            Self::Refused { refusal, here: false } => refusal.code == RefusalCode::Busy,
            _ => false,
        }
    }

    /// What is journalled of a query that ended so.
    pub(crate) fn failed(&self) -> Failed {
        let always = matches!(self, Self::Misbehaved(_) | Self::Tested(_));
        Failed { partner_at_fault: self.partner_at_fault(), always, reason: self.to_string() }
    }

    /// Whether the partner is to blame.
    pub(crate) fn partner_at_fault(&self) -> bool {
        matches!(self, Self::Misbehaved(_))
    }

    pub(crate) fn refused_here(refusal: Refusal) -> Self {
        Self::Refused { refusal, here: true }
    }
}

impl From<Fault> for SessionError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::PeerMisbehaved(what) => Self::Misbehaved(what.to_string()),
            other => Self::Local(Failure::local(other.to_string())),
        }
    }
}

impl From<Failure> for SessionError {
    fn from(failure: Failure) -> Self {
        Self::Local(failure)
    }
}

impl From<NetworkError> for SessionError {
    fn from(error: NetworkError) -> Self {
        Self::Connection(error.to_string())
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Local(failure) => failure,
            SessionError::Stopped => Self::local(error.to_string()),
            SessionError::Refused { refusal, .. } => Self::new(FailureKind::Refused, refusal.text),
            other => Self::partner(other.to_string()),
        }
    }
}
