//! Memory does not grow with the set, except where a machine says that it does.
//!
//! Every case runs in a process of its own, whose peak of resident memory is then that of the case:
//! what an earlier case has freed cannot hide what a later one takes. Sources and sinks here make or
//! drop their bytes on the fly. Limits leave a fixed allowance for the allocator and for threads.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and says why it is skipped"
)]

use std::{process::Command, sync::Arc};

use curve25519_dalek::{RistrettoPoint, Scalar};
use sha2::{Digest, Sha256};
use symbolon_protocol::{
    count::{self, noise::Noise},
    exact,
    exchange::{Disclosure, Exchange, FRAME_LIMIT, Fault, Frame, Verdict, Warden},
    filter::{ENTRIES_LIMIT, Summary, longest},
    oprf::KeyPair,
    padding::Buckets,
    pump,
    seed::Seed,
    set::{IdentifierBytes, IdentifierSource},
    snapshot::{self, BlobSink, BlobSource},
};
use zeroize::Zeroizing;

/// Bytes that a case may take whatever its size.
const FIXED: u64 = 3_000_000;

/// A name, what runs, and the most bytes it may take.
type Case = (&'static str, fn() -> u64, u64);

const CASES: [Case; 8] = [
    ("snapshot of 1 MB", || snapshot(1_000_000), FIXED),
    ("snapshot of 10 MB", || snapshot(10_000_000), FIXED),
    ("largest snapshot", || snapshot(longest(ENTRIES_LIMIT)), FIXED),
    ("count asker, small slice", || count_asker(1_024), FIXED),
    ("count asker, largest slice", || count_asker(ENTRIES_LIMIT), FIXED),
    // The holder has a key and no slice, so only the batch can count.
    ("exact holder, 2,048 asked", || exact_holder(2_048), 256 * 2_048 + FIXED),
    ("exact holder, 16,384 asked", || exact_holder(16_384), 256 * 16_384 + FIXED),
    // The one machine that grows with the slice: eight bytes an entry, twice while the list grows, and
    // the coded filter.
    ("count holder, 200,000 entries", || count_holder(200_000), 32 * 200_000 + FIXED),
];

/// Shows that the meter sees what it has to see.
const CONTROL: Case = ("control", || grown(|| drop(std::hint::black_box(vec![1_u8; 32_000_000]))), 0);

/// In a child: which case to run.
const VARIABLE: &str = "SYMBOLON_MEMORY_CASE";

#[test]
fn memory_does_not_grow_with_the_set() {
    if let Ok(name) = std::env::var(VARIABLE) {
        let (_, run, _) = CASES.iter().chain([&CONTROL]).find(|(case, ..)| *case == name).unwrap();
        println!("grown by {} bytes", run());
        return;
    }
    if memory("VmRSS").is_none() || memory("VmHWM").is_none() {
        println!("skipped: /proc/self/status does not show resident memory here");
        return;
    }
    let control = in_a_child(&CONTROL);
    assert!((30_000_000..40_000_000).contains(&control), "32 MB are seen as {control} bytes");
    for case in &CASES {
        let (name, _, limit) = case;
        let grown = in_a_child(case);
        println!("{name}: {grown} of {limit} bytes");
        assert!(grown <= *limit, "{name}: {grown} bytes, over {limit}");
    }
}

/// Bytes by which a process of its own grew.
fn in_a_child((name, ..): &Case) -> u64 {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["memory_does_not_grow_with_the_set", "--exact", "--nocapture"])
        .env(VARIABLE, name)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let grown = said.lines().find_map(|line| line.split("grown by ").nth(1)?.strip_suffix(" bytes"));
    match grown {
        Some(bytes) if child.status.success() => bytes.parse().unwrap(),
        _ => panic!("{name}: {said}{}", String::from_utf8_lossy(&child.stderr)),
    }
}

/// A size in bytes from `/proc/self/status`.
fn memory(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1_024)
}

/// By how much the peak of resident memory exceeds what was resident before `work`. Threads are
/// started before, because their number is the machine's affair.
fn grown(work: impl FnOnce()) -> u64 {
    rayon::broadcast(|_| ());
    let before = memory("VmRSS").unwrap();
    work();
    memory("VmHWM").unwrap().saturating_sub(before)
}

struct Allow;

impl Warden for Allow {
    fn judge(&mut self, _: &Disclosure) -> Verdict {
        Verdict::Release
    }
}

/// Bytes made as they are read, and dropped as they are written.
struct Nothing;

impl BlobSource for Nothing {
    fn read(&mut self, _: u64, limit: usize) -> Result<Vec<u8>, Fault> {
        Ok(vec![7; limit])
    }
}

impl BlobSink for Nothing {
    fn write(&mut self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

fn snapshot(bytes: u64) -> u64 {
    let entries = (bytes * 8 / 38 + 1).min(ENTRIES_LIMIT);
    let summary = Summary { entries, bytes, digest: [0; 32] };
    grown(|| {
        let mut asker = Box::new(snapshot::Asker::new(summary, 0, Nothing).unwrap());
        let mut holder = Box::new(snapshot::Holder::new(summary, Nothing));
        pump::run(&mut *asker, &mut *holder, 2, &mut Allow, |_, _| ()).unwrap();
        assert_eq!(holder.finish().unwrap(), bytes);
    })
}

/// Lets a machine do all it can without the other; what it sends goes to `sent`.
fn drive<T: Send>(machine: &mut dyn Exchange<Output = T>, mut sent: impl FnMut(Frame)) {
    loop {
        let wants = machine.wants();
        if wants.send {
            sent(machine.produce().unwrap());
        } else if wants.verdict {
            machine.settle(&mut Allow).unwrap();
        } else if wants.compute {
            machine.compute(4_096).unwrap();
        } else {
            return;
        }
    }
}

fn person(number: u64) -> IdentifierBytes {
    Zeroizing::new(format!("a person of number {number}").into_bytes())
}

fn noise() -> Noise {
    Noise::new(1_000, 30).unwrap()
}

/// A filter of `entries` entries, a multiple of eight, all of the same gap of 2^35: eight times a zero
/// quotient and a remainder whose top bit is set are 37 bytes.
fn equal_gaps(entries: u64) -> (u64, [u8; 37]) {
    let mut pattern = [0; 37];
    (0..8).map(|entry| entry * 37 + 1).for_each(|bit: usize| pattern[bit / 8] |= 128 >> (bit % 8));
    (entries / 8 * 37, pattern)
}

fn count_asker(entries: u64) -> u64 {
    let query = count::Query::blind((0..200).map(person).collect(), noise(), &Seed::new([2; 32])).unwrap();
    grown(|| {
        let mut asker = Box::new(count::Asker::new(query));
        let mut answer = Vec::new();
        drive(&mut *asker, |frame| answer.push(Frame { tag: 2, ..frame }));
        answer.into_iter().for_each(|frame| asker.consume(frame).unwrap());
        drive(&mut *asker, |_| ());
        let (bytes, pattern) = equal_gaps(entries);
        let sizes = [entries.to_be_bytes(), bytes.to_be_bytes()].concat();
        asker.consume(Frame { tag: 3, last: true, body: sizes }).unwrap();
        let mut filter = pattern.into_iter().cycle();
        let mut left = usize::try_from(bytes).unwrap();
        while left > 0 {
            let body: Vec<u8> = filter.by_ref().take(left.min(FRAME_LIMIT)).collect();
            left -= body.len();
            asker.consume(Frame { tag: 4, last: left == 0, body }).unwrap();
        }
        assert_eq!(asker.finish().unwrap().estimate, -15, "no match, less the mean of the noise");
    })
}

fn exact_holder(items: u32) -> u64 {
    // Made without an asker, so that the process holds nothing but the frames.
    let mut digest = Sha256::new_with_prefix(b"symbolon/exact-query/1\0");
    let element = |i: u32| RistrettoPoint::mul_base(&Scalar::from(i + 1)).compress().to_bytes();
    let frames: Vec<Frame> = (0..items)
        .step_by(2_048)
        .map(|start| {
            let body = (start..items.min(start + 2_048)).flat_map(element).collect::<Vec<u8>>();
            digest.update(&body);
            Frame { tag: 1, last: start + 2_048 >= items, body }
        })
        .collect();
    let key = Arc::new(KeyPair::new(Scalar::from(7_u64)).unwrap());
    grown(|| {
        let digest = digest.finalize().into();
        let mut holder = Box::new(exact::Holder::new(key, items, digest, Seed::new([3; 32])).unwrap());
        frames.into_iter().for_each(|frame| holder.consume(frame).unwrap());
        drive(&mut *holder, drop);
        assert_eq!(holder.finish().unwrap().items, items);
    })
}

/// People made as they are read.
struct People(std::ops::Range<u64>);

impl IdentifierSource for People {
    fn next(&mut self, limit: usize) -> Result<Vec<IdentifierBytes>, Fault> {
        Ok(self.0.by_ref().take(limit).map(person).collect())
    }

    fn total(&self) -> u64 {
        self.0.end
    }
}

fn count_holder(entries: u64) -> u64 {
    let query = count::Query::blind((0..200).map(person).collect(), noise(), &Seed::new([2; 32])).unwrap();
    let (items, digest) = (query.items(), query.digest());
    let mut asker = count::Asker::new(query);
    let mut frames = Vec::new();
    drive(&mut asker, |frame| frames.push(frame));
    grown(|| {
        let source = Box::new(People(0..entries));
        let seed = Seed::new([3; 32]);
        let holder = count::Holder::new(items, noise(), digest, source, Buckets::USUAL, seed);
        let mut holder = Box::new(holder.unwrap());
        frames.into_iter().for_each(|frame| holder.consume(frame).unwrap());
        drive(&mut *holder, drop);
        assert!(holder.finish().unwrap().entries >= entries);
    })
}
