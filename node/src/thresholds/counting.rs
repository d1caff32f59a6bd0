//! Comparing: pairs, and whole searches.

use rand::{SeedableRng, seq::index};
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;
use symbolon_protocol::{
    matching::{
        rotation::rotations,
        rule::{Comparison, Form},
        template::Template,
    },
    seed::Seed,
};

use super::{Seen, material::Material};

/// Pairs compared between two words of progress.
const STEP: usize = 1 << 17;
/// The most comparisons of all searches of a register.
const MOST_SEARCHED: usize = 20_000_000;
/// Fewer searches for somebody absent are not shown.
const FEWEST_SEARCHES: usize = 20;

/// Pairs of strangers: all of them or, if there are more than `most`, about so many at random without repetition.
pub(super) fn strangers(material: &Material, most: usize, seed: &Seed) -> Vec<(u32, u32)> {
    let pairs_of = |group: &Vec<(u32, u32)>| group.len().saturating_mul(group.len().saturating_sub(1)) / 2;
    let all = material.groups.iter().map(pairs_of).fold(0, usize::saturating_add);
    let pick = |mut number: usize| {
        for group in &material.groups {
            let here = pairs_of(group);
            if number < here {
                let (low, high) = unrank(number);
                let ((one, a), (other, b)) = (group.get(low)?, group.get(high)?);
                return (one != other).then_some((*a, *b));
            }
            number = number.saturating_sub(here);
        }
        None
    };
    if all <= most {
        return (0..all).filter_map(pick).collect();
    }
    let mut rng = ChaCha20Rng::from_seed(*seed.expose());
    // In ascending order, which keeps neighbouring templates in the cache.
    let mut drawn = index::sample(&mut rng, all, most).into_vec();
    drawn.sort_unstable();
    drawn.into_iter().filter_map(pick).collect()
}

/// The pair (low, high), low < high, with the number high·(high - 1)/2 + low.
fn unrank(number: usize) -> (usize, usize) {
    let first = |high: usize| high.saturating_mul(high.saturating_sub(1)) / 2;
    let mut high = ((2.0 * number as f64 + 0.25).sqrt() + 0.5) as usize;
    // The root is a float; it may be off by one.
    while first(high) > number {
        high = high.saturating_sub(1);
    }
    while first(high.saturating_add(1)) <= number {
        high = high.saturating_add(1);
    }
    (number.saturating_sub(first(high)), high)
}

/// Compares pairs, in their order.
pub(super) fn compare(
    material: &Material,
    pairs: &[(u32, u32)],
    what: &str,
    seen: Seen<'_>,
) -> Vec<Comparison> {
    let one = |(a, b): &(u32, u32)| Some(Comparison::of(material.template(*a)?, material.template(*b)?));
    let mut found = Vec::with_capacity(pairs.len());
    for part in pairs.chunks(STEP) {
        seen(what, found.len() as u64, pairs.len() as u64);
        let compared: Vec<_> = part.par_iter().with_min_len(1_024).map(one).collect();
        found.extend(compared.into_iter().flatten());
    }
    found
}

/// Mean and standard deviation of distances; of none, 0 and 0.
pub(super) fn moments(comparisons: &[Comparison]) -> (f64, f64) {
    let distances = || comparisons.iter().filter_map(Comparison::distance);
    let count = distances().count().max(1) as f64;
    let mean = distances().sum::<f64>() / count;
    let squares = distances().map(|distance| (distance - mean) * (distance - mean)).sum::<f64>();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

/// How many comparisons are a hit.
pub(super) fn hits(comparisons: &[Comparison], form: &Form) -> u64 {
    comparisons.iter().filter(|comparison| form.rule.score_of(**comparison) >= 0).count() as u64
}

/// Searches of a register, by form.
pub(super) struct Searches {
    /// Searches for somebody absent.
    pub(super) absent: u64,
    /// Of these, those with a hit, for each form.
    pub(super) found: Vec<u64>,
    /// Searches for somebody present.
    pub(super) present: u64,
    /// Of these, those that do not hit the person's own record, for each form.
    pub(super) missed: Vec<u64>,
}

/// Searches a register of the first `records` people for themselves and for the rest, if there are people enough
/// and the alternatives of a probe can be made: one, or an iris turned either way.
pub(super) fn searches(
    material: &Material,
    records: usize,
    alternatives: u16,
    forms: &[Form],
    seen: Seen<'_>,
) -> Option<Searches> {
    let turns = usize::from(alternatives).checked_sub(1)? / 2;
    let column = match (alternatives, material.column) {
        (1, _) => 1,
        (odd, Some(column)) if odd % 2 == 1 => column,
        _ => return None,
    };
    let enrolled = material.people.get(..records)?;
    let most = MOST_SEARCHED / records.saturating_mul(usize::from(alternatives)).max(1);
    let absent: Vec<_> = material.people.iter().skip(records).take(most).collect();
    if absent.len() < FEWEST_SEARCHES {
        return None;
    }
    let turned = |number: u32| -> Option<Vec<Template>> {
        rotations(material.template(number)?, column, u16::try_from(turns).ok()?).ok()
    };
    let register: Vec<&Template> =
        enrolled.iter().filter_map(|person| material.template(person.record)).collect();

    let total = absent.len() as u64;
    let (mut of_absent, mut done) = (Vec::new(), 0_u64);
    for part in absent.chunks(64) {
        seen("searches", done, total);
        let search = |person: &&super::material::Enrolled| -> Option<Vec<bool>> {
            Some(hit_by(&turned(person.record)?, &register, forms))
        };
        of_absent.extend(part.par_iter().filter_map(search).collect::<Vec<_>>());
        done = done.saturating_add(part.len() as u64);
    }
    let own = |person: &super::material::Enrolled| -> Option<Vec<bool>> {
        let hit = hit_by(&turned(person.probe?)?, &[material.template(person.record)?], forms);
        Some(hit.into_iter().map(|hit| !hit).collect())
    };
    let of_present: Vec<_> = enrolled.par_iter().filter_map(own).collect();
    Some(Searches {
        absent: of_absent.len() as u64,
        found: by_form(&of_absent, forms.len()),
        present: of_present.len() as u64,
        missed: by_form(&of_present, forms.len()),
    })
}

/// Whether a probe hits something in a register, for each form.
fn hit_by(probe: &[Template], register: &[&Template], forms: &[Form]) -> Vec<bool> {
    let mut hit = vec![false; forms.len()];
    for (template, record) in probe.iter().flat_map(|a| register.iter().map(move |b| (a, b))) {
        let comparison = Comparison::of(template, record);
        for (hit, form) in hit.iter_mut().zip(forms) {
            *hit |= form.rule.score_of(comparison) >= 0;
        }
    }
    hit
}

fn by_form(searches: &[Vec<bool>], forms: usize) -> Vec<u64> {
    let of = |at| searches.iter().filter(|search| search.get(at) == Some(&true)).count() as u64;
    (0..forms).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_pairs_are_all_pairs_once() {
        let mut expected = Vec::new();
        for high in 1..200 {
            expected.extend((0..high).map(|low| (low, high)));
        }
        assert_eq!((0..expected.len()).map(unrank).collect::<Vec<_>>(), expected);
        // Where floats no longer hold every whole number.
        let high = 3_000_000_000_usize;
        let first = high * (high - 1) / 2;
        assert_eq!((unrank(first), unrank(first - 1)), ((0, high), (high - 2, high - 1)));
    }
}
