//! Synthetic templates for tests, the demonstration and the simulator.
//!
//! Nobody's templates: they only have the two distributions of distances that decide how a match errs.
//! `docs/templates.md` has the proofs.
//!
//! * **Strangers.** Blocks of n neighbouring positions share a fair coin. Each position copies its block's coin
//!   and is flipped with probability e. With ρ = (1 - 2e)² the correlation of two positions of one block, the
//!   fractional Hamming distance of two persons has mean 1/2 and variance `1/(4·f)` with
//!   `f = d / (1 + ρ²·(n - 1))`; n is chosen so that there are at most f blocks, and e so that f, the degrees of
//!   freedom, is exact.
//! * **One person.** A capture flips every bit of the person's code with one probability q, drawn for the capture
//!   from a beta distribution, whose moments are chosen so that the fractional distance between capture
//!   and code has exactly the stated mean and standard deviation.

use super::{
    draw::uniform,
    rates::Beta,
    template::{LONGEST, SHORTEST, Template, TemplateError},
};
use crate::seed::Seed;

/// A kind of template and how it behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Modality {
    /// Bits of a template.
    pub length: usize,
    /// Codes side by side, such as fingers; each has length/parts bits.
    pub parts: usize,
    /// Degrees of freedom of the whole template.
    pub freedom: f64,
    /// Mean fractional distance between a capture and its person's code.
    pub mean: f64,
    /// Its standard deviation.
    pub sd: f64,
}

/// Positions of an iris code that belong to one angle: eight rings, two phase bits each. It is also the
/// size of [`IRIS`]'s blocks, so comparisons at different rotations are independent, as
/// [Daugman 2004] has them.
pub const IRIS_COLUMN: usize = 16;

/// An iris code of 128 angles, captured in the field [Daugman 2004 and 2007].
pub const IRIS: Modality = Modality { length: 2_048, parts: 1, freedom: 249.0, mean: 0.110, sd: 0.065 };

/// An iris code captured under ideal conditions [Daugman 2004].
pub const IRIS_IDEAL: Modality = Modality { mean: 0.019, sd: 0.039, ..IRIS };

/// Sign bits of a face embedding. Measured on few photographs: genuine .198/.041, strangers .526/.062, hence
/// 65 degrees of freedom. The mean is 1/2 here: n codes cannot be further apart than n/2(n - 1) on average,
/// so .526 is of a sample of at most 20 persons, and 1/2 errs on the side of more false matches.
pub const FACE: Modality = Modality { length: 512, parts: 1, freedom: 65.0, mean: 0.198, sd: 0.041 };

/// Bits of one finger's embedding. All three numbers are **assumed**, not measured.
pub const FINGER: Modality = Modality { length: 512, parts: 1, freedom: 100.0, mean: 0.18, sd: 0.05 };

/// Ten fingers side by side. **Assumed** like [`FINGER`]; the fingers are independent between persons, and
/// one capture is equally good or bad for all ten.
pub const TENPRINT: Modality = Modality { length: 5_120, parts: 10, freedom: 1_000.0, mean: 0.18, sd: 0.05 };

impl Modality {
    /// The same, but with its two moments as those of the distance between two captures of a person, not
    /// between capture and code: for registers that hold captures, as real ones do.
    ///
    /// Captures of noise q and r differ with probability q + r - 2qr. With q and r independent, of mean m and
    /// variance v, that has the mean 2m(1 - m) and the variance 2(1 - 2m)²v + 4v². Moments that cannot be
    /// met are refused by [`Population::new`].
    pub fn of_two_captures(self) -> Self {
        let Self { length, mean, sd, .. } = self;
        let d = length as f64;
        let spread = |mean: f64| mean * (1.0 - mean) / d;
        let m = (1.0 - (1.0 - 2.0 * mean).sqrt()) / 2.0;
        let slope = (1.0 - 2.0 * m).powi(2);
        let variance = (sd * sd - spread(mean)) / (1.0 - 1.0 / d);
        let v = ((slope * slope + 4.0 * variance).sqrt() - slope) / 4.0;
        Self { mean: m, sd: ((1.0 - 1.0 / d) * v + spread(m)).sqrt(), ..self }
    }
}

/// Numbers that no generator can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModalityError {
    /// A length out of range, or that does not divide into the parts.
    #[error("the length must be 128 to 12,800 bits and divide into the parts")]
    Length,
    /// Degrees of freedom that the positions cannot have.
    #[error("degrees of freedom must be at least 1 a part and at most 1 a bit")]
    Freedom,
    /// Moments of no distance.
    #[error("mean and standard deviation must be those of a distance: sd above sqrt(mean*(1 - mean)/length)")]
    Spread,
}

/// A capture of a person.
#[derive(Clone, Debug)]
pub struct Capture {
    /// What the sensor's software made of it.
    pub template: Template,
    /// From 0 to below 1: the share of captures that are noisier than this one.
    pub quality: f64,
}

/// Persons by number, and captures of them. The same seed gives the same ones.
#[derive(Clone, Debug)]
pub struct Population {
    modality: Modality,
    seed: Seed,
    /// Positions of a block.
    block: usize,
    /// Probability that a position differs from its block's coin.
    flip: f64,
    /// The law of a capture's noise.
    noise: Beta,
}

impl Population {
    /// The population of a seed.
    ///
    /// # Errors
    /// [`ModalityError`] with what cannot be met.
    pub fn new(modality: Modality, seed: Seed) -> Result<Self, ModalityError> {
        let Modality { length, parts, freedom, mean, sd } = modality;
        if !(SHORTEST..=LONGEST).contains(&length) || parts == 0 || !length.is_multiple_of(parts) {
            return Err(ModalityError::Length);
        }
        let (size, freedom) = ((length / parts) as f64, freedom / parts as f64);
        if !(1.0..=size).contains(&freedom) {
            return Err(ModalityError::Freedom);
        }
        // Equal blocks, so that a rotation by whole blocks leaves the law as it is. One block always fits.
        let part = length / parts;
        let block =
            (1..=part).find(|n| part.is_multiple_of(*n) && (part / n) as f64 <= freedom).unwrap_or(part);
        // ρ², which is anything where every position is a block.
        let squared = (size / freedom - 1.0) / ((block - 1) as f64).max(1.0);
        let flip = (1.0 - squared.clamp(0.0, 1.0).sqrt().sqrt()) / 2.0;

        // Var = Var q + E q(1 - q)/d = (1 - 1/d)·Var q + mean·(1 - mean)/d.
        let d = length as f64;
        let variance = (sd * sd - mean * (1.0 - mean) / d) / (1.0 - 1.0 / d);
        let noise = Beta::of_moments(mean, variance).ok_or(ModalityError::Spread)?;
        Ok(Self { modality, seed, block, flip, noise })
    }

    /// The modality.
    pub fn modality(&self) -> &Modality {
        &self.modality
    }

    /// A person's own code, without noise and unmasked.
    ///
    /// # Errors
    /// None for a modality that was accepted; the type is that of [`Template::from_positions`].
    pub fn code(&self, person: u64) -> Result<Template, TemplateError> {
        let mut stream = self.seed.stream(&format!("synthetic/code/{person}"));
        let mut positions = Vec::with_capacity(self.modality.length);
        while positions.len() < self.modality.length {
            let coin = stream.bits() >> 63 == 1;
            positions.extend((0..self.block).map(|_| Some(coin ^ (uniform(&mut stream) < self.flip))));
        }
        Template::from_positions(&positions)
    }

    /// The capture of a person on an occasion, of at least the given quality (0 takes any capture, 0.2 has
    /// the worst fifth repeated).
    ///
    /// The stated moments are of the distance between a capture and the code, for quality 0. Two captures are
    /// further apart: with noise q and r by q + r - 2qr.
    ///
    /// # Errors
    /// As [`code`](Self::code).
    pub fn capture(&self, person: u64, occasion: u64, least_quality: f64) -> Result<Capture, TemplateError> {
        let mut stream = self.seed.stream(&format!("synthetic/capture/{person}/{occasion}"));
        let least = least_quality.clamp(0.0, 1.0);
        let quality = least + (1.0 - least) * uniform(&mut stream);
        let noise = self.noise.quantile(1.0 - quality);
        let code = self.code(person)?;
        let noisy = |position: Option<bool>| position.map(|bit| bit ^ (uniform(&mut stream) < noise));
        let positions: Vec<Option<bool>> = code.positions().map(noisy).collect();
        Ok(Capture { template: Template::from_positions(&positions)?, quality })
    }

    /// A template with one part masked, such as a missing finger; unchanged for a part that it does not have.
    ///
    /// # Errors
    /// As [`code`](Self::code).
    pub fn missing(&self, template: &Template, part: usize) -> Result<Template, TemplateError> {
        let size = self.modality.length / self.modality.parts;
        hidden(template, part.saturating_mul(size), size)
    }
}

/// A template with `count` positions from `start` on masked; it does not go around the end.
///
/// # Errors
/// None for a template's own positions; the type is that of [`Template::from_positions`].
pub fn hidden(template: &Template, start: usize, count: usize) -> Result<Template, TemplateError> {
    let end = start.saturating_add(count);
    let keep = |(at, position): (usize, Option<bool>)| position.filter(|_| !(start..end).contains(&at));
    let positions: Vec<Option<bool>> = template.positions().enumerate().map(keep).collect();
    Template::from_positions(&positions)
}

#[cfg(test)]
mod tests;
