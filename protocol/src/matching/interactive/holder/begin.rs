//! How a run begins: the slice, and the transfers, made now or in a preparation.

use super::{
    super::{
        check,
        circuit::Outcome,
        context::{Context, permutation},
        messages::{READY, SUMS, TURNS},
        parameters::Layout,
        probe,
        replay::unreadable,
    },
    Holder, Stage,
    opening::{Opening, Transfers, words},
    scorer::Scorer,
    search::Search,
};
use crate::{exchange::Fault, wire::Inbox};

const NOTHING: Fault = Fault::Misuse("nothing to compute");

impl Holder {
    fn named(&self) -> Context {
        Context::new(&self.form, &self.name, &self.asked, &self.commitment)
    }

    fn transfers(&self) -> usize {
        self.encoding.transfers() * usize::from(self.asked.alternatives)
    }

    /// Reads more of the slice; when it is whole, begins the transfers, or takes those of the preparation.
    pub(super) fn load(&mut self) -> Result<(), Fault> {
        let Stage::Load(loading) = &mut self.stage else { return Err(NOTHING) };
        let slice = loading.as_mut().ok_or(NOTHING)?;
        if !slice.load(&mut *self.rows)? {
            return Ok(());
        }
        self.rows.still()?;
        let loading = loading.take().ok_or(NOTHING)?;
        let layout = Layout::new(self.places, self.asked.alternatives, loading.depth())?;
        let words = words(&self.encoding, self.asked.alternatives);
        // Of another slice than it was made for, a preparation is worth nothing.
        let serves = self.replay.as_ref().is_some_and(|replay| replay.note == loading.digest());
        if self.replay.is_some() {
            self.out.send(READY, &[[u8::from(serves)]])?;
        }
        self.replay = self.replay.take().filter(|_| serves);
        if let Some(replay) = &mut self.replay {
            let context = Context::ahead(&self.form, &self.name, &replay.plan);
            let mut opening = Opening::new(&context, &layout, words, &replay.seed);
            opening.replay(replay)?;
            let turns = Inbox::new(TURNS, words as u64);
            self.stage = Stage::Turns(Box::new(opening), turns, Vec::new());
        } else {
            let opening = Opening::new(&self.named(), &layout, words, &self.run);
            opening.send(&layout, &mut self.out)?;
            self.stage = Stage::Open(Box::new(opening));
        }
        self.loaded = Some((layout, loading));
        Ok(())
    }

    /// Opens the asker's trees and gets the keys of the probe's bits.
    pub(super) fn open(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.stage, Stage::Score) {
            Stage::Open(opening) => {
                let transfers = opening.open(self.transfers())?;
                let (turned, context) = (vec![false; transfers.keys.len()], transfers.context);
                self.begin(transfers, &turned, context)
            }
            Stage::Turns(opening, _, turns) => {
                let mut transfers = opening.open(self.transfers()).map_err(unreadable)?;
                let turned = probe::bits(&turns, transfers.keys.len());
                transfers.turn(&turned);
                let context = self.named().turned(&transfers.context, &turns);
                self.begin(transfers, &turned, context)
            }
            _ => Err(NOTHING),
        }
    }

    fn begin(&mut self, transfers: Transfers, turned: &[bool], context: Context) -> Result<(), Fault> {
        let (layout, loading) = self.loaded.take().ok_or(NOTHING)?;
        let mut random = self.run.stream("interactive/factors");
        let mut search = Search {
            scorer: Scorer::new(layout, loading.finish(&layout), transfers.given(turned)),
            cipher: permutation(&context),
            context,
            replay: self.replay.take(),
            factor: check::factor(random.block()),
            weights: random.block(),
            sums_in: Inbox::new(SUMS, 0),
            sums: Vec::new(),
            kept: Vec::new(),
            checked: 0,
            differences: vec![0; transfers.keys.len()],
            field: 0,
            garbled: 0,
            gates: 0,
            outcome: Some(Outcome::new(self.asked.answer)),
            transfers,
        };
        search.expect(&self.encoding);
        self.search = Some(Box::new(search));
        Ok(())
    }
}
