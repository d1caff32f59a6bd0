use super::*;
use crate::{
    exchange::{Fault, Misbehaviour},
    seed::Seed,
};

/// What was said before the trees.
const CONTEXT: Context = [5; 32];
/// With the trees.
const LATER: Context = [15; 32];

fn seed(byte: u8) -> Seed {
    Seed::new([byte; 32])
}

struct Pair {
    chooser: Chooser,
    correlator: Correlator,
}

/// Both sides after the base transfers; `spoil` changes what the asker sends.
fn begin(delta: u128, spoil: impl FnOnce(&mut Vec<Seal>)) -> Result<Pair, Fault> {
    let receiver = base::Receiver::new(&CONTEXT, Correlator::choices(delta), &seed(1));
    let sender = base::Sender::new(&CONTEXT, receiver.pairs(), &seed(2))?;
    let forest = Forest::new(&CONTEXT, &seed(3));
    let mut seals = forest.seal(sender.keys());
    spoil(&mut seals);
    let keys = receiver.keys(sender.elements())?;
    Ok(Pair {
        chooser: Chooser::new(&LATER, &forest),
        correlator: Correlator::open((&CONTEXT, &LATER), delta, &keys, &seals)?,
    })
}

fn honest(delta: u128) -> Pair {
    begin(delta, |_| ()).unwrap()
}

fn choices(words: usize) -> Vec<u128> {
    let mut stream = seed(4).stream("choices");
    (0..words).map(|_| stream.block()).collect()
}

#[test]
fn base_transfers_give_the_chosen_key_and_only_it() {
    let chosen = 0x1234_5678_9abc_def0_0f1e_2d3c_4b5a_6978_u128;
    let receiver = base::Receiver::new(&CONTEXT, chosen, &seed(1));
    let sender = base::Sender::new(&CONTEXT, receiver.pairs(), &seed(2)).unwrap();
    let keys = receiver.keys(sender.elements()).unwrap();
    for (at, (key, pair)) in keys.iter().zip(sender.keys()).enumerate() {
        let choice = usize::from(chosen >> at & 1 == 1);
        assert_eq!(*key, pair[choice]);
        assert_ne!(*key, pair[1 - choice]);
    }
    // Under another context no key is the same.
    let other = base::Sender::new(&[6; 32], receiver.pairs(), &seed(2)).unwrap();
    assert!(other.keys().iter().zip(sender.keys()).all(|(a, b)| a[0] != b[0] && a[1] != b[1]));

    let mut bad = receiver.pairs().to_vec();
    bad[7][32..].fill(0);
    assert_eq!(base::Sender::new(&CONTEXT, &bad, &seed(2)).err(), Some(Misbehaviour::Point.into()));
    assert_eq!(receiver.keys(&sender.elements()[1..]).err(), Some(Misbehaviour::Count.into()));
}

#[test]
fn strings_differ_by_delta_where_the_bit_is_set() {
    let delta = seed(9).stream("delta").block() | 1;
    let Pair { chooser, correlator } = honest(delta);
    for (batch, words) in [(0, 1), (1, 9), (7, 40)] {
        let chosen = choices(words);
        let (message, t) = chooser.extend(batch, &chosen, &mut seed(5).stream("mask"));
        assert_eq!(message.len(), items(words));
        let k = correlator.extend(batch, words, &message).unwrap();
        assert_eq!((t.len(), k.len()), (words * 128, words * 128));
        for (at, (t, k)) in t.iter().zip(&k).enumerate() {
            let bit = chosen[at / 128] >> (at % 128) & 1;
            // The definition, by multiplication.
            assert_eq!(t ^ k, delta * bit, "{batch} {at}");
        }
        // Strings look random: no two are the same.
        let distinct: std::collections::HashSet<_> = k.iter().collect();
        assert_eq!(distinct.len(), k.len());
    }
}

#[test]
fn a_message_serves_one_batch_only() {
    let Pair { chooser, correlator } = honest(77);
    let (message, _) = chooser.extend(3, &choices(2), &mut seed(5).stream("mask"));
    assert!(correlator.extend(3, 2, &message).is_ok());
    assert!(matches!(
        correlator.extend(4, 2, &message),
        Err(Fault::PeerMisbehaved(Misbehaviour::Correlation(_)))
    ));
    assert!(matches!(correlator.extend(3, 3, &message), Err(Fault::PeerMisbehaved(Misbehaviour::Count))));
}

/// Another choice in one tree than in the others is caught but if its four bits of Δ are guessed.
#[test]
fn inconsistent_choices_are_caught() {
    let words = 3;
    let delta = seed(9).stream("delta").block();
    let Pair { chooser, correlator } = honest(delta);
    for guess in 0..16 {
        let message = chooser.inconsistent(&choices(words), 6, guess);
        match correlator.extend(0, words, &message) {
            Ok(_) => assert_eq!(delta >> 24 & 15, guess),
            Err(fault) => {
                assert!(matches!(fault, Fault::PeerMisbehaved(Misbehaviour::Correlation(_))));
                assert_ne!(delta >> 24 & 15, guess);
            }
        }
    }
    // A changed message is caught always: the key of the check is drawn from it.
    let (message, _) = chooser.extend(0, &choices(words), &mut seed(5).stream("mask"));
    for at in 0..items(words) {
        let mut message = message.clone();
        message[at] ^= 2;
        assert!(correlator.extend(0, words, &message).is_err(), "{at}");
    }
}

#[test]
fn trees_that_contradict_themselves_are_caught() {
    let delta = seed(9).stream("delta").block();
    let receiver = base::Receiver::new(&CONTEXT, Correlator::choices(delta), &seed(1));
    let sender = base::Sender::new(&CONTEXT, receiver.pairs(), &seed(2)).unwrap();
    let sealed = Forest::new(&CONTEXT, &seed(3)).seal(sender.keys());
    let keys = receiver.keys(sender.elements()).unwrap();
    let mut caught = 0;
    for place in 0..SEAL {
        let mut seals = sealed.clone();
        seals[3][place] ^= 1;
        let told = Correlator::open((&CONTEXT, &LATER), delta, &keys, &seals);
        let sums = place < SEAL - 64;
        match told {
            // Of each pair of sums one is not read.
            Ok(_) => assert!(sums, "{place}"),
            Err(fault) => {
                assert!(matches!(fault, Fault::PeerMisbehaved(Misbehaviour::Correlation(_))));
                caught += 1;
            }
        }
    }
    assert_eq!(caught, SEAL - 64 - 4 * 16 + 64);
    let (a, b) = (begin(delta, |seals| seals.swap(0, 1)), begin(delta, |seals| seals.truncate(31)));
    assert!(a.is_err() && b.is_err());
}

#[test]
fn wrong_base_keys_open_nothing() {
    let delta = seed(9).stream("delta").block();
    let receiver = base::Receiver::new(&CONTEXT, Correlator::choices(delta), &seed(1));
    let sender = base::Sender::new(&CONTEXT, receiver.pairs(), &seed(2)).unwrap();
    let seals = Forest::new(&CONTEXT, &seed(3)).seal(sender.keys());
    let mut keys = receiver.keys(sender.elements()).unwrap().to_vec();
    keys[17] ^= 1;
    assert!(Correlator::open((&CONTEXT, &LATER), delta, &keys, &seals).is_err());
    // Elements that were sent before, to other pairs, make other keys.
    let later = base::Receiver::new(&CONTEXT, Correlator::choices(delta), &seed(8));
    let keys = later.keys(sender.elements()).unwrap();
    assert!(Correlator::open((&CONTEXT, &LATER), delta, &keys, &seals).is_err(), "a replay");
}

#[test]
fn nothing_secret_is_shown() {
    let Pair { chooser, correlator } = honest(1);
    assert_eq!(format!("{chooser:?} {correlator:?}"), "Chooser(..) Correlator(..)");
}

/// Who knew the key of the check before its trees stand could look for trees that fit it.
#[test]
fn the_key_of_the_check_depends_on_what_was_said_of_the_trees() {
    let forest = Forest::new(&CONTEXT, &seed(3));
    let message = |later: u8| {
        let chooser = Chooser::new(&[later; 32], &forest);
        chooser.extend(0, &choices(3), &mut seed(5).stream("mask")).0
    };
    let (one, other) = (message(15), message(16));
    let differ = one.iter().zip(&other).filter(|(a, b)| a != b).count();
    assert_eq!(differ, one.len(), "streams and hashes are others for other trees");
    // The holder that saw other seals takes neither for the other.
    let delta = seed(9).stream("delta").block();
    let receiver = base::Receiver::new(&CONTEXT, Correlator::choices(delta), &seed(1));
    let sender = base::Sender::new(&CONTEXT, receiver.pairs(), &seed(2)).unwrap();
    let (seals, keys) = (forest.seal(sender.keys()), receiver.keys(sender.elements()).unwrap());
    let correlator = Correlator::open((&CONTEXT, &[16; 32]), delta, &keys, &seals).unwrap();
    assert!(correlator.extend(0, 3, &other).is_ok());
    assert!(matches!(
        correlator.extend(0, 3, &one),
        Err(Fault::PeerMisbehaved(Misbehaviour::Correlation(_)))
    ));
}
