//! Alerts: what stands out in the journal, told to whoever supervises officers and partners.
//!
//! Each alert comes from an exact test. Its model says how often honest people would set it off: at most
//! [`Settings::false_alarms`] of a million tests where the model holds. So an alert is a reason to ask, never a
//! finding. Officers of this agency are tested on the side that asks; partners, and their officers as far as
//! pseudonyms tell them apart, on the side that holds.
//!
//! | alert | null model | test |
//! | --- | --- | --- |
//! | more than before | queries of one officer are a Poisson process of one rate | given the sum of the day and of `h` days before it, the day's share is binomial with 1/(h+1) |
//! | more than colleagues | each officer's are, and nobody's rate is above `f` times the colleagues' mean | given the sum, the officer's share is binomial with f/(f+k-1) or less |
//! | unusual hour | hours of all officers of one agency are exchangeable | rank of the hour among all |
//! | hits too often | each item asked about is a hit with at most the agreed probability | binomial |
//! | claimed too often, too rarely | each item asked about is claimed with a probability in the agreed range | binomial |
//! | nothing found | each claim finds nothing with at most the agreed probability | binomial |
//! | same person again | claims are about people drawn at random from a register of the size seen | union bound over groups |
//! | canary missed | none: a holder that answers about all it holds has none | |
//! | near probes | probes have independent bits, as many as [`Settings::near_bits`] | union bound over groups |
//!
//! Real work is burstier than Poisson: shifts, week-ends, operations. The rates stated hold for the models.
//!
//! Only the asker's journal knows how many items were hits, so a partner is not tested for that. Days and hours
//! are in UTC.
//!
//! Sources: J. Przyborowski and H. Wilenski, Biometrika 31 (1940), for comparing two Poisson counts; V. Vovk et
//! al., "Algorithmic Learning in a Random World" (2005), for ranks of exchangeable values.

mod repeats;
mod tail;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    canonical,
    words::{AgencyCode, Digest, OfficerId, QueryId, Timestamp},
};

use crate::{
    control::api::Failure,
    journal::{
        Side,
        log::{ClaimLine, Log, QueryLine, Result as Ended},
    },
};

pub(crate) use repeats::{Claimed, repeats};
use tail::{at_least, at_most};

/// Thresholds of alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many of a million tests may be false alarms, where the model holds.
    pub false_alarms: u32,
    /// The same for unusual hours, of which fewer can be told apart.
    pub false_alarms_hour: u32,
    /// How many days before a day it is compared with; also the length of the periods of claims.
    pub history_days: u32,
    /// How many times the mean of the colleagues an officer may ask.
    pub peer_factor: u32,
    /// The share of items asked about that is claimed at least, in per cent.
    pub claimed_at_least: u32,
    /// The same, at most.
    pub claimed_at_most: u32,
    /// The share of items asked about that are hits, at most, in per cent.
    pub hits_at_most: u32,
    /// The share of claims that find nothing, at most, in per cent.
    pub nothing_found_at_most: u32,
    /// Claims of one person, or of near probes, that are told.
    pub repeats: u32,
    /// Distance below which two probes are near, in per cent of the positions that both have.
    pub near: u32,
    /// Independent bits that a template is worth.
    pub near_bits: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            false_alarms: 100,
            false_alarms_hour: 1_000,
            history_days: 28,
            peer_factor: 3,
            claimed_at_least: 0,
            claimed_at_most: 50,
            hits_at_most: 50,
            nothing_found_at_most: 20,
            repeats: 3,
            near: 25,
            near_bits: 200,
        }
    }
}

/// A million, of which rates are told.
const MILLION: f64 = 1e6;
/// What chances are told in.
const BILLION: f64 = 1e9;

impl Settings {
    /// What is out of range, by the name of the setting.
    pub(crate) fn fault(&self) -> Option<(&'static str, String)> {
        let within = |name, value: u32, from: u32, to: u32| {
            let problem = format!("must be from {from} to {to}, and {value} is not");
            (!(from..=to).contains(&value)).then_some((name, problem))
        };
        within("false_alarms", self.false_alarms, 1, 100_000)
            .or_else(|| within("false_alarms_hour", self.false_alarms_hour, 1, 100_000))
            .or_else(|| within("history_days", self.history_days, 7, 366))
            .or_else(|| within("peer_factor", self.peer_factor, 1, 1_000))
            .or_else(|| within("claimed_at_most", self.claimed_at_most, 1, 100))
            .or_else(|| within("claimed_at_least", self.claimed_at_least, 0, self.claimed_at_most))
            .or_else(|| within("hits_at_most", self.hits_at_most, 1, 100))
            .or_else(|| within("nothing_found_at_most", self.nothing_found_at_most, 0, 100))
            .or_else(|| within("repeats", self.repeats, 2, 1_000))
            .or_else(|| within("near", self.near, 1, 49))
            .or_else(|| within("near_bits", self.near_bits, 10, 100_000))
    }
}

/// What stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// More queries than on the days before.
    MoreThanBefore,
    /// More queries than colleagues.
    MoreThanColleagues,
    /// An hour at which hardly anybody asks.
    UnusualHour,
    /// More of what was asked about was claimed than can be expected.
    ClaimedTooOften,
    /// Less of it was.
    ClaimedTooRarely,
    /// More of what was asked about was a hit than can be expected.
    HitsTooOften,
    /// More claims found nothing than can be expected.
    NothingFound,
    /// One person was claimed again and again.
    SamePerson,
    /// Probes that hardly differ were claimed.
    NearProbes,
    /// A partner did not answer about a canary that it must hold.
    CanaryMissed,
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// The first moment of what it is about.
    pub from: Timestamp,
    /// To before when.
    pub to: Timestamp,
    /// What stands out.
    pub kind: Kind,
    /// The partner; none for an officer of this agency.
    pub partner: Option<AgencyCode>,
    /// The officer; none for a partner as a whole.
    pub officer: Option<OfficerId>,
    /// What was counted.
    pub observed: u64,
    /// Of how many.
    pub of: u64,
    /// How likely so much or more is in the model, in billionths, rounded up.
    pub chance: u64,
    /// In plain words.
    pub text: String,
}

impl Alert {
    /// Names what it is about: the same whatever is counted later in the same span.
    ///
    /// # Errors
    /// A local [`Failure`] never in fact.
    pub(crate) fn id(&self) -> Result<Digest, Failure> {
        let about = (self.kind, self.from, &self.partner, &self.officer);
        let bytes = canonical::encode(&about).map_err(|e| Failure::local(e.to_string()))?;
        Ok(Digest::of("symbolon/alert/1", &bytes))
    }
}

/// What an evaluation gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluation {
    /// In the order of time.
    pub alerts: Vec<Alert>,
    /// Tests that were made.
    pub tests: u64,
    /// How many of them honest people would set off at most, in millionths of an alert.
    pub expected: u64,
}

impl Evaluation {
    fn test(&mut self, rate: u32, chance: f64, alert: impl FnOnce(u64) -> Alert) {
        self.tests = self.tests.saturating_add(1);
        self.expected = self.expected.saturating_add(rate.into());
        if chance <= f64::from(rate) / MILLION {
            // Between 0 and 10^9.
            let billionths = (chance * BILLION).ceil() as u64;
            self.alerts.push(alert(billionths));
        }
    }
}

/// Who is tested: a partner or this agency, and one officer or all.
type Subject = (Option<AgencyCode>, Option<OfficerId>);

fn named((partner, officer): &Subject) -> String {
    match (partner, officer) {
        (None, Some(officer)) => officer.to_string(),
        (Some(partner), Some(officer)) => format!("{officer} of {partner}"),
        (Some(partner), None) => partner.to_string(),
        (None, None) => "this agency".to_owned(),
    }
}

fn agency(line: &QueryLine) -> Option<AgencyCode> {
    (line.side == Side::Holder).then(|| line.asker.clone())
}

fn subjects(line: &QueryLine) -> impl Iterator<Item = Subject> {
    let partner = agency(line);
    let whole = partner.clone().map(|partner| (Some(partner), None));
    [(partner, Some(line.officer.clone()))].into_iter().chain(whole)
}

/// The day of a moment, in days since 1970.
fn day(at: Timestamp) -> i64 {
    at.period(Timestamp::DAY)
}

fn begin(day: i64) -> Timestamp {
    Timestamp(day.saturating_mul(Timestamp::DAY))
}

/// Tests the days from the one of `from` to the one of `now`. The day of `now` is not over: it is tested
/// against the days before only, which more queries on it can only set off, never undo. `log` is of the whole
/// journal.
pub fn evaluate(log: &Log, settings: &Settings, from: Timestamp, now: Timestamp) -> Evaluation {
    let mut found = Evaluation::default();
    // What was refused at once was asked too.
    let counts = Counts::of(&log.queries);
    let days = day(from)..=day(now);
    for (subject, by_day) in &counts.by_day {
        for today in days.clone() {
            more_than_before(&mut found, settings, subject, by_day, today);
        }
    }
    for today in days.clone().take_while(|today| *today < day(now)) {
        more_than_colleagues(&mut found, settings, &counts, today);
        unusual_hours(&mut found, settings, &counts, today);
    }
    let length = i64::from(settings.history_days.max(1));
    let over = day(now).div_euclid(length);
    for period in day(from).div_euclid(length)..over {
        claims(&mut found, settings, log, (period.saturating_mul(length), length));
    }
    let canaries = log.canaries.iter().filter(|line| line.found < line.asked);
    // An answer has no false no-hit, so this is no test that could err.
    found.alerts.extend(canaries.filter(|line| (from..=now).contains(&line.at)).map(|line| Alert {
        from: line.at,
        to: line.at.plus(1),
        kind: Kind::CanaryMissed,
        partner: Some(line.partner.clone()),
        officer: None,
        observed: line.asked.saturating_sub(line.found).into(),
        of: line.asked.into(),
        chance: 0,
        text: format!(
            "{} answered about {} of {} canaries in register {}, query {}",
            line.partner, line.found, line.asked, line.register, line.query
        ),
    }));
    found.alerts.sort();
    found
}

struct Counts {
    by_day: BTreeMap<Subject, BTreeMap<i64, u64>>,
    /// Hours at which officers of an agency asked: agency, day, officer, hour.
    hours: BTreeMap<Option<AgencyCode>, BTreeSet<(i64, OfficerId, u8)>>,
}

impl Counts {
    fn of(lines: &[QueryLine]) -> Self {
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

fn more_than_before(
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
        observed: count,
        of: all,
        chance,
        text: format!(
            "{} asked {count} queries in one day, and {before} in the {days} days before",
            named(subject)
        ),
    });
}

fn more_than_colleagues(found: &mut Evaluation, settings: &Settings, counts: &Counts, today: i64) {
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

fn unusual_hours(found: &mut Evaluation, settings: &Settings, counts: &Counts, today: i64) {
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

/// Claims of the queries of one period that is over.
fn claims(found: &mut Evaluation, settings: &Settings, log: &Log, (first, length): (i64, i64)) {
    let (from, to) = (begin(first), begin(first.saturating_add(length)));
    let mut queries: BTreeMap<(Side, QueryId), &QueryLine> = BTreeMap::new();
    let mut asked: BTreeMap<Subject, u64> = BTreeMap::new();
    let mut hits: BTreeMap<Subject, u64> = BTreeMap::new();
    let inside = log.queries.iter().filter(|line| (from..to).contains(&line.at));
    for line in inside.filter(|line| matches!(line.result, Ended::Answered { .. })) {
        queries.insert((line.side, line.query), line);
        for subject in subjects(line) {
            let items = asked.entry(subject).or_default();
            *items = items.saturating_add(line.items.into());
        }
        if line.side == Side::Asker {
            let seen = hits.entry((None, Some(line.officer.clone()))).or_default();
            *seen = seen.saturating_add(line.hits);
        }
    }
    // Items claimed, claims, claims that found nothing.
    let mut claimed: BTreeMap<Subject, (u64, u64, u64)> = BTreeMap::new();
    let known = |claim: &ClaimLine| queries.get(&(claim.side, claim.query)).copied();
    for (claim, query) in log.claims.iter().filter_map(|claim| Some((claim, known(claim)?))) {
        for subject in subjects(query) {
            let (items, claims, nothing) = claimed.entry(subject).or_default();
            *items = items.saturating_add(claim.items.max(1));
            *claims = claims.saturating_add(1);
            *nothing = nothing.saturating_add(u64::from(claim.found == Some(0)));
        }
    }
    let percent = |share: u32| f64::from(share) / 100.0;
    let rate = settings.false_alarms;
    for (subject, items) in &asked {
        let (of_them, claims, nothing) = claimed.get(subject).copied().unwrap_or_default();
        let of_them = of_them.min(*items);
        let alert = |kind, observed, of, text: String| {
            let (partner, officer) = subject.clone();
            move |chance| Alert { from, to, kind, partner, officer, observed, of, chance, text }
        };
        let name = named(subject);
        if let Some(seen) = hits.get(subject) {
            let text = format!("{name} asked about {items} items in {length} days, and {seen} were hits");
            let chance = at_least(*seen, *items, percent(settings.hits_at_most));
            found.test(rate, chance, alert(Kind::HitsTooOften, *seen, *items, text));
        }
        let text = format!("{name} asked about {items} items in {length} days and claimed {of_them}");
        let often = at_least(of_them, *items, percent(settings.claimed_at_most));
        found.test(rate, often, alert(Kind::ClaimedTooOften, of_them, *items, text.clone()));
        if settings.claimed_at_least > 0 {
            let rarely = at_most(of_them, *items, percent(settings.claimed_at_least));
            found.test(rate, rarely, alert(Kind::ClaimedTooRarely, of_them, *items, text));
        }
        if claims > 0 {
            let text = format!("of {claims} claims of {name} in {length} days {nothing} found nothing");
            let chance = at_least(nothing, claims, percent(settings.nothing_found_at_most));
            found.test(rate, chance, alert(Kind::NothingFound, nothing, claims, text));
        }
    }
}

#[cfg(test)]
mod tests;
