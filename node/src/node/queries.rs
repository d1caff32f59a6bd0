//! Queries to one, several or all partners at once.

pub(super) mod courier;
mod draft;
mod matching;
mod resumable;
mod retention;
mod sealed;
mod told;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use futures::future::join_all;
use symbolon_policy::{
    ask::{Fetch, MatchSetup},
    claim::{LONGEST_CASE, is_case},
    officer::{How, Intent},
    permit::RefusalCode,
    receipt::SignedReceipt,
    rules::ExchangeKind,
    words::{Digest, QueryId, Salt, SnapshotId, Timestamp},
};
use symbolon_protocol::{identifier::Kind, set::IdentifierBytes};

use super::{Core, Partner, Report, blocking, canaries, officers, people};
use crate::{
    control::{
        Updates,
        api::{self, Answer, Authority, Expected, Failure, Format, Outcome, QueryTerms, Reply},
    },
    engines::Choice,
    journal::Side,
    session::{
        SessionError,
        asker::{Answered, Asked, Subject, ask},
        fetch::fetch,
        sync::meet,
    },
    state::Stage,
};

use draft::Draft;
pub(super) use draft::words;
use matching::Wish;
pub(super) use resumable::list;
pub(super) use retention::erase_old;
pub(super) use sealed::Sealed;
use told::hits_of;

/// Asks which people are in partners' registers.
pub(super) async fn exact(
    core: &Arc<Core>,
    terms: QueryTerms,
    subjects: &Path,
    format: Option<Format>,
    updates: Updates,
) -> Result<Reply, Failure> {
    let path = subjects.to_owned();
    let (people, file) = blocking(move || people::read(&path, format)).await?;
    signed(core, &terms, How::Exact, &file).await?;
    run(core, terms, vec![Question::People(ExchangeKind::Exact, people)], updates).await
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
    let (mut people, file) = blocking(move || people::read(&path, format)).await?;
    for person in &mut people {
        person.identifiers.retain(|(k, _)| *k == kind);
    }
    people.retain(|person| !person.identifiers.is_empty());
    if people.is_empty() {
        return Err(Failure::input(format!("nobody in the file has an identifier of kind {kind}")));
    }
    signed(core, &terms, How::Count { kind }, &file).await?;
    run(core, terms, vec![Question::People(ExchangeKind::Count, people)], updates).await
}

/// Asks who in partners' registers is close to a probe, or to each of several.
pub(super) async fn matching(
    core: &Arc<Core>,
    terms: QueryTerms,
    wish: api::Wish,
    updates: Updates,
) -> Result<Reply, Failure> {
    let how = wish.how(false);
    let (wishes, files) = blocking(move || Wish::read(wish)).await?;
    signed(core, &terms, how, &files).await?;
    run(core, terms, wishes.into_iter().map(Question::Probe).collect(), updates).await
}

/// The officer's word for a new query. It comes before anything else about it.
async fn signed(core: &Arc<Core>, terms: &QueryTerms, how: How, file: &Digest) -> Result<(), Failure> {
    // The partner sees no more than that there is one, so this node makes sure that it says something.
    if terms.case.as_deref().is_some_and(|case| !is_case(case)) {
        let what = format!("a case reference has from 1 to {LONGEST_CASE} characters, in one line");
        return Err(
            Failure::input(what).with_help("give the reference of the file that the query is for: --case")
        );
    }
    let intent = |salt: &Salt| terms.intent(how, salt, file);
    officers::signed(core, &terms.officer, terms.authority.as_deref(), intent).await
}

/// What every partner is asked.
enum Question {
    /// Exactly, or how many.
    People(ExchangeKind, Vec<people::Person>),
    /// Who is close to it.
    Probe(Wish),
}

/// Of a probe that was left out.
const NOT_ASKED: &str = "not asked about, as the probe before it had no answer";

impl Question {
    /// The file with the probe.
    fn probe(&self) -> Option<PathBuf> {
        match self {
            Self::People(..) => None,
            Self::Probe(wish) => Some(wish.path.clone()),
        }
    }

    /// Whether a partner can be asked this, as far as the agreement has what it is asked under.
    ///
    /// # Errors
    /// An input [`Failure`].
    fn check(&self, partner: &Partner) -> Result<(), Failure> {
        match self {
            Self::People(..) => Ok(()),
            Self::Probe(wish) => wish.check(partner),
        }
    }
}

async fn run(
    core: &Arc<Core>,
    terms: QueryTerms,
    questions: Vec<Question>,
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
    if let [_, _, ..] = questions.as_slice() {
        // What is wrong with one is said before any is asked.
        for (question, partner) in
            questions.iter().flat_map(|question| partners.iter().map(move |p| (question, p)))
        {
            question.check(partner)?;
        }
    }
    let (terms, questions) = (Arc::new(terms), Arc::new(questions));
    // Each partner under its own agreement; none waits for another.
    let each = partners.into_iter().map(|partner| {
        let (core, terms, questions, updates) =
            (core.clone(), terms.clone(), questions.clone(), updates.clone());
        async move {
            let mut answers: Vec<Answer> = Vec::with_capacity(questions.len());
            for question in questions.iter() {
                let report = Report::new(partner.party.code.as_str(), updates.clone());
                let mut attempt = Attempt::new(&core, partner.clone(), report);
                attempt.probe = question.probe();
                // Who gave no answer is not asked the rest.
                let ended = match answers.last().map(|answer| &answer.outcome) {
                    Some(Outcome::Failed { .. } | Outcome::Refused { .. }) => {
                        Err(Failure::local(NOT_ASKED).into())
                    }
                    _ => {
                        if let Some(place) = place(&questions, answers.len()) {
                            attempt.report.note(place);
                        }
                        attempt.run(&terms, question).await
                    }
                };
                attempt.help = attempt.why_refused(&ended, &terms, question);
                answers.push(attempt.answer(ended));
            }
            answers
        }
    });
    Ok(Reply::Answers { answers: join_all(each).await.into_iter().flatten().collect() })
}

/// Which of several probes comes now.
fn place(questions: &[Question], place: usize) -> Option<String> {
    let probe = questions.get(place).and_then(Question::probe).filter(|_| questions.len() > 1)?;
    let (number, name) = (place.saturating_add(1), probe.file_name()?.to_string_lossy());
    Some(format!("probe {number} of {} ({name})", questions.len()))
}

/// Asks again a query that was interrupted.
pub(super) async fn resume(
    core: &Arc<Core>,
    query: QueryId,
    authority: Option<&Authority>,
    updates: Updates,
) -> Result<Reply, Failure> {
    let known = core.book.state().query(Side::Asker, &query)?;
    let known = known.ok_or_else(|| Failure::input(format!("this node never asked a query {query}")))?;
    if matches!(known.stage, Stage::Done(_)) && !core.book.state().unseen(&query)? {
        return Err(Failure::input(format!("the query {query} was answered; its answer is not kept"))
            .with_help("ask a new query"));
    }
    if known.broken && !matches!(known.stage, Stage::Done(_)) && known.ask.matching.is_some() {
        let what = format!(
            "the partner broke the protocol in the match {query}; trying again could tell it of the probe"
        );
        return Err(Failure::input(what).with_help("speak with the partner, then ask a new query"));
    }
    // By the officer who asked: receipts name that one.
    officers::signed(core, &known.ask.officer, authority, |_| Intent::Resume { query }).await?;
    // Under the agreement it was paid for, which need not be the newest; whether it still holds is
    // asked again with every attempt.
    let agreement = core.book.agreement(&known.ask.agreement);
    let agreement = agreement.ok_or_else(|| Failure::integrity("the query's agreement is not there"))?;
    let party = agreement.terms().partner_of(core.book.own()).map_err(|e| Failure::local(e.to_string()))?;
    let partner = Partner { party: party.clone(), agreement };
    let sealed = Sealed::load(core, &query)?;
    let report = Report::new(partner.party.code.as_str(), updates);
    let mut attempt = Attempt::new(core, partner, report).of(query);
    let asked = sealed.asked(known.ask, known.signature)?;
    let _asking = core.prepared.ask();
    let ended = attempt.ask(asked, &sealed.people()).await;
    attempt.heed(&ended).await;
    Ok(Reply::Answers { answers: vec![attempt.answer(ended)] })
}

/// One query to one partner.
struct Attempt {
    core: Arc<Core>,
    partner: Partner,
    report: Report,
    timing: Vec<(String, f64)>,
    started: Instant,
    /// The file with the probe.
    probe: Option<PathBuf>,
    query: Option<QueryId>,
    expected: Option<Expected>,
    choice: Option<Choice>,
    as_of: Option<Timestamp>,
    /// Why this node's own rules refused.
    help: Option<String>,
}

type Ended = Result<(Outcome, SignedReceipt), SessionError>;

/// A person's reference and the kinds of its identifiers, in the order asked.
pub(super) type Asking = (String, Vec<Kind>);

impl Attempt {
    fn new(core: &Arc<Core>, partner: Partner, report: Report) -> Self {
        Self {
            core: core.clone(),
            partner,
            report,
            timing: Vec::new(),
            started: Instant::now(),
            probe: None,
            query: None,
            expected: None,
            choice: None,
            as_of: None,
            help: None,
        }
    }

    /// The same, for a query that there is already.
    fn of(self, query: QueryId) -> Self {
        Self { query: Some(query), ..self }
    }

    async fn run(&mut self, terms: &QueryTerms, question: &Question) -> Ended {
        let stale = |error: &SessionError| {
            let SessionError::Refused { refusal, here: false } = error else { return false };
            matches!(refusal.code, RefusalCode::StaleSnapshot | RefusalCode::StaleKeys)
        };
        let ended = match self.once(terms, question).await {
            // The epoch, or the keys, ended between the setup and the query: new ones, a new query.
            Err(error) if stale(&error) => self.once(terms, question).await,
            ended => ended,
        };
        self.heed(&ended).await;
        ended
    }

    /// Fetches the partner's word for a revocation that its refusal tells of.
    async fn heed(&self, ended: &Ended) {
        let Err(SessionError::Refused { refusal, here: false }) = ended else { return };
        if refusal.code == RefusalCode::Revoked
            && let Err(error) = meet(&self.core, &self.partner).await
        {
            tracing::warn!(partner = %self.partner.party.code, %error, "the revocation was not fetched");
        }
    }

    async fn once(&mut self, terms: &QueryTerms, question: &Question) -> Ended {
        let (exchange, people) = match question {
            Question::People(exchange, people) => (*exchange, people),
            Question::Probe(wish) => return self.matched(terms, wish).await,
        };
        let snapshot = if exchange == ExchangeKind::Exact { Some(self.fetch(terms).await?) } else { None };
        let asking: Vec<Asking> = people
            .iter()
            .map(|person| {
                (person.reference.clone(), person.identifiers.iter().map(|(kind, _)| *kind).collect())
            })
            .collect();
        let mut identifiers: Vec<IdentifierBytes> =
            people.iter().flat_map(|person| &person.identifiers).map(|(_, bytes)| bytes.clone()).collect();
        let canaries = match exchange {
            ExchangeKind::Exact => {
                canaries::drawn(&self.core, &self.partner, terms, snapshot, identifiers.len()).await?
            }
            _ => Vec::new(),
        };
        identifiers.extend(canaries.iter().map(|drawn| drawn.identifier.clone()));
        let subject = Subject::Identifiers(identifiers);
        let draft = Draft { exchange, snapshot, matching: None, subject };
        let asked = self.prepare(terms, draft, &asking, canaries).await?;
        self.query = Some(asked.ask.query);
        self.ask(asked, &asking).await
    }

    /// The request for what a query needs first.
    fn wanted(&self, terms: &QueryTerms, matching: Option<MatchSetup>) -> Fetch {
        Fetch {
            agreement: self.partner.agreement.id(),
            rules: self.partner.agreement.rules_digest(),
            asker: self.core.book.own().clone(),
            holder: self.partner.party.code.clone(),
            register: terms.register.clone(),
            purpose: terms.purpose,
            basis: terms.basis,
            officer: terms.officer.clone(),
            case: terms.case.is_some(),
            matching,
        }
    }

    async fn fetch(&mut self, terms: &QueryTerms) -> Result<SnapshotId, SessionError> {
        let wanted = self.wanted(terms, None);
        let manifest = fetch(&self.core, &self.partner, &wanted, &self.report).await?;
        self.lap("snapshot");
        Ok(manifest.snapshot)
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
            Answered::Hits(hits) => {
                if let Some(id) = &asked.ask.snapshot {
                    let snapshot = self.core.book.state().snapshot(id)?;
                    self.as_of = snapshot.map(|snapshot| snapshot.manifest.made);
                }
                canaries::note(&self.core, &asked.ask, asking, &hits).await;
                hits_of(asking, &hits)
            }
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
            Answered::Matched(matched) => self.told(&asked.ask, &receipt.receipt, matched).await?,
        };
        Ok((outcome, receipt))
    }

    fn lap(&mut self, phase: &str) {
        self.timing.push((phase.to_owned(), self.started.elapsed().as_secs_f64()));
        self.started = Instant::now();
    }
}

#[cfg(test)]
mod tests;
