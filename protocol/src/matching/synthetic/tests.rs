use super::*;
use crate::matching::{
    rates::{Genuine, Impostors, form},
    rotation::rotations,
};

fn population(modality: Modality) -> Population {
    Population::new(modality, Seed::new([42; 32])).unwrap()
}

/// Fractional Hamming distance over the overlap.
fn distance(a: &Template, b: &Template) -> f64 {
    let (mut apart, mut overlap) = (0, 0);
    for ((a_bits, a_mask), (b_bits, b_mask)) in a.words().zip(b.words()) {
        overlap += (a_mask & b_mask).count_ones();
        apart += ((a_bits ^ b_bits) & a_mask & b_mask).count_ones();
    }
    f64::from(apart) / f64::from(overlap)
}

/// Mean and variance must be as stated within five standard errors: sqrt(variance/n) for the mean, and for
/// the variance variance·sqrt((kurtosis - 1)/n), which holds for large n.
fn check(sample: &[f64], mean: f64, variance: f64, kurtosis: f64) {
    let n = sample.len() as f64;
    let found = sample.iter().sum::<f64>() / n;
    let spread = sample.iter().map(|x| (x - found).powi(2)).sum::<f64>() / (n - 1.0);
    assert!((found - mean).abs() < 5.0 * (variance / n).sqrt(), "mean {found}, expected {mean}");
    let error = variance * ((kurtosis - 1.0) / n).sqrt();
    assert!((spread - variance).abs() < 5.0 * error, "variance {spread}, expected {variance} ± {error}");
}

/// Distances of pairs of strangers; nobody is in two pairs.
fn strangers(population: &Population, pairs: u64) -> Vec<f64> {
    let code = |person| population.code(person).unwrap();
    (0..pairs).map(|pair| distance(&code(2 * pair), &code(2 * pair + 1))).collect()
}

#[test]
fn strangers_have_the_stated_degrees_of_freedom() {
    let odd = Modality { length: 1_000, parts: 4, freedom: 333.3, ..FACE };
    let free = Modality { freedom: 512.0, ..FACE };
    let few = Modality { freedom: 1.0, ..FACE };
    for (modality, pairs) in
        [(IRIS, 6_000), (FACE, 20_000), (TENPRINT, 2_000), (odd, 6_000), (free, 10_000), (few, 2_000)]
    {
        let variance = 0.25 / modality.freedom;
        // A sum of independent fair coins has a kurtosis below 3, that of the normal law.
        check(&strangers(&population(modality), pairs), 0.5, variance, 3.0);
    }
}

/// The rate of false matches lies between the model's a coin further down and the model's: the smooth model
/// errs on the safe side by less than one coin.
#[test]
fn false_matches_are_as_modelled() {
    let model = Impostors::new(FACE.freedom).unwrap();
    let pairs = 60_000;
    let sample = strangers(&population(FACE), pairs);
    for threshold in [0.25, 0.28, 0.3, 0.32, 0.35, 0.4, 0.45] {
        let found = sample.iter().filter(|distance| **distance <= threshold).count() as f64;
        let expected = |threshold| model.fmr(threshold) * pairs as f64;
        let (least, most) = (expected(threshold - 1.0 / FACE.freedom), expected(threshold));
        assert!(found <= most + 5.0 * most.sqrt(), "{threshold}: {found}, at most {most}");
        assert!(found >= least - 5.0 * least.sqrt(), "{threshold}: {found}, at least {least}");
    }
}

/// Published: mean .457, standard deviation .0198.
#[test]
fn the_best_of_seven_rotations_is_as_published() {
    // The law of the least of seven independent comparisons of 249 coins: 1 - (1 - F)^7.
    let iris = Impostors::new(249.0).unwrap();
    let beyond = |k: i32| if k < 0 { 1.0 } else { (1.0 - iris.fmr(f64::from(k) / 249.0)).powi(7) };
    let moment = |power| {
        (0..=249).map(|k| (beyond(k - 1) - beyond(k)) * (f64::from(k) / 249.0_f64).powi(power)).sum::<f64>()
    };
    let (mean, variance) = (moment(1), moment(2) - moment(1).powi(2));
    assert!((mean - 0.457).abs() <= 0.0005 && (variance.sqrt() - 0.0198).abs() <= 0.00005);
    let fourth = moment(4) - 4.0 * mean * moment(3) + 6.0 * mean.powi(2) * moment(2) - 3.0 * mean.powi(4);

    let population = population(IRIS);
    let best = |pair: u64| {
        let probe = rotations(&population.code(2 * pair).unwrap(), IRIS_COLUMN, 3).unwrap();
        let other = population.code(2 * pair + 1).unwrap();
        probe.iter().map(|turned| distance(turned, &other)).fold(1.0, f64::min)
    };
    let sample: Vec<f64> = (0..4_000).map(best).collect();
    check(&sample, mean, variance, fourth / variance.powi(2));
}

#[test]
fn one_person_is_at_the_stated_distance() {
    for modality in [IRIS, IRIS_IDEAL, FACE, FINGER] {
        let population = population(modality);
        let once = |person: u64| {
            let capture = population.capture(person, 0, 0.0).unwrap();
            distance(&capture.template, &population.code(person).unwrap())
        };
        let sample: Vec<f64> = (0..4_000).map(once).collect();
        // Kurtosis of the beta law of these moments, from its shapes a and b.
        let variance = modality.sd.powi(2);
        let sum = modality.mean * (1.0 - modality.mean) / variance - 1.0;
        let (a, b) = (modality.mean * sum, (1.0 - modality.mean) * sum);
        let excess =
            6.0 * ((a - b).powi(2) * (sum + 1.0) - a * b * (sum + 2.0)) / (a * b * (sum + 2.0) * (sum + 3.0));
        check(&sample, modality.mean, variance, 3.0 + excess);
        // And the model's rate of misses at some thresholds, within five standard errors and the width of
        // one position, which the model does not know.
        let model = Genuine::new(modality.mean, modality.sd).unwrap();
        for threshold in [0.15, 0.2, 0.25, 0.3] {
            let missed = sample.iter().filter(|distance| **distance > threshold).count() as f64;
            let share =
                |shift: f64| model.fnmr(threshold + shift / modality.length as f64) * sample.len() as f64;
            let (least, most) = (share(1.0), share(-1.0));
            assert!(missed > least - 5.0 * least.sqrt() - 1.0 && missed < most + 5.0 * most.sqrt() + 1.0);
        }
    }
}

#[test]
fn two_captures_are_at_the_stated_distance() {
    for modality in [FACE, TENPRINT] {
        let population = population(modality.of_two_captures());
        let twice = |person: u64| {
            let [one, other] = [0, 1].map(|occasion| population.capture(person, occasion, 0.0).unwrap());
            distance(&one.template, &other.template)
        };
        let sample: Vec<f64> = (0..3_000).map(twice).collect();
        // The law is no beta law; its kurtosis is below 4 at these moments.
        check(&sample, modality.mean, modality.sd.powi(2), 4.0);
    }
    let beyond = Modality { mean: 0.6, ..FACE };
    assert_eq!(
        Population::new(beyond.of_two_captures(), Seed::new([1; 32])).map(|_| ()),
        Err(ModalityError::Spread)
    );
}

#[test]
fn better_captures_are_closer() {
    let population = population(FACE);
    let mean = |least: f64| {
        let one = |person| {
            let capture = population.capture(person, 1, least).unwrap();
            assert!((least..1.0).contains(&capture.quality));
            distance(&capture.template, &population.code(person).unwrap())
        };
        (0..1_000).map(one).sum::<f64>() / 1_000.0
    };
    let means = [0.0, 0.5, 0.9].map(mean);
    assert!(means[0] > means[1] + 0.01 && means[1] > means[2] + 0.01, "{means:?}");
}

#[test]
fn missing_fingers_are_masked() {
    let population = population(TENPRINT);
    let code = population.code(7).unwrap();
    let left = population.missing(&population.missing(&code, 2).unwrap(), 9).unwrap();
    assert_eq!(left.usable(), 8 * 512);
    let whole: Vec<_> = code.positions().collect();
    for (at, position) in left.positions().enumerate() {
        let gone = at / 512 == 2 || at / 512 == 9;
        assert_eq!(position, whole[at].filter(|_| !gone));
    }
    assert_eq!(population.missing(&code, 10).unwrap(), code);
    assert_eq!(hidden(&code, 5_000, usize::MAX).unwrap().usable(), 5_000);
}

/// The generator and the rule together: a register, and searches in it.
#[test]
fn a_search_finds_the_person_and_nobody_else() {
    let population = population(TENPRINT);
    let rule = form(5_120, true, 0.35).unwrap().rule;
    let register: Vec<Template> = (0..200).map(|person| population.code(person).unwrap()).collect();
    for person in 0..20 {
        // With two fingers missing.
        let probe = population.capture(person, 3, 0.1).unwrap().template;
        let probe = population.missing(&population.missing(&probe, 0).unwrap(), 5).unwrap();
        let hits: Vec<u64> =
            (0..).zip(&register).filter(|(_, row)| rule.hit(&probe, row)).map(|(at, _)| at).collect();
        assert_eq!(hits, [person]);
    }
}

#[test]
fn the_same_seed_gives_the_same_people() {
    let (one, two) = (population(FACE), population(FACE));
    assert_eq!(one.code(5).unwrap(), two.code(5).unwrap());
    assert_eq!(one.capture(5, 1, 0.0).unwrap().template, two.capture(5, 1, 0.0).unwrap().template);
    assert_ne!(one.code(5).unwrap(), one.code(6).unwrap());
    assert_ne!(one.capture(5, 1, 0.0).unwrap().template, one.capture(5, 2, 0.0).unwrap().template);
    let other = Population::new(FACE, Seed::new([43; 32])).unwrap();
    assert_ne!(one.code(5).unwrap(), other.code(5).unwrap());
}

#[test]
fn what_cannot_be_met_is_refused() {
    let refused = |modality| Population::new(modality, Seed::new([1; 32])).map(|_| ()).unwrap_err();
    for (length, parts) in [(127, 1), (12_801, 1), (512, 0), (512, 3)] {
        assert_eq!(refused(Modality { length, parts, ..FACE }), ModalityError::Length);
    }
    for freedom in [0.5, 513.0, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(Modality { freedom, ..FACE }), ModalityError::Freedom);
    }
    assert_eq!(refused(Modality { freedom: 9.9, ..TENPRINT }), ModalityError::Freedom);
    // 0.0176 is the spread of 512 independent flips alone.
    for (mean, sd) in [(0.0, 0.1), (1.0, 0.1), (0.2, 0.0176), (0.2, 0.41), (f64::NAN, 0.1), (0.2, f64::NAN)] {
        assert_eq!(refused(Modality { mean, sd, ..FACE }), ModalityError::Spread);
    }
}
