//! Honest histories set off no more than is stated, and what should stand out does.

use std::collections::BTreeSet;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use symbolon_policy::{
    receipt::AnswerClass,
    rules::ExchangeKind,
    words::{AgreementId, ClaimId, Digest, LegalBasis, Purpose, QueryId},
};
use symbolon_protocol::matching::template::Template;
use zeroize::Zeroizing;

use super::*;
use crate::journal::log::{ClaimLine, Period, Result as Ended};

/// Day 0 of the histories here, on a border of periods of 28 days.
const START: i64 = 28 * 730;

fn random(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// From 0 to below 1.
fn unit(rng: &mut ChaCha20Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A Poisson number [Knuth].
fn poisson(rng: &mut ChaCha20Rng, mean: f64) -> u64 {
    let (mut count, mut product, floor) = (0, unit(rng), (-mean).exp());
    while product > floor {
        count += 1;
        product *= unit(rng);
    }
    count
}

fn log(queries: Vec<QueryLine>, claims: Vec<ClaimLine>) -> Log {
    Log {
        agency: "RS".parse().unwrap(),
        period: Period { from: Timestamp::FIRST, to: Timestamp::LAST },
        entries: 1,
        root: Digest([0; 32]),
        clean: true,
        queries,
        claims,
        refusals: vec![],
        judgements: vec![],
        agreements: vec![],
        rules: vec![],
        officers: vec![],
        changes: vec![],
        faults: vec![],
        openings: vec![],
        canaries: vec![],
        balance: vec![],
    }
}

fn query(number: u64, officer: u32, day: i64, hour: i64) -> QueryLine {
    let at = Timestamp(begin(START + day).0 + hour * Timestamp::HOUR);
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    QueryLine {
        seq: number,
        at,
        side: Side::Asker,
        query: QueryId(id),
        asker: "RS".parse().unwrap(),
        holder: "MK".parse().unwrap(),
        agreement: AgreementId([0; 32]),
        exchange: ExchangeKind::Exact,
        register: "border".parse().unwrap(),
        purpose: Purpose::IrregEntry,
        basis: LegalBasis::Bilat,
        officer: format!("officer-{officer}").parse().unwrap(),
        case: None,
        items: 4,
        asked_at: at,
        answered_at: Some(at),
        result: Ended::Answered { class: AnswerClass::Hits, countersigned: true },
        leakage_bits: 4,
        hits: 0,
    }
}

fn claim(number: u64, of: &QueryLine, items: u64, found: u64) -> ClaimLine {
    let mut id = [1; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    ClaimLine {
        seq: number,
        at: of.at,
        side: of.side,
        claim: ClaimId(id),
        query: of.query,
        asker: of.asker.clone(),
        holder: of.holder.clone(),
        basis: of.basis,
        officer: of.officer.clone(),
        verified_by: "bojan".parse().unwrap(),
        verified_at: of.at,
        items,
        fields: vec![],
        found: Some(found),
        decisions: vec![],
        releases: vec![],
        end: None,
    }
}

/// Honest officers over some days: each with a rate of its own, at the hours of the day shift.
fn honest(seed: u64, rates: &[f64], days: i64) -> Vec<QueryLine> {
    let (mut rng, mut lines) = (random(seed), Vec::new());
    for day in 0..days {
        for (officer, rate) in (0..).zip(rates) {
            for _ in 0..poisson(&mut rng, *rate) {
                let hour = 7 + i64::from(rng.next_u32() % 9);
                lines.push(query(lines.len() as u64 + 1, officer, day, hour));
            }
        }
    }
    lines
}

fn of_kind(found: &Evaluation, kind: Kind) -> u64 {
    found.alerts.iter().filter(|alert| alert.kind == kind).count() as u64
}

/// Loose enough to see false alarms at all.
fn loose() -> Settings {
    Settings { false_alarms: 10_000, false_alarms_hour: 10_000, ..Settings::default() }
}

fn end(day: i64) -> Timestamp {
    begin(START + day)
}

#[test]
fn honest_histories_set_off_no_more_than_is_stated() {
    let (mut alarms, mut tests) = (BTreeMap::<Kind, u64>::new(), 0);
    for seed in 0..12 {
        // Some claims, fewer than half, of which a tenth find nothing.
        let queries = honest(seed, &[3.0, 5.0, 2.0, 4.0], 28 * 5);
        let mut rng = random(seed + 1_000);
        let mut claims = Vec::new();
        for line in &queries {
            if unit(&mut rng) < 0.3 {
                claims.push(claim(claims.len() as u64, line, 2, u64::from(unit(&mut rng) > 0.1)));
            }
        }
        let found = evaluate(&log(queries, claims), &loose(), end(28), end(28 * 5));
        assert_eq!(found.expected, found.tests * 10_000);
        tests += found.tests;
        found.alerts.iter().for_each(|alert| *alarms.entry(alert.kind).or_default() += 1);
    }
    let all: u64 = alarms.values().sum();
    assert!(tests > 10_000, "{tests}");
    // Of so many tests at one in a hundred: more than this happens once in a million histories.
    assert!(tail::at_least(all, tests, 0.01) > 1e-6, "{all} of {tests}: {alarms:?}");
    // The test against the days before is not idle: a fair part of the stated rate is used.
    assert!(alarms.get(&Kind::MoreThanBefore).copied().unwrap_or(0) > 10, "{alarms:?}");
}

#[test]
fn what_stands_out_is_told_with_who_and_when() {
    let settings = Settings::default();
    let mut queries = honest(1, &[3.0, 3.0, 3.0, 3.0], 60);
    let quiet = evaluate(&log(queries.clone(), vec![]), &settings, end(30), end(60));
    assert_eq!(quiet.alerts, [], "{quiet:?}");
    // Forty in one day; and one at three in the morning of another.
    for number in 0..40 {
        queries.push(query(100_000 + number, 2, 50, 10));
    }
    queries.push(query(200_000, 1, 55, 3));
    queries.sort_by_key(|line| line.at);
    let found = evaluate(&log(queries.clone(), vec![]), &settings, end(30), end(60));
    let told: Vec<_> = found.alerts.iter().map(|a| (a.kind, a.officer.as_ref().unwrap().as_str())).collect();
    assert!(told.contains(&(Kind::MoreThanBefore, "officer-2")), "{found:?}");
    assert!(told.contains(&(Kind::MoreThanColleagues, "officer-2")), "{found:?}");
    let alert = found.alerts.iter().find(|alert| alert.kind == Kind::MoreThanBefore).unwrap();
    assert_eq!((alert.from, alert.to), (end(50), end(51)));
    assert!(alert.chance <= 100_000 && alert.text.contains("officer-2 asked"), "{alert:?}");
    // The hour needs a thousand occasions at one in a thousand; at one in a hundred there are enough.
    let found = evaluate(&log(queries.clone(), vec![]), &loose(), end(30), end(60));
    let night = found.alerts.iter().find(|alert| alert.kind == Kind::UnusualHour).unwrap();
    assert!(night.text.contains("officer-1 asked between 3:00 and 3:59"), "{night:?}");
    // The surge is told on the very day, too, and is not undone by what follows on it.
    let early = evaluate(&log(queries, vec![]), &settings, end(50), Timestamp(end(50).0 + 80_000));
    assert_eq!(of_kind(&early, Kind::MoreThanBefore), 1, "{early:?}");
    assert_eq!(of_kind(&early, Kind::MoreThanColleagues), 0, "that waits for the end of the day");
}

#[test]
fn a_partner_is_tested_as_a_whole_and_by_its_officers() {
    let mut queries = honest(3, &[2.0, 2.0, 2.0], 40);
    for number in 0..60 {
        // Spread over officers, so that only the whole stands out.
        queries.push(query(100_000 + number, 10 + u32::try_from(number).unwrap(), 35, 10));
    }
    for line in &mut queries {
        (line.side, line.asker, line.holder) = (Side::Holder, "MK".parse().unwrap(), "RS".parse().unwrap());
    }
    let found = evaluate(&log(queries, vec![]), &Settings::default(), end(30), end(40));
    let whole = found.alerts.iter().find(|alert| alert.officer.is_none()).unwrap();
    assert_eq!((whole.kind, whole.partner.as_ref().unwrap().as_str()), (Kind::MoreThanBefore, "MK"));
}

#[test]
fn more_hits_than_can_be_expected_are_told() {
    let settings = Settings { hits_at_most: 30, ..Settings::default() };
    let of = |hits: u64| {
        let mut queries = honest(5, &[4.0, 4.0], 28);
        queries
            .iter_mut()
            .filter(|line| line.officer.as_str() == "officer-1")
            .for_each(|line| line.hits = hits);
        evaluate(&log(queries, vec![]), &settings, end(0), end(28))
    };
    assert_eq!(of_kind(&of(1), Kind::HitsTooOften), 0, "a quarter is what can be");
    let found = of(3);
    let told: Vec<_> = found.alerts.iter().filter(|alert| alert.kind == Kind::HitsTooOften).collect();
    assert_eq!((told.len(), told[0].officer.as_ref().unwrap().as_str()), (1, "officer-1"));
}

#[test]
fn claims_outside_the_agreed_range_are_told() {
    let settings = Settings { claimed_at_least: 20, ..Settings::default() };
    let queries = honest(2, &[4.0, 4.0, 4.0], 28);
    let share = |claimed: fn(usize) -> (u64, u64)| {
        let claims = queries.iter().enumerate().map(|(number, line)| {
            let (items, found) = claimed(number);
            claim(number as u64, line, items, found)
        });
        let found = evaluate(&log(queries.clone(), claims.collect()), &settings, end(0), end(28));
        let kinds = [Kind::ClaimedTooOften, Kind::ClaimedTooRarely, Kind::NothingFound];
        kinds.map(|kind| of_kind(&found, kind))
    };
    assert_eq!(share(|_| (1, 1)), [0, 0, 0], "a quarter is in the range");
    assert_eq!(share(|_| (4, 1)), [3, 0, 0]);
    assert_eq!(share(|n| (1, u64::from(n % 2 == 0))), [0, 0, 3]);
    let none = evaluate(&log(queries.clone(), vec![]), &settings, end(0), end(28));
    assert_eq!(of_kind(&none, Kind::ClaimedTooRarely), 3);
    // A period that is not over is not tested.
    let early = evaluate(&log(queries.clone(), vec![]), &settings, end(0), end(27));
    assert_eq!(of_kind(&early, Kind::ClaimedTooRarely), 0);
}

fn opened(number: u64, identifiers: &[&str], probe: Vec<Template>) -> Claimed {
    let mut id = [2; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    Claimed {
        claim: ClaimId(id),
        asker: "MK".parse().unwrap(),
        officer: "ana".parse().unwrap(),
        at: end(1),
        identifiers: identifiers.iter().map(|name| Zeroizing::new(name.as_bytes().to_vec())).collect(),
        probe,
    }
}

fn template(rng: &mut ChaCha20Rng, like: Option<&Template>, flips: usize) -> Template {
    let mut bits = like.map_or_else(
        || {
            let mut bytes = vec![0; 64];
            rng.fill_bytes(&mut bytes);
            bytes
        },
        |template| template.to_bytes().0,
    );
    for flip in 0..flips {
        bits[flip / 8] ^= 1 << (flip % 8);
    }
    Template::from_bytes(512, &bits, None).unwrap()
}

#[test]
fn near_probes_and_one_person_are_told_and_strangers_are_not() {
    let mut rng = random(4);
    let settings = Settings::default();
    let evaluated = |claims: &[Claimed]| {
        let mut found = Evaluation::default();
        repeats(&mut found, &settings, (claims, end(1)), 100_000);
        found
    };
    // Two hundred strangers, many times: never.
    for _ in 0..20 {
        let claims: Vec<_> = (0..200).map(|n| opened(n, &[], vec![template(&mut rng, None, 0)])).collect();
        let found = evaluated(&claims);
        assert_eq!((found.alerts.len(), found.tests), (0, 1));
    }
    let first = template(&mut rng, None, 0);
    let mut claims: Vec<_> = (0..30).map(|n| opened(n, &[], vec![template(&mut rng, None, 0)])).collect();
    for n in 0..3 {
        claims.push(opened(
            100 + n,
            &[],
            vec![template(&mut rng, Some(&first), 20 * usize::try_from(n).unwrap())],
        ));
    }
    let found = evaluated(&claims);
    assert_eq!(
        (found.alerts.len(), found.alerts[0].kind, found.alerts[0].observed),
        (1, Kind::NearProbes, 3)
    );
    // One person: two claims may be chance or care, three are told.
    let named = |names: &[&str]| {
        let claims: Vec<_> = (0..).zip(names).map(|(n, name)| opened(n, &[name], vec![])).collect();
        evaluated(&claims).alerts
    };
    assert_eq!(named(&["a", "b", "c", "d", "a"]), []);
    let told = named(&["a", "b", "c", "a", "a"]);
    assert_eq!((told.len(), told[0].kind, told[0].observed, told[0].of), (1, Kind::SamePerson, 3, 5));
    assert!(!told[0].text.contains("\"a\""), "nobody is named");
}

#[test]
fn equal_people_by_chance_stay_below_the_stated_rate() {
    // A small register, so that chance meetings happen: three of a kind among 40 claims of 300 people.
    let mut rng = random(9);
    let settings = Settings { false_alarms: 100_000, ..Settings::default() };
    let mut alarms = 0;
    for _ in 0..400 {
        let names: Vec<String> = (0..40).map(|_| (rng.next_u32() % 300).to_string()).collect();
        let claims: Vec<_> = (0..).zip(&names).map(|(n, name)| opened(n, &[name.as_str()], vec![])).collect();
        let mut found = Evaluation::default();
        repeats(&mut found, &settings, (&claims, end(1)), 300);
        alarms += found.alerts.len() as u64;
    }
    assert!(tail::at_least(alarms, 400, 0.1) > 1e-6, "{alarms} of 400");
}

#[test]
fn each_group_of_repeats_is_an_alert_of_its_own_and_keeps_its_name() {
    let settings = Settings::default();
    let told = |claims: &[Claimed], since: i64| {
        let mut found = Evaluation::default();
        repeats(&mut found, &settings, (claims, end(since)), 100_000);
        found.alerts.sort();
        found.alerts
    };
    let claims = |names: &[&str]| -> Vec<_> {
        let days = (1..).zip(names);
        days.map(|(day, name)| Claimed { at: end(day), ..opened(day.unsigned_abs(), &[name], vec![]) })
            .collect()
    };
    let before = claims(&["a", "b", "a", "b", "a", "b", "c", "c"]);
    let alerts = told(&before, 1);
    let spans: Vec<_> = alerts.iter().map(|alert| (alert.from, alert.observed, alert.of)).collect();
    assert_eq!(spans, [(end(1), 3, 8), (end(2), 3, 8)], "{alerts:#?}");
    // More of one: both keep their names.
    let after = claims(&["a", "b", "a", "b", "a", "b", "c", "c", "b", "b"]);
    let grown = told(&after, 1);
    let ids = |alerts: &[Alert]| alerts.iter().map(|alert| alert.id().unwrap()).collect::<Vec<_>>();
    assert_eq!(ids(&grown), ids(&alerts));
    assert_eq!(grown.iter().map(|alert| alert.observed).collect::<Vec<_>>(), [3, 5]);
    // What ended before the time that is asked about is not told; what goes on is, under its old name.
    let recent = told(&after, 7);
    assert_eq!(ids(&recent), ids(&alerts)[1..]);
    // Two that begin in one second are two.
    let at_once = before.into_iter().map(|claim| Claimed { at: end(1), ..claim }).collect::<Vec<_>>();
    let names = ids(&told(&at_once, 1));
    assert!(names.len() == 2 && names[0] != names[1]);
    // The links of a chain are one group, and its best linked claim is what is counted as unlikely.
    let people = [&["a", "b"][..], &["b", "c"], &["c", "d"], &["e"]];
    let chain: Vec<_> = (1..).zip(people).map(|(n, names)| opened(n, names, vec![])).collect();
    let alerts = told(&chain, 1);
    assert_eq!(alerts.iter().map(|alert| alert.observed).collect::<Vec<_>>(), [3], "{alerts:#?}");
}

#[test]
fn canaries_missed_in_one_second_are_one_alert() {
    let line = |seq: u64, partner: &str, at: i64, found: u32| CanaryLine {
        seq,
        at: Timestamp(end(3).0 + at),
        query: QueryId([u8::try_from(seq).unwrap(); 16]),
        partner: partner.parse().unwrap(),
        register: "border".parse().unwrap(),
        asked: 4,
        found,
    };
    let canaries = vec![
        line(1, "MK", 0, 4),
        line(2, "MK", 0, 1),
        line(3, "MK", 0, 2),
        line(4, "AL", 0, 0),
        line(5, "MK", 1, 3),
    ];
    let log = Log { canaries, ..log(vec![], vec![]) };
    let found = evaluate(&log, &Settings::default(), end(0), end(5));
    let told: Vec<_> =
        found.alerts.iter().map(|a| (a.partner.as_ref().unwrap().as_str(), a.observed, a.of)).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!([("MK", 5, 8), ("AL", 4, 4), ("MK", 1, 4)].iter().all(|alert| told.contains(alert)), "{told:?}");
    let names: BTreeSet<_> = found.alerts.iter().map(|alert| alert.id().unwrap()).collect();
    assert_eq!(names.len(), 3, "each has its own name");
}
