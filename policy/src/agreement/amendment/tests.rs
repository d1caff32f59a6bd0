use std::collections::HashMap;

use super::*;
use crate::{
    agreement::{Agreement, Unit},
    permit::{self, InForce, RefusalCode},
    quota::charges,
    words::Purpose,
    world::{Meters, NOW, OPEN, ask, border, count, mk, quota, rs, signed, terms},
};

/// Terms that amend `agreement` from an hour after [`NOW`] on.
fn amending(agreement: &Agreement, change: impl FnOnce(&mut Terms)) -> Terms {
    let mut next = Terms {
        amends: Some(agreement.id().unwrap()),
        valid_from: NOW.plus(3_600),
        ..agreement.terms.clone()
    };
    change(&mut next);
    next
}

/// Both in force, as a node has them.
fn chain(first: &Agreement, second: &Agreement) -> (InForce, InForce) {
    let before = vec![(first.id().unwrap(), first.terms.clone())];
    let next = InForce::new(second, None).unwrap().after(before);
    (InForce::new(first, None).unwrap().until(next.clone().into()), next)
}

#[test]
fn terms_go_on_only_from_what_they_name_with_its_parties_and_within_its_time() {
    let first = signed(terms());
    let id = first.id().unwrap();
    let check = |change: fn(&mut Terms)| amending(&first, change).continues(&id, &first.terms);
    assert_eq!(check(|_| ()), Ok(()));
    type Change = fn(&mut Terms);
    let cases: [(&str, Change); 6] = [
        ("amends", |t| t.amends = None),
        ("parties", |t| t.parties[0].peer = "another peer".into()),
        ("parties", |t| t.parties[1].key = crate::signing::PublicKey([9; 32])),
        ("parties", |t| t.parties[1].code = "AL".parse().unwrap()),
        ("valid_from", |t| t.valid_from = "2026-10-01T00:00:00Z".parse().unwrap()),
        ("valid_from", |t| t.valid_from = t.valid_until),
    ];
    for (name, change) in cases {
        let error = check(change).unwrap_err();
        assert!(matches!(&error, AgreementError::Term { term, .. } if term == name), "{name}: {error}");
    }
}

#[test]
fn the_earlier_terms_hold_until_the_moment_and_the_later_from_it_on() {
    let first = signed(terms());
    let second = signed(amending(&first, |t| t.rules = format!("// stricter\n{OPEN}")));
    let (old, new) = chain(&first, &second);
    let moment = second.terms.valid_from;
    let code = |agreement: &InForce, now| agreement.holds(now).map_err(|refusal| refusal.code);
    assert_eq!(
        (code(&old, moment.plus(-1)), code(&new, moment.plus(-1))),
        (Ok(()), Err(RefusalCode::NotYetValid))
    );
    assert_eq!((code(&old, moment), code(&new, moment)), (Err(RefusalCode::Amended), Ok(())));
    // What was answered before can still be claimed, under the rules that hold now too.
    assert_eq!(old.releases(moment), Ok(()));
    assert_eq!(old.in_place(moment.plus(-1)).map(InForce::id), None);
    assert_eq!(old.in_place(moment).map(InForce::id), Some(new.id()));
    // A retry is no way around it.
    let asked = ask(&old);
    let retry = permit::Paid::retry(&old, &asked, &asked, moment).unwrap_err();
    assert_eq!(retry.code, RefusalCode::Amended);
}

#[test]
fn what_was_spent_stays_spent() {
    let first = signed(terms());
    let second = signed(amending(&first, |t| t.quotas[0].limit = 8));
    let (old, new) = chain(&first, &second);
    let mut meters = Meters::default();
    meters.charge(&charges(old.terms(), &ask(&old), NOW));
    let later = second.terms.valid_from;
    assert_eq!(later.period(Timestamp::DAY), NOW.period(Timestamp::DAY), "within one period");
    let asks = |items| {
        let ask = crate::ask::Ask { items, asked_at: later, ..ask(&new) };
        permit::admit(&new, &ask, &mk(), &meters, later).map(drop).map_err(|refusal| refusal.code)
    };
    assert_eq!(asks(3), Ok(()), "five of eight were spent");
    assert_eq!(asks(4), Err(RefusalCode::QuotaExceeded));
    // The rules see the same numbers.
    let (context, _) = new.decide(&ask(&new), &meters, &rs(), later);
    assert_eq!((context.quota_used, context.quota_limit), (10, 8));
    // A count of this period is not answered again.
    let second = signed(amending(&first, |_| ()));
    let (old, new) = chain(&first, &second);
    meters.charge(&charges(old.terms(), &count(&old), NOW));
    let again = crate::ask::Ask { asked_at: later, ..count(&new) };
    let refused = permit::admit(&new, &again, &mk(), &meters, later).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Differencing);
}

/// Nor does an amendment clear what was left open.
#[test]
fn hits_that_nobody_explained_are_carried_over() {
    struct Of(AgreementId);
    impl crate::quota::Ledger for Of {
        fn spent(&self, _key: &MeterKey) -> u64 {
            0
        }
        fn balance(
            &self,
            _agreement: &AgreementId,
            _partner: &crate::words::AgencyCode,
        ) -> crate::quota::Balance {
            crate::quota::Balance::default()
        }
        fn unexplained(&self, agreement: &AgreementId, _now: Timestamp) -> u64 {
            if *agreement == self.0 { 3 } else { 0 }
        }
    }
    let first = signed(terms());
    let (old, new) = chain(&first, &signed(amending(&first, |_| ())));
    for id in [old.id(), new.id()] {
        assert_eq!(new.unexplained(&Of(id), NOW), 3);
        assert_eq!(new.decide(&ask(&new), &Of(id), &mk(), NOW).0.unexplained, 3);
    }
    assert_eq!(old.unexplained(&Of(new.id()), NOW), 0, "nothing comes from later terms");
}

/// Quotas are found again wherever they stand, and those of another cut never read less than was spent.
#[test]
fn quotas_of_another_cut_read_at_least_what_was_spent() {
    let general = quota(Unit::Identifiers, 100);
    let of_border = Quota { register: Some(border()), ..general.clone() };
    let entry = Quota { purpose: Some(Purpose::IrregEntry), ..general.clone() };
    let crime = Quota { purpose: Some(Purpose::SeriousCrime), ..general.clone() };
    let weekly = Quota { period_days: 7, ..general.clone() };
    let queries = quota(Unit::Queries, 100);
    let each = Quota { per_officer: true, ..general.clone() };
    for (before, after, expected) in [
        (vec![queries.clone(), general.clone()], general.clone(), 5),
        (vec![general.clone()], of_border.clone(), 5),
        (vec![general.clone()], each.clone(), 5),
        (vec![general.clone(), entry.clone()], Quota { register: Some(border()), ..entry.clone() }, 5),
        (vec![entry.clone(), crime.clone()], general.clone(), 5),
        (vec![crime.clone(), general.clone()], entry.clone(), 5),
        (vec![weekly.clone()], general.clone(), 5),
        (vec![general.clone()], weekly.clone(), 5),
        (vec![queries], general.clone(), 0),
        (vec![crime, entry.clone()], Quota { purpose: Some(Purpose::ReturnId), ..general.clone() }, 0),
    ] {
        let first = signed(Terms { quotas: before.clone(), ..terms() });
        let second = signed(amending(&first, |t| t.quotas = vec![after.clone()]));
        second.terms.continues(&first.id().unwrap(), &first.terms).unwrap();
        let (old, _) = chain(&first, &second);
        let mut spent: HashMap<MeterKey, u64> = HashMap::new();
        for charge in charges(old.terms(), &ask(&old), NOW) {
            *spent.entry(charge.key).or_default() += charge.amount;
        }
        let purpose = after.purpose.unwrap_or(Purpose::IrregEntry);
        let asked = crate::ask::Ask { purpose, ..ask(&InForce::new(&second, None).unwrap()) };
        let charge = charges(&second.terms, &asked, NOW).remove(0);
        let from = (&first.id().unwrap(), &first.terms);
        let read = spent_before(&charge, &second.terms, from, &|key| spent.get(key).copied().unwrap_or(0));
        assert_eq!(read, expected, "{before:?} to {after:?}");
    }
    // Who counted each officer by itself cannot say what all spent together; nor if a part of it was counted for all.
    for before in [vec![each.clone()], vec![each.clone(), of_border.clone()]] {
        let first = signed(Terms { quotas: before, ..terms() });
        let second = amending(&first, |t| t.quotas = vec![general.clone()]);
        let error = second.continues(&first.id().unwrap(), &first.terms).unwrap_err();
        assert!(error.to_string().contains("per_officer"), "{error}");
    }
    let first = signed(Terms { quotas: vec![each, general.clone()], ..terms() });
    let second = amending(&first, |t| t.quotas = vec![of_border]);
    assert_eq!(second.continues(&first.id().unwrap(), &first.terms), Ok(()), "all together were counted too");
}

/// Quotas of one scope that differ in their periods alone each go on from their own.
#[test]
fn quotas_of_several_periods_read_neither_too_much_nor_too_little() {
    let of = |period_days| Quota { period_days, ..quota(Unit::Identifiers, 100) };
    for (before, after, from) in [
        (vec![30, 1], 1, 1),
        (vec![1, 30], 30, 1),
        (vec![30, 7, 1], 7, 1),
        // None has the same periods: one whose periods lie within, or else the shortest.
        (vec![90, 10, 7], 30, 1),
        (vec![90, 60], 7, 1),
        (vec![30], 1, 0),
    ] {
        let before: Vec<_> = before.into_iter().map(of).collect();
        let terms = Terms { quotas: before.clone(), ..terms() };
        assert_eq!(carried(&of(after), &terms), Carried::Same(from), "{before:?} to {after}");
    }
    // Unchanged, a day's quota does not read a month.
    let first = signed(Terms { quotas: vec![of(30), of(1)], ..terms() });
    let second = signed(amending(&first, |_| ()));
    let (old, _) = chain(&first, &second);
    let mut meters = Meters::default();
    let earlier = NOW.plus(-5 * Timestamp::DAY);
    assert_eq!(earlier.period(30 * Timestamp::DAY), NOW.period(30 * Timestamp::DAY));
    meters.charge(&charges(old.terms(), &ask(&old), earlier));
    let asked = crate::ask::Ask { asked_at: NOW, ..ask(&InForce::new(&second, None).unwrap()) };
    let from = (&first.id().unwrap(), &first.terms);
    let spent = |key: &MeterKey| meters.spent.get(key).copied().unwrap_or(0);
    let read: Vec<_> = charges(&second.terms, &asked, NOW)
        .iter()
        .map(|charge| spent_before(charge, &second.terms, from, &spent))
        .collect();
    assert_eq!(read, [5, 0]);
}
