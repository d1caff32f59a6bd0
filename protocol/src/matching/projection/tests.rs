use super::*;
use crate::seed::Stream;

fn seed(number: u32) -> Seed {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    Seed::new(bytes)
}

fn vector(stream: &mut Stream, dimension: usize) -> Vec<f32> {
    (0..dimension).map(|_| normals(stream)[0] as f32).collect()
}

/// A second photograph of one person: the embedding with noise, at about 37 degrees (tan = 0.75).
fn again(embedding: &[f32], stream: &mut Stream) -> Vec<f32> {
    embedding.iter().map(|x| x + 0.75 * normals(stream)[0] as f32).collect()
}

fn distance(a: &Template, b: &Template) -> f64 {
    let apart = a.positions().zip(b.positions()).filter(|(a, b)| a != b).count();
    apart as f64 / a.length() as f64
}

fn angle(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).acos()
}

#[test]
fn the_vector_of_the_page_holds() {
    let page = include_str!("../../../../docs/templates.md");
    let stated = page.lines().find_map(|line| line.trim().strip_prefix("bits = ")).unwrap();
    let projection = Projection::new(&Seed::new([7; 32]), 3, 128).unwrap();
    let (bits, mask) = projection.template(&[1.0, -2.0, 0.5]).unwrap().to_bytes();
    assert_eq!(data_encoding::HEXLOWER.encode(&bits), stated);
    assert_eq!(mask, [0xff; 16]);
}

#[test]
fn scale_does_not_matter_and_direction_does() {
    let projection = Projection::new(&seed(1), 64, 256).unwrap();
    let x = vector(&mut seed(2).stream("x"), 64);
    let scaled = |by: f32| projection.template(&x.iter().map(|x| x * by).collect::<Vec<_>>()).unwrap();
    assert_eq!(scaled(1.0), scaled(1_024.0));
    assert_eq!(scaled(1.0), scaled(1.0 / 1_024.0));
    assert_eq!(distance(&scaled(1.0), &scaled(-1.0)), 1.0);
    let again = Projection::new(&seed(1), 64, 256).unwrap();
    assert_eq!(again.template(&x), projection.template(&x));
}

/// Over seeds the bits are independent, so a mean of fractional distances has the variance
/// q(1-q)/bits with q = angle/π.
#[test]
fn the_expected_distance_is_the_angle() {
    let (length, seeds) = (256, 100);
    let mut stream = seed(3).stream("angles");
    for wanted in [0.05, 0.4, 1.0, std::f64::consts::FRAC_PI_2, 2.5, 3.0] {
        // x·cos + y·sin with y at a right angle to x, both of length 1.
        let x = vector(&mut stream, 32);
        let y = vector(&mut stream, 32);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
        let y: Vec<f32> = y.iter().zip(&x).map(|(b, a)| b - a * (dot(&x, &y) / dot(&x, &x)) as f32).collect();
        let (long_x, long_y) = (dot(&x, &x).sqrt(), dot(&y, &y).sqrt());
        let turn = |a: &f32, b: &f32| {
            (f64::from(*a) / long_x * f64::cos(wanted) + f64::from(*b) / long_y * f64::sin(wanted)) as f32
        };
        let turned: Vec<f32> = x.iter().zip(&y).map(|(a, b)| turn(a, b)).collect();
        let q = angle(&x, &turned) / std::f64::consts::PI;
        let mean = (0..seeds)
            .map(|number| {
                let projection = Projection::new(&seed(1_000 + number), 32, length).unwrap();
                distance(&projection.template(&x).unwrap(), &projection.template(&turned).unwrap())
            })
            .sum::<f64>()
            / f64::from(seeds);
        let error = (q * (1.0 - q) / (length as f64 * f64::from(seeds))).sqrt();
        assert!((mean - q).abs() < 5.0 * error, "angle {wanted}: {mean}, expected {q}");
    }
}

/// The largest gap between two empirical distribution functions [Kolmogorov and Smirnov].
fn gap(a: &[f64], b: &[f64]) -> f64 {
    let share = |of: &[f64], x: f64| of.iter().filter(|value| **value <= x).count() as f64 / of.len() as f64;
    a.iter().chain(b).map(|x| (share(a, *x) - share(b, *x)).abs()).fold(0.0, f64::max)
}

/// Within one agreement a person is found; between two agreements, with a seed each, the distances of
/// one person's templates and of strangers' cannot be told apart.
#[test]
fn templates_of_two_agreements_are_strangers() {
    const PAIRS: u32 = 1_000;
    let (dimension, length) = (64, 256);
    let mut stream = seed(4).stream("people");
    let (mut genuine, mut strangers, mut within) = (vec![], vec![], vec![]);
    for pair in 0..PAIRS {
        let here = Projection::new(&seed(10_000 + 2 * pair), dimension, length).unwrap();
        let there = Projection::new(&seed(10_001 + 2 * pair), dimension, length).unwrap();
        let person = vector(&mut stream, dimension);
        let same = again(&person, &mut stream);
        let template = here.template(&person).unwrap();
        within.push(distance(&template, &here.template(&same).unwrap()));
        if pair % 2 == 0 {
            genuine.push(distance(&template, &there.template(&same).unwrap()));
        } else {
            let other = vector(&mut stream, dimension);
            strangers.push(distance(&template, &there.template(&other).unwrap()));
        }
    }
    // P(gap > c) <= 2·exp(-c²·n) for two samples of n [two-sided, Smirnov's limit; distances are discrete,
    // which only makes gaps smaller]: 1e-6 at the bound.
    let n = f64::from(PAIRS / 2);
    let bound = ((2e6_f64).ln() / n).sqrt();
    let found = gap(&genuine, &strangers);
    assert!(found < bound, "{found} against {bound}");
    // Both have the mean 1/2 of independent uniform bits, within five standard errors.
    for sample in [&genuine, &strangers] {
        let mean = sample.iter().sum::<f64>() / n;
        assert!((mean - 0.5).abs() < 5.0 * 0.5 / (n * length as f64).sqrt(), "{mean}");
    }
    // And the same test tells apart what is linked: within one agreement the gap is 1.
    assert!(gap(&within, &strangers) > 0.99);
    assert!(within.iter().all(|distance| *distance < 0.35));
}

/// What the module says about the seed: with it, the signed sum of the normal vectors points towards the
/// embedding, and its bits under the other seed are close to the person's.
#[test]
fn who_has_both_seeds_can_link() {
    let (dimension, length) = (64, 256);
    let here = Projection::new(&seed(5), dimension, length).unwrap();
    let there = Projection::new(&seed(6), dimension, length).unwrap();
    let mut stream = seed(7).stream("people");
    for _ in 0..20 {
        let person = vector(&mut stream, dimension);
        let stolen = here.template(&person).unwrap();
        let mut sum = vec![0.0_f32; dimension];
        for (direction, bit) in here.directions.chunks(dimension).zip(stolen.positions()) {
            let sign = if bit == Some(true) { 1.0 } else { -1.0 };
            sum.iter_mut().zip(direction).for_each(|(sum, g)| *sum += sign * g);
        }
        let guess = there.template(&sum).unwrap();
        let linked = distance(&guess, &there.template(&person).unwrap());
        let unlinked = distance(&guess, &there.template(&vector(&mut stream, dimension)).unwrap());
        assert!(linked < 0.3 && unlinked > 0.3, "{linked} {unlinked}");
    }
}

#[test]
fn shapes_and_values_out_of_range_are_refused() {
    for dimension in [0, WIDEST + 1, usize::MAX] {
        let error = Projection::new(&seed(8), dimension, 128).unwrap_err();
        assert_eq!(error, ProjectionError::Dimension(dimension));
    }
    for length in [0, 127, LONGEST + 1, usize::MAX] {
        let error = Projection::new(&seed(8), 8, length).unwrap_err();
        assert_eq!(error, ProjectionError::Length(TemplateError::Length(length)));
    }
    let projection = Projection::new(&seed(8), 3, 128).unwrap();
    for found in [0, 2, 4] {
        let error = ProjectionError::Shape { expected: 3, found };
        assert_eq!(projection.template(&vec![1.0; found]), Err(error));
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(projection.template(&[1.0, bad, 0.0]), Err(ProjectionError::NotFinite));
    }
    assert_eq!(projection.template(&[0.0, -0.0, 0.0]), Err(ProjectionError::Zero));
    // The ends of the range of numbers are fine.
    for extreme in [f32::MIN_POSITIVE / 1_024.0, f32::MAX] {
        let same = projection.template(&[extreme, 0.0, 0.0]).unwrap();
        assert_eq!(same, projection.template(&[1.0, 0.0, 0.0]).unwrap());
    }
}

#[test]
fn debug_shows_the_shape_only() {
    let projection = Projection::new(&seed(9), 3, 128).unwrap();
    assert_eq!(format!("{projection:?}"), "Projection { dimension: 3, length: 128 }");
}
