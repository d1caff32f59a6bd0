//! Whole queries, held to the plain oracle.

use super::*;

/// Fifty-eight templates: hits at places 7 and 50, one beyond the threshold at 51, none at 52.
fn slice(form: &Form, probe: &Template) -> Vec<Group> {
    let mut slice: Vec<Group> = (1..60).map(|at| single(random(form, 1, at))).collect();
    slice[7] = single(near(probe, 100, 1));
    slice[50] = single(near(probe, 20, 2));
    slice[51] = single(near(probe, 250, 3));
    slice[52] = Group { rows: Vec::new() };
    let hits = slice.iter().flat_map(|group| &group.rows).filter(|(_, t)| form.rule.hit(probe, t)).count();
    assert_eq!(hits, 2);
    slice
}

#[test]
fn candidates_are_those_of_the_oracle() {
    let form = form();
    let probe = random(&form, 1, 0);
    let answer = Answer::Candidates { cap: 3 };
    let (matched, searched) = ask(std::slice::from_ref(&probe), slice(&form, &probe), answer, 3);
    assert_eq!(searched, Searched { groups: 1_024, comparisons: 58 });
    let Matched::Candidates { hits, groups } = matched else { panic!("{matched:?}") };
    assert_eq!((hits.len(), groups), (2, 1_023));
    // Another seed of the holder, another order.
    let (matched, _) = ask(std::slice::from_ref(&probe), slice(&form, &probe), answer, 4);
    let Matched::Candidates { hits: others, .. } = matched else { panic!("{matched:?}") };
    assert_eq!(others.len(), 2);
    assert_ne!(hits, others);
}

#[test]
fn above_the_cap_nothing_but_that_is_told() {
    let form = form();
    let probe = random(&form, 1, 0);
    let (matched, _) =
        ask(std::slice::from_ref(&probe), slice(&form, &probe), Answer::Candidates { cap: 1 }, 5);
    assert_eq!(matched, Matched::TooMany);
    // Far above it, over three levels of counting gates.
    let many = (0..100).map(|at| single(near(&probe, 10, at))).collect();
    let (matched, _) = ask(std::slice::from_ref(&probe), many, Answer::Candidates { cap: 6 }, 6);
    assert_eq!(matched, Matched::TooMany);
    // Exactly at it.
    let mut six: Vec<Group> = (1..60).map(|at| single(random(&form, 1, at))).collect();
    (0..6).for_each(|at| six[at * 9] = single(near(&probe, 10, at as u64)));
    let (matched, _) = ask(&[probe], six, Answer::Candidates { cap: 6 }, 7);
    assert!(matches!(matched, Matched::Candidates { hits, .. } if hits.len() == 6));
}

#[test]
fn one_bit_for_the_whole_slice() {
    let form = form();
    let probe = random(&form, 1, 0);
    let (matched, searched) = ask(std::slice::from_ref(&probe), slice(&form, &probe), Answer::Any, 8);
    assert_eq!((matched, searched.groups), (Matched::Any(true), 1));
    let far = (1..20).map(|at| single(random(&form, 1, at))).collect();
    assert_eq!(ask(std::slice::from_ref(&probe), far, Answer::Any, 9).0, Matched::Any(false));
    // A hit among exactly one gate's inputs, the last of a second level, and an empty slice.
    for (count, hit) in [(8, 7), (65, 64)] {
        let mut slice: Vec<Group> = (1..=count).map(|at| single(random(&form, 1, at))).collect();
        slice[hit] = single(near(&probe, 10, 1));
        assert_eq!(ask(std::slice::from_ref(&probe), slice, Answer::Any, 10).0, Matched::Any(true));
    }
    assert_eq!(ask(&[probe], Vec::new(), Answer::Any, 11).0, Matched::Any(false));
}

#[test]
fn a_group_is_a_hit_if_any_alternative_is() {
    let form = form();
    let probes = [random(&form, 1, 0), random(&form, 2, 0), random(&form, 3, 0)];
    // Rows are compared with their own alternative only: the last group would be a hit with another.
    let group = |rows: Vec<(u16, Template)>| Group { rows };
    let far = |at| random(&form, 4, at);
    let slice = vec![
        group(vec![(0, far(1)), (1, near(&probes[1], 30, 1)), (2, far(2))]),
        group((0..9).map(|at| (2, if at == 8 { near(&probes[2], 9, 3) } else { far(at + 10) })).collect()),
        group(vec![(0, far(5)), (2, near(&probes[1], 30, 1))]),
    ];
    let (matched, searched) = ask(&probes, slice, Answer::Candidates { cap: 3 }, 12);
    assert_eq!(searched.comparisons, 14);
    assert!(matches!(matched, Matched::Candidates { hits, .. } if hits.len() == 2));
}

/// How often templates at each distance from the threshold are hits, against the stated blur: Pearson's
/// statistic, with its 1 - 1e-6 quantile after Wilson and Hilferty.
#[test]
fn near_the_threshold_decisions_follow_the_noise_model() {
    let ready = ready();
    let form = ready.form;
    let probe = random(&form, 1, 0);
    // Distances at which the score is from -2 to 2 standard deviations away.
    let blur = ready.encoding.blur;
    let flips: Vec<usize> = (0..640)
        .filter(|flips| {
            let score = form.rule.score(&probe, &near(&probe, *flips, 1)) as f64;
            (score / f64::from(super::parameters::common(&form)) / blur).abs() < 2.0
        })
        .collect();
    assert!(flips.len() > 4, "{flips:?}");
    let each = 60;
    let slice = |flips: usize| (0..each).map(move |seed| (flips, near(&random(&form, 1, 0), flips, seed)));
    let rows: Vec<(usize, Template)> = flips.iter().flat_map(|flips| slice(*flips)).collect();
    let hits = super::parts::decide(ready, &probe, &rows.iter().map(|(_, t)| t.clone()).collect::<Vec<_>>());
    let mut statistic = 0.0;
    for distance in &flips {
        let of = rows.iter().zip(&hits).filter(|((flips, _), _)| flips == distance);
        let (count, found) = of.fold((0.0, 0.0), |(n, k), (_, hit)| (n + 1.0, k + f64::from(u8::from(*hit))));
        let score = form.rule.score(&probe, &near(&probe, *distance, 1)) as f64;
        let units = score / f64::from(super::parameters::common(&form));
        let expected = normal((units + 0.5) / blur) * count;
        statistic += (found - expected).powi(2) * (1.0 / expected + 1.0 / (count - expected));
    }
    let freedom = flips.len() as f64;
    let limit = freedom * (1.0 - 2.0 / (9.0 * freedom) + 4.753 * (2.0 / (9.0 * freedom)).sqrt()).powi(3);
    assert!(statistic < limit, "{statistic} of {limit}");
}

/// The normal distribution function [Abramowitz and Stegun 7.1.26, to 1.5e-7].
fn normal(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.3275911 * z);
    let tail = t
        * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
        * (-z * z).exp();
    if x >= 0.0 { 1.0 - tail / 2.0 } else { tail / 2.0 }
}

/// 100,000 comparisons: none differs from the oracle more than seven standard deviations from the
/// threshold; within, they follow the model. Half an hour of processor time; docs/benchmarks.md has the
/// figures of one run.
#[test]
#[ignore = "half an hour of processor time"]
fn a_hundred_thousand_decisions() {
    let ready = ready();
    let (form, blur) = (ready.form, ready.encoding.blur);
    let common = f64::from(super::parameters::common(&form));
    let probe = random(&form, 1, 0);
    // The number of turned bits at the threshold, and how far one moves the score.
    let middle = (0..640).find(|flips| form.rule.score(&probe, &near(&probe, *flips, 1)) < 0).unwrap();
    let step = 2.0 * f64::from(form.rule.p) / common;
    let reach = (8.0 * blur / step).ceil() as usize;
    let (mut near_counts, mut outside, mut wrong) = (std::collections::BTreeMap::new(), 0_u64, 0_u64);
    for block in 0..50_u64 {
        let mut draw = Seed::new([7; 32]).stream(&format!("block/{block}"));
        let templates: Vec<Template> = (0..2_000_u64)
            .map(|at| match at % 4 {
                0 => random(&form, 8, block * 2_000 + at),
                1 => near(&probe, usize::try_from(draw.below(middle as u64)).unwrap(), block * 2_000 + at),
                _ => {
                    let offset = usize::try_from(draw.below(2 * reach as u64)).unwrap();
                    near(&probe, middle + offset - reach, block * 2_000 + at)
                }
            })
            .collect();
        let hits = super::parts::decide_apart(ready, &probe, &templates, u128::from(block) << 32);
        for (template, hit) in templates.iter().zip(hits) {
            let units = form.rule.score(&probe, template) as f64 / common + 0.5;
            if (units / blur).abs() > 7.0 {
                outside += 1;
                wrong += u64::from(hit != (units > 0.0));
            } else {
                let cell = near_counts.entry((units * 2.0) as i64).or_insert((0.0, 0.0));
                *cell = (cell.0 + 1.0, cell.1 + f64::from(u8::from(hit)));
            }
        }
    }
    let (mut statistic, mut freedom) = (0.0, 0.0);
    for (units, (count, found)) in &near_counts {
        let expected = normal(*units as f64 / 2.0 / blur) * count;
        if expected >= 5.0 && count - expected >= 5.0 {
            statistic += (found - expected).powi(2) * (1.0 / expected + 1.0 / (count - expected));
            freedom += 1.0;
        }
    }
    let limit: f64 =
        freedom * (1.0 - 2.0 / (9.0 * freedom) + 4.753 * (2.0_f64 / (9.0 * freedom)).sqrt()).powi(3);
    println!(
        "{outside} outside the band, {wrong} wrong; inside {statistic:.1} of {limit:.1} on {freedom} cells"
    );
    assert_eq!(wrong, 0);
    assert!(statistic < limit);
}
