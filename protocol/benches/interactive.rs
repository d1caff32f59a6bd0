//! What a match by the interactive engine costs: time of both sides by phase, bytes, and how long it takes over a link,
//! beside the one-round engine's estimate and the plain scan; in full, and ahead and on line with a preparation.
//!
//! Both machines run in this process, one after the other on one thread; times are those that it was on a core. Over a
//! link the time is first that of a simulation: each side has a core of its own and a clock, and a frame arrives when the
//! link has carried it. Then both run again, each in a thread, over a real TCP connection on the loopback interface: as it
//! is, and through a proxy that shapes it.
//!
//!     cargo bench --bench interactive              # 10,000 and 100,000 records
//!     cargo bench --bench interactive -- million   # and 1,000,000
//!
//! The same without instructions for AES and wide registers, run beside it in turns; FILE is the program that the first
//! line says it made:
//!
//!     cargo --config 'build.rustflags=["--cfg", "aes_backend=\"soft\""]' bench \
//!         --bench interactive --no-run --target-dir target/portable
//!     cargo bench --bench interactive -- portable=FILE
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
#[path = "../../tests/support/cable.rs"]
mod cable;
#[path = "support/link.rs"]
mod link;
#[path = "support/measure.rs"]
mod measure;
#[path = "support/simulated.rs"]
mod simulated;

use std::{
    collections::{BTreeMap, VecDeque},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use cable::Cable;

use allow::Allow;
use measure::{full, medians, proc, timed};
use simulated::{Cost, LOOPBACK, Link, SHAPED, Side, on_core, run};
use symbolon_protocol::{
    exchange::{Boxed, Fault, Frame},
    matching::{
        ahead::{Keep, Kept, Plan, Preparation},
        engine::{Answer, Asked, Engine, Estimate, Group, Matched, Rows, Searched, engine},
        interactive::Interactive,
        rates,
        rule::Form,
        template::Template,
    },
    padding::Buckets,
    seed::{Seed, Stream},
};

/// What the design allows at 512 bits without masks: records, and seconds of CPU of both sides together.
const TARGETS: [(u64, f64); 2] = [(100_000, 1.0), (1_000_000, 8.0)];
/// Megabytes for 100,000 of them: in all, and on line after a preparation.
const MEGABYTES: [f64; 2] = [120.0, 50.0];

fn random(form: &Form, stream: &mut Stream) -> Template {
    let length = form.length as usize;
    let mut bytes = || -> Vec<u8> {
        let bytes = std::iter::repeat_with(|| stream.bits().to_le_bytes()).flatten();
        bytes.take(length.div_ceil(8)).collect()
    };
    let bits = bytes();
    // One position in eight is masked.
    let mask = form.masked.then(|| {
        let three = [bytes(), bytes(), bytes()];
        three[0].iter().zip(&three[1]).zip(&three[2]).map(|((a, b), c)| a | b | c).collect::<Vec<u8>>()
    });
    Template::from_bytes(length, &bits, mask.as_deref()).unwrap()
}

/// Records that are made when they are read, so that they take no memory.
struct Made {
    form: Form,
    groups: u64,
    at: u64,
    stream: Stream,
}

impl Rows for Made {
    fn groups(&self) -> u64 {
        self.groups
    }
    fn next(&mut self, most: usize) -> Result<Vec<Group>, Fault> {
        let count = (self.groups - self.at).min(most as u64);
        self.at += count;
        Ok((0..count).map(|_| Group { rows: vec![(0, random(&self.form, &mut self.stream))] }).collect())
    }
}

/// What one side keeps of a preparation, in memory.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<VecDeque<Frame>>>);

impl Shelf {
    fn bytes(&self) -> u64 {
        self.0.lock().unwrap().iter().map(|frame| (Frame::HEADER + frame.body.len()) as u64).sum()
    }
}

impl Keep for Shelf {
    fn keep(&mut self, frame: &Frame) -> Result<(), Fault> {
        self.0.lock().unwrap().push_back(frame.clone());
        Ok(())
    }
}

impl Kept for Shelf {
    fn spend(&mut self) -> Result<(), Fault> {
        Ok(())
    }
    fn next(&mut self) -> Result<Frame, Fault> {
        self.0.lock().unwrap().pop_front().ok_or(Fault::Misuse("no more frames"))
    }
}

/// A preparation's cost, and what each side has of it.
const LARGEST: u64 = 10_000_000;

struct Ahead {
    cost: Cost,
    asker: Preparation,
    holder: Preparation,
    kept: (u64, u64),
}

fn records(form: &Form, groups: u64) -> Box<Made> {
    Box::new(Made { form: *form, groups, at: 0, stream: Seed::new([3; 32]).stream("records") })
}

fn ahead(form: &Form, groups: u64, link: Link) -> Ahead {
    let plan = Plan { id: [8; 32], alternatives: 1, largest_slice: LARGEST, buckets: Buckets::USUAL };
    let (seeds, shelves) = ((Seed::new([9; 32]), Seed::new([10; 32])), (Shelf::default(), Shelf::default()));
    let asking = Interactive.asking(form, &[7; 32]).unwrap();
    let answering = Interactive.answering(form, &[7; 32]).unwrap();
    let mut asker = asking.ahead(&plan, &seeds.0, Box::new(shelves.0.clone())).unwrap();
    let rows = records(form, groups);
    let mut holder = answering.ahead(&plan, rows, &seeds.1, Box::new(shelves.1.clone())).unwrap();
    let cost = run(&mut *asker, &mut *holder, link);
    let kept = (shelves.0.bytes(), shelves.1.bytes());
    let (asker, holder) = (asker.finish().unwrap(), holder.finish().unwrap());
    let half = |seed, note, frames: Shelf| Preparation { plan, seed, note, frames: Box::new(frames) };
    Ahead { cost, asker: half(seeds.0, asker, shelves.0), holder: half(seeds.1, holder, shelves.1), kept }
}

type Machines = (Boxed<Matched>, Boxed<Searched>);
type Halves = (Preparation, Preparation);

/// Both machines of one query, and the seconds that the asker needed for its own.
fn machines(form: &Form, groups: u64, answer: Answer, halves: Option<Halves>) -> (Machines, f64) {
    let mut stream = Seed::new([1; 32]).stream("probe");
    let probe = vec![random(form, &mut stream)];
    let asking = Interactive.asking(form, &[7; 32]).unwrap();
    let answering = Interactive.answering(form, &[7; 32]).unwrap();
    let (prepared, preparing) = on_core(|| asking.prepare(&probe, &Seed::new([2; 32])).unwrap());
    let asked = Asked {
        digest: prepared.digest(),
        alternatives: 1,
        answer,
        largest_slice: LARGEST,
        buckets: Buckets::USUAL,
        places: None,
    };
    let (rows, runs) = (records(form, groups), (Seed::new([4; 32]), Seed::new([6; 32])));
    let (asker, holder) = match halves {
        None => {
            (prepared.exchange(&asked, &runs.0), answering.answer(&asked, rows, &Seed::new([5; 32]), &runs.1))
        }
        Some((ours, theirs)) => (
            prepared.exchange_ahead(&asked, &runs.0, ours),
            answering.answer_ahead(&asked, rows, &runs.1, theirs),
        ),
    };
    ((asker.unwrap(), holder.unwrap()), preparing)
}

fn assert_no_hits(matched: &Matched) {
    assert!(
        matches!(matched, Matched::Any(false))
            || matches!(matched, Matched::Candidates { hits, .. } if hits.is_empty()),
        "{matched:?}"
    );
}

/// Seconds over a real connection, by way of a cable if there is one.
fn over(form: &Form, records: u64, answer: Answer, cable: Option<Cable>) -> f64 {
    let (machines, _) = machines(form, records, answer, None);
    let (matched, _, seconds) = link::over(cable, machines, [Box::new(Allow), Box::new(Allow)]);
    assert_no_hits(&matched);
    seconds
}

fn query(form: &Form, records: u64, answer: Answer, link: Link, halves: Option<Halves>) -> Cost {
    let ((mut asker, mut holder), preparing) = machines(form, records, answer, halves);
    let mut cost = run(&mut *asker, &mut *holder, link);
    *cost.asker.phases.entry("ask").or_default() += preparing;
    assert_no_hits(&asker.finish().unwrap());
    cost
}

fn plain(form: &Form) -> f64 {
    let mut stream = Seed::new([9; 32]).stream("plain");
    let templates: Vec<Template> = (0..20_000).map(|_| random(form, &mut stream)).collect();
    let probe = random(form, &mut stream);
    let [taken] = medians(9, || {
        let (hits, taken) = timed(|| templates.iter().filter(|t| form.rule.hit(&probe, t)).count());
        assert_eq!(hits, 0);
        [taken]
    });
    taken.as_secs_f64() * 1e9 / templates.len() as f64
}

/// The instructions that the ciphers and the planes use here.
fn instructions() -> &'static str {
    #[cfg(all(target_arch = "x86_64", not(aes_backend = "soft")))]
    {
        let aes = (is_x86_feature_detected!("vaes"), is_x86_feature_detected!("aes"));
        let wide = is_x86_feature_detected!("avx2");
        return match (aes, wide) {
            ((true, _), true) => "VAES, AVX2",
            ((_, true), true) => "AES-NI, AVX2",
            ((_, true), false) => "AES-NI",
            _ => "portable",
        };
    }
    #[allow(unreachable_code, reason = "other processors")]
    "portable"
}

fn show(side: &str, phases: &BTreeMap<&'static str, f64>, rows: u64) {
    let each: Vec<String> = phases
        .iter()
        .map(|(phase, s)| format!("{phase} {:.3} s ({:.0} ns a record)", s, s * 1e9 / rows as f64))
        .collect();
    println!("        {side:<7} {}", each.join(", "));
}

/// Records of the comparison with portable code.
const FEW: u64 = 10_000;

/// Seconds on a core of both sides with few records, for each form, a number a line: for [`beside_portable`].
fn print_few() {
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    for form in forms() {
        let cost = one.install(|| query(&form, FEW, Answer::Candidates { cap: 3 }, LOOPBACK, None));
        let side = |side: &Side| {
            let of = |phase: &str| side.phases.get(phase).copied().unwrap_or(0.0);
            format!("{} {} {}", of("score"), of("check"), of("answer"))
        };
        println!("{} {} {}", cost.cpu(), side(&cost.holder), side(&cost.asker));
    }
}

fn forms() -> [Form; 4] {
    [(512, false), (512, true), (2_048, false), (2_048, true)]
        .map(|(length, masked)| rates::form(length, masked, 0.32).unwrap())
}

/// Runs this program and the portable one in turns, and prints by how much the latter is slower.
fn beside_portable(portable: &str) {
    let own = std::env::current_exe().unwrap();
    let run = |program: &std::ffi::OsStr| -> Vec<Vec<f64>> {
        let output = Command::new(program).args(["--bench", "few"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.split(' ').map(|word| word.parse().unwrap()).collect()).collect()
    };
    let rounds: Vec<_> = (0..3).map(|_| [run(own.as_os_str()), run(portable.as_ref())]).collect();
    println!();
    println!(
        "{FEW} records, {} beside portable code, least of three rounds in turn, seconds on a core",
        instructions()
    );
    for (at, form) in forms().iter().enumerate() {
        let least = |which: usize, column: usize| {
            let each = rounds.iter().map(|round| round[which][at][column]);
            each.min_by(f64::total_cmp).unwrap()
        };
        let names = ["both sides", "holder's score", "check", "answer", "asker's score", "check", "answer"];
        let parts = names.iter().enumerate().map(|(column, name)| {
            let (fast, slow) = (least(0, column), least(1, column));
            format!("{name} {fast:.3} and {slow:.3} ({:.1} times)", slow / fast)
        });
        let masks = if form.masked { "masks" } else { "no masks" };
        println!("    {} bits, {masks}: {}", form.length, parts.collect::<Vec<_>>().join(", "));
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "few") {
        return print_few();
    }
    measure::print_machine();
    println!("instructions   {}", instructions());
    let million = std::env::args().any(|argument| argument == "million");
    let sizes: &[u64] = match (full(), million) {
        (false, _) => &[1_000],
        (true, false) => &[10_000, 100_000],
        (true, true) => &[10_000, 100_000, 1_000_000],
    };
    let lengths: &[u32] = if full() { &[512, 2_048] } else { &[512] };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let answer = Answer::Candidates { cap: 3 };
    for length in lengths {
        for masked in [false, true] {
            let form = rates::form(*length, masked, 0.32).unwrap();
            println!();
            println!(
                "{length} bits, {}; plain scan {:.1} ns a record",
                if masked { "masks" } else { "no masks" },
                plain(&form)
            );
            for records in sizes {
                let padded = Buckets::USUAL.places(*records);
                let cost = one.install(|| query(&form, *records, answer, LOOPBACK, None));
                let shaped = one.install(|| query(&form, *records, answer, SHAPED, None));
                let megabytes = |bytes: u64| bytes as f64 / 1e6;
                let line = |what: &str, cost: &Cost, shaped: &Cost| {
                    println!(
                        "{records:>9} records ({padded} padded), {what}   {:.2} s CPU of both   {:.2} s loopback   {:.2} s at 100 Mbit/s and 20 ms   {:.1} MB down, {:.1} MB up   {} turns",
                        cost.cpu(),
                        cost.elapsed(),
                        shaped.elapsed(),
                        megabytes(cost.down),
                        megabytes(cost.up),
                        shaped.turns,
                    );
                };
                line("in full", &cost, &shaped);
                let cable = Cable { bits: SHAPED.bits, delay: Duration::from_secs_f64(SHAPED.delay) };
                println!(
                    "        really run, a thread a side: {:.2} s over loopback TCP, {:.2} s through a proxy of 100 Mbit/s and 20 ms",
                    over(&form, *records, answer, None),
                    over(&form, *records, answer, Some(cable)),
                );
                show("holder", &cost.holder.phases, padded);
                show("asker", &cost.asker.phases, padded);
                let peak = proc("/proc/self/status", "VmHWM").unwrap_or_default();
                println!("        most memory of both sides together so far   {peak}");
                let told = |name: &str, Estimate { seconds, bytes_up, bytes_down, memory }: Estimate| {
                    println!(
                        "        {name}: {seconds:.1} s of the holder on one core, {:.1} MB, {:.0} MB of memory",
                        megabytes(bytes_up + bytes_down),
                        megabytes(memory)
                    );
                };
                told("estimate", Interactive.estimate(&form, padded, 1, answer, 1));
                if let Some(other) = engine("tfhe-one-round/1") {
                    told("one-round estimate", other.estimate(&form, padded, 1, answer, 1));
                }
                let (before, shaped) =
                    one.install(|| (ahead(&form, *records, LOOPBACK), ahead(&form, *records, SHAPED)));
                line("ahead", &before.cost, &shaped.cost);
                println!(
                    "        kept: asker {:.1} MB, holder {:.1} MB",
                    megabytes(before.kept.0),
                    megabytes(before.kept.1)
                );
                let with = |half: Ahead| Some((half.asker, half.holder));
                let online = one.install(|| query(&form, *records, answer, LOOPBACK, with(before)));
                let shaped = one.install(|| query(&form, *records, answer, SHAPED, with(shaped)));
                line("on line", &online, &shaped);
                show("holder", &online.holder.phases, padded);
                show("asker", &online.asker.phases, padded);
                let target = TARGETS.iter().find(|(n, ..)| n == records && *length == 512 && !masked);
                if let Some((records, seconds)) = target {
                    println!("        target: {seconds} s CPU of both; {:.2} s in full", cost.cpu());
                    if *records == 100_000 {
                        println!(
                            "        target: {} MB in all, {:.1} in full; {} MB on line after a preparation, {:.1}",
                            MEGABYTES[0],
                            megabytes(cost.up + cost.down),
                            MEGABYTES[1],
                            megabytes(online.up + online.down)
                        );
                    }
                }
            }
        }
    }
    println!();
    if let Some(portable) = std::env::args().find_map(|a| a.strip_prefix("portable=").map(str::to_owned)) {
        beside_portable(&portable);
    }
}
