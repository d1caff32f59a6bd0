//! From a threshold to a rule in integers, and back.
//!
//! A rule says `p·(o - 2h) >= s·o + kappa` for h positions that differ of an overlap o. So h may be at most
//! `o·(p - s)/2p - kappa/2p`, a straight line in o. The wanted threshold t at full overlap d fixes one point
//! of it, and leaves the slope.
//!
//! * Without masks o is always d. Then s = 0, p = 1 and kappa = d - 2·floor(t·d) say all, in the smallest
//!   numbers; engines are faster with small ones.
//! * With masks, a short overlap must agree better. Daugman (2007) allows `h = o/2 - (1/2 - t)·sqrt(d·o)`, which
//!   keeps the false match rate if the degrees of freedom shrink with the overlap. This is convex in o, so
//!   its tangent at o = d, which has s/p = 1/2 - t, is nowhere above it; a steeper line through the same point
//!   is lower still for o < d. Taken is the largest s/p not above 1/2 - t with p at most 10.

use crate::matching::rule::{Form, FormError, Rule};

/// The largest p that is tried.
const FINEST: u32 = 10;

/// The form for templates of `length` bits that are a hit, at full overlap, if and only if at most
/// `threshold·length` positions differ.
///
/// # Errors
/// [`FormError`], also for a threshold so high or so low that no form can stand: it must be at least
/// 1/length, and below about 0.48 (0.47 with masks).
pub fn form(length: u32, masked: bool, threshold: f64) -> Result<Form, FormError> {
    // Rounded up by an ulp, so that a threshold that was computed as apart/length is that again.
    let most = threshold * f64::from(length) * (1.0 + f64::EPSILON);
    // No number becomes 0, which the check below refuses, as it does lengths out of range.
    let apart = most.clamp(0.0, f64::from(length)) as u32;
    let slope = if masked { 0.5 - threshold } else { 0.0 };
    let (mut s, mut p) = (0, 1);
    for finer in 1..=FINEST {
        let weight = (slope * f64::from(finer)).clamp(0.0, f64::from(finer - 1)) as u32;
        if weight * p > s * finer {
            (s, p) = (weight, finer);
        }
    }
    let reach = u64::from(p - s) * u64::from(length);
    let kappa = u32::try_from(reach.saturating_sub(2 * u64::from(p) * u64::from(apart))).unwrap_or(u32::MAX);
    let form = Form { length, masked, rule: Rule { s, p, kappa } };
    form.check().map(|()| form)
}

/// The largest fractional Hamming distance that is a hit at an overlap of so many positions; `None` if
/// none is.
pub fn threshold(form: &Form, overlap: u32) -> Option<f64> {
    let Rule { s, p, kappa } = form.rule;
    let weight = u64::from(p.checked_sub(s)?).checked_mul(overlap.into())?;
    let apart = weight.checked_sub(kappa.into())?.checked_div(2 * u64::from(p))?;
    (overlap > 0).then(|| apart as f64 / f64::from(overlap))
}
