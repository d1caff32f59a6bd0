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
//! | other history | none: a partner's journal continues what it showed | |
//! | near probes | probes have independent bits, as many as [`Settings::near_bits`] | union bound over groups |
//!
//! Real work is burstier than Poisson: shifts, week-ends, operations. The rates stated hold for the models.
//!
//! Only the asker's journal knows how many items were hits, so a partner is not tested for that. Days and hours
//! are in UTC.
//!
//! Sources: J. Przyborowski and H. Wilenski, Biometrika 31 (1940), for comparing two Poisson counts; V. Vovk et
//! al., "Algorithmic Learning in a Random World" (2005), for ranks of exchangeable values.

mod claims;
mod forks;
mod queries;
mod repeats;
mod tail;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symbolon_policy::{
    canonical,
    words::{AgencyCode, ClaimId, Digest, OfficerId, Timestamp},
};

use crate::{
    control::api::Failure,
    journal::{
        Side,
        log::{CanaryLine, Log, QueryLine},
    },
};

use claims::claims;
pub(crate) use forks::{Fork, forks};
use queries::{Counts, more_than_before, more_than_colleagues, unusual_hours};
pub(crate) use repeats::{Claimed, repeats};

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
    /// A partner showed a history that contradicts the one it had shown before.
    OtherHistory,
}

impl Kind {
    /// Whether it is worse to have counted `one` than `other`.
    pub(crate) fn worse(self, one: u64, other: u64) -> bool {
        match self {
            Self::ClaimedTooRarely | Self::UnusualHour => one < other,
            _ => one > other,
        }
    }
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
    /// The first of the claims that it is about, if it is about claims that are alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimId>,
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
        let bytes = match &self.claim {
            None => canonical::encode(&about),
            // Two groups of claims may begin in one second.
            Some(claim) => canonical::encode(&(about, claim)),
        };
        let bytes = bytes.map_err(|e| Failure::local(e.to_string()))?;
        Ok(Digest::of("symbolon/alert/1", &bytes))
    }
}

/// What an evaluation gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    missed(&mut found, log, from, now);
    found.alerts.sort();
    found
}

/// Canaries that partners missed. An answer has no false no-hit, so this is no test that could err.
fn missed(found: &mut Evaluation, log: &Log, from: Timestamp, now: Timestamp) {
    // What ended in the same second is one alert, or two would have one name.
    let mut together: BTreeMap<(&AgencyCode, Timestamp), Vec<&CanaryLine>> = BTreeMap::new();
    let lines = log.canaries.iter().filter(|line| line.found < line.asked);
    for line in lines.filter(|line| (from..=now).contains(&line.at)) {
        together.entry((&line.partner, line.at)).or_default().push(line);
    }
    found.alerts.extend(together.into_iter().map(|((partner, at), lines)| {
        let sum = |count: fn(&CanaryLine) -> u32| {
            lines.iter().fold(0_u64, |sum, line| sum.saturating_add(count(line).into()))
        };
        let told = lines.iter().map(|line| {
            let CanaryLine { found, asked, register, query, .. } = line;
            format!("{found} of {asked} canaries in register {register}, query {query}")
        });
        Alert {
            from: at,
            to: at.plus(1),
            kind: Kind::CanaryMissed,
            partner: Some(partner.clone()),
            officer: None,
            claim: None,
            observed: sum(|line| line.asked.saturating_sub(line.found)),
            of: sum(|line| line.asked),
            chance: 0,
            text: format!("{partner} answered about {}", told.collect::<Vec<_>>().join("; ")),
        }
    }));
}

#[cfg(test)]
mod tests;
