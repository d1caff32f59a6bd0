//! From a real-valued embedding to a template, renewably.
//!
//! Bit j is 1 if the embedding lies on the positive side of a random hyperplane, whose normal vector g_j
//! has independent standard normal coordinates drawn from a seed. The probability that one bit differs
//! is angle/π for two embedding vectors at that angle [Goemans and Williamson 1995; Charikar 2002], so the
//! fractional Hamming distance estimates the angle.
//!
//! The seed is the auxiliary data of [ISO/IEC 24745], the bits are the pseudonymous identifier. Under
//! another seed the bits of the same embedding are fresh: to whoever lacks the seeds they are uniform and
//! independent, whatever the embeddings are. Whoever has a template **and** its seed can estimate
//! the embedding, and with two seeds link two templates: keep the seed apart from the templates, and secret.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{
    draw::normals,
    template::{LONGEST, SHORTEST, Template, TemplateError},
};
use crate::seed::Seed;

/// The most coordinates of an embedding.
pub const WIDEST: usize = 4_096;

/// An embedding, or a shape, that cannot be projected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    /// A shape out of range.
    #[error("an embedding must have 1 to 4,096 coordinates, not {0}")]
    Dimension(usize),
    /// A length out of range.
    #[error(transparent)]
    Length(#[from] TemplateError),
    /// An embedding of another shape.
    #[error("an embedding of {found} coordinates came where {expected} were due")]
    Shape {
        /// Coordinates that the projection takes.
        expected: usize,
        /// Coordinates found.
        found: usize,
    },
    /// Infinite, or no number.
    #[error("every coordinate of an embedding must be a finite number")]
    NotFinite,
    /// All coordinates are 0: there is no direction.
    #[error("an embedding must not be all zeros")]
    Zero,
}

/// The hyperplanes of one seed. It takes 4·dimension·length bytes: 1 MiB for 512 by 512.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Projection {
    dimension: usize,
    length: usize,
    /// The normal vectors, one after the other.
    directions: Vec<f32>,
}

impl std::fmt::Debug for Projection {
    /// Shows the shape only: the rest stands for the seed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Projection {{ dimension: {}, length: {} }}", self.dimension, self.length)
    }
}

impl Projection {
    /// The projection of embeddings of `dimension` coordinates to `length` bits.
    ///
    /// # Errors
    /// [`ProjectionError::Dimension`], [`ProjectionError::Length`].
    pub fn new(seed: &Seed, dimension: usize, length: usize) -> Result<Self, ProjectionError> {
        if !(1..=WIDEST).contains(&dimension) {
            return Err(ProjectionError::Dimension(dimension));
        }
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Err(TemplateError::Length(length).into());
        }
        let mut stream = seed.stream("match/projection/1");
        let count = dimension.saturating_mul(length);
        let mut directions = Vec::with_capacity(count);
        while directions.len() < count {
            let room = count.saturating_sub(directions.len());
            directions.extend(normals(&mut stream).iter().take(room).map(|&value| value as f32));
        }
        Ok(Self { dimension, length, directions })
    }

    /// The template of an embedding. Its scale does not matter.
    ///
    /// Products of two `f32` are exact in `f64` and are added in order, so every machine gives the same
    /// bits.
    ///
    /// # Errors
    /// [`ProjectionError::Shape`], [`ProjectionError::NotFinite`], [`ProjectionError::Zero`].
    pub fn template(&self, embedding: &[f32]) -> Result<Template, ProjectionError> {
        if embedding.len() != self.dimension {
            return Err(ProjectionError::Shape { expected: self.dimension, found: embedding.len() });
        }
        if !embedding.iter().all(|coordinate| coordinate.is_finite()) {
            return Err(ProjectionError::NotFinite);
        }
        if embedding.iter().all(|coordinate| *coordinate == 0.0) {
            return Err(ProjectionError::Zero);
        }
        let side = |direction: &[f32]| {
            let products = direction.iter().zip(embedding).map(|(&g, &x)| f64::from(g) * f64::from(x));
            Some(products.fold(0.0, |sum, product| sum + product) > 0.0)
        };
        let positions: Vec<Option<bool>> = self.directions.chunks(self.dimension).map(side).collect();
        Ok(Template::from_positions(&Zeroizing::new(positions))?)
    }
}

#[cfg(test)]
mod tests;
