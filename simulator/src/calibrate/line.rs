//! Lines through what was measured.

use super::Measured;
use crate::{
    cost::{EngineCost, Linear, Setup},
    fit::solve,
};

/// The term of a query, whatever its size.
pub(super) const FIXED: usize = 0;
/// The term of an item.
pub(super) const ITEM: usize = 1;
/// The term of a record.
pub(super) const RECORD: usize = 2;
/// The term of an entry.
pub(super) const ENTRY: usize = 3;

/// Costs over the given terms: [`FIXED`], [`ITEM`], [`RECORD`], [`ENTRY`]. What crosses shows no record, and what comes
/// first no item.
pub(super) fn costs(measured: &[Measured], terms: &[usize]) -> EngineCost {
    let fit = |of: fn(&Measured) -> f64, without: &[usize]| {
        let terms: Vec<usize> = terms.iter().copied().filter(|term| !without.contains(term)).collect();
        linear(measured, of, &terms)
    };
    EngineCost {
        asker: fit(|one| one.query.asker, &[]),
        holder: fit(|one| one.query.holder, &[]),
        up: fit(|one| one.traffic.to_holder as f64, &[RECORD]),
        down: fit(|one| one.traffic.to_asker as f64, &[RECORD]),
        setup: Setup {
            asker: fit(|one| one.snapshot.asker, &[ITEM]),
            holder: fit(|one| one.snapshot.holder, &[ITEM]),
            up: fit(|one| one.filter.to_holder as f64, &[ITEM, RECORD]),
            down: fit(|one| one.filter.to_asker as f64, &[ITEM, RECORD]),
        },
        rule: None,
    }
}

/// Least squares of relative errors over the terms that come out positive.
pub(super) fn linear(measured: &[Measured], of: fn(&Measured) -> f64, terms: &[usize]) -> Linear {
    let mut terms = terms.to_vec();
    loop {
        let Some(found) = squares(measured, of, &terms) else { return Linear::default() };
        let least = found.iter().zip(&terms).min_by(|a, b| a.0.total_cmp(b.0));
        if let Some((value, term)) = least.filter(|(value, _)| **value < 0.0) {
            let (_, term) = (value, *term);
            terms.retain(|other| *other != term);
            continue;
        }
        let term = |which: usize| {
            terms
                .iter()
                .position(|term| *term == which)
                .and_then(|at| found.get(at))
                .copied()
                .filter(|value| *value > 1e-12)
                .unwrap_or(0.0)
        };
        return Linear {
            fixed: term(FIXED),
            per_item: term(ITEM),
            per_record: term(RECORD),
            per_entry: term(ENTRY),
        };
    }
}

fn squares(measured: &[Measured], of: fn(&Measured) -> f64, terms: &[usize]) -> Option<Vec<f64>> {
    let n = terms.len();
    let (mut matrix, mut right) = (vec![0.0; n * n], vec![0.0; n]);
    for one in measured {
        let value = of(one);
        if value <= 0.0 {
            continue;
        }
        let all = [1.0, one.size.items, one.size.records, one.size.entries];
        let row: Vec<f64> = terms.iter().filter_map(|term| all.get(*term).copied()).collect();
        for (i, a) in row.iter().enumerate() {
            for (j, b) in row.iter().enumerate() {
                *matrix.get_mut(i * n + j)? += a * b / (value * value);
            }
            *right.get_mut(i)? += a / value;
        }
    }
    solve_scaled(matrix, right)
}

/// Solves after scaling to ones on the diagonal, since terms differ by many orders of magnitude.
fn solve_scaled(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    let scales: Vec<f64> =
        (0..n).map(|i| libm::sqrt(matrix.get(i * n + i).copied().unwrap_or(0.0))).collect();
    if scales.iter().any(|scale| *scale <= 0.0) {
        return None;
    }
    for (i, a) in scales.iter().enumerate() {
        for (j, b) in scales.iter().enumerate() {
            *matrix.get_mut(i * n + j)? /= a * b;
        }
        *right.get_mut(i)? /= a;
    }
    let solved = solve(matrix, right)?;
    Some(solved.iter().zip(&scales).map(|(value, scale)| value / scale).collect())
}
