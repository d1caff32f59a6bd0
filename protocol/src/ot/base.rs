//! Base transfers: the holder gets one of two keys of each pair, by the bits of its choice.
//!
//! Masny and Rindal 2019, figure 8, with a key of its own for each transfer. "Endemic": either side can steer the
//! keys that it has, and no other; the extension needs no more (section 6 there).
#![deny(clippy::arithmetic_side_effects)]

use curve25519_dalek::{RistrettoPoint, Scalar};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Context, WIDTH};
use crate::{
    exchange::{Fault, Misbehaviour},
    group::{PointBytes, decode_point, hash_to_group},
    seed::Seed,
};

/// What the receiver sends for one transfer: two elements.
pub type Pair = [u8; 64];

/// The holder, who receives.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Receiver {
    context: Context,
    choices: u128,
    scalars: Vec<Scalar>,
    #[zeroize(skip)]
    pairs: Vec<Pair>,
}

/// The asker, who has both keys of each transfer.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Sender {
    #[zeroize(skip)]
    elements: Vec<PointBytes>,
    keys: Vec<[u128; 2]>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Receiver(..)")
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sender(..)")
    }
}

/// The random oracle of one transfer and place of the pair.
fn oracle(context: &Context, transfer: u8, place: u8, other: &PointBytes) -> RistrettoPoint {
    hash_to_group(&[context, &[transfer, place], other], &[b"symbolon/ot/base/1"])
}

fn key(
    context: &Context,
    transfer: u8,
    place: u8,
    pair: &Pair,
    sent: &PointBytes,
    shared: &RistrettoPoint,
) -> u128 {
    let mut hash = Sha256::new();
    hash.update(b"symbolon/ot/base-key/1\0");
    hash.update(context);
    hash.update([transfer, place]);
    hash.update(pair);
    hash.update(sent);
    hash.update(shared.compress().as_bytes());
    first(&hash.finalize().into())
}

/// The first block of a digest.
pub(super) fn first(digest: &[u8; 32]) -> u128 {
    digest.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes))
}

/// `a` if the bit is 0, else `b`, without a branch.
fn select(bit: u8, a: &PointBytes, b: &PointBytes) -> PointBytes {
    let mask = bit.wrapping_neg();
    std::array::from_fn(|at| {
        let (a, b) = (a.get(at).copied().unwrap_or(0), b.get(at).copied().unwrap_or(0));
        a ^ (mask & (a ^ b))
    })
}

fn bit(choices: u128, transfer: u8) -> u8 {
    u8::from(choices >> transfer & 1 == 1)
}

fn transfers() -> impl Iterator<Item = u8> {
    (0..=u8::MAX).take(WIDTH)
}

impl Receiver {
    /// Bit i of `choices` says which key of transfer i is received.
    pub fn new(context: &Context, choices: u128, seed: &Seed) -> Self {
        let mut random = seed.stream("ot/base/elements");
        let mut scalars = Vec::with_capacity(WIDTH);
        let stream = seed.stream("ot/base/scalars");
        let pairs = transfers().map(|transfer| {
            let (scalar, place) = (stream.scalar(u64::from(transfer)), bit(choices, transfer));
            let other = RistrettoPoint::from_uniform_bytes(&random.bytes()).compress().to_bytes();
            let own = RistrettoPoint::mul_base(&scalar);
            scalars.push(scalar);
            #[expect(clippy::arithmetic_side_effects, reason = "of group elements")]
            let own = (own - oracle(context, transfer, place, &other)).compress().to_bytes();
            let halves = [select(place, &own, &other), select(place, &other, &own)];
            let mut pair = [0; 64];
            pair.copy_from_slice(halves.as_flattened());
            pair
        });
        let pairs = pairs.collect();
        Self { context: *context, choices, scalars, pairs }
    }

    /// What is sent.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The keys received, from the elements that came back.
    ///
    /// # Errors
    /// [`Misbehaviour::Point`], or [`Misbehaviour::Count`] for another number of elements.
    pub fn keys(&self, elements: &[PointBytes]) -> Result<Zeroizing<Vec<u128>>, Fault> {
        if elements.len() != WIDTH {
            return Err(Misbehaviour::Count.into());
        }
        let keys = transfers().zip(&self.scalars).zip(self.pairs.iter().zip(elements));
        let keys = keys.map(|((transfer, scalar), (pair, sent))| {
            #[expect(clippy::arithmetic_side_effects, reason = "of group elements")]
            let shared = decode_point(sent)? * scalar;
            Ok(key(&self.context, transfer, bit(self.choices, transfer), pair, sent, &shared))
        });
        keys.collect::<Result<_, Fault>>().map(Zeroizing::new)
    }
}

impl Sender {
    /// Answers the pairs of a receiver.
    ///
    /// # Errors
    /// [`Misbehaviour::Point`], or [`Misbehaviour::Count`] for another number of pairs.
    pub fn new(context: &Context, pairs: &[Pair], seed: &Seed) -> Result<Self, Fault> {
        if pairs.len() != WIDTH {
            return Err(Misbehaviour::Count.into());
        }
        let stream = seed.stream("ot/base/scalars");
        let mut sender = Self { elements: Vec::with_capacity(WIDTH), keys: Vec::with_capacity(WIDTH) };
        for (transfer, pair) in transfers().zip(pairs) {
            let scalar = stream.scalar(u64::from(transfer));
            let sent = RistrettoPoint::mul_base(&scalar).compress().to_bytes();
            let (halves, _) = pair.as_chunks::<32>();
            let [zero, one] = halves else { return Err(Misbehaviour::Length.into()) };
            let shared = |place: u8, own: &PointBytes, other: &PointBytes| -> Result<u128, Fault> {
                // The other element is only hashed, but must be canonical too: one message, one encoding.
                decode_point(other)?;
                #[expect(clippy::arithmetic_side_effects, reason = "of group elements")]
                let shared = (decode_point(own)? + oracle(context, transfer, place, other)) * scalar;
                Ok(key(context, transfer, place, pair, &sent, &shared))
            };
            sender.keys.push([shared(0, zero, one)?, shared(1, one, zero)?]);
            sender.elements.push(sent);
        }
        Ok(sender)
    }

    /// What is sent.
    pub fn elements(&self) -> &[PointBytes] {
        &self.elements
    }

    /// Both keys of each transfer.
    pub fn keys(&self) -> &[[u128; 2]] {
        &self.keys
    }
}
