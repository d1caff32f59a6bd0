//! Amendments: other terms under an agreement that goes on.
//!
//! An amendment is an agreement like any other, signed and accepted by both. It names the one whose place
//! it takes, and takes it from its `valid_from` on; until then the earlier one holds, and from then on it
//! does not. What was spent before is spent: the meters of the earlier terms count on.

use super::{AgreementError, Quota, Terms, terms::term};
use crate::{
    quota::{Charge, Meter, MeterKey},
    words::{AgreementId, Timestamp},
};

/// How a quota goes on from those of the earlier terms. Numbers are places among these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It counts what the same quota counted.
    Same(usize),
    /// It counts less than these did: none of them can have been spent by less, so the least is taken.
    Wider(Vec<usize>),
    /// It counts what these counted, and perhaps more that nobody counted: their sum is taken.
    Parts(Vec<usize>),
    /// Nothing of it was counted.
    Nothing,
}

impl Terms {
    /// Checks that these terms can take the place of `before`, whose id is `id`.
    ///
    /// # Errors
    /// [`AgreementError::Term`] with the first term that does not let them.
    pub fn continues(&self, id: &AgreementId, before: &Self) -> Result<(), AgreementError> {
        if self.amends != Some(*id) {
            return Err(term("amends", "names another agreement"));
        }
        let same = |one: &Self, other: &Self| {
            one.parties.iter().all(|party| {
                other.party(&party.code).is_ok_and(|p| p.key == party.key && p.peer == party.peer)
            })
        };
        if !same(self, before) || !same(before, self) {
            return Err(term(
                "parties",
                "must have the codes, keys and peer ids of the amended agreement; other parties or keys need an \
                 agreement of their own",
            ));
        }
        if !(before.valid_from < self.valid_from && self.valid_from < before.valid_until) {
            let (begins, ends) = (before.valid_from, before.valid_until);
            return Err(term(
                "valid_from",
                &format!(
                    "must lie after {begins}, when the amended agreement begins, and before {ends}, when it ends"
                ),
            ));
        }
        for (index, quota) in self.quotas.iter().enumerate() {
            let apart = |old: &Quota| old.per_officer && !quota.per_officer && meets(quota, old);
            let bounded = matches!(carried(quota, before), Carried::Same(_) | Carried::Wider(_));
            if !bounded && before.quotas.iter().any(apart) {
                return Err(term(
                    &format!("quotas[{index}].per_officer"),
                    "must be true: the amended agreement counted each officer by itself, and meters are carried over",
                ));
            }
        }
        Ok(())
    }
}

/// How a quota goes on from earlier terms.
pub fn carried(quota: &Quota, before: &Terms) -> Carried {
    let places = |fits: &dyn Fn(&Quota) -> bool| -> Vec<usize> {
        let of_it = before.quotas.iter().enumerate();
        // What was counted for all officers together bounds each; the other way round nobody knows.
        let of_it = of_it.filter(|(_, old)| meets(quota, old) && (quota.per_officer || !old.per_officer));
        of_it.filter(|(_, old)| fits(old)).map(|(place, _)| place).collect()
    };
    let same = |old: &Quota| {
        (&old.register, old.purpose, old.per_officer) == (&quota.register, quota.purpose, quota.per_officer)
    };
    // Of several that counted the same, one whose periods lie within its own: none of them reads too much.
    let fit = |place: &usize| {
        let days = before.quotas.get(*place).map_or(0, |old| old.period_days);
        (days != quota.period_days, quota.period_days.checked_rem(days) != Some(0), days)
    };
    if let Some(place) = places(&same).into_iter().min_by_key(fit) {
        return Carried::Same(place);
    }
    let wider = places(&|old: &Quota| {
        (old.register.is_none() || old.register == quota.register)
            && (old.purpose.is_none() || old.purpose == quota.purpose)
    });
    if !wider.is_empty() {
        return Carried::Wider(wider);
    }
    let parts = places(&|_| true);
    if parts.is_empty() { Carried::Nothing } else { Carried::Parts(parts) }
}

/// Whether there are queries that both concern.
fn meets(one: &Quota, other: &Quota) -> bool {
    fn apart<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
        one.zip(other).is_some_and(|(one, other)| one != other)
    }
    one.asker == other.asker
        && one.unit == other.unit
        && !apart(one.register.as_ref(), other.register.as_ref())
        && !apart(one.purpose.as_ref(), other.purpose.as_ref())
}

/// What was spent under earlier terms of what `charge`, under `terms`, is to be paid from.
pub fn spent_before(
    charge: &Charge,
    terms: &Terms,
    (id, before): (&AgreementId, &Terms),
    spent: &dyn Fn(&MeterKey) -> u64,
) -> u64 {
    // Over all periods that the charge's own shares a day with: rather too much than too little.
    let over = |meter: Meter, days: u32, own: u32| {
        let (days, own) = (i64::from(days.max(1)), i64::from(own.max(1)));
        let first = charge.key.period.saturating_mul(own);
        let last = first.saturating_add(own).saturating_sub(1);
        let periods = first.div_euclid(days)..=last.div_euclid(days);
        let key = |period| MeterKey { agreement: *id, meter: meter.clone(), period, ..charge.key.clone() };
        periods.fold(0_u64, |sum, period| sum.saturating_add(spent(&key(period))))
    };
    let days = |terms: &Terms| terms.count.as_ref().map(|count| count.period_days);
    match &charge.key.meter {
        Meter::Quota { index, officer } => {
            let quota = usize::try_from(*index).ok().and_then(|index| terms.quotas.get(index));
            let Some(quota) = quota else { return u64::MAX };
            let reading = |place: &usize| {
                let Some(old) = before.quotas.get(*place) else { return u64::MAX };
                let index = u32::try_from(*place).unwrap_or(u32::MAX);
                let officer = officer.clone().filter(|_| old.per_officer);
                over(Meter::Quota { index, officer }, old.period_days, quota.period_days)
            };
            match carried(quota, before) {
                Carried::Same(place) => reading(&place),
                Carried::Wider(places) => places.iter().map(reading).min().unwrap_or(0),
                Carried::Parts(places) => {
                    places.iter().fold(0, |sum: u64, place| sum.saturating_add(reading(place)))
                }
                Carried::Nothing => 0,
            }
        }
        meter @ (Meter::Counts { .. } | Meter::Epsilon) => match (days(before), days(terms)) {
            (Some(old), Some(own)) => over(meter.clone(), old, own),
            _ => 0,
        },
        meter @ Meter::Probes { .. } => match (&before.matching, &terms.matching) {
            (Some(old), Some(own)) => over(meter.clone(), old.budget_days, own.budget_days),
            _ => 0,
        },
    }
}

/// Whether an amendment with these terms has taken the place of what it amends.
pub(crate) fn due(terms: &Terms, now: Timestamp) -> bool {
    now >= terms.valid_from
}

#[cfg(test)]
mod tests;
