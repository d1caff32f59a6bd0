//! How much of what was asked about was a hit, was claimed, and what came of it.

use std::collections::BTreeMap;

use symbolon_policy::words::QueryId;

use super::{
    Alert, Evaluation, Kind, Settings, Subject, begin, named, subjects,
    tail::{at_least, at_most},
};
use crate::journal::{
    Side,
    log::{ClaimLine, Log, QueryLine, Result as Ended},
};

/// Claims of the queries of one period that is over.
pub(super) fn claims(found: &mut Evaluation, settings: &Settings, log: &Log, (first, length): (i64, i64)) {
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
            move |chance| Alert { from, to, kind, partner, officer, claim: None, observed, of, chance, text }
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
