//! Runs two guarded exchanges against each other through pipes in memory.

use std::collections::VecDeque;

use rustix::time::{ClockId, clock_gettime};
use symbolon_policy::permit::Guarded;
use symbolon_protocol::{
    exchange::{Fault, Frame},
    pump::{PumpError, Traffic},
};

use crate::run::Watch;

/// Items that one slice of work takes.
const BUDGET: usize = 4_096;
/// Frames that a pipe holds.
const CAPACITY: usize = 2;

#[derive(Default)]
struct Pipe {
    frames: VecDeque<Frame>,
    bytes: u64,
}

/// Seconds that each side worked, on a core.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// The asker's machine.
    pub asker: f64,
    /// The holder's.
    pub holder: f64,
}

impl Spent {
    pub(crate) fn add(&mut self, other: Self) {
        self.asker += other.asker;
        self.holder += other.holder;
    }
}

/// A stretch of work of this thread. It is measured by the time that the thread is on a core, which does not grow when
/// other programs wait for the same cores; what a second thread does is not in it.
pub(crate) struct Work(f64);

impl Work {
    pub(crate) fn begin() -> Self {
        Self(on_core())
    }

    /// Seconds of it so far.
    pub(crate) fn seconds(&self) -> f64 {
        on_core() - self.0
    }
}

/// Seconds that this thread was on a core since it began.
fn on_core() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 * 1e-9
}

/// How a run ends before its end.
pub(crate) enum Broken {
    /// By the first fault of either machine.
    Pump(PumpError),
    /// Whoever watches wants it to.
    Cancelled,
}

impl From<PumpError> for Broken {
    fn from(error: PumpError) -> Self {
        Self::Pump(error)
    }
}

/// Runs both machines to their end, and leaves them ready for `finish`. What it took is measured and changes nothing.
/// Between two slices of work it may be cancelled: the longest slice makes one set of keys.
///
/// # Errors
/// [`Broken`] as it says.
pub(crate) fn run<A: Send, H: Send>(
    asker: &mut Guarded<A>,
    holder: &mut Guarded<H>,
    watch: &dyn Watch,
) -> Result<(Traffic, Spent), Broken> {
    let (mut to_holder, mut to_asker) = (Pipe::default(), Pipe::default());
    let mut spent = Spent::default();
    loop {
        let work = Work::begin();
        let asked = turn(asker, &mut to_asker, &mut to_holder).map_err(PumpError::Asker)?;
        spent.asker += work.seconds();
        let work = Work::begin();
        let answered = turn(holder, &mut to_holder, &mut to_asker).map_err(PumpError::Holder)?;
        spent.holder += work.seconds();
        if asker.wants().done && holder.wants().done {
            return Ok((Traffic { to_holder: to_holder.bytes, to_asker: to_asker.bytes }, spent));
        }
        if !(asked || answered) {
            return Err(PumpError::Stuck.into());
        }
        if watch.cancelled() {
            return Err(Broken::Cancelled);
        }
    }
}

/// Lets one machine do one thing.
fn turn<T: Send>(machine: &mut Guarded<T>, incoming: &mut Pipe, outgoing: &mut Pipe) -> Result<bool, Fault> {
    let wants = machine.wants();
    if wants.send && outgoing.frames.len() < CAPACITY {
        let frame = machine.produce()?;
        let length = frame.body.len().saturating_add(Frame::HEADER) as u64;
        outgoing.bytes = outgoing.bytes.saturating_add(length);
        outgoing.frames.push_back(frame);
        return Ok(true);
    }
    if wants.verdict {
        machine.settle()?;
        return Ok(!machine.wants().verdict);
    }
    if wants.receive
        && let Some(frame) = incoming.frames.pop_front()
    {
        machine.consume(frame)?;
        return Ok(true);
    }
    if wants.compute {
        machine.compute(BUDGET)?;
        return Ok(true);
    }
    Ok(false)
}
