//! Cut and choose.

use super::*;
use crate::{
    exchange::Exchange,
    matching::tfhe::{
        messages::{CHOICE, COMMITMENTS, KEYS, SEEDS},
        parameters::KEY_SETS,
        setup::{Accept, key_seed},
    },
    wire::{BlobOut, Inbox, Outbox},
};

#[test]
fn the_whole_setup_gives_both_sides_their_material() {
    let form = form();
    let mut offer = OneRound.offer(&form, &Seed::new([1; 32])).unwrap();
    let mut accept = OneRound.accept(&form, &Seed::new([2; 32])).unwrap();
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

/// Plays an asker whose key set `bad` is not what its seed makes.
fn cheat(bad: usize, holder: u8) -> (usize, Result<Vec<u8>, Fault>) {
    let Ready { form, encoding, reference, .. } = ready();
    let seed = Seed::new([1; 32]);
    static SETS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    let sets =
        SETS.get_or_init(|| (0..KEY_SETS).map(|set| Public::of(&key_seed(&seed, set)).to_bytes()).collect());
    let mut sets = sets.clone();
    if let Some(bytes) = sets.get_mut(bad) {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    }
    let digests: Vec<[u8; 32]> = sets.iter().map(|bytes| Public::digest(bytes)).collect();
    let mut accept =
        Box::new(Accept::after_reference(*form, *encoding, &Seed::new([holder; 32]), reference.clone()));
    let mut out = Outbox::new(COMMITMENTS, KEY_SETS as u64);
    out.push(&digests).unwrap();
    accept.consume(out.frame().unwrap()).unwrap();
    let frame = accept.produce().unwrap();
    let chosen = usize::from(Inbox::new(CHOICE, 1).open(&frame).unwrap()[0][0]);
    let opened: Vec<[u8; 32]> =
        (0..KEY_SETS).filter(|set| *set != chosen).map(|set| *key_seed(&seed, set).expose()).collect();
    let mut out = Outbox::new(SEEDS, opened.len() as u64);
    out.push(&opened).unwrap();
    accept.consume(out.frame().unwrap()).unwrap();
    let mut blob = BlobOut::new(KEYS, sets.swap_remove(chosen));
    while !blob.complete() {
        accept.consume(blob.frame().unwrap()).unwrap();
    }
    while !accept.wants().done {
        if let Err(fault) = accept.compute(1) {
            return (chosen, Err(fault));
        }
    }
    (chosen, accept.finish())
}

#[test]
fn a_bad_key_set_is_caught_unless_it_is_the_one_that_stays_closed() {
    let (chosen, end) = cheat(KEY_SETS, 3);
    assert!(end.is_ok(), "all sets are good");
    let (same, end) = cheat((chosen + 1) % KEY_SETS, 3);
    assert_eq!(same, chosen, "the choice does not depend on the commitments");
    assert!(matches!(end, Err(Fault::PeerMisbehaved(Misbehaviour::Keys(_)))));
    // The remaining eighth: this is what the agreement's parties must know.
    assert!(cheat(chosen, 3).1.is_ok());
}

#[test]
fn every_set_is_chosen_alike() {
    let Ready { form, encoding, .. } = ready();
    let mut counts = [0_i32; KEY_SETS];
    for at in 0..8_000_u32 {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&at.to_le_bytes());
        counts[Accept::new(*form, *encoding, &Seed::new(seed)).chosen()] += 1;
    }
    // Pearson's statistic on 7 degrees of freedom; 42.7 is its 1 - 4e-7 quantile.
    let chi: f64 = counts.iter().map(|n| f64::from((n - 1_000).pow(2)) / 1_000.0).sum();
    assert!(chi < 42.7, "{counts:?}");
}
