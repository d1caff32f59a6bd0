//! The interactive engine: oblivious transfer and a garbled threshold.
//!
//! * The **asker** learns one bit for the whole slice, or one bit a record in fresh random order if there are no more
//!   hits than the cap; the padded size, and the most templates that a record has for one alternative. The **holder**
//!   learns how many alternatives were asked.
//! * A malicious asker is held to one probe, the one that it committed to, and can neither lower the threshold nor
//!   learn more than the answer. A malicious holder can answer falsely; it can learn one bit of the
//!   probe by making the check fail for some probes and not for others, and a failure ends the query and is
//!   journalled.
//! * Most of the bytes can cross before the probe is known, in a preparation that serves one run.
//! * Not reviewed by anybody outside the project. No published system was found that claims the same.
//! * Sources: Bringer, Chabanne, Favre, Patey, Schneider, Zohner 2014 (GSHADE: scores by transfers); Keller, Orsini,
//!   Scholl 2016 (MASCOT: tags modulo a prime); Zahur, Rosulek, Evans 2015 (half gates); see [`crate::ot`] for the
//!   transfers.
//!
//! `docs/protocols/match-interactive.md` has the argument and the parameters.

use std::sync::Arc;

use self::{
    asker::{Asker, Query},
    holder::Holder,
    parameters::{ALTERNATIVES, BLOCK, Encoding, LARGEST_CAP, STEP},
};
use super::{
    ahead::{Keep, Plan, Preparation},
    engine::{
        AheadEstimate, Alternative, Answer, Answering, Asked, Asking, Assurance, Card, Engine, Estimate,
        Matched, Prepared, Rows, Searched, SetupEstimate,
    },
    rule::Form,
};
use crate::{
    exchange::{Boxed, Fault},
    ot,
    seed::Seed,
};

mod asker;
mod check;
mod circuit;
mod context;
mod field;
mod holder;
mod messages;
mod parameters;
mod planes;
mod probe;
mod replay;
mod score;
mod setup;
mod slice;

/// The engine's name.
pub const ID: &str = "ot-garbled/1";

/// The interactive engine.
#[derive(Clone, Copy, Debug)]
pub struct Interactive;

static CARD: Card = Card {
    id: ID,
    summary: "oblivious transfer and a garbled threshold, ten messages, microseconds a record",
    messages: 10,
    by_courier: false,
    against_asker: (
        Assurance::Malicious,
        "one probe, tied to what was signed; false sums and choices are caught but with probability \
         2^-59; by an argument of our own that nobody outside has reviewed",
    ),
    against_holder: (
        Assurance::SemiHonest,
        "the probe stays hidden whatever the holder does, but for one bit by an attempt that ends the query and is \
         journalled if it fails; a false answer is noticed only by a claim",
    ),
    asker_learns: "one bit, or one bit a record in random order up to the cap; the padded size of the slice; the most \
                   templates that a record has for one alternative",
    holder_learns: "how many alternatives were asked",
    assumptions: "the computational Diffie-Hellman problem in ristretto255, AES-128 as an ideal permutation, SHA-2 as \
                  a random oracle",
    cost: "grows with the records and alternatives: microseconds and about 1.2 KB a comparison of 512 bits, 3.7 KB of \
           2,048, twice that with masks",
};

/// Nanoseconds of one core that a comparison takes both sides together, for each position and choice, and for each
/// bit of a sum; and seconds of a query beside that (docs/benchmarks.md).
const NANOSECONDS_A_CHOICE: f64 = 2.6;
const NANOSECONDS_A_BIT: f64 = 150.0;
const SECONDS_A_QUERY: f64 = 0.05;

impl Engine for Interactive {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn takes(&self, form: &Form, alternatives: u16, answer: Answer) -> Result<(), Fault> {
        Encoding::of(form)?;
        if alternatives == 0 || usize::from(alternatives) > ALTERNATIVES {
            return Err(Fault::Misuse("a query of no or too many alternatives"));
        }
        match answer {
            Answer::Candidates { cap } if !(1..=LARGEST_CAP).contains(&cap) => {
                Err(Fault::Misuse("this engine shows from 1 to 16 candidates"))
            }
            _ => Ok(()),
        }
    }

    fn offer(&self, form: &Form, seed: &Seed) -> Result<Boxed<Vec<u8>>, Fault> {
        Encoding::of(form)?;
        Ok(Box::new(setup::Naming::new(true, seed)?))
    }

    fn accept(&self, form: &Form, seed: &Seed, _lasting: &Seed) -> Result<Boxed<Vec<u8>>, Fault> {
        Encoding::of(form)?;
        Ok(Box::new(setup::Naming::new(false, seed)?))
    }

    fn asking(&self, form: &Form, material: &[u8]) -> Result<Arc<dyn Asking>, Fault> {
        Ok(Arc::new(Named::new(form, material)?))
    }

    fn answering(&self, form: &Form, material: &[u8]) -> Result<Arc<dyn Answering>, Fault> {
        Ok(Arc::new(Named::new(form, material)?))
    }

    fn shared(&self, _form: &Form, _material: &[u8]) -> Result<Vec<u8>, Fault> {
        Ok(Vec::new())
    }

    fn replay(
        &self,
        form: &Form,
        _shared: &[u8],
        probe: &[Alternative],
        seed: &Seed,
    ) -> Result<[u8; 32], Fault> {
        // The name of the keys is in no commitment.
        Named { form: *form, encoding: Encoding::of(form)?, name: [0; 32] }.replay(probe, seed)
    }

    fn estimate(
        &self,
        form: &Form,
        groups: u64,
        alternatives: u16,
        answer: Answer,
        cores: usize,
    ) -> Estimate {
        let Ok(encoding) = Encoding::of(form) else {
            return Estimate { seconds: f64::INFINITY, bytes_up: 0, bytes_down: 0, memory: 0 };
        };
        let (n, d) = (lanes(groups), encoding.length as u64);
        let rows = n.saturating_mul(alternatives.into());
        let (bits, wide, choices) = (encoding.bits as u64, encoding.wide as u64, encoding.each() as u64);
        let blocks = n.div_ceil(BLOCK as u64).saturating_mul(alternatives.into());
        let each_block = (ot::items(0) * 16) as u64;
        let probe = d * choices * u64::from(alternatives);
        // Corrections; tags; tables of the comparison and of the count or the or; what hits look like.
        let corrections = (d * choices * bits).div_ceil(8);
        let tables = 16 + 32 * (bits - 2) + 32;
        let told = if answer == Answer::Any { 0 } else { n.div_ceil(8) };
        let down = rows.saturating_mul(corrections + 8 * wide + tables);
        let up = rows.saturating_mul(wide * ot::TREES as u64 / 8);
        let nanoseconds = (d * choices) as f64 * NANOSECONDS_A_CHOICE + wide as f64 * NANOSECONDS_A_BIT;
        let packed = d.div_ceil(8) * choices;
        let query = SECONDS_A_QUERY;
        Estimate {
            seconds: query + rows as f64 * nanoseconds / 2.0 * 1e-9 / cores.max(1) as f64,
            bytes_up: up + blocks * each_block + probe * ot::TREES as u64 / 8 + 13_000,
            bytes_down: down + probe * 40 + told + 10_000,
            // Labels, the sum's tag, the share, what wrapped, the place, and the template.
            memory: rows.saturating_mul(16 * bits + 8 + 8 + 8 + 16 + packed).saturating_add(32 << 20),
        }
    }

    fn ahead_estimate(
        &self,
        form: &Form,
        groups: u64,
        alternatives: u16,
        answer: Answer,
        cores: usize,
    ) -> Option<AheadEstimate> {
        let encoding = Encoding::of(form).ok()?;
        let mut query = self.estimate(form, groups, alternatives, answer, cores);
        let rows = lanes(groups).saturating_mul(alternatives.into());
        let (bits, wide) = (encoding.transfers() as u64, encoding.wide as u64);
        let ahead_down = rows.saturating_mul((bits * encoding.bits as u64).div_ceil(8)) + 8_208;
        // Two bits turned for each bit of the probe and of the sums are left.
        let turns = rows.saturating_mul(wide).div_ceil(8) + bits * u64::from(alternatives) / 8;
        let ahead_up = query.bytes_up;
        query.bytes_up = turns + 200;
        query.bytes_down = query.bytes_down.saturating_sub(ahead_down);
        Some(AheadEstimate { ahead_up, ahead_down, query })
    }

    fn setup_estimate(&self, _form: &Form, _cores: usize) -> SetupEstimate {
        SetupEstimate { messages: 2, seconds: 0.0, bytes_up: 38, bytes_down: 38, memory: 32 }
    }
}

/// Places, filled up as the layout does it.
fn lanes(groups: u64) -> u64 {
    groups.checked_next_multiple_of(STEP as u64).unwrap_or(u64::MAX)
}

/// What a setup gave either side: a name.
struct Named {
    form: Form,
    encoding: Encoding,
    name: [u8; 32],
}

impl Named {
    fn new(form: &Form, material: &[u8]) -> Result<Self, Fault> {
        let spoilt =
            || Fault::Local("the stored keys of this engine cannot be read; set them up anew".to_owned());
        let name = material.try_into().map_err(|_| spoilt())?;
        Ok(Self { form: *form, encoding: Encoding::of(form)?, name })
    }

    fn query(&self, probe: &[Alternative], seed: &Seed) -> Result<Query, Fault> {
        let Self { form, encoding, name } = *self;
        let choices = probe::choices(&encoding, probe)?;
        let commitment = probe::commit(&choices, seed).compress().to_bytes();
        Ok(Query { form, encoding, name, blinding: probe::blinding(seed), choices, commitment })
    }
}

/// A probe that is committed to, and how many alternatives it has.
struct Ready(Query, usize);

impl Asking for Named {
    fn prepare(&self, probe: &[Alternative], seed: &Seed) -> Result<Box<dyn Prepared>, Fault> {
        Ok(Box::new(Ready(self.query(probe, seed)?, probe.len())))
    }

    fn ahead(&self, plan: &Plan, seed: &Seed, keep: Box<dyn Keep>) -> Result<Boxed<Vec<u8>>, Fault> {
        Interactive.takes(&self.form, plan.alternatives, Answer::Any)?;
        Ok(Box::new(asker::Ahead::new((self.form, self.encoding, self.name), *plan, seed, keep)))
    }
}

impl Ready {
    fn machine(self, asked: &Asked, run: &Seed, preparation: Option<Preparation>) -> Result<Asker, Fault> {
        if asked.digest != self.digest() || usize::from(asked.alternatives) != self.1 {
            return Err(Fault::Misuse("these are the opening words of another query"));
        }
        Interactive.takes(&self.0.form, asked.alternatives, asked.answer)?;
        Asker::new(self.0, *asked, run, preparation)
    }
}

impl Prepared for Ready {
    fn digest(&self) -> [u8; 32] {
        probe::digest(&self.0.form, self.1, &self.0.commitment)
    }

    fn exchange(self: Box<Self>, asked: &Asked, run: &Seed) -> Result<Boxed<Matched>, Fault> {
        Ok(Box::new(self.machine(asked, run, None)?))
    }

    fn exchange_ahead(
        self: Box<Self>,
        asked: &Asked,
        run: &Seed,
        preparation: Preparation,
    ) -> Result<Boxed<Matched>, Fault> {
        Ok(Box::new(self.machine(asked, run, Some(preparation))?))
    }
}

impl Answering for Named {
    fn answer(
        &self,
        asked: &Asked,
        rows: Box<dyn Rows>,
        _seed: &Seed,
        run: &Seed,
    ) -> Result<Boxed<Searched>, Fault> {
        Interactive.takes(&self.form, asked.alternatives, asked.answer)?;
        let Self { form, encoding, name } = *self;
        Ok(Box::new(Holder::new((form, encoding, name), *asked, rows, run, None)?))
    }

    fn ahead(
        &self,
        plan: &Plan,
        rows: Box<dyn Rows>,
        seed: &Seed,
        keep: Box<dyn Keep>,
    ) -> Result<Boxed<Vec<u8>>, Fault> {
        Interactive.takes(&self.form, plan.alternatives, Answer::Any)?;
        let Self { form, encoding, name } = *self;
        Ok(Box::new(holder::Ahead::new((form, encoding, name), *plan, rows, seed, keep)?))
    }

    fn answer_ahead(
        &self,
        asked: &Asked,
        rows: Box<dyn Rows>,
        run: &Seed,
        preparation: Preparation,
    ) -> Result<Boxed<Searched>, Fault> {
        Interactive.takes(&self.form, asked.alternatives, asked.answer)?;
        let Self { form, encoding, name } = *self;
        Ok(Box::new(Holder::new((form, encoding, name), *asked, rows, run, Some(preparation))?))
    }

    fn replay(&self, probe: &[Alternative], seed: &Seed) -> Result<[u8; 32], Fault> {
        let query = self.query(probe, seed)?;
        Ok(probe::digest(&self.form, probe.len(), &query.commitment))
    }
}

#[cfg(test)]
mod tests;
