//! The snapshot's Golomb-Rice filter beside a binary fuse filter of 32 bits: the evidence for
//! `docs/adr/0002-golomb-coded-snapshots.md`. Everything runs on one thread.
#![allow(
    missing_docs,
    unexpected_cfgs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "support/measure.rs"]
mod measure;

use std::time::Duration;

use measure::{full, medians, timed};
use symbolon_protocol::{
    filter::{self, REMAINDER_BITS},
    padding::Buckets,
    seed::Seed,
};
use xorf::{BinaryFuse32, DmaSerializable, Filter};

/// Distinct outputs in ascending order.
fn outputs(n: usize, label: &str) -> Vec<u64> {
    let mut stream = Seed::new([7; 32]).stream(label);
    let mut outputs = Vec::new();
    while outputs.len() < n {
        outputs.extend((outputs.len()..n).map(|_| stream.bits()));
        outputs.sort_unstable();
        outputs.dedup();
    }
    outputs
}

/// The probability, as a power of two, that a uniform output outside a set hits one of its entries: a
/// position is hit by at most the mean number of outputs a position has, rounded up.
fn false_hit(entries: u64) -> f64 {
    let positions = u128::from(entries) << REMAINDER_BITS;
    let outputs_a_position = (1_u128 << 64).div_ceil(positions);
    (entries as f64 * outputs_a_position as f64).log2() - 64.0
}

struct Row {
    bytes: f64,
    build: Duration,
    one: Duration,
    thousand: Duration,
    false_hit: f64,
}

impl Row {
    fn print(&self, name: &str, n: usize) {
        let micros = |taken: Duration| taken.as_secs_f64() * 1e6;
        println!(
            "{n:>9} {name:>12} {:>8.3} {:>10.1} {:>9.1} {:>11.1} {:>10.1}",
            self.bytes,
            micros(self.build),
            micros(self.one),
            micros(self.thousand),
            self.false_hit
        );
    }
}

/// Both filters over a set of `n`, padded as a snapshot is. Half of every batch is in the set.
fn compare(n: usize, runs: usize) -> [Row; 2] {
    let entries = Buckets::USUAL.pad(n as u64);
    let set = outputs(usize::try_from(entries).unwrap(), "set");
    let others = outputs(500, "others");
    let batch: Vec<u64> = set.iter().step_by(set.len() / 500).take(500).chain(&others).copied().collect();
    let hits =
        |found: Vec<bool>| assert_eq!(found.into_iter().filter(|found| *found).count() * 2, batch.len());
    let ((summary, bytes), _) = timed(|| filter::encode(&set).unwrap());
    let fuse = BinaryFuse32::try_from(set.as_slice()).unwrap();
    let fuse_bytes = fuse.dma_fingerprints().len() + BinaryFuse32::DESCRIPTOR_LEN;
    let ask_coded = |asked: &[u64]| filter::lookup(&bytes, summary.entries, asked).unwrap();
    let ask_fuse = |asked: &[u64]| asked.iter().map(|output| fuse.contains(output)).collect::<Vec<_>>();
    let coded = medians(runs, || {
        let (_, build) = timed(|| filter::encode(&set).unwrap());
        let (_, one) = timed(|| ask_coded(&batch[..1]));
        let (found, thousand) = timed(|| ask_coded(&batch));
        hits(found);
        [build, one, thousand]
    });
    let fused = medians(runs, || {
        let (_, build) = timed(|| BinaryFuse32::try_from(set.as_slice()).unwrap());
        let (_, one) = timed(|| ask_fuse(&batch[..1]));
        let (found, thousand) = timed(|| ask_fuse(&batch));
        hits(found);
        [build, one, thousand]
    });
    let row = |bytes: f64, [build, one, thousand]: [Duration; 3], false_hit| Row {
        bytes: bytes / n as f64,
        build,
        one,
        thousand,
        false_hit,
    };
    [row(bytes.len() as f64, coded, false_hit(entries)), row(fuse_bytes as f64, fused, -32.0)]
}

/// Whether a lookup panics once a peer has lied about the segments of a fuse filter.
fn hostile_fuse_panics() -> bool {
    let mut fuse = BinaryFuse32::try_from(outputs(1_000, "set")).unwrap();
    fuse.descriptor.segment_count_length = 1 << 30;
    std::panic::set_hook(Box::new(|_| ()));
    let end = std::panic::catch_unwind(|| (0..64).filter(|output| fuse.contains(output)).count());
    drop(std::panic::take_hook());
    end.is_err()
}

fn main() {
    measure::print_machine();
    println!(
        "{:>9} {:>12} {:>8} {:>10} {:>9} {:>11} {:>10}",
        "set", "filter", "bytes", "build", "look up", "look up", "false hit"
    );
    println!(
        "{:>9} {:>12} {:>8} {:>10} {:>9} {:>11} {:>10}",
        "", "", "an item", "µs", "1, µs", "1,000, µs", "log2, most"
    );
    let sizes: &[(usize, usize)] =
        if full() { &[(1_000, 101), (100_000, 15), (1_000_000, 5)] } else { &[(1_000, 1)] };
    for &(n, runs) in sizes {
        let [coded, fused] = compare(n, runs);
        coded.print("Golomb-Rice", n);
        fused.print("binary fuse", n);
    }
    println!("bytes count the padding of a snapshot");
    println!("a lookup in a fuse filter with a false segment count panics: {}", hostile_fuse_panics());
}
