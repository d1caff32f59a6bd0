//! The beta distribution: its distribution function and quantiles.
//!
//! It is at once a smooth form of the binomial one, the law of genuine distances, and what exact
//! confidence intervals are made of.

/// A beta distribution, by its two positive shapes.
#[derive(Clone, Copy, Debug)]
pub(in crate::matching) struct Beta {
    a: f64,
    b: f64,
    /// ln B(a, b).
    ln_beta: f64,
}

impl Beta {
    /// Of the given shapes, which must be positive.
    pub(in crate::matching) fn new(a: f64, b: f64) -> Self {
        let ln_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
        Self { a, b, ln_beta }
    }

    /// Of the given mean and variance; `None` if there is none.
    pub(in crate::matching) fn of_moments(mean: f64, variance: f64) -> Option<Self> {
        // Var = mean·(1 - mean)/(a + b + 1), mean = a/(a + b).
        let sum = mean * (1.0 - mean) / variance - 1.0;
        let (a, b) = (mean * sum, (1.0 - mean) * sum);
        (a.is_finite() && b.is_finite() && a > 0.0 && b > 0.0).then(|| Self::new(a, b))
    }

    /// `P(X <= x)`, the regularised incomplete beta function `I_x(a, b)` [DLMF 8.17]. Small values
    /// keep their relative precision.
    pub(in crate::matching) fn at_or_below(&self, x: f64) -> f64 {
        if x <= 0.0 {
            0.0
        } else if x >= 1.0 {
            1.0
        } else if x <= (self.a + 1.0) / (self.a + self.b + 2.0) {
            tail(self.a, self.b, x, self.ln_beta)
        } else {
            1.0 - tail(self.b, self.a, 1.0 - x, self.ln_beta)
        }
    }

    /// `P(X > x)`, by `1 - I_x(a, b) = I_{1-x}(b, a)`.
    pub(in crate::matching) fn above(&self, x: f64) -> f64 {
        Self { a: self.b, b: self.a, ln_beta: self.ln_beta }.at_or_below(1.0 - x)
    }

    /// The x at which `P(X <= x)` reaches `share`, by bisection.
    pub(in crate::matching) fn quantile(&self, share: f64) -> f64 {
        bisect(|x| self.at_or_below(x) < share)
    }
}

/// The place in 0 to 1 where `below` turns from true to false.
pub(super) fn bisect(below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // Neighbouring numbers end it after some sixty steps; more only if the place is near 0.
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if below(middle) { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// `I_x(a, b)` by its continued fraction [DLMF 8.17.22], which converges fast up to about the mean,
/// evaluated from the front [Lentz 1976].
fn tail(a: f64, b: f64, x: f64, ln_beta: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / nonzero(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    // It takes of the order of sqrt(max(a, b)) steps.
    for step in 1..100_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for term in [even, odd] {
            d = 1.0 / nonzero(1.0 + term * d);
            c = nonzero(1.0 + term / c);
            fraction *= c * d;
        }
        if (fraction - before).abs() <= f64::EPSILON * fraction.abs() {
            break;
        }
    }
    (a * libm::log(x) + b * libm::log1p(-x) - ln_beta).exp() * fraction / a
}
