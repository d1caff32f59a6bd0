//! Count: how many of the asker's identifiers are in the holder's slice, with noise, and no more.
//!
//! * The **asker** learns one noisy number and the padded size of the slice. The **holder** learns
//!   how many identifiers were asked.
//! * Both sides are **semi-honest** here. The holder shuffles the answer, so the batch proof of the
//!   exact exchange does not survive. An asker that fills its batch with identifiers it knows to be
//!   absent asks about the one left; only the noise, the smallest batch and the one-count-a-period
//!   rule stand against that. An asker that departs from the protocol learns more than a number: one
//!   that leaves the dummies out sees the exact number, and one that gives every element a blind of
//!   its own undoes the shuffle and sees one yes or no for each element, dummies' places included.
//!   Its committed batch, opened to an auditor, would show either.
//! * Sources: Huberman, Franklin and Hogg 1999 (commutative blinding), Agrawal, Evfimievski and
//!   Srikant 2003 (shuffled sizes); decisional Diffie-Hellman in ristretto255, random oracles. Noise:
//!   Ghosh, Roughgarden and Sundararajan 2009 (discrete Laplace), truncated.
//!
//! One common blind `r` covers the batch. The holder draws a fresh key `k` for every count, returns
//! `k·r·H(x)` in random order and the filter of `k·H(y)` over its slice. Both sides know the same
//! dummies: the asker puts all of them into its batch, the holder a secret random number of them into
//! its slice.

mod asker;
mod holder;
mod messages;
pub mod noise;

pub use asker::{Asker, Counted, Query};
pub use holder::{Holder, Served};

#[cfg(test)]
mod tests;
