use proptest::prelude::*;

use super::*;
use crate::world::{NOW, ask, border, count, in_force, match_ask, match_terms, mk, officer, quota, terms};

fn quotas(charges: &[Charge]) -> Vec<(u32, u64, u64)> {
    let of = |charge: &Charge| match charge.key.meter {
        Meter::Quota { index, .. } => Some((index, charge.amount, charge.limit)),
        _ => None,
    };
    charges.iter().filter_map(of).collect()
}

#[test]
fn a_query_is_charged_to_every_quota_that_concerns_it_and_to_no_other() {
    let border = Some(border());
    let terms = Terms {
        claims: None,
        quotas: vec![
            quota(Unit::Identifiers, 10),
            quota(Unit::Queries, 11),
            Quota { register: border.clone(), ..quota(Unit::Identifiers, 12) },
            Quota { register: Some("visa".parse().unwrap()), ..quota(Unit::Identifiers, 13) },
            Quota { purpose: Some(Purpose::IrregEntry), ..quota(Unit::Queries, 14) },
            Quota { purpose: Some(Purpose::Terrorism), ..quota(Unit::Queries, 15) },
            Quota { register: border, purpose: Some(Purpose::Terrorism), ..quota(Unit::Queries, 16) },
            Quota { asker: mk(), ..quota(Unit::Identifiers, 17) },
        ],
        ..terms()
    };
    let agreement = in_force(terms.clone());
    let charges = charges(&terms, &ask(&agreement), NOW);
    assert_eq!(quotas(&charges), [(0, 5, 10), (1, 1, 11), (2, 5, 12), (4, 1, 14)]);
}

#[test]
fn meters_are_kept_apart_by_officer_and_period() {
    let per_officer = Quota { per_officer: true, period_days: 7, ..quota(Unit::Identifiers, 10) };
    let terms = Terms { quotas: vec![quota(Unit::Identifiers, 10), per_officer], ..terms() };
    let agreement = in_force(terms.clone());
    let keys = |name: &str, now: Timestamp| {
        let ask = Ask { officer: officer(name), ..ask(&agreement) };
        charges(&terms, &ask, now).into_iter().map(|charge| charge.key).collect::<Vec<_>>()
    };
    let (ana, ivo) = (keys("ana", NOW), keys("ivo", NOW));
    assert_eq!(ana[0], ivo[0], "one meter for all officers");
    assert_ne!(ana[1], ivo[1], "one meter for each officer");
    let midnight = Timestamp((NOW.period(Timestamp::DAY) + 1) * Timestamp::DAY);
    assert_eq!(keys("ana", midnight.plus(-1))[0], ana[0]);
    assert_ne!(keys("ana", midnight)[0], ana[0], "a new day is a new period");
    let week = Timestamp((NOW.period(7 * Timestamp::DAY) + 1) * 7 * Timestamp::DAY);
    assert_eq!(keys("ana", week.plus(-1))[1], ana[1]);
    assert_ne!(keys("ana", week)[1], ana[1]);
}

#[test]
fn a_count_is_charged_once_a_register_and_purpose_and_its_epsilon() {
    let terms = terms();
    let agreement = in_force(terms.clone());
    let charges = charges(&terms, &count(&agreement), NOW);
    assert_eq!(quotas(&charges), [(0, 100, 1_000)]);
    let rest: Vec<_> =
        charges[1..].iter().map(|c| (c.key.meter.clone(), c.amount, c.limit, c.key.period)).collect();
    let period = NOW.period(30 * Timestamp::DAY);
    let counts = Meter::Counts { register: border(), purpose: Purpose::Statistics };
    assert_eq!(rest, [(counts, 1, 1, period), (Meter::Epsilon, 1_000, 2_500, period)]);
}

#[test]
fn a_match_is_charged_its_alternatives_and_never_as_identifiers() {
    let queries = Quota { register: Some(border()), ..quota(Unit::Queries, 9) };
    let mut terms = match_terms();
    terms.quotas.push(queries);
    let agreement = in_force(terms.clone());
    let charges = charges(&terms, &match_ask(&agreement), NOW);
    assert_eq!(quotas(&charges), [(1, 5, 1_000), (2, 1, 9)]);
    let [.., budget] = charges.as_slice() else { panic!("{charges:?}") };
    assert_eq!(budget.key.meter, Meter::Probes { register: border() });
    let period = NOW.period(365 * Timestamp::DAY);
    assert_eq!((budget.amount, budget.limit, budget.key.period, charges.len()), (5, 500, period, 3));
}

#[test]
fn meter_keys_survive_json_and_canonical_bytes() {
    let quotas = vec![Quota { per_officer: true, ..quota(Unit::Queries, 1) }];
    let terms = Terms { quotas, ..match_terms() };
    let agreement = in_force(terms.clone());
    let both = [count(&agreement), match_ask(&agreement)];
    for charge in both.iter().flat_map(|ask| charges(&terms, ask, NOW)) {
        let bytes = crate::canonical::encode(&charge).unwrap();
        assert_eq!(crate::canonical::decode::<Charge>(&bytes).unwrap(), charge);
        let json = serde_json::to_string(&charge).unwrap();
        assert_eq!(serde_json::from_str::<Charge>(&json).unwrap(), charge);
    }
}

#[test]
fn reciprocity_runs_from_only_received_to_only_given() {
    let of = |given, received| Balance { given, received }.reciprocity();
    assert_eq!((of(0, 0), of(5, 0), of(0, 5), of(5, 5)), (0, 1_000, -1_000, 0));
    assert_eq!((of(3, 1), of(1, 3), of(u64::MAX, u64::MAX)), (500, -500, 0));
    assert_eq!(of(u64::MAX, 0), 1_000);
}

proptest! {
    #[test]
    fn reciprocity_is_the_rounded_share(given in 0_u32.., received in 0_u32..) {
        let found = Balance { given: given.into(), received: received.into() }.reciprocity();
        let (given, received) = (f64::from(given), f64::from(received));
        let share = if given + received == 0.0 { 0.0 } else { (given - received) / (given + received) };
        prop_assert!((f64::from(found) - 1_000.0 * share).abs() < 1.0, "{found} {share}");
    }
}
