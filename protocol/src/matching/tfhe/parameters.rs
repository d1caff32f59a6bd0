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
};

/// All ciphertexts are modulo 2^64.
pub(super) const MODULUS: CiphertextModulus<u64> = CiphertextModulus::new_native();

/// Dimension of the bootstrapping's input key.
/// With noise uniform in ±2^43: `V1_8_PARAM_PKE_TO_SMALL_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128_ZKV1`.
pub(super) const SMALL: LweDimension = LweDimension(1_024);
/// Noise of the key switch into [`SMALL`] and of the packing key.
pub(super) const fn small_noise() -> TUniform<u64> {
    TUniform::new(43)
}

/// The key of the query and of the bootstrapping's output: 2 × 1,024 = 2,048 coefficients, noise uniform in
/// ±2^17, as in `V1_8_PARAM_PKE_TO_BIG_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128_ZKV2` (2,048),
/// `V1_8_PARAM_MESSAGE_2_CARRY_2_KS_PBS_TUNIFORM_2M128` (1 × 2,048) and
/// `V1_8_PARAM_MESSAGE_1_CARRY_1_KS_PBS_TUNIFORM_2M128` (4 × 512).
///
/// The query is not under [`SMALL`]: what its proof leaves of the noise would be many bits there
/// ([`Encoding::gain`]).
pub(super) const BIG: GlweDimension = GlweDimension(2);
/// Degree of the bootstrapping's ring; the query's list takes the whole key for one of degree 2,048.
pub(super) const BIG_DEGREE: PolynomialSize = PolynomialSize(1_024);
/// Coefficients of the key.
pub(super) const BIG_LWE: LweDimension = LweDimension(2_048);
const BIG_NOISE: u32 = 17;
/// Noise of the query, of its public key and of the bootstrapping's key.
pub(super) const fn big_noise() -> TUniform<u64> {
    TUniform::new(BIG_NOISE)
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
pub(super) const CHUNK: usize = BIG_LWE.0;

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

/// Standard deviation of the key switch to [`SMALL`]: digits, uniform, times the key's noise, and what digits
/// leave out under each bit of the big key that is one.
pub(super) fn key_switch_deviation() -> f64 {
    let (base, levels, n) = (SWITCH.0.0 as f64, SWITCH.1.0 as f64, BIG_LWE.0 as f64);
    let noise = 2_f64.powi(43 - 64) / 3_f64.sqrt();
    let digits = noise * (n * levels / 12.0).sqrt() * base.exp2();
    let rest = (-base * levels).exp2() * (n / 2.0 / 12.0).sqrt();
    digits.hypot(rest)
}

/// Standard deviation of a decision, as a share of the torus. The query's own noise is nothing beside it:
/// [`Encoding::gain`] bounds what the worst could do.
pub(super) fn decision_deviation() -> f64 {
    switch_deviation().hypot(key_switch_deviation())
}

/// Standard deviation of what a bootstrapping leaves in its result, as a share of the torus
/// [`docs/protocols/match-one-round.md`, "What a bootstrapping leaves"].
pub(super) fn result_deviation() -> f64 {
    (-14.1_f64).exp2()
}

/// The largest norm, in units of 2^-64, of what the errors in one list of a query that stands do to its bits,
/// whatever the asker chose.
///
/// The proof bounds the norm of mask's and bodies' errors together by b·√(n + k), b = 2^17, for k bodies. The mask's come
/// out multiplied by the key: at most 2n/π times as long, for the value of any polynomial with n coefficients of 0
/// or 1 at a root of X^n + 1 is no larger. The public key's errors, at most b each, come out at each body with n
/// bits of the asker's choosing.
fn errors() -> f64 {
    let (n, k, b) = (BIG_LWE.0 as f64, CHUNK as f64, f64::from(BIG_NOISE).exp2());
    b * (n + k).sqrt() * (1.0 + 2.0 * n / std::f64::consts::PI) + b * n * k.sqrt()
}

/// The least factor of an [`Encoding`]: rounding it down makes the blur larger by a sixteenth at most.
const LEAST_FACTOR: f64 = 16.0;
/// Deviations of the blur that `kappa` must be worth: a probe with everything masked is a hit with
/// probability 10^-9.
const LEAST_KAPPA: f64 = 6.0;

/// How a form's rule is written on the torus.
///
/// A hit is `Σ weight·bit ≥ threshold`, where weights are divided by what they have in common. A unit of
/// that sum is `factor·2^-log` of the torus: bits are encrypted as 2^-log, because the proof knows powers
/// of two only, and weights are multiplied by `factor`. The bits are as large as they can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Encoding {
    /// Bits are 2^(64 - log).
    pub(super) log: u32,
    /// What weights are multiplied by.
    pub(super) factor: u64,
    /// Standard deviation of the decision, in units of the sum.
    pub(super) blur: f64,
    /// The most by which an asker could move a sum with the errors of its query, if it picked them for one
    /// template that it knew and in step with its own key.
    pub(super) gain: f64,
}

impl Encoding {
    /// The encoding of a form.
    ///
    /// # Errors
    /// [`Fault::Misuse`] for a form whose scores do not fit: weights so fine that the errors of a query could
    /// count as a quarter of the blur, or a `kappa` that these and the blur could overcome.
    pub(super) fn of(form: &Form) -> Result<Self, Fault> {
        form.check().map_err(|_| Fault::Misuse("a form that cannot stand"))?;
        let Rule { s, p, kappa } = form.rule;
        let length = f64::from(form.length);
        // How far a sum can be from the threshold, the squares of the weights, and what kappa is worth.
        let (reach, square, floor) = if form.masked {
            let common = f64::from(common(form));
            let (least, most) = (f64::from(p + s) / common, f64::from(p - s) / common);
            let floor = f64::from(kappa) / common;
            (least.max(most) * length + floor + 1.0, (least * least + most * most) * length, floor)
        } else {
            // The most bits that may differ.
            let most = (length - (f64::from(s) * length + f64::from(kappa)) / f64::from(p)) / 2.0;
            (most.max(length - most) + 1.0, length, f64::INFINITY)
        };
        let widest = (0.5 - 14.0 * decision_deviation()) / (reach + 0.5);
        let log = (LEAST_FACTOR / widest).log2().ceil();
        let (scale, factor) = (log.exp2(), (log.exp2() * widest).floor());
        let blur = decision_deviation() * scale / factor;
        let lists = bits(form).div_ceil(CHUNK) as f64;
        let gain = (lists * square).sqrt() * errors() * scale / 2_f64.powi(64);
        if gain > blur / 4.0 {
            return Err(Fault::Misuse("weights too fine for this engine: choose smaller s and p"));
        }
        if floor < LEAST_KAPPA * blur + gain {
            return Err(Fault::Misuse("a kappa within this engine's blur: choose a larger one"));
        }
        Ok(Self { log: log as u32, factor: factor as u64, blur, gain })
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
