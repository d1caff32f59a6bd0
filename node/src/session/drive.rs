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
    drive_while(exchange, channel, report, || Ok(())).await
}

/// The same, if `still` holds when the partner is about to learn something: it may have let us wait for long.
///
/// # Errors
/// As [`drive`], and that of `still`.
pub(super) async fn drive_while<T: Send + 'static>(
    mut exchange: Guarded<T>,
    channel: &mut Channel,
    report: impl Fn(Progress),
    still: impl Fn() -> Result<(), SessionError>,
) -> Result<(T, Digest), SessionError> {
    let begun = Instant::now();
    let mut said = begun;
    channel.exchange(true);
    loop {
        channel.in_time()?;
        let wants = exchange.wants();
        report(exchange.progress());
        channel.tested(exchange.tested());
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
            continue;
        }
        if wants.send
            && let Some(slot) = channel.try_slot()
        {
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
