//! Queries to one, several or all partners at once.

mod sealed;

use std::{path::Path, sync::Arc, time::Instant};

use futures::future::join_all;
use symbolon_policy::{
    ask::{Ask, Fetch, case_digest},
    permit::RefusalCode,
    receipt::SignedReceipt,
    rules::ExchangeKind,
    signing,
    words::{Digest, QueryId, SnapshotId},
};
use symbolon_protocol::{count, exact, exchange::Fault, identifier::Kind, seed::Seed, set::IdentifierBytes};

use super::{Core, Partner, Report, blocking, people};
use crate::{
    clock,
    control::{
        Updates,
        api::{self, Answer, Failure, Format, Outcome, QueryTerms, Reply},
    },
    journal::Side,
    session::{
        SessionError,
        asker::{Answered, Asked, ask},
        fetch::fetch,
        sync::meet,
    },
    state::Stage,
};

use sealed::Sealed;

/// Asks which people are in partners' registers.
pub(super) async fn exact(
    core: &Arc<Core>,
    terms: QueryTerms,
    subjects: &Path,
    format: Option<Format>,
    updates: Updates,
) -> Result<Reply, Failure> {
    let path = subjects.to_owned();
    let people = blocking(move || people::read(&path, format)).await?;
    run(core, terms, ExchangeKind::Exact, people, updates).await
}

/// Asks how many people are in partners' registers.
pub(super) async fn count(
    core: &Arc<Core>,
    terms: QueryTerms,
    subjects: &Path,
    format: Option<Format>,
    kind: Kind,
    updates: Updates,
) -> Result<Reply, Failure> {
    let path = subjects.to_owned();
    let mut people = blocking(move || people::read(&path, format)).await?;
    for person in &mut people {
        person.identifiers.retain(|(k, _)| *k == kind);
    }
    people.retain(|person| !person.identifiers.is_empty());
    if people.is_empty() {
        return Err(Failure::input(format!("nobody in the file has an identifier of kind {kind}")));
    }
    run(core, terms, ExchangeKind::Count, people, updates).await
}

async fn run(
    core: &Arc<Core>,
    terms: QueryTerms,
    exchange: ExchangeKind,
    people: Vec<people::Person>,
    updates: Updates,
) -> Result<Reply, Failure> {
    let partners = if terms.partners.is_empty() {
        core.partners()
    } else {
        let mut codes = terms.partners.clone();
        codes.sort_unstable();
        codes.dedup();
        codes.iter().map(|code| core.partner(code)).collect::<Result<_, _>>()?
    };
    if partners.is_empty() {
        return Err(Failure::input("no agreement is in force with anybody").with_help(
            "see `symbolon agreement list`; an agreement must be signed by both and accepted here",
        ));
    }
    let (terms, people) = (Arc::new(terms), Arc::new(people));
    // Each partner under its own agreement; none waits for another.
    let each = partners.into_iter().map(|partner| {
        let report = Report::new(partner.party.code.as_str(), updates.clone());
        let (core, terms, people) = (core.clone(), terms.clone(), people.clone());
        async move {
            let started = Instant::now();
            let mut attempt = Attempt { core, partner, report, timing: Vec::new(), started, query: None };
            let ended = attempt.run(exchange, &terms, &people).await;
            attempt.answer(ended)
        }
    });
    Ok(Reply::Answers { answers: join_all(each).await })
}

/// Asks again a query that was interrupted.
pub(super) async fn resume(core: &Arc<Core>, query: QueryId, updates: Updates) -> Result<Reply, Failure> {
    let known = core.book.state().query(Side::Asker, &query)?;
    let known = known.ok_or_else(|| Failure::input(format!("this node never asked a query {query}")))?;
    if matches!(known.stage, Stage::Done(_)) {
        return Err(Failure::input(format!("the query {query} was answered; its answer is not kept"))
            .with_help("ask a new query"));
    }
    // Under the agreement it was paid for, which need not be the newest; whether it still holds is
    // asked again with every attempt.
    let agreement = core.book.agreement(&known.ask.agreement);
    let agreement = agreement.ok_or_else(|| Failure::integrity("the query's agreement is not there"))?;
    let party = agreement.terms().partner_of(core.book.own()).map_err(|e| Failure::local(e.to_string()))?;
    let partner = Partner { party: party.clone(), agreement };
    let sealed = Sealed::load(core, &query)?;
    let report = Report::new(partner.party.code.as_str(), updates);
    let started = Instant::now();
    let mut attempt =
        Attempt { core: core.clone(), partner, report, timing: Vec::new(), started, query: Some(query) };
    let asked = sealed.asked(known.ask, known.signature);
    let ended = attempt.ask(asked, &sealed.people()).await;
    Ok(Reply::Answers { answers: vec![attempt.answer(ended)] })
}

/// One query to one partner.
struct Attempt {
    core: Arc<Core>,
    partner: Partner,
    report: Report,
    timing: Vec<(String, f64)>,
    started: Instant,
    query: Option<QueryId>,
}

type Ended = Result<(Outcome, SignedReceipt), SessionError>;

/// A person's reference and the kinds of its identifiers, in the order asked.
pub(super) type Asking = (String, Vec<Kind>);

impl Attempt {
    async fn run(&mut self, exchange: ExchangeKind, terms: &QueryTerms, people: &[people::Person]) -> Ended {
        let stale = |error: &SessionError| matches!(error, SessionError::Refused { refusal, here: false } if refusal.code == RefusalCode::StaleSnapshot);
        match self.once(exchange, terms, people).await {
            // The epoch ended between the transfer and the query: a new snapshot, a new query.
            Err(error) if stale(&error) => self.once(exchange, terms, people).await,
            ended => ended,
        }
    }

    async fn once(&mut self, exchange: ExchangeKind, terms: &QueryTerms, people: &[people::Person]) -> Ended {
        let snapshot = match exchange {
            ExchangeKind::Exact => Some(self.fetch(terms).await?),
            ExchangeKind::Count => None,
        };
        let asking: Vec<Asking> = people
            .iter()
            .map(|person| {
                (person.reference.clone(), person.identifiers.iter().map(|(kind, _)| *kind).collect())
            })
            .collect();
        let identifiers: Vec<IdentifierBytes> =
            people.iter().flat_map(|person| &person.identifiers).map(|(_, bytes)| bytes.clone()).collect();
        let asked = self.prepare(exchange, terms, snapshot, identifiers, &asking).await?;
        self.query = Some(asked.ask.query);
        self.ask(asked, &asking).await
    }

    async fn fetch(&mut self, terms: &QueryTerms) -> Result<SnapshotId, SessionError> {
        let wanted = Fetch {
            agreement: self.partner.agreement.id(),
            rules: self.partner.agreement.rules_digest(),
            asker: self.core.book.own().clone(),
            holder: self.partner.party.code.clone(),
            register: terms.register.clone(),
            purpose: terms.purpose,
            basis: terms.basis,
            officer: terms.officer.clone(),
            case: terms.case.is_some(),
        };
        let manifest = fetch(&self.core, &self.partner, &wanted, &self.report).await?;
        self.lap("snapshot");
        Ok(manifest.snapshot)
    }

    /// Blinds, signs and seals a new query.
    async fn prepare(
        &mut self,
        exchange: ExchangeKind,
        terms: &QueryTerms,
        snapshot: Option<SnapshotId>,
        identifiers: Vec<IdentifierBytes>,
        asking: &[Asking],
    ) -> Result<Asked, SessionError> {
        let (core, partner, terms) = (self.core.clone(), self.partner.clone(), terms.clone());
        let asking = asking.to_vec();
        let asked = blocking(move || -> Result<Asked, SessionError> {
            let seed = Seed::new(rand::random());
            let (items, digest) = blind(&partner, exchange, identifiers.clone(), &seed)?;
            let query = QueryId(rand::random());
            let ask = Ask {
                query,
                agreement: partner.agreement.id(),
                rules: partner.agreement.rules_digest(),
                asker: core.book.own().clone(),
                holder: partner.party.code.clone(),
                exchange,
                register: terms.register,
                purpose: terms.purpose,
                basis: terms.basis,
                officer: terms.officer,
                case: terms.case.as_deref().map(|case| case_digest(&query, case)),
                items,
                snapshot,
                commitment: Digest(seed.commitment()),
                digest: Digest(digest),
                asked_at: clock::now(),
            };
            let signature = signing::sign(&ask, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
            let asked = Asked { ask, signature, identifiers, seed };
            Sealed::save(&core, &asked, &asking, terms.case)?;
            Ok(asked)
        })
        .await?;
        self.lap("blind");
        Ok(asked)
    }

    async fn ask(&mut self, asked: Asked, asking: &[Asking]) -> Ended {
        let (answered, receipt) = ask(&self.core, &self.partner, &asked, &self.report).await?;
        self.lap("exchange");
        // The answer stands without it; the next meeting catches up.
        if let Err(error) = meet(&self.core, &self.partner).await {
            tracing::warn!(partner = %self.partner.party.code, %error, "checkpoints were not exchanged");
        }
        self.lap("checkpoints");
        let outcome = match answered {
            Answered::Hits(hits) => hits_of(asking, &hits),
            Answered::Count(counted) => {
                let noise =
                    self.partner.agreement.terms().noise().map_err(|e| Failure::local(e.to_string()))?;
                Outcome::Count {
                    estimate: counted.estimate,
                    half_width: counted.half_width,
                    epsilon: noise.epsilon(),
                    delta: noise.delta(),
                    items: asked.ask.items,
                }
            }
        };
        Ok((outcome, receipt))
    }

    fn lap(&mut self, phase: &str) {
        self.timing.push((phase.to_owned(), self.started.elapsed().as_secs_f64()));
        self.started = Instant::now();
    }

    fn answer(self, ended: Ended) -> Answer {
        let (outcome, receipt) = match ended {
            Ok((outcome, receipt)) => (outcome, Some(Box::new(receipt))),
            Err(SessionError::Refused { refusal, here }) => {
                let clauses = refusal.clauses.iter().map(ToString::to_string).collect();
                (Outcome::Refused { here, code: refusal.code, text: refusal.text, clauses }, None)
            }
            Err(error) => (Outcome::Failed { failure: self.failure(error) }, None),
        };
        let (bytes_out, bytes_in) = self.report.moved();
        let partner = self.partner.party.code;
        Answer { partner, query: self.query, outcome, timing: self.timing, bytes_out, bytes_in, receipt }
    }

    fn failure(&self, error: SessionError) -> Failure {
        let may_pass = error.may_pass();
        let failure = Failure::from(error);
        match self.query.filter(|_| may_pass && failure.help.is_none()) {
            Some(query) => failure.with_help(format!(
                "when the partner is there again: `symbolon query resume {query}`; it costs nothing more"
            )),
            None => failure,
        }
    }
}

fn blind(
    partner: &Partner,
    exchange: ExchangeKind,
    identifiers: Vec<IdentifierBytes>,
    seed: &Seed,
) -> Result<(u32, [u8; 32]), SessionError> {
    let input = |fault: Fault| SessionError::Local(Failure::input(fault.to_string()));
    match exchange {
        ExchangeKind::Exact => {
            let query = exact::Query::blind(identifiers, seed).map_err(input)?;
            Ok((query.items(), query.digest()))
        }
        ExchangeKind::Count => {
            let noise = partner.agreement.terms().noise().map_err(|e| Failure::input(e.to_string()))?;
            let query = count::Query::blind(identifiers, noise, seed).map_err(input)?;
            Ok((query.items(), query.digest()))
        }
    }
}

fn hits_of(asking: &[Asking], hits: &[bool]) -> Outcome {
    let mut flags = hits.iter();
    let people: Vec<api::Person> = asking
        .iter()
        .map(|(reference, kinds)| {
            let hits = kinds.iter().filter(|_| flags.next().is_some_and(|hit| *hit)).copied().collect();
            api::Person { reference: reference.clone(), hits }
        })
        .collect();
    let hits = people.iter().filter(|person| !person.hits.is_empty()).count() as u64;
    Outcome::Hits { people, hits }
}
