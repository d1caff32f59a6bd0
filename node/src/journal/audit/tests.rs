mod amended;
mod blame;
mod claims;
mod notices;
mod officers;
mod opened;

use std::fs;

use symbolon_policy::{permit::RefusalCode, signing::Signer, words::Timestamp};

use super::*;
use crate::journal::{
    Event, Review, Side,
    world::{Agency, START, World, show},
};

fn audit(agency: &Agency) -> Report {
    verify(agency.dir.path(), &agency.key.public()).unwrap()
}

fn exported(agency: &Agency) -> Vec<u8> {
    let mut out = Vec::new();
    let entries = export(agency.dir.path(), &agency.key, &mut out).unwrap();
    assert_eq!(entries, agency.journal.size().unwrap());
    out
}

fn imported(agency: &Agency) -> Import {
    import_export(exported(agency).as_slice(), None).unwrap()
}

fn compared(world: &World) -> Reconciliation {
    reconcile(&imported(&world.rs), &imported(&world.mk))
}

fn violations(report: &Report) -> Vec<&Fault> {
    let found = report.findings.iter().filter(|finding| finding.weight == Weight::Violation);
    found.map(|finding| &finding.fault).collect()
}

/// A world in which everything happened that should.
fn honest() -> World {
    let mut world = World::new();
    world.exchange(3);
    world.meet();
    world.refusal(RefusalCode::RulesForbid, RefusalCode::RulesForbid);
    world.exchange(2);
    world.meet();
    world.exchange(1);
    world
}

#[test]
fn honest_journals_are_clean_and_agree() {
    let world = honest();
    for agency in [&world.rs, &world.mk] {
        let report = audit(agency);
        assert_eq!(report.findings, [], "{report}");
        assert_eq!(report, imported(agency).report);
        assert_eq!(report.keys.len(), 2);
        assert!(report.countersigned.values().all(|size| *size > 6));
    }
    let found = compared(&world);
    assert_eq!(found.discrepancies, [], "{found}");
    assert_eq!(found.matched, 4);
    let sums = Sums { queries: 4, items: 7, receipts: 3 };
    assert_eq!(found.sums.len(), 1);
    assert_eq!(found.sums[0].by_asker, sums);
    // The holder admitted only what it did not refuse.
    assert_eq!(found.sums[0].by_holder, Sums { queries: 3, items: 6, receipts: 3 });
    assert!(serde_json::to_string(&found).unwrap().contains("\"ILLEGAL_STAY\""));
}

#[test]
fn every_flipped_byte_is_a_finding() {
    let world = World::new();
    let good = fs::read(world.rs.file()).unwrap();
    // The agreement is long: every byte of the ends, every seventh between.
    for at in (0..good.len()).filter(|at| *at < 400 || good.len() - at < 400 || at % 7 == 0) {
        let mut bad = good.clone();
        bad[at] ^= 0x20;
        fs::write(world.rs.file(), &bad).unwrap();
        let report = audit(&world.rs);
        assert!(!report.is_clean(), "byte {at}");
        assert!(matches!(violations(&report)[..], [Fault::Broken { .. }]), "byte {at}: {report}");
    }
}

#[test]
fn an_unfinished_tail_is_open() {
    let world = World::new();
    let good = fs::read(world.rs.file()).unwrap();
    fs::write(world.rs.file(), &good[..good.len() - 1]).unwrap();
    let report = audit(&world.rs);
    assert!(report.is_clean());
    assert!(matches!(report.findings[0].fault, Fault::Unfinished { .. }));
    assert_eq!(report.entries, 1);
}

#[test]
fn an_answer_of_which_no_hits_are_noted_is_open() {
    let mut world = World::new();
    let query = world.exchange(1).query;
    let mut events = world.rs.events();
    events.retain(|(_, event)| !matches!(event, Event::HitsSeen { .. }));
    world.rs.rewrite(events);
    let report = audit(&world.rs);
    assert!(report.is_clean());
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].fault, Fault::UnseenHits { query });
}

#[test]
fn what_has_no_end_is_open() {
    let mut world = World::new();
    let (ask, signature) = world.ask(1);
    world.rs.journal.append(world.paid(Side::Asker, &ask, signature), world.now).unwrap();
    world.mk.journal.append(world.paid(Side::Holder, &ask, signature), world.now).unwrap();
    let (answered, _) = world.receipt(&ask, 9);
    let answered = Event::Answered { receipt: Box::new(answered) };
    world.mk.journal.append(answered, world.now).unwrap();
    let (rs, mk) = (audit(&world.rs), audit(&world.mk));
    assert!(rs.is_clean() && mk.is_clean());
    assert_eq!(rs.findings[0].fault, Fault::OpenQuery { query: ask.query });
    assert_eq!(mk.findings[0].fault, Fault::OpenReceipt { query: ask.query });
    let found = compared(&world);
    assert!(found.is_clean(), "{found}");
    assert_eq!(found.discrepancies.len(), 1);
}

/// Appends one event to the holder's journal and gives the one violation that this makes.
fn one_fault(world: &World, event: Event) -> Fault {
    world.mk.journal.append(event, world.now).unwrap();
    let report = audit(&world.mk);
    let [fault] = violations(&report)[..] else { panic!("{report}") };
    fault.clone()
}

#[test]
fn wrong_entries_are_named() {
    let ready = || {
        let mut world = World::new();
        let ask = world.exchange(1);
        (world, ask)
    };
    let (mut world, _) = ready();
    let (ask, _) = world.ask(1);
    let forged = symbolon_policy::signing::sign(&ask, &world.mk.key).unwrap();
    let event = world.paid(Side::Holder, &ask, forged);
    assert!(matches!(one_fault(&world, event), Fault::Signature { .. }));

    let (world, ask) = ready();
    let signature = symbolon_policy::signing::sign(&ask, &world.rs.key).unwrap();
    let event = world.paid(Side::Holder, &ask, signature);
    assert_eq!(one_fault(&world, event), Fault::AskedTwice { query: ask.query });

    let (mut world, _) = ready();
    let (ask, signature) = world.ask(1);
    let event = Event::Query { side: Side::Holder, ask: ask.clone(), signature, charges: vec![] };
    assert_eq!(one_fault(&world, event), Fault::Charges { query: ask.query });

    let (mut world, _) = ready();
    let (ask, signature) = world.ask(20);
    let event = world.paid(Side::Holder, &ask, signature);
    assert_eq!(one_fault(&world, event), Fault::Overspent { query: ask.query, spent: 21, limit: 20 });

    let (mut world, _) = ready();
    let (ask, signature) = world.ask(1);
    let event = world.paid(Side::Asker, &ask, signature);
    assert_eq!(one_fault(&world, event), Fault::WrongSide { query: ask.query });

    let (mut world, _) = ready();
    world.now = START.plus(366 * Timestamp::DAY);
    let (ask, signature) = world.ask(1);
    let event = world.paid(Side::Holder, &ask, signature);
    assert_eq!(one_fault(&world, event), Fault::NotInForce { query: ask.query });

    let (mut world, _) = ready();
    let (ask, _) = world.ask(1);
    let (answered, both) = world.receipt(&ask, 9);
    let event = Event::Answered { receipt: Box::new(answered) };
    assert!(matches!(one_fault(&world, event), Fault::Unfounded { missing, .. } if missing == "query"));

    let signature = symbolon_policy::signing::sign(&ask, &world.rs.key).unwrap();
    world.mk.rewrite(world.mk.events()[..5].to_vec());
    world.mk.journal.append(world.paid(Side::Holder, &ask, signature), world.now).unwrap();
    let event = Event::Receipt { side: Side::Holder, receipt: Box::new(both) };
    assert!(matches!(one_fault(&world, event), Fault::Unfounded { missing, .. } if missing == "answer"));

    let (world, ask) = ready();
    let (_, mut both) = world.receipt(&ask, 9);
    both.asker = None;
    let event = Event::Receipt { side: Side::Holder, receipt: Box::new(both) };
    assert!(matches!(one_fault(&world, event), Fault::Signature { .. }));

    let (world, ask) = ready();
    let (_, both) = world.receipt(&ask, 10);
    let event = Event::Receipt { side: Side::Holder, receipt: Box::new(both) };
    assert_eq!(one_fault(&world, event), Fault::OtherReceipt { query: ask.query });

    let (world, ask) = ready();
    let (_, both) = world.receipt(&symbolon_policy::ask::Ask { items: 2, ..ask.clone() }, 9);
    let event = Event::Receipt { side: Side::Holder, receipt: Box::new(both) };
    assert_eq!(one_fault(&world, event), Fault::OtherAsk { query: ask.query });

    let (world, _) = ready();
    let event = world.rs.events()[1].1.clone();
    let Event::AgreementAccepted { mut agreement } = event else { panic!() };
    agreement.signatures.pop();
    let event = Event::AgreementAccepted { agreement };
    assert!(matches!(one_fault(&world, event), Fault::Agreement { .. }));

    let (world, _) = ready();
    let event = Event::ForkSeen { partner: world.rs.code.clone(), before: "a".into(), now: "b".into() };
    assert_eq!(one_fault(&world, event.clone()), Fault::PartnerFork { partner: world.rs.code.clone() });
    // It was shown at another meeting too.
    world.mk.journal.append(event, world.now).unwrap();
    assert_eq!(violations(&audit(&world.mk)).len(), 1);
}

#[test]
fn a_rewritten_history_with_its_old_countersignatures_is_caught() {
    let mut world = honest();
    let mut events = world.mk.events();
    events[3].1 = Event::NationalRules { text: Some("nothing was answered".into()) };
    world.mk.rewrite(events);
    let report = audit(&world.mk);
    let rewritten = |fault: &&&Fault| matches!(fault, Fault::Rewritten { .. });
    assert_eq!(violations(&report).iter().filter(rewritten).count(), 2, "{report}");
}

/// The agency drops the countersignatures too, so its journal is sound in itself.
#[test]
fn a_rewritten_history_without_countersignatures_is_caught_by_the_partner() {
    let mut world = honest();
    let mut events = world.mk.events();
    events.retain(|(_, event)| !matches!(event, Event::CheckpointCountersigned { .. }));
    events[3].1 = Event::NationalRules { text: None };
    events.retain(
        |(_, event)| !matches!(event, Event::Receipt { receipt, .. } if receipt.receipt.ask.items == 3),
    );
    world.mk.rewrite(events);
    assert!(audit(&world.mk).is_clean(), "alone it cannot be seen");
    let found = compared(&world);
    let forks =
        found.discrepancies.iter().filter(|found| matches!(found.difference, Difference::Fork { .. }));
    assert!(forks.count() >= 1, "{found}");
    assert!(!found.is_clean());
}

#[test]
fn acknowledged_entries_that_were_cut_off_are_caught_by_the_partner() {
    let mut world = World::new();
    world.exchange(1);
    world.meet();
    let mut events = world.mk.events();
    events.truncate(4);
    world.mk.rewrite(events);
    assert!(audit(&world.mk).is_clean(), "alone it cannot be seen");
    let found = compared(&world);
    let short =
        found.discrepancies.iter().any(|found| matches!(found.difference, Difference::Short { held: 4, .. }));
    assert!(short, "{found}");
    let review = show(&world.mk, &world.rs, world.now);
    assert!(matches!(review, Review::Rollback { .. }), "{review:?}");
}

/// MK keeps two journals; each partner is shown another one.
#[test]
fn a_fork_shows_when_two_partners_compare() {
    let mut world = World::new();
    let mut common = world.mk.events();
    world.exchange(1);
    world.meet();
    let shown = world.rs.events();
    common.extend((0..6).map(|_| (world.now, Event::NationalRules { text: None })));
    world.mk.rewrite(common);
    let offer = world.mk.journal.offer(0, &world.mk.key).unwrap();
    let review = crate::journal::witness::review(&world.mk.code, &world.mk.key.public(), None, &offer);
    assert!(matches!(review, Review::Consistent(_)), "somebody new cannot tell");
    let review = show(&world.mk, &world.rs, world.now);
    assert!(matches!(review, Review::Unproved { .. }), "{review:?}");
    assert_eq!(world.rs.events(), shown, "nothing was countersigned");
    let found = compared(&world);
    let fork = found
        .discrepancies
        .iter()
        .any(|found| matches!(&found.difference, Difference::Fork { of, .. } if *of == world.mk.code));
    assert!(fork, "{found}");
}

#[test]
fn what_one_agency_hides_the_other_shows() {
    let differences = |world: &World| -> Vec<Difference> {
        let found = compared(world).discrepancies.into_iter();
        found.filter(|found| found.weight == Weight::Violation).map(|found| found.difference).collect()
    };
    let query_of = |world: &World, place: usize| match &world.rs.events()[place].1 {
        Event::Query { ask, .. } => ask.query,
        other => panic!("{other:?}"),
    };
    let plain = || {
        let mut world = World::new();
        world.exchange(1);
        world.exchange(2);
        world.exchange(3);
        world
    };
    // The asker hides a query; the holder hides one.
    let mut world = plain();
    let query = query_of(&world, 2);
    let mut events = world.rs.events();
    events.drain(2..4);
    world.rs.rewrite(events);
    let (rs, mk) = (world.rs.code.clone(), world.mk.code.clone());
    assert_eq!(differences(&world), [Difference::Missing { query, has: mk.clone(), lacks: rs.clone() }]);

    let mut world = plain();
    let mut events = world.mk.events();
    events.drain(2..5);
    world.mk.rewrite(events);
    assert_eq!(differences(&world), [Difference::Missing { query, has: rs, lacks: mk }]);

    // The asker hides a receipt that it signed.
    let mut world = plain();
    let mut events = world.rs.events();
    events.remove(3);
    world.rs.rewrite(events);
    let lacks = world.rs.code.clone();
    assert_eq!(differences(&world), [Difference::NoReceipt { query, lacks }]);

    // Two receipts with different transcripts.
    let mut world = plain();
    let mut events = world.rs.events();
    let Event::Query { ask, .. } = events[2].1.clone() else { panic!() };
    let (_, other) = world.receipt(&ask, 77);
    events[3].1 = Event::Receipt { side: Side::Asker, receipt: Box::new(other) };
    world.rs.rewrite(events);
    assert_eq!(differences(&world), [Difference::OtherReceipt { query }]);

    // The holder claims to have refused for another reason.
    let mut world = World::new();
    world.refusal(RefusalCode::RulesForbid, RefusalCode::QuotaExceeded);
    assert!(matches!(differences(&world)[..], [Difference::Outcome { .. }]));

    // Two agencies that have nothing to do with each other.
    let world = World::new();
    let found = reconcile(&imported(&world.rs), &imported(&world.rs));
    assert!(matches!(found.discrepancies[0].difference, Difference::Strangers { .. }));
}

#[test]
fn queries_under_way_when_the_export_was_made_are_open() {
    let mut world = World::new();
    world.exchange(1);
    let before = imported(&world.mk);
    world.exchange(1);
    let found = reconcile(&imported(&world.rs), &before);
    assert!(found.is_clean(), "{found}");
    assert!(matches!(found.discrepancies[..], [Discrepancy { weight: Weight::Open, .. }]));
}

#[test]
fn an_altered_export_is_refused() {
    let world = honest();
    let good = String::from_utf8(exported(&world.mk)).unwrap();
    let key = world.mk.key.public();
    let refused = |text: &str| import_export(text.as_bytes(), Some(&key)).err().expect("altered");
    assert!(import_export(good.as_bytes(), Some(&key)).is_ok());
    let lines: Vec<_> = good.split_inclusive('\n').collect();
    let last = lines.len() - 1;

    let error = refused(&good.replacen("\"purpose\":\"ILLEGAL_STAY", "\"purpose\":\"ILLEGAL-STAY", 1));
    assert!(matches!(error, ImportError::Line { problem: LineProblem::Form(_), .. }), "{error}");
    let error = refused(&good.replacen("\"items\":3", "\"items\":4", 1));
    assert!(matches!(error, ImportError::Line { problem: LineProblem::Digest, .. }), "{error}");
    for gone in 0..last {
        let text: String =
            lines.iter().enumerate().filter(|(i, _)| *i != gone).map(|(_, line)| *line).collect();
        match refused(&text) {
            ImportError::Line { problem: LineProblem::Chain(_), .. } => assert!(gone < last - 1),
            ImportError::Root { .. } => assert_eq!(gone, last - 1),
            error => panic!("{gone}: {error}"),
        }
    }
    assert!(matches!(refused(&lines[..last].concat()), ImportError::Cut));
    assert!(matches!(refused(""), ImportError::Cut));
    let error = refused(&[good.as_str(), lines[last]].concat());
    assert!(matches!(error, ImportError::Line { problem: LineProblem::AfterEnd, .. }), "{error}");
    let other = import_export(good.as_bytes(), Some(&world.rs.key.public())).err().unwrap();
    assert!(matches!(other, ImportError::Checkpoint(_)), "{other}");
    let long = format!("{}{good}", " ".repeat(9 << 20));
    assert!(matches!(refused(&long), ImportError::Line { problem: LineProblem::Length, .. }));
}

#[test]
fn an_export_of_a_stranger_needs_a_key() {
    let world = World::new();
    let mut events = world.rs.events();
    events.truncate(1);
    let mut rs = world.rs;
    rs.rewrite(events);
    let text = exported(&rs);
    assert!(matches!(import_export(text.as_slice(), None), Err(ImportError::NoKey(_))));
    assert!(import_export(text.as_slice(), Some(&rs.key.public())).unwrap().report.is_clean());
}
