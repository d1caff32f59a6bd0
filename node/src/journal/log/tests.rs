use symbolon_policy::{
    permit::RefusalCode,
    signing::Signer as _,
    words::{Purpose, QueryId},
};

use super::*;
use crate::journal::{Event, Side, audit, world::World};

fn logs(world: &World, period: Period) -> [Log; 2] {
    [&world.rs, &world.mk].map(|agency| {
        let mut collector = Collector::new(period);
        let report = audit::read(agency.dir.path(), &agency.key.public(), |e, _| collector.take(e)).unwrap();
        let log = collector.finish(&report).unwrap();
        // The same from an export.
        let mut text = Vec::new();
        audit::export(agency.dir.path(), &agency.key, &mut text).unwrap();
        let mut collector = Collector::new(period);
        let import = audit::read_export(text.as_slice(), None, |e, _| collector.take(e)).unwrap();
        assert_eq!(collector.finish(&import.report).unwrap(), log);
        // It survives both forms in which it travels.
        let json = serde_json::to_string(&log).unwrap();
        assert_eq!(serde_json::from_str::<Log>(&json).unwrap(), log);
        let bytes = symbolon_policy::canonical::encode(&log).unwrap();
        assert_eq!(symbolon_policy::canonical::decode::<Log>(&bytes).unwrap(), log);
        log
    })
}

const ALWAYS: Period = Period { from: Timestamp::FIRST, to: Timestamp::LAST };

#[test]
fn each_query_has_one_line_on_both_sides_that_says_how_it_ended() {
    let mut world = World::new();
    let answered = world.exchange(3);
    world.refusal(RefusalCode::QuotaExceeded, RefusalCode::QuotaExceeded);
    let (open, signature) = world.ask(2);
    let query = world.paid(Side::Asker, &open, signature);
    world.rs.journal.append(query, world.now).unwrap();
    let [rs, mk] = logs(&world, ALWAYS);
    assert!(rs.clean && mk.clean);
    let short = |log: &Log| -> Vec<(QueryId, Side, String)> {
        log.queries.iter().map(|line| (line.query, line.side, line.result.as_str().to_owned())).collect()
    };
    let ids: Vec<QueryId> = rs.queries.iter().map(|line| line.query).collect();
    assert_eq!(
        short(&rs),
        [
            (answered.query, Side::Asker, "answered".into()),
            (ids[1], Side::Asker, "refused".into()),
            (open.query, Side::Asker, "open".into())
        ]
    );
    assert_eq!(
        short(&mk),
        [(answered.query, Side::Holder, "answered".into()), (ids[1], Side::Holder, "refused".into())]
    );
    let line = &mk.queries[0];
    assert_eq!((line.asked_at, line.items, line.purpose), (answered.asked_at, 3, Purpose::IllegalStay));
    assert_eq!((line.case, &line.officer), (answered.case, &answered.officer));
    assert!(line.answered_at.is_some() && line.leakage_bits == 3);
    for log in [&rs, &mk] {
        assert_eq!(log.refusals.len(), 1);
        assert_eq!(log.refusals[0].code, Some(RefusalCode::QuotaExceeded));
        assert_eq!((log.agreements.len(), log.agreements[0].in_force, log.rules.len()), (1, true, 1));
    }
    // What was given by one is what the other received.
    let whole = |log: &Log| log.balance.iter().find(|line| line.month.is_none()).cloned().unwrap();
    assert_eq!((whole(&mk).given, whole(&mk).received, whole(&mk).reciprocity), (3, 0, 1_000));
    assert_eq!((whole(&rs).given, whole(&rs).received, whole(&rs).reciprocity), (0, 3, -1_000));
}

#[test]
fn periods_share_no_line_and_leave_none_out() {
    let mut world = World::new();
    for _ in 0..9 {
        world.exchange(2);
    }
    world.refusal(RefusalCode::RulesForbid, RefusalCode::RulesForbid);
    let [whole, _] = logs(&world, ALWAYS);
    let cut = whole.queries[4].at;
    let [before, _] = logs(&world, Period { to: cut, ..ALWAYS });
    let [after, _] = logs(&world, Period { from: cut, ..ALWAYS });
    assert_eq!([before.queries.clone(), after.queries.clone()].concat(), whole.queries);
    assert_eq!([before.refusals.clone(), after.refusals.clone()].concat(), whole.refusals);
    let received = |log: &Log| log.balance.last().map_or(0, |line| line.received);
    assert_eq!((received(&before) + received(&after), received(&whole)), (18, 18));
    // An agreement accepted before the period is shown, and only once as a change.
    assert_eq!((before.rules.len(), after.rules.len(), after.agreements.len()), (1, 0, 1));
}

#[test]
fn a_revocation_ends_what_holds_and_a_fault_is_told() {
    let mut world = World::new();
    let ask = world.exchange(1);
    let revocation = symbolon_policy::agreement::Revocation {
        agreement: world.agreement,
        by: world.rs.code.clone(),
        reason: "ended".into(),
        at: world.now,
    };
    let signature = symbolon_policy::signing::sign(&revocation, &world.rs.key).unwrap();
    let now = world.now.plus(Timestamp::DAY);
    for event in [
        Event::Failed {
            side: Side::Holder,
            query: ask.query,
            partner_at_fault: true,
            reason: "odd frame".into(),
        },
        Event::AgreementRevoked { revocation, signature },
    ] {
        world.mk.journal.append(event, now).unwrap();
    }
    let [_, mk] = logs(&world, ALWAYS);
    assert_eq!(mk.faults.len(), 1);
    assert_eq!(mk.faults[0].partner, Some(world.rs.code.clone()));
    assert!(matches!(mk.queries[0].result, Result::Answered { .. }), "an answer stays an answer");
    assert_eq!(mk.agreements[0].revoked, Some(now));
    let later = Period { from: now.plus(Timestamp::DAY), to: Timestamp::LAST };
    let [_, mk] = logs(&world, later);
    assert!(!mk.agreements[0].in_force && mk.rules.is_empty());
}

#[test]
fn an_agreement_holds_until_another_takes_its_place_or_it_is_void() {
    let held = |world: &World, from: Timestamp| {
        let [rs, _] = logs(world, Period { from, to: Timestamp::LAST });
        rs.agreements.iter().map(|line| line.in_force).collect::<Vec<_>>()
    };
    for over in [false, true] {
        let mut world = World::new();
        let start = world.now;
        let before = world.amend(start.plus(10 * Timestamp::DAY));
        if over {
            world.now = start.plus(Timestamp::DAY);
            world.revoke(before);
        }
        world.now = start.plus(10 * Timestamp::DAY);
        if !over {
            world.take_effect(before);
        }
        assert_eq!(held(&world, start), [true, !over]);
        assert_eq!(held(&world, start.plus(11 * Timestamp::DAY)), [false, !over]);
    }
}

#[test]
fn a_fault_names_the_partner_of_a_query_before_the_period() {
    let mut world = World::new();
    let query = world.exchange(1).query;
    world.now = world.now.plus(Timestamp::DAY);
    let (side, reason) = (Side::Holder, "odd frame".into());
    let failed = Event::Failed { side, query, partner_at_fault: true, reason };
    world.mk.journal.append(failed, world.now).unwrap();
    let [_, mk] = logs(&world, Period { from: world.now, to: Timestamp::LAST });
    assert_eq!((mk.queries.len(), mk.faults[0].partner.as_ref()), (0, Some(&world.rs.code)));
}

#[test]
fn statistics_add_up_and_leave_small_counts_out() {
    let mut world = World::new();
    for _ in 0..7 {
        world.exchange(1);
    }
    world.refusal(RefusalCode::RulesForbid, RefusalCode::RulesForbid);
    let [rs, _] = logs(&world, ALWAYS);
    let open = Statistics::of(&rs, 1);
    let block = &open.blocks[0];
    assert_eq!((block.side, block.months.len(), block.totals.total), (Side::Asker, 1, Some(8)));
    for table in &block.tables {
        assert_eq!(table.rows.iter().map(|row| row.total.unwrap()).sum::<u64>(), 8, "{:?}", table.by);
    }
    assert!(open.blocks[1].months.is_empty(), "nothing was asked of RS");
    // One refusal of eight queries would be given back by the others.
    let closed = Statistics::of(&rs, 5);
    let results = closed.blocks[0].tables.last().unwrap();
    assert_eq!(results.by, Dimension::Result);
    assert!(results.rows.iter().all(|row| row.total.is_none() && row.months == [None]));
    assert_eq!(closed.blocks[0].totals.total, Some(8));
}
