//! What the audit finds about officers.

use ed25519_dalek::SigningKey;
use symbolon_policy::{
    officer::{Act, ActKind, How, Intent, Officer, SignedAct},
    signing::Document as _,
    words::{Digest, Role},
};

use super::*;

#[test]
fn once_an_officer_is_enrolled_every_own_query_needs_a_signed_act() {
    let mut world = World::new();
    world.exchange(1);
    let (ask, _) = world.ask(1);
    let key = SigningKey::from_bytes(&[9; 32]);
    let id = ask.officer.clone();
    let officer = Officer {
        id: id.clone(),
        roles: vec![Role::Asks],
        key: key.public(),
        seal: "age1".into(),
        until: None,
    };
    let now = world.now;
    world.rs.journal.append(Event::OfficerEnrolled { officer }, now).unwrap();
    let before = world.rs.events().len();
    world.exchange(1);
    let report = audit(&world.rs);
    let unsigned = |fault: &&Fault| matches!(fault, Fault::Unsigned { officer, .. } if *officer == id);
    assert_eq!(violations(&report).iter().filter(|fault| unsigned(fault)).count(), 1, "{report}");
    assert!(audit(&world.mk).is_clean(), "what officers a partner has is its own affair");

    // The same with a signature before it, whole, of another key, twice.
    let honest = world.rs.events();
    let intent = Intent::Ask {
        how: How::Exact,
        partners: Vec::new(),
        register: ask.register.clone(),
        purpose: ask.purpose,
        basis: ask.basis,
        case: ask.case.is_some(),
        subject: Digest([1; 32]),
    };
    let at = honest[before].0;
    let act = Act { officer: id.clone(), act: ActKind::Ask { digest: intent.digest().unwrap() }, at };
    let asked = |signer: &SigningKey| {
        let act = SignedAct::sign(act.clone(), signer).unwrap();
        (at, Event::OfficerAsked { act, intent: intent.clone() })
    };
    let with = |world: &mut World, more: Vec<(Timestamp, Event)>| {
        let mut events = honest.clone();
        events.splice(before..before, more);
        world.rs.rewrite(events);
        audit(&world.rs)
    };
    let signed = |report: &Report| {
        let of = violations(report);
        [of.iter().any(unsigned), of.iter().any(|fault| matches!(fault, Fault::Officer { .. }))]
    };
    assert_eq!(signed(&with(&mut world, vec![asked(&key)])), [false, false]);
    let strange = SigningKey::from_bytes(&[8; 32]);
    assert_eq!(signed(&with(&mut world, vec![asked(&strange)])), [true, true]);
    assert_eq!(signed(&with(&mut world, vec![asked(&key), asked(&key)])), [false, true]);
    let removed = Event::OfficerRemoved { officer: id.clone(), reason: "moved".into() };
    assert_eq!(signed(&with(&mut world, vec![asked(&key), (at, removed)])), [true, false]);
}
