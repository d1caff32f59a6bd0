//! Leaks that were mended, so that they stay so.

// A machine's bytes are seen only by who drives it by hand.
#![allow(clippy::disallowed_methods)]

use std::time::Duration;

use symbolon_policy::words::QueryId;
use symbolon_protocol::exchange::{Disclosure, Frame, Verdict, Warden};
use zeroize::Zeroizing;

use super::*;
use crate::{
    control::api::{NationalChange, Request},
    node::tests::{
        changes::count,
        pair::{Agency, exact, pair, terms},
    },
    session::EXACT,
};

struct Willing;

impl Warden for Willing {
    fn judge(&mut self, _disclosure: &Disclosure) -> Verdict {
        Verdict::Release
    }
}

/// Everything that the holder's machine says to these frames.
fn said(mut machine: Boxed<exact::Served>, blinded: &[Frame]) -> Vec<Vec<u8>> {
    let (mut frames, mut said) = (blinded.iter(), Vec::new());
    loop {
        let wants = machine.wants();
        if wants.done {
            return said;
        } else if wants.verdict {
            machine.settle(&mut Willing).unwrap();
        } else if wants.send {
            said.push(machine.produce().unwrap().body);
        } else if wants.compute {
            machine.compute(4_096).unwrap();
        } else {
            machine.consume(frames.next().unwrap().clone()).unwrap();
        }
    }
}

/// A query about the current snapshot, and its blinded elements.
async fn query(holder: &Agency, asker: &Agency) -> (Ask, Vec<Frame>) {
    let answer = exact(asker, 0..2, terms()).await;
    let core = holder.core();
    let asked = core.book.state().query(Side::Holder, &answer.query.unwrap()).unwrap().unwrap().ask;
    let manifest = core.book.state().snapshot(&asked.snapshot.unwrap()).unwrap().unwrap().manifest;
    let identifiers = vec![Zeroizing::new(b"an identifier".to_vec())];
    let query = exact::Query::blind(identifiers, &Seed::new([1; 32])).unwrap();
    let ask = Ask { items: query.items(), digest: Digest(query.digest()), ..asked };
    let filter = core.snapshots.filter(&manifest).unwrap();
    let machine = exact::Asker::new(query, &manifest.public_key.0, (manifest.entries, filter)).unwrap();
    let mut machine: Boxed<Vec<bool>> = Box::new(machine);
    let mut frames = Vec::new();
    loop {
        let wants = machine.wants();
        if wants.send {
            frames.push(machine.produce().unwrap());
        } else if wants.compute {
            machine.compute(4_096).unwrap();
        } else {
            return (ask, frames);
        }
    }
}

// Nonce and proof give the epoch key: one that follows from a key that lasts brings the epoch key back.
#[tokio::test(flavor = "multi_thread")]
async fn the_nonce_of_a_proof_follows_from_the_epoch_key_alone() {
    let (holder, asker, _serving) = pair(5).await;
    let (ask, blinded) = query(&holder, &asker).await;
    let core = holder.core();
    let id = ask.snapshot.unwrap();
    let key = core.snapshots.epoch_key(&id).unwrap();
    let proof = said(exact_machine(core, &ask).unwrap().0, &blinded);
    let with = |from: &StorageKey, version| {
        let seed = seed(from, &ask, version).unwrap();
        said(Box::new(exact::Holder::new(key.clone(), ask.items, ask.digest.0, seed).unwrap()), &blinded)
    };
    assert_eq!(with(&StorageKey::from_bytes(*key.expose()), 0), proof, "a retry gets the same bytes");
    let lasting = [core.storage.clone(), core.storage.derive("snapshots"), core.storage.derive("queries")];
    for version in 0..=core.book.entries().unwrap() {
        assert!(lasting.iter().all(|from| with(from, version) != proof), "version {version}");
    }
    core.end_snapshot(&core.book.state().snapshot(&id).unwrap().unwrap().manifest, "for the test").unwrap();
    assert!(exact_machine(core, &ask).is_err(), "without the epoch key there is no proof");
    assert!(core.snapshots.epoch_key(&id).is_err());
}

// The same noise over a slice that other rules cut gives the exact difference of the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_not_repeated_under_other_national_rules() {
    let (holder, asker, _serving) = pair(300).await;
    let counted = count(&holder, &asker).await;
    let core = holder.core();
    let agreement = core.book.agreement(&counted.ask.agreement).unwrap();
    let again =
        |agreement: &InForce| match admit(core, agreement, &counted.ask, counted.signature, 0).unwrap() {
            Admission::Paid(_) => None,
            Admission::Refused(refusal) => Some(refusal.code),
        };
    assert_eq!(again(&agreement), None, "a retry is admitted before");
    let rules = "@id(\"no-exact\")\n@title(\"Nothing exact\")\n\
                 forbid(principal, action == Action::\"QueryExact\", resource);\n";
    for change in [NationalChange::Set(rules.to_owned()), NationalChange::Clear] {
        holder.ask(Request::RulesNational { change }).await.unwrap();
        let agreement = core.book.agreement(&counted.ask.agreement).unwrap();
        assert_eq!(again(&agreement), Some(RefusalCode::AlteredRetry));
    }
}

// What was admitted is looked at again when the items come: the partner may have waited until something was taken back.
#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_waits_until_its_snapshot_ended_is_not_answered() {
    let (holder, asker, _serving) = pair(5).await;
    let (mut ask, blinded) = query(&holder, &asker).await;
    let (core, other) = (holder.core(), asker.core());
    (ask.query, ask.asked_at) = (QueryId([7; 16]), clock::now());
    let signature = signing::sign(&ask, &*other.signer).unwrap();
    let partner = other.partner(core.book.own()).unwrap();
    let mut channel = other.dial(&partner, EXACT).await.unwrap();
    channel.say(&Word::Ask { ask: Box::new(ask.clone()), signature, prepared: None }).await.unwrap();
    assert!(matches!(channel.hear().await.unwrap(), Word::Admitted));

    let manifest = core.book.state().snapshot(&ask.snapshot.unwrap()).unwrap().unwrap().manifest;
    core.end_snapshot(&manifest, "for the test").unwrap();
    for frame in blinded {
        while channel.try_slot().map(|slot| slot.send(frame.clone())).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let ended = channel.hear().await;
    assert!(matches!(ended, Err(SessionError::Connection(_))), "{ended:?}");
    let events = core.book.journal().entries_from(0).unwrap().map(|entry| entry.unwrap().0.event);
    let reasons: Vec<_> = events
        .filter_map(|event| match event {
            Event::Failed { query, reason, partner_at_fault, .. } if query == ask.query => {
                Some((reason, partner_at_fault))
            }
            _ => None,
        })
        .collect();
    let [(reason, false)] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(reason.contains("the snapshot ended while it was asked"), "{reason}");
}
