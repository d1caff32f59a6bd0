use proptest::prelude::*;

use super::*;
use crate::matching::{rule::Rule, template::Template};

mod page;

fn close(found: f64, expected: f64, relative: f64) {
    assert!((found - expected).abs() <= relative * expected.abs(), "{found}, expected {expected}");
}

/// `P(X <= k)` for n fair coins, summed term by term.
fn coins(n: u32, k: u32) -> f64 {
    let mut term = 0.5_f64.powi(n as i32);
    let mut sum = term;
    for j in 1..=k {
        term *= f64::from(n - j + 1) / f64::from(j);
        sum += term;
    }
    sum
}

#[test]
fn the_incomplete_beta_function_has_the_values_of_forty_digits() {
    // Computed with mpmath 1.3 at 40 digits.
    for (a, b, x, expected) in [
        (2.0, 3.0, 0.25, 0.26171875),
        (0.5, 0.5, 0.125, 0.23005345616261589),
        (200.0, 100.0, 0.5, 2.6465546025796368e-9),
        (1_000.0, 1_500.0, 0.3125, 1.3105783126901961e-20),
        (0.2140625, 11.046875, 0.5, 0.9999729979643434),
        (1.0, 1e6, 1e-6, 0.632120742768355),
        (30.0, 2.0, 0.75, 0.0015179477664451252),
    ] {
        let beta = Beta::new(a, b);
        close(beta.at_or_below(x), expected, 1e-10);
        close(beta.at_or_below(beta.quantile(expected)), expected, 1e-10);
        close(Beta::new(b, a).above(1.0 - x), expected, 1e-10);
    }
    assert_eq!((Beta::new(2.0, 2.0).at_or_below(0.0), Beta::new(2.0, 2.0).at_or_below(1.0)), (0.0, 1.0));
}

#[test]
fn false_matches_are_binomial_down_to_1e_15_and_below() {
    for n in [60_u32, 65, 100, 249, 512, 1_000] {
        let impostors = Impostors::new(n.into()).unwrap();
        for k in 0..=n / 2 {
            let threshold = f64::from(k) / f64::from(n);
            close(impostors.fmr(threshold), coins(n, k), 1e-9);
        }
    }
    let impostors = Impostors::new(249.0).unwrap();
    for exponent in 1..=70 {
        let fmr = 10_f64.powi(-exponent);
        close(impostors.fmr(impostors.threshold(fmr)), fmr, 1e-9);
    }
    assert_eq!((impostors.fmr(-0.1), impostors.fmr(1.0)), (0.0, 1.0));
    close(impostors.fmr(0.0), 0.5_f64.powi(249), 1e-9);
    // Below what any threshold reaches.
    assert!(impostors.threshold(1e-100) < 1e-50);
}

/// The iris table, to its three digits: single comparisons, best of 7 and best of 15.
#[test]
fn iris_thresholds_are_the_published_ones() {
    let iris = Impostors::new(249.0).unwrap();
    for (rotations, thresholds) in [
        (1.0, [0.348, 0.322, 0.299, 0.279]),
        (7.0, [0.337, 0.312, 0.290, 0.271]),
        (15.0, [0.332, 0.308, 0.287, 0.268]),
    ] {
        for (fmr, published) in [1e-6, 1e-8, 1e-10, 1e-12].into_iter().zip(thresholds) {
            let single = model::at_least_one(fmr, 1.0 / rotations);
            let found = iris.threshold(single);
            assert!((found - published).abs() <= 0.0005, "{rotations} {fmr}: {found}");
            close(model::at_least_one(iris.fmr(found), rotations), fmr, 1e-9);
        }
    }
}

/// The face table counts whole coins: the largest k/n at which the rate is still below 1e-6.
#[test]
fn face_thresholds_are_the_published_ones() {
    for (freedom, published) in [(60.0, 0.183), (100.0, 0.260), (249.0, 0.345), (512.0, 0.393)] {
        let impostors = Impostors::new(freedom).unwrap();
        let smooth = impostors.threshold(1e-6);
        let whole = (smooth * freedom).floor() / freedom;
        assert!((whole - published).abs() <= 0.0005, "{freedom}: {whole}");
        assert!(impostors.fmr(whole) <= 1e-6 && impostors.fmr(whole + 1.0 / freedom) > 1e-6);
    }
}

#[test]
fn observed_distances_tell_the_degrees_of_freedom() {
    let centred = Impostors::observed(0.5, 0.5 / 249_f64.sqrt()).unwrap();
    close(centred.freedom(), 249.0, 1e-12);
    // A normal law of mean .48 and standard deviation .03 has 1.0e-9 below .3; 1e-7 is at most conceded.
    for mean in [0.48, 0.52] {
        let off = Impostors::observed(mean, 0.03).unwrap();
        close(off.freedom(), 0.25 / 0.0013, 1e-12);
        assert!((1.0e-9..1.0e-7).contains(&off.fmr(0.3)), "{}", off.fmr(0.3));
    }
    for (mean, sd) in [(0.5, 0.0), (0.5, 0.6), (f64::NAN, 0.1)] {
        assert_eq!(Impostors::observed(mean, sd), Err(RatesError::Freedom));
    }
}

fn published(fmr: f64) -> Outlook {
    let impostors = Impostors::new(249.0).unwrap();
    // No one is missed.
    let genuine = Genuine::new(0.001, 0.0001).unwrap();
    let search = Search { impostors, genuine, groups: 400_000, comparisons: 1, prior: 0.01 };
    search.outlook(impostors.threshold(fmr)).unwrap()
}

/// 400,000 records, one query in a hundred for someone who is there.
#[test]
fn shares_of_false_hits_are_the_published_ones() {
    for (fmr, percent) in [(1e-9, 4.0), (1e-8, 29.0), (1e-7, 80.0)] {
        assert_eq!((published(fmr).false_candidates * 100.0).round(), percent);
    }
    // Counted by answers, not by candidates, it is a little less: 28.3 % in the second case.
    for (fmr, percent) in [(1e-9, 3.8), (1e-8, 28.3), (1e-7, 79.5)] {
        assert_eq!((published(fmr).false_answers * 1_000.0).round() / 10.0, percent);
    }
}

#[test]
fn searches_keep_small_rates() {
    close(model::at_least_one(1e-18, 1e6), 1e-12, 1e-11);
    close(model::at_least_one(1e-6, 1e6), 1.0 - (-1.0_f64 - 0.5e-6).exp(), 1e-9);
    assert_eq!((model::at_least_one(0.0, 1e9), model::at_least_one(1.0, 1.0)), (0.0, 1.0));
}

/// Outlooks against a count of all cases, with rates large enough to see every term.
#[test]
fn outlooks_agree_with_their_definition() {
    let impostors = Impostors::new(65.0).unwrap();
    let genuine = Genuine::new(0.198, 0.041).unwrap();
    let search = Search { impostors, genuine, groups: 50, comparisons: 3, prior: 0.2 };
    let found = search.outlook(0.3).unwrap();
    let stranger = 1.0 - (1.0 - impostors.fmr(0.3)).powi(3);
    let (hit, quiet) = (1.0 - genuine.fnmr(0.3), |others| (1.0 - stranger).powi(others));
    close(found.fpir, 1.0 - quiet(50), 1e-12);
    let (true_answers, false_answers) =
        (0.2 * hit, 0.8 * (1.0 - quiet(50)) + 0.2 * (1.0 - hit) * (1.0 - quiet(49)));
    close(found.false_answers, false_answers / (true_answers + false_answers), 1e-12);
    close(found.wrong_candidates, (0.8 * 50.0 + 0.2 * 49.0) * stranger, 1e-12);
    close(found.false_candidates, found.wrong_candidates / (found.wrong_candidates + 0.2 * hit), 1e-12);
    assert!(found.false_answers <= found.false_candidates);
}

#[test]
fn proposals_are_the_largest_that_keep_the_share() {
    let (impostors, genuine) = (Impostors::new(249.0).unwrap(), Genuine::new(0.11, 0.065).unwrap());
    let search = Search { impostors, genuine, groups: 120_000, comparisons: 7, prior: 0.01 };
    for wanted in [0.01, 0.1, 0.5] {
        let threshold = search.propose(2_048, wanted, |_| 0.0).unwrap().unwrap();
        assert!(search.outlook(threshold).unwrap().false_candidates <= wanted);
        assert!(search.outlook(threshold + 1.0 / 2_048.0).unwrap().false_candidates > wanted);
    }
    // A face has too few degrees of freedom for so many: at a threshold that low nobody is found.
    let (impostors, genuine) = (Impostors::new(65.0).unwrap(), Genuine::new(0.198, 0.041).unwrap());
    let face = Search { impostors, genuine, comparisons: 1, ..search };
    assert_eq!(face.propose(512, 0.01, |_| 0.0), Ok(None));
    let nobody = Search { prior: 0.0, ..search };
    assert_eq!(nobody.propose(2_048, 0.9, |_| 0.0).unwrap(), None);
    assert_eq!(nobody.outlook(0.2).unwrap().false_answers, 1.0);
    for bad in [-0.1, 1.1, f64::NAN] {
        assert_eq!(search.propose(2_048, bad, |_| 0.0), Err(RatesError::Share));
        assert_eq!(Search { prior: bad, ..search }.outlook(0.2), Err(RatesError::Share));
        assert_eq!(Genuine::new(bad, 0.1).unwrap_err(), RatesError::Spread);
    }
    for bad in [0.9, 12_801.0, f64::NAN] {
        assert_eq!(Impostors::new(bad), Err(RatesError::Freedom));
    }
    assert!(Genuine::new(0.2, 0.41).is_err() && Genuine::new(0.2, 0.0).is_err());
}

/// Against the same noise on whole coins: P(k of n differ) times P(k/n + blur·Z <= t), added up.
#[test]
fn a_blur_is_a_convolution() {
    for (n, threshold, blur) in [(249, 0.3115, 0.0033), (249, 0.35, 0.008), (1_000, 0.41, 0.004)] {
        let freedom = f64::from(n);
        let blurred = Impostors::new(freedom).unwrap().blurred(blur).fmr(threshold);
        let coins: f64 = (0..=n)
            .map(|k| {
                let ln = libm::lgamma(freedom + 1.0)
                    - libm::lgamma(f64::from(k) + 1.0)
                    - libm::lgamma(f64::from(n - k) + 1.0);
                let z = (threshold - f64::from(k) / freedom) / blur;
                libm::exp(ln - freedom * std::f64::consts::LN_2) * libm::erfc(-z / std::f64::consts::SQRT_2)
                    / 2.0
            })
            .sum();
        // The smooth law stands for whole coins; between them it is up to half a coin off.
        let coin = 0.6 / freedom;
        let exact = |threshold| Impostors::new(freedom).unwrap().blurred(blur).fmr(threshold);
        assert!(
            (exact(threshold - 2.0 * coin)..exact(threshold + coin)).contains(&coins),
            "{blurred} {coins}"
        );
        assert!(blurred > Impostors::new(freedom).unwrap().fmr(threshold));
    }
    // Half of everybody at the mean, whatever the blur; nothing changes without one.
    let genuine = Genuine::new(0.11, 0.065).unwrap();
    close(genuine.blurred(0.0).fnmr(0.3), genuine.fnmr(0.3), 1e-15);
    assert!(genuine.blurred(0.01).fnmr(0.3) > genuine.fnmr(0.3));
}

#[test]
fn genuine_rates_follow_the_beta_law() {
    // Shapes 2 and 3: mean 2/5, variance 6/(25·6); P(X > 1/4) = 1 - 0.26171875.
    let genuine = Genuine::new(0.4, 0.2).unwrap();
    close(genuine.fnmr(0.25), 0.73828125, 1e-12);
    assert_eq!((genuine.fnmr(0.0), genuine.fnmr(1.0)), (1.0, 0.0));
}

fn templates(length: u32, overlap: u32, apart: u32) -> (Template, Template) {
    let position = |at: u32, bit: bool| (at < overlap).then_some(bit);
    let a: Vec<_> = (0..length).map(|at| position(at, true)).collect();
    let b: Vec<_> = (0..length).map(|at| position(at, at >= apart)).collect();
    (Template::from_positions(&a).unwrap(), Template::from_positions(&b).unwrap())
}

proptest! {
    /// Blurs add up like variances, and only ever make more strangers match below the mean.
    #[test]
    fn blurs_add_up(freedom in 50.0..2_000.0_f64, share in 0.2..0.45_f64, blur in 0.05..0.25_f64, more in 1.1..2.0_f64) {
        let (spread, impostors) = (0.5 / f64::sqrt(freedom), Impostors::new(freedom).unwrap());
        let (less, more) = (impostors.blurred(blur * spread), impostors.blurred(blur * more * spread));
        prop_assert!(impostors.fmr(share) <= less.fmr(share) * (1.0 + 1e-9));
        prop_assert!(less.fmr(share) <= more.fmr(share) * (1.0 + 1e-9));
        // A quarter of the spread makes at most as much of it as half a standard normal tail more.
        let deviations = (0.5 - share) / spread;
        let bound = f64::exp(deviations * deviations * blur * blur * 1.2) * 2.0;
        prop_assert!(less.fmr(share) <= impostors.fmr(share) * bound, "{} {}", less.fmr(share), impostors.fmr(share));
    }

    #[test]
    fn a_form_is_its_threshold(length in 128_u32..3_000, masked: bool, permille in 20_u32..460, share in 0.0..1.0) {
        let wanted = f64::from(permille) / 1_000.0;
        let form = form(length, masked, wanted).unwrap();
        let most = (wanted * f64::from(length) * (1.0 + f64::EPSILON)).floor() as u32;
        prop_assert_eq!(threshold(&form, length), Some(f64::from(most) / f64::from(length)));
        // The bound by `threshold` is that of the rule, at full overlap and at less.
        let overlap = if masked { 1 + (share * f64::from(length - 1)) as u32 } else { length };
        let most = threshold(&form, overlap).map(|most| (most * f64::from(overlap)).round() as u32);
        if let Some(most) = most {
            let (a, b) = templates(length, overlap, most);
            prop_assert!(form.rule.hit(&a, &b));
        }
        let (a, b) = templates(length, overlap, most.map_or(0, |most| most + 1));
        prop_assert!(!form.rule.hit(&a, &b));
        let weights = (form.rule.s, form.rule.p);
        prop_assert!(weights.1 <= 10 && (masked || weights == (0, 1)));
    }

    /// With masks a short overlap is judged no less strictly than by Daugman's square root.
    #[test]
    fn short_overlaps_are_not_easier(wanted in 0.05_f64..0.45, share in 0.1_f64..1.0) {
        let length = 2_048;
        let form = form(length, true, wanted).unwrap();
        let overlap = (share * f64::from(length)) as u32;
        let daugman = 0.5 - (0.5 - wanted) * (f64::from(length) / f64::from(overlap)).sqrt();
        if let Some(found) = threshold(&form, overlap) {
            prop_assert!(found <= daugman + 1e-12, "{found} above {daugman}");
            // Then the false match rate is not above that at full overlap, were the freedom to shrink alike.
            let (full, less) = (Impostors::new(249.0).unwrap(), Impostors::new(249.0 * share).unwrap());
            prop_assert!(less.fmr(found) <= full.fmr(wanted) * 1.5);
        }
    }
}

#[test]
fn forms_have_small_weights() {
    let rule = |masked, wanted| form(2_048, masked, wanted).unwrap().rule;
    assert_eq!(rule(false, 0.32), Rule { s: 0, p: 1, kappa: 2_048 - 2 * 655 });
    assert_eq!(rule(true, 0.32), Rule { s: 1, p: 6, kappa: 5 * 2_048 - 12 * 655 });
    assert_eq!(rule(true, 0.3), Rule { s: 1, p: 5, kappa: 4 * 2_048 - 10 * 614 });
    for bad in [0.0, -1.0, 0.0001, 0.49, 0.6, f64::NAN, f64::INFINITY] {
        assert!(form(2_048, true, bad).is_err(), "{bad}");
    }
    assert!(form(100, false, 0.3).is_err() && form(u32::MAX, true, 0.3).is_err());
    assert_eq!(threshold(&form(512, true, 0.3).unwrap(), 0), None);
}

#[test]
fn intervals_are_exact() {
    // Computed with mpmath 1.3.
    for (cases, trials, low, high) in [
        (3, 1_000, 0.00061909993165, 0.00874202323848),
        (10, 20, 0.271957849561, 0.728042150439),
        (999, 1_000, 0.99444107572, 0.999974682513),
    ] {
        let found = proportion(cases, trials, 0.95).unwrap();
        close(found.low, low, 1e-9);
        close(found.high, high, 1e-9);
        assert_eq!(found.estimate, cases as f64 / trials as f64);
    }
    // Nought of n: the rule of three.
    let none = proportion(0, 1_000, 0.95).unwrap();
    assert_eq!((none.estimate, none.low), (0.0, 0.0));
    close(none.high, 3.0 / 1_000.0, 0.005);
    let all = proportion(1_000, 1_000, 0.95).unwrap();
    close(1.0 - all.low, none.high, 1e-9);
    assert_eq!((all.estimate, all.high), (1.0, 1.0));
    assert_eq!(proportion(0, 0, 0.95), Err(RatesError::Trials));
    assert_eq!(proportion(2, 1, 0.95), Err(RatesError::Trials));
    for level in [0.0, 1.0, f64::NAN] {
        assert_eq!(proportion(1, 2, level), Err(RatesError::Share));
    }
}

/// The interval fails to cover the true rate at most as often as it says, at every rate.
#[test]
fn intervals_cover() {
    let n = 40_u32;
    let intervals: Vec<_> = (0..=n).map(|k| proportion(k.into(), n.into(), 0.9).unwrap()).collect();
    for rate in (1..200).map(|step| f64::from(step) / 200.0) {
        let mut weight = (1.0 - rate).powi(n as i32);
        let mut covered = 0.0;
        for (k, interval) in (0_u32..).zip(&intervals) {
            covered += if (interval.low..=interval.high).contains(&rate) { weight } else { 0.0 };
            weight *= f64::from(n - k) / f64::from(k + 1) * rate / (1.0 - rate);
        }
        // One tail has all of 10 % where the interval of no cases ends, so near 0 and 1 both may sum.
        assert!(covered >= 0.85, "{rate}: {covered}");
    }
}

#[test]
fn trials_are_counted_at_or_below_the_threshold() {
    let sample = |distances: &[f64]| Sample::new(distances.to_vec()).unwrap();
    let trial = Trial {
        impostors: sample(&[0.5, 0.3, 0.45, 0.31]),
        genuine: sample(&[0.1, 0.35, 0.3]),
        absent: sample(&[0.3, 0.4]),
        present: sample(&[0.2, 0.3, 0.31]),
    };
    let rates = trial.rates(0.3, 0.95).unwrap();
    let estimates = [rates.fmr, rates.fnmr, rates.fpir, rates.fnir].map(|rate| rate.estimate);
    assert_eq!(estimates, [0.25, 1.0 / 3.0, 0.5, 1.0 / 3.0]);
    assert_eq!(rates.fmr, proportion(1, 4, 0.95).unwrap());
    assert_eq!(Sample::new(vec![]).unwrap_err(), RatesError::Trials);
    for bad in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        assert_eq!(Sample::new(vec![0.2, bad]).unwrap_err(), RatesError::Distance);
    }
}
