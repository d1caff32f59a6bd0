//! Queries by courier: the same exchange as files.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use symbolon_policy::words::{AgencyCode, AgreementId, QueryId};

use super::{Attempt, Ended, Sealed, Wish, signed};
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
        courier::{self, Opened, Slip, keys::Next},
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
    let (mut wishes, files) = blocking(move || Wish::read(wish)).await?;
    let (Some(wish), true) = (wishes.pop(), wishes.is_empty()) else {
        return Err(
            Failure::input("a file for a courier holds one query").with_help("give one --probe a file")
        );
    };
    signed(core, &terms, how, &files).await?;
    let report = Report::new(code.as_str(), updates);
    let mut attempt = Attempt::new(core, partner, report);
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
    let Some(draft) = attempt.draft_by_courier(terms, wish).await? else {
        return begin_keys(attempt, terms, wish, file).await;
    };
    let asked = attempt.prepare(terms, draft, &[], Vec::new()).await?;
    let id = asked.ask.query;
    attempt.query = Some(id);
    attempt.expect(&asked.ask)?;
    let (core, partner) = (attempt.core.clone(), attempt.partner.clone());
    let (mut channel, gathered) = core.carried(Vec::new());
    asker::write(&core, &partner, &asked, &mut channel).await?;
    channel.close().await?;
    let (to, under) = (partner.party.code, (asked.ask.agreement, id, 0));
    Ok(save(&core, CourierKind::Question, to, under, gathered.take(), file, None).await?)
}

/// Writes the first file of a setup of keys in place of a query. Nothing is charged.
async fn begin_keys(
    attempt: &mut Attempt,
    terms: &QueryTerms,
    wish: &Wish,
    file: PathBuf,
) -> Result<Reply, SessionError> {
    let (_, fetch) = attempt.setup(terms, wish, true)?;
    let (core, partner) = (&attempt.core, &attempt.partner);
    let (id, frames) = courier::keys::begin(core, partner, &fetch).await?;
    let under = (fetch.agreement, id, 1);
    Ok(save(core, CourierKind::Keys, partner.party.code.clone(), under, frames, file, None).await?)
}

/// Answers a question, or goes on with a setup of keys.
pub(in crate::node) async fn answer(
    core: &Arc<Core>,
    file: PathBuf,
    out: Option<PathBuf>,
) -> Result<Reply, Failure> {
    let opened = load(core, file.clone()).await?;
    let slip = opened.slip.clone();
    let holders = slip.kind == CourierKind::Keys && slip.part % 2 == 1;
    if slip.kind != CourierKind::Question && !holders {
        return Err(Failure::input("the file asks nothing").with_help("use `symbolon open`"));
    }
    let out = out.unwrap_or_else(|| beside(&file, &slip));
    free(&out)?;
    let _under_way = core.exchange();
    let (kind, (frames, refused)) = if holders {
        (CourierKind::Keys, courier::keys::answer(core, opened).await?)
    } else {
        (CourierKind::Answer, courier::answer(core, opened).await?)
    };
    let refused = refused.map(|error| Failure::from(error).what);
    let part = if holders { slip.part.saturating_add(1) } else { 0 };
    let under = (slip.agreement, slip.query, part);
    save(core, kind, slip.from, under, frames, out, refused).await
}

/// The name of the next file, beside the one that came.
fn beside(file: &Path, slip: &Slip) -> PathBuf {
    let (text, next) = (file.as_os_str().to_string_lossy(), slip.part.saturating_add(1));
    let ending = match slip.kind {
        CourierKind::Question => ".answer".to_owned(),
        CourierKind::Answer | CourierKind::Receipt => ".receipt".to_owned(),
        CourierKind::Keys => format!(".keys-{next}"),
    };
    let own = format!(".keys-{}", slip.part);
    match text.strip_suffix(&own) {
        // What is no text keeps its name.
        Some(stem) if slip.kind == CourierKind::Keys && file.to_str().is_some() => {
            PathBuf::from(format!("{stem}{ending}"))
        }
        _ => {
            let mut name = file.as_os_str().to_owned();
            name.push(ending);
            name.into()
        }
    }
}

/// Opens an answer, a receipt, or a part of a setup of keys.
pub(in crate::node) async fn open(
    core: &Arc<Core>,
    file: PathBuf,
    out: Option<PathBuf>,
    updates: Updates,
) -> Result<Reply, Failure> {
    let opened = load(core, file.clone()).await?;
    let out = out.unwrap_or_else(|| beside(&file, &opened.slip));
    match opened.slip.kind {
        CourierKind::Keys if opened.slip.part.is_multiple_of(2) => go_on(core, opened, out, updates).await,
        CourierKind::Question | CourierKind::Keys => {
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

/// Goes on with a setup of keys at the asker.
async fn go_on(core: &Arc<Core>, opened: Opened, out: PathBuf, updates: Updates) -> Result<Reply, Failure> {
    free(&out)?;
    let slip = opened.slip.clone();
    let partner = partner_under(core, &slip.agreement)?;
    let report = Report::new(slip.from.as_str(), updates);
    match courier::keys::open(core, &partner, opened, &report).await? {
        Next::Ready => Ok(Reply::KeysReady { partner: slip.from, query: slip.query }),
        Next::File(frames) => {
            let under = (slip.agreement, slip.query, slip.part.saturating_add(1));
            save(core, CourierKind::Keys, slip.from, under, frames, out, None).await
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
    if matches!(known.stage, Stage::Done(_)) && !core.book.state().unseen(&query)? {
        return Err(Failure::input(format!("the answer of query {query} was opened already")));
    }
    let (partner, sealed) = known_partner(core, &known.ask.agreement, &query)?;
    let report = Report::new(slip.from.as_str(), updates);
    let asked = sealed.asked(known.ask, known.signature)?;
    let mut attempt = Attempt::new(core, partner, report).of(query);
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
            let under = (slip.agreement, query, 0);
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
    agreement: &AgreementId,
    query: &QueryId,
) -> Result<(Partner, Sealed), Failure> {
    Ok((partner_under(core, agreement)?, Sealed::load(core, query)?))
}

/// The other party of an agreement, whether it still holds or not.
fn partner_under(core: &Core, agreement: &AgreementId) -> Result<Partner, Failure> {
    let agreement = core.book.agreement(agreement);
    let agreement = agreement.ok_or_else(|| Failure::integrity("the query's agreement is not there"))?;
    let party = agreement.terms().partner_of(core.book.own()).map_err(|e| Failure::local(e.to_string()))?;
    Ok(Partner { party: party.clone(), agreement })
}

async fn load(core: &Arc<Core>, file: PathBuf) -> Result<Opened, Failure> {
    let core = core.clone();
    blocking(move || courier::read(&core, &file)).await
}

async fn save(
    core: &Arc<Core>,
    kind: CourierKind,
    partner: AgencyCode,
    under: (AgreementId, QueryId, u8),
    frames: Vec<u8>,
    file: PathBuf,
    refused: Option<String>,
) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let whole = courier::seal(&core, kind, partner.clone(), under, &frames)?;
        write_new(&file, &whole)?;
        let (_, query, part) = under;
        Ok(Reply::Written { kind, partner, query, part, file, bytes: whole.len() as u64, refused })
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
