//! Work ahead of matches: by hand, and in the background while nothing else is asked or answered.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use symbolon_policy::{
    agreement::{FormTerms, MatchTerms},
    ask::{self, Ask, Fetch, MatchSetup},
    words::{AgencyCode, EngineName, Position},
};
use symbolon_protocol::matching::engine::Answer;

use super::{Core, Partner, Report, blocking, flags};
use crate::{
    clock,
    control::{
        Updates,
        api::{Failure, Moved, Prepared, PreparedLine, PreparedLines, QueryTerms, Reply},
    },
    journal::{Event, Side},
    prepared::{Kind, Wanted},
    session::{SessionError, keys::obtain, prepare::make},
};

/// How often the background looks whether something is to be made.
const LOOK: Duration = Duration::from_secs(60);
/// How long a partner is left alone that could not be reached, or is busy.
const SOON: Duration = Duration::from_secs(60);
/// How long it is left alone if anything else was in the way.
const LATER: Duration = Duration::from_secs(3_600);

/// Prepares one match, as the command line asks.
pub(super) async fn by_hand(
    core: &Arc<Core>,
    partner: &AgencyCode,
    terms: &QueryTerms,
    form: &symbolon_policy::words::FormName,
    positions: Vec<Position>,
    updates: Updates,
) -> Result<Reply, Failure> {
    let partner = core.partner(partner)?;
    let agreed = partner.agreement.terms().matching.as_ref();
    let agreed = agreed.ok_or_else(|| Failure::input("the agreement has no terms for the match"))?;
    let form = agreed.form(form).ok_or_else(|| {
        Failure::input(format!("the agreement has no form {form}")).with_help("see `symbolon agreement show`")
    })?;
    let engine = engine(agreed, form).ok_or_else(|| {
        Failure::input("no engine of the agreement does work ahead of a match")
            .with_help("ot-garbled/1 does; see `symbolon agreement show`")
    })?;
    let taken = |position: &&Position| position.modality() == form.modality;
    let positions = match positions.as_slice() {
        [] => Position::ALL.iter().find(taken).copied().into_iter().collect(),
        _ => positions,
    };
    let setup = MatchSetup { form: form.name.clone(), engine: engine.clone() };
    let fetch = fetch(core, &partner, terms, setup);
    let report = Report::new(partner.party.code.as_str(), updates);
    let begun = Instant::now();
    obtain(core, &partner, &fetch, &report).await?;
    let wanted = Wanted { fetch, positions, asked_at: clock::now() };
    let ready = tokio::select! {
        biased;
        made = make(core, &partner, &wanted, &report) => made?,
        () = report.abandoned() => return Err(Failure::local("stopped; nothing was kept")),
    };
    let (bytes_out, bytes_in) = report.moved();
    Ok(Reply::Prepared(Box::new(Prepared {
        partner: partner.party.code,
        preparation: ready.id,
        bytes: ready.bytes,
        moved: Moved { bytes_out, bytes_in },
        seconds: begun.elapsed().as_secs_f64(),
        expires: ready.expires,
    })))
}

/// The engine of the agreement that does work ahead of a match.
fn engine<'a>(agreed: &'a MatchTerms, form: &FormTerms) -> Option<&'a EngineName> {
    agreed.engines.iter().find(|name| {
        let engine = ask::engine(name).ok();
        let ahead = engine.and_then(|engine| engine.ahead_estimate(&form.form(), 1, 1, Answer::Any, 1));
        ahead.is_some() && agreed.lacking(name).is_none()
    })
}

fn fetch(core: &Core, partner: &Partner, terms: &QueryTerms, setup: MatchSetup) -> Fetch {
    Fetch {
        agreement: partner.agreement.id(),
        rules: partner.agreement.rules_digest(),
        asker: core.book.own().clone(),
        holder: partner.party.code.clone(),
        register: terms.register.clone(),
        purpose: terms.purpose,
        basis: terms.basis,
        officer: terms.officer.clone(),
        case: terms.case.is_some(),
        matching: Some(setup),
    }
}

/// Lets keys be set up and matches be prepared again with a partner.
pub(super) async fn allow(core: &Arc<Core>, partner: AgencyCode, reason: String) -> Result<Reply, Failure> {
    flags::reasoned(&reason)?;
    let core = core.clone();
    blocking(move || {
        let broken = core.book.state().broken_preparations()?;
        if !broken.iter().any(|(code, _)| *code == partner) {
            return Err(Failure::input(format!("neither keys nor preparations were stopped with {partner}")));
        }
        core.keys.forget_caught(&partner)?;
        core.book.record(&Event::PreparationsAllowed { partner, reason })?;
        Ok(Reply::Ok)
    })
    .await
}

/// What lies ready, by kind.
pub(super) fn lines(core: &Core) -> Result<PreparedLines, Failure> {
    let mut kinds: BTreeMap<_, PreparedLine> = BTreeMap::new();
    for (_, lying) in core.prepared.lying() {
        let Kind { asker, holder, register, purpose, form, positions, .. } = lying.kind;
        let alternatives = positions.len() as u64;
        let name = (asker.clone(), holder.clone(), register.clone(), purpose, form.clone(), alternatives);
        let line = kinds.entry(name).or_insert(PreparedLine {
            asker,
            holder,
            register,
            purpose,
            form,
            alternatives,
            count: 0,
            bytes: 0,
            oldest: lying.made,
            expires: lying.expires,
        });
        line.count = line.count.saturating_add(1);
        line.bytes = line.bytes.saturating_add(lying.bytes);
        line.oldest = line.oldest.min(lying.made);
        line.expires = line.expires.min(lying.expires);
    }
    Ok(PreparedLines {
        bytes: core.prepared.bytes(),
        most_bytes: core.prepared.most_bytes(),
        kinds: kinds.into_values().collect(),
        stopped: core.book.state().broken_preparations()?,
    })
}

/// Keeps in mind which match was asked, if the next ones of its kind are to be prepared.
pub(super) async fn remember(core: &Arc<Core>, fetch: Fetch, ask: &Ask) {
    let Some(asked) = ask.matching.as_ref().filter(|_| core.config.prepared.keep > 0) else { return };
    let matching = Some(MatchSetup { form: asked.form.clone(), engine: asked.engine.clone() });
    let fetch = Fetch { matching, ..fetch };
    let wanted = Wanted { fetch, positions: asked.positions.clone(), asked_at: ask.asked_at };
    let work = core.clone();
    // It is only a convenience.
    if let Err(failure) = blocking(move || work.prepared.remember(wanted)).await {
        tracing::warn!(%failure, "the kind of a match could not be noted");
    }
}

/// Makes preparations for kinds of matches that were asked of late, until as many lie ready as the settings say. It
/// stops at once when a match is asked here, and waits while anything is asked or answered.
pub(super) async fn background(core: Arc<Core>) {
    let mut waits: HashMap<AgencyCode, Instant> = HashMap::new();
    loop {
        while let Some((partner, wanted)) = due(&core, &waits) {
            let report = Report::new(partner.party.code.as_str(), tokio::sync::mpsc::channel(1).0);
            let made = tokio::select! {
                biased;
                () = core.prepared.asked() => break,
                made = make(&core, &partner, &wanted, &report) => made,
            };
            match made {
                Ok(ready) => {
                    tracing::info!(partner = %partner.party.code, bytes = ready.bytes, "a match was prepared");
                }
                Err(error) => {
                    tracing::info!(partner = %partner.party.code, %error, "a match could not be prepared");
                    let wait =
                        if error.may_pass() || matches!(error, SessionError::Stopped) { SOON } else { LATER };
                    let until = Instant::now().checked_add(wait).unwrap_or_else(Instant::now);
                    waits.insert(partner.party.code, until);
                }
            }
        }
        tokio::select! {
            () = core.prepared.wake.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// What is to be made now, and with whom.
fn due(core: &Core, waits: &HashMap<AgencyCode, Instant>) -> Option<(Partner, Wanted)> {
    if core.prepared.is_asked() || core.exchanges.load(Ordering::Relaxed) > 0 {
        return None;
    }
    let (now, keep) = (clock::now(), u64::from(core.config.prepared.keep));
    let lying = core.prepared.lying();
    for wanted in core.prepared.wanted(now) {
        let holder = &wanted.fetch.holder;
        if waits.get(holder).is_some_and(|until| *until > Instant::now()) {
            continue;
        }
        let Ok(partner) = core.partner(holder) else { continue };
        // Without keys there is nothing to do: the next match sets them up.
        let Ok(Some(keys)) = core.own_keys(&wanted.fetch) else { continue };
        let Some(kind) = Kind::wanted(&wanted.fetch, keys.set.keys, &wanted.positions) else { continue };
        let same =
            lying.iter().filter(|(side, one)| *side == Side::Asker && one.kind == kind && one.expires > now);
        if partner.agreement.id() == kind.agreement && (same.count() as u64) < keep {
            return Some((partner, wanted));
        }
    }
    None
}
