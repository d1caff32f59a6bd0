//! What the published totals say of what is assumed: an approximate Bayesian fit by rejection.
//!
//! A setting of the assumed numbers (ways, shares registered) is drawn from the ranges of the scenario. Given it,
//! the totals settle how often people came to each party, `v_j = registrations_j / register_p_j`, and so how many
//! entered the region there: `entry_j = v_j - sum_i v_i P_ij`. Where that is below none, nobody enters there, and more
//! come than the total says: with the entries `e` that are left, `v = e + v P`. A setting is kept if what is then
//! registered, `v_j register_p_j`, is within the tolerance of every total. Of those kept, the different people who were registered are
//! `sum_j entry_j (1 - f_j)`, where `f_j`, the chance never to be registered again from a coming to `j` on, solves
//! `f_j = (1 - r_j)(1 - sum_k P_jk + sum_k P_jk f_k)`: an absorbing Markov chain [Kemeny and Snell 1960].
//!
//! Parties without a published total, or whose total is held out, get the flows of the others; what is held out is
//! then predicted and shown beside what was published.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::Serialize;
use symbolon_policy::words::AgencyCode;

use crate::{
    random::{Draws, named},
    scenario::{ENTRY, Quantity, Route, RouteKind, Scenario},
};

/// A scenario that cannot be fitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    /// Nothing to fit to.
    #[error(
        "no party has a published total (`observed`) that is not held out, so there is nothing to fit to"
    )]
    Nothing,
    /// Nothing fits.
    #[error(
        "no setting of the assumed numbers fits the published totals: some party would need fewer than no people to \
         enter there; widen the ranges of `register_p` and of the ways, or leave out `run.fit_totals`"
    )]
    Unfit,
}

/// What fits.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fitted {
    /// Settings tried.
    pub tried: u32,
    /// Settings kept.
    pub kept: u32,
    /// How far a total may be from the published one, as a share of it.
    pub tolerance: f64,
    /// The fewest and the most different people registered, of any setting kept.
    pub people: (f64, f64),
    /// The same for the middle 90 % of the settings kept.
    pub people_usual: (f64, f64),
    /// Registrations for each of them, fewest and most.
    pub per_person: (f64, f64),
    /// Totals, fitted and held out.
    pub totals: Vec<Total>,
    /// The assumed numbers that took part.
    pub numbers: Vec<Narrowed>,
}

/// A published total beside what the settings kept say.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Total {
    /// Whose.
    pub party: AgencyCode,
    /// Of which year.
    pub year: u16,
    /// As published.
    pub observed: u64,
    /// Middle 90 % of what is fitted or predicted.
    pub fitted: (f64, f64),
    /// Whether it was held out.
    pub held_out: bool,
    /// Where it is published.
    pub src: String,
}

/// An assumed number before and after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Narrowed {
    /// Its path.
    pub path: String,
    /// Middle 90 % as assumed.
    pub before: (f64, f64),
    /// Middle 90 % of the settings kept.
    pub after: (f64, f64),
}

/// The numbers of a scenario that take part, ready to be drawn.
struct Model {
    n: usize,
    numbers: Vec<(String, Quantity)>,
    /// Places in `numbers` of ways: from, to, number.
    ways: Vec<(usize, usize, usize)>,
    /// Of ways that lead out: from, number.
    outs: Vec<(usize, usize)>,
    registered: Vec<usize>,
    /// The total of each party that is fitted.
    totals: Vec<Option<f64>>,
}

/// What one setting that was kept says.
struct Kept {
    numbers: Vec<f64>,
    /// Entries at each party.
    entries: Vec<f64>,
    /// Registrations at each party.
    registrations: Vec<f64>,
    people: f64,
    /// Registrations by those who publish, for each of these people.
    per_person: f64,
}

/// Fits a scenario.
///
/// # Errors
/// [`FitError::Nothing`] if there is no total to fit to.
pub fn fit(scenario: &Scenario, draws: u32, tolerance: f64) -> Result<Fitted, FitError> {
    let model = Model::new(scenario);
    if model.totals.iter().all(Option::is_none) {
        return Err(FitError::Nothing);
    }
    let stream = Draws::new(scenario.run.master_seed).of(named("fit"));
    let kept: Vec<Kept> =
        (0..draws).into_par_iter().filter_map(|draw| model.one(stream.of(draw.into()), tolerance)).collect();
    let range = |values: &mut dyn Iterator<Item = f64>| {
        let ends =
            values.fold((f64::INFINITY, 0.0), |(least, most), value| (value.min(least), value.max(most)));
        if kept.is_empty() { (0.0, 0.0) } else { ends }
    };
    let totals = scenario.party.iter().enumerate().flat_map(|(place, (code, party))| {
        let values: Vec<f64> =
            kept.iter().filter_map(|kept| kept.registrations.get(place).copied()).collect();
        let fitted = middle(values);
        let fitted_to = party.observed.iter().position(|observed| !observed.held_out);
        party
            .observed
            .iter()
            .enumerate()
            .filter(move |(at, observed)| observed.held_out || fitted_to == Some(*at))
            .map(move |(_, observed)| Total {
                party: code.clone(),
                year: observed.year,
                observed: observed.registrations,
                fitted,
                held_out: observed.held_out,
                src: observed.src.clone(),
            })
    });
    let numbers = model.numbers.iter().enumerate().filter(|(_, (_, quantity))| quantity.is_range());
    let numbers = numbers.map(|(place, (path, quantity))| Narrowed {
        path: path.clone(),
        before: (quantity.at(0.05), quantity.at(0.95)),
        after: middle(kept.iter().filter_map(|kept| kept.numbers.get(place).copied()).collect()),
    });
    Ok(Fitted {
        tried: draws,
        kept: u32::try_from(kept.len()).unwrap_or(u32::MAX),
        tolerance,
        people: range(&mut kept.iter().map(|kept| kept.people)),
        people_usual: middle(kept.iter().map(|kept| kept.people).collect()),
        per_person: range(&mut kept.iter().map(|kept| kept.per_person)),
        totals: totals.collect(),
        numbers: numbers.collect(),
    })
}

/// The 5 % and 95 % points.
fn middle(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * values.len().saturating_sub(1) as f64).round() as usize;
        values.get(place).copied().unwrap_or(0.0)
    };
    (at(0.05), at(0.95))
}

/// Settings that one seed tries at most.
const TRIES: u64 = 20_000;
/// How far from a published total a seed's setting may be, as a share.
const SEED_TOLERANCE: f64 = 0.1;

/// Whether the totals settle this number, so that the scenario's own does nothing.
pub fn settles(scenario: &Scenario, path: &str) -> bool {
    let enters = || {
        let place =
            path.strip_prefix("route[").and_then(|rest| rest.split_once(']')?.0.parse::<usize>().ok());
        place.and_then(|place| scenario.route.get(place)).is_some_and(|route| route.from == ENTRY)
    };
    scenario.run.fit_totals && (path == "people.count" || enters())
}

/// A setting of every number of a scenario that fits its totals, drawn from `draws`; nothing if none was found. Ways and
/// shares registered are those of the first attempt that fits; of a scenario in which a number was moved, those of the
/// attempt that fitted before, where they still fit. All other numbers are drawn as without a fit.
pub(crate) fn setting(scenario: &Scenario, draws: Draws) -> Option<Scenario> {
    let model = Model::new(scenario);
    let fits = |model: &Model, attempt: u64| model.one(draws.of(attempt), SEED_TOLERANCE);
    let before = scenario.moved_from.as_deref().and_then(|before| {
        let model = Model::new(before);
        (0..TRIES).find(|attempt| fits(&model, *attempt).is_some())
    });
    let (attempt, kept) =
        before.into_iter().chain(0..TRIES).find_map(|attempt| Some((attempt, fits(&model, attempt)?)))?;
    let fitted: BTreeSet<&str> = model.numbers.iter().map(|(path, _)| path.as_str()).collect();
    let mut set = scenario.clone();
    set.each(&mut |path, quantity| {
        let draws = if fitted.contains(path) { draws.of(attempt) } else { draws };
        *quantity = quantity.fixed(quantity.at(draws.unit(named(path))));
    });
    let (codes, people) = (scenario.codes(), kept.entries.iter().sum::<f64>());
    set.route.retain(|route| route.from != ENTRY);
    set.route.extend(codes.iter().zip(&kept.entries).map(|(code, entry)| Route {
        from: ENTRY.to_owned(),
        to: code.to_string(),
        weight: Quantity::assumed(entry / people.max(1.0)),
        kind: RouteKind::Onward,
        src: String::new(),
    }));
    // Totals are of a year.
    set.people.count = Quantity::assumed((people * f64::from(scenario.run.days) / 365.0).max(1.0));
    Some(set)
}

impl Model {
    fn new(scenario: &Scenario) -> Self {
        let codes = scenario.codes();
        let place = |code: &str| codes.iter().position(|other| other.as_str() == code);
        let (mut numbers, mut ways, mut outs, mut registered) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at, route) in scenario.route.iter().enumerate().filter(|(_, route)| route.from != ENTRY) {
            let Some(from) = place(&route.from) else { continue };
            match place(&route.to) {
                Some(to) => ways.push((from, to, numbers.len())),
                None => outs.push((from, numbers.len())),
            }
            numbers.push((format!("route[{at}].weight"), route.weight.clone()));
        }
        for (code, party) in &scenario.party {
            registered.push(numbers.len());
            numbers.push((format!("party.{code}.register_p"), party.register_p.clone()));
        }
        let total = |party: &crate::scenario::Party| {
            let found = party.observed.iter().find(|observed| !observed.held_out);
            found.map(|observed| observed.registrations as f64)
        };
        let totals = scenario.party.values().map(total).collect();
        Self { n: codes.len(), numbers, ways, outs, registered, totals }
    }

    /// Draws a setting; nothing if it does not fit.
    fn one(&self, draws: Draws, tolerance: f64) -> Option<Kept> {
        let n = self.n;
        let numbers: Vec<f64> =
            self.numbers.iter().map(|(path, quantity)| quantity.at(draws.unit(named(path)))).collect();
        let number = |place: usize| numbers.get(place).copied().unwrap_or(0.0);
        let mut step = vec![0.0; n * n];
        let mut sums = vec![0.0; n];
        let places = self.ways.iter().map(|(from, _, of)| (*from, *of)).chain(self.outs.iter().copied());
        for (from, of) in places {
            *sums.get_mut(from)? += number(of);
        }
        for (from, to, of) in &self.ways {
            // As in a run, weights that add to more than everybody are taken in proportion.
            *step.get_mut(from * n + to)? += number(*of) / sums.get(*from)?.max(1.0);
        }
        let shares: Vec<f64> = self.registered.iter().map(|of| number(*of)).collect();
        // Comings: given where there is a total, else what flows there.
        let mut matrix = vec![0.0; n * n];
        let mut right = vec![0.0; n];
        for j in 0..n {
            *matrix.get_mut(j * n + j)? = 1.0;
            match self.totals.get(j).copied().flatten() {
                Some(total) => *right.get_mut(j)? = total / shares.get(j)?.max(1e-9),
                None => {
                    for i in 0..n {
                        *matrix.get_mut(j * n + i)? -= step.get(i * n + j)?;
                    }
                }
            }
        }
        let wanted = solve(matrix, right)?;
        let mut entries = vec![0.0; n];
        for j in (0..n).filter(|j| self.totals.get(*j).copied().flatten().is_some()) {
            let flow: f64 =
                (0..n).map(|i| wanted.get(i).unwrap_or(&0.0) * step.get(i * n + j).unwrap_or(&0.0)).sum();
            *entries.get_mut(j)? = (wanted.get(j)? - flow).max(0.0);
        }
        // What comes of these entries, which are more than wanted where some were below none.
        let mut matrix = vec![0.0; n * n];
        for (i, j) in (0..n).flat_map(|i| (0..n).map(move |j| (i, j))) {
            *matrix.get_mut(j * n + i)? = f64::from(u8::from(i == j)) - step.get(i * n + j)?;
        }
        let comings = solve(matrix, entries.clone())?;
        let registrations: Vec<f64> = comings.iter().zip(&shares).map(|(came, share)| came * share).collect();
        let near = |(total, found): (&Option<f64>, &f64)| {
            total.is_none_or(|total| (found - total).abs() <= tolerance * total)
        };
        if !self.totals.iter().zip(&registrations).all(near) {
            return None;
        }
        // Never to be registered, by a party that publishes.
        let mut matrix = vec![0.0; n * n];
        let mut right = vec![0.0; n];
        for j in 0..n {
            let published = self.totals.get(j).copied().flatten().is_some();
            let free = if published { 1.0 - shares.get(j)? } else { 1.0 };
            let mut stays = 0.0;
            for k in 0..n {
                let step = step.get(j * n + k)?;
                stays += step;
                *matrix.get_mut(j * n + k)? = f64::from(u8::from(j == k)) - free * step;
            }
            *right.get_mut(j)? = free * (1.0 - stays).max(0.0);
        }
        let never = solve(matrix, right)?;
        let people: f64 = entries.iter().zip(&never).map(|(entry, never)| entry * (1.0 - never)).sum();
        let published = self.totals.iter().zip(&registrations).filter(|(total, _)| total.is_some());
        let registered: f64 = published.map(|(_, registrations)| registrations).sum();
        let per_person = if people > 0.0 { registered / people } else { 0.0 };
        Some(Kept { numbers, entries, registrations, people, per_person })
    }
}

/// Solves a small dense system by elimination with row exchange; nothing if it has no single solution.
pub(crate) fn solve(mut matrix: Vec<f64>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for column in 0..n {
        let size = |row: &usize| matrix.get(row * n + column).map_or(0.0, |value| value.abs());
        let pivot = (column..n).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        if size(&pivot) < 1e-12 {
            return None;
        }
        for k in 0..n {
            matrix.swap(column * n + k, pivot * n + k);
        }
        right.swap(column, pivot);
        for row in column + 1..n {
            let factor = matrix.get(row * n + column)? / matrix.get(column * n + column)?;
            if factor != 0.0 {
                for k in column..n {
                    let above = *matrix.get(column * n + k)?;
                    *matrix.get_mut(row * n + k)? -= factor * above;
                }
                let above = *right.get(column)?;
                *right.get_mut(row)? -= factor * above;
            }
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n)
            .map(|k| matrix.get(row * n + k).unwrap_or(&0.0) * right.get(k).unwrap_or(&0.0))
            .sum();
        let value = (right.get(row)? - known) / matrix.get(row * n + row)?;
        *right.get_mut(row)? = value;
    }
    Some(right)
}

#[cfg(test)]
mod tests;
