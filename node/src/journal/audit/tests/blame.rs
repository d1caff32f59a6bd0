//! Nobody is accused for what its partner did or wrote, and nobody escapes by what it wrote itself.

use symbolon_policy::{
    ask::Ask,
    receipt::{Receipt, SignedReceipt},
    signing::{self, Signature},
    words::Digest,
};

use super::*;
use crate::journal::checkpoint::{Checkpoint, countersign};

fn violated(world: &World) -> Vec<Difference> {
    let found = compared(world).discrepancies.into_iter();
    found.filter(|found| found.weight == Weight::Violation).map(|found| found.difference).collect()
}

fn refused(side: Side, ask: &Ask, signature: Signature, code: RefusalCode) -> Event {
    Event::Refused { side, ask: ask.clone(), signature, code, clauses: vec![] }
}

/// MK asks RS under the id of a query that RS put to it, and gets an answer.
fn turned(world: &mut World, ask: &Ask) {
    world.now = world.now.plus(Timestamp::HOUR);
    let (asker, holder) = (ask.holder.clone(), ask.asker.clone());
    let ask = Ask { asker, holder, digest: Digest([88; 32]), asked_at: world.now, ..ask.clone() };
    let signature = signing::sign(&ask, &world.mk.key).unwrap();
    let (answered, _) = world.receipt(&ask, 9);
    let receipt = Receipt { ask: ask.clone(), ..answered.receipt };
    let holder = signing::sign(&receipt, &world.rs.key).unwrap();
    let asker = signing::sign(&receipt, &world.mk.key).unwrap();
    let answered = SignedReceipt { receipt, holder, asker: None };
    let both = SignedReceipt { asker: Some(asker), ..answered.clone() };
    let receipt = |side| Event::Receipt { side, receipt: Box::new(both.clone()) };
    let (rs, mk, now) = (&world.rs.journal, &world.mk.journal, world.now);
    mk.append(world.paid(Side::Asker, &ask, signature), now).unwrap();
    rs.append(world.paid(Side::Holder, &ask, signature), now).unwrap();
    rs.append(Event::Answered { receipt: Box::new(answered) }, now).unwrap();
    mk.append(receipt(Side::Asker), now).unwrap();
    mk.append(Event::HitsSeen { query: ask.query, items: vec![0] }, now).unwrap();
    rs.append(receipt(Side::Holder), now).unwrap();
}

#[test]
fn a_partner_that_asks_under_the_id_of_a_query_it_received_does_no_harm() {
    let mut world = World::new();
    let ask = world.exchange(1);
    turned(&mut world, &ask);
    for agency in [&world.rs, &world.mk] {
        let report = audit(agency);
        assert_eq!((report.findings.len(), report.queries), (0, 2), "{report}");
    }
    let found = compared(&world);
    assert_eq!((found.matched, found.discrepancies.len()), (2, 0), "{found}");

    // Under way on both sides, it fails on one: the other is still open.
    let mut world = World::new();
    let (ask, signature) = world.ask(1);
    world.rs.journal.append(world.paid(Side::Asker, &ask, signature), world.now).unwrap();
    turned(&mut world, &ask);
    let failed =
        Event::Failed { side: Side::Holder, query: ask.query, partner_at_fault: false, reason: "x".into() };
    world.rs.journal.append(failed, world.now).unwrap();
    let report = audit(&world.rs);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.findings[0].fault, Fault::OpenQuery { query: ask.query });
}

/// MK's checkpoint with a line under it that names RS's key and does not stand.
fn with_bogus_line(world: &World) -> String {
    let other = Checkpoint::sign(&world.rs.code, 1, Digest([0; 32]), &world.rs.key);
    let line = other.lines().last().unwrap();
    format!("{}{line}\n", world.mk.journal.offer(0, &world.mk.key).unwrap().note)
}

#[test]
fn a_line_that_does_not_stand_under_a_partners_checkpoint_does_no_harm() {
    let mut world = World::new();
    world.exchange(1);
    let note = countersign(&with_bogus_line(&world), &world.rs.code, &world.rs.key).unwrap();
    let seen = Event::CheckpointSeen { partner: world.mk.code.clone(), note };
    world.rs.journal.append(seen, world.now).unwrap();
    let report = audit(&world.rs);
    assert_eq!(report.findings, [], "{report}");
}

#[test]
fn a_partner_is_held_to_a_checkpoint_that_was_not_countersigned() {
    let mut world = World::new();
    world.exchange(1);
    let note = with_bogus_line(&world);
    let seen = Event::CheckpointSeen { partner: world.mk.code.clone(), note };
    world.rs.journal.append(seen, world.now).unwrap();
    let report = audit(&world.rs);
    assert!(matches!(violations(&report)[..], [Fault::Note { .. }]), "{report}");
    assert_eq!(violated(&world), []);
    let mut events = world.mk.events();
    events[3].1 = Event::NationalRules { text: None };
    world.mk.rewrite(events);
    assert!(violated(&world).iter().any(|found| matches!(found, Difference::Fork { .. })));
}

/// MK leaves out a query that it answered, and stamps every entry with the time when it began.
#[test]
fn who_stamps_early_has_all_that_came_before_what_it_saw() {
    let hidden = |meets: bool| {
        let mut world = World::new();
        let ask = world.exchange(1);
        if meets {
            world.meet();
        }
        let mut events = world.mk.events();
        events.drain(2..5);
        events.iter_mut().for_each(|(at, _)| *at = START);
        world.mk.rewrite(events);
        let (has, lacks) = (world.rs.code.clone(), world.mk.code.clone());
        (world, Difference::Missing { query: ask.query, has, lacks })
    };
    let (world, missing) = hidden(true);
    assert!(violated(&world).contains(&missing), "{:?}", violated(&world));
    // It saw nothing of RS after the answer, so its export may be the older one.
    let (world, _) = hidden(false);
    assert_eq!(violated(&world), []);
}

#[test]
fn what_the_asker_did_not_sign_accuses_nobody() {
    for code in [RefusalCode::Malformed, RefusalCode::NoAgreement] {
        let mut world = World::new();
        let (ask, _) = world.ask(1);
        let forged = signing::sign(&ask, &world.mk.key).unwrap();
        world.mk.journal.append(refused(Side::Holder, &ask, forged, code), world.now).unwrap();
        world.exchange(1);
        world.exchange(1);
        let report = audit(&world.mk);
        assert!(matches!(violations(&report)[..], [Fault::Signature { .. }]), "{report}");
        let found = compared(&world);
        assert_eq!(found.discrepancies, [], "{found}");
    }
    // The same as an admitted query with a receipt.
    let mut world = World::new();
    let (ask, _) = world.ask(1);
    let forged = signing::sign(&ask, &world.mk.key).unwrap();
    let (answered, mut both) = world.receipt(&ask, 9);
    both.asker = Some(answered.holder);
    let events = [
        world.paid(Side::Holder, &ask, forged),
        Event::Answered { receipt: Box::new(answered) },
        Event::Receipt { side: Side::Holder, receipt: Box::new(both) },
    ];
    for event in events {
        world.mk.journal.append(event, world.now).unwrap();
    }
    world.exchange(1);
    world.exchange(1);
    assert!(!audit(&world.mk).is_clean());
    assert_eq!(violated(&world), []);
}

#[test]
fn a_refusal_is_the_askers_word_alone() {
    let mut world = World::new();
    let (ask, signature) = world.ask(1);
    world.rs.journal.append(world.paid(Side::Asker, &ask, signature), world.now).unwrap();
    let event = refused(Side::Asker, &ask, signature, RefusalCode::QuotaExceeded);
    world.rs.journal.append(event, world.now).unwrap();
    world.exchange(1);
    world.exchange(1);
    let found = compared(&world);
    let missing =
        Difference::Missing { query: ask.query, has: world.rs.code.clone(), lacks: world.mk.code.clone() };
    let told: Vec<_> = found.discrepancies.iter().map(|found| (found.weight, &found.difference)).collect();
    assert_eq!(told, [(Weight::Open, &missing)]);
}

/// A query of 15 identifiers with some end, and another one: 20 may be asked.
fn spent(end: impl FnOnce(&World, &Ask, Signature) -> Vec<Event>) -> Report {
    let mut world = World::new();
    let (ask, signature) = world.ask(15);
    world.rs.journal.append(world.paid(Side::Asker, &ask, signature), world.now).unwrap();
    for event in end(&world, &ask, signature) {
        world.rs.journal.append(event, world.now).unwrap();
    }
    let (ask, signature) = world.ask(15);
    world.rs.journal.append(world.paid(Side::Asker, &ask, signature), world.now).unwrap();
    audit(&world.rs)
}

#[test]
fn what_a_partner_refused_is_given_back_as_in_the_state() {
    for code in [RefusalCode::QuotaExceeded, RefusalCode::AlteredRetry] {
        let report = spent(|_, ask, signature| vec![refused(Side::Asker, ask, signature, code)]);
        assert!(report.is_clean(), "{report}");
        assert!(matches!(report.findings[..], [Finding { fault: Fault::OpenQuery { .. }, .. }]), "{report}");
    }
    // Once: and then the same query may be asked anew.
    let report = spent(|world, ask, signature| {
        let refused = || refused(Side::Asker, ask, signature, RefusalCode::StaleSnapshot);
        vec![refused(), refused(), world.paid(Side::Asker, ask, signature), refused()]
    });
    assert!(report.is_clean(), "{report}");
}

#[test]
fn what_ended_otherwise_is_not_given_back() {
    let over = |report: &Report| {
        violations(report).iter().any(|fault| matches!(fault, Fault::Overspent { spent: 30, limit: 20, .. }))
    };
    let code = RefusalCode::QuotaExceeded;
    let failed = spent(|_, ask, signature| {
        let (side, reason) = (Side::Asker, "it broke".to_owned());
        let failed = Event::Failed { side, query: ask.query, partner_at_fault: false, reason };
        vec![failed, refused(Side::Asker, ask, signature, code)]
    });
    let answered = spent(|world, ask, signature| {
        let receipt = Box::new(world.receipt(ask, 9).1);
        vec![Event::Receipt { side: Side::Asker, receipt }, refused(Side::Asker, ask, signature, code)]
    });
    let other_words = spent(|world, ask, _| {
        let other = Ask { items: 14, ..ask.clone() };
        let signature = signing::sign(&other, &world.rs.key).unwrap();
        vec![refused(Side::Asker, &other, signature, code)]
    });
    for report in [failed, answered, other_words] {
        assert!(over(&report), "{report}");
    }
    // What was given back has no receipt.
    let report = spent(|world, ask, signature| {
        let receipt = Box::new(world.receipt(ask, 9).1);
        vec![refused(Side::Asker, ask, signature, code), Event::Receipt { side: Side::Asker, receipt }]
    });
    assert!(matches!(violations(&report)[..], [Fault::Unfounded { .. }]), "{report}");
}
