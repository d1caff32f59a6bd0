#![allow(clippy::arithmetic_side_effects, reason = "small numbers")]

use super::*;
use proptest::prelude::*;

const SIZES: [usize; 4] = [3, 2, 4, 3];

fn points() -> impl Iterator<Item = [usize; 4]> {
    (0..72).map(|i| [i / 24, i / 12 % 2, i / 3 % 4, i % 3])
}

fn within(region: &Region, point: &[usize; 4]) -> bool {
    region.iter().all(|(dimension, values)| values.contains(&point[*dimension]))
}

proptest! {
    /// Tables over different dimensions, joined, against the plain functions.
    #[test]
    fn diagrams_are_functions(
        a in prop::collection::vec(0_u16..3, 12),
        b in prop::collection::vec(0_u16..3, 6),
    ) {
        let mut diagrams = Diagrams::new(SIZES.to_vec());
        let first = diagrams.table(&[0, 2], &a).unwrap();
        let second = diagrams.table(&[1, 3], &b).unwrap();
        let joined = diagrams.apply(first, second, |a, b| (a + 2 * b) % 4).unwrap();
        let plain = |p: &[usize; 4]| (a[p[0] * 4 + p[2]] + 2 * b[p[1] * 3 + p[3]]) % 4;

        for outcome in 0..4 {
            let points = points().filter(|p| plain(p) == outcome).count();
            prop_assert_eq!(diagrams.count(joined, outcome), points as u64);
        }
        let (regions, more) = diagrams.regions(joined, usize::MAX);
        prop_assert_eq!(more, 0);
        for point in points() {
            let here: Vec<u16> = regions.iter().filter(|(_, r)| within(r, &point)).map(|(o, _)| *o).collect();
            let expected = Some(plain(&point)).filter(|outcome| *outcome != 0);
            prop_assert_eq!(here, expected.into_iter().collect::<Vec<_>>());
        }
        let (some, more) = diagrams.regions(joined, 2);
        prop_assert_eq!(some.len() as u64 + more, regions.len() as u64);
        prop_assert_eq!(diagrams.apply(joined, joined, |a, b| u16::from(a != b)).unwrap(), Diagram::Leaf(0));
    }
}

#[test]
fn equal_functions_are_one_diagram() {
    let mut diagrams = Diagrams::new(SIZES.to_vec());
    let narrow = diagrams.table(&[1], &[0, 1]).unwrap();
    let wide = diagrams.table(&[0, 1], &[0, 1, 0, 1, 0, 1]).unwrap();
    assert_eq!(narrow, wide);
    assert_eq!(diagrams.count(wide, 1), 36);
}
