//! Queries by courier: the same exchange as files.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use symbolon_policy::words::QueryId;

use super::{Attempt, Draft, Ended, Sealed, Wish, signed};
use crate::{
    control::{
        Updates,
        api::{self, CourierKind, Failure, QueryTerms, Reply},
    },
    journal::Side,
    node::{Core, Partner, Report, blocking},
    session::{
        SessionError,
        asker::{self, Answered},
        courier::{self, Opened},
    },
    state::Stage,
};

/// Writes a match to a file. It is charged and journalled as always.
pub(in crate::node) async fn write(
    core: &Arc<Core>,
    terms: QueryTerms,
    wish: api::Wish,
    file: PathBuf,
    updates: Updates,
) -> Result<Reply, Failure> {
    free(&file)?;
    let [code] = terms.partners.as_slice() else {
        return Err(Failure::input("a file is for one partner").with_help("name one with --peer"));
    };
    let partner = core.partner(code)?;
    let how = wish.how(true);
    let wish = blocking(move || Wish::read(wish)).await?;
    signed(core, &terms, how, &wish.file).await?;
    let report = Report::new(code.as_str(), updates);
    let started = Instant::now();
    let mut attempt =
        Attempt { core: core.clone(), partner, report, timing: Vec::new(), started, query: None };
    match written(&mut attempt, &terms, &wish, file).await {
        Ok(reply) => Ok(reply),
        Err(error) => Ok(Reply::Answers { answers: vec![attempt.answer(Err(error))] }),
    }
}

async fn written(
    attempt: &mut Attempt,
    terms: &QueryTerms,
    wish: &Wish,
    file: PathBuf,
) -> Result<Reply, SessionError> {
    let (draft, _): (Draft, _) = attempt.draft(terms, wish).await.map_err(unready)?;
    let asked = attempt.prepare(terms, draft, &[]).await?;
    let id = asked.ask.query;
    attempt.query = Some(id);
    let (core, partner) = (attempt.core.clone(), attempt.partner.clone());
    let (mut channel, gathered) = core.carried(Vec::new());
    asker::write(&core, &partner, &asked, &mut channel).await?;
    channel.close().await?;
    let (to, under) = (partner.party.code, (asked.ask.agreement, id));
    Ok(save(&core, CourierKind::Question, to, under, gathered.take(), file, None).await?)
}

/// Keys are set up over the network.
fn unready(error: SessionError) -> SessionError {
    match error {
        SessionError::Connection(what) => Failure::partner(format!(
            "no evaluation keys are there for this form, and they are set up over the network: {what}"
        ))
        .with_help("run the same command once while the partner can be reached; nothing was charged")
        .into(),
        error => error,
    }
}

/// Answers a question.
pub(in crate::node) async fn answer(core: &Arc<Core>, file: PathBuf, out: PathBuf) -> Result<Reply, Failure> {
    free(&out)?;
    let opened = load(core, file).await?;
    if opened.slip.kind != CourierKind::Question {
        return Err(Failure::input("the file asks nothing").with_help("use `symbolon open`"));
    }
    let slip = opened.slip.clone();
    let _under_way = core.exchange();
    let (frames, refused) = courier::answer(core, opened).await?;
    let refused = refused.map(|error| Failure::from(error).what);
    let under = (slip.agreement, slip.query);
    save(core, CourierKind::Answer, slip.from, under, frames, out, refused).await
}

/// Opens an answer or a receipt.
pub(in crate::node) async fn open(
    core: &Arc<Core>,
    file: PathBuf,
    out: PathBuf,
    updates: Updates,
) -> Result<Reply, Failure> {
    let opened = load(core, file).await?;
    match opened.slip.kind {
        CourierKind::Question => {
            Err(Failure::input("the file asks something").with_help("use `symbolon answer`"))
        }
        CourierKind::Receipt => {
            let (partner, query) = (opened.slip.from.clone(), opened.slip.query);
            let core = core.clone();
            blocking(move || courier::settle(&core, &opened)).await?;
            Ok(Reply::Settled { partner, query })
        }
        CourierKind::Answer => {
            free(&out)?;
            hear(core, opened, out, updates).await
        }
    }
}

async fn hear(core: &Arc<Core>, opened: Opened, out: PathBuf, updates: Updates) -> Result<Reply, Failure> {
    let Opened { slip, frames } = opened;
    let query = slip.query;
    let known = core.book.state().query(Side::Asker, &query)?;
    let known = known.filter(|known| known.ask.holder == slip.from && known.ask.agreement == slip.agreement);
    let known =
        known.ok_or_else(|| Failure::input(format!("this node asked {} no query {query}", slip.from)))?;
    // It was counted, shown and countersigned; what an older file says changes nothing.
    if matches!(known.stage, Stage::Done(_)) {
        return Err(Failure::input(format!("the answer of query {query} was opened already")));
    }
    let (partner, sealed) = known_partner(core, &known.ask.agreement, &query)?;
    let report = Report::new(slip.from.as_str(), updates);
    let started = Instant::now();
    let asked = sealed.asked(known.ask, known.signature)?;
    let mut attempt =
        Attempt { core: core.clone(), partner, report, timing: Vec::new(), started, query: Some(query) };
    let (mut channel, gathered) = core.carried(frames);
    let read = asker::read(core, &attempt.partner, &asked, &mut channel, &attempt.report).await;
    attempt.lap("exchange");
    let ended: Ended = match read {
        Ok((Answered::Matched(matched), receipt)) => {
            let told = attempt.told(&asked.ask, &receipt.receipt, matched).await;
            told.map(|outcome| (outcome, receipt))
        }
        Ok(_) => Err(Failure::local("the answer is of another exchange").into()),
        Err(error) => Err(error),
    };
    channel.close().await.map_err(Failure::from)?;
    // A file that cannot be written takes no answer away: the receipt is offered at the next meeting too.
    let signature = ended.as_ref().ok().and_then(|(_, receipt)| receipt.asker);
    let receipt = match signature {
        None => None,
        Some(signature) => {
            let frame = courier::countersignature(signature).map_err(Failure::from)?;
            let under = (slip.agreement, query);
            match save(core, CourierKind::Receipt, slip.from, under, frame, out.clone(), None).await {
                Ok(_) => Some(out),
                Err(failure) => {
                    tracing::warn!(%failure, "the countersignature was not written");
                    None
                }
            }
        }
    };
    drop(gathered);
    Ok(Reply::Opened { answers: vec![attempt.answer(ended)], receipt })
}

fn known_partner(
    core: &Core,
    agreement: &symbolon_policy::words::AgreementId,
    query: &QueryId,
) -> Result<(Partner, Sealed), Failure> {
    let agreement = core.book.agreement(agreement);
    let agreement = agreement.ok_or_else(|| Failure::integrity("the query's agreement is not there"))?;
    let party = agreement.terms().partner_of(core.book.own()).map_err(|e| Failure::local(e.to_string()))?;
    let partner = Partner { party: party.clone(), agreement };
    Ok((partner, Sealed::load(core, query)?))
}

async fn load(core: &Arc<Core>, file: PathBuf) -> Result<Opened, Failure> {
    let core = core.clone();
    blocking(move || courier::read(&core, &file)).await
}

async fn save(
    core: &Arc<Core>,
    kind: CourierKind,
    partner: symbolon_policy::words::AgencyCode,
    under: (symbolon_policy::words::AgreementId, QueryId),
    frames: Vec<u8>,
    file: PathBuf,
    refused: Option<String>,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let whole = courier::seal(&core, kind, partner.clone(), under, &frames)?;
        write_new(&file, &whole)?;
        Ok(Reply::Written { kind, partner, query: under.1, file, bytes: whole.len() as u64, refused })
    })
    .await
}

/// Whether a file can be new, asked before anything is charged.
fn free(file: &Path) -> Result<(), Failure> {
    if file.exists() {
        return Err(
            Failure::input(format!("{} exists already", file.display())).with_help("name another file")
        );
    }
    Ok(())
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| Failure::input(format!("cannot write {}: {error}", path.display())))
}
