//! How fast records are imported, scanned and sliced, in records a second.
//!
//! Each line has about 400 bytes and two identifiers. `cargo bench --bench import`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark may stop at a fault")]

use std::{fmt::Write as _, io};

use divan::{Bencher, counter::ItemsCount};
use symbolon_node::{
    register::{Format, ImportObserver, Registers, Reject, Wanted},
    sealing::StorageKey,
};
use symbolon_policy::{
    agreement::{FormTerms, MatchAnswer},
    rules::{ExchangeKind, Kind, PCC_BILATERAL, RuleSet, Rulebook, SearchContext, Slice},
    words::{Digest, Modality, Position, Purpose, RegisterName},
};
use tempfile::TempDir;

/// As in the program (docs/adr/0007-allocator.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

/// Every line is good, so a reject is an error.
struct Strict;

impl ImportObserver for Strict {
    fn rejected(&mut self, reject: &Reject) -> io::Result<()> {
        Err(io::Error::other(format!("line {}: `{}` {}", reject.line, reject.field, reject.reason)))
    }
}

fn file(records: u64) -> String {
    lines(records, |_| String::new())
}

/// The same, each with a template.
fn faces(records: u64) -> String {
    let bits = |n: u64| (0..8).map(move |at| (n ^ at << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    lines(records, |n| {
        let bits: String = bits(n).map(|word| format!("{word:016x}")).collect();
        format!(r#","templates":[{{"position":"FACE","kind":"face-512","length":512,"bits":"{bits}"}}]"#)
    })
}

/// Lets everything take part that no floor keeps out.
fn open() -> Slice {
    let rules = RuleSet::parse(PCC_BILATERAL, Kind::Shared).unwrap();
    let book = Rulebook::new(rules, None).unwrap();
    book.slice(&search(ExchangeKind::Match))
}

fn face() -> FormTerms {
    FormTerms {
        name: "face-512".parse().unwrap(),
        modality: Modality::Face,
        length: 512,
        masked: false,
        s: 13,
        p: 50,
        kappa: 0,
        degrees_of_freedom: 100,
        alternatives: 1,
        answers: vec![MatchAnswer::Any],
        cap: 1,
        projection: None,
    }
}

fn lines(records: u64, more: impl Fn(u64) -> String) -> String {
    let mut file = String::new();
    for n in 0..records {
        let (month, day) = (n % 12 + 1, n % 28 + 1);
        let (family, given) = (word(n), word(!n));
        let line = format!(
            concat!(
                r#"{{"v":1,"id":"RS-2024-{n:07}","category":"IRREGULAR_CROSSING","taken":"2024-{month:02}-{day:02}","#,
                r#""identifiers":[{{"kind":"travel-document","number":"P{number}","state":"SYR","birth_date":"1990-{month:02}-{day:02}"}},"#,
                r#"{{"kind":"name-birth","family":"{family}","given":"{given}","birth_date":"1990-{month:02}-{day:02}"}}],"#,
                r#""subject":{{"age":"adult","own_citizen":false}},"provenance":"own","#,
                r#""fields":{{"name":"{given} {family}","place":"Horgos","sex":"F"}}{more}}}"#
            ),
            more = more(n),
            number = 10_000_019 + n * 37,
            n = n,
            month = month,
            day = day,
            family = family,
            given = given
        );
        let _ = writeln!(file, "{line}");
    }
    file
}

fn search(exchange: ExchangeKind) -> SearchContext {
    SearchContext {
        asker: "RS".parse().unwrap(),
        holder: "MK".parse().unwrap(),
        register: name(),
        purpose: Purpose::IrregEntry,
        exchange,
    }
}

/// Eight letters that look like a name.
fn word(n: u64) -> String {
    let mixed = (n ^ n >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let letters = |at: u32| char::from(b"aeioklmnrstdbvhz"[(mixed.rotate_left(8 * at + 8) % 16) as usize]);
    (0..8).map(letters).collect()
}

fn name() -> RegisterName {
    "border".parse().unwrap()
}

fn empty() -> (TempDir, Registers) {
    let home = tempfile::tempdir().unwrap();
    let registers = Registers::open(home.path(), &StorageKey::from_bytes([7; 32])).unwrap();
    registers.create(&name()).unwrap();
    (home, registers)
}

fn full(records: u64) -> (TempDir, Registers) {
    let (home, registers) = empty();
    registers.import(&name(), file(records).as_bytes(), Format::Ndjson, &mut Strict).unwrap();
    (home, registers)
}

/// Into an empty register.
#[divan::bench(args = [200_000], sample_count = 3, sample_size = 1)]
fn import(bencher: Bencher, records: u64) {
    let file = file(records);
    bencher.counter(ItemsCount::new(records)).with_inputs(empty).bench_values(|(home, registers)| {
        registers.import(&name(), file.as_bytes(), Format::Ndjson, &mut Strict).unwrap();
        (home, registers)
    });
}

/// The same file again: every record is replaced.
#[divan::bench(args = [200_000], sample_count = 3, sample_size = 1)]
fn import_again(bencher: Bencher, records: u64) {
    let file = file(records);
    let (_home, registers) = full(records);
    bencher
        .counter(ItemsCount::new(records))
        .bench_local(|| registers.import(&name(), file.as_bytes(), Format::Ndjson, &mut Strict).unwrap());
}

/// A slice of a register of this size: every record read and its head unsealed, its class looked up among those that
/// take part, on all cores. What the decision alone takes stands in `symbolon-policy`'s benchmark `rules`.
#[divan::bench(args = [1_000_000], sample_count = 3, sample_size = 1)]
fn slice(bencher: Bencher, records: u64) {
    let (_home, registers) = full(records);
    let rules = RuleSet::parse(PCC_BILATERAL, Kind::Shared).unwrap();
    let book = Rulebook::new(rules, None).unwrap();
    let search = search(ExchangeKind::Exact);
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        let slice = book.slice(&search);
        let found =
            registers.scan(&name()).unwrap().filter(|record| slice.contains(&record.as_ref().unwrap().class));
        assert_eq!(found.count() as u64, records);
    });
}

/// The templates of a slice, each with a template of 512 bits: read from the register, and then once more for the next
/// probe, for which they were kept. Everything is handed out as to an engine.
#[divan::bench(args = [false, true], sample_count = 3, sample_size = 1)]
fn templates(bencher: Bencher, kept: bool) {
    const RECORDS: u64 = 1_000_000;
    let (_home, registers) = empty();
    registers.import(&name(), faces(RECORDS).as_bytes(), Format::Ndjson, &mut Strict).unwrap();
    let mut whose = 0;
    let mut drained = || {
        // For another asker it is read again.
        whose += u8::from(!kept);
        let wanted = Wanted::new(open(), "2026-06-01".parse().unwrap(), &face(), &[Position::Face]).unwrap();
        let found = registers.templates(&name(), Digest([whose; 32]), wanted, |record, _| *record);
        let mut rows = found.unwrap().rows;
        let mut groups = 0;
        loop {
            match rows.next(4_096).unwrap().len() as u64 {
                0 => return groups,
                more => groups += more,
            }
        }
    };
    if kept {
        drained();
    }
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| assert_eq!(drained(), RECORDS));
}

/// On all cores.
#[divan::bench(args = [200_000], sample_count = 3, sample_size = 1)]
fn scan(bencher: Bencher, records: u64) {
    let (_home, registers) = full(records);
    bencher.counter(ItemsCount::new(records)).bench_local(|| {
        let identifiers = registers.scan(&name()).unwrap().map(|record| record.unwrap().identifiers.len());
        assert_eq!(identifiers.sum::<usize>() as u64, 2 * records);
    });
}
