use proptest::prelude::*;
use symbolon_policy::{signing::Signer, words::Timestamp};

use super::*;
use crate::journal::{
    Event, Journal, JournalError,
    world::{START, World, show},
};

fn word(text: &str) -> Event {
    Event::NationalRules { text: Some(text.to_owned()) }
}

#[test]
fn honest_journals_are_countersigned_again_and_again() {
    let mut world = World::new();
    world.meet();
    world.meet();
    world.exchange(1);
    world.meet();
    assert_eq!(world.rs.journal.size().unwrap(), 2 + 2 + 2 + 3 + 2);
}

#[test]
fn a_cut_journal_is_a_rollback() {
    let mut world = World::new();
    world.exchange(1);
    world.meet();
    let mut events = world.rs.events();
    events.truncate(2);
    world.rs.rewrite(events);
    assert!(matches!(
        world.rs.journal.offer(5, &world.rs.key),
        Err(JournalError::Behind { seen: 5, held: 2 })
    ));
    let review = show(&world.rs, &world.mk, world.now);
    assert!(matches!(review, Review::Rollback { .. }), "{review:?}");
}

#[test]
fn a_rewritten_journal_is_caught_at_every_size() {
    let mut world = World::new();
    world.exchange(1);
    world.meet();
    let honest = world.rs.events();
    let seen = 5;
    // Entry 2 is replaced; everything is chained and signed anew.
    for more in 0..4 {
        let mut events = honest.clone();
        events[2].1 = word("nothing was asked");
        events.truncate(seen);
        events.extend((0..more).map(|_| (START, word("more"))));
        world.rs.rewrite(events);
        let review = show(&world.rs, &world.mk, world.now);
        match more {
            0 => assert!(matches!(review, Review::Fork { .. }), "{review:?}"),
            _ => assert!(matches!(review, Review::Unproved { .. }), "{review:?}"),
        }
    }
}

#[test]
fn the_proof_begins_where_the_last_one_ended() {
    let mut world = World::new();
    world.meet();
    let last = world.mk.journal.last_seen(&world.rs.code).unwrap();
    let offer = world.rs.journal.offer(1, &world.rs.key).unwrap();
    let review =
        |offer: &CheckpointOffer| review(&world.rs.code, &world.rs.key.public(), last.as_deref(), offer);
    assert_eq!(review(&offer), Review::WrongStart { expected: 2, found: 1 });
    let offer = world.rs.journal.offer(2, &world.rs.key).unwrap();
    assert!(matches!(review(&offer), Review::Consistent(_)));
    let forged = world.rs.journal.offer(2, &world.mk.key).unwrap();
    assert!(matches!(review(&forged), Review::BadNote(NoteFault::Origin { .. })));
}

#[test]
fn what_was_seen_last_survives_a_restart() {
    let mut world = World::new();
    world.meet();
    let last = world.mk.journal.last_seen(&world.rs.code).unwrap();
    assert!(last.is_some());
    let (dir, code) = (world.mk.dir, world.mk.code);
    drop(world.mk.journal);
    let journal = Journal::open(dir.path(), &code, |_| ()).unwrap();
    assert_eq!(journal.last_seen(&world.rs.code).unwrap(), last);
}

#[test]
fn large_messages_are_not_read() {
    let offer = CheckpointOffer { note: "x".repeat(MAX_MESSAGE), from_size: 0, proof: vec![] };
    let bytes = canonical::encode(&offer).unwrap();
    assert!(decode::<CheckpointOffer>(&bytes).is_err());
}

proptest! {
    #[test]
    fn foreign_messages_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), from: u64) {
        let _ = decode::<CheckpointOffer>(&bytes);
        let _ = decode::<CheckpointLast>(&bytes);
        let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
        let code: AgencyCode = "RS".parse().unwrap();
        let proof = bytes.chunks(32).map(|part| Digest::of("proof", part)).collect();
        let note = Checkpoint::sign(&code, from >> 20, Digest([1; 32]), &key);
        let last = Checkpoint::sign(&code, from >> 30, Digest([2; 32]), &key);
        let offer = CheckpointOffer { note, from_size: from >> 30, proof };
        let review = review(&code, &key.public(), Some(&last), &offer);
        prop_assert!(!matches!(review, Review::Consistent(_)));
    }
}

#[test]
fn a_thousand_entries_need_a_short_proof() {
    let world = World::new();
    let words = (0..1_000).map(|i| word(&i.to_string())).collect();
    world.rs.journal.append_all(words, Timestamp(0)).unwrap();
    let offer = world.rs.journal.offer(501, &world.rs.key).unwrap();
    assert!(offer.proof.len() <= 11, "{}", offer.proof.len());
}
