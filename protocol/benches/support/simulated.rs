//! Both machines of an exchange over a link that is simulated with the times they take: each side has a core of its own
//! and a clock, and a frame arrives when the link has carried it.

use std::collections::{BTreeMap, VecDeque};

use symbolon_protocol::exchange::{Exchange, Frame};

use crate::{allow::Allow, measure::timed};

/// Frames that a link holds in each direction.
const CAPACITY: usize = 64;

/// A link: bits a second and seconds one way.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    pub(crate) bits: f64,
    pub(crate) delay: f64,
}

pub(crate) const LOOPBACK: Link = Link { bits: f64::INFINITY, delay: 0.0 };
pub(crate) const SHAPED: Link = Link { bits: 100e6, delay: 0.010 };

/// One direction: frames with the time of their arrival.
struct Pipe {
    frames: VecDeque<(Frame, f64)>,
    free: f64,
    bytes: u64,
    turns: u32,
}

impl Pipe {
    fn new() -> Self {
        Self { frames: VecDeque::new(), free: 0.0, bytes: 0, turns: 0 }
    }

    fn push(&mut self, frame: Frame, now: f64, link: Link) {
        let bytes = (Frame::HEADER + frame.body.len()) as u64;
        self.bytes += bytes;
        self.free = self.free.max(now) + bytes as f64 * 8.0 / link.bits;
        self.frames.push_back((frame, self.free + link.delay));
    }
}

/// What `work` gives, and the seconds that this thread was on a core for it: other programs do not count. Where the
/// system does not tell, the seconds that passed.
pub(crate) fn on_core<O>(work: impl FnOnce() -> O) -> (O, f64) {
    let spent = || -> Option<u64> {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
    };
    let before = spent();
    let (output, passed) = timed(work);
    let on_core = spent().zip(before).map(|(after, before)| (after - before) as f64 / 1e9);
    (output, on_core.unwrap_or(passed.as_secs_f64()))
}

/// One side: its clock, and what it spent by phase.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) clock: f64,
    pub(crate) phases: BTreeMap<&'static str, f64>,
}

impl Side {
    /// Does one thing that is possible now; whether there was any.
    fn turn<T: Send>(
        &mut self,
        machine: &mut dyn Exchange<Output = T>,
        incoming: &mut Pipe,
        outgoing: &mut Pipe,
        link: Link,
    ) -> bool {
        let (wants, phase) = (machine.wants(), machine.progress().phase);
        let arrived = incoming.frames.front().map(|(_, at)| *at);
        let (took, frame) = if wants.send && outgoing.frames.len() < CAPACITY {
            let (frame, took) = on_core(|| machine.produce().unwrap());
            (took, Some(frame))
        } else if wants.verdict {
            (on_core(|| machine.settle(&mut Allow).unwrap()).1, None)
        } else if wants.receive && arrived.is_some_and(|at| at <= self.clock || !wants.compute) {
            let (frame, at) = incoming.frames.pop_front().unwrap();
            self.clock = self.clock.max(at);
            (on_core(|| machine.consume(frame).unwrap()).1, None)
        } else if wants.compute {
            (on_core(|| machine.compute(4_096).unwrap()).1, None)
        } else {
            return false;
        };
        self.clock += took;
        *self.phases.entry(phase).or_default() += took;
        if let Some(frame) = frame {
            outgoing.push(frame, self.clock, link);
        }
        true
    }
}

pub(crate) struct Cost {
    pub(crate) asker: Side,
    pub(crate) holder: Side,
    pub(crate) up: u64,
    pub(crate) down: u64,
    pub(crate) turns: u32,
}

impl Cost {
    pub(crate) fn cpu(&self) -> f64 {
        // Making the records is not the engine's work.
        let sum = |side: &Side| {
            side.phases.iter().filter(|(phase, _)| **phase != "load").map(|(_, s)| s).sum::<f64>()
        };
        sum(&self.asker) + sum(&self.holder)
    }

    pub(crate) fn elapsed(&self) -> f64 {
        let load = self.holder.phases.get("load").copied().unwrap_or(0.0);
        self.asker.clock.max(self.holder.clock) - load
    }
}

/// Runs both machines to their end.
pub(crate) fn run<A: Send, H: Send>(
    asker: &mut dyn Exchange<Output = A>,
    holder: &mut dyn Exchange<Output = H>,
    link: Link,
) -> Cost {
    let (mut up, mut down) = (Pipe::new(), Pipe::new());
    let mut sides = (Side::default(), Side::default());
    let mut last = None;
    while !(asker.wants().done && holder.wants().done) {
        // The side whose clock is behind goes first.
        let first = sides.0.clock <= sides.1.clock;
        let mut moved = false;
        for asks in [first, !first] {
            let (sent, received) = (up.bytes, down.bytes);
            moved = if asks {
                sides.0.turn(asker, &mut down, &mut up, link)
            } else {
                sides.1.turn(holder, &mut up, &mut down, link)
            };
            let spoke = (up.bytes > sent, down.bytes > received);
            if (spoke.0 || spoke.1) && last != Some(spoke) {
                last = Some(spoke);
                if spoke.0 { up.turns += 1 } else { down.turns += 1 }
            }
            if moved {
                break;
            }
        }
        assert!(moved, "neither machine can go on");
    }
    Cost { asker: sides.0, holder: sides.1, up: up.bytes, down: down.bytes, turns: up.turns }
}
