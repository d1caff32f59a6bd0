//! Scores: the inner product of an encrypted probe with a plain template.

use tfhe::core_crypto::prelude::{polynomial_algorithms::polynomial_wrapping_add_mul_assign, *};

use super::{
    parameters::{Encoding, MODULUS, SMALL, bits, common, turned},
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
    turned: Vec<bool>,
}

impl Scorer {
    pub(super) fn new(form: Form, encoding: Encoding) -> Self {
        Self { form, encoding, turned: turned(bits(&form)) }
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
    pub(super) fn score(&self, query: &Encrypted, template: &Template) -> LweCiphertextOwned<u64> {
        let (mut weights, mut threshold) = self.weights(template);
        for (weight, _) in weights.iter_mut().zip(&self.turned).filter(|(_, turned)| **turned) {
            // w·(1 - bit) is w and -w·bit.
            threshold -= *weight;
            *weight = -*weight;
        }
        let mut score = LweCiphertext::new(0, SMALL.to_lwe_size(), MODULUS);
        let (mut mask, body) = score.get_mut_mask_and_body();
        let mut sum = Polynomial::from_container(mask.as_mut());
        for (chunk, weights) in query.chunks.iter().zip(weights.chunks(super::parameters::CHUNK)) {
            // Ciphertext j of a list has the mask X^j·a, so the weighted sum of masks is a product.
            let mut factors = Polynomial::new(0, PolynomialSize(SMALL.0));
            let factor = self.encoding.factor;
            factors.as_mut().iter_mut().zip(weights).for_each(|(to, weight)| {
                *to = weight.cast_unsigned().wrapping_mul(factor);
            });
            for (factor, bit) in factors.as_ref().iter().zip(&chunk.bodies) {
                *body.data = body.data.wrapping_add(factor.wrapping_mul(*bit));
            }
            polynomial_wrapping_add_mul_assign(&mut sum, &chunk.mask, &factors);
        }
        let unit = self.encoding.unit();
        *body.data =
            body.data.wrapping_sub(unit.wrapping_mul(threshold.cast_unsigned())).wrapping_add(unit / 2);
        score
    }
}
