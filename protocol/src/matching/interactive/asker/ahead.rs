//! The asker's machine of a preparation: choose at random, keep what comes.

use super::{
    super::{
        context::Context,
        messages::{CORRECTIONS, Out, PAIRS, PLACES, SUMS},
        parameters::{Encoding, Layout},
        replay::Random,
        score,
    },
    transfers::{Transfers, layout},
};
use crate::{
    exchange::{Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden},
    matching::{
        ahead::{Keep, Plan},
        rule::Form,
    },
    ot::{self, base},
    seed::Seed,
    wire::Inbox,
};

/// Frames that may wait before more is chosen.
const WAITING: usize = 8;

/// From the transfers on.
struct Choosing {
    layout: Layout,
    transfers: Transfers,
    /// Parts whose sums are chosen.
    chosen: usize,
    /// Parts whose corrections came as a whole.
    come: usize,
    corrections_in: Inbox<8>,
}

enum Stage {
    Size(Inbox<16>),
    Pairs([u8; 16], Inbox<64>, Vec<base::Pair>),
    Choose(Box<Choosing>),
}

/// The machine.
pub(in super::super) struct Ahead {
    form: Form,
    encoding: Encoding,
    name: [u8; 32],
    plan: Plan,
    seed: Seed,
    keep: Box<dyn Keep>,
    random: Random,
    stage: Stage,
    out: Out,
}

impl Ahead {
    pub(in super::super) fn new(
        (form, encoding, name): (Form, Encoding, [u8; 32]),
        plan: Plan,
        seed: &Seed,
        keep: Box<dyn Keep>,
    ) -> Self {
        let (random, stage) = (Random::new(seed), Stage::Size(Inbox::new(PLACES, 1)));
        Self { form, encoding, name, plan, seed: seed.clone(), keep, random, stage, out: Out::default() }
    }

    fn corrections(&self, layout: &Layout, number: usize) -> Inbox<8> {
        let words = self.encoding.transfers() * score::words(&self.encoding, &layout.part(number));
        Inbox::new(CORRECTIONS, words as u64)
    }

    fn layout(&self, place: &[u8; 16]) -> Result<Layout, Fault> {
        let Plan { alternatives, largest_slice, buckets, .. } = self.plan;
        layout(place, &self.encoding, alternatives, (largest_slice, buckets))
    }

    fn choose(&mut self, place: [u8; 16]) -> Result<(), Fault> {
        let Stage::Pairs(_, _, pairs) = &self.stage else { return Err(Fault::Misuse("nothing to compute")) };
        let layout = self.layout(&place)?;
        let choices = self.random.probe(&self.encoding, self.plan.alternatives);
        let context = Context::ahead(&self.form, &self.name, &self.plan).and(&[&place]);
        let (transfers, said) = Transfers::choose(&context, pairs, &choices, &self.seed)?;
        said.send(&mut self.out)?;
        let corrections_in = self.corrections(&layout, 0);
        self.stage =
            Stage::Choose(Box::new(Choosing { layout, transfers, chosen: 0, come: 0, corrections_in }));
        Ok(())
    }
}

impl Choosing {
    fn whole(&self) -> (bool, bool) {
        (self.chosen == self.layout.parts(), self.come == self.layout.parts())
    }
}

impl Exchange for Ahead {
    type Output = Vec<u8>;

    fn wants(&self) -> Wants {
        let none = Wants { send: !self.out.is_empty(), ..Wants::default() };
        match &self.stage {
            Stage::Size(_) => Wants { receive: true, ..none },
            Stage::Pairs(_, inbox, _) => {
                Wants { receive: !inbox.complete(), compute: inbox.complete(), ..none }
            }
            Stage::Choose(choosing) => {
                let (chosen, come) = choosing.whole();
                let compute = !chosen && self.out.len() < WAITING;
                Wants { receive: !come, compute, done: chosen && come && self.out.is_empty(), ..none }
            }
        }
    }

    fn produce(&mut self) -> Result<Frame, Fault> {
        self.out.frame()
    }

    fn consume(&mut self, frame: Frame) -> Result<(), Fault> {
        if !self.wants().receive {
            return Err(Misbehaviour::Order.into());
        }
        match &mut self.stage {
            Stage::Size(inbox) => {
                if let [place] = inbox.open(&frame)? {
                    let place = *place;
                    self.layout(&place)?;
                    self.stage = Stage::Pairs(place, Inbox::new(PAIRS, ot::WIDTH as u64), Vec::new());
                }
            }
            Stage::Pairs(_, inbox, pairs) => pairs.extend_from_slice(inbox.open(&frame)?),
            Stage::Choose(choosing) => {
                choosing.corrections_in.open(&frame)?;
                if choosing.corrections_in.complete() {
                    choosing.come += 1;
                    let (layout, come) = (choosing.layout, choosing.come);
                    if come < layout.parts() {
                        let next = self.corrections(&layout, come);
                        if let Stage::Choose(choosing) = &mut self.stage {
                            choosing.corrections_in = next;
                        }
                    }
                }
            }
        }
        self.keep.keep(&frame)
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        if !self.wants().compute {
            return Err(Fault::Misuse("nothing to compute"));
        }
        match &mut self.stage {
            Stage::Choose(choosing) => {
                let part = choosing.layout.part(choosing.chosen);
                let sums = self.random.sums(part.lanes / 128 * self.encoding.wide);
                let Transfers { chooser, masks, .. } = &mut choosing.transfers;
                let (message, _) = chooser.extend(part.batch(), &sums, masks);
                choosing.chosen += 1;
                self.out.send_blocks(SUMS, &message)
            }
            Stage::Pairs(place, ..) => {
                let place = *place;
                self.choose(place)
            }
            Stage::Size(_) => Err(Fault::Misuse("nothing to compute")),
        }
    }

    fn settle(&mut self, _warden: &mut dyn Warden) -> Result<(), Fault> {
        Err(Fault::Misuse("no verdict is due"))
    }

    fn progress(&self) -> Progress {
        let Stage::Choose(choosing) = &self.stage else {
            return Progress { phase: "prepare", done: 0, total: 1 };
        };
        Progress { phase: "prepare", done: choosing.come as u64, total: choosing.layout.parts() as u64 }
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, Fault> {
        if self.wants().done { Ok(Vec::new()) } else { Err(Fault::Misuse("not over")) }
    }
}
