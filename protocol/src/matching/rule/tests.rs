#![allow(clippy::arithmetic_side_effects)]

use proptest::prelude::*;

use super::*;

type Positions = Vec<Option<bool>>;

/// Two templates of one length; about one position in six of each is masked.
fn pair() -> impl Strategy<Value = (Positions, Positions)> {
    let position = || prop_oneof![1 => Just(None), 5 => any::<bool>().prop_map(Some)];
    (SHORTEST..=600).prop_flat_map(move |length| {
        (prop::collection::vec(position(), length), prop::collection::vec(position(), length))
    })
}

/// Any rule of a form that can stand for this length.
fn rule(length: usize) -> impl Strategy<Value = Rule> {
    let length = length as u32;
    (1..=LARGEST_WEIGHT).prop_flat_map(|p| (0..p, Just(p))).prop_flat_map(move |(s, p)| {
        let reach = (p - s) * length;
        (reach.div_ceil(32)..reach).prop_map(move |kappa| Rule { s, p, kappa })
    })
}

fn ruled_pair() -> impl Strategy<Value = (Positions, Positions, Rule)> {
    pair().prop_flat_map(|(a, b)| (Just(a.clone()), Just(b), rule(a.len())))
}

fn template(positions: &[Option<bool>]) -> Template {
    Template::from_positions(positions).unwrap()
}

/// +1 and -1 for a bit of 1 and 0, 0 where masked.
fn sign(position: Option<bool>) -> i64 {
    position.map_or(0, |bit| if bit { 1 } else { -1 })
}

proptest! {
    #[test]
    fn the_score_is_the_definition_position_by_position((a, b, rule) in ruled_pair()) {
        let (s, p, kappa) = (i64::from(rule.s), i64::from(rule.p), i64::from(rule.kappa));
        let mut expected = -kappa;
        for (a, b) in a.iter().zip(&b) {
            expected += match (a, b) {
                (Some(a), Some(b)) if a == b => p - s,
                (Some(_), Some(_)) => -p - s,
                _ => 0,
            };
        }
        let (a, b) = (template(&a), template(&b));
        prop_assert_eq!(rule.score(&a, &b), expected);
        prop_assert_eq!(rule.score(&b, &a), expected);
        prop_assert_eq!(rule.hit(&a, &b), expected >= 0);
        let Comparison { overlap, apart } = Comparison::of(&a, &b);
        let both = a.positions().zip(b.positions()).filter(|(a, b)| a.is_some() && b.is_some());
        let (alike, unlike): (Vec<_>, Vec<_>) = both.partition(|(a, b)| a == b);
        prop_assert_eq!((overlap as usize, apart as usize), (alike.len() + unlike.len(), unlike.len()));
    }

    /// As engines that know only bits compute it: v is "unmasked and 1", w is "unmasked and 0".
    #[test]
    fn two_bits_a_position_give_the_same_score((a, b, rule) in ruled_pair()) {
        let (s, p, kappa) = (i64::from(rule.s), i64::from(rule.p), i64::from(rule.kappa));
        let mut sum = -kappa;
        for (a, b) in a.iter().zip(&b) {
            let (v, w) = (i64::from(*a == Some(true)), i64::from(*a == Some(false)));
            let (sign, n) = (sign(*b), i64::from(b.is_some()));
            sum += v * (p * sign - s * n) + w * (-p * sign - s * n);
        }
        prop_assert_eq!(rule.score(&template(&a), &template(&b)), sum);
    }

    /// The invalid pair v = w = 1 adds -2s·n: never more than a masked position does.
    #[test]
    fn a_pair_of_two_ones_gains_nothing((s, p) in (1..=1_000_i64).prop_flat_map(|p| (0..p, Just(p)))) {
        for b in [None, Some(false), Some(true)] {
            let (sign, n) = (sign(b), i64::from(b.is_some()));
            let (v, w) = (p * sign - s * n, -p * sign - s * n);
            prop_assert!(v + w <= 0);
        }
    }

    /// Without masks a rule is a bound on the distance, and s/p = 1 - 2t says which.
    #[test]
    fn without_masks_it_is_a_threshold_on_the_distance(
        (a, b) in (SHORTEST..=600).prop_flat_map(|length| {
            let bits = || prop::collection::vec(any::<bool>().prop_map(Some), length);
            (bits(), bits())
        }),
        s in 0_u32..=1_000,
        kappa in 0_u32..10_000,
    ) {
        let length = a.len() as i64;
        let apart = a.iter().zip(&b).filter(|(a, b)| a != b).count() as i64;
        let (a, b) = (template(&a), template(&b));
        // apart/length <= t = (1 - s/p)/2, in integers.
        let p = 1_000;
        let within = 2 * i64::from(p) * apart <= i64::from(p - s) * length;
        prop_assert_eq!(Rule { s, p, kappa: 0 }.hit(&a, &b), within);
        // kappa lowers the threshold by kappa/(2p·length).
        let within = 2 * i64::from(p) * apart + i64::from(kappa) <= i64::from(p - s) * length;
        prop_assert_eq!(Rule { s, p, kappa }.hit(&a, &b), within);
    }

    /// What the floor of kappa is for: few unmasked bits decide nothing, not even against themselves.
    #[test]
    fn a_nearly_empty_probe_is_never_a_hit(
        (a, rule) in pair().prop_flat_map(|(a, _)| (Just(a.clone()), rule(a.len()))),
    ) {
        let form = Form { length: a.len() as u32, masked: true, rule };
        prop_assert_eq!(form.check(), Ok(()));
        let few = (a.len() - 1) / 32;
        let mut left = few;
        let probe: Positions = a.iter().map(|position| {
            let keep = position.is_some() && left > 0;
            left -= usize::from(keep);
            position.filter(|_| keep)
        }).collect();
        prop_assert!(probe.iter().flatten().count() * 32 < a.len());
        prop_assert!(!rule.hit(&template(&probe), &template(&probe)));
        prop_assert!(!rule.hit(&template(&probe), &template(&a)));
    }
}

#[test]
fn the_least_floor_lets_just_enough_bits_decide() {
    // 512/32 = 16 bits that all agree reach the floor; 15 do not.
    let rule = Rule { s: 300, p: 1_000, kappa: 700 * 16 };
    for (unmasked, hit) in [(15, false), (16, true)] {
        let mut positions = vec![None; 512];
        positions[..unmasked].fill(Some(true));
        assert_eq!(rule.hit(&template(&positions), &template(&positions)), hit);
    }
}

#[test]
fn forms_out_of_range_are_refused() {
    let form = |length, s, p, kappa| Form { length, masked: true, rule: Rule { s, p, kappa } }.check();
    assert_eq!(form(512, 0, 1, 16), Ok(()));
    assert_eq!(form(512, 0, 1, 511), Ok(()));
    assert_eq!(form(12_800, 0, 1_000, 12_799_999), Ok(()));
    for length in [0, 127, 12_801, u32::MAX] {
        assert_eq!(form(length, 0, 1, 16), Err(FormError::Length));
    }
    for (s, p) in [(0, 0), (1, 1), (2, 1), (0, 1_001), (u32::MAX, u32::MAX)] {
        assert_eq!(form(512, s, p, 16), Err(FormError::Weights));
    }
    for kappa in [0, 15, 512, u32::MAX] {
        assert_eq!(form(512, 0, 1, kappa), Err(FormError::Kappa(16, 511)));
    }
    // The floor is rounded up: 3·130/32 is 12.2.
    assert_eq!(form(130, 2, 5, 12), Err(FormError::Kappa(13, 389)));
}

#[test]
fn forms_are_read_strictly() {
    let json = r#"{"length":512,"masked":false,"rule":{"s":0,"p":1,"kappa":184}}"#;
    let form: Form = serde_json::from_str(json).unwrap();
    assert_eq!(form, Form { length: 512, masked: false, rule: Rule { s: 0, p: 1, kappa: 184 } });
    assert_eq!(serde_json::to_string(&form).unwrap(), json);
    let extra = json.replace("\"masked\"", "\"colour\":1,\"masked\"");
    assert!(serde_json::from_str::<Form>(&extra).is_err());
}
