//! Admission: decide and charge as one step.

use symbolon_policy::{
    ask::{self, Ask, Fetch},
    permit::{self, InForce, Paid, Permit, Refusal, RefusalCode},
    prepare::Prepare,
    rules::ExchangeKind,
    signing::Signature,
    words::Timestamp,
};

use super::Book;
use crate::{
    control::api::Failure,
    journal::{Event, Side},
    state::{Query, Stage},
};

/// How an admission ended.
pub(crate) enum Admission {
    /// The query may run; its charge is durable.
    Paid(Paid),
    /// It may not; the refusal is journalled.
    Refused(Refusal),
}

/// How a query ended without an answer.
pub(crate) struct Failed {
    /// Whether the partner broke the protocol.
    pub(crate) partner_at_fault: bool,
    /// Whether it is recorded although the query failed before.
    pub(crate) always: bool,
    /// In plain words.
    pub(crate) reason: String,
}

/// Whether a query is charged now or was before.
enum Admitted {
    Before(Paid),
    Now(Box<Permit>),
}

impl Book {
    /// Admits a query on one side. A query that was paid for before is not charged again.
    ///
    /// # Errors
    /// A [`Failure`] if it cannot be recorded; then it does not run.
    pub(crate) fn admit(
        &self,
        side: Side,
        agreement: &InForce,
        ask: &Ask,
        signature: Signature,
        now: Timestamp,
    ) -> Result<Admission, Failure> {
        let writing = self.writing();
        let decision = match self.state.query(side, &ask.query)? {
            Some(before) => self.retry(side, agreement, ask, &before, now)?,
            None if self.unsettled(side, ask)? => {
                let text = "the register is being changed; ask again when that is over";
                Err(Refusal::new(RefusalCode::Busy, text))
            }
            None => match self.unproven_here(side, ask, now)?.or(self.more_unexplained(side, agreement, ask))
            {
                Some(refusal) => Err(refusal),
                None => permit::admit(agreement, ask, &self.own, &self.state, now)
                    .map(|permit| Admitted::Now(Box::new(permit))),
            },
        };
        let refusal = match decision {
            Ok(Admitted::Before(paid)) => return Ok(Admission::Paid(paid)),
            Ok(Admitted::Now(permit)) => {
                let paid = permit.pay(|ask, charges| {
                    let event = Event::Query { side, ask: ask.clone(), signature, charges: charges.to_vec() };
                    self.append(&writing, &event)
                })?;
                return Ok(Admission::Paid(paid));
            }
            Err(refusal) => refusal,
        };
        self.append(&writing, &refused(side, ask, signature, &refusal))?;
        Ok(Admission::Refused(refusal))
    }

    /// Of a partner's query its own node has made sure.
    fn unproven_here(&self, side: Side, ask: &Ask, now: Timestamp) -> Result<Option<Refusal>, Failure> {
        if side == Side::Asker { self.unproven(ask, now) } else { Ok(None) }
    }

    /// Of an own query: what an officer said of a hit since it was drafted may have left more of them unexplained than it says.
    fn more_unexplained(&self, side: Side, agreement: &InForce, ask: &Ask) -> Option<Refusal> {
        let more = side == Side::Asker
            && agreement.unexplained(&self.state, ask.asked_at) > u64::from(ask.unexplained);
        more.then(|| Refusal::new(RefusalCode::Busy, "officers judged hits meanwhile; ask again"))
    }

    /// Whether a count or a match would be over a register that is being changed. A retry of it would be
    /// over another slice, and the version that tells them apart stays the same until the change ends.
    fn unsettled(&self, side: Side, ask: &Ask) -> Result<bool, Failure> {
        Ok(of_register(side, ask) && self.state.changing(&ask.register)?)
    }

    fn retry(
        &self,
        side: Side,
        agreement: &InForce,
        ask: &Ask,
        before: &Query,
        now: Timestamp,
    ) -> Result<Result<Admitted, Refusal>, Failure> {
        // Each run of a match lets a side that cheats test a guess.
        if before.broken && ask.exchange == ExchangeKind::Match {
            let text = "the protocol was broken in this match, so it is not run again; ask a new query";
            return Ok(Err(Refusal::new(RefusalCode::AlteredRetry, text)));
        }
        // Where each run is another, a signed answer is the only one.
        let engine = ask.matching.as_ref().and_then(|asked| ask::engine(&asked.engine).ok());
        let many = engine.is_some_and(|engine| !engine.card().by_courier);
        if many && side == Side::Holder && matches!(before.stage, Stage::Done(_)) {
            let text = "the match was answered, and the asker has signed that it has the answer";
            return Ok(Err(Refusal::new(RefusalCode::AlteredRetry, text)));
        }
        // Over another register the answer may be another one, which was not paid for; and the noise of a
        // count would be the same.
        let moved =
            of_register(side, ask) && self.state.register_version(&ask.register)? != before.register_version;
        if moved {
            let text = "the register changed since this was first asked, and an answer over another one is not repeated";
            return Ok(Err(Refusal::new(RefusalCode::AlteredRetry, text)));
        }
        Ok(Paid::retry(agreement, ask, &before.ask, now).map(Admitted::Before))
    }

    /// Records that a query was refused before or after it was charged.
    ///
    /// # Errors
    /// A [`Failure`] if it cannot be recorded.
    pub(crate) fn refuse(
        &self,
        side: Side,
        ask: &Ask,
        signature: Signature,
        refusal: &Refusal,
    ) -> Result<(), Failure> {
        let writing = self.writing();
        // Of two sessions at once the other one may just have been admitted, in other words.
        let other = self.state.query(side, &ask.query)?.is_some_and(|known| known.ask != *ask);
        let code = if other { RefusalCode::AlteredRetry } else { refusal.code };
        self.append(&writing, &refused(side, ask, signature, &Refusal { code, ..refusal.clone() }))
    }

    /// Records that a snapshot, or the setting up of keys, was refused.
    ///
    /// # Errors
    /// A [`Failure`] if it cannot be recorded.
    pub(crate) fn refuse_fetch(&self, side: Side, fetch: &Fetch, refusal: &Refusal) -> Result<(), Failure> {
        let clauses = refusal.clauses.iter().map(|clause| clause.id.clone()).collect();
        let (fetch, code) = (fetch.clone(), refusal.code);
        self.record(&match fetch.matching {
            Some(_) => Event::KeysRefused { side, fetch, code, clauses },
            None => Event::SnapshotRefused { side, fetch, code, clauses },
        })
    }

    /// Admits the transfer of a snapshot, or the setting up of keys.
    pub(crate) fn admit_fetch(
        &self,
        agreement: &InForce,
        fetch: &Fetch,
        now: Timestamp,
    ) -> Result<Paid, Refusal> {
        permit::admit_fetch(agreement, fetch, &self.own, &self.state, now)
    }

    /// Admits the preparation of a match.
    pub(crate) fn admit_prepare(
        &self,
        agreement: &InForce,
        prepare: &Prepare,
        now: Timestamp,
    ) -> Result<Paid, Refusal> {
        permit::admit_prepare(agreement, prepare, &self.own, &self.state, now)
    }

    /// Records that a query ended without an answer, unless it is over already. Once, but for what a partner may have
    /// done on purpose: that is recorded every time, also of a query that is over.
    ///
    /// # Errors
    /// A [`Failure`] if it cannot be recorded.
    pub(crate) fn fail(&self, side: Side, ask: &Ask, failed: Failed) -> Result<(), Failure> {
        let Failed { partner_at_fault, always, reason } = failed;
        match self.state.query(side, &ask.query)?.map(|query| query.stage) {
            Some(Stage::Open) => {}
            Some(_) if always => {}
            _ => return Ok(()),
        }
        self.record(&Event::Failed { side, query: ask.query, partner_at_fault, reason })
    }
}

/// Whether this node answers the query from its register, not from a snapshot of it.
fn of_register(side: Side, ask: &Ask) -> bool {
    side == Side::Holder && matches!(ask.exchange, ExchangeKind::Count | ExchangeKind::Match)
}

fn refused(side: Side, ask: &Ask, signature: Signature, refusal: &Refusal) -> Event {
    let clauses = refusal.clauses.iter().map(|clause| clause.id.clone()).collect();
    Event::Refused { side, ask: ask.clone(), signature, code: refusal.code, clauses }
}
