//! What each change does by itself, and its share of the whole.
//!
//! The value of a set of changes is the figure with these made and no other. Leave-one-out of a change is the value
//! of all less that of all others. Its Shapley share is the mean, over every order in which changes could be made,
//! of what it adds when its turn comes; the shares sum to the whole difference [Shapley 1953]. Up to
//! [`Budget::exact_up_to`] changes every set is run; above that orders are drawn, each with its reverse [Castro,
//! Gómez and Tejada 2009], and the standard error over the draws is given.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    outcome::{Interval, interval},
    proposal::Proposal,
    random::{Draws, named},
    run::Watch,
};

use super::{Change, CompareError, Comparison, changes, less, with_changes};

/// How much to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Up to so many changes every set is run; at most 16.
    pub exact_up_to: usize,
    /// Pairs of orders that are drawn above that, at least 2.
    pub orders: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { exact_up_to: 6, orders: 6 }
    }
}

/// What one change does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Which.
    pub change: Change,
    /// The whole less the whole without it, paired seed by seed.
    pub leave_one_out: Interval,
    /// Its share of the whole difference, over seeds.
    pub shapley: Interval,
    /// Standard error of its share from drawing orders; 0 if every set was run.
    pub sampling_error: f64,
}

/// Two changes that work together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// One.
    pub first: Change,
    /// The other.
    pub second: Change,
    /// What the first adds when it is made before the second, with all others made.
    pub first_before: Interval,
    /// What the second then adds.
    pub second_after: Interval,
    /// What the second adds when it is made before the first.
    pub second_before: Interval,
    /// What the first then adds.
    pub first_after: Interval,
}

/// What all changes do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Effects {
    /// The figure without any change.
    pub from: Interval,
    /// With all.
    pub to: Interval,
    /// The whole difference, paired seed by seed.
    pub total: Interval,
    /// Whether every set was run.
    pub exact: bool,
    /// Sets that were run.
    pub sets: usize,
    /// Change by change, the largest share first.
    pub effects: Vec<Effect>,
    /// The two changes whose effects depend most on their order, if any do.
    pub interaction: Option<Interaction>,
}

/// Changes of which the largest few are looked at in pairs.
const PAIRED: usize = 5;

/// Changes that fit into a set.
const MOST: usize = 64;

/// Runs what is needed.
///
/// # Errors
/// [`CompareError`] if a run cannot be made, or was cancelled.
pub fn effects(of: &Comparison<'_>, budget: Budget, watch: &dyn Watch) -> Result<Effects, CompareError> {
    let mut changes = changes(of.baseline, of.proposal);
    // Further changes are made together with the last.
    changes.truncate(MOST);
    let n = changes.len();
    let all = full(n);
    let exact = n <= budget.exact_up_to.min(16);
    let orders = if exact { Vec::new() } else { orders(n, budget.orders.max(2)) };
    let mut needed: Vec<u64> = vec![0, all];
    needed.extend((0..n).map(|place| all & !(1 << place)));
    if exact {
        needed.extend(0..=all);
    }
    for order in &orders {
        let mut set = 0;
        needed.extend(order.iter().map(|place| {
            set |= 1 << place;
            set
        }));
    }
    let mut game = Game { of, changes: &changes, values: BTreeMap::new() };
    game.run(&needed, watch)?;
    let (shares, errors) =
        if exact { (exact_shares(&game, n), vec![0.0; n]) } else { drawn(&game, &orders, n) };
    let whole = game.value(all);
    let mut effects: Vec<Effect> = changes
        .iter()
        .enumerate()
        .map(|(place, change)| Effect {
            change: change.clone(),
            leave_one_out: interval(&less(whole, game.value(all & !(1 << place)))),
            shapley: interval(shares.get(place).map_or(&[], Vec::as_slice)),
            sampling_error: errors.get(place).copied().unwrap_or(0.0),
        })
        .collect();
    effects
        .sort_by(|a, b| b.shapley.mean.abs().total_cmp(&a.shapley.mean.abs()).then(a.change.cmp(&b.change)));
    let interaction = interaction(&mut game, &effects, all, watch)?;
    Ok(Effects {
        from: interval(game.value(0)),
        to: interval(game.value(all)),
        total: interval(&less(game.value(all), game.value(0))),
        exact,
        sets: game.values.len(),
        effects,
        interaction,
    })
}

fn full(n: usize) -> u64 {
    if n >= MOST { u64::MAX } else { (1 << n) - 1 }
}

/// Values of sets of changes, each run once.
struct Game<'a> {
    of: &'a Comparison<'a>,
    changes: &'a [Change],
    values: BTreeMap<u64, Vec<f64>>,
}

impl Game<'_> {
    fn run(&mut self, sets: &[u64], watch: &dyn Watch) -> Result<(), CompareError> {
        let mut sets: Vec<u64> = sets.iter().copied().filter(|set| !self.values.contains_key(set)).collect();
        sets.sort_unstable();
        sets.dedup();
        let proposals = sets.iter().map(|set| self.proposal(*set)).collect::<Result<Vec<_>, _>>()?;
        let values = self.of.values(self.of.scenario, &proposals, watch)?;
        self.values.extend(sets.into_iter().zip(values));
        Ok(())
    }

    fn proposal(&self, set: u64) -> Result<Proposal, CompareError> {
        let made = |change: &Change| {
            let place = self.changes.iter().position(|other| other == change);
            set & (1 << place.unwrap_or(self.changes.len().saturating_sub(1))) != 0
        };
        Ok(with_changes(self.of.baseline, self.of.proposal, made, &format!("{set:x}"))?)
    }

    fn value(&self, set: u64) -> &[f64] {
        self.values.get(&set).map_or(&[], Vec::as_slice)
    }
}

/// Shares by the formula: over every set without the change, |S|! (n - |S| - 1)! / n! times what it adds.
fn exact_shares(game: &Game<'_>, n: usize) -> Vec<Vec<f64>> {
    let factorial = |k: usize| (1..=k).map(|k| k as f64).product::<f64>();
    let seeds = game.value(0).len();
    (0..n)
        .map(|place| {
            let mut share = vec![0.0; seeds];
            for set in (0..=full(n)).filter(|set| set & (1 << place) == 0) {
                let size = set.count_ones() as usize;
                let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                let adds = less(game.value(set | (1 << place)), game.value(set));
                share.iter_mut().zip(adds).for_each(|(share, adds)| *share += weight * adds);
            }
            share
        })
        .collect()
}

/// Shares by drawn orders, and their standard errors over pairs of an order and its reverse.
fn drawn(game: &Game<'_>, orders: &[Vec<usize>], n: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let seeds = game.value(0).len();
    let mut adds = vec![vec![vec![0.0; seeds]; orders.len()]; n];
    for (draw, order) in orders.iter().enumerate() {
        let mut set = 0;
        for place in order {
            let next = set | (1 << place);
            if let Some(slot) = adds.get_mut(*place).and_then(|of| of.get_mut(draw)) {
                *slot = less(game.value(next), game.value(set));
            }
            set = next;
        }
    }
    let each = adds.into_iter().map(|draws| {
        let mut share = vec![0.0; seeds];
        for draw in &draws {
            share.iter_mut().zip(draw).for_each(|(share, adds)| *share += adds / draws.len() as f64);
        }
        let mean = |draw: &[f64]| draw.iter().sum::<f64>() / draw.len().max(1) as f64;
        let pairs: Vec<f64> = draws
            .chunks(2)
            .map(|pair| pair.iter().map(|draw| mean(draw)).sum::<f64>() / pair.len() as f64)
            .collect();
        let centre = pairs.iter().sum::<f64>() / pairs.len().max(1) as f64;
        let squares: f64 = pairs.iter().map(|pair| (pair - centre) * (pair - centre)).sum();
        let m = pairs.len() as f64;
        (share, if m < 2.0 { 0.0 } else { libm::sqrt(squares / (m - 1.0) / m) })
    });
    each.unzip()
}

/// Orders, each followed by its reverse.
fn orders(n: usize, pairs: usize) -> Vec<Vec<usize>> {
    let draws = Draws::new(named("orders of changes"));
    let one = |pair: usize| {
        let of = draws.of(pair as u64);
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by_key(|place| (of.bits(*place as u64), *place));
        let reverse = order.iter().rev().copied().collect();
        [order, reverse]
    };
    (0..pairs).flat_map(one).collect()
}

fn interaction(
    game: &mut Game<'_>,
    effects: &[Effect],
    all: u64,
    watch: &dyn Watch,
) -> Result<Option<Interaction>, CompareError> {
    // The largest by either account: of two clauses that permit the same, neither is missed when left out.
    let mut largest: Vec<&Effect> = effects.iter().collect();
    let size = |effect: &Effect| effect.shapley.mean.abs().max(effect.leave_one_out.mean.abs());
    largest.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let place = |effect: &Effect| game.changes.iter().position(|change| *change == effect.change);
    let places: Vec<usize> = largest.iter().take(PAIRED).filter_map(|effect| place(effect)).collect();
    let pairs: Vec<(usize, usize)> =
        places.iter().enumerate().flat_map(|(k, a)| places.iter().skip(k + 1).map(|b| (*a, *b))).collect();
    let sets: Vec<u64> = pairs.iter().map(|(a, b)| all & !(1 << a) & !(1 << b)).collect();
    game.run(&sets, watch)?;
    let measured = pairs.iter().filter_map(|(a, b)| {
        let (neither, only_a, only_b, both) = (
            game.value(all & !(1 << a) & !(1 << b)),
            game.value(all & !(1 << b)),
            game.value(all & !(1 << a)),
            game.value(all),
        );
        let found = Interaction {
            first: game.changes.get(*a)?.clone(),
            second: game.changes.get(*b)?.clone(),
            first_before: interval(&less(only_a, neither)),
            second_after: interval(&less(both, only_a)),
            second_before: interval(&less(only_b, neither)),
            first_after: interval(&less(both, only_b)),
        };
        let depends = (found.first_before.mean - found.first_after.mean).abs();
        (depends > 0.0).then_some((depends, found))
    });
    Ok(measured.max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, found)| found))
}
