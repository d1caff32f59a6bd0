//! Two agencies under one agreement: one query from its opening words to its receipt.
//!
//! Both sides decide and pay for themselves, with their own national rules and their own books, as two
//! nodes do. The holder's register is a list of [`Record`]s; the rules choose the slice.

mod matching;
mod memory;
mod side;

use std::sync::Arc;

use symbolon_policy::{
    ask::{Ask, Fetch, case_digest},
    canonical,
    class::RecordClass,
    permit::Paid,
    receipt::{AnswerClass, Receipt, SignedReceipt, engine_of, leakage_bits},
    rules::ExchangeKind,
    signing,
    words::{Digest, LegalBasis, OfficerId, Purpose, QueryId, RegisterName, SnapshotId, Timestamp},
};
use symbolon_protocol::{
    count, exact,
    exchange::{Boxed, Fault},
    filter::Summary,
    oprf::KeyPair,
    pump::Traffic,
    seed::Seed,
    set::{IdentifierBytes, Output, SetBuilder, fresh_key},
    snapshot,
    transcript::Role,
};

use crate::{
    pipe::{self, Work},
    run::{Silent, Watch},
};
use memory::{Bytes, Identifiers};

pub use crate::pipe::Spent;
pub use matching::{Enrolled, Keys};
pub use side::{PairError, Side};

/// One person-event of the holder's register.
#[derive(Clone, Debug)]
pub struct Record {
    /// What the rules may look at.
    pub class: RecordClass,
    /// Canonical identifiers.
    pub identifiers: Vec<IdentifierBytes>,
}

/// What an officer asks.
#[derive(Clone, Debug)]
pub struct Question {
    /// Which register.
    pub register: RegisterName,
    /// Why.
    pub purpose: Purpose,
    /// On which legal basis.
    pub basis: LegalBasis,
    /// The pseudonym of the officer.
    pub officer: OfficerId,
    /// The case reference.
    pub case: Option<String>,
    /// Canonical identifiers.
    pub identifiers: Vec<IdentifierBytes>,
    /// When; both clocks show it.
    pub now: Timestamp,
}

/// How a query ended that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<T> {
    /// What the asker learns: [`Vec<bool>`], one flag for each identifier in the order asked, or
    /// [`count::Counted`].
    pub answer: T,
    /// Bytes of the transfer of the snapshot; none for a count.
    pub snapshot: Traffic,
    /// Bytes of the exchange itself, frame headers included. Opening words and receipt are not in.
    pub exchange: Traffic,
    /// What both signed; its `leakage_bits` are the most that the answer can have told.
    pub receipt: SignedReceipt,
}

/// Two agencies. All randomness follows from the seed and the number of queries asked before.
pub struct Pair<'a> {
    /// Who asks.
    pub asker: Side,
    /// Who is asked.
    pub holder: Side,
    seed: Seed,
    asked: u64,
    /// Seconds worked on queries so far.
    pub on_queries: Spent,
    /// Seconds worked on snapshots so far.
    pub on_snapshots: Spent,
    watch: &'a dyn Watch,
}

/// What one query draws its randomness from.
struct Draws {
    query: QueryId,
    asker: Seed,
    holder: Seed,
    epoch: Seed,
    /// Of one run of an engine.
    run: Seed,
}

impl<'a> Pair<'a> {
    /// A pair whose queries all draw from `seed`.
    pub fn new(asker: Side, holder: Side, seed: Seed) -> Self {
        let (on_queries, on_snapshots) = (Spent::default(), Spent::default());
        Self { asker, holder, seed, asked: 0, on_queries, on_snapshots, watch: &Silent }
    }

    /// The same pair; its exchanges end with [`PairError::Cancelled`] once `watch` says so.
    #[must_use]
    pub fn watched<'b>(self, watch: &'b dyn Watch) -> Pair<'b> {
        let Self { asker, holder, seed, asked, on_queries, on_snapshots, .. } = self;
        Pair { asker, holder, seed, asked, on_queries, on_snapshots, watch }
    }

    /// Asks which of the identifiers are in the slice of `register`. The snapshot is made and
    /// transferred for this query alone.
    ///
    /// # Errors
    /// [`PairError`]; a refusal carries its code. What was paid before stays paid.
    pub fn exact(
        &mut self,
        question: &Question,
        register: &[Record],
    ) -> Result<Outcome<Vec<bool>>, PairError> {
        let draws = self.draws();
        let fetch = self.fetch(question);
        let asking = self.asker.admit_fetch(&fetch, question.now)?;
        let sending = self.holder.admit_fetch(&fetch, question.now)?;
        let work = Work::begin();
        let (key, summary, filter) = self.snapshot(question, register, &draws.epoch)?;
        self.on_snapshots.holder += work.seconds();
        let opening = canonical::encode(&fetch)?;
        let sink = snapshot::Asker::new(summary, 0, Bytes::default())?;
        let source = snapshot::Holder::new(summary, Bytes(filter));
        let (filter, _, (transfer, spent), _) =
            run((asking, Box::new(sink)), (sending, Box::new(source)), &opening, self.watch)?;
        self.on_snapshots.add(spent);

        let work = Work::begin();
        let query = exact::Query::blind(question.identifiers.clone(), &draws.asker)?;
        self.on_queries.asker += work.seconds();
        let id = SnapshotId(first(&summary.digest));
        let ask = Ask {
            items: query.items(),
            digest: Digest(query.digest()),
            snapshot: Some(id),
            ..self.opening(ExchangeKind::Exact, question, &draws)
        };
        let holder = exact::Holder::new(Arc::new(key.clone()), ask.items, ask.digest.0, draws.holder)?;
        let asker = exact::Asker::new(query, key.public_bytes(), (summary.entries, Arc::new(filter.0)))?;
        let (answer, exchange, receipt) =
            self.settle(ask, (Box::new(asker), Box::new(holder)), question.now, |_| summary.entries)?;
        Ok(Outcome { answer, snapshot: transfer, exchange, receipt })
    }

    /// Asks how many of the identifiers are in the slice of `register`, with noise.
    ///
    /// # Errors
    /// [`PairError`]; a refusal carries its code. What was paid before stays paid.
    pub fn count(
        &mut self,
        question: &Question,
        register: &[Record],
    ) -> Result<Outcome<count::Counted>, PairError> {
        let draws = self.draws();
        let noise = self.asker.agreement.terms().noise()?;
        let work = Work::begin();
        let query = count::Query::blind(question.identifiers.clone(), noise, &draws.asker)?;
        self.on_queries.asker += work.seconds();
        let ask = Ask {
            items: query.items(),
            digest: Digest(query.digest()),
            ..self.opening(ExchangeKind::Count, question, &draws)
        };
        let source = Box::new(Identifiers::new(self.slice(ExchangeKind::Count, question, register)));
        let buckets = self.holder.agreement.terms().buckets;
        let holder = count::Holder::new(ask.items, noise, ask.digest.0, source, buckets, draws.holder)?;
        let asker = count::Asker::new(query);
        let machines = (Box::new(asker) as Boxed<_>, Box::new(holder) as Boxed<count::Served>);
        let (answer, exchange, receipt) =
            self.settle(ask, machines, question.now, |served| served.entries)?;
        Ok(Outcome { answer, snapshot: Traffic::default(), exchange, receipt })
    }

    fn draws(&mut self) -> Draws {
        let draw = |what: &str| {
            let mut stream = self.seed.stream(&format!("pair/{}/{what}", self.asked));
            let mut bytes = [0; 32];
            bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|chunk| *chunk = stream.bits().to_be_bytes());
            bytes
        };
        let draws = Draws {
            query: QueryId(first(&draw("query"))),
            asker: Seed::new(draw("asker")),
            holder: Seed::new(draw("holder")),
            epoch: Seed::new(draw("epoch")),
            run: Seed::new(draw("run")),
        };
        self.asked = self.asked.saturating_add(1);
        draws
    }

    fn fetch(&self, question: &Question) -> Fetch {
        Fetch {
            agreement: self.asker.agreement.id(),
            rules: self.asker.agreement.rules_digest(),
            asker: self.asker.code.clone(),
            holder: self.holder.code.clone(),
            register: question.register.clone(),
            purpose: question.purpose,
            basis: question.basis,
            officer: question.officer.clone(),
            case: question.case.is_some(),
            matching: None,
        }
    }

    /// The opening words, but for what depends on the blinded query.
    fn opening(&self, exchange: ExchangeKind, question: &Question, draws: &Draws) -> Ask {
        let Fetch { agreement, rules, asker, holder, register, purpose, basis, officer, .. } =
            self.fetch(question);
        Ask {
            query: draws.query,
            agreement,
            rules,
            asker,
            holder,
            exchange,
            register,
            purpose,
            basis,
            officer,
            case: question.case.as_ref().map(|case| case_digest(&draws.query, case)),
            items: 0,
            snapshot: None,
            matching: None,
            unexplained: 0,
            commitment: Digest(draws.asker.commitment()),
            digest: Digest([0; 32]),
            asked_at: question.now,
        }
    }

    /// Identifiers of the records that the holder's rules let take part.
    fn slice(
        &self,
        exchange: ExchangeKind,
        question: &Question,
        register: &[Record],
    ) -> Vec<IdentifierBytes> {
        let Question { register: name, purpose, .. } = question;
        let slice =
            self.holder.agreement.slice(&self.asker.code, &self.holder.code, name, *purpose, exchange);
        let records = register.iter().filter(|record| slice.contains(&record.class));
        records.flat_map(|record| record.identifiers.iter().cloned()).collect()
    }

    fn snapshot(
        &self,
        question: &Question,
        register: &[Record],
        epoch: &Seed,
    ) -> Result<(KeyPair, Summary, Vec<u8>), Fault> {
        let mut set = SetBuilder::new(fresh_key(&epoch.stream("key"))?, Output::Bound);
        set.absorb(&self.slice(ExchangeKind::Exact, question, register))?;
        let buckets = self.holder.agreement.terms().buckets;
        set.finish(|n| buckets.pad(n), epoch.stream("padding"))
    }

    /// Admits and pays on both sides, runs the exchange, and has both sign what happened.
    fn settle<A: Send, H: Send>(
        &mut self,
        ask: Ask,
        machines: (Boxed<A>, Boxed<H>),
        now: Timestamp,
        entries: impl FnOnce(&H) -> u64,
    ) -> Result<(A, Traffic, SignedReceipt), PairError> {
        let words = signing::sign(&ask, &*self.asker.signer)?;
        let (asking, answering) = (self.asker.admit(&ask, now)?, self.holder.admit(&ask, now)?);
        let opening = canonical::encode(&(&ask, &words))?;
        let (answer, served, (traffic, spent), transcript) =
            run((asking, machines.0), (answering, machines.1), &opening, self.watch)?;
        self.on_queries.add(spent);
        let class = AnswerClass::of(self.holder.agreement.terms(), &ask)
            .ok_or(Fault::Misuse("the terms do not cover what was asked"))?;
        let entries = entries(&served);
        let (agreement, items) = (ask.agreement, u64::from(ask.items));
        let receipt = Receipt {
            engine: engine_of(&ask).to_owned(),
            entries,
            snapshot: ask.snapshot,
            transcript,
            answer: class,
            leakage_bits: leakage_bits(class, ask.items, entries),
            answered_at: now,
            ask,
        };
        let given = self.holder.books.balance_mut(agreement, &self.asker.code);
        given.given = given.given.saturating_add(items);
        let received = self.asker.books.balance_mut(agreement, &self.holder.code);
        received.received = received.received.saturating_add(items);
        let holder = signing::sign(&receipt, &*self.holder.signer)?;
        let asker = Some(signing::sign(&receipt, &*self.asker.signer)?);
        Ok((answer, traffic, SignedReceipt { receipt, holder, asker }))
    }
}

type Granted<T> = (Paid, Boxed<T>);

/// Runs two machines under their permits; the digest is that of both transcripts.
fn run<A: Send, H: Send>(
    asker: Granted<A>,
    holder: Granted<H>,
    opening: &[u8],
    watch: &dyn Watch,
) -> Result<(A, H, (Traffic, Spent), Digest), PairError> {
    let mut asker = asker.0.open(Role::Asker, &[opening], || Ok(asker.1))?;
    let mut holder = holder.0.open(Role::Holder, &[opening], || Ok(holder.1))?;
    let traffic = pipe::run(&mut asker, &mut holder, watch)?;
    let ((answer, seen), (served, kept)) = (asker.finish()?, holder.finish()?);
    if seen == kept { Ok((answer, served, traffic, seen)) } else { Err(PairError::Transcripts) }
}

/// The first 16 bytes.
fn first(bytes: &[u8; 32]) -> [u8; 16] {
    bytes.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests;
