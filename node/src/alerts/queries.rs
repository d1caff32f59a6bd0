//! How often and when officers and partners ask.

use std::collections::{BTreeMap, BTreeSet};

use symbolon_policy::words::{AgencyCode, OfficerId, Timestamp};

use super::{
    Alert, Evaluation, Kind, Settings, Subject, agency, begin, day, named, subjects, tail::at_least,
};
use crate::journal::log::QueryLine;

pub(super) struct Counts {
    pub(super) by_day: BTreeMap<Subject, BTreeMap<i64, u64>>,
    /// Hours at which officers of an agency asked: agency, day, officer, hour.
    hours: BTreeMap<Option<AgencyCode>, BTreeSet<(i64, OfficerId, u8)>>,
}

impl Counts {
    pub(super) fn of(lines: &[QueryLine]) -> Self {
        let (mut by_day, mut hours) =
            (BTreeMap::<_, BTreeMap<_, _>>::new(), BTreeMap::<_, BTreeSet<_>>::new());
        for line in lines {
            for subject in subjects(line) {
                let count: &mut u64 = by_day.entry(subject).or_default().entry(day(line.at)).or_default();
                *count = count.saturating_add(1);
            }
            let hour = line.at.0.rem_euclid(Timestamp::DAY).div_euclid(Timestamp::HOUR);
            let occasion = (day(line.at), line.officer.clone(), u8::try_from(hour).unwrap_or(0));
            hours.entry(agency(line)).or_default().insert(occasion);
        }
        Self { by_day, hours }
    }
}

fn sum<'a>(counts: impl Iterator<Item = &'a u64>) -> u64 {
    counts.fold(0, |sum, count| sum.saturating_add(*count))
}

pub(super) fn more_than_before(
    found: &mut Evaluation,
    settings: &Settings,
    subject: &Subject,
    by_day: &BTreeMap<i64, u64>,
    today: i64,
) {
    // From the first query on, which is no part of the history that it begins.
    let Some((first, _)) = by_day.first_key_value() else { return };
    let days = today.saturating_sub(first.saturating_add(1)).min(settings.history_days.into());
    if days < 7 {
        return;
    }
    let before = sum(by_day.range(today.saturating_sub(days)..today).map(|(_, count)| count));
    // Days on which nothing was asked are tests too.
    let count = by_day.get(&today).copied().unwrap_or(0);
    let all = before.saturating_add(count);
    if all == 0 {
        return;
    }
    let share = 1.0 / (days as f64 + 1.0);
    found.test(settings.false_alarms, at_least(count, all, share), |chance| Alert {
        from: begin(today),
        to: begin(today.saturating_add(1)),
        kind: Kind::MoreThanBefore,
        partner: subject.0.clone(),
        officer: subject.1.clone(),
        claim: None,
        observed: count,
        of: all,
        chance,
        text: format!(
            "{} asked {count} queries in one day, and {before} in the {days} days before",
            named(subject)
        ),
    });
}

pub(super) fn more_than_colleagues(found: &mut Evaluation, settings: &Settings, counts: &Counts, today: i64) {
    let agencies: BTreeSet<&Option<AgencyCode>> = counts.by_day.keys().map(|(partner, _)| partner).collect();
    let since = today.saturating_sub(settings.history_days.into());
    for agency in agencies {
        let officers =
            counts.by_day.iter().filter(|((partner, officer), _)| partner == agency && officer.is_some());
        let active = officers.filter(|(_, by_day)| by_day.range(since..=today).next().is_some());
        let today_of = |by_day: &BTreeMap<i64, u64>| by_day.get(&today).copied().unwrap_or(0);
        let active: Vec<_> = active.map(|(subject, by_day)| (subject, today_of(by_day))).collect();
        let all = sum(active.iter().map(|(_, count)| count));
        let colleagues = active.len().saturating_sub(1);
        if colleagues < 2 {
            continue;
        }
        let factor = f64::from(settings.peer_factor);
        let share = factor / (factor + colleagues as f64);
        for (subject, count) in active {
            let others = all.saturating_sub(count);
            found.test(settings.false_alarms, at_least(count, all, share), |chance| Alert {
                from: begin(today),
                to: begin(today.saturating_add(1)),
                kind: Kind::MoreThanColleagues,
                partner: subject.0.clone(),
                officer: subject.1.clone(),
                claim: None,
                observed: count,
                of: all,
                chance,
                text: format!(
                    "{} asked {count} queries in one day, and {colleagues} colleagues together {others}",
                    named(subject)
                ),
            });
        }
    }
}

pub(super) fn unusual_hours(found: &mut Evaluation, settings: &Settings, counts: &Counts, today: i64) {
    for (agency, occasions) in &counts.hours {
        let since = today.saturating_sub(settings.history_days.into());
        let known = occasions.iter().filter(|(day, _, _)| (since..=today).contains(day));
        let known: Vec<_> = known.collect();
        let mut histogram = [0_u64; 24];
        for (_, _, hour) in &known {
            histogram
                .get_mut(usize::from(*hour))
                .into_iter()
                .for_each(|count| *count = count.saturating_add(1));
        }
        // Occasions in the hour, the one before and the one after.
        let around = |hour: u8| {
            let at = |hour: usize| histogram.get(hour % 24).copied().unwrap_or(0);
            let hour = usize::from(hour);
            at(hour).saturating_add(at(hour.saturating_add(1))).saturating_add(at(hour.saturating_add(23)))
        };
        let (all, rate) = (known.len() as u64, settings.false_alarms_hour);
        // With fewer no rank is rare enough.
        if all.saturating_mul(rate.into()) < 1_000_000 {
            continue;
        }
        for (_, officer, hour) in known.iter().filter(|(day, _, _)| *day == today) {
            let near = around(*hour);
            let rarer = known.iter().filter(|(_, _, other)| around(*other) <= near).count() as u64;
            let chance = rarer as f64 / all as f64;
            found.test(rate, chance, |chance| Alert {
                from: Timestamp(
                    begin(today).0.saturating_add(i64::from(*hour).saturating_mul(Timestamp::HOUR)),
                ),
                to: Timestamp(
                    begin(today)
                        .0
                        .saturating_add(i64::from(*hour).saturating_add(1).saturating_mul(Timestamp::HOUR)),
                ),
                kind: Kind::UnusualHour,
                partner: agency.clone(),
                officer: Some(officer.clone()),
                claim: None,
                observed: rarer,
                of: all,
                chance,
                text: format!(
                    "{} asked between {hour}:00 and {hour}:59 UTC; {near} of the last {all} occasions of all \
                     officers were within an hour of that",
                    named(&(agency.clone(), Some(officer.clone())))
                ),
            });
        }
    }
}
