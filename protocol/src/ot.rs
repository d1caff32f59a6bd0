//! Correlated oblivious transfer: the holder has Δ and strings K, the asker has bits u of its choice and the
//! strings T = K ⊕ u·Δ.
//!
//! * The **asker** (who chooses) learns T: nothing of Δ, which hides the string of the other bit. The **holder**
//!   (who correlates) learns nothing of u.
//! * Against a malicious asker: it is bound to one u, but by guessing bits of Δ. A wrong guess is
//!   [`Misbehaviour::Correlation`](crate::exchange::Misbehaviour::Correlation), so c bits of Δ are learnt with
//!   probability 2^-c and everything else ends. A malicious holder can only choose its own Δ and K.
//! * Sources: base transfers of Masny and Rindal 2019 (endemic oblivious transfer, section 5.1, over
//!   ristretto255); trees and extension of Roy 2022 (SoftSpokenOT, with the field of 2^4) with its checks. For a
//!   field of 2 this is Keller, Orsini and Scholl 2015 as corrected in its revision of 2022.
//!
//! These are the steps; the exchange that needs them puts them in frames. Each side's steps come in one order,
//! and every message has a size that is known before it comes.
//!
//! 1. Holder: [`base::Receiver::new`] makes 128 pairs of elements.
//! 2. Asker: [`base::Sender::new`] answers with 128 elements; [`Forest::new`] and [`Forest::seal`] with what opens
//!    all leaves but one of each tree.
//! 3. Holder: [`Correlator::open`] has all leaves but those that Δ names.
//! 4. Any number of times: the asker sends what [`Chooser::extend`] makes, the holder checks it with
//!    [`Correlator::extend`].

pub mod base;
mod extend;
mod tree;

pub use extend::{Chooser, Correlator, items};
pub use tree::{Forest, SEAL, Seal};

/// Bits of Δ, and base transfers.
pub const WIDTH: usize = 128;
/// Levels of a tree: bits of Δ that one tree hides.
const DEPTH: usize = 4;
/// Leaves of a tree.
const LEAVES: usize = 1 << DEPTH;
/// The bits of one tree.
const HOLE: u128 = LEAVES as u128 - 1;
/// Trees.
pub const TREES: usize = WIDTH / DEPTH;

/// Names a run: both sides must have the same, and no other run may.
pub type Context = [u8; 32];

#[cfg(test)]
mod tests;
