//! Drives two roles of an exchange against each other in memory.
//!
//! This is how tests and the simulator run protocols: the same machines, with pipes of any capacity
//! in place of a network.

use std::collections::VecDeque;

use crate::exchange::{Exchange, Fault, Frame, Progress, Warden};

/// Items that one slice of work takes.
const BUDGET: usize = 4_096;

/// Whose fault ended a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PumpError {
    /// The asker's machine ended it.
    #[error("asker: {0}")]
    Asker(Fault),
    /// The holder's machine ended it.
    #[error("holder: {0}")]
    Holder(Fault),
    /// Neither can go on.
    #[error("neither machine can go on")]
    Stuck,
}

/// Bytes that crossed, headers included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From asker to holder.
    pub to_holder: u64,
    /// From holder to asker.
    pub to_asker: u64,
}

/// Runs both machines to their end through pipes of `capacity` frames each way; `watch` sees both
/// ends' progress after every turn. Machines are left ready for `finish`.
///
/// # Errors
/// [`PumpError`] with the first fault of either machine.
pub fn run<A: Send, H: Send>(
    asker: &mut dyn Exchange<Output = A>,
    holder: &mut dyn Exchange<Output = H>,
    capacity: usize,
    warden: &mut dyn Warden,
    mut watch: impl FnMut(Progress, Progress),
) -> Result<Traffic, PumpError> {
    let (mut to_holder, mut to_asker) = (Pipe::new(capacity), Pipe::new(capacity));
    loop {
        let moved = turn(asker, &mut to_asker, &mut to_holder, warden).map_err(PumpError::Asker)?
            | turn(holder, &mut to_holder, &mut to_asker, warden).map_err(PumpError::Holder)?;
        watch(asker.progress(), holder.progress());
        if asker.wants().done && holder.wants().done {
            return Ok(Traffic { to_holder: to_holder.bytes, to_asker: to_asker.bytes });
        }
        if !moved {
            return Err(PumpError::Stuck);
        }
    }
}

struct Pipe {
    frames: VecDeque<Frame>,
    capacity: usize,
    bytes: u64,
}

impl Pipe {
    fn new(capacity: usize) -> Self {
        Self { frames: VecDeque::new(), capacity, bytes: 0 }
    }
}

/// Lets one machine do one thing.
fn turn<T: Send>(
    machine: &mut dyn Exchange<Output = T>,
    incoming: &mut Pipe,
    outgoing: &mut Pipe,
    warden: &mut dyn Warden,
) -> Result<bool, Fault> {
    let wants = machine.wants();
    if wants.send && outgoing.frames.len() < outgoing.capacity {
        let frame = machine.produce()?;
        outgoing.bytes = outgoing.bytes.saturating_add((Frame::HEADER + frame.body.len()) as u64);
        outgoing.frames.push_back(frame);
        return Ok(true);
    }
    if wants.verdict {
        machine.settle(warden)?;
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
