//! What a match is expected to cost, in words.

use std::fmt;

use super::api::Expected;

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, bytes_up, bytes_down, entries, known } = self;
        let most = if *known { "about" } else { "at most about" };
        let whence = if *known { "as in the last match" } else { "the most that the agreement allows" };
        write!(
            f,
            "expected: {most} {}, {} up, {} down, for {entries} records ({whence}) and as many cores as here",
            duration(*seconds),
            bytes(*bytes_up),
            bytes(*bytes_down)
        )
    }
}

/// Seconds as people say them.
pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        0.0..90.0 => format!("{seconds:.1} s"),
        90.0..5_400.0 => format!("{:.0} min", seconds / 60.0),
        5_400.0..172_800.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} days", seconds / 86_400.0),
    }
}

/// Bytes as people say them.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..1_000_000 => format!("{:.0} KB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}
