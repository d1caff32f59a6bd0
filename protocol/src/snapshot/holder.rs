//! The holder: send the filter from the offset on.

use super::messages::{BYTES, OFFSET};
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden, released},
    filter::Summary,
    wire::{Inbox, Outbox},
};

/// Where a filter's bytes come from.
pub trait BlobSource: Send {
    /// Up to `limit` bytes from `offset` on; fewer only at the end.
    ///
    /// # Errors
    /// [`Fault::Local`] if they cannot be read.
    fn read(&mut self, offset: u64, limit: usize) -> Result<Vec<u8>, Fault>;
}

/// The holder's machine. Its output is the number of bytes sent. It holds one frame at a time.
pub struct Holder<S> {
    summary: Summary,
    source: S,
    inbox: Inbox<8>,
    start: u64,
    released: bool,
    outbox: Option<Outbox<1>>,
}

impl<S: BlobSource> Holder<S> {
    /// Sends the filter of `summary` out of `source`.
    pub fn new(summary: Summary, source: S) -> Self {
        Self { summary, source, inbox: Inbox::new(OFFSET, 1), start: 0, released: false, outbox: None }
    }
}

impl<S: BlobSource> Exchange for Holder<S> {
    type Output = u64;

    fn wants(&self) -> Wants {
        let outbox = self.outbox.as_ref();
        Wants {
            receive: !self.inbox.complete(),
            verdict: self.inbox.complete() && !self.released,
            compute: self.released && outbox.is_none_or(|o| !o.filled() && o.room() > 0),
            send: outbox.is_some_and(Outbox::ready),
            done: outbox.is_some_and(Outbox::complete),
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        self.outbox.as_mut().ok_or(Fault::Misuse("nothing is released"))?.frame()
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        if let [offset] = self.inbox.open(&frame)? {
            self.start = u64::from_be_bytes(*offset);
        }
        if self.start > self.summary.bytes {
            return Err(Misbehaviour::Length.into());
        }
        Ok(())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        if !self.released {
            return Err(Fault::Misuse("nothing is released"));
        }
        let left = self.summary.bytes.saturating_sub(self.start);
        let outbox = self.outbox.get_or_insert_with(|| Outbox::new(BYTES, left));
        let offset = self.start.saturating_add(outbox.pushed());
        let limit =
            outbox.room().min(usize::try_from(self.summary.bytes.saturating_sub(offset)).unwrap_or(0));
        let bytes = self.source.read(offset, limit)?;
        if bytes.len() != limit {
            return Err(Fault::Local("the snapshot's file is shorter than its manifest says".into()));
        }
        outbox.push(bytes.as_chunks().0)
    }

    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
        if !self.wants().verdict {
            return Err(Fault::Misuse("no verdict is due"));
        }
        let bytes = self.summary.bytes.saturating_sub(self.start);
        self.released = released(warden, &Disclosure::Snapshot { entries: self.summary.entries, bytes })?;
        Ok(())
    }

    fn progress(&self) -> Progress {
        let sent = self.outbox.as_ref().map_or(0, Outbox::sent);
        Progress { phase: "snapshot", done: self.start.saturating_add(sent), total: self.summary.bytes }
    }

    fn finish(self: Box<Self>) -> Result<u64, Fault> {
        match &self.outbox {
            Some(outbox) if outbox.complete() => Ok(outbox.sent()),
            _ => Err(Fault::Misuse("the exchange is not over")),
        }
    }
}
