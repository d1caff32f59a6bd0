//! Quotas under random histories, against a bookkeeper that keeps no meters.

use proptest::prelude::*;

use super::*;

/// One step of a random history: who asks what, and after how many hours.
type Step = (bool, bool, bool, u32, i64);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (any::<bool>(), any::<bool>(), any::<bool>(), 1..9_u32, 0..9_i64);
    prop::collection::vec(step, 1..40)
}

/// The quotas as a bookkeeper would check them: from the list of all answered queries, with no meter.
struct Bookkeeper {
    quotas: Vec<Quota>,
    answered: Vec<(Ask, Timestamp)>,
}

impl Bookkeeper {
    fn spent(&self, quota: &Quota, ask: &Ask, now: Timestamp) -> u64 {
        let length = i64::from(quota.period_days) * 86_400;
        let same = |old: &&(Ask, Timestamp)| {
            quota.register.as_ref().is_none_or(|register| *register == old.0.register)
                && quota.purpose.is_none_or(|purpose| purpose == old.0.purpose)
                && (!quota.per_officer || old.0.officer == ask.officer)
                && old.1.0.div_euclid(length) == now.0.div_euclid(length)
        };
        let cost = |old: &(Ask, Timestamp)| if quota.unit == Unit::Queries { 1 } else { old.0.items.into() };
        self.answered.iter().filter(same).map(cost).sum()
    }

    fn fits(&self, ask: &Ask, now: Timestamp) -> bool {
        let concerned: Vec<_> = self
            .quotas
            .iter()
            .filter(|q| q.register.as_ref().is_none_or(|r| *r == ask.register))
            .filter(|q| q.purpose.is_none_or(|p| p == ask.purpose))
            .collect();
        let cost = |q: &Quota| if q.unit == Unit::Queries { 1 } else { u64::from(ask.items) };
        !concerned.is_empty() && concerned.iter().all(|q| self.spent(q, ask, now) + cost(q) <= q.limit)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_history_exceeds_a_quota_and_none_is_refused_early(
        limits in prop::array::uniform3(0_u64..40),
        days in 1_u32..4,
        history in steps(),
    ) {
        let quotas = vec![
            Quota { register: Some(border()), ..quota(Unit::Identifiers, limits[0]) },
            Quota { per_officer: true, period_days: days, ..quota(Unit::Queries, limits[1]) },
            Quota { purpose: Some(Purpose::ReturnId), period_days: days, ..quota(Unit::Identifiers, limits[2]) },
        ];
        let agreement = in_force(Terms { quotas: quotas.clone(), ..terms() });
        let (mut meters, mut keeper) = (Meters::default(), Bookkeeper { quotas, answered: Vec::new() });
        let mut now = NOW;
        for (at_border, for_return, ana, items, hours) in history {
            now = now.plus(hours * Timestamp::HOUR);
            let ask = Ask {
                register: if at_border { border() } else { "visa".parse().unwrap() },
                purpose: if for_return { Purpose::ReturnId } else { Purpose::IrregEntry },
                officer: officer(if ana { "ana" } else { "ivo" }),
                items,
                ..ask(&agreement)
            };
            let fits = keeper.fits(&ask, now);
            match spend(&agreement, &ask, &mut meters, now) {
                Ok(_) => {
                    prop_assert!(fits, "admitted beyond a quota: {ask:?}");
                    keeper.answered.push((ask, now));
                }
                Err(code) => prop_assert!(!fits && code == RefusalCode::QuotaExceeded, "{code:?}: {ask:?}"),
            }
        }
    }
}
