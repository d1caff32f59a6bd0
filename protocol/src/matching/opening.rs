//! Opening: the probe of a match and the seed of its query, shown to the holder.
//!
//! * The **holder** learns the whole probe. The **asker** learns nothing.
//! * The query is a function of probe, seed and the asker's key; the holder makes it again with
//!   [`Answering::replay`] and compares every byte, by the digest that was
//!   signed. A compact public-key encryption has one plaintext, so no other probe makes the same bytes.
//!
//! The seed of a query serves this query alone, and all that it hides is the probe.

use zeroize::Zeroizing;

use super::{
    engine::{Alternative, Answering},
    rule::Form,
    template::Template,
};
use crate::{
    exchange::{Fault, Misbehaviour},
    seed::Seed,
};

/// The most alternatives that are opened.
const MOST: usize = 1_000;

/// A probe and the seed of its query.
#[derive(Debug)]
pub struct Opened {
    /// The alternatives, in the order of the query.
    pub probe: Vec<Alternative>,
    /// The seed of the query.
    pub seed: Seed,
}

impl Opened {
    /// The seed (32 bytes), then bits and mask of each alternative.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let parts: Vec<_> = self.probe.iter().map(Template::to_bytes).collect();
        let whole = parts.iter().map(|(bits, mask)| bits.len().saturating_add(mask.len())).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(whole.saturating_add(32)));
        bytes.extend_from_slice(self.seed.expose());
        for (bits, mask) in parts.into_iter().map(|(b, m)| (Zeroizing::new(b), Zeroizing::new(m))) {
            bytes.extend_from_slice(&bits);
            bytes.extend_from_slice(&mask);
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote of `alternatives` templates of a form.
    ///
    /// # Errors
    /// [`Misbehaviour::Opening`] if it is not that.
    pub fn from_bytes(form: &Form, alternatives: usize, bytes: &[u8]) -> Result<Self, Fault> {
        let malformed = || Fault::from(Misbehaviour::Opening("it is not in the form of an opened probe"));
        let length = usize::try_from(form.length).map_err(|_| malformed())?;
        let each = length.div_ceil(8);
        let (seed, rest) = bytes.split_first_chunk::<32>().ok_or_else(malformed)?;
        let expected = each.saturating_mul(2).saturating_mul(alternatives);
        if !(1..=MOST).contains(&alternatives) || rest.len() != expected {
            return Err(malformed());
        }
        let template = |part: &[u8]| {
            let (bits, mask) = part.split_at_checked(each).ok_or_else(malformed)?;
            Template::from_bytes(length, bits, Some(mask)).map_err(|_| malformed())
        };
        let probe = rest.chunks(each.saturating_mul(2).max(1)).map(template).collect::<Result<_, _>>()?;
        Ok(Self { probe, seed: Seed::new(*seed) })
    }

    /// Replays the query: seed and probe must make what was committed to and signed.
    ///
    /// # Errors
    /// [`Misbehaviour::Opening`] with what does not fit.
    pub fn replay(
        &self,
        answering: &dyn Answering,
        commitment: &[u8; 32],
        digest: &[u8; 32],
    ) -> Result<(), Fault> {
        if self.seed.commitment() != *commitment {
            return Err(Misbehaviour::Opening("its seed is not the one committed to").into());
        }
        match answering.replay(&self.probe, &self.seed) {
            Ok(made) if made == *digest => Ok(()),
            Ok(_) | Err(Fault::Misuse(_)) => {
                Err(Misbehaviour::Opening("its probe does not make the query that was asked").into())
            }
            Err(fault) => Err(fault),
        }
    }
}
