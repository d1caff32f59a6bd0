//! Opened queries, replayed byte for byte.

use super::*;
use crate::matching::opening::Opened;

fn caught(result: Result<(), Fault>) -> bool {
    matches!(result, Err(Fault::PeerMisbehaved(Misbehaviour::Opening(_))))
}

#[test]
fn an_opened_probe_makes_its_query_again_and_no_other_does() {
    let ready = ready();
    let (probe, seed) = (vec![random(&ready.form, 1, 0), random(&ready.form, 1, 1)], Seed::new([20; 32]));
    let digest = ready.asking.prepare(&probe, &seed).unwrap().digest();
    let replay = |probe: &[Template], seed: &Seed| {
        let bytes = Opened { probe: probe.to_vec(), seed: seed.clone() }.to_bytes();
        let opened = Opened::from_bytes(&ready.form, probe.len(), &bytes)?;
        opened.replay(&*ready.answering, &Seed::new([20; 32]).commitment(), &digest)
    };
    assert_eq!(replay(&probe, &seed), Ok(()));
    let [first, second] = probe.as_slice() else { panic!() };
    assert!(caught(replay(&[second.clone(), first.clone()], &seed)), "another order");
    assert!(caught(replay(std::slice::from_ref(first), &seed)), "fewer");
    assert!(caught(replay(&[near(first, 1, 0), second.clone()], &seed)), "one bit");
    assert!(caught(replay(&probe, &Seed::new([21; 32]))), "another seed");
    let bytes = Opened { probe: probe.clone(), seed: seed.clone() }.to_bytes();
    for length in [0, 31, 32, bytes.len() - 1] {
        let cut = Opened::from_bytes(&ready.form, 2, bytes.get(..length).unwrap());
        assert!(caught(cut.map(drop)), "{length}");
    }
    assert!(caught(Opened::from_bytes(&ready.form, 3, &bytes).map(drop)));
}

/// An auditor has nothing but what is shown.
#[test]
fn a_query_is_replayed_from_what_both_sides_have_and_from_nothing_spoilt() {
    let ready = ready();
    let (probe, seed) = (vec![random(&ready.form, 2, 0)], Seed::new([20; 32]));
    let digest = ready.asking.prepare(&probe, &seed).unwrap().digest();
    let replay = |shared: &[u8], probe: &[Template]| OneRound.replay(&ready.form, shared, probe, &seed);
    let keys = Public::of(&ready.seed).to_bytes();
    let shared = [keys.as_slice(), &ready.reference].concat();
    assert_eq!(replay(&shared, &probe), Ok(digest));
    assert_ne!(replay(&shared, &[near(&probe[0], 1, 0)]), Ok(digest), "one bit");
    let mut other = shared.clone();
    // The first word of the encryption key.
    other[48] ^= 1;
    assert_ne!(replay(&other, &probe), Ok(digest), "other keys");
    let spoilt = |shared: &[u8]| assert!(matches!(replay(shared, &probe), Err(Fault::PeerMisbehaved(_))));
    spoilt(&[]);
    spoilt(&shared[..PUBLIC_BYTES - 1]);
    spoilt(&shared[..PUBLIC_BYTES + 1_000]);
    let mut form = ready.form;
    form.length /= 2;
    form.rule.kappa /= 2;
    assert!(matches!(OneRound.replay(&form, &shared, &probe, &seed), Err(Fault::PeerMisbehaved(_))));
}
