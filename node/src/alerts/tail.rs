//! Exact tails of the binomial distribution.

/// P(X >= k) for X binomial with `n` trials of probability `p`.
pub(super) fn at_least(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return 1.0;
    }
    // Terms fall from the mean on, so the sum begins at its largest one.
    if k as f64 > n as f64 * p {
        sum(k, n, p)
    } else {
        // The other tail, seen from the other end.
        (1.0 - sum(n.saturating_sub(k).saturating_add(1), n, 1.0 - p)).clamp(0.0, 1.0)
    }
}

/// P(X <= k).
pub(super) fn at_most(k: u64, n: u64, p: f64) -> f64 {
    at_least(n.saturating_sub(k), n, 1.0 - p)
}

/// The terms from `k` on, each made from the one before.
fn sum(k: u64, n: u64, p: f64) -> f64 {
    if k > n {
        return 0.0;
    }
    // ln C(n, k), by the shorter of the two products.
    let few = k.min(n.saturating_sub(k));
    let choose: f64 =
        (1..=few).map(|i| ((n.saturating_sub(few).saturating_add(i)) as f64 / i as f64).ln()).sum();
    let rest = n.saturating_sub(k);
    let mut term = (choose + k as f64 * p.ln() + rest as f64 * (-p).ln_1p()).exp();
    let (mut total, odds) = (term, p / (1.0 - p));
    for i in k..n {
        term *= n.saturating_sub(i) as f64 / (i.saturating_add(1)) as f64 * odds;
        total += term;
        if term < total * f64::EPSILON {
            break;
        }
    }
    total.min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pascal's way: one trial after the other.
    fn oracle(k: u64, n: u64, p: f64) -> f64 {
        let mut distribution = vec![1.0];
        for _ in 0..n {
            let mut next = vec![0.0; distribution.len() + 1];
            for (hits, chance) in distribution.iter().enumerate() {
                next[hits] += chance * (1.0 - p);
                next[hits + 1] += chance * p;
            }
            distribution = next;
        }
        distribution.iter().skip(usize::try_from(k).unwrap()).sum()
    }

    #[test]
    fn tails_are_those_of_trial_after_trial() {
        for n in [1, 2, 7, 40, 200] {
            for p in [0.01, 1.0 / 29.0, 0.3, 0.5, 0.97] {
                for k in 0..=n + 1 {
                    let (found, expected) = (at_least(k, n, p), oracle(k, n, p));
                    let close = (found - expected).abs() <= 1e-9 * expected + 1e-14;
                    assert!(close, "P(X >= {k}) of {n} at {p}: {found} and {expected}");
                    let below = 1.0 - oracle(k + 1, n, p);
                    assert!(k > n || (at_most(k, n, p) - below).abs() < 1e-9, "P(X <= {k}) of {n} at {p}");
                }
            }
        }
        assert!(at_least(90_000, 100_000, 0.5) < 1e-300 && at_least(49_000, 100_000, 0.5) > 0.999_999);
    }
}
