//! Every parameter of the engine, in one place.
//!
//! Keys and noise are those of parameter sets that tfhe 1.8 publishes for 128 bits of security; the
//! rest (decompositions, amplitudes, fan-ins) concerns correctness alone. `docs/protocols/
//! match-one-round.md` says how to repeat the estimates.

use tfhe::core_crypto::prelude::{
    CiphertextModulus, DecompositionBaseLog, DecompositionLevelCount, GlweDimension, LweDimension,
    PolynomialSize, TUniform,
};

use crate::{
    exchange::Fault,
    matching::rule::{Form, Rule},
    seed::Seed,
};

/// All ciphertexts are modulo 2^64.
pub(super) const MODULUS: CiphertextModulus<u64> = CiphertextModulus::new_native();

/// Dimension of the query's key, which is also the bootstrapping's input key.
/// With noise uniform in ±2^43: `V1_8_PARAM_PKE_TO_SMALL_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128_ZKV1`.
pub(super) const SMALL: LweDimension = LweDimension(1_024);
/// Noise of the query, of its public key, of the key switch into [`SMALL`] and of the packing key.
pub(super) const fn small_noise() -> TUniform<u64> {
    TUniform::new(43)
}

/// The bootstrapping's output: 2 × 1,024 = 2,048 coefficients of key, noise uniform in ±2^17, as in
/// `V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128` (1 × 2,048) and
/// `V1_8_PARAM_MESSAGE_1_CARRY_1_KS_PBS_TUNIFORM_2M128` (4 × 512).
pub(super) const BIG: GlweDimension = GlweDimension(2);
/// Degree of its ring.
pub(super) const BIG_DEGREE: PolynomialSize = PolynomialSize(1_024);
/// Coefficients of its key.
pub(super) const BIG_LWE: LweDimension = LweDimension(2_048);
pub(super) const fn big_noise() -> TUniform<u64> {
    TUniform::new(17)
}
/// Decomposition of the bootstrapping, as in the same sets.
pub(super) const BOOTSTRAP: (DecompositionBaseLog, DecompositionLevelCount) =
    (DecompositionBaseLog(23), DecompositionLevelCount(1));

/// Key switch from big to small, as in `V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128`.
pub(super) const SWITCH: (DecompositionBaseLog, DecompositionLevelCount) =
    (DecompositionBaseLog(4), DecompositionLevelCount(4));

/// The answer's key: 4 × 256 coefficients, noise as [`small_noise`], twelve bits kept:
/// `V1_8_COMP_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128`.
pub(super) const ANSWER: GlweDimension = GlweDimension(4);
/// Degree of its ring: bits that one ciphertext of the answer holds.
pub(super) const SLOTS: usize = 256;
/// Coefficients of the answer's key.
pub(super) const ANSWER_MASK: usize = 1_024;
/// Decomposition of packing. Noise of a slot is 2^-7.5 at two levels; one level of base 2^10, as first
/// measured, leaves 2^-4.1 with this key's noise, which errs once in 30,000 slots.
pub(super) const PACK: (DecompositionBaseLog, DecompositionLevelCount) =
    (DecompositionBaseLog(6), DecompositionLevelCount(2));
/// Bits of an answer's coefficient.
pub(super) const ANSWER_BITS: u32 = 12;

/// Bits of the query that one list and its proof hold; at most the query's dimension.
pub(super) const CHUNK: usize = 1_024;

/// A result is ± this inside the circuit: 1/64 of the torus.
pub(super) const BIT: u64 = 1 << 58;
/// What a result is multiplied by in the answer: ± 1/4.
pub(super) const ANSWER_SCALE: u64 = 16;
/// Results that one OR gate takes, doubled to ± 1/32 first: a decision is 13.7 standard deviations off.
pub(super) const OR_FAN_IN: usize = 8;
/// Largest number that a counting gate tells from its neighbours: 6.9 standard deviations.
pub(super) const COUNT_REACH: u32 = 15;
/// The most hits that [`Answer::Candidates`](crate::matching::engine::Answer) can show: two saturated
/// counts must fit a gate.
pub(super) const LARGEST_CAP: u32 = 6;
/// Noise that hides the circuit's own, uniform in ± 1/8.
pub(super) const FLOOD_BITS: u32 = 61;

/// Key sets that the asker commits to; all but one are opened.
pub(super) const KEY_SETS: usize = 8;
/// Rows that are bootstrapped together on one core.
pub(super) const BATCH: usize = 32;

/// Standard deviation of the centred modulus switch, as a share of the torus: sqrt((1 + n/4)/12)/2N
/// [tfhe, `centered_binary_shifted_modulus_switch_additive_variance`].
pub(super) fn switch_deviation() -> f64 {
    ((1.0 + SMALL.0 as f64 / 4.0) / 12.0).sqrt() / (2.0 * BIG_DEGREE.0 as f64)
}

/// Standard deviation of one encrypted bit, as a share of the torus: a uniform error of ±2^43, in the
/// body, and in mask and public key times binary vectors.
pub(super) fn fresh_deviation() -> f64 {
    let uniform = 2_f64.powi(43 - 64) / 3_f64.sqrt();
    uniform * (1.0 + SMALL.0 as f64).sqrt()
}

/// How a form's rule is written on the torus.
///
/// A hit is `Σ weight·bit ≥ threshold`, where weights are divided by what they have in common. A unit of
/// that sum is `factor·2^-log` of the torus: bits are encrypted as 2^-log, because the proof knows powers
/// of two only, and weights are multiplied by `factor`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Encoding {
    /// Bits are 2^(64 - log).
    pub(super) log: u32,
    /// What weights are multiplied by.
    pub(super) factor: u64,
    /// Standard deviation of the decision, in units of the sum.
    pub(super) blur: f64,
}

impl Encoding {
    /// The encoding with the least blur.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a form that does not stand or does not fit the torus.
    pub(super) fn of(form: &Form) -> Result<Self, Fault> {
        form.check().map_err(|_| Fault::Misuse("a form that cannot stand"))?;
        let Rule { s, p, kappa } = form.rule;
        let length = f64::from(form.length);
        // The furthest that any query of bits can be from the threshold, and the mean square weight.
        let (reach, square) = if form.masked {
            let common = f64::from(common(form));
            let (least, most) = (f64::from(p + s) / common, f64::from(p - s) / common);
            let reach = least.max(most) * length + f64::from(kappa) / common + 1.0;
            (reach, (least * least + most * most) * length)
        } else {
            // The most bits that may differ.
            let most = (length - (f64::from(s) * length + f64::from(kappa)) / f64::from(p)) / 2.0;
            (most.max(length - most) + 1.0, length)
        };
        let widest = (0.5 - 14.0 * switch_deviation()) / (reach + 0.5);
        let fit = |log: u32| {
            let factor = (2_f64.powi(log.cast_signed()) * widest).floor();
            let fresh = factor * fresh_deviation() * (square + 1.0).sqrt();
            let blur = switch_deviation().hypot(fresh) / (factor * 2_f64.powi(-log.cast_signed()));
            (factor >= 1.0).then_some(Self { log, factor: factor as u64, blur })
        };
        (4..=30)
            .filter_map(fit)
            .min_by(|a, b| a.blur.total_cmp(&b.blur))
            .ok_or(Fault::Misuse("a form whose scores do not fit the engine"))
    }

    /// One encrypted bit.
    pub(super) fn bit(&self) -> u64 {
        1 << (64 - self.log)
    }

    /// One unit of the sum.
    pub(super) fn unit(&self) -> u64 {
        self.factor.wrapping_mul(self.bit())
    }
}

/// What the weights of a masked form have in common.
pub(super) fn common(form: &Form) -> u32 {
    let Rule { s, p, .. } = form.rule;
    let (mut a, mut b) = (p + s, p - s);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Bits of a query's alternative: two a position if it may be masked.
pub(super) fn bits(form: &Form) -> usize {
    let length = usize::try_from(form.length).unwrap_or(usize::MAX);
    if form.masked { 2 * length } else { length }
}

/// Which bits of a query are encrypted turned round: a fixed and public half of them.
///
/// Bodies of one list share the noise of the public key, weighted by a vector of zeros and ones. Where
/// weights have a sum, that noise adds up in step with it: at 640 masked bits it made the blur twice as
/// large, with a bias that stays as long as the key. Turned bits have turned weights, so the sum is small.
pub(super) fn turned(bits: usize) -> Vec<bool> {
    let mut stream = Seed::new(*b"symbolon/tfhe-turned-bits/1\0\0\0\0\0").stream("turned");
    (0..bits).map(|_| stream.below(2) == 1).collect()
}
