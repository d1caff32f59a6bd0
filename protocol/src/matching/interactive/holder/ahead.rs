//! The holder's machine of a preparation: score the slice as it is, keep what comes.

use zeroize::Zeroize;

use super::{
    super::{
        context::Context,
        messages::{Out, SUMS},
        parameters::{BLOCK, Encoding, Layout},
        slice::Loading,
    },
    WAITING,
    opening::{Opening, Transfers, words},
    scorer::Scorer,
};
use crate::{
    exchange::{Disclosure, Exchange, Fault, Frame, Misbehaviour, Progress, Wants, Warden, released},
    matching::{
        ahead::{Keep, Plan},
        engine::Rows,
        rule::Form,
    },
    ot,
    seed::Seed,
    wire::Inbox,
};

/// From the transfers on.
struct Scoring {
    scorer: Scorer,
    transfers: Transfers,
    sums_in: Inbox<16>,
    sums: Vec<u128>,
    /// Parts whose choices were checked.
    checked: usize,
}

enum Stage {
    Verdict,
    Load(Option<Loading>),
    Open(Box<Opening>, Layout, Option<Loading>),
    Score(Box<Scoring>),
}

/// The machine.
pub(in super::super) struct Ahead {
    form: Form,
    encoding: Encoding,
    name: [u8; 32],
    plan: Plan,
    rows: Box<dyn Rows>,
    seed: Seed,
    keep: Box<dyn Keep>,
    places: u64,
    /// The digest of the slice.
    note: Vec<u8>,
    stage: Stage,
    out: Out,
}

impl Ahead {
    pub(in super::super) fn new(
        (form, encoding, name): (Form, Encoding, [u8; 32]),
        plan: Plan,
        rows: Box<dyn Rows>,
        seed: &Seed,
        keep: Box<dyn Keep>,
    ) -> Result<Self, Fault> {
        if rows.groups() > plan.largest_slice {
            return Err(Fault::Misuse("the slice is larger than the agreement lets a query search"));
        }
        let places = plan.buckets.places(rows.groups());
        let (note, seed, stage, out) = (Vec::new(), seed.clone(), Stage::Verdict, Out::default());
        Ok(Self { form, encoding, name, plan, rows, seed, keep, places, note, stage, out })
    }

    fn load(&mut self) -> Result<(), Fault> {
        let Stage::Load(loading) = &mut self.stage else { return Err(Fault::Misuse("nothing to compute")) };
        let slice = loading.as_mut().ok_or(Fault::Misuse("nothing to compute"))?;
        if !slice.load(&mut *self.rows)? {
            return Ok(());
        }
        self.rows.still()?;
        self.note = slice.digest().to_vec();
        let layout = Layout::new(self.places, self.plan.alternatives, slice.depth())?;
        let context = Context::ahead(&self.form, &self.name, &self.plan);
        let words = words(&self.encoding, self.plan.alternatives);
        let opening = Opening::new(&context, &layout, words, &self.seed);
        opening.send(&layout, &mut self.out)?;
        self.stage = Stage::Open(Box::new(opening), layout, loading.take());
        Ok(())
    }

    fn sums(&self, layout: &Layout, number: usize) -> (usize, Inbox<16>) {
        let part = layout.part(number.min(layout.parts().saturating_sub(1)));
        let words = part.lanes / 128 * self.encoding.wide;
        (words, Inbox::new(SUMS, ot::items(words) as u64))
    }

    fn open(&mut self) -> Result<(), Fault> {
        let Stage::Open(opening, layout, loading) = &mut self.stage else {
            return Err(Fault::Misuse("nothing to compute"));
        };
        let layout = *layout;
        let count = self.encoding.transfers() * usize::from(self.plan.alternatives);
        let transfers = opening.open(count)?;
        let slice = loading.take().ok_or(Fault::Misuse("nothing to compute"))?.finish(&layout);
        let scorer = Scorer::new(layout, slice, transfers.given(&vec![false; count]));
        let sums_in = self.sums(&layout, 0).1;
        let scoring = Scoring { scorer, transfers, sums_in, sums: Vec::new(), checked: 0 };
        self.stage = Stage::Score(Box::new(scoring));
        Ok(())
    }

    fn score(&mut self) -> Result<(), Fault> {
        let Stage::Score(scoring) = &self.stage else { return Err(Fault::Misuse("nothing to compute")) };
        let (layout, checked) = (scoring.scorer.layout, scoring.checked);
        let ((words, _), (_, next)) = (self.sums(&layout, checked), self.sums(&layout, checked + 1));
        let Stage::Score(scoring) = &mut self.stage else { return Err(Fault::Misuse("nothing to compute")) };
        if scoring.sums_in.complete() && checked < layout.parts() {
            // Checked now, so that who cheats is caught before it is worth anything; made again for the run.
            let batch = layout.part(checked).batch();
            scoring.transfers.correlator.extend(batch, words, &scoring.sums)?.zeroize();
            scoring.sums.clear();
            (scoring.checked, scoring.sums_in) = (checked + 1, next);
            return Ok(());
        }
        scoring.scorer.advance(&self.encoding, Some(&mut self.out)).map(|_| ())
    }
}

impl Scoring {
    /// Whether every part is scored, and checked.
    fn whole(&self) -> (bool, bool) {
        let parts = self.scorer.layout.parts();
        (self.scorer.scored == parts, self.checked == parts)
    }
}

impl Exchange for Ahead {
    type Output = Vec<u8>;

    fn wants(&self) -> Wants {
        let none = Wants { send: !self.out.is_empty(), ..Wants::default() };
        match &self.stage {
            Stage::Verdict => Wants { verdict: true, ..none },
            Stage::Load(_) => Wants { compute: true, ..none },
            Stage::Open(opening, ..) => {
                Wants { receive: !opening.complete(), compute: opening.complete(), ..none }
            }
            Stage::Score(scoring) => {
                let ((scored, checked), come) = (scoring.whole(), scoring.sums_in.complete());
                Wants {
                    receive: !checked && !come,
                    compute: (!checked && come) || (!scored && self.out.len() < WAITING),
                    done: scored && checked && self.out.is_empty(),
                    ..none
                }
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
            Stage::Open(opening, ..) => opening.consume(&frame)?,
            Stage::Score(scoring) => {
                super::blocks(&mut scoring.sums, scoring.sums_in.open(&frame)?);
            }
            Stage::Verdict | Stage::Load(_) => return Err(Misbehaviour::Order.into()),
        }
        self.keep.keep(&frame)
    }

    fn compute(&mut self, _budget: usize) -> Result<(), Fault> {
        if !self.wants().compute {
            return Err(Fault::Misuse("nothing to compute"));
        }
        match &self.stage {
            Stage::Load(_) => self.load(),
            Stage::Open(..) => self.open(),
            _ => self.score(),
        }
    }

    fn settle(&mut self, warden: &mut dyn Warden) -> Result<(), Fault> {
        if !matches!(self.stage, Stage::Verdict) {
            return Err(Fault::Misuse("no verdict is due"));
        }
        let (groups, alternatives) = (self.rows.groups(), self.plan.alternatives);
        if released(warden, &Disclosure::Preparation { groups, alternatives })? {
            let mut random = self.seed.stream("interactive/order");
            let loading = Loading::new(self.encoding, alternatives, self.places, &mut random)?;
            self.stage = Stage::Load(Some(loading));
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        let done = match &self.stage {
            Stage::Score(scoring) => {
                (scoring.checked.checked_div(scoring.scorer.layout.slots).unwrap_or(0) * BLOCK) as u64
            }
            _ => 0,
        };
        Progress { phase: "prepare", done: done.min(self.places), total: self.places }
    }

    fn finish(self: Box<Self>) -> Result<Vec<u8>, Fault> {
        if self.wants().done { Ok(self.note.clone()) } else { Err(Fault::Misuse("not over")) }
    }
}
