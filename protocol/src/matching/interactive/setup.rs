//! The setup: both sides name the keys. There are none: everything that is secret is made for each run.

use sha2::{Digest, Sha256};

use super::messages::{OURS, THEIRS};
use crate::{
    exchange::{Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden},
    seed::Seed,
    wire::{Inbox, Outbox},
};

/// Either side of the setup. The asker speaks first.
pub(super) struct Naming {
    asker: bool,
    own: [u8; 32],
    other: Option<[u8; 32]>,
    outbox: Outbox<32>,
    inbox: Inbox<32>,
}

impl Naming {
    pub(super) fn new(asker: bool, seed: &Seed) -> Result<Self, Fault> {
        let own = seed.stream("interactive/name").bytes();
        let (sent, received) = if asker { (OURS, THEIRS) } else { (THEIRS, OURS) };
        let mut outbox = Outbox::new(sent, 1);
        outbox.push(&[own])?;
        Ok(Self { asker, own, other: None, outbox, inbox: Inbox::new(received, 1) })
    }
}

impl Exchange for Naming {
    type Output = Vec<u8>;

    fn wants(&self) -> Wants {
        let (sent, received) = (self.outbox.complete(), self.other.is_some());
        Wants {
            send: !sent && (self.asker || received),
            receive: !received && (sent || !self.asker),
            done: sent && received,
            ..Wants::default()
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        if self.wants().send { self.outbox.frame() } else { Err(Fault::Misuse("no frame is ready")) }
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        if !self.wants().receive {
            return Err(Misbehaviour::Order.into());
        }
        if let [other] = self.inbox.open(&frame)? {
            self.other = Some(*other);
        }
        Ok(())
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        Err(Fault::Misuse("nothing to compute"))
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("no verdict is due"))
    }

    fn progress(&self) -> Progress {
        Progress { phase: "set up", done: u64::from(self.wants().done), total: 1 }
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, Fault> {
        let other = self.other.filter(|_| self.outbox.complete()).ok_or(Fault::Misuse("not over"))?;
        let (first, second) = if self.asker { (self.own, other) } else { (other, self.own) };
        let mut hash = Sha256::new();
        hash.update(b"symbolon/interactive/name/1\0");
        hash.update(first);
        hash.update(second);
        Ok(hash.finalize().to_vec())
    }
}
