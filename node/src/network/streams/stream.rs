//! The stream handed to the rest of the node.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use libp2p::swarm::Stream as RawStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt as _};

/// A full-duplex byte stream to one peer.
///
/// Writing blocks when the peer does not read (about 256 KiB ahead), so both directions must be driven at once: two
/// nodes that both write everything before they read wait for each other for ever.
///
/// End of stream says only that no more bytes come: with Yamux a reset looks the same as an orderly end. A protocol
/// must therefore mark its own last message.
#[derive(Debug)]
pub struct Stream {
    inner: Compat<RawStream>,
    /// The peer's place among its inbound streams, free again when the stream is dropped.
    _slot: Option<OwnedSemaphorePermit>,
}

impl Stream {
    pub(super) fn inbound(raw: RawStream, slot: OwnedSemaphorePermit) -> Self {
        Self { inner: raw.compat(), _slot: Some(slot) }
    }

    pub(super) fn outbound(raw: RawStream) -> Self {
        Self { inner: raw.compat(), _slot: None }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
