//! The snapshot before the query: fetched once an epoch, resumed where it broke off.

use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    sync::Arc,
    time::{Duration, Instant},
};

use symbolon_policy::{
    ask::Fetch,
    manifest::Manifest,
    permit::{InForce, Paid, Refusal, RefusalCode},
    rules::ExchangeKind,
    signing::{self, Signature},
    words::AgencyCode,
};
use symbolon_protocol::{exchange::Progress, identifier::CANONICALISATION, snapshot, transcript::Role};

use super::{Channel, SNAPSHOT, SessionError, channel::unexpected, drive::drive, words::Word};
use crate::{
    clock,
    control::api::{Failure, FailureKind},
    journal::{Event, Side},
    node::{Core, Partner, Report, blocking},
    snapshots::{FilterFile, SliceOf, Snapshots},
};

/// How long an asker waits before it asks again for a snapshot that is being built.
const POLL: Duration = Duration::from_millis(300);

/// Fetches the current snapshot of a slice, or finds that it is here already.
///
/// # Errors
/// [`SessionError`] with whose fault it was.
pub(crate) async fn fetch(
    core: &Arc<Core>,
    partner: &Partner,
    fetch: &Fetch,
    report: &Report,
) -> Result<Manifest, SessionError> {
    if let Err(refusal) = core.book.admit_fetch(&partner.agreement, fetch, clock::now()) {
        refuse(core, Side::Asker, fetch, &refusal).await?;
        return Err(SessionError::refused_here(refusal));
    }
    let began = Instant::now();
    loop {
        // One at a time: two transfers must not write into one file.
        let turn = core.snapshots.turn(&partner.party.code);
        let turn = turn.lock().await;
        let mut channel = core.dial(partner, SNAPSHOT).await?;
        channel.say(&Word::Fetch(Box::new(fetch.clone()))).await?;
        match channel.hear().await? {
            Word::Refused { code, text } => {
                let refusal = Refusal::new(code, text);
                refuse(core, Side::Asker, fetch, &refusal).await?;
                return Err(SessionError::Refused { refusal, here: false });
            }
            Word::Preparing => {
                report.say("partner builds the snapshot", 0, 0);
                drop((turn, channel));
                // Nor is a partner waited for that only says so.
                if began.elapsed() >= Duration::from_secs(core.config.session_limit_secs) {
                    return Err(SessionError::Connection(
                        "its snapshot was being built all the time".to_owned(),
                    ));
                }
                tokio::time::sleep(POLL).await;
            }
            Word::Manifest { manifest, signature } => {
                let manifest = *manifest;
                check(partner, fetch, &manifest, &signature)?;
                let received = receive(core, partner, fetch, manifest, signature, &mut channel, report).await;
                report.bytes(&channel);
                let manifest = received?;
                channel.close().await?;
                return Ok(manifest);
            }
            other => return Err(unexpected("a manifest", &other)),
        }
    }
}

/// Journals that a snapshot, or the setting up of keys, was refused.
pub(super) async fn refuse(
    core: &Arc<Core>,
    side: Side,
    fetch: &Fetch,
    refusal: &Refusal,
) -> Result<(), SessionError> {
    let (core, fetch, refusal) = (core.clone(), fetch.clone(), refusal.clone());
    blocking(move || Ok(core.book.refuse_fetch(side, &fetch, &refusal)?)).await
}

/// Checks that a manifest is the partner's word about the slice that was asked for.
fn check(
    partner: &Partner,
    fetch: &Fetch,
    manifest: &Manifest,
    signature: &Signature,
) -> Result<(), SessionError> {
    let wrong = |what: &str| Err(SessionError::Misbehaved(format!("its manifest {what}")));
    if signing::verify(manifest, &partner.party.key, signature).is_err() {
        return wrong("is not signed by its agreement key");
    }
    let same = manifest.agreement == fetch.agreement
        && manifest.holder == fetch.holder
        && manifest.asker == fetch.asker
        && manifest.register == fetch.register
        && manifest.purpose == fetch.purpose;
    if !same {
        return wrong("is of another slice than was asked for");
    }
    if manifest.canonicalisation != CANONICALISATION {
        return wrong("is of another version of identifiers");
    }
    if manifest.expires <= clock::now() {
        return wrong("has expired; compare the clocks of the two nodes");
    }
    manifest.summary().check().map_err(|e| SessionError::Misbehaved(e.to_string()))
}

async fn receive(
    core: &Arc<Core>,
    partner: &Partner,
    fetch: &Fetch,
    manifest: Manifest,
    signature: Signature,
    channel: &mut Channel,
    report: &Report,
) -> Result<Manifest, SessionError> {
    let id = manifest.snapshot;
    let here = {
        let (core, manifest) = (core.clone(), manifest.clone());
        blocking(move || known(&core, &manifest)).await?
    };
    let part = core.snapshots.part_path(&id, &partner.party.code);
    let start =
        if here { manifest.bytes } else { part.metadata().map_or(0, |m| m.len()).min(manifest.bytes) };
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&part);
    let file = file.map_err(|e| Failure::local(format!("cannot write {}: {e}", part.display())))?;
    let opening = opening(fetch, &manifest)?;
    let paid =
        core.book.admit_fetch(&partner.agreement, fetch, clock::now()).map_err(SessionError::refused_here)?;
    let exchange = paid.open(Role::Asker, &[&opening], || {
        Ok(Box::new(snapshot::Asker::new(manifest.summary(), start, FilterFile(file))?))
    })?;
    let show = |p: Progress| report.say("fetching the snapshot", p.done, p.total);
    let (FilterFile(file), _) = drive(exchange, channel, show).await?;
    if here {
        let _ = std::fs::remove_file(&part);
        return Ok(manifest);
    }
    let finished = core.clone();
    let checked = manifest.clone();
    blocking(move || {
        let _settling = finished.book.settling();
        // Another partner may have given its own the same name meanwhile.
        known(&finished, &checked)?;
        let path = finished.snapshots.filter_path(&id);
        let renamed = file.sync_all().and_then(|()| std::fs::rename(&part, &path));
        renamed.map_err(|e| Failure::local(format!("cannot keep the snapshot: {e}")))?;
        finished.snapshots.filter(&checked).map_err(|failure| {
            finished.snapshots.destroy(&id);
            match failure.kind {
                FailureKind::Integrity => {
                    SessionError::Misbehaved(format!("its snapshot cannot be used: {failure}"))
                }
                _ => failure.into(),
            }
        })?;
        finished.book.record(&Event::SnapshotMoved { side: Side::Asker, manifest: checked, signature })?;
        Ok::<_, SessionError>(())
    })
    .await?;
    Ok(manifest)
}

/// Whether the snapshot of a manifest was fetched before and lies here whole. Names are their makers', so what else
/// bears this one is another snapshot: this node's own, perhaps, which the partner has as an asker. Asked about that,
/// it could have this node find its own records.
///
/// # Errors
/// [`SessionError::Misbehaved`] if the name is another snapshot's.
fn known(core: &Core, manifest: &Manifest) -> Result<bool, SessionError> {
    match core.book.state().snapshot(&manifest.snapshot)? {
        None => Ok(false),
        Some(known) if known.side == Side::Asker && known.manifest == *manifest => {
            Ok(core.snapshots.filter(manifest).is_ok())
        }
        Some(_) => Err(SessionError::Misbehaved("its snapshot has the name of another one".to_owned())),
    }
}

/// The words that open the transcript of a transfer.
fn opening(fetch: &Fetch, manifest: &Manifest) -> Result<Vec<u8>, SessionError> {
    let bytes = symbolon_policy::canonical::encode(&(fetch, manifest));
    bytes.map_err(|e| SessionError::Local(Failure::local(e.to_string())))
}

/// Serves one request for a snapshot.
///
/// # Errors
/// [`SessionError`] with whose fault it was.
pub(crate) async fn serve(
    core: &Arc<Core>,
    asker: &AgencyCode,
    channel: &mut Channel,
) -> Result<(), SessionError> {
    let fetch = match channel.hear().await? {
        Word::Fetch(fetch) => *fetch,
        other => return Err(unexpected("a request for a snapshot", &other)),
    };
    let (paid, manifest) = match current(core, asker, &fetch) {
        Ok(Current::Ready(paid, manifest)) => (paid, *manifest),
        Ok(Current::Preparing) => return channel.say(&Word::Preparing).await,
        Err(refusal) => {
            tracing::info!(partner = %asker, code = ?refusal.code, "a snapshot was refused");
            refuse(core, Side::Holder, &fetch, &refusal).await?;
            return channel.say(&Word::refused(&refusal)).await;
        }
    };
    let signature = signing::sign(&manifest, &*core.signer).map_err(|e| Failure::local(e.to_string()))?;
    channel.say(&Word::Manifest { manifest: Box::new(manifest.clone()), signature }).await?;
    let path = core.snapshots.filter_path(&manifest.snapshot);
    let file = std::fs::File::open(&path)
        .map_err(|e| Failure::local(format!("cannot read {}: {e}", path.display())))?;
    let opening = opening(&fetch, &manifest)?;
    let exchange = paid.open(Role::Holder, &[&opening], || {
        Ok(Box::new(snapshot::Holder::new(manifest.summary(), FilterFile(file))))
    })?;
    let (sent, _) = drive(exchange, channel, |_| ()).await?;
    if sent > 0 {
        let core = core.clone();
        let event = Event::SnapshotMoved { side: Side::Holder, manifest, signature };
        let recorded = tokio::task::spawn_blocking(move || core.book.record(&event)).await;
        recorded.map_err(|e| Failure::local(e.to_string()))??;
    }
    Ok(())
}

enum Current {
    Ready(Paid, Box<Manifest>),
    Preparing,
}

fn current(core: &Arc<Core>, asker: &AgencyCode, fetch: &Fetch) -> Result<Current, Refusal> {
    let now = clock::now();
    let agreement = core.agreement_of(asker, fetch)?;
    if fetch.matching.is_some() {
        return Err(Refusal::new(RefusalCode::Malformed, "a snapshot does not serve a match"));
    }
    let paid = core.book.admit_fetch(&agreement, fetch, now)?;
    core.has_register(&fetch.register)?;
    let slice = SliceOf {
        agreement: fetch.agreement,
        asker: asker.clone(),
        register: fetch.register.clone(),
        purpose: fetch.purpose,
    };
    let failed = |failure: Failure| Refusal::new(RefusalCode::Failed, failure.what);
    if let Some(manifest) = core.current_snapshot(&slice, now).map_err(failed)? {
        return Ok(Current::Ready(paid, Box::new(manifest)));
    }
    core.start_build(slice);
    Ok(Current::Preparing)
}

impl Core {
    /// The agreement under which a partner fetches something from this node.
    ///
    /// # Errors
    /// [`RefusalCode::NoAgreement`].
    pub(super) fn agreement_of(&self, asker: &AgencyCode, fetch: &Fetch) -> Result<Arc<InForce>, Refusal> {
        let named = |agreement: &Arc<InForce>| {
            let party = agreement.terms().party(asker).is_ok();
            party && fetch.asker == *asker && fetch.holder == *self.book.own()
        };
        let agreement = self.book.agreement(&fetch.agreement).filter(named);
        agreement.ok_or_else(|| Refusal::new(RefusalCode::NoAgreement, "no agreement in force covers this"))
    }

    /// Builds a slice's snapshot in the background, once.
    pub(crate) fn start_build(self: &Arc<Self>, slice: SliceOf) {
        let Ok(sender) = self.snapshots.begin(&slice) else { return };
        let core = self.clone();
        tokio::task::spawn_blocking(move || {
            let built = core.build_snapshot(&slice, |built| {
                sender.send_replace(built);
            });
            if let Err(failure) = built {
                tracing::error!(%failure, "a snapshot could not be built");
            }
        });
    }

    /// Builds a slice's snapshot and puts it in the place of the current one.
    ///
    /// # Errors
    /// A [`Failure`]; the current one then stays.
    pub(crate) fn build_snapshot(
        &self,
        slice: &SliceOf,
        progress: impl Fn((u64, u64)),
    ) -> Result<Manifest, Failure> {
        let (now, own, exact) = (clock::now(), self.book.own(), ExchangeKind::Exact);
        // Before the rules and the register are read, so that no change of either is missed.
        let since = self.book.entries()?;
        let agreement = self.book.agreement(&slice.agreement);
        let agreement = agreement.ok_or_else(|| Failure::local("the agreement is not there"))?;
        let today = clock::today()?;
        let source = Snapshots::source(&self.registers, &agreement, own, slice, exact, today)?;
        let mut source = source.noting(self.claims.note()?);
        let manifest = self.snapshots.build(&agreement, own, slice, &mut source, now, progress)?;
        // Who takes part is kept before anybody can ask: a claim is answered by it.
        let kept =
            source.into_members().map_or(Ok(()), |members| self.claims.keep(members, &manifest.snapshot));
        kept.inspect_err(|_| self.snapshots.destroy(&manifest.snapshot))?;
        let before = self.current_snapshot(slice, now)?;
        self.book
            .snapshot_made(&manifest, since)
            .inspect_err(|_| self.snapshots.destroy(&manifest.snapshot))?;
        if let Some(before) = before {
            self.end_snapshot(&before, "replaced by a newer one")?;
        }
        metrics::counter!("symbolon_snapshots_built_total").increment(1);
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests;
