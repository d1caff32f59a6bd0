//! One message of bytes: sent and received in frames.

use super::{Inbox, Message, Outbox};
use crate::exchange::{Fault, Frame};

/// Bytes on their way out.
#[derive(Debug)]
pub struct BlobOut {
    bytes: Vec<u8>,
    outbox: Outbox<1>,
}

impl BlobOut {
    /// Sends `bytes` as one message.
    pub fn new(message: Message<1>, bytes: Vec<u8>) -> Self {
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
#[derive(Debug)]
pub struct BlobIn {
    bytes: Vec<u8>,
    inbox: Inbox<1>,
}

impl BlobIn {
    /// Receives exactly `length` bytes. Memory grows with what has come, not with what was announced.
    pub fn new(message: Message<1>, length: u64) -> Self {
        Self { bytes: Vec::new(), inbox: Inbox::new(message, length) }
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
        self.bytes.extend_from_slice(self.inbox.open(frame)?.as_flattened());
        Ok(())
    }

    /// What has come so far.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
