//! Drives a guarded exchange over a channel. There is no other driver, and it takes nothing else.

use std::time::{Duration, Instant};

use symbolon_policy::{permit::Guarded, words::Digest};
use symbolon_protocol::exchange::Progress;

use super::{SessionError, channel::Channel, words::Word};
use crate::control::api::Failure;

/// Items that one slice of work takes.
const BUDGET: usize = 4_096;
/// Work that is over so soon is done whether the partner is still there or not.
const SHORT: Duration = Duration::from_secs(1);

/// Runs an exchange to its end. `report` sees its progress, and the partner's while we wait for it.
///
/// # Errors
/// [`SessionError`] with whose fault it was.
pub(super) async fn drive<T: Send + 'static>(
    exchange: Guarded<T>,
    channel: &mut Channel,
    report: impl Fn(Progress),
) -> Result<(T, Digest), SessionError> {
    run(exchange, channel, report, || Ok(()), |_| Ok(())).await
}

/// The same; `bind` is told what the partner is bound to ([`symbolon_protocol::exchange::Exchange::bound`]).
///
/// # Errors
/// As [`drive`], and that of `bind`.
pub(super) async fn drive_bound<T: Send + 'static>(
    exchange: Guarded<T>,
    channel: &mut Channel,
    report: impl Fn(Progress),
    bind: impl FnMut(Digest) -> Result<(), SessionError>,
) -> Result<(T, Digest), SessionError> {
    run(exchange, channel, report, || Ok(()), bind).await
}

/// The same, if `still` holds when the partner is about to learn something: it may have let us wait for long. It must hold
/// again when the first frame after that decision goes out, for what the frame tells may have been read in between.
///
/// # Errors
/// As [`drive`], and that of `still`.
pub(super) async fn drive_while<T: Send + 'static>(
    exchange: Guarded<T>,
    channel: &mut Channel,
    report: impl Fn(Progress),
    still: impl Fn() -> Result<(), SessionError>,
) -> Result<(T, Digest), SessionError> {
    run(exchange, channel, report, still, |_| Ok(())).await
}

async fn run<T: Send + 'static>(
    mut exchange: Guarded<T>,
    channel: &mut Channel,
    report: impl Fn(Progress),
    still: impl Fn() -> Result<(), SessionError>,
    mut bind: impl FnMut(Digest) -> Result<(), SessionError>,
) -> Result<(T, Digest), SessionError> {
    let begun = Instant::now();
    let mut said = begun;
    let (mut decided, mut bound) = (false, None);
    channel.exchange(true);
    loop {
        channel.in_time()?;
        let wants = exchange.wants();
        report(exchange.progress());
        channel.tested(exchange.tested());
        if bound.is_none() {
            bound = exchange.bound();
            bound.map_or(Ok(()), &mut bind)?;
        }
        if wants.done {
            channel.exchange(false);
            return Ok(exchange.finish()?);
        }
        if wants.verdict {
            still()?;
            exchange.settle()?;
            if exchange.wants().verdict {
                return Err(Failure::local("the exchange waits for a decision that nobody takes").into());
            }
            decided = true;
            continue;
        }
        if wants.send
            && let Some(slot) = channel.try_slot()
        {
            if std::mem::take(&mut decided) {
                still()?;
            }
            slot.send(exchange.produce()?);
            said = Instant::now();
            continue;
        }
        let mut frame = if wants.receive { channel.try_frame()? } else { None };
        if frame.is_none() && wants.compute {
            if begun.elapsed() > SHORT {
                // Nobody waits for work whose asker left.
                channel.alive()?;
            }
            let Progress { done, total, .. } = exchange.progress();
            exchange = channel.at_work(compute(exchange), &mut said, (done, total)).await??;
            continue;
        }
        if frame.is_none() {
            frame = channel.either(wants.send, wants.receive).await?;
        }
        let Some(frame) = frame else { continue };
        if Word::is(&frame) {
            match Word::read(&frame)? {
                Word::Progress { done, total } => report(Progress { phase: "partner", done, total }),
                other => return Err(super::channel::unexpected("the exchange", &other)),
            }
        } else {
            exchange.consume(frame)?;
        }
    }
}

/// One slice of work, off the async threads.
async fn compute<T: Send + 'static>(mut exchange: Guarded<T>) -> Result<Guarded<T>, SessionError> {
    let work = tokio::task::spawn_blocking(move || exchange.compute(BUDGET).map(|()| exchange));
    Ok(work.await.map_err(|e| Failure::local(format!("the exchange stopped: {e}")))??)
}

#[cfg(test)]
mod tests;
