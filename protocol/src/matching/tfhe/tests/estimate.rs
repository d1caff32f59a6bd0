//! How hard it is to find a key, by the simplest of the estimates: the primal attack, one short vector.
//!
//! The embedding for binary secrets is scaled as by Bai and Galbraith (2014); the block size is the least for which
//! the vector is found [Alkim, Ducas, Pöppelmann, Schwabe 2016, section 6.3], with the root Hermite factor of Chen (2013)
//! and the geometric series assumption.

use std::f64::consts::{E, LN_2, PI};

use super::super::parameters::{ANSWER_MASK, BIG_LWE, SMALL, big_noise, small_noise};

/// The natural logarithm of the root Hermite factor of a block size.
fn hermite(block: f64) -> f64 {
    (block / (2.0 * PI * E) * (PI * block).powf(1.0 / block)).ln() / (2.0 * (block - 1.0))
}

/// The least block size that finds a binary key of `dimension` bits from samples modulo 2^64 whose errors are uniform in
/// ±2^`noise`.
fn block_size(dimension: u32, noise: u32) -> u32 {
    let (n, error, secret) = (f64::from(dimension), 2_f64.powi(1 + noise.cast_signed()) / 12_f64.sqrt(), 0.5);
    let of = |samples: u32| {
        let lattice = dimension + samples + 1;
        let d = f64::from(lattice);
        // Of the lattice's volume, the part of each dimension.
        let volume = (f64::from(samples) * 64.0 * LN_2 + n * f64::ln(error / secret)) / d;
        let found = |block: u32| {
            let b = f64::from(block);
            error.ln() + b.ln() / 2.0 <= (2.0 * b - d - 1.0) * hermite(b) + volume
        };
        // The larger the block, the shorter what it finds.
        let (mut low, mut high) = (50, lattice);
        while low < high {
            let middle = low + (high - low) / 2;
            if found(middle) { high = middle } else { low = middle + 1 }
        }
        low
    };
    (dimension / 4..3 * dimension).step_by(8).map(of).min().unwrap()
}

#[test]
fn keys_are_as_hard_to_find_as_the_page_says() {
    let small = |dimension: usize| block_size(u32::try_from(dimension).unwrap(), small_noise().bound_log2());
    let big = block_size(u32::try_from(BIG_LWE.0).unwrap(), big_noise().bound_log2());
    let found = [small(SMALL.0), big, small(ANSWER_MASK)];
    assert_eq!(found, [404, 374, 404], "docs/protocols/match-one-round.md, Parameters");
    // The measure can tell: with less noise, or less of a key, it is easier.
    assert!(block_size(1_024, 33) < 320 && block_size(800, 43) < 320);
}
