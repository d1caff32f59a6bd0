//! The one-round engine: fully homomorphic encryption over the torus.
//!
//! * The **asker** learns the padded size of the slice and one bit for all of it, or one bit a record in fresh random
//!   order if there are no more hits than the cap. The **holder** learns sizes and how many alternatives were asked.
//! * Against a malicious asker: every bit of the query is proved to be a bit; keys are cut and chosen, so
//!   a bad set passes with probability 1/8 at most; scores are re-randomised and the answer is flooded,
//!   which is a heuristic for circuit privacy. Against a semi-honest holder the probe stays encrypted; against a
//!   malicious one as far as its reference string is well-formed; that it computes what it should is not proved.
//! * Sources: Chillotti, Gama, Georgieva, Izabachène 2020 (TFHE); Libert 2024 (vector commitments with
//!   proofs of smallness, the proof of the query); Bourse et al. 2016 (circuit privacy), 2018 (two bits a step).
//!
//! `docs/protocols/match-one-round.md` has the argument and the parameters.

use std::sync::Arc;

use tfhe::zk::CompactPkeCrs;

use self::{
    asker::Asker,
    holder::{Holder, Material},
    keys::{PUBLIC_BYTES, Public},
    parameters::{Encoding, LARGEST_CAP},
};
use super::{
    engine::{
        Alternative, Answer, Answering, Asked, Asking, Assurance, Card, Engine, Estimate, Matched, Prepared,
        Rows, Searched, SetupEstimate,
    },
    rule::Form,
};
use crate::{
    exchange::{Boxed, Fault, Misbehaviour},
    seed::Seed,
};

mod answer;
mod asker;
mod circuit;
mod crs;
mod fourier;
mod fresh;
mod holder;
mod keys;
mod keyswitch;
mod messages;
mod parameters;
mod query;
mod rotate;
mod score;
mod setup;
mod turning;

/// The engine's name.
pub const ID: &str = "tfhe-one-round/1";

/// The one-round engine.
#[derive(Clone, Copy, Debug)]
pub struct OneRound;

static CARD: Card = Card {
    id: ID,
    summary: "homomorphic encryption, one message each way, milliseconds a record",
    messages: 2,
    by_courier: true,
    against_asker: (
        Assurance::Covert,
        "a query that is not of bits, but for noise below a quarter of the blur, is refused by proof; bad keys pass with \
         probability 1/8 at most; \
         hiding of the circuit's noise is heuristic",
    ),
    against_holder: (
        Assurance::SemiHonest,
        "the probe stays encrypted if the holder's reference string is well-formed, which is checked in part; a false answer \
         is noticed only by a claim",
    ),
    asker_learns: "one bit, or one bit a record in random order up to the cap; the padded size of the slice",
    holder_learns: "how many alternatives were asked",
    assumptions: "LWE and GLWE with binary keys at 128 bits, also for keys in a circle; the proof: discrete \
                  logarithms and the algebraic group model on BLS12-446, random oracle",
    cost: "grows with the records: 11 ms a comparison and core (on the machine of the benchmarks), 8 bytes \
           down a record for candidates, 1.5 KB for a yes or no",
};

/// Seconds a comparison takes one core, all protections included, as in `docs/benchmarks.md`.
const SECONDS_A_ROW: f64 = 0.011;
/// Seconds to check one list of the query.
const SECONDS_A_PROOF: f64 = 0.08;
/// Seconds of one core that making one key set takes: eight at the asker, and one more, seven at the holder.
const SECONDS_A_SET: f64 = 4.8;
/// The most bytes of a reference string, of a form with 2,048 bits or more.
const REFERENCE_BYTES: u64 = 4_700_000;
/// Bytes of a loaded key set.
const LOADED_BYTES: u64 = 220_000_000;
/// Bytes of memory that one ciphertext of a batch takes, all steps together; and a place of the answer.
const BATCH_BYTES: u64 = 80 << 10;
const PLACE_BYTES: u64 = 44;

impl Engine for OneRound {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn takes(&self, form: &Form, alternatives: u16, answer: Answer) -> Result<(), Fault> {
        Encoding::of(form)?;
        if alternatives == 0 || usize::from(alternatives) > query::ALTERNATIVES {
            return Err(Fault::Misuse("a query of no or too many alternatives"));
        }
        match answer {
            Answer::Candidates { cap } if !(1..=LARGEST_CAP).contains(&cap) => {
                Err(Fault::Misuse("this engine shows from 1 to 6 candidates"))
            }
            _ => Ok(()),
        }
    }

    fn offer(&self, form: &Form, seed: &Seed) -> Result<Boxed<Vec<u8>>, Fault> {
        Ok(Box::new(setup::Offer::new(*form, Encoding::of(form)?, seed)))
    }

    fn accept(&self, form: &Form, seed: &Seed, lasting: &Seed) -> Result<Boxed<Vec<u8>>, Fault> {
        Ok(Box::new(setup::Accept::new(*form, Encoding::of(form)?, (seed, lasting))))
    }

    fn asking(&self, form: &Form, material: &[u8]) -> Result<Arc<dyn Asking>, Fault> {
        let encoding = Encoding::of(form)?;
        let (seed, reference) = material.split_first_chunk::<32>().ok_or_else(spoilt)?;
        let crs = crs::restore(reference).map_err(|_| spoilt())?;
        Ok(Arc::new(AskerKeys { form: *form, encoding, seed: Seed::new(*seed), crs }))
    }

    fn answering(&self, form: &Form, material: &[u8]) -> Result<Arc<dyn Answering>, Fault> {
        let encoding = Encoding::of(form)?;
        let (keys, reference) = material.split_at_checked(PUBLIC_BYTES).ok_or_else(spoilt)?;
        let crs = crs::restore(reference).map_err(|_| spoilt())?;
        let keys = Public::from_bytes(keys).map_err(|_| spoilt())?.expand();
        Ok(Arc::new(HolderKeys(Arc::new(Material { form: *form, encoding, crs, keys }))))
    }

    fn shared(&self, _form: &Form, material: &[u8]) -> Result<Vec<u8>, Fault> {
        let (seed, reference) = material.split_first_chunk::<32>().ok_or_else(spoilt)?;
        Ok([Public::of(&Seed::new(*seed)).to_bytes().as_slice(), reference].concat())
    }

    fn replay(
        &self,
        form: &Form,
        shared: &[u8],
        probe: &[Alternative],
        seed: &Seed,
    ) -> Result<[u8; 32], Fault> {
        let encoding = Encoding::of(form)?;
        let (keys, reference) = shared.split_at_checked(PUBLIC_BYTES).ok_or(Misbehaviour::Length)?;
        // Checked as when it came first: a reference string of another form would end the program.
        let crs = crs::read(form, &encoding, reference)?;
        let key = Public::from_bytes(keys)?.encryption();
        Ok(query::digest(&query::encrypt(form, &encoding, &key, &crs, probe, seed)?))
    }

    fn estimate(
        &self,
        form: &Form,
        groups: u64,
        alternatives: u16,
        answer: Answer,
        cores: usize,
    ) -> Estimate {
        let rows = groups as f64 * f64::from(alternatives);
        let proofs = parameters::bits(form).div_ceil(parameters::CHUNK) as f64 * f64::from(alternatives);
        let bytes_up = query::limit(form, usize::from(alternatives));
        let places = if answer == Answer::Any { 1 } else { groups };
        Estimate {
            seconds: (rows * SECONDS_A_ROW + proofs * SECONDS_A_PROOF) / cores.max(1) as f64,
            bytes_up,
            bytes_down: answer::Packed::bytes(places),
            memory: places.saturating_mul(PLACE_BYTES).saturating_add(
                BATCH_BYTES
                    .saturating_mul(parameters::BATCH as u64)
                    .saturating_mul(cores as u64)
                    .saturating_mul(u64::from(alternatives)),
            ),
        }
    }

    fn setup_estimate(&self, _form: &Form, cores: usize) -> SetupEstimate {
        let sets = parameters::KEY_SETS as f64;
        let seconds = 2.0 * sets * SECONDS_A_SET;
        SetupEstimate {
            messages: 5,
            seconds: seconds / cores.max(1) as f64,
            bytes_up: PUBLIC_BYTES as u64,
            bytes_down: REFERENCE_BYTES,
            memory: LOADED_BYTES,
        }
    }

    fn blur(&self, form: &Form) -> Result<f64, Fault> {
        // In units of the sum, which a position that differs moves by 2p over what weights have in common.
        let blur = Encoding::of(form)?.blur;
        let common = if form.masked { parameters::common(form) } else { 2 * form.rule.p };
        Ok(blur * f64::from(common) / f64::from(2 * form.rule.p))
    }
}

fn spoilt() -> Fault {
    Fault::Local("the stored keys of this engine cannot be read; set them up anew".to_owned())
}

struct AskerKeys {
    form: Form,
    encoding: Encoding,
    seed: Seed,
    crs: CompactPkeCrs,
}

impl Asking for AskerKeys {
    fn prepare(&self, probe: &[Alternative], seed: &Seed) -> Result<Box<dyn Prepared>, Fault> {
        let key = Public::encryption_of(&self.seed);
        let bytes = query::encrypt(&self.form, &self.encoding, &key, &self.crs, probe, seed)?;
        Ok(Box::new(Query { keys: self.seed.clone(), bytes, alternatives: probe.len() }))
    }
}

struct Query {
    keys: Seed,
    bytes: Vec<u8>,
    alternatives: usize,
}

impl Prepared for Query {
    fn digest(&self) -> [u8; 32] {
        query::digest(&self.bytes)
    }

    fn exchange(self: Box<Self>, asked: &Asked, _run: &Seed) -> Result<Boxed<Matched>, Fault> {
        if asked.digest != self.digest() || usize::from(asked.alternatives) != self.alternatives {
            return Err(Fault::Misuse("these are the opening words of another query"));
        }
        Ok(Box::new(Asker::new(self.keys, *asked, self.bytes)?))
    }
}

struct HolderKeys(Arc<Material>);

impl Answering for HolderKeys {
    fn answer(
        &self,
        asked: &Asked,
        rows: Box<dyn Rows>,
        seed: &Seed,
        _run: &Seed,
    ) -> Result<Boxed<Searched>, Fault> {
        OneRound.takes(&self.0.form, asked.alternatives, asked.answer)?;
        Ok(Box::new(Holder::new(self.0.clone(), *asked, rows, seed)?))
    }

    fn replay(&self, probe: &[Alternative], seed: &Seed) -> Result<[u8; 32], Fault> {
        let Material { form, encoding, crs, keys } = &*self.0;
        Ok(query::digest(&query::encrypt(form, encoding, &keys.encryption, crs, probe, seed)?))
    }
}

#[cfg(test)]
mod tests;
