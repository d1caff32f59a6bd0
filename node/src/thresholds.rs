//! What thresholds do: error rates by threshold and register size, and the threshold for a wanted share of
//! false hits [ISO/IEC 19795-1].
//!
//! Two kinds of figures stand side by side and are never mixed. *Counted* ones come from a sample of templates,
//! with exact intervals; they end where the sample is too small to show an error. Those of the *model* come from
//! degrees of freedom and the distances of one person, and reach as far as wanted. Both are of the
//! very rule that would stand in an agreement, with its stricter judgement of short overlaps in what is counted.
//!
//! * [`material`]: templates, synthetic or from a file, and who is whose stranger.
//! * [`counting`]: comparisons of pairs, and whole searches.
//! * [`study`]: the figures; [`csv`] and [`plot`] write them.

mod counting;
pub(crate) mod csv;
mod material;
pub(crate) mod plot;
pub(crate) mod study;

use std::path::PathBuf;

use symbolon_protocol::matching::{
    rates::{Genuine, Impostors, RatesError},
    synthetic::{self, Modality},
};

use crate::control::api::Failure;

pub(crate) use study::{Counted, InRegister, Proposal, Rate, Row, Study, study};

/// Confidence of every interval.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Where templates come from.
    pub(crate) source: Source,
    /// What seeds synthetic people and random choices.
    pub(crate) seed: [u8; 32],
    /// The most pairs of strangers, and of one person, that are compared.
    pub(crate) pairs: usize,
    /// Records of each register.
    pub(crate) records: Vec<u64>,
    /// Comparisons with each record.
    pub(crate) alternatives: u16,
    /// Share of queries whose person is in the register, in thousandths.
    pub(crate) prior_permille: u32,
    /// The share of hits that may be false, in thousandths.
    pub(crate) false_permille: u32,
    /// Thresholds to show in place of those at powers of ten of the false match rate.
    pub(crate) thresholds: Vec<f64>,
}

/// Where templates come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// Invented people.
    Synthetic(Preset, u32),
    /// Lines of a file (see [`crate::register::person_samples`]).
    File(PathBuf),
}

/// A kind of synthetic templates (`docs/templates.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Preset {
    /// Iris codes of 2,048 bits, captured in the field
    Iris,
    /// Iris codes captured under ideal conditions
    IrisIdeal,
    /// Faces, 512 bits; measured on few photographs
    Face,
    /// Single fingers, 512 bits; assumed numbers
    Finger,
    /// Ten fingers, 5,120 bits; assumed numbers
    Tenprint,
}

impl Preset {
    pub(crate) fn modality(self) -> Modality {
        match self {
            Self::Iris => synthetic::IRIS,
            Self::IrisIdeal => synthetic::IRIS_IDEAL,
            Self::Face => synthetic::FACE,
            Self::Finger => synthetic::FINGER,
            Self::Tenprint => synthetic::TENPRINT,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Iris => "iris",
            Self::IrisIdeal => "iris-ideal",
            Self::Face => "face",
            Self::Finger => "finger",
            Self::Tenprint => "tenprint",
        }
    }

    /// Whether a form for such templates has masks: for eyelids and for missing fingers.
    fn masked(self) -> bool {
        !matches!(self, Self::Face | Self::Finger)
    }

    /// Bits of a column, if turned heads turn the templates.
    fn column(self) -> Option<usize> {
        matches!(self, Self::Iris | Self::IrisIdeal).then_some(synthetic::IRIS_COLUMN)
    }

    /// Comparisons with a record in a usual query: an iris is turned by up to three columns either way.
    pub(crate) fn alternatives(self) -> u16 {
        if self.column().is_some() { 7 } else { 1 }
    }
}

/// How far the work is: what is done, how much of it, of how much.
pub(crate) type Seen<'a> = &'a mut dyn FnMut(&str, u64, u64);

/// The law of distances, and where it is from.
#[derive(Clone, Copy, Debug)]
struct Model {
    impostors: Impostors,
    genuine: Genuine,
    /// Mean distance of strangers.
    strangers: f64,
    /// Mean distance of one person.
    mean: f64,
    /// Its standard deviation.
    sd: f64,
}

impl Model {
    /// As stated for a kind of synthetic templates.
    fn stated(modality: &Modality) -> Result<Self, RatesError> {
        let Modality { freedom, mean, sd, .. } = *modality;
        let (impostors, genuine) = (Impostors::new(freedom)?, Genuine::new(mean, sd)?);
        Ok(Self { impostors, genuine, strangers: 0.5, mean, sd })
    }

    /// As observed: mean and standard deviation of distances of strangers, and of one person.
    fn observed(strangers: (f64, f64), one: (f64, f64)) -> Result<Self, Failure> {
        let wrong = |whose: &str, why: RatesError| {
            Failure::input(format!("no model fits the distances {whose}: {why}"))
                .with_help("give templates of more people, with different samples of each")
        };
        let impostors = Impostors::observed(strangers.0, strangers.1);
        let impostors = impostors.map_err(|error| wrong("between strangers", error))?;
        let genuine = Genuine::new(one.0, one.1).map_err(|error| wrong("of one person", error))?;
        Ok(Self { impostors, genuine, strangers: strangers.0, mean: one.0, sd: one.1 })
    }
}

#[cfg(test)]
mod tests;
