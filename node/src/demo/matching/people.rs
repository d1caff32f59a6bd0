//! Invented people with templates: a register of captures, and probes that are other captures.
//!
//! All follow from a seed. Two captures of one person are as far apart as `docs/templates.md` has it, so the plain
//! rule itself misses some; which, the demonstration knows.

use std::io::Write;

use data_encoding::HEXLOWER;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use symbolon_policy::agreement::MatchAnswer;
use symbolon_protocol::{
    matching::{
        engine, interactive,
        rates::form,
        rule::Form,
        synthetic::{FACE, Modality, Population, TENPRINT},
        template::Template,
    },
    seed::Seed,
};

use super::ENGINE;
use crate::{control::api::Failure, demo::SEED};

/// Captures below this quality are taken anew: the worst fifth.
const LEAST_QUALITY: f64 = 0.2;
/// One person in so many lacks a finger.
const LACKING: u32 = 9;
/// Fingers that the probe lacks: the right thumb and the left index finger.
const MISSING: [usize; 2] = [0, 6];
/// Occasions of captures.
const ENROLLED: u64 = 0;
const PROBED: u64 = 1;

/// A kind of template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// A face of 512 bits, without masks.
    Face,
    /// Ten fingers, 5,120 bits, with masks.
    Fingers,
    /// A face of 512 bits in a register of many.
    Crowd,
}

impl Sort {
    /// Those of the small register.
    pub const ALL: [Self; 2] = [Self::Face, Self::Fingers];

    /// The form's name in the agreement.
    pub fn name(self) -> &'static str {
        match self {
            Self::Face => "face-512",
            Self::Fingers => "tenprint-5120",
            Self::Crowd => "face-512-crowd",
        }
    }

    /// Code of position and modality.
    pub(super) fn position(self) -> &'static str {
        match self {
            Self::Face | Self::Crowd => "FACE",
            Self::Fingers => "TENPRINT",
        }
    }

    /// For people.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Face | Self::Crowd => "a face",
            Self::Fingers => "ten fingers",
        }
    }

    fn modality(self) -> Modality {
        match self {
            Self::Face | Self::Crowd => FACE,
            Self::Fingers => TENPRINT,
        }
    }

    /// Independent bits that strangers' templates behave like.
    pub(super) fn freedom(self) -> u32 {
        self.modality().freedom as u32
    }

    fn masked(self) -> bool {
        self == Self::Fingers
    }

    /// The largest share of positions that may differ.
    pub(super) fn threshold(self) -> f64 {
        match self {
            Self::Face => 0.26,
            Self::Fingers => 0.33,
            Self::Crowd => 0.25,
        }
    }

    /// The engine by which it is compared.
    fn engine(self) -> &'static str {
        match self {
            Self::Face | Self::Fingers => ENGINE,
            Self::Crowd => interactive::ID,
        }
    }
}

/// What was planted for a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Planted {
    /// Another capture of somebody in the register.
    Genuine,
    /// The same, with fingers missing.
    MissingFingers,
    /// Somebody who is not in the register.
    Stranger,
}

/// What is asked: three faces of people in the register, two of strangers, and one set of fingers.
pub(super) const PROBES: [(Planted, Sort, MatchAnswer); 6] = [
    (Planted::Genuine, Sort::Face, MatchAnswer::Any),
    (Planted::Genuine, Sort::Face, MatchAnswer::Candidates),
    (Planted::Genuine, Sort::Face, MatchAnswer::Candidates),
    (Planted::Stranger, Sort::Face, MatchAnswer::Any),
    (Planted::Stranger, Sort::Face, MatchAnswer::Candidates),
    (Planted::MissingFingers, Sort::Fingers, MatchAnswer::Candidates),
];

/// All templates of one kind in the register, in order of the records.
pub(in crate::demo) struct Shelf {
    pub(super) sort: Sort,
    pub(super) form: Form,
    /// Standard deviation of an encrypted decision, in positions.
    pub(super) blur: f64,
    population: Population,
    pub(super) templates: Vec<Template>,
    /// From 0 to 100.
    qualities: Vec<u8>,
}

/// A probe.
pub(super) struct Probe {
    pub(super) planted: Planted,
    pub(super) sort: Sort,
    pub(super) answer: MatchAnswer,
    pub(super) template: Template,
    /// The place of the person's record, if there is one.
    pub(super) person: Option<u32>,
}

/// Everybody.
pub(in crate::demo) struct Crowd {
    pub(super) records: u32,
    pub(super) shelves: Vec<Shelf>,
    pub(super) probes: Vec<Probe>,
}

/// The id of a record.
pub(in crate::demo) fn record_id(place: u32) -> String {
    format!("rs-template-{place:06}")
}

pub(super) fn fault(error: impl std::fmt::Display) -> Failure {
    Failure::local(format!("cannot invent templates: {error}"))
}

impl Crowd {
    /// Invents people and writes the register, NDJSON.
    ///
    /// # Errors
    /// A local [`Failure`] if it cannot be written, or if this program does not have the engine.
    pub(in crate::demo) fn invent(
        records: u32,
        today: Date,
        register: &mut impl Write,
    ) -> Result<Self, Failure> {
        let shelves = Sort::ALL.into_iter().map(|sort| Shelf::fill(sort, records));
        let shelves = shelves.collect::<Result<Vec<_>, _>>()?;
        for place in 0..records {
            let templates: Vec<Value> = shelves.iter().filter_map(|shelf| shelf.line(place)).collect();
            let line = json!({
                "v": 1,
                "id": record_id(place),
                "category": "IRREGULAR_CROSSING",
                "taken": today.to_string(),
                "templates": templates,
                "subject": { "age": "adult", "own_citizen": false },
                "provenance": "own",
            });
            writeln!(register, "{line}").map_err(fault)?;
        }
        let mut probes = Vec::new();
        for (number, (planted, sort, answer)) in (1_u32..).zip(PROBES) {
            // Spread over the register, or beyond its end.
            let person = (planted != Planted::Stranger)
                .then(|| records.saturating_mul(number) / (PROBES.len() as u32).saturating_add(1));
            let shelf = shelves.iter().find(|shelf| shelf.sort == sort).ok_or_else(|| fault("no shelf"))?;
            let whose = u64::from(person.unwrap_or_else(|| records.saturating_add(number)));
            let template = shelf.probe(whose, planted)?;
            probes.push(Probe { planted, sort, answer, template, person });
        }
        Ok(Self { records, shelves, probes })
    }

    /// The shelf on which a probe is looked for.
    pub(super) fn shelf(&self, probe: &Probe) -> Result<&Shelf, Failure> {
        self.shelves.iter().find(|shelf| shelf.sort == probe.sort).ok_or_else(|| fault("no shelf"))
    }

    /// Every template: those of the register, then the probes.
    pub(in crate::demo) fn templates(&self) -> impl Iterator<Item = &Template> {
        let register = self.shelves.iter().flat_map(|shelf| &shelf.templates);
        register.chain(self.probes.iter().map(|probe| &probe.template))
    }

    /// Ids of all records.
    pub(in crate::demo) fn ids(&self) -> impl Iterator<Item = String> {
        (0..self.records).map(record_id)
    }
}

impl Shelf {
    pub(super) fn fill(sort: Sort, records: u32) -> Result<Self, Failure> {
        let modality = sort.modality();
        let seed: [u8; 32] =
            std::array::from_fn(|at| SEED.to_le_bytes().get(at).copied().unwrap_or(at as u8));
        let population = Population::new(modality.of_two_captures(), Seed::new(seed)).map_err(fault)?;
        let length = u32::try_from(modality.length).map_err(fault)?;
        let form = form(length, sort.masked(), sort.threshold()).map_err(fault)?;
        let engine = engine::engine(sort.engine()).ok_or_else(|| fault("this program lacks the engine"))?;
        let blur = engine.blur(&form).map_err(fault)?;
        let (mut templates, mut qualities) = (Vec::new(), Vec::new());
        for place in 0..records {
            let capture = population.capture(place.into(), ENROLLED, LEAST_QUALITY).map_err(fault)?;
            let lacks = sort.masked() && place % LACKING == 0;
            let template = if lacks {
                let finger = usize::try_from(place / LACKING % 10).map_err(fault)?;
                population.missing(&capture.template, finger).map_err(fault)?
            } else {
                capture.template
            };
            templates.push(template);
            qualities.push((capture.quality * 100.0) as u8);
        }
        Ok(Self { sort, form, blur, population, templates, qualities })
    }

    pub(super) fn probe(&self, person: u64, planted: Planted) -> Result<Template, Failure> {
        let template = self.population.capture(person, PROBED, LEAST_QUALITY).map_err(fault)?.template;
        let missing: &[usize] = if planted == Planted::MissingFingers { &MISSING } else { &[] };
        missing
            .iter()
            .try_fold(template, |template, finger| self.population.missing(&template, *finger))
            .map_err(fault)
    }

    /// One template of a line of the register.
    pub(super) fn line(&self, place: u32) -> Option<Value> {
        let place = usize::try_from(place).ok()?;
        let (template, quality) = (self.templates.get(place)?, self.qualities.get(place)?);
        let mut line = bits(self.sort, template);
        let more = json!({ "kind": self.sort.name(), "length": template.length(), "quality": quality });
        line.as_object_mut()?.extend(more.as_object()?.clone());
        Some(line)
    }
}

impl Probe {
    /// The file of the query.
    pub(super) fn file(&self) -> Value {
        json!({ "alternatives": [bits(self.sort, &self.template)] })
    }
}

/// Position and bits, with the mask where something is masked.
fn bits(sort: Sort, template: &Template) -> Value {
    let (bits, mask) = template.to_bytes();
    let mut given = json!({ "position": sort.position(), "bits": HEXLOWER.encode(&bits) });
    if let Some(given) = given.as_object_mut().filter(|_| template.usable() < template.length()) {
        given.insert("mask".into(), HEXLOWER.encode(&mask).into());
    }
    given
}
