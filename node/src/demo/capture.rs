//! What went over the wire, and the search for people in it.
//!
//! Each node writes every frame it sends or receives in clear, before Noise encrypts it. The two parts become one
//! file. The search looks for everything that is known of every planted person, by either agency's spelling, in
//! clear and hashed. Patterns that must be found show that the search sees what is there.

mod patterns;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Deserialize, Serialize};
use symbolon_policy::words::Timestamp;
use symbolon_protocol::exchange::Frame;

use crate::control::api::Failure;

pub(super) use patterns::Patterns;

/// A line of a capture.
#[derive(Deserialize)]
struct Line {
    time: Timestamp,
    from: String,
    to: String,
    protocol: String,
    direction: String,
    /// A frame, header and body, in hexadecimal.
    bytes: String,
}

/// What a search of a capture found.
#[derive(Clone, Debug, Serialize)]
pub struct Searched {
    /// The capture.
    pub file: PathBuf,
    /// Frames in it; each is there twice, as sent and as received.
    pub frames: u64,
    /// Bytes of the frames.
    pub bytes: u64,
    /// Patterns searched for, by their form.
    pub patterns: BTreeMap<&'static str, u64>,
    /// Patterns found, by their form. None may be.
    pub found: BTreeMap<&'static str, u64>,
    /// Patterns that must be found, and how often each was.
    pub controls: BTreeMap<String, u64>,
}

impl Searched {
    /// Whether nothing was found but every control.
    pub fn clean(&self) -> bool {
        self.found.is_empty() && !self.controls.is_empty() && self.controls.values().all(|found| *found > 0)
    }
}

/// Joins the captures of the nodes in the order of time. It holds one line of each.
///
/// # Errors
/// A local [`Failure`] if a file cannot be read or written.
pub(super) fn join(parts: &[PathBuf], file: &Path) -> Result<(), Failure> {
    let fault = |e: io::Error| Failure::local(format!("cannot write {}: {e}", file.display()));
    let mut rest = Vec::with_capacity(parts.len());
    for part in parts {
        rest.push(lines(part)?.map(|line| line.and_then(|line| Ok((parse(part, &line)?.time, line)))));
    }
    let mut heads = Vec::with_capacity(parts.len());
    for part in &mut rest {
        heads.push(part.next().transpose()?);
    }
    let mut out = BufWriter::new(File::create(file).map_err(fault)?);
    // Frames of one second keep the order of their part.
    let earliest = |heads: &[Option<(Timestamp, String)>]| {
        let times = heads.iter().enumerate().filter_map(|(at, head)| Some((head.as_ref()?.0, at)));
        times.min().map(|(_, at)| at)
    };
    while let Some(at) = earliest(&heads) {
        let (Some(head), Some(part)) = (heads.get_mut(at), rest.get_mut(at)) else { break };
        if let Some((_, line)) = std::mem::replace(head, part.next().transpose()?) {
            writeln!(out, "{line}").map_err(fault)?;
        }
    }
    out.flush().map_err(fault)
}

/// Searches a capture. Frames of one direction of one protocol are read as one run of bytes, so that nothing hides
/// on a border between two frames.
///
/// # Errors
/// A local [`Failure`] if it cannot be read.
pub(super) fn search(file: &Path, patterns: &Patterns) -> Result<Searched, Failure> {
    let mut streams: BTreeMap<[String; 4], Vec<u8>> = BTreeMap::new();
    let (mut frames, mut bytes) = (0_u64, 0_u64);
    for line in lines(file)? {
        let line = parse(file, &line?)?;
        let frame = HEXLOWER_PERMISSIVE.decode(line.bytes.as_bytes());
        let frame = frame.map_err(|e| Failure::local(format!("{} is no capture: {e}", file.display())))?;
        frames = frames.saturating_add(1);
        bytes = bytes.saturating_add(frame.len() as u64);
        let stream = streams.entry([line.direction, line.from, line.to, line.protocol]).or_default();
        stream.extend_from_slice(frame.get(Frame::HEADER..).unwrap_or_default());
    }
    let tally = patterns.tally(streams.values().map(Vec::as_slice));
    Ok(Searched {
        file: file.to_owned(),
        frames,
        bytes,
        patterns: patterns.forms(),
        found: tally.found,
        controls: tally.controls,
    })
}

fn lines(file: &Path) -> Result<impl Iterator<Item = Result<String, Failure>>, Failure> {
    let fault = |e: io::Error| Failure::local(format!("cannot read {}: {e}", file.display()));
    let open = File::open(file).map_err(fault)?;
    Ok(BufReader::new(open).lines().map(move |line| line.map_err(fault)))
}

fn parse(file: &Path, line: &str) -> Result<Line, Failure> {
    serde_json::from_str(line).map_err(|e| Failure::local(format!("{} is no capture: {e}", file.display())))
}

#[cfg(test)]
mod tests;
