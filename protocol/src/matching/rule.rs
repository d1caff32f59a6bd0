//! The decision rule, in integers.
#![deny(clippy::arithmetic_side_effects)]

use serde::{Deserialize, Serialize};

use super::template::{LONGEST, SHORTEST, Template};

/// The largest weight of a rule, so that every score fits 32 bits.
pub const LARGEST_WEIGHT: u32 = 1_000;

/// When two templates are close enough to be called a hit.
///
/// With a' = +1/-1 for a 1/0 bit and 0 where masked, and `overlap` the number of positions that are
/// unmasked in both, it is a hit if and only if `p·⟨a',b'⟩ ≥ s·overlap + kappa`. `s/p` is 1 - 2t for
/// a threshold t on the fractional Hamming distance; `kappa` demands more agreement where the overlap
/// is small [Daugman 2007, score normalisation, made linear].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Weight of the overlap.
    pub s: u32,
    /// Weight of the agreement.
    pub p: u32,
    /// What must be reached beyond the overlap's share.
    pub kappa: u32,
}

/// What an agreement fixes about one kind of template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Bits of a template.
    pub length: u32,
    /// Whether templates have masks.
    pub masked: bool,
    /// When it is a hit.
    pub rule: Rule,
}

/// A form that cannot stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// A length that no engine takes.
    #[error("a template must have 128 to 12,800 bits")]
    Length,
    /// Weights out of range.
    #[error("the rule must have 0 < p <= 1,000 and s < p")]
    Weights,
    /// A floor so low that a few unmasked bits decide, or so high that nothing can be a hit.
    #[error("kappa must be from (p - s)*length/32 to (p - s)*length - 1: {0} to {1} here")]
    Kappa(u32, u32),
}

impl Form {
    /// Checks that the form can be used.
    ///
    /// # Errors
    /// [`FormError`] with what is out of range.
    pub fn check(&self) -> Result<(), FormError> {
        let length = usize::try_from(self.length).unwrap_or(usize::MAX);
        if !(SHORTEST..=LONGEST).contains(&length) {
            return Err(FormError::Length);
        }
        let Rule { s, p, kappa } = self.rule;
        if p == 0 || p > LARGEST_WEIGHT || s >= p {
            return Err(FormError::Weights);
        }
        // Bounded above: (p - s)·length is at most 12,800,000.
        let reach = p.saturating_sub(s).saturating_mul(self.length);
        let (least, most) = (reach.div_ceil(32), reach.saturating_sub(1));
        if !(least..=most).contains(&kappa) {
            return Err(FormError::Kappa(least, most));
        }
        Ok(())
    }
}

/// All that a rule looks at in two templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Positions unmasked in both.
    pub overlap: u32,
    /// Of these, positions that differ.
    pub apart: u32,
}

impl Comparison {
    /// Of two templates of one length; what a longer one has more is not compared.
    pub fn of(a: &Template, b: &Template) -> Self {
        let (mut overlap, mut apart) = (0_u32, 0_u32);
        for ((a_bits, a_mask), (b_bits, b_mask)) in a.words().zip(b.words()) {
            let both = a_mask & b_mask;
            overlap = overlap.saturating_add(both.count_ones());
            apart = apart.saturating_add(((a_bits ^ b_bits) & both).count_ones());
        }
        Self { overlap, apart }
    }

    /// The fractional Hamming distance, from 0 to 1; `None` where nothing overlaps.
    pub fn distance(&self) -> Option<f64> {
        (self.overlap > 0).then(|| f64::from(self.apart) / f64::from(self.overlap))
    }
}

impl Rule {
    /// `p·⟨a',b'⟩ - s·overlap - kappa`; a hit from 0 on. Both templates must be of one length; what a
    /// longer one has more is not compared.
    pub fn score(&self, a: &Template, b: &Template) -> i64 {
        self.score_of(Comparison::of(a, b))
    }

    /// The score of two templates that were compared.
    pub fn score_of(&self, Comparison { overlap, apart }: Comparison) -> i64 {
        let overlap = i64::from(overlap);
        let agreement = overlap.saturating_sub(i64::from(apart).saturating_mul(2));
        let (s, p, kappa) = (i64::from(self.s), i64::from(self.p), i64::from(self.kappa));
        p.saturating_mul(agreement).saturating_sub(s.saturating_mul(overlap)).saturating_sub(kappa)
    }

    /// The fewest positions that must be unmasked in both for a hit: as many that all agree are just enough. Of a rule
    /// that can stand.
    pub fn least_overlap(&self) -> u32 {
        self.kappa.div_ceil(self.p.saturating_sub(self.s).max(1))
    }

    /// Whether two templates are a hit: the plain oracle.
    pub fn hit(&self, a: &Template, b: &Template) -> bool {
        self.score(a, b) >= 0
    }
}

#[cfg(test)]
mod tests;
