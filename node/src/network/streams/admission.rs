//! The first byte of a stream: the listener says whether it takes it.
//!
//! Listener → opener, one byte: `1` taken, otherwise a [`Refusal`]. Before the byte is sent, the listener has set aside
//! a place among the peer's streams and a place in the inbound queue, so a stream that was promised is never dropped.

use std::{fmt, io, sync::Arc};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, FutureExt as _, future::BoxFuture};
use libp2p::{
    InboundUpgrade, OutboundUpgrade, PeerId, StreamProtocol, core::UpgradeInfo, swarm::Stream as RawStream,
};
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, OwnedPermit, error::TrySendError},
};
use tokio_util::sync::CancellationToken;

use super::{Inbound, Stream};

/// Gives back [`ECHO_LEN`] bytes; how [`Network::ping`](crate::network::Network::ping) measures a round trip.
pub(in crate::network) const ECHO: StreamProtocol = StreamProtocol::new("/symbolon/echo/1");
/// Length of the echoed message, in bytes.
pub(in crate::network) const ECHO_LEN: usize = 32;

const TAKEN: u8 = 1;

/// Why a listener did not take a stream of a protocol it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Its queue of streams waiting to be served is full.
    QueueFull,
    /// This peer already holds as many streams as it may.
    TooManyStreams,
    /// It no longer serves streams.
    Stopping,
    /// It gave a reason this version does not know.
    Unknown(u8),
}

impl Refusal {
    fn code(self) -> u8 {
        match self {
            Self::QueueFull => 2,
            Self::TooManyStreams => 3,
            Self::Stopping => 4,
            Self::Unknown(code) => code,
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            2 => Self::QueueFull,
            3 => Self::TooManyStreams,
            4 => Self::Stopping,
            other => Self::Unknown(other),
        }
    }

    /// Label for metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TooManyStreams => "too_many_streams",
            Self::Stopping => "stopping",
            Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QueueFull => f.write_str("its queue of waiting streams is full"),
            Self::TooManyStreams => f.write_str("this node holds too many streams there"),
            Self::Stopping => f.write_str("it is shutting down"),
            Self::Unknown(code) => write!(f, "reason code {code}"),
        }
    }
}

/// How an admission ended without a stream.
#[derive(Debug)]
pub(in crate::network) enum NotAdmitted {
    /// The listener said no.
    Refused(Refusal),
    /// The byte did not get through.
    Io(io::Error),
}

impl From<io::Error> for NotAdmitted {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// The listener's side, for one connection.
#[derive(Clone)]
pub(in crate::network) struct Admission {
    pub(super) peer: PeerId,
    pub(super) protocols: Arc<[StreamProtocol]>,
    pub(super) queue: mpsc::Sender<Inbound>,
    pub(super) slots: Arc<Semaphore>,
    /// Cancelled when the connection ends.
    pub(super) cut: CancellationToken,
}

impl Admission {
    /// Sets aside a place among the peer's streams and one in the queue.
    fn reserve(&self) -> Result<(OwnedSemaphorePermit, OwnedPermit<Inbound>), Refusal> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| Refusal::TooManyStreams)?;
        let place = self.queue.clone().try_reserve_owned().map_err(|error| match error {
            TrySendError::Full(_) => Refusal::QueueFull,
            TrySendError::Closed(_) => Refusal::Stopping,
        })?;
        Ok((slot, place))
    }

    async fn admit(self, mut raw: RawStream, protocol: StreamProtocol) -> Result<(), NotAdmitted> {
        if protocol == ECHO {
            return echo(raw).await.map_err(NotAdmitted::Io);
        }
        match self.reserve() {
            Ok((slot, place)) => {
                raw.write_all(&[TAKEN]).await?;
                raw.flush().await?;
                let stream = Stream::new(raw, &self.cut, Some(slot));
                place.send(Inbound { peer: self.peer, protocol, stream });
                Ok(())
            }
            Err(refusal) => {
                raw.write_all(&[refusal.code()]).await?;
                raw.close().await?;
                Err(NotAdmitted::Refused(refusal))
            }
        }
    }
}

/// Serves one echo, within the time a negotiation may take and without a place in the queue.
async fn echo(mut raw: RawStream) -> io::Result<()> {
    raw.write_all(&[TAKEN]).await?;
    raw.flush().await?;
    let mut message = [0; ECHO_LEN];
    raw.read_exact(&mut message).await?;
    raw.write_all(&message).await?;
    raw.close().await
}

impl UpgradeInfo for Admission {
    type Info = StreamProtocol;
    type InfoIter = Vec<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.protocols.to_vec()
    }
}

impl InboundUpgrade<RawStream> for Admission {
    type Output = ();
    type Error = NotAdmitted;
    type Future = BoxFuture<'static, Result<(), NotAdmitted>>;

    fn upgrade_inbound(self, raw: RawStream, protocol: StreamProtocol) -> Self::Future {
        self.admit(raw, protocol).boxed()
    }
}

/// The opener's side, for one stream.
pub(in crate::network) struct Entry {
    pub(super) protocol: StreamProtocol,
    /// Cancelled when the connection ends.
    pub(super) cut: CancellationToken,
}

impl UpgradeInfo for Entry {
    type Info = StreamProtocol;
    type InfoIter = std::iter::Once<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        std::iter::once(self.protocol.clone())
    }
}

impl OutboundUpgrade<RawStream> for Entry {
    type Output = Stream;
    type Error = NotAdmitted;
    type Future = BoxFuture<'static, Result<Stream, NotAdmitted>>;

    fn upgrade_outbound(self, mut raw: RawStream, _: StreamProtocol) -> Self::Future {
        async move {
            let mut answer = [0];
            raw.read_exact(&mut answer).await?;
            match answer {
                [TAKEN] => Ok(Stream::new(raw, &self.cut, None)),
                [code] => Err(NotAdmitted::Refused(Refusal::from_code(code))),
            }
        }
        .boxed()
    }
}
