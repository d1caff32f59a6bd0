//! An exchange under a permit.

use symbolon_protocol::{
    exchange::{Boxed, Disclosure, Fault, Frame, Progress, Verdict, Wants, Warden},
    transcript::{Role, Transcript},
};

use super::Paid;
use crate::words::Digest;

impl Paid {
    /// Builds the exchange and puts it under this permit. `opening` are the words both ends agreed
    /// on before the first frame; they open the transcript.
    ///
    /// # Errors
    /// The [`Fault`] of `build`.
    pub fn open<T: Send>(
        self,
        role: Role,
        opening: &[&[u8]],
        build: impl FnOnce() -> Result<Boxed<T>, Fault>,
    ) -> Result<Guarded<T>, Fault> {
        let exchange = build()?;
        Ok(Guarded { exchange, paid: self, role, transcript: Transcript::new(opening) })
    }
}

impl Warden for Paid {
    fn judge(&mut self, disclosure: &Disclosure) -> Verdict {
        if self.grant.covers(disclosure) { Verdict::Release } else { Verdict::Refuse }
    }
}

/// An exchange that discloses only what its permit allows, and keeps its transcript. Drivers take
/// nothing else.
pub struct Guarded<T> {
    exchange: Boxed<T>,
    paid: Paid,
    role: Role,
    transcript: Transcript,
}

impl<T: Send> Guarded<T> {
    /// See [`symbolon_protocol::exchange::Exchange::wants`].
    pub fn wants(&self) -> Wants {
        self.exchange.wants()
    }

    /// Takes the next frame to send, into the transcript.
    ///
    /// # Errors
    /// See [`symbolon_protocol::exchange::Exchange::produce`].
    pub fn produce(&mut self) -> Result<Frame, Fault> {
        let frame = self.exchange.produce()?;
        self.transcript.add(self.role, &frame);
        Ok(frame)
    }

    /// Gives a frame that the peer sent, into the transcript.
    ///
    /// # Errors
    /// See [`symbolon_protocol::exchange::Exchange::consume`].
    pub fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        let sender = match self.role {
            Role::Asker => Role::Holder,
            Role::Holder => Role::Asker,
        };
        self.transcript.add(sender, &frame);
        self.exchange.consume(frame)
    }

    /// See [`symbolon_protocol::exchange::Exchange::compute`].
    ///
    /// # Errors
    /// Whatever the work finds wrong.
    pub fn compute(&mut self, budget: usize) -> Result<(), Fault> {
        self.exchange.compute(budget)
    }

    /// Asks the permit for the disclosure that is due.
    ///
    /// # Errors
    /// [`Fault::Refused`] if it is not what was paid for.
    pub fn settle(&mut self) -> Result<(), Fault> {
        self.exchange.settle(&mut self.paid)
    }

    /// See [`symbolon_protocol::exchange::Exchange::progress`].
    pub fn progress(&self) -> Progress {
        self.exchange.progress()
    }

    /// See [`symbolon_protocol::exchange::Exchange::tested`].
    pub fn tested(&self) -> bool {
        self.exchange.tested()
    }

    /// See [`symbolon_protocol::exchange::Exchange::bound`].
    pub fn bound(&self) -> Option<Digest> {
        self.exchange.bound().map(Digest)
    }

    /// The output, and the transcript's digest for the receipt.
    ///
    /// # Errors
    /// [`Fault::Misuse`] before the exchange is done.
    pub fn finish(self) -> Result<(T, Digest), Fault> {
        let digest = Digest(self.transcript.digest());
        Ok((self.exchange.finish()?, digest))
    }
}
