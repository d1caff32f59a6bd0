use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::seed::Seed;

fn outputs(n: usize, label: &str) -> Vec<u64> {
    let mut stream = Seed::new([7; 32]).stream(label);
    let mut outputs: Vec<u64> = (0..n).map(|_| stream.bits()).collect();
    outputs.sort_unstable();
    outputs
}

#[test]
fn members_hit_and_sizes_are_as_stated() {
    for n in [1, 2, 1_024, 50_000] {
        let set = outputs(n, "set");
        let (summary, bytes) = encode(&set).unwrap();
        summary.check().unwrap();
        assert_eq!(lookup(&bytes, summary.entries, &set).unwrap(), vec![true; n]);
        let others = outputs(1_000, "others");
        let position_of = |output: &u64| position(*output, n as u64);
        let set: BTreeSet<u64> = set.iter().map(position_of).collect();
        let oracle: Vec<bool> = others.iter().map(|o| set.contains(&position_of(o))).collect();
        assert_eq!(lookup(&bytes, summary.entries, &others).unwrap(), oracle);
        if n == 50_000 {
            let bits = bytes.len() as f64 * 8.0 / n as f64;
            assert!((37.4..37.8).contains(&bits), "{bits} bits an entry");
        }
    }
}

#[test]
fn false_hits_are_as_rare_as_stated() {
    // Too rare to see; so the share of all positions that are taken is the probability.
    let entries = ENTRIES_LIMIT;
    assert_eq!(range(entries), 1 << 60);
    let outputs_per_position = (u128::from(u64::MAX) + 1) / u128::from(range(entries));
    assert_eq!(outputs_per_position, 16);
    // Any other size: one position has at most one output more than the mean.
    for n in [1_024_u64, 106_496, 1_048_576, ENTRIES_LIMIT - 1] {
        let mean = 2_f64.powi(64) / range(n) as f64;
        let hit = n as f64 * (mean + 1.0) / 2_f64.powi(64);
        assert!(hit < 2_f64.powf(-35.9), "{n}: {}", hit.log2());
    }
}

#[test]
fn other_encodings_are_refused() {
    let (summary, bytes) = encode(&outputs(100, "set")).unwrap();
    let read = |bytes: &[u8], entries| lookup(bytes, entries, &[]).map(|_| ());
    assert_eq!(read(&bytes, 100), Ok(()));
    assert!(read(&bytes[..bytes.len() - 1], 100).is_err(), "cut");
    assert!(read(&[&bytes[..], &[0]].concat(), 100).is_err(), "longer");
    assert!(read(&bytes, 99).is_err() && read(&bytes, 101).is_err(), "another count");
    assert!(read(&[255; 64], 100).is_err(), "a quotient that runs out of range");
    let mut dirty = bytes.clone();
    *dirty.last_mut().unwrap() |= 1;
    assert!(dirty == bytes || read(&dirty, 100).is_err(), "bits after the end");
    for (entries, bytes) in [(0, 0), (ENTRIES_LIMIT + 1, 10), (10, longest(10) + 1)] {
        assert!(Summary { entries, bytes, ..summary }.check().is_err());
    }
    assert!(encode(&[2, 1]).is_err() && encode(&[]).is_err());
}

proptest! {
    #[test]
    fn any_set_in_any_pieces(mut set in proptest::collection::vec(any::<u64>(), 1..200), cuts in proptest::collection::vec(1_usize..9, 1..50)) {
        set.sort_unstable();
        let (summary, bytes) = encode(&set).unwrap();
        prop_assert!(summary.bytes <= longest(summary.entries));
        let mut got = Vec::new();
        let mut decoder = Decoder::new(summary.entries);
        let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            decoder.push(now, |p| got.push(p)).unwrap();
            rest = later;
        }
        decoder.finish().unwrap();
        let expected: Vec<u64> = set.iter().map(|o| position(*o, summary.entries)).collect();
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn foreign_bytes_are_canonical_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200), entries in 1_u64..40) {
        let mut got = Vec::new();
        let mut decoder = Decoder::new(entries);
        if decoder.push(&bytes, |p| got.push(p)).is_ok() && decoder.finish().is_ok() {
            prop_assert_eq!(got.len() as u64, entries);
            prop_assert!(got.is_sorted() && got.iter().all(|p| *p < range(entries)));
        }
    }
}
