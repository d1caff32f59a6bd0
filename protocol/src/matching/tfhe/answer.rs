//! The answer: results packed into few ciphertexts, flooded with noise and cut to twelve bits.

use rayon::prelude::*;
use tfhe::core_crypto::prelude::{
    polynomial_algorithms::{
        polynomial_wrapping_add_assign, polynomial_wrapping_add_mul_assign,
        polynomial_wrapping_monic_monomial_mul,
    },
    *,
};

use super::{
    circuit::Big,
    keys::Evaluation,
    keyswitch,
    parameters::{
        ANSWER, ANSWER_BITS, ANSWER_MASK, ANSWER_SCALE, BATCH, BIT, FLOOD_BITS, MODULUS, PACK, SLOTS,
    },
};
use crate::{
    exchange::{Fault, Misbehaviour},
    seed::Stream,
};

/// Places of an answer, 256 to a ciphertext: 40 bytes a place.
pub(super) struct Packed {
    places: usize,
    packs: Vec<GlweCiphertextOwned<u64>>,
}

/// Polynomials of one ciphertext of the answer.
const POLYNOMIALS: usize = ANSWER.0 + 1;

impl Packed {
    /// An answer of `places` places, each of which must be [put](Self::put) once.
    pub(super) fn new(places: usize) -> Self {
        let pack = |_| GlweCiphertext::new(0, ANSWER.to_glwe_size(), PolynomialSize(SLOTS), MODULUS);
        Self { places, packs: (0..places.div_ceil(SLOTS)).map(pack).collect() }
    }

    /// Puts results, ± [`BIT`], to their places.
    pub(super) fn put(&mut self, keys: &Evaluation, results: &[(usize, Big)]) {
        let cores = rayon::current_num_threads().max(1);
        let share = results.len().div_ceil(cores).clamp(1, BATCH);
        let switched: Vec<_> = results
            .par_chunks(share)
            .flat_map_iter(|results| {
                let bits: Vec<&Big> = results.iter().map(|(_, result)| result).collect();
                switch(keys, &bits, ANSWER_SCALE)
            })
            .collect();
        for ((place, _), single) in results.iter().zip(switched) {
            let Some(pack) = self.packs.get_mut(place / SLOTS) else { continue };
            let mut list = pack.as_mut_polynomial_list();
            for (mut to, from) in list.iter_mut().zip(single.as_polynomial_list().iter()) {
                let mut moved = Polynomial::new(0, PolynomialSize(SLOTS));
                polynomial_wrapping_monic_monomial_mul(&mut moved, &from, MonomialDegree(place % SLOTS));
                polynomial_wrapping_add_assign(&mut to, &moved);
            }
        }
    }

    /// Makes every place but the first random if `over` is + [`BIT`]: adds `over` times a random multiple of
    /// a quarter of the torus.
    pub(super) fn blank(&mut self, keys: &Evaluation, over: &Big, stream: &mut Stream) {
        // 0 or 1/4, in place 0.
        let mut gate = over.clone();
        lwe_ciphertext_plaintext_add_assign(&mut gate, Plaintext(BIT));
        let Some(gate) = switch(keys, &[&gate], ANSWER_SCALE / 2).pop() else { return };
        for (at, pack) in self.packs.iter_mut().enumerate() {
            let mut random = Polynomial::new(0, PolynomialSize(SLOTS));
            // -1, 0, 1 or 2 quarters: small, so that noise stays small.
            random.as_mut().iter_mut().for_each(|to| *to = (stream.bits() % 4).wrapping_sub(1));
            if let (0, Some(first)) = (at, random.as_mut().first_mut()) {
                *first = 0;
            }
            let mut list = pack.as_mut_polynomial_list();
            for (mut to, from) in list.iter_mut().zip(gate.as_polynomial_list().iter()) {
                polynomial_wrapping_add_mul_assign(&mut to, &from, &random);
            }
        }
    }

    /// Bytes of an answer of `places` places.
    pub(super) fn bytes(places: u64) -> u64 {
        let mask = places.div_ceil(SLOTS as u64) * ANSWER_MASK as u64;
        ((mask + places) * u64::from(ANSWER_BITS)).div_ceil(8)
    }

    /// The answer as it travels: for each ciphertext its masks, then one body a place; twelve bits each,
    /// most significant first. Noise uniform in ± 1/8 hides that of the circuit as far as the margin allows.
    pub(super) fn finish(mut self, stream: &mut Stream) -> Vec<u8> {
        let mut bits = Bits::default();
        let mut left = self.places;
        for pack in &mut self.packs {
            let here = left.min(SLOTS);
            left -= here;
            let (mask, mut body) = pack.get_mut_mask_and_body();
            mask.as_ref().iter().for_each(|word| bits.push(*word));
            for word in body.as_mut().iter_mut().take(here) {
                let flood = stream.bits() >> (63 - FLOOD_BITS);
                bits.push(word.wrapping_add(flood).wrapping_sub(1 << FLOOD_BITS));
            }
        }
        bits.finish()
    }
}

/// Results times `scale` as ciphertexts of the answer's key, each in place 0.
pub(super) fn switch(keys: &Evaluation, results: &[&Big], scale: u64) -> Vec<GlweCiphertextOwned<u64>> {
    let scaled: Vec<Big> = results
        .iter()
        .map(|result| {
            let mut scaled = LweCiphertext::clone(result);
            lwe_ciphertext_cleartext_mul_assign(&mut scaled, Cleartext(scale));
            scaled
        })
        .collect();
    let mut sums = vec![0; scaled.len() * POLYNOMIALS * SLOTS];
    keyswitch::accumulate(keys.pack.as_ref(), PACK, &scaled, &mut sums);
    let whole = |(result, sum): (&Big, &[u64])| {
        let mut single = GlweCiphertext::from_container(sum.to_vec(), PolynomialSize(SLOTS), MODULUS);
        if let Some(body) = single.get_mut_body().as_mut().first_mut() {
            *body = body.wrapping_add(*result.get_body().data);
        }
        single
    };
    scaled.iter().zip(sums.chunks(POLYNOMIALS * SLOTS)).map(whole).collect()
}

/// Decrypts an answer.
///
/// # Errors
/// [`Misbehaviour::Length`] if it has another length than an answer of `places` places.
pub(super) fn open(key: &GlweSecretKeyOwned<u64>, places: usize, bytes: &[u8]) -> Result<Vec<bool>, Fault> {
    if Packed::bytes(places as u64) != bytes.len() as u64 {
        return Err(Misbehaviour::Length.into());
    }
    let mut words = words(bytes);
    let mut flags = Vec::with_capacity(places);
    while flags.len() < places {
        let here = (places - flags.len()).min(SLOTS);
        let mut container: Vec<u64> = words.by_ref().take(ANSWER_MASK + here).collect();
        container.resize(POLYNOMIALS * SLOTS, 0);
        let pack = GlweCiphertext::from_container(container, PolynomialSize(SLOTS), MODULUS);
        let mut plain = PlaintextList::new(0, PlaintextCount(SLOTS));
        decrypt_glwe_ciphertext(key, &pack, &mut plain);
        flags.extend(plain.iter().take(here).map(|value| value.0.cast_signed() >= 0));
    }
    Ok(flags)
}

/// Twelve-bit words, the most significant bits of 64.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    half: Option<u8>,
}

impl Bits {
    /// Appends the twelve highest bits of a word, rounded.
    fn push(&mut self, word: u64) {
        let rounded = word.wrapping_add(1 << (63 - ANSWER_BITS)) >> (64 - ANSWER_BITS);
        let [.., high, low] = rounded.to_be_bytes();
        match self.half.take() {
            None => {
                self.bytes.push(high << 4 | low >> 4);
                self.half = Some(low << 4);
            }
            Some(half) => self.bytes.extend([half | high, low]),
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.bytes.extend(self.half);
        self.bytes
    }
}

/// Reads twelve-bit words.
fn words(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let mut nibbles = nibbles.fuse();
    std::iter::from_fn(move || {
        let (a, b, c) = (nibbles.next()?, nibbles.next()?, nibbles.next()?);
        let word = u64::from(a) << 8 | u64::from(b) << 4 | u64::from(c);
        Some(word << (64 - ANSWER_BITS))
    })
}
