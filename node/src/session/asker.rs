//! The asker's side of a query.

mod machine;
mod receipt;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use symbolon_policy::{
    ask::Ask,
    permit::{Paid, Refusal},
    receipt::SignedReceipt,
    rules::ExchangeKind,
    signing::Signature,
};
use symbolon_protocol::{
    count,
    exchange::Progress,
    matching::{ahead::STALE, engine::Matched, template::Template},
    seed::Seed,
    set::IdentifierBytes,
    transcript::Role,
};

use super::{
    COUNT, Channel, EXACT, MATCH, SessionError,
    channel::{Meter, unexpected},
    drive::drive,
    holder::opening,
    matching::{self, Ready},
    prepare,
    words::Word,
};
use crate::{
    book::{Admission, Failed},
    clock,
    control::api::{Ahead, Failure},
    hits,
    journal::Side,
    node::{Core, Partner, Report, blocking},
};

use machine::{Machine, machine};
use receipt::{countersign, keep_receipt};

/// Pauses between attempts of an interrupted query.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(8)];

/// What an answer is.
pub(crate) enum Answered {
    /// One flag for each identifier.
    Hits(Vec<bool>),
    /// A noisy number.
    Count(count::Counted),
    /// Hits of a match.
    Matched(Matched),
}

/// What is asked about.
#[derive(Clone)]
pub(crate) enum Subject {
    /// Identifiers, in the order asked.
    Identifiers(Vec<IdentifierBytes>),
    /// The alternatives of a probe, and the query made of them if it was made already.
    Probe(Vec<Template>, Ready),
}

/// A query that was paid for on this side.
#[derive(Clone)]
pub(crate) struct Asked {
    /// The opening words.
    pub(crate) ask: Ask,
    /// Our signature over them.
    pub(crate) signature: Signature,
    /// What is asked about.
    pub(crate) subject: Subject,
    /// How many of the last items are canaries, which are no hits of anybody.
    pub(crate) canaries: usize,
    /// From which the query was blinded or encrypted.
    pub(crate) seed: Seed,
}

/// Asks a query until it is answered, refused or given up. It is charged with the first attempt;
/// the others are the same query to both nodes and cost nothing. The caller has its sealed copy on
/// the disk, so that it can be asked again after a crash.
///
/// # Errors
/// [`SessionError`] of the last attempt; it is journalled.
pub(crate) async fn ask(
    core: &Arc<Core>,
    partner: &Partner,
    asked: &Asked,
    report: &Report,
) -> Result<(Answered, SignedReceipt), SessionError> {
    // Only a match takes so long that it is worth to stop it; to the partner the stream breaks.
    let stopped = async {
        match asked.ask.exchange {
            ExchangeKind::Match => report.abandoned().await,
            ExchangeKind::Exact | ExchangeKind::Count => std::future::pending().await,
        }
    };
    // Of the session that goes on, if one does.
    let meter = Mutex::default();
    let tried = try_all(core, partner, asked, (report, &meter));
    let ended = tokio::select! {
        biased;
        ended = tried => ended,
        () = stopped => Err(SessionError::Stopped),
    };
    let ended = ended.map_err(|error| match meter.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(meter) => Arc::<Meter>::as_ref(&meter).ended(error),
        None => error,
    });
    if let Err(error) = &ended {
        journal(core, asked, error).await?;
    }
    ended
}

async fn try_all(
    core: &Arc<Core>,
    partner: &Partner,
    asked: &Asked,
    (report, meter): (&Report, &Mutex<Option<Arc<Meter>>>),
) -> Result<(Answered, SignedReceipt), SessionError> {
    let mut pauses = PAUSES.iter();
    loop {
        match attempt(core, partner, asked, (report, meter)).await {
            Ok(answer) => return Ok(answer),
            Err(error) => match pauses.next() {
                Some(pause) if error.may_pass() => {
                    tracing::info!(partner = %partner.party.code, query = %asked.ask.query, %error, "trying again");
                    tokio::time::sleep(*pause).await;
                }
                _ => return Err(error),
            },
        }
    }
}

/// Journals how a query ended that was not answered.
async fn journal(core: &Arc<Core>, asked: &Asked, error: &SessionError) -> Result<(), SessionError> {
    let (core, ask, signature) = (core.clone(), asked.ask.clone(), asked.signature);
    let recorded = match error {
        SessionError::Refused { here: true, .. } => Ok(()),
        SessionError::Refused { refusal, here: false } => {
            let refusal = refusal.clone();
            blocking(move || core.book.refuse(Side::Asker, &ask, signature, &refusal)).await
        }
        other => {
            let failed = other.failed();
            blocking(move || core.book.fail(Side::Asker, &ask, failed)).await
        }
    };
    Ok(recorded?)
}

/// Writes a query to a channel over files. It is charged as always, and noted as not answered: whoever has
/// the file may see to an answer, so its charge stays.
///
/// # Errors
/// [`SessionError`] with whose fault it was.
pub(crate) async fn write(
    core: &Arc<Core>,
    partner: &Partner,
    asked: &Asked,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let Asked { ask, signature, .. } = asked;
    let paid = pay(core, partner, asked).await?;
    let Machine::Match(waiting) = machine(core, partner, asked, None).await? else {
        return Err(Failure::input("only a match can be asked by courier").into());
    };
    channel.say(&Word::Ask { ask: Box::new(ask.clone()), signature: *signature, prepared: None }).await?;
    let opening = opening(ask, signature)?;
    let machine = waiting.begin(None)?;
    let guarded = paid.open(Role::Asker, &[&opening], || Ok(machine))?;
    match drive(guarded, channel, |_| ()).await {
        Err(SessionError::Ended) => {}
        Err(error) => return Err(error),
        Ok(_) => return Err(Failure::local("the exchange ended without an answer").into()),
    }
    let (core, ask) = (core.clone(), ask.clone());
    let reason = "it was given to a courier and waits for the answer".to_owned();
    let failed = Failed { partner_at_fault: false, always: false, reason };
    Ok(blocking(move || core.book.fail(Side::Asker, &ask, failed)).await?)
}

/// Hears the answer to a query that was written to a file.
///
/// # Errors
/// [`SessionError`] with whose fault it was; it is journalled.
pub(crate) async fn read(
    core: &Arc<Core>,
    partner: &Partner,
    asked: &Asked,
    channel: &mut Channel,
    report: &Report,
) -> Result<(Answered, SignedReceipt), SessionError> {
    let paid = pay(core, partner, asked).await?;
    let machine = machine(core, partner, asked, None).await?;
    let talked = talk(core, partner, asked, paid, machine, channel, report).await;
    report.bytes(channel);
    if let Err(error) = &talked {
        journal(core, asked, error).await?;
    }
    talked
}

async fn attempt(
    core: &Arc<Core>,
    partner: &Partner,
    asked: &Asked,
    (report, meter): (&Report, &Mutex<Option<Arc<Meter>>>),
) -> Result<(Answered, SignedReceipt), SessionError> {
    let protocol = match asked.ask.exchange {
        ExchangeKind::Exact => EXACT,
        ExchangeKind::Count => COUNT,
        ExchangeKind::Match => MATCH,
    };
    let paid = pay(core, partner, asked).await?;
    // What takes long is made before the partner waits for it.
    let made = match matching::half_lies(core, &asked.ask) {
        true => None,
        false => Some(machine(core, partner, asked, None).await?),
    };
    let mut channel = core.dial(partner, protocol).await?;
    *meter.lock().unwrap_or_else(PoisonError::into_inner) = Some(channel.meter());
    // A preparation is named in one try only, and so not before the partner is there. Whether it serves, the holder says.
    let machine =
        match made.or_else(|| matching::half(core, &partner.party.code, &asked.ask).map(Machine::Ahead)) {
            Some(machine) => machine,
            None => machine(core, partner, asked, None).await?,
        };
    let talked = talk(core, partner, asked, paid, machine, &mut channel, report).await;
    report.bytes(&channel);
    let answer = talked.map_err(|error| channel.meter().ended(error))?;
    // The answer is here and kept; a stream that breaks now takes nothing away.
    if let Err(error) = channel.close().await {
        tracing::debug!(%error, "the stream broke after the answer");
    }
    Ok(answer)
}

/// Admits a query on this side and charges it, once.
async fn pay(core: &Arc<Core>, partner: &Partner, asked: &Asked) -> Result<Paid, SessionError> {
    let (core, agreement, ask) = (core.clone(), partner.agreement.clone(), asked.ask.clone());
    let signature = asked.signature;
    match blocking(move || core.book.admit(Side::Asker, &agreement, &ask, signature, clock::now())).await? {
        Admission::Paid(paid) => Ok(paid),
        Admission::Refused(refusal) => Err(SessionError::refused_here(refusal)),
    }
}

async fn talk(
    core: &Arc<Core>,
    partner: &Partner,
    asked: &Asked,
    paid: Paid,
    machine: Machine,
    channel: &mut Channel,
    report: &Report,
) -> Result<(Answered, SignedReceipt), SessionError> {
    let Asked { ask, signature, .. } = asked;
    let named = if let Machine::Ahead(half) = &machine { Some(half.id()) } else { None };
    let word = Word::Ask { ask: Box::new(ask.clone()), signature: *signature, prepared: named };
    channel.say(&word).await?;
    match channel.hear().await? {
        Word::Admitted => {}
        Word::Refused { code, text } => {
            return Err(SessionError::Refused { refusal: Refusal::new(code, text), here: false });
        }
        other => return Err(unexpected("an admission", &other)),
    }
    let (places, prepared) = match ask.exchange {
        ExchangeKind::Exact | ExchangeKind::Count => (None, false),
        ExchangeKind::Match => {
            let (places, prepared) = searching(channel, report).await?;
            (Some(places), prepared)
        }
    };
    let machine = match machine {
        // What the holder does not have is destroyed here as well.
        Machine::Ahead(half) => {
            channel.during(self::machine(core, partner, asked, prepared.then_some(half))).await?
        }
        _ if prepared => {
            return Err(SessionError::Misbehaved("it uses a preparation that was not named".to_owned()));
        }
        machine => machine,
    };
    let stale = AtomicBool::new(false);
    let opening = opening(ask, signature)?;
    let show = |p: Progress| {
        stale.fetch_or(p.phase == STALE, Ordering::Relaxed);
        report.say(p.phase, p.done, p.total);
    };
    let (answer, entries, transcript) = match machine {
        Machine::Exact(machine, entries) => {
            let guarded = paid.open(Role::Asker, &[&opening], || Ok(machine))?;
            let (hits, transcript) = drive(guarded, channel, show).await?;
            (Answered::Hits(hits), entries, transcript)
        }
        Machine::Count(machine) => {
            let guarded = paid.open(Role::Asker, &[&opening], || Ok(machine))?;
            let (counted, transcript) = drive(guarded, channel, show).await?;
            (Answered::Count(counted), counted.entries, transcript)
        }
        Machine::Match(waiting) => {
            let machine = channel.during(blocking(move || waiting.begin(places))).await?;
            let guarded = paid.open(Role::Asker, &[&opening], || Ok(machine))?;
            let driven = drive(guarded, channel, show).await;
            if let (Err(error), Some(id), true) = (&driven, named, prepared) {
                prepare::noted(core, Side::Asker, &partner.party.code, id, None, error).await?;
            }
            let (matched, transcript) = driven?;
            if matching::can_prepare(&partner.agreement, ask) {
                report.done_ahead(match (prepared, stale.load(Ordering::Relaxed)) {
                    (false, _) => Ahead::InFull,
                    (true, false) => Ahead::Prepared,
                    (true, true) => Ahead::Stale,
                });
            }
            (Answered::Matched(matched), places.unwrap_or_default(), transcript)
        }
        Machine::Ahead(_) => return Err(Failure::local("the query was not made").into()),
    };
    let receipt = match channel.hear().await? {
        Word::Receipt(receipt) => *receipt,
        other => return Err(unexpected("a receipt", &other)),
    };
    let receipt = countersign(core, partner, ask, transcript, entries, receipt)?;
    let signature = receipt.asker;
    let items = match &answer {
        Answered::Hits(flags) => {
            let own = flags.len().saturating_sub(asked.canaries);
            Some(hits::exact(flags.get(..own).unwrap_or_default()))
        }
        Answered::Count(_) => None,
        Answered::Matched(answer) => Some(hits::matched(answer)),
    };
    {
        let (core, receipt) = (core.clone(), receipt.clone());
        blocking(move || keep_receipt(&core, receipt, items)).await?;
    }
    if let Some(signature) = signature {
        channel.say(&Word::Countersigned(signature)).await?;
    }
    Ok((answer, receipt))
}

/// What the holder says of the search before it begins: over how many records, padding included.
/// And whether it uses the preparation that was named.
async fn searching(channel: &mut Channel, report: &Report) -> Result<(u64, bool), SessionError> {
    report.say("partner loads the keys", 0, 0);
    match channel.hear().await? {
        Word::Searching { entries, seconds, prepared } => {
            report.say(&format!("partner searches, about {seconds} s"), 0, 0);
            Ok((entries, prepared))
        }
        other => Err(unexpected("the size of the search", &other)),
    }
}
