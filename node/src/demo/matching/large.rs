//! One probe of a register of many, by the engine that the asker's node chooses.
//!
//! The register holds one face of each person. Its form is stricter than that of the small match, and still a face
//! says too little to find one person among 100,000: a few strangers are candidates too, as the plain rule has it.

use std::{io::Write, path::Path};

use jiff::civil::Date;
use serde::Serialize;
use serde_json::json;
use symbolon_policy::{agreement::MatchAnswer, words::QueryId};
use symbolon_protocol::{
    matching::{
        engine::{Answer, engine},
        template::Template,
        tfhe,
    },
    padding::Buckets,
};

use super::{
    people::{Planted, Probe, Shelf, Sort, fault},
    play::{Verdict, probed},
    report::Probed,
};
use crate::{
    control::api::{Failure, Reply},
    demo::{
        stage::{Stage, odd},
        steps::Steps,
    },
    engines::Choice,
};

/// People in the register unless another number is given, or what crosses the wire is searched.
pub const RECORDS: u32 = 100_000;
/// The fewest and the most.
pub const FEWEST: u32 = 10;
/// See [`FEWEST`].
pub const MOST: u32 = 1_000_000;
/// People in the register if what crosses the wire is searched.
pub const SEARCHED: u32 = 1_000;

/// The register.
const REGISTER: &str = "faces";
/// Candidates that are shown at most: as many as both engines take.
pub(super) const CAP: u32 = 6;

/// Everybody in the register, and whom is asked about.
pub(in crate::demo) struct Many {
    pub(super) records: u32,
    pub(super) shelf: Shelf,
    probe: Probe,
}

/// What the probe showed.
#[derive(Clone, Debug, Serialize)]
pub struct Large {
    /// The register.
    pub register: &'static str,
    /// People in it.
    pub records: u32,
    /// Which engine the asker's node took, and why.
    pub choice: Choice,
    /// The probe and its answer.
    pub probe: Probed,
    /// What the engine was expected to cost.
    pub expected: Cost,
    /// What the other engine would cost, by its own model.
    pub one_round: Cost,
    /// Seconds to set up its keys first, both sides.
    pub one_round_keys: f64,
}

/// An estimate for one query.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Cost {
    /// The engine.
    pub engine: &'static str,
    /// Seconds at the holder, with the cores of this machine.
    pub seconds: f64,
    /// Bytes, both ways together.
    pub bytes: u64,
}

fn record_id(place: u32) -> String {
    format!("rs-face-{place:07}")
}

impl Many {
    /// Invents people and writes the register, NDJSON.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be written.
    pub(in crate::demo) fn invent(
        records: u32,
        today: Date,
        register: &mut impl Write,
    ) -> Result<Self, Failure> {
        let shelf = Shelf::fill(Sort::Crowd, records)?;
        for place in 0..records {
            let line = json!({
                "v": 1,
                "id": record_id(place),
                "category": "IRREGULAR_CROSSING",
                "taken": today.to_string(),
                "templates": shelf.line(place).as_slice(),
                "subject": { "age": "adult", "own_citizen": false },
                "provenance": "own",
            });
            writeln!(register, "{line}").map_err(fault)?;
        }
        let person = records / 2;
        let probe = Probe {
            planted: Planted::Genuine,
            sort: Sort::Crowd,
            answer: MatchAnswer::Candidates,
            template: shelf.probe(person.into(), Planted::Genuine)?,
            person: Some(person),
        };
        Ok(Self { records, shelf, probe })
    }

    /// Every template: those of the register, then the probe.
    pub(in crate::demo) fn templates(&self) -> impl Iterator<Item = &Template> {
        self.shelf.templates.iter().chain([&self.probe.template])
    }

    /// Ids of all records.
    pub(in crate::demo) fn ids(&self) -> impl Iterator<Item = String> {
        (0..self.records).map(record_id)
    }

    /// What an engine would cost, and its keys before.
    fn cost(&self, id: &str) -> Result<(Cost, f64), Failure> {
        let engine = engine(id).ok_or_else(|| fault("this program lacks the engine"))?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (form, answer) = (&self.shelf.form, Answer::Candidates { cap: CAP });
        let estimate = engine.estimate(form, Buckets::USUAL.places(self.records.into()), 1, answer, cores);
        let bytes = estimate.bytes_up.saturating_add(estimate.bytes_down);
        let cost = Cost { engine: engine.card().id, seconds: estimate.seconds, bytes };
        Ok((cost, engine.setup_estimate(form, cores).seconds))
    }
}

impl Large {
    /// What is not as it must be.
    pub(super) fn faults(&self) -> Vec<String> {
        // This engine has no blur.
        let same = self.probe.verdict == Verdict::Same;
        let (told, hits) = (&self.probe.told.candidates, self.probe.plain.hits);
        let wrong = format!("the probe of the register of many found {told:?}, the plain rule {hits}");
        (!same).then_some(wrong).into_iter().collect()
    }
}

impl Stage<'_> {
    /// Imports the register of many and asks by one probe.
    ///
    /// # Errors
    /// A [`Failure`] of a command, or of a query that is not answered.
    pub(super) fn asked_of_many(
        &self,
        many: &Many,
        register: &Path,
        number: u32,
        steps: &mut Steps,
    ) -> Result<(Large, QueryId), Failure> {
        let imported = steps.run("RS", "imports a large register of faces", || {
            let reply = self.holder.call("register import --create", &[&REGISTER, &register])?;
            let Reply::Imported(imported) = reply else { return Err(odd("register import")) };
            Ok(imported)
        })?;
        if imported.good != u64::from(many.records) || imported.rejected > 0 {
            let what = format!("{} of {} records of faces were imported", imported.good, many.records);
            return Err(Failure::integrity(what));
        }
        let (one_round, one_round_keys) = many.cost(tfhe::ID)?;
        let what = format!("asks about a face among {}, encrypted", many.records);
        let answer = steps.run("MK", what, || self.ask_by(REGISTER, number, &many.probe, None))?;
        steps.wire(answer.bytes_out, answer.bytes_in);
        let (query, choice) = answer.query.zip(answer.choice.clone()).ok_or_else(|| odd("query match"))?;
        let (expected, _) = many.cost(choice.engine.as_str())?;
        let record = many.probe.person.map(record_id);
        let probe = probed(&many.shelf, &many.probe, record, answer)?;
        let (register, records, choice) = (REGISTER, many.records, *choice);
        Ok((Large { register, records, choice, probe, expected, one_round, one_round_keys }, query))
    }
}
