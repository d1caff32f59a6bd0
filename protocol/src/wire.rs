//! Messages as counted runs of fixed-size items, cut into frames.
//!
//! The number of items of every message is known before its first frame comes, from the agreement,
//! the session's opening words or an earlier message, so a peer can never make us allocate for more.
#![deny(clippy::arithmetic_side_effects)]

use crate::exchange::{FRAME_LIMIT, Fault, Frame, Misbehaviour};

mod blob;

pub use blob::{BlobIn, BlobOut};

/// The kind of a message: items of `SIZE` bytes each.
#[derive(Clone, Copy, Debug)]
pub struct Message<const SIZE: usize> {
    /// Tag of its frames; unique within a protocol.
    pub tag: u8,
    /// Name for error messages.
    pub name: &'static str,
}

impl<const SIZE: usize> Message<SIZE> {
    /// Items that fit a frame.
    pub const PER_FRAME: usize = match FRAME_LIMIT.checked_div(SIZE) {
        Some(items) => items,
        None => 0,
    };
}

/// Items of one message on their way out.
pub struct Outbox<const SIZE: usize> {
    message: Message<SIZE>,
    expected: u64,
    sent: u64,
    queue: Vec<u8>,
    complete: bool,
}

/// Shows how far it is: the items may be secret.
impl<const SIZE: usize> std::fmt::Debug for Outbox<SIZE> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outbox {{ {}: {} of {} }}", self.message.name, self.sent, self.expected)
    }
}

impl<const SIZE: usize> Outbox<SIZE> {
    /// An outbox for a message of exactly `expected` items. A message of no items is one empty frame.
    pub fn new(message: Message<SIZE>, expected: u64) -> Self {
        Self { message, expected, sent: 0, queue: Vec::new(), complete: false }
    }

    /// How many more items fit before a frame has to be taken.
    pub fn room(&self) -> usize {
        Message::<SIZE>::PER_FRAME.saturating_sub(self.queued())
    }

    fn queued(&self) -> usize {
        self.queue.len().checked_div(SIZE).unwrap_or(0)
    }

    /// Items pushed so far.
    pub fn pushed(&self) -> u64 {
        self.sent.saturating_add(self.queued() as u64)
    }

    /// Items taken so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether every item has been pushed.
    pub fn filled(&self) -> bool {
        self.pushed() == self.expected
    }

    /// Adds items.
    ///
    /// # Errors
    /// [`Fault::Misuse`] beyond [`room`](Self::room) or the announced number.
    pub fn push(&mut self, items: &[[u8; SIZE]]) -> Result<(), Fault> {
        if items.len() > self.room() || self.pushed().saturating_add(items.len() as u64) > self.expected {
            return Err(Fault::Misuse("outbox overflow"));
        }
        self.queue.extend_from_slice(items.as_flattened());
        Ok(())
    }

    /// Whether a full frame, or the last one, can be taken.
    pub fn ready(&self) -> bool {
        !self.complete && (self.filled() || self.room() == 0)
    }

    /// Whether the last frame has been taken.
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Takes a frame.
    ///
    /// # Errors
    /// [`Fault::Misuse`] if none is [`ready`](Self::ready).
    pub fn frame(&mut self) -> Result<Frame, Fault> {
        if !self.ready() {
            return Err(Fault::Misuse("no frame is ready"));
        }
        self.sent = self.pushed();
        self.complete = self.sent == self.expected;
        Ok(Frame { tag: self.message.tag, last: self.complete, body: std::mem::take(&mut self.queue) })
    }
}

/// Items of one message on their way in.
#[derive(Debug)]
pub struct Inbox<const SIZE: usize> {
    message: Message<SIZE>,
    expected: u64,
    taken: u64,
    complete: bool,
}

impl<const SIZE: usize> Inbox<SIZE> {
    /// An inbox for a message of exactly `expected` items.
    pub fn new(message: Message<SIZE>, expected: u64) -> Self {
        Self { message, expected, taken: 0, complete: false }
    }

    /// Items announced.
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// Items taken so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the last frame has come.
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Checks tag, length, number and last flag of a frame; only then shows its items.
    ///
    /// Frames must be as full as an [`Outbox`] makes them, so that a message has one encoding and a
    /// peer cannot keep us busy with empty frames.
    ///
    /// # Errors
    /// [`Fault::PeerMisbehaved`] with what is wrong.
    pub fn open<'f>(&mut self, frame: &'f Frame) -> Result<&'f [[u8; SIZE]], Fault> {
        if frame.tag != self.message.tag {
            return Err(Misbehaviour::Tag { expected: self.message.name, found: frame.tag }.into());
        }
        if self.complete {
            return Err(Misbehaviour::Order.into());
        }
        let (items, rest) = frame.body.as_chunks::<SIZE>();
        if !rest.is_empty() || items.len() > Message::<SIZE>::PER_FRAME {
            return Err(Misbehaviour::Length.into());
        }
        let taken = self.taken.saturating_add(items.len() as u64);
        if taken > self.expected {
            return Err(Misbehaviour::Count.into());
        }
        let complete = taken == self.expected;
        if frame.last != complete {
            return Err(if frame.last { Misbehaviour::Count } else { Misbehaviour::Last }.into());
        }
        if !complete && items.len() != Message::<SIZE>::PER_FRAME {
            return Err(Misbehaviour::Length.into());
        }
        self.taken = taken;
        self.complete = complete;
        Ok(items)
    }
}

#[cfg(test)]
mod tests;
