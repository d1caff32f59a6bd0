//! Scores: the inner product of an encrypted probe with a plain template.

use std::collections::BTreeMap;

use tfhe::core_crypto::prelude::*;

use super::{
    circuit::Big,
    parameters::{BIG_LWE, CHUNK, Encoding, MODULUS, common},
    query::Encrypted,
};
use crate::matching::{
    rule::{Form, Rule},
    template::Template,
};

/// Scores templates of one form.
#[derive(Debug)]
pub(super) struct Scorer {
    form: Form,
    encoding: Encoding,
}

impl Scorer {
    pub(super) fn new(form: Form, encoding: Encoding) -> Self {
        Self { form, encoding }
    }

    /// The weight of each bit of the query, and what the weighted sum must reach for a hit.
    pub(super) fn weights(&self, template: &Template) -> (Vec<i64>, i64) {
        let Rule { s, p, kappa } = self.form.rule;
        let (s, p, kappa) = (i64::from(s), i64::from(p), i64::from(kappa));
        if self.form.masked {
            let common = i64::from(common(&self.form));
            let (same, other) = ((p - s) / common, -(p + s) / common);
            let pair = |position| match position {
                Some(true) => [same, other],
                Some(false) => [other, same],
                None => [0, 0],
            };
            let threshold = kappa.div_euclid(common) + i64::from(kappa.rem_euclid(common) > 0);
            (template.positions().flat_map(pair).collect(), threshold)
        } else {
            // p(2Σ vb' - Σ b') - s·d - kappa ≥ 0, divided by 2p and rounded up.
            let weights: Vec<i64> =
                template.positions().map(|bit| if bit == Some(true) { 1 } else { -1 }).collect();
            let all: i64 = weights.iter().sum();
            let due = s * i64::from(self.form.length) + kappa + p * all;
            (weights, due.div_euclid(2 * p) + i64::from(due.rem_euclid(2 * p) > 0))
        }
    }

    /// Encrypts how far a template is above the threshold, and half a unit: positive for a hit.
    pub(super) fn score(&self, query: &Encrypted, template: &Template) -> Big {
        let (weights, threshold) = self.weights(template);
        let mut score = LweCiphertext::new(0, BIG_LWE.to_lwe_size(), MODULUS);
        let (mut mask, body) = score.get_mut_mask_and_body();
        for (chunk, weights) in query.chunks.iter().zip(weights.chunks(CHUNK)) {
            // Ciphertext j of a list has the mask X^j·a. There are few different weights.
            let mut turns: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
            for (at, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight != 0) {
                turns.entry(*weight).or_default().push(at);
            }
            for (weight, turns) in turns {
                let factor = weight.cast_unsigned().wrapping_mul(self.encoding.factor);
                let bodies = turns.iter().filter_map(|at| chunk.bodies.get(*at));
                let bodies = bodies.fold(0_u64, |sum, body| sum.wrapping_add(*body));
                *body.data = body.data.wrapping_add(factor.wrapping_mul(bodies));
                for (to, from) in mask.as_mut().iter_mut().zip(chunk.mask.sum(&turns)) {
                    *to = to.wrapping_add(factor.wrapping_mul(from));
                }
            }
        }
        let unit = self.encoding.unit();
        *body.data =
            body.data.wrapping_sub(unit.wrapping_mul(threshold.cast_unsigned())).wrapping_add(unit / 2);
        score
    }
}
