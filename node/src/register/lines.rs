//! Lines of an import, read in bounded memory and hashed as they pass.

#![deny(clippy::arithmetic_side_effects)]

use std::io::{self, BufRead, BufReader, Read};

use sha2::{Digest as _, Sha256};
use symbolon_policy::words::Digest;

/// Most bytes in a line, its end not counted.
pub const MAX_LINE: usize = 262_144;

/// Enough for a full line with a byte order mark and CRLF, and one byte that tells it from a longer one.
const MAX_READ: u64 = MAX_LINE as u64 + 6;

/// What a block of lines may hold at most, so that long lines do not fill the memory.
const BLOCK_BYTES: usize = 2 << 20;
const BLOCK_LINES: usize = 4_096;

/// One line that is not blank. `text` is `None` if it was longer than [`MAX_LINE`] and was passed over.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) text: Option<Vec<u8>>,
}

/// Reads lines that end in LF or CRLF; a byte order mark at the start is passed over.
pub(super) struct Lines<R> {
    reader: BufReader<Hashing<R>>,
    number: u64,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        let hashing = Hashing { reader, hash: Sha256::new(), bytes: 0 };
        Self { reader: BufReader::with_capacity(1 << 18, hashing), number: 0 }
    }

    /// The next line that is not blank.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let mut text = Vec::with_capacity(512);
            if (&mut self.reader).take(MAX_READ).read_until(b'\n', &mut text)? == 0 {
                return Ok(None);
            }
            self.number = self.number.saturating_add(1);
            let ended = text.pop_if(|last| *last == b'\n').is_some();
            let cut = !ended && text.len() as u64 == MAX_READ;
            if cut {
                self.reader.skip_until(b'\n')?;
            }
            text.pop_if(|last| *last == b'\r');
            if self.number == 1 && text.starts_with(b"\xEF\xBB\xBF") {
                text.drain(..3);
            }
            if cut || text.len() > MAX_LINE {
                return Ok(Some(Line { number: self.number, text: None }));
            }
            if !text.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
                return Ok(Some(Line { number: self.number, text: Some(text) }));
            }
        }
    }

    /// The next lines, as many as one block may hold; none at the end.
    pub(super) fn block(&mut self) -> io::Result<Vec<Line>> {
        let (mut block, mut bytes) = (Vec::new(), 0_usize);
        while block.len() < BLOCK_LINES && bytes < BLOCK_BYTES {
            let Some(line) = self.next()? else { break };
            bytes = bytes.saturating_add(line.text.as_ref().map_or(0, Vec::len));
            block.push(line);
        }
        Ok(block)
    }

    /// Bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.reader.get_ref().bytes
    }

    /// The number of the line read last.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// SHA-256 of all bytes read, as `sha256sum` gives it.
    pub(super) fn digest(self) -> Digest {
        Digest(self.reader.into_inner().hash.finalize().into())
    }
}

/// Hashes what is read through it.
struct Hashing<R> {
    reader: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(count as u64);
        Ok(count)
    }
}
