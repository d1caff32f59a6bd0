//! The stream handed to the rest of the node.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use libp2p::swarm::Stream as RawStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
};
use tokio_util::{
    compat::{Compat, FuturesAsyncReadCompatExt as _},
    sync::{CancellationToken, WaitForCancellationFutureOwned},
};

/// A full-duplex byte stream to one peer.
///
/// Writing blocks when the peer does not read (about 256 KiB ahead), so both directions must be driven at once: two
/// nodes that both write everything before they read wait for each other for ever.
///
/// End of stream says only that no more bytes come: with Yamux a reset looks the same as an orderly end. A protocol
/// must therefore mark its own last message.
///
/// When this node closes the connection, whatever still waits on the stream fails with
/// [`io::ErrorKind::ConnectionAborted`].
pub struct Stream {
    inner: Compat<RawStream>,
    read_cut: Cut,
    write_cut: Cut,
    /// The peer's place among its inbound streams, free again when the stream is dropped.
    _slot: Option<OwnedSemaphorePermit>,
}

impl Stream {
    /// A stream on the connection whose end cancels `cut`.
    pub(super) fn new(raw: RawStream, cut: &CancellationToken, slot: Option<OwnedSemaphorePermit>) -> Self {
        Self { inner: raw.compat(), read_cut: Cut::new(cut), write_cut: Cut::new(cut), _slot: slot }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").finish_non_exhaustive()
    }
}

/// Wakes one direction of a stream when its connection ends.
///
/// Yamux 0.14 wakes the streams of a connection that the peer closed or that broke, but not of one that this node
/// closes (its `Active::close` forgets them): a pending read would wait for ever. Reading and writing may be driven
/// by different tasks, so each has its own.
struct Cut(Pin<Box<WaitForCancellationFutureOwned>>);

impl Cut {
    fn new(token: &CancellationToken) -> Self {
        Self(Box::pin(token.clone().cancelled_owned()))
    }

    /// What `outcome` is, or an error if it would have to be waited for on a connection that ended.
    fn or<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            return outcome;
        }
        ready!(self.0.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was closed")))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_read(cx, buffer);
        self.read_cut.or(cx, outcome)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.write_cut.or(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_flush(cx);
        self.write_cut.or(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.write_cut.or(cx, outcome)
    }
}
