//! The asker: say how much is there already, and take the rest.

use super::messages::{BYTES, OFFSET};
use crate::{
    exchange::{Exchange, Fault, Frame, Progress, Wants, Warden},
    filter::Summary,
    wire::{Inbox, Outbox},
};

/// Where a filter's bytes go.
pub trait BlobSink: Send {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`Fault::Local`] if they cannot be kept.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault>;
}

/// The asker's machine. Its output is the sink. Whether the bytes match the manifest is for the
/// caller to check when the whole filter is there.
pub struct Asker<S> {
    summary: Summary,
    start: u64,
    sink: S,
    outbox: Outbox<8>,
    inbox: Inbox<1>,
}

impl<S: BlobSink> Asker<S> {
    /// Fetches the filter of `summary` from byte `start` on into `sink`.
    ///
    /// # Errors
    /// [`crate::exchange::Misbehaviour::Filter`] if the summary is not that of any filter,
    /// [`Fault::Misuse`] if `start` is beyond its end.
    pub fn new(summary: Summary, start: u64, sink: S) -> Result<Self, Fault> {
        summary.check()?;
        let left = summary.bytes.checked_sub(start).ok_or(Fault::Misuse("an offset beyond the filter"))?;
        let mut outbox = Outbox::new(OFFSET, 1);
        outbox.push(&[start.to_be_bytes()])?;
        Ok(Self { summary, start, sink, outbox, inbox: Inbox::new(BYTES, left) })
    }
}

impl<S: BlobSink> Exchange for Asker<S> {
    type Output = S;

    fn wants(&self) -> Wants {
        let done = self.inbox.complete();
        Wants { send: self.outbox.ready(), receive: !done, done, ..Wants::default() }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        self.outbox.frame()
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        let bytes = self.inbox.open(&frame)?;
        self.sink.write(bytes.as_flattened())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        Err(Fault::Misuse("nothing to compute"))
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("the asker discloses nothing"))
    }

    fn progress(&self) -> Progress {
        let done = self.start.saturating_add(self.inbox.taken());
        Progress { phase: "snapshot", done, total: self.summary.bytes }
    }

    fn finish(self: Box<Self>) -> Result<S, Fault> {
        if self.inbox.complete() { Ok(self.sink) } else { Err(Fault::Misuse("the exchange is not over")) }
    }
}
