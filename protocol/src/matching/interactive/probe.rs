//! The probe as bits, and the commitment that ties every run of a query to it.
//!
//! A position is one bit without masks. With masks it is two: "it is 1" and "it is 0"; none of them if it is masked.
//! Both at once is no template: such a position counts twice as overlap and never as agreement, so it only adds to
//! what must be matched; and what was asked with it can never be opened by a claim.
//!
//! The commitment is Σ s_i·G_i + r·H over ristretto255 [Pedersen 1992], with the bits in numbers s_i of 248 bits. It
//! hides the probe whatever is known later, and it is bound to it if discrete logarithms are hard.

use std::sync::LazyLock;

use curve25519_dalek::{RistrettoPoint, Scalar, traits::MultiscalarMul};
use sha2::{Digest, Sha256, Sha512};
use zeroize::{Zeroize, Zeroizing};

use super::parameters::{ALTERNATIVES, Encoding};
use crate::{
    exchange::Fault,
    group::{PointBytes, hash_to_group},
    matching::{
        engine::Alternative,
        rule::{Form, Rule},
    },
    seed::Seed,
};

/// Bits in one number of the commitment.
const PACKED: usize = 248;

/// The generator of number `at`; `None` for that of the blind.
fn generator(at: Option<u32>) -> RistrettoPoint {
    static BLIND: LazyLock<RistrettoPoint> =
        LazyLock::new(|| hash_to_group(&[b"blind"], &[b"symbolon/interactive/generator/1"]));
    match at {
        None => *BLIND,
        Some(at) => hash_to_group(&[b"bits", &at.to_be_bytes()], &[b"symbolon/interactive/generator/1"]),
    }
}

/// H.
pub(super) fn blind() -> RistrettoPoint {
    generator(None)
}

/// Bits of the choices of a query, filled up to whole blocks.
pub(super) fn words(encoding: &Encoding, alternatives: usize) -> usize {
    (encoding.transfers() * alternatives).div_ceil(128)
}

/// A probe's bits: one for each position, or two.
///
/// # Errors
/// [`Fault::Misuse`] for no alternatives, too many, or templates of another form.
pub(super) fn choices(encoding: &Encoding, probe: &[Alternative]) -> Result<Zeroizing<Vec<bool>>, Fault> {
    if probe.is_empty() || probe.len() > ALTERNATIVES {
        return Err(Fault::Misuse("a query of no or too many alternatives"));
    }
    let fits = |template: &Alternative| {
        template.length() == encoding.length && (encoding.masked || template.usable() == template.length())
    };
    if !probe.iter().all(fits) {
        return Err(Fault::Misuse("the probe has another form"));
    }
    let mut choices = Zeroizing::new(Vec::with_capacity(encoding.transfers() * probe.len()));
    for position in probe.iter().flat_map(Alternative::positions) {
        choices.push(position == Some(true));
        if encoding.masked {
            choices.push(position == Some(false));
        }
    }
    Ok(choices)
}

/// Bits in blocks.
pub(super) fn blocks(choices: &[bool]) -> Zeroizing<Vec<u128>> {
    let block = |bits: &[bool]| (0..).zip(bits).fold(0, |block, (at, bit)| block | u128::from(*bit) << at);
    Zeroizing::new(choices.chunks(128).map(block).collect())
}

/// Σ 2^i·x_i for each [`PACKED`] numbers.
pub(super) fn pack(numbers: impl DoubleEndedIterator<Item = Scalar> + ExactSizeIterator) -> Vec<Scalar> {
    let mut packed = vec![Scalar::ZERO; numbers.len().div_ceil(PACKED)];
    for (at, number) in numbers.enumerate().rev() {
        if let Some(sum) = packed.get_mut(at / PACKED) {
            *sum = *sum + *sum + number;
        }
    }
    packed
}

/// Σ x_i·G_i, in constant time.
pub(super) fn combine(numbers: &[Scalar]) -> RistrettoPoint {
    RistrettoPoint::multiscalar_mul(numbers, (0..).take(numbers.len()).map(|at| generator(Some(at))))
}

/// r.
pub(super) fn blinding(seed: &Seed) -> Scalar {
    seed.stream("interactive/commitment").scalar(0)
}

/// The commitment to a probe under a query's seed.
pub(super) fn commit(choices: &[bool], seed: &Seed) -> RistrettoPoint {
    let numbers = pack(choices.iter().map(|bit| Scalar::from(u8::from(*bit))));
    combine(&numbers) + blind() * blinding(seed)
}

/// The digest of a query.
pub(super) fn digest(form: &Form, alternatives: usize, commitment: &PointBytes) -> [u8; 32] {
    let Form { length, masked, rule: Rule { s, p, kappa } } = *form;
    let mut hash = Sha256::new();
    hash.update(b"symbolon/interactive/query/1\0");
    [length, u32::from(masked), s, p, kappa].iter().for_each(|number| hash.update(number.to_be_bytes()));
    hash.update((alternatives as u64).to_be_bytes());
    hash.update(commitment);
    hash.finalize().into()
}

/// `count` bits of blocks.
pub(super) fn bits(blocks: &[u128], count: usize) -> Vec<bool> {
    blocks.iter().flat_map(|block| (0..128).map(move |at| block >> at & 1 == 1)).take(count).collect()
}

/// What one choice of a transfer gives: a key for the shares and a mask for the check.
#[derive(Clone, Copy, Zeroize)]
pub(super) struct Key {
    pub(super) stream: u128,
    pub(super) mask: u128,
}

/// The key of a choice, from its string.
pub(super) fn key(context: &[u8; 32], transfer: usize, string: u128) -> Key {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/interactive/transfer/1\0");
    hash.update(context);
    hash.update((transfer as u64).to_be_bytes());
    hash.update(string.to_le_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let (halves, _) = digest.as_chunks::<16>();
    let half = |at: usize| halves.get(at).map_or(0, |bytes| u128::from_le_bytes(*bytes));
    Key { stream: half(0), mask: half(1) }
}

/// The number that stands for one string in the check against the commitment.
pub(super) fn number(context: &[u8; 32], bit: usize, string: u128) -> Scalar {
    let mut hash = Sha512::new();
    hash.update(b"symbolon/interactive/number/1\0");
    hash.update(context);
    hash.update((bit as u64).to_be_bytes());
    hash.update(string.to_le_bytes());
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}
