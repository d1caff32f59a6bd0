//! Draws from a seed's stream that are the same on every machine.
//!
//! Only `libm` computes logarithms and circular functions here: those of a platform's own library
//! may differ in the last bit.

use crate::seed::Stream;

/// A uniform number from 0 to below 1, a multiple of 2^-53. Takes 64 bits of the stream.
pub(super) fn uniform(stream: &mut Stream) -> f64 {
    (stream.bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// Two independent standard normal numbers from two uniform ones [Box and Muller 1958].
pub(super) fn normals(stream: &mut Stream) -> [f64; 2] {
    // From 1 - uniform, so that the logarithm is never of 0.
    let radius = (-2.0 * libm::log(1.0 - uniform(stream))).sqrt();
    let angle = std::f64::consts::TAU * uniform(stream);
    [radius * libm::cos(angle), radius * libm::sin(angle)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn normal_numbers_have_the_moments_of_the_law() {
        let mut stream = Seed::new([1; 32]).stream("normals");
        let draws = 200_000;
        let values: Vec<f64> = (0..draws / 2).flat_map(|_| normals(&mut stream)).collect();
        let moment = |power| values.iter().map(|value| value.powi(power)).sum::<f64>() / f64::from(draws);
        // E x^k is 0, 1, 0, 3 and Var x^k is 1, 2, 15, 96: within five standard errors.
        for (power, mean, variance) in [(1, 0.0, 1.0_f64), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let off = (moment(power) - mean) / (variance / f64::from(draws)).sqrt();
            assert!(off.abs() < 5.0, "moment {power} is off by {off} standard errors");
        }
        // The two of a pair are uncorrelated; the product has variance 1.
        let product: f64 = values.chunks(2).map(|pair| pair[0] * pair[1]).sum();
        assert!((product / (f64::from(draws) / 2.0).sqrt()).abs() < 5.0);
    }
}
