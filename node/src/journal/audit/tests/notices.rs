//! Correction notices that one journal has and the other lacks, or tells otherwise.

use symbolon_policy::{
    notice::{Cause, Notice, Sealed, SignedNotice},
    signing,
    words::{ClaimId, Digest, Field, NoticeId, Reference},
};

use super::*;

/// MK tells RS that a field was corrected.
fn notice(world: &World, number: u8, fields: Vec<Field>) -> (SignedNotice, SignedNotice) {
    told_by(world, (&world.mk, &world.rs), number, fields)
}

fn told_by(
    world: &World,
    (from, to): (&Agency, &Agency),
    number: u8,
    fields: Vec<Field>,
) -> (SignedNotice, SignedNotice) {
    let notice = Notice {
        notice: NoticeId([number; 16]),
        agreement: world.agreement,
        holder: from.code.clone(),
        asker: to.code.clone(),
        claim: ClaimId([number; 16]),
        reference: Reference([7; 16]),
        cause: Cause::Corrected,
        fields,
        sealed: None,
        at: world.now,
    };
    let holder = signing::sign(&notice, &from.key).unwrap();
    let asker = signing::sign(&notice, &to.key).unwrap();
    let made = SignedNotice { notice, holder, asker: None };
    let confirmed = SignedNotice { asker: Some(asker), ..made.clone() };
    (made, confirmed)
}

fn note(agency: &Agency, side: Side, notice: &SignedNotice, at: Timestamp) {
    instead(agency, side, notice, at, None);
}

/// It is told in the place of another one.
fn instead(agency: &Agency, side: Side, notice: &SignedNotice, at: Timestamp, other: Option<NoticeId>) {
    let (notice, marks) = (Box::new(notice.clone()), Vec::new());
    let event = Event::Notice { side, notice, marks, instead_of: other };
    agency.journal.append(event, at).unwrap();
}

/// One that brings what the fields say now, and the same without.
fn with_and_without(world: &World, fields: Vec<Field>) -> [(SignedNotice, SignedNotice); 2] {
    let without = notice(world, 2, fields);
    let sealed = Some(Sealed { digest: Digest([3; 32]), bytes: 9 });
    let (notice, claim) = (NoticeId([1; 16]), ClaimId([2; 16]));
    let notice = Notice { notice, claim, sealed, ..without.0.notice.clone() };
    let holder = signing::sign(&notice, &world.mk.key).unwrap();
    let asker = signing::sign(&notice, &world.rs.key).unwrap();
    let made = SignedNotice { notice, holder, asker: None };
    let confirmed = SignedNotice { asker: Some(asker), ..made.clone() };
    [(made, confirmed), without]
}

/// How much each discrepancy weighs, and which it is.
fn told(world: &World) -> (u64, Vec<(Weight, Difference)>) {
    let found = compared(world);
    (found.notices, found.discrepancies.into_iter().map(|found| (found.weight, found.difference)).collect())
}

#[test]
fn notices_that_both_have_are_told_alike() {
    let world = World::new();
    let (made, confirmed) = notice(&world, 1, vec![Field::Place]);
    note(&world.mk, Side::Holder, &made, world.now);
    note(&world.rs, Side::Asker, &confirmed, world.now);
    // The confirmation was lost on the way.
    let lacks = world.mk.code.clone();
    let open = Difference::Unconfirmed { notice: NoticeId([1; 16]), lacks };
    assert_eq!(told(&world), (0, vec![(Weight::Open, open)]));
    note(&world.mk, Side::Holder, &confirmed, world.now);
    assert_eq!(told(&world), (1, vec![]));
}

#[test]
fn a_notice_that_waits_is_open_and_one_that_is_gone_is_not() {
    let mut world = World::new();
    let id = NoticeId([1; 16]);
    let (made, confirmed) = notice(&world, 1, vec![Field::Place]);
    let begun = world.now;
    note(&world.mk, Side::Holder, &made, begun);
    let asker =
        |weight| (0, vec![(weight, Difference::NoNotice { notice: id, lacks: "RS".parse().unwrap() })]);
    assert_eq!(told(&world), asker(Weight::Open));
    // Long after: it still waits, until the asker signed that it has it. Then it must have it.
    world.now = begun.plus(3 * Timestamp::HOUR);
    world.exchange(1);
    assert_eq!(told(&world), asker(Weight::Open));
    note(&world.mk, Side::Holder, &confirmed, begun);
    assert_eq!(told(&world), asker(Weight::Violation));
}

#[test]
fn a_notice_that_its_holder_hides_or_words_otherwise_is_found() {
    let mut world = World::new();
    let (_, confirmed) = notice(&world, 1, vec![Field::Place]);
    let begun = world.now;
    note(&world.rs, Side::Asker, &confirmed, begun);
    world.now = begun.plus(3 * Timestamp::HOUR);
    world.exchange(1);
    let missing = Difference::NoNotice { notice: NoticeId([1; 16]), lacks: world.mk.code.clone() };
    assert_eq!(told(&world), (0, vec![(Weight::Violation, missing)]));
    let (_, other) = notice(&world, 1, vec![Field::Name]);
    note(&world.mk, Side::Holder, &other, begun);
    let other = Difference::OtherNotice { notice: NoticeId([1; 16]) };
    assert_eq!(told(&world), (0, vec![(Weight::Violation, other)]));
}

#[test]
fn one_journal_tells_a_notice_in_the_same_words_always() {
    let world = World::new();
    for fields in [vec![Field::Place], vec![Field::Name]] {
        let (made, _) = notice(&world, 1, fields);
        note(&world.mk, Side::Holder, &made, world.now);
    }
    let report = audit(&world.mk);
    let words = violations(&report);
    assert!(words.iter().any(|fault| fault.to_string().contains("in other words than before")), "{report}");
}

#[test]
fn a_partner_that_takes_the_id_of_a_notice_it_received_does_no_harm() {
    let world = World::new();
    let (_, theirs) = notice(&world, 1, vec![Field::Place]);
    let (_, ours) = told_by(&world, (&world.rs, &world.mk), 1, vec![Field::Name]);
    for (holder, asker, notice) in [(&world.mk, &world.rs, &theirs), (&world.rs, &world.mk, &ours)] {
        note(holder, Side::Holder, notice, world.now);
        note(asker, Side::Asker, notice, world.now);
    }
    for agency in [&world.rs, &world.mk] {
        let report = audit(agency);
        let words: Vec<String> = violations(&report).iter().map(ToString::to_string).collect();
        assert!(words.iter().all(|fault| !fault.contains("in other words")), "{report}");
    }
    assert_eq!(told(&world), (2, vec![]));
}

#[test]
fn a_notice_that_another_took_the_place_of_is_no_open_matter() {
    let old = Some(NoticeId([1; 16]));
    // Once the asker has the first one all the same, and its confirmation was lost.
    for has in [false, true] {
        let world = World::new();
        let [(with, with_confirmed), (without, confirmed)] = with_and_without(&world, vec![Field::Place]);
        note(&world.mk, Side::Holder, &with, world.now);
        instead(&world.mk, Side::Holder, &without, world.now, old);
        if has {
            note(&world.rs, Side::Asker, &with_confirmed, world.now);
        }
        // The one in its place is missed as any other.
        let lacks = world.rs.code.clone();
        let missing = Difference::NoNotice { notice: without.notice.notice, lacks };
        assert_eq!(told(&world), (0, vec![(Weight::Open, missing)]));
        note(&world.rs, Side::Asker, &confirmed, world.now);
        note(&world.mk, Side::Holder, &confirmed, world.now);
        assert_eq!(told(&world), (1, vec![]));
    }
}

#[test]
fn a_notice_takes_the_place_only_of_one_that_waits_and_tells_the_same() {
    let world = World::new();
    let fault = |made: &dyn Fn(&World)| {
        let world = World::new();
        made(&world);
        let report = audit(&world.mk);
        violations(&report).iter().any(|fault| fault.to_string().contains("in the place of one"))
    };
    let [(with, with_confirmed), (without, _)] = with_and_without(&world, vec![Field::Place]);
    let (old, own) = (Some(with.notice.notice), Some(without.notice.notice));
    let holder = Side::Holder;
    let then = |world: &World, other| instead(&world.mk, holder, &without, world.now, other);
    assert!(!fault(&|world| {
        note(&world.mk, holder, &with, world.now);
        then(world, old);
    }));
    assert!(fault(&|world| then(world, old)), "it is not known");
    assert!(fault(&|world| {
        note(&world.mk, holder, &with_confirmed, world.now);
        then(world, old);
    }));
    assert!(fault(&|world| {
        note(&world.mk, holder, &without, world.now);
        then(world, own);
    }));
    assert!(fault(&|world| {
        note(&world.mk, holder, &with, world.now);
        then(world, old);
        then(world, old);
    }));
    assert!(fault(&|world| {
        let (other, _) = notice(world, 2, vec![Field::Name]);
        note(&world.mk, holder, &with, world.now);
        instead(&world.mk, holder, &other, world.now, old);
    }));
}
