//! Agreements that take the place of others, or do not any more.

use symbolon_policy::words::AgreementId;

use super::*;

/// A day after an amendment was to begin, and what it amends.
fn amended() -> (World, AgreementId) {
    let mut world = World::new();
    let from = world.now.plus(10 * Timestamp::DAY);
    let before = world.amend(from);
    (world, before)
}

fn later(world: &mut World) {
    world.now = world.now.plus(11 * Timestamp::DAY);
}

#[test]
fn an_amendment_that_took_effect_outlives_a_revocation_of_what_it_amended() {
    let (mut world, before) = amended();
    later(&mut world);
    world.take_effect(before);
    world.exchange(1);
    world.revoke(before);
    world.exchange(1);
    for agency in [&world.rs, &world.mk] {
        assert_eq!(audit(agency).findings, []);
    }
}

#[test]
fn nothing_is_asked_under_an_amendment_of_what_was_revoked_before() {
    let (mut world, before) = amended();
    world.revoke(before);
    later(&mut world);
    let ask = world.exchange(1);
    for agency in [&world.rs, &world.mk] {
        let report = audit(agency);
        assert_eq!(violations(&report), [&Fault::NotInForce { query: ask.query }]);
    }
}

#[test]
fn what_was_revoked_is_amended_by_nothing() {
    let (mut world, before) = amended();
    world.revoke(before);
    later(&mut world);
    world.take_effect(before);
    let report = audit(&world.mk);
    assert_eq!(violations(&report), [&Fault::UnknownAgreement { agreement: world.agreement }]);
}
