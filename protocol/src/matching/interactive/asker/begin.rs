//! How a run begins: the transfers, made now or in a preparation.

use std::collections::VecDeque;

use super::{
    super::{
        circuit::Outcome,
        context::{Context, permutation},
        messages::{PAIRS, PLACES, TABLES, TURNS},
        parameters::Layout,
        probe,
        replay::{Random, Replay, unreadable},
        score::{self, Taken},
    },
    Asker, Query, Stage,
    search::{Search, corrections},
    transfers::{Transfers, layout},
};
use crate::{
    exchange::{Fault, Misbehaviour},
    matching::engine::Asked,
    ot,
    wire::Inbox,
};

impl Asker {
    pub(super) fn size(&self, place: [u8; 16]) -> Result<Stage, Fault> {
        let Asked { alternatives, largest_slice, buckets, places, .. } = self.asked;
        let layout = layout(&place, &self.query.encoding, alternatives, (largest_slice, buckets))?;
        // Before anything depends on the probe: what the holder learns of a run that ends later is one comparison.
        if places.is_some_and(|told| told != layout.places) {
            return Err(Misbehaviour::Count.into());
        }
        Ok(Stage::Pairs(place, layout, Inbox::new(PAIRS, ot::WIDTH as u64), Vec::new()))
    }

    fn named(&self) -> Context {
        let Query { form, name, commitment, .. } = &self.query;
        Context::new(form, name, &self.asked, commitment)
    }

    /// Answers the base transfers and chooses by the probe.
    pub(super) fn choose(&mut self) -> Result<(), Fault> {
        let Stage::Pairs(place, layout, _, pairs) = &self.stage else {
            return Err(Fault::Misuse("nothing to compute"));
        };
        let (layout, context) = (*layout, self.named().and(&[place]));
        let choices = &self.query.choices;
        let (transfers, said) = Transfers::choose(&context, pairs, choices, &self.run)?;
        said.send(&mut self.out)?;
        let (taken, context) = (transfers.taken(choices, choices), transfers.context);
        self.begin(layout, transfers, taken, context, None);
        Ok(())
    }

    /// Chooses as in the preparation, and says which of its choices are not those of the probe.
    pub(super) fn replay(&mut self) -> Result<(), Fault> {
        let mut replay = self.replay.take().ok_or(Fault::Misuse("nothing to compute"))?;
        let Query { form, encoding, name, choices, .. } = &self.query;
        let place = replay.message(PLACES, 1)?.first().copied().unwrap_or_default();
        let agreed = (self.asked.largest_slice, self.asked.buckets);
        let layout = layout(&place, encoding, self.asked.alternatives, agreed).map_err(|_| {
            Fault::Local("what was prepared is for a larger slice than is agreed now".to_owned())
        })?;
        // The holder's slice is the one of the preparation, or it would have said that it changed.
        if self.asked.places.is_some_and(|told| told != layout.places) {
            return Err(Misbehaviour::Count.into());
        }
        let pairs = replay.message(PAIRS, ot::WIDTH)?;
        let context = Context::ahead(form, name, &replay.plan).and(&[&place]);
        let mut random = Random::new(&replay.seed);
        let chosen = random.probe(encoding, self.asked.alternatives);
        let (transfers, _) =
            Transfers::choose(&context, &pairs, &chosen, &replay.seed).map_err(unreadable)?;
        let taken = transfers.taken(&chosen, choices);
        let turns = probe::blocks(&taken.iter().map(|taken| taken.turned).collect::<Vec<_>>());
        self.out.send_blocks(TURNS, &turns)?;
        let context = self.named().turned(&transfers.context, &turns);
        self.begin(layout, transfers, taken, context, Some((replay, random)));
        Ok(())
    }

    fn begin(
        &mut self,
        layout: Layout,
        transfers: Transfers,
        taken: Vec<Taken>,
        context: Context,
        replay: Option<(Replay, Random)>,
    ) {
        let (encoding, part) = (self.query.encoding, layout.part(0));
        let mut search = Search {
            layout,
            cipher: permutation(&context),
            context,
            transfers,
            taken,
            replay,
            scored: 0,
            transfer: 0,
            sum: Vec::new(),
            corrections_in: corrections(&encoding, &part),
            corrections: Vec::new(),
            pending: VecDeque::new(),
            tags_in: None,
            tags: Vec::new(),
            tagged: 0,
            kept: Vec::new(),
            gates: 0,
            evaluated: 0,
            expected: Some(Outcome::new(self.asked.answer)),
            outcome: Some(Outcome::new(self.asked.answer)),
            tables_in: Inbox::new(TABLES, 0),
            tables: Vec::new(),
        };
        search.sum = score::nothing(&encoding, &part, &search.turned(&encoding, &part));
        self.search = Some(Box::new(search));
        self.stage = Stage::Score;
    }
}
