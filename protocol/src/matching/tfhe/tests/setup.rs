//! Cut and choose.

use super::*;
use crate::{
    exchange::Exchange,
    matching::tfhe::{
        messages::{CHOICE, COMMITMENTS, CRS, CRS_SIZE, KEYS, SEEDS},
        parameters::KEY_SETS,
        setup::{Accept, choice, key_seed},
    },
    wire::{BlobOut, Inbox, Outbox},
};

#[test]
fn the_whole_setup_gives_both_sides_their_material() {
    let form = form();
    let mut offer = OneRound.offer(&form, &Seed::new([1; 32])).unwrap();
    let mut accept = OneRound.accept(&form, &Seed::new([2; 32]), &Seed::new([3; 32])).unwrap();
    pump::run(&mut *offer, &mut *accept, 1, &mut Allow, |_, _| ()).unwrap();
    let (asker, holder) = (offer.finish().unwrap(), accept.finish().unwrap());
    let (seed, reference) = asker.split_at(32);
    let (keys, same) = holder.split_at(PUBLIC_BYTES);
    assert_eq!(reference, same);
    assert!(Public::of(&Seed::new(seed.try_into().unwrap())).to_bytes() == keys);
    assert!(
        OneRound.shared(&form, &asker).unwrap() == holder,
        "what an auditor is shown is what the holder keeps"
    );
    assert!(OneRound.asking(&form, &asker).is_ok() && OneRound.answering(&form, &holder).is_ok());
    for bad in [&holder[..100], &holder[..holder.len() - 1], &[]] {
        assert!(matches!(OneRound.answering(&form, bad), Err(Fault::Local(_))));
    }
}

/// The key sets of which `bad` is not what its seed makes, and their digests.
fn sets(bad: Option<usize>) -> (Vec<Vec<u8>>, Vec<[u8; 32]>) {
    static SETS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let made = || (0..KEY_SETS).map(|set| Public::of(&key_seed(&asker(), set)).to_bytes()).collect();
    let mut sets = SETS.get_or_init(made).clone();
    if let Some(bytes) = bad.and_then(|bad| sets.get_mut(bad)) {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }
    let digests = sets.iter().map(|bytes| Public::digest(bytes)).collect();
    (sets, digests)
}

/// The asker's seed.
fn asker() -> Seed {
    Seed::new([1; 32])
}

/// A holder that has these commitments, and the set that it leaves closed.
fn committed(digests: &[[u8; 32]], holder: u8) -> (Box<Accept>, usize) {
    let Ready { form, encoding, reference, .. } = ready();
    let mut accept =
        Box::new(Accept::after_reference(*form, *encoding, &Seed::new([holder; 32]), reference.clone()));
    assert_eq!(accept.bound(), None);
    let mut out = Outbox::new(COMMITMENTS, KEY_SETS as u64);
    out.push(digests).unwrap();
    accept.consume(out.frame().unwrap()).unwrap();
    let bound = accept.bound();
    assert!(bound.is_some(), "known before the choice goes out");
    let frame = accept.produce().unwrap();
    assert_eq!(accept.bound(), bound);
    let chosen = usize::from(Inbox::new(CHOICE, 1).open(&frame).unwrap()[0][0]);
    assert_eq!(chosen, choice(&Seed::new([holder; 32]), digests));
    (accept, chosen)
}

/// Plays an asker that opens all sets but the one that stays closed.
fn play((mut sets, digests): (Vec<Vec<u8>>, Vec<[u8; 32]>), holder: u8) -> Result<Vec<u8>, Fault> {
    let (mut accept, chosen) = committed(&digests, holder);
    let opened: Vec<[u8; 32]> =
        (0..KEY_SETS).filter(|set| *set != chosen).map(|set| *key_seed(&asker(), set).expose()).collect();
    let mut out = Outbox::new(SEEDS, opened.len() as u64);
    out.push(&opened).unwrap();
    accept.consume(out.frame().unwrap()).unwrap();
    let mut blob = BlobOut::new(KEYS, sets.swap_remove(chosen));
    while !blob.complete() {
        accept.consume(blob.frame().unwrap()).unwrap();
    }
    while !accept.wants().done {
        accept.compute(1)?;
    }
    accept.finish()
}

#[test]
fn a_bad_key_set_is_caught_unless_it_is_the_one_that_stays_closed() {
    assert!(play(sets(None), 3).is_ok(), "all sets are good");
    let stays = |holder: &u8| choice(&Seed::new([*holder; 32]), &sets(Some(5)).1) == 5;
    let opens = (0..=u8::MAX).find(|holder| !stays(holder)).unwrap();
    let end = play(sets(Some(5)), opens);
    assert!(matches!(end, Err(Fault::PeerMisbehaved(Misbehaviour::Keys(_)))));
    // The remaining eighth: this is what the agreement's parties must know.
    assert!(play(sets(Some(5)), (0..=u8::MAX).find(stays).unwrap()).is_ok());
}

// An asker that hangs up at a choice it does not like must not get another one.
#[test]
fn a_setup_that_is_begun_again_meets_the_same_choice_and_shows_other_commitments() {
    let (good, bad) = (sets(None).1, sets(Some(5)).1);
    let ((first, chosen), (again, same)) = (committed(&good, 3), committed(&good, 3));
    assert_eq!((first.bound(), chosen), (again.bound(), same));
    assert_ne!(committed(&bad, 3).0.bound(), first.bound());
}

// Two choices answered for one seed would open every set.
#[test]
fn the_asker_tells_one_choice_from_another() {
    let Ready { form, reference, .. } = ready();
    let told = |choice: u8| {
        let mut offer = OneRound.offer(form, &asker()).unwrap();
        let mut out = Outbox::new(CRS_SIZE, 1);
        out.push(&[(reference.len() as u64).to_be_bytes()]).unwrap();
        offer.consume(out.frame().unwrap()).unwrap();
        let mut blob = BlobOut::new(CRS, reference.clone());
        while !blob.complete() {
            offer.consume(blob.frame().unwrap()).unwrap();
        }
        while offer.wants().compute {
            offer.compute(1).unwrap();
        }
        while offer.wants().send {
            offer.produce().unwrap();
        }
        assert_eq!(offer.bound(), None);
        let mut out = Outbox::new(CHOICE, 1);
        out.push(&[[choice]]).unwrap();
        offer.consume(out.frame().unwrap()).unwrap();
        offer.bound().unwrap()
    };
    assert_ne!(told(1), told(2));
}

#[test]
fn every_set_is_chosen_alike() {
    let mut counts = [0_i32; KEY_SETS];
    for at in 0..8_000_u32 {
        let mut commitments = [[0; 32]; KEY_SETS];
        commitments[0][..4].copy_from_slice(&at.to_le_bytes());
        counts[choice(&Seed::new([7; 32]), &commitments)] += 1;
    }
    // Pearson's statistic on 7 degrees of freedom; 42.7 is its 1 - 4e-7 quantile.
    let chi: f64 = counts.iter().map(|n| f64::from((n - 1_000).pow(2)) / 1_000.0).sum();
    assert!(chi < 42.7, "{counts:?}");
}
