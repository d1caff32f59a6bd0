//! What the exact and the count exchange cost, item by item, beside the most used peer.
//!
//! Times are medians after a warm-up, on one thread and on all cores. A request is blinding and
//! framing; an evaluation is everything between the first frame in and the proof out, decoding,
//! commitment and framing included; an intersection is everything from the first answer frame to the
//! list of hits: decoding, checking the proof, unblinding, lookup in the snapshot. A set entry is
//! evaluation, sorting, padding and coding.
#![allow(
    missing_docs,
    unexpected_cfgs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and stops at the first surprise"
)]

#[path = "support/allow.rs"]
mod allow;
#[path = "support/measure.rs"]
mod measure;

use std::{
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use allow::Allow;
use measure::{full, medians, timed};
use symbolon_protocol::{
    count::{self, noise::Noise},
    exact,
    exchange::{Exchange, Fault, Frame},
    identifier::RawIdentifier,
    oprf::KeyPair,
    padding::Buckets,
    pump,
    seed::Seed,
    set::{IdentifierBytes, IdentifierSource, Output, SetBuilder, fresh_key},
};
use zeroize::Zeroizing;

/// The steps that are compared, and how many times faster than the peer each has to be.
const STEPS: [(&str, f64); 4] =
    [("setup", 3.0), ("request", 1.0), ("evaluation", 1.6), ("intersection", 1.0)];

/// The peer: OpenMined PSI 2.0.6 (P-256, no proof), one thread, as once measured on an idle machine. Stands in
/// where [`PEER_PYTHON`] is not set.
const PEER: Cost = Cost { micros: [88.0, 84.0, 58.0, 60.0], bytes: [5.17, 35.0, 35.0] };

/// Names the Python that has the package `openmined-psi`; then the peer is measured in the same run.
const PEER_PYTHON: &str = "SYMBOLON_PEER_PYTHON";

/// Identifiers that are in memory at a time where a slice is read in pieces.
const PIECE: usize = 4_096;

/// Microseconds an item.
fn micros(taken: Duration, items: usize) -> f64 {
    taken.as_secs_f64() * 1e6 / items as f64
}

/// Runs `work` with a pool of `threads` threads; 0 stands for one a core.
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// The most memory the process ever held, in megabytes.
fn peak_memory() -> Option<u64> {
    Some(measure::proc("/proc/self/status", "VmHWM")?.split_whitespace().next()?.parse::<u64>().ok()? / 1_000)
}

/// The canonical travel document of a made-up person.
fn person(number: usize) -> IdentifierBytes {
    let raw = RawIdentifier::TravelDocument {
        // Spread, because numbers that look like placeholders are refused.
        number: format!("QK{:07}X", (number * 7_919 + 1_357_246) % 10_000_000),
        state: "SRB".to_owned(),
        birth_date: format!("19{:02}-01-02", number % 90 + 10),
    };
    Zeroizing::new(raw.canonical().unwrap().bytes().to_vec())
}

fn people(n: usize) -> Vec<IdentifierBytes> {
    (0..n).map(person).collect()
}

fn seed(byte: u8) -> Seed {
    Seed::new([byte; 32])
}

struct Published {
    key: Arc<KeyPair>,
    snapshot: (u64, Arc<Vec<u8>>),
}

fn publish(people: &[IdentifierBytes]) -> Published {
    let mut set = SetBuilder::new(fresh_key(&seed(1).stream("key")).unwrap(), Output::Bound);
    set.absorb(people).unwrap();
    let (key, summary, bytes) = set.finish(|n| Buckets::USUAL.pad(n), seed(1).stream("padding")).unwrap();
    Published { key: Arc::new(key), snapshot: (summary.entries, Arc::new(bytes)) }
}

fn bytes(frames: &[Frame]) -> u64 {
    frames.iter().map(|frame| (Frame::HEADER + frame.body.len()) as u64).sum()
}

/// Lets a machine work until it waits for the other or is done; what it sent.
fn drive<T: Send>(machine: &mut dyn Exchange<Output = T>) -> Vec<Frame> {
    let mut sent = Vec::new();
    loop {
        let wants = machine.wants();
        if wants.send {
            sent.push(machine.produce().unwrap());
        } else if wants.verdict {
            machine.settle(&mut Allow).unwrap();
        } else if wants.compute {
            machine.compute(4_096).unwrap();
        } else {
            return sent;
        }
    }
}

/// Gives frames to a machine and lets it work; what it sent.
fn answer<T: Send>(machine: &mut dyn Exchange<Output = T>, frames: Vec<Frame>) -> Vec<Frame> {
    let mut sent = Vec::new();
    for frame in frames {
        machine.consume(frame).unwrap();
        sent.extend(drive(machine));
    }
    sent
}

/// A query's asker, after it sent its frames.
type Asked = (Box<exact::Asker>, Vec<Frame>, u32, [u8; 32]);

/// As many queries as the batch limit makes of a list.
fn request(batches: Vec<Vec<IdentifierBytes>>, published: &Published) -> Vec<Asked> {
    let ask = |people| {
        let query = exact::Query::blind(people, &seed(2)).unwrap();
        let (items, digest) = (query.items(), query.digest());
        let snapshot = published.snapshot.clone();
        let mut asker = Box::new(exact::Asker::new(query, published.key.public_bytes(), snapshot).unwrap());
        let frames = drive(&mut *asker);
        (asker, frames, items, digest)
    };
    batches.into_iter().map(ask).collect()
}

fn evaluate(queries: Vec<Asked>, published: &Published) -> Vec<(Box<exact::Asker>, Vec<Frame>)> {
    let serve = |(asker, frames, items, digest)| {
        let mut holder = exact::Holder::new(published.key.clone(), items, digest, seed(3)).unwrap();
        (asker, answer(&mut holder, frames))
    };
    queries.into_iter().map(serve).collect()
}

fn intersect(answers: Vec<(Box<exact::Asker>, Vec<Frame>)>) -> usize {
    let hits = |(mut asker, frames): (Box<exact::Asker>, Vec<Frame>)| {
        answer(&mut *asker, frames);
        asker.finish().unwrap().iter().filter(|hit| **hit).count()
    };
    answers.into_iter().map(hits).sum()
}

/// Microseconds and bytes an item.
#[derive(Clone, Copy)]
struct Cost {
    /// Set entry, request, evaluation, intersection.
    micros: [f64; 4],
    /// Setup, up, down.
    bytes: [f64; 3],
}

/// Costs of `n` identifiers asked of a slice of `n`.
fn exact(n: usize, runs: usize) -> Cost {
    let slice = people(n);
    let mut sizes = [0; 3];
    let taken = medians(runs, || {
        let batches = slice.chunks(exact::BATCH_LIMIT as usize).map(<[_]>::to_vec).collect();
        let (published, setup) = timed(|| publish(&slice));
        let (queries, request) = timed(|| request(batches, &published));
        let up = queries.iter().map(|(_, frames, ..)| bytes(frames)).sum();
        let (answers, evaluation) = timed(|| evaluate(queries, &published));
        let down = answers.iter().map(|(_, frames)| bytes(frames)).sum();
        let (hits, intersection) = timed(|| intersect(answers));
        assert_eq!(hits, n, "every identifier asked is in the slice");
        sizes = [published.snapshot.1.len() as u64, up, down];
        [setup, request, evaluation, intersection]
    });
    Cost { micros: taken.map(|taken| micros(taken, n)), bytes: sizes.map(|size| size as f64 / n as f64) }
}

/// Milliseconds of a whole exact exchange of `n` on a snapshot of `n`, both ends in this process.
fn whole(n: usize, runs: usize) -> f64 {
    let slice = people(n);
    let published = publish(&slice);
    let [taken] = medians(runs, || {
        let slice = slice.clone();
        let (hits, taken) = timed(|| {
            let query = exact::Query::blind(slice, &seed(2)).unwrap();
            let holder =
                exact::Holder::new(published.key.clone(), query.items(), query.digest(), seed(3)).unwrap();
            let asker =
                exact::Asker::new(query, published.key.public_bytes(), published.snapshot.clone()).unwrap();
            let (mut asker, mut holder) = (Box::new(asker), Box::new(holder));
            pump::run(&mut *asker, &mut *holder, 2, &mut Allow, |_, _| ()).unwrap();
            asker.finish().unwrap()
        });
        assert!(hits.into_iter().all(|hit| hit));
        [taken]
    });
    taken.as_secs_f64() * 1e3
}

/// Identifiers that are made before the clock starts.
struct Listed(std::vec::IntoIter<IdentifierBytes>);

impl IdentifierSource for Listed {
    fn next(&mut self, limit: usize) -> Result<Vec<IdentifierBytes>, Fault> {
        Ok(self.0.by_ref().take(limit).collect())
    }

    fn total(&self) -> u64 {
        self.0.len() as u64
    }
}

/// Times of a count: the asker's blinding, the holder, the asker's reading of the answer.
fn count(slice: usize, asked: usize) -> [Duration; 3] {
    let noise = Noise::new(1_000, 30).unwrap();
    let people = people(asked);
    let ((mut asker, frames, items, digest), blind) = timed(|| {
        let query = count::Query::blind(people, noise, &seed(2)).unwrap();
        let (items, digest) = (query.items(), query.digest());
        let mut asker = count::Asker::new(query);
        let frames = drive(&mut asker);
        (asker, frames, items, digest)
    });
    let source = Box::new(Listed(self::people(slice).into_iter()));
    let (answered, serve) = timed(|| {
        let mut holder = count::Holder::new(items, noise, digest, source, Buckets::USUAL, seed(3)).unwrap();
        answer(&mut holder, frames)
    });
    let ((), read) = timed(|| drop(answer(&mut asker, answered)));
    assert!(asker.wants().done);
    [blind, serve, read]
}

/// Microseconds of a count: the holder an entry of its slice, the holder an identifier asked, the
/// asker an identifier asked.
fn count_costs(n: usize, runs: usize) -> [f64; 3] {
    let [_, nothing, _] = medians(runs, || count(1, 1));
    let [_, slice, _] = medians(runs, || count(n, 1));
    let [blind, served, read] = medians(runs, || count(1, n));
    [slice.saturating_sub(nothing), served.saturating_sub(nothing), blind + read].map(|t| micros(t, n))
}

/// A slice that is read in pieces: seconds, and the most memory the process held.
fn large(n: usize) {
    let start = Instant::now();
    let mut set = SetBuilder::new(fresh_key(&seed(1).stream("key")).unwrap(), Output::Bound);
    for first in (0..n).step_by(PIECE) {
        set.absorb(&(first..n.min(first + PIECE)).map(person).collect::<Vec<_>>()).unwrap();
    }
    let (_, summary, _) = set.finish(|n| Buckets::USUAL.pad(n), seed(1).stream("padding")).unwrap();
    let taken = start.elapsed().as_secs_f64();
    let held = peak_memory().map_or_else(|| "an unknown number of".to_owned(), |mb| mb.to_string());
    println!(
        "{n} identifiers made and absorbed on all cores: {taken:.1} s, {} entries with padding, \
         at most {held} MB held\n",
        summary.entries
    );
}

fn table(threads: usize, sizes: &[(usize, usize)]) -> Option<Cost> {
    println!("{}, µs an item", if threads == 1 { "one thread" } else { "all cores" });
    println!(
        "{:>11} {:>9} {:>9} {:>11} {:>13}",
        "items", "set entry", "request", "evaluation", "intersection"
    );
    let mut last = None;
    for &(n, runs) in sizes {
        let cost = on_threads(threads, || exact(n, runs));
        let [setup, request, evaluation, intersection] = cost.micros;
        println!("{n:>11} {setup:>9.1} {request:>9.1} {evaluation:>11.1} {intersection:>13.1}");
        last = Some(cost);
    }
    let (n, runs) = if full() { (10_000, 5) } else { (128, 1) };
    let [entry, answer, asker] = on_threads(threads, || count_costs(n, runs));
    println!("count of {n}: holder {entry:.1} a slice entry, {answer:.1} an item asked; asker {asker:.1}");
    let (n, runs) = if full() { (1_000, 15) } else { (128, 1) };
    println!("a whole exact exchange of {n}, both ends: {:.1} ms\n", on_threads(threads, || whole(n, runs)));
    last
}

/// The peer's costs of `n` items in this run: the medians of `runs`. Nothing if it is not asked for.
fn peer(n: usize, runs: usize) -> Option<Cost> {
    let python = std::env::var_os(PEER_PYTHON)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/support/openmined_psi.py");
    let once = || -> Vec<f64> {
        let output = Command::new(&python).args([script, &n.to_string()]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().split_whitespace().map(|n| n.parse().unwrap()).collect()
    };
    let taken: Vec<_> = (0..runs).map(|_| once()).collect();
    let median = |column: usize| {
        let mut values: Vec<f64> = taken.iter().map(|run| run[column]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Some(Cost {
        micros: std::array::from_fn(median),
        bytes: std::array::from_fn(|column| median(PEER.micros.len() + column)),
    })
}

fn summary(n: usize, ours: &Cost) {
    let runs = if full() { 3 } else { 1 };
    let (peer, measured) = match peer(n, runs) {
        Some(peer) => (peer, "measured in this run"),
        None => (PEER, "measured once, elsewhere"),
    };
    println!("beside the peer ({n} items, one thread; the peer's figures were {measured})");
    println!("{:>13} {:>8} {:>8} {:>8} {:>8}  met", "µs an item", "ours", "peer", "faster", "target");
    let speed = |name: &str, ours: f64, peer: f64, target: f64| {
        let ratio = peer / ours;
        let met = if ratio >= target { "yes" } else { "no" };
        println!("{name:>13} {ours:>8.1} {peer:>8.1} {ratio:>7.2}x {target:>7.1}x  {met}");
    };
    for ((name, target), (ours, peer)) in STEPS.into_iter().zip(ours.micros.into_iter().zip(peer.micros)) {
        speed(name, ours, peer, target);
    }
    println!("{:>13} {:>8} {:>8} {:>8} {:>8}  met", "bytes an item", "ours", "peer", "ratio", "target");
    for (name, (ours, peer)) in ["setup", "up", "down"].iter().zip(ours.bytes.iter().zip(peer.bytes)) {
        let met = if *ours <= peer { "yes" } else { "no" };
        println!("{name:>13} {ours:>8.2} {peer:>8.2} {:>7.2}x {:>7.1}x  {met}", ours / peer, 1.0);
    }
    println!("evaluation includes one proof a batch, and down its bytes; the peer has none");
}

fn main() {
    measure::print_machine();
    let sizes: &[(usize, usize)] =
        if full() { &[(1, 201), (1_000, 15), (100_000, 3)] } else { &[(1, 1), (128, 1)] };
    // First, while the process has held nothing else.
    large(if full() { 1_000_000 } else { 2_000 });
    println!();
    let ours = table(1, sizes);
    table(0, sizes);
    if let (Some(cost), Some((n, _))) = (ours, sizes.last()) {
        summary(*n, &cost);
    }
}
