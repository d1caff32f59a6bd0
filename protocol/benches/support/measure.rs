//! What both benchmarks share: timing and the machine.

use std::time::{Duration, Instant};

/// Whether the full benchmark was asked for (`cargo bench`); otherwise it only proves that it runs.
pub(crate) fn full() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// What `work` gives, and how long it took.
pub(crate) fn timed<O>(work: impl FnOnce() -> O) -> (O, Duration) {
    let start = Instant::now();
    let output = std::hint::black_box(work());
    (output, start.elapsed())
}

/// Processor time of this process so far, in steps of 10 ms: what other work on the machine hardly touches.
#[allow(dead_code, reason = "not every benchmark uses it")]
pub(crate) fn processor() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in brackets: the twelfth and thirteenth are ticks in user and kernel mode.
    let (_, rest) = text.rsplit_once(')')?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(|word| word.parse::<u64>().ok());
    Some(Duration::from_millis(10 * ticks.sum::<Option<u64>>()?))
}

/// The median of each time that `run` gives, over `runs` runs after one to warm up.
pub(crate) fn medians<const N: usize>(runs: usize, mut run: impl FnMut() -> [Duration; N]) -> [Duration; N] {
    run();
    let taken: Vec<[Duration; N]> = (0..runs.max(1)).map(|_| run()).collect();
    std::array::from_fn(|i| {
        let mut column: Vec<Duration> = taken.iter().map(|times| times[i]).collect();
        column.sort_unstable();
        column[column.len() / 2]
    })
}

/// A line of `/proc` after a key and a colon, where there is one.
pub(crate) fn proc(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let (_, value) = text.lines().filter_map(|line| line.split_once(':')).find(|(k, _)| k.trim() == key)?;
    Some(value.trim().to_owned())
}

/// Which arithmetic `curve25519-dalek` picks here: what was compiled in and what the processor has,
/// by the same rule as the crate's own.
fn backend() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if cfg!(curve25519_dalek_backend = "avx512")
        && is_x86_feature_detected!("avx512ifma")
        && is_x86_feature_detected!("avx512vl")
    {
        return "AVX-512 IFMA";
    } else if !cfg!(any(curve25519_dalek_backend = "serial", curve25519_dalek_backend = "fiat"))
        && is_x86_feature_detected!("avx2")
    {
        return "AVX2";
    }
    "portable"
}

/// Prints what the figures depend on.
pub(crate) fn print_machine() {
    let unknown = || "unknown".to_owned();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| unknown());
    println!("processor   {}", proc("/proc/cpuinfo", "model name").unwrap_or_else(unknown));
    println!("family, model, stepping   {}", {
        let part = |key| proc("/proc/cpuinfo", key).unwrap_or_else(unknown);
        [part("cpu family"), part("model"), part("stepping")].join(", ")
    });
    println!("cores       {}", std::thread::available_parallelism().map_or(1, usize::from));
    println!("curve25519  {}", backend());
    println!("load        {}", load.split_whitespace().next().unwrap_or_default());
    if !full() {
        println!("a trial run with tiny sizes; `cargo bench` measures");
    }
    println!();
}
