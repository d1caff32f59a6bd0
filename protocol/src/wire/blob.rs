//! One message of bytes: sent and received in frames. They may be what is opened, so they are wiped, and not shown.

use std::fmt;

use zeroize::Zeroizing;

use super::{Inbox, Message, Outbox};
use crate::exchange::{Fault, Frame};

/// Bytes on their way out.
pub struct BlobOut {
    bytes: Zeroizing<Vec<u8>>,
    outbox: Outbox<1>,
}

impl fmt::Debug for BlobOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobOut {{ {} of {} bytes }}", self.outbox.sent(), self.bytes.len())
    }
}

impl BlobOut {
    /// Sends `bytes` as one message.
    pub fn new(message: Message<1>, bytes: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        let bytes = bytes.into();
        let outbox = Outbox::new(message, bytes.len() as u64);
        Self { bytes, outbox }
    }

    /// Whether the last frame has been taken.
    pub fn complete(&self) -> bool {
        self.outbox.complete()
    }

    /// Takes the next frame; one is ready until the last has been taken.
    ///
    /// # Errors
    /// [`Fault::Misuse`] after the last.
    pub fn frame(&mut self) -> Result<Frame, Fault> {
        let start = usize::try_from(self.outbox.pushed()).unwrap_or(usize::MAX);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let next = rest.get(..self.outbox.room()).unwrap_or(rest);
        self.outbox.push(next.as_chunks::<1>().0)?;
        self.outbox.frame()
    }
}

/// Bytes on their way in.
pub struct BlobIn {
    bytes: Zeroizing<Vec<u8>>,
    inbox: Inbox<1>,
}

impl fmt::Debug for BlobIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobIn {{ {} of {} bytes }}", self.inbox.taken(), self.inbox.expected())
    }
}

impl BlobIn {
    /// Receives exactly `length` bytes. Memory grows with what has come, not with what was announced.
    pub fn new(message: Message<1>, length: u64) -> Self {
        Self { bytes: Zeroizing::default(), inbox: Inbox::new(message, length) }
    }

    /// Whether the last frame has come.
    pub fn complete(&self) -> bool {
        self.inbox.complete()
    }

    /// Takes a frame.
    ///
    /// # Errors
    /// As [`Inbox::open`].
    pub fn consume(&mut self, frame: &Frame) -> Result<(), Fault> {
        let more = self.inbox.open(frame)?.as_flattened();
        let length = self.bytes.len().saturating_add(more.len());
        if length > self.bytes.capacity() {
            // Grown by hand: a vector that grows by itself leaves what it had behind, not wiped.
            let doubled = self.bytes.capacity().saturating_mul(2).max(length);
            let most = usize::try_from(self.inbox.expected()).unwrap_or(usize::MAX);
            let mut grown = Zeroizing::new(Vec::with_capacity(doubled.min(most)));
            grown.extend_from_slice(&self.bytes);
            self.bytes = grown;
        }
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    /// Gives what has come so far away.
    pub fn take(&mut self) -> Zeroizing<Vec<u8>> {
        std::mem::take(&mut self.bytes)
    }

    /// What has come so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
