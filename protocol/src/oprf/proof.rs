//! One discrete-logarithm-equality proof for a batch [RFC 9497 section 2.2].
//!
//! A [`Composite`] takes the batch in chunks and keeps only two sums, so a batch of any size is
//! proved and verified in constant memory. The sums are multiscalar multiplications: their scalars
//! and elements are public, so variable time is safe.

use curve25519_dalek::{
    RistrettoPoint, Scalar,
    traits::{Identity, IsIdentity, VartimeMultiscalarMul},
};
use rayon::prelude::*;
use sha2::{Digest, Sha256, Sha512};

use super::{KeyPair, Mode, tag};
use crate::{
    exchange::{Fault, Misbehaviour},
    group::{PointBytes, decode_scalar, hash_to_scalar},
};

/// The fewest elements worth a multiscalar multiplication of their own: the fewer, the dearer each.
const CHUNK: usize = 512;

/// A challenge and a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    challenge: Scalar,
    response: Scalar,
}

impl Proof {
    /// `c || s`, as the RFC serialises it.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let (challenge, response) = bytes.split_at_mut(32);
        challenge.copy_from_slice(self.challenge.as_bytes());
        response.copy_from_slice(self.response.as_bytes());
        bytes
    }

    /// Reads `c || s`.
    ///
    /// # Errors
    /// [`Misbehaviour::Scalar`] if either is not canonical.
    pub fn from_bytes(bytes: &[u8; 64]) -> Result<Self, Fault> {
        match bytes.as_chunks::<32>().0 {
            [challenge, response] => {
                Ok(Self { challenge: decode_scalar(challenge)?, response: decode_scalar(response)? })
            }
            _ => Err(Misbehaviour::Length.into()),
        }
    }
}

/// Running random combination of a batch [RFC 9497 section 2.2.1, `ComputeComposites`].
#[derive(Clone, Debug)]
pub struct Composite {
    mode: Mode,
    seed: [u8; 64],
    index: u32,
    inputs: RistrettoPoint,
    outputs: RistrettoPoint,
}

impl Composite {
    /// An empty batch under a public key.
    pub fn new(public: &PointBytes, mode: Mode) -> Self {
        let dst: Vec<u8> = tag(b"Seed-", mode).concat();
        let mut hash = Sha512::new();
        hash.update([0, 32]);
        hash.update(public);
        hash.update([0, dst.len().to_le_bytes()[0]]);
        hash.update(&dst);
        let identity = RistrettoPoint::identity();
        Self { mode, seed: hash.finalize().into(), index: 0, inputs: identity, outputs: identity }
    }

    /// The weight of one pair.
    fn weight(&self, index: u32, input: &PointBytes, output: &PointBytes) -> Result<Scalar, Fault> {
        let index = u16::try_from(index).map_err(|_| Fault::Misuse("a batch over 65,536 elements"))?;
        Ok(hash_to_scalar(
            &[&[0, 64], &self.seed, &index.to_be_bytes(), &[0, 32], input, &[0, 32], output, b"Composite"],
            &tag(b"HashToScalar-", self.mode),
        ))
    }

    fn weights(&mut self, inputs: &[PointBytes], outputs: &[PointBytes]) -> Result<Vec<Scalar>, Fault> {
        if inputs.len() != outputs.len() {
            return Err(Fault::Misuse("inputs and outputs differ in number"));
        }
        let start = self.index;
        let count = u32::try_from(inputs.len()).map_err(|_| Fault::Misuse("a batch over 65,536 elements"))?;
        let this = &*self;
        let weights = (inputs, outputs)
            .into_par_iter()
            .enumerate()
            .with_min_len(64)
            .map(|(i, (input, output))| {
                this.weight(start.saturating_add(u32::try_from(i).unwrap_or(u32::MAX)), input, output)
            })
            .collect::<Result<_, _>>()?;
        self.index = start.saturating_add(count);
        Ok(weights)
    }

    /// Adds pairs whose outputs are the key times the inputs, as only the prover knows them to be;
    /// the sum of the outputs then follows from that of the inputs (`ComputeCompositesFast`).
    ///
    /// # Errors
    /// [`Fault::Misuse`] if the slices differ in length or the batch passes 65,536.
    pub fn add_own(
        &mut self,
        inputs: &[(RistrettoPoint, PointBytes)],
        outputs: &[PointBytes],
    ) -> Result<(), Fault> {
        let encoded: Vec<PointBytes> = inputs.iter().map(|(_, bytes)| *bytes).collect();
        let weights = self.weights(&encoded, outputs)?;
        self.inputs += combine(&weights, inputs.iter().map(|(point, _)| *point));
        Ok(())
    }

    /// Adds pairs as a verifier sees them.
    ///
    /// # Errors
    /// [`Fault::Misuse`] if the slices differ in length or the batch passes 65,536.
    pub fn add_foreign(
        &mut self,
        inputs: &[(RistrettoPoint, PointBytes)],
        outputs: &[(RistrettoPoint, PointBytes)],
    ) -> Result<(), Fault> {
        let encode =
            |pairs: &[(RistrettoPoint, PointBytes)]| pairs.iter().map(|(_, b)| *b).collect::<Vec<_>>();
        let weights = self.weights(&encode(inputs), &encode(outputs))?;
        let points =
            |pairs: &[(RistrettoPoint, PointBytes)]| combine(&weights, pairs.iter().map(|(p, _)| *p));
        let (inputs, outputs) = rayon::join(|| points(inputs), || points(outputs));
        self.inputs += inputs;
        self.outputs += outputs;
        Ok(())
    }

    /// Names the statement that is proved: another pair makes another one, as each pair is in every weight.
    pub fn statement(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"symbolon/statement/1\0");
        hash.update(self.inputs.compress().as_bytes());
        hash.update(self.outputs.compress().as_bytes());
        hash.finalize().into()
    }

    /// `GenerateProof` for the whole batch [RFC 9497 section 2.2.1], over pairs given by
    /// [`add_own`](Self::add_own). `nonce` must be uniform and used for this proof only.
    pub fn prove(&self, key: &KeyPair, nonce: &Scalar) -> Proof {
        let outputs = key.secret() * self.inputs;
        let commitments = (RistrettoPoint::mul_base(nonce), nonce * self.inputs);
        let challenge = self.challenge(key.public_bytes(), &outputs, commitments);
        Proof { challenge, response: nonce - challenge * key.secret() }
    }

    /// `VerifyProof` for the whole batch [RFC 9497 section 2.2.2], over pairs given by
    /// [`add_foreign`](Self::add_foreign).
    ///
    /// # Errors
    /// [`Misbehaviour::Proof`] if it does not hold.
    pub fn verify(&self, public: &RistrettoPoint, proof: &Proof) -> Result<(), Fault> {
        let Proof { challenge, response } = *proof;
        let first = RistrettoPoint::vartime_double_scalar_mul_basepoint(&challenge, public, &response);
        let second =
            RistrettoPoint::vartime_multiscalar_mul([response, challenge], [self.inputs, self.outputs]);
        // An all-identity batch would make the equation empty.
        let empty = self.inputs.is_identity() || public.is_identity();
        let expected = self.challenge(&public.compress().to_bytes(), &self.outputs, (first, second));
        if empty || expected != challenge { Err(Misbehaviour::Proof.into()) } else { Ok(()) }
    }

    fn challenge(
        &self,
        public: &PointBytes,
        outputs: &RistrettoPoint,
        (first, second): (RistrettoPoint, RistrettoPoint),
    ) -> Scalar {
        let encode = |point: &RistrettoPoint| point.compress().to_bytes();
        let (a0, a1, a2, a3) = (encode(&self.inputs), encode(outputs), encode(&first), encode(&second));
        let two: &[u8] = &[0, 32];
        hash_to_scalar(
            &[two, public, two, &a0, two, &a1, two, &a2, two, &a3, b"Challenge"],
            &tag(b"HashToScalar-", self.mode),
        )
    }
}

/// `Σ weight · point` over public values.
fn combine(weights: &[Scalar], points: impl Iterator<Item = RistrettoPoint>) -> RistrettoPoint {
    let points: Vec<RistrettoPoint> = points.collect();
    let chunk = points.len().div_ceil(rayon::current_num_threads()).max(CHUNK);
    weights
        .par_chunks(chunk)
        .zip(points.par_chunks(chunk))
        .map(|(weights, points)| RistrettoPoint::vartime_multiscalar_mul(weights, points))
        .sum()
}
