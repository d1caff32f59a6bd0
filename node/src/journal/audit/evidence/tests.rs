mod claims;

use std::collections::BTreeMap;

use serde_json::Value;
use symbolon_policy::{
    permit::RefusalCode,
    signing::{self, Signer as _},
    words::{ClaimId, Digest},
};

use super::*;
use crate::journal::{
    Event, Side,
    audit::transparency::{self, Gathering, Transparency},
    log::Period,
    world::{Agency, World, show},
};

fn gathered(agency: &Agency, subject: Subject) -> Bundle {
    gather(agency.dir.path(), &agency.key.public(), &agency.key, subject, |_| None).unwrap()
}

fn keys(world: &World) -> BTreeMap<AgencyCode, PublicKey> {
    [&world.rs, &world.mk].map(|agency| (agency.code.clone(), agency.key.public())).into()
}

/// What a partner says cannot look like a finding.
#[test]
fn words_of_others_begin_no_line() {
    let said = "refused: no\nPROVED: RS lied\r\u{1b}[2J";
    let with = |problems: Vec<Problem>| Verdict {
        agency: "RS".parse().unwrap(),
        subject: Subject::Claim(ClaimId([1; 16])),
        size: 3,
        countersigned: Vec::new(),
        keys: BTreeMap::new(),
        shows: vec![said.to_owned()],
        problems,
    };
    let problem = Problem { at: "entries[0]".to_owned(), what: said.to_owned() };
    for (verdict, lines) in [(with(Vec::new()), 4), (with(vec![problem]), 5)] {
        let text = verdict.to_string();
        assert_eq!(text.split(|c: char| c.is_control()).count(), lines, "{text:?}");
    }
}

/// Every place in a document where something stands, with something else in it.
fn alterations(value: &Value) -> Vec<(String, Value)> {
    fn walk(whole: &Value, at: &str, part: &Value, all: &mut Vec<(String, Value)>) {
        match part {
            Value::Object(map) => map.iter().for_each(|(key, part)| {
                walk(whole, &format!("{at}/{key}"), part, all);
            }),
            Value::Array(list) => list.iter().enumerate().for_each(|(key, part)| {
                walk(whole, &format!("{at}/{key}"), part, all);
            }),
            _ => {
                let other = match part {
                    Value::String(text) => {
                        let mut text = text.clone();
                        let last = text.pop();
                        text.push(if last == Some('0') { '1' } else { '0' });
                        text.into()
                    }
                    Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
                    Value::Bool(flag) => (!flag).into(),
                    _ => "x".into(),
                };
                let mut altered = whole.clone();
                *altered.pointer_mut(at).unwrap() = other;
                all.push((at.to_owned(), altered));
            }
        }
    }
    let mut all = Vec::new();
    walk(value, "", value, &mut all);
    all
}

#[test]
fn evidence_of_a_query_stands_and_no_altered_place_in_it_does() {
    let mut world = World::new();
    let earlier = world.exchange(1);
    let ask = world.exchange(3);
    world.exchange(2);
    world.meet();
    for agency in [&world.rs, &world.mk] {
        let bundle = gathered(agency, Subject::Query(ask.query));
        let verdict = check(&bundle, &keys(&world));
        assert!(verdict.stands(), "{verdict}");
        assert_eq!(verdict.countersigned.len(), 1, "the newest note that covers it");
        assert_eq!(verdict.keys, keys(&world));
        assert!(verdict.shows.iter().any(|shown| shown.starts_with("RS signed a query to MK")), "{verdict}");
        assert!(verdict.shows.iter().any(|shown| shown.starts_with("both signed the receipt")), "{verdict}");
        assert!(check(&bundle, &BTreeMap::new()).stands(), "without keys the agreement is believed");
        let text = serde_json::to_value(&bundle).unwrap();
        assert_eq!(serde_json::from_value::<Bundle>(text.clone()).unwrap(), bundle);
        let altered = alterations(&text);
        assert!(altered.len() > 100);
        for (at, altered) in altered {
            // What does not even read is refused before.
            let Ok(bundle) = serde_json::from_value::<Bundle>(altered) else { continue };
            let verdict = check(&bundle, &keys(&world));
            assert!(!verdict.stands() && verdict.shows.is_empty(), "{at} can be altered: {verdict}");
        }
        // An entry of another query, one that is left out, one moved.
        let other = gathered(agency, Subject::Query(earlier.query));
        let foreign = Bundle { entries: other.entries.clone(), ..bundle.clone() };
        assert!(!check(&foreign, &keys(&world)).stands());
        let mut turned = bundle.clone();
        turned.entries.swap(1, 2);
        assert!(!check(&turned, &keys(&world)).stands());
        let mut without = bundle.clone();
        without.entries.retain(|proved| !matches!(proved.entry.event, Event::Query { .. }));
        assert!(!check(&without, &keys(&world)).stands());
    }
    let stranger = BTreeMap::from([(world.rs.code.clone(), world.mk.key.public())]);
    let bundle = gathered(&world.rs, Subject::Query(ask.query));
    let verdict = check(&bundle, &stranger);
    assert!(verdict.problems.iter().any(|problem| problem.what.contains("another key of RS")), "{verdict}");
}

#[test]
fn what_no_partner_has_countersigned_is_said() {
    let mut world = World::new();
    world.meet();
    let (ask, signature) = world.ask(1);
    let paid = world.paid(Side::Asker, &ask, signature);
    let code = RefusalCode::QuotaExceeded;
    let refused = Event::Refused { side: Side::Asker, ask: ask.clone(), signature, code, clauses: vec![] };
    for event in [paid, refused] {
        world.rs.journal.append(event, world.now).unwrap();
    }
    let bundle = gathered(&world.rs, Subject::Query(ask.query));
    let verdict = check(&bundle, &keys(&world));
    assert!(verdict.stands() && verdict.countersigned.is_empty(), "{verdict}");
    assert!(verdict.to_string().contains("NOT countersigned"), "{verdict}");
    assert!(verdict.shows.iter().any(|shown| shown.contains("quota_exceeded")), "{verdict}");
    let none = Subject::Query(symbolon_policy::words::QueryId([99; 16]));
    let gathered = gather(world.rs.dir.path(), &world.rs.key.public(), &world.rs.key, none, |_| None);
    assert!(matches!(gathered, Err(GatherError::Nothing)));
}

#[test]
fn a_fork_is_proved_by_two_notes_of_the_partner() {
    let mut world = World::new();
    world.exchange(1);
    world.meet();
    // RS shows MK another history of the same length.
    let events = world.rs.events();
    let mut others = events.clone();
    let last = others.last_mut().unwrap();
    last.0 = last.0.plus(1);
    let size = {
        let last = world.mk.journal.last_seen(&world.rs.code).unwrap().unwrap();
        crate::journal::Checkpoint::read(&last).unwrap().size
    };
    let mut forked: Vec<_> = others.into_iter().take(usize::try_from(size).unwrap()).collect();
    forked.last_mut().unwrap().0 = forked.last().unwrap().0.plus(7);
    world.rs.rewrite(forked);
    let review = show(&world.rs, &world.mk, world.now);
    let crate::journal::Review::Fork { before, now } = review else { panic!("{review:?}") };
    let seen = Event::ForkSeen { partner: world.rs.code.clone(), before, now };
    world.mk.journal.append(seen, world.now).unwrap();
    let bundle = gathered(&world.mk, Subject::Fork(world.rs.code.clone()));
    let verdict = check(&bundle, &keys(&world));
    assert!(verdict.stands(), "{verdict}");
    assert!(
        verdict.shows.iter().any(|shown| shown.starts_with("PROVED: RS signed two histories")),
        "{verdict}"
    );
    for (at, altered) in alterations(&serde_json::to_value(&bundle).unwrap()) {
        let Ok(bundle) = serde_json::from_value::<Bundle>(altered) else { continue };
        assert!(!check(&bundle, &keys(&world)).stands(), "{at} can be altered");
    }
}

#[test]
fn a_transparency_export_stands_and_no_altered_place_in_it_does() {
    let mut world = World::new();
    for _ in 0..3 {
        world.exchange(1);
    }
    world.refusal(RefusalCode::RulesForbid, RefusalCode::RulesForbid);
    world.meet();
    let period = Period {
        from: symbolon_policy::words::Timestamp::FIRST,
        to: symbolon_policy::words::Timestamp::LAST,
    };
    let mut gathering = Gathering::new(period);
    let (dir, key) = (world.rs.dir.path(), &world.rs.key);
    let audited = super::super::read(dir, &key.public(), |e, d| gathering.take(e, d)).unwrap();
    let made = gathering.sign(&audited, 5, key).unwrap();
    assert_eq!(transparency::check(&made, &keys(&world)), []);
    assert_eq!(transparency::check(&made, &BTreeMap::new()), []);
    assert_eq!(made.account.countersigned.len(), 1);
    let text = serde_json::to_value(&made).unwrap();
    let altered = alterations(&text);
    assert!(altered.len() > 100);
    for (at, altered) in altered {
        let Ok(altered) = serde_json::from_value::<Transparency>(altered) else { continue };
        assert_ne!(transparency::check(&altered, &keys(&world)), [], "{at} can be altered");
    }
    // Whoever signs anew with a key of its own is found out by whoever knows the agency's.
    let signature = signing::sign(&made.account, &world.mk.key).unwrap();
    let anew = Transparency { key: world.mk.key.public(), signature, ..made };
    assert_ne!(transparency::check(&anew, &keys(&world)), []);
}
