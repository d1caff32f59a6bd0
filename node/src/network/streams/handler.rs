//! One connection's part of the stream behaviour.

use std::{
    collections::VecDeque,
    io,
    task::{Context, Poll},
    time::Duration,
};

use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, StreamUpgradeError, SubstreamProtocol,
    handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedOutbound, ListenUpgradeError},
};
use tokio_util::sync::DropGuard;

use super::{
    Request,
    admission::{Admission, Entry, NotAdmitted},
};
use crate::network::NetworkError;

/// Tells the behaviour that the peer left a stream request unanswered on this connection.
#[derive(Debug)]
pub(in crate::network) struct Stalled;

/// Opens the streams asked for and lets [`Admission`] answer the peer's.
pub(in crate::network) struct Handler {
    admission: Admission,
    negotiation_timeout: Duration,
    requests: VecDeque<Request>,
    stalled: bool,
    /// The handler goes when the connection goes, however that comes about.
    _cut: DropGuard,
}

impl Handler {
    pub(super) fn new(admission: Admission, negotiation_timeout: Duration) -> Self {
        let _cut = admission.cut.clone().drop_guard();
        Self { admission, negotiation_timeout, requests: VecDeque::new(), stalled: false, _cut }
    }

    fn failed(&mut self, request: Request, error: StreamUpgradeError<NotAdmitted>) {
        let (peer, protocol) = (self.admission.peer, request.protocol);
        let error = match error {
            StreamUpgradeError::Timeout => {
                self.stalled = true;
                NetworkError::TimedOut { peer, after: self.negotiation_timeout }
            }
            StreamUpgradeError::NegotiationFailed => NetworkError::NotSupported { peer, protocol },
            StreamUpgradeError::Apply(NotAdmitted::Refused(refusal)) => {
                NetworkError::Refused { peer, protocol, refusal }
            }
            StreamUpgradeError::Apply(NotAdmitted::Io(source)) | StreamUpgradeError::Io(source) => {
                lost_or_io(peer, source)
            }
        };
        // Whoever asked may have given up; then nobody needs the answer.
        let _ = request.reply.send(Err(error));
    }
}

/// An end of stream before the peer's answer means that the connection or the stream was cut.
fn lost_or_io(peer: libp2p::PeerId, source: io::Error) -> NetworkError {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof, WriteZero};
    match source.kind() {
        UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe | WriteZero => {
            NetworkError::ConnectionLost { peer }
        }
        _ => NetworkError::Io { peer, source },
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Request;
    type ToBehaviour = Stalled;
    type InboundProtocol = Admission;
    type OutboundProtocol = Entry;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Request;

    fn listen_protocol(&self) -> SubstreamProtocol<Admission> {
        SubstreamProtocol::new(self.admission.clone(), ()).with_timeout(self.negotiation_timeout)
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Entry, Request, Stalled>> {
        if std::mem::take(&mut self.stalled) {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Stalled));
        }
        while let Some(request) = self.requests.pop_front() {
            // The one who asked may have given up meanwhile.
            if !request.reply.is_closed() {
                let cut = self.admission.cut.clone();
                let entry = Entry { protocol: request.protocol.clone(), cut };
                let protocol = SubstreamProtocol::new(entry, request).with_timeout(self.negotiation_timeout);
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
            }
        }
        Poll::Pending
    }

    // No waker is kept: the connection's task polls the handler after each event.
    fn on_behaviour_event(&mut self, request: Request) {
        self.requests.push_back(request);
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<Admission, Entry, (), Request>) {
        match event {
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound { protocol, info }) => {
                // A stream nobody waits for any more is dropped, which resets it.
                let _ = info.reply.send(Ok(protocol));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => self.failed(info, error),
            ConnectionEvent::ListenUpgradeError(ListenUpgradeError {
                error: NotAdmitted::Refused(refusal),
                ..
            }) => {
                metrics::counter!("symbolon_streams_refused_total", "reason" => refusal.label()).increment(1);
                tracing::warn!(peer = %self.admission.peer, reason = %refusal.label(), "inbound stream refused");
            }
            // A peer that goes away in the middle of opening is not worth more than a trace.
            ConnectionEvent::ListenUpgradeError(ListenUpgradeError {
                error: NotAdmitted::Io(error), ..
            }) => {
                tracing::debug!(peer = %self.admission.peer, %error, "inbound stream broke off");
            }
            _ => {}
        }
    }
}
