//! A query of this node opened to an auditor.

use std::{path::PathBuf, sync::Arc};

use symbolon_policy::{
    ask::{self, Ask},
    officer::{ActKind, SignedAct},
    words::QueryId,
};

use super::{Core, blocking, flags, queries::Sealed};
use crate::{
    clock,
    control::api::{Failure, FailureKind, Reply},
    files,
    journal::{Event, Side},
    officers::recipient,
    opening::{self, Departure, Opening},
};

/// Opens a query, as an officer who audits signed it, and writes it to a new file.
pub(super) async fn open(core: &Arc<Core>, act: SignedAct, file: PathBuf) -> Result<Reply, Failure> {
    let core = core.clone();
    blocking(move || {
        let ActKind::OpenQuery { query, recipient: to, reason } = &act.act.act else {
            return Err(Failure::input("this opens no query"));
        };
        let (query, to) = (*query, to.clone());
        if reason.trim().is_empty() {
            return Err(Failure::input("an opening says why, and to whom").with_help("give a --reason"));
        }
        flags::reasoned(reason)?;
        let seal = recipient(&to)?;
        core.book.officer_acts(&act, clock::now())?;
        let sealed = opened(&core, &query)?.seal(&seal)?;
        let digest = opening::file_digest(&sealed);
        // First, so that nothing is opened of which the journal does not tell.
        let event = Event::QueryOpened { act: act.clone(), file: digest };
        core.book.record_acted(&act, &event, clock::now(), || Ok(()))?;
        files::write_new(&file, &sealed).map_err(|error| files::unwritable(&file, &error))?;
        Ok(Reply::QueryOpened { query, file, digest, recipient: to })
    })
    .await
}

/// A query with everything that made its message. It is replayed first: what does not stand here stands nowhere.
fn opened(core: &Core, id: &QueryId) -> Result<Opening, Failure> {
    let known = core.book.state().query(Side::Asker, id)?;
    let known = known.ok_or_else(|| {
        Failure::input(format!("this node never asked a query {id}"))
            .with_help("see `symbolon audit report` for the ids of queries")
    })?;
    let agreement = core.book.agreement(&known.ask.agreement);
    let agreement = agreement.ok_or_else(|| Failure::integrity("the query's agreement is not there"))?;
    let sealed = Sealed::load(core, id)?;
    let ask = known.ask.clone();
    let shared = shared(core, &ask)?;
    let opening = Opening::of(&sealed.asked(known.ask, known.signature)?, sealed.case(), shared);
    match opening.departures(&ask, agreement.terms()).first() {
        None => Ok(opening),
        Some(Departure::Keys) => {
            let what = "the keys of this match have ended, and without them its message cannot be made again";
            Err(Failure::new(FailureKind::Input, what)
                .with_help("with this engine a match is opened while its keys last; see `key_hours`"))
        }
        Some(departure) => Err(Failure::integrity(format!("the sealed copy of the query: {departure}"))),
    }
}

/// What the engine of a match needs beside probe and seed; nothing if its keys have ended.
fn shared(core: &Core, ask: &Ask) -> Result<Vec<u8>, Failure> {
    let agreement = core.book.agreement(&ask.agreement);
    let agreed = agreement.as_ref().and_then(|agreement| agreement.terms().matching.as_ref());
    let Some((asked, agreed)) = ask.matching.as_ref().zip(agreed) else { return Ok(Vec::new()) };
    let engine = ask::engine(&asked.engine).map_err(|refusal| Failure::local(refusal.text))?;
    let keys = core.book.state().key_set(&asked.keys)?.filter(|keys| keys.side == Side::Asker);
    match agreed.form(&asked.form).zip(keys) {
        Some((form, keys)) => core.keys.shared(engine, &form.form(), &keys),
        None => Ok(Vec::new()),
    }
}
